//! A client of bare packets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use mqtt_wire::{
    Ack, CheckedFrame, ConnAck, Connect, Connection, Delivery, Disconnect, Packet, PacketId, PacketType,
    Properties, Property, Publish, PublishFrame, QoS, ReasonCode, SubAck, Subscribe, Subscription,
    TopicFilter, TopicName, Unsubscribe, Version,
};

/// How long a test waits for what has to come. It decides nothing but when a test that fails gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What MQTT goes through: TCP, TLS, WebSocket.
pub(crate) trait Way: Read + Write + Send {}

impl<W: Read + Write + Send> Way for W {}

/// A connection.
pub(crate) struct Raw {
    socket: TcpStream,
    way: Box<dyn Way>,
    connection: Connection,
    input: BytesMut,
    pub(crate) version: Version,
    /// Bytes that were sent, and bytes that came.
    pub(crate) sent: usize,
    pub(crate) came: usize,
}

/// A plain connection that does not wait for ever.
pub(crate) fn tcp(port: u16) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

pub(crate) fn id(n: u16) -> PacketId {
    PacketId::new(n).unwrap()
}

pub(crate) fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).unwrap()
}

/// A CONNECT of 5.0 that goes on with a session and keeps it for an hour.
pub(crate) fn lasting(client: &str) -> Connect<'_> {
    const HOUR: [Property<'static>; 1] = [Property::SessionExpiryInterval(3600)];
    Connect { clean_start: false, properties: Properties::new(&HOUR), ..Connect::new(Version::V5, client) }
}

/// A message at a QoS, with the packet identifier 1.
pub(crate) fn message<'a>(topic: &'a str, payload: &'a [u8], qos: QoS) -> Publish<'a> {
    Publish::new(TopicName::new(topic).unwrap(), payload).with_delivery(Delivery::new(qos, PacketId::MIN))
}

impl Raw {
    pub(crate) fn open(port: u16, version: Version) -> Self {
        let socket = tcp(port);
        let way = Box::new(socket.try_clone().unwrap());
        Self::through(socket, way, version)
    }

    /// A connection by another way than plain TCP, which is under it.
    pub(crate) fn through(socket: TcpStream, way: Box<dyn Way>, version: Version) -> Self {
        Self {
            socket,
            way,
            connection: Connection::client(version),
            input: BytesMut::new(),
            version,
            sent: 0,
            came: 0,
        }
    }

    /// A connection that was accepted, and whether there was a session.
    pub(crate) fn connected(port: u16, connect: Connect<'_>) -> (Self, bool) {
        let mut this = Self::open(port, connect.version);
        let present = this.connect(connect);
        (this, present)
    }

    /// CONNECT, which is accepted. Whether there was a session.
    pub(crate) fn connect(&mut self, connect: Connect<'_>) -> bool {
        self.send(connect);
        match self.frame().packet() {
            Packet::ConnAck(ConnAck { reason_code: ReasonCode::SUCCESS, session_present, .. }) => {
                session_present
            }
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// CONNECT, which is refused. Why.
    pub(crate) fn refused(mut self, connect: Connect<'_>) -> ReasonCode {
        self.send(connect);
        let code = match self.frame().packet() {
            Packet::ConnAck(ConnAck { reason_code, .. }) if reason_code.is_error() => reason_code,
            other => panic!("not refused: {other:?}"),
        };
        assert!(self.next().is_none(), "the connection goes on");
        code
    }

    /// A connection with that client identifier and a clean start.
    pub(crate) fn new(port: u16, version: Version, client: &str) -> Self {
        Self::connected(port, Connect::new(version, client)).0
    }

    pub(crate) fn v5(port: u16, client: &str) -> Self {
        Self::new(port, Version::V5, client)
    }

    pub(crate) fn send<'p>(&mut self, packet: impl Into<Packet<'p>>) {
        let mut bytes = Vec::new();
        self.connection.encode(&packet.into(), &mut bytes).expect("a good packet");
        self.send_bytes(&bytes);
    }

    /// Sends bytes. The broker may have hung up while they are on their way.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.way.write_all(bytes).and_then(|()| self.way.flush());
        self.sent += bytes.len();
    }

    /// The next packet; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<CheckedFrame> {
        loop {
            if let Some(frame) = self.connection.split_from(&mut self.input).expect("a frame") {
                return Some(CheckedFrame::new(frame).expect("a good packet"));
            }
            let mut piece = vec![0; 65536];
            match self.way.read(&mut piece) {
                Ok(0) => return None,
                Ok(n) => {
                    self.input.extend_from_slice(&piece[..n]);
                    self.came += n;
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing comes: {error}"),
            }
        }
    }

    pub(crate) fn frame(&mut self) -> CheckedFrame {
        self.next().expect("the connection has ended")
    }

    /// The next packet has to be this one.
    pub(crate) fn expect<'p>(&mut self, expected: impl Into<Packet<'p>>) {
        let frame = self.frame();
        assert_eq!(frame.packet(), expected.into());
    }

    /// The next packet has to be a message with that payload.
    pub(crate) fn expect_message(&mut self, topic: &str, payload: &[u8]) -> PublishFrame {
        let frame = self.frame();
        let frame =
            PublishFrame::new(frame.into_frame()).unwrap_or_else(|e| panic!("no message {topic}: {e}"));
        let publish = frame.publish();
        assert_eq!((publish.topic.map(|topic| topic.as_str()), publish.payload), (Some(topic), payload));
        frame
    }

    /// The broker has handled what was sent, and nothing has come that was not taken.
    pub(crate) fn ping(&mut self) {
        self.send(Packet::PingReq);
        self.expect(Packet::PingResp);
    }

    /// A subscription that is granted; retained messages may follow.
    pub(crate) fn subscribe(&mut self, text: &str, qos: QoS) {
        let filter = TopicFilter::new_for(text, self.version).unwrap();
        self.subscribe_to(Subscription::new(filter, qos), Properties::EMPTY);
    }

    pub(crate) fn subscribe_to(&mut self, subscription: Subscription<'_>, properties: Properties<'_>) {
        let wanted = [subscription];
        self.send(Subscribe { properties, ..Subscribe::new(id(9), &wanted) });
        self.expect(SubAck::new(id(9), &[ReasonCode::granted(subscription.maximum_qos)]));
    }

    pub(crate) fn unsubscribe(&mut self, text: &str) -> ReasonCode {
        self.send(Unsubscribe::new(id(9), &[filter(text)]));
        match self.frame().packet() {
            Packet::UnsubAck(ack) => ack.reason_codes.iter().next().unwrap_or(ReasonCode::SUCCESS),
            other => panic!("{other:?}"),
        }
    }

    /// Publishes and waits until the broker has it. What it was acknowledged with.
    pub(crate) fn publish(&mut self, publish: &Publish<'_>) -> ReasonCode {
        self.send(*publish);
        match publish.delivery {
            Delivery::AtMostOnce => {
                self.ping();
                ReasonCode::SUCCESS
            }
            Delivery::AtLeastOnce(id) => self.expect_ack(PacketType::PubAck, id),
            Delivery::ExactlyOnce(id) => {
                let code = self.expect_ack(PacketType::PubRec, id);
                if !code.is_error() {
                    self.send(Packet::PubRel(Ack::new(id)));
                    self.expect_ack(PacketType::PubComp, id);
                }
                code
            }
        }
    }

    pub(crate) fn expect_ack(&mut self, packet_type: PacketType, id: PacketId) -> ReasonCode {
        let frame = self.frame();
        let (Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack)) =
            frame.packet()
        else {
            panic!("{:?}", frame.packet())
        };
        assert_eq!((frame.packet_type(), ack.packet_id), (packet_type, id));
        ack.reason_code
    }

    /// Takes a message of QoS 1 or 2 for good.
    pub(crate) fn acknowledge(&mut self, frame: &PublishFrame) {
        match frame.publish().delivery {
            Delivery::AtMostOnce => {}
            Delivery::AtLeastOnce(id) => self.send(Packet::PubAck(Ack::new(id))),
            Delivery::ExactlyOnce(id) => {
                self.send(Packet::PubRec(Ack::new(id)));
                self.expect_ack(PacketType::PubRel, id);
                self.send(Packet::PubComp(Ack::new(id)));
            }
        }
    }

    /// DISCONNECT, and the broker has closed the connection.
    pub(crate) fn goodbye(mut self) {
        self.send(Disconnect::new(ReasonCode::SUCCESS));
        assert!(self.next().is_none());
    }

    /// Nothing is sent any more.
    pub(crate) fn end_of_input(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// The connection is cut off.
    pub(crate) fn cut(self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// The broker says this in DISCONNECT and closes the connection; in 3.x it only closes.
    pub(crate) fn expect_end(mut self, code: ReasonCode) {
        if self.version == Version::V5 {
            let frame = self.frame();
            match frame.packet() {
                Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason_code, code),
                other => panic!("no DISCONNECT, but {other:?}"),
            }
        }
        assert!(self.next().is_none(), "the connection goes on");
    }
}
