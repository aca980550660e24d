//! mqtt-protocol.

use mqtt::packet::VariablePacket;
use mqtt::{Decodable, Encodable};

use crate::codec::{Answer, Decode, Encode, Fault, decoded, is_cut_off};

#[derive(Default)]
pub struct V311;

impl Decode for V311 {
    type Input = &'static [u8];
    type Packet = VariablePacket;

    fn input(bytes: &'static [u8]) -> Self::Input {
        bytes
    }

    fn topic(packet: &VariablePacket) -> &[u8] {
        match packet {
            VariablePacket::PublishPacket(publish) => publish.topic_name().as_bytes(),
            _ => &[],
        }
    }

    #[inline]
    fn decode(&mut self, input: &mut Self::Input, mut each: impl FnMut(VariablePacket)) -> Result<(), Fault> {
        while !input.is_empty() {
            let start = *input;
            let packet = VariablePacket::decode(input).map_err(|error| fault(error, start))?;
            each(packet);
        }
        Ok(())
    }
}

impl Encode for V311 {
    type Packet = VariablePacket;
    type Output = Vec<u8>;

    fn packets(bytes: &'static [u8]) -> Result<Vec<VariablePacket>, Fault> {
        decoded::<Self>(bytes)
    }

    fn output(capacity: usize) -> Vec<u8> {
        Vec::with_capacity(capacity)
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<VariablePacket>, out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        for packet in packets {
            packet.encode(out).map_err(|e| format!("{e:?}"))?;
        }
        Ok(())
    }

    fn written(out: &mut Vec<u8>) -> Vec<u8> {
        out.clone()
    }
}

impl Answer for V311 {
    type Output = Vec<u8>;

    fn output(capacity: usize) -> Vec<u8> {
        Vec::with_capacity(capacity)
    }

    #[inline]
    fn answer(
        &mut self,
        [suback, unsuback, puback, last]: [u16; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        use mqtt::control::variable_header::ConnectReturnCode;
        use mqtt::packet::suback::SubscribeReturnCode;
        use mqtt::packet::{ConnackPacket, PingrespPacket, PubackPacket, SubackPacket, UnsubackPacket};
        out.clear();
        ConnackPacket::new(false, ConnectReturnCode::ConnectionAccepted).encode(out).map_err(said)?;
        SubackPacket::new(suback, vec![SubscribeReturnCode::MaximumQoSLevel1]).encode(out).map_err(said)?;
        UnsubackPacket::new(unsuback).encode(out).map_err(said)?;
        PubackPacket::new(puback).encode(out).map_err(said)?;
        PubackPacket::new(last).encode(out).map_err(said)?;
        PingrespPacket::new().encode(out).map_err(said)
    }

    fn written(out: &Vec<u8>) -> Vec<u8> {
        out.clone()
    }
}

fn said(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

/// It reads no further than the frame: where that is whole, no reader would wait.
#[cold]
fn fault(error: impl std::fmt::Debug, start: &[u8]) -> Fault {
    if is_cut_off(start) { Fault::Incomplete } else { Fault::refused(error) }
}
