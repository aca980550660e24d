//! The report in Markdown.

use std::fmt::Write;

use crate::frames::{self, Verdicts};
use crate::measure::{Direction, Entry, Figures, Group};
use crate::peers::{self, ABOUT};
use crate::workload::{self, Version};

const MIXED: &str = "mixed";

/// The whole of it.
pub fn markdown(groups: &[Group]) -> String {
    let mut out = String::new();
    out.push_str(HEAD);
    machine(&mut out);
    codecs(&mut out);
    workloads(&mut out);
    summary(&mut out, groups);
    for version in Version::ALL {
        for direction in Direction::ALL {
            let chosen: Vec<&Group> = groups
                .iter()
                .filter(|group| group.version == version && group.direction == direction)
                .collect();
            figures(&mut out, version, direction, &chosen);
        }
    }
    not_checked(&mut out);
    out
}

const HEAD: &str = "\
# Benchmarks beside the other codecs

This file is generated: `benches/peers/run docs/benchmarks.md` builds the package in `benches/peers`, runs it and
writes it anew. Every codec reads and writes the same bytes, all in one process and in turn: one turn of each codec,
round after round, so that what disturbs the machine disturbs them all.

- **ns**: nanoseconds a packet, median of the rounds. **Ratio**: against the first column, the median over the rounds
  of one codec's time divided by the first one's in the same round; above 1 is slower than the first.
- **instructions**: a packet, counted by callgrind over N and over 2 N passes; the difference is taken, so that what
  happens once does not count. A long copy (`rep movsb`) counts one for each byte.
- **allocations**: calls of the allocator a packet (new or grown), and the bytes asked for.
- Outside of what is measured: laying out the input buffers, building the values to encode (and copies of them for
  the codecs that take them by value). Inside: dropping the decoded packet, emptying the output buffer.
- Every pass reads a copy of the stream of its own, as bytes from the network are new to a codec.
- Codecs over `BytesMut` get a buffer as a long-lived reader has it: frames were split off before, and there is room
  behind the data. Codecs over a slice get the slice.
";

fn machine(out: &mut String) {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let values = cpu.lines().filter_map(|line| line.split_once(':'));
        values.into_iter().find(|(key, _)| key.trim() == name).map_or("unknown", |(_, value)| value.trim())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let _ = writeln!(
        out,
        "\nMachine: {} (family {}, model {}, {} MHz), {cores} cores, {}. Compiler: {}, release, fat LTO, one codegen unit.\n",
        field("model name"),
        field("cpu family"),
        field("model"),
        field("cpu MHz"),
        std::env::consts::OS,
        env!("RUSTC_VERSION"),
    );
}

fn codecs(out: &mut String) {
    out.push_str(
        "## The codecs\n\n| codec | release | MQTT | takes | gives | writes |\n|---|---|---|---|---|---|\n",
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
}

/// The version of a package by the lock file that the build used.
fn release(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\""));
    lines.nth(1).and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"')).unwrap_or("unknown")
}

fn workloads(out: &mut String) {
    out.push_str("\n## The workloads\n\n");
    out.push_str("A workload is one buffer with 100 packets, except for the last.\n\n| workload | content | bytes in 5.0 | in 3.1.1 |\n|---|---|---:|---:|\n");
    let old = workload::all(Version::V311);
    for new in workload::all(Version::V5) {
        let old = old.iter().find(|old| old.name == new.name);
        let bytes = old.map_or("-".to_owned(), |old| old.bytes.len().to_string());
        let _ = writeln!(out, "| {} | {} | {} | {bytes} |", new.name, new.content, new.bytes.len());
    }
}

fn summary(out: &mut String, groups: &[Group]) {
    for version in Version::ALL {
        let find = |direction| {
            groups.iter().find(|g| g.version == version && g.direction == direction && g.workload == MIXED)
        };
        let (Some(decode), Some(encode)) = (find(Direction::Decode), find(Direction::Encode)) else {
            continue;
        };
        let _ = writeln!(
            out,
            "\n## The mixed stream, MQTT {}\n\n| codec | decode ns | ratio | instructions | allocations | encode ns | \
             ratio | instructions | allocations |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|",
            version.name()
        );
        for (d, e) in decode.entries.iter().zip(&encode.entries) {
            let _ = writeln!(out, "| {} | {} | {} |", d.peer, four(d), four(e));
        }
    }
}

fn four(entry: &Entry) -> String {
    entry.figures.map_or("- | - | - | -".to_owned(), |f| {
        format!("{:.1} | {:.2} | {:.0} | {:.2}", f.nanoseconds, f.ratio, f.instructions, f.allocations)
    })
}

fn figures(out: &mut String, version: Version, direction: Direction, groups: &[&Group]) {
    let _ = writeln!(out, "\n## {} of MQTT {}", capital(direction.name()), version.name());
    table(out, "Nanoseconds a packet (ratio)", groups, |f| {
        format!("{} ({:.2})", short(f.nanoseconds), f.ratio)
    });
    table(out, "Instructions a packet", groups, |f| format!("{:.0}", f.instructions));
    table(out, "Allocations a packet (bytes)", groups, |f| {
        format!("{} ({})", short(f.allocations), short(f.allocated_bytes))
    });
    remarks(out, groups);
}

fn table(out: &mut String, title: &str, groups: &[&Group], cell: impl Fn(&Figures) -> String) {
    let Some(first) = groups.first() else { return };
    let names: Vec<&str> = first.entries.iter().map(|entry| entry.peer).collect();
    let _ = writeln!(
        out,
        "\n{title}:\n\n| workload | {} |\n|---|{}",
        names.join(" | "),
        "---:|".repeat(names.len())
    );
    for group in groups {
        let cells: Vec<String> = group
            .entries
            .iter()
            .map(|entry| entry.figures.as_ref().map_or("cannot".to_owned(), &cell))
            .collect();
        let _ = writeln!(out, "| {} | {} |", group.workload, cells.join(" | "));
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
        Direction::Answer => true,
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
