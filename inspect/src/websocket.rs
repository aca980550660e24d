//! WebSocket, one direction at a time: frames down to the bytes they carry.

mod deflate;
mod evidence;

use std::io::{Cursor, Result};

use mqtt_wire::Sender;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use self::deflate::Inflater;
pub(crate) use self::evidence::evidence;
use crate::note::Note;
use crate::pool::{Buffer, Pool};

const LONGEST_HEADER: usize = 14;
/// Control frames carry no more (RFC 6455, 5.5).
const LONGEST_CONTROL: u64 = 125;
/// What is held to find the way back into step.
const MOST_WAITING: usize = 256 * 1024;

/// What comes out of the frames.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// The next bytes of the messages, taken together.
    Bytes(&'a [u8]),
    /// Bytes of messages that are not there: how many, where that is known.
    Lost(Option<u64>),
    /// What comes now had waited, or is over.
    Late(bool),
    Note(Note),
}

pub(crate) type Out<'a> = &'a mut dyn FnMut(Item<'_>) -> Result<()>;

/// What a frame's payload is to the MQTT stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Mqtt,
    /// No part of it.
    None,
    /// Part of it, but it cannot be read.
    Unreadable,
}

/// The message under way, of which more frames are to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    None,
    Under(Use),
    /// It may have begun in what is missing.
    Unknown,
}

#[derive(Debug)]
struct Frame {
    left: u64,
    mask: Option<[u8; 4]>,
    masked: usize,
    purpose: Use,
    is_final: bool,
}

#[derive(Debug)]
pub(crate) struct Frames {
    sender: Sender,
    pool: Pool,
    /// The beginning of a header whose rest has not come yet.
    header: Vec<u8>,
    frame: Option<Frame>,
    message: Message,
    /// The message under way is compressed.
    compressed: bool,
    /// Whether compression was agreed on, when the agreement was seen.
    agreed: Option<bool>,
    inflater: Option<Inflater>,
    /// What is looked at for a way back into step; `None` when in step.
    waiting: Option<Buffer>,
    /// What the sender was told off for: each fault is named once.
    faults: u16,
}

/// What RFC 6455 forbids, with its section.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Unmasked,
    Masked,
    Rsv1,
    Rsv,
    Stray,
    Interleaved,
    Control,
    LongLength,
    TopBit,
    Damaged,
}

impl Fault {
    fn text(self) -> &'static str {
        match self {
            Self::Unmasked => "a client's frame without a mask (RFC 6455, 5.1)",
            Self::Masked => "a server's frame with a mask (RFC 6455, 5.1)",
            Self::Rsv1 => "RSV1 is set, and no compression was agreed on (RFC 6455, 5.2)",
            Self::Rsv => "a reserved bit is set (RFC 6455, 5.2)",
            Self::Stray => "a continuation frame without a message to continue (RFC 6455, 5.4)",
            Self::Interleaved => "a message begins within another (RFC 6455, 5.4)",
            Self::Control => "a control frame of more than 125 bytes or in fragments (RFC 6455, 5.5)",
            Self::LongLength => "a length in a longer form than needed (RFC 6455, 5.2)",
            Self::TopBit => "a length with its top bit set (RFC 6455, 5.2)",
            Self::Damaged => "compression that cannot be undone (RFC 7692)",
        }
    }
}

impl Frames {
    /// The frames after a handshake.
    pub(crate) fn new(sender: Sender, pool: &Pool) -> Self {
        Self {
            sender,
            pool: pool.clone(),
            header: Vec::new(),
            frame: None,
            message: Message::None,
            compressed: false,
            agreed: None,
            inflater: None,
            waiting: None,
            faults: 0,
        }
    }

    /// Frames whose beginning is missing.
    pub(crate) fn joined(sender: Sender, pool: &Pool) -> Self {
        let mut this = Self::new(sender, pool);
        this.lose_step();
        this
    }

    /// The handshake tells whether messages may be compressed.
    pub(crate) fn agreed(&mut self, compression: bool) {
        self.agreed = Some(compression);
    }

    /// Takes the next bytes of the TCP stream.
    pub(crate) fn push(&mut self, bytes: &[u8], out: Out<'_>) -> Result<()> {
        let Some(waiting) = &mut self.waiting else { return self.read(bytes, out) };
        if waiting.len() + bytes.len() > MOST_WAITING || !waiting.extend(bytes) {
            waiting.clear();
            return Ok(());
        }
        let mut run = run_of(waiting, self.sender);
        if run == Run::None {
            // What was held is none; the piece itself may be.
            let held = waiting.len() - bytes.len();
            waiting.drop_front(held);
            run = run_of(waiting, self.sender);
        }
        match run {
            Run::Open => {}
            Run::None => waiting.clear(),
            Run::Frames => {
                let frames = self.waiting.take();
                out(Item::Lost(None))?;
                out(Item::Late(true))?;
                self.read(frames.as_deref().unwrap_or_default(), out)?;
                out(Item::Late(false))?;
            }
        }
        Ok(())
    }

    fn read(&mut self, mut bytes: &[u8], out: Out<'_>) -> Result<()> {
        while self.waiting.is_none() && !bytes.is_empty() {
            bytes = match self.frame.take() {
                Some(frame) => self.payload(frame, bytes, out)?,
                None => self.head(bytes, out)?,
            };
        }
        Ok(())
    }

    /// Bytes of the TCP stream are missing. Within a frame it is known how many bytes of payload
    /// that makes; otherwise a piece that begins with a frame is waited for.
    pub(crate) fn lost(&mut self, length: u64, out: Out<'_>) -> Result<()> {
        match &mut self.frame {
            Some(frame) if frame.left >= length && !self.compressed => {
                frame.left -= length;
                frame.masked = frame.masked.wrapping_add(usize::try_from(length % 4).unwrap_or_default());
                let lost = frame.purpose == Use::Mqtt;
                self.frame.take_if(|frame| frame.left == 0);
                if lost { out(Item::Lost(Some(length))) } else { Ok(()) }
            }
            _ => {
                self.lose_step();
                Ok(())
            }
        }
    }

    fn lose_step(&mut self) {
        self.frame = None;
        self.header.clear();
        self.compressed = false;
        self.message = Message::Unknown;
        // What follows may refer to what is missing.
        self.inflater = None;
        self.waiting = Some(Buffer::new(&self.pool));
    }

    fn fault(&mut self, fault: Fault, out: Out<'_>) -> Result<()> {
        let bit = 1 << fault as u16;
        if self.faults & bit != 0 {
            return Ok(());
        }
        self.faults |= bit;
        if matches!(fault, Fault::Damaged) {
            return out(Item::Note(Note::BadWebSocket { reason: fault.text().to_owned() }));
        }
        out(Item::Note(Note::BadFrame { fault: fault.text() }))
    }

    /// Reads a header, or as much of it as there is.
    fn head<'a>(&mut self, bytes: &'a [u8], out: Out<'_>) -> Result<&'a [u8]> {
        let known = self.header.len();
        self.header.extend(bytes.iter().take(LONGEST_HEADER - known));
        let mut cursor = Cursor::new(&self.header);
        match FrameHeader::parse(&mut cursor) {
            Ok(None) => Ok(&[]),
            Ok(Some((header, length))) => {
                let size = usize::try_from(cursor.position()).unwrap_or_default();
                self.header.clear();
                self.begin(&header, length, size, out)?;
                Ok(bytes.get(size - known..).unwrap_or_default())
            }
            Err(error) => {
                self.lose_step();
                out(Item::Note(Note::BadWebSocket { reason: error.to_string() }))?;
                Ok(&[])
            }
        }
    }

    fn begin(&mut self, header: &FrameHeader, length: u64, size: usize, out: Out<'_>) -> Result<()> {
        match (self.sender, header.mask) {
            (Sender::Client, None) => self.fault(Fault::Unmasked, out)?,
            (Sender::Server, Some(_)) => self.fault(Fault::Masked, out)?,
            _ => {}
        }
        if header.rsv2 || header.rsv3 {
            self.fault(Fault::Rsv, out)?;
        }
        if size > shortest_header(length, header.mask.is_some()) {
            self.fault(Fault::LongLength, out)?;
        }
        if length >> 63 != 0 {
            self.fault(Fault::TopBit, out)?;
            self.lose_step();
            return Ok(());
        }
        let purpose = match header.opcode {
            OpCode::Control(control) => {
                if length > LONGEST_CONTROL || !header.is_final {
                    self.fault(Fault::Control, out)?;
                }
                let opcode = match control {
                    Control::Ping => "ping",
                    Control::Pong => "pong",
                    _ => "close",
                };
                out(Item::Note(Note::Control { opcode, length }))?;
                Use::None
            }
            OpCode::Data(data) => self.data(data, header, length, out)?,
        };
        if purpose == Use::Unreadable {
            out(Item::Lost(if header.rsv1 { None } else { Some(length) }))?;
        }
        let frame = Frame { left: length, mask: header.mask, masked: 0, purpose, is_final: header.is_final };
        if length == 0 {
            return self.end(&frame, out);
        }
        self.frame = Some(frame);
        Ok(())
    }

    /// What a data frame carries, by the message to which it belongs.
    fn data(&mut self, data: Data, header: &FrameHeader, length: u64, out: Out<'_>) -> Result<Use> {
        let purpose = if data == Data::Continue {
            match self.message {
                Message::Under(purpose) => purpose,
                Message::Unknown => Use::Mqtt,
                Message::None => {
                    self.fault(Fault::Stray, out)?;
                    return Ok(Use::Unreadable);
                }
            }
        } else {
            if matches!(self.message, Message::Under(_)) {
                self.fault(Fault::Interleaved, out)?;
            }
            self.compressed = false;
            if data == Data::Text {
                out(Item::Note(Note::TextFrame { length }))?;
                Use::None
            } else if !header.rsv1 {
                Use::Mqtt
            } else if self.agreed == Some(false) {
                self.fault(Fault::Rsv1, out)?;
                Use::Unreadable
            } else {
                self.compressed = true;
                Use::Mqtt
            }
        };
        self.message = if header.is_final { Message::None } else { Message::Under(purpose) };
        Ok(purpose)
    }

    /// Hands out what of `bytes` belongs to the frame, and returns the rest.
    fn payload<'a>(&mut self, mut frame: Frame, bytes: &'a [u8], out: Out<'_>) -> Result<&'a [u8]> {
        let length = usize::try_from(frame.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (part, rest) = bytes.split_at(length);
        frame.left -= length as u64;
        if frame.purpose == Use::Mqtt {
            let unmasked = frame.unmask(part);
            if self.compressed {
                self.inflate(&unmasked, &mut frame, out)?;
            } else {
                out(Item::Bytes(&unmasked))?;
            }
        }
        match frame.left {
            0 => self.end(&frame, out)?,
            _ => self.frame = Some(frame),
        }
        Ok(rest)
    }

    fn end(&mut self, frame: &Frame, out: Out<'_>) -> Result<()> {
        if !(frame.purpose == Use::Mqtt && frame.is_final && self.compressed) {
            return Ok(());
        }
        self.compressed = false;
        match &mut self.inflater {
            Some(inflater) => {
                inflater.end(&mut |bytes| out(Item::Bytes(bytes)))?;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn inflate(&mut self, bytes: &[u8], frame: &mut Frame, out: Out<'_>) -> Result<()> {
        if self.inflater.is_none() {
            self.inflater = Inflater::new(&self.pool);
        }
        let good = match &mut self.inflater {
            Some(inflater) => inflater.push(bytes, &mut |bytes| out(Item::Bytes(bytes)))?,
            None => false,
        };
        if good {
            return Ok(());
        }
        self.inflater = None;
        frame.purpose = Use::Unreadable;
        if self.message != Message::None {
            self.message = Message::Under(Use::Unreadable);
        }
        self.fault(Fault::Damaged, out)?;
        out(Item::Lost(None))
    }
}

impl Frame {
    fn unmask(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(mask) = self.mask else { return bytes.to_vec() };
        let begin = self.masked;
        self.masked = begin.wrapping_add(bytes.len());
        unmasked(bytes, mask, begin)
    }
}

/// `bytes` without their mask; so many bytes of the payload came before.
fn unmasked(bytes: &[u8], mask: [u8; 4], begin: usize) -> Vec<u8> {
    bytes.iter().zip(mask.iter().cycle().skip(begin % 4)).map(|(byte, mask)| byte ^ mask).collect()
}

fn shortest_header(length: u64, masked: bool) -> usize {
    let length = match length {
        0..126 => 0,
        126..65_536 => 2,
        _ => 8,
    };
    2 + length + if masked { 4 } else { 0 }
}

/// What bytes look like from their beginning on.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    /// Whole frames, with nothing or the beginning of a further one behind several.
    Frames,
    /// The beginning of a frame.
    Open,
    None,
}

/// Whether `bytes` are frames such as this sender sends.
fn run_of(bytes: &[u8], sender: Sender) -> Run {
    let mut cursor = Cursor::new(bytes);
    let mut whole = 0;
    loop {
        let at = cursor.position();
        let left = bytes.len() as u64 - at;
        if left == 0 {
            return if whole > 0 { Run::Frames } else { Run::Open };
        }
        match FrameHeader::parse(&mut cursor) {
            Ok(Some((header, length))) if is_usual(&header, length, cursor.position() - at, sender) => {
                let end = cursor.position().saturating_add(length);
                if end > bytes.len() as u64 {
                    return if whole > 1 { Run::Frames } else { Run::Open };
                }
                cursor.set_position(end);
                whole += 1;
            }
            Ok(None) if left < LONGEST_HEADER as u64 => {
                return if whole > 1 { Run::Frames } else { Run::Open };
            }
            _ => return Run::None,
        }
    }
}

/// Whether a header is as the standard wants it.
fn is_usual(header: &FrameHeader, length: u64, size: u64, sender: Sender) -> bool {
    let control = matches!(header.opcode, OpCode::Control(_));
    header.mask.is_some() == (sender == Sender::Client)
        && !header.rsv2
        && !header.rsv3
        && size == shortest_header(length, header.mask.is_some()) as u64
        && length >> 63 == 0
        && !(control && (length > LONGEST_CONTROL || !header.is_final || header.rsv1))
}

#[cfg(test)]
mod tests;
