//! mqtt-codec-kit.

use mqtt_codec_kit::common::{Decodable, Encodable};
use mqtt_codec_kit::{v4, v5};

use crate::codec::{Answer, Decode, Encode, Fault, decoded, is_cut_off};

macro_rules! version {
    ($name:ident, $version:ident) => {
        #[derive(Default)]
        pub struct $name;

        impl Decode for $name {
            type Input = &'static [u8];
            type Packet = $version::packet::VariablePacket;

            fn input(bytes: &'static [u8]) -> Self::Input {
                bytes
            }

            fn topic(packet: &Self::Packet) -> &[u8] {
                match packet {
                    $version::packet::VariablePacket::PublishPacket(publish) => {
                        publish.topic_name().as_bytes()
                    }
                    _ => &[],
                }
            }

            #[inline]
            fn decode(
                &mut self,
                input: &mut Self::Input,
                mut each: impl FnMut(Self::Packet),
            ) -> Result<(), Fault> {
                while !input.is_empty() {
                    let start = *input;
                    let packet = $version::packet::VariablePacket::decode(input)
                        .map_err(|error| fault(error, start))?;
                    each(packet);
                }
                Ok(())
            }
        }

        impl Encode for $name {
            type Packet = $version::packet::VariablePacket;
            type Output = Vec<u8>;

            fn packets(bytes: &'static [u8]) -> Result<Vec<Self::Packet>, Fault> {
                decoded::<Self>(bytes)
            }

            fn output(capacity: usize) -> Vec<u8> {
                Vec::with_capacity(capacity)
            }

            #[inline]
            fn encode(&mut self, packets: &mut Vec<Self::Packet>, out: &mut Vec<u8>) -> Result<(), String> {
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
    };
}

version!(V5, v5);
version!(V4, v4);

impl Answer for V5 {
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
        use v5::control::ConnectReasonCode;
        use v5::packet::suback::SubscribeReasonCode;
        use v5::packet::unsuback::UnsubscribeReasonCode;
        use v5::packet::{ConnackPacket, PingrespPacket, PubackPacket, SubackPacket, UnsubackPacket};
        out.clear();
        ConnackPacket::new(false, ConnectReasonCode::Success).encode(out).map_err(said)?;
        SubackPacket::new(suback, vec![SubscribeReasonCode::GrantedQos1]).encode(out).map_err(said)?;
        UnsubackPacket::new(unsuback, vec![UnsubscribeReasonCode::Success]).encode(out).map_err(said)?;
        PubackPacket::new_success(puback).encode(out).map_err(said)?;
        PubackPacket::new_success(last).encode(out).map_err(said)?;
        PingrespPacket::new().encode(out).map_err(said)
    }

    fn written(out: &Vec<u8>) -> Vec<u8> {
        out.clone()
    }
}

impl Answer for V4 {
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
        use v4::control::variable_header::ConnectReturnCode;
        use v4::packet::suback::SubscribeReturnCode;
        use v4::packet::{ConnackPacket, PingrespPacket, PubackPacket, SubackPacket, UnsubackPacket};
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
