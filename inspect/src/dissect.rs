//! A packet byte by byte: every field with its bytes, its value and its section of the standard.
//!
//! It goes by the layout alone and judges nothing, so that it can show a bad packet as far as it has
//! a shape; what is wrong is the codec's to say.

mod packets;

use mqtt_wire::{PacketType, PropertyId, PropertyType, ReasonCode, Version};

use crate::standard::Place;
use crate::text;

/// One field, or some bits of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) at: usize,
    pub(crate) length: usize,
    /// The bits that the row is about, in a row below that of their byte.
    pub(crate) bits: Option<u8>,
    pub(crate) depth: usize,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) section: String,
    /// The field is there to its end.
    pub(crate) is_whole: bool,
}

/// The names of rows that are no fields.
const UNASSIGNED: &str = "Bytes that belong to no field";
const BEHIND: &str = "Bytes behind the packet";

/// The fields that could be read of a packet before the byte at `until`, without those that only tell of others.
pub(crate) fn read(bytes: &[u8], version: Version, until: usize) -> Vec<Row> {
    let mut rows = dissect(bytes, version);
    rows.retain(|row| {
        let tells = !row.value.is_empty() && row.at > 0 && !row.name.to_ascii_lowercase().ends_with("length");
        let is_field =
            ![UNASSIGNED, BEHIND, CUT_OFF, "Property Identifier", "Reserved"].contains(&row.name.as_str());
        let is_flag = row.at == 0 && matches!(row.name.as_str(), "DUP" | "QoS" | "RETAIN");
        row.is_whole && row.at + row.length <= until && (is_flag || tells && is_field)
    });
    rows
}

impl Row {
    /// Whether it is what the user keeps secret.
    pub(crate) fn is_password(&self) -> bool {
        self.name == PASSWORD && self.bits.is_none()
    }
}

/// The name of the password's row.
const PASSWORD: &str = "Password";

/// The name of the row that stands for bytes that are not there.
pub(crate) const CUT_OFF: &str = "Cut off";

/// Takes a packet apart, as far as its bytes go.
pub(crate) fn dissect(bytes: &[u8], version: Version) -> Vec<Row> {
    let mut walker = Walker { bytes, end: bytes.len(), at: 0, depth: 0, version, rows: Vec::new() };
    if packets::packet(&mut walker).is_none() {
        walker.end = bytes.len();
    }
    walker.rest(UNASSIGNED, "");
    walker.end = bytes.len();
    walker.rest(BEHIND, "");
    walker.rows
}

/// Goes through the bytes; `None` is returned where they end too early.
struct Walker<'a> {
    bytes: &'a [u8],
    /// Where the block that is being read ends.
    end: usize,
    at: usize,
    depth: usize,
    version: Version,
    rows: Vec<Row>,
}

/// A section in 5.0 and in 3.1.1.
type Sections = (&'static str, &'static str);

impl<'a> Walker<'a> {
    fn is_v5(&self) -> bool {
        self.version == Version::V5
    }

    fn cite(&self, (v5, v3): Sections) -> &'static str {
        if self.is_v5() { v5 } else { v3 }
    }

    fn left(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.end).unwrap_or_default()
    }

    fn row(&mut self, length: usize, name: &str, value: impl Into<String>, section: &str) {
        let row = Row {
            at: self.at,
            length,
            bits: None,
            depth: self.depth,
            name: name.to_owned(),
            value: value.into(),
            section: section.to_owned(),
            is_whole: true,
        };
        self.rows.push(row);
        self.at += length;
    }

    /// Some bits of the byte before; the value they make up is returned.
    fn bits(&mut self, mask: u8, name: &str, section: &str, show: impl FnOnce(u8) -> String) -> u8 {
        let at = self.at.saturating_sub(1);
        let value = (self.bytes.get(at).copied().unwrap_or_default() & mask) >> mask.trailing_zeros();
        self.rows.push(Row {
            at,
            length: 1,
            bits: Some(mask),
            depth: self.depth + 1,
            name: name.to_owned(),
            value: show(value),
            section: section.to_owned(),
            is_whole: true,
        });
        value
    }

    fn flag(&mut self, mask: u8, name: &str, section: &str) -> bool {
        self.bits(mask, name, section, |bit| if bit == 0 { "0 (no)" } else { "1 (yes)" }.to_owned()) != 0
    }

    /// The field does not fit into what is left: what there is of it.
    fn cut<T>(&mut self, name: &str, wants: usize, section: &str) -> Option<T> {
        let there = self.left().len();
        self.row(
            there,
            name,
            format!("cut off: {} called for, {there} there", text::count(wants as u64, "byte")),
            section,
        );
        if let Some(row) = self.rows.last_mut() {
            row.is_whole = false;
        }
        None
    }

    fn take(&mut self, name: &str, length: usize, section: &str) -> Option<&'a [u8]> {
        match self.left().get(..length) {
            Some(bytes) => Some(bytes),
            None => self.cut(name, length, section),
        }
    }

    fn byte(&mut self, name: &str, section: &str, show: impl FnOnce(u8) -> String) -> Option<u8> {
        let value = *self.take(name, 1, section)?.first()?;
        self.row(1, name, show(value), section);
        Some(value)
    }

    fn two(&mut self, name: &str, section: &str, unit: &str) -> Option<u16> {
        let value = self.take(name, 2, section)?.first_chunk().copied().map(u16::from_be_bytes)?;
        self.row(2, name, format!("{value}{unit}"), section);
        Some(value)
    }

    fn four(&mut self, name: &str, section: &str) -> Option<()> {
        let value = self.take(name, 4, section)?.first_chunk().copied().map(u32::from_be_bytes)?;
        self.row(4, name, value.to_string(), section);
        Some(())
    }

    fn variable(&mut self, name: &str, section: &str) -> Option<usize> {
        let left = self.left();
        let more = left.iter().take(4).take_while(|byte| **byte >= 0x80).count();
        if more == 4 {
            self.row(4, name, "goes on after its fourth byte", section);
            return None;
        }
        let bytes = self.take(name, more + 1, section)?;
        let value = bytes.iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7F));
        let note = match bytes {
            [_, .., 0] => " (longer than needed)",
            _ => "",
        };
        self.row(more + 1, name, format!("{value}{note}"), section);
        Some(value)
    }

    /// A length of two bytes, and as many bytes.
    fn prefixed(
        &mut self,
        name: &str,
        section: &str,
        show: impl FnOnce(&[u8]) -> String,
    ) -> Option<&'a [u8]> {
        let length = usize::from(self.two(&format!("{name} length"), section, "")?);
        let bytes = self.take(name, length, section)?;
        self.row(length, name, show(bytes), section);
        Some(bytes)
    }

    fn text(&mut self, name: &str, section: &str) -> Option<&'a [u8]> {
        self.prefixed(name, section, text::string)
    }

    fn binary(&mut self, name: &str, section: &str) -> Option<()> {
        self.prefixed(name, section, text::meaning).map(drop)
    }

    /// All that is left of the block, if anything is.
    fn rest(&mut self, name: &str, section: &str) {
        let left = self.left();
        if !left.is_empty() {
            self.row(left.len(), name, text::meaning(left), section);
        }
    }

    fn reason(&mut self, name: &str, packet: PacketType, section: &str) -> Option<u8> {
        self.byte(name, section, |code| text::code(code, ReasonCode::new(code).name_in(packet)))
    }

    /// The properties of 5.0; nothing in 3.x.
    fn properties(&mut self, name: &str, place: Place) -> Option<()> {
        if !self.is_v5() {
            return Some(());
        }
        let length = self.variable(&format!("{name} length"), &place.length_section())?;
        if self.left().len() < length {
            return self.cut(name, length, &place.length_section());
        }
        let outer = std::mem::replace(&mut self.end, self.at + length);
        self.depth += 1;
        while !self.left().is_empty() {
            self.property(place)?;
        }
        self.depth -= 1;
        self.end = outer;
        Some(())
    }

    fn property(&mut self, place: Place) -> Option<()> {
        let number = *self.left().first()?;
        let Some(id) = PropertyId::new(number) else {
            self.row(1, "Property Identifier", format!("0x{number:02X}: no such property"), "2.2.2.2");
            return None;
        };
        let (name, section) = (id.title(), place.section(id));
        self.row(1, "Property Identifier", format!("0x{number:02X} {name}"), &section);
        self.depth += 1;
        match id.value_type() {
            PropertyType::Byte => self.byte(name, &section, |value| value.to_string()).map(drop),
            PropertyType::TwoByteInteger => self.two(name, &section, "").map(drop),
            PropertyType::FourByteInteger => self.four(name, &section),
            PropertyType::VariableByteInteger => self.variable(name, &section).map(drop),
            PropertyType::Utf8String => self.text(name, &section).map(drop),
            PropertyType::BinaryData => self.binary(name, &section),
            PropertyType::Utf8StringPair => {
                self.text(&format!("{name} name"), &section)?;
                self.text(&format!("{name} value"), &section).map(drop)
            }
        }?;
        self.depth -= 1;
        Some(())
    }
}

#[cfg(test)]
mod tests;
