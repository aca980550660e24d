//! A broker at one sitting: MQTT 3.1, 3.1.1 and 5.0, QoS 0 and 1, wildcards, retained messages, wills, keep alive.
//! Left out are sessions that outlive a connection, QoS 2 and message expiry. The rules of packets are the library's.
use bytes::Buf;
use futures_util::{SinkExt, StreamExt};
use mqtt_wire::topic::{FilterTree, TopicFilterBuf, TopicTree};
use mqtt_wire::{
    Ack, Codec, CodecError, ConnAck, Connect, Delivery, Disconnect, Frame, MaximumQoS, Packet, PacketId,
    PacketType, Properties, Property, Publish, QoS, ReasonCode, RetainHandling, SubAck, Subscription,
    SubscriptionOptions, TopicFilter, UnsubAck, Version,
};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::{io::Write, num::NonZeroU32, sync::Arc, time::Duration};
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::codec::Framed;

const MAX_PACKET_SIZE: NonZeroU32 = NonZeroU32::new(256 * 1024).unwrap(); // refused as soon as the length is there
const QUEUE: usize = 1000; // messages that wait for a subscriber, and that are retained: `#` gets them all
const WINDOW: u16 = 100; // messages of QoS 1 that are sent without being acknowledged
const PATIENCE: Duration = Duration::from_secs(10); // for a CONNECT, and for a client to read what it is sent
const LOST: ReasonCode = ReasonCode::DISCONNECT_WITH_WILL_MESSAGE; // without a DISCONNECT

#[derive(Default)]
struct Broker {
    clients: HashMap<String, Session>,
    subscriptions: FilterTree<HashMap<u64, (Session, SubscriptionOptions)>>,
    retained: TopicTree<Frame>,
}

/// How others reach a connection. A session lasts as long as that.
#[derive(Clone)]
struct Session {
    number: u64,
    queue: Sender<Message>,
    end: Sender<ReasonCode>,
}

/// The publisher's frame, shared by all who get it, and the Maximum QoS and RETAIN for this subscriber.
type Message = (Frame, QoS, bool);
/// A reason code ends the connection: SUCCESS is the client's goodbye, LOST its lack, an error our refusal.
type Ended = Result<(), ReasonCode>;

impl Broker {
    /// Queues a message. A subscriber that is too slow loses it at QoS 0, and its connection at QoS 1.
    fn offer(to: &Session, frame: &Frame, qos: QoS, retain: bool) {
        if to.queue.try_send((frame.clone(), qos, retain)).is_err() && qos > QoS::AtMostOnce {
            let _ = to.end.try_send(ReasonCode::QUOTA_EXCEEDED);
        }
    }

    fn subscribe(&mut self, session: &Session, wanted: Subscription<'_>) -> ReasonCode {
        let (filter, qos) = (wanted.filter, wanted.maximum_qos.min(QoS::AtLeastOnce));
        let subscribers = self.subscriptions.get_or_insert_with(filter, HashMap::new);
        let old = subscribers.insert(session.number, (session.clone(), wanted.options()));
        let if_new = old.is_none() && wanted.retain_handling == RetainHandling::SendIfNew;
        if !filter.is_shared() && (if_new || wanted.retain_handling == RetainHandling::Send) {
            self.retained.under(filter).for_each(|(_, frame)| Self::offer(session, frame, qos, true));
        }
        ReasonCode::granted(qos)
    }

    fn unsubscribe(&mut self, number: u64, filter: TopicFilter<'_>) -> ReasonCode {
        let subscribers = self.subscriptions.get_or_insert_with(filter, HashMap::new);
        let old = subscribers.remove(&number);
        if subscribers.is_empty() {
            self.subscriptions.remove(filter);
        }
        old.map_or(ReasonCode::NO_SUBSCRIPTION_EXISTED, |_| ReasonCode::SUCCESS)
    }

    /// Queues a message for all who subscribed to its topic, and keeps it when it is to be retained.
    fn publish(&mut self, from: u64, frame: &Frame, publish: Publish<'_>) -> ReasonCode {
        let Some(topic) = publish.topic else { return ReasonCode::TOPIC_NAME_INVALID };
        let full = self.retained.len() == QUEUE && !self.retained.contains(topic);
        match publish.retain {
            true if publish.payload.is_empty() => _ = self.retained.remove(topic),
            true if full => return ReasonCode::QUOTA_EXCEEDED,
            true => _ = self.retained.insert(topic, frame.compact()),
            false => {}
        }
        for (filter, subscribers) in self.subscriptions.matches(topic) {
            let others = subscribers.values().filter(|(to, options)| !options.no_local || to.number != from);
            for (to, options) in others.take(if filter.is_shared() { 1 } else { usize::MAX }) {
                let qos = options.maximum_qos.min(publish.delivery.qos());
                Self::offer(to, frame, qos, publish.retain && options.retain_as_published);
            }
        }
        ReasonCode::SUCCESS
    }
}

struct Connection {
    framed: Framed<TcpStream, Codec>,
    broker: Arc<Mutex<Broker>>,
    session: Session,
    patience: Duration,
    deadline: Instant,
    connect: Option<Frame>, // once it is accepted
    filters: HashSet<TopicFilterBuf>,
    ids: BTreeSet<PacketId>, // QoS 1 takes one, PUBACK gives it back
}

impl Connection {
    /// Serves a client until there is a reason to end.
    async fn serve(&mut self, mut mail: Receiver<Message>, mut end: Receiver<ReasonCode>) -> Ended {
        loop {
            tokio::select! {
                frame = self.framed.next() => self.receive(frame.ok_or(LOST)?.map_err(reason)?).await?,
                Some(message) = mail.recv(), if !self.ids.is_empty() => self.deliver(message).await?,
                Some(code) = end.recv() => return Err(code),
                () = sleep_until(self.deadline) => return Err(ReasonCode::KEEP_ALIVE_TIMEOUT),
            }
        }
    }

    async fn receive(&mut self, frame: Frame) -> Ended {
        match frame.packet().map_err(reason)? {
            Packet::Connect(connect) if self.connect.is_none() => self.accept(&frame, connect).await?,
            Packet::Publish(p) if p.delivery.qos() > QoS::AtLeastOnce => Err(ReasonCode::QOS_NOT_SUPPORTED)?,
            Packet::Publish(p) if p.properties.topic_alias().is_some() => {
                return Err(ReasonCode::TOPIC_ALIAS_INVALID);
            }
            Packet::Publish(publish) => {
                let code = self.broker.lock().publish(self.session.number, &frame, publish);
                if let Some(id) = publish.delivery.packet_id() {
                    self.send(Packet::PubAck(Ack::new(id).with_reason(code))).await?;
                }
            }
            Packet::PubAck(ack) => _ = self.ids.insert(ack.packet_id),
            Packet::Subscribe(subscribe) => {
                self.filters.extend(subscribe.subscriptions.iter().map(|wanted| wanted.filter.to_buf()));
                let grant = |wanted| self.broker.lock().subscribe(&self.session, wanted);
                let codes: Vec<_> = subscribe.subscriptions.iter().map(grant).collect();
                self.send(SubAck::new(subscribe.packet_id, &codes)).await?;
            }
            Packet::Unsubscribe(unsubscribe) => {
                let remove = |filter| self.broker.lock().unsubscribe(self.session.number, filter);
                let codes: Vec<_> = unsubscribe.filters.iter().map(remove).collect();
                self.send(UnsubAck::new(unsubscribe.packet_id, &codes)).await?;
            }
            Packet::PingReq => self.send(Packet::PingResp).await?,
            Packet::Disconnect(goodbye) => Err(goodbye.reason_code.min(LOST))?, // an error wants the will, too
            _ => Err(ReasonCode::PROTOCOL_ERROR)?,
        }
        self.deadline = Instant::now() + self.patience;
        Ok(())
    }

    async fn accept(&mut self, frame: &Frame, connect: Connect<'_>) -> Ended {
        let refuse = |when, code| if when { Err(code) } else { Ok(()) };
        let (wishes, number) = (connect.properties, self.session.number);
        refuse(wishes.authentication_method().is_some(), ReasonCode::BAD_AUTHENTICATION_METHOD)?;
        let too_high = connect.will.is_some_and(|will| will.get().qos > QoS::AtLeastOnce);
        refuse(too_high && connect.version == Version::V5, ReasonCode::QOS_NOT_SUPPORTED)?;
        let window = wishes.receive_maximum().map_or(WINDOW, |maximum| WINDOW.min(maximum.get()));
        self.ids = (1..=window).filter_map(PacketId::new).collect();
        self.patience = connect.keep_alive_limit().unwrap_or(Duration::from_secs(u32::MAX.into()));
        self.connect = Some(frame.clone());
        let (anonymous, assigned) = (connect.client_id.is_empty(), format!("client-{number}"));
        let client = if anonymous { &assigned } else { connect.client_id };
        tracing::info!("{number}: {client:?} speaks MQTT {}", connect.version);
        let old = self.broker.lock().clients.insert(client.to_owned(), self.session.clone());
        let _ = old.map(|old| old.end.try_send(ReasonCode::SESSION_TAKEN_OVER));
        let properties = [
            Property::SessionExpiryInterval(0),
            Property::MaximumQoS(MaximumQoS::AtLeastOnce),
            Property::MaximumPacketSize(MAX_PACKET_SIZE),
            Property::SubscriptionIdentifierAvailable(false),
            Property::AssignedClientIdentifier(client),
        ];
        let properties = Properties::new(if anonymous { &properties } else { &properties[..4] });
        self.send(ConnAck { properties, ..ConnAck::new(ReasonCode::SUCCESS) }).await
    }

    /// Sends a message on: a head of its own, and the payload from where it is.
    async fn deliver(&mut self, (frame, qos, retain): Message) -> Ended {
        let Packet::Publish(p) = frame.packet().map_err(reason)? else { return Ok(()) };
        let (id, options) =
            (*self.ids.first().ok_or(LOST)?, self.framed.codec().connection().encode_options());
        let (delivery, mut head) = (Delivery::new(qos.min(p.delivery.qos()), id), Vec::new());
        let properties = p.properties.forwarded();
        let publish = Publish { dup: false, delivery, retain, properties: properties.as_properties(), ..p };
        let publish = publish.downgrade(options.version().ok_or(LOST)?).ok_or(LOST)?;
        let Ok(_) = publish.encode_head(options, &mut head) else { return Ok(()) }; // too large [MQTT-3.1.2-25]
        delivery.packet_id().map(|id| self.ids.remove(&id));
        let mut bytes = head.chain(publish.payload);
        let written = timeout(PATIENCE, self.framed.get_mut().write_all_buf(&mut bytes)).await;
        written.map_err(|_| LOST)?.map_err(reason)
    }

    async fn send<'p>(&mut self, packet: impl Into<Packet<'p>>) -> Ended {
        let version = self.framed.codec().connection().version().ok_or(LOST)?;
        let packet = packet.into().downgrade(version).ok_or(LOST)?; // 3.x says less
        timeout(PATIENCE, self.framed.send(packet.into())).await.map_err(|_| LOST)?.map_err(reason)
    }
}

fn reason(error: impl Into<CodecError>) -> ReasonCode {
    let error = error.into();
    tracing::info!("{error}");
    error.reason_code().unwrap_or(LOST)
}

async fn talk(number: u64, socket: TcpStream, broker: Arc<Mutex<Broker>>) -> Result<(), CodecError> {
    let connection = mqtt_wire::Connection::server().with_max_packet_size(MAX_PACKET_SIZE.get());
    let framed = Framed::new(socket, Codec::new(connection));
    let ((queue, mail), (end, ended)) = (channel(QUEUE), channel(1));
    let (session, filters, ids) = (Session { number, queue, end }, HashSet::new(), BTreeSet::new());
    let (patience, deadline) = (PATIENCE, Instant::now() + PATIENCE);
    let mut this = Connection { framed, broker, session, patience, deadline, connect: None, filters, ids };
    let code = this.serve(mail, ended).await.err().unwrap_or_default();
    tracing::info!("{number}: {}", code.name_in(PacketType::Disconnect).unwrap_or_default());
    this.broker.lock().clients.retain(|_, session| session.number != number);
    this.filters.iter().for_each(|filter| _ = this.broker.lock().unsubscribe(number, filter.as_filter()));
    let connect = this.connect.as_ref().map(Frame::packet).transpose()?;
    if code == ReasonCode::SUCCESS {
        return Ok(());
    }
    if let Some(Packet::Connect(Connect { will: Some(will), version, .. })) = connect {
        let will = will.get();
        let publish = will.to_publish(Delivery::new(will.qos.min(QoS::AtLeastOnce), PacketId::MIN));
        let publish = publish.as_publish();
        this.broker.lock().publish(number, &Frame::encode(&publish.into(), version)?, publish);
    }
    let told = connect.map_or(ConnAck::new(code).into(), |_| Packet::from(Disconnect::new(code)));
    this.framed.send(told.into()).await?; // an error where the version has no such packet: being cut off has to do
    this.framed.get_mut().shutdown().await?;
    let _ = timeout(PATIENCE, copy(this.framed.get_mut(), &mut sink())).await; // else TCP may drop what was sent
    Ok(())
}

fn fail<T>(error: impl std::fmt::Display) -> T {
    eprintln!("broker [PORT]: {error}");
    std::process::exit(1)
}

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_target(false).init();
    let port = std::env::args().nth(1).map_or(Ok(1883), |port| port.parse()).unwrap_or_else(fail);
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap_or_else(fail);
    let address = listener.local_addr().unwrap_or_else(fail);
    writeln!(std::io::stdout(), "listening on {address}").unwrap_or_else(fail);
    let broker = Arc::<Mutex<Broker>>::default();
    for number in 1.. {
        match listener.accept().await {
            Ok((socket, _)) => drop(tokio::spawn(talk(number, socket, broker.clone()))),
            Err(_) => sleep(Duration::from_millis(100)).await, // out of file descriptors
        }
    }
}
