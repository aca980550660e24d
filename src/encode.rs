//! Encoding: a packet is counted and checked, then written.

mod fast;

use crate::error::EncodeError;
use crate::options::EncodeOptions;
use crate::packet::{Packet, Publish, first_byte};
use crate::standard::{Delivery, MAX_PACKET_SIZE, PacketId, QoS};
use crate::write::{Counter, Full, Output, Sink, Writer, variable_len};

impl Packet<'_> {
    /// Encodes the packet, whole, and returns how many bytes it took. A [`Version`](crate::Version) serves as options,
    /// too.
    ///
    /// A slice or an array is written from its start; `Vec<u8>` and `BytesMut` are extended; other buffers do as their
    /// [`Output`] says.
    ///
    /// ```
    /// use mqtt_wire::{Packet, Version};
    ///
    /// let mut array = [0; 8];
    /// assert_eq!(Packet::PingReq.encode(Version::V5, &mut array)?, 2); // from the start
    /// let mut queue = vec![0xD0, 0x00];
    /// Packet::PingReq.encode(Version::V5, &mut queue)?; // at the end
    /// assert_eq!(queue, [0xD0, 0x00, 0xC0, 0x00]);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// When the packet breaks a rule that [`decode`](crate::decode) with the same options would enforce, has no form in
    /// the version, is too large or does not fit. The output is then as it was.
    // Performance: a call of it would cost a short packet as much as the packet.
    #[inline(always)]
    pub fn encode<O: Output + ?Sized>(
        &self,
        options: impl Into<EncodeOptions>,
        out: &mut O,
    ) -> Result<usize, EncodeError> {
        let options = options.into();
        match fast::encode(self, options, out) {
            Some(len) => Ok(len),
            None => encode(self, options, self.tail(), out),
        }
    }

    /// The exact number of bytes that [`encode`](Self::encode) writes.
    ///
    /// ```
    /// use mqtt_wire::{EncodeOptions, Packet, Publish, Version, topic_name};
    ///
    /// // Does the receiver take it?
    /// let packet = Packet::from(Publish::new(topic_name!("a"), &[0; 100]));
    /// assert_eq!(packet.encoded_len(Version::V5)?, 106);
    /// assert!(packet.encoded_len(EncodeOptions::new(Version::V5).with_max_packet_size(64)).is_err());
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    pub fn encoded_len(&self, options: impl Into<EncodeOptions>) -> Result<usize, EncodeError> {
        Counted::new(self, options.into()).map(|counted| counted.size)
    }
}

impl Publish<'_> {
    /// Encodes everything but the payload, whose length is counted: the payload is to be sent right behind it,
    /// from where it is (a vectored write). Returns the number of bytes written.
    ///
    /// ```
    /// use mqtt_wire::{Publish, Version, topic_name};
    ///
    /// let payload = vec![0; 1 << 20];
    /// let publish = Publish::new(topic_name!("ruangtamu/kamera"), &payload);
    /// let mut head = [0; 64];
    /// let n = publish.encode_head(Version::V5, &mut head)?;
    /// let to_send = [std::io::IoSlice::new(&head[..n]), std::io::IoSlice::new(&payload)];
    /// # let _ = to_send;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Packet::encode`].
    pub fn encode_head<O: Output + ?Sized>(
        &self,
        options: impl Into<EncodeOptions>,
        out: &mut O,
    ) -> Result<usize, EncodeError> {
        encode(&Packet::Publish(*self), options.into(), &[], out)
    }

    /// The exact number of bytes that the whole packet takes at that QoS, before it has a Packet Identifier: every
    /// identifier takes as many. The QoS of [`delivery`](Publish::delivery) does not matter.
    ///
    /// ```
    /// use mqtt_wire::{Publish, QoS, Version, topic_name};
    ///
    /// let publish = Publish::new(topic_name!("kitchen/temperature"), b"21.5");
    /// assert_eq!(publish.encoded_len(QoS::AtMostOnce, Version::V311)?, 27);
    /// assert_eq!(publish.encoded_len(QoS::AtLeastOnce, Version::V311)?, 29);
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Packet::encode`].
    pub fn encoded_len(&self, qos: QoS, options: impl Into<EncodeOptions>) -> Result<usize, EncodeError> {
        let delivery = Delivery::new(qos, PacketId::MIN);
        Packet::Publish(self.with_delivery(delivery)).encoded_len(options)
    }
}

/// Encodes any packet, with that tail in place of its own.
#[inline(never)]
fn encode<O: Output + ?Sized>(
    packet: &Packet<'_>,
    options: EncodeOptions,
    tail: &[u8],
    out: &mut O,
) -> Result<usize, EncodeError> {
    let counted = Counted::new(packet, options)?;
    let head = counted.size - packet.tail().len();
    let c = options.context();
    let room = out.extend(head, tail).map_err(|Full { available }| {
        EncodeError::too_small(head + tail.len(), available, packet.packet_type(), c.version())
    })?;
    let mut writer = Writer::new(room, counted.blocks);
    writer.byte_and_variable(counted.first, counted.remaining_length);
    let written = packet.encode_body(c, &mut writer);
    debug_assert!(written.is_ok(), "the two walks differ");
    Ok(head + tail.len())
}

/// What the first walk finds out about a packet.
struct Counted {
    first: u8,
    remaining_length: u64,
    /// The number of bytes, fixed header included.
    size: usize,
    /// See [`Counter::blocks`].
    blocks: u64,
}

impl Counted {
    /// Checks and counts a packet.
    #[inline(always)]
    fn new(packet: &Packet<'_>, options: EncodeOptions) -> Result<Self, EncodeError> {
        let c = options.context();
        let mut counter = Counter::new();
        let first = packet.first_byte();
        if let Err(rule) = first_byte::check(first, c).and_then(|()| packet.encode_body(c, &mut counter)) {
            let error = EncodeError::invalid(rule, packet.packet_type(), c.version());
            return Err(EncodeError { field: Some(counter.last_field()), ..error });
        }
        let remaining_length = counter.len() + packet.tail().len() as u64;
        let size = remaining_length + 1 + variable_len(remaining_length);
        let max = u64::from(options.max_packet_size().min(MAX_PACKET_SIZE));
        if size > max {
            return Err(EncodeError::too_large(
                in_memory(size),
                in_memory(max),
                packet.packet_type(),
                c.version(),
            ));
        }
        Ok(Self { first, remaining_length, size: in_memory(size), blocks: counter.blocks() })
    }
}

/// A size as a `usize`, which is shorter on small machines.
#[inline(always)]
fn in_memory(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
