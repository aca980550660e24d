//! The same bytes to other decoders: where they take another side, a known difference has to explain it.
//!
//! What both take is compared field by field: what the other decoded is encoded by it, decoded by this crate,
//! and then has to be the packet that this crate decoded in the first place, the order of properties aside,
//! which others do not keep.

mod known;
mod peers;

use std::cell::Cell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use mqtt_wire::{DecodeError, Decoded, Rule, Packet, PacketType, Property, Version, decode};

pub use known::{KNOWN, Known};
pub use peers::{PEERS, Peer};

/// What another decoder says of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Theirs {
    /// It wants more bytes.
    Waits,
    /// It refuses, for its own reason.
    Refuses(String),
    /// It takes the frame, and encodes it so.
    Takes(Result<Vec<u8>, String>),
    /// It panics.
    Panics(String),
}

/// The two verdicts differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub peer: &'static str,
    pub version: Version,
    pub packet: Option<PacketType>,
    pub way: Way,
}

/// In what way two verdicts differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The other takes what this crate refuses for that.
    TheyTake(Rule),
    /// The other refuses, for that, what this crate takes.
    TheyRefuse(String),
    /// The other waits for more of a whole frame, which this crate takes or refuses for that.
    TheyWait(Option<Rule>),
    /// The other judges, or takes, a frame that is not whole.
    TheyHurry,
    /// Both take it, but these fields differ.
    Values(&'static str),
    /// The other takes it, but encodes what this crate refuses for that, or nothing.
    TheirEncoder(Option<Rule>),
    /// The other panics.
    TheyPanic,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packet = self.packet.map_or("a frame", |packet| packet.name());
        write!(f, "{} {} {packet}: {:?}", self.peer, self.version, self.way)
    }
}

thread_local! {
    /// Another decoder runs: its panic is a verdict.
    static ELSEWHERE: Cell<bool> = const { Cell::new(false) };
}

/// Makes a panic of another decoder a verdict, and leaves every other one to the hook that is there.
pub fn catch_panics_elsewhere() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !ELSEWHERE.get() {
            hook(info);
        }
    }));
}

fn ask(peer: &Peer, frame: &[u8]) -> Theirs {
    ELSEWHERE.set(true);
    let answer = panic::catch_unwind(AssertUnwindSafe(|| (peer.recode)(frame)));
    ELSEWHERE.set(false);
    answer.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Theirs::Panics(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
    })
}

/// The oracle: every difference is a known one.
pub fn run(bytes: &[u8]) {
    for difference in differences(bytes) {
        let explained = KNOWN.iter().any(|known| known.explains(&difference));
        assert!(explained, "{difference}\n{bytes:02X?}");
    }
}

/// Every difference about the frame at the start of the bytes.
pub fn differences(bytes: &[u8]) -> Vec<Difference> {
    PEERS.iter().filter_map(|peer| difference(peer, bytes)).collect()
}

fn difference(peer: &Peer, bytes: &[u8]) -> Option<Difference> {
    let ours = decode(bytes, peer.version);
    // A whole frame is offered alone: what others make of its neighbours is not the question here.
    let frame = match &ours {
        Ok(Decoded::Packet { len, .. }) => &bytes[..*len],
        Err(error) => error.frame_len().map_or(bytes, |len| &bytes[..len.min(bytes.len())]),
        Ok(Decoded::Incomplete { .. }) => bytes,
    };
    let whole = match &ours {
        Ok(decoded) => decoded.packet().is_some(),
        Err(error) => error.frame_len().is_none_or(|len| len <= bytes.len()),
    };
    let theirs = ask(peer, frame);
    let way = way(&ours, theirs, whole, peer.version)?;
    let packet = bytes.first().and_then(|first| PacketType::new(first >> 4));
    Some(Difference { peer: peer.name, version: peer.version, packet, way })
}

fn way(
    ours: &Result<Decoded<'_>, DecodeError>,
    theirs: Theirs,
    whole: bool,
    version: Version,
) -> Option<Way> {
    match (ours, theirs) {
        (_, Theirs::Panics(_)) => Some(Way::TheyPanic),
        (_, Theirs::Waits) if !whole => None,
        (Err(error), Theirs::Waits) => Some(Way::TheyWait(Some(error.rule()))),
        (Ok(_), Theirs::Waits) => Some(Way::TheyWait(None)),
        (Err(_), Theirs::Refuses(_)) => None,
        (Err(error), Theirs::Takes(_)) => Some(Way::TheyTake(error.rule())),
        (Ok(Decoded::Incomplete { .. }), _) => Some(Way::TheyHurry),
        (Ok(Decoded::Packet { .. }), Theirs::Refuses(reason)) => Some(Way::TheyRefuse(reason)),
        (Ok(Decoded::Packet { .. }), Theirs::Takes(Err(_))) => Some(Way::TheirEncoder(None)),
        (Ok(Decoded::Packet { packet, .. }), Theirs::Takes(Ok(bytes))) => match decode(&bytes, version) {
            Ok(Decoded::Packet { packet: theirs, len }) if len == bytes.len() => {
                field(packet, &theirs).map(Way::Values)
            }
            Ok(_) => Some(Way::TheirEncoder(Some(Rule::TrailingBytes))),
            Err(error) => Some(Way::TheirEncoder(Some(error.rule()))),
        },
    }
}

/// The first field in which two packets differ.
fn field(ours: &Packet<'_>, theirs: &Packet<'_>) -> Option<&'static str> {
    macro_rules! compare {
        ($ours:expr, $theirs:expr, $($field:ident)+) => {{
            $(if $ours.$field != $theirs.$field {
                return Some(stringify!($field));
            })+
        }};
    }
    macro_rules! properties {
        ($ours:expr, $theirs:expr) => {
            if let Some(id) = other_property($ours.properties, $theirs.properties) {
                return Some(id);
            }
        };
    }
    match (ours, theirs) {
        (Packet::Connect(a), Packet::Connect(b)) => {
            compare!(a, b, version clean_start keep_alive client_id user_name password);
            properties!(a, b);
            match (a.will, b.will) {
                (Some(a), Some(b)) => {
                    compare!(a, b, qos retain topic payload);
                    properties!(a, b);
                }
                (None, None) => {}
                _ => return Some("will"),
            }
        }
        (Packet::ConnAck(a), Packet::ConnAck(b)) => {
            compare!(a, b, session_present reason_code);
            properties!(a, b);
        }
        (Packet::Publish(a), Packet::Publish(b)) => {
            compare!(a, b, dup delivery retain topic payload);
            properties!(a, b);
        }
        (Packet::PubAck(a), Packet::PubAck(b))
        | (Packet::PubRec(a), Packet::PubRec(b))
        | (Packet::PubRel(a), Packet::PubRel(b))
        | (Packet::PubComp(a), Packet::PubComp(b)) => {
            compare!(a, b, packet_id reason_code);
            properties!(a, b);
        }
        (Packet::Subscribe(a), Packet::Subscribe(b)) => {
            compare!(a, b, packet_id subscriptions);
            properties!(a, b);
        }
        (Packet::SubAck(a), Packet::SubAck(b)) => {
            compare!(a, b, packet_id reason_codes);
            properties!(a, b);
        }
        (Packet::Unsubscribe(a), Packet::Unsubscribe(b)) => {
            compare!(a, b, packet_id filters);
            properties!(a, b);
        }
        (Packet::UnsubAck(a), Packet::UnsubAck(b)) => {
            compare!(a, b, packet_id reason_codes);
            properties!(a, b);
        }
        (Packet::Disconnect(a), Packet::Disconnect(b)) => {
            compare!(a, b, reason_code);
            properties!(a, b);
        }
        (Packet::Auth(a), Packet::Auth(b)) => {
            compare!(a, b, reason_code);
            properties!(a, b);
        }
        (Packet::PingReq, Packet::PingReq) | (Packet::PingResp, Packet::PingResp) => {}
        _ => return Some("type"),
    }
    None
}

/// A property that is not in both with the same values in the same order.
fn other_property(
    ours: mqtt_wire::Properties<'_>,
    theirs: mqtt_wire::Properties<'_>,
) -> Option<&'static str> {
    let sorted = |properties: mqtt_wire::Properties<'_>| {
        let mut list: Vec<Property<'_>> = properties.iter().collect();
        list.sort_by_key(Property::id);
        list.into_iter().map(|property| (property.id(), format!("{property:?}"))).collect::<Vec<_>>()
    };
    let (ours, theirs) = (sorted(ours), sorted(theirs));
    let differ = ours.iter().zip(&theirs).find(|(a, b)| a != b).map(|(a, _)| a.0);
    let longer = if ours.len() > theirs.len() { &ours } else { &theirs };
    let longer_than = ours.len().min(theirs.len());
    let id = differ.or_else(|| longer.get(longer_than).map(|property| property.0));
    id.map(|id| id.name())
}
