//! Properties on the command line: `-D PACKET NAME VALUE`, and `-D PACKET user-property KEY VALUE`.

use std::fmt::Write as _;
use std::num::{NonZeroU16, NonZeroU32};
use std::str::FromStr;

use mqtt_wire_client::mqtt_wire::{
    Properties, PropertiesBuf, Property, PropertyId, PropertyValue, SubscriptionId, TopicName,
};

use crate::failure::Failure;

/// The properties of each packet.
#[derive(Debug, Default)]
pub(crate) struct PacketProperties {
    pub(crate) connect: PropertiesBuf,
    pub(crate) will: PropertiesBuf,
    pub(crate) publish: PropertiesBuf,
    pub(crate) subscribe: PropertiesBuf,
    pub(crate) unsubscribe: PropertiesBuf,
    pub(crate) disconnect: PropertiesBuf,
}

impl PacketProperties {
    /// Those of all `-D` together.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut this = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(packet) = words.next() {
            let incomplete =
                || Failure::Usage("-D: PACKET NAME VALUE, or PACKET user-property KEY VALUE".to_owned());
            let name = words.next().ok_or_else(incomplete)?;
            let value = words.next().ok_or_else(incomplete)?;
            let second = if name == "user-property" { words.next().ok_or_else(incomplete)? } else { "" };
            let wrong = |reason: String| Failure::Usage(format!("-D {packet} {name} {value}: {reason}"));
            let list = match packet.to_ascii_lowercase().as_str() {
                "connect" => &mut this.connect,
                "will" => &mut this.will,
                "publish" => &mut this.publish,
                "subscribe" => &mut this.subscribe,
                "unsubscribe" => &mut this.unsubscribe,
                "disconnect" => &mut this.disconnect,
                _ => {
                    let known =
                        "connect, will, publish, subscribe, unsubscribe and disconnect have properties";
                    return Err(wrong(known.to_owned()));
                }
            };
            let property = property(name, value, second).map_err(wrong)?;
            list.push(property).map_err(|error| wrong(error.to_string()))?;
        }
        Ok(this)
    }

    /// Refuses properties of packets that a command does not send.
    pub(crate) fn without(&self, packets: &[&str]) -> Result<(), Failure> {
        let lists =
            [("publish", &self.publish), ("subscribe", &self.subscribe), ("unsubscribe", &self.unsubscribe)];
        match lists.into_iter().find(|(packet, list)| packets.contains(packet) && !list.is_empty()) {
            Some((packet, _)) => {
                Err(Failure::Usage(format!("-D {packet}: this command sends no such packet")))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let all =
            [&self.connect, &self.will, &self.publish, &self.subscribe, &self.unsubscribe, &self.disconnect];
        all.into_iter().all(PropertiesBuf::is_empty)
    }
}

/// The standard's name with hyphens: `message-expiry-interval`.
pub(crate) fn name(id: PropertyId) -> String {
    id.title().to_ascii_lowercase().replace(' ', "-")
}

fn property<'a>(named: &str, value: &'a str, second: &'a str) -> Result<Property<'a>, String> {
    let id = PropertyId::ALL.iter().find(|id| name(**id) == named);
    let Some(id) = id else { return Err("there is no such property".to_owned()) };
    Ok(match id {
        PropertyId::PayloadFormatIndicator => Property::PayloadFormatIndicator(flag(value)?),
        PropertyId::MessageExpiryInterval => Property::MessageExpiryInterval(number(value)?),
        PropertyId::ContentType => Property::ContentType(value),
        PropertyId::ResponseTopic => {
            Property::ResponseTopic(TopicName::new(value).map_err(|error| error.to_string())?)
        }
        PropertyId::CorrelationData => Property::CorrelationData(value.as_bytes()),
        PropertyId::SubscriptionIdentifier => {
            let id = SubscriptionId::new(number(value)?).ok_or("1 to 268435455 are possible")?;
            Property::SubscriptionIdentifier(id)
        }
        PropertyId::SessionExpiryInterval => Property::SessionExpiryInterval(number(value)?),
        PropertyId::AuthenticationMethod => Property::AuthenticationMethod(value),
        PropertyId::AuthenticationData => Property::AuthenticationData(value.as_bytes()),
        PropertyId::RequestProblemInformation => Property::RequestProblemInformation(flag(value)?),
        PropertyId::RequestResponseInformation => Property::RequestResponseInformation(flag(value)?),
        PropertyId::WillDelayInterval => Property::WillDelayInterval(number(value)?),
        PropertyId::ReceiveMaximum => Property::ReceiveMaximum(number::<NonZeroU16>(value)?),
        PropertyId::TopicAliasMaximum => Property::TopicAliasMaximum(number(value)?),
        PropertyId::MaximumPacketSize => Property::MaximumPacketSize(number::<NonZeroU32>(value)?),
        PropertyId::ReasonString => Property::ReasonString(value),
        PropertyId::UserProperty => Property::UserProperty((value, second)),
        _ => return Err("it is none that a client chooses".to_owned()),
    })
}

fn number<T: FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err("0 and 1 are possible".to_owned()),
    }
}

/// Each property by its name, with its value as text; bytes that are no UTF-8 in hexadecimal.
pub(crate) fn shown(properties: Properties<'_>) -> impl Iterator<Item = (String, String)> {
    properties.iter().map(|property| {
        let value = match property.value() {
            PropertyValue::Utf8String(text) => text.to_owned(),
            PropertyValue::BinaryData(bytes) => {
                std::str::from_utf8(bytes).map_or_else(|_| hex(bytes, false), str::to_owned)
            }
            PropertyValue::Utf8StringPair(key, value) => format!("{key}: {value}"),
            value => integer(value).map_or_else(String::new, |number| number.to_string()),
        };
        (name(property.id()), value)
    })
}

/// The value of a property that is a number.
pub(crate) fn integer(value: PropertyValue<'_>) -> Option<u32> {
    match value {
        PropertyValue::Byte(number) => Some(number.into()),
        PropertyValue::TwoByteInteger(number) => Some(number.into()),
        PropertyValue::FourByteInteger(number) | PropertyValue::VariableByteInteger(number) => Some(number),
        _ => None,
    }
}

pub(crate) fn hex(bytes: &[u8], upper: bool) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A `String` takes everything.
        let _ = if upper { write!(text, "{byte:02X}") } else { write!(text, "{byte:02x}") };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<PacketProperties, Failure> {
        PacketProperties::parse(&words.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_packet_gets_its_own() {
        let all = parse(
            "connect user-property a b publish message-expiry-interval 60 PUBLISH user-property k v \
             will will-delay-interval 5 subscribe subscription-identifier 7 disconnect reason-string bye \
             unsubscribe user-property x y publish response-topic a/b",
        )
        .unwrap();
        assert_eq!(all.publish.len(), 3);
        assert_eq!(all.publish.as_properties().message_expiry_interval(), Some(60));
        assert_eq!(all.will.as_properties().will_delay_interval(), Some(5));
        let shown: Vec<_> = shown(all.publish.as_properties()).collect();
        assert_eq!(shown[1], ("user-property".to_owned(), "k: v".to_owned()));
        for list in [&all.connect, &all.subscribe, &all.unsubscribe, &all.disconnect] {
            assert_eq!(list.len(), 1);
        }
        assert!(!all.is_empty() && PacketProperties::default().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, part) in [
            ("publish message-expiry-interval soon", "invalid digit"),
            ("publish message-expiry-interval", "PACKET NAME VALUE"),
            ("publish user-property k", "PACKET user-property KEY VALUE"),
            ("publish no-such-thing 1", "there is no such property"),
            ("puback reason-string x", "have properties"),
            ("publish response-topic a/#", "a/#"),
            ("publish payload-format-indicator 2", "0 and 1"),
            ("publish topic-alias 2", "none that a client chooses"),
            ("publish content-type a publish content-type b", "content-type b: "),
        ] {
            let Err(failure) = parse(words) else { panic!("{words}") };
            assert!(failure.to_string().contains(part), "{words}: {failure}");
        }
    }
}
