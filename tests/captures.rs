//! Every packet of every capture in `corpus/captures`: decoded, encoded back to the same bytes, and read as an
//! independent dissector reads it, field by field. `cargo test --test captures -- --nocapture` prints the counts.

#![cfg(feature = "alloc")]

#[path = "common/canonical.rs"]
mod canonical;
#[path = "common/captures.rs"]
mod captures;

use std::collections::BTreeMap;

use captures::{Capture, Captured, Stream, hex, shortened};
use mqtt_wire::{
    Ack, Connect, DecodeError, DecodeOptions, Decoded, EncodeOptions, FixedHeader, MaximumQoS, Packet,
    Properties, Property, Publish, ReasonCode, Rule, Subscription, Tolerance, Version, WillRef, decode,
    frame_len,
};
use serde_json::{Map, Value, json};

/// What real programs are known to send against the standard. Strict decoding refuses it, and so it is with
/// everything else that is not listed here.
struct OffSpec {
    captures: &'static str,
    packet: &'static str,
    kind: Rule,
    /// What makes it acceptable, if anything does.
    tolerance: Option<Tolerance>,
    reason: &'static str,
}

const OFF_SPEC: &[OffSpec] = &[
    OffSpec {
        captures: "bridge_mosquitto_v31",
        packet: "CONNECT",
        kind: Rule::ProtocolVersion,
        tolerance: Some(Tolerance::BridgeProtocolLevel),
        reason: "mosquitto's bridges set bit 7 of the protocol level: 0x83",
    },
    OffSpec {
        captures: "bridge_mosquitto_v311",
        packet: "CONNECT",
        kind: Rule::ProtocolVersion,
        tolerance: Some(Tolerance::BridgeProtocolLevel),
        reason: "mosquitto's bridges set bit 7 of the protocol level: 0x84",
    },
    OffSpec {
        captures: "bridge_mosquitto_v5",
        packet: "PUBACK",
        kind: Rule::ReasonCodeSender,
        tolerance: Some(Tolerance::UnknownReasonCodes),
        reason: "mosquitto's bridges answer PUBLISH with 0x10 No matching subscribers, which is the server's",
    },
    OffSpec {
        captures: "aedes_mqttjs_v31",
        packet: "CONNECT",
        kind: Rule::ClientIdTooLong,
        tolerance: Some(Tolerance::LongClientIds),
        reason: "sent on purpose: a client identifier of 37 characters in 3.1, to see the broker refuse it",
    },
    OffSpec {
        captures: "aedes_mqttjs_v31",
        packet: "SUBACK",
        kind: Rule::ReasonCodeNotAllowed,
        tolerance: Some(Tolerance::UnknownReasonCodes),
        reason: "aedes answers a SUBSCRIBE of 3.1 with 0x80, which came with 3.1.1",
    },
    OffSpec {
        captures: "mosquitto_paho_v5",
        packet: "SUBSCRIBE",
        kind: Rule::NoLocalOnShared,
        tolerance: None,
        reason: "sent on purpose: No Local on a shared subscription, to see the broker refuse it",
    },
];

impl OffSpec {
    fn of(capture: &Capture, packet: &Captured, error: &DecodeError) -> Option<usize> {
        OFF_SPEC.iter().position(|known| {
            known.captures == capture.name && known.packet == packet.name && known.kind == error.rule()
        })
    }
}

/// The counts, and what does not agree.
#[derive(Default)]
struct Report {
    packets: BTreeMap<(Version, String), usize>,
    decoded: usize,
    identical: usize,
    agreeing: usize,
    differences: BTreeMap<String, usize>,
    off_spec: BTreeMap<usize, usize>,
    faults: Vec<String>,
}

#[test]
fn every_packet_decodes_encodes_back_and_agrees_with_the_dissector() {
    let captures = captures::all();
    let mut report = Report::default();
    for capture in &captures {
        for packet in &capture.packets {
            if let Err(fault) = check(capture, packet, &mut report) {
                let hex = hex(&packet.bytes[..packet.bytes.len().min(100)]);
                report.faults.push(format!(
                    "{} frame {} stream {}: {} {hex}: {fault}",
                    capture.name, packet.frame, packet.stream, packet.name
                ));
            }
        }
    }
    print(&captures, &report);
    assert!(report.faults.is_empty(), "{} faults:\n{}", report.faults.len(), report.faults.join("\n"));
    for (row, known) in OFF_SPEC.iter().enumerate() {
        assert!(report.off_spec.contains_key(&row), "no longer seen, drop the row: {}", known.reason);
    }
}

fn check(capture: &Capture, captured: &Captured, report: &mut Report) -> Result<(), String> {
    *report.packets.entry((captured.version, captured.name.clone())).or_default() += 1;
    let Some((packet, tolerance)) = decode_captured(capture, captured, report)? else { return Ok(()) };
    report.decoded += 1;

    let header = FixedHeader::decode(&captured.bytes, options(captured, tolerance));
    let header = header.map_err(|error| error.to_string())?.ok_or("no fixed header")?;
    let theirs = expected(captured, header)?;
    let ours = Reading { version: captured.version, header, theirs: &theirs }.of(&packet);
    if ours != theirs {
        return Err(format!("the dissector differs\n  ours:   {}\n  theirs: {}", json!(ours), json!(theirs)));
    }
    report.agreeing += 1;

    let mut again = Vec::new();
    packet.encode(encode_options(captured, tolerance), &mut again).map_err(|error| error.to_string())?;
    if again == captured.bytes {
        report.identical += 1;
        return Ok(());
    }
    match canonical::shorter(&captured.bytes, captured.version) {
        Some(form) if form.bytes == again => {
            *report
                .differences
                .entry(format!("{} {}: {}", captured.version, captured.name, form.name))
                .or_default() += 1;
            Ok(())
        }
        _ => Err(format!("encoded as {}", hex(&again))),
    }
}

/// Decodes strictly; what strict decoding refuses must be listed in [`OFF_SPEC`] and decode with the tolerance
/// named there. `None` when nothing makes it acceptable.
fn decode_captured<'a>(
    capture: &Capture,
    captured: &'a Captured,
    report: &mut Report,
) -> Result<Option<(Packet<'a>, Option<Tolerance>)>, String> {
    let size = captured.bytes.len();
    let whole = |decoded| match decoded {
        Decoded::Packet { packet, len } if len == size => Ok(packet),
        other => Err(format!("{other:?}")),
    };
    match decode(&captured.bytes, options(captured, None)) {
        Ok(decoded) => Ok(Some((whole(decoded)?, None))),
        Err(error) => {
            let row = OffSpec::of(capture, captured, &error).ok_or_else(|| error.to_string())?;
            *report.off_spec.entry(row).or_default() += 1;
            let Some(tolerance) = OFF_SPEC[row].tolerance else { return Ok(None) };
            let options = options(captured, Some(tolerance));
            let decoded = decode(&captured.bytes, options).map_err(|error| error.to_string())?;
            Ok(Some((whole(decoded)?, Some(tolerance))))
        }
    }
}

fn options(captured: &Captured, tolerance: Option<Tolerance>) -> DecodeOptions {
    let options = DecodeOptions::new(captured.version).with_sender(captured.sender);
    tolerance.map_or(options, |tolerance| options.with_tolerance(tolerance))
}

fn encode_options(captured: &Captured, tolerance: Option<Tolerance>) -> EncodeOptions {
    let options = EncodeOptions::new(captured.version).with_sender(captured.sender);
    tolerance.map_or(options, |tolerance| options.with_tolerance(tolerance))
}

/// The dissector's reading without what is not in the packet's own fields: aliases it resolved on its own, and
/// names it gives to bits of the fixed header's flags, which have to agree with the flags.
fn expected(captured: &Captured, header: FixedHeader) -> Result<Map<String, Value>, String> {
    let mut fields = captured.fields.clone();
    fields.remove("tshark_resolved_alias");
    if captured.name != "PUBLISH" {
        for (key, bits) in [
            ("dup", header.flags() >> 3 & 1),
            ("qos", header.flags() >> 1 & 3),
            ("retain", header.flags() & 1),
        ] {
            if fields.remove(key).is_some_and(|theirs| theirs != json!(bits)) {
                return Err(format!("the flags and the dissector's {key} differ"));
            }
        }
    }
    Ok(fields)
}

/// A packet as the dissector would put it.
struct Reading<'t> {
    version: Version,
    header: FixedHeader,
    theirs: &'t Map<String, Value>,
}

impl Reading<'_> {
    fn of(&self, packet: &Packet<'_>) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put =
            |key: &str, value: Value| assert!(fields.insert(key.to_owned(), value).is_none(), "{key} twice");
        put("flags", self.header.flags().into());
        put("remaining_length", self.header.remaining_length().into());
        match packet {
            Packet::Connect(connect) => self.connect(connect, put),
            Packet::ConnAck(connack) => {
                // 3.1 gives the byte no meaning, and the dissector does not name it there either, bridges apart.
                if self.version > Version::V31 || self.theirs.contains_key("ack_flags") {
                    put("ack_flags", u8::from(connack.session_present).into());
                    put("session_present", u8::from(connack.session_present).into());
                }
                if self.version == Version::V5 {
                    put("reason_code", code(connack.reason_code));
                    put("properties", properties(connack.properties));
                } else {
                    put("return_code", connack.reason_code.to_return_code().into());
                }
            }
            Packet::Publish(publish) => self.publish(publish, put),
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
                self.ack(ack, put);
            }
            Packet::Subscribe(subscribe) => {
                put("packet_id", subscribe.packet_id.get().into());
                self.properties(subscribe.properties, &mut put);
                put("filters", subscribe.subscriptions.iter().map(|one| self.subscription(&one)).collect());
            }
            Packet::SubAck(suback) => {
                put("packet_id", suback.packet_id.get().into());
                self.properties(suback.properties, &mut put);
                put("codes", suback.reason_codes.iter().map(code).collect());
            }
            Packet::Unsubscribe(unsubscribe) => {
                put("packet_id", unsubscribe.packet_id.get().into());
                self.properties(unsubscribe.properties, &mut put);
                put(
                    "topics",
                    unsubscribe.filters.iter().map(|filter| Value::from(filter.as_str())).collect(),
                );
            }
            Packet::UnsubAck(unsuback) => {
                put("packet_id", unsuback.packet_id.get().into());
                self.properties(unsuback.properties, &mut put);
                if self.version == Version::V5 {
                    put("codes", unsuback.reason_codes.iter().map(code).collect());
                } else {
                    assert!(unsuback.reason_codes.is_empty());
                }
            }
            Packet::PingReq | Packet::PingResp => {}
            Packet::Disconnect(disconnect) => {
                self.optional(0, disconnect.reason_code, disconnect.properties, put);
            }
            Packet::Auth(auth) => self.optional(0, auth.reason_code, auth.properties, put),
        }
        fields
    }

    /// What 5.0 has and 3.x has not.
    fn properties(&self, values: Properties<'_>, put: &mut impl FnMut(&str, Value)) {
        if self.version == Version::V5 {
            put("properties", properties(values));
        } else {
            assert!(values.is_empty());
        }
    }

    /// A reason code and properties, as far as the Remaining Length says that they are written.
    fn optional(
        &self,
        before: u32,
        reason_code: ReasonCode,
        values: Properties<'_>,
        mut put: impl FnMut(&str, Value),
    ) {
        if self.header.remaining_length() > before {
            put("reason_code", code(reason_code));
        } else {
            assert_eq!(reason_code, ReasonCode::SUCCESS);
        }
        if self.header.remaining_length() > before + 1 {
            put("properties", properties(values));
        } else {
            assert!(values.is_empty());
        }
    }

    fn ack(&self, ack: &Ack<'_>, mut put: impl FnMut(&str, Value)) {
        put("packet_id", ack.packet_id.get().into());
        self.optional(2, ack.reason_code, ack.properties, put);
    }

    fn connect(&self, connect: &Connect<'_>, mut put: impl FnMut(&str, Value)) {
        assert_eq!(connect.version, self.version);
        put("protocol_name", connect.version.protocol_name().into());
        put("protocol_level", (connect.version.get() | if connect.bridge { 0x80 } else { 0 }).into());
        put("connect_flags", connect_flags(connect).into());
        put("keep_alive", connect.keep_alive.into());
        self.properties(connect.properties, &mut put);
        put("client_id", connect.client_id.into());
        if let Some(will) = connect.will.map(WillRef::get) {
            if self.version == Version::V5 {
                put("will_properties", properties(will.properties));
            }
            put("will_topic", will.topic.as_str().into());
            put("will_payload", shortened(will.payload));
        }
        if let Some(user_name) = connect.user_name {
            put("username", user_name.into());
        }
        if let Some(password) = connect.password {
            put("password", hex(password).into());
        }
    }

    fn publish(&self, publish: &Publish<'_>, mut put: impl FnMut(&str, Value)) {
        put("dup", u8::from(publish.dup).into());
        put("qos", publish.delivery.qos().get().into());
        put("retain", u8::from(publish.retain).into());
        put("topic", publish.topic.map_or("", |topic| topic.as_str()).into());
        if let Some(packet_id) = publish.delivery.packet_id() {
            put("packet_id", packet_id.get().into());
        }
        self.properties(publish.properties, &mut put);
        put("payload", shortened(publish.payload));
    }

    fn subscription(&self, one: &Subscription<'_>) -> Value {
        let qos = one.maximum_qos.get();
        let (no_local, kept) = (u8::from(one.no_local), u8::from(one.retain_as_published));
        let handling = one.retain_handling.get();
        let options = qos | no_local << 2 | kept << 3 | handling << 4;
        let mut fields = json!({ "topic": one.filter.as_str(), "options": options, "qos": qos });
        if self.version == Version::V5 {
            fields["no_local"] = no_local.into();
            fields["retain_as_published"] = kept.into();
            fields["retain_handling"] = handling.into();
        }
        fields
    }
}

fn connect_flags(connect: &Connect<'_>) -> u8 {
    let will = connect
        .will
        .map(WillRef::get)
        .map_or(0, |will| 0x04 | will.qos.get() << 3 | u8::from(will.retain) << 5);
    let credentials = u8::from(connect.user_name.is_some()) << 7 | u8::from(connect.password.is_some()) << 6;
    credentials | will | u8::from(connect.clean_start) << 1
}

fn code(code: ReasonCode) -> Value {
    code.get().into()
}

/// Identifier, name and value of each property, in order.
fn properties(properties: Properties<'_>) -> Value {
    properties.iter().map(|one| json!([one.id() as u8, property(&one).0, property(&one).1])).collect()
}

fn property(property: &Property<'_>) -> (&'static str, Value) {
    fn flag(value: bool) -> Value {
        u8::from(value).into()
    }
    match *property {
        Property::PayloadFormatIndicator(value) => ("payload_format_indicator", flag(value)),
        Property::MessageExpiryInterval(value) => ("message_expiry_interval", value.into()),
        Property::ContentType(value) => ("content_type", value.into()),
        Property::ResponseTopic(value) => ("response_topic", value.as_str().into()),
        Property::CorrelationData(value) => ("correlation_data", hex(value).into()),
        Property::SubscriptionIdentifier(value) => ("subscription_identifier", value.get().into()),
        Property::SessionExpiryInterval(value) => ("session_expiry_interval", value.into()),
        Property::AssignedClientIdentifier(value) => ("assigned_client_identifier", value.into()),
        Property::ServerKeepAlive(value) => ("server_keep_alive", value.into()),
        Property::AuthenticationMethod(value) => ("authentication_method", value.into()),
        Property::AuthenticationData(value) => ("authentication_data", hex(value).into()),
        Property::RequestProblemInformation(value) => ("request_problem_information", flag(value)),
        Property::WillDelayInterval(value) => ("will_delay_interval", value.into()),
        Property::RequestResponseInformation(value) => ("request_response_information", flag(value)),
        Property::ResponseInformation(value) => ("response_information", value.into()),
        Property::ServerReference(value) => ("server_reference", value.into()),
        Property::ReasonString(value) => ("reason_string", value.into()),
        Property::ReceiveMaximum(value) => ("receive_maximum", value.get().into()),
        Property::TopicAliasMaximum(value) => ("topic_alias_maximum", value.into()),
        Property::TopicAlias(value) => ("topic_alias", value.get().into()),
        Property::MaximumQoS(value) => ("maximum_qos", flag(value == MaximumQoS::AtLeastOnce)),
        Property::RetainAvailable(value) => ("retain_available", flag(value)),
        Property::UserProperty((name, value)) => ("user_property", json!([name, value])),
        Property::MaximumPacketSize(value) => ("maximum_packet_size", value.get().into()),
        Property::WildcardSubscriptionAvailable(value) => ("wildcard_subscription_available", flag(value)),
        Property::SubscriptionIdentifierAvailable(value) => {
            ("subscription_identifier_available", flag(value))
        }
        Property::SharedSubscriptionAvailable(value) => ("shared_subscription_available", flag(value)),
        ref other => panic!("{other:?} has no name here"),
    }
}

fn print(captures: &[Capture], report: &Report) {
    let total: usize = report.packets.values().sum();
    println!(
        "{} captures, {} streams, {total} packets",
        captures.len(),
        captures.iter().map(|c| c.streams.len()).sum::<usize>()
    );
    for version in Version::ALL {
        let of_version = report.packets.iter().filter(|((v, _), _)| *v == version);
        let counts: Vec<String> = of_version.map(|((_, name), count)| format!("{name} {count}")).collect();
        println!("  MQTT {version}: {}", counts.join(", "));
    }
    println!("decoded {}/{total}, agreeing with the dissector {}/{total}", report.decoded, report.agreeing);
    println!("encoded back to the same bytes {}/{total}, and in a shorter form:", report.identical);
    for (name, count) in &report.differences {
        println!("  {count:5} {name}");
    }
    println!("refused, and accepted only with the tolerance named:");
    for (row, count) in &report.off_spec {
        let known = &OFF_SPEC[*row];
        let tolerance = known.tolerance.map_or("none".to_owned(), |tolerance| format!("{tolerance:?}"));
        println!("  {count:5} {} {}, {tolerance}: {}", known.captures, known.packet, known.reason);
    }
}

#[test]
fn every_stream_is_cut_into_its_packets() {
    for capture in captures::all() {
        for stream in &capture.streams {
            let of_stream =
                |packet: &&Captured| packet.stream == stream.number && packet.sender == stream.sender;
            let mut expected: Vec<(usize, usize)> = capture
                .packets
                .iter()
                .filter(of_stream)
                .map(|packet| (packet.offset, packet.bytes.len()))
                .collect();
            expected.sort_unstable();
            assert_eq!(cut(stream), expected, "{} stream {}", capture.name, stream.number);
        }
    }
}

/// Where the packets of a stream start, and their sizes. A connection may end inside a packet.
fn cut(stream: &Stream) -> Vec<(usize, usize)> {
    let options = DecodeOptions::new(stream.version)
        .with_sender(stream.sender)
        .with_tolerance(Tolerance::BridgeProtocolLevel)
        .with_tolerance(Tolerance::UnknownReasonCodes);
    let mut found = Vec::new();
    let mut at = 0;
    while at < stream.bytes.len() {
        let len = match decode(&stream.bytes[at..], options.with_first_packet(at == 0)) {
            Ok(Decoded::Packet { len, .. }) => len,
            Ok(Decoded::Incomplete { .. }) => break,
            Err(error) => {
                frame_len(&stream.bytes[at..]).unwrap_or_else(|| panic!("{error}: the stream is lost"))
            }
        };
        found.push((at, len));
        at += len;
    }
    found
}

/// The comparison above can fail: each change of a packet that its reader could overlook is noticed.
#[test]
fn the_comparison_sees_differences() {
    let captures = captures::all();
    let find = |name: &str, version: Version| {
        captures
            .iter()
            .flat_map(|capture| &capture.packets)
            .find(|packet| packet.name == name && packet.version == version)
    };
    let publish = find("PUBLISH", Version::V5).expect("a PUBLISH of 5.0");
    let header = FixedHeader::decode(&publish.bytes, Version::V5).expect("a header").expect("a whole one");
    let theirs = expected(publish, header).expect("a reading");
    let reading = Reading { version: Version::V5, header, theirs: &theirs };
    let Some(Packet::Publish(original)) = decode(&publish.bytes, Version::V5).expect("a packet").packet()
    else {
        panic!("a PUBLISH")
    };
    assert_eq!(reading.of(&original.into()), theirs);
    let extra = [Property::MessageExpiryInterval(7)];
    let edited = original.properties.with(&extra);
    for changed in [
        Publish { retain: !original.retain, ..original },
        Publish { payload: b"another", ..original },
        Publish { topic: None, ..original },
        Publish { properties: edited.as_properties(), ..original },
    ] {
        assert_ne!(reading.of(&changed.into()), theirs, "{changed:?}");
    }
}
