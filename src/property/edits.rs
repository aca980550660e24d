//! Properties minus what is hidden of them plus what is added to them.

use super::{Properties, Property};
use crate::standard::{PropertyId, PropertySet};

/// Edits of properties: some are hidden, some are added behind. Nothing is copied or allocated, and the order of user
/// properties stays (`[MQTT-3.3.2-18]`).
///
/// The caller owns the edits, and [`Properties`] refer to them, which so stay small. Edits may stand on edits.
///
/// ```
/// use core::num::NonZeroU16;
/// use mqtt_wire::{Properties, Property, PropertyId};
///
/// let alias = Property::TopicAlias(NonZeroU16::MIN);
/// let received = [alias, Property::UserProperty(("room", "kitchen"))];
/// let mine = [Property::UserProperty(("via", "bridge"))];
///
/// let edits = Properties::new(&received).edit(PropertyId::TopicAlias, &mine);
/// let to_send = edits.as_properties();
/// let user: Vec<_> = to_send.user_properties().collect();
/// assert_eq!(user, [("room", "kitchen"), ("via", "bridge")]);
/// assert_eq!(to_send.topic_alias(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PropertyEdits<'a> {
    pub(super) base: Properties<'a>,
    pub(super) hidden: PropertySet,
    pub(super) added: &'a [Property<'a>],
}

impl<'a> PropertyEdits<'a> {
    /// What packets take.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, PropertyId, Publish, topic_name};
    ///
    /// // A broker forwards a message under its own name for the client that published it.
    /// let received = [Property::UserProperty(("from", "lamp-7"))];
    /// let properties = Properties::new(&received);
    /// let message = Publish { properties, ..Publish::new(topic_name!("a"), b"on") };
    /// let added = [Property::UserProperty(("via", "house"))];
    /// // The packet refers to the edits, so they have a name and live as long as it.
    /// let edits = message.properties.edit(PropertyId::TopicAlias, &added);
    /// let forwarded = Publish { properties: edits.as_properties(), ..message };
    /// assert_eq!(forwarded.properties.user_properties().count(), 2);
    /// ```
    pub const fn as_properties(&'a self) -> Properties<'a> {
        Properties::edited(self)
    }
}

impl<'a> From<&'a PropertyEdits<'a>> for Properties<'a> {
    fn from(edits: &'a PropertyEdits<'a>) -> Self {
        Self::edited(edits)
    }
}

impl<'a> Properties<'a> {
    /// These properties without some of them, and with others behind them.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, PropertyId};
    ///
    /// // What is left of the message's life goes out in place of what came.
    /// let received = [Property::MessageExpiryInterval(60), Property::ContentType("text/plain")];
    /// let rest = [Property::MessageExpiryInterval(48)];
    /// let edits = Properties::new(&received).edit(PropertyId::MessageExpiryInterval, &rest);
    /// assert_eq!(edits.as_properties().message_expiry_interval(), Some(48));
    /// ```
    pub fn edit(self, without: impl Into<PropertySet>, with: &'a [Property<'a>]) -> PropertyEdits<'a> {
        PropertyEdits { base: self, hidden: without.into(), added: with }
    }

    /// These properties without some of them.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property, PropertyId};
    ///
    /// let received = [Property::ContentType("text/plain"), Property::ResponseInformation("r/")];
    /// let edits = Properties::new(&received).without(PropertyId::ResponseInformation);
    /// assert_eq!(edits.as_properties().iter().count(), 1);
    /// ```
    pub fn without(self, ids: impl Into<PropertySet>) -> PropertyEdits<'a> {
        self.edit(ids, &[])
    }

    /// These properties, and others behind them.
    ///
    /// ```
    /// use mqtt_wire::{Properties, Property};
    ///
    /// let received = [Property::ContentType("text/plain")];
    /// let mine = [Property::UserProperty(("via", "bridge-2"))];
    /// let edits = Properties::new(&received).with(&mine);
    /// assert_eq!(edits.as_properties().user_properties().next(), Some(("via", "bridge-2")));
    /// ```
    pub fn with(self, added: &'a [Property<'a>]) -> PropertyEdits<'a> {
        self.edit(PropertySet::EMPTY, added)
    }

    /// What may be forwarded with a message to another connection: all but [`PropertySet::NOT_FORWARDED`].
    ///
    /// ```
    /// use core::num::NonZeroU16;
    /// use mqtt_wire::{Properties, Property};
    ///
    /// let received = [Property::TopicAlias(NonZeroU16::MIN), Property::ContentType("text/plain")];
    /// let forwarded = Properties::new(&received).forwarded();
    /// assert_eq!(forwarded.as_properties().iter().count(), 1);
    /// ```
    pub fn forwarded(self) -> PropertyEdits<'a> {
        self.without(PropertySet::NOT_FORWARDED)
    }
}

impl PropertySet {
    /// What is not forwarded with a message to another connection: the Topic Alias, which is the connection's own, and
    /// the Subscription Identifiers, which are the subscriber's (section 3.3.2.3 of 5.0).
    pub const NOT_FORWARDED: Self =
        Self::of(PropertyId::TopicAlias).union(Self::of(PropertyId::SubscriptionIdentifier));
}
