//! Every conformance case cut at every byte, and with every byte at every place changed, put in or taken out: what
//! is accepted is written again, as the same bytes if those were the shortest form.

use std::fs;
use std::path::Path;

use mqtt_wire::{DecodeError, DecodeOptions, Decoded, EncodeOptions, Sender, Version, decode, frame_len};

use crate::canonical::{canonical, lengths};
use crate::count::{counted, spread};
use crate::{all_bytes, hex, options};

/// Longer cases have runs and lists of equal items in the middle.
const LONG: usize = 256;

/// The bytes of a case, and how they are to be read.
struct Case {
    bytes: Vec<u8>,
    version: Version,
    sender: Option<Sender>,
}

impl Case {
    fn options(&self) -> DecodeOptions {
        options(self.version, self.sender)
    }

    /// Whatever these bytes are, they are no panic, and a packet goes back.
    fn check(&self, bytes: &[u8]) -> u64 {
        if let Ok(Decoded::Packet { packet, len }) = decode(bytes, self.options()) {
            let (header_len, frame_len) = lengths(bytes).expect("a whole frame");
            assert_eq!(len, frame_len, "{bytes:02X?}");
            let encode = EncodeOptions::new(self.version);
            let encode = self.sender.map_or(encode, |sender| encode.with_sender(sender));
            let mut out = Vec::with_capacity(len);
            let written = packet.encode(encode, &mut out);
            assert_eq!(written, Ok(out.len()), "{bytes:02X?}");
            assert!(
                out == canonical(&bytes[..len], header_len, self.version, &packet),
                "{bytes:02X?}: {out:02X?}"
            );
            let again = decode(&out, self.options());
            assert_eq!(again, Ok(Decoded::Packet { packet, len: out.len() }), "{bytes:02X?}");
        }
        1
    }

    /// The start of a whole frame is incomplete, by what is cut off at most, unless it is refused already.
    fn truncated(&self) -> u64 {
        let whole = decode(&self.bytes, self.options());
        for cut in 0..self.bytes.len() {
            let found = decode(&self.bytes[..cut], self.options());
            match (whole, found) {
                (Ok(Decoded::Packet { len, .. }), Ok(Decoded::Incomplete { missing })) if cut < len => {
                    let header_is_there = lengths(&self.bytes[..cut]).is_some();
                    let truthful = if header_is_there { missing == len - cut } else { missing <= len - cut };
                    assert!(truthful, "{cut}: {missing}");
                }
                (Ok(Decoded::Packet { len, .. }), found) => assert!(cut >= len && found == whole, "{cut}"),
                (Ok(Decoded::Incomplete { .. }), found) => {
                    assert!(matches!(found, Ok(Decoded::Incomplete { .. })), "{cut}");
                }
                (Err(error), Ok(Decoded::Incomplete { .. })) => {
                    assert!(frame_len(&self.bytes).is_none_or(|len| cut < len), "{cut}: {error}");
                }
                (Err(error), found) => {
                    let place = |error: DecodeError| (error.rule(), error.offset());
                    assert_eq!(found.err().map(place), Some(place(error)), "{cut}");
                }
            }
        }
        self.bytes.len() as u64
    }

    /// Those bytes there instead of that one.
    fn changed(&self, at: usize, with: &[u8]) -> u64 {
        let mut bytes = self.bytes.clone();
        let others = with.iter().filter(|byte| **byte != self.bytes[at]);
        let mut check = |byte: &u8| {
            bytes[at] = *byte;
            self.check(&bytes)
        };
        others.map(&mut check).sum()
    }

    /// Those bytes before that one, or at the end.
    fn put_in(&self, at: usize, with: &[u8]) -> u64 {
        let mut bytes = self.bytes.clone();
        bytes.insert(at, 0);
        let mut check = |byte: &u8| {
            bytes[at] = *byte;
            self.check(&bytes)
        };
        with.iter().map(&mut check).sum()
    }

    fn taken_out(&self, at: usize) -> u64 {
        let mut bytes = self.bytes.clone();
        bytes.remove(at);
        self.check(&bytes)
    }

    fn mutated(&self, places: &[usize], with: &[u8]) -> u64 {
        let at = |at: &usize| self.changed(*at, with) + self.put_in(*at, with) + self.taken_out(*at);
        places.iter().map(at).sum::<u64>() + self.put_in(self.bytes.len(), with)
    }

    /// How many mutations that are.
    fn mutations(&self, places: &[usize], with: &[u8]) -> usize {
        let same = places.iter().filter(|at| with.contains(&self.bytes[**at])).count();
        places.len() * (2 * with.len() + 1) - same + with.len()
    }

    /// All places, or those at the ends of a long case.
    fn places(&self) -> Vec<usize> {
        const END: usize = 64;
        let all = 0..self.bytes.len();
        if all.len() <= LONG { all.collect() } else { (0..END).chain(all.end - END..all.end).collect() }
    }
}

/// The cases about bytes, each once a version.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/conformance");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the cases").map(|file| file.expect("a file").path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "toml")) {
        let text = fs::read_to_string(file).expect("a file of cases");
        let family: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for case in family["case"].as_array().expect("cases") {
            let Some(bytes) = case.get("bytes") else { continue };
            let bytes = hex::parse(bytes.as_str().expect("a text")).expect("bytes");
            let sender =
                case.get("sender").map(|name| name.as_str().expect("a text").parse().expect("a sender"));
            for version in case["versions"].as_array().expect("versions") {
                let version = version.as_str().expect("a text").parse().expect("a version");
                cases.push(Case { bytes: bytes.clone(), version, sender });
            }
        }
    }
    cases
}

/// How many cases there were when this was written: they do not become fewer.
const CASES: usize = 5_114;

/// Those of up to [`LONG`] bytes, and the longer ones. In a debug build, every hundredth.
fn short_and_long() -> (Vec<Case>, Vec<Case>) {
    let all = cases();
    assert!(all.len() >= CASES, "{} conformance cases", all.len());
    let step = if cfg!(debug_assertions) { 100 } else { 1 };
    all.into_iter().step_by(step).partition(|case| case.bytes.len() <= LONG)
}

#[test]
fn conformance_cases_cut() {
    let (short, long) = short_and_long();
    let cases = if cfg!(debug_assertions) { short } else { short.into_iter().chain(long).collect() };
    let expected = cases.iter().map(|case| case.bytes.len() as u64).sum();
    counted("conformance cases cut", spread(&cases, Case::truncated), expected);
}

fn changed(subject: &str, cases: &[Case], with: &[u8]) {
    let expected = cases.iter().map(|case| case.mutations(&case.places(), with) as u64).sum();
    counted(subject, spread(cases, |case| case.mutated(&case.places(), with)), expected);
}

#[test]
fn conformance_cases_changed() {
    let (short, long) = short_and_long();
    changed("conformance cases with a byte changed, put in or taken out", &short, &all_bytes());
    if !cfg!(debug_assertions) {
        changed("long conformance cases changed in a few ways at their ends", &long, &[0, b'+', 0x80]);
    }
}

#[test]
#[ignore = "takes minutes: tests/exhaustive/run --nightly"]
fn long_conformance_cases_changed() {
    let (_, long) = short_and_long();
    changed("long conformance cases changed at their ends", &long, &all_bytes());
}
