//! mqttbytes, the codec that rumqttc's came from.

use bytes::BytesMut;
use mqttbytes::{Error, v4, v5};

use super::bytesmut;
use crate::codec::{Decode, Encode, Fault, decoded};

const MAX_SIZE: usize = 268_435_460;

/// The same for the modules of both versions; `DISCONNECT` alone differs.
macro_rules! version {
    ($name:ident, $version:ident, $disconnect:pat => $write:expr) => {
        #[derive(Default)]
        pub struct $name;

        impl Decode for $name {
            type Input = BytesMut;
            type Packet = $version::Packet;

            fn input(bytes: &'static [u8]) -> BytesMut {
                bytesmut::input(bytes)
            }

            #[inline]
            fn decode(
                &mut self,
                input: &mut BytesMut,
                mut each: impl FnMut(&$version::Packet),
            ) -> Result<(), Fault> {
                while !input.is_empty() {
                    match &$version::read(input, MAX_SIZE) {
                        Ok(packet) => each(packet),
                        Err(Error::InsufficientBytes(_)) => return Err(Fault::Incomplete),
                        Err(error) => return Err(Fault::refused(error)),
                    }
                }
                Ok(())
            }
        }

        impl Encode for $name {
            type Packet = $version::Packet;
            type Output = BytesMut;

            fn packets(bytes: &'static [u8]) -> Result<Vec<$version::Packet>, Fault> {
                decoded::<Self>(bytes)
            }

            fn output(capacity: usize) -> BytesMut {
                BytesMut::with_capacity(capacity)
            }

            #[inline]
            fn encode(
                &mut self,
                packets: &mut Vec<$version::Packet>,
                out: &mut BytesMut,
            ) -> Result<(), String> {
                out.clear();
                for packet in packets {
                    use $version::Packet as P;
                    match packet {
                        P::Connect(p) => p.write(out),
                        P::ConnAck(p) => p.write(out),
                        P::Publish(p) => p.write(out),
                        P::PubAck(p) => p.write(out),
                        P::PubRec(p) => p.write(out),
                        P::PubRel(p) => p.write(out),
                        P::PubComp(p) => p.write(out),
                        P::Subscribe(p) => p.write(out),
                        P::SubAck(p) => p.write(out),
                        P::Unsubscribe(p) => p.write(out),
                        P::UnsubAck(p) => p.write(out),
                        P::PingReq => $version::PingReq.write(out),
                        P::PingResp => $version::PingResp.write(out),
                        $disconnect => $write(out),
                    }
                    .map_err(|e| format!("{e:?}"))?;
                }
                Ok(())
            }

            fn written(out: &mut BytesMut) -> Vec<u8> {
                out.to_vec()
            }
        }
    };
}

version!(V5, v5, P::Disconnect(p) => |out| p.write(out));
version!(V4, v4, P::Disconnect => |out| v4::Disconnect.write(out));
