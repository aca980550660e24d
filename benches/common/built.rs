//! Packets built from a program's own values, where decoding gives them as received bytes.

#![allow(dead_code, unreachable_pub, reason = "a module of several programs, none of which uses all of it")]

use mqtt_wire::{List, Packet, Properties, PropertiesBuf, ReasonCode, Subscription, TopicFilter, Will};

/// The same packet made of values: properties as a list, and lists of items, too.
pub fn built(packet: Packet<'static>) -> Packet<'static> {
    let mut packet = packet;
    match &mut packet {
        Packet::Connect(body) => {
            body.properties = listed(body.properties);
            body.will = body.will.map(|will| {
                let will = will.get();
                let will: &Will<'_> =
                    Box::leak(Box::new(Will { properties: listed(will.properties), ..will }));
                will.into()
            });
        }
        Packet::ConnAck(body) => body.properties = listed(body.properties),
        Packet::Publish(body) => body.properties = listed(body.properties),
        Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
            body.properties = listed(body.properties);
        }
        Packet::Subscribe(body) => {
            let list: &[Subscription<'_>] = body.subscriptions.iter().collect::<Vec<_>>().leak();
            body.properties = listed(body.properties);
            body.subscriptions = list.into();
        }
        Packet::Unsubscribe(body) => {
            let list: &[TopicFilter<'_>] = body.filters.iter().collect::<Vec<_>>().leak();
            body.properties = listed(body.properties);
            body.filters = list.into();
        }
        Packet::SubAck(body) => {
            body.properties = listed(body.properties);
            body.reason_codes = codes(body.reason_codes);
        }
        Packet::UnsubAck(body) => {
            body.properties = listed(body.properties);
            body.reason_codes = codes(body.reason_codes);
        }
        Packet::Disconnect(body) => body.properties = listed(body.properties),
        Packet::Auth(body) => body.properties = listed(body.properties),
        Packet::PingReq | Packet::PingResp => {}
    }
    packet
}

/// The same packet with its properties in a [`PropertiesBuf`].
pub fn kept(mut packet: Packet<'static>) -> Packet<'static> {
    let properties = match &mut packet {
        Packet::Connect(body) => &mut body.properties,
        Packet::ConnAck(body) => &mut body.properties,
        Packet::Publish(body) => &mut body.properties,
        Packet::PubAck(body) | Packet::PubRec(body) | Packet::PubRel(body) | Packet::PubComp(body) => {
            &mut body.properties
        }
        Packet::Subscribe(body) => &mut body.properties,
        Packet::SubAck(body) => &mut body.properties,
        Packet::Unsubscribe(body) => &mut body.properties,
        Packet::UnsubAck(body) => &mut body.properties,
        Packet::Disconnect(body) => &mut body.properties,
        Packet::Auth(body) => &mut body.properties,
        Packet::PingReq | Packet::PingResp => return packet,
    };
    if !properties.is_empty() {
        let buf: &'static PropertiesBuf = Box::leak(Box::new(properties.to_buf().expect("good properties")));
        *properties = buf.as_properties();
    }
    packet
}

fn listed(properties: Properties<'static>) -> Properties<'static> {
    Properties::new(properties.iter().collect::<Vec<_>>().leak())
}

fn codes(list: List<'static, ReasonCode>) -> List<'static, ReasonCode> {
    List::new(list.iter().collect::<Vec<_>>().leak())
}
