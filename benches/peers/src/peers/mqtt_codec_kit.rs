//! mqtt-codec-kit.

use mqtt_codec_kit::common::{Decodable, Encodable};
use mqtt_codec_kit::{v4, v5};

use crate::codec::{Decode, Encode, Fault, decoded, is_cut_off};

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

            #[inline]
            fn decode(
                &mut self,
                input: &mut Self::Input,
                mut each: impl FnMut(&Self::Packet),
            ) -> Result<(), Fault> {
                while !input.is_empty() {
                    let start = *input;
                    match &$version::packet::VariablePacket::decode(input) {
                        Ok(packet) => each(packet),
                        // It reads no further than the frame: where that is whole, no reader would wait.
                        Err(_) if is_cut_off(start) => return Err(Fault::Incomplete),
                        Err(error) => return Err(Fault::refused(error)),
                    }
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
