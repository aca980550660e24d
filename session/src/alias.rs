//! Topic aliases (section 3.3.2.3.4 of 5.0): those of the peer are resolved, one's own go to the topics used last.

use core::num::NonZeroU16;

use crate::output::TopicAlias;
use crate::slots::{Alias, List, Name, Slots};
use crate::violation::SessionRule;

/// The aliases of a connection, in both directions. They end with it (`[MQTT-3.3.2-7]`).
pub(crate) struct Aliases<S: Slots> {
    /// By number.
    pub(crate) incoming: S::Names,
    /// From the one used longest ago to the last one.
    pub(crate) outgoing: S::Names,
    pub(crate) most_in: u16,
    pub(crate) most_out: u16,
}

impl<S: Slots> Aliases<S> {
    pub(crate) fn new() -> Self {
        Self { incoming: S::Names::default(), outgoing: S::Names::default(), most_in: 0, most_out: 0 }
    }

    /// The peer names an alias.
    pub(crate) fn learn(&mut self, number: NonZeroU16, name: &[u8]) -> Result<(), SessionRule> {
        if number.get() > self.most_in {
            return Err(SessionRule::TopicAliasRange);
        }
        let name = S::Name::keep(name);
        let at = self.place(number);
        match self.incoming.get_mut(at) {
            Some(alias) if alias.number == number => alias.name = name,
            _ => self.incoming.insert(at, Alias { number, name }).map_err(|_| SessionRule::NoRoom)?,
        }
        Ok(())
    }

    /// The peer uses an alias.
    pub(crate) fn resolve(&self, number: NonZeroU16) -> Result<&[u8], SessionRule> {
        if number.get() > self.most_in {
            return Err(SessionRule::TopicAliasRange);
        }
        match self.incoming.get(self.place(number)) {
            Some(Alias { number: found, name }) if *found == number => {
                name.as_ref().map(Name::as_bytes).ok_or(SessionRule::NameTooLong)
            }
            _ => Err(SessionRule::TopicAliasUnknown),
        }
    }

    /// Where an incoming alias is, or would be.
    fn place(&self, number: NonZeroU16) -> usize {
        let (mut low, mut high) = (0, self.incoming.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.incoming.get(middle) {
                Some(alias) if alias.number < number => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        low
    }

    /// The alias to send a topic with: one that the peer knows already, a free one, or the one that was not used for
    /// the longest time.
    #[inline]
    pub(crate) fn assign(&mut self, topic: &[u8]) -> Option<TopicAlias> {
        if self.most_out == 0 { None } else { self.assign_one(topic) }
    }

    fn assign_one(&mut self, topic: &[u8]) -> Option<TopicAlias> {
        let is_topic =
            |alias: &Alias<S::Name>| alias.name.as_ref().is_some_and(|name| name.as_bytes() == topic);
        if let Some(at) = self.outgoing.find(0, is_topic) {
            let alias = self.outgoing.remove(at)?;
            let number = alias.number;
            return self.outgoing.push(alias).ok().map(|()| TopicAlias { number, is_new: false });
        }
        // An alias of so short a name saves nothing.
        if topic.len() < 3 {
            return None;
        }
        let name = S::Name::keep(topic)?;
        let used = self.outgoing.len();
        let number = if used < usize::from(self.most_out) && self.outgoing.room() > 0 {
            NonZeroU16::new(u16::try_from(used).ok()?.checked_add(1)?)?
        } else {
            self.outgoing.remove(0)?.number
        };
        let alias = Alias { number, name: Some(name) };
        self.outgoing.push(alias).ok().map(|()| TopicAlias { number, is_new: true })
    }

    /// An alias that was assigned last is not sent after all.
    pub(crate) fn forget(&mut self) {
        let last = self.outgoing.len().checked_sub(1);
        if let Some(alias) = last.and_then(|last| self.outgoing.get_mut(last)) {
            alias.name = None;
        }
    }
}
