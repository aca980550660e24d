//! The report in Markdown.

use std::fmt::Write;

use crate::checks::{self, Checks};
use crate::frames::{self, Verdicts};
use crate::goals;
use crate::measure::{Direction, Figures, Group};
use crate::peers::{self, ABOUT, OURS};
use crate::workload::{self, Version};

const MIXED: &str = "mixed";

/// The whole of it.
pub fn markdown(groups: &[Group]) -> String {
    let mut out = String::new();
    out.push_str(HEAD);
    machine(&mut out);
    throughput(&mut out, groups);
    codecs(&mut out);
    workloads(&mut out);
    for version in Version::ALL {
        mixed(&mut out, groups, version);
    }
    for version in Version::ALL {
        for direction in Direction::ALL {
            let chosen: Vec<&Group> = groups
                .iter()
                .filter(|group| group.version == version && group.direction == direction)
                .collect();
            figures(&mut out, version, direction, &chosen);
        }
    }
    out.push_str("\n## Goals\n\n");
    out.push_str(&goals::markdown(&goals::all(groups)));
    not_checked(&mut out);
    out
}

const HEAD: &str = "\
# Benchmarks beside the other codecs

This file is generated: `benches/peers/run docs/benchmarks.md` builds the package in `benches/peers`, runs it and
writes it anew. Every codec reads and writes the same bytes, all in one process and in turn: one turn of each codec,
round after round, so that what disturbs the machine disturbs them all.

- **Decode** goes the way of the README, for every codec: `?` on the result, then the packet by value to a function
  that is not inlined and reads its type and its topic; options are not constants; dropping the packet counts. **Read**
  hands it to a function that reads every field, property and item, texts as `&str`; codecs for which that is not
  written down here give everything decoded and are only looked at, as in decode. **Encode** writes packets that
  are there, to the end of an output that is emptied before, in the codec's own type of output. **Answer** builds the
  six answers of a server (CONNACK, SUBACK, UNSUBACK, two PUBACK, PINGRESP) from values and writes them. **Deliver** writes
  one received PUBLISH for each subscriber.
- Rows below `mqtt-wire` are other ways to use it: through a function of the program's own that returns
  `Result<Option<Packet>>`; as `Frame`, its packet handed on; by reference with constant options; packets built from
  values, their properties a list; other outputs.
- **ns**: nanoseconds a packet, tenth percentile of the rounds. **Ratio**: against mqtt-wire; above 1 is slower.
- **instructions**: a packet, counted by callgrind over N and over 2 N passes; the difference is taken, so that what
  happens once does not count. A long copy (`rep movsb`) counts one for each byte.
- **allocations**: calls of the allocator a packet (new or grown), and the bytes asked for.
- Every pass reads a copy of the stream of its own, as bytes from the network are new to a codec. Laying them out is not
  measured.
- Codecs over `BytesMut` get a buffer as a long-lived reader has it: frames were split off before, and there is room
  behind the data. Codecs over a slice get the slice.
- `memcpy` is no codec: it copies the bytes of each packet to the end of a `Vec`.
";

fn machine(out: &mut String) {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let values = cpu.lines().filter_map(|line| line.split_once(':'));
        values.into_iter().find(|(key, _)| key.trim() == name).map_or("unknown", |(_, value)| value.trim())
    };
    let _ = writeln!(
        out,
        "\nMachine: {} (family {}, model {}). Compiler: {}, release, fat LTO, one codegen unit.",
        field("model name"),
        field("cpu family"),
        field("model"),
        env!("RUSTC_VERSION"),
    );
}

/// The rows that the README states, between the marks by which they are found.
const THROUGHPUT: &[(&str, Direction, Version, &str, &str)] = &[
    ("decode, 5.0", Direction::Decode, Version::V5, MIXED, OURS),
    ("decode, 3.1.1", Direction::Decode, Version::V311, MIXED, OURS),
    ("decode and read everything, 5.0", Direction::ReadAll, Version::V5, MIXED, OURS),
    ("encode as received, 5.0", Direction::Encode, Version::V5, MIXED, OURS),
    ("encode as received, 3.1.1", Direction::Encode, Version::V311, MIXED, OURS),
    ("encode built from values, 5.0", Direction::Encode, Version::V5, MIXED, peers::BUILT),
    ("build and encode a server's answers, 5.0", Direction::Answer, Version::V5, "six answers", OURS),
];

pub const MARK: &str = "<!-- throughput, written by benches/peers/run -->";
pub const END: &str = "<!-- end of throughput -->";

fn throughput(out: &mut String, groups: &[Group]) {
    let _ = writeln!(
        out,
        "\n## Throughput\n\n{MARK}\n| one thread, the mixed stream | million packets a second | MB a second | times \
         rumqttc | fastest other codec |\n|---|---:|---:|---:|---|"
    );
    for &(title, direction, version, workload, peer) in THROUGHPUT {
        let found = |g: &&Group| (g.direction, g.version, g.workload) == (direction, version, workload);
        let Some(group) = groups.iter().find(found) else { continue };
        let Some(ours) = group.nanoseconds(peer) else { continue };
        let times = group.nanoseconds("rumqttc").map_or("-".to_owned(), |ns| format!("{:.1}", ns / ours));
        let fastest = group.others().min_by(|(_, a), (_, b)| a.nanoseconds.total_cmp(&b.nanoseconds));
        let fastest =
            fastest.map_or("-".to_owned(), |(name, f)| format!("{name}, {:.1}", 1e3 / f.nanoseconds));
        let _ = writeln!(
            out,
            "| {title} | {:.1} | {:.0} | {times} | {fastest} |",
            1e3 / ours,
            group.megabytes(ours)
        );
    }
    let _ = writeln!(out, "{END}");
}

fn codecs(out: &mut String) {
    out.push_str(
        "\n## The codecs\n\n| codec | release | MQTT | takes | gives | writes |\n|---|---|---|---|---|---|\n",
    );
    for about in ABOUT {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            about.name,
            release(about.package),
            about.versions,
            about.takes,
            about.gives,
            about.writes,
        );
    }
    out.push_str(
        "\nWhat they check, by [the frames below](#what-is-not-checked): which faults in a Topic Name are refused, how many \
         of the frames that break a rule are accepted, and how many of these the encoder writes again.\n",
    );
    for version in Version::ALL {
        let _ = writeln!(
            out,
            "\n| codec, MQTT {} | ill-formed UTF-8 | U+0000 | wildcard | accepted of the bad frames | written again \
             |\n|---|---|---|---|---:|---:|",
            version.name()
        );
        for Checks { name, utf8, null, wildcard, accepted, written, bad } in checks::all(version) {
            let word = |refused| if refused { "refused" } else { "accepted" };
            let (utf8, null, wildcard) = (word(utf8), word(null), word(wildcard));
            let _ =
                writeln!(out, "| {name} | {utf8} | {null} | {wildcard} | {accepted} of {bad} | {written} |");
        }
    }
}

/// The version of a package by the lock file that the build used.
fn release(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\""));
    lines.nth(1).and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"')).unwrap_or("unknown")
}

fn workloads(out: &mut String) {
    out.push_str("\n## The workloads\n\n");
    out.push_str("A workload is one buffer with 100 packets, except for that of 1 MiB.\n\n| workload | content | bytes in 5.0 | in 3.1.1 |\n|---|---|---:|---:|\n");
    let old = workload::all(Version::V311);
    for new in workload::all(Version::V5) {
        let old = old.iter().find(|old| old.name == new.name);
        let bytes = old.map_or("-".to_owned(), |old| old.bytes.len().to_string());
        let _ = writeln!(out, "| {} | {} | {} | {bytes} |", new.name, new.content, new.bytes.len());
    }
    for delivery in workload::deliveries() {
        let bytes: usize = delivery.expected.iter().map(Vec::len).sum();
        let _ = writeln!(out, "| {} | {} | {bytes} | - |", delivery.name, delivery.content);
    }
}

/// Every figure of the mixed stream.
fn mixed(out: &mut String, groups: &[Group], version: Version) {
    for direction in [Direction::Decode, Direction::Encode] {
        let found = |g: &&Group| g.version == version && g.direction == direction && g.workload == MIXED;
        let Some(group) = groups.iter().find(found) else { continue };
        let _ = writeln!(
            out,
            "\n## The mixed stream, {} of MQTT {}\n\n| codec | ns | ratio | million packets a second | MB a second | \
             instructions | allocations |\n|---|---:|---:|---:|---:|---:|---:|",
            direction.name(),
            version.name()
        );
        for entry in &group.entries {
            let Some(f) = entry.figures else { continue };
            let _ = writeln!(
                out,
                "| {} | {:.1} | {:.2} | {:.1} | {:.0} | {:.0} | {:.2} |",
                entry.peer,
                f.nanoseconds,
                f.ratio,
                1e3 / f.nanoseconds,
                group.megabytes(f.nanoseconds),
                f.instructions,
                f.allocations,
            );
        }
    }
}

fn figures(out: &mut String, version: Version, direction: Direction, groups: &[&Group]) {
    if groups.is_empty() {
        return;
    }
    let version = if direction == Direction::Deliver { "" } else { version.name() };
    let title = format!("{} {version}", capital(direction.name()));
    let _ = writeln!(out, "\n## {}", title.trim_end());
    table(out, "Nanoseconds a packet (ratio)", groups, |f| {
        format!("{} ({:.2})", short(f.nanoseconds), f.ratio)
    });
    table(out, "Instructions a packet", groups, |f| format!("{:.0}", f.instructions));
    if direction != Direction::ReadAll {
        table(out, "Allocations a packet (bytes)", groups, |f| match f.allocations {
            0.0 => "0".to_owned(),
            calls => format!("{} ({})", short(calls), short(f.allocated_bytes)),
        });
    }
    remarks(out, groups);
}

/// A row for each codec, a column for each workload.
fn table(out: &mut String, title: &str, groups: &[&Group], cell: impl Fn(&Figures) -> String) {
    let titles: Vec<&str> = groups.iter().map(|group| group.workload).collect();
    let _ = writeln!(
        out,
        "\n{title}:\n\n| codec | {} |\n|---|{}",
        titles.join(" | "),
        "---:|".repeat(titles.len())
    );
    for name in groups[0].entries.iter().map(|entry| entry.peer) {
        let cells: Vec<String> = groups
            .iter()
            .map(|group| group.figures(name).as_ref().map_or("cannot".to_owned(), &cell))
            .collect();
        let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
    }
}

/// Two decimals where there is little, none where there is much.
fn short(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

fn remarks(out: &mut String, groups: &[&Group]) {
    // Codec and remark, and the workloads that it holds for.
    let mut rows: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for group in groups {
        for entry in &group.entries {
            let Some(remark) = entry.remark.as_deref() else { continue };
            match rows.iter_mut().find(|(peer, said, _)| (*peer, *said) == (entry.peer, remark)) {
                Some((_, _, workloads)) => workloads.push(group.workload),
                None => rows.push((entry.peer, remark, vec![group.workload])),
            }
        }
    }
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|(peer, _, _)| *peer);
    out.push_str("\nRemarks:\n\n");
    for (peer, remark, workloads) in rows {
        let _ = writeln!(out, "- {peer} {remark} ({})", workloads.join("; "));
    }
}

fn not_checked(out: &mut String) {
    out.push_str("\n## What is not checked\n\n");
    out.push_str(FRAMES);
    for version in Version::ALL {
        let peers = peers::all(version);
        let verdicts: Vec<(&str, Verdicts)> = peers
            .iter()
            .filter_map(|peer| Some((peer.name, frames::judge(version, peer.verdict?))))
            .collect();
        let total = verdicts.first().map_or(0, |(_, v)| v.total);
        let _ =
            writeln!(out, "\n### MQTT {}, {total} frames\n\n| codec | right |\n|---|---:|", version.name());
        for (name, v) in &verdicts {
            let _ = writeln!(out, "| {name} | {} |", v.right);
        }
        for (name, v) in &verdicts {
            faults(out, name, v);
        }
    }
}

const FRAMES: &str = "\
A codec that checks less has less to do. These frames show what each one checks: most of them break one rule of the
standard that the bytes of the frame alone decide, a few look odd and are sound, a few are not complete. Right is to
refuse the first, to accept the second, and to ask for more with the third and with no other.
";

fn faults(out: &mut String, name: &str, v: &Verdicts) {
    let kinds = [
        ("accepts", &v.accepted),
        ("asks for more, although the frame is whole, with", &v.waited),
        ("refuses", &v.refused),
        ("panics at", &v.panicked),
    ];
    if kinds.iter().all(|(_, list)| list.is_empty()) {
        return;
    }
    let said: Vec<String> = kinds
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(verb, list)| format!("{verb}: {}", list.join(", ")))
        .collect();
    let _ = write!(out, "\n**{name}** {}.\n", said.join(". It "));
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// Whether the group is one to look at first.
pub fn is_main(group: &Group) -> bool {
    match group.direction {
        Direction::Decode => [MIXED, "PUBACK", "CONNECT, full"].contains(&group.workload),
        Direction::Encode => [MIXED, "CONNACK, 10 properties"].contains(&group.workload),
        Direction::ReadAll => group.workload == MIXED,
        Direction::Answer | Direction::Deliver => true,
    }
}

pub fn title(group: &Group) -> String {
    format!("{} {}, {}", group.direction.name(), group.workload, group.version.name())
}

/// Nanoseconds a packet, and how that compares with the first row.
pub fn times(group: &Group) -> String {
    let mut out = format!("{}\n", title(group));
    for entry in &group.entries {
        let _ = match entry.figures {
            Some(f) => writeln!(out, "{:9.1} ns {:6.2}  {}", f.nanoseconds, f.ratio, entry.peer),
            None => writeln!(out, "{:>19}  {}", "-", entry.peer),
        };
    }
    out
}

/// The verdicts alone, for a look without measuring.
pub fn verdicts() -> String {
    let mut out = String::new();
    not_checked(&mut out);
    out
}
