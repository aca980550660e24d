//! A connection of bare bytes.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use mqtt_wire::{
    Connect, DecodeOptions, FixedHeader, Packet, PacketId, Publish, QoS, ReasonCode, Sender, SubAck,
    Subscribe, Subscription, TopicFilter, Version, decode_exact,
};

use crate::programs::PATIENCE;

/// A connection of bare bytes.
pub(crate) struct Raw {
    socket: TcpStream,
    version: Version,
    buf: Vec<u8>,
}

impl Raw {
    pub(crate) fn open(port: u16, version: Version) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("the broker listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        socket.set_write_timeout(Some(PATIENCE)).expect("a time limit");
        Self { socket, version, buf: Vec::new() }
    }

    /// A connection that the broker accepted.
    pub(crate) fn connect(port: u16, connect: Connect<'_>) -> Self {
        let mut this = Self::open(port, connect.version);
        this.send(connect);
        match this.packet(
            |packet| matches!(packet, Packet::ConnAck(connack) if connack.reason_code == ReasonCode::SUCCESS),
        ) {
            Ok(()) => this,
            Err(other) => panic!("not accepted: {other}"),
        }
    }

    pub(crate) fn subscribe(&mut self, filter: TopicFilter<'_>, qos: QoS) {
        self.send(Subscribe::new(PacketId::MIN, &[Subscription::new(filter, qos)]));
        self.expect(SubAck::new(PacketId::MIN, &[ReasonCode::granted(qos)]));
    }

    pub(crate) fn send<'p>(&mut self, packet: impl Into<Packet<'p>>) {
        let mut bytes = Vec::new();
        packet.into().encode(self.version, &mut bytes).expect("a good packet");
        self.send_bytes(&bytes);
    }

    /// Waits until the broker has dealt with all that was sent.
    pub(crate) fn ping(&mut self) {
        self.send(Packet::PingReq);
        self.expect(Packet::PingResp);
    }

    /// Sends bytes. The broker may have hung up while they are on their way.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// The next packet must be this one.
    pub(crate) fn expect<'p>(&mut self, expected: impl Into<Packet<'p>>) {
        let expected = expected.into();
        if let Err(other) = self.packet(|packet| packet == expected) {
            panic!("{expected:?} was expected, but there came {other}");
        }
    }

    /// The next packet must be this message.
    pub(crate) fn expect_message(&mut self, topic: &str, payload: &[u8]) -> Option<PacketId> {
        let mut packet_id = None;
        let it_is =
            |publish: Publish<'_>| publish.topic.is_some_and(|t| t == topic) && publish.payload == payload;
        let checked = self.packet(|packet| match packet {
            Packet::Publish(publish) if it_is(publish) => {
                packet_id = publish.delivery.packet_id();
                true
            }
            _ => false,
        });
        if let Err(other) = checked {
            panic!("{topic} = {} was expected, but there came {other}", payload.escape_ascii());
        }
        packet_id
    }

    /// How many messages come before the one to that topic.
    pub(crate) fn messages_until(&mut self, topic: &str) -> usize {
        let mut count = 0;
        while let Err(other) =
            self.packet(|packet| matches!(packet, Packet::Publish(p) if p.topic.is_some_and(|t| t == topic)))
        {
            assert!(other.starts_with("Publish"), "{other}");
            count += 1;
        }
        count
    }

    /// Checks the next packet; what it was if it is not right.
    fn packet(&mut self, mut right: impl FnMut(Packet<'_>) -> bool) -> Result<(), String> {
        let options = DecodeOptions::new(self.version).with_sender(Sender::Server);
        loop {
            if let Some(header) =
                FixedHeader::decode(&self.buf, options).map_err(|error| error.to_string())?
                && self.buf.len() >= header.frame_len()
            {
                let frame: Vec<u8> = self.buf.drain(..header.frame_len()).collect();
                let packet =
                    decode_exact(&frame, options).map_err(|error| format!("{error}: {}", hex(&frame)))?;
                return if right(packet) { Ok(()) } else { Err(format!("{packet:?}")) };
            }
            let mut piece = [0; 4096];
            match self.socket.read(&mut piece) {
                Ok(0) => return Err("the end of the connection".to_owned()),
                Ok(len) => self.buf.extend_from_slice(&piece[..len]),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// All that comes before the broker closes the connection.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.buf);
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => rest,
            // The broker hung up while bytes were on their way to it.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("the broker keeps the connection: {error}"),
        }
    }

    /// Nothing comes for that long.
    pub(crate) fn expect_silence(&mut self, time: Duration) {
        self.socket.set_read_timeout(Some(time)).expect("a time limit");
        let mut piece = [0; 4096];
        let came = self.socket.read(&mut piece);
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        match came {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("{error}"),
            Ok(0) => panic!("the broker closed the connection"),
            Ok(len) => panic!("there came {}", hex(&piece[..len])),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x} ");
        hex
    })
}
