//! A client and a server without std and without an allocator, over bytes that the optimizer knows nothing of, whose
//! panic handler calls a function that does not exist: they link only when every path that leads to a panic is gone.
//! `check` builds it.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use mqtt_session::{Fixed, Input, Link, Output, Outputs, Record, Role, Session, records};
use mqtt_wire::{
    Auth, ConnAck, Connect, Connection, Decoded, Disconnect, Packet, PacketId, Properties, Property, Publish,
    QoS, ReasonCode, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version,
};

#[cfg(not(feature = "look"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_path_is_left() -> !;
    }
    // SAFETY: never linked.
    unsafe { a_panic_path_is_left() }
}

#[cfg(feature = "look")]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

type Slots = Fixed<u64, 8, 4, 2, 32>;

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let input: &[u8] = black_box(&[0x30, 0x03, 0x00, 0x01, 0x61]);
    let mut room = [0; 256];
    let out: &mut [u8] = black_box(&mut room);
    let mut session = match Session::restore(Slots::new(), records(input)) {
        Ok(session) => session,
        Err(_) => Session::new(Slots::new()),
    };
    for version in black_box(Version::ALL) {
        black_box(client(&mut session, input, version, out));
        black_box(server(&mut session, input, out));
    }
    for record in session.records() {
        black_box(record.to_bytes());
    }
    black_box(session.expires_at(black_box(7)));
    #[cfg(feature = "panic-path")]
    black_box(input[black_box(9)]);
    loop {}
}

/// Encodes outputs one behind the other, as far as there is room.
fn perform<R: Role>(mut outputs: Outputs<'_, '_, R, Slots>, version: Version, out: &mut [u8]) -> usize {
    let mut len = 0;
    while let Some(output) = outputs.next() {
        let Some(room) = out.get_mut(len..) else { break };
        let written = match output {
            Output::Send(packet) => packet.encode(version, room),
            Output::Publish(publication) => {
                let Ok(topic) = TopicName::new("a/b") else { break };
                let mut publish = publication.of(Publish::new(topic, b"on"));
                let alias = publication.alias.map(|alias| Property::TopicAlias(alias.number));
                publish.properties = Properties::new(alias.as_slice());
                Packet::from(publish).encode(version, room)
            }
            Output::Store(record) => {
                black_box(Record::to_bytes(record));
                continue;
            }
            Output::Done(key, outcome) => {
                black_box((key, outcome));
                continue;
            }
            Output::Close(code) => {
                black_box(code);
                break;
            }
        };
        let Ok(n) = written else { break };
        len = len.saturating_add(n);
    }
    len
}

/// Hands in what is there.
fn take<R: Role>(
    link: &mut Link<'_, R, Slots>,
    input: &[u8],
    version: Version,
    out: &mut [u8],
) -> Option<()> {
    let Ok(Decoded::Packet { packet, .. }) = link.connection().decode(input) else { return None };
    match link.handle(packet, black_box(1)) {
        Ok(Input::Message(message, receipt)) => {
            black_box(message.topic);
            if let Some(receipt) = receipt {
                let _ = link.accept(receipt, black_box(ReasonCode::SUCCESS));
            }
        }
        Ok(other) => {
            black_box(matches!(other, Input::Nothing));
        }
        Err(error) => {
            black_box(error);
        }
    }
    black_box(perform(link.outputs(2), version, out));
    black_box(link.deadline());
    let _ = black_box(link.elapsed(black_box(3)));
    black_box(link.capacity());
    Some(())
}

fn client(session: &mut Session<Slots>, input: &[u8], version: Version, out: &mut [u8]) -> Option<()> {
    let mut link = session.client(Connection::client(version));
    let connect = Connect { keep_alive: black_box(10), ..Connect::new(version, "c") };
    black_box(perform(link.connect(&connect, black_box(0)).ok()?, version, out));
    for _ in 0..black_box(3) {
        take(&mut link, input, version, out);
    }
    let topic = TopicName::from_bytes(input).ok()?;
    for qos in black_box([QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]) {
        let _ = black_box(link.publish(&Publish::new(topic, input), qos, black_box(7)));
    }
    let filter = TopicFilter::from_bytes(input).ok()?;
    let subscriptions = [Subscription::new(filter, QoS::AtLeastOnce)];
    if let Ok(outputs) = link.subscribe(&Subscribe::new(PacketId::MIN, &subscriptions), 1) {
        black_box(perform(outputs, version, out));
    }
    if let Ok(outputs) = link.unsubscribe(&Unsubscribe::new(PacketId::MIN, &[filter]), 1) {
        black_box(perform(outputs, version, out));
    }
    if let Ok(outputs) = link.auth(&Auth::new(black_box(ReasonCode::SUCCESS), Properties::EMPTY), 1) {
        black_box(perform(outputs, version, out));
    }
    if let Ok(outputs) = link.disconnect(&Disconnect::new(ReasonCode::SUCCESS), 1) {
        black_box(perform(outputs, version, out));
    }
    Some(())
}

fn server(session: &mut Session<Slots>, input: &[u8], out: &mut [u8]) -> Option<()> {
    let mut connection = Connection::server();
    let Ok(Decoded::Packet { packet: Packet::Connect(connect), .. }) = connection.decode(input) else {
        return None;
    };
    let version = connect.version;
    let mut link = session.server(connection, &connect, black_box(0));
    let mut connack = ConnAck::new(black_box(ReasonCode::SUCCESS));
    let why = [Property::ReasonString("because")];
    connack.properties = Properties::new(&why);
    black_box(perform(link.connack(&connack, 1).ok()?, version, out));
    for _ in 0..black_box(3) {
        take(&mut link, input, version, out);
    }
    if let Ok(Decoded::Packet { packet, .. }) = link.connection().decode(input)
        && let Ok(Input::Subscribe(_, reply) | Input::Unsubscribe(_, reply)) = link.handle(packet, 1)
        && let Ok(outputs) = link.reply(reply, black_box(&[ReasonCode::SUCCESS]), Properties::EMPTY, 1)
    {
        black_box(perform(outputs, version, out));
    }
    black_box(link.ending(2));
    link.close(black_box(ReasonCode::PROTOCOL_ERROR));
    black_box(perform(link.outputs(2), version, out));
    Some(())
}
