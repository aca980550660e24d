//! The examples of the standards' texts, and the bytes of published advisories and parser bugs, each by name
//! with the verdict that a strict decoder gives.

#![cfg(feature = "alloc")]

#[path = "common/notation.rs"]
mod notation;

use mqtt_wire::{
    Ack, ConnAck, Connect, DecodeOptions, Decoded, Delivery, Disconnect, EncodeErrorKind, EncodeOptions,
    FixedHeader, Packet, PacketId, Properties, Property, PropertyId, Publish, QoS, ReasonCode, Rule, Sender,
    SubAck, Subscribe, Subscription, TopicFilter, TopicName, UnsubAck, Unsubscribe, Version, Will, decode,
    frame_len,
};
use notation::{bytes, frame, string, variable};

const V3: Version = Version::V311;
const V5: Version = Version::V5;

/// What a decoder has to answer.
#[derive(Debug, PartialEq)]
enum Verdict {
    Good,
    /// So many bytes are missing at least.
    Incomplete(usize),
    /// The rule, and the byte that breaks it.
    Refused(Rule, usize),
}

use Verdict::{Good, Incomplete, Refused};

fn verdict(bytes: &[u8], options: impl Into<DecodeOptions>) -> Verdict {
    match decode(bytes, options) {
        Ok(Decoded::Packet { len, .. }) => {
            assert_eq!(len, bytes.len(), "bytes are left");
            Good
        }
        Ok(decoded @ Decoded::Incomplete { missing }) => {
            assert_eq!(decoded.packet(), None);
            Incomplete(missing)
        }
        Err(error) => Refused(error.rule(), error.offset()),
    }
}

/// Packets of one version and their verdicts; all that is wrong is reported together.
fn check(rows: &[(&str, Version, &str, Verdict)]) {
    let differs = |(name, version, notation, expected): &(&str, Version, &str, Verdict)| {
        let found = verdict(&bytes(notation), *version);
        (found != *expected).then(|| format!("{name}: {notation} in {version}: {found:?}, not {expected:?}"))
    };
    let wrong: Vec<String> = rows.iter().filter_map(differs).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn packet(bytes: &[u8], version: Version) -> Packet<'_> {
    match decode(bytes, version) {
        Ok(Decoded::Packet { packet, len }) if len == bytes.len() => packet,
        other => panic!("{bytes:02X?}: {other:?}"),
    }
}

/// The notation is that packet, and the packet is written so.
fn same<'a>(notation: &str, version: Version, expected: impl Into<Packet<'a>>) {
    let (wire, expected) = (bytes(notation), expected.into());
    assert_eq!(packet(&wire, version), expected, "{notation}");
    let mut out = Vec::new();
    assert_eq!(expected.encode(version, &mut out), Ok(wire.len()));
    assert_eq!(out, wire, "{notation}");
}

fn id(id: u16) -> PacketId {
    PacketId::new(id).expect("not 0")
}

fn name(text: &str) -> TopicName<'_> {
    TopicName::new(text).expect("a topic name")
}

fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).expect("a topic filter")
}

mod data_types {
    use super::*;

    /// Table 2.4 of 3.1.1, Table 1-1 of 5.0, and the examples 64 and 321 of 3.1.1.
    #[test]
    fn remaining_length() {
        for (length, wire) in [
            (0, "00"),
            (64, "40"),
            (127, "7F"),
            (128, "80 01"),
            (321, "C1 02"),
            (16_383, "FF 7F"),
            (16_384, "80 80 01"),
            (2_097_151, "FF FF 7F"),
            (2_097_152, "80 80 80 01"),
            (268_435_455, "FF FF FF 7F"),
        ] {
            for version in Version::ALL {
                let head = [&[0x30], &bytes(wire)[..]].concat();
                let header =
                    FixedHeader::decode(&head, version).expect("a good header").expect("a whole one");
                assert_eq!((header.remaining_length(), header.len()), (length, head.len()));
                assert_eq!(header.frame_len(), length as usize + head.len());
                let found = verdict(&head, version);
                if length > 0 {
                    assert_eq!(found, Incomplete(length as usize), "{wire}");
                }
            }
            assert_eq!(variable(length as usize), bytes(wire));
        }
        assert_eq!(mqtt_wire::MAX_PACKET_SIZE, 268_435_460);
    }

    /// Section 1.5.3.1 of 3.1.1, 1.5.4 of 5.0: A and U+2A6D4.
    #[test]
    fn string_a_and_u_2a6d4() {
        same(
            "10 ('MQTT' 04 02 000A 00 05 41 F0 AA 9B 94)",
            V3,
            Connect { keep_alive: 10, ..Connect::new(V3, "A\u{2A6D4}") },
        );
    }

    /// `[MQTT-1.5.4-3]`: U+FEFF is a character like any other, at the start too.
    #[test]
    fn zero_width_no_break_space_is_kept() {
        same("30 (00 07 EFBBBF 61 EFBBBF)", V3, Publish::new(name("\u{FEFF}a\u{FEFF}"), b""));
    }
}

mod packets {
    use super::*;

    /// Figure 3.6 of 3.1.1, section 3.1.2.12 of 5.0; the payload fields are what the flags announce.
    #[test]
    fn connect_variable_header() {
        let will = Will { qos: QoS::AtLeastOnce, ..Will::new(name("w"), b"m") };
        let expected = Connect {
            clean_start: true,
            keep_alive: 10,
            will: Some((&will).into()),
            user_name: Some("u"),
            password: Some(b"p"),
            ..Connect::new(V3, "c")
        };
        same("10 (00 04 4D 51 54 54 04 CE 00 0A 'c' 'w' 'm' 'u' 'p')", V3, expected);
        let expiry = [Property::SessionExpiryInterval(10)];
        let expected = Connect { version: V5, properties: Properties::new(&expiry), ..expected };
        same("10 (00 04 4D 51 54 54 05 CE 00 0A 05 11 00 00 00 0A 'c' () 'w' 'm' 'u' 'p')", V5, expected);
    }

    /// Figure 3.11 of 3.1.1, Table 3-3 of 5.0.
    #[test]
    fn publish_variable_header() {
        let expected = Publish::new(name("a/b"), b"").with_delivery(Delivery::AtLeastOnce(id(10)));
        same("32 (00 03 61 2F 62 00 0A)", V3, expected);
        same("32 (00 03 61 2F 62 00 0A 00)", V5, expected);
    }

    /// Figure 3.23 of 3.1.1, Figure 3-21 of 5.0.
    #[test]
    fn subscribe_payload() {
        let subscriptions = [
            Subscription::new(filter("a/b"), QoS::AtLeastOnce),
            Subscription::new(filter("c/d"), QoS::ExactlyOnce),
        ];
        let expected = Subscribe::new(id(10), &subscriptions);
        same("82 (00 0A 00 03 61 2F 62 01 00 03 63 2F 64 02)", V3, expected);
        same("82 (00 0A 00 00 03 61 2F 62 01 00 03 63 2F 64 02)", V5, expected);
    }

    /// Figure 3.27 of 3.1.1.
    #[test]
    fn suback_payload() {
        let codes = [ReasonCode::GRANTED_QOS_2, ReasonCode::UNSPECIFIED_ERROR];
        let codes = [&[ReasonCode::SUCCESS], &codes[..]].concat();
        same("90 (00 0A 00 02 80)", V3, SubAck::new(id(10), &codes));
        same("90 (00 0A 00 00 02 80)", V5, SubAck::new(id(10), &codes));
    }

    /// Figure 3.30 of 3.1.1.
    #[test]
    fn unsubscribe_payload() {
        let filters = [filter("a/b"), filter("c/d")];
        same("A2 (00 0A 00 03 61 2F 62 00 03 63 2F 64)", V3, Unsubscribe::new(id(10), &filters));
        same("A2 (00 0A 00 00 03 61 2F 62 00 03 63 2F 64)", V5, Unsubscribe::new(id(10), &filters));
    }

    /// Figure 3-24 of 5.0, which prints the Property Length 5 with the bits of 7.
    #[test]
    fn disconnect_variable_header() {
        let expiry = [Property::SessionExpiryInterval(0)];
        let expected =
            Disconnect { properties: Properties::new(&expiry), ..Disconnect::new(ReasonCode::SUCCESS) };
        same("E0 (00 05 11 00 00 00 00)", V5, expected);
    }

    #[test]
    fn the_fixed_header_alone() {
        for version in Version::ALL {
            same("C0 00", version, Packet::PingReq);
            same("D0 00", version, Packet::PingResp);
            same("E0 00", version, Disconnect::new(ReasonCode::SUCCESS));
        }
    }

    #[test]
    fn the_identifier_alone() {
        for version in Version::ALL {
            same("40 (000A)", version, Packet::PubAck(Ack::new(id(10))));
            same("50 (000A)", version, Packet::PubRec(Ack::new(id(10))));
            same("62 (000A)", version, Packet::PubRel(Ack::new(id(10))));
            same("70 (000A)", version, Packet::PubComp(Ack::new(id(10))));
        }
        same("B0 (000A)", V3, UnsubAck::new(id(10), &[]));
    }

    /// Section 3.2.2.3 of 3.1.1: the return codes of CONNACK, in the words of 5.0.
    #[test]
    fn connack_return_codes() {
        let codes = [
            ReasonCode::SUCCESS,
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
            ReasonCode::SERVER_UNAVAILABLE,
            ReasonCode::BAD_USER_NAME_OR_PASSWORD,
            ReasonCode::NOT_AUTHORIZED,
        ];
        for (number, code) in codes.into_iter().enumerate() {
            for version in [Version::V31, Version::V311] {
                same(&format!("20 02 00 {number:02X}"), version, ConnAck::new(code));
            }
        }
        for reserved in 6..=0xFF {
            assert_eq!(verdict(&[0x20, 2, 0, reserved], V3), Refused(Rule::ReasonCodeNotAllowed, 3));
        }
    }

    /// 3.1 as its users know it: 12 bytes of variable header, and credentials that may be missing.
    #[test]
    fn mqtt_3_1() {
        let v31 = Version::V31;
        same("10 (00 06 4D 51 49 73 64 70 03 02 00 3C 'a')", v31, Connect::new(v31, "a"));
        let wire = bytes("10 ('MQIsdp' 03 C2 003C 'a')");
        assert_eq!(packet(&wire, v31), Connect::new(v31, "a").into(), "flags without fields");
        let wire = bytes("10 ('MQIsdp' 03 C2 003C 'a' 'user')");
        assert_eq!(packet(&wire, v31), Connect { user_name: Some("user"), ..Connect::new(v31, "a") }.into());
        for first in ["8A", "AA"] {
            let options = if first == "8A" { "00" } else { "" };
            let notation = format!("{first} (0001 'a' {options})");
            assert_eq!(verdict(&bytes(&notation), v31), Good, "DUP at {notation}");
            assert_eq!(verdict(&bytes(&notation), V3), Refused(Rule::ReservedFlags, 0), "DUP at {notation}");
        }
        assert_eq!(verdict(&bytes("6A (0001)"), v31), Good);
        assert_eq!(verdict(&bytes("6A (0001)"), V3), Refused(Rule::ReservedFlags, 0));
        let wire = bytes("10 ('MQIsdp' 03 02 003C 'abcdefghijklmnopqrstuvwx')");
        assert_eq!(verdict(&wire, v31), Refused(Rule::ClientIdTooLong, 14));
        let wire = bytes("10 ('MQIsdp' 03 02 003C '')");
        assert_eq!(verdict(&wire, v31), Refused(Rule::ClientIdEmpty, 14));
        assert_eq!(verdict(&bytes("90 (0001 80)"), v31), Refused(Rule::ReasonCodeNotAllowed, 4));
        assert_eq!(verdict(&bytes("F0 00"), v31), Refused(Rule::ReservedPacketType, 0));
    }
}

/// Section 4.7 of both standards, 4.8.2 of 5.0.
mod topics {
    use super::*;

    #[test]
    fn filters() {
        for good in [
            "#",
            "sport/tennis/#",
            "+",
            "+/tennis/#",
            "sport/+/player1",
            "/",
            "/finance",
            "a b",
            "$share",
            "$SHARE/g/a",
        ] {
            assert!(TopicFilter::new(good).is_ok(), "{good}");
        }
        for bad in ["sport/tennis#", "sport/tennis/#/ranking", "sport+", ""] {
            assert!(TopicFilter::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn matches() {
        for (pattern, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("#", "sport", true),
            ("#", "/", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player2", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/x", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/x", true),
            ("$SYS/#", "$SYS", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("ACCOUNTS", "Accounts", false),
            ("finance", "/finance", false),
            ("+/#", "sport", true),
            ("+/#", "$SYS/x", false),
            ("a/+/b", "a//b", true),
            ("a/$b/+", "a/$b/c", true),
            ("$share/consumer1/sport/tennis/+", "sport/tennis/player1", true),
            ("$share/consumer1//finance", "/finance", true),
            ("$share/consumer1//finance", "finance", false),
            ("$share/g/#", "$SYS/x", false),
        ] {
            assert_eq!(filter(pattern).matches(name(topic)), expected, "{pattern} {topic}");
        }
    }

    #[test]
    fn shared_subscriptions() {
        for (text, kind) in [
            ("$share/", Rule::ShareNameEmpty),
            ("$share/g", Rule::ShareFilterMissing),
            ("$share/g/", Rule::ShareFilterMissing),
            ("$share//a", Rule::ShareNameEmpty),
            ("$share/g+/a", Rule::ShareNameWildcard),
            ("$share/g#/a", Rule::ShareNameWildcard),
            ("$share/g/a#", Rule::MultiLevelWildcard),
        ] {
            assert_eq!(TopicFilter::new(text).map_err(|error| error.rule()), Err(kind), "{text}");
        }
        let shared = filter("$share/consumer1/sport/tennis/+");
        assert_eq!((shared.share_name(), shared.inner().as_str()), (Some("consumer1"), "sport/tennis/+"));
        assert!(!filter("$share").is_shared() && !filter("$SHARE/g/a").is_shared());
    }
}

mod advisories {
    use super::*;

    const CLIENT: Sender = Sender::Client;

    #[test]
    #[rustfmt::skip]
    fn remaining_length() {
        check(&[
            ("CVE-2017-7651", V3, "10 FF FF FF 7F", Incomplete(268_435_455)),
            ("CVE-2025-66168", V3, "30 80 80 80 80 01", Refused(Rule::LengthTooLong, 4)),
            ("CVE-2025-66168, without a fifth byte", V3, "30 80 80 80 80", Refused(Rule::LengthTooLong, 4)),
            ("CVE-2019-19307", V3, "30 FF FF FF FF 0F", Refused(Rule::LengthTooLong, 4)),
            ("CVE-2020-10062", V3, "30 FF FF FF FF 7F", Refused(Rule::LengthTooLong, 4)),
            ("CVE-2020-10062", V3, "30 FF FF FF 7F", Incomplete(268_435_455)),
            ("bschwind/mqtt-broker#48", V3, "30 FF FF FF FF", Refused(Rule::LengthTooLong, 4)),
            ("wolfMQTT#545", V3, "70 80", Incomplete(1)),
            ("wolfMQTT#545", V3, "20 02", Incomplete(2)),
            ("wolfMQTT#545", V3, "20 02 00", Incomplete(1)),
            ("CVE-2026-25627", V3, "30 80 20 00 01 61", Incomplete(4096 - 3)),
            ("MQTT-1.5.5-1", V5, "C0 80 00", Refused(Rule::LengthNotShortest, 2)),
            ("MQTT-1.5.5-1", V5, "C0 80 80 80 00", Refused(Rule::LengthNotShortest, 4)),
            ("no rule of 3.1.1", V3, "C0 80 00", Good),
            ("no rule of 3.1.1", V3, "C0 80 80 80 00", Good),
            ("rabbitmq-mqtt#232, HTTP", V3, "47 45 54 20 2F", Refused(Rule::ReservedFlags, 0)),
            ("rabbitmq-mqtt#232, TLS", V3, "16 03 01", Refused(Rule::ReservedFlags, 0)),
        ]);
    }

    #[test]
    fn cve_2017_7651_a_length_over_the_limit_is_refused_when_it_is_read() {
        let options = DecodeOptions::detect().with_max_packet_size(65_536);
        assert_eq!(verdict(&bytes("10 FF FF FF 7F"), options), Refused(Rule::PacketTooLarge, 1));
        assert_eq!(verdict(&bytes("10 FF FF FF"), options), Incomplete(1));
    }

    /// Section 3.1.2.11.4 of 5.0: the size is that of the whole packet, fixed header included.
    #[test]
    fn the_limit_is_the_whole_packets() {
        for length in [2, 127, 128, 16_383, 16_384] {
            let wire = frame(0x30, &[string("a"), vec![0; length]].concat());
            let size = u32::try_from(wire.len()).expect("small");
            let limit = |bytes| DecodeOptions::new(V3).with_max_packet_size(bytes);
            assert_eq!(verdict(&wire, limit(size)), Good);
            assert_eq!(verdict(&wire, limit(size - 1)), Refused(Rule::PacketTooLarge, 1));
        }
    }

    #[test]
    fn cve_2023_0809_a_first_packet_other_than_connect_is_refused_at_its_first_byte() {
        let options = DecodeOptions::detect().with_sender(CLIENT).with_first_packet(true);
        for notation in ["30", "30 FF FF FF 7F", "40 02 00 01", "82 06 00 01 00 01 61 00"] {
            assert_eq!(verdict(&bytes(notation), options), Refused(Rule::UnexpectedPacket, 0), "{notation}");
        }
        assert_eq!(verdict(&bytes("10 ('MQTT' 05 02 003C () 'a')"), options), Good);
    }

    #[test]
    fn mqtt_275_a_length_of_four_bytes() {
        let body = [&[0, 1, b'a'][..], &vec![0; 2_097_152 - 3]].concat();
        let wire = frame(0x30, &body);
        assert_eq!(wire[..5], [0x30, 0x80, 0x80, 0x80, 0x01]);
        assert_eq!(verdict(&wire, V3), Good);
    }

    #[test]
    fn cve_2026_44248_the_limit_is_judged_before_the_properties() {
        let options = DecodeOptions::new(V5).with_max_packet_size(1 << 20);
        let wire = bytes("30 FF FF FF 7F 00 01 61 F8 FF FF 7F");
        assert_eq!(verdict(&wire, options), Refused(Rule::PacketTooLarge, 1));
    }

    #[test]
    fn netty_16776_the_limit_is_one_packets_not_the_buffers() {
        let options = DecodeOptions::new(V3).with_max_packet_size(100);
        let wire = bytes("30 05 00 01 61 62 63").repeat(1000);
        assert_eq!(count(&wire, options), 1000);
    }

    /// How many packets the bytes hold.
    fn count(mut bytes: &[u8], options: impl Into<DecodeOptions>) -> usize {
        let options = options.into();
        let mut count = 0;
        while !bytes.is_empty() {
            match decode(bytes, options) {
                Ok(Decoded::Packet { len, .. }) => bytes = &bytes[len..],
                other => panic!("{other:?}"),
            }
            count += 1;
        }
        count
    }

    #[test]
    fn floods_of_small_packets() {
        assert_eq!(count(&bytes("30 03 00 01 61").repeat(100_000), V3), 100_000, "CVE-2017-10910");
        assert_eq!(count(&bytes("C0 00").repeat(1_000_000), V3), 1_000_000, "suricata#7879");
    }

    #[test]
    #[rustfmt::skip]
    fn lengths_inside_the_body() {
        check(&[
            ("CVE-2026-54412", V3, "30 07 FF FF 41 42 43 44 45", Refused(Rule::Truncated, 2)),
            ("CVE-2019-17210", V3, "30 03 00 05 AA", Refused(Rule::Truncated, 2)),
            ("CVE-2017-2892", V3, "30 02 FF FF", Refused(Rule::Truncated, 2)),
            ("CVE-2020-10071", V3, "32 04 00 02 00 61", Refused(Rule::TopicNul, 4)),
            ("CVE-2020-10071", V3, "32 04 00 02 61 61", Refused(Rule::Truncated, 6)),
            ("nanomq#2270", V3, "32 03 00 01 61", Refused(Rule::Truncated, 5)),
            ("CVE-2023-29995", V3, "10 0D 0004 4D515454 04 02 003C FFFF 41", Refused(Rule::Truncated, 12)),
            ("CVE-2023-29995, no will", V3, "10 ('MQTT' 04 06 003C 'A')", Refused(Rule::Truncated, 15)),
            ("CVE-2023-29995, half a will", V3, "10 ('MQTT' 04 06 003C 'A' 'w')", Refused(Rule::Truncated, 18)),
            ("NSWG-ECO-500", V3, "82 04 00 01 00 05", Refused(Rule::Truncated, 4)),
        ]);
        let wire = bytes("30 03 00 05 61 C0 00 C0 00");
        let error = decode(&wire, V3).expect_err("open-telemetry ebpf#2900");
        assert_eq!((error.rule(), error.offset(), frame_len(&wire)), (Rule::Truncated, 2, Some(5)));
    }

    #[test]
    fn cve_2018_19417_long_topics() {
        for length in [65, 65_535] {
            let wire = frame(0x30, &string(vec![b'a'; length]));
            assert_eq!(verdict(&wire, V3), Good, "{length}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn properties() {
        check(&[
            ("CVE-2026-21888", V5, "10 ('MQTT' 05 02 003C 80 80 80 80 01 'a')", Refused(Rule::LengthTooLong, 15)),
            ("paho.mqtt.c#985", V5, "20 0B 00 00 80 FF FF 0A 27 00 98 96 80", Refused(Rule::Truncated, 4)),
            ("coreMQTT 5.0.1", V5, "90 15 00 01 1C 1F 0003 616263 26 0003 616263 0003 616263 26", Refused(Rule::Truncated, 4)),
            ("mongoose#3419", V5, "20 (00 00 01 27)", Refused(Rule::Truncated, 6)),
            ("CVE-2023-3592", V5, "10 ('MQTT' 05 06 003C () 'a' (21 00 01) 'w' '')", Refused(Rule::PropertyNotAllowed, 17)),
            ("CVE-2019-11778", V5, "10 ('MQTT' 05 06 003C (11 00000005) 'a' (18 0000000A) 'w' '')", Good),
            ("CVE-2026-31812", V5, "82 09 0001 02 0B 80 00 01 61 00", Refused(Rule::Truncated, 6)),
            ("repeated", V5, "10 ('MQTT' 05 02 003C (11 00000001 11 00000001) 'a')", Refused(Rule::PropertyRepeated, 18)),
            ("identifier as 91 00", V5, "10 ('MQTT' 05 02 003C (91 00 00000001) 'a')", Refused(Rule::LengthNotShortest, 14)),
            ("Subscription Identifier 0", V5, "82 (0001 (0B 00) 'a' 00)", Refused(Rule::PropertyValue, 6)),
            ("Topic Alias 0", V5, "30 ('a' (23 0000))", Refused(Rule::TopicAliasZero, 7)),
            ("Receive Maximum 0", V5, "10 ('MQTT' 05 02 003C (21 0000) 'a')", Refused(Rule::PropertyValue, 14)),
            ("Maximum Packet Size 0", V5, "20 (00 00 (27 00000000))", Refused(Rule::PropertyValue, 6)),
            ("boolean 2", V5, "10 ('MQTT' 05 02 003C (17 02) 'a')", Refused(Rule::PropertyValue, 14)),
            ("Maximum QoS 2", V5, "20 (00 00 (24 02))", Refused(Rule::PropertyValue, 6)),
            ("Authentication Data without Method", V5, "10 ('MQTT' 05 02 003C (16 0000) 'a')", Refused(Rule::AuthenticationMethodMissing, 13)),
            ("mqtt-packet#161", V5, "30 ('a' (26 'k' '' 26 'k' ''))", Good),
            ("mqtt-packet#160", V5, "F0 00", Good),
            ("AUTH without Method", V5, "F0 (18 ())", Refused(Rule::AuthenticationMethodMissing, 3)),
        ]);
        let wire = bytes("30 ('a' (26 'k' '' 26 'k' ''))");
        let Packet::Publish(publish) = packet(&wire, V5) else { panic!("a PUBLISH") };
        assert!(publish.properties.user_properties().eq([("k", ""), ("k", "")]));
    }

    #[test]
    fn mochi_172_a_property_length_of_two_bytes() {
        let block = [&[0x26, 0, 0][..], &string(vec![b'v'; 130])].concat();
        let wire = frame(0x30, &[string("a"), variable(block.len()), block, b"payload".to_vec()].concat());
        assert_eq!(wire[6..8], [0x87, 0x01], "135");
        let Packet::Publish(publish) = packet(&wire, V5) else { panic!("a PUBLISH") };
        assert_eq!((publish.properties.iter().count(), publish.payload), (1, &b"payload"[..]));
    }

    #[test]
    fn cve_2021_41039_forty_thousand_user_properties() {
        let block = bytes("26 00 00 00 00").repeat(40_000);
        let head = bytes("'MQTT' 05 02 003C");
        let wire = frame(0x10, &[head, variable(block.len()), block, string("a")].concat());
        let Packet::Connect(connect) = packet(&wire, V5) else { panic!("a CONNECT") };
        assert_eq!(connect.properties.user_properties().count(), 40_000);
        assert_eq!(connect.properties.ids().iter().collect::<Vec<_>>(), [PropertyId::UserProperty]);
    }

    #[test]
    #[rustfmt::skip]
    fn null_empty_missing() {
        check(&[
            ("CVE-2021-34432", V3, "30 02 00 00", Refused(Rule::TopicMissing, 2)),
            ("CVE-2021-34432", V5, "30 03 00 00 00", Refused(Rule::TopicMissing, 2)),
            ("a topic alias instead", V5, "30 06 0000 03 23 0001", Good),
            ("CVE-2017-2893", V3, "82 02 00 01", Refused(Rule::EmptyList, 4)),
            ("CVE-2017-2893", V5, "82 03 00 01 00", Refused(Rule::EmptyList, 5)),
            ("CVE-2024-10525", V3, "90 02 00 01", Refused(Rule::EmptyList, 4)),
            ("CVE-2024-10525", V5, "90 03 00 01 00", Refused(Rule::EmptyList, 5)),
            ("rust-mqtt#82", V5, "90 00", Refused(Rule::Truncated, 2)),
            ("rust-mqtt#82", V5, "B0 02 00 01", Refused(Rule::Truncated, 4)),
            ("no filter", V3, "A2 02 00 01", Refused(Rule::EmptyList, 4)),
            ("suricata#5307", V3, "C0 00", Good),
        ]);
    }

    /// Section 3.11 of both standards, byte by byte.
    #[test]
    #[rustfmt::skip]
    fn unsuback() {
        check(&[
            ("as it should be", V3, "B0 (0001)", Good),
            ("as it should be", V5, "B0 (0001 () 00 11 80 83 87 8F 91)", Good),
            ("with properties", V5, "B0 (0001 (1F 'why' 26 'k' 'v') 00)", Good),
            ("flags", V3, "B2 (0001)", Refused(Rule::ReservedFlags, 0)),
            ("flags", V5, "B8 (0001 () 00)", Refused(Rule::ReservedFlags, 0)),
            ("half an identifier", V3, "B0 (00)", Refused(Rule::Truncated, 2)),
            ("identifier 0", V3, "B0 (0000)", Refused(Rule::ZeroPacketId, 2)),
            ("identifier 0", V5, "B0 (0000 () 00)", Refused(Rule::ZeroPacketId, 2)),
            ("a code in 3.1.1", V3, "B0 (0001 00)", Refused(Rule::TrailingBytes, 4)),
            ("no Property Length", V5, "B0 (0001)", Refused(Rule::Truncated, 4)),
            ("a long Property Length", V5, "B0 (0001 05 00)", Refused(Rule::Truncated, 4)),
            ("a Property Length of two bytes for 0", V5, "B0 (0001 80 00 00)", Refused(Rule::LengthNotShortest, 5)),
            ("a property of others", V5, "B0 (0001 (26 'k' 'v' 01 00) 00)", Refused(Rule::PropertyNotAllowed, 12)),
            ("a repeated property", V5, "B0 (0001 (1F 'a' 1F 'a') 00)", Refused(Rule::PropertyRepeated, 9)),
            ("no code", V5, "B0 (0001 ())", Refused(Rule::EmptyList, 5)),
            ("no code behind properties", V5, "B0 (0001 (1F 'a'))", Refused(Rule::EmptyList, 9)),
            ("a code of SUBACK", V5, "B0 (0001 () 01)", Refused(Rule::ReasonCodeNotAllowed, 5)),
            ("a code of SUBACK behind others", V5, "B0 (0001 () 00 11 97)", Refused(Rule::ReasonCodeNotAllowed, 7)),
            ("an unknown code behind properties", V5, "B0 (0001 (1F 'a') 00 12)", Refused(Rule::ReasonCodeNotAllowed, 10)),
        ]);
        let wire = bytes("B0 (0001 () 00 12)");
        let error = decode(&wire, V5).expect_err("an unknown code");
        assert_eq!((error.reason_code(), error.requirement()), (ReasonCode::PROTOCOL_ERROR, "MQTT-3.11.3-2"));
        let wire = bytes("B0 (0001 (1F 'why') 00 11 87)");
        let codes = [ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED, ReasonCode::NOT_AUTHORIZED];
        let why = [Property::ReasonString("why")];
        let expected = UnsubAck { properties: Properties::new(&why), ..UnsubAck::new(id(1), &codes) };
        assert_eq!(packet(&wire, V5), expected.into());
        let Packet::UnsubAck(unsuback) = packet(&wire, V5) else { panic!("an UNSUBACK") };
        assert!(unsuback.reason_codes.iter().map(ReasonCode::get).eq([0x00, 0x11, 0x87]));
    }

    #[test]
    fn wrong_directions_are_errors() {
        let client = DecodeOptions::new(V5).with_sender(CLIENT);
        assert_eq!(
            verdict(&bytes("20 03 00 00 00"), client),
            Refused(Rule::WrongDirection, 0),
            "CVE-2021-28166"
        );
        assert_eq!(
            verdict(&bytes("B0 04 00 01 00 00"), client),
            Refused(Rule::WrongDirection, 0),
            "rumqtt#812"
        );
        let server = DecodeOptions::new(V5).with_sender(Sender::Server);
        assert_eq!(verdict(&bytes("C0 00"), server), Refused(Rule::WrongDirection, 0));
    }

    #[test]
    fn cve_2017_2894_a_hundred_thousand_filters() {
        let wire = frame(0x82, &[&[0, 1][..], &bytes("'a' 00").repeat(100_000)].concat());
        let Packet::Subscribe(subscribe) = packet(&wire, V3) else { panic!("a SUBSCRIBE") };
        assert_eq!(subscribe.subscriptions.len(), 100_000);
    }

    #[test]
    fn cve_2019_11779_any_number_of_levels_on_a_small_stack() {
        let check = || {
            let mut wire = bytes("82 84 80 04 00 01 FF FF");
            wire.extend(vec![b'/'; 65_535]);
            wire.push(0);
            let Packet::Subscribe(subscribe) = packet(&wire, V3) else { panic!("a SUBSCRIBE") };
            let one = subscribe.subscriptions.iter().next().expect("a subscription");
            let topic = "/".repeat(65_535);
            assert!(one.filter.matches(name(&topic)));
            assert_eq!(one.filter.levels().count(), 65_536);
        };
        let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(check);
        thread.expect("a thread").join().expect("all is well");
    }

    #[test]
    fn uwebsockets_1090_many_wildcards() {
        let pattern = vec!["+"; 32_768].join("/");
        assert!(filter(&pattern).matches(name(&"/".repeat(32_767))));
        assert!(!filter(&pattern).matches(name(&"/".repeat(32_766))));
    }

    #[test]
    #[rustfmt::skip]
    fn topics_and_filters() {
        check(&[
            ("CVE-2018-12543", V3, "30 ('$test/test')", Good),
            ("CVE-2017-7650", V3, "10 ('MQTT' 04 02 003C '#')", Good),
            ("vernemq#11", V3, "82 (0001 'a#' 00)", Refused(Rule::MultiLevelWildcard, 7)),
            ("vernemq#11", V3, "82 (0001 '+a' 00)", Refused(Rule::SingleLevelWildcard, 6)),
            ("vernemq#11", V3, "82 (0001 'a/#/b' 00)", Refused(Rule::MultiLevelWildcard, 8)),
            ("vernemq#11", V3, "82 (0001 '#/' 00)", Refused(Rule::MultiLevelWildcard, 6)),
            ("vernemq#11", V3, "82 (0001 'a/+b' 00)", Refused(Rule::SingleLevelWildcard, 8)),
            ("shared", V5, "82 (0001 () '$share//a' 00)", Refused(Rule::ShareNameEmpty, 14)),
            ("shared", V5, "82 (0001 () '$share/g' 00)", Refused(Rule::ShareFilterMissing, 15)),
            ("shared", V5, "82 (0001 () '$share/g/' 00)", Refused(Rule::ShareFilterMissing, 16)),
            ("shared", V5, "82 (0001 () '$share/+/a' 00)", Refused(Rule::ShareNameWildcard, 14)),
            ("shared", V5, "82 (0001 () '$share/#' 00)", Refused(Rule::ShareNameWildcard, 14)),
            ("not shared in 3.1.1", V3, "82 (0001 '$share//a' 00)", Good),
            ("not shared in 3.1.1", V3, "82 (0001 '$share/g' 00)", Good),
            ("not shared in 3.1.1", V3, "82 (0001 '$share/g/' 00)", Good),
            ("not shared in 3.1.1", V3, "82 (0001 '$share/+/a' 00)", Good),
            ("not shared in 3.1.1", V3, "82 (0001 '$share/#' 00)", Good),
            ("wildcard in a name", V3, "30 ('a/+')", Refused(Rule::WildcardInName, 6)),
            ("wildcard in a will", V3, "10 ('MQTT' 04 06 003C 'A' 'w/#' '')", Refused(Rule::WildcardInName, 19)),
            ("wildcard in Response Topic", V5, "30 ('a' (08 '+'))", Refused(Rule::WildcardInResponseTopic, 9)),
        ]);
    }

    #[test]
    fn utf8() {
        for (bad, at) in [
            ("C328", 0),
            ("C080", 0),
            ("EDA080", 0),
            ("F4908080", 0),
            ("FF", 0),
            ("F8888080", 0),
            ("E080", 0),
            ("61 C3", 1),
        ] {
            let body = string(bytes(bad));
            assert_eq!(
                verdict(&frame(0x30, &body), V3),
                Refused(Rule::InvalidUtf8, 4 + at),
                "CVE-2017-7653: {bad}"
            );
        }
    }

    /// The policy for characters that should not be sent: accepted, and refused on demand.
    #[test]
    fn rabbitmq_9372_control_characters() {
        for character in ["01", "1F", "7F", "C280", "C29F", "EFB790", "EFBFBE", "F09FBFBF", "F48FBFBF"] {
            let wire = frame(0x30, &string(bytes(character)));
            assert_eq!(verdict(&wire, V5.min(V3)), Good, "{character}");
            let strict = DecodeOptions::new(V3).with_strict_characters(true);
            assert_eq!(verdict(&wire, strict), Refused(Rule::DisallowedCharacter, 4), "{character}");
        }
        assert_eq!(verdict(&bytes("30 (0001 00)"), V3), Refused(Rule::TopicNul, 4));
    }

    #[test]
    #[rustfmt::skip]
    fn flags() {
        check(&[
            ("mqtt-packet#83, will QoS 3", V3, "10 ('MQTT' 04 1E 003C 'A' 'w' '')", Refused(Rule::WillQoS3, 9)),
            ("will QoS without will", V3, "10 ('MQTT' 04 0A 003C 'A')", Refused(Rule::WillQoSWithoutWill, 9)),
            ("will QoS 3 without will", V3, "10 ('MQTT' 04 1A 003C 'A')", Refused(Rule::WillQoSWithoutWill, 9)),
            ("will retain without will", V3, "10 ('MQTT' 04 22 003C 'A')", Refused(Rule::WillRetainWithoutWill, 9)),
            ("reserved flag", V3, "10 ('MQTT' 04 03 003C 'A')", Refused(Rule::ConnectReservedFlag, 9)),
            ("password alone", V3, "10 ('MQTT' 04 42 003C 'A' 'p')", Refused(Rule::PasswordWithoutUserName, 9)),
            ("password alone", V5, "10 ('MQTT' 05 42 003C () 'A' 'p')", Good),
            ("wolfMQTT#517", V3, "40 03 00 07 00", Refused(Rule::TrailingBytes, 4)),
            ("wolfMQTT#517", V5, "40 03 00 07 00", Good),
            ("wolfMQTT#518", V3, "82 (0001 'a' 03)", Refused(Rule::SubscriptionQoS3, 7)),
            ("wolfMQTT#518", V3, "82 (0001 'a' FC)", Refused(Rule::SubscriptionReserved, 7)),
            ("wolfMQTT#518", V5, "82 (0001 () 'a' C0)", Refused(Rule::SubscriptionReserved, 8)),
            ("Retain Handling 3", V5, "82 (0001 () 'a' 30)", Refused(Rule::RetainHandling3, 8)),
            ("No Local on a shared subscription", V5, "82 (0001 () '$share/g/a' 04)", Refused(Rule::NoLocalOnShared, 17)),
            ("wolfMQTT#530", V3, "10 ('MQTT' 04 02 003C 'A' 'user')", Refused(Rule::TrailingBytes, 15)),
            ("emqx#1319, DUP at QoS 0", V3, "38 ('a')", Refused(Rule::DupAtQoS0, 0)),
            ("PUBLISH QoS 3", V3, "36 ('a' 0001)", Refused(Rule::PublishQoS3, 0)),
            ("PUBLISH QoS 3 with DUP", V3, "3E ('a' 0001)", Refused(Rule::PublishQoS3, 0)),
            ("identifier 0", V3, "32 ('a' 0000)", Refused(Rule::ZeroPacketId, 5)),
            ("CONNACK flags", V3, "20 (02 00)", Refused(Rule::ConnAckReservedFlags, 2)),
            ("session present in a refusal", V3, "20 (01 05)", Refused(Rule::SessionPresentRefused, 2)),
        ]);
    }
}

mod encoder {
    use super::*;

    /// Everything that a CONNECT or PUBLISH can hold, too long by a byte or by 65,536.
    #[test]
    fn cve_2025_10543_what_is_too_long_is_refused_and_the_output_untouched() {
        for length in [65_536, 131_072] {
            let text = "a".repeat(length);
            let (bytes, text) = (text.as_bytes(), text.as_str());
            assert_eq!(TopicName::new(text).map_err(|error| error.rule()), Err(Rule::TopicTooLong));
            assert_eq!(TopicFilter::new(text).map_err(|error| error.rule()), Err(Rule::TopicTooLong));
            let connect = Connect::new(V5, "c");
            let will = Will::new(name("w"), bytes);
            for packet in [
                Connect { client_id: text, ..connect },
                Connect { user_name: Some(text), ..connect },
                Connect { password: Some(bytes), ..connect },
                Connect { will: Some((&will).into()), ..connect },
            ] {
                refused(packet.into(), V5, Rule::StringTooLong);
            }
            for properties in [
                [Property::ContentType(text)],
                [Property::CorrelationData(bytes)],
                [Property::UserProperty((text, ""))],
                [Property::UserProperty(("", text))],
            ] {
                let publish =
                    Publish { properties: Properties::new(&properties), ..Publish::new(name("a"), b"") };
                refused(publish.into(), V5, Rule::StringTooLong);
            }
        }
    }

    fn refused(packet: Packet<'_>, version: Version, kind: Rule) {
        let error = packet.encoded_len(version).expect_err("it breaks a rule");
        assert_eq!((error.kind(), error.rule()), (EncodeErrorKind::Invalid(kind), Some(kind)), "{error}");
        assert_eq!((error.packet_type(), error.version()), (Some(packet.packet_type()), version));
        let expected = Err(error);
        let mut out = b"before".to_vec();
        assert_eq!(packet.encode(version, &mut out), expected);
        assert_eq!(out, b"before");
        let mut out = vec![0xAA; 300_000];
        assert_eq!(packet.encode(version, out.as_mut_slice()), expected);
        assert!(out.iter().all(|byte| *byte == 0xAA));
    }

    #[test]
    fn hivemq_net_71_remaining_length_around_its_steps() {
        for length in [127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let payload = vec![0x55; length - 3];
            let publish = Packet::from(Publish::new(name("a"), &payload));
            let mut out = Vec::new();
            publish.encode(V3, &mut out).expect("a good packet");
            assert_eq!(out, frame(0x30, &[string("a"), payload.clone()].concat()), "{length}");
            assert_eq!(packet(&out, V3), publish);
        }
    }

    /// Zeroed memory that is never touched takes no room.
    #[test]
    fn hivemq_net_71_the_largest_packet() {
        let payload = vec![0; 268_435_456 - 3];
        let topic = name("a");
        let largest = Packet::from(Publish::new(topic, &payload[1..]));
        assert_eq!(largest.encoded_len(V3), Ok(268_435_460));
        let larger = Packet::from(Publish::new(topic, &payload));
        let expected = Err(EncodeErrorKind::TooLarge { size: 268_435_461, max: 268_435_460 });
        assert_eq!(larger.encoded_len(V3).map_err(|error| error.kind()), expected);
        let mut out = b"before".to_vec();
        assert_eq!(larger.encode(V3, &mut out).map_err(|error| error.kind()), expected);
        assert_eq!(out, b"before");
    }

    /// CVE-2020-13410: every value that breaks a rule is an error.
    #[test]
    fn cve_2020_13410_what_breaks_a_rule_is_refused() {
        let publish = Publish::new(name("a"), b"");
        let connect = Connect::new(V3, "c");
        refused(Publish { dup: true, ..publish }.into(), V3, Rule::DupAtQoS0);
        refused(Publish { topic: None, ..publish }.into(), V3, Rule::TopicMissing);
        refused(Publish { topic: None, ..publish }.into(), V5, Rule::TopicMissing);
        refused(Connect { password: Some(b""), ..connect }.into(), V3, Rule::PasswordWithoutUserName);
        refused(Connect { client_id: "", clean_start: false, ..connect }.into(), V3, Rule::ClientIdEmpty);
        refused(Connect { client_id: "a\0b", ..connect }.into(), V3, Rule::NulCharacter);
        refused(Connect { user_name: Some("\0"), ..connect }.into(), V3, Rule::NulCharacter);
        refused(connect.into(), V5, Rule::VersionMismatch);
        refused(Subscribe::new(id(1), &[]).into(), V3, Rule::EmptyList);
        refused(Unsubscribe::new(id(1), &[]).into(), V5, Rule::EmptyList);
        refused(SubAck::new(id(1), &[]).into(), V5, Rule::EmptyList);
        refused(UnsubAck::new(id(1), &[]).into(), V5, Rule::EmptyList);
        refused(UnsubAck::new(id(1), &[ReasonCode::SUCCESS]).into(), V3, Rule::NotInVersion);
        refused(ConnAck::new(ReasonCode::BANNED).into(), V3, Rule::NotInVersion);
        let present = ConnAck { session_present: true, ..ConnAck::new(ReasonCode::NOT_AUTHORIZED) };
        refused(present.into(), V5, Rule::SessionPresentRefused);
        let shared =
            Subscription { no_local: true, ..Subscription::new(filter("$share/g/a"), QoS::AtMostOnce) };
        refused(Subscribe::new(id(1), &[shared]).into(), V5, Rule::NoLocalOnShared);
        let repeated = [Property::MessageExpiryInterval(1), Property::MessageExpiryInterval(1)];
        refused(
            Publish { properties: Properties::new(&repeated), ..publish }.into(),
            V5,
            Rule::PropertyRepeated,
        );
        let misplaced = [Property::ReasonString("")];
        refused(
            Publish { properties: Properties::new(&misplaced), ..publish }.into(),
            V5,
            Rule::PropertyNotAllowed,
        );
        let late = [Property::MessageExpiryInterval(1)];
        refused(Publish { properties: Properties::new(&late), ..publish }.into(), V3, Rule::NotInVersion);
        refused(
            Packet::PubAck(Ack::new(id(1)).with_reason(ReasonCode::BANNED)),
            V5,
            Rule::ReasonCodeNotAllowed,
        );
        refused(Disconnect::new(ReasonCode::SERVER_BUSY).into(), V3, Rule::NotInVersion);
    }

    #[test]
    fn a_size_limit_and_a_short_buffer() {
        let publish = Packet::from(Publish::new(name("a"), b"payload"));
        let size = publish.encoded_len(V3).expect("a good packet");
        let mut out = [0xAA; 64];
        for max in 0..size {
            let options = EncodeOptions::new(V3).with_max_packet_size(max.try_into().expect("small"));
            let refused = publish.encode(options, &mut out).map_err(|error| error.kind());
            assert_eq!(refused, Err(EncodeErrorKind::TooLarge { size, max }));
            let refused = publish.encode(V3, &mut out[..max]).map_err(|error| error.kind());
            assert_eq!(refused, Err(EncodeErrorKind::BufferTooSmall { needed: size, available: max }));
        }
        assert_eq!(out, [0xAA; 64]);
        let options = EncodeOptions::new(V3).with_max_packet_size(size.try_into().expect("small"));
        assert_eq!(publish.encode(options, &mut out[..size]), Ok(size));
        assert_eq!(out[size..], [0xAA; 64][size..]);
    }
}
