//! The one task of a client. It owns the session, the connection and the socket.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mqtt_session::{
    Client as ClientRole, Growing, HandleError, Input, Link, Millis, Outcome, Output, Publication, Refusal,
    Session, Stale,
};
use mqtt_wire::topic::TopicFilterBuf;
use mqtt_wire::{
    ConnAck, Connect, Connection, Disconnect, EncodeOptions, Frame, Packet, PacketId, PropertiesBuf,
    Property, PublishFrame, QoS, ReasonCode, Subscribe, Subscription, SubscriptionOptions, Unsubscribe,
    Version, Will, WillRef,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::client::Server;
use crate::error::{Error, PublishError, SubscribeError};
use crate::message::{Answer, Message, MessageBuf};
use crate::options::{Event, Options, SessionStart};
use crate::store::{Messages, Store};
use crate::transport;

type Slots = Growing<u64>;
type ClientLink<'s> = Link<'s, ClientRole, Slots>;
type Delivered = oneshot::Sender<Result<ReasonCode, PublishError>>;
type Accepted = oneshot::Sender<Result<(), Stale>>;
type Answered = oneshot::Sender<Result<Vec<ReasonCode>, SubscribeError>>;

/// How many bytes may wait to be written before nothing more is taken in.
const MAX_UNWRITTEN: usize = 1 << 20;
/// How many messages, and how many requests, are taken from the application before the first of them is under way.
const MAX_WAITING: usize = 64;
/// How long the last bytes may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// The longest time that connecting may take. With more a point in time may be one that there is not.
const LONGEST_PATIENCE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What is asked of the task besides publishing.
#[derive(Debug)]
pub(crate) enum Request {
    Subscribe {
        filters: Vec<(TopicFilterBuf, SubscriptionOptions)>,
        properties: PropertiesBuf,
        /// None when the task itself asks, for a session that the server has forgotten.
        done: Option<Answered>,
    },
    Unsubscribe {
        filters: Vec<TopicFilterBuf>,
        properties: PropertiesBuf,
        done: Answered,
    },
    Settled(oneshot::Sender<()>),
}

/// The task's ends of the handles' channels.
pub(crate) struct Channels {
    pub(crate) publishes: mpsc::Receiver<(MessageBuf, Delivered)>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) goodbyes: mpsc::Receiver<ReasonCode>,
    pub(crate) incoming: mpsc::Sender<Message>,
}

/// What outlives a connection, but for the session.
pub(crate) struct Task {
    options: Options,
    channels: Channels,
    answers: mpsc::UnboundedReceiver<Answer>,
    answer: mpsc::UnboundedSender<Answer>,
    /// Taken when the first connection is there.
    opened: Option<oneshot::Sender<Result<Server, Error>>>,
    started: Instant,
    /// The identifier that the server has chosen.
    assigned: Option<String>,
    outbox: Outbox,
    /// Requests that are to be sent, and those that wait for an answer.
    requests: VecDeque<Request>,
    asked: Vec<(PacketId, Request)>,
    settling: Vec<oneshot::Sender<()>>,
    /// What the server has granted.
    subscriptions: Vec<(TopicFilterBuf, SubscriptionOptions, PropertiesBuf)>,
    /// Messages for which the application has no room yet.
    stalled: VecDeque<Message>,
}

/// The messages to the server.
struct Outbox {
    store: Option<Store>,
    next_key: u64,
    /// All that are not done, by their keys.
    messages: Messages,
    /// Who waits for them. (For those of an earlier process nobody does.)
    waiters: BTreeMap<u64, Delivered>,
    /// Those that the link has not taken yet, in order.
    waiting: BTreeSet<u64>,
    /// QoS 0: encoded, but not written.
    unwritten: Vec<Delivered>,
    /// Done, as soon as the store is safe.
    done: Vec<(Delivered, Result<ReasonCode, PublishError>)>,
    accepted: Vec<(Accepted, Result<(), Stale>)>,
    /// Not delivered, and nobody waits for them.
    lost: Vec<(MessageBuf, PublishError)>,
    resend: QoS,
}

/// The bytes that go out.
#[derive(Default)]
struct Outgoing {
    bytes: BytesMut,
    /// What was written was not flushed yet.
    unflushed: bool,
}

impl Outgoing {
    fn is_idle(&self) -> bool {
        self.bytes.is_empty() && !self.unflushed
    }

    fn has_room(&self) -> bool {
        self.bytes.len() < MAX_UNWRITTEN
    }

    /// Writes some of the bytes. Can be given up at any time.
    async fn write(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if !self.bytes.is_empty() {
            if writer.write_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.unflushed = true;
        }
        if self.bytes.is_empty() && self.unflushed {
            writer.flush().await?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// Writes what is left, and closes.
    ///
    /// What the other side has still sent is read and dropped: a socket that is closed over it is reset, and the other
    /// side loses what it has not read, acknowledgements among it.
    async fn finish(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) {
        let all = async {
            while !self.is_idle() {
                self.write(writer).await?;
            }
            writer.shutdown().await?;
            tokio::io::copy(reader, &mut tokio::io::sink()).await
        };
        // The connection ends either way.
        let _ = timeout(GOODBYE, all).await;
    }
}

impl Outbox {
    fn add(&mut self, message: MessageBuf, waiter: Delivered) {
        let key = self.next_key;
        self.next_key = self.next_key.wrapping_add(1);
        if let Some(store) = self.store.as_mut().filter(|_| message.qos > QoS::AtMostOnce) {
            store.message(key, &message);
        }
        self.messages.insert(key, message);
        self.waiters.insert(key, waiter);
        self.waiting.insert(key);
    }

    /// The message of this key is done with.
    fn finish(&mut self, key: u64, result: Result<ReasonCode, PublishError>) {
        let message = self.messages.remove(&key);
        let was_kept = message.as_ref().is_some_and(|message| message.qos > QoS::AtMostOnce);
        if let Some(store) = self.store.as_mut().filter(|_| was_kept) {
            store.done(key);
        }
        if let Some(waiter) = self.waiters.remove(&key) {
            self.done.push((waiter, result));
        } else if let (Some(message), Err(error)) = (message, result) {
            self.lost.push((message, error));
        }
    }

    /// A message's handshake has ended. Whether it is to be published anew.
    fn ended(&mut self, key: u64, outcome: Outcome) -> bool {
        let result = match outcome {
            Outcome::Acknowledged(code) if code.is_error() => Err(PublishError::Refused(code)),
            Outcome::Acknowledged(code) => Ok(code),
            Outcome::Undelivered(code) => Err(PublishError::Undelivered(code)),
            Outcome::SessionOver => {
                if self.messages.get(&key).is_some_and(|message| message.qos <= self.resend) {
                    self.waiting.insert(key);
                    return true;
                }
                Err(PublishError::SessionOver)
            }
        };
        self.finish(key, result);
        false
    }

    /// Encodes a message that the link has decided to send.
    fn encode(
        &mut self,
        publication: &Publication<u64>,
        options: EncodeOptions,
        output: &mut BytesMut,
        told: impl FnOnce(&Packet<'_>),
    ) {
        let Some(message) = self.messages.get(&publication.key) else { return };
        let publish = publication.of(message.as_publish());
        let alias = publication.alias.map(|alias| Property::TopicAlias(alias.number));
        let edited = publish.edited(publish.properties.with(alias.as_slice()));
        let packet = Packet::Publish(edited.as_publish());
        told(&packet);
        // The link has measured it.
        let _ = packet.encode(options, output);
        if publication.delivery.qos() == QoS::AtMostOnce {
            self.messages.remove(&publication.key);
            self.unwritten.extend(self.waiters.remove(&publication.key));
        }
    }

    /// Makes the records safe, and tells those who wait.
    fn settle(&mut self) -> Result<(), Error> {
        if let Some(store) = &mut self.store {
            store.sync()?;
        }
        for (waiter, result) in self.done.drain(..) {
            // Who does not wait any more does not want to know.
            let _ = waiter.send(result);
        }
        for (waiter, result) in self.accepted.drain(..) {
            let _ = waiter.send(result);
        }
        Ok(())
    }

    fn written(&mut self) {
        for waiter in self.unwritten.drain(..) {
            let _ = waiter.send(Ok(ReasonCode::SUCCESS));
        }
    }

    fn not_written(&mut self) {
        for waiter in self.unwritten.drain(..) {
            let _ = waiter.send(Err(PublishError::NotSent));
        }
    }
}

impl Task {
    pub(crate) fn new(
        mut options: Options,
        channels: Channels,
        opened: oneshot::Sender<Result<Server, Error>>,
    ) -> Result<(Self, Session<Slots>), Error> {
        if options.client_id.is_empty() && options.session != SessionStart::Clean {
            return Err(Error::Options("a session that goes on needs a client identifier".to_owned()));
        }
        if options.client_id.is_empty() && options.version == Version::V31 {
            options.client_id = format!("mqtt-{:08x}", fastrand::u32(..));
        }
        // More than were announced, for servers that miscount: mosquitto 2.0 does when it sends PUBREL again.
        let incoming = u16::MAX;
        let aliases = if options.version == Version::V5 { options.topic_aliases } else { 0 };
        let slots = Slots::new(u16::MAX, incoming, aliases);
        let (store, session, messages) = match &options.session {
            SessionStart::Clean => (None, Session::new(slots), Messages::new()),
            SessionStart::Continue => (None, Session::assumed(slots), Messages::new()),
            SessionStart::File(path) => {
                let (store, session, messages) = Store::open(path, &options.client_id, slots)?;
                (Some(store), session, messages)
            }
        };
        let under_way: Vec<u64> = session.keys().copied().collect();
        let waiting = messages.keys().copied().filter(|key| !under_way.contains(key)).collect();
        let outbox = Outbox {
            store,
            next_key: messages.last_key_value().map_or(1, |(key, _)| key.wrapping_add(1)),
            messages,
            waiters: BTreeMap::new(),
            waiting,
            unwritten: Vec::new(),
            done: Vec::new(),
            accepted: Vec::new(),
            lost: Vec::new(),
            resend: options.resend,
        };
        let (answer, answers) = mpsc::unbounded_channel();
        let this = Self {
            options,
            channels,
            answers,
            answer,
            opened: Some(opened),
            started: Instant::now(),
            assigned: None,
            outbox,
            requests: VecDeque::new(),
            asked: Vec::new(),
            settling: Vec::new(),
            subscriptions: Vec::new(),
            stalled: VecDeque::new(),
        };
        Ok((this, session))
    }

    fn now(&self) -> Millis {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Connects as often as it takes, until the goodbye or an error that will not go away.
    pub(crate) async fn run(mut self, mut session: Session<Slots>) -> Result<(), Error> {
        let ended = self.connections(&mut session).await;
        self.take_rest().await.and(ended)
    }

    async fn connections(&mut self, session: &mut Session<Slots>) -> Result<(), Error> {
        let (mut attempt, mut connections, mut last) = (0, 0_u64, None);
        loop {
            let mut was_open = false;
            let error = match self.connection(session, connections == 0, &mut was_open).await {
                Ok(()) => return Ok(()),
                Err(Error::Ended) => return Err(last.unwrap_or(Error::Ended)),
                Err(error) => error,
            };
            self.outbox.not_written();
            self.options.tell(Event::Lost(&error));
            if was_open {
                (attempt, connections) = (0, connections.saturating_add(1));
            }
            let again = self.options.reconnect.clone().filter(|reconnect| {
                error.is_temporary()
                    && (self.opened.is_none() || reconnect.at_start)
                    && reconnect.attempts.is_none_or(|most| attempt < most)
            });
            let Some(reconnect) = again else {
                if let Some(opened) = self.opened.take() {
                    let _ = opened.send(Err(error.clone()));
                }
                return Err(error);
            };
            // What was not answered is asked again.
            for (_, request) in self.asked.drain(..).rev() {
                self.requests.push_front(request);
            }
            let delay = reconnect.delay(attempt);
            attempt = attempt.saturating_add(1);
            self.options.tell(Event::Waiting(delay, &error));
            if self.meanwhile(sleep(delay)).await.is_none() {
                return Err(error);
            }
            last = Some(error);
        }
    }

    /// Waits for this without a connection; `None` if the client ends before.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let incoming = self.channels.incoming.clone();
        loop {
            // Nothing may be under way any more.
            self.tell_settled();
            if self.is_over() {
                return None;
            }
            let has_room = self.requests.len() < MAX_WAITING;
            let (has_publishers, has_goodbyes) = (self.has_publishers(), self.has_goodbyes());
            tokio::select! {
                done = &mut work => return Some(done),
                goodbye = self.channels.goodbyes.recv(), if has_goodbyes => if goodbye.is_some() { return None },
                Some(request) = self.channels.requests.recv(), if has_room => self.take_request(request),
                Some(answer) = self.answers.recv() => {
                    // Its message comes again.
                    let _ = answer.done.send(Err(Stale));
                }
                () = incoming.closed(), if !has_publishers && !incoming.is_closed() => {}
            }
        }
    }

    /// Whether messages to be published may come.
    fn has_publishers(&self) -> bool {
        !(self.channels.publishes.is_closed() && self.channels.publishes.is_empty())
    }

    /// Whether somebody may say goodbye.
    fn has_goodbyes(&self) -> bool {
        !(self.channels.goodbyes.is_closed() && self.channels.goodbyes.is_empty())
    }

    /// Whether there is nobody to do anything for: no handle, and no message under way unless connecting was given up.
    fn is_over(&self) -> bool {
        let has_work = !self.outbox.messages.is_empty() && self.opened.is_none();
        !(self.has_publishers() || has_work) && self.channels.incoming.is_closed()
    }

    /// What was taken from the application and did not get its turn is in the file, if there is one, and nobody waits for an
    /// answer any more.
    ///
    /// The channels of those who wait for an answer are read to their end: what is sent just while a receiver is dropped
    /// would stay in the channel as long as there are senders, and the answer would never come.
    async fn take_rest(&mut self) -> Result<(), Error> {
        self.channels.publishes.close();
        while let Some((message, waiter)) = self.channels.publishes.recv().await {
            self.outbox.add(message, waiter);
        }
        self.channels.requests.close();
        while self.channels.requests.recv().await.is_some() {}
        self.answers.close();
        while self.answers.recv().await.is_some() {}
        match &mut self.outbox.store {
            Some(store) => store.sync(),
            None => Ok(()),
        }
    }

    /// One connection from its beginning to its end; `Ok` when it was this side that ended it, and [`Error::Ended`] if that
    /// was before there was one.
    async fn connection(
        &mut self,
        session: &mut Session<Slots>,
        is_first: bool,
        was_open: &mut bool,
    ) -> Result<(), Error> {
        let patience = self.options.timeout.min(LONGEST_PATIENCE);
        let deadline = Instant::now() + patience;
        self.options.tell(Event::Connecting(&self.options.address));
        let late = |what| Error::Timeout { what, after: patience };
        let options = self.options.clone();
        let connecting = timeout_at(deadline, transport::connect(&options));
        let Some(connected) = self.meanwhile(connecting).await else { return Err(Error::Ended) };
        let stream = connected.map_err(|_| late("connection"))??;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let connection =
            Connection::client(self.options.version).with_max_packet_size(self.options.max_packet_size);
        let mut link = session.client(connection);
        let (mut input, mut out) = (BytesMut::new(), Outgoing::default());
        let (incoming, mut fault) = (self.channels.incoming.clone(), None);
        self.say_hello(&mut link, &mut out, is_first)?;
        loop {
            self.turn(&mut link, &mut input, &mut out, &mut fault)?;
            if link.is_closing() {
                out.finish(&mut reader, &mut writer).await;
                self.outbox.written();
                return fault.map_or(Ok(()), Err);
            }
            let is_open = link.is_open();
            *was_open |= is_open;
            if out.is_idle() {
                self.outbox.written();
                self.tell_settled();
            }
            if self.is_over() {
                self.say_goodbye(&mut link, &mut out, ReasonCode::SUCCESS);
                continue;
            }
            let is_stalled = !self.stalled.is_empty();
            if is_stalled && is_open {
                // PINGREQ is sent for the server to know of this side. Its answer may be in what is not read.
                let _ = link.handle(Packet::PingResp, self.now());
            }
            // How long CONNACK may take says the option.
            let due = link.deadline().filter(|_| is_open);
            let due = due.map(|due| self.started + Duration::from_millis(due));
            let has_room = out.has_room();
            let (has_publishers, has_goodbyes) = (self.has_publishers(), self.has_goodbyes());
            let takes_messages = is_open && has_room && self.outbox.waiting.len() < MAX_WAITING;
            let takes_requests = is_open && has_room && self.requests.len() < MAX_WAITING;
            tokio::select! {
                read = reader.read_buf(&mut input), if !is_stalled && has_room => match read {
                    Ok(0) => return Err(Error::Closed),
                    Ok(_) => {}
                    Err(error) => return Err(Error::Lost(Arc::new(error))),
                },
                written = out.write(&mut writer), if !out.is_idle() => {
                    written.map_err(|error| Error::Lost(Arc::new(error)))?;
                }
                Some((message, waiter)) = self.channels.publishes.recv(), if takes_messages => {
                    self.outbox.add(message, waiter);
                }
                Some(request) = self.channels.requests.recv(), if takes_requests => self.take_request(request),
                Some(answer) = self.answers.recv() => self.accept(&mut link, answer),
                permit = incoming.reserve(), if is_stalled => match permit {
                    Ok(permit) => {
                        if let Some(message) = self.stalled.pop_front() {
                            permit.send(message);
                        }
                    }
                    // Nobody wants them: the server keeps those that it has to.
                    Err(_) => self.stalled.clear(),
                },
                () = incoming.closed(), if !has_publishers && !is_stalled && !incoming.is_closed() => {}
                goodbye = self.channels.goodbyes.recv(), if has_goodbyes => if let Some(code) = goodbye {
                    self.say_goodbye(&mut link, &mut out, code);
                },
                () = sleep_until(deadline), if !is_open => return Err(late("CONNACK")),
                () = until(due) => {
                    let now = self.now();
                    if let Err(violation) = link.elapsed(now) {
                        fault = Some(Error::Violation(violation));
                    }
                }
            }
        }
    }

    /// Does all that can be done without waiting.
    fn turn(
        &mut self,
        link: &mut ClientLink<'_>,
        input: &mut BytesMut,
        out: &mut Outgoing,
        fault: &mut Option<Error>,
    ) -> Result<(), Error> {
        while let Ok(answer) = self.answers.try_recv() {
            self.accept(link, answer);
        }
        self.outputs(link, out);
        while !link.is_closing() && self.stalled.is_empty() {
            match link.connection().split_from(input) {
                Ok(Some(frame)) => *fault = self.handle(link, frame).or(fault.take()),
                Ok(None) => break,
                Err(error) => {
                    link.close(error.reason_code());
                    *fault = Some(Error::Malformed(error));
                }
            }
            self.outputs(link, out);
        }
        if link.is_open() {
            self.ask(link, out);
            self.publish(link, out);
        }
        self.outbox.settle()?;
        for (message, error) in self.outbox.lost.drain(..) {
            self.options.tell(Event::NotDelivered(&message, error));
        }
        match &mut self.outbox.store {
            Some(store) => store.compact(link.session(), &self.outbox.messages),
            None => Ok(()),
        }
    }

    /// Does what the link says.
    fn outputs(&mut self, link: &mut ClientLink<'_>, out: &mut Outgoing) {
        let now = self.now();
        while let Some(output) = link.next(now) {
            let options = link.connection().encode_options();
            self.perform(output, options, out);
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "an output is done once")]
    fn perform(&mut self, output: Output<'_, u64>, options: EncodeOptions, out: &mut Outgoing) {
        match output {
            Output::Store(record) => {
                if let Some(store) = &mut self.outbox.store {
                    store.record(record);
                }
            }
            Output::Send(packet) => {
                self.options.tell(Event::Sent(&packet));
                // The link has made or measured it.
                let _ = packet.encode(options, &mut out.bytes);
            }
            Output::Publish(publication) => {
                let tell = |packet: &Packet<'_>| self.options.tell(Event::Sent(packet));
                self.outbox.encode(&publication, options, &mut out.bytes, tell);
            }
            Output::Done(key, outcome) => {
                if self.outbox.ended(key, outcome) {
                    self.options.tell(Event::SentAnew);
                }
            }
            Output::Close(_) => {}
        }
    }

    fn say_hello(
        &mut self,
        link: &mut ClientLink<'_>,
        out: &mut Outgoing,
        is_first: bool,
    ) -> Result<(), Error> {
        let o = &self.options;
        let is_v5 = o.version == Version::V5;
        let mut properties = o.properties.clone();
        if is_v5 {
            properties.set(Property::ReceiveMaximum(o.receive_maximum))?;
            if let Some(size) = std::num::NonZeroU32::new(o.max_packet_size) {
                properties.set(Property::MaximumPacketSize(size))?;
            }
            if o.topic_aliases > 0 {
                properties.set(Property::TopicAliasMaximum(o.topic_aliases))?;
            }
            if o.expiry() > 0 {
                properties.set(Property::SessionExpiryInterval(o.expiry()))?;
            }
        }
        let is_clean = o.session == SessionStart::Clean;
        let clean_start = is_clean && (is_first || !is_v5 || o.expiry() == 0);
        let will = o.will.as_ref().map(|will| Will {
            qos: will.qos,
            retain: will.retain,
            properties: will.properties.as_properties(),
            ..Will::new(will.topic.as_name(), &will.payload)
        });
        let client_id = self.assigned.clone().unwrap_or_else(|| o.client_id.clone());
        let (user_name, password) = (o.user_name.clone(), o.password.clone());
        let connect = Connect {
            clean_start,
            keep_alive: o.keep_alive,
            properties: properties.as_properties(),
            will: will.as_ref().map(WillRef::from),
            user_name: user_name.as_deref(),
            password: password.as_deref(),
            ..Connect::new(o.version, &client_id)
        };
        let options = link.connection().encode_options();
        let mut list = Vec::new();
        let now = self.now();
        let mut outputs = link.connect(&connect, now).map_err(Error::Unsendable)?;
        while let Some(output) = outputs.next() {
            match output {
                // The options, which the will is part of, are borrowed until the packet is there.
                Output::Send(packet) => {
                    self.options.tell(Event::Sent(&packet));
                    packet.encode(options, &mut out.bytes)?;
                }
                Output::Store(record) => list.push(Output::Store(record)),
                Output::Publish(publication) => list.push(Output::Publish(publication)),
                Output::Done(key, outcome) => list.push(Output::Done(key, outcome)),
                Output::Close(code) => list.push(Output::Close(code)),
            }
        }
        for output in list {
            self.perform(output, options, out);
        }
        link.tolerate_received(u16::MAX);
        // What was stored is safe before CONNECT is written.
        self.outbox.settle()
    }

    fn say_goodbye(&mut self, link: &mut ClientLink<'_>, out: &mut Outgoing, code: ReasonCode) {
        while let Ok(answer) = self.answers.try_recv() {
            self.accept(link, answer);
        }
        self.outputs(link, out);
        // What was published before goes out before. There is no more of it than the queue has.
        self.channels.publishes.close();
        if link.is_open() {
            self.publish(link, out);
        }
        let mut properties = PropertiesBuf::new();
        if self.options.version == Version::V5 {
            properties = self.options.goodbye.clone();
            if self.options.goodbye_ends_session() {
                // There is room for five bytes more.
                let _ = properties.set(Property::SessionExpiryInterval(0));
            }
        }
        let disconnect = Disconnect { reason_code: code, properties: properties.as_properties() };
        let options = link.connection().encode_options();
        let now = self.now();
        let said = match link.disconnect(&disconnect, now) {
            Ok(outputs) => {
                outputs.for_each(|output| self.perform(output, options, out));
                true
            }
            Err(_) => false,
        };
        if !said {
            // What 3.x cannot say: the connection ends without a word, and the server publishes the will.
            link.close(ReasonCode::SUCCESS);
        }
    }

    fn accept(&mut self, link: &mut ClientLink<'_>, answer: Answer) {
        let result = link.accept(answer.receipt, answer.code);
        self.outbox.accepted.push((answer.done, result));
    }

    /// Handles a packet; the fault for which the connection has to end.
    fn handle(&mut self, link: &mut ClientLink<'_>, frame: Frame) -> Option<Error> {
        let packet = match frame.packet() {
            Ok(packet) => packet,
            Err(error) => {
                link.close(error.reason_code());
                return Some(Error::Malformed(error));
            }
        };
        self.options.tell(Event::Received(&packet));
        let has_alias = matches!(&packet, Packet::Publish(publish) if publish.topic.is_none());
        let now = self.now();
        match link.handle(packet, now) {
            Ok(Input::Message(publish, receipt)) => {
                let topic = publish.topic.filter(|_| has_alias).map(Into::into);
                // It was decoded above.
                let frame = PublishFrame::new(frame).ok()?;
                self.deliver(Message { frame, topic, receipt, answers: self.answer.clone() });
            }
            Ok(Input::Connected(connack)) => self.connected(&connack),
            Ok(Input::Refused(connack)) => {
                return Some(Error::Refused {
                    code: connack.reason_code,
                    reason: connack.properties.reason_string().map(str::to_owned),
                    server_reference: connack.properties.server_reference().map(str::to_owned),
                });
            }
            Ok(Input::Subscribed(ack)) => self.answered(ack.packet_id, ack.reason_codes.iter().collect()),
            Ok(Input::Unsubscribed(ack)) => self.answered(ack.packet_id, ack.reason_codes.iter().collect()),
            Ok(Input::Closing(disconnect)) => {
                return Some(Error::Disconnected {
                    code: disconnect.reason_code,
                    reason: disconnect.properties.reason_string().map(str::to_owned),
                    server_reference: disconnect.properties.server_reference().map(str::to_owned),
                });
            }
            Ok(_) => {}
            Err(HandleError::Violation(violation)) => return Some(Error::Violation(violation)),
            // Outputs are always done before.
            Err(HandleError::TooEarly) => link.close(ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR),
        }
        None
    }

    fn deliver(&mut self, message: Message) {
        match self.channels.incoming.try_send(message) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(message)) => self.stalled.push_back(message),
        }
    }

    fn connected(&mut self, connack: &ConnAck<'_>) {
        self.options.tell(Event::Connected(connack));
        if let Some(id) = connack.properties.assigned_client_identifier() {
            self.assigned = Some(id.to_owned());
        }
        if let Some(opened) = self.opened.take() {
            let server = Server {
                version: self.options.version,
                session_present: connack.session_present,
                client_id: self.assigned.clone().unwrap_or_else(|| self.options.client_id.clone()),
                properties: connack.properties.to_buf().unwrap_or_default(),
            };
            // Who does not wait any more has dropped everything.
            let _ = opened.send(Ok(server));
        }
        // In 3.1 the server does not tell whether it knows the client.
        if !connack.session_present {
            for (filter, options, properties) in self.subscriptions.drain(..).rev() {
                let filters = vec![(filter, options)];
                self.requests.push_front(Request::Subscribe { filters, properties, done: None });
            }
        }
    }

    fn take_request(&mut self, request: Request) {
        match request {
            Request::Settled(done) => self.settling.push(done),
            request => self.requests.push_back(request),
        }
    }

    /// Tells those who wait for it that nothing is under way.
    fn tell_settled(&mut self) {
        if self.outbox.messages.is_empty() && self.channels.publishes.is_empty() {
            for done in self.settling.drain(..) {
                let _ = done.send(());
            }
        }
    }

    /// Sends the requests that wait, as long as there is room for them.
    fn ask(&mut self, link: &mut ClientLink<'_>, out: &mut Outgoing) {
        while out.has_room()
            && let Some(request) = self.requests.pop_front()
        {
            match self.send_request(link, &request, out) {
                Ok(Some(id)) => self.asked.push((id, request)),
                Ok(None) => {}
                Err(Refusal::Slots | Refusal::NotOpen) => {
                    self.requests.push_front(request);
                    return;
                }
                Err(refusal) => {
                    let error = SubscribeError::Unsendable(refusal);
                    match request {
                        Request::Subscribe { done: Some(done), .. } | Request::Unsubscribe { done, .. } => {
                            let _ = done.send(Err(error));
                        }
                        Request::Subscribe { filters, .. } => {
                            for (filter, _) in &filters {
                                self.options.tell(Event::NotSubscribed(filter, &error));
                            }
                        }
                        Request::Settled(_) => {}
                    }
                }
            }
        }
    }

    fn send_request(
        &mut self,
        link: &mut ClientLink<'_>,
        request: &Request,
        out: &mut Outgoing,
    ) -> Result<Option<PacketId>, Refusal> {
        let options = link.connection().encode_options();
        let now = self.now();
        match request {
            Request::Subscribe { filters, properties, .. } => {
                let list: Vec<_> = filters
                    .iter()
                    .map(|(filter, options)| {
                        Subscription::new(filter.as_filter(), QoS::AtMostOnce).with_options(*options)
                    })
                    .collect();
                let mut subscribe = Subscribe::new(PacketId::MIN, &list);
                subscribe.properties = properties.as_properties();
                let outputs = link.subscribe(&subscribe, now)?;
                let id = outputs.packet_id();
                outputs.for_each(|output| self.perform(output, options, out));
                Ok(id)
            }
            Request::Unsubscribe { filters, properties, .. } => {
                let list: Vec<_> = filters.iter().map(TopicFilterBuf::as_filter).collect();
                let mut unsubscribe = Unsubscribe::new(PacketId::MIN, &list);
                unsubscribe.properties = properties.as_properties();
                let outputs = link.unsubscribe(&unsubscribe, now)?;
                let id = outputs.packet_id();
                outputs.for_each(|output| self.perform(output, options, out));
                Ok(id)
            }
            Request::Settled(_) => Ok(None),
        }
    }

    /// A request was answered.
    fn answered(&mut self, id: PacketId, mut codes: Vec<ReasonCode>) {
        let Some(at) = self.asked.iter().position(|(asked, _)| *asked == id) else { return };
        // Those that are left may have to be asked again, in their order.
        match self.asked.remove(at).1 {
            Request::Subscribe { filters, properties, done } => {
                for ((filter, options), code) in filters.into_iter().zip(&codes) {
                    self.subscriptions.retain(|(other, ..)| *other != filter);
                    if !code.is_error() {
                        self.subscriptions.push((filter, options, properties.clone()));
                    } else if done.is_none() {
                        self.options.tell(Event::NotSubscribed(&filter, &SubscribeError::Refused(*code)));
                    }
                }
                if let Some(done) = done {
                    let _ = done.send(Ok(codes));
                }
            }
            Request::Unsubscribe { filters, done, .. } => {
                self.subscriptions.retain(|(filter, ..)| !filters.contains(filter));
                codes.resize(filters.len(), ReasonCode::SUCCESS);
                let _ = done.send(Ok(codes));
            }
            Request::Settled(_) => {}
        }
    }

    /// Gives the link the messages that wait, as long as it takes them.
    fn publish(&mut self, link: &mut ClientLink<'_>, out: &mut Outgoing) {
        while out.has_room() || self.channels.publishes.is_closed() {
            let Some(&key) = self.outbox.waiting.first() else {
                let Ok((message, waiter)) = self.channels.publishes.try_recv() else { return };
                self.outbox.add(message, waiter);
                continue;
            };
            let Some(message) = self.outbox.messages.get(&key) else {
                self.outbox.waiting.remove(&key);
                continue;
            };
            let most = usize::from(self.options.send_maximum());
            if message.qos > QoS::AtMostOnce && link.session().in_flight() >= most {
                return;
            }
            match link.publish(&message.as_publish(), message.qos, key) {
                Ok(()) => {}
                // When something was acknowledged.
                Err(Refusal::Quota | Refusal::Slots | Refusal::NotOpen) => return,
                Err(refusal) => self.outbox.finish(key, Err(PublishError::Unsendable(refusal))),
            }
            self.outbox.waiting.remove(&key);
            self.outputs(link, out);
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
