//! What a client's packets mean.

use mqtt_session::{HandleError, Input, Receipt, Reply};
use mqtt_wire::{
    Auth, CheckedFrame, DecodeError, Packet, PacketId, PacketType, Properties, Property, PropertyId, Publish,
    PublishFrame, ReasonCode, RetainHandling, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe,
    Version,
};

use super::connection::{Connection, ServerLink};
use super::{FILTERS_A_TURN, Shared, Stream};
use crate::auth::{Step, Who, shown};
use crate::engine::sys::SYS;
use crate::engine::{Held, Published};
use crate::metrics::{Closed, Dropped};

/// What is left of a packet to be done with the link, when the packet itself is not needed any more.
enum Then {
    Nothing,
    Accept(Receipt, ReasonCode),
    Auth(Step),
    Close(ReasonCode),
}

/// What has become of the packet that was to be handled next.
enum Handled {
    /// It is not complete, or not its turn.
    NotYet,
    Done,
    /// It is still to be answered.
    Request(Box<Request>),
}

/// A SUBSCRIBE or UNSUBSCRIBE. Performance: in a box, as what is rare would make every connection larger.
pub(super) struct Request {
    frame: CheckedFrame,
    reply: Reply,
}

impl<S: Stream> Connection<S> {
    /// Handles packets that are complete, up to the bounds of a turn. If it returns a request, that is to be
    /// [answered](Self::answer), and then the next packets handled.
    pub(super) fn handle_packets(
        &mut self,
        link: &mut ServerLink<'_>,
        held: &mut Held,
    ) -> Option<Box<Request>> {
        while self.packets_left > 0 && self.copies_left > 0 {
            match self.handle_next(link, held) {
                Handled::NotYet => return None,
                Handled::Done => {}
                Handled::Request(request) => return Some(request),
            }
            self.packet_is_done(link, held);
        }
        None
    }

    fn packet_is_done(&mut self, link: &mut ServerLink<'_>, held: &Held) {
        self.packets_left -= 1;
        self.has_heard();
        let outputs = link.outputs(self.now);
        self.perform(outputs, held);
    }

    fn handle_next(&mut self, link: &mut ServerLink<'_>, held: &mut Held) -> Handled {
        if link.is_closing() || !self.has_room() {
            return Handled::NotYet;
        }
        let handled = match link.connection().split_from(&mut self.input) {
            Ok(Some(frame)) => self.handle_frame(link, held, frame),
            Ok(None) => {
                self.has_input = false;
                return Handled::NotYet;
            }
            Err(error) => Err(error),
        };
        handled.unwrap_or_else(|error| {
            self.why = Some(error.to_string().into());
            self.closed_by = Some(Closed::Protocol);
            link.close(error.reason_code());
            Handled::Done
        })
    }

    fn handle_frame(
        &mut self,
        link: &mut ServerLink<'_>,
        held: &mut Held,
        frame: mqtt_wire::Frame,
    ) -> Result<Handled, DecodeError> {
        let then = if frame.packet_type() == PacketType::Publish {
            let frame = PublishFrame::new(frame)?;
            match link.handle(Packet::Publish(frame.publish()), self.now) {
                Ok(Input::Message(publish, receipt)) => self.message(held, &frame, &publish, receipt),
                other => self.other(other.map(|_| ())),
            }
        } else {
            let frame = CheckedFrame::new(frame)?;
            match link.handle(frame.packet(), self.now) {
                Ok(Input::Subscribe(_, reply) | Input::Unsubscribe(_, reply)) => {
                    return Ok(Handled::Request(Box::new(Request { frame, reply })));
                }
                Ok(Input::Auth(auth)) => self.authenticate(held, &auth),
                Ok(Input::Closing(_)) => {
                    self.closed_by = Some(Closed::Client);
                    Then::Nothing
                }
                other => self.other(other.map(|_| ())),
            }
        };
        self.then(link, held, then);
        Ok(Handled::Done)
    }

    /// A packet that is the link's own business, or breaks a rule.
    fn other(&mut self, handled: Result<(), HandleError>) -> Then {
        if let Err(error) = handled {
            self.why = Some(error.to_string().into());
            self.closed_by = Some(Closed::Protocol);
        }
        Then::Nothing
    }

    fn then(&mut self, link: &mut ServerLink<'_>, held: &mut Held, then: Then) {
        match then {
            Then::Nothing => {}
            // A receipt of this connection is not stale.
            Then::Accept(receipt, code) => _ = link.accept(receipt, code),
            Then::Auth(step) => self.answer_auth(link, held, step),
            Then::Close(code) => link.close(code),
        }
    }

    /// Does what a SUBSCRIBE or UNSUBSCRIBE asks for, and answers it.
    pub(super) async fn answer(&mut self, link: &mut ServerLink<'_>, held: &mut Held, request: Box<Request>) {
        let Request { frame, reply } = *request;
        let codes = match frame.packet() {
            Packet::Subscribe(packet) => self.subscribe(held, &packet).await,
            Packet::Unsubscribe(packet) => self.unsubscribe(held, &packet).await,
            _ => Vec::new(),
        };
        match link.reply(reply, &codes, Properties::EMPTY, self.now) {
            Ok(outputs) => self.perform(outputs, held),
            // 3.1 has no way to refuse a subscription, and the client may not take a packet of that size.
            Err((refusal, _)) => {
                self.why = Some(format!("it cannot be answered: {refusal}").into());
                self.closed_by = Some(Closed::Protocol);
                link.close(ReasonCode::PACKET_TOO_LARGE);
            }
        }
        self.send_retained(link, held);
        self.packet_is_done(link, held);
    }

    fn message(
        &mut self,
        held: &Held,
        frame: &PublishFrame,
        publish: &Publish<'_>,
        receipt: Option<Receipt>,
    ) -> Then {
        self.shared.metrics.received(publish.delivery.qos());
        let code = match publish.topic {
            Some(topic) => self.publish(held, frame, publish, topic),
            None => ReasonCode::TOPIC_NAME_INVALID,
        };
        if code == ReasonCode::QUOTA_EXCEEDED && self.version != Version::V5 && receipt.is_some() {
            // 3.x cannot say that a message was not taken: it is not acknowledged, and comes again.
            self.why = Some("its message cannot be stored".into());
            self.closed_by = Some(Closed::Server);
            return Then::Close(code);
        }
        receipt.map_or(Then::Nothing, |receipt| Then::Accept(receipt, code))
    }

    fn publish(
        &mut self,
        held: &Held,
        frame: &PublishFrame,
        publish: &Publish<'_>,
        topic: TopicName<'_>,
    ) -> ReasonCode {
        if let Err(code) = may_publish(&self.shared, &held.who, topic) {
            tracing::debug!(client = shown(&held.who.client), %topic, "it may not publish this: {code}");
            self.shared.metrics.dropped(Dropped::NotAuthorised);
            return code;
        }
        // Performance: a message that has nothing of its connection is kept as it came.
        let is_own = publish.properties.is_empty()
            || !publish.properties.contains(PropertyId::TopicAlias)
                && !publish.properties.contains(PropertyId::SubscriptionIdentifier);
        let frame = if is_own { Ok(frame.clone()) } else { without_connection(publish, self.version) };
        let Ok(frame) = frame else { return ReasonCode::UNSPECIFIED_ERROR };
        let message = self.shared.engine.message(frame, Some(held.who.client.clone()));
        match self.shared.engine.publish(&message, &mut self.turn) {
            Published::To(0) => ReasonCode::NO_MATCHING_SUBSCRIBERS,
            Published::To(subscribers) => {
                self.copies_left = self.copies_left.saturating_sub(subscribers);
                ReasonCode::SUCCESS
            }
            Published::Refused(code) => code,
        }
    }

    async fn subscribe(&mut self, held: &mut Held, packet: &Subscribe<'_>) -> Vec<ReasonCode> {
        let identifier = packet.properties.subscription_identifiers().next();
        let mut codes = Vec::with_capacity(packet.subscriptions.iter().count());
        for wanted in packet.subscriptions {
            self.rest().await;
            let code = match self.subscribe_to(held, wanted, identifier) {
                Ok(()) => ReasonCode::granted(wanted.maximum_qos),
                // 3.1.1 has one code for all.
                Err(_) if self.version != Version::V5 => ReasonCode::UNSPECIFIED_ERROR,
                Err(code) => code,
            };
            codes.push(code);
        }
        codes
    }

    fn subscribe_to(
        &mut self,
        held: &mut Held,
        wanted: Subscription<'_>,
        identifier: Option<mqtt_wire::SubscriptionId>,
    ) -> Result<(), ReasonCode> {
        let filter = wanted.filter;
        if filter.levels().nth(self.shared.limits.topic_levels).is_some() {
            return Err(ReasonCode::TOPIC_FILTER_INVALID);
        }
        if !self.shared.authorise.may_subscribe(&held.who, filter.inner()) {
            return Err(ReasonCode::NOT_AUTHORIZED);
        }
        let is_new = self.shared.engine.subscribe(held, wanted, identifier, &mut self.turn)?;
        if let Some(other) = same_text(filter) {
            self.shared.engine.unsubscribe(held, other, &mut self.turn);
        }
        let wants_retained = match wanted.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => is_new,
            RetainHandling::DoNotSend => false,
        };
        if wants_retained && !filter.is_shared() {
            held.begin_scan(wanted, identifier);
        }
        Ok(())
    }

    async fn unsubscribe(&mut self, held: &mut Held, packet: &Unsubscribe<'_>) -> Vec<ReasonCode> {
        let mut codes = Vec::with_capacity(packet.filters.iter().count());
        for filter in packet.filters {
            self.rest().await;
            codes.push(self.unsubscribe_from(held, filter));
        }
        codes
    }

    /// Looks at all subscriptions again: the rules are others, or the session comes from an earlier connection. Those
    /// that are not allowed any more are ended.
    pub(super) async fn recheck(&mut self, held: &mut Held) {
        let generation = self.shared.authorise.generation();
        let is_new = held.checked.is_none() && held.filters().next().is_none() && held.mailbox.waiting() == 0;
        held.checked = Some(generation);
        // What waits came by subscriptions that may be over.
        held.checks_deliveries |= !is_new;
        // Of a shared subscription that is over, other members get it.
        held.mailbox.put_back(std::mem::take(&mut self.mail).into_iter());
        let filters: Vec<_> = held.filters().cloned().collect();
        for filter in &filters {
            self.rest().await;
            let filter = filter.as_filter();
            if !self.shared.authorise.may_subscribe(&held.who, filter.inner()) {
                tracing::warn!(client = shown(&held.who.client), %filter, "its subscription is not allowed any more");
                self.shared.engine.unsubscribe(held, filter, &mut self.turn);
            }
        }
    }

    /// Before a filter is handled: lets others run when [`FILTERS_A_TURN`] were.
    async fn rest(&mut self) {
        if self.filters_left == 0 {
            tokio::task::yield_now().await;
            self.filters_left = FILTERS_A_TURN;
        }
        self.filters_left -= 1;
    }

    fn unsubscribe_from(&mut self, held: &mut Held, filter: TopicFilter<'_>) -> ReasonCode {
        let mut end = |filter| self.shared.engine.unsubscribe(held, filter, &mut self.turn);
        if end(filter) | same_text(filter).is_some_and(end) {
            ReasonCode::SUCCESS
        } else {
            ReasonCode::NO_SUBSCRIPTION_EXISTED
        }
    }

    /// A step of a re-authentication.
    fn authenticate(&mut self, held: &Held, auth: &Auth<'_>) -> Then {
        let properties = &auth.properties;
        if auth.reason_code == ReasonCode::RE_AUTHENTICATE {
            let method = properties.authentication_method().unwrap_or_default();
            self.exchange = self.shared.authenticate.begin(method, &held.who.client);
        }
        let Some(exchange) = &mut self.exchange else {
            self.closed_by = Some(Closed::Refused);
            return Then::Close(ReasonCode::BAD_AUTHENTICATION_METHOD);
        };
        match exchange.step(properties.authentication_data().unwrap_or_default()) {
            // A client does not become another one while it is connected.
            Step::Done(who, _) if !Self::is_same(held, &who) => {
                self.why = Some("it has authenticated as somebody else".into());
                self.closed_by = Some(Closed::Refused);
                Then::Close(ReasonCode::NOT_AUTHORIZED)
            }
            Step::Refused(refused) => {
                self.why = Some(refused.why.into());
                self.closed_by = Some(Closed::Refused);
                Then::Close(refused.reason)
            }
            step => Then::Auth(step),
        }
    }

    fn answer_auth(&mut self, link: &mut ServerLink<'_>, held: &Held, step: Step) {
        let (code, data) = match step {
            Step::Continue(data) => (ReasonCode::CONTINUE_AUTHENTICATION, data),
            Step::Done(_, data) => {
                self.exchange = None;
                (ReasonCode::SUCCESS, data)
            }
            // It was closed before.
            Step::Refused(_) => return,
        };
        let Some(method) = held.method() else { return };
        let properties = [Property::AuthenticationMethod(method), Property::AuthenticationData(&data)];
        let auth = Auth::new(code, Properties::new(&properties));
        match link.auth(&auth, self.now) {
            Ok(outputs) => self.perform(outputs, held),
            Err(refusal) => {
                self.why = Some(refusal.to_string().into());
                self.closed_by = Some(Closed::Protocol);
                link.close(ReasonCode::UNSPECIFIED_ERROR);
            }
        }
    }
}

/// The filter of the same characters that is another one in other versions: a shared subscription, or none. For a session
/// that both versions use they are one subscription `[MQTT-3.8.4-3]`, `[MQTT-3.10.4-1]`.
fn same_text(filter: TopicFilter<'_>) -> Option<TopicFilter<'_>> {
    let version = if filter.is_shared() { Version::V311 } else { Version::V5 };
    let other = TopicFilter::new_for(filter.as_str(), version).ok()?;
    (other.is_shared() != filter.is_shared()).then_some(other)
}

/// Whether a client may publish under a name.
pub(super) fn may_publish(shared: &Shared, who: &Who, topic: TopicName<'_>) -> Result<(), ReasonCode> {
    if topic.levels().nth(shared.limits.topic_levels).is_some() {
        return Err(ReasonCode::TOPIC_NAME_INVALID);
    }
    // What stands there is the broker's to say (section 4.7.2).
    if topic.as_bytes().starts_with(SYS) || !shared.authorise.may_publish(who, topic) {
        return Err(ReasonCode::NOT_AUTHORIZED);
    }
    Ok(())
}

/// The message with its topic, and without what is of its connection only.
fn without_connection(
    publish: &Publish<'_>,
    version: Version,
) -> Result<PublishFrame, mqtt_wire::EncodeError> {
    let delivery = mqtt_wire::Delivery::new(publish.delivery.qos(), PacketId::MIN);
    let edits = publish.properties.forwarded();
    let publish = Publish { dup: false, delivery, properties: edits.as_properties(), ..*publish };
    PublishFrame::encode(&publish, version)
}
