//! The codecs inside of the client rumqttc.

use std::hint::black_box;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;

use super::bytesmut;
use crate::codec::{Answer, Decode, Encode, Fault, decoded};

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
