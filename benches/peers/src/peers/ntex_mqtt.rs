//! The codec of the framework ntex-mqtt.

use ntex_bytes::{BytePages, BytesMut};
use ntex_codec::{Decoder, Encoder};
use ntex_mqtt::{v3, v5};

use crate::codec::{Decode, Encode, Fault, decoded};

macro_rules! version {
    ($name:ident, $version:ident) => {
        #[derive(Default)]
        pub struct $name($version::codec::Codec);

        impl Decode for $name {
            type Input = BytesMut;
            type Packet = $version::codec::Decoded;

            fn input(bytes: &'static [u8]) -> BytesMut {
                let mut buffer = BytesMut::with_capacity(bytes.len() + 64);
                buffer.extend_from_slice(bytes);
                buffer
            }

            fn topic(packet: &Self::Packet) -> &[u8] {
                match packet {
                    $version::codec::Decoded::Publish(publish, ..) => publish.topic.as_bytes(),
                    _ => &[],
                }
            }

            #[inline]
            fn decode(
                &mut self,
                input: &mut BytesMut,
                mut each: impl FnMut(Self::Packet),
            ) -> Result<(), Fault> {
                while !input.is_empty() {
                    match self.0.decode(input).map_err(Fault::refused)? {
                        Some(packet) => each(packet),
                        None => return Err(Fault::Incomplete),
                    }
                }
                Ok(())
            }
        }

        impl Encode for $name {
            type Packet = $version::codec::Encoded;
            type Output = BytePages;

            const BY_VALUE: bool = true;

            fn packets(bytes: &'static [u8]) -> Result<Vec<Self::Packet>, Fault> {
                use $version::codec::{Decoded, Encoded};
                let packets = decoded::<Self>(bytes)?.into_iter();
                Ok(packets
                    .map(|packet| match packet {
                        Decoded::Packet(packet, _) => Encoded::Packet(packet),
                        Decoded::Publish(packet, payload, _) => Encoded::Publish(packet, Some(payload)),
                        Decoded::PayloadChunk(payload, _) => Encoded::PayloadChunk(payload),
                    })
                    .collect())
            }

            fn output(_: usize) -> BytePages {
                BytePages::default()
            }

            #[inline]
            fn encode(&mut self, packets: &mut Vec<Self::Packet>, out: &mut BytePages) -> Result<(), String> {
                out.clear();
                for packet in packets.drain(..) {
                    self.0.encodev(packet, out).map_err(|e| format!("{e:?}"))?;
                }
                Ok(())
            }

            fn written(out: &mut BytePages) -> Vec<u8> {
                out.freeze().to_vec()
            }
        }
    };
}

version!(V5, v5);
version!(V3, v3);
