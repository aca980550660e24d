//! All inputs of up to three bytes and all frames of up to four, for every version and sender; with `--nightly` all
//! inputs of four bytes and all frames of five.

use mqtt_wire::{DecodeOptions, Decoded, PacketType, Sender, Version, decode, frame_len};

use crate::count::{counted, spread};
use crate::tables::{may_carry, may_send};
use crate::variable::naive_variable;
use crate::{accepted, all_bytes, each_filling, many_bytes, options, pairs, settings};

/// What the standards say about small frames of a version from a side, looked up once.
struct Rules {
    version: Version,
    options: DecodeOptions,
    first_is_good: [bool; 256],
    /// By the number of the packet type.
    carries: [[bool; 256]; 16],
}

impl Rules {
    fn new((version, sender): (Version, Option<Sender>)) -> Self {
        let byte = |n| u8::try_from(n).expect("a byte");
        let carries = |number, code| {
            PacketType::new(byte(number)).is_some_and(|packet| may_carry(packet, byte(code), version, sender))
        };
        Self {
            version,
            options: options(version, sender),
            first_is_good: std::array::from_fn(|first| first_byte_is_good(byte(first), version, sender)),
            carries: std::array::from_fn(|number| std::array::from_fn(|code| carries(number, code))),
        }
    }

    fn all() -> Vec<Self> {
        settings().into_iter().map(Self::new).collect()
    }

    /// Whether a body of up to three bytes is that of a packet.
    fn body_is_good(&self, first: u8, body: &[u8]) -> bool {
        use PacketType as P;
        let Some(packet) = PacketType::new(first >> 4) else { return false };
        let v5 = self.version == Version::V5;
        let carries = |code: u8| self.carries[usize::from(first >> 4)][usize::from(code)];
        match (packet, body) {
            (P::PingReq | P::PingResp, []) => true,
            (P::ConnAck, [flags, code]) => match self.version {
                Version::V31 => *code <= 5,
                Version::V311 => *code <= 5 && (*flags == 0 || (*flags == 1 && *code == 0)),
                Version::V5 => false,
            },
            (P::ConnAck, [flags, code, 0]) => {
                v5 && carries(*code) && (*flags == 0 || (*flags == 1 && *code == 0))
            }
            // A topic of one character at QoS 0. In 5.0 a Property Length is missing.
            (P::Publish, [0, 1, topic]) => {
                !v5 && first & 0b0110 == 0 && topic.is_ascii() && !matches!(topic, 0 | b'+' | b'#')
            }
            (P::PubAck | P::PubRec | P::PubRel | P::PubComp, [high, low]) => (*high, *low) != (0, 0),
            (P::PubAck | P::PubRec | P::PubRel | P::PubComp, [high, low, code]) => {
                v5 && (*high, *low) != (0, 0) && carries(*code)
            }
            (P::SubAck, [high, low, code]) => !v5 && (*high, *low) != (0, 0) && carries(*code),
            (P::UnsubAck, [high, low]) => !v5 && (*high, *low) != (0, 0),
            (P::Disconnect, []) => !v5 || carries(0),
            (P::Disconnect, [code] | [code, 0]) => v5 && carries(*code),
            (P::Auth, []) => carries(0),
            _ => false,
        }
    }

    /// What bytes are whose first frame, if it is there, has a body of up to three bytes.
    fn judge(&self, input: &[u8]) -> Verdict {
        let [first, rest @ ..] = input else { return Verdict::Incomplete(2) };
        if !self.first_is_good[usize::from(*first)] {
            return Verdict::Refused;
        }
        match naive_variable(rest, self.version == Version::V5) {
            Err(_) => Verdict::Refused,
            Ok(None) => Verdict::Incomplete(1),
            Ok(Some((body, length))) => {
                let (start, end) = (1 + length, 1 + length + body as usize);
                match input.get(start..end) {
                    None => Verdict::Incomplete(end - input.len()),
                    Some(body) if self.body_is_good(*first, body) => Verdict::Packet(end),
                    Some(_) => Verdict::Refused,
                }
            }
        }
    }

    fn check(&self, input: &[u8]) -> u64 {
        let found = decode(input, self.options);
        let seen = match found {
            Ok(Decoded::Packet { len, .. }) => Verdict::Packet(len),
            Ok(Decoded::Incomplete { missing }) => Verdict::Incomplete(missing),
            Err(_) => Verdict::Refused,
        };
        assert_eq!(seen, self.judge(input), "{input:02X?} {:?}: {found:?}", self.options);
        1
    }

    /// A frame whose body and Remaining Length take these bytes together.
    fn check_frame(&self, frame: &[u8]) -> u64 {
        let expected = matches!(self.judge(frame), Verdict::Packet(_));
        assert_eq!(accepted(frame, self.options), expected, "{frame:02X?} {:?}", self.options);
        1
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Packet(usize),
    Incomplete(usize),
    Refused,
}

/// The type and flags of a first byte, by Table 2.1 and 2.2 of 3.1.1, 2-1 and 2-2 of 5.0.
fn first_byte_is_good(first: u8, version: Version, sender: Option<Sender>) -> bool {
    let Some(packet) = PacketType::new(first >> 4) else { return false };
    let flags = first & 0x0F;
    let flags_are_good = match packet {
        PacketType::Publish => flags & 0b0110 != 0b0110 && flags & 0b1110 != 0b1000,
        // 3.1 sends these at QoS 1, and gives the other bits no meaning.
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe if version == Version::V31 => {
            flags & 0b0110 == 0b0010
        }
        _ if version == Version::V31 => true,
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => flags == 0b0010,
        _ => flags == 0,
    };
    let anyone = [Sender::Client, Sender::Server];
    let senders = sender.as_ref().map_or(&anyone[..], std::slice::from_ref);
    flags_are_good && senders.iter().any(|sender| may_send(packet, version, *sender))
}

#[test]
fn first_bytes() {
    let mut cases = 0;
    for (version, sender) in settings() {
        for first in 0..=u8::MAX {
            let expected = first_byte_is_good(first, version, sender);
            let input = [first];
            let found = decode(&input, options(version, sender));
            assert_eq!(found.is_ok(), expected, "{first:02X} {version} {sender:?}: {found:?}");
            match found {
                Ok(found) => assert_eq!(found, Decoded::Incomplete { missing: 1 }),
                Err(error) => assert_eq!((error.offset(), frame_len(&input)), (0, None)),
            }
            cases += 1;
        }
    }
    counted("first bytes", cases, 9 << 8);
}

/// Whatever they are: a packet exactly where the rules see one at their start, incomplete exactly where the fixed
/// header says so, and by as many bytes.
#[test]
fn inputs_of_up_to_three_bytes() {
    let many = many_bytes();
    let rules = Rules::all();
    let one = |(rules, first): &(&Rules, u8)| {
        let mut cases = rules.check(&[*first]);
        for second in &many {
            cases += rules.check(&[*first, *second]);
            for third in &many {
                cases += rules.check(&[*first, *second, *third]);
            }
        }
        cases
    };
    let empty: u64 = rules.iter().map(|rules| rules.check(&[])).sum();
    let cases = empty + spread(&pairs(&rules.iter().collect::<Vec<_>>(), &all_bytes()), one);
    counted("inputs of up to three bytes", cases, 9 * (1 + (1 << 8) + (1 << 16) + (1 << 24)));
}

#[test]
#[ignore = "takes minutes: tests/exhaustive/run --nightly"]
fn inputs_of_four_bytes() {
    let (all, many) = (all_bytes(), many_bytes());
    let rules: Vec<_> = Version::ALL.into_iter().map(|version| Rules::new((version, None))).collect();
    let one = |(rules, first): &(&Rules, u8)| {
        let mut cases = 0;
        for second in &all {
            for third in &many {
                for fourth in &many {
                    cases += rules.check(&[*first, *second, *third, *fourth]);
                }
            }
        }
        cases
    };
    let cases = spread(&pairs(&rules.iter().collect::<Vec<_>>(), &all), one);
    counted("inputs of four bytes", cases, 3 << 32);
}

/// Every frame of that first byte and of `size` bytes, with a Remaining Length in its shortest form and in longer
/// ones. What the body is made of comes from `bytes`.
fn frames(rules: &Rules, first: u8, size: usize, bytes: &[u8]) -> u64 {
    let mut cases = 0;
    for length in 1..size.min(5) {
        let body = size - 1 - length;
        let mut frame = vec![0x80; size];
        frame[0] = first;
        frame[1] |= u8::try_from(body).expect("small");
        frame[length] &= 0x7F;
        cases += each_filling(&mut frame, 1 + length..size, bytes, |frame| rules.check_frame(frame));
    }
    cases
}

/// How many bodies there are to frames of so many bytes.
fn bodies(size: u32) -> u64 {
    (1..size.min(5)).map(|length| 1 << (8 * (size - 1 - length))).sum()
}

#[test]
fn frames_of_up_to_four_bytes() {
    let many = many_bytes();
    let rules = Rules::all();
    let one = |(rules, first): &(&Rules, u8)| (2..=4).map(|size| frames(rules, *first, size, &many)).sum();
    let cases = spread(&pairs(&rules.iter().collect::<Vec<_>>(), &all_bytes()), one);
    counted("frames of up to four bytes", cases, (9 << 8) * (bodies(2) + bodies(3) + bodies(4)));
}

/// Frames of five bytes with that first byte, should it be good: those with others are refused for it.
fn frames_of_five_bytes(subject: &str, settings: &[(Version, Option<Sender>)], firsts: u64) {
    let many = if cfg!(debug_assertions) { vec![0, 1, 0x61, 0x80] } else { all_bytes() };
    let rules: Vec<_> = settings.iter().copied().map(Rules::new).collect();
    let mut items = pairs(&rules.iter().collect::<Vec<_>>(), &all_bytes());
    items.retain(|(rules, first)| rules.first_is_good[usize::from(*first)]);
    let cases = spread(&items, |(rules, first)| frames(rules, *first, 5, &many));
    counted(subject, cases, firsts * bodies(5));
}

/// Of the newest version, whose bodies have the most forms.
#[test]
fn v5_frames_of_five_bytes() {
    frames_of_five_bytes("frames of five bytes in 5.0", &[(Version::V5, None)], 24);
}

#[test]
#[ignore = "takes minutes: tests/exhaustive/run --nightly"]
fn all_frames_of_five_bytes() {
    // By versions: from anyone, from clients, from servers.
    let firsts = (214 + 150 + 138) + (23 + 19 + 18) + (24 + 20 + 20);
    frames_of_five_bytes("frames of five bytes", &settings(), firsts);
}
