//! From the first byte to CONNACK, and what comes after the end.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mqtt_session::{Ending, Growing, HandleError, Input, Output, Session};
use mqtt_wire::{
    Auth, CheckedFrame, ConnAck, Connect, Delivery, Packet, PacketId, Properties, PropertiesBuf, Property,
    PublishFrame, ReasonCode, Rule, Tolerance, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::connection::{Client, Connection, End, NewLink, count};
use super::packets::may_publish;
use super::{Peer, Shared, Stream, outgoing};
use crate::auth::{Credentials, Step, Who, shown};
use crate::engine::sinks::PREFIX;
use crate::engine::{Attach, Held, Will};
use crate::metrics::{Closed, Dropped};

/// How long the goodbye of a connection may take.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);
/// The CONNACK of 3.1.1 for an unknown version (`[MQTT-3.1.2-2]`).
const UNACCEPTABLE_VERSION: [u8; 4] = [0x20, 0x02, 0x00, 0x01];

/// Why there is no connection.
enum Refused {
    /// Nothing is said.
    Silently(String),
    /// With these bytes.
    With(Vec<u8>, String),
}

/// Serves a client from the first byte to the last: `begin`, `Client::converse`, `finish`. `opened` is its
/// stream, once there is one, and `open` is dropped at the end.
///
/// Performance: this is a task for each connection, which waits most of the time, so it has to be small. What is needed
/// before and after the conversation only, the parameters as well, is in boxes that are there only then.
pub fn serve<S: Stream>(
    opened: impl Future<Output = Option<(S, Peer)>> + Send,
    shared: Arc<Shared>,
    open: impl Send,
) -> impl Future<Output = ()> + Send {
    let begun = Box::pin(async move {
        let (stream, peer) = opened.await?;
        begin(stream, peer, shared).await
    });
    async move {
        if let Some((mut client, link)) = begun.await {
            let (end, ending) = client.converse(link).await;
            Box::pin(finish(client, ending, end)).await;
        }
        drop(open);
    }
}

/// Lets a client in, or refuses it.
async fn begin<S: Stream>(
    mut stream: S,
    peer: Peer,
    shared: Arc<Shared>,
) -> Option<(Box<Client<S>>, NewLink)> {
    let mut input = BytesMut::new();
    let patience = Duration::from_secs(shared.limits.connect_timeout);
    let met = tokio::select! {
        met = timeout(patience, meet(&mut stream, &mut input, &peer, &shared)) => {
            met.unwrap_or_else(|_| Err(Refused::Silently("no CONNECT came in time".to_owned())))
        }
        () = shared.ending() => Err(Refused::Silently("the broker ends".to_owned())),
    };
    let why = match met {
        Ok(guest) => {
            let id = guest.who.client.clone();
            let connection = Connection::new(shared.clone(), peer.address, stream, input);
            match let_in(connection, guest).await {
                Ok(client) => return Some(client),
                Err((why, closed)) => {
                    shared.metrics.closed(closed);
                    tracing::info!(client = shown(&id), address = %peer.address, "ended: {why}");
                    return None;
                }
            }
        }
        Err(Refused::Silently(why)) => {
            shared.metrics.closed(Closed::NoConnect);
            why
        }
        Err(Refused::With(bytes, why)) => {
            shared.metrics.closed(Closed::Refused);
            say(&mut stream, &bytes, &shared).await;
            why
        }
    };
    tracing::info!(address = %peer.address, "not let in: {why}");
    leave(stream).await;
    None
}

/// Sends the last packet of a client that is refused. It may be gone already.
async fn say<S: Stream>(stream: &mut S, bytes: &[u8], shared: &Shared) {
    if let Ok(Ok(())) = timeout(GOODBYE, stream.write_all(bytes)).await {
        shared.metrics.bytes_out.inc_by(count(bytes.len()));
    }
}

/// A client that is known, and has no session yet.
struct Guest {
    connect: CheckedFrame,
    connection: mqtt_wire::Connection,
    who: Who,
    /// The last step of an enhanced authentication.
    auth_data: Option<Vec<u8>>,
    will: Option<Will>,
}

/// Reads CONNECT and finds out who the client is.
async fn meet<S: Stream>(
    stream: &mut S,
    input: &mut BytesMut,
    peer: &Peer,
    shared: &Shared,
) -> Result<Guest, Refused> {
    let mut connection = mqtt_wire::Connection::server().with_max_packet_size(shared.limits.packet_size);
    let options = connection.decode_options();
    let options =
        options.with_tolerance(Tolerance::BridgeProtocolLevel).with_tolerance(Tolerance::LongClientIds);
    connection.set_decode_options(options);
    let frame = next_frame(stream, input, &mut connection, shared).await?;
    let frame = CheckedFrame::new(frame).map_err(|error| unreadable(&mut connection, &error))?;
    let Packet::Connect(connect) = frame.packet() else {
        return Err(Refused::Silently("the first packet is no CONNECT".to_owned()));
    };
    if connect.client_id.starts_with(PREFIX) {
        let code = ReasonCode::CLIENT_IDENTIFIER_NOT_VALID;
        return Err(refuse(&mut connection, code, format!("{:?} is no client's", connect.client_id)));
    }
    let (who, auth_data) = authenticate(stream, input, &mut connection, &connect, peer, shared).await?;
    let will = match connect.will {
        Some(will) => Some(
            will_of(&will.get(), &who, connect.version, shared)
                .map_err(|code| refuse(&mut connection, code, "its will is not allowed".to_owned()))?,
        ),
        None => None,
    };
    Ok(Guest { connect: frame, connection, who, auth_data, will })
}

/// Reads the next frame.
async fn next_frame<S: Stream>(
    stream: &mut S,
    input: &mut BytesMut,
    connection: &mut mqtt_wire::Connection,
    shared: &Shared,
) -> Result<mqtt_wire::Frame, Refused> {
    loop {
        match connection.split_from(input) {
            Ok(Some(frame)) => return Ok(frame),
            Ok(None) => {}
            Err(error) => return Err(unreadable(connection, &error)),
        }
        match poll_fn(|cx| super::reader::poll_read(stream, input, cx)).await {
            Ok(0) => return Err(Refused::Silently("it has closed the connection".to_owned())),
            Ok(n) => _ = shared.metrics.bytes_in.inc_by(count(n)),
            Err(error) => return Err(Refused::Silently(error.to_string())),
        }
    }
}

fn silently(error: impl std::fmt::Display) -> Refused {
    Refused::Silently(error.to_string())
}

/// What a CONNECT that cannot be read is answered.
fn unreadable(connection: &mut mqtt_wire::Connection, error: &mqtt_wire::DecodeError) -> Refused {
    let code = error.reason_code();
    match (error.rule(), connection.version()) {
        (Rule::ProtocolVersion, _) => Refused::With(UNACCEPTABLE_VERSION.to_vec(), error.to_string()),
        // Of 3.x no code but that for the client identifier says which rule was broken: there is no CONNACK
        // `[MQTT-3.1.4-1]`.
        (_, Some(version)) if version == Version::V5 || code == ReasonCode::CLIENT_IDENTIFIER_NOT_VALID => {
            refuse(connection, code, error.to_string())
        }
        _ => Refused::Silently(error.to_string()),
    }
}

/// A CONNACK that refuses, if the version has one for that.
fn refuse(connection: &mut mqtt_wire::Connection, code: ReasonCode, why: String) -> Refused {
    let version = connection.version().unwrap_or(Version::V311);
    let mut bytes = Vec::new();
    let connack = Packet::from(ConnAck::new(code)).downgrade(version);
    match connack.map(|packet| connection.encode(&packet, &mut bytes)) {
        Some(Ok(_)) => Refused::With(bytes, why),
        _ => Refused::Silently(why),
    }
}

async fn authenticate<S: Stream>(
    stream: &mut S,
    input: &mut BytesMut,
    connection: &mut mqtt_wire::Connection,
    connect: &Connect<'_>,
    peer: &Peer,
    shared: &Shared,
) -> Result<(Who, Option<Vec<u8>>), Refused> {
    let assigned;
    let client = if connect.client_id.is_empty() {
        assigned = format!("auto-{:032x}", rand::random::<u128>());
        &assigned
    } else {
        connect.client_id
    };
    let Some(method) = connect.properties.authentication_method() else {
        let credentials = Credentials {
            client,
            user: connect.user_name,
            password: connect.password,
            certificate: peer.certificate.as_deref(),
            address: peer.address,
        };
        let who = shared.authenticate.authenticate(credentials).await;
        return match who {
            Ok(who) => Ok((who, None)),
            Err(refused) => Err(refuse(connection, refused.reason, refused.why.to_owned())),
        };
    };
    let Some(mut exchange) = shared.authenticate.begin(method, client) else {
        let code = ReasonCode::BAD_AUTHENTICATION_METHOD;
        return Err(refuse(connection, code, format!("no authentication method {method:?}")));
    };
    // A session of its own: the client's is not touched before it is known who that is.
    let mut session = Session::new(Growing::<()>::new(1, 1, 0));
    let now = shared.engine.now();
    let mut link = session.server(connection.clone(), connect, now);
    let mut step = exchange.step(connect.properties.authentication_data().unwrap_or_default());
    loop {
        let data = match step {
            Step::Done(who, data) => {
                *connection = link.connection().clone();
                return Ok((who, Some(data)));
            }
            Step::Refused(refused) => return Err(refuse(connection, refused.reason, refused.why.to_owned())),
            Step::Continue(data) => data,
        };
        let properties = [Property::AuthenticationMethod(method), Property::AuthenticationData(&data)];
        let auth = Auth::new(ReasonCode::CONTINUE_AUTHENTICATION, Properties::new(&properties));
        let mut bytes = Vec::new();
        let options = link.connection().encode_options();
        link.auth(&auth, now).map_err(silently)?.for_each(|output| {
            if let Output::Send(packet) = output {
                // It was encoded once before, to see whether the client takes it.
                let _ = packet.encode(options, &mut bytes);
            }
        });
        stream.write_all(&bytes).await.map_err(silently)?;
        stream.flush().await.map_err(silently)?;
        shared.metrics.bytes_out.inc_by(count(bytes.len()));
        let frame = next_frame(stream, input, link.connection(), shared).await?;
        let frame = CheckedFrame::new(frame).map_err(|error| unreadable(connection, &error))?;
        step = match link.handle(frame.packet(), now) {
            Ok(Input::Auth(auth)) => exchange.step(auth.properties.authentication_data().unwrap_or_default()),
            Err(HandleError::Violation(violation)) => {
                return Err(refuse(connection, violation.reason_code(), violation.to_string()));
            }
            _ => return Err(Refused::Silently("it has ended its authentication".to_owned())),
        };
    }
}

/// The will as it is kept.
fn will_of(
    will: &mqtt_wire::Will<'_>,
    who: &Who,
    version: Version,
    shared: &Shared,
) -> Result<Will, ReasonCode> {
    may_publish(shared, who, will.topic)?;
    let delay = will.properties.will_delay_interval().unwrap_or(0);
    let publish = will.to_publish(Delivery::new(will.qos, PacketId::MIN));
    let frame = PublishFrame::encode(&publish.as_publish(), version).map_err(|error| error.reason_code())?;
    let message = shared.engine.message(frame, Some(who.client.clone()));
    Ok(Will { message, delay, session: 0 })
}

/// Gives a client its session and its CONNACK, which goes out with the first turn. An error is why there is no
/// connection.
async fn let_in<S: Stream>(
    mut this: Connection<S>,
    guest: Guest,
) -> Result<(Box<Client<S>>, NewLink), (String, Closed)> {
    let Guest { connect: frame, mut connection, who, auth_data, will } = guest;
    let Packet::Connect(connect) = frame.packet() else { return Err((String::new(), Closed::NoConnect)) };
    let shared = this.shared.clone();
    let keep_alive = keep_alive(&connect, &shared);
    // 3.x is not told, and held to it all the same.
    let connect = if connect.version == Version::V5 { connect } else { Connect { keep_alive, ..connect } };
    let expiry = expiry(&connect).min(shared.limits.session_expiry);
    let properties = announce(&connect, &who, keep_alive, expiry, auth_data.as_deref(), &shared)
        .map_err(|error| (error.to_string(), Closed::Server))?;
    let attach = Attach { who, clean_start: connect.clean_start, lasts: expiry > 0, will };
    let mut seat = match shared.engine.attach(attach, &mut this.turn).await {
        Ok(seat) => seat,
        Err(code) => {
            if let Refused::With(bytes, _) = refuse(&mut connection, code, String::new()) {
                say(&mut this.stream, &bytes, &shared).await;
            }
            leave(this.stream).await;
            return Err((format!("refused: {code}"), Closed::Refused));
        }
    };
    // It has come too late to be sent away with the others.
    if *shared.is_ending.borrow() {
        seat.held.mailbox.kick(ReasonCode::SERVER_SHUTTING_DOWN);
    }
    seat.held.set_method(connect.properties.authentication_method());
    if connect.version == Version::V5 && connect.properties.maximum_packet_size().is_some() {
        outgoing::measure(&mut seat.session, &shared.limits, this.now);
    }
    let mut link = seat.session.server(connection, &connect, this.now);
    (this.version, this.options) = (connect.version, link.connection().encode_options());
    let connack = ConnAck { properties: properties.as_properties(), ..ConnAck::new(ReasonCode::SUCCESS) };
    match link.connack(&connack, this.now) {
        Ok(outputs) => {
            this.perform(outputs, &seat.held);
            this.options = link.connection().encode_options();
        }
        Err(refusal) => this.give_up(refusal.to_string(), ReasonCode::UNSPECIFIED_ERROR),
    }
    let link = Box::new(link.detach());
    Ok((Box::new(Client { connection: this, seat }), link))
}

/// The keep alive that the client is held to, in seconds.
fn keep_alive(connect: &Connect<'_>, shared: &Shared) -> u16 {
    match (shared.limits.keep_alive, connect.keep_alive) {
        (0, wanted) => wanted,
        (most, 0) => most,
        (most, wanted) => wanted.min(most),
    }
}

/// The Session Expiry Interval that the client wants; 3.x says it with Clean Session.
fn expiry(connect: &Connect<'_>) -> u32 {
    if connect.version == Version::V5 {
        connect.properties.session_expiry_interval().unwrap_or(0)
    } else if connect.clean_start {
        0
    } else {
        u32::MAX
    }
}

/// The properties of CONNACK.
fn announce(
    connect: &Connect<'_>,
    who: &Who,
    keep_alive: u16,
    expiry: u32,
    auth_data: Option<&[u8]>,
    shared: &Shared,
) -> Result<PropertiesBuf, mqtt_wire::EncodeError> {
    let mut properties = PropertiesBuf::new();
    if connect.version != Version::V5 {
        return Ok(properties);
    }
    let limits = &shared.limits;
    if expiry != connect.properties.session_expiry_interval().unwrap_or(0) {
        properties.push(Property::SessionExpiryInterval(expiry))?;
    }
    let numbers = [
        std::num::NonZeroU16::new(limits.receive_maximum).map(Property::ReceiveMaximum),
        std::num::NonZeroU32::new(limits.packet_size).map(Property::MaximumPacketSize),
        Some(Property::TopicAliasMaximum(limits.topic_aliases)),
        (keep_alive != connect.keep_alive).then_some(Property::ServerKeepAlive(keep_alive)),
    ];
    properties.try_extend(numbers.into_iter().flatten())?;
    if connect.client_id.is_empty() {
        properties.push(Property::AssignedClientIdentifier(&who.client))?;
    }
    if let Some(method) = connect.properties.authentication_method() {
        properties.push(Property::AuthenticationMethod(method))?;
        if let Some(data) = auth_data.filter(|data| !data.is_empty()) {
            properties.push(Property::AuthenticationData(data))?;
        }
    }
    Ok(properties)
}

/// Whether the client is still allowed to publish its will: the rules may be others than those at its CONNECT.
fn has_will(held: &Held, shared: &Shared) -> bool {
    let topic = held.will().and_then(|message| message.frame.publish().topic);
    let Some((topic, code)) =
        topic.and_then(|topic| Some((topic, may_publish(shared, &held.who, topic).err()?)))
    else {
        return true;
    };
    tracing::warn!(
        client = shown(&held.who.client),
        topic = topic.as_str(),
        "its will is not published: {code}"
    );
    shared.metrics.dropped(Dropped::NotAuthorised);
    false
}

/// Gives the session back, and says goodbye.
async fn finish<S: Stream>(client: Box<Client<S>>, ending: Ending, end: End) {
    let Client { connection: mut this, mut seat } = *client;
    let (shared, id) = (this.shared.clone(), seat.held.who.client.clone());
    let session_ends = shared.limits.session_end(ending.session_ends, this.now);
    // The end of the session is the end of the delay `[MQTT-3.1.2-8]`.
    let will_due = ending.will_due.map(|due| session_ends.map_or(due, |ends| due.min(ends)));
    let will_due = will_due.filter(|_| has_will(&seat.held, &shared));
    seat.held.mailbox.put_back(std::mem::take(&mut this.mail).into_iter());
    seat.held.keep_scans(&mut this.turn);
    // What is not safe was not encoded, but for DISCONNECT.
    shared.engine.detach(seat, Ending { session_ends, will_due }, &mut this.turn);
    let says_goodbye = matches!(end, End::Closed(_) | End::NotSafe);
    let by_link = this.closed_by.unwrap_or(Closed::Protocol);
    let (why, closed) = match end {
        End::Closed(code) => {
            let name = code.name_in(mqtt_wire::PacketType::Disconnect).unwrap_or("unknown reason");
            (this.why.take().map_or_else(|| name.to_owned(), |why| format!("{name}: {why}")), by_link)
        }
        End::Gone => ("it has closed the connection without DISCONNECT".to_owned(), Closed::Network),
        End::Failed(error) => (error.to_string(), Closed::Network),
        End::Slow => ("it takes nothing of what is sent to it".to_owned(), Closed::SlowReader),
        End::NotSafe => ("what it did could not be stored".to_owned(), by_link),
    };
    let address = this.address;
    if says_goodbye {
        // The client may be gone already.
        let _ = timeout(GOODBYE, poll_fn(|cx| this.poll_write(cx))).await;
        leave(this.stream).await;
    }
    shared.metrics.closed(closed);
    tracing::info!(client = shown(&id), %address, "ended: {why}");
}

/// Ends a connection so that what was sent arrives: TCP drops it if there are bytes that nobody has read.
async fn leave<S: Stream>(mut stream: S) {
    let end = async {
        stream.shutdown().await?;
        let mut rest = [0; 512];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // The client may be gone already.
    let _ = timeout(GOODBYE, end).await;
}

#[cfg(test)]
mod tests {
    use std::future::Ready;

    use tokio::net::TcpStream;

    use super::*;

    type Opened<S> = Ready<Option<(S, Peer)>>;

    fn size_of_task<S, F>(_: fn(Opened<S>, Arc<Shared>) -> F) -> usize {
        size_of::<F>()
    }

    /// These there are for each connection that waits. docs/load.md says what is there besides.
    #[test]
    fn the_task_of_an_idle_connection_is_small() {
        let task = size_of_task::<TcpStream, _>(|opened, shared| serve(opened, shared, ()));
        let client = size_of::<Client<TcpStream>>();
        assert!(task <= 480 && client <= 512, "the task has {task} bytes, the client {client}");
    }
}
