//! How firmware uses the crate: MQTT over a UART that delivers bytes in pieces, with a fixed buffer, no allocator, and
//! a payload far larger than the memory for it.
//!
//! The lamp subscribes to its switch and to its firmware. New firmware comes as one PUBLISH of 100,000 bytes; the lamp
//! has 128 bytes for what it receives. It decodes the head of the PUBLISH there and hands the payload on as it comes.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut modem = modem::Modem::new();
    let mut lamp = firmware::Lamp::new();
    let mut done = Ok(());
    let heap = allocation_counter::measure(|| done = lamp.run(&mut modem));
    let told = writeln!(
        std::io::stdout(),
        "{modem}\nthe lamp is {}\nfirmware: {} bytes, {}\nreceive buffer: {} bytes, allocations: {}",
        if lamp.state.on { "on" } else { "off" },
        lamp.state.flash.written,
        if modem.sent(&lamp.state.flash) { "as sent" } else { "not as sent" },
        firmware::RECEIVE_BUFFER,
        heap.count_total,
    );
    match done {
        Ok(()) if told.is_ok() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "embedded: {fault:?}");
            ExitCode::FAILURE
        }
    }
}

/// What runs on the microcontroller. Of the crate it uses what needs neither `std` nor `alloc`.
mod firmware {
    use mqtt_wire::{
        Ack, Connect, DecodeError, DecodeOptions, Decoded, DecodedHead, EncodeError, EncodeOptions, Packet,
        PacketId, Payload, Publish, QoS, ReasonCode, Sender, Subscribe, Subscription, Version, decode,
        decode_publish_head, topic_filter, topic_name,
    };

    pub(crate) const STATE: &str = "rumahkami/lantaidasar/ruangtamu/lampu";
    pub(crate) const SWITCH: &str = "rumahkami/lantaidasar/ruangtamu/lampu/set";
    pub(crate) const FIRMWARE: &str = "rumahkami/perangkat/lampu/firmware";

    pub(crate) const RECEIVE_BUFFER: usize = 128;
    const SEND_BUFFER: usize = 128;
    /// Firmware that is larger than the flash is refused as soon as its length is there.
    const LARGEST_PACKET: u32 = 256 * 1024;
    const INCOMING: DecodeOptions =
        DecodeOptions::new(Version::V5).with_sender(Sender::Server).with_max_packet_size(LARGEST_PACKET);
    const OUTGOING: EncodeOptions = EncodeOptions::new(Version::V5).with_sender(Sender::Client);

    /// What a driver gives.
    pub(crate) trait Uart {
        /// Reads some of the bytes that are there; none when the line was cut.
        fn read(&mut self, buf: &mut [u8]) -> usize;
        fn write(&mut self, bytes: &[u8]);
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "what is in a fault shows in its Debug form")]
    pub(crate) enum Fault {
        Decode(DecodeError),
        Encode(EncodeError),
        Refused(ReasonCode),
        /// A packet of that many bytes does not fit the receive buffer.
        TooLong(usize),
        LineCut,
    }

    impl From<DecodeError> for Fault {
        fn from(error: DecodeError) -> Self {
            Self::Decode(error)
        }
    }

    impl From<EncodeError> for Fault {
        fn from(error: EncodeError) -> Self {
            Self::Encode(error)
        }
    }

    pub(crate) struct Lamp {
        pub(crate) state: State,
        buf: [u8; RECEIVE_BUFFER],
        len: usize,
    }

    impl Lamp {
        pub(crate) const fn new() -> Self {
            let state = State { on: false, flash: Flash::EMPTY, incoming: None };
            Self { state, buf: [0; RECEIVE_BUFFER], len: 0 }
        }

        /// Serves until the line is cut. In the middle of something that is an error.
        pub(crate) fn run(&mut self, uart: &mut impl Uart) -> Result<(), Fault> {
            send(uart, Connect { keep_alive: 0, ..Connect::new(Version::V5, "lampu-ruangtamu") })?;
            loop {
                let read = uart.read(&mut self.buf[self.len..]);
                if read == 0 {
                    let idle = self.len == 0 && self.state.incoming.is_none();
                    return if idle { Ok(()) } else { Err(Fault::LineCut) };
                }
                self.len += read;
                while let Some(used) = self.state.step(&self.buf[..self.len], uart)? {
                    self.buf.copy_within(used..self.len, 0);
                    self.len -= used;
                }
            }
        }
    }

    pub(crate) struct State {
        pub(crate) on: bool,
        pub(crate) flash: Flash,
        incoming: Option<Incoming>,
    }

    /// A message whose payload is not complete yet.
    struct Incoming {
        payload: Payload,
        packet_id: Option<PacketId>,
        to_flash: bool,
    }

    impl State {
        /// Takes what is at the start of the bytes. Returns how many it used; `None` when it needs more first.
        fn step(&mut self, bytes: &[u8], uart: &mut impl Uart) -> Result<Option<usize>, Fault> {
            if let Some(incoming) = &mut self.incoming {
                let piece = incoming.payload.take(bytes)?;
                if incoming.to_flash {
                    self.flash.write(piece);
                }
                if incoming.payload.is_complete() {
                    acknowledge(uart, incoming.packet_id)?;
                    self.incoming = None;
                    return Ok(Some(piece.len()));
                }
                return Ok(Some(piece.len()).filter(|used| *used > 0));
            }
            match decode_publish_head(bytes, INCOMING)? {
                DecodedHead::Publish { head, len, payload } => {
                    let to_flash = head.topic.is_some_and(|topic| topic == FIRMWARE);
                    if !to_flash && len + payload.remaining() <= RECEIVE_BUFFER {
                        return self.whole(bytes, uart);
                    }
                    // Something else that is too long is let pass.
                    self.incoming =
                        Some(Incoming { payload, packet_id: head.delivery.packet_id(), to_flash });
                    Ok(Some(len))
                }
                DecodedHead::Other(header) if header.frame_len() > RECEIVE_BUFFER => {
                    Err(Fault::TooLong(header.frame_len()))
                }
                DecodedHead::Other(_) => self.whole(bytes, uart),
                DecodedHead::Incomplete { .. } if bytes.len() == RECEIVE_BUFFER => {
                    Err(Fault::TooLong(bytes.len()))
                }
                DecodedHead::Incomplete { .. } => Ok(None),
            }
        }

        /// Takes a packet that fits the buffer, once it is complete.
        fn whole(&mut self, bytes: &[u8], uart: &mut impl Uart) -> Result<Option<usize>, Fault> {
            let Decoded::Packet { packet, len } = decode(bytes, INCOMING)? else { return Ok(None) };
            match packet {
                Packet::ConnAck(connack) if connack.reason_code.is_error() => {
                    return Err(Fault::Refused(connack.reason_code));
                }
                Packet::ConnAck(_) => {
                    let wanted = [
                        Subscription::new(topic_filter!(SWITCH), QoS::AtLeastOnce),
                        Subscription::new(topic_filter!(FIRMWARE), QoS::AtLeastOnce),
                    ];
                    send(uart, Subscribe::new(PacketId::MIN, &wanted))?;
                }
                Packet::Publish(publish) => {
                    if publish.topic.is_some_and(|topic| topic == SWITCH) {
                        self.on = publish.payload == b"nyalakan";
                        let said: &[u8] = if self.on { b"menyala" } else { b"padam" };
                        send(uart, Publish::new(topic_name!(STATE), said))?;
                    }
                    acknowledge(uart, publish.delivery.packet_id())?;
                }
                Packet::Disconnect(disconnect) => return Err(Fault::Refused(disconnect.reason_code)),
                _ => {}
            }
            Ok(Some(len))
        }
    }

    fn acknowledge(uart: &mut impl Uart, packet_id: Option<PacketId>) -> Result<(), Fault> {
        match packet_id {
            Some(packet_id) => send(uart, Packet::PubAck(Ack::new(packet_id))),
            None => Ok(()),
        }
    }

    fn send<'p>(uart: &mut impl Uart, packet: impl Into<Packet<'p>>) -> Result<(), Fault> {
        let mut buf = [0; SEND_BUFFER];
        let len = packet.into().encode(OUTGOING, &mut buf)?;
        uart.write(&buf[..len]);
        Ok(())
    }

    /// Where new firmware goes.
    #[derive(PartialEq)]
    pub(crate) struct Flash {
        pub(crate) written: usize,
        sum: u32,
    }

    impl Flash {
        pub(crate) const EMPTY: Self = Self { written: 0, sum: 0 };

        pub(crate) fn write(&mut self, piece: &[u8]) {
            self.written += piece.len();
            self.sum = piece.iter().fold(self.sum, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
        }
    }
}

/// The other end of the line, simulated: a broker whose bytes come in pieces of 1 to 17.
mod modem {
    use std::fmt;

    use mqtt_wire::{
        ConnAck, DecodeOptions, Decoded, Delivery, EncodeOptions, Packet, PacketId, Publish, QoS, ReasonCode,
        Sender, SubAck, TopicName, Version, decode, topic_name,
    };

    use crate::firmware::{FIRMWARE, Flash, SWITCH, Uart};

    pub(crate) struct Modem {
        image: Vec<u8>,
        to_lamp: Vec<u8>,
        read: usize,
        from_lamp: Vec<u8>,
    }

    impl Modem {
        pub(crate) fn new() -> Self {
            let image: Vec<u8> =
                (0..100_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
            let granted = [ReasonCode::granted(QoS::AtLeastOnce); 2];
            let publish = |topic: TopicName<'static>, n, payload| {
                let delivery = PacketId::new(n).map_or(Delivery::AtMostOnce, Delivery::AtLeastOnce);
                Packet::from(Publish::new(topic, payload).with_delivery(delivery))
            };
            let packets = [
                ConnAck::new(ReasonCode::SUCCESS).into(),
                SubAck::new(PacketId::MIN, &granted).into(),
                publish(topic_name!(SWITCH), 1, b"nyalakan"),
                publish(topic_name!(FIRMWARE), 2, &image),
                publish(topic_name!(SWITCH), 3, b"padamkan"),
                publish(topic_name!(SWITCH), 0, b"nyalakan"),
            ];
            let options = EncodeOptions::new(Version::V5).with_sender(Sender::Server);
            let mut to_lamp = Vec::new();
            for packet in packets {
                packet.encode(options, &mut to_lamp).expect("the script holds good packets");
            }
            // Room for what the lamp sends, so that nothing is allocated while it runs.
            Self { image, to_lamp, read: 0, from_lamp: Vec::with_capacity(1024) }
        }

        /// Whether the flash holds the image.
        pub(crate) fn sent(&self, flash: &Flash) -> bool {
            let mut expected = Flash::EMPTY;
            expected.write(&self.image);
            *flash == expected
        }
    }

    impl Uart for Modem {
        fn read(&mut self, buf: &mut [u8]) -> usize {
            let rest = &self.to_lamp[self.read..];
            let len = (1 + self.read * 7 % 17).min(rest.len()).min(buf.len());
            buf[..len].copy_from_slice(&rest[..len]);
            self.read += len;
            len
        }

        fn write(&mut self, bytes: &[u8]) {
            self.from_lamp.extend_from_slice(bytes);
        }
    }

    /// What the lamp said.
    impl fmt::Display for Modem {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the lamp sent")?;
            let mut rest = &self.from_lamp[..];
            let options = DecodeOptions::new(Version::V5).with_sender(Sender::Client);
            while !rest.is_empty() {
                match decode(rest, options) {
                    Ok(Decoded::Packet { packet: Packet::Publish(publish), len }) => {
                        write!(f, " PUBLISH({})", publish.payload.escape_ascii())?;
                        rest = &rest[len..];
                    }
                    Ok(Decoded::Packet { packet, len }) => {
                        write!(f, " {packet}")?;
                        rest = &rest[len..];
                    }
                    Ok(Decoded::Incomplete { missing }) => {
                        return write!(f, " (and {missing} bytes are missing)");
                    }
                    Err(error) => return write!(f, " ({error})"),
                }
            }
            Ok(())
        }
    }
}
