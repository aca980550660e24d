//! What outlives a connection (section 4.1): messages on their way, identifiers received, how long all this is kept.

use mqtt_wire::{PacketId, QoS, ReasonCode};

use crate::Millis;
use crate::output::Outcome;
use crate::record::{NoRoom, Record};
use crate::slots::{List, Slots, count};

/// How far a message of QoS 1 or 2 is on its way to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// QoS 1, waits for PUBACK.
    AtLeastOnce,
    /// QoS 2, waits for PUBREC.
    ExactlyOnce,
    /// QoS 2, waits for PUBCOMP; PUBREC has said this.
    Released(ReasonCode),
    /// QoS 2, waits for PUBCOMP, though no PUBREC has come: the connection could not carry the message.
    Abandoned(ReasonCode),
    /// The handshake is over.
    Finished(Outcome),
}

/// A message on its way to the peer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Outgoing<K> {
    pub(crate) key: K,
    pub(crate) id: PacketId,
    /// The topic alias it is first sent with; 0 is none.
    pub(crate) alias: u16,
    /// The length of the packet in bytes, without a topic alias.
    pub(crate) size: u32,
    pub(crate) phase: Phase,
    pub(crate) retain: bool,
    /// Its PUBLISH was sent, or may have been.
    pub(crate) sent: bool,
    /// The alias is new: the name goes along.
    pub(crate) names_alias: bool,
}

/// What is known of a received message of QoS 2 that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Received {
    pub(crate) id: PacketId,
    pub(crate) state: ReceivedState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ReceivedState {
    /// Its record is due.
    New,
    /// Its record was handed out.
    Recorded,
    /// PUBREL has come: the record that it is forgotten is due.
    Releasing,
}

/// The state of one client and one server that goes on from connection to connection, on either side.
///
/// Messages themselves stay with the caller: the session keeps an identifier, a phase and the caller's key. A new one
/// knows of no state at the peer; [`Session::restore`] makes one of stored [`Record`]s.
///
/// ```
/// use mqtt_session::{Fixed, Session};
///
/// // Eight messages out, four in, each known by an index.
/// let session = Session::new(Fixed::<u16, 8, 4>::new());
/// assert!(size_of_val(&session) <= 200);
/// assert!(!session.exists());
/// ```
pub struct Session<S: Slots> {
    pub(crate) slots: S,
    /// In this order: finished (of these the first `recorded` have handed out their record), released (of these the
    /// first `released_recorded` have), and published (of these the first `published_recorded` have).
    pub(crate) outgoing: S::Outgoing,
    /// In the order in which they came.
    pub(crate) received: S::Received,
    /// The connections so far, so that receipts of an earlier one are known.
    pub(crate) epoch: u32,
    pub(crate) expiry: u32,
    pub(crate) finished: u16,
    pub(crate) recorded: u16,
    pub(crate) released: u16,
    pub(crate) released_recorded: u16,
    pub(crate) published_recorded: u16,
    pub(crate) last_id: u16,
    /// How many of `received` are new, and how many are being released.
    pub(crate) unrecorded: u16,
    pub(crate) releasing: u16,
    pub(crate) exists: bool,
    pub(crate) end_due: bool,
    pub(crate) lasts_due: bool,
}

impl<S: Slots> Session<S> {
    /// A session that does not exist at the peer yet.
    pub fn new(slots: S) -> Self {
        Self {
            slots,
            outgoing: S::Outgoing::default(),
            received: S::Received::default(),
            epoch: 0,
            expiry: 0,
            finished: 0,
            recorded: 0,
            released: 0,
            released_recorded: 0,
            published_recorded: 0,
            last_id: 0,
            unrecorded: 0,
            releasing: 0,
            exists: false,
            end_due: false,
            lasts_due: false,
        }
    }

    /// A session that the peer is taken to have, with nothing under way: for a client that keeps no records and still
    /// wants the messages that a server has kept for it. A message of QoS 2 may then come twice.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Session};
    ///
    /// // A phone that keeps nothing on disk and still wants what it has missed.
    /// let session = Session::assumed(Fixed::<u16, 8, 4>::new());
    /// assert!(session.exists());
    /// ```
    pub fn assumed(slots: S) -> Self {
        Self { exists: true, expiry: u32::MAX, ..Self::new(slots) }
    }

    /// The session as it was when these records were stored. Any number of the last ones may be missing.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Record, Session};
    /// use mqtt_wire::{PacketId, QoS};
    ///
    /// let id = PacketId::MIN;
    /// let sent = Record::Sent { id, qos: QoS::AtLeastOnce, retain: false, size: 20, key: 7 };
    /// let session = Session::restore(Fixed::<u16, 8, 4>::new(), [Record::Lasts(3600), sent])?;
    /// // The message of key 7 goes out again, with DUP, on the next connection.
    /// assert_eq!(session.keys().copied().collect::<Vec<_>>(), [7]);
    /// # Ok::<(), mqtt_session::NoRoom>(())
    /// ```
    ///
    /// # Errors
    /// When there are more messages than slots.
    pub fn restore(slots: S, records: impl IntoIterator<Item = Record<S::Key>>) -> Result<Self, NoRoom> {
        let mut this = Self::new(slots);
        for record in records {
            this.apply(record)?;
        }
        Ok(this)
    }

    fn apply(&mut self, record: Record<S::Key>) -> Result<(), NoRoom> {
        match record {
            Record::Lasts(expiry) => (self.exists, self.expiry) = (true, expiry),
            Record::Sent { id, qos, retain, size, key } => {
                let phase = if qos == QoS::ExactlyOnce { Phase::ExactlyOnce } else { Phase::AtLeastOnce };
                self.last_id = id.get();
                if self.outgoing.find(0, |message| message.id == id).is_some() {
                    return Ok(());
                }
                if self.outgoing.len() >= usize::from(self.slots.outgoing()) {
                    return Err(NoRoom);
                }
                let message =
                    Outgoing { key, id, alias: 0, size, phase, retain, sent: true, names_alias: false };
                self.outgoing.push(message).map_err(|_| NoRoom)?;
                self.published_recorded = self.published_recorded.saturating_add(1);
            }
            Record::Released(id) => self.restore_release(id, Phase::Released(ReasonCode::SUCCESS)),
            Record::Abandoned(id, code) => self.restore_release(id, Phase::Abandoned(code)),
            Record::Completed(id) => {
                if let Some(at) = self.outgoing.find(0, |message| message.id == id) {
                    if at < usize::from(self.released) {
                        self.released = self.released.saturating_sub(1);
                        self.released_recorded = self.released;
                    } else {
                        self.published_recorded = self.published_recorded.saturating_sub(1);
                    }
                    self.outgoing.remove(at);
                }
            }
            Record::Received(id) => {
                if self.received.find(0, |received| received.id == id).is_none() {
                    let received = Received { id, state: ReceivedState::Recorded };
                    self.received.push(received).map_err(|_| NoRoom)?;
                }
            }
            Record::Forgotten(id) => {
                if let Some(at) = self.received.find(0, |received| received.id == id) {
                    self.received.remove(at);
                }
            }
            Record::Ended => {
                self.outgoing.clear();
                self.received.clear();
                (self.exists, self.expiry) = (false, 0);
                (self.released, self.released_recorded, self.published_recorded) = (0, 0, 0);
            }
        }
        Ok(())
    }

    fn restore_release(&mut self, id: PacketId, phase: Phase) {
        let released = usize::from(self.released);
        let Some(at) = self.outgoing.find(released, |message| message.id == id) else { return };
        if let Some(message) = self.outgoing.remove(at) {
            // There is room: one was taken out.
            let _ = self.outgoing.insert(released, Outgoing { phase, ..message });
            self.released = self.released.saturating_add(1);
            self.released_recorded = self.released;
            self.published_recorded = self.published_recorded.saturating_sub(1);
        }
    }

    /// The records that make this session again, as few as there can be: what a log is replaced by when it has grown
    /// too long. A record that [`Link::next`](crate::Link::next) has yet to hand out is among them.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Record, Session};
    /// use mqtt_wire::PacketId;
    ///
    /// // A log that has grown is replaced by the shortest one that says the same.
    /// let id = PacketId::MIN;
    /// let log = [Record::Lasts(60), Record::Received(id), Record::Forgotten(id)];
    /// let session = Session::restore(Fixed::<u16, 8, 4>::new(), log)?;
    /// assert_eq!(session.records().collect::<Vec<_>>(), [Record::Lasts(60)]);
    /// # Ok::<(), mqtt_session::NoRoom>(())
    /// ```
    pub fn records(&self) -> impl Iterator<Item = Record<S::Key>> + '_ {
        let lasts = self.exists.then_some(Record::Lasts(self.expiry));
        let end = usize::from(self.finished);
        let ongoing = (end..self.outgoing.len()).filter_map(|at| self.outgoing.get(at));
        let sent = ongoing.clone().map(|message| Record::Sent {
            id: message.id,
            qos: message.qos(),
            retain: message.retain,
            size: message.size,
            key: message.key.clone(),
        });
        let released = ongoing.filter_map(|message| match message.phase {
            Phase::Released(_) => Some(Record::Released(message.id)),
            Phase::Abandoned(code) => Some(Record::Abandoned(message.id, code)),
            _ => None,
        });
        let received = (0..self.received.len())
            .filter_map(|at| self.received.get(at))
            .filter(|received| received.state != ReceivedState::Releasing)
            .map(|received| Record::Received(received.id));
        lasts.into_iter().chain(sent).chain(released).chain(received)
    }

    /// Whether there is a session: from the first CONNACK of success until it is over.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Record, Session};
    /// use mqtt_wire::{ConnAck, ReasonCode};
    ///
    /// // A server whose client is back: whether its session is there decides Session Present.
    /// let session = Session::restore(Fixed::<u16, 8, 4>::new(), [Record::Lasts(60)])?;
    /// let connack =
    ///     ConnAck { session_present: session.exists(), ..ConnAck::new(ReasonCode::SUCCESS) };
    /// assert!(connack.session_present);
    /// # Ok::<(), mqtt_session::NoRoom>(())
    /// ```
    pub const fn exists(&self) -> bool {
        self.exists
    }

    /// The Session Expiry Interval in seconds: how long the session lasts after its connection; `u32::MAX` is for ever.
    /// In 3.x it is 0 with Clean Session, else for ever.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Record, Session};
    ///
    /// let session = Session::restore(Fixed::<u16, 8, 4>::new(), [Record::Lasts(u32::MAX)])?;
    /// assert_eq!((session.expiry(), session.expires_at(0)), (u32::MAX, None)); // for ever
    /// # Ok::<(), mqtt_session::NoRoom>(())
    /// ```
    pub const fn expiry(&self) -> u32 {
        self.expiry
    }

    /// When the session is over whose connection ended at `closed`; `None` when never.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Record, Session};
    ///
    /// let session = Session::restore(Fixed::<u16, 8, 4>::new(), [Record::Lasts(60)])?;
    /// let closed = 5_000; // when the connection ended
    /// assert_eq!(session.expires_at(closed), Some(65_000));
    /// # Ok::<(), mqtt_session::NoRoom>(())
    /// ```
    pub const fn expires_at(&self, closed: Millis) -> Option<Millis> {
        if self.expiry == u32::MAX { None } else { Some(closed.saturating_add(self.expiry as u64 * 1000)) }
    }

    /// The number of messages of QoS 1 and 2 that are on their way to the peer.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Record, Session};
    /// use mqtt_wire::{PacketId, QoS};
    ///
    /// let (id, qos) = (PacketId::MIN, QoS::AtLeastOnce);
    /// let sent = Record::Sent { id, qos, retain: false, size: 7, key: 12 };
    /// let session = Session::restore(Fixed::<u16, 8, 4>::new(), [Record::Lasts(60), sent])?;
    /// assert_eq!(session.in_flight(), 1); // it is sent again on the next connection
    /// # Ok::<(), mqtt_session::NoRoom>(())
    /// ```
    pub fn in_flight(&self) -> usize {
        self.outgoing.len().saturating_sub(usize::from(self.finished))
    }

    /// The keys of the messages on their way to the peer, those first that are sent first on the next connection.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Record, Session};
    /// use mqtt_wire::{PacketId, QoS};
    ///
    /// let (id, qos) = (PacketId::MIN, QoS::AtLeastOnce);
    /// let sent = Record::Sent { id, qos, retain: false, size: 7, key: 12 };
    /// let session = Session::restore(Fixed::<u16, 8, 4>::new(), [Record::Lasts(60), sent])?;
    /// // After a restart: which messages of the store have to be kept.
    /// assert!(session.keys().eq(&[12]));
    /// # Ok::<(), mqtt_session::NoRoom>(())
    /// ```
    pub fn keys(&self) -> impl Iterator<Item = &S::Key> {
        (usize::from(self.finished)..self.outgoing.len())
            .filter_map(|at| self.outgoing.get(at))
            .map(|message| &message.key)
    }

    /// The largest Receive Maximum that a connection can announce.
    ///
    /// It is best announced on every connection: a peer that was once given a larger one may send again more than there
    /// are slots for, and is then cut off.
    ///
    /// ```
    /// use std::num::NonZeroU16;
    /// use mqtt_session::{Fixed, Session};
    /// use mqtt_wire::Property;
    ///
    /// let session = Session::new(Fixed::<u16, 8, 4>::new());
    /// let four = NonZeroU16::new(session.receive_maximum()).expect("it is never 0");
    /// let announce = [Property::ReceiveMaximum(four)]; // in CONNECT's properties
    /// # let _ = announce;
    /// ```
    pub fn receive_maximum(&self) -> u16 {
        self.slots.incoming().max(1)
    }

    /// The largest Topic Alias Maximum that a connection can announce.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Growing, Session};
    ///
    /// // Without slots for names none is announced, and the peer sends no alias.
    /// assert_eq!(Session::new(Fixed::<u16, 8, 4>::new()).topic_alias_maximum(), 0);
    /// assert_eq!(Session::new(Growing::<u16>::new(8, 4, 10)).topic_alias_maximum(), 10);
    /// ```
    pub fn topic_alias_maximum(&self) -> u16 {
        self.slots.aliases()
    }

    /// Ends the session: everything in it is given back. The next connection's outputs say so; a server ends one that
    /// has expired so, or drops it. A [`Detached`](crate::Detached) connection of it cannot be attached any more.
    ///
    /// ```
    /// use mqtt_session::{Fixed, Record, Session};
    ///
    /// let mut session = Session::restore(Fixed::<u16, 8, 4>::new(), [Record::Lasts(60)])?;
    /// session.end(); // the user has signed out
    /// assert!(!session.exists());
    /// # Ok::<(), mqtt_session::NoRoom>(())
    /// ```
    pub fn end(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.give_all_back();
    }

    /// Ends the session, whose connection may go on.
    pub(crate) fn give_all_back(&mut self) {
        self.end_due |= self.exists || !self.outgoing.is_empty() || !self.received.is_empty();
        (self.exists, self.expiry, self.lasts_due) = (false, 0, false);
        self.received.clear();
        (self.unrecorded, self.releasing) = (0, 0);
        let mut at = usize::from(self.finished);
        while let Some(message) = self.outgoing.get_mut(at) {
            message.phase = Phase::Finished(Outcome::SessionOver);
            at = at.saturating_add(1);
        }
        self.finished = count(self.outgoing.len());
        self.recorded = self.finished;
        (self.released, self.released_recorded, self.published_recorded) = (0, 0, 0);
    }

    /// The session exists, for so long.
    pub(crate) fn lasts(&mut self, expiry: u32) {
        self.lasts_due |= !self.exists || self.expiry != expiry;
        (self.exists, self.expiry) = (true, expiry);
    }

    /// Whether records are due, or keys that they set free.
    #[inline]
    pub(crate) const fn owes_records(&self) -> bool {
        self.end_due || self.lasts_due || self.finished | self.unrecorded | self.releasing != 0
    }

    /// The place of the first message that has not been acknowledged by PUBREC.
    pub(crate) fn first_published(&self) -> usize {
        usize::from(self.finished) + usize::from(self.released)
    }

    /// The number of messages that wait for PUBACK or PUBREC.
    pub(crate) fn published(&self) -> u16 {
        count(self.outgoing.len().saturating_sub(self.first_published()))
    }

    pub(crate) fn find_received(&self, id: PacketId) -> Option<usize> {
        self.received.find(0, |received| received.id == id)
    }
}

impl<K> Outgoing<K> {
    pub(crate) const fn qos(&self) -> QoS {
        match self.phase {
            Phase::AtLeastOnce => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        }
    }
}

impl<K> Outgoing<K> {
    /// How its handshake has ended.
    pub(crate) const fn outcome(&self) -> Outcome {
        match self.phase {
            Phase::Finished(outcome) => outcome,
            _ => Outcome::SessionOver,
        }
    }
}
