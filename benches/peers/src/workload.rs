//! The bytes that every codec reads and writes: one generator, fixed content, the shortest form throughout.
//!
//! A workload is a stream of packets in one buffer, as one large read leaves it. Small packets stand in it a
//! hundred times, so that what a codec pays once a buffer does not count as the cost of a packet.

#![allow(clippy::cast_possible_truncation, reason = "the lengths here are small")]

/// A version of the protocol that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V311,
    V5,
}

impl Version {
    pub const ALL: [Self; 2] = [Self::V5, Self::V311];

    pub fn name(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        }
    }
}

/// One stream and what is in it.
pub struct Workload {
    pub name: &'static str,
    pub content: &'static str,
    pub bytes: &'static [u8],
    pub packets: usize,
}

/// How often a small packet stands in its stream.
const COPIES: usize = 100;
const MEBIBYTE: usize = 1 << 20;

/// Every workload of `version`, in the order of the report.
pub fn all(version: Version) -> Vec<Workload> {
    let workload = |name, content, packets: usize, bytes: Vec<u8>| Workload {
        name,
        content,
        bytes: bytes.leak(),
        packets,
    };
    let repeated = |name, content, frame: Vec<u8>| workload(name, content, COPIES, frame.repeat(COPIES));
    let v = version;
    let mut list = vec![
        workload(
            "mixed",
            "80 PUBLISH (40 QoS 0, 24 QoS 1, 16 QoS 2; topics of 18 to 22 bytes, 64-byte payloads; in 5.0 every \
             fourth with 1 to 4 properties), 5 PUBACK, 2 each of PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, and \
             1 each of CONNECT, CONNACK, PINGREQ, PINGRESP, DISCONNECT",
            COPIES,
            mixed(v),
        ),
        repeated(
            "PUBLISH QoS 0",
            "20-byte topic, 64-byte payload, no properties",
            publish(v, 0, 0, TOPIC, &[], &PAYLOAD),
        ),
    ];
    if v == Version::V5 {
        list.push(repeated(
            "PUBLISH, 5 properties",
            "QoS 1; Payload Format Indicator, Message Expiry Interval, Response Topic, Correlation Data, one User \
             Property; 20-byte topic, 64-byte payload",
            publish(v, 1, 1007, TOPIC, &publish_properties(), &PAYLOAD),
        ));
    }
    if v == Version::V5 {
        list.push(repeated(
            "PUBLISH, 20 user properties",
            "QoS 1; names of 6 and values of 8 bytes; 20-byte topic, 64-byte payload",
            publish(v, 1, 1007, TOPIC, &user_properties(20), &PAYLOAD),
        ));
    }
    list.push(workload(
        "PUBLISH, long topics",
        "QoS 1; topics of 32 to 200 bytes, 64-byte payload, no properties",
        COPIES,
        long_topics(v),
    ));
    for (name, size) in [("PUBLISH, 1 KiB", 1 << 10), ("PUBLISH, 16 KiB", 16 << 10)] {
        list.push(repeated(
            name,
            "QoS 1, 20-byte topic, a payload of that size",
            publish(v, 1, 1007, TOPIC, &[], &vec![b'x'; size]),
        ));
    }
    list.push(repeated(
        "SUBSCRIBE, 10 filters",
        "filters of 16 to 20 bytes, some with wildcards",
        subscribe(v, 7, &filters(10)),
    ));
    if v == Version::V5 {
        list.push(repeated(
            "CONNACK, 10 properties",
            "4 integers, 4 flags of one byte, Assigned Client Identifier, one User Property",
            connack(v, &connack_properties()),
        ));
    }
    list.push(repeated(
        "CONNECT, full",
        "will, user name and password; in 5.0 with 5 properties and 3 of the will",
        connect(v),
    ));
    list.push(repeated("PUBACK", "packet identifier alone", ack(4, 1007)));
    list.push(repeated("SUBACK", "one code", suback(v, 1007, &[1])));
    list.push(repeated("PINGREQ", "two bytes", frame(0xC0, &[])));
    list.push(workload(
        "PUBLISH, 1 MiB",
        "QoS 1, 20-byte topic, payload of 1,048,576 bytes; one packet in the buffer",
        1,
        publish(v, 1, 1007, TOPIC, &[], &vec![b'x'; MEBIBYTE]),
    ));
    list
}

const TOPIC: &str = "site/12/floor/3/temp";
const PAYLOAD: [u8; 64] = *b"{\"sensor\":\"temp-0042\",\"value\":21.375,\"unit\":\"C\",\"ts\":1718035200}";

/// A hundred packets, CONNECT first and DISCONNECT last, the others spread evenly between the PUBLISH.
fn mixed(v: Version) -> Vec<u8> {
    let mut others = others(v).into_iter();
    let mut stream = connect(v);
    stream.extend(connack(v, &connack_properties()));
    for n in 0..80 {
        stream.extend(mixed_publish(v, n));
        if n % 5 == 4 {
            stream.extend(others.next().into_iter().flatten());
        }
    }
    for frame in others {
        stream.extend(frame);
    }
    stream.extend(disconnect(v));
    stream
}

/// The 17 packets of the mixed stream that are neither PUBLISH, CONNECT, CONNACK nor DISCONNECT.
fn others(v: Version) -> Vec<Vec<u8>> {
    let granted = if v == Version::V5 { [0, 1, 2, 0x87] } else { [0, 1, 2, 0x80] };
    vec![
        subscribe(v, 1, &filters(3)),
        suback(v, 1, &granted[..3]),
        ack(4, 11),
        ack(5, 12),
        ack(6, 12),
        ack(7, 12),
        frame(0xC0, &[]),
        frame(0xD0, &[]),
        ack_with_reason(v, 4, 13),
        ack(4, 14),
        subscribe(v, 2, &filters(2)),
        suback(v, 2, &granted[2..]),
        ack(5, 15),
        ack(6, 15),
        ack(7, 15),
        ack(4, 16),
        ack(4, 17),
    ]
}

fn mixed_publish(v: Version, n: usize) -> Vec<u8> {
    let qos = match n % 10 {
        0..5 => 0,
        5..8 => 1,
        _ => 2,
    };
    let topic = format!("site/{}/floor/{}/temp", 9 + n % 5 * 23, n % 12);
    let properties = if n % 4 == 3 { some_properties(n / 4 % 4 + 1) } else { Vec::new() };
    let id = u16::try_from(100 + n).expect("small");
    publish(v, qos, id, &topic, &properties, &PAYLOAD)
}

/// The first `count` of four properties.
fn some_properties(count: usize) -> Vec<u8> {
    let properties: [fn(&mut Vec<u8>); 4] = [
        |p| number(p, 0x02, &3600_u32.to_be_bytes()),
        |p| text(p, 0x03, "application/json"),
        |p| text(p, 0x08, "site/12/replies"),
        |p| user(p, "trace", "4bf92f3577b34da6"),
    ];
    let mut block = Vec::new();
    for write in &properties[..count] {
        write(&mut block);
    }
    block
}

fn publish_properties() -> Vec<u8> {
    let mut p = Vec::new();
    number(&mut p, 0x01, &[1]);
    number(&mut p, 0x02, &3600_u32.to_be_bytes());
    text(&mut p, 0x08, "site/12/replies/0042");
    text(&mut p, 0x09, "7f3a9c21");
    user(&mut p, "trace", "4bf92f3577b34da6");
    p
}

fn user_properties(count: usize) -> Vec<u8> {
    let mut p = Vec::new();
    for n in 0..count {
        user(&mut p, &format!("name{n:02}"), &format!("value{n:03}"));
    }
    p
}

/// Topics of 32 to 200 bytes, each of another length than the one before.
fn long_topics(v: Version) -> Vec<u8> {
    let packet = |n: usize| {
        let length = 32 + n * 17 % 169;
        let topic: String = "site/12/building/3/floor/4/room/".chars().cycle().take(length).collect();
        publish(v, 1, 1007, &topic, &[], &PAYLOAD)
    };
    (0..COPIES).flat_map(packet).collect()
}

fn connack_properties() -> Vec<u8> {
    let mut p = Vec::new();
    number(&mut p, 0x11, &7200_u32.to_be_bytes());
    number(&mut p, 0x21, &100_u16.to_be_bytes());
    number(&mut p, 0x24, &[1]);
    number(&mut p, 0x25, &[0]);
    number(&mut p, 0x27, &(MEBIBYTE as u32).to_be_bytes());
    text(&mut p, 0x12, "auto-5D1F3C2A");
    number(&mut p, 0x22, &16_u16.to_be_bytes());
    user(&mut p, "region", "eu-west-1");
    number(&mut p, 0x28, &[0]);
    number(&mut p, 0x2A, &[0]);
    p
}

fn filters(count: usize) -> Vec<(String, u8)> {
    (0..count)
        .map(|n| {
            let filter = match n % 3 {
                0 => format!("site/{}/floor/{n}/temp", 10 + n),
                1 => format!("site/+/floor/{n}/temp"),
                _ => format!("site/{}/floor/{n}/#", 10 + n),
            };
            (filter, u8::try_from(n % 3).expect("0..3"))
        })
        .collect()
}

fn connect(v: Version) -> Vec<u8> {
    let mut body = Vec::new();
    string(&mut body, b"MQTT");
    // User Name, Password, Will QoS 1, Will Flag, Clean Start
    body.extend([if v == Version::V5 { 5 } else { 4 }, 0xCE, 0x00, 0x3C]);
    let mut properties = Vec::new();
    number(&mut properties, 0x11, &3600_u32.to_be_bytes());
    number(&mut properties, 0x21, &50_u16.to_be_bytes());
    number(&mut properties, 0x27, &(MEBIBYTE as u32).to_be_bytes());
    number(&mut properties, 0x22, &10_u16.to_be_bytes());
    user(&mut properties, "client", "bench/1.0");
    block(v, &mut body, &properties);
    string(&mut body, b"sensor-gateway-0042");
    let mut will = Vec::new();
    number(&mut will, 0x18, &30_u32.to_be_bytes());
    number(&mut will, 0x02, &600_u32.to_be_bytes());
    text(&mut will, 0x03, "text/plain");
    block(v, &mut body, &will);
    string(&mut body, b"site/12/gateway/state");
    string(&mut body, b"offline");
    string(&mut body, b"gateway-0042");
    string(&mut body, b"correct horse battery");
    frame(0x10, &body)
}

fn connack(v: Version, properties: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 0];
    block(v, &mut body, properties);
    frame(0x20, &body)
}

fn publish(v: Version, qos: u8, id: u16, topic: &str, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    string(&mut body, topic.as_bytes());
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    block(v, &mut body, properties);
    body.extend(payload);
    frame(0x30 | qos << 1, &body)
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP of success, in the two-byte form.
fn ack(packet_type: u8, id: u16) -> Vec<u8> {
    frame(packet_type << 4 | if packet_type == 6 { 2 } else { 0 }, &id.to_be_bytes())
}

/// The same with Reason Code 0x10 and a Reason String, where the version has them.
fn ack_with_reason(v: Version, packet_type: u8, id: u16) -> Vec<u8> {
    if v == Version::V311 {
        return ack(packet_type, id);
    }
    let mut body = id.to_be_bytes().to_vec();
    body.push(0x10);
    let mut properties = Vec::new();
    text(&mut properties, 0x1F, "no subscriber for this topic");
    block(v, &mut body, &properties);
    frame(packet_type << 4, &body)
}

fn subscribe(v: Version, id: u16, filters: &[(String, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    block(v, &mut body, &[]);
    for (filter, qos) in filters {
        string(&mut body, filter.as_bytes());
        body.push(*qos);
    }
    frame(0x82, &body)
}

fn suback(v: Version, id: u16, codes: &[u8]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    block(v, &mut body, &[]);
    body.extend(codes);
    frame(0x90, &body)
}

/// Who gets a message.
#[derive(Clone, Copy, Debug)]
pub struct Subscriber {
    pub version: Version,
    pub qos: u8,
    pub id: u16,
}

/// A message on its way to subscribers.
pub struct Delivery {
    pub name: &'static str,
    pub content: &'static str,
    /// The PUBLISH as it was received, in 5.0.
    pub received: &'static [u8],
    pub subscribers: Vec<Subscriber>,
    /// What each of them is to get.
    pub expected: Vec<Vec<u8>>,
}

pub fn deliveries() -> Vec<Delivery> {
    let mixed = [
        (0, false),
        (1, false),
        (0, true),
        (2, false),
        (1, false),
        (0, false),
        (1, true),
        (0, true),
        (1, false),
        (0, false),
    ];
    let subscribers = |count: u16, each: &dyn Fn(usize) -> (u8, bool)| {
        let one = |n: u16| {
            let (qos, old) = each(usize::from(n));
            Subscriber { version: if old { Version::V311 } else { Version::V5 }, qos, id: 100 + n }
        };
        (0..count).map(one).collect()
    };
    let large = vec![b'x'; 1 << 10];
    let delivery =
        |name, content, properties: &[u8], payload: &[u8], subscribers: Vec<Subscriber>| Delivery {
            name,
            content,
            received: publish(Version::V5, 1, 1007, TOPIC, properties, payload).leak(),
            expected: subscribers
                .iter()
                .map(|to| publish(to.version, to.qos, to.id, TOPIC, properties, payload))
                .collect(),
            subscribers,
        };
    vec![
        delivery(
            "forward to ten mixed subscribers",
            "PUBLISH with 5 properties and 64 bytes; in 5.0 three at QoS 0, three at QoS 1 and one at QoS 2, in 3.1.1 two \
             at QoS 0 and one at QoS 1, each to a buffer of its own",
            &publish_properties(),
            &PAYLOAD,
            subscribers(10, &|n| mixed[n]),
        ),
        delivery(
            "fan-out to 10",
            "PUBLISH of 1 KiB in 5.0 at QoS 1, each with its payload and to a buffer of its own",
            &[],
            &large,
            subscribers(10, &|_| (1, false)),
        ),
        delivery(
            "fan-out to 1,000",
            "the same to a thousand",
            &[],
            &large,
            subscribers(1000, &|_| (1, false)),
        ),
    ]
}

/// What a server answers: CONNACK, SUBACK and UNSUBACK of one filter, two PUBACK, PINGRESP.
pub fn answers(v: Version, [suback_id, unsuback_id, first, second]: [u16; 4]) -> Vec<u8> {
    let mut unsuback = unsuback_id.to_be_bytes().to_vec();
    if v == Version::V5 {
        unsuback.extend([0, 0]);
    }
    let frames = [
        connack(v, &[]),
        suback(v, suback_id, &[1]),
        frame(0xB0, &unsuback),
        ack(4, first),
        ack(4, second),
        frame(0xD0, &[]),
    ];
    frames.concat()
}

/// With a Reason Code and a Reason String in 5.0: not every codec reads the form without a body.
fn disconnect(v: Version) -> Vec<u8> {
    if v == Version::V311 {
        return frame(0xE0, &[]);
    }
    let mut body = vec![0x04];
    let mut properties = Vec::new();
    text(&mut properties, 0x1F, "going to sleep");
    block(v, &mut body, &properties);
    frame(0xE0, &body)
}

fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    variable_byte_integer(&mut out, body.len());
    out.extend(body);
    out
}

/// A property block with its length; 3.1.1 has none.
fn block(v: Version, out: &mut Vec<u8>, properties: &[u8]) {
    if v == Version::V5 {
        variable_byte_integer(out, properties.len());
        out.extend(properties);
    }
}

fn variable_byte_integer(out: &mut Vec<u8>, mut value: usize) {
    while value > 127 {
        out.push((value % 128) as u8 | 0x80);
        value /= 128;
    }
    out.push(value as u8);
}

fn string(out: &mut Vec<u8>, value: &[u8]) {
    out.extend(u16::try_from(value.len()).expect("a short string").to_be_bytes());
    out.extend(value);
}

fn number(out: &mut Vec<u8>, id: u8, value: &[u8]) {
    out.push(id);
    out.extend(value);
}

fn text(out: &mut Vec<u8>, id: u8, value: &str) {
    out.push(id);
    string(out, value.as_bytes());
}

fn user(out: &mut Vec<u8>, name: &str, value: &str) {
    text(out, 0x26, name);
    string(out, value.as_bytes());
}
