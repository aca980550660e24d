//! The codec of the broker RMQTT.

use std::num::NonZeroU16;

use bytes::BytesMut;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::{v3, v5};
use tokio_util::codec::{Decoder, Encoder};

use super::bytesmut;
use crate::codec::{Decode, Deliver, Encode, Fault, decoded};
use crate::workload::{Subscriber, Version};

macro_rules! version {
    ($name:ident, $version:ident) => {
        #[derive(Default)]
        pub struct $name($version::Codec);

        impl Decode for $name {
            type Input = BytesMut;
            type Packet = $version::Packet;

            fn input(bytes: &'static [u8]) -> BytesMut {
                bytesmut::input(bytes)
            }

            fn topic(packet: &$version::Packet) -> &[u8] {
                match packet {
                    $version::Packet::Publish(publish) => publish.topic.as_bytes(),
                    _ => &[],
                }
            }

            #[inline]
            fn decode(
                &mut self,
                input: &mut BytesMut,
                mut each: impl FnMut($version::Packet),
            ) -> Result<(), Fault> {
                while !input.is_empty() {
                    match self.0.decode(input).map_err(Fault::refused)? {
                        Some((packet, _)) => each(packet),
                        None => return Err(Fault::Incomplete),
                    }
                }
                Ok(())
            }
        }

        impl Encode for $name {
            type Packet = $version::Packet;
            type Output = BytesMut;

            const BY_VALUE: bool = true;

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
                for packet in packets.drain(..) {
                    self.0.encode(packet, out).map_err(|e| format!("{e:?}"))?;
                }
                Ok(())
            }

            fn written(out: &mut BytesMut) -> Vec<u8> {
                out.to_vec()
            }
        }
    };
}

version!(V5, v5);
version!(V3, v3);

/// A broker with one message type for both versions, and a codec for each; a packet is given away.
#[derive(Default)]
pub struct Broker {
    new: v5::Codec,
    old: v3::Codec,
}

impl Deliver for Broker {
    type Message = Publish;
    type Output = BytesMut;

    fn message(bytes: &'static [u8]) -> Result<Publish, Fault> {
        match decoded::<V5>(bytes)?.pop() {
            Some(v5::Packet::Publish(publish)) => Ok(*publish),
            _ => Err(Fault::Incomplete),
        }
    }

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn deliver(
        &mut self,
        message: &mut Publish,
        to: &[Subscriber],
        outputs: &mut [BytesMut],
    ) -> Result<(), String> {
        for (to, out) in to.iter().zip(outputs) {
            out.clear();
            let mut publish = Box::new(message.clone());
            publish.qos = QoS::try_from(to.qos).map_err(|e| format!("{e:?}"))?;
            publish.packet_id = if to.qos == 0 { None } else { NonZeroU16::new(to.id) };
            if to.version == Version::V5 {
                self.new.encode(v5::Packet::Publish(publish), out).map_err(|e| format!("{e:?}"))?;
            } else {
                self.old.encode(v3::Packet::Publish(publish), out).map_err(|e| format!("{e:?}"))?;
            }
        }
        Ok(())
    }

    fn written(out: &BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}
