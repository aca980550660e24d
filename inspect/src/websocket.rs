//! WebSocket, one direction at a time: the HTTP handshake, then frames down to the bytes they carry.

use std::io::{Cursor, Result};

use flate2::{Decompress, FlushDecompress, Status};
use mqtt_wire::Sender;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::note::Note;

/// No handshake of a sane program is longer.
pub(crate) const LARGEST_HANDSHAKE: usize = 64 * 1024;
const MOST_HEADERS: usize = 100;
const LONGEST_HEADER: usize = 14;
/// Ends every message for the inflater (RFC 7692, 7.2.2).
const DEFLATE_TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// What the head of a request or a response says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// More bytes are needed.
    Partial,
    /// A client asks for an upgrade.
    Request { length: usize, path: String, subprotocol: Option<String> },
    /// The server agrees.
    Switched { length: usize, subprotocol: Option<String>, extensions: String },
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
                    extensions: header(response.headers, "sec-websocket-extensions").unwrap_or_default(),
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

/// What comes out of the frames.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// The next bytes of the messages, taken together.
    Bytes(&'a [u8]),
    /// Bytes of messages that are not there: how many, where that is known.
    Lost(Option<u64>),
    Note(Note),
}

pub(crate) type Out<'a> = &'a mut dyn FnMut(Item<'_>) -> Result<()>;

#[derive(Debug)]
struct Frame {
    left: u64,
    mask: Option<[u8; 4]>,
    masked: usize,
    data: bool,
    is_final: bool,
}

#[derive(Debug)]
pub(crate) struct Frames {
    sender: Sender,
    /// The beginning of a header whose rest has not come yet.
    header: Vec<u8>,
    frame: Option<Frame>,
    /// The message under way is compressed.
    compressed: bool,
    /// Every message is compressed on its own.
    forgetful: bool,
    inflater: Decompress,
    in_step: bool,
}

impl Frames {
    pub(crate) fn new(sender: Sender) -> Self {
        Self {
            sender,
            header: Vec::new(),
            frame: None,
            compressed: false,
            forgetful: false,
            inflater: Decompress::new(false),
            in_step: true,
        }
    }

    /// Takes notice of the extensions that the server agreed to.
    pub(crate) fn agree(&mut self, extensions: &str) {
        self.forgetful = extensions.contains(match self.sender {
            Sender::Client => "client_no_context_takeover",
            Sender::Server => "server_no_context_takeover",
        });
    }

    /// Takes the next bytes of the TCP stream.
    pub(crate) fn push(&mut self, mut bytes: &[u8], out: Out<'_>) -> Result<()> {
        if !self.in_step {
            if !self.fits(bytes) {
                return Ok(());
            }
            self.in_step = true;
            self.frame = None;
            out(Item::Lost(None))?;
        }
        while self.in_step && !bytes.is_empty() {
            bytes = match self.frame.take() {
                Some(frame) => self.payload(frame, bytes, out)?,
                None => self.head(bytes, out)?,
            };
        }
        Ok(())
    }

    /// Bytes of the TCP stream are missing. Within a frame it is known how many bytes of payload
    /// that makes; otherwise the next piece that is made of whole frames is waited for.
    pub(crate) fn lost(&mut self, length: u64, out: Out<'_>) -> Result<()> {
        match &mut self.frame {
            Some(frame) if frame.left >= length && !self.compressed => {
                frame.left -= length;
                frame.masked = frame.masked.wrapping_add(usize::try_from(length % 4).unwrap_or_default());
                let data = frame.data;
                self.frame.take_if(|frame| frame.left == 0);
                if data { out(Item::Lost(Some(length))) } else { Ok(()) }
            }
            _ => {
                self.frame = None;
                self.header.clear();
                self.compressed = false;
                self.in_step = false;
                Ok(())
            }
        }
    }

    /// Whether `bytes` are whole frames such as this sender sends.
    fn fits(&self, bytes: &[u8]) -> bool {
        let mut cursor = Cursor::new(bytes);
        let end = bytes.len() as u64;
        while cursor.position() < end {
            match FrameHeader::parse(&mut cursor) {
                Ok(Some((header, length)))
                    if header.mask.is_some() == (self.sender == Sender::Client)
                        && length <= end - cursor.position() =>
                {
                    cursor.set_position(cursor.position() + length);
                }
                _ => return false,
            }
        }
        true
    }

    /// Reads a header, or as much of it as there is.
    fn head<'a>(&mut self, bytes: &'a [u8], out: Out<'_>) -> Result<&'a [u8]> {
        let known = self.header.len();
        self.header.extend(bytes.iter().take(LONGEST_HEADER - known));
        let mut cursor = Cursor::new(&self.header);
        match FrameHeader::parse(&mut cursor) {
            Ok(None) => Ok(&[]),
            Ok(Some((header, length))) => {
                let used = usize::try_from(cursor.position()).unwrap_or_default() - known;
                self.header.clear();
                self.begin(&header, length, out)?;
                Ok(bytes.get(used..).unwrap_or_default())
            }
            Err(error) => {
                self.header.clear();
                self.in_step = false;
                out(Item::Note(Note::BadWebSocket { reason: error.to_string() }))?;
                Ok(&[])
            }
        }
    }

    fn begin(&mut self, header: &FrameHeader, length: u64, out: Out<'_>) -> Result<()> {
        let data = matches!(header.opcode, OpCode::Data(Data::Binary | Data::Continue));
        match header.opcode {
            OpCode::Data(Data::Continue) => {}
            OpCode::Data(_) => self.compressed = header.rsv1,
            OpCode::Control(_) => {}
        }
        match header.opcode {
            OpCode::Data(Data::Text) => out(Item::Note(Note::TextFrame { length }))?,
            OpCode::Control(Control::Ping) => out(Item::Note(Note::Control { opcode: "ping", length }))?,
            OpCode::Control(Control::Pong) => out(Item::Note(Note::Control { opcode: "pong", length }))?,
            OpCode::Control(_) => out(Item::Note(Note::Control { opcode: "close", length }))?,
            OpCode::Data(_) => {}
        }
        let frame = Frame { left: length, mask: header.mask, masked: 0, data, is_final: header.is_final };
        if length == 0 { self.end(&frame, out) } else { Ok(self.frame = Some(frame)) }
    }

    /// Hands out what of `bytes` belongs to the frame, and returns the rest.
    fn payload<'a>(&mut self, mut frame: Frame, bytes: &'a [u8], out: Out<'_>) -> Result<&'a [u8]> {
        let length = usize::try_from(frame.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (part, rest) = bytes.split_at(length);
        frame.left -= length as u64;
        if frame.data {
            let unmasked = frame.unmask(part);
            if self.compressed {
                self.inflate(&unmasked, out)?;
            } else {
                out(Item::Bytes(&unmasked))?;
            }
        }
        if frame.left == 0 {
            self.end(&frame, out)?;
        } else {
            self.frame = Some(frame);
        }
        Ok(rest)
    }

    fn end(&mut self, frame: &Frame, out: Out<'_>) -> Result<()> {
        if !(frame.data && frame.is_final && self.compressed) {
            return Ok(());
        }
        self.inflate(&DEFLATE_TAIL, out)?;
        self.compressed = false;
        if self.forgetful {
            self.inflater.reset(false);
        }
        Ok(())
    }

    fn inflate(&mut self, mut bytes: &[u8], out: Out<'_>) -> Result<()> {
        let mut inflated = [0; 16 * 1024];
        loop {
            let (before_in, before_out) = (self.inflater.total_in(), self.inflater.total_out());
            let status = self.inflater.decompress(bytes, &mut inflated, FlushDecompress::Sync);
            let read = usize::try_from(self.inflater.total_in() - before_in).unwrap_or_default();
            let written = usize::try_from(self.inflater.total_out() - before_out).unwrap_or_default();
            if written > 0 {
                out(Item::Bytes(&inflated[..written]))?;
            }
            bytes = bytes.get(read..).unwrap_or_default();
            match status {
                Ok(Status::StreamEnd) => self.inflater.reset(false),
                Ok(_) if bytes.is_empty() && written < inflated.len() => return Ok(()),
                Ok(_) if read > 0 || written > 0 => {}
                Ok(_) | Err(_) => {
                    self.in_step = false;
                    return out(Item::Note(Note::BadWebSocket { reason: "damaged compression".to_owned() }));
                }
            }
        }
    }
}

impl Frame {
    fn unmask(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(mask) = self.mask else { return bytes.to_vec() };
        let begin = self.masked;
        self.masked = begin.wrapping_add(bytes.len());
        bytes.iter().zip(mask.iter().cycle().skip(begin % 4)).map(|(byte, mask)| byte ^ mask).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;

    const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

    fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader {
            is_final: first & 0x80 != 0,
            rsv1: first & 0x40 != 0,
            opcode: OpCode::from(first & 0x0F),
            mask,
            ..FrameHeader::default()
        };
        let mut bytes = Vec::new();
        header.format(payload.len() as u64, &mut bytes).unwrap();
        let mask = mask.unwrap_or_default();
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    #[derive(Default)]
    struct Seen {
        bytes: Vec<u8>,
        lost: Vec<Option<u64>>,
        notes: Vec<Note>,
    }

    impl Seen {
        fn take(&mut self, item: Item<'_>) {
            match item {
                Item::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
                Item::Lost(length) => self.lost.push(length),
                Item::Note(note) => self.notes.push(note),
            }
        }

        fn push(&mut self, frames: &mut Frames, bytes: &[u8]) {
            frames
                .push(bytes, &mut |item| {
                    self.take(item);
                    Ok(())
                })
                .unwrap();
        }

        fn lose(&mut self, frames: &mut Frames, length: u64) {
            frames
                .lost(length, &mut |item| {
                    self.take(item);
                    Ok(())
                })
                .unwrap();
        }
    }

    #[test]
    fn every_split_of_masked_and_fragmented_frames_gives_the_same_bytes() {
        let long = [b'l'; 70_000];
        let mut wire = frame(0x02, Some(MASK), b"abc");
        wire.extend(frame(0x89, Some(MASK), b"ping"));
        wire.extend(frame(0x00, Some(MASK), b""));
        wire.extend(frame(0x80, Some(MASK), b"defgh"));
        wire.extend(frame(0x82, Some([0; 4]), &long[..200]));
        let whole = [b"abcdefgh".as_slice(), &long[..200]].concat();
        for split in 0..wire.len() {
            let (mut frames, mut seen) = (Frames::new(Sender::Client), Seen::default());
            seen.push(&mut frames, &wire[..split]);
            seen.push(&mut frames, &wire[split..]);
            assert_eq!(seen.bytes, whole, "split at {split}");
            assert_eq!(seen.notes, [Note::Control { opcode: "ping", length: 4 }]);
        }
        let (mut frames, mut seen) = (Frames::new(Sender::Server), Seen::default());
        frame(0x82, None, &long).chunks(1).for_each(|byte| seen.push(&mut frames, byte));
        assert_eq!(seen.bytes, long);
    }

    #[test]
    fn what_is_lost_within_a_frame_is_counted() {
        let wire = frame(0x82, Some(MASK), b"abcdefghij");
        let (mut frames, mut seen) = (Frames::new(Sender::Client), Seen::default());
        seen.push(&mut frames, &wire[..9]);
        seen.lose(&mut frames, 3);
        seen.push(&mut frames, &wire[12..]);
        assert_eq!(
            (seen.bytes.as_slice(), seen.lost.as_slice()),
            (b"abcghij".as_slice(), [Some(3)].as_slice())
        );
    }

    #[test]
    fn after_lost_frames_whole_ones_are_found_again() {
        let (mut frames, mut seen) = (Frames::new(Sender::Server), Seen::default());
        seen.push(&mut frames, &frame(0x82, None, b"one")[..3]);
        seen.lose(&mut frames, 20);
        seen.push(&mut frames, b"rest of a frame");
        seen.push(&mut frames, &frame(0x82, Some(MASK), b"not a server's"));
        seen.push(&mut frames, &frame(0x82, None, b"two"));
        assert_eq!((seen.bytes.as_slice(), seen.lost.as_slice()), (b"otwo".as_slice(), [None].as_slice()));
    }

    fn deflate(encoder: &mut DeflateEncoder<Vec<u8>>, bytes: &[u8]) -> Vec<u8> {
        let before = encoder.get_ref().len();
        encoder.write_all(bytes).unwrap();
        encoder.flush().unwrap();
        let deflated = encoder.get_ref()[before..].to_vec();
        deflated.strip_suffix(&DEFLATE_TAIL).expect("a sync flush ends so").to_vec()
    }

    #[test]
    fn compressed_messages_are_inflated_with_and_without_context() {
        let messages =
            [b"rumahkami/lantaidasar".as_slice(), b"rumahkami/lantaidasar again", &[b'z'; 100_000]];
        for forgetful in [false, true] {
            let (mut frames, mut seen) = (Frames::new(Sender::Client), Seen::default());
            frames.agree(if forgetful {
                "permessage-deflate; client_no_context_takeover"
            } else {
                "permessage-deflate"
            });
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            for message in messages {
                if forgetful {
                    encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                }
                let deflated = deflate(&mut encoder, message);
                let (first, second) = deflated.split_at(5);
                seen.push(&mut frames, &frame(0x42, Some(MASK), first));
                seen.push(&mut frames, &frame(0x80, Some(MASK), second));
            }
            assert_eq!(seen.bytes, messages.concat(), "forgetful: {forgetful}");
            assert_eq!(seen.notes, []);
        }
    }

    #[test]
    fn damaged_frames_are_named() {
        let (mut frames, mut seen) = (Frames::new(Sender::Server), Seen::default());
        seen.push(&mut frames, &[0x83, 0x00, 0x82, 0x01]);
        assert!(matches!(seen.notes.as_slice(), [Note::BadWebSocket { .. }]));
        let (mut frames, mut seen) = (Frames::new(Sender::Server), Seen::default());
        seen.push(&mut frames, &frame(0xC2, None, &[0xFF; 9]));
        assert!(matches!(seen.notes.as_slice(), [Note::BadWebSocket { .. }]));
    }

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
