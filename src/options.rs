//! What a caller decides about decoding and encoding.

use crate::frame::MAX_PACKET_SIZE;
use crate::version::{Sender, Version};

/// A departure from the standard that real programs are known for. None is accepted unless asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tolerance {
    /// Bit 7 of CONNECT's protocol level, which bridges of mosquitto and NanoMQ set (0x83, 0x84): it shows as
    /// [`Connect::bridge`](crate::Connect::bridge).
    BridgeProtocolLevel,
    /// Reason codes that the packet's table does not list, or not for this sender. (Bridges of mosquitto answer
    /// a PUBLISH with 0x10, which is the server's.)
    UnknownReasonCodes,
    /// Variable byte integers that are longer than needed, which 5.0 forbids (`[MQTT-1.5.5-1]`) and no rule of
    /// 3.x does.
    NonMinimalLengths,
    /// Client identifiers that MQTT 3.1 refuses: longer than 23 characters.
    LongClientIds,
}

impl Tolerance {
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The other choices stand behind the tolerances, from the high end.
const DETECT: u16 = 1 << 13;
const REFUSE_CONTROL: u16 = 1 << 14;
const CHECK_PAYLOAD: u16 = 1 << 15;

/// What judges one packet's body: passed by value through every parser and encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Context {
    pub(crate) version: Version,
    pub(crate) sender: Option<Sender>,
    choices: u16,
}

impl Context {
    pub(crate) const fn new(version: Version) -> Self {
        Self { version, sender: None, choices: 0 }
    }

    pub(crate) const fn tolerates(self, tolerance: Tolerance) -> bool {
        self.choices & tolerance.bit() != 0
    }

    pub(crate) const fn detects_version(self) -> bool {
        self.choices & DETECT != 0
    }

    pub(crate) const fn refuses_control_characters(self) -> bool {
        self.choices & REFUSE_CONTROL != 0
    }

    pub(crate) const fn checks_payload_format(self) -> bool {
        self.choices & CHECK_PAYLOAD != 0
    }

    pub(crate) const fn with_version(self, version: Version) -> Self {
        Self { version, ..self }
    }
}

/// How to decode: the version, who sends, the size limit, and what to tolerate. Strict by default.
///
/// ```
/// use mqtt_wire::{DecodeOptions, Sender, Tolerance, Version};
///
/// // What a broker uses: the version is the one that CONNECT names.
/// let broker = DecodeOptions::detect().sender(Sender::Client).max_packet_size(64 * 1024);
/// // What a client of MQTT 5.0 uses.
/// let client = DecodeOptions::new(Version::V5).sender(Sender::Server).tolerate(Tolerance::UnknownReasonCodes);
/// # let _ = (broker, client);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecodeOptions {
    max_packet_size: u32,
    context: Context,
    first: bool,
}

impl DecodeOptions {
    /// Packets of that version, from either side, of any size. A CONNECT of another version is an error.
    pub const fn new(version: Version) -> Self {
        Self { max_packet_size: MAX_PACKET_SIZE, context: Context::new(version), first: false }
    }

    /// A CONNECT is decoded by the version it names, every other packet as 5.0.
    pub const fn detect() -> Self {
        let mut this = Self::new(Version::V5);
        this.context.choices |= DETECT;
        this
    }

    /// The same options for that version.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.context.version = version;
        self.context.choices &= !DETECT;
        self
    }

    /// Judges direction as well: packet types, properties and reason codes that this side may not send are
    /// refused (the rules of level "context").
    #[must_use]
    pub const fn sender(mut self, sender: Sender) -> Self {
        self.context.sender = Some(sender);
        self
    }

    /// The largest packet accepted, in bytes, fixed header included: what the receiver announced as Maximum
    /// Packet Size. A larger one is refused as soon as its length is read.
    #[must_use]
    pub const fn max_packet_size(mut self, bytes: u32) -> Self {
        self.max_packet_size = bytes;
        self
    }

    /// The next packet is the first of its connection: from a client nothing but CONNECT is accepted
    /// (`[MQTT-3.1.0-1]`), from a server nothing but CONNACK and AUTH, without a sender nothing but CONNECT.
    /// Refused at its first byte.
    #[must_use]
    pub const fn first_packet(mut self, first: bool) -> Self {
        self.first = first;
        self
    }

    /// Accepts a departure from the standard.
    #[must_use]
    pub const fn tolerate(mut self, tolerance: Tolerance) -> Self {
        self.context.choices |= tolerance.bit();
        self
    }

    /// Refuses control characters and non-characters in strings, as a receiver may
    /// (sections 1.5.3 of 3.1.1 and 1.5.4 of 5.0).
    #[must_use]
    pub const fn refuse_control_characters(mut self) -> Self {
        self.context.choices |= REFUSE_CONTROL;
        self
    }

    /// Checks that a payload whose Payload Format Indicator is 1 is UTF-8, as a receiver may (section 3.3.2.3.2
    /// of 5.0): [`Kind::PayloadFormat`](crate::Kind::PayloadFormat), reason code 0x99.
    #[must_use]
    pub const fn check_payload_format(mut self) -> Self {
        self.context.choices |= CHECK_PAYLOAD;
        self
    }

    /// What decodes the packets that these options encode.
    #[cfg(feature = "bytes")]
    pub(crate) const fn reading(encode: &EncodeOptions) -> Self {
        Self { max_packet_size: encode.max_packet_size, context: encode.context, first: false }
    }

    /// The version to decode by; `None` when CONNECT decides.
    pub const fn fixed_version(&self) -> Option<Version> {
        if self.context.detects_version() { None } else { Some(self.context.version) }
    }

    pub(crate) const fn context(&self) -> Context {
        self.context
    }

    pub(crate) const fn size_limit(&self) -> u32 {
        self.max_packet_size
    }

    pub(crate) const fn is_first(&self) -> bool {
        self.first
    }
}

impl From<&Self> for DecodeOptions {
    fn from(options: &Self) -> Self {
        *options
    }
}

impl From<Version> for DecodeOptions {
    fn from(version: Version) -> Self {
        Self::new(version)
    }
}

/// How to encode: the version, who sends, and the receiver's size limit. What decoding with the same options
/// would refuse is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncodeOptions {
    max_packet_size: u32,
    context: Context,
}

impl EncodeOptions {
    /// Packets of that version, from either side, of any size.
    pub const fn new(version: Version) -> Self {
        Self { max_packet_size: MAX_PACKET_SIZE, context: Context::new(version) }
    }

    /// Refuses what this side may not send.
    #[must_use]
    pub const fn sender(mut self, sender: Sender) -> Self {
        self.context.sender = Some(sender);
        self
    }

    /// The largest packet to produce, in bytes, fixed header included: the receiver's Maximum Packet Size
    /// (`[MQTT-3.1.2-24]`, `[MQTT-3.2.2-15]`).
    #[must_use]
    pub const fn max_packet_size(mut self, bytes: u32) -> Self {
        self.max_packet_size = bytes;
        self
    }

    /// Allows a departure from the standard. ([`Tolerance::NonMinimalLengths`] changes nothing: lengths are
    /// always written in their shortest form.)
    #[must_use]
    pub const fn tolerate(mut self, tolerance: Tolerance) -> Self {
        self.context.choices |= tolerance.bit();
        self
    }

    /// Refuses control characters and non-characters in strings.
    #[must_use]
    pub const fn refuse_control_characters(mut self) -> Self {
        self.context.choices |= REFUSE_CONTROL;
        self
    }

    /// Refuses a payload that is not the UTF-8 which its Payload Format Indicator announces.
    #[must_use]
    pub const fn check_payload_format(mut self) -> Self {
        self.context.choices |= CHECK_PAYLOAD;
        self
    }

    /// The same options for that version.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.context.version = version;
        self
    }

    /// The version to encode for.
    pub const fn target_version(&self) -> Version {
        self.context.version
    }

    pub(crate) const fn context(&self) -> Context {
        self.context
    }

    pub(crate) const fn size_limit(&self) -> u32 {
        self.max_packet_size
    }
}

impl From<&Self> for EncodeOptions {
    fn from(options: &Self) -> Self {
        *options
    }
}

impl From<Version> for EncodeOptions {
    fn from(version: Version) -> Self {
        Self::new(version)
    }
}
