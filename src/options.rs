//! What a caller decides about decoding and encoding.

use core::fmt;

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
    pub(crate) const ALL: [Self; 4] =
        [Self::BridgeProtocolLevel, Self::UnknownReasonCodes, Self::NonMinimalLengths, Self::LongClientIds];

    const fn bit(self) -> u32 {
        1 << (4 + self as u32)
    }
}

/// The other choices stand behind the tolerances, from the high end.
const FIRST: u32 = 0x1000_0000;
const DETECT: u32 = 0x2000_0000;
const REFUSE_CONTROL: u32 = 0x4000_0000;
const CHECK_PAYLOAD: u32 = 0x8000_0000;

const SENDER: u32 = 0b0011;
const ANY_SENDER: u32 = 0b0010;
const VERSION: u32 = 0b1100;
const SITUATION: u32 = 0b1111;
const V5: u32 = 0b1000;

/// What judges one packet's body: passed by value through every parser and encoder.
///
/// All of it stands in one word, which stays in a register: 34 instructions less for each packet than with a
/// field for each. Two bits are the sender, two the version, then come the choices.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Context(u32);

impl Context {
    pub(crate) const fn new(version: Version) -> Self {
        Self(((version as u32) << 2) + ANY_SENDER)
    }

    /// Every version with every sender, without choices.
    pub(crate) const ALL: [Self; 9] = {
        let [v31, v311, v5] = [Self::new(Version::V31), Self::new(Version::V311), Self::new(Version::V5)];
        let (client, server) = (Sender::Client, Sender::Server);
        [
            v31,
            v31.with_sender(client),
            v31.with_sender(server),
            v311,
            v311.with_sender(client),
            v311.with_sender(server),
            v5,
            v5.with_sender(client),
            v5.with_sender(server),
        ]
    };

    #[inline(always)]
    pub(crate) const fn version(self) -> Version {
        if self.is_v5() {
            Version::V5
        } else if self.0 & VERSION == 0 {
            Version::V31
        } else {
            Version::V311
        }
    }

    #[inline(always)]
    pub(crate) const fn is_v5(self) -> bool {
        self.0 & V5 != 0
    }

    #[inline(always)]
    pub(crate) const fn sender(self) -> Option<Sender> {
        if self.0 & ANY_SENDER != 0 {
            None
        } else if self.0 & SENDER == 0 {
            Some(Sender::Client)
        } else {
            Some(Sender::Server)
        }
    }

    /// A bit for each version and sender.
    #[inline(always)]
    pub(crate) const fn situation(self) -> u16 {
        1 << (self.0 & SITUATION)
    }

    const fn has(self, choice: u32) -> bool {
        self.0 & choice != 0
    }

    pub(crate) const fn tolerates(self, tolerance: Tolerance) -> bool {
        self.has(tolerance.bit())
    }

    pub(crate) const fn detects_version(self) -> bool {
        self.has(DETECT)
    }

    pub(crate) const fn refuses_control_characters(self) -> bool {
        self.has(REFUSE_CONTROL)
    }

    /// Whether something is asked of a PUBLISH that the types of its fields do not vouch for.
    pub(crate) const fn asks_for_more(self) -> bool {
        self.has(REFUSE_CONTROL + CHECK_PAYLOAD)
    }

    pub(crate) const fn checks_payload_format(self) -> bool {
        self.has(CHECK_PAYLOAD)
    }

    pub(crate) const fn with_version(self, version: Version) -> Self {
        Self((self.0 & !VERSION) + ((version as u32) << 2))
    }

    pub(crate) const fn with_sender(self, sender: Sender) -> Self {
        Self((self.0 & !SENDER) + sender as u32)
    }

    const fn with(self, choice: u32) -> Self {
        Self(self.0 | choice)
    }

    const fn without(self, choice: u32) -> Self {
        Self(self.0 & !choice)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tolerated = Tolerance::ALL.into_iter().filter(|tolerance| self.tolerates(*tolerance));
        let choices = [
            (FIRST, "first packet"),
            (DETECT, "detect version"),
            (REFUSE_CONTROL, "refuse control characters"),
            (CHECK_PAYLOAD, "check payload format"),
        ];
        let chosen = choices.into_iter().filter(|(choice, _)| self.has(*choice)).map(|(_, name)| name);
        let mut list = f.debug_list();
        list.entry(&self.version()).entries(self.sender()).entries(tolerated).entries(chosen).finish()
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
}

impl DecodeOptions {
    /// Packets of that version, from either side, of any size. A CONNECT of another version is an error.
    pub const fn new(version: Version) -> Self {
        Self { max_packet_size: MAX_PACKET_SIZE, context: Context::new(version) }
    }

    /// A CONNECT is decoded by the version it names, every other packet as 5.0.
    pub const fn detect() -> Self {
        let this = Self::new(Version::V5);
        Self { context: this.context.with(DETECT), ..this }
    }

    /// The same options for that version.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.context = self.context.with_version(version).without(DETECT);
        self
    }

    /// Judges direction as well: packet types, properties and reason codes that this side may not send are
    /// refused (the rules of level "context").
    #[must_use]
    pub const fn sender(mut self, sender: Sender) -> Self {
        self.context = self.context.with_sender(sender);
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
        self.context = if first { self.context.with(FIRST) } else { self.context.without(FIRST) };
        self
    }

    /// Accepts a departure from the standard.
    #[must_use]
    pub const fn tolerate(mut self, tolerance: Tolerance) -> Self {
        self.context = self.context.with(tolerance.bit());
        self
    }

    /// Refuses control characters and non-characters in strings, as a receiver may
    /// (sections 1.5.3 of 3.1.1 and 1.5.4 of 5.0).
    #[must_use]
    pub const fn refuse_control_characters(mut self) -> Self {
        self.context = self.context.with(REFUSE_CONTROL);
        self
    }

    /// Checks that a payload whose Payload Format Indicator is 1 is UTF-8, as a receiver may (section 3.3.2.3.2
    /// of 5.0): [`Kind::PayloadFormat`](crate::Kind::PayloadFormat), reason code 0x99.
    #[must_use]
    pub const fn check_payload_format(mut self) -> Self {
        self.context = self.context.with(CHECK_PAYLOAD);
        self
    }

    /// What decodes the packets that these options encode.
    #[cfg(feature = "bytes")]
    pub(crate) const fn reading(encode: &EncodeOptions) -> Self {
        Self { max_packet_size: encode.max_packet_size, context: encode.context }
    }

    /// The version to decode by; `None` when CONNECT decides.
    pub const fn fixed_version(&self) -> Option<Version> {
        if self.context.detects_version() { None } else { Some(self.context.version()) }
    }

    pub(crate) const fn context(&self) -> Context {
        self.context.without(FIRST)
    }

    pub(crate) const fn size_limit(&self) -> u32 {
        self.max_packet_size
    }

    pub(crate) const fn is_first(&self) -> bool {
        self.context.has(FIRST)
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
        self.context = self.context.with_sender(sender);
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
        self.context = self.context.with(tolerance.bit());
        self
    }

    /// Refuses control characters and non-characters in strings.
    #[must_use]
    pub const fn refuse_control_characters(mut self) -> Self {
        self.context = self.context.with(REFUSE_CONTROL);
        self
    }

    /// Refuses a payload that is not the UTF-8 which its Payload Format Indicator announces.
    #[must_use]
    pub const fn check_payload_format(mut self) -> Self {
        self.context = self.context.with(CHECK_PAYLOAD);
        self
    }

    /// The same options for that version.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.context = self.context.with_version(version);
        self
    }

    /// The version to encode for.
    pub const fn target_version(&self) -> Version {
        self.context.version()
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
