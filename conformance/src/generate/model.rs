//! A decoder straight from the tables: slow, plain, a byte at a time, and independent of the library.
//!
//! It gives the generated cases their expected values, and a second opinion on every verdict that a family
//! states.

use serde_json::{Map, Value, json};

use super::tables::{Place, Range, Sender, Type, V5, V31, V311, Version, Wire, may_carry, property};
use crate::hex;

/// How the bytes are to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a receiver's options are on or off")]
pub(crate) struct Rules {
    pub(crate) version: Version,
    /// CONNECT names the version: what it is judged by until then is `version`.
    pub(crate) version_unknown: bool,
    pub(crate) sender: Option<Sender>,
    pub(crate) first_packet: bool,
    pub(crate) max_packet_size: Option<u32>,
    pub(crate) check_payload_format: bool,
    pub(crate) refuse_control_characters: bool,
}

impl Rules {
    pub(crate) const fn of(version: Version) -> Self {
        Self {
            version,
            version_unknown: false,
            sender: None,
            first_packet: false,
            max_packet_size: None,
            check_payload_format: false,
            refuse_control_characters: false,
        }
    }
}

/// What bytes are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Packet { value: Value, length: usize },
    Incomplete { missing: usize },
    Error(Fault),
}

/// The broken rule by the name of its kind, and the byte that breaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: &'static str,
    pub(crate) offset: usize,
}

type Read<T> = Result<T, Fault>;

fn fault<T>(kind: &'static str, offset: usize) -> Read<T> {
    Err(Fault { kind, offset })
}

/// Judges the packet at the start of the bytes.
pub(crate) fn decode(bytes: &[u8], rules: &Rules) -> Verdict {
    match frame(bytes, rules) {
        Ok(Some((packet, flags, header, end))) if end <= bytes.len() => {
            let mut body = Body { bytes: &bytes[..end], at: header, rules: *rules, packet };
            match body.packet(flags) {
                Ok(value) => Verdict::Packet { value: Value::Object(value), length: end },
                Err(fault) => Verdict::Error(fault),
            }
        }
        Ok(Some((.., end))) => Verdict::Incomplete { missing: end - bytes.len() },
        Ok(None) => Verdict::Incomplete { missing: if bytes.is_empty() { 2 } else { 1 } },
        Err(fault) => Verdict::Error(fault),
    }
}

/// Reads the fixed header: type, flags, where the body begins and where it ends.
fn frame(bytes: &[u8], rules: &Rules) -> Read<Option<(Type, u8, usize, usize)>> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let version = rules.version;
    let flags = first & 0x0F;
    let packet = match Type::of(first >> 4) {
        Some(packet) if packet.exists_in(version) => packet,
        _ => return fault("ReservedPacketType", 0),
    };
    // What comes first is judged below.
    if rules.version_unknown && packet != Type::Connect && !rules.first_packet {
        return fault("VersionUnknown", 0);
    }
    match packet.flags() {
        None if flags & 0b0110 == 0b0110 => return fault("PublishQoS3", 0),
        None if flags & 0b1110 == 0b1000 => return fault("DupAtQoS0", 0),
        // Judged below, by the version that CONNECT names.
        Some(_) if rules.version_unknown && packet == Type::Connect => {}
        // In 3.1 these packets are sent at QoS 1 and may be sent again; RETAIN is not used.
        Some(0b0010) if version == V31 && flags & 0b0110 == 0b0010 => {}
        Some(0) if version == V31 => {}
        Some(wanted) if flags != wanted => return fault("ReservedFlags", 0),
        _ => {}
    }
    let (client, server) = packet.senders(version);
    match rules.sender {
        Some(Sender::Client) if !client => return fault("WrongDirection", 0),
        Some(Sender::Server) if !server => return fault("WrongDirection", 0),
        _ => {}
    }
    let may_be_first = match rules.sender {
        Some(Sender::Server) => matches!(packet, Type::ConnAck | Type::Auth),
        _ => packet == Type::Connect,
    };
    if rules.first_packet && !may_be_first {
        return fault("UnexpectedPacket", 0);
    }
    let mut length = 0;
    for n in 1..=4 {
        let Some(&byte) = bytes.get(n) else { return Ok(None) };
        length += usize::from(byte & 0x7F) << (7 * (n - 1));
        if byte & 0x80 == 0 {
            if byte == 0 && n > 1 && version == V5 {
                return fault("LengthNotShortest", n);
            }
            let end = 1 + n + length;
            if rules.max_packet_size.is_some_and(|max| end > max as usize) {
                return fault("PacketTooLarge", 1);
            }
            if rules.version_unknown && packet == Type::Connect && flags != 0 {
                // No CONNECT is so short that its level has no place.
                let is_too_short = length < 2 + 6 + 1;
                if is_too_short || named_version(&bytes[1 + n..]).is_some_and(|version| version != V31) {
                    return fault("ReservedFlags", 0);
                }
            }
            return Ok(Some((packet, flags, 1 + n, end)));
        }
    }
    fault("LengthTooLong", 4)
}

/// The version that a CONNECT names, as soon as its level is there.
fn named_version(body: &[u8]) -> Option<Version> {
    const NAMED: [(&[u8], Version); 3] =
        [(b"\0\x06MQIsdp\x03", V31), (b"\0\x04MQTT\x04", V311), (b"\0\x04MQTT\x05", V5)];
    NAMED.into_iter().find(|(start, _)| body.starts_with(start)).map(|(_, version)| version)
}

/// A body, and how far it was read. `bytes` begins with the frame, so that `at` is an offset into it.
struct Body<'a> {
    bytes: &'a [u8],
    at: usize,
    rules: Rules,
    packet: Type,
}

impl Body<'_> {
    fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn v5(&self) -> bool {
        self.rules.version == V5
    }

    fn byte(&mut self) -> Read<u8> {
        let Some(&byte) = self.bytes.get(self.at) else { return fault("Truncated", self.at) };
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self, size: usize) -> Read<u64> {
        let start = self.at;
        let mut number = 0;
        for _ in 0..size {
            let Ok(byte) = self.byte() else { return fault("Truncated", start) };
            number = number << 8 | u64::from(byte);
        }
        Ok(number)
    }

    fn variable(&mut self) -> Read<usize> {
        let start = self.at;
        let mut number = 0;
        for group in 0..4 {
            let Ok(byte) = self.byte() else { return fault("Truncated", start) };
            number += usize::from(byte & 0x7F) << (7 * group);
            if byte & 0x80 == 0 {
                if byte == 0 && group > 0 {
                    return fault("LengthNotShortest", self.at - 1);
                }
                return Ok(number);
            }
        }
        fault("LengthTooLong", self.at - 1)
    }

    /// Length-prefixed bytes; where they begin.
    fn binary(&mut self) -> Read<(usize, Vec<u8>)> {
        let start = self.at;
        let length = usize::try_from(self.number(2)?).unwrap_or(usize::MAX);
        if self.bytes.len() - self.at < length {
            return fault("Truncated", start);
        }
        let from = self.at;
        self.at += length;
        Ok((from, self.bytes[from..self.at].to_vec()))
    }

    /// A string. `nul` is the kind for U+0000.
    fn text(&mut self, nul: &'static str) -> Read<(usize, String)> {
        let (from, bytes) = self.binary()?;
        let text = utf8(&bytes, nul).map_err(|(kind, at)| Fault { kind, offset: from + at })?;
        Ok((from, text))
    }

    fn characters(&self, from: usize, text: &str) -> Read<()> {
        match text.char_indices().find(|(_, c)| is_discouraged(*c)) {
            Some((at, _)) if self.rules.refuse_control_characters => fault("DisallowedCharacter", from + at),
            _ => Ok(()),
        }
    }

    fn string(&mut self) -> Read<String> {
        let (from, text) = self.text("NulCharacter")?;
        self.characters(from, &text)?;
        Ok(text)
    }

    /// A topic name, possibly empty.
    fn topic_name(&mut self, wildcard: &'static str) -> Read<String> {
        let (from, name) = self.text("TopicNul")?;
        if let Err((kind, at)) = topic_name(&name) {
            match kind {
                "TopicEmpty" => {}
                "WildcardInName" => return fault(wildcard, from + at),
                _ => return fault(kind, from + at),
            }
        }
        self.characters(from, &name)?;
        Ok(name)
    }

    fn topic_filter(&mut self) -> Read<String> {
        let start = self.at;
        let (from, filter) = self.text("TopicNul")?;
        if let Err((kind, at)) = topic_filter(&filter, self.v5()) {
            return fault(kind, if filter.is_empty() { start } else { from + at });
        }
        self.characters(from, &filter)?;
        Ok(filter)
    }

    fn packet_identifier(&mut self) -> Read<Value> {
        match self.number(2)? {
            0 => fault("ZeroPacketId", self.at - 2),
            id => Ok(json!(id)),
        }
    }

    fn reason_code(&mut self) -> Read<u8> {
        let start = self.at;
        let code = self.byte()?;
        if may_carry(self.packet, code, self.rules.sender) {
            Ok(code)
        } else if may_carry(self.packet, code, None) {
            fault("ReasonCodeSender", start)
        } else {
            fault("ReasonCodeNotAllowed", start)
        }
    }

    /// The properties of a place; 3.x has none.
    fn properties(&mut self, place: Place) -> Read<Properties> {
        let mut all = Properties::new();
        if !self.v5() {
            return Ok(all);
        }
        let start = self.at;
        let length = self.variable()?;
        let end = self.at + length;
        if end > self.bytes.len() {
            return fault("Truncated", start);
        }
        let mut block =
            Body { bytes: &self.bytes[..end], at: self.at, rules: self.rules, packet: self.packet };
        while !block.is_empty() {
            block.property(place, &mut all)?;
        }
        self.at = end;
        Ok(all)
    }

    fn property(&mut self, place: Place, all: &mut Properties) -> Read<()> {
        let start = self.at;
        let id = self.variable()?;
        let Some(row) = u8::try_from(id).ok().and_then(property) else {
            return fault("PropertyUnknown", start);
        };
        if !place.properties().contains(&row.id) {
            return fault("PropertyNotAllowed", start);
        }
        let forbidden = match (place, row.id) {
            (Place::Packet(Type::Publish), 11) => Some(Sender::Client),
            (Place::Packet(Type::Disconnect), 17) => Some(Sender::Server),
            _ => None,
        };
        if forbidden.is_some() && forbidden == self.rules.sender {
            return fault("PropertySender", start);
        }
        if get(all, row.id).is_some() && !place.repeats(row.id) {
            return fault("PropertyRepeated", start);
        }
        let at = self.at;
        let value = match row.wire {
            Wire::Byte => json!(self.byte()?),
            Wire::Two => json!(self.number(2)?),
            Wire::Four => json!(self.number(4)?),
            Wire::Variable => json!(self.variable()?),
            Wire::Text if row.range == Range::Topic => {
                let name = self.topic_name("WildcardInResponseTopic")?;
                if name.is_empty() {
                    return fault("TopicEmpty", at);
                }
                json!(name)
            }
            Wire::Text => json!(self.string()?),
            Wire::Binary => data(&self.binary()?.1),
            Wire::Pair => json!([self.string()?, self.string()?]),
        };
        let allowed = match row.range {
            Range::Any | Range::Topic => true,
            Range::Bit => value == json!(0) || value == json!(1),
            Range::NotZero => value != json!(0),
        };
        if !allowed {
            return fault(if row.id == 35 { "TopicAliasZero" } else { "PropertyValue" }, at);
        }
        all.push((row.id, value, start));
        Ok(())
    }

    fn packet(&mut self, flags: u8) -> Read<Map<String, Value>> {
        let mut out = Map::new();
        out.insert("type".to_owned(), json!(self.packet.name()));
        match self.packet {
            Type::Connect => self.connect(&mut out)?,
            Type::ConnAck => self.connack(&mut out)?,
            Type::Publish => self.publish(flags, &mut out)?,
            Type::PubAck | Type::PubRec | Type::PubRel | Type::PubComp => {
                put(&mut out, "packet_identifier", self.packet_identifier()?);
                self.short_form(&mut out)?;
            }
            Type::Subscribe => {
                put(&mut out, "packet_identifier", self.packet_identifier()?);
                self.put_properties(&mut out)?;
                let list = self.list(Self::subscription)?;
                put(&mut out, "subscriptions", list);
            }
            Type::SubAck | Type::UnsubAck => {
                put(&mut out, "packet_identifier", self.packet_identifier()?);
                self.put_properties(&mut out)?;
                if self.v5() || self.packet == Type::SubAck {
                    let list = self.list(Self::granted)?;
                    put(&mut out, if self.v5() { "reason_codes" } else { "return_codes" }, list);
                }
            }
            Type::Unsubscribe => {
                put(&mut out, "packet_identifier", self.packet_identifier()?);
                self.put_properties(&mut out)?;
                let list = self.list(|body| Ok(json!(body.topic_filter()?)))?;
                put(&mut out, "topic_filters", list);
            }
            Type::PingReq | Type::PingResp => {}
            Type::Disconnect => self.short_form(&mut out)?,
            Type::Auth => self.auth(&mut out)?,
        }
        if !self.is_empty() {
            return fault("TrailingBytes", self.at);
        }
        Ok(out)
    }

    fn put_properties(&mut self, out: &mut Map<String, Value>) -> Read<Properties> {
        let properties = self.properties(Place::Packet(self.packet))?;
        if !properties.is_empty() {
            put(out, "properties", listed(&properties));
        }
        Ok(properties)
    }

    fn list(&mut self, item: impl Fn(&mut Self) -> Read<Value>) -> Read<Value> {
        if self.is_empty() {
            return fault("EmptyList", self.at);
        }
        let mut list = Vec::new();
        while !self.is_empty() {
            list.push(item(self)?);
        }
        Ok(Value::Array(list))
    }

    fn granted(&mut self) -> Read<Value> {
        if self.v5() {
            return Ok(json!(self.reason_code()?));
        }
        match self.byte()? {
            code @ 0..=2 => Ok(json!(code)),
            0x80 if self.rules.version == V311 => Ok(json!(0x80)),
            _ => fault("ReasonCodeNotAllowed", self.at - 1),
        }
    }

    fn subscription(&mut self) -> Read<Value> {
        let filter = self.topic_filter()?;
        let at = self.at;
        let options = self.byte()?;
        let reserved = if self.v5() { 0b1100_0000 } else { 0b1111_1100 };
        let no_local = options & 0b100 != 0;
        if options & reserved != 0 {
            return fault("SubscriptionReserved", at);
        }
        if self.v5() && no_local && filter.starts_with("$share/") {
            return fault("NoLocalOnShared", at);
        }
        if options & 0b11 == 3 {
            return fault("SubscriptionQoS3", at);
        }
        if options >> 4 == 3 {
            return fault("RetainHandling3", at);
        }
        let qos = if self.v5() { "maximum_qos" } else { "requested_qos" };
        let mut out = json!({ "topic_filter": filter, qos: options & 0b11 });
        if self.v5() {
            out["no_local"] = json!(no_local);
            out["retain_as_published"] = json!(options & 0b1000 != 0);
            out["retain_handling"] = json!(options >> 4);
        }
        Ok(out)
    }

    /// Reason Code and Properties, either of which may be left out; nothing in 3.x.
    fn short_form(&mut self, out: &mut Map<String, Value>) -> Read<()> {
        if !self.v5() {
            return Ok(());
        }
        let mut code = 0;
        if !self.is_empty() {
            code = self.reason_code()?;
        }
        put(out, "reason_code", json!(code));
        if !self.is_empty() {
            self.put_properties(out)?;
        }
        Ok(())
    }

    fn auth(&mut self, out: &mut Map<String, Value>) -> Read<()> {
        if self.is_empty() {
            // Remaining Length 0 stands for Success, which is the server's to say.
            if self.rules.sender == Some(Sender::Client) {
                return fault("ReasonCodeSender", self.at);
            }
            put(out, "reason_code", json!(0));
            return Ok(());
        }
        let code = self.reason_code()?;
        put(out, "reason_code", json!(code));
        let at = self.at;
        let properties = self.put_properties(out)?;
        if get(&properties, 21).is_some() {
            return Ok(());
        }
        fault("AuthenticationMethodMissing", place(&properties, 22).unwrap_or(at))
    }

    fn connack(&mut self, out: &mut Map<String, Value>) -> Read<()> {
        let flags = self.byte()?;
        let session_present = match (self.rules.version, flags) {
            (V31, _) => false,
            (_, 0 | 1) => flags == 1,
            _ => return fault("ConnAckReservedFlags", self.at - 1),
        };
        if self.rules.version != V31 {
            put(out, "session_present", json!(session_present));
        }
        let code = if self.v5() {
            self.reason_code()?
        } else {
            match self.byte()? {
                code @ 0..=5 => code,
                _ => return fault("ReasonCodeNotAllowed", self.at - 1),
            }
        };
        if session_present && code != 0 {
            // The bit is wrong.
            return fault("SessionPresentRefused", self.at - 2);
        }
        put(out, if self.v5() { "reason_code" } else { "return_code" }, json!(code));
        self.put_properties(out)?;
        Ok(())
    }

    fn publish(&mut self, flags: u8, out: &mut Map<String, Value>) -> Read<()> {
        let qos = flags >> 1 & 0b11;
        put(out, "dup", json!(flags & 0b1000 != 0));
        put(out, "qos", json!(qos));
        put(out, "retain", json!(flags & 1 != 0));
        let start = self.at;
        let topic = self.topic_name("WildcardInName")?;
        put(out, "topic_name", json!(topic));
        if qos > 0 {
            put(out, "packet_identifier", self.packet_identifier()?);
        }
        let properties = self.put_properties(out)?;
        if topic.is_empty() && get(&properties, 35).is_none() {
            return fault("TopicMissing", start);
        }
        let payload = &self.bytes[self.at..];
        if self.rules.check_payload_format
            && get(&properties, 1) == Some(&json!(1))
            && let Err(error) = std::str::from_utf8(payload)
        {
            return fault("PayloadFormat", self.at + error.valid_up_to());
        }
        put(out, "payload", data(payload));
        self.at = self.bytes.len();
        Ok(())
    }

    fn connect(&mut self, out: &mut Map<String, Value>) -> Read<()> {
        let start = self.at;
        if self.rules.version_unknown
            && let Some(version) = named_version(&self.bytes[start..])
        {
            self.rules.version = version;
        }
        let (_, name) = self.binary()?;
        let level_at = self.at;
        let level = self.byte()?;
        match (name.as_slice(), level, self.rules.version) {
            (b"MQIsdp", 3, V31) | (b"MQTT", 4, V311) | (b"MQTT", 5, V5) => {}
            (b"MQTT" | b"MQIsdp", ..) => return fault("ProtocolVersion", level_at),
            _ => return fault("ProtocolName", start),
        }
        put(out, "protocol_name", json!(String::from_utf8_lossy(&name)));
        put(out, if self.v5() { "protocol_version" } else { "protocol_level" }, json!(level));
        let at = self.at;
        let flags = self.byte()?;
        let [user_name, password, will_retain, will, clean, reserved] =
            [7, 6, 5, 2, 1, 0].map(|bit| flags >> bit & 1 == 1);
        let will_qos = flags >> 3 & 0b11;
        // 3.1 does not use the bit.
        if reserved && self.rules.version != V31 {
            return fault("ConnectReservedFlag", at);
        }
        if will_qos == 3 && will {
            return fault("WillQoS3", at);
        }
        if will_qos != 0 && !will {
            return fault("WillQoSWithoutWill", at);
        }
        if will_retain && !will {
            return fault("WillRetainWithoutWill", at);
        }
        if password && !user_name && !self.v5() {
            return fault("PasswordWithoutUserName", at);
        }
        put(out, if self.v5() { "clean_start" } else { "clean_session" }, json!(clean));
        put(out, "keep_alive", json!(self.number(2)?));
        let properties = self.put_properties(out)?;
        if let (Some(data), None) = (place(&properties, 22), get(&properties, 21)) {
            return fault("AuthenticationMethodMissing", data);
        }
        let at = self.at;
        let client_id = self.string()?;
        match self.rules.version {
            V31 if client_id.is_empty() => return fault("ClientIdEmpty", at),
            V31 if client_id.chars().count() > 23 => return fault("ClientIdTooLong", at),
            V311 if client_id.is_empty() && !clean => return fault("ClientIdEmpty", at),
            _ => {}
        }
        put(out, "client_identifier", json!(client_id));
        if will {
            let properties = self.properties(Place::Will)?;
            let at = self.at;
            let topic = self.topic_name("WildcardInName")?;
            if topic.is_empty() {
                return fault("TopicEmpty", at);
            }
            let payload = data(&self.binary()?.1);
            let mut value = json!({ "qos": will_qos, "retain": will_retain });
            if !properties.is_empty() {
                value["properties"] = listed(&properties);
            }
            value["topic"] = json!(topic);
            value[if self.v5() { "payload" } else { "message" }] = payload;
            put(out, "will", value);
        }
        // In 3.1 the Remaining Length outweighs the flags.
        let v31 = self.rules.version == V31;
        if user_name && !(v31 && self.is_empty()) {
            put(out, "user_name", json!(self.string()?));
        }
        if password && !(v31 && self.is_empty()) {
            put(out, "password", data(&self.binary()?.1));
        }
        Ok(())
    }
}

fn put(out: &mut Map<String, Value>, key: &str, value: Value) {
    out.insert(key.to_owned(), value);
}

/// Properties in the order of the wire: identifier, value, and where the identifier stands.
type Properties = Vec<(u8, Value, usize)>;

fn get(properties: &Properties, id: u8) -> Option<&Value> {
    properties.iter().find(|(number, ..)| *number == id).map(|(_, value, _)| value)
}

fn place(properties: &Properties, id: u8) -> Option<usize> {
    properties.iter().find(|(number, ..)| *number == id).map(|(.., at)| *at)
}

fn listed(properties: &Properties) -> Value {
    let one = |(id, value, _): &(u8, Value, usize)| json!({ "identifier": id, "value": value });
    Value::Array(properties.iter().map(one).collect())
}

/// Bytes that may be anything.
fn data(bytes: &[u8]) -> Value {
    json!({ "hex": hex::plain(bytes) })
}

/// UTF-8 by the table of RFC 3629, section 4, without U+0000. The error has the kind and the offset of the
/// first byte of the bad character.
fn utf8(bytes: &[u8], nul: &'static str) -> Result<String, (&'static str, usize)> {
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if first == 0 {
            return Err((nul, at));
        }
        // The length of the character, and the range of its second byte.
        let (length, low, high) = match first {
            0x00..=0x7F => (1, 0x80, 0xBF),
            0xC2..=0xDF => (2, 0x80, 0xBF),
            0xE0 => (3, 0xA0, 0xBF),
            0xE1..=0xEC | 0xEE..=0xEF => (3, 0x80, 0xBF),
            0xED => (3, 0x80, 0x9F),
            0xF0 => (4, 0x90, 0xBF),
            0xF1..=0xF3 => (4, 0x80, 0xBF),
            0xF4 => (4, 0x80, 0x8F),
            _ => return Err(("InvalidUtf8", at)),
        };
        for n in 1..length {
            let (low, high) = if n == 1 { (low, high) } else { (0x80, 0xBF) };
            match bytes.get(at + n) {
                Some(byte) if (low..=high).contains(byte) => {}
                _ => return Err(("InvalidUtf8", at)),
            }
        }
        at += length;
    }
    Ok(String::from_utf8(bytes.to_vec()).expect("it was checked"))
}

/// Control characters and non-characters (sections 1.5.3 of 3.1.1 and 1.5.4 of 5.0).
fn is_discouraged(c: char) -> bool {
    matches!(u32::from(c), 0x01..=0x1F | 0x7F..=0x9F | 0xFDD0..=0xFDEF) || u32::from(c) % 0x1_0000 >= 0xFFFE
}

type Checked = Result<(), (&'static str, usize)>;

fn length(text: &str) -> Checked {
    match text.len() {
        0 => Err(("TopicEmpty", 0)),
        1..=65_535 => Ok(()),
        _ => Err(("TopicTooLong", 65_535)),
    }
}

/// The first fault of a Topic Name (section 4.7).
pub(crate) fn topic_name(name: &str) -> Checked {
    length(name)?;
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            0 => return Err(("TopicNul", at)),
            b'+' | b'#' => return Err(("WildcardInName", at)),
            _ => {}
        }
    }
    Ok(())
}

/// The first fault of a Topic Filter (sections 4.7 and, with `shares`, 4.8.2).
pub(crate) fn topic_filter(filter: &str, shares: bool) -> Checked {
    length(filter)?;
    let Some(share) = filter.strip_prefix("$share/").filter(|_| shares) else { return levels(filter, 0) };
    let start = filter.len() - share.len();
    let name_end = share.find('/').unwrap_or(share.len());
    for (at, byte) in share[..name_end].bytes().enumerate() {
        match byte {
            0 => return Err(("TopicNul", start + at)),
            b'+' | b'#' => return Err(("ShareNameWildcard", start + at)),
            _ => {}
        }
    }
    if name_end == 0 {
        return Err(("ShareNameEmpty", start));
    }
    match share.get(name_end + 1..) {
        None => Err(("ShareFilterMissing", filter.len())),
        Some("") => Err(("ShareFilterMissing", filter.len())),
        Some(rest) => levels(rest, start + name_end + 1),
    }
}

fn levels(filter: &str, offset: usize) -> Checked {
    let mut start = offset;
    let mut parts = filter.split('/').peekable();
    while let Some(level) = parts.next() {
        let last = parts.peek().is_none();
        for (at, byte) in level.bytes().enumerate() {
            match byte {
                0 => return Err(("TopicNul", start + at)),
                b'#' if level != "#" || !last => return Err(("MultiLevelWildcard", start + at)),
                b'+' if level != "+" => return Err(("SingleLevelWildcard", start + at)),
                _ => {}
            }
        }
        start += level.len() + 1;
    }
    Ok(())
}

/// Whether a filter matches a name (sections 4.7.1, 4.7.2 and, with `shares`, 4.8.2): both are valid.
pub(crate) fn matches(filter: &str, name: &str, shares: bool) -> bool {
    let filter = match filter.strip_prefix("$share/").filter(|_| shares) {
        Some(share) => share.split_once('/').map_or("", |(_, filter)| filter),
        None => filter,
    };
    if name.starts_with('$') && filter.starts_with(['#', '+']) {
        return false;
    }
    let names: Vec<&str> = name.split('/').collect();
    let filters: Vec<&str> = filter.split('/').collect();
    for (n, level) in filters.iter().enumerate() {
        match (*level, names.get(n)) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (level, Some(name)) if level == *name => {}
            _ => return false,
        }
    }
    names.len() == filters.len()
}
