//! The same packet in another version: what that has no form for is left out, on purpose and by name.
//! Encoding itself never loses anything.

use crate::packet::{
    Ack, ConnAck, Connect, Packet, PacketType, Publish, SubAck, Subscribe, UnsubAck, Unsubscribe, Will,
};
use crate::property::{Properties, Property, PropertyId};
use crate::reason::ReasonCode;
use crate::topic::TopicFilter;
use crate::version::Version;

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
                subscriptions: body.subscriptions.converted(version),
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
                reason_codes: body.reason_codes.converted(version),
                ..body
            }),
            Self::Unsubscribe(body) => {
                let filters = body.filters.converted(version);
                Self::Unsubscribe(Unsubscribe { properties: Properties::EMPTY, filters, ..body })
            }
            Self::UnsubAck(body) => Self::UnsubAck(UnsubAck::new(body.packet_id, &[])),
            Self::PingReq => Self::PingReq,
            Self::PingResp => Self::PingResp,
            Self::Disconnect(body) if body.reason_code == ReasonCode::SUCCESS => {
                Self::Disconnect(crate::packet::Disconnect::new(ReasonCode::SUCCESS))
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
    pub fn upgrade(self) -> Option<Self> {
        match self {
            Self::Connect(connect) if connect.version < Version::V5 => {
                let properties =
                    if connect.clean_start { Properties::EMPTY } else { Properties::new(NEVER_EXPIRES) };
                Some(Self::Connect(Connect { version: Version::V5, properties, ..connect }))
            }
            Self::UnsubAck(body) if body.reason_codes.is_empty() => None,
            // Reserved codes that were tolerated.
            Self::ConnAck(body) => {
                body.reason_code.is_allowed(PacketType::ConnAck, Version::V5, None).then_some(self)
            }
            Self::SubAck(body) => {
                let known = |code: ReasonCode| code.is_allowed(PacketType::SubAck, Version::V5, None);
                body.reason_codes.iter().all(known).then_some(self)
            }
            Self::Subscribe(body) => {
                let fits = body.subscriptions.iter().all(|subscription| fits_v5(subscription.filter));
                let subscriptions = body.subscriptions.converted(Version::V5);
                fits.then_some(Self::Subscribe(Subscribe { subscriptions, ..body }))
            }
            Self::Unsubscribe(body) => {
                let filters = body.filters.converted(Version::V5);
                let fits = body.filters.iter().all(|filter| fits_v5(filter));
                fits.then_some(Self::Unsubscribe(Unsubscribe { filters, ..body }))
            }
            _ => Some(self),
        }
    }
}

impl Publish<'_> {
    /// The message in MQTT 3.1 or 3.1.1, without its properties; in 5.0 it stays as it is. `None` when a Topic
    /// Alias stands for its topic.
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
    let will = connect.will.map(|will| Will { properties: Properties::EMPTY, ..will });
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

impl Properties<'_> {
    /// What may be forwarded with a message to another connection: all but the Topic Alias, which is this
    /// connection's own, and the Subscription Identifiers, which are the subscriber's (section 3.3.2.3 of 5.0).
    ///
    /// ```
    /// use core::num::NonZeroU16;
    /// use mqtt_wire::{Properties, Property};
    ///
    /// let received = [Property::TopicAlias(NonZeroU16::MIN), Property::ContentType("text/plain")];
    /// let properties = Properties::new(&received);
    /// assert_eq!(properties.forwarded().iter().count(), 1);
    /// ```
    #[must_use]
    pub fn forwarded(self) -> Self {
        self.without(PropertyId::TopicAlias | PropertyId::SubscriptionIdentifier)
    }
}
