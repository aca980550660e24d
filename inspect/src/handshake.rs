//! The HTTP handshake that a WebSocket connection begins with.

use mqtt_wire::Sender;

/// No handshake of a sane program is longer.
pub(crate) const LARGEST_HANDSHAKE: usize = 64 * 1024;
const MOST_HEADERS: usize = 100;

/// What the head of a request or a response says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// More bytes are needed.
    Partial,
    /// A client asks for an upgrade.
    Request { length: usize, path: String, subprotocol: Option<String> },
    /// The server agrees.
    Switched { length: usize, subprotocol: Option<String>, compression: bool },
    /// The server does not.
    Refused { status: u16 },
    /// Some other HTTP, or none.
    Other,
}

pub(crate) fn handshake(sender: Sender, bytes: &[u8]) -> Handshake {
    if bytes.len() > LARGEST_HANDSHAKE {
        return Handshake::Other;
    }
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    match sender {
        Sender::Client => {
            let mut request = httparse::Request::new(&mut headers);
            match request.parse(bytes) {
                Ok(httparse::Status::Partial) => Handshake::Partial,
                Ok(httparse::Status::Complete(length)) if is_upgrade(request.headers) => Handshake::Request {
                    length,
                    path: request.path.unwrap_or_default().to_owned(),
                    subprotocol: header(request.headers, "sec-websocket-protocol"),
                },
                _ => Handshake::Other,
            }
        }
        Sender::Server => {
            let mut response = httparse::Response::new(&mut headers);
            match (response.parse(bytes), response.code) {
                (Ok(httparse::Status::Partial), _) => Handshake::Partial,
                (Ok(httparse::Status::Complete(length)), Some(101)) => Handshake::Switched {
                    length,
                    subprotocol: header(response.headers, "sec-websocket-protocol"),
                    compression: header(response.headers, "sec-websocket-extensions").is_some_and(
                        |extensions| extensions.to_ascii_lowercase().contains("permessage-deflate"),
                    ),
                },
                (Ok(httparse::Status::Complete(_)), Some(status)) => Handshake::Refused { status },
                _ => Handshake::Other,
            }
        }
    }
}

fn is_upgrade(headers: &[httparse::Header<'_>]) -> bool {
    header(headers, "upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

fn header(headers: &[httparse::Header<'_>], name: &str) -> Option<String> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(String::from_utf8_lossy(header.value).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_are_read_when_they_are_whole() {
        let request =
            b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
        for length in 0..request.len() {
            assert_eq!(handshake(Sender::Client, &request[..length]), Handshake::Partial);
        }
        let expected = Handshake::Request {
            length: request.len(),
            path: "/mqtt".into(),
            subprotocol: Some("mqtt".into()),
        };
        assert_eq!(handshake(Sender::Client, &[request.as_slice(), b"\x82"].concat()), expected);
        assert_eq!(handshake(Sender::Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Handshake::Other);
        let refused = b"HTTP/1.1 404 Not Found\r\n\r\n";
        assert_eq!(handshake(Sender::Server, refused), Handshake::Refused { status: 404 });
    }
}
