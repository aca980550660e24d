//! What a caller decides about decoding and encoding: [`DecodeOptions`], [`EncodeOptions`], and [`Context`], the word
//! of it that goes through every parser and encoder.

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use crate::standard::{MAX_PACKET_SIZE, Sender, UnknownName, Version};

/// A departure from the standard that real programs are known for. None is accepted unless asked for.
///
/// ```
/// use mqtt_wire::{DecodeOptions, Rule, Tolerance, Version, decode_exact};
///
/// // A bridge of mosquitto announces itself by bit 7 of the protocol level.
/// let connect = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 0x84, 2, 0, 60, 0, 1, b'b'];
/// let error = decode_exact(&connect, Version::V311).unwrap_err();
/// assert_eq!(error.rule(), Rule::ProtocolVersion);
/// let bridges = DecodeOptions::new(Version::V311).with_tolerance(Tolerance::BridgeProtocolLevel);
/// assert!(decode_exact(&connect, bridges).is_ok());
///
/// // By name from a configuration file.
/// assert_eq!("bridge_protocol_level".parse(), Ok(Tolerance::BridgeProtocolLevel));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// The CONNACK `20 02 00 01` in 5.0, with which a server of 3.1.1 refuses a client of 5.0 (`[MQTT-3.1.2-2]` of
    /// 3.1.1): it is read as [`UNSUPPORTED_PROTOCOL_VERSION`](crate::ReasonCode::UNSUPPORTED_PROTOCOL_VERSION), so that
    /// the client can try an older version.
    RefusalByOlderServer,
}

impl Tolerance {
    /// Every tolerance.
    pub const ALL: &'static [Self] = &[
        Self::BridgeProtocolLevel,
        Self::UnknownReasonCodes,
        Self::NonMinimalLengths,
        Self::LongClientIds,
        Self::RefusalByOlderServer,
    ];

    /// The name in configuration files: `bridge_protocol_level`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BridgeProtocolLevel => "bridge_protocol_level",
            Self::UnknownReasonCodes => "unknown_reason_codes",
            Self::NonMinimalLengths => "non_minimal_lengths",
            Self::LongClientIds => "long_client_ids",
            Self::RefusalByOlderServer => "refusal_by_older_server",
        }
    }

    const fn bit(self) -> u32 {
        1 << (4 + self as u32)
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// By the [name](Tolerance::name).
impl FromStr for Tolerance {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let known = Self::ALL.iter().copied().find(|tolerance| tolerance.name() == name);
        known.ok_or(UnknownName { expected: "the name of a tolerance" })
    }
}

// The other choices stand behind the tolerances, from the high end.
const FIRST: u32 = 0x1000_0000;
const STRICT_CHARACTERS: u32 = 0x2000_0000;
const PAYLOAD_CHECK: u32 = 0x4000_0000;

const SENDER: u32 = 0b0011;
const ANY_SENDER: u32 = 0b0010;
const VERSION: u32 = 0b1100;
/// The version that a CONNECT has yet to name.
const UNKNOWN_VERSION: u32 = 0b1100;
const SITUATION: u32 = 0b1111;
const V5: u32 = 0b1000;

/// What judges one packet's body: passed by value through every parser and encoder.
///
/// All of it stands in one word: two bits are the sender, two the version, then come the choices.
///
/// Performance: the word stays in a register.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Context(u32);

impl Context {
    pub(crate) const fn new(version: Version) -> Self {
        Self(((version as u32) << 2) + ANY_SENDER)
    }

    /// The version is the one that CONNECT names.
    pub(crate) const UNKNOWN: Self = Self(UNKNOWN_VERSION + ANY_SENDER);

    /// Every version, also the unknown one, with every sender, without choices.
    pub(crate) const ALL: [Self; 12] = {
        let (client, server) = (Sender::Client, Sender::Server);
        let versions =
            [Self::new(Version::V31), Self::new(Version::V311), Self::new(Version::V5), Self::UNKNOWN];
        let [v31, v311, v5, unknown] = versions;
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
            unknown,
            unknown.with_sender(client),
            unknown.with_sender(server),
        ]
    };

    /// The version; 5.0 as long as it is unknown.
    pub(crate) const fn version(self) -> Version {
        if self.is_v5() {
            Version::V5
        } else if self.0 & VERSION == 0 {
            Version::V31
        } else {
            Version::V311
        }
    }

    pub(crate) const fn is_v5(self) -> bool {
        self.0 & V5 != 0
    }

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
    pub(crate) const fn situation(self) -> u16 {
        1 << (self.0 & SITUATION)
    }

    const fn has(self, choice: u32) -> bool {
        self.0 & choice != 0
    }

    pub(crate) const fn tolerates(self, tolerance: Tolerance) -> bool {
        self.has(tolerance.bit())
    }

    /// Whether no CONNECT has named the version yet.
    pub(crate) const fn is_version_unknown(self) -> bool {
        self.0 & VERSION == UNKNOWN_VERSION
    }

    pub(crate) const fn has_strict_characters(self) -> bool {
        self.has(STRICT_CHARACTERS)
    }

    pub(crate) const fn checks_payload(self) -> bool {
        self.has(PAYLOAD_CHECK)
    }

    /// Whether something is asked of a PUBLISH that the types of its fields do not vouch for.
    pub(crate) const fn asks_for_more(self) -> bool {
        self.has(STRICT_CHARACTERS + PAYLOAD_CHECK)
    }

    pub(crate) const fn with_version(self, version: Version) -> Self {
        Self((self.0 & !VERSION) + ((version as u32) << 2))
    }

    const fn with_sender(self, sender: Sender) -> Self {
        Self((self.0 & !SENDER) + sender as u32)
    }

    const fn with(self, choice: u32, on: bool) -> Self {
        Self(if on { self.0 | choice } else { self.0 & !choice })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = (!self.is_version_unknown()).then_some(self.version());
        let tolerated = Tolerance::ALL.iter().filter(|tolerance| self.tolerates(**tolerance));
        let choices = [
            (FIRST, "first packet"),
            (STRICT_CHARACTERS, "strict characters"),
            (PAYLOAD_CHECK, "payload check"),
        ];
        let chosen = choices.into_iter().filter(|(choice, _)| self.has(*choice)).map(|(_, name)| name);
        f.debug_list().entry(&version).entries(self.sender()).entries(tolerated).entries(chosen).finish()
    }
}

/// What options are for: see [`DecodeOptions`].
///
/// ```
/// use mqtt_wire::{DecodeOptions, ForDecoding, Options, Version};
///
/// let options: Options<ForDecoding> = DecodeOptions::new(Version::V5); // the same type
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ForDecoding {}

/// What options are for: see [`EncodeOptions`].
///
/// ```
/// use mqtt_wire::{EncodeOptions, ForEncoding, Options, Version};
///
/// let options: Options<ForEncoding> = EncodeOptions::new(Version::V5); // the same type
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ForEncoding {}

/// How to decode: the version, who sends, the size limit, and what to tolerate. Strict by default.
///
/// ```
/// use mqtt_wire::{DecodeOptions, Sender, Tolerance, Version};
///
/// // What comes from a client before its CONNECT has named the version.
/// let broker =
///     DecodeOptions::detect().with_sender(Sender::Client).with_max_packet_size(64 * 1024);
/// // What a client of MQTT 5.0 uses.
/// let client = DecodeOptions::new(Version::V5)
///     .with_sender(Sender::Server)
///     .with_tolerance(Tolerance::UnknownReasonCodes);
/// assert_eq!((broker.version(), client.version()), (None, Some(Version::V5)));
/// ```
pub type DecodeOptions = Options<ForDecoding>;

/// How to encode: the version, who sends, and the receiver's size limit. What decoding with the same options
/// would refuse is refused.
///
/// ```
/// use mqtt_wire::{EncodeOptions, Sender, Version};
///
/// let client =
///     EncodeOptions::new(Version::V5).with_sender(Sender::Client).with_max_packet_size(1024);
/// assert_eq!(client.max_packet_size(), 1024);
/// ```
pub type EncodeOptions = Options<ForEncoding>;

/// What [`DecodeOptions`] and [`EncodeOptions`] have in common. [`with_sender`](Self::with_sender) sets what
/// [`sender`](Self::sender) tells, and so on.
///
/// ```
/// use mqtt_wire::{EncodeOptions, Options, Sender, Version};
///
/// /// What both have in common can be written once.
/// fn of_a_client<Purpose>(options: Options<Purpose>) -> Options<Purpose> {
///     options.with_sender(Sender::Client).with_max_packet_size(64 * 1024)
/// }
/// let options = of_a_client(EncodeOptions::new(Version::V5));
/// assert_eq!((options.sender(), options.max_packet_size()), (Some(Sender::Client), 65_536));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Options<Purpose> {
    max_packet_size: u32,
    context: Context,
    purpose: PhantomData<Purpose>,
}

impl<Purpose> Options<Purpose> {
    const fn of(context: Context) -> Self {
        Self { max_packet_size: MAX_PACKET_SIZE, context, purpose: PhantomData }
    }

    const fn with(&self, context: Context) -> Self {
        Self { max_packet_size: self.max_packet_size, context, purpose: PhantomData }
    }

    /// Packets of that version, from either side, of any size. A CONNECT of another version is an error.
    pub const fn new(version: Version) -> Self {
        Self::of(Context::new(version))
    }

    /// The same options for that version.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Sender, Version};
    ///
    /// // CONNECT has come and named the version: what else was decided stays.
    /// let before = DecodeOptions::detect().with_sender(Sender::Client).with_max_packet_size(1024);
    /// let after = before.with_version(Version::V311);
    /// assert_eq!((after.version(), after.max_packet_size()), (Some(Version::V311), 1024));
    /// ```
    #[must_use]
    pub const fn with_version(self, version: Version) -> Self {
        self.with(self.context.with_version(version))
    }

    /// The version; `None` as long as a CONNECT has to name it.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Version};
    ///
    /// assert_eq!(DecodeOptions::new(Version::V5).version(), Some(Version::V5));
    /// assert_eq!(DecodeOptions::detect().version(), None); // CONNECT will name it
    /// ```
    pub const fn version(&self) -> Option<Version> {
        if self.context.is_version_unknown() { None } else { Some(self.context.version()) }
    }

    /// Judges direction as well: packet types, properties and reason codes that this side may not send are
    /// refused. Default: either side.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Rule, Sender, Version, decode};
    ///
    /// let from_client = DecodeOptions::new(Version::V311).with_sender(Sender::Client);
    /// let error = decode(&[0x20, 2, 0, 0], from_client).unwrap_err(); // CONNACK
    /// assert_eq!(error.rule(), Rule::WrongDirection);
    /// ```
    #[must_use]
    pub const fn with_sender(self, sender: Sender) -> Self {
        self.with(self.context.with_sender(sender))
    }

    /// The side that sends; `None` when that is not judged.
    pub const fn sender(&self) -> Option<Sender> {
        self.context.sender()
    }

    /// The largest packet accepted or produced, in bytes, fixed header included: the receiver's Maximum Packet Size
    /// (`[MQTT-3.1.2-24]`, `[MQTT-3.2.2-15]`). A larger one is refused as soon as its length is read. Default:
    /// [`MAX_PACKET_SIZE`].
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Rule, Version, decode};
    ///
    /// let small = DecodeOptions::new(Version::V5).with_max_packet_size(1024);
    /// // Five bytes announce 256 MiB, and are enough to refuse them.
    /// let error = decode(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], small).unwrap_err();
    /// assert_eq!(error.rule(), Rule::PacketTooLarge);
    /// ```
    #[must_use]
    pub const fn with_max_packet_size(self, bytes: u32) -> Self {
        Self { max_packet_size: bytes, context: self.context, purpose: PhantomData }
    }

    /// The size of the largest packet in bytes.
    pub const fn max_packet_size(&self) -> u32 {
        self.max_packet_size
    }

    /// Allows a departure from the standard. Default: none.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Tolerance, Version};
    ///
    /// let options = DecodeOptions::new(Version::V5).with_tolerance(Tolerance::UnknownReasonCodes);
    /// assert!(options.tolerates(Tolerance::UnknownReasonCodes));
    /// assert!(!options.tolerates(Tolerance::NonMinimalLengths));
    /// ```
    #[must_use]
    pub const fn with_tolerance(self, tolerance: Tolerance) -> Self {
        self.with(self.context.with(tolerance.bit(), true))
    }

    /// Whether that departure from the standard is allowed.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Tolerance, Version};
    ///
    /// // A server lists at its start what it lets pass.
    /// let options = DecodeOptions::new(Version::V311).with_tolerance(Tolerance::BridgeProtocolLevel);
    /// let named = Tolerance::ALL.iter().filter(|one| options.tolerates(**one)).map(|one| one.name());
    /// assert!(named.eq(["bridge_protocol_level"]));
    /// ```
    pub const fn tolerates(&self, tolerance: Tolerance) -> bool {
        self.context.tolerates(tolerance)
    }

    /// The departures from the standard that are allowed.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Tolerance, Version};
    ///
    /// let options = DecodeOptions::new(Version::V311).with_tolerance(Tolerance::LongClientIds);
    /// let names: Vec<_> = options.tolerances().map(Tolerance::name).collect();
    /// assert_eq!(names, ["long_client_ids"]); // for a log at the start
    /// ```
    pub fn tolerances(&self) -> impl Iterator<Item = Tolerance> + use<Purpose> {
        let context = self.context;
        Tolerance::ALL.iter().copied().filter(move |tolerance| context.tolerates(*tolerance))
    }

    /// Refuses control characters and non-characters in strings, as a receiver may
    /// (sections 1.5.3 of 3.1.1 and 1.5.4 of 5.0). Default: `false`.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Rule, Version, decode};
    ///
    /// let strict = DecodeOptions::new(Version::V311).with_strict_characters(true);
    /// let to_bell = [0x30, 3, 0, 1, 0x07];
    /// assert!(decode(&to_bell, Version::V311).is_ok());
    /// assert_eq!(decode(&to_bell, strict).unwrap_err().rule(), Rule::DisallowedCharacter);
    /// ```
    #[must_use]
    pub const fn with_strict_characters(self, strict: bool) -> Self {
        self.with(self.context.with(STRICT_CHARACTERS, strict))
    }

    /// Whether control characters and non-characters are refused.
    pub const fn strict_characters(&self) -> bool {
        self.context.has_strict_characters()
    }

    /// Checks that a payload whose Payload Format Indicator is 1 is UTF-8, as a receiver may (section 3.3.2.3.2
    /// of 5.0): [`Rule::PayloadFormat`](crate::Rule::PayloadFormat), reason code 0x99. Default: `false`.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, ReasonCode, Version, decode};
    ///
    /// let checking = DecodeOptions::new(Version::V5).with_payload_check(true);
    /// // Payload Format Indicator 1: text. The payload is none.
    /// let publish = [0x30, 7, 0, 1, b'a', 2, 0x01, 1, 0xFF];
    /// let error = decode(&publish, checking).unwrap_err();
    /// assert_eq!(error.reason_code(), ReasonCode::PAYLOAD_FORMAT_INVALID);
    /// ```
    #[must_use]
    pub const fn with_payload_check(self, check: bool) -> Self {
        self.with(self.context.with(PAYLOAD_CHECK, check))
    }

    /// Whether payloads that are announced as UTF-8 are checked.
    pub const fn payload_check(&self) -> bool {
        self.context.checks_payload()
    }

    pub(crate) const fn context(&self) -> Context {
        self.context.with(FIRST, false)
    }
}

impl DecodeOptions {
    /// A CONNECT is decoded by the version it names, and nothing else is decoded:
    /// [`Rule::VersionUnknown`](crate::Rule::VersionUnknown). What follows the CONNECT wants options with its version;
    /// [`Connection`](crate::Connection) keeps them.
    ///
    /// ```
    /// use mqtt_wire::{Connect, DecodeOptions, Packet, Version, decode_exact};
    ///
    /// let mut bytes = Vec::new();
    /// Packet::from(Connect::new(Version::V31, "old")).encode(Version::V31, &mut bytes)?;
    /// let Packet::Connect(connect) = decode_exact(&bytes, DecodeOptions::detect())? else {
    ///     panic!("nothing else is decoded")
    /// };
    /// assert_eq!(connect.version, Version::V31);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn detect() -> Self {
        Self::of(Context::UNKNOWN)
    }

    /// The next packet is the first of its connection: from a client nothing but CONNECT is accepted
    /// (`[MQTT-3.1.0-1]`), from a server nothing but CONNACK and AUTH, without a sender nothing but CONNECT.
    /// Refused at its first byte. Default: `false`.
    ///
    /// ```
    /// use mqtt_wire::{DecodeOptions, Rule, Sender, Version, decode};
    ///
    /// let from_client = DecodeOptions::new(Version::V311).with_sender(Sender::Client);
    /// let first = from_client.with_first_packet(true);
    /// assert_eq!(decode(&[0xC0], first).unwrap_err().rule(), Rule::UnexpectedPacket);
    /// ```
    #[must_use]
    pub const fn with_first_packet(self, first: bool) -> Self {
        self.with(self.context.with(FIRST, first))
    }

    /// Whether the next packet is the first of its connection.
    pub const fn first_packet(&self) -> bool {
        self.context.has(FIRST)
    }
}

impl EncodeOptions {
    /// What decodes the packets that these options encode.
    ///
    /// ```
    /// use mqtt_wire::{EncodeOptions, Packet, Sender, Version, decode_exact};
    ///
    /// let options = EncodeOptions::new(Version::V5).with_sender(Sender::Client);
    /// let mut out = [0; 2];
    /// Packet::PingReq.encode(options, &mut out)?;
    /// assert_eq!(decode_exact(&out, options.to_decode_options()), Ok(Packet::PingReq));
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub const fn to_decode_options(&self) -> DecodeOptions {
        DecodeOptions::of(self.context).with_max_packet_size(self.max_packet_size)
    }
}

impl<Purpose> fmt::Debug for Options<Purpose> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max_packet_size, context, purpose: _ } = self;
        f.debug_struct("Options").field("max_packet_size", max_packet_size).field("context", context).finish()
    }
}

impl<Purpose: Copy> From<&Self> for Options<Purpose> {
    fn from(options: &Self) -> Self {
        *options
    }
}

impl<Purpose> From<Version> for Options<Purpose> {
    fn from(version: Version) -> Self {
        Self::new(version)
    }
}
