//! The search for a packet's beginning in a stream that was joined in its middle, or that lacks bytes.
//!
//! Any byte may be a packet's first. What speaks for one is counted in bits, as the chance that other bytes look
//! the same: a header and fields that agree, packets that follow one another, their ends where pieces of the
//! stream end, and answers with the same identifier from the other side. One fault, and it is none.

use std::collections::VecDeque;

use mqtt_wire::{
    DecodeOptions, Decoded, DecodedHead, Delivery, FixedHeader, Packet, PacketType, TopicName, Version,
    decode, decode_publish_head,
};

use crate::capture::Time;
use crate::pool::Buffer;
use crate::stream::kind::is_connect;

/// One chance in four thousand million that other bytes look so.
pub(super) const ENOUGH: u32 = 32;
/// The same where the stream ends.
pub(super) const ENOUGH_AT_END: u32 = 24;
/// A beginning or an end at that of a piece of the stream: most programs write whole packets.
const AT_PIECE: u32 = 8;
/// An identifier of two bytes that the other side names in the fitting packet.
const ANSWERED: u32 = 16;

/// How much of the stream is looked at.
const WINDOW: usize = 256 * 1024;
/// Pieces whose ends are remembered.
const MOST_PIECES: usize = 4096;
/// Beginnings that are followed at the same time.
const MOST: usize = 32;
/// In the middle of a piece only packets up to this length are looked for, but for the payload of a PUBLISH,
/// whose topic and properties are no longer.
const LONGEST_WITHIN: usize = 512;
const LONGEST_PAYLOAD_WITHIN: usize = 64 * 1024;
/// The longest fixed header.
const HEADER: usize = 5;
/// Identifiers that are remembered of a beginning, and of the other side.
const MOST_ANSWERS: usize = 16;

/// A packet that names an identifier which a packet of the other side names, too.
pub(crate) type Answer = (PacketType, u16);

/// What a packet is answered by, or answers, with the identifier that both name.
fn counterparts(kind: PacketType) -> &'static [PacketType] {
    match kind {
        PacketType::Publish => &[PacketType::PubAck, PacketType::PubRec],
        PacketType::PubAck => &[PacketType::Publish],
        PacketType::PubRec => &[PacketType::Publish, PacketType::PubRel],
        PacketType::PubRel => &[PacketType::PubRec, PacketType::PubComp],
        PacketType::PubComp => &[PacketType::PubRel],
        PacketType::Subscribe => &[PacketType::SubAck],
        PacketType::SubAck => &[PacketType::Subscribe],
        PacketType::Unsubscribe => &[PacketType::UnsubAck],
        PacketType::UnsubAck => &[PacketType::Unsubscribe],
        _ => &[],
    }
}

/// The type and identifier of a packet, if it has one.
pub(crate) fn answer(packet: &Packet<'_>) -> Option<Answer> {
    let id = match packet {
        Packet::Publish(publish) => match publish.delivery {
            Delivery::AtLeastOnce(id) | Delivery::ExactlyOnce(id) => id,
            Delivery::AtMostOnce => return None,
        },
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            ack.packet_id
        }
        Packet::Subscribe(subscribe) => subscribe.packet_id,
        Packet::SubAck(suback) => suback.packet_id,
        Packet::Unsubscribe(unsubscribe) => unsubscribe.packet_id,
        Packet::UnsubAck(unsuback) => unsuback.packet_id,
        _ => return None,
    };
    Some((packet.packet_type(), id.get()))
}

#[derive(Debug, Default)]
pub(super) struct Search {
    /// Where in the stream the buffer begins.
    base: u64,
    /// How far bytes were looked at as beginnings.
    looked: u64,
    /// How many bytes have come since the step was lost.
    came: u64,
    /// Where each piece ends that the buffer holds part of.
    pieces: VecDeque<(u64, Option<Time>)>,
    /// Where the last piece but those begins.
    first_piece: u64,
    beginnings: Vec<Beginning>,
    /// What the other side named.
    heard: VecDeque<Answer>,
}

/// A byte that may be a packet's first, and how far packets follow one another from there.
#[derive(Clone, Debug)]
struct Beginning {
    start: u64,
    next: u64,
    version: Version,
    bits: u32,
    /// What the packet under way adds as far as it has come.
    open_bits: u32,
    /// How far bytes must have come to tell more.
    until: u64,
    /// Where the packet under way ends, when its length is known.
    end: Option<u64>,
    at_piece: bool,
    named: Vec<Answer>,
}

impl Search {
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// The pieces that the buffer holds, for the time of their packets.
    pub(super) fn times(&mut self) -> VecDeque<(u64, Option<Time>)> {
        std::mem::take(&mut self.pieces)
    }

    /// How many bytes were passed over before `start`.
    pub(super) fn skipped_before(&self, start: u64) -> u64 {
        let end = self.pieces.back().map_or(self.base, |(end, _)| *end);
        self.came.saturating_sub(end.saturating_sub(start))
    }

    /// How many bytes have come in vain.
    pub(super) fn skipped(&self) -> u64 {
        self.came
    }

    /// The first beginning that is borne out, and its version, if it fits one only.
    pub(super) fn best(&self, enough: u32) -> Option<(u64, Option<Version>)> {
        let enough = |beginning: &&Beginning| {
            beginning.start >= self.base
                && beginning.bits + beginning.open_bits >= enough
                && (beginning.next > beginning.start || beginning.at_piece)
        };
        let best = self.beginnings.iter().filter(enough).min_by_key(|beginning| beginning.start)?;
        let mut others =
            self.beginnings.iter().filter(|other| other.start == best.start && other.version != best.version);
        Some((best.start, others.next().is_none().then_some(best.version)))
    }

    /// Takes the next piece of the stream.
    pub(super) fn push(
        &mut self,
        buffer: &mut Buffer,
        offset: u64,
        bytes: &[u8],
        time: Option<Time>,
        options: DecodeOptions,
        versions: &[Version],
    ) {
        self.came += bytes.len() as u64;
        if buffer.is_empty() {
            (self.base, self.looked, self.first_piece) = (offset, offset, offset);
            self.pieces.clear();
        }
        if !buffer.extend(bytes) {
            buffer.clear();
            self.pass_over(offset);
            (self.base, self.looked, self.first_piece) = (offset, offset, offset);
            self.pieces.clear();
            let end = bytes.get(bytes.len().saturating_sub(WINDOW)..).unwrap_or_default();
            if !buffer.extend(end) {
                return;
            }
            self.base = offset + (bytes.len() - end.len()) as u64;
            self.looked = self.base;
        }
        if self.pieces.len() == MOST_PIECES {
            self.pieces.pop_front();
        }
        self.pieces.push_back((offset + bytes.len() as u64, time));
        self.follow(buffer, options);
        self.look(buffer, options, versions);
        self.trim(buffer);
    }

    /// Bytes are missing: only a packet that holds them all bears witness beyond them.
    pub(super) fn lose(&mut self, buffer: &mut Buffer, length: Option<u64>) {
        let end = self.base + buffer.len() as u64;
        buffer.clear();
        let behind = length.map_or(u64::MAX, |length| end.saturating_add(length));
        self.pass_over(behind);
        (self.base, self.looked, self.first_piece) = (behind, behind, behind);
        self.pieces.clear();
    }

    /// Bytes before `to` are no longer held: beginnings there give way to what follows their packets.
    fn pass_over(&mut self, to: u64) {
        self.beginnings.retain_mut(|beginning| {
            if beginning.next < to {
                let Some(end) = beginning.end.filter(|end| *end >= to) else { return false };
                beginning.next = end;
                beginning.end = None;
                beginning.bits += std::mem::take(&mut beginning.open_bits);
            }
            if beginning.start < to {
                beginning.start = beginning.next;
                beginning.at_piece = false;
                beginning.named.clear();
            }
            true
        });
    }

    pub(super) fn hear(&mut self, answer: Answer) {
        if self.heard.len() == MOST_ANSWERS {
            self.heard.pop_front();
        }
        self.heard.push_back(answer);
        for beginning in &mut self.beginnings {
            let before = beginning.named.len();
            beginning.named.retain(|named| !answers(*named, answer));
            if beginning.named.len() < before {
                beginning.bits += ANSWERED;
            }
        }
    }

    /// Follows the packets of every beginning as far as they have come.
    fn follow(&mut self, buffer: &[u8], options: DecodeOptions) {
        let mut beginnings = std::mem::take(&mut self.beginnings);
        beginnings.retain_mut(|beginning| self.advance(beginning, buffer, options));
        // Those that have come to the same place go the same way from there.
        let mut kept: Vec<Beginning> = Vec::with_capacity(beginnings.len());
        for beginning in beginnings {
            let same = |one: &Beginning| {
                one.next == beginning.next && one.version == beginning.version && one.bits >= beginning.bits
            };
            if !kept.iter().any(same) {
                kept.push(beginning);
            }
        }
        self.beginnings = kept;
    }

    /// `false` when what follows is no packet.
    fn advance(&self, beginning: &mut Beginning, buffer: &[u8], options: DecodeOptions) -> bool {
        let options = options.with_version(beginning.version);
        let end = self.base + buffer.len() as u64;
        loop {
            if end < beginning.until {
                return true;
            }
            let Some(at) = beginning.next.checked_sub(self.base).and_then(|at| usize::try_from(at).ok())
            else {
                return false;
            };
            let Some(rest) = buffer.get(at..).filter(|rest| !rest.is_empty()) else { return true };
            if beginning.at_piece && beginning.next == beginning.start {
                match is_connect(rest) {
                    // What is wrong with it otherwise is for the user to see.
                    Some(true) => {
                        beginning.open_bits = ENOUGH;
                        return true;
                    }
                    None => return true,
                    Some(false) => {}
                }
            }
            let within = !beginning.at_piece && beginning.next == beginning.start;
            let (bits, length) = match packet(rest, options, beginning.version, within) {
                Look::None => return false,
                Look::Whole { bits, length } => (bits, length),
                Look::Open { bits, wanted, length } => {
                    beginning.open_bits = bits;
                    beginning.end = length.map(|length| beginning.next.saturating_add(length as u64));
                    beginning.until = beginning.next.saturating_add(wanted as u64);
                    return true;
                }
            };
            beginning.open_bits = 0;
            beginning.end = None;
            beginning.next += length as u64;
            beginning.bits = beginning.bits.saturating_add(bits);
            if let Some(Ok(Decoded::Packet { packet, .. })) =
                rest.get(..length).map(|bytes| decode(bytes, options))
                && let Some(answer) = answer(&packet)
            {
                if self.heard.iter().any(|heard| answers(answer, *heard)) {
                    beginning.bits += ANSWERED;
                } else if beginning.named.len() < MOST_ANSWERS {
                    beginning.named.push(answer);
                }
            }
            if self.is_piece_end(beginning.next) {
                beginning.bits += AT_PIECE;
            }
        }
    }

    fn is_piece_end(&self, at: u64) -> bool {
        self.pieces.binary_search_by_key(&at, |(end, _)| *end).is_ok()
    }

    /// Looks at every byte that has not been looked at as a beginning.
    fn look(&mut self, buffer: &[u8], options: DecodeOptions, versions: &[Version]) {
        let from = usize::try_from(self.looked - self.base).unwrap_or_default();
        for at in from..buffer.len() {
            let Some(rest) = buffer.get(at..) else { break };
            let start = self.base + at as u64;
            let at_piece = start == self.first_piece || self.is_piece_end(start);
            // The rest of a header that is cut may yet come.
            if rest.len() < HEADER && !at_piece && FixedHeader::decode(rest, Version::V5) == Ok(None) {
                break;
            }
            self.looked = start + 1;
            for version in versions {
                if self.beginnings.len() >= MOST && !at_piece {
                    break;
                }
                let mut beginning = Beginning {
                    start,
                    next: start,
                    version: *version,
                    bits: if at_piece { AT_PIECE } else { 0 },
                    open_bits: 0,
                    until: 0,
                    end: None,
                    at_piece,
                    named: Vec::new(),
                };
                let known =
                    |one: &Beginning| one.next == start && one.version == *version && one.start < start;
                if !self.beginnings.iter().any(known) && self.advance(&mut beginning, buffer, options) {
                    self.beginnings.push(beginning);
                }
            }
        }
        self.beginnings.truncate(2 * MOST);
    }

    /// Lets go of bytes that no beginning needs.
    fn trim(&mut self, buffer: &mut Buffer) {
        let first = self.beginnings.iter().map(|beginning| beginning.start).min().unwrap_or(u64::MAX);
        let end = self.base + buffer.len() as u64;
        let mut keep = first.min(self.looked).min(end);
        if end - keep > WINDOW as u64 {
            keep = self.looked.min(end);
            self.pass_over(keep);
        }
        buffer.drop_front(usize::try_from(keep - self.base).unwrap_or_default());
        self.base = keep;
        while self.pieces.len() > 1 && self.pieces.front().is_some_and(|(end, _)| *end < keep) {
            self.pieces.pop_front();
        }
        if self.first_piece < keep {
            // A piece that begins before what is held does not begin here.
            self.first_piece = u64::MAX;
        }
    }
}

fn answers(one: Answer, other: Answer) -> bool {
    one.1 == other.1 && counterparts(one.0).contains(&other.0)
}

/// What the beginning of some bytes looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// A packet: how many bits speak for it, and its length.
    Whole {
        bits: u32,
        length: usize,
    },
    /// It may become one: with so many bytes in all more can be told; its length, when that is there.
    Open {
        bits: u32,
        wanted: usize,
        length: Option<usize>,
    },
    None,
}

/// A packet of this version at the beginning of `bytes`.
fn packet(bytes: &[u8], options: DecodeOptions, version: Version, within: bool) -> Look {
    let open = |bits, wanted: usize, length| Look::Open { bits, wanted: wanted.max(bytes.len() + 1), length };
    let header = match FixedHeader::decode(bytes, options) {
        Ok(Some(header)) => header,
        Ok(None) => return open(0, 0, None),
        Err(_) => return Look::None,
    };
    let (kind, length) = (header.packet_type(), header.frame_len());
    let body = bytes.get(header.len()..).unwrap_or_default();
    if within && !is_short(kind, body, length) {
        return Look::None;
    }
    if kind == PacketType::Publish {
        return match decode_publish_head(bytes, options) {
            Ok(DecodedHead::Publish { head, .. }) => {
                let bits = publish_bits(head.topic, length);
                if length <= bytes.len() {
                    Look::Whole { bits, length }
                } else {
                    open(bits, length, Some(length))
                }
            }
            Ok(DecodedHead::Incomplete { missing }) => open(0, bytes.len() + missing, Some(length)),
            _ => Look::None,
        };
    }
    let Some(whole) = bytes.get(..length) else {
        let wanted = if body.len() < TELLING { 0 } else { length };
        let plausible = is_plausible(kind, body, length - header.len(), version);
        return if plausible { open(0, wanted, Some(length)) } else { Look::None };
    };
    match decode(whole, options) {
        Ok(Decoded::Packet { packet, .. }) => Look::Whole { bits: bits(&packet), length },
        _ => Look::None,
    }
}

/// How much of a packet's body `is_plausible` looks at.
const TELLING: usize = 4;

/// Whether a packet is short enough to be looked for at any byte.
fn is_short(kind: PacketType, body: &[u8], length: usize) -> bool {
    if kind != PacketType::Publish {
        return length <= LONGEST_WITHIN;
    }
    let topic = body.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
    length <= LONGEST_PAYLOAD_WITHIN && topic <= LONGEST_WITHIN
}

/// Whether the beginning of a packet other than PUBLISH may go on to be one.
fn is_plausible(kind: PacketType, body: &[u8], length: usize, version: Version) -> bool {
    match kind {
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
            let code = body.get(2).is_none_or(|code| matches!(code, 0 | 0x10 | 0x80..));
            let whole = match body.get(3) {
                Some(properties @ 0..0x80) => length == 4 + usize::from(*properties),
                _ => true,
            };
            version == Version::V5 && !body.starts_with(&[0, 0]) && code && whole
        }
        PacketType::Subscribe | PacketType::Unsubscribe | PacketType::SubAck | PacketType::UnsubAck => {
            !body.starts_with(&[0, 0])
        }
        _ => true,
    }
}

/// How many bits of a packet could not be otherwise.
fn bits(packet: &Packet<'_>) -> u32 {
    match packet {
        Packet::Connect(_) => 64,
        Packet::ConnAck(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::SubAck(_) => 24,
        Packet::Publish(publish) => publish_bits(publish.topic, publish.payload.len()),
        _ => 16,
    }
}

/// The type and flags, the topic's length against that of the packet, and the topic's characters.
fn publish_bits(topic: Option<TopicName<'_>>, length: usize) -> u32 {
    const FLAGS: u32 = 4;
    const MOST_OF_TOPIC: usize = 12;
    let lengths = 16_u32.saturating_sub(usize::BITS - length.leading_zeros());
    let topic = topic.map_or("", |topic| topic.as_str());
    let readable = topic.chars().take(MOST_OF_TOPIC).filter(|character| !character.is_control()).count();
    FLAGS + lengths + u32::try_from(readable).unwrap_or_default()
}
