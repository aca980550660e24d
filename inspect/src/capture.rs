//! Capture files: pcap and pcapng, plain or compressed, read as a stream of captured frames.

mod compression;

use std::fmt;
use std::io::{self, Cursor, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) u64);

/// Nanoseconds since the capture began; a clock may have been set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Elapsed(i64);

impl Time {
    pub(crate) fn since(self, begin: Option<Time>) -> Elapsed {
        Elapsed(begin.map_or(0, |begin| self.0.wrapping_sub(begin.0).cast_signed()))
    }

    /// As RFC 3339 writes it, to the microsecond.
    pub(crate) fn utc(self) -> String {
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(self.0);
        humantime::format_rfc3339_micros(time).to_string()
    }
}

impl Time {
    /// In the system's time zone, with its offset from UTC, to the microsecond.
    pub(crate) fn local(self) -> String {
        let zoned = Timestamp::from_nanosecond(self.0.into()).map(|at| at.to_zoned(TimeZone::system()));
        // Every time that a capture can hold is one of the calendar's.
        zoned.map_or_else(|_| self.utc(), |at| at.strftime("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string())
    }
}

impl Elapsed {
    pub(crate) fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
    }

    pub(crate) fn nanoseconds(self) -> i64 {
        self.0
    }

    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a hundred days are exact")]
    pub(crate) fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// In seconds, to the microsecond.
impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Performance: a number with a point takes four times as long.
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs().saturating_add(500) / 1000;
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// One captured frame, as it was on the wire.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) time: Option<Time>,
    pub(crate) link: Linktype,
    pub(crate) data: &'a [u8],
}

/// What pcapng says about an interface: its link type and how its clock counts.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Linktype,
    units_per_second: u64,
    offset_seconds: i64,
}

/// How a capture came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    /// The file stops inside a record, as it does when the capturing program was killed.
    Cut,
    /// The file cannot be read any further, for this reason.
    Damaged(String),
}

/// How much is read at a time, to begin with.
const CAPACITY: usize = 64 * 1024;
/// No link carries frames of this size; a record that claims more is damaged.
const LARGEST_RECORD: usize = 16 * 1024 * 1024;

pub(crate) struct Capture {
    reader: Box<dyn PcapReaderIterator + Send>,
    failure: Failure,
    capacity: usize,
    /// Whether the file is made of blocks: pcapng.
    blocks: bool,
    state: State,
}

/// What blocks say about later ones.
#[derive(Debug, Default)]
struct State {
    nanoseconds: bool,
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// Whether there were keys of encrypted connections.
    secrets: bool,
}

impl Capture {
    pub(crate) fn open(source: impl Read + Send + 'static) -> Result<Self> {
        let source = compression::unpack(source).context("cannot read it")?;
        let (head, source) = prefetch(source).context("cannot read it")?;
        if head.is_empty() {
            bail!("the file is empty");
        }
        let failure = Failure::default();
        let source = Watched { inner: source, failure: failure.clone() };
        match create_reader(CAPACITY, source) {
            Ok(reader) => {
                let blocks = head.starts_with(&SECTION_HEADER);
                Ok(Self { reader, failure, capacity: CAPACITY, blocks, state: State::default() })
            }
            Err(PcapError::ReadError) => bail!("cannot read it"),
            Err(_) => match other_format(&head) {
                Some(format) => bail!("it is {format}, not a pcap or pcapng file"),
                None => bail!("neither a pcap nor a pcapng file (for other input see --raw and --hex)"),
            },
        }
    }

    /// Whether the file held keys of encrypted connections so far.
    pub(crate) fn has_secrets(&self) -> bool {
        self.state.secrets
    }

    /// Hands every frame to `each`, in the order of the file, holding one record at a time; and `None`
    /// before it waits for more, which may take long where another program is still capturing.
    pub(crate) fn read(&mut self, mut each: impl FnMut(Option<&Frame<'_>>) -> Result<()>) -> Result<End> {
        loop {
            if self.next_is_too_short() {
                return Ok(self.damaged());
            }
            match self.reader.next() {
                Ok((length, block)) => {
                    match self.state.frame(&block) {
                        Ok(Some(frame)) => each(Some(&frame))?,
                        Ok(None) => {}
                        Err(damage) => return Ok(End::Damaged(damage)),
                    }
                    self.reader.consume(length);
                }
                Err(PcapError::Eof) => return Ok(End::Complete),
                Err(PcapError::UnexpectedEof) => {
                    return Ok(if self.reader.data().is_empty() { End::Complete } else { End::Cut });
                }
                Err(PcapError::Incomplete(_)) => {
                    each(None)?;
                    if self.reader.refill().is_err() {
                        return self.failed();
                    }
                }
                Err(PcapError::BufferTooSmall) if self.capacity < LARGEST_RECORD => {
                    self.capacity *= 2;
                    self.reader.grow(self.capacity);
                    if self.reader.refill().is_err() {
                        return self.failed();
                    }
                }
                Err(PcapError::ReadError) => return self.failed(),
                Err(_) => return Ok(self.damaged()),
            }
        }
    }

    /// Whether the next block claims to be shorter than its own frame, its type and twice its length: of one kind of blocks
    /// pcap-parser subtracts that without a look.
    fn next_is_too_short(&self) -> bool {
        let Some((kind, length)) = head_of_block(self.reader.data()) else { return false };
        // That of a section says the order of bytes for itself, and pcap-parser looks at it.
        if !self.blocks || kind == SECTION_HEADER {
            return false;
        }
        let length =
            if self.state.big_endian { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
        length < BLOCK_FRAME
    }

    fn damaged(&self) -> End {
        End::Damaged(format!("damaged record at byte {}", self.reader.consumed()))
    }

    /// Reading failed: because compressed data are cut off or wrong, or for another reason.
    fn failed(&self) -> Result<End> {
        match self.failure.take() {
            Some(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(End::Cut),
            Some(error) if error.raw_os_error().is_none() => {
                Ok(End::Damaged(format!("damaged compression: {error}")))
            }
            Some(error) => Err(error).context("reading failed"),
            None => bail!("reading failed"),
        }
    }
}

/// What kind of file it is that is not read.
fn other_format(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => "compressed with xz",
        [b'B', b'Z', b'h', ..] => "compressed with bzip2",
        [0x04, 0x22, 0x4D, 0x18, ..] => "compressed with lz4",
        [b'P', b'K', 3, 4, ..] => "a zip archive",
        [b'7', b'z', 0xBC, 0xAF, ..] => "a 7z archive",
        [b's', b'n', b'o', b'o', b'p', 0, ..] => "a snoop capture",
        [b'G', b'M', b'B', b'U', ..] => "a Network Monitor capture",
        [b'X', b'C', b'P', 0, ..] => "a NetXRay capture",
        _ => return None,
    })
}

/// The error that reading ended with: the reader of captures does not hand it on.
#[derive(Clone, Debug, Default)]
struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: io::Error) -> io::Error {
        let again = io::Error::from(error.kind());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        again
    }
}

struct Watched<R> {
    inner: R,
    failure: Failure,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure.set(error)),
                Ok(length) => return Ok(length),
            }
        }
    }
}

impl State {
    /// The frame in a block, if it holds one; what a block says about later ones is remembered. The error
    /// says what is damaged.
    fn frame<'a>(&mut self, block: &'a PcapBlockOwned<'a>) -> Result<Option<Frame<'a>>, String> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                self.nanoseconds = header.is_nanosecond_precision();
                // The upper bits of the field may tell of a frame check sequence.
                let link = Linktype(header.network.0 & 0xFFFF);
                self.interfaces = vec![Interface { link, units_per_second: 1, offset_seconds: 0 }];
                Ok(None)
            }
            PcapBlockOwned::Legacy(record) => {
                let unit = if self.nanoseconds { 1 } else { 1000 };
                let time = u64::from(record.ts_sec) * 1_000_000_000 + u64::from(record.ts_usec) * unit;
                let link = self.interfaces.first().map_or(Linktype::ETHERNET, |interface| interface.link);
                let data = captured(record.data, record.origlen);
                Ok(Some(Frame { time: Some(Time(time)), link, data }))
            }
            PcapBlockOwned::NG(Block::SectionHeader(header)) => {
                self.big_endian = header.big_endian();
                self.interfaces.clear();
                Ok(None)
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
                self.interfaces.push(Interface {
                    link: description.linktype,
                    units_per_second: description
                        .ts_resolution()
                        .filter(|units| *units > 0)
                        .unwrap_or(1_000_000),
                    offset_seconds: description.ts_offset(),
                });
                Ok(None)
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                self.timed(packet.if_id, ticks, packet.packet_data()).map(Some)
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                let interface = self.interfaces.first().ok_or("a packet without an interface")?;
                let data = captured(packet.data, packet.origlen);
                Ok(Some(Frame { time: None, link: interface.link, data }))
            }
            PcapBlockOwned::NG(Block::Unknown(block)) if self.kind(block.block_type) == PACKET_BLOCK => {
                self.packet_block(block.data).map(Some)
            }
            PcapBlockOwned::NG(Block::DecryptionSecrets(_)) => {
                self.secrets = true;
                Ok(None)
            }
            PcapBlockOwned::NG(_) => Ok(None),
        }
    }

    /// pcap-parser leaves the types of blocks that it does not know as they stand in the file.
    fn kind(&self, block_type: u32) -> u32 {
        if self.big_endian { block_type.swap_bytes() } else { block_type }
    }

    /// The Packet Block of early pcapng, which pcap-parser does not read: the Enhanced Packet Block has
    /// taken its place. Interface and drops, time, captured and original length, the frame.
    fn packet_block<'a>(&self, body: &'a [u8]) -> Result<Frame<'a>, String> {
        const CUT: &str = "a Packet Block that is too short";
        let (fields, frame) = body.split_first_chunk::<20>().ok_or(CUT)?;
        let [interface @ .., _, _] = fields.first_chunk::<4>().ok_or(CUT)?;
        let interface =
            if self.big_endian { u16::from_be_bytes(*interface) } else { u16::from_le_bytes(*interface) };
        let word = |at: usize| {
            let bytes = fields.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
            if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        let ticks = u64::from(word(4)) << 32 | u64::from(word(8));
        let data = usize::try_from(word(12)).ok().and_then(|length| frame.get(..length)).ok_or(CUT)?;
        self.timed(interface.into(), ticks, captured(data, word(16)))
    }

    fn timed<'a>(&self, interface: u32, ticks: u64, data: &'a [u8]) -> Result<Frame<'a>, String> {
        let known = usize::try_from(interface).ok().and_then(|index| self.interfaces.get(index));
        let Some(known) = known else {
            return Err(format!("a packet names interface {interface}, which the file does not describe"));
        };
        Ok(Frame { time: Some(known.time(ticks)), link: known.link, data })
    }
}

/// The type of the block that a pcapng file, and each section in it, begins with: the same in both orders of bytes.
const SECTION_HEADER: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
/// The bytes of a block without what is in it.
const BLOCK_FRAME: u32 = 12;
/// The type of the block that is no longer written.
const PACKET_BLOCK: u32 = 2;

/// The type and the length that a block of pcapng begins with.
fn head_of_block(bytes: &[u8]) -> Option<([u8; 4], [u8; 4])> {
    let (kind, rest) = bytes.split_first_chunk()?;
    Some((*kind, *rest.first_chunk()?))
}

/// A frame's bytes: some writers round the captured length up to a word.
fn captured(data: &[u8], original: u32) -> &[u8] {
    usize::try_from(original).ok().and_then(|length| data.get(..length)).unwrap_or(data)
}

impl Interface {
    fn time(&self, ticks: u64) -> Time {
        let nanoseconds = u128::from(ticks) * 1_000_000_000 / u128::from(self.units_per_second);
        let shifted = i128::try_from(nanoseconds)
            .unwrap_or(i128::MAX)
            .saturating_add(i128::from(self.offset_seconds) * 1_000_000_000);
        Time(u64::try_from(shifted.max(0)).unwrap_or(u64::MAX))
    }
}

/// Reads the file's own header into memory and puts it in front of the rest: the reader below wants it
/// whole at its first look, and a pipe may hand it out in parts.
fn prefetch(mut source: impl Read + Send + 'static) -> io::Result<(Vec<u8>, impl Read + Send + 'static)> {
    const PCAP_HEADER: u64 = 24;
    let mut head = Vec::new();
    source.by_ref().take(PCAP_HEADER).read_to_end(&mut head)?;
    if let Some((SECTION_HEADER, length)) = head_of_block(&head) {
        // The length of the section header, in the one or the other order of bytes.
        let length = u32::from_le_bytes(length).min(u32::from_be_bytes(length));
        source
            .by_ref()
            .take(u64::from(length).min(CAPACITY as u64).saturating_sub(PCAP_HEADER))
            .read_to_end(&mut head)?;
    }
    Ok((head.clone(), Cursor::new(head).chain(source)))
}
