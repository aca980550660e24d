//! The codec of flowsdk, with its `strict-protocol-compliance`, as it is by default.

use std::hint::black_box;

use flowsdk::mqtt_serde::control_packet::MqttPacket;
use flowsdk::mqtt_serde::parser::ParseOk;

use crate::codec::{Decode, Encode, Fault, decoded, frame_length};

macro_rules! version {
    ($name:ident, $number:literal) => {
        #[derive(Default)]
        pub struct $name;

        impl Decode for $name {
            type Input = &'static [u8];
            type Packet = MqttPacket;

            fn input(bytes: &'static [u8]) -> Self::Input {
                bytes
            }

            fn topic(packet: &MqttPacket) -> &[u8] {
                match packet {
                    MqttPacket::Publish5(publish) => publish.topic_name.as_bytes(),
                    MqttPacket::Publish3(publish) => publish.topic_name.as_bytes(),
                    _ => &[],
                }
            }

            #[inline]
            fn decode(
                &mut self,
                input: &mut Self::Input,
                mut each: impl FnMut(MqttPacket),
            ) -> Result<(), Fault> {
                let version = black_box($number);
                while !input.is_empty() {
                    // It wants one whole frame, which its stream parser finds in the same way.
                    let frame = frame_length(input).and_then(|length| input.get(..length));
                    let frame = frame.ok_or(Fault::Incomplete)?;
                    match MqttPacket::from_bytes_with_version(frame, version).map_err(Fault::refused)? {
                        ParseOk::Packet(packet, _) => {
                            *input = &input[frame.len()..];
                            each(packet);
                        }
                        ParseOk::Continue(..) => return Err(Fault::Incomplete),
                        other => return Err(Fault::refused(other)),
                    }
                }
                Ok(())
            }
        }

        impl Encode for $name {
            type Packet = MqttPacket;
            type Output = Vec<u8>;

            fn packets(bytes: &'static [u8]) -> Result<Vec<MqttPacket>, Fault> {
                decoded::<Self>(bytes)
            }

            fn output(capacity: usize) -> Vec<u8> {
                Vec::with_capacity(capacity)
            }

            #[inline]
            fn encode(&mut self, packets: &mut Vec<MqttPacket>, out: &mut Vec<u8>) -> Result<(), String> {
                out.clear();
                for packet in packets {
                    out.extend_from_slice(&packet.to_bytes().map_err(|e| format!("{e:?}"))?);
                }
                Ok(())
            }

            fn written(out: &mut Vec<u8>) -> Vec<u8> {
                out.clone()
            }
        }
    };
}

version!(V5, 5);
version!(V3, 4);
