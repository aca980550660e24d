//! Properties in memory of their own against a plain list, and all properties of a packet in one pass against the list
//! that they were made of. `PROPTEST_CASES` sets how many cases each gets.
#![cfg(feature = "alloc")]

#[path = "common/bounds.rs"]
#[allow(dead_code, reason = "round_trip.rs walks through all of them")]
mod bounds;
#[path = "common/input.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod input;
#[path = "common/notation.rs"]
#[allow(dead_code, reason = "frames are made of packets here")]
mod notation;
#[path = "common/strategy.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod strategy;
#[path = "common/tables.rs"]
#[allow(dead_code, reason = "round_trip.rs needs all of it")]
mod tables;

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use input::{config, decoding, wire};
use mqtt_wire::fields::{
    AckFields, AuthFields, ConnAckFields, ConnectFields, DisconnectFields, PublishFields, SubAckFields,
    SubscribeFields, UnsubAckFields, UnsubscribeFields, WillFields,
};
use mqtt_wire::{
    DecodeOptions, EncodeError, EncodeErrorKind, Field, Packet, PacketType, Properties, PropertiesBuf,
    Property, PropertyId, PropertySet, Publish, Rule, Sender, Tolerance, Version, WillRef, decode_exact,
    topic_name,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use strategy::{Case, Owned, Value, any_property, properties, valid, valid_packet};
use tables::PROPERTIES;

fn hashed(value: &impl std::hash::Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

mod owned {
    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(Owned),
        Set(Owned),
        Extend(Vec<Owned>),
        Remove(Vec<u8>),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            10 => any_property().prop_map(Step::Push),
            5 => any_property().prop_map(Step::Set),
            3 => vec(any_property(), 0..5).prop_map(Step::Extend),
            4 => vec(select(PROPERTIES.map(|row| row.id).to_vec()), 0..4).prop_map(Step::Remove),
            1 => Just(Step::Clear),
        ]
    }

    fn text_fault(text: &str) -> Option<Rule> {
        match text {
            _ if text.contains('\0') => Some(Rule::NulCharacter),
            _ if text.len() > 65_535 => Some(Rule::StringTooLong),
            _ => None,
        }
    }

    /// Why no packet could carry a property.
    fn value_fault((_, value): &Owned) -> Option<Rule> {
        match value {
            Value::Text(text) => text_fault(text),
            Value::Pair(name, value) => text_fault(name).or_else(|| text_fault(value)),
            _ => None,
        }
    }

    /// Why it could not carry it beside the others.
    fn fault(model: &[Owned], property: &Owned) -> Option<Rule> {
        let repeats = matches!(property.0, 0x0B | 0x26);
        let there = model.iter().any(|(id, _)| *id == property.0);
        if there && !repeats { Some(Rule::PropertyRepeated) } else { value_fault(property) }
    }

    fn is(result: Result<(), EncodeError>, fault: Option<Rule>, id: u8) -> Result<(), TestCaseError> {
        let kind = result.map_err(|error| (error.kind(), error.field(), error.packet_type()));
        let field = PropertyId::new(id).map(Field::Property);
        prop_assert_eq!(
            kind,
            fault.map_or(Ok(()), |rule| Err((EncodeErrorKind::Invalid(rule), field, None)))
        );
        Ok(())
    }

    fn one(owned: &Owned) -> Property<'_> {
        properties(std::slice::from_ref(owned))[0]
    }

    proptest! {
        #![proptest_config(config(600))]

        #[test]
        fn they_are_a_list(steps in vec(step(), 0..12)) {
            let (mut kept, mut model) = (PropertiesBuf::new(), Vec::<Owned>::new());
            for step in &steps {
                match step {
                    Step::Push(owned) => {
                        let fault = fault(&model, owned);
                        is(kept.push(one(owned)), fault, owned.0)?;
                        if fault.is_none() {
                            model.push(owned.clone());
                        }
                    }
                    Step::Set(owned) => {
                        let fault = value_fault(owned);
                        is(kept.set(one(owned)), fault, owned.0)?;
                        if fault.is_none() {
                            model.retain(|(id, _)| *id != owned.0);
                            model.push(owned.clone());
                        }
                    }
                    Step::Extend(more) => {
                        let mut longer = model.clone();
                        let mut refused = None;
                        for owned in more {
                            refused = fault(&longer, owned).map(|rule| (rule, owned.0));
                            if refused.is_some() {
                                break;
                            }
                            longer.push(owned.clone());
                        }
                        let (rule, id) = refused.map_or((None, 0), |(rule, id)| (Some(rule), id));
                        is(kept.try_extend(properties(more)), rule, id)?;
                        if rule.is_none() {
                            model = longer;
                        }
                    }
                    Step::Remove(ids) => {
                        let set: PropertySet = ids.iter().filter_map(|id| PropertyId::new(*id)).collect();
                        prop_assert_eq!(kept.remove(set), kept_of(&model, ids));
                        model.retain(|(id, _)| !ids.contains(id));
                    }
                    Step::Clear => {
                        kept.clear();
                        model.clear();
                    }
                }
                are_the_same(&kept, &model)?;
            }
        }

        /// Received ones are taken over as they are; those of a list as far as a packet could carry them.
        #[test]
        fn they_are_made_of_others(
            case in valid_packet(PacketType::Publish, Version::V5, Sender::Server),
            any in vec(any_property(), 0..4),
        ) {
            let bytes = wire(&case);
            for tolerance in [None, Some(Tolerance::NonMinimalLengths)] {
                let options = tolerance.into_iter().fold(decoding(&case), DecodeOptions::with_tolerance);
                let Ok(Packet::Publish(publish)) = decode_exact(&bytes, options) else { panic!("a PUBLISH") };
                let kept = publish.properties.to_buf().expect("received properties are fit");
                prop_assert_eq!(Some(kept.as_wire()), publish.properties.as_wire());
                are_the_same(&kept, strategy_properties(&case))?;
                // The packet goes out as it came.
                let publish = Publish { properties: kept.as_properties(), ..publish };
                let mut out = Vec::new();
                prop_assert_eq!(Packet::from(publish).encode(Version::V5, &mut out), Ok(bytes.len()));
                prop_assert_eq!(&out, &bytes);
            }
            let list = properties(&any);
            let one_by_one = list.iter().copied().collect::<Result<PropertiesBuf, EncodeError>>();
            prop_assert_eq!(Properties::new(&list).to_buf(), one_by_one.clone());
            prop_assert_eq!(PropertiesBuf::try_from(&list[..]), one_by_one.clone());
            prop_assert_eq!(PropertiesBuf::try_from(Properties::new(&list)), one_by_one.clone());
            let mut fresh = PropertiesBuf::with_capacity(64);
            prop_assert_eq!(fresh.try_extend(list.iter().copied()), one_by_one.clone().map(drop));
            prop_assert_eq!(fresh, one_by_one.unwrap_or_default());
        }
    }

    fn kept_of(model: &[Owned], ids: &[u8]) -> PropertySet {
        model.iter().filter(|(id, _)| ids.contains(id)).filter_map(|(id, _)| PropertyId::new(*id)).collect()
    }

    fn strategy_properties(case: &Case) -> &[Owned] {
        let strategy::Body::Publish { properties, .. } = &case.body else { panic!("a PUBLISH") };
        properties
    }

    fn are_the_same(kept: &PropertiesBuf, model: &[Owned]) -> Result<(), TestCaseError> {
        let list = properties(model);
        let plain = Properties::new(&list);
        prop_assert!(kept.iter().eq(list.iter().copied()), "{:?} {:?}", kept, list);
        prop_assert_eq!((kept.len(), kept.is_empty()), (list.len(), list.is_empty()));
        prop_assert_eq!(kept.ids(), list.iter().map(Property::id).collect::<PropertySet>());
        prop_assert_eq!(kept, &plain);
        prop_assert_eq!(&kept.as_properties(), &plain);
        prop_assert_eq!(hashed(kept), hashed(&plain));
        prop_assert_eq!(format!("{kept:?}"), format!("{plain:?}"));
        let copy = kept.clone();
        prop_assert_eq!(&copy, kept);
        // Behind its length, the block is what a plain encoder writes.
        let block = strategy::block(model);
        prop_assert!(block.ends_with(kept.as_wire()));
        prop_assert_eq!(block.len() - kept.as_wire().len(), notation::variable(kept.as_wire().len()).len());
        // In a packet they are encoded, or refused for the same reason, as the list is.
        let publish =
            |properties| Packet::from(Publish { properties, ..Publish::new(topic_name!("t"), b"") });
        for version in Version::ALL {
            let (mut one, mut two) = (Vec::new(), Vec::new());
            let results = (
                publish(kept.as_properties()).encode(version, &mut one),
                publish(plain).encode(version, &mut two),
            );
            prop_assert_eq!(results.0, results.1);
            prop_assert_eq!(one, two);
        }
        Ok(())
    }

    /// Beside equal ones there are none: the order counts.
    #[test]
    fn order_tells_apart() {
        let [one, two] = [("a", "b"), ("c", "d")].map(Property::from);
        let made = |list: [Property<'_>; 2]| PropertiesBuf::try_from(list).expect("good properties");
        let all = HashSet::from([made([one, two]), made([two, one]), made([one, two])]);
        assert_eq!(all.len(), 2);
        assert_ne!(made([one, two]), Properties::new(&[two, one]));
    }

    #[test]
    fn secrets_are_not_shown() {
        let data = [Property::AuthenticationData(b"s3cret")];
        let kept = PropertiesBuf::try_from(data).expect("good properties");
        assert!(!format!("{kept:?}").contains("s3cret"), "{kept:?}");
    }

    /// The length of a block has its end at 268,435,455.
    #[test]
    #[cfg(not(miri))]
    #[cfg_attr(debug_assertions, ignore = "seconds in a debug build; `tests/exhaustive/run` has it")]
    fn a_block_has_a_longest() {
        let half = "x".repeat(65_535);
        let pair = Property::UserProperty((&half, &half));
        let mut kept = PropertiesBuf::with_capacity(1 << 28);
        let refused = loop {
            if let Err(error) = kept.push(pair) {
                break error;
            }
        };
        // 1 + 2 * (2 + 65,535) bytes each.
        let (len, max) = (kept.as_wire().len(), 268_435_455);
        assert_eq!(len, max / 131_075 * 131_075);
        assert_eq!(refused.kind(), EncodeErrorKind::TooLarge { size: len + 131_075, max });
        let rest = max - len;
        let text = "y".repeat(rest - 5);
        let last = text.split_at((rest - 5) / 2);
        kept.push(last).expect("as long as a block may be");
        assert_eq!(kept.as_wire().len(), max);
        kept.push(Property::PayloadFormatIndicator(true)).expect_err("two bytes more");
        kept.set(last).expect("what it replaces does not count");
        assert_eq!(kept.len(), 1);
    }
}

mod in_one_pass {
    use super::*;

    /// The properties that fields were filled from, those of each kind in their order.
    macro_rules! listed {
        ($fields:expr, $name:ident { $($field:ident $id:ident),* } { $($many:ident $many_id:ident),+ }) => {{
            // Without `..`: a field that is not named here does not compile.
            let $name { $($field,)* $($many,)+ } = $fields;
            let mut list = Vec::new();
            $(list.extend($field.map(Property::$id));)*
            $(list.extend($many.map(Property::$many_id));)+
            list
        }};
    }

    fn of_ack(fields: AckFields<'_>) -> Vec<Property<'_>> {
        listed!(fields, AckFields { reason_string ReasonString } { user_properties UserProperty })
    }

    fn of_publish(fields: PublishFields<'_>) -> Vec<Property<'_>> {
        listed!(fields, PublishFields {
            payload_format_indicator PayloadFormatIndicator, message_expiry_interval MessageExpiryInterval,
            content_type ContentType, response_topic ResponseTopic, correlation_data CorrelationData,
            topic_alias TopicAlias
        } { subscription_identifiers SubscriptionIdentifier, user_properties UserProperty })
    }

    fn of_will(fields: WillFields<'_>) -> Vec<Property<'_>> {
        listed!(fields, WillFields {
            payload_format_indicator PayloadFormatIndicator, message_expiry_interval MessageExpiryInterval,
            content_type ContentType, response_topic ResponseTopic, correlation_data CorrelationData,
            will_delay_interval WillDelayInterval
        } { user_properties UserProperty })
    }

    fn of_connect(fields: ConnectFields<'_>) -> Vec<Property<'_>> {
        listed!(fields, ConnectFields {
            session_expiry_interval SessionExpiryInterval, authentication_method AuthenticationMethod,
            authentication_data AuthenticationData, request_problem_information RequestProblemInformation,
            request_response_information RequestResponseInformation, receive_maximum ReceiveMaximum,
            topic_alias_maximum TopicAliasMaximum, maximum_packet_size MaximumPacketSize
        } { user_properties UserProperty })
    }

    fn of_connack(fields: ConnAckFields<'_>) -> Vec<Property<'_>> {
        listed!(fields, ConnAckFields {
            session_expiry_interval SessionExpiryInterval, assigned_client_identifier AssignedClientIdentifier,
            server_keep_alive ServerKeepAlive, authentication_method AuthenticationMethod,
            authentication_data AuthenticationData, response_information ResponseInformation,
            server_reference ServerReference, reason_string ReasonString, receive_maximum ReceiveMaximum,
            topic_alias_maximum TopicAliasMaximum, maximum_qos MaximumQoS, retain_available RetainAvailable,
            maximum_packet_size MaximumPacketSize, wildcard_subscription_available WildcardSubscriptionAvailable,
            subscription_identifier_available SubscriptionIdentifierAvailable,
            shared_subscription_available SharedSubscriptionAvailable
        } { user_properties UserProperty })
    }

    /// What is wrong with the fields of a packet.
    fn check(packet: &Packet<'_>) -> Result<(), TestCaseError> {
        let (fields, properties) = match packet {
            Packet::Connect(body) => {
                if let Some(will) = body.will.map(WillRef::get) {
                    are_all(of_will(will.fields()), will.properties)?;
                }
                (of_connect(body.fields()), body.properties)
            }
            Packet::ConnAck(body) => (of_connack(body.fields()), body.properties),
            Packet::Publish(body) => (of_publish(body.fields()), body.properties),
            Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
                (of_ack(body.fields()), body.properties)
            }
            Packet::Subscribe(body) => {
                let fields = listed!(body.fields(), SubscribeFields {
                    subscription_identifier SubscriptionIdentifier
                } { user_properties UserProperty });
                (fields, body.properties)
            }
            Packet::SubAck(body) => {
                let fields = listed!(body.fields(), SubAckFields { reason_string ReasonString } {
                    user_properties UserProperty
                });
                (fields, body.properties)
            }
            Packet::Unsubscribe(body) => {
                let fields = listed!(body.fields(), UnsubscribeFields {} { user_properties UserProperty });
                (fields, body.properties)
            }
            Packet::UnsubAck(body) => {
                let fields = listed!(body.fields(), UnsubAckFields { reason_string ReasonString } {
                    user_properties UserProperty
                });
                (fields, body.properties)
            }
            Packet::PingReq | Packet::PingResp => return Ok(()),
            Packet::Disconnect(body) => {
                let fields = listed!(body.fields(), DisconnectFields {
                    session_expiry_interval SessionExpiryInterval, server_reference ServerReference,
                    reason_string ReasonString
                } { user_properties UserProperty });
                (fields, body.properties)
            }
            Packet::Auth(body) => {
                let fields = listed!(body.fields(), AuthFields {
                    authentication_method AuthenticationMethod, authentication_data AuthenticationData,
                    reason_string ReasonString
                } { user_properties UserProperty });
                (fields, body.properties)
            }
        };
        are_all(fields, properties)
    }

    fn are_all(mut fields: Vec<Property<'_>>, properties: Properties<'_>) -> Result<(), TestCaseError> {
        let mut expected: Vec<_> = properties.iter().collect();
        expected.sort_by_key(Property::id);
        fields.sort_by_key(Property::id);
        prop_assert_eq!(fields, expected);
        Ok(())
    }

    proptest! {
        #![proptest_config(config(2000))]

        /// Received or built, edited or not: the fields have every property of a packet, and nothing else.
        #[test]
        fn fields_are_the_list(case in valid()) {
            let bytes = wire(&case);
            check(&decode_exact(&bytes, decoding(&case)).expect("a good packet"))?;
            case.with(check)?;
        }

        #[test]
        fn fields_of_edited_properties(
            case in valid_packet(PacketType::Publish, Version::V5, Sender::Server),
            hidden in vec(select(vec![1, 2, 3, 8, 9, 11, 35, 38]), 0..4),
        ) {
            let bytes = wire(&case);
            let Ok(Packet::Publish(publish)) = decode_exact(&bytes, Version::V5) else { panic!("a PUBLISH") };
            let set: PropertySet = hidden.iter().filter_map(|id| PropertyId::new(*id)).collect();
            let added = [Property::UserProperty(("via", "x")), Property::MessageExpiryInterval(7)];
            let edits = publish.properties.edit(set | PropertyId::MessageExpiryInterval, &added);
            check(&Publish { properties: edits.as_properties(), ..publish }.into())?;
        }
    }

    /// Of what a packet may not have, nothing; of what it may have once, the first, as the getters do.
    #[test]
    fn what_may_not_stand_there_is_passed_over() {
        let list = [Property::ServerKeepAlive(1), Property::ContentType("one"), Property::ContentType("two")];
        let publish = Publish { properties: Properties::new(&list), ..Publish::new(topic_name!("a"), b"") };
        assert_eq!(of_publish(publish.fields()), [list[1]]);
        assert_eq!(publish.properties.content_type(), Some("one"));
    }
}
