//! [`CheckedFrame`]: a frame whose packet cannot fail any more.

use core::fmt;

use bytes::{Bytes, BytesMut};

use super::Frame;
use crate::error::{DecodeError, EncodeError};
use crate::options::EncodeOptions;
use crate::packet::Packet;
use crate::standard::PacketType;

/// A frame whose packet was checked: the owned form of any packet.
///
/// ```
/// use mqtt_wire::{CheckedFrame, Connect, Packet, Version};
///
/// fn first_packet(client_id: &str) -> CheckedFrame {
///     let connect = Connect::new(Version::V5, client_id);
///     CheckedFrame::encode(&connect.into(), Version::V5).expect("it is short")
/// }
/// let first = first_packet("sensor-7");
/// assert!(matches!(first.packet(), Packet::Connect(connect) if connect.client_id == "sensor-7"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CheckedFrame(Frame);

impl CheckedFrame {
    /// Checks a frame.
    ///
    /// ```
    /// use mqtt_wire::{CheckedFrame, Frame, Packet, Version};
    ///
    /// let frame = Frame::new(vec![0xC0, 0].into(), Version::V5)?;
    /// let checked = CheckedFrame::new(frame)?; // from here on nothing can be wrong with it
    /// assert_eq!(checked.packet(), Packet::PingReq);
    /// # Ok::<(), mqtt_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// The first rule that the packet breaks.
    pub fn new(frame: Frame) -> Result<Self, DecodeError> {
        frame.packet()?;
        Ok(Self(frame))
    }

    /// Encodes a packet into a frame of its own.
    ///
    /// ```
    /// use mqtt_wire::{Ack, CheckedFrame, Packet, PacketId, Version};
    ///
    /// // For a channel to the task that writes.
    /// let puback = Packet::PubAck(Ack::new(PacketId::MIN));
    /// let frame = CheckedFrame::encode(&puback, Version::V5)?;
    /// assert_eq!(frame.packet(), puback);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Packet::encode`].
    pub fn encode(packet: &Packet<'_>, options: impl Into<EncodeOptions>) -> Result<Self, EncodeError> {
        let options = options.into();
        let mut bytes = BytesMut::new();
        packet.encode(options, &mut bytes)?;
        // What is encoded can be decoded; should it not, then that is what is wrong with the packet.
        let refused =
            |error: DecodeError| EncodeError::invalid(error.rule(), packet.packet_type(), error.version());
        let frame = Frame::new(bytes.freeze(), options.to_decode_options()).map_err(refused)?;
        Self::new(frame).map_err(refused)
    }

    /// The packet. It is decoded anew by each call.
    ///
    /// ```
    /// use mqtt_wire::{CheckedFrame, Connect, Packet, Version};
    ///
    /// let connect = Connect::new(Version::V5, "lamp-7");
    /// let kept = CheckedFrame::encode(&connect.into(), Version::V5)?;
    /// assert_eq!(kept.packet(), Packet::Connect(connect)); // no `?`: it was checked
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn packet(&self) -> Packet<'_> {
        let packet = self.0.packet();
        debug_assert!(packet.is_ok(), "the same bytes were checked by the same options");
        packet.unwrap_or(Packet::PingReq)
    }

    /// The type of the packet.
    pub const fn packet_type(&self) -> PacketType {
        self.0.packet_type()
    }

    /// The frame.
    pub const fn frame(&self) -> &Frame {
        &self.0
    }

    /// The frame.
    pub fn into_frame(self) -> Frame {
        self.0
    }

    /// The bytes of the frame.
    ///
    /// ```
    /// use mqtt_wire::{Ack, CheckedFrame, Packet, PacketId, Version};
    ///
    /// // Encoded once, sent by many: a clone of the bytes is no copy.
    /// let pubrel = CheckedFrame::encode(&Packet::PubRel(Ack::new(PacketId::MIN)), Version::V311)?;
    /// let bytes = pubrel.into_bytes();
    /// let queues = [bytes.clone(), bytes];
    /// assert_eq!(queues.concat(), [0x62, 2, 0, 1, 0x62, 2, 0, 1]);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }
}

impl TryFrom<Frame> for CheckedFrame {
    type Error = DecodeError;

    fn try_from(frame: Frame) -> Result<Self, DecodeError> {
        Self::new(frame)
    }
}

impl From<CheckedFrame> for Frame {
    fn from(checked: CheckedFrame) -> Self {
        checked.0
    }
}

impl AsRef<[u8]> for CheckedFrame {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for CheckedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CheckedFrame").field(&self.packet()).finish()
    }
}
