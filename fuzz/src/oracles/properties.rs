//! Properties that are hidden and added on the way, beside a list that is edited.

use arbitrary::{Arbitrary, Unstructured};
use mqtt_wire::{
    ArbitraryPacket, Packet, PacketType, Properties, Property, PropertyId, PropertySet, Publish, Sender,
    Version, decode_exact,
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
    let received = publish.properties.iter().collect();
    after(&publish, publish.properties, received, &steps[..steps.len().min(MOST_STEPS)]);
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
    assert!(properties.user_properties().eq(pairs));
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
