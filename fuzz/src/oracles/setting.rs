use mqtt_wire::{DecodeOptions, EncodeOptions, Sender, Tolerance, Version};

/// One choice of everything that decoding and encoding can be told, as both take it.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Setting {
    pub version: Version,
    /// CONNECT decides the version.
    pub detect: bool,
    pub sender: Option<Sender>,
    pub first: bool,
    pub refuse_control_characters: bool,
    pub check_payload_format: bool,
    /// A bit for each of [`TOLERANCES`].
    pub tolerances: u8,
    pub max_packet_size: Option<u32>,
}

const TOLERANCES: [Tolerance; 4] = [
    Tolerance::BridgeProtocolLevel,
    Tolerance::UnknownReasonCodes,
    Tolerance::NonMinimalLengths,
    Tolerance::LongClientIds,
];

impl Setting {
    /// Strict, from either side.
    pub const fn new(version: Version) -> Self {
        Self {
            version,
            detect: false,
            sender: None,
            first: false,
            refuse_control_characters: false,
            check_payload_format: false,
            tolerances: 0,
            max_packet_size: None,
        }
    }

    /// How many bytes [`split_from`](Self::split_from) takes.
    pub const LEN: usize = 3;

    /// A setting from the first three bytes, and the rest.
    pub fn split_from(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([choices, tolerances, limit], rest) = bytes.split_first_chunk()?;
        let bit = |n: u8| choices & 1 << n != 0;
        let setting = Self {
            version: Version::ALL.get(usize::from(choices & 3)).copied().unwrap_or(Version::V5),
            detect: choices & 3 == 3,
            sender: [None, Some(Sender::Client), Some(Sender::Server), None][usize::from(choices >> 2 & 3)],
            first: bit(4),
            refuse_control_characters: bit(5),
            check_payload_format: bit(6),
            tolerances: tolerances & 0xF,
            max_packet_size: Some(u32::from(*limit)).filter(|limit| *limit > 0),
        };
        Some((setting, rest))
    }

    /// The three bytes of a setting.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let version = if self.detect { 3 } else { self.version as u8 };
        let sender = self.sender.map_or(0, |sender| 1 + u8::from(sender == Sender::Server));
        let choices = version
            | sender << 2
            | u8::from(self.first) << 4
            | u8::from(self.refuse_control_characters) << 5
            | u8::from(self.check_payload_format) << 6;
        let limit = self.max_packet_size.map_or(0, |limit| u8::try_from(limit).expect("a small limit"));
        [choices, self.tolerances, limit]
    }

    pub fn tolerates(&self, tolerance: Tolerance) -> bool {
        TOLERANCES.iter().zip(0..).any(|(known, n)| *known == tolerance && self.tolerances & 1 << n != 0)
    }

    pub fn decode(&self) -> DecodeOptions {
        let mut options =
            if self.detect { DecodeOptions::detect() } else { DecodeOptions::new(self.version) };
        for tolerance in TOLERANCES.into_iter().filter(|tolerance| self.tolerates(*tolerance)) {
            options = options.with_tolerance(tolerance);
        }
        if self.refuse_control_characters {
            options = options.with_strict_characters(true);
        }
        if self.check_payload_format {
            options = options.with_payload_check(true);
        }
        if let Some(sender) = self.sender {
            options = options.with_sender(sender);
        }
        if let Some(limit) = self.max_packet_size {
            options = options.with_max_packet_size(limit);
        }
        options.with_first_packet(self.first)
    }

    /// Encoding for that version.
    pub fn encode(&self, version: Version) -> EncodeOptions {
        let mut options = EncodeOptions::new(version);
        for tolerance in TOLERANCES.into_iter().filter(|tolerance| self.tolerates(*tolerance)) {
            options = options.with_tolerance(tolerance);
        }
        if self.refuse_control_characters {
            options = options.with_strict_characters(true);
        }
        if self.check_payload_format {
            options = options.with_payload_check(true);
        }
        if let Some(sender) = self.sender {
            options = options.with_sender(sender);
        }
        if let Some(limit) = self.max_packet_size {
            options = options.with_max_packet_size(limit);
        }
        options
    }
}
