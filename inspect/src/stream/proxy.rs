//! The PROXY protocol of load balancers, before all else that a client sends.

use std::net::SocketAddr;

use ppp::{HeaderResult, PartialResult, v1, v2};

use super::kind::begins;
use crate::note::Note;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    /// More bytes are needed.
    Partial,
    Header {
        length: usize,
        note: Note,
    },
    None,
}

const V1: &[u8] = b"PROXY ";
const LONGEST_V1: usize = 107;
/// No balancer sends as much.
const LONGEST_V2: usize = 4 * 1024;

pub(super) fn header(bytes: &[u8]) -> Proxy {
    let bytes = match (begins(bytes, V1), begins(bytes, v2::PROTOCOL_PREFIX)) {
        (Some(true), _) => {
            let end = bytes.windows(2).take(LONGEST_V1).position(|pair| pair == b"\r\n");
            match end {
                Some(end) => bytes.get(..end + 2).unwrap_or_default(),
                None if bytes.len() < LONGEST_V1 => return Proxy::Partial,
                None => return Proxy::None,
            }
        }
        (_, Some(true)) => bytes.get(..LONGEST_V2).unwrap_or(bytes),
        (Some(false), Some(false)) => return Proxy::None,
        _ => return Proxy::Partial,
    };
    match HeaderResult::parse(bytes) {
        HeaderResult::V1(Ok(header)) => {
            let (source, destination) = match header.addresses {
                v1::Addresses::Tcp4(ip) => (
                    Some(SocketAddr::from((ip.source_address, ip.source_port))),
                    Some(SocketAddr::from((ip.destination_address, ip.destination_port))),
                ),
                v1::Addresses::Tcp6(ip) => (
                    Some(SocketAddr::from((ip.source_address, ip.source_port))),
                    Some(SocketAddr::from((ip.destination_address, ip.destination_port))),
                ),
                v1::Addresses::Unknown => (None, None),
            };
            Proxy::Header { length: bytes.len(), note: Note::Proxy { version: 1, source, destination } }
        }
        HeaderResult::V2(Ok(header)) => {
            let (source, destination) = match header.addresses {
                // The balancer speaks for itself: the receiver must discard what addresses there are (section 2.2).
                _ if header.command == v2::Command::Local => (None, None),
                v2::Addresses::IPv4(ip) => (
                    Some(SocketAddr::from((ip.source_address, ip.source_port))),
                    Some(SocketAddr::from((ip.destination_address, ip.destination_port))),
                ),
                v2::Addresses::IPv6(ip) => (
                    Some(SocketAddr::from((ip.source_address, ip.source_port))),
                    Some(SocketAddr::from((ip.destination_address, ip.destination_port))),
                ),
                v2::Addresses::Unspecified | v2::Addresses::Unix(_) => (None, None),
            };
            Proxy::Header { length: header.len(), note: Note::Proxy { version: 2, source, destination } }
        }
        HeaderResult::V2(result) if result.is_incomplete() && bytes.len() < LONGEST_V2 => Proxy::Partial,
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Proxy::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[0x20 | command, family], &length, body].concat()
    }

    #[test]
    fn headers_of_either_version_are_read_when_they_are_whole() {
        let v4 = [203, 0, 113, 7, 10, 9, 8, 7, 0xC7, 0x38, 0x07, 0x5B];
        let tlv = [v4.as_slice(), &[0x04, 0, 2, 1, 2]].concat();
        let v6 = [[1; 16].as_slice(), &[2; 16], &[0, 1, 0, 2]].concat();
        let headers = [
            (b"PROXY TCP4 203.0.113.7 10.9.8.7 51000 1883\r\n".to_vec(), Some("203.0.113.7:51000")),
            (b"PROXY TCP6 ::1 ::2 1 2\r\n".to_vec(), Some("[::1]:1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (v2(1, 0x11, &v4), Some("203.0.113.7:51000")),
            (v2(1, 0x11, &tlv), Some("203.0.113.7:51000")),
            (v2(1, 0x21, &v6), Some("[101:101:101:101:101:101:101:101]:1")),
            (v2(0, 0x00, &[]), None),
            // LOCAL: the addresses are no client's.
            (v2(0, 0x11, &v4), None),
            (v2(0, 0x21, &v6), None),
        ];
        for (bytes, expected) in headers {
            for length in 1..bytes.len() {
                assert_eq!(header(&bytes[..length]), Proxy::Partial, "{bytes:02x?} {length}");
            }
            let Proxy::Header { length, note: Note::Proxy { source, .. } } =
                header(&[bytes.as_slice(), b"\x10\x0d"].concat())
            else {
                panic!("{bytes:02x?}")
            };
            assert_eq!(length, bytes.len());
            assert_eq!(source.map(|source| source.to_string()).as_deref(), expected);
        }
    }

    #[test]
    fn what_is_none_is_not_taken_for_one() {
        let long = [V1, &[b'a'; 200]].concat();
        for bytes in
            [b"PROXY nonsense\r\n".as_slice(), b"POST / HTTP/1.1", &long, b"\r\n\r\nGET", b"\x10\x0d"]
        {
            assert_eq!(header(bytes), Proxy::None, "{bytes:02x?}");
        }
    }
}
