//! What there is to say about a connection besides its MQTT packets.

use std::fmt;

use crate::text::quoted;

/// What happened, as far as it is not a packet. Offsets are those of the sender's MQTT bytes where
/// nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Opened,
    /// The connection was under way when the capture began.
    Joined,
    WebSocket {
        path: String,
        subprotocol: Option<String>,
    },
    Refused {
        status: u16,
    },
    Encrypted,
    Closed,
    Reset,
    /// TCP bytes seen before; `offset` counts the TCP stream.
    Retransmission {
        offset: u64,
        length: u64,
    },
    /// TCP bytes that came too early; `offset` counts the TCP stream.
    OutOfOrder {
        offset: u64,
        length: u64,
        ahead: u64,
    },
    /// TCP bytes that the capture lacks; `offset` counts the TCP stream.
    Missing {
        offset: u64,
        length: u64,
    },
    /// After `skipped` bytes the beginning of a packet was found again.
    Resynchronized {
        skipped: u64,
    },
    /// No beginning of a packet was found in the rest of the stream.
    GaveUp {
        skipped: u64,
    },
    /// A WebSocket frame that carries no MQTT.
    Control {
        opcode: &'static str,
        length: u64,
    },
    /// MQTT in a text frame, which the standard forbids.
    TextFrame {
        length: u64,
    },
    BadWebSocket {
        reason: String,
    },
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Part of the ordinary course of things.
    Plain,
    /// The capture is not all that was sent, or the traffic is not what it should be.
    Warning,
}

impl Note {
    /// The note's name in JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Joined => "joined",
            Self::WebSocket { .. } => "websocket",
            Self::Refused { .. } => "refused",
            Self::Encrypted => "encrypted",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Retransmission { .. } => "retransmission",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::Missing { .. } => "missing",
            Self::Resynchronized { .. } => "resynchronized",
            Self::GaveUp { .. } => "gave_up",
            Self::Control { .. } => "websocket_control",
            Self::TextFrame { .. } => "websocket_text",
            Self::BadWebSocket { .. } => "websocket_error",
        }
    }

    /// Whether the note is about the connection and not about one side's doing.
    pub(crate) fn is_of_both(&self) -> bool {
        matches!(self, Self::Opened | Self::Joined | Self::Encrypted | Self::Closed)
    }

    pub(crate) fn weight(&self) -> Weight {
        match self {
            Self::Missing { .. }
            | Self::Resynchronized { .. }
            | Self::GaveUp { .. }
            | Self::TextFrame { .. }
            | Self::BadWebSocket { .. }
            | Self::Encrypted => Weight::Warning,
            _ => Weight::Plain,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("connection opened"),
            Self::Joined => f.write_str("connection already open when the capture began"),
            Self::WebSocket { path, subprotocol: Some(subprotocol) } => {
                write!(f, "WebSocket, path {}, subprotocol {}", quoted(path), quoted(subprotocol))
            }
            Self::WebSocket { path, subprotocol: None } => {
                write!(f, "WebSocket, path {}, no subprotocol", quoted(path))
            }
            Self::Refused { status } => write!(f, "WebSocket refused with HTTP status {status}"),
            Self::Encrypted => f.write_str("encrypted (TLS): cannot be read"),
            Self::Closed => f.write_str("connection closed"),
            Self::Reset => f.write_str("connection reset"),
            Self::Retransmission { offset, length } => {
                write!(f, "TCP retransmission of {length} {} at {offset}", bytes(*length))
            }
            Self::OutOfOrder { offset, length, ahead } => write!(
                f,
                "TCP segment out of order: {length} {} at {offset} came {ahead} {} early",
                bytes(*length),
                bytes(*ahead)
            ),
            Self::Missing { offset, length } => {
                write!(f, "{length} TCP {} at {offset} missing from the capture", bytes(*length))
            }
            Self::Resynchronized { skipped: 0 } => f.write_str("in step again at a packet's beginning"),
            Self::Resynchronized { skipped } => {
                write!(f, "in step again at a packet's beginning, {skipped} {} skipped", bytes(*skipped))
            }
            Self::GaveUp { skipped } => {
                write!(f, "no packet's beginning found again, {skipped} {} not read", bytes(*skipped))
            }
            Self::Control { opcode, length } => {
                write!(f, "WebSocket {opcode} frame, {length} {}", bytes(*length))
            }
            Self::TextFrame { length } => {
                write!(
                    f,
                    "WebSocket text frame of {length} {}: MQTT belongs in binary frames",
                    bytes(*length)
                )
            }
            Self::BadWebSocket { reason } => write!(f, "not a WebSocket stream any more: {reason}"),
        }
    }
}

fn bytes(count: u64) -> &'static str {
    if count == 1 { "byte" } else { "bytes" }
}
