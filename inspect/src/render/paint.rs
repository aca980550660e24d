//! Colour, when it is wanted.

use std::fmt;

use anstyle::{AnsiColor, Style};
use mqtt_wire::PacketType;

pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const TEXT: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(crate) const PLACE: Style = AnsiColor::Cyan.on_default();

/// The colour of a packet type: who is there, what is said, what answers, what is wanted.
pub(crate) fn packet(packet: PacketType) -> Style {
    match packet {
        PacketType::Connect | PacketType::ConnAck | PacketType::Disconnect | PacketType::Auth => {
            AnsiColor::Magenta.on_default().bold()
        }
        PacketType::Publish => AnsiColor::Blue.on_default().bold(),
        PacketType::Subscribe | PacketType::SubAck | PacketType::Unsubscribe | PacketType::UnsubAck => {
            AnsiColor::Cyan.on_default().bold()
        }
        PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubRel
        | PacketType::PubComp
        | PacketType::PingReq
        | PacketType::PingResp => DIM,
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Painter {
    pub(crate) colour: bool,
}

impl Painter {
    /// The text in its colour, to be written.
    pub(crate) fn paint(self, style: Style, text: &str) -> Painted<'_> {
        let style = if self.colour && !text.is_empty() { style } else { Style::new() };
        Painted { style, text }
    }
}

pub(crate) struct Painted<'a> {
    style: Style,
    text: &'a str,
}

impl fmt::Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.style == Style::new() {
            return f.write_str(self.text);
        }
        write!(f, "{}{}{:#}", self.style, self.text, self.style)
    }
}
