//! What there is to say about a connection besides its MQTT packets.

use std::fmt;
use std::net::SocketAddr;

use crate::text::quoted;

/// What happened, as far as it is not a packet. Offsets are those of the sender's MQTT bytes where
/// nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Opened,
    /// The connection was under way when the capture began.
    Joined,
    WebSocket {
        /// Of the request, if that was seen.
        path: Option<String>,
        subprotocol: Option<String>,
    },
    Refused {
        status: u16,
    },
    /// WebSocket whose handshake, or this side's part of it, is not in the capture.
    WebSocketUnseen {
        path: Option<String>,
    },
    /// WebSocket that was under way when the capture began.
    WebSocketJoined,
    /// What a load balancer says about the client.
    Proxy {
        version: u8,
        source: Option<SocketAddr>,
        destination: Option<SocketAddr>,
    },
    Encrypted,
    /// HTTP that does not ask for WebSocket.
    Http,
    Closed,
    Reset,
    /// Nothing was heard of the connection for long, or there were too many others.
    Forgotten,
    /// What is under way on the connection takes more memory than there is.
    MemoryFull,
    /// The capture holds segments twice.
    Copies,
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
    /// TCP bytes whose segment was captured in part (snap length); `offset` counts the TCP stream.
    CutOff {
        offset: u64,
        length: u64,
    },
    /// TCP bytes that are not those that had been seen in their place; `offset` counts the TCP stream.
    Differing {
        offset: u64,
        length: u64,
    },
    /// A packet that is too long to be held.
    TooLarge {
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
    /// A frame that RFC 6455 forbids.
    BadFrame {
        fault: &'static str,
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
            Self::WebSocketUnseen { .. } => "websocket_unseen",
            Self::WebSocketJoined => "websocket_joined",
            Self::Proxy { .. } => "proxy",
            Self::Encrypted => "encrypted",
            Self::Http => "http",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Forgotten => "forgotten",
            Self::MemoryFull => "memory_full",
            Self::Copies => "copies",
            Self::Retransmission { .. } => "retransmission",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::Missing { .. } => "missing",
            Self::CutOff { .. } => "cut_off",
            Self::Differing { .. } => "differing",
            Self::TooLarge { .. } => "too_large",
            Self::Resynchronized { .. } => "resynchronized",
            Self::GaveUp { .. } => "gave_up",
            Self::Control { .. } => "websocket_control",
            Self::TextFrame { .. } => "websocket_text",
            Self::BadFrame { .. } => "websocket_fault",
            Self::BadWebSocket { .. } => "websocket_error",
        }
    }

    /// Whether the note is about the connection and not about one side's doing.
    pub(crate) fn is_of_both(&self) -> bool {
        matches!(
            self,
            Self::Opened
                | Self::Joined
                | Self::WebSocketJoined
                | Self::Encrypted
                | Self::Http
                | Self::Closed
                | Self::Forgotten
                | Self::MemoryFull
                | Self::Copies
        )
    }

    pub(crate) fn weight(&self) -> Weight {
        match self {
            Self::Missing { .. }
            | Self::CutOff { .. }
            | Self::Differing { .. }
            | Self::TooLarge { .. }
            | Self::WebSocketUnseen { .. }
            | Self::WebSocketJoined
            | Self::Http
            | Self::Forgotten
            | Self::MemoryFull
            | Self::Copies
            | Self::BadFrame { .. }
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
            Self::WebSocket { path, subprotocol } => {
                f.write_str("WebSocket, ")?;
                match path {
                    Some(path) => write!(f, "path {}", quoted(path))?,
                    None => f.write_str("request missing from the capture")?,
                }
                match subprotocol {
                    Some(subprotocol) => write!(f, ", subprotocol {}", quoted(subprotocol)),
                    None => f.write_str(", no subprotocol"),
                }
            }
            Self::Refused { status } => write!(f, "WebSocket refused with HTTP status {status}"),
            Self::WebSocketUnseen { path: Some(path) } => {
                write!(f, "WebSocket, path {}, whose handshake is missing from the capture", quoted(path))
            }
            Self::WebSocketUnseen { path: None } => {
                f.write_str("WebSocket whose handshake is missing from the capture")
            }
            Self::WebSocketJoined => f.write_str("WebSocket, already open when the capture began"),
            Self::Proxy { version, source: Some(source), destination: Some(destination) } => {
                write!(f, "PROXY protocol {version}: {source} → {destination}")
            }
            Self::Proxy { version, .. } => write!(f, "PROXY protocol {version}, without addresses"),
            Self::Http => f.write_str("HTTP, and no WebSocket: not MQTT"),
            Self::Forgotten => f.write_str("nothing heard for long: not followed any further"),
            Self::MemoryFull => f.write_str(
                "too much is under way to be remembered: aliases, flows and rules between packets start anew",
            ),
            Self::Copies => {
                f.write_str("TCP segments stand twice in the capture: the second ones are passed over")
            }
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
            Self::CutOff { offset, length } => {
                write!(f, "{length} TCP {} at {offset} not captured (snap length)", bytes(*length))
            }
            Self::Differing { offset, length } => write!(
                f,
                "TCP bytes at {offset} sent again with {length} {} changed: those that came first are shown",
                bytes(*length)
            ),
            Self::TooLarge { offset, length } => {
                write!(
                    f,
                    "a packet of {length} {} at {offset} is too large to be held: skipped",
                    bytes(*length)
                )
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
            Self::BadFrame { fault } => write!(f, "WebSocket: {fault}"),
            Self::BadWebSocket { reason } => write!(f, "not a WebSocket stream any more: {reason}"),
        }
    }
}

fn bytes(count: u64) -> &'static str {
    if count == 1 { "byte" } else { "bytes" }
}
