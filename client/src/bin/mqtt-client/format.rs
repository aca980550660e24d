//! How messages are printed.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use jiff::Zoned;
use mqtt_wire_client::Message;
use mqtt_wire_client::mqtt_wire::{PropertyId, PropertyValue};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::properties::{hex, integer, name, shown};

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Style {
    /// Print the topic before each message
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
    /// Do not end a message with a new line
    #[arg(short = 'N', help_heading = "Output")]
    no_end: bool,
    /// Print each message so: %t topic, %p payload, %x hexadecimal, %j and %J JSON, @H:@M:@S time ... see below
    #[arg(short = 'F', value_name = "FORMAT", conflicts_with = "verbose", help_heading = "Output")]
    format: Option<String>,
    /// Print each message as a line of JSON; a payload that is JSON stands in it as it is
    #[arg(long, conflicts_with_all = ["format", "verbose", "no_end"], help_heading = "Output")]
    json: bool,
    /// Print for a reader: when, where, what, with indented JSON; with --json, %j and %J: indent them
    #[arg(long, help_heading = "Output")]
    pretty: bool,
}

/// How messages are printed.
#[derive(Debug, PartialEq)]
pub(crate) struct Format {
    parts: Vec<Part>,
    /// What comes behind each message.
    end: &'static [u8],
    pretty: bool,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(Vec<u8>),
    /// A letter behind a `%`, with its flags and widths.
    Field(char, Width),
    /// A letter behind an `@`.
    Time(char),
    /// All of a message, for a reader.
    Pretty,
}

#[derive(Debug, Default, PartialEq)]
struct Width {
    zero: bool,
    left: bool,
    least: usize,
    most: Option<usize>,
}

impl Style {
    pub(crate) fn format(&self) -> Result<Format, Failure> {
        let end: &[u8] = if self.no_end { b"" } else { b"\n" };
        let text = match (&self.format, self.json, self.verbose) {
            (Some(format), ..) => format,
            (None, true, _) => "%J",
            (None, false, _) if self.pretty => {
                return Ok(Format { parts: vec![Part::Pretty], end: b"", pretty: true });
            }
            (None, false, true) => "%t %p",
            (None, false, false) => "%p",
        };
        let parts = parse(text).map_err(|error| Failure::Usage(format!("-F: {error}")))?;
        Ok(Format { parts, end, pretty: self.pretty })
    }
}

fn parse(text: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut literal) = (Vec::new(), Vec::new());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let part = match c {
            '\\' => {
                literal.push(escape(rest.next())?);
                continue;
            }
            '%' => {
                let mut width = Width::default();
                while let Some(flag) = rest.next_if(|c| matches!(c, '0' | '-')) {
                    if flag == '0' { width.zero = true } else { width.left = true }
                }
                let mut number = || {
                    let mut digits = String::new();
                    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                        digits.push(digit);
                    }
                    digits.parse::<u16>().ok().map(usize::from)
                };
                width.least = number().unwrap_or(0);
                if rest.next_if_eq(&'.').is_some() {
                    let mut digits = String::new();
                    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                        digits.push(digit);
                    }
                    width.most = digits.parse::<u16>().ok().map(usize::from);
                }
                match rest.next() {
                    Some('%') => {
                        literal.push(b'%');
                        continue;
                    }
                    Some(c) if "ACDEFIlmPpqRrStxXjJU".contains(c) => Part::Field(c, width),
                    Some(c) => return Err(format!("%{c} is not known")),
                    None => return Err("there is nothing behind the last %".to_owned()),
                }
            }
            '@' => match rest.next() {
                Some('@') => {
                    literal.push(b'@');
                    continue;
                }
                Some(c) => {
                    if c != 'N' && jiff::fmt::strtime::format(format!("%{c}"), &Zoned::now()).is_err() {
                        return Err(format!("@{c} is no part of a time"));
                    }
                    Part::Time(c)
                }
                None => return Err("there is nothing behind the last @".to_owned()),
            },
            c => {
                literal.extend(c.encode_utf8(&mut [0; 4]).bytes());
                continue;
            }
        };
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(part);
    }
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

fn escape(c: Option<char>) -> Result<u8, String> {
    Ok(match c {
        Some('\\') => b'\\',
        Some('0') => 0,
        Some('a') => 7,
        Some('e') => 27,
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('v') => 11,
        Some(c) => return Err(format!("\\{c} is not known")),
        None => return Err("there is nothing behind the last \\".to_owned()),
    })
}

impl Format {
    /// Prints a message.
    pub(crate) fn write(&self, output: &mut impl Write, message: &Message) -> io::Result<()> {
        let now = Zoned::now();
        for part in &self.parts {
            match part {
                Part::Text(text) => output.write_all(text)?,
                Part::Time('N') => write!(output, "{:09}", now.subsec_nanosecond())?,
                Part::Time(c) => {
                    let text = jiff::fmt::strtime::format(format!("%{c}"), &now);
                    output.write_all(text.unwrap_or_default().as_bytes())?;
                }
                Part::Field('p', width) => pad(output, message.payload(), width)?,
                Part::Field(c, width) => {
                    pad(output, self.field(*c, message, &now).as_bytes(), width)?;
                }
                Part::Pretty => pretty(output, message, &now)?,
            }
        }
        output.write_all(self.end)
    }

    fn field(&self, c: char, message: &Message, now: &Zoned) -> String {
        let properties = message.properties();
        let number = |id| {
            let value = properties.find(id).and_then(|property| integer(property.value()));
            value.map_or_else(String::new, |number| number.to_string())
        };
        match c {
            'A' => number(PropertyId::TopicAlias),
            'E' => number(PropertyId::MessageExpiryInterval),
            'F' => number(PropertyId::PayloadFormatIndicator),
            'S' => number(PropertyId::SubscriptionIdentifier),
            'C' => properties.content_type().unwrap_or_default().to_owned(),
            'D' => String::from_utf8_lossy(properties.correlation_data().unwrap_or_default()).into_owned(),
            'P' => {
                let pairs: Vec<_> =
                    properties.user_properties().map(|(key, value)| format!("{key}:{value}")).collect();
                pairs.join(" ")
            }
            'R' => properties.response_topic().map_or_else(String::new, |topic| topic.as_str().to_owned()),
            'I' => now.strftime("%Y-%m-%dT%H:%M:%S%z").to_string(),
            'U' => format!("{}.{:09}", now.timestamp().as_second(), now.subsec_nanosecond()),
            'l' => message.payload().len().to_string(),
            'm' => message.packet_id().unwrap_or(0).to_string(),
            'q' => message.qos().to_string(),
            'r' => u8::from(message.retain()).to_string(),
            't' => message.topic().as_str().to_owned(),
            'x' => hex(message.payload(), false),
            'X' => hex(message.payload(), true),
            'j' => json(message, now, false, self.pretty),
            'J' => json(message, now, true, self.pretty),
            _ => String::new(),
        }
    }
}

fn pad(output: &mut impl Write, bytes: &[u8], width: &Width) -> io::Result<()> {
    let text = String::from_utf8_lossy(bytes);
    let bytes = match width.most.and_then(|most| text.char_indices().nth(most)) {
        Some((at, _)) => text.get(..at).unwrap_or_default().as_bytes(),
        None => bytes,
    };
    let missing = width.least.saturating_sub(String::from_utf8_lossy(bytes).chars().count());
    let fill = if width.zero && !width.left { b"0" } else { b" " }.repeat(missing);
    if width.left {
        output.write_all(bytes)?;
        output.write_all(&fill)
    } else {
        output.write_all(&fill)?;
        output.write_all(bytes)
    }
}

/// The payload as JSON, if it is that. Its numbers and the order of its fields are kept as they are.
fn as_json(payload: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(payload).ok()
}

/// A message as one JSON object. A payload that is not UTF-8 is in `payload_base64`.
fn json(message: &Message, now: &Zoned, embeds: bool, pretty: bool) -> String {
    let mut fields = vec![
        ("tst", quoted(&now.strftime("%Y-%m-%dT%H:%M:%S%.6f%z").to_string())),
        ("topic", quoted(message.topic().as_str())),
        ("qos", u8::from(message.qos()).to_string()),
        ("retain", u8::from(message.retain()).to_string()),
        ("payloadlen", message.payload().len().to_string()),
    ];
    fields.extend(message.packet_id().map(|id| ("mid", id.to_string())));
    if !message.properties().is_empty() {
        fields.push(("properties", properties(message)));
    }
    let payload = message.payload();
    fields.push(match (as_json(payload).filter(|_| embeds), std::str::from_utf8(payload)) {
        (Some(raw), _) => ("payload", raw.get().to_owned()),
        (None, Ok(text)) => ("payload", quoted(text)),
        (None, Err(_)) => ("payload_base64", quoted(&STANDARD.encode(payload))),
    });
    laid_out(&object(fields.iter().map(|(key, value)| (*key, value.as_str()))), pretty)
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A JSON object of these fields, whose values are JSON.
fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let fields: Vec<_> = fields.map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
    format!("{{{}}}", fields.join(","))
}

fn properties(message: &Message) -> String {
    let (mut fields, mut pairs) = (Vec::new(), Vec::new());
    for property in message.properties() {
        let value = match property.value() {
            PropertyValue::Utf8StringPair(key, value) => {
                pairs.push(object([(key, quoted(value).as_str())].into_iter()));
                continue;
            }
            PropertyValue::Utf8String(text) => quoted(text),
            PropertyValue::BinaryData(bytes) => {
                std::str::from_utf8(bytes).map_or_else(|_| quoted(&hex(bytes, false)), quoted)
            }
            value => integer(value).unwrap_or_default().to_string(),
        };
        fields.push((name(property.id()), value));
    }
    if !pairs.is_empty() {
        fields.push(("user-properties".to_owned(), format!("[{}]", pairs.join(","))));
    }
    object(fields.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// JSON on one line, or indented. Its numbers, its strings and the order of its fields stay as they are.
fn laid_out(json: &str, pretty: bool) -> String {
    let (mut text, mut depth, mut in_string, mut escaped) = (String::new(), 0_usize, false, false);
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        if in_string {
            text.push(c);
            (in_string, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        let line = |text: &mut String, depth: usize| {
            if pretty {
                text.push('\n');
                text.extend(std::iter::repeat_n("  ", depth));
            }
        };
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                text.push(c);
                while rest.next_if(|c| matches!(c, ' ' | '\t' | '\r' | '\n')).is_some() {}
                if let Some(end) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(if pretty { ": " } else { ":" }),
            c => {
                in_string = c == '"';
                text.push(c);
            }
        }
    }
    text
}

/// When, where and how in a line, properties each in one, then the message; nothing in it moves the cursor.
fn pretty(output: &mut impl Write, message: &Message, now: &Zoned) -> io::Result<()> {
    let marks = if message.retain() { ", retained" } else { "" };
    let topic = printable(message.topic().as_str());
    let time = now.strftime("%H:%M:%S%.3f");
    writeln!(output, "{time}  {topic}  (QoS {}{marks}, {} bytes)", message.qos(), message.payload().len())?;
    for (name, value) in shown(message.properties()) {
        writeln!(output, "    {name}: {}", printable(&value))?;
    }
    let payload = message.payload();
    match (as_json(payload), std::str::from_utf8(payload)) {
        (Some(raw), _) if raw.get().starts_with(['{', '[']) => {
            laid_out(raw.get(), true).lines().try_for_each(|line| writeln!(output, "  {}", printable(line)))
        }
        (_, Ok(text)) => text.lines().try_for_each(|line| writeln!(output, "  {}", printable(line))),
        (_, Err(_)) => payload.chunks(32).try_for_each(|line| writeln!(output, "  {}", hex(line, false))),
    }
}

/// Text without what terminals obey: control characters, and those that turn the direction of text around.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        if c.is_control() || turns_around(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// The characters with the property Bidi_Control of Unicode.
const fn turns_around(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_is_escaped() {
        assert_eq!(printable("a\u{1b}[2J\u{202e}b\u{2066}é"), "a\\u{1b}[2J\\u{202e}b\\u{2066}é");
    }

    #[test]
    fn formats_are_read_with_flags_and_widths() {
        let parts = parse("%t\\t%-10.4t%05l%%@@@H").unwrap();
        let width = |zero, left, least, most| Width { zero, left, least, most };
        assert_eq!(
            parts,
            [
                Part::Field('t', Width::default()),
                Part::Text(b"\t".to_vec()),
                Part::Field('t', width(false, true, 10, Some(4))),
                Part::Field('l', width(true, false, 5, None)),
                Part::Text(b"%@".to_vec()),
                Part::Time('H'),
            ]
        );
        for wrong in ["%", "%y", "@", "\\", "\\q", "%5"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fields_are_filled_and_cut() {
        let padded = |text: &str, width| {
            let mut output = Vec::new();
            pad(&mut output, text.as_bytes(), &width).unwrap();
            String::from_utf8(output).unwrap()
        };
        assert_eq!(padded("ab", Width { least: 4, ..Width::default() }), "  ab");
        assert_eq!(padded("ab", Width { least: 4, zero: true, ..Width::default() }), "00ab");
        assert_eq!(padded("ab", Width { least: 4, zero: true, left: true, ..Width::default() }), "ab  ");
        assert_eq!(padded("åbc", Width { most: Some(2), ..Width::default() }), "åb");
    }

    #[test]
    fn json_keeps_its_numbers_strings_and_order() {
        let json = " { \"z\" : [ 1.50 , {} , [ ] ],\n\"a\":\"x, \\\"{y}\\\\\" } ";
        assert_eq!(laid_out(json, false), r#"{"z":[1.50,{},[]],"a":"x, \"{y}\\"}"#);
        let lines = ["{", "  \"z\": [", "    1.50,", "    {},", "    []", "  ],"];
        let pretty = laid_out(json, true);
        assert_eq!(pretty.lines().take(6).collect::<Vec<_>>(), lines);
        assert_eq!(laid_out(&pretty, false), laid_out(json, false));
    }

    #[test]
    fn what_moves_the_cursor_is_escaped() {
        assert_eq!(printable("a\u{1b}[2Jb\u{e9}"), "a\\u{1b}[2Jb\u{e9}");
    }
}
