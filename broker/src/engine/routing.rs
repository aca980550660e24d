//! The way of a message to its subscribers.

use std::sync::Arc;

use mqtt_wire::{QoS, SubscriptionId, TopicName};

use super::local::Local;
use super::mailbox::{Admission, size};
use super::subscriptions::{Group, Subscriber};
use super::turn::Parts;
use super::{Mailbox, Published, Turn};
use crate::auth::shown;
use crate::metrics::Dropped;
use crate::store::{Change, Message, Queued};

/// What one session gets of a message, by one subscription or several (section 3.3.4).
pub(super) struct Copy<'a> {
    pub(super) mailbox: &'a Arc<Mailbox>,
    pub(super) qos: QoS,
    retain: bool,
    identifiers: Vec<SubscriptionId>,
}

impl Local {
    /// Retains a message that asks for it, and puts it into the queues of its subscribers. One that `may_be_refused` is,
    /// if there is no room to retain it, or in a sink that wants it.
    pub(super) fn route_or_retain(
        &self,
        message: &Arc<Message>,
        may_be_refused: bool,
        turn: &mut Turn,
    ) -> Published {
        let publish = message.frame.publish();
        let Some(topic) = publish.topic else { return Published::To(0) };
        let places = match self.places(topic, message, may_be_refused) {
            Ok(places) => places,
            Err(code) => return Published::Refused(code),
        };
        if publish.retain
            && let Err(code) = self.retain(topic, message, may_be_refused, turn)
        {
            Self::give_up(places);
            return Published::Refused(code);
        }
        let sinks = places.len();
        for (mailbox, queued) in places {
            Self::put(&mailbox, queued, turn);
        }
        Published::To(sinks + self.route(topic, message, turn))
    }

    fn route(&self, topic: TopicName<'_>, message: &Arc<Message>, turn: &mut Turn) -> usize {
        let tree = self.subscriptions.read();
        let mut matches = tree.matches(topic);
        let Some((filter, group)) = matches.next() else { return 0 };
        let Some(second) = matches.next() else {
            if filter.is_shared() {
                return usize::from(self.deliver_shared(filter.as_str(), group, message, turn));
            }
            return self.deliver_to_all(group, message, turn);
        };
        let mut shared = 0;
        let mut copies = Vec::new();
        for (filter, group) in [(filter, group), second].into_iter().chain(matches) {
            if filter.is_shared() {
                shared += usize::from(self.deliver_shared(filter.as_str(), group, message, turn));
            } else {
                copies.extend(group.members.values().filter_map(|member| copy(member, message)));
            }
        }
        shared + self.deliver_merged(copies, message, turn)
    }

    /// The messages of one filter: as most of them are the same, they are one.
    fn deliver_to_all(&self, group: &Group, message: &Arc<Message>, turn: &mut Turn) -> usize {
        let mut same: Option<Arc<Queued>> = None;
        let mut count = 0;
        for member in group.members.values() {
            let Some(copy) = copy(member, message) else { continue };
            count += 1;
            let kept = copy.mailbox.keeps(copy.qos);
            let is_same = |queued: &&Arc<Queued>| {
                !kept
                    && queued.qos == copy.qos
                    && queued.retain == copy.retain
                    && queued.identifiers == copy.identifiers
            };
            if let Some(queued) = same.as_ref().filter(is_same).cloned() {
                self.deliver(copy.mailbox, queued, turn);
                continue;
            }
            let mailbox = copy.mailbox;
            let queued = Arc::new(copy.queued(message));
            if !kept {
                same = Some(queued.clone());
            }
            self.deliver(mailbox, queued, turn);
        }
        count
    }

    /// Each session gets the message once, at the highest QoS of its subscriptions, with the identifiers of all.
    fn deliver_merged(&self, mut copies: Vec<Copy<'_>>, message: &Arc<Message>, turn: &mut Turn) -> usize {
        merge(&mut copies);
        let count = copies.len();
        for copy in copies {
            let mailbox = copy.mailbox;
            self.deliver(mailbox, Arc::new(copy.queued(message)), turn);
        }
        count
    }

    /// One member gets the message: the least busy, or the next one whose queue has room.
    fn deliver_shared(&self, filter: &str, group: &Group, message: &Arc<Message>, turn: &mut Turn) -> bool {
        let mut full = None;
        for member in group.candidates() {
            let Some(copy) = copy(member, message) else { continue };
            let mailbox = copy.mailbox;
            let mut queued = copy.queued(message);
            queued.share = Some(filter.into());
            match mailbox.admit(size(&queued), queued.qos) {
                Admission::Granted => {
                    Self::put(mailbox, Arc::new(queued), turn);
                    return true;
                }
                Admission::Away => {}
                admission => full = Some((mailbox, queued.qos, admission)),
            }
        }
        if let Some((mailbox, qos, admission)) = full {
            self.dropped(mailbox, qos, admission);
        }
        false
    }

    fn deliver(&self, mailbox: &Arc<Mailbox>, queued: Arc<Queued>, turn: &mut Turn) {
        match mailbox.admit(size(&queued), queued.qos) {
            Admission::Granted => Self::put(mailbox, queued, turn),
            Admission::Away => {}
            admission => self.dropped(mailbox, queued.qos, admission),
        }
    }

    pub(super) fn dropped(&self, mailbox: &Mailbox, qos: QoS, admission: Admission) {
        // One of QoS 0 is only for those who are connected.
        let reason = if qos == QoS::AtMostOnce { Dropped::SlowReader } else { Dropped::QueueFull };
        self.metrics.dropped(reason);
        if admission == Admission::FullAtLast {
            tracing::warn!(
                client = shown(mailbox.client()),
                "its queue is full: messages for it are dropped"
            );
        }
    }

    /// Puts a message into a queue that has room for it.
    fn put(mailbox: &Arc<Mailbox>, queued: Arc<Queued>, turn: &mut Turn) {
        let Parts { changes, deliveries, returned, wakers, busy, .. } = turn.parts();
        if queued.qos > QoS::AtMostOnce && busy.is_none() && mailbox.is_busy() {
            *busy = Some(mailbox.clone());
        }
        if !mailbox.keeps(queued.qos) {
            match mailbox.put(queued) {
                Ok(waker) => wakers.extend(waker),
                Err(queued) => returned.push(queued),
            }
            return;
        }
        let queued = Arc::new(Queued { sequence: mailbox.next_sequence(), ..Queued::clone(&queued) });
        let change = Change::Queued { session: mailbox.session(), queued: Queued::clone(&queued) };
        changes.push(change);
        deliveries.push((mailbox.clone(), queued));
    }

    /// Messages of a shared subscription that a member has not got go to other members.
    pub(super) fn send_to_others(&self, messages: Vec<Arc<Queued>>, turn: &mut Turn) {
        let tree = self.subscriptions.read();
        for queued in messages {
            let share = queued.share.as_deref().and_then(|share| mqtt_wire::TopicFilter::new(share).ok());
            if let Some((filter, group)) = share.and_then(|filter| Some((filter, tree.get(filter)?))) {
                self.deliver_shared(filter.as_str(), group, &queued.message, turn);
            }
        }
    }

    /// A member of shared subscriptions has gone away: what waits for it goes to others that are there.
    pub(super) fn share_out_again(&self, mailbox: &Mailbox, turn: &mut Turn) {
        let taken = mailbox.take_shared(None);
        Self::take_out(mailbox, &taken, turn);
        self.send_to_others(taken, turn);
    }

    /// Messages were taken out of a queue.
    pub(super) fn take_out(mailbox: &Mailbox, taken: &[Arc<Queued>], turn: &mut Turn) {
        let session = mailbox.session();
        for queued in taken.iter().filter(|queued| mailbox.keeps(queued.qos)) {
            turn.change(Change::Dequeued { session, sequence: queued.sequence });
        }
    }
}

/// Makes one copy of those for the same session.
pub(super) fn merge(copies: &mut Vec<Copy<'_>>) {
    copies.sort_by_key(|copy| copy.mailbox.session());
    copies.dedup_by(|next, first| {
        let same = next.mailbox.session() == first.mailbox.session();
        if same {
            first.qos = first.qos.max(next.qos);
            first.retain |= next.retain;
            first.identifiers.append(&mut next.identifiers);
        }
        same
    });
}

/// What a subscriber gets of a message.
pub(super) fn copy<'a>(member: &'a Subscriber, message: &Message) -> Option<Copy<'a>> {
    let Subscriber { mailbox, options, identifier } = member;
    if options.no_local && message.publisher.as_deref() == Some(&**mailbox.client()) {
        return None;
    }
    let publish = message.frame.publish();
    Some(Copy {
        mailbox,
        qos: publish.delivery.qos().min(options.maximum_qos),
        retain: publish.retain && options.retain_as_published,
        identifiers: identifier.iter().copied().collect(),
    })
}

impl Copy<'_> {
    pub(super) fn queued(self, message: &Arc<Message>) -> Queued {
        let Self { qos, retain, identifiers, .. } = self;
        Queued { sequence: 0, message: message.clone(), qos, retain, identifiers, share: None }
    }
}
