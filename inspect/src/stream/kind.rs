//! What a side's first bytes are, as soon as they suffice to tell.

use mqtt_wire::Sender;

use super::proxy::{self, Proxy};
use crate::note::Note;
use crate::websocket;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A CONNECT, be it well-formed or not.
    Connect,
    /// An HTTP request, which may ask for WebSocket.
    Request,
    /// An HTTP response, which may agree to WebSocket.
    Response,
    Tls,
    /// WebSocket frames from this sender, with MQTT in them.
    Frames(Sender),
    Other,
}

/// What the bytes are, and what stands before them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) kind: Rule,
    /// The PROXY header's length, and what it says.
    pub(super) proxy: Option<(usize, Note)>,
}

/// The longest first line of HTTP that is waited for.
const LONGEST_LINE: usize = 8 * 1024;

/// `None`: more bytes are needed. `joined`: the connection was open before the capture began.
pub(super) fn beginning(bytes: &[u8], joined: bool) -> Option<Beginning> {
    let (bytes, proxy) = match proxy::header(bytes) {
        Proxy::None => (bytes, None),
        Proxy::Partial => return None,
        Proxy::Header { length, note } => {
            (bytes.get(length..).filter(|rest| !rest.is_empty())?, Some((length, note)))
        }
    };
    kind(bytes, joined).map(|kind| Beginning { kind, proxy })
}

fn kind(bytes: &[u8], joined: bool) -> Option<Rule> {
    let first = *bytes.first()?;
    if first >> 4 == 1 && is_connect(bytes)? {
        return Some(Rule::Connect);
    }
    if is_tls(bytes)? {
        return Some(Rule::Tls);
    }
    if first.is_ascii_uppercase() {
        match http(bytes)? {
            Rule::Other => {}
            kind => return Some(kind),
        }
    }
    if joined && let Some(sender) = websocket::evidence(bytes) {
        return Some(Rule::Frames(sender));
    }
    Some(Rule::Other)
}

/// Whether a CONNECT begins here, by its protocol name; what is wrong with it otherwise does not matter.
pub(crate) fn is_connect(bytes: &[u8]) -> Option<bool> {
    let (first, rest) = bytes.split_first()?;
    if first >> 4 != 1 {
        return Some(false);
    }
    let length = rest.iter().take(4).take_while(|byte| **byte >= 0x80).count() + 1;
    if length > 4 {
        return Some(false);
    }
    let name = rest.get(length..)?;
    Some(begins(name, b"\0\x04MQTT")? || begins(name, b"\0\x06MQIsdp")?)
}

/// Whether `bytes` begin with `prefix`; `None` when there are too few of them to tell.
pub(super) fn begins(bytes: &[u8], prefix: &[u8]) -> Option<bool> {
    let common = bytes.len().min(prefix.len());
    let same = bytes.get(..common)? == prefix.get(..common)?;
    (!same || common == prefix.len()).then_some(same)
}

/// The header of a TLS record: content type, a version of SSL 3.0 to TLS 1.3, a length.
fn is_tls(bytes: &[u8]) -> Option<bool> {
    Some(match bytes {
        [0x14..=0x17]
        | [0x14..=0x17, 0x03]
        | [0x14..=0x17, 0x03, 0x00..=0x04]
        | [0x14..=0x17, 0x03, 0x00..=0x04, _] => return None,
        [0x14..=0x17, 0x03, 0x00..=0x04, high, low, ..] => {
            (1..=LARGEST_RECORD).contains(&usize::from(u16::from_be_bytes([*high, *low])))
        }
        _ => false,
    })
}

const LARGEST_RECORD: usize = (1 << 14) + 2048;
const RECORD_HEADER: usize = 5;

/// Whether a segment is made of TLS records, of which the last may go on in the next segment.
pub(super) fn is_made_of_tls(mut bytes: &[u8]) -> bool {
    const ENOUGH: usize = 16;
    if bytes.len() < ENOUGH {
        return false;
    }
    while !bytes.is_empty() {
        match (is_tls(bytes), bytes) {
            (Some(true), [_, _, _, high, low, ..]) => {
                let length = RECORD_HEADER + usize::from(u16::from_be_bytes([*high, *low]));
                bytes = bytes.get(length..).unwrap_or_default();
            }
            (Some(true) | None, _) => return true,
            (Some(false), _) => return false,
        }
    }
    true
}

/// A request or response by its first line; other text is neither.
fn http(bytes: &[u8]) -> Option<Rule> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let whole = line.len() < bytes.len();
    if begins(bytes, b"HTTP/1.") == Some(true) {
        return Some(Rule::Response);
    }
    let is_method = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_');
    let method = line.iter().take_while(|byte| is_method(byte)).count();
    let rest = line.get(method..).unwrap_or_default();
    match rest.first() {
        None if !whole && method <= LONGEST_METHOD => return None,
        Some(b' ') if method <= LONGEST_METHOD => {}
        Some(b'/') if !whole && begins(b"HTTP/1.", bytes) == Some(true) => return None,
        _ => return Some(Rule::Other),
    }
    let text = rest.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\r');
    if !text || (!whole && line.len() > LONGEST_LINE) {
        return Some(Rule::Other);
    }
    let version = rest.windows(6).any(|part| part == b" HTTP/");
    match (version, whole) {
        (true, _) => Some(Rule::Request),
        (false, true) => Some(Rule::Other),
        (false, false) => None,
    }
}

const LONGEST_METHOD: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_told_apart_as_soon_as_they_can_be() {
        let kinds: [(&[u8], Rule); 14] = [
            (b"\x10\x0d\0\x04MQTT", Rule::Connect),
            (b"\x13\x80\x01\0\x06MQIsdp", Rule::Connect),
            (b"\x10\x0d\0\x04MQTX", Rule::Other),
            (b"\x16\x03\x01\x02\x00\x01", Rule::Tls),
            (b"\x17\x03\x03\x00\x20", Rule::Tls),
            (b"\x17\x03\x03\x00\x00", Rule::Other),
            (b"GET / HTTP/1.1\r\n", Rule::Request),
            (b"PROPFIND /a HTTP/1.1", Rule::Request),
            (b"PRI * HTTP/2.0\r\n\r\nSM", Rule::Request),
            (b"HTTP/1.1 200 OK", Rule::Response),
            (b"EHLO me\r\n", Rule::Other),
            (b"SSH-2.0-x\r\n", Rule::Other),
            (b"\x40\x02\0\x01", Rule::Other),
            (b"\0\0\0\0", Rule::Other),
        ];
        for (bytes, expected) in kinds {
            let told = beginning(bytes, false).map(|beginning| beginning.kind);
            assert_eq!(told, Some(expected), "{bytes:02x?}");
            for length in 0..bytes.len() {
                let told = beginning(&bytes[..length], false).map(|beginning| beginning.kind);
                assert!(told.is_none_or(|told| told == expected), "{bytes:02x?} after {length}: {told:?}");
            }
        }
    }

    #[test]
    fn a_proxy_header_stands_before_the_rest() {
        let wire = b"PROXY TCP4 203.0.113.7 10.9.8.7 51000 1883\r\n\x10\x12\0\x04MQTT";
        for length in 0..wire.len() {
            assert_eq!(beginning(&wire[..length], false), None, "{length}");
        }
        let whole = beginning(wire, false).expect("it suffices");
        assert_eq!((whole.kind, whole.proxy.expect("a header").0), (Rule::Connect, 44));
    }
}
