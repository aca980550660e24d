//! The codecs inside of the client rumqttc.

use std::hint::black_box;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;

use super::bytesmut;
use crate::codec::{Answer, Decode, Deliver, Encode, Fault, ReadAll, decoded};
use crate::seen::{seen, text};
use crate::workload::{Subscriber, Version};

const MAX_SIZE: usize = 268_435_460;

#[cold]
fn fault_v5(error: rumqttc::v5::mqttbytes::Error) -> Fault {
    match error {
        rumqttc::v5::mqttbytes::Error::InsufficientBytes(_) => Fault::Incomplete,
        error => Fault::refused(error),
    }
}

#[cold]
fn fault_v4(error: rumqttc::mqttbytes::Error) -> Fault {
    match error {
        rumqttc::mqttbytes::Error::InsufficientBytes(_) => Fault::Incomplete,
        error => Fault::refused(error),
    }
}

#[derive(Default)]
pub struct V5;

impl Decode for V5 {
    type Input = BytesMut;
    type Packet = v5::Packet;

    fn input(bytes: &'static [u8]) -> BytesMut {
        bytesmut::input(bytes)
    }

    fn topic(packet: &v5::Packet) -> &[u8] {
        match packet {
            v5::Packet::Publish(publish) => &publish.topic,
            _ => &[],
        }
    }

    #[inline]
    fn decode(&mut self, input: &mut BytesMut, mut each: impl FnMut(v5::Packet)) -> Result<(), Fault> {
        while !input.is_empty() {
            let packet = v5::Packet::read(input, None).map_err(fault_v5)?;
            each(packet);
        }
        Ok(())
    }
}

impl Encode for V5 {
    type Packet = v5::Packet;
    type Output = BytesMut;

    fn packets(bytes: &'static [u8]) -> Result<Vec<v5::Packet>, Fault> {
        decoded::<Self>(bytes)
    }

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<v5::Packet>, out: &mut BytesMut) -> Result<(), String> {
        out.clear();
        for packet in packets {
            packet.write(out, None).map_err(|e| format!("{e:?}"))?;
        }
        Ok(())
    }

    fn written(out: &mut BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}

#[derive(Default)]
pub struct V4;

impl Decode for V4 {
    type Input = BytesMut;
    type Packet = v4::Packet;

    fn input(bytes: &'static [u8]) -> BytesMut {
        bytesmut::input(bytes)
    }

    fn topic(packet: &v4::Packet) -> &[u8] {
        match packet {
            v4::Packet::Publish(publish) => publish.topic.as_bytes(),
            _ => &[],
        }
    }

    #[inline]
    fn decode(&mut self, input: &mut BytesMut, mut each: impl FnMut(v4::Packet)) -> Result<(), Fault> {
        let max_size = black_box(MAX_SIZE);
        while !input.is_empty() {
            let packet = v4::Packet::read(input, max_size).map_err(fault_v4)?;
            each(packet);
        }
        Ok(())
    }
}

impl Encode for V4 {
    type Packet = v4::Packet;
    type Output = BytesMut;

    fn packets(bytes: &'static [u8]) -> Result<Vec<v4::Packet>, Fault> {
        decoded::<Self>(bytes)
    }

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<v4::Packet>, out: &mut BytesMut) -> Result<(), String> {
        out.clear();
        for packet in packets {
            packet.write(out, MAX_SIZE).map_err(|e| format!("{e:?}"))?;
        }
        Ok(())
    }

    fn written(out: &mut BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}

impl Answer for V5 {
    type Output = BytesMut;

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn answer(
        &mut self,
        [suback, unsuback, puback, last]: [u16; 4],
        out: &mut BytesMut,
    ) -> Result<(), String> {
        use rumqttc::v5::mqttbytes::QoS;
        use v5::{
            ConnAck, ConnectReturnCode, Packet, PubAck, SubAck, SubscribeReasonCode, UnsubAck, UnsubAckReason,
        };
        out.clear();
        let mut send = |packet: Packet| packet.write(out, None).map_err(|e| format!("{e:?}"));
        send(Packet::ConnAck(ConnAck {
            session_present: false,
            code: ConnectReturnCode::Success,
            properties: None,
        }))?;
        send(Packet::SubAck(SubAck {
            pkid: suback,
            return_codes: vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)],
            properties: None,
        }))?;
        send(Packet::UnsubAck(UnsubAck {
            pkid: unsuback,
            reasons: vec![UnsubAckReason::Success],
            properties: None,
        }))?;
        send(Packet::PubAck(PubAck::new(puback, None)))?;
        send(Packet::PubAck(PubAck::new(last, None)))?;
        send(Packet::PingResp(v5::PingResp))?;
        Ok(())
    }

    fn written(out: &BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}

impl Answer for V4 {
    type Output = BytesMut;

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn answer(
        &mut self,
        [suback, unsuback, puback, last]: [u16; 4],
        out: &mut BytesMut,
    ) -> Result<(), String> {
        use rumqttc::mqttbytes::QoS;
        use v4::{ConnAck, ConnectReturnCode, Packet, PubAck, SubAck, SubscribeReasonCode, UnsubAck};
        let max_size = black_box(MAX_SIZE);
        out.clear();
        let mut send = |packet: Packet| packet.write(out, max_size).map_err(|e| format!("{e:?}"));
        send(Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false)))?;
        send(Packet::SubAck(SubAck::new(suback, vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)])))?;
        send(Packet::UnsubAck(UnsubAck::new(unsuback)))?;
        send(Packet::PubAck(PubAck::new(puback)))?;
        send(Packet::PubAck(PubAck::new(last)))?;
        send(Packet::PingResp)?;
        Ok(())
    }

    fn written(out: &BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}

impl ReadAll for V5 {
    #[inline]
    fn read_all(packet: &v5::Packet) {
        use v5::Packet as P;
        macro_rules! reason {
            ($ack:expr) => {{
                black_box(&$ack.reason);
                seen!($ack => pkid);
                if let Some(p) = &$ack.properties {
                    seen!(p => reason_string, user_properties);
                }
            }};
        }
        match packet {
            P::Connect(connect, will, login) => {
                seen!(connect => keep_alive, client_id, clean_start);
                if let Some(p) = &connect.properties {
                    seen!(p => session_expiry_interval, receive_maximum, max_packet_size, topic_alias_max,
                        request_response_info, request_problem_info, user_properties, authentication_method,
                        authentication_data);
                }
                if let Some(will) = will {
                    black_box(will.qos);
                    text(&will.topic);
                    seen!(will => message, retain);
                    if let Some(p) = &will.properties {
                        seen!(p => delay_interval, payload_format_indicator, message_expiry_interval, content_type,
                            response_topic, correlation_data, user_properties);
                    }
                }
                if let Some(login) = login {
                    seen!(login => username, password);
                }
            }
            P::ConnAck(connack) => {
                black_box(connack.code);
                seen!(connack => session_present);
                if let Some(p) = &connack.properties {
                    seen!(p => session_expiry_interval, receive_max, max_qos, retain_available, max_packet_size,
                        assigned_client_identifier, topic_alias_max, reason_string, user_properties,
                        wildcard_subscription_available, subscription_identifiers_available,
                        shared_subscription_available, server_keep_alive, response_information, server_reference,
                        authentication_method, authentication_data);
                }
            }
            P::Publish(publish) => {
                black_box(publish.qos);
                text(&publish.topic);
                seen!(publish => dup, retain, pkid, payload);
                if let Some(p) = &publish.properties {
                    seen!(p => payload_format_indicator, message_expiry_interval, topic_alias, response_topic,
                        correlation_data, user_properties, subscription_identifiers, content_type);
                }
            }
            P::PubAck(ack) => reason!(ack),
            P::PubRec(ack) => reason!(ack),
            P::PubRel(ack) => reason!(ack),
            P::PubComp(ack) => reason!(ack),
            P::Subscribe(subscribe) => {
                seen!(subscribe => pkid);
                for filter in &subscribe.filters {
                    black_box((filter.qos, &filter.retain_forward_rule));
                    seen!(filter => path, nolocal, preserve_retain);
                }
                if let Some(p) = &subscribe.properties {
                    seen!(p => id, user_properties);
                }
            }
            P::SubAck(suback) => {
                seen!(suback => pkid);
                for code in &suback.return_codes {
                    black_box(*code);
                }
                if let Some(p) = &suback.properties {
                    seen!(p => reason_string, user_properties);
                }
            }
            P::Unsubscribe(unsubscribe) => {
                seen!(unsubscribe => pkid, filters);
                if let Some(p) = &unsubscribe.properties {
                    seen!(p => user_properties);
                }
            }
            P::UnsubAck(unsuback) => {
                seen!(unsuback => pkid);
                for reason in &unsuback.reasons {
                    black_box(reason);
                }
                if let Some(p) = &unsuback.properties {
                    seen!(p => reason_string, user_properties);
                }
            }
            P::Disconnect(disconnect) => {
                black_box(&disconnect.reason_code);
                if let Some(p) = &disconnect.properties {
                    seen!(p => session_expiry_interval, reason_string, user_properties, server_reference);
                }
            }
            P::Auth(auth) => {
                black_box(&auth.code);
                if let Some(p) = &auth.properties {
                    seen!(p => method, data, reason, user_properties);
                }
            }
            P::PingReq(_) | P::PingResp(_) => {}
        }
    }
}

impl ReadAll for V4 {
    #[inline]
    fn read_all(packet: &v4::Packet) {
        use v4::Packet as P;
        match packet {
            P::Connect(connect) => {
                seen!(connect => keep_alive, client_id, clean_session);
                if let Some(will) = &connect.last_will {
                    black_box(will.qos);
                    seen!(will => topic, message, retain);
                }
                if let Some(login) = &connect.login {
                    seen!(login => username, password);
                }
            }
            P::ConnAck(connack) => {
                black_box(connack.code);
                seen!(connack => session_present);
            }
            P::Publish(publish) => {
                black_box(publish.qos);
                seen!(publish => dup, retain, topic, pkid, payload);
            }
            P::PubAck(ack) => seen!(ack => pkid),
            P::PubRec(ack) => seen!(ack => pkid),
            P::PubRel(ack) => seen!(ack => pkid),
            P::PubComp(ack) => seen!(ack => pkid),
            P::UnsubAck(ack) => seen!(ack => pkid),
            P::Subscribe(subscribe) => {
                seen!(subscribe => pkid);
                for filter in &subscribe.filters {
                    black_box(filter.qos);
                    seen!(filter => path);
                }
            }
            P::SubAck(suback) => {
                seen!(suback => pkid);
                for code in &suback.return_codes {
                    black_box(*code);
                }
            }
            P::Unsubscribe(unsubscribe) => seen!(unsubscribe => pkid, topics),
            P::PingReq | P::PingResp | P::Disconnect => {}
        }
    }
}

impl Deliver for V5 {
    /// The message for each version: the 3.1.1 one is made once.
    type Message = (v5::Publish, v4::Publish);
    type Output = BytesMut;

    fn message(bytes: &'static [u8]) -> Result<Self::Message, Fault> {
        let Some(v5::Packet::Publish(new)) = decoded::<Self>(bytes)?.pop() else {
            return Err(Fault::Incomplete);
        };
        let topic = String::from_utf8_lossy(&new.topic);
        let old = v4::Publish::new(topic, rumqttc::mqttbytes::QoS::AtMostOnce, new.payload.to_vec());
        Ok((new, old))
    }

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn deliver(
        &mut self,
        (new, old): &mut Self::Message,
        to: &[Subscriber],
        outputs: &mut [BytesMut],
    ) -> Result<(), String> {
        for (to, out) in to.iter().zip(outputs) {
            out.clear();
            if to.version == Version::V5 {
                new.qos = rumqttc::v5::mqttbytes::qos(to.qos).ok_or("QoS")?;
                new.pkid = to.id;
                new.write(out).map_err(|e| format!("{e:?}"))?;
            } else {
                old.qos = rumqttc::mqttbytes::qos(to.qos).map_err(|e| format!("{e:?}"))?;
                old.pkid = to.id;
                old.write(out).map_err(|e| format!("{e:?}"))?;
            }
        }
        Ok(())
    }

    fn written(out: &BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}
