//! Capture files: pcap and pcapng, plain or gzip, read as a stream of captured frames.

use std::fmt;
use std::io::{Cursor, Read};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
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

impl Elapsed {
    pub(crate) fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
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
}

/// How much is read at a time, to begin with.
const CAPACITY: usize = 64 * 1024;
/// No link carries frames of this size; a record that claims more is damaged.
const LARGEST_RECORD: usize = 16 * 1024 * 1024;

pub(crate) struct Capture {
    reader: Box<dyn PcapReaderIterator + Send>,
    capacity: usize,
    nanoseconds: bool,
    interfaces: Vec<Interface>,
}

impl Capture {
    pub(crate) fn open(source: impl Read + Send + 'static) -> Result<Self> {
        let source = gunzip(source).context("cannot read it")?;
        let (head, source) = prefetch(source).context("cannot read it")?;
        if head == 0 {
            bail!("the file is empty");
        }
        match create_reader(CAPACITY, source) {
            Ok(reader) => Ok(Self { reader, capacity: CAPACITY, nanoseconds: false, interfaces: Vec::new() }),
            Err(PcapError::ReadError) => bail!("cannot read it"),
            Err(_) => bail!("neither a pcap nor a pcapng file (for other input see --raw and --hex)"),
        }
    }

    /// Hands every frame to `each`, in the order of the file, holding one record at a time; and `None`
    /// before it waits for more, which may take long where another program is still capturing.
    pub(crate) fn read(&mut self, mut each: impl FnMut(Option<&Frame<'_>>) -> Result<()>) -> Result<End> {
        loop {
            match self.reader.next() {
                Ok((length, block)) => {
                    let (nanoseconds, interfaces) = (&mut self.nanoseconds, &mut self.interfaces);
                    if let Some(frame) = frame(&block, nanoseconds, interfaces)? {
                        each(Some(&frame))?;
                    }
                    self.reader.consume(length);
                }
                Err(PcapError::Eof) => return Ok(End::Complete),
                Err(PcapError::UnexpectedEof) => {
                    return Ok(if self.reader.data().is_empty() { End::Complete } else { End::Cut });
                }
                Err(PcapError::Incomplete(_)) => {
                    each(None)?;
                    self.reader.refill().map_err(|_| anyhow::anyhow!("reading failed"))?;
                }
                Err(PcapError::BufferTooSmall) if self.capacity < LARGEST_RECORD => {
                    self.capacity *= 2;
                    self.reader.grow(self.capacity);
                    self.reader.refill().map_err(|_| anyhow::anyhow!("reading failed"))?;
                }
                Err(PcapError::ReadError) => bail!("reading failed"),
                Err(_) => bail!("damaged record at byte {}", self.reader.consumed()),
            }
        }
    }
}

/// The frame in a block, if it holds one; what a block says about later ones is remembered.
fn frame<'a>(
    block: &'a PcapBlockOwned<'a>,
    nanoseconds: &mut bool,
    interfaces: &mut Vec<Interface>,
) -> Result<Option<Frame<'a>>> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            *nanoseconds = header.is_nanosecond_precision();
            // The upper bits of the field may tell of a frame check sequence.
            let link = Linktype(header.network.0 & 0xFFFF);
            *interfaces = vec![Interface { link, units_per_second: 1, offset_seconds: 0 }];
            Ok(None)
        }
        PcapBlockOwned::Legacy(record) => {
            let unit = if *nanoseconds { 1 } else { 1000 };
            let time = u64::from(record.ts_sec) * 1_000_000_000 + u64::from(record.ts_usec) * unit;
            let link = interfaces.first().map_or(Linktype::ETHERNET, |interface| interface.link);
            // Some writers round the captured length up to a word.
            let length = record.data.len().min(usize::try_from(record.origlen)?);
            Ok(Some(Frame { time: Some(Time(time)), link, data: &record.data[..length] }))
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            Ok(None)
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
            interfaces.push(Interface {
                link: description.linktype,
                units_per_second: description.ts_resolution().filter(|units| *units > 0).unwrap_or(1_000_000),
                offset_seconds: description.ts_offset(),
            });
            Ok(None)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = usize::try_from(packet.if_id).ok().and_then(|index| interfaces.get(index));
            let Some(interface) = interface else {
                bail!("a packet names interface {}, which the file does not describe", packet.if_id);
            };
            let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            let data = packet.packet_data();
            Ok(Some(Frame { time: Some(interface.time(ticks)), link: interface.link, data }))
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let Some(interface) = interfaces.first() else {
                bail!("a packet without an interface");
            };
            let length = packet.data.len().min(usize::try_from(packet.origlen)?);
            Ok(Some(Frame { time: None, link: interface.link, data: &packet.data[..length] }))
        }
        PcapBlockOwned::NG(_) => Ok(None),
    }
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
fn prefetch(mut source: impl Read + Send + 'static) -> std::io::Result<(usize, impl Read + Send + 'static)> {
    const PCAP_HEADER: u64 = 24;
    let mut head = Vec::new();
    source.by_ref().take(PCAP_HEADER).read_to_end(&mut head)?;
    if let Some([0x0A, 0x0D, 0x0D, 0x0A, length @ ..]) = head.first_chunk::<8>() {
        // The length of the section header, in the one or the other order of bytes.
        let length = u32::from_le_bytes(*length).min(u32::from_be_bytes(*length));
        source
            .by_ref()
            .take(u64::from(length).min(CAPACITY as u64).saturating_sub(PCAP_HEADER))
            .read_to_end(&mut head)?;
    }
    Ok((head.len(), Cursor::new(head).chain(source)))
}

fn gunzip(mut source: impl Read + Send + 'static) -> std::io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::new();
    source.by_ref().take(2).read_to_end(&mut magic)?;
    let zipped = magic == [0x1F, 0x8B];
    let source = Cursor::new(magic).chain(source);
    Ok(if zipped { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) })
}
