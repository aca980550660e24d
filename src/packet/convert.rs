//! The same packet in another version: what that has no form for is left out, on purpose and by name.
//! Encoding itself never loses anything.

use super::{
    Ack, ConnAck, Connect, Disconnect, Packet, Publish, SubAck, Subscribe, UnsubAck, Unsubscribe, WillRef,
};
use crate::property::{Properties, Property};
use crate::standard::{PacketType, ReasonCode, Version};
use crate::topic::TopicFilter;

/// What CleanSession=0 of 3.x means in 5.0: the session does not end with the connection.
const NEVER_EXPIRES: &[Property<'_>] = &[Property::SessionExpiryInterval(u32::MAX)];

impl<'a> Packet<'a> {
    /// The packet in MQTT 3.1 or 3.1.1; in 5.0 it stays as it is.
    ///
    /// | packet | what changes |
    /// |---|---|
    /// | all | the properties are dropped |
    /// | CONNECT | Clean Start becomes Clean Session |
    /// | CONNACK | a reason code without a return code of 3.x becomes the nearest one; in 3.1 Session Present is dropped |
    /// | PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK | the reason codes are dropped: 3.x always acknowledges |
    /// | SUBSCRIBE, UNSUBSCRIBE | a shared subscription is an ordinary topic filter of the same text |
    /// | SUBSCRIBE | No Local, Retain As Published and Retain Handling are dropped |
    /// | SUBACK | every failure becomes 0x80 |
    ///
    /// `None` when 3.x has no packet that says the same: AUTH; a DISCONNECT that is not a normal one (close the
    /// connection instead); in 3.1 a SUBACK with a failure; a PUBLISH whose topic is an alias (put the name in first); a CONNECT with a
    /// password but no user name, or with a client identifier that the version refuses.
    ///
    /// ```
    /// use mqtt_wire::{Packet, Properties, Property, Publish, Version, topic_name};
    ///
    /// let text = [Property::ContentType("text/plain")];
    /// let publish =
    ///     Publish { properties: Properties::new(&text), ..Publish::new(topic_name!("a"), b"hi") };
    /// let packet = Packet::from(publish);
    /// assert!(packet.encoded_len(Version::V311).is_err()); // nothing is lost by accident
    /// let plain = packet.downgrade(Version::V311).expect("a message with a topic");
    /// assert_eq!(plain, Publish::new(topic_name!("a"), b"hi").into());
    /// ```
    pub fn downgrade(self, version: Version) -> Option<Self> {
        if version == Version::V5 {
            return Some(self);
        }
        let ack = |ack: Ack<'a>| Ack::new(ack.packet_id);
        Some(match self {
            Self::Connect(connect) => Self::Connect(downgrade_connect(connect, version)?),
            Self::ConnAck(connack) => Self::ConnAck(downgrade_connack(connack, version)),
            Self::Publish(publish) => Self::Publish(publish.downgrade(version)?),
            Self::PubAck(body) => Self::PubAck(ack(body)),
            Self::PubRec(body) => Self::PubRec(ack(body)),
            Self::PubRel(body) => Self::PubRel(ack(body)),
            Self::PubComp(body) => Self::PubComp(ack(body)),
            Self::Subscribe(body) => Self::Subscribe(Subscribe {
                properties: Properties::EMPTY,
                subscriptions: body.subscriptions.downgraded(),
                ..body
            }),
            // 3.1 has no way to refuse a subscription.
            Self::SubAck(body)
                if version == Version::V31 && body.reason_codes.iter().any(ReasonCode::is_error) =>
            {
                return None;
            }
            Self::SubAck(body) => Self::SubAck(SubAck {
                properties: Properties::EMPTY,
                reason_codes: body.reason_codes.downgraded(),
                ..body
            }),
            Self::Unsubscribe(body) => Self::Unsubscribe(Unsubscribe {
                properties: Properties::EMPTY,
                filters: body.filters.downgraded(),
                ..body
            }),
            Self::UnsubAck(body) => Self::UnsubAck(UnsubAck::new(body.packet_id, &[])),
            Self::PingReq => Self::PingReq,
            Self::PingResp => Self::PingResp,
            Self::Disconnect(body) if body.reason_code == ReasonCode::SUCCESS => {
                Self::Disconnect(Disconnect::new(ReasonCode::SUCCESS))
            }
            Self::Disconnect(_) | Self::Auth(_) => return None,
        })
    }

    /// The packet of 3.x in MQTT 5.0; one of 5.0 stays as it is.
    ///
    /// | packet | what changes |
    /// |---|---|
    /// | CONNECT | without a Clean Session the Session Expiry Interval is set to "never" |
    /// | SUBSCRIBE, UNSUBSCRIBE | a topic filter that begins with `$share/` is a shared subscription |
    ///
    /// Everything else of 3.x means the same in 5.0 (CONNACK's return codes are decoded as reason codes of
    /// 5.0). `None` for what 5.0 has no form for: an UNSUBACK without reason codes (5.0 wants one for each
    /// filter: build it with [`UnsubAck::new`]), reserved codes that were tolerated, and a topic filter that 5.0 takes for a bad shared
    /// subscription.
    ///
    /// ```
    /// use mqtt_wire::{Connect, Packet, Version};
    ///
    /// let old = Connect { clean_start: false, ..Connect::new(Version::V311, "lamp-7") };
    /// let Some(Packet::Connect(new)) = Packet::from(old).upgrade() else { panic!("it has a form") };
    /// assert_eq!(new.version, Version::V5);
    /// assert_eq!(new.properties.session_expiry_interval(), Some(u32::MAX)); // never
    /// ```
    pub fn upgrade(self) -> Option<Self> {
        match self {
            Self::Connect(connect) if connect.version < Version::V5 => {
                let properties =
                    if connect.clean_start { Properties::EMPTY } else { Properties::new(NEVER_EXPIRES) };
                Some(Self::Connect(Connect { version: Version::V5, properties, ..connect }))
            }
            Self::UnsubAck(body) if body.reason_codes.is_empty() => None,
            // The codes are reserved ones, which were tolerated.
            Self::ConnAck(body) => {
                body.reason_code.is_allowed(PacketType::ConnAck, Version::V5, None).then_some(self)
            }
            Self::SubAck(body) => {
                let known = |code: ReasonCode| code.is_allowed(PacketType::SubAck, Version::V5, None);
                body.reason_codes.iter().all(known).then_some(self)
            }
            Self::Subscribe(body) => {
                let fits = body.subscriptions.iter().all(|subscription| fits_v5(subscription.filter));
                let upgraded = Subscribe { subscriptions: body.subscriptions.upgraded(), ..body };
                fits.then_some(Self::Subscribe(upgraded))
            }
            Self::Unsubscribe(body) => {
                let upgraded = Unsubscribe { filters: body.filters.upgraded(), ..body };
                body.filters.iter().all(fits_v5).then_some(Self::Unsubscribe(upgraded))
            }
            _ => Some(self),
        }
    }
}

impl Publish<'_> {
    /// The message in MQTT 3.1 or 3.1.1, without its properties; in 5.0 it stays as it is. `None` when a Topic
    /// Alias stands for its topic.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, Publish, Version, topic_name};
    ///
    /// let text = [Property::ContentType("text/plain")];
    /// let publish =
    ///     Publish { properties: Properties::new(&text), ..Publish::new(topic_name!("a"), b"hi") };
    /// assert_eq!(
    ///     publish.downgrade(Version::V311),
    ///     Some(Publish::new(topic_name!("a"), b"hi"))
    /// );
    /// ```
    pub fn downgrade(self, version: Version) -> Option<Self> {
        if version == Version::V5 {
            return Some(self);
        }
        self.topic.map(|_| Self { properties: Properties::EMPTY, ..self })
    }
}

fn fits_v5(filter: TopicFilter<'_>) -> bool {
    TopicFilter::check(filter.as_bytes(), Version::V5).is_ok()
}

fn downgrade_connect(connect: Connect<'_>, version: Version) -> Option<Connect<'_>> {
    let will = connect.will.map(WillRef::downgraded);
    let this = Connect { version, properties: Properties::EMPTY, will, ..connect };
    (this.is_identified() && (this.password.is_none() || this.user_name.is_some())).then_some(this)
}

fn downgrade_connack(connack: ConnAck<'_>, version: Version) -> ConnAck<'_> {
    ConnAck {
        session_present: connack.session_present && version != Version::V31,
        reason_code: nearest_return_code(connack.reason_code),
        properties: Properties::EMPTY,
    }
}

/// The reason code among the five refusals of 3.x that comes nearest.
fn nearest_return_code(code: ReasonCode) -> ReasonCode {
    match code {
        code if code.to_return_code().is_some() => code,
        ReasonCode::BAD_AUTHENTICATION_METHOD => ReasonCode::BAD_USER_NAME_OR_PASSWORD,
        ReasonCode::BANNED => ReasonCode::NOT_AUTHORIZED,
        _ => ReasonCode::SERVER_UNAVAILABLE,
    }
}
