//! The standards' own examples, published vulnerabilities, common mistakes.

use super::slug;
use crate::generate::draft::{
    ConnectParts, Draft, carrying, connect, pair, prefixed, prop, publish, sample, smallest, variable,
};
use crate::generate::family::{BOTH, Bytes, Family, Says};
use crate::generate::tables::{Place, Sender, Type, V5, V311};

pub(super) fn examples() -> Family {
    let mut family = Family::new("examples", "The byte examples in the texts");
    let credentials = |version| {
        let parts = ConnectParts {
            flags: 0xCE,
            client_id: "c",
            properties: vec![prop(17, [0, 0, 0, 10])],
            ..Default::default()
        };
        connect(version, &parts).set("keep_alive", "Keep Alive 10", [0, 10])
    };
    family.packet(
        "connect",
        "CONNECT's variable header in section 3.1.2: user, password, Will QoS 1, keep alive 10",
        credentials(V311),
        Says::Good,
        &["MQTT-3.1.3-1"],
    );
    family.packet(
        "connect",
        "CONNECT's variable header in section 3.1.2.12, with a Session Expiry Interval of 10",
        credentials(V5),
        Says::Good,
        &["MQTT-3.1.3-1"],
    );
    for version in BOTH {
        family.packet(
            "publish",
            "PUBLISH to a/b with the identifier 10 in section 3.3.2",
            publish(version, 1, &[]).cut("payload"),
            Says::Good,
            &["MQTT-3.3.2-1"],
        );
        let two =
            smallest(version, Type::Subscribe).text("topic_filter.1", "c/d").raw("options.1", "QoS 2", [2]);
        family.packet(
            "subscribe",
            "SUBSCRIBE's payload in section 3.8.3",
            two,
            Says::Good,
            &["MQTT-3.8.3-1"],
        );
        let two = smallest(version, Type::Unsubscribe).text("topic_filter.1", "c/d");
        family.packet(
            "unsubscribe",
            "UNSUBSCRIBE's payload in section 3.10.3",
            two,
            Says::Good,
            &["MQTT-3.10.3-1"],
        );
        let codes = smallest(version, Type::SubAck)
            .set("reason_code", "QoS 0", [0])
            .code("reason_code.1", 2)
            .code("reason_code.2", 0x80);
        family.packet("suback", "SUBACK's payload in section 3.9.3", codes, Says::Good, &["MQTT-3.9.3-2"]);
        let text = publish(version, 0, &[]).set_text("topic_name", "A\u{2A6D4}".as_bytes());
        family.packet(
            "string",
            "the string of section 1.5: U+0041 U+2A6D4",
            text,
            Says::Good,
            &[if version == V5 { "MQTT-1.5.4-1" } else { "MQTT-1.5.3-1" }],
        );
    }
    family.packet("disconnect", "DISCONNECT's variable header in figure 3-24", Bytes::raw(V5, "E0 07 # DISCONNECT, Remaining Length 7\n00    # Normal disconnection\n05    # Property Length 5\n11 00 00 00 00 # Session Expiry Interval 0"), Says::Good, &["U-3.14.2.1"]);
    // Lengths that section 2.2.3 spells out.
    for (length, hex) in [(64_usize, "40"), (321, "C1 02")] {
        assert_eq!(variable(length), crate::hex::parse(hex).expect("hex"));
        let draft = Draft::new(V311, Type::Publish).text("topic_name", "a").raw(
            "payload",
            "Payload",
            vec![b'x'; length - 3],
        );
        family.packet(
            format!("remaining-length-{length}"),
            format!("Remaining Length {length} as in section 2.2.3"),
            draft,
            Says::Good,
            &["U-2.2.3"],
        );
    }
    family
}

/// One line a vector.
struct Vector(&'static str, &'static str, crate::generate::tables::Version, &'static str, Says);

use Says::{Bad, Good, Missing};

const FIXED_HEADER: &[Vector] = &[
    Vector(
        "CVE-2017-7651/mosquitto",
        "a huge length from a client that has not authenticated: nothing is to be reserved for it",
        V311,
        "10 FF FF FF 7F",
        Missing(268_435_455),
    ),
    Vector(
        "CVE-2025-66168/activemq",
        "a length of five bytes: the rest was read as further packets",
        V311,
        "30 80 80 80 80 01",
        Bad("LengthTooLong", 4),
    ),
    Vector(
        "CVE-2019-19307/mongoose",
        "an integer overflow in the length: endless loop",
        V311,
        "30 FF FF FF FF 0F",
        Bad("LengthTooLong", 4),
    ),
    Vector(
        "CVE-2020-10062/zephyr",
        "off by one in the length decoder",
        V311,
        "30 FF FF FF FF 7F",
        Bad("LengthTooLong", 4),
    ),
    Vector(
        "CVE-2020-10062/zephyr-largest",
        "the largest length is none of these",
        V311,
        "30 FF FF FF 7F",
        Missing(268_435_455),
    ),
    Vector(
        "mqtt-broker-48/overflow",
        "a multiplier that overflows",
        V5,
        "30 FF FF FF FF",
        Bad("LengthTooLong", 4),
    ),
    Vector("wolfMQTT-545/unsuback", "UNSUBACK with flags, cut: reserved", V5, "B0 80", Missing(1)),
    Vector("wolfMQTT-545/pubcomp", "an over-read of one byte", V5, "70 80", Missing(1)),
    Vector(
        "wolfMQTT-545/connack-2",
        "a CONNACK of which nothing but the header is there",
        V311,
        "20 02",
        Missing(2),
    ),
    Vector("wolfMQTT-545/connack-3", "a CONNACK cut off", V311, "20 02 00", Missing(1)),
    Vector("CVE-2026-25627/nanomq", "4,096 bytes claimed, 3 there", V311, "30 80 20 00 01 61", Missing(4093)),
    Vector(
        "rabbitmq-mqtt-232/http",
        "HTTP on the MQTT port",
        V311,
        "47 45 54 20 2F # GET /",
        Bad("ReservedFlags", 0),
    ),
    Vector(
        "rabbitmq-mqtt-232/http-v5",
        "HTTP on the MQTT port",
        V5,
        "47 45 54 20 2F # GET /",
        Bad("ReservedFlags", 0),
    ),
    Vector(
        "rabbitmq-mqtt-232/tls",
        "TLS on the MQTT port",
        V5,
        "16 03 01 # a TLS record",
        Bad("ReservedFlags", 0),
    ),
    Vector(
        "MQTT-1.5.5-1/two-bytes",
        "accepted by four of five implementations",
        V5,
        "C0 80 00",
        Bad("LengthNotShortest", 2),
    ),
    Vector(
        "MQTT-1.5.5-1/four-bytes",
        "accepted by four of five implementations",
        V5,
        "C0 80 80 80 00",
        Bad("LengthNotShortest", 4),
    ),
    Vector(
        "CVE-2026-44248/netty",
        "properties were parsed before the size limit",
        V5,
        "30 FF FF FF 7F 00 01 61 F8 FF FF 7F",
        Missing(268_435_448),
    ),
    Vector("suricata-5307/pingreq", "a wrong slice on PINGREQ", V311, "C0 00", Good),
];

const BODY: &[Vector] = &[
    Vector(
        "CVE-2026-54412/mqtt-c",
        "a topic longer than the packet: the size underflowed",
        V311,
        "30 07 FF FF 41 42 43 44 45",
        Bad("Truncated", 2),
    ),
    Vector(
        "CVE-2019-17210/mbed-mqtt",
        "a topic longer than the packet: a pointer stayed null",
        V311,
        "30 03 00 05 AA",
        Bad("Truncated", 2),
    ),
    Vector(
        "CVE-2017-2892/mongoose",
        "a topic length and nothing behind it",
        V311,
        "30 02 FF FF",
        Bad("Truncated", 2),
    ),
    Vector(
        "CVE-2020-10071/zephyr",
        "a topic that takes the bytes of the Packet Identifier",
        V311,
        "32 04 00 02 00 61",
        Bad("TopicNul", 4),
    ),
    Vector(
        "CVE-2020-10071/zephyr-no-identifier",
        "a topic and no Packet Identifier",
        V311,
        "32 04 00 02 61 61",
        Bad("Truncated", 6),
    ),
    Vector(
        "nanomq-2270/no-identifier",
        "a QoS 1 PUBLISH that ends behind its topic",
        V311,
        "32 03 00 01 61",
        Bad("Truncated", 5),
    ),
    Vector(
        "CVE-2023-29995/nanomq-client-id",
        "a Client Identifier longer than the packet",
        V311,
        "10 0D 00 04 4D 51 54 54 04 02 00 3C FF FF 41",
        Bad("Truncated", 12),
    ),
    Vector(
        "CVE-2023-29995/nanomq-will",
        "the Will Flag is set and the payload ends",
        V311,
        "10 0D 00 04 4D 51 54 54 04 06 00 3C 00 01 63",
        Bad("Truncated", 15),
    ),
    Vector(
        "NSWG-ECO-500/mqtt-packet",
        "a filter length beyond the packet",
        V311,
        "82 04 00 01 00 05",
        Bad("Truncated", 4),
    ),
    Vector(
        "NSWG-ECO-500/mqtt-packet-v5",
        "a filter length beyond the packet",
        V5,
        "82 05 00 01 00 00 05",
        Bad("Truncated", 5),
    ),
    Vector(
        "CVE-2016-10523/mqtt-packet",
        "a SUBSCRIBE of an identifier alone",
        V311,
        "82 02 00 01",
        Bad("EmptyList", 4),
    ),
    Vector("CVE-2017-2893/mongoose", "a SUBSCRIBE without topics", V311, "82 02 00 01", Bad("EmptyList", 4)),
    Vector(
        "CVE-2024-10525/libmosquitto",
        "a SUBACK without reason codes",
        V311,
        "90 02 00 01",
        Bad("EmptyList", 4),
    ),
    Vector(
        "CVE-2024-10525/libmosquitto-v5",
        "a SUBACK without reason codes",
        V5,
        "90 03 00 01 00",
        Bad("EmptyList", 5),
    ),
    Vector("rust-mqtt-82/suback", "a SUBACK of nothing", V5, "90 00", Bad("Truncated", 2)),
    Vector(
        "rust-mqtt-82/unsuback",
        "an UNSUBACK of an identifier alone",
        V5,
        "B0 02 00 01",
        Bad("Truncated", 4),
    ),
    Vector("CVE-2021-34432/mosquitto", "a topic of length 0", V311, "30 02 00 00", Bad("TopicMissing", 2)),
    Vector(
        "CVE-2021-34432/mosquitto-v5",
        "a topic of length 0 without an alias",
        V5,
        "30 03 00 00 00",
        Bad("TopicMissing", 2),
    ),
    Vector(
        "CVE-2021-34432/mosquitto-alias",
        "a topic of length 0 with an alias",
        V5,
        "30 06 00 00 03 23 00 01",
        Good,
    ),
    Vector("wolfMQTT-517/puback", "a PUBACK of three bytes", V311, "40 03 00 07 00", Bad("TrailingBytes", 4)),
    Vector("wolfMQTT-517/puback-v5", "a PUBACK of three bytes is good in 5.0", V5, "40 03 00 07 00", Good),
    Vector(
        "wolfMQTT-518/qos",
        "the requested QoS 3",
        V311,
        "82 06 00 01 00 01 61 03",
        Bad("SubscriptionQoS3", 7),
    ),
    Vector(
        "wolfMQTT-518/reserved",
        "reserved bits in the requested QoS",
        V311,
        "82 06 00 01 00 01 61 FC",
        Bad("SubscriptionReserved", 7),
    ),
    Vector(
        "wolfMQTT-530/user-name",
        "a user name with its flag 0",
        V311,
        "10 10 00 04 4D 51 54 54 04 02 00 3C 00 01 63 00 01 75",
        Bad("TrailingBytes", 15),
    ),
    Vector(
        "mqtt-packet-83/will-qos",
        "Will QoS 3",
        V311,
        "10 13 00 04 4D 51 54 54 04 1E 00 3C 00 01 63 00 01 77 00 01 78",
        Bad("WillQoS3", 9),
    ),
    Vector(
        "mqtt-packet-83/qos-without-will",
        "a Will QoS without a Will",
        V311,
        "10 0D 00 04 4D 51 54 54 04 0A 00 3C 00 01 63",
        Bad("WillQoSWithoutWill", 9),
    ),
    Vector(
        "mqtt-packet-83/retain-without-will",
        "Will Retain without a Will",
        V311,
        "10 0D 00 04 4D 51 54 54 04 22 00 3C 00 01 63",
        Bad("WillRetainWithoutWill", 9),
    ),
    Vector(
        "mqtt-packet-83/reserved",
        "the reserved flag",
        V311,
        "10 0D 00 04 4D 51 54 54 04 03 00 3C 00 01 63",
        Bad("ConnectReservedFlag", 9),
    ),
    Vector(
        "CVE-2017-7653/mosquitto",
        "a topic that is not UTF-8",
        V311,
        "30 04 00 02 C3 28",
        Bad("InvalidUtf8", 4),
    ),
    Vector(
        "CVE-2017-7653/mosquitto-overlong",
        "U+0000 in two bytes",
        V311,
        "30 04 00 02 C0 80",
        Bad("InvalidUtf8", 4),
    ),
    Vector(
        "CVE-2017-7653/mosquitto-surrogate",
        "a surrogate",
        V311,
        "30 05 00 03 ED A0 80",
        Bad("InvalidUtf8", 4),
    ),
    Vector(
        "CVE-2017-7653/mosquitto-above",
        "a character above the last",
        V311,
        "30 06 00 04 F4 90 80 80",
        Bad("InvalidUtf8", 4),
    ),
    Vector(
        "wolfMQTT-2.1.0/utf-8",
        "a byte that no UTF-8 has",
        V5,
        "30 04 00 01 FF 00",
        Bad("InvalidUtf8", 4),
    ),
    Vector("CVE-2021-28166/mosquitto", "CONNACK as such", V5, "20 03 00 00 00", Good),
];

const PROPERTY: &[Vector] = &[
    Vector(
        "CVE-2026-21888/nanomq",
        "a Property Length of five bytes in CONNECT",
        V5,
        "10 12 00 04 4D 51 54 54 05 02 00 3C 80 80 80 80 01 00 01 63",
        Bad("LengthTooLong", 15),
    ),
    Vector(
        "paho.mqtt.c-985/connack",
        "the bytes of the report: a Property Length beyond the buffer",
        V5,
        "20 0B 00 00 80 FF FF 0A 27 00 98 96 80",
        Bad("Truncated", 4),
    ),
    Vector(
        "coreMQTT-5.0.1/suback",
        "a Property Length of 28 in a body of 21",
        V5,
        "90 15 00 01 1C 1F 00 03 61 62 63 26 00 03 61 62 63 00 03 61 62 63 26",
        Bad("Truncated", 4),
    ),
    Vector(
        "mongoose-3419/last-byte",
        "a property identifier as the last byte",
        V5,
        "20 04 00 00 01 11",
        Bad("Truncated", 6),
    ),
    Vector(
        "RUSTSEC-2026-0037/pattern",
        "a Subscription Identifier that is cut: an integer's error is to be an error",
        V5,
        "82 09 00 01 02 0B 80 00 01 61 00",
        Bad("Truncated", 6),
    ),
    Vector(
        "wolfMQTT-443/will-delay-in-connect",
        "a property of the Will in CONNECT itself",
        V5,
        "10 13 00 04 4D 51 54 54 05 02 00 3C 05 18 00 00 00 01 00 01 63",
        Bad("PropertyNotAllowed", 13),
    ),
    Vector(
        "mqtt-packet-161/empty-user-property",
        "a User Property with an empty value, repeated",
        V5,
        "E0 0E 00 0C 26 00 01 61 00 00 26 00 01 61 00 00",
        Good,
    ),
    Vector("mqtt-packet-160/auth", "an AUTH of nothing", V5, "F0 00", Good),
    Vector(
        "CVE-2023-3592/mosquitto",
        "a Will property that is CONNECT's",
        V5,
        "10 17 00 04 4D 51 54 54 05 06 00 3C 00 00 01 63 03 21 00 01 00 01 77 00 01 78",
        Bad("PropertyNotAllowed", 17),
    ),
];

pub(super) fn vulnerabilities() -> Family {
    let mut family = Family::new(
        "vulnerabilities",
        "Published vulnerabilities and known faults of MQTT parsers, with the bytes that show them",
    );
    for Vector(id, title, version, hex, says) in FIXED_HEADER.iter().chain(BODY).chain(PROPERTY) {
        // The vectors are taken as they were published, so some say less than the model does.
        let rules: &[&str] = match says {
            Good => &[if *version == V5 { "U-1.2" } else { "U-1.5" }],
            Missing(_) => &[if *version == V5 { "U-1.5.5" } else { "U-2.2.3" }],
            _ => &[],
        };
        family.packet(*id, *title, Bytes::raw(*version, hex), *says, rules);
    }
    limits(&mut family);
    large(&mut family);
    directions(&mut family);
    family
}

fn limits(family: &mut Family) {
    let limited = |hex, max| Bytes::raw(V311, hex).limit(max);
    family.packet(
        "CVE-2017-7651/mosquitto-limit",
        "a huge length where 64 KiB are allowed: refused by the header alone",
        limited("10 FF FF FF 7F", 65_536),
        Bad("PacketTooLarge", 1),
        &[],
    );
    family.packet(
        "CVE-2019-0222/activemq",
        "the claimed size is not to be allocated",
        limited("30 FF FF FF 7F", 65_536),
        Bad("PacketTooLarge", 1),
        &[],
    );
    family.packet(
        "CVE-2021-33175/emqx",
        "lengths that nobody vouches for drive the use of memory",
        limited("82 FF FF FF 7F", 65_536),
        Bad("PacketTooLarge", 1),
        &[],
    );
    family.packet(
        "CVE-2021-33176/vernemq",
        "the same in a CONNECT",
        limited("10 FF FF FF 7F 00 04", 65_536),
        Bad("PacketTooLarge", 1),
        &[],
    );
    let netty = Bytes::raw(V5, "30 FF FF FF 7F 00 01 61 F8 FF FF 7F").limit(65_536);
    family.packet(
        "CVE-2026-44248/netty-limit",
        "the limit comes before the properties",
        netty,
        Bad("PacketTooLarge", 1),
        &[],
    );
    let first = |hex| Bytes::raw(V311, hex).from(Sender::Client).first_packet();
    family.packet(
        "CVE-2023-0809/mosquitto",
        "a large first packet that is not CONNECT: refused at its first byte",
        first("30 FF FF FF 7F"),
        Bad("UnexpectedPacket", 0),
        &[],
    );
    family.packet(
        "sol-15/puback-first",
        "an acknowledgement before CONNECT",
        first("40 02 00 01"),
        Bad("UnexpectedPacket", 0),
        &[],
    );
    family.packet(
        "CVE-2025-63236/sol",
        "SUBSCRIBE before CONNECT",
        first("82 06 00 01 00 01 61 00"),
        Bad("UnexpectedPacket", 0),
        &[],
    );
    let one = "30 05 00 01 61 62 63";
    let many = Bytes::raw(V311, &format!("({one}){{1000}}")).limit(100);
    family.stream(
        "netty-16776/limit-for-each",
        "1,000 small packets in one read, the limit 100: it is for each packet",
        many,
        1000,
        &["U-2.2.3-b"],
    );
    let flood = Bytes::raw(V311, "(30 03 00 01 61){1000}");
    family.stream(
        "CVE-2017-10910/mqtt.js",
        "1,000 PUBLISH in one chunk: no recursion for each",
        flood,
        1000,
        &["MQTT-6.0.0-2"],
    );
    let smuggled =
        Bytes::raw(V311, "30 03 00 05 61 # a topic of 5 bytes in a body of 3\nC0 00 C0 00 # two PINGREQ");
    family.stream(
        "opentelemetry-ebpf-2900/next-packet",
        "a body reader that crosses into the next packet",
        smuggled,
        0,
        &["MQTT-4.8.0-1"],
    );
}

fn large(family: &mut Family) {
    let longest = Draft::new(V311, Type::Publish).text("topic_name", "a").raw(
        "payload",
        "Payload",
        vec![0; 2_097_152 - 3],
    );
    family.packet(
        "MQTT-275/four-byte-length",
        "the text's own pseudo-code rejects every length of four bytes",
        longest,
        Good,
        &["U-2.2.3"],
    );
    for length in [64, 65, 65_535] {
        let draft = publish(V311, 0, &[]).set_text("topic_name", "t".repeat(length).as_bytes());
        family.packet(
            format!("CVE-2018-19417/contiki-{length}"),
            format!("a topic of {length} bytes, copied into 64"),
            draft,
            Good,
            &["MQTT-4.7.3-3"],
        );
    }
    let slashes = |version| smallest(version, Type::Subscribe).set_text("topic_filter", &vec![b'/'; 65_535]);
    for version in BOTH {
        family.packet(
            "CVE-2019-11779/mosquitto",
            "a filter of 65,535 separators: no recursion for each level",
            slashes(version),
            Good,
            &["MQTT-4.7.3-3"],
        );
    }
    let properties = vec![prop(38, pair("", "")); 40_000];
    let many = connect(V5, &ConnectParts { flags: 2, client_id: "c", properties, ..Default::default() });
    family.packet(
        "CVE-2021-41039/mosquitto",
        "40,000 User Properties: the time is to be linear",
        many,
        Good,
        &["U-2.2.2.2-b"],
    );
    let mut filters = smallest(V311, Type::Subscribe);
    filters = filters.raw("many", "8,999 times a filter of one byte", [0, 1, b'a', 0].repeat(8_999));
    family.packet(
        "CVE-2017-2894/mongoose",
        "9,000 filters, read into an array on the stack",
        filters,
        Good,
        &["MQTT-3.8.3-3"],
    );
    let properties = prop(31, prefixed(&[b'r'; 132]));
    family.packet(
        "mochi-172/property-length-135",
        "a Property Length of more than 127",
        carrying(Place::Packet(Type::Disconnect), &[properties]),
        Good,
        &["MQTT-1.5.5-1"],
    );
    let will = connect(
        V5,
        &ConnectParts {
            flags: 6,
            client_id: "c",
            properties: vec![prop(17, [0; 4])],
            will_properties: vec![prop(24, [0, 0, 1, 0])],
        },
    );
    family.packet(
        "CVE-2019-11778/mosquitto",
        "a Will Delay longer than the session: a valid packet",
        will,
        Good,
        &["U-2.2.2.2-a"],
    );
    for (id, text) in [("hash", "#"), ("plus", "+")] {
        let draft = connect(V311, &ConnectParts { flags: 2, client_id: text, ..Default::default() });
        family
            .packet(
                format!("CVE-2017-7650/client-id-{id}"),
                "a wildcard in a Client Identifier, put into an ACL: good for the codec",
                draft,
                Good,
                &["MQTT-3.1.3-4"],
            )
            .free("a server may refuse Client Identifiers beyond letters and digits");
    }
    let dollar = publish(V311, 0, &[]).set_text("topic_name", b"$test/test");
    family.packet(
        "CVE-2018-12543/mosquitto",
        "a topic that begins with $ and not with $SYS",
        dollar,
        Good,
        &["MQTT-3.3.2-2"],
    );
}

fn directions(family: &mut Family) {
    let from = |hex, sender| Bytes::raw(V5, hex).from(sender);
    family.packet(
        "CVE-2021-28166/mosquitto-from-client",
        "CONNACK from a client",
        from("20 03 00 00 00", Sender::Client),
        Bad("WrongDirection", 0),
        &[],
    );
    family.packet(
        "rumqtt-812/unsuback",
        "UNSUBACK from a client, before it has authenticated",
        from("B0 04 00 01 00 00", Sender::Client),
        Bad("WrongDirection", 0),
        &[],
    );
    family.packet(
        "rumqtt-812/connack",
        "CONNACK from a client",
        from("20 03 00 00 00", Sender::Client),
        Bad("WrongDirection", 0),
        &[],
    );
}

/// What implementations get wrong, each under the reports that tell of it.
pub(super) fn mistakes() -> Family {
    let mut family =
        Family::new("common-mistakes", "What implementations get wrong, under the reports that tell of it");
    for version in BOTH {
        let cut = if version == V5 { "U-1.5.5" } else { "U-2.2.3" };
        let four = Draft::new(version, Type::Publish)
            .text("topic_name", "a")
            .properties("properties", &[])
            .raw("payload", "Payload", vec![0; 2_097_152]);
        family.packet(
            "activemq-2517/four-byte-length",
            "a length of four bytes rejected",
            four,
            Good,
            &[cut],
        );
        let over = smallest(version, Type::PubAck).remaining_length([1]).set(
            "packet_identifier",
            "half a Packet Identifier",
            [0],
        );
        family.packet(
            "flier-rust-mqtt-3/field-beyond",
            "a field beyond the Remaining Length taken for an incomplete packet",
            over,
            Bad("Truncated", 2),
            &[],
        );
        let ping = smallest(version, Type::PingReq).raw("more", "a byte too many", [0]);
        family.packet(
            "netty-16851/pingreq",
            "bytes behind a PINGREQ accepted",
            ping,
            Bad("TrailingBytes", 2),
            &[],
        );
        for (id, first, of) in
            [("esp-mqtt-134/suback", 0x92_u8, Type::SubAck), ("esp-mqtt-134/puback", 0x42, Type::PubAck)]
        {
            family.packet(
                id,
                format!("{} with reserved flags, as ThingsBoard sent it", of.name()),
                smallest(version, of).first(first),
                Bad("ReservedFlags", 0),
                &[],
            );
        }
        for (id, of) in [
            ("TurboMqtt-346", Type::PubRel),
            ("wolfMQTT-486", Type::Subscribe),
            ("paho.golang-779", Type::Unsubscribe),
        ] {
            let first = (of as u8) << 4;
            family.packet(
                format!("{id}/{}", slug(of.name())),
                format!("{} with the flags 0000 accepted", of.name()),
                smallest(version, of).first(first),
                Bad("ReservedFlags", 0),
                &[],
            );
        }
        for (id, of) in [("nats-server-7803", Type::Subscribe), ("wolfMQTT-509", Type::Unsubscribe)] {
            let zero = smallest(version, of).set("packet_identifier", "Packet Identifier 0", [0, 0]);
            family.packet(
                format!("{id}/zero"),
                format!("{} with the Packet Identifier 0 accepted", of.name()),
                zero,
                Bad("ZeroPacketId", 2),
                &[],
            );
        }
        let ping = smallest(version, Type::Unsubscribe).cut("topic_filter");
        let at = ping.bytes().len();
        family.packet(
            "moquette-66/unsubscribe",
            "an UNSUBSCRIBE without filters accepted",
            ping,
            Bad("EmptyList", at),
            &[],
        );
        let dup = publish(version, 0, &[]).first(0x38);
        family.packet("emqx-1319/dup", "DUP at QoS 0 accepted", dup, Bad("DupAtQoS0", 0), &["MQTT-4.3.1-1"]);
        let three = publish(version, 1, &[]).first(0x36);
        family.packet("lavinmq-1047/qos-3", "QoS 3 accepted", three, Bad("PublishQoS3", 0), &[]);
        let nul = connect(version, &ConnectParts { flags: 6, client_id: "c", ..Default::default() })
            .set_text("will_topic", b"a\0");
        let at = nul.at("will_topic") + 3;
        family.packet(
            "wolfMQTT-535/will-topic",
            "U+0000 in the Will Topic forgotten",
            nul,
            Bad("TopicNul", at),
            &[],
        );
        let bom = publish(version, 0, &[]).set_text("topic_name", "\u{FEFF}a".as_bytes());
        family.packet(
            "mqttium/bom",
            "U+FEFF refused",
            bom,
            Good,
            &[if version == V5 { "MQTT-1.5.4-3" } else { "MQTT-1.5.3-3" }],
        );
    }
    let v5: [(&str, &str, &str, Says); 9] = [
        ("ntex-mqtt-56/puback", "a PUBACK of three bytes refused", "40 03 00 01 10", Good),
        ("mqtt_cpp-600/disconnect", "a DISCONNECT of nothing refused", "E0 00", Good),
        ("rabbitmq-server-8752/disconnect", "a DISCONNECT of one byte refused", "E0 01 04", Good),
        ("MQTTnet-2039/auth", "an AUTH of nothing refused", "F0 00", Good),
        (
            "rumqtt-1038/receive-maximum",
            "Receive Maximum 0 accepted",
            "20 06 00 00 03 21 00 00",
            Bad("PropertyValue", 6),
        ),
        (
            "MQTTnet-2262/topic-alias",
            "Topic Alias 0 accepted",
            "30 07 00 01 61 03 23 00 00",
            Bad("TopicAliasZero", 7),
        ),
        (
            "rabbitmq-server-17057/subscription-identifier",
            "Subscription Identifier 0 accepted",
            "82 09 00 01 02 0B 00 00 01 61 00",
            Bad("PropertyValue", 6),
        ),
        ("emqx-3304/maximum-qos", "Maximum QoS 2 sent", "20 05 00 00 02 24 02", Bad("PropertyValue", 6)),
        (
            "mosquitto-3631/empty-topic",
            "an empty topic without an alias is a Protocol Error, 0x82",
            "30 03 00 00 00",
            Bad("TopicMissing", 2),
        ),
    ];
    for (id, title, hex, says) in v5 {
        let rules: &[&str] = if matches!(says, Good) { &["U-3.4.2.1"] } else { &[] };
        let rules = match id.split('/').next() {
            Some("mqtt_cpp-600" | "rabbitmq-server-8752") => &["U-3.14.2.1"],
            Some("MQTTnet-2039") => &["U-3.15.2.1"],
            _ => rules,
        };
        family.packet(id, title, Bytes::raw(V5, hex), says, rules);
    }
    let repeated = |properties: &[crate::generate::draft::Prop], place| carrying(place, properties);
    let connack = Place::Packet(Type::ConnAck);
    let draft = repeated(&[prop(34, [0, 0]), prop(34, [0, 9])], connack);
    let at = draft.at("properties.1");
    family.packet(
        "emqx-18116/first-zero",
        "a repeat hidden by a first value of 0",
        draft,
        Bad("PropertyRepeated", at),
        &[],
    );
    let draft = repeated(&[sample(33), sample(33)], Place::Packet(Type::Connect));
    let at = draft.at("properties.1");
    family.packet(
        "coreMQTT-380/last-wins",
        "a repeat of which the last wins",
        draft,
        Bad("PropertyRepeated", at),
        &[],
    );
    let draft = repeated(&[sample(24)], Place::Packet(Type::Publish));
    let at = draft.at("properties.0");
    family.packet(
        "mochi-206/will-delay",
        "a property of the Will accepted in PUBLISH",
        draft,
        Bad("PropertyNotAllowed", at),
        &[],
    );
    let draft = publish(V5, 0, &[sample(11)]);
    let at = draft.at("properties.0");
    family.packet(
        "emqx-8029/subscription-identifier",
        "a Subscription Identifier from a client accepted",
        Bytes::of(&draft).from(Sender::Client),
        Bad("PropertySender", at),
        &[],
    );
    let draft =
        smallest(V5, Type::Subscribe).set_text("topic_filter", b"$share/g/a").set("options", "No Local", [4]);
    let at = draft.at("options");
    family.packet(
        "emqx-11074/no-local",
        "No Local on a shared filter accepted",
        draft,
        Bad("NoLocalOnShared", at),
        &[],
    );
    let draft = carrying(Place::Packet(Type::Connect), &[sample(22)]);
    let at = draft.at("properties");
    family.packet(
        "emqx-18491/authentication-data",
        "Authentication Data without a Method accepted in CONNECT",
        draft,
        Bad("AuthenticationMethodMissing", at),
        &[],
    );
    for (id, filter) in [("mosquitto-3706", "$share//a"), ("moquette-795", "$share/g")] {
        let draft = smallest(V5, Type::Subscribe).set_text("topic_filter", filter.as_bytes());
        let at = draft.at("topic_filter") + 2;
        let says = if filter.ends_with('a') {
            Bad("ShareNameEmpty", at + 7)
        } else {
            Bad("ShareFilterMissing", at + 8)
        };
        family.packet(format!("{id}/share"), format!("the filter {filter} accepted"), draft, says, &[]);
    }
    for (id, filter, name, matches, rule) in [
        ("aedes-135/dollar", "#", "$SYS/x", false, "MQTT-4.7.2-1"),
        ("hbmqtt-28/dollar", "+/x", "$SYS/x", false, "MQTT-4.7.2-1"),
        ("paho.python-950/parent", "sport/#", "sport", true, "MQTT-3.3.2-3"),
        ("mosquitto-618/plus-hash", "+/#", "sport", true, "MQTT-3.3.2-3"),
    ] {
        let title = format!("{filter} and {name}");
        match rule {
            "MQTT-4.7.2-1" => family.matches(
                id,
                &title,
                &BOTH,
                filter,
                name,
                matches,
                [&["MQTT-4.7.2-1"], &["MQTT-4.7.2-1"]],
            ),
            _ => family.matches(
                id,
                &title,
                &BOTH,
                filter,
                name,
                matches,
                [&["MQTT-3.3.2-3"], &["MQTT-3.3.2-3"]],
            ),
        };
    }
    for (id, filter, kind, at) in [
        ("vernemq-11/hash", "#abc", "MultiLevelWildcard", 0),
        ("vernemq-11/plus", "abc+", "SingleLevelWildcard", 3),
    ] {
        let title = format!("the filter {filter} accepted");
        match kind {
            "MultiLevelWildcard" => family.topic_filter(
                id,
                &title,
                &BOTH,
                filter,
                Some((kind, at)),
                [&["MQTT-4.7.1-2"], &["MQTT-4.7.1-1"]],
            ),
            _ => family.topic_filter(
                id,
                &title,
                &BOTH,
                filter,
                Some((kind, at)),
                [&["MQTT-4.7.1-3"], &["MQTT-4.7.1-2"]],
            ),
        };
    }
    let long = "a".repeat(65_536);
    family.topic_name(
        "CVE-2025-10543/paho.golang",
        "an encoder cut the length of a longer topic to 16 bits",
        &long,
        Some(("TopicTooLong", 65_535)),
        [&["MQTT-4.7.3-3"], &["MQTT-4.7.3-3"]],
    );
    family
}
