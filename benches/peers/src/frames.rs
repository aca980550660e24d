//! Frames that a strict codec has to refuse, and some that look odd and are sound: what a codec says to them shows
//! what it checks. Each is decided by its own bytes, whoever sent it and whatever went before.

use crate::codec::Verdict;
use crate::codec::Verdict::{Accepts, Refuses, WantsMore};
use crate::workload::Version;

pub struct Frame {
    pub name: &'static str,
    pub bytes: &'static [u8],
    pub verdict: Verdict,
}

pub fn all(version: Version) -> Vec<Frame> {
    let rows = match version {
        Version::V5 => V5,
        Version::V311 => V311,
    };
    rows.iter().map(|&(name, hex, verdict)| Frame { name, bytes: bytes(hex).leak(), verdict }).collect()
}

/// Two hexadecimal digits a byte; spaces are for the reader.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        hex.chars().filter(|c| *c != ' ').map(|c| c.to_digit(16).expect("a hexadecimal digit")).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

type Row = (&'static str, &'static str, Verdict);

#[rustfmt::skip]
const V5: &[Row] = &[
    // fixed header
    ("packet type 0", "00 00", Refuses),
    ("Remaining Length of 5 bytes", "30 80808080 01", Refuses),
    ("Remaining Length not in the shortest form", "C0 8000", Refuses),
    ("PUBACK with reserved flags", "42 02 0001", Refuses),
    ("PUBREL with flags 0000", "60 02 0001", Refuses),
    ("SUBSCRIBE with flags 0000", "80 07 0001 00 0001 61 00", Refuses),
    ("PINGREQ with a body", "C0 01 00", Refuses),
    // PUBLISH
    ("PUBLISH with QoS 3", "36 07 0001 61 0001 00 78", Refuses),
    ("DUP with QoS 0", "38 05 0001 61 00 78", Refuses),
    ("PUBLISH with Packet Identifier 0", "32 06 0001 61 0000 00", Refuses),
    ("wildcard in a Topic Name", "30 04 0001 2B 00", Refuses),
    ("ill-formed UTF-8 in a Topic Name", "30 05 0002 C328 00", Refuses),
    ("surrogate in a Topic Name", "30 06 0003 EDA080 00", Refuses),
    ("U+0000 in a Topic Name", "30 04 0001 00 00", Refuses),
    ("empty Topic Name without Topic Alias", "30 03 0000 00", Refuses),
    ("Topic Name longer than the packet", "30 07 FFFF 4142434445", Refuses),
    ("Topic Name that ends in the next packet", "30 03 0005 61 C000 C000", Refuses),
    // properties
    ("Topic Alias 0", "30 07 0001 61 03 23 0000", Refuses),
    ("Subscription Identifier 0", "30 06 0001 61 02 0B00", Refuses),
    ("Topic Alias twice", "30 0A 0001 61 06 23 0001 23 0002", Refuses),
    ("Receive Maximum in PUBLISH", "30 07 0001 61 03 21 000A", Refuses),
    ("property identifier in two bytes", "30 07 0001 61 03 8100 01", Refuses),
    ("property longer than the packet", "30 05 0001 61 0A 01", Refuses),
    ("wildcard in a Response Topic", "30 08 0001 61 04 08 0001 23", Refuses),
    ("Subscription Identifier cut off by the Property Length", "82 09 0001 02 0B80 0001 61 00", Refuses),
    ("Reason String twice in PUBACK", "40 0C 0001 00 08 1F 0001 61 1F 0001 62", Refuses),
    ("Property Length beyond the packet in SUBACK", "90 15 0001 1C 1F 0003 616263 26 0003 616263 0003 616263 26", Refuses),
    ("Maximum QoS 2 in CONNACK", "20 05 00 00 02 2402", Refuses),
    ("Receive Maximum 0 in CONNACK", "20 06 00 00 03 21 0000", Refuses),
    // CONNECT, CONNACK
    ("CONNECT with the reserved flag", "10 0D 0004 4D515454 05 03 003C 00 0000", Refuses),
    ("Will QoS 3", "10 13 0004 4D515454 05 1E 003C 00 0000 00 0001 61 0000", Refuses),
    ("Will QoS without a will", "10 0D 0004 4D515454 05 0A 003C 00 0000", Refuses),
    ("Receive Maximum among the Will Properties", "10 16 0004 4D515454 05 06 003C 00 0000 03 21 0001 0001 61 0000", Refuses),
    ("Authentication Data without Method", "10 11 0004 4D515454 05 02 003C 04 16 0001 61 0000", Refuses),
    ("protocol name MQTX", "10 0D 0004 4D515458 05 02 003C 00 0000", Refuses),
    ("left-over byte in CONNECT", "10 0E 0004 4D515454 05 02 003C 00 0000 00", Refuses),
    ("CONNACK with reserved flags", "20 03 02 00 00", Refuses),
    ("Session Present with a failure", "20 03 01 87 00", Refuses),
    // SUBSCRIBE, UNSUBSCRIBE and their answers
    ("SUBSCRIBE without filters", "82 03 0001 00", Refuses),
    ("SUBSCRIBE with Packet Identifier 0", "82 07 0000 00 0001 61 00", Refuses),
    ("Subscription Options with QoS 3", "82 07 0001 00 0001 61 03", Refuses),
    ("Subscription Options with Retain Handling 3", "82 07 0001 00 0001 61 30", Refuses),
    ("Subscription Options with reserved bits", "82 07 0001 00 0001 61 40", Refuses),
    ("empty Topic Filter", "82 06 0001 00 0000 00", Refuses),
    ("Topic Filter a#", "82 08 0001 00 0002 6123 00", Refuses),
    ("Topic Filter a/#/b", "82 0B 0001 00 0005 612F232F62 00", Refuses),
    ("Topic Filter $share//a", "82 0F 0001 00 0009 2473686172652F2F61 00", Refuses),
    ("No Local on a shared subscription", "82 10 0001 00 000A 2473686172652F672F61 04", Refuses),
    ("SUBACK without codes", "90 03 0001 00", Refuses),
    ("SUBACK with code 0x03", "90 04 0001 00 03", Refuses),
    ("UNSUBSCRIBE without filters", "A2 03 0001 00", Refuses),
    ("UNSUBACK without codes", "B0 03 0001 00", Refuses),
    // the rest
    ("PUBACK with Packet Identifier 0", "40 02 0000", Refuses),
    ("PUBACK with code 0x01", "40 03 0001 01", Refuses),
    ("DISCONNECT with code 0x7F", "E0 01 7F", Refuses),
    ("AUTH without Authentication Method", "F0 02 18 00", Refuses),
    // sound
    ("PUBACK of 3 bytes", "40 03 0001 00", Accepts),
    ("DISCONNECT without a body", "E0 00", Accepts),
    ("DISCONNECT of one byte", "E0 01 00", Accepts),
    ("AUTH without a body", "F0 00", Accepts),
    ("AUTH with a method", "F0 06 18 04 15 0001 61", Accepts),
    ("empty Topic Name with Topic Alias", "30 06 0000 03 23 0001", Accepts),
    ("two Subscription Identifiers in PUBLISH", "30 08 0001 61 04 0B01 0B02", Accepts),
    ("empty User Property twice", "30 0E 0001 61 0A 26 0000 0000 26 0000 0000", Accepts),
    ("U+FEFF in a Topic Name", "30 06 0003 EFBBBF 00", Accepts),
    ("PUBLISH without a payload", "30 04 0001 61 00", Accepts),
    ("PUBLISH announced with 256 MiB", "30 FFFFFF7F", WantsMore),
    ("SUBSCRIBE cut off", "82 09 0001", WantsMore),
];

#[rustfmt::skip]
const V311: &[Row] = &[
    // fixed header
    ("packet type 0", "00 00", Refuses),
    ("packet type 15", "F0 00", Refuses),
    ("Remaining Length of 5 bytes", "30 80808080 01", Refuses),
    ("PUBACK with reserved flags", "42 02 0001", Refuses),
    ("PUBREL with flags 0000", "60 02 0001", Refuses),
    ("SUBSCRIBE with flags 0000", "80 06 0001 0001 61 00", Refuses),
    ("PINGREQ with flags 0001", "C1 00", Refuses),
    ("PINGREQ with a body", "C0 01 00", Refuses),
    ("DISCONNECT with a body", "E0 01 00", Refuses),
    // PUBLISH
    ("PUBLISH with QoS 3", "36 05 0001 61 0001", Refuses),
    ("DUP with QoS 0", "38 03 0001 61", Refuses),
    ("PUBLISH with Packet Identifier 0", "32 05 0001 61 0000", Refuses),
    ("wildcard in a Topic Name", "30 03 0001 23", Refuses),
    ("ill-formed UTF-8 in a Topic Name", "30 04 0002 C328", Refuses),
    ("surrogate in a Topic Name", "30 05 0003 EDA080", Refuses),
    ("U+0000 in a Topic Name", "30 03 0001 00", Refuses),
    ("empty Topic Name", "30 02 0000", Refuses),
    ("Topic Name longer than the packet", "30 07 FFFF 4142434445", Refuses),
    ("Topic Name that ends in the next packet", "30 03 0005 61 C000 C000", Refuses),
    ("QoS 1 PUBLISH without Packet Identifier", "32 03 0001 61", Refuses),
    // CONNECT, CONNACK
    ("CONNECT with the reserved flag", "10 0C 0004 4D515454 04 03 003C 0000", Refuses),
    ("Will QoS 3", "10 11 0004 4D515454 04 1E 003C 0000 0001 61 0000", Refuses),
    ("Will Retain without a will", "10 0C 0004 4D515454 04 22 003C 0000", Refuses),
    ("password without user name", "10 0E 0004 4D515454 04 42 003C 0000 0000", Refuses),
    ("protocol name MQTX", "10 0C 0004 4D515458 04 02 003C 0000", Refuses),
    ("wildcard in a Will Topic", "10 11 0004 4D515454 04 06 003C 0000 0001 2B 0000", Refuses),
    ("left-over byte in CONNECT", "10 0D 0004 4D515454 04 02 003C 0000 00", Refuses),
    ("Client Identifier longer than the packet", "10 0D 0004 4D515454 04 02 003C FFFF 41", Refuses),
    ("CONNACK with reserved flags", "20 02 02 00", Refuses),
    ("CONNACK with code 6", "20 02 00 06", Refuses),
    ("Session Present with a failure", "20 02 01 05", Refuses),
    ("CONNACK of 3 bytes", "20 03 00 00 00", Refuses),
    // SUBSCRIBE, UNSUBSCRIBE and their answers
    ("SUBSCRIBE without filters", "82 02 0001", Refuses),
    ("SUBSCRIBE with Packet Identifier 0", "82 06 0000 0001 61 00", Refuses),
    ("requested QoS 3", "82 06 0001 0001 61 03", Refuses),
    ("requested QoS with reserved bits", "82 06 0001 0001 61 80", Refuses),
    ("empty Topic Filter", "82 05 0001 0000 00", Refuses),
    ("Topic Filter a#", "82 07 0001 0002 6123 00", Refuses),
    ("Topic Filter a/#/b", "82 0A 0001 0005 612F232F62 00", Refuses),
    ("SUBACK without codes", "90 02 0001", Refuses),
    ("SUBACK with code 0x03", "90 03 0001 03", Refuses),
    ("UNSUBSCRIBE without filters", "A2 02 0001", Refuses),
    ("UNSUBACK with a payload", "B0 03 0001 00", Refuses),
    // the rest
    ("PUBACK with Packet Identifier 0", "40 02 0000", Refuses),
    ("PUBACK of 3 bytes", "40 03 0007 00", Refuses),
    // sound
    ("SUBACK with code 0x80", "90 03 0001 80", Accepts),
    ("Topic Filter $share//a", "82 0E 0001 0009 2473686172652F2F61 00", Accepts),
    ("U+FEFF in a Topic Name", "30 05 0003 EFBBBF", Accepts),
    ("PUBLISH without a payload", "30 03 0001 61", Accepts),
    ("Topic Name /", "30 03 0001 2F", Accepts),
    ("PUBLISH announced with 256 MiB", "30 FFFFFF7F", WantsMore),
    ("PUBCOMP with half a Remaining Length", "70 80", WantsMore),
    ("CONNACK cut off", "20 02 00", WantsMore),
];

/// What one codec says to every frame of a version.
pub struct Verdicts {
    pub right: usize,
    pub total: usize,
    /// Complete frames that it should refuse.
    pub accepted: Vec<&'static str>,
    /// Complete frames that it should refuse, and for which it waits.
    pub waited: Vec<&'static str>,
    /// Frames that it should not refuse.
    pub refused: Vec<&'static str>,
    pub panicked: Vec<&'static str>,
}

pub fn judge(version: Version, verdict: fn(&'static [u8]) -> Verdict) -> Verdicts {
    let mut v = Verdicts {
        right: 0,
        total: 0,
        accepted: Vec::new(),
        waited: Vec::new(),
        refused: Vec::new(),
        panicked: Vec::new(),
    };
    for frame in all(version) {
        v.total += 1;
        let said = verdict(frame.bytes);
        let list = match said {
            _ if said == frame.verdict => {
                v.right += 1;
                continue;
            }
            Accepts => &mut v.accepted,
            WantsMore => &mut v.waited,
            Refuses => &mut v.refused,
            Verdict::Panics => &mut v.panicked,
        };
        list.push(frame.name);
    }
    v
}
