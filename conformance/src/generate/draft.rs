//! A packet in the making: fields with their bytes, a comment each, that can be changed one by one.

use super::tables::{PROPERTIES, Place, Type, V5, V31, Version, Wire, property, reason_name};
use crate::hex;

/// A field. Its key tells it from the others of its packet.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) note: String,
    /// Inside of which property block it stands: the key of its length.
    block: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) version: Version,
    pub(crate) packet: Type,
    /// The first byte.
    pub(crate) first: u8,
    fields: Vec<Field>,
    /// Remaining Length as it is to stand, where it is not the right one.
    remaining_length: Option<Vec<u8>>,
    block: Option<String>,
}

/// A property: its identifier and the bytes of its value.
#[derive(Debug, Clone)]
pub(crate) struct Prop {
    pub(crate) id: u8,
    pub(crate) value: Vec<u8>,
    pub(crate) note: String,
}

pub(crate) fn prop(id: u8, value: impl Into<Vec<u8>>) -> Prop {
    let value = value.into();
    let name = property(id).map_or("unknown property", |row| row.name);
    let note = format!("{name} {}", shown(property(id).map(|row| row.wire), &value));
    Prop { id, value, note: note.trim_end().to_owned() }
}

fn shown(wire: Option<Wire>, value: &[u8]) -> String {
    let number = || value.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)).to_string();
    let fits = |n: usize| value.get(2..).is_some_and(|rest| rest.len() == n);
    match wire {
        Some(Wire::Byte) if value.len() == 1 => number(),
        Some(Wire::Two) if value.len() == 2 => number(),
        Some(Wire::Four) if value.len() == 4 => number(),
        Some(Wire::Text) if fits(length_of(value)) => quoted(&value[2..]),
        _ => String::new(),
    }
}

fn length_of(value: &[u8]) -> usize {
    value.first_chunk().map_or(usize::MAX, |bytes| usize::from(u16::from_be_bytes(*bytes)))
}

/// Text for a comment.
fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= 40 && !text.chars().any(|c| c.is_control() || !c.is_ascii()) => {
            format!("\"{text}\"")
        }
        _ => format!("{} bytes", bytes.len()),
    }
}

/// A length of two bytes and so many bytes.
pub(crate) fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a field takes at most 65,535 bytes");
    [&length.to_be_bytes()[..], bytes].concat()
}

pub(crate) fn pair(name: &str, value: &str) -> Vec<u8> {
    [prefixed(name.as_bytes()), prefixed(value.as_bytes())].concat()
}

/// A Variable Byte Integer in its shortest form.
pub(crate) fn variable(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = u8::try_from(n % 128).expect("less than 128");
        n /= 128;
        out.push(if n > 0 { byte | 0x80 } else { byte });
        if n == 0 {
            return out;
        }
    }
}

impl Draft {
    pub(crate) fn new(version: Version, packet: Type) -> Self {
        let first = (packet as u8) << 4 | packet.flags().unwrap_or(0);
        Self { version, packet, first, fields: Vec::new(), remaining_length: None, block: None }
    }

    pub(crate) fn first(mut self, first: u8) -> Self {
        self.first = first;
        self
    }

    /// The same bytes, judged by another version.
    pub(crate) fn judged_by(self, version: Version) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn raw(mut self, key: &str, note: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let field =
            Field { key: key.to_owned(), bytes: bytes.into(), note: note.into(), block: self.block.clone() };
        self.fields.push(field);
        self
    }

    /// Length-prefixed bytes.
    pub(crate) fn text(self, key: &str, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        let note = format!("{} {}", title(key), quoted(text));
        self.raw(key, note, prefixed(text))
    }

    pub(crate) fn two(self, key: &str, n: u16) -> Self {
        let note = format!("{} {n}", title(key));
        self.raw(key, note, n.to_be_bytes())
    }

    pub(crate) fn code(self, key: &str, code: u8) -> Self {
        let name = match (self.packet, code) {
            (Type::SubAck, 0) => "Granted QoS 0",
            (Type::Disconnect, 0) => "Normal disconnection",
            _ => reason_name(code),
        };
        let note =
            if self.version == V5 { format!("Reason Code: {name}") } else { format!("Return Code {code}") };
        self.raw(key, note, [code])
    }

    /// A property block; in 3.x nothing. The key of its length is `key`, of its n-th property `key.n`.
    pub(crate) fn properties(mut self, key: &str, properties: &[Prop]) -> Self {
        if self.version != V5 {
            return self;
        }
        self = self.raw(key, "", []);
        self.block = Some(key.to_owned());
        for (n, property) in properties.iter().enumerate() {
            let bytes = [&[property.id][..], &property.value].concat();
            self = self.raw(&format!("{key}.{n}"), property.note.clone(), bytes);
        }
        self.block = None;
        self
    }

    fn index(&self, key: &str) -> usize {
        let found = self.fields.iter().position(|field| field.key == key);
        found.unwrap_or_else(|| panic!("{} has no {key}", self.packet.name()))
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.key.clone()).collect()
    }

    /// Puts other bytes into a field.
    pub(crate) fn set(mut self, key: &str, note: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let index = self.index(key);
        self.fields[index].bytes = bytes.into();
        self.fields[index].note = note.into();
        self
    }

    /// Puts other text into a length-prefixed field.
    pub(crate) fn set_text(self, key: &str, text: &[u8]) -> Self {
        let note = format!("{} {}", title(key), quoted(text));
        self.set(key, note, prefixed(text))
    }

    /// Leaves out a field and all behind it.
    pub(crate) fn cut(mut self, key: &str) -> Self {
        let index = self.index(key);
        self.fields.truncate(index);
        self
    }

    /// Leaves out a field.
    pub(crate) fn without(mut self, key: &str) -> Self {
        let index = self.index(key);
        self.fields.remove(index);
        self
    }

    pub(crate) fn remaining_length(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.remaining_length = Some(bytes.into());
        self
    }

    /// The fields behind the fixed header, property lengths filled in.
    fn body(&self) -> Vec<Field> {
        let mut fields = self.fields.clone();
        for field in fields.iter_mut().filter(|field| field.bytes.is_empty()) {
            let name = match field.key.as_str() {
                "properties" => "Property Length",
                "will_properties" => "Will Property Length",
                _ => continue,
            };
            let inside = self.fields.iter().filter(|inner| inner.block.as_ref() == Some(&field.key));
            let length = inside.map(|field| field.bytes.len()).sum();
            field.bytes = variable(length);
            field.note = format!("{name} {length}");
        }
        fields
    }

    fn header(&self, body: usize) -> Field {
        let (length, note) = match &self.remaining_length {
            Some(bytes) => (bytes.clone(), "Remaining Length".to_owned()),
            None => (variable(body), format!("Remaining Length {body}")),
        };
        let flags = match self.packet.flags() {
            Some(flags) if flags == self.first & 0x0F => String::new(),
            _ => format!(" flags {:04b},", self.first & 0x0F),
        };
        let name = Type::of(self.first >> 4).map_or("reserved type", Type::name);
        Field {
            key: "header".to_owned(),
            bytes: [&[self.first][..], &length].concat(),
            note: format!("{name},{flags} {note}"),
            block: None,
        }
    }

    /// All fields, the fixed header first.
    pub(crate) fn all(&self) -> Vec<Field> {
        let body = self.body();
        let length = body.iter().map(|field| field.bytes.len()).sum();
        let mut all = vec![self.header(length)];
        all.extend(body);
        all
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.all().into_iter().flat_map(|field| field.bytes).collect()
    }

    /// The offset at which a field begins; of `end`, the length of the whole.
    pub(crate) fn at(&self, key: &str) -> usize {
        let before = self.all().into_iter().take_while(|field| field.key != key);
        before.map(|field| field.bytes.len()).sum()
    }

    /// The bytes in the notation, a field a line.
    pub(crate) fn text_form(&self) -> String {
        lines(&self.all())
    }
}

/// Fields in the notation, one a line; equal ones in a row in short.
pub(crate) fn lines(fields: &[Field]) -> String {
    let there = |field: &&Field| !field.bytes.is_empty();
    let fields: Vec<&Field> = fields.iter().filter(there).collect();
    let mut rows = Vec::new();
    for run in fields.chunk_by(|a, b| a.bytes == b.bytes && a.note == b.note) {
        let [field, ..] = run else { continue };
        let bytes = hex::compact(&field.bytes);
        match run.len() {
            times @ 4.. => {
                rows.push((format!("({bytes}){{{times}}}"), format!("{times} times {}", field.note)));
            }
            times => rows.extend(std::iter::repeat_n((bytes, field.note.clone()), times)),
        }
    }
    let width = rows.iter().map(|(bytes, _)| bytes.len()).max().unwrap_or(0).min(40);
    let line = |(bytes, note): &(String, String)| match note.as_str() {
        "" => format!("{bytes}\n"),
        note => format!("{bytes:width$} # {note}\n"),
    };
    rows.iter().map(line).collect()
}

/// `packet_identifier` as `Packet Identifier`, without a number behind a dot.
fn title(key: &str) -> String {
    let key = key.split('.').next().unwrap_or(key);
    let word = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
    key.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// What a CONNECT is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectParts<'a> {
    pub(crate) flags: u8,
    pub(crate) client_id: &'a str,
    pub(crate) properties: Vec<Prop>,
    pub(crate) will_properties: Vec<Prop>,
}

/// A CONNECT with those flags and the fields that they announce.
pub(crate) fn connect(version: Version, parts: &ConnectParts<'_>) -> Draft {
    let (name, level) = match version {
        V31 => ("MQIsdp", 3),
        Version::V311 => ("MQTT", 4),
        V5 => ("MQTT", 5),
    };
    let flags = parts.flags;
    let mut draft = Draft::new(version, Type::Connect)
        .text("protocol_name", name)
        .raw(
            "protocol_version",
            format!("Protocol {} {level}", if version == V5 { "Version" } else { "Level" }),
            [level],
        )
        .raw("connect_flags", format!("Connect Flags {flags:08b}"), [flags])
        .two("keep_alive", 60)
        .properties("properties", &parts.properties)
        .text("client_identifier", parts.client_id);
    if flags & 0b100 != 0 {
        draft = draft
            .properties("will_properties", &parts.will_properties)
            .text("will_topic", "w")
            .text("will_payload", "x");
    }
    if flags & 0x80 != 0 {
        draft = draft.text("user_name", "u");
    }
    if flags & 0x40 != 0 {
        draft = draft.text("password", "p");
    }
    draft
}

/// The smallest sensible packet of a type, with those properties where it has a block for them.
pub(crate) fn packet(version: Version, packet: Type, properties: &[Prop]) -> Draft {
    let draft = Draft::new(version, packet);
    let v5 = version == V5;
    match packet {
        Type::Connect => connect(
            version,
            &ConnectParts { flags: 2, client_id: "c", properties: properties.to_vec(), ..Default::default() },
        ),
        Type::ConnAck => {
            let draft = draft.raw("flags", "Connect Acknowledge Flags 00000000", [0]).code("reason_code", 0);
            draft.properties("properties", properties)
        }
        Type::Publish => draft.text("topic_name", "a/b").properties("properties", properties).raw(
            "payload",
            "Payload \"hi\"",
            *b"hi",
        ),
        Type::PubAck | Type::PubRec | Type::PubRel | Type::PubComp => {
            let draft = draft.two("packet_identifier", 1);
            if v5 && !properties.is_empty() {
                draft.code("reason_code", 0).properties("properties", properties)
            } else {
                draft
            }
        }
        Type::Subscribe => {
            let draft = draft
                .two("packet_identifier", 1)
                .properties("properties", properties)
                .text("topic_filter", "a/b");
            draft.raw("options", "Maximum QoS 1", [1])
        }
        Type::SubAck => {
            draft.two("packet_identifier", 1).properties("properties", properties).code("reason_code", 1)
        }
        Type::Unsubscribe => {
            draft.two("packet_identifier", 1).properties("properties", properties).text("topic_filter", "a/b")
        }
        Type::UnsubAck => {
            let draft = draft.two("packet_identifier", 1).properties("properties", properties);
            if v5 { draft.code("reason_code", 0) } else { draft }
        }
        Type::PingReq | Type::PingResp => draft,
        Type::Disconnect => {
            if v5 && !properties.is_empty() {
                draft.code("reason_code", 0).properties("properties", properties)
            } else {
                draft
            }
        }
        Type::Auth => draft.code("reason_code", 0x18).properties("properties", properties),
    }
}

/// The smallest valid packet of a type.
pub(crate) fn smallest(version: Version, of: Type) -> Draft {
    let method = [prop(21, prefixed(b"m"))];
    packet(version, of, if of == Type::Auth { &method } else { &[] })
}

/// A PUBLISH at that QoS, identifier 10 where it has one.
pub(crate) fn publish(version: Version, qos: u8, properties: &[Prop]) -> Draft {
    let mut draft = Draft::new(version, Type::Publish).first(0x30 | qos << 1).text("topic_name", "a/b");
    if qos > 0 {
        draft = draft.two("packet_identifier", 10);
    }
    draft.properties("properties", properties).raw("payload", "Payload \"hi\"", *b"hi")
}

/// A packet of 5.0 with properties at a place, none but these.
pub(crate) fn carrying(place: Place, properties: &[Prop]) -> Draft {
    match place {
        Place::Will => connect(
            V5,
            &ConnectParts {
                flags: 0b110,
                client_id: "c",
                will_properties: properties.to_vec(),
                ..Default::default()
            },
        ),
        Place::Packet(of @ (Type::PubAck | Type::PubRec | Type::PubRel | Type::PubComp)) => {
            Draft::new(V5, of)
                .two("packet_identifier", 1)
                .code("reason_code", 0)
                .properties("properties", properties)
        }
        Place::Packet(Type::Disconnect) => {
            Draft::new(V5, Type::Disconnect).code("reason_code", 0).properties("properties", properties)
        }
        Place::Packet(of) => packet(V5, of, properties),
    }
}

/// The key of the property block at a place.
pub(crate) fn block_key(place: Place) -> &'static str {
    if place == Place::Will { "will_properties" } else { "properties" }
}

/// What has to stand before a property so that nothing but the property itself is in question.
pub(crate) fn needed(place: Place, id: u8) -> Vec<Prop> {
    let method = || vec![prop(21, prefixed(b"m"))];
    match (place, id) {
        (Place::Packet(Type::Auth), 21) => vec![],
        (Place::Packet(Type::Auth), _) | (Place::Packet(Type::Connect), 22) => method(),
        _ => vec![],
    }
}

/// A valid value of a property.
pub(crate) fn sample(id: u8) -> Prop {
    let wire = property(id).expect("a property").wire;
    let value = match wire {
        Wire::Byte | Wire::Variable => vec![1],
        Wire::Two => vec![0, 10],
        Wire::Four => vec![0, 0, 0, 10],
        Wire::Text => prefixed(b"s"),
        Wire::Binary => prefixed(&[0, 0xFF]),
        Wire::Pair => pair("k", "v"),
    };
    prop(id, value)
}

/// Every packet of 5.0 with all it can hold, and of 3.1.1.
pub(crate) fn fullest(version: Version, of: Type) -> Draft {
    let all = |place: Place| -> Vec<Prop> {
        let repeated = PROPERTIES.iter().filter(|row| place.repeats(row.id)).map(|row| row.id);
        place
            .properties()
            .iter()
            .copied()
            .chain(repeated.filter(|id| place.properties().contains(id)))
            .map(sample)
            .collect()
    };
    let properties = all(Place::Packet(of));
    match of {
        Type::Connect => connect(
            version,
            &ConnectParts {
                flags: 0b1110_1110,
                client_id: "id",
                properties,
                will_properties: all(Place::Will),
            },
        ),
        Type::Publish => publish(version, 2, &properties).first(0x3D),
        Type::Subscribe => packet(version, of, &properties).text("topic_filter.1", "c/#").raw(
            "options.1",
            if version == V5 {
                "No Local, Retain As Published, Retain Handling 2, Maximum QoS 2"
            } else {
                "Requested QoS 2"
            },
            [if version == V5 { 0b10_1110 } else { 2 }],
        ),
        Type::SubAck => packet(version, of, &properties).code("reason_code.1", 0x80),
        Type::Unsubscribe => packet(version, of, &properties).text("topic_filter.1", "c/#"),
        Type::UnsubAck if version == V5 => packet(version, of, &properties).code("reason_code.1", 0x11),
        _ => packet(version, of, &properties),
    }
}
