//! The PROXY protocol, versions 1 and 2: by it a load balancer says where a connection comes from, before all else.
//!
//! A listener expects it or does not, as it is configured. Where it is expected, whoever can connect can say where he
//! comes from: only the balancer should be able to.

use std::io;
use std::net::SocketAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a header of version 1 begins with.
const V1: &[u8] = b"PROXY ";
/// The longest header of version 1 in bytes, its CR and LF included.
const LONGEST_V1: usize = 107;
/// The longest header of version 2 that is taken, in bytes; no balancer sends as much.
const LONGEST_V2: usize = 4096;
/// The beginning of version 2, with the length of the rest in the last two bytes.
const START_V2: usize = 16;

/// Reads a header, and not a byte more: where the connection comes from; `None` when it is the balancer's own, or of a
/// kind that has no such address.
///
/// There is no deadline here: the caller has one for all that comes before CONNECT.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for anything that is no header; and when the connection ends or fails.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; v2::PROTOCOL_PREFIX.len()];
    stream.read_exact(&mut header).await?;
    if header.starts_with(v2::PROTOCOL_PREFIX) {
        header.resize(START_V2, 0);
        read_rest(stream, &mut header, v2::PROTOCOL_PREFIX.len()).await?;
        let length = header.last_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
        if START_V2 + length > LONGEST_V2 {
            return Err(bad());
        }
        header.resize(START_V2 + length, 0);
        read_rest(stream, &mut header, START_V2).await?;
    } else if header.starts_with(V1) {
        while !header.ends_with(b"\r\n") {
            if header.len() == LONGEST_V1 {
                return Err(bad());
            }
            header.push(stream.read_u8().await?);
        }
    } else {
        return Err(bad());
    }
    source(&header)
}

async fn read_rest(stream: &mut (impl AsyncRead + Unpin), header: &mut [u8], from: usize) -> io::Result<()> {
    let rest = header.get_mut(from..).unwrap_or_default();
    stream.read_exact(rest).await.map(drop)
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a header of the PROXY protocol")
}

/// What a whole header says.
fn source(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => Ok(match header.addresses {
            v1::Addresses::Tcp4(ip) => Some((ip.source_address, ip.source_port).into()),
            v1::Addresses::Tcp6(ip) => Some((ip.source_address, ip.source_port).into()),
            v1::Addresses::Unknown => None,
        }),
        HeaderResult::V2(Ok(header)) => Ok(match (header.command, header.addresses) {
            (v2::Command::Proxy, v2::Addresses::IPv4(ip)) => Some((ip.source_address, ip.source_port).into()),
            (v2::Command::Proxy, v2::Addresses::IPv6(ip)) => Some((ip.source_address, ip.source_port).into()),
            _ => None,
        }),
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[0x20 | command, family], &length, body].concat()
    }

    const V4: [u8; 12] = [203, 0, 113, 7, 10, 9, 8, 7, 0xC7, 0x38, 0x07, 0x5B];

    #[tokio::test]
    async fn a_header_of_either_version_is_read_and_nothing_behind_it() {
        let tlv = [V4.as_slice(), &[0x04, 0, 2, 1, 2]].concat();
        let v6 = [[1; 16].as_slice(), &[2; 16], &[0, 1, 0, 2]].concat();
        let longest = [V4.to_vec(), [&[0x04, 0x0F, 0xE1][..], &[0; 0xFE1]].concat()].concat();
        for (header, expected) in [
            (b"PROXY TCP4 203.0.113.7 10.9.8.7 51000 1883\r\n".to_vec(), Some("203.0.113.7:51000")),
            (b"PROXY TCP6 ::1 ::2 1 2\r\n".to_vec(), Some("[::1]:1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (v2(1, 0x11, &V4), Some("203.0.113.7:51000")),
            (v2(1, 0x11, &tlv), Some("203.0.113.7:51000")),
            (v2(1, 0x11, &longest), Some("203.0.113.7:51000")),
            (v2(1, 0x21, &v6), Some("[101:101:101:101:101:101:101:101]:1")),
            (v2(0, 0x11, &V4), None),
            (v2(0, 0x00, &[]), None),
        ] {
            let bytes = [header.as_slice(), b"\x10\x0d"].concat();
            let mut stream = &bytes[..];
            let source = read(&mut stream).await.unwrap();
            assert_eq!(source.map(|source| source.to_string()).as_deref(), expected);
            assert_eq!(stream, b"\x10\x0d");
            for length in 0..header.len() {
                let error = read(&mut &bytes[..length]).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{header:02x?} {length}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_none_is_refused() {
        let endless = [V1, &[b'1'; 500]].concat();
        for bytes in [
            b"PROXY nonsense\r\n".as_slice(),
            b"PROXY TCP4 999.0.113.7 10.9.8.7 51000 1883\r\n",
            b"POST / HTTP/1.1\r\n",
            &endless,
            b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd",
            &v2(1, 0x11, &V4[..11]),
            &v2(9, 0x11, &V4),
            &v2(1, 0x11, &[0; 5000]),
        ] {
            let error = read(&mut &bytes[..]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{:02x?}", &bytes[..12]);
        }
    }
}
