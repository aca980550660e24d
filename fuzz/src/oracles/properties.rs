//! Properties that are hidden and added on the way, and those in memory of their own, beside a list that is edited.

use arbitrary::{Arbitrary, Unstructured};
use mqtt_wire::fields::PublishFields;
use mqtt_wire::{
    ArbitraryPacket, EncodeError, Packet, PacketType, Properties, PropertiesBuf, Property, PropertyId,
    PropertySet, Publish, Rule, Sender, Version, decode_exact,
};

#[derive(Debug, Arbitrary)]
enum Step<'a> {
    Without(PropertySet),
    WithoutOne(PropertyId),
    With(Vec<Property<'a>>),
    Forwarded,
    Edit(PropertySet, Vec<Property<'a>>),
}

/// Edits stand on each other, and each step takes a frame of the stack.
const MOST_STEPS: usize = 64;

/// Of a received PUBLISH.
pub(super) fn edited(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    let Ok(steps) = Vec::<Step<'_>>::arbitrary(&mut u) else { return };
    let (packet, side) = (PacketType::Publish, Sender::Server);
    let Ok(made) = ArbitraryPacket::of_type(&mut u, packet, Version::V5, side) else { return };
    let Packet::Publish(publish) = made.packet() else { panic!("{:?}", made.packet()) };
    let received: Vec<_> = publish.properties.iter().collect();
    let steps = &steps[..steps.len().min(MOST_STEPS)];
    in_own_memory(&publish, received.clone(), steps);
    after(&publish, publish.properties, received, steps);
}

/// The same steps upon properties in memory of their own, which do not take a property twice that may stand once.
fn in_own_memory<'a>(publish: &Publish<'_>, mut model: Vec<Property<'a>>, steps: &'a [Step<'a>]) {
    let mut kept = publish.properties.to_buf().expect("received properties are fit");
    let not_forwarded = PropertySet::NOT_FORWARDED;
    for step in steps {
        let (without, with) = match step {
            Step::Without(ids) => (*ids, &[][..]),
            Step::WithoutOne(id) => (PropertySet::of(*id), &[][..]),
            Step::With(added) => (PropertySet::EMPTY, &added[..]),
            Step::Forwarded => (not_forwarded, &[][..]),
            Step::Edit(ids, added) => (*ids, &added[..]),
        };
        assert_eq!(kept.remove(without), model.iter().map(Property::id).collect::<PropertySet>() & without);
        model.retain(|property| !without.contains(property.id()));
        let before = model.len();
        model.extend(with);
        match kept.try_extend(with.iter().copied()) {
            Ok(()) => assert!(!repeats(&model), "{model:?}"),
            Err(error) => {
                // Whatever comes from the fuzzer has a value that it may have.
                assert_eq!(error.rule(), Some(Rule::PropertyRepeated), "{error}");
                assert!(repeats(&model), "{model:?}");
                model.truncate(before);
            }
        }
        if let Some(last) = with.last() {
            kept.set(*last).expect("a value that it may have");
            model.retain(|property| property.id() != last.id());
            model.push(*last);
        }
        assert_eq!((kept.len(), kept.is_empty(), kept.ids()), (model.len(), model.is_empty(), ids(&model)));
        look_alike(kept.as_properties(), &model);
        go_out_alike(publish, kept.as_properties(), &model);
        let again: Result<PropertiesBuf, EncodeError> = model.iter().copied().collect();
        assert_eq!(again.as_ref(), Ok(&kept));
    }
}

fn ids(model: &[Property<'_>]) -> PropertySet {
    model.iter().map(Property::id).collect()
}

/// Whether something stands there twice that may stand nowhere more than once.
fn repeats(model: &[Property<'_>]) -> bool {
    let mut seen = PropertySet::EMPTY;
    let once = |property: &&Property<'_>| {
        !matches!(property, Property::UserProperty(_) | Property::SubscriptionIdentifier(_))
    };
    model.iter().filter(once).any(|property| !seen.insert(property.id()))
}

/// Goes on with edits of these properties.
fn after<'a>(
    publish: &Publish<'_>,
    properties: Properties<'a>,
    mut model: Vec<Property<'a>>,
    steps: &'a [Step<'a>],
) {
    let [step, steps @ ..] = steps else { return };
    let edits = match step {
        Step::Without(ids) => {
            model.retain(|property| !ids.contains(property.id()));
            properties.without(*ids)
        }
        Step::WithoutOne(id) => {
            model.retain(|property| property.id() != *id);
            properties.without(*id)
        }
        Step::With(added) => {
            model.extend(added);
            properties.with(added)
        }
        Step::Forwarded => {
            model.retain(|property| {
                !matches!(property, Property::TopicAlias(_) | Property::SubscriptionIdentifier(_))
            });
            properties.forwarded()
        }
        Step::Edit(ids, added) => {
            model.retain(|property| !ids.contains(property.id()));
            model.extend(added);
            properties.edit(*ids, added)
        }
    };
    let edited = edits.as_properties();
    look_alike(edited, &model);
    go_out_alike(publish, edited, &model);
    after(publish, edited, model, steps);
}

fn look_alike(properties: Properties<'_>, model: &[Property<'_>]) {
    assert!(properties.iter().eq(model.iter().copied()), "{properties:?}, {model:?}");
    assert_eq!(properties, Properties::new(model));
    assert_eq!(properties.is_empty(), model.is_empty());
    assert_eq!(properties.ids(), model.iter().map(Property::id).collect());
    let alias = model.iter().find_map(|property| match property {
        Property::TopicAlias(alias) => Some(*alias),
        _ => None,
    });
    assert_eq!(properties.topic_alias(), alias);
    let content_type = model.iter().find_map(|property| match property {
        Property::ContentType(text) => Some(*text),
        _ => None,
    });
    assert_eq!(properties.content_type(), content_type);
    let pairs = model.iter().filter_map(|property| match property {
        Property::UserProperty(pair) => Some(*pair),
        _ => None,
    });
    assert!(properties.user_properties().eq(pairs.clone()));
    let fields = PublishFields::from(properties);
    assert_eq!((fields.topic_alias, fields.content_type), (alias, content_type));
    assert!(fields.user_properties.eq(pairs));
    assert!(fields.subscription_identifiers.eq(properties.subscription_identifiers()));
    assert_eq!(fields.message_expiry_interval, properties.message_expiry_interval());
    assert_eq!(fields.payload_format_indicator, properties.payload_format_indicator());
    assert_eq!(fields.response_topic, properties.response_topic());
    assert_eq!(fields.correlation_data, properties.correlation_data());
}

/// Edited properties are encoded as if they had been made that way, or refused for the same reason.
fn go_out_alike(publish: &Publish<'_>, properties: Properties<'_>, model: &[Property<'_>]) {
    let packet = |properties| Packet::from(Publish { properties, ..*publish });
    let (mut edited, mut made) = (Vec::new(), Vec::new());
    let result = packet(properties).encode(Version::V5, &mut edited);
    assert_eq!(result, packet(Properties::new(model)).encode(Version::V5, &mut made));
    assert_eq!(edited, made);
    if result.is_ok() {
        assert_eq!(decode_exact(&edited, Version::V5), Ok(packet(properties)));
    }
    if let Some(wire) = properties.as_wire() {
        let place = edited.windows(wire.len().max(1)).any(|window| window == wire);
        assert!(wire.is_empty() || result.is_err() || place, "{wire:?} is not in {edited:?}");
    }
}
