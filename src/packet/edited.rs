//! A PUBLISH with other properties than it came with: sent again, forwarded, made of a will.

use super::publish::Publish;
use crate::property::PropertyEdits;
use crate::standard::{Delivery, PropertyId};
use crate::topic::TopicName;

/// A PUBLISH and the edits of its properties, which it owns.
///
/// ```
/// use core::num::NonZeroU16;
/// use mqtt_wire::{Delivery, PacketId, Properties, Property, Publish, topic_name};
///
/// let sent_by_alias = Publish {
///     delivery: Delivery::AtLeastOnce(PacketId::MIN),
///     topic: None,
///     properties: Properties::new(&[Property::TopicAlias(NonZeroU16::MIN)]),
///     ..Publish::new(topic_name!("unused"), b"21.5")
/// };
/// // The connection was lost, and the alias with it.
/// let again = sent_by_alias.to_resend(topic_name!("kitchen/temperature")).expect("QoS 1");
/// let again = again.as_publish();
/// assert!(again.dup && again.properties.is_empty());
/// assert_eq!(again.topic, Some(topic_name!("kitchen/temperature")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EditedPublish<'a> {
    publish: Publish<'a>,
    properties: PropertyEdits<'a>,
}

impl EditedPublish<'_> {
    /// The message with its edited properties.
    ///
    /// ```
    /// use mqtt_wire::{Packet, PropertyId, Publish, Version, topic_name};
    ///
    /// // A message goes on without its alias, which ends with its connection.
    /// let received = Publish::new(topic_name!("lamp/7"), b"on");
    /// let edited = received.edited(received.properties.without(PropertyId::TopicAlias));
    /// let mut out = Vec::new();
    /// Packet::from(edited.as_publish()).encode(Version::V5, &mut out)?;
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub const fn as_publish(&self) -> Publish<'_> {
        Publish { properties: self.properties.as_properties(), ..self.publish }
    }
}

impl<'a> Publish<'a> {
    /// This message with those edits in place of its properties.
    ///
    /// ```
    /// use mqtt_wire::{Packet, Property, Publish, Version, topic_name};
    ///
    /// let publish = Publish::new(topic_name!("a"), b"hi"); // as it was received
    /// let via = [Property::UserProperty(("via", "bridge-2"))];
    /// let edited = publish.edited(publish.properties.with(&via));
    /// Packet::from(edited.as_publish()).encode(Version::V5, &mut Vec::new())?;
    /// # Ok::<(), mqtt_wire::EncodeError>(())
    /// ```
    pub const fn edited(self, properties: PropertyEdits<'a>) -> EditedPublish<'a> {
        EditedPublish { publish: self, properties }
    }

    /// The message as it is sent again on a new connection: with DUP (`[MQTT-3.3.1-1]`) and its topic by name, since a
    /// Topic Alias ends with the connection it was made on (section 3.3.2.3.4 of 5.0). `None` at QoS 0, which is never
    /// sent again.
    ///
    /// Give the name that the message was first sent to: with an alias alone the message does not know it any more.
    ///
    /// ```
    /// use mqtt_wire::{Delivery, PacketId, Publish, topic_name};
    ///
    /// let lamp = topic_name!("lamp/7");
    /// let sent = Publish::new(lamp, b"on").with_delivery(Delivery::AtLeastOnce(PacketId::MIN));
    /// assert!(sent.to_resend(lamp).is_some_and(|again| again.as_publish().dup));
    /// assert!(Publish::new(lamp, b"on").to_resend(lamp).is_none()); // QoS 0
    /// ```
    pub fn to_resend(self, topic: TopicName<'a>) -> Option<EditedPublish<'a>> {
        if self.delivery == Delivery::AtMostOnce {
            return None;
        }
        let again = Self { dup: true, topic: Some(topic), ..self };
        Some(again.edited(self.properties.without(PropertyId::TopicAlias)))
    }
}
