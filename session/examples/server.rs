//! The server side in a page: a thread a connection over `std::net`, sessions that go on and are taken over, every message printed.
//! `cargo run -p mqtt-session --example server -- 127.0.0.1:1883`

#![allow(clippy::missing_errors_doc, reason = "each is one of the connection's")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mqtt_session::{Growing, HandleError, Input, Link, Output, Outputs, Server, Session};
use mqtt_wire::{
    ConnAck, Connection, Decoded, EncodeOptions, Packet, Properties, Property, Publish, QoS, ReasonCode,
    Version, topic_name,
};

/// Messages are known by what is in them: a key may be anything.
pub type Slots = Growing<Arc<str>>;
/// By client identifier.
pub type Sessions = Mutex<HashMap<String, Held>>;

/// A session, and the connection that it is with or was with last.
#[derive(Debug)]
pub struct Held {
    session: Arc<Mutex<Session<Slots>>>,
    stream: TcpStream,
    is_taken_over: Arc<AtomicBool>,
}

/// How long a connection waits before it looks whether its session was taken over. Where a shutdown wakes a thread that
/// reads, it need not wait for that; on Windows it does not.
const LOOK: Duration = Duration::from_secs(1);
/// What each connection is told.
const LIMITS: [Property<'static>; 1] = [Property::ReceiveMaximum(NonZeroU16::new(20).unwrap())];

/// Encodes outputs; `false` when the connection is to be closed. (This server keeps no records.)
fn perform(mut outputs: Outputs<'_, '_, Server, Slots>, options: EncodeOptions, out: &mut Vec<u8>) -> bool {
    while let Some(output) = outputs.next() {
        let encoded = match output {
            Output::Send(packet) => packet.encode(options, out),
            Output::Publish(publication) => {
                let message = Publish::new(topic_name!("server/says"), publication.key.as_bytes());
                Packet::from(publication.of(message)).encode(options, out)
            }
            Output::Store(_) | Output::Done(..) => Ok(0),
            Output::Close(_) => return false,
        };
        if encoded.is_err() {
            return false;
        }
    }
    true
}

/// One connection, from CONNECT to its end. Each message goes to `on` with its client's identifier.
pub fn serve(
    mut stream: TcpStream,
    sessions: &Sessions,
    on: &(impl Fn(&str, &Publish<'_>) -> ReasonCode + Sync),
) -> Result<(), Box<dyn Error>> {
    // A peer that takes nothing does not hold a session for ever.
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let start = Instant::now();
    let now = || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut connection = Connection::server();
    let mut input = Vec::new();
    let (client, at) = loop {
        match connection.decode(&input)? {
            Decoded::Packet { packet: Packet::Connect(connect), len } => {
                break (connect.client_id.to_owned(), len);
            }
            Decoded::Packet { .. } => return Err("the first packet is no CONNECT".into()),
            Decoded::Incomplete { .. } => {
                let mut room = [0; 4096];
                match stream.read(&mut room)? {
                    0 => return Ok(()),
                    n => input.extend_from_slice(&room[..n]),
                }
            }
        }
    };
    let is_taken_over = Arc::new(AtomicBool::new(false));
    let session = {
        let mut sessions = sessions.lock().map_err(|_| "poisoned")?;
        let old = sessions.remove(&client);
        if let Some(old) = &old {
            // Its thread wakes up, says goodbye, and lets go of the session. (It may have done so long ago.)
            old.is_taken_over.store(true, Ordering::Release);
            let _ = old.stream.shutdown(Shutdown::Read);
        }
        let new = || Arc::new(Mutex::new(Session::new(Growing::new(100, 20, 0))));
        let session = old.map_or_else(new, |old| old.session);
        let held = Held {
            session: Arc::clone(&session),
            stream: stream.try_clone()?,
            is_taken_over: Arc::clone(&is_taken_over),
        };
        sessions.insert(client.clone(), held);
        session
    };
    // A session is with one connection at a time: this waits for the older one.
    let mut session = session.lock().map_err(|_| "poisoned")?;
    let result = {
        let Decoded::Packet { packet: Packet::Connect(connect), .. } = connection.clone().decode(&input)?
        else {
            return Err("CONNECT".into());
        };
        let link = session.server(connection, &connect, now());
        input.drain(..at);
        converse(&mut stream, link, input, &client, on, now, &is_taken_over)
    };
    // The one that is held would keep it open.
    let _ = stream.shutdown(Shutdown::Both);
    result
}

fn converse(
    stream: &mut TcpStream,
    mut link: Link<'_, Server, Slots>,
    mut input: Vec<u8>,
    client: &str,
    on: &impl Fn(&str, &Publish<'_>) -> ReasonCode,
    now: impl Fn() -> u64,
    is_taken_over: &AtomicBool,
) -> Result<(), Box<dyn Error>> {
    let mut out = Vec::new();
    let options = link.connection().encode_options();
    let mut connack = ConnAck::new(ReasonCode::SUCCESS);
    if link.version() == Version::V5 {
        connack.properties = Properties::new(&LIMITS);
    }
    let mut goes_on = perform(link.connack(&connack, now())?, options, &mut out);
    loop {
        stream.write_all(&out)?;
        out.clear();
        if !goes_on {
            return Ok(());
        }
        let mut at = 0;
        while let Decoded::Packet { packet, len } = link.connection().decode(&input[at..])? {
            match link.handle(packet, now()) {
                Ok(Input::Message(message, receipt)) => {
                    let code = on(client, &message);
                    if let Some(receipt) = receipt {
                        link.accept(receipt, code)?;
                    }
                }
                Ok(Input::Subscribe(subscribe, reply)) => {
                    let codes: Vec<ReasonCode> =
                        subscribe.subscriptions.iter().map(|s| ReasonCode::granted(s.maximum_qos)).collect();
                    let outputs = link
                        .reply(reply, &codes, Properties::EMPTY, now())
                        .map_err(|(refusal, _)| refusal)?;
                    goes_on &= perform(outputs, options, &mut out);
                    let hello = Publish::new(topic_name!("server/says"), b"");
                    link.publish(&hello, QoS::AtLeastOnce, Arc::from(format!("welcome, {client}")))?;
                }
                Ok(Input::Unsubscribe(_, reply)) => {
                    let codes = vec![ReasonCode::SUCCESS; reply.filters()];
                    let outputs = link
                        .reply(reply, &codes, Properties::EMPTY, now())
                        .map_err(|(refusal, _)| refusal)?;
                    goes_on &= perform(outputs, options, &mut out);
                }
                Ok(_) => {}
                Err(HandleError::TooEarly) => break,
                Err(HandleError::Violation(violation)) => eprintln!("{client}: {violation}"),
            }
            at += len;
            goes_on &= perform(link.outputs(now()), options, &mut out);
        }
        input.drain(..at);
        if !out.is_empty() || !goes_on {
            continue;
        }
        let left = |deadline: u64| Duration::from_millis(deadline.saturating_sub(now()).max(1));
        stream.set_read_timeout(Some(link.deadline().map_or(LOOK, left).min(LOOK)))?;
        let mut room = [0; 4096];
        let read = stream.read(&mut room);
        if is_taken_over.load(Ordering::Acquire) {
            link.close(ReasonCode::SESSION_TAKEN_OVER);
            goes_on = perform(link.outputs(now()), options, &mut out);
            continue;
        }
        match read {
            Ok(0) => return Ok(()),
            Ok(n) => input.extend_from_slice(&room[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // The outputs say how to close.
                let _ = link.elapsed(now());
                goes_on = perform(link.outputs(now()), options, &mut out);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[allow(dead_code, reason = "a test takes the server without it")]
fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let sessions = Sessions::default();
    let on = |client: &str, message: &Publish<'_>| {
        // The link has put the name in where an alias stood for it.
        let topic = message.topic.map_or("", |topic| topic.as_str());
        println!("{client}: {topic} = {}", String::from_utf8_lossy(message.payload));
        ReasonCode::SUCCESS
    };
    std::thread::scope(|scope| {
        for stream in TcpListener::bind(address)?.incoming() {
            let (stream, sessions, on) = (stream?, &sessions, &on);
            scope.spawn(move || {
                if let Err(error) = serve(stream, sessions, on) {
                    eprintln!("{error}");
                }
            });
        }
        Ok(())
    })
}
