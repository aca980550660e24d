//! What is stored of a session, and its form in bytes.
//!
//! # The bytes of a record
//!
//! A record takes 22 bytes, whatever it says ([`Record::LEN`]); numbers are big-endian.
//!
//! | bytes | |
//! |---|---|
//! | 0 | the version of this form: 1 |
//! | 1 | what it says: 1 Lasts, 2 Sent, 3 Released, 4 Abandoned, 5 Completed, 6 Received, 7 Forgotten, 8 Ended |
//! | 2, 3 | the Packet Identifier; 0 in Lasts and Ended |
//! | 4 | Sent: QoS, and 0x10 for RETAIN; Abandoned: the reason code; else 0 |
//! | 5 | 0 |
//! | 6 to 9 | Sent: the size of the packet in bytes, as 5.0 has it; Lasts: the Session Expiry Interval in seconds; else 0 |
//! | 10 to 17 | Sent: the key; else 0 |
//! | 18 to 21 | CRC-32 (that of Ethernet and zlib) of the bytes before |
//!
//! [`records`] reads them in order until one is torn, which is where a log ends that was cut off by a crash.

use core::fmt;

use mqtt_wire::{PacketId, QoS, ReasonCode};

/// A change of a session that has to be stored before what follows it in the output is done.
///
/// `K` is the caller's key; in bytes it is a `u64` ([`map`](Self::map) makes one of anything).
///
/// ```
/// use mqtt_session::{Fixed, Record, Session, records};
///
/// // What a client had written into its log when it was switched off.
/// let log: Vec<u8> = [Record::Lasts(3600), Record::Received(mqtt_wire::PacketId::MIN)]
///     .into_iter()
///     .flat_map(Record::to_bytes)
///     .collect();
/// let session = Session::restore(Fixed::<u64, 8, 4>::new(), records(&log))?;
/// assert!(session.exists());
/// # Ok::<(), mqtt_session::NoRoom>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Record<K> {
    /// The session exists and lasts so many seconds after its connection; `u32::MAX` is for ever.
    Lasts(u32),
    /// A message is about to be sent for the first time.
    Sent {
        /// Its identifier.
        id: PacketId,
        /// 1 or 2.
        qos: QoS,
        /// Whether it is sent as retained.
        retain: bool,
        /// The length in bytes that its packet has in 5.0, without a Topic Alias: a session of 3.x may go on in 5.0.
        size: u32,
        /// What the caller knows it by.
        key: K,
    },
    /// The peer has a message of QoS 2: it is not sent again.
    Released(PacketId),
    /// A message of QoS 2 is not sent again, since a connection could not carry it; its identifier is not free yet.
    Abandoned(PacketId, ReasonCode),
    /// The handshake of a message of QoS 1 or 2 is over.
    Completed(PacketId),
    /// A message of QoS 2 was accepted: it belongs into one transaction with the message.
    Received(PacketId),
    /// The peer has released a message of QoS 2: its identifier will mean a new one.
    Forgotten(PacketId),
    /// The session is over.
    Ended,
}

const VERSION: u8 = 1;
const RETAIN: u8 = 0x10;

impl<K> Record<K> {
    /// The same with another key.
    ///
    /// ```
    /// use mqtt_session::Record;
    ///
    /// // A key that is an index has eight bytes in a log.
    /// let record: Record<u16> = Record::Lasts(60);
    /// let bytes = record.map(u64::from).to_bytes();
    /// assert_eq!(Record::from_bytes(&bytes), Some(Record::Lasts(60)));
    /// ```
    pub fn map<L>(self, f: impl FnOnce(K) -> L) -> Record<L> {
        match self {
            Self::Lasts(expiry) => Record::Lasts(expiry),
            Self::Sent { id, qos, retain, size, key } => Record::Sent { id, qos, retain, size, key: f(key) },
            Self::Released(id) => Record::Released(id),
            Self::Abandoned(id, code) => Record::Abandoned(id, code),
            Self::Completed(id) => Record::Completed(id),
            Self::Received(id) => Record::Received(id),
            Self::Forgotten(id) => Record::Forgotten(id),
            Self::Ended => Record::Ended,
        }
    }
}

impl Record<u64> {
    /// The length of a record in bytes.
    pub const LEN: usize = 22;

    /// The record in bytes.
    ///
    /// ```
    /// use mqtt_session::{Record, records};
    ///
    /// let log = Record::Lasts(3600).to_bytes();
    /// let mut torn = log.to_vec();
    /// torn.extend(&log[..9]);
    /// assert_eq!(records(&torn).collect::<Vec<_>>(), [Record::Lasts(3600)]);
    /// ```
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let (kind, id, detail, number, key) = match self {
            Self::Lasts(expiry) => (1, None, 0, expiry, 0),
            Self::Sent { id, qos, retain, size, key } => {
                let qos = match qos {
                    QoS::ExactlyOnce => 2,
                    _ => 1,
                };
                (2, Some(id), if retain { qos | RETAIN } else { qos }, size, key)
            }
            Self::Released(id) => (3, Some(id), 0, 0, 0),
            Self::Abandoned(id, code) => (4, Some(id), code.get(), 0, 0),
            Self::Completed(id) => (5, Some(id), 0, 0, 0),
            Self::Received(id) => (6, Some(id), 0, 0, 0),
            Self::Forgotten(id) => (7, Some(id), 0, 0, 0),
            Self::Ended => (8, None, 0, 0, 0),
        };
        let [id_high, id_low] = id.map_or(0, PacketId::get).to_be_bytes();
        let [n0, n1, n2, n3] = number.to_be_bytes();
        let [k0, k1, k2, k3, k4, k5, k6, k7] = key.to_be_bytes();
        let content =
            [VERSION, kind, id_high, id_low, detail, 0, n0, n1, n2, n3, k0, k1, k2, k3, k4, k5, k6, k7];
        let mut bytes = [0; Self::LEN];
        let all = content.into_iter().chain(crc32(&content).to_be_bytes());
        bytes.iter_mut().zip(all).for_each(|(place, byte)| *place = byte);
        bytes
    }

    /// The record of these bytes; `None` when they are torn, or none of this version.
    ///
    /// ```
    /// use mqtt_session::Record;
    ///
    /// let mut bytes = Record::<u64>::Lasts(60).to_bytes();
    /// assert_eq!(Record::from_bytes(&bytes), Some(Record::<u64>::Lasts(60)));
    /// bytes[1] ^= 1; // the end of a log that was torn off
    /// assert_eq!(Record::<u64>::from_bytes(&bytes), None);
    /// ```
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (content, check) = bytes.split_last_chunk::<4>()?;
        let &[VERSION, kind, id_high, id_low, detail, 0, n0, n1, n2, n3, k0, k1, k2, k3, k4, k5, k6, k7] =
            content
        else {
            return None;
        };
        if crc32(content) != u32::from_be_bytes(*check) {
            return None;
        }
        let id = PacketId::new(u16::from_be_bytes([id_high, id_low]));
        let number = u32::from_be_bytes([n0, n1, n2, n3]);
        let this = match kind {
            1 => Self::Lasts(number),
            2 => Self::Sent {
                id: id?,
                qos: if detail & !RETAIN == 2 { QoS::ExactlyOnce } else { QoS::AtLeastOnce },
                retain: detail & RETAIN != 0,
                size: number,
                key: u64::from_be_bytes([k0, k1, k2, k3, k4, k5, k6, k7]),
            },
            3 => Self::Released(id?),
            4 => Self::Abandoned(id?, ReasonCode::new(detail)),
            5 => Self::Completed(id?),
            6 => Self::Received(id?),
            7 => Self::Forgotten(id?),
            8 => Self::Ended,
            _ => return None,
        };
        // One record has one form.
        (this.to_bytes() == *bytes).then_some(this)
    }
}

/// The records of a log, up to its end or to the first that is torn. Their number tells where to go on writing.
///
/// ```
/// use mqtt_session::{Record, records};
///
/// let mut log = Record::Lasts(60).to_bytes().to_vec();
/// log.extend_from_slice(&Record::Ended.to_bytes()[..9]); // torn by a crash
/// assert_eq!(records(&log).collect::<Vec<_>>(), [Record::Lasts(60)]);
/// let goes_on_at = records(&log).count() * Record::LEN;
/// assert_eq!(goes_on_at, 22);
/// ```
pub fn records(log: &[u8]) -> impl Iterator<Item = Record<u64>> + '_ {
    log.chunks_exact(Record::<u64>::LEN).map_while(|bytes| Record::from_bytes(bytes.first_chunk()?))
}

/// CRC-32, a bit at a time: records are short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| {
                if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xEDB8_8320 }
            },
        )
    })
}

/// There are more messages in the records than slots in the session.
///
/// ```
/// use mqtt_session::{Fixed, NoRoom, Record, Session};
/// use mqtt_wire::PacketId;
///
/// // Two messages had come; the new firmware has slots for one.
/// let log = [1, 2].map(|id| Record::Received(PacketId::new(id).expect("not 0")));
/// assert_eq!(Session::restore(Fixed::<u16, 8, 1>::new(), log).err(), Some(NoRoom));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are more messages in the records than slots in the session")
    }
}

impl core::error::Error for NoRoom {}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn all() -> [Record<u64>; 9] {
        let id = PacketId::new(0x1234).unwrap();
        [
            Record::Lasts(u32::MAX),
            Record::Sent { id, qos: QoS::AtLeastOnce, retain: true, size: 0x0102_0304, key: u64::MAX },
            Record::Sent { id, qos: QoS::ExactlyOnce, retain: false, size: 2, key: 7 },
            Record::Released(id),
            Record::Abandoned(id, ReasonCode::PACKET_TOO_LARGE),
            Record::Completed(id),
            Record::Received(id),
            Record::Forgotten(id),
            Record::Ended,
        ]
    }

    /// The form is a promise: these bytes are read by every later version.
    #[test]
    fn the_bytes_are_those_of_version_1() {
        let sent = all()[1].to_bytes();
        assert_eq!(
            sent[..18],
            [1, 2, 0x12, 0x34, 0x11, 0, 1, 2, 3, 4, 255, 255, 255, 255, 255, 255, 255, 255]
        );
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(sent[18..], crc32(&sent[..18]).to_be_bytes());
    }

    #[test]
    fn every_record_comes_back_and_no_changed_bit_passes() {
        for record in all() {
            let bytes = record.to_bytes();
            assert_eq!(Record::from_bytes(&bytes), Some(record));
            for bit in 0..8 * bytes.len() {
                let mut changed = bytes;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Record::from_bytes(&changed), None, "{record:?}, bit {bit}");
            }
        }
        assert_eq!(Record::from_bytes(&[0; Record::LEN]), None);
        assert_eq!(Record::from_bytes(&[0xFF; Record::LEN]), None);
    }

    #[test]
    fn a_log_ends_where_it_is_torn() {
        let log: Vec<u8> = all().iter().flat_map(|record| record.to_bytes()).collect();
        for len in 0..=log.len() {
            assert_eq!(records(&log[..len]).count(), len / Record::LEN);
            let mut torn = log.clone();
            torn[len..].fill(0);
            assert_eq!(records(&torn).count(), len / Record::LEN, "zeroes from {len}");
        }
    }
}
