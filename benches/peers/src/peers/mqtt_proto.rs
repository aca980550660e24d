//! mqtt-proto.

use futures::FutureExt;
use mqtt_proto::{v3, v5};

use crate::codec::{Decode, Encode, Fault, decoded};

macro_rules! version {
    ($name:ident, $version:ident, $error:ty, $is_eof:expr) => {
        #[derive(Default)]
        pub struct $name;

        impl Decode for $name {
            type Input = &'static [u8];
            type Packet = $version::Packet;

            fn input(bytes: &'static [u8]) -> Self::Input {
                bytes
            }

            fn topic(packet: &$version::Packet) -> &[u8] {
                match packet {
                    $version::Packet::Publish(publish) => publish.topic_name.as_bytes(),
                    _ => &[],
                }
            }

            #[inline]
            fn decode(
                &mut self,
                input: &mut Self::Input,
                mut each: impl FnMut($version::Packet),
            ) -> Result<(), Fault> {
                #[cold]
                fn fault(error: $error) -> Fault {
                    if $is_eof(&error) { Fault::Incomplete } else { Fault::refused(error) }
                }
                while !input.is_empty() {
                    let result = $version::Packet::decode_async(input).now_or_never();
                    let packet = result.expect("a slice is always ready").map_err(fault)?;
                    each(packet);
                }
                Ok(())
            }
        }

        impl Encode for $name {
            type Packet = $version::Packet;
            type Output = Vec<u8>;

            fn packets(bytes: &'static [u8]) -> Result<Vec<$version::Packet>, Fault> {
                decoded::<Self>(bytes)
            }

            fn output(capacity: usize) -> Vec<u8> {
                Vec::with_capacity(capacity)
            }

            #[inline]
            fn encode(
                &mut self,
                packets: &mut Vec<$version::Packet>,
                out: &mut Vec<u8>,
            ) -> Result<(), String> {
                out.clear();
                for packet in packets {
                    let frame = packet.encode().map_err(|e| format!("{e:?}"))?;
                    out.extend_from_slice(frame.as_ref());
                }
                Ok(())
            }

            fn written(out: &mut Vec<u8>) -> Vec<u8> {
                out.clone()
            }
        }
    };
}

version!(V5, v5, v5::ErrorV5, |e: &v5::ErrorV5| matches!(e, v5::ErrorV5::Common(e) if e.is_eof()));
version!(V3, v3, mqtt_proto::Error, mqtt_proto::Error::is_eof);
