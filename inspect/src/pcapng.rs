//! Writes pcapng: one section, one interface of raw IP, times in nanoseconds.
//!
//! Our own, since pcap-parser writes it by way of an executor of futures, and the other libraries read or write
//! captures of their own types: what is needed are three kinds of blocks.

use std::io::{Result, Write};

use crate::capture::Time;

/// The link type of packets that begin with their IP header (`LINKTYPE_RAW`).
pub(crate) const RAW_IP: u16 = 101;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// The option of an interface that says how its clock counts, and the exponent of ten of a nanosecond.
const IF_TSRESOL: (u16, u8) = (9, 9);
/// The option of a section that names the program which writes it.
const SHB_USERAPPL: u16 = 4;

#[derive(Debug)]
pub(crate) struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins the file.
    pub(crate) fn new(mut out: W) -> Result<Self> {
        let program = concat!("mqtt-inspect ", env!("CARGO_PKG_VERSION"));
        let mut section = Vec::new();
        section.extend(0x1A2B_3C4D_u32.to_le_bytes());
        // Version 1.0; the section's length is not stated.
        section.extend([1, 0, 0, 0]);
        section.extend(u64::MAX.to_le_bytes());
        option(&mut section, SHB_USERAPPL, program.as_bytes());
        end_of_options(&mut section);
        block(&mut out, SECTION_HEADER, &[&section])?;
        let mut interface = Vec::new();
        interface.extend(RAW_IP.to_le_bytes());
        // Reserved; frames of any length.
        interface.extend([0; 6]);
        option(&mut interface, IF_TSRESOL.0, &[IF_TSRESOL.1]);
        end_of_options(&mut interface);
        block(&mut out, INTERFACE_DESCRIPTION, &[&interface])?;
        Ok(Self { out })
    }

    /// Appends an IP packet.
    pub(crate) fn packet(&mut self, time: Time, packet: &[u8]) -> Result<()> {
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX).to_le_bytes();
        let (high, low) = ((time.0 >> 32).to_le_bytes(), time.0.to_le_bytes());
        let (high, low) = (high.first_chunk::<4>(), low.first_chunk::<4>());
        let ticks = [high.copied().unwrap_or_default(), low.copied().unwrap_or_default()].concat();
        block(&mut self.out, ENHANCED_PACKET, &[&[0; 4], &ticks, &length, &length, packet])
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}

fn option(options: &mut Vec<u8>, code: u16, value: &[u8]) {
    options.extend(code.to_le_bytes());
    options.extend(u16::try_from(value.len()).unwrap_or_default().to_le_bytes());
    options.extend(value);
    options.resize(options.len().next_multiple_of(4), 0);
}

fn end_of_options(options: &mut Vec<u8>) {
    options.extend([0; 4]);
}

/// A block is its type, its length, a body of whole words, and its length again.
fn block(out: &mut impl Write, kind: u32, body: &[&[u8]]) -> Result<()> {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let padding = length.next_multiple_of(4) - length;
    let total = u32::try_from(length + padding + 12).unwrap_or(u32::MAX).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total)?;
    for part in body {
        out.write_all(part)?;
    }
    out.write_all([0; 4].get(..padding).unwrap_or_default())?;
    out.write_all(&total)
}
