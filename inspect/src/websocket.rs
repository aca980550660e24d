//! WebSocket, one direction at a time: frames down to the bytes they carry.

use std::io::{Cursor, Result};

use flate2::{Decompress, FlushDecompress, Status};
use mqtt_wire::Sender;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::note::Note;

const LONGEST_HEADER: usize = 14;
/// Ends every message for the inflater (RFC 7692, 7.2.2).
const DEFLATE_TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

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
    /// Keeps its context from message to message; messages that do without it are none the worse.
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
            inflater: Decompress::new(false),
            in_step: true,
        }
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
        if matches!(header.opcode, OpCode::Data(Data::Binary | Data::Text)) {
            self.compressed = header.rsv1;
        }
        match header.opcode {
            OpCode::Data(Data::Text) => out(Item::Note(Note::TextFrame { length }))?,
            OpCode::Control(Control::Ping) => out(Item::Note(Note::Control { opcode: "ping", length }))?,
            OpCode::Control(Control::Pong) => out(Item::Note(Note::Control { opcode: "pong", length }))?,
            OpCode::Control(_) => out(Item::Note(Note::Control { opcode: "close", length }))?,
            OpCode::Data(_) => {}
        }
        let frame = Frame { left: length, mask: header.mask, masked: 0, data, is_final: header.is_final };
        if length == 0 {
            return self.end(&frame, out);
        }
        self.frame = Some(frame);
        Ok(())
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
        match frame.left {
            _ if !self.in_step => {}
            0 => self.end(&frame, out)?,
            _ => self.frame = Some(frame),
        }
        Ok(rest)
    }

    fn end(&mut self, frame: &Frame, out: Out<'_>) -> Result<()> {
        if !(frame.data && frame.is_final && self.compressed) {
            return Ok(());
        }
        self.inflate(&DEFLATE_TAIL, out)?;
        self.compressed = false;
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
mod tests;
