//! mqtt-format.

use std::hint::black_box;
use std::pin::Pin;

use futures::FutureExt;
use mqtt_format::v3::packet::{MPacket, mpacket};

use crate::codec::{Decode, Encode, Fault, ReadAll, decoded};

#[derive(Default)]
pub struct V3;

impl Decode for V3 {
    type Input = &'static [u8];
    type Packet = MPacket<'static>;

    fn input(bytes: &'static [u8]) -> Self::Input {
        bytes
    }

    fn topic<'p>(packet: &'p MPacket<'static>) -> &'p [u8] {
        match packet {
            MPacket::Publish(publish) => publish.topic_name.as_bytes(),
            _ => &[],
        }
    }

    #[inline]
    fn decode(
        &mut self,
        input: &mut Self::Input,
        mut each: impl FnMut(MPacket<'static>),
    ) -> Result<(), Fault> {
        while !input.is_empty() {
            let (rest, packet) = mpacket(input).map_err(fault)?;
            *input = rest;
            each(packet);
        }
        Ok(())
    }
}

impl Encode for V3 {
    type Packet = MPacket<'static>;
    type Output = Vec<u8>;

    fn packets(bytes: &'static [u8]) -> Result<Vec<MPacket<'static>>, Fault> {
        decoded::<Self>(bytes)
    }

    fn output(capacity: usize) -> Vec<u8> {
        Vec::with_capacity(capacity)
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<MPacket<'static>>, out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        for packet in packets {
            let result = packet.write_to(Pin::new(out)).now_or_never();
            result.expect("a Vec is always ready").map_err(|e| format!("{e:?}"))?;
        }
        Ok(())
    }

    fn written(out: &mut Vec<u8>) -> Vec<u8> {
        out.clone()
    }
}

impl ReadAll for V3 {
    #[inline]
    fn read_all(packet: &MPacket<'static>) {
        match packet {
            MPacket::Connect(p) => {
                black_box((p.protocol_level, p.clean_session, p.keep_alive, p.client_id.value, p.password));
                black_box(p.username.as_ref().map(|name| name.value));
                if let Some(will) = &p.will {
                    black_box((will.topic.value, will.payload, will.qos, will.retain));
                }
            }
            MPacket::Connack(p) => _ = black_box((p.session_present, p.connect_return_code)),
            MPacket::Publish(p) => {
                black_box((p.dup, p.qos, p.retain, p.topic_name.value, p.id, p.payload));
            }
            MPacket::Puback(p) => _ = black_box(p.id),
            MPacket::Pubrec(p) => _ = black_box(p.id),
            MPacket::Pubrel(p) => _ = black_box(p.id),
            MPacket::Pubcomp(p) => _ = black_box(p.id),
            MPacket::Unsuback(p) => _ = black_box(p.id),
            MPacket::Subscribe(p) => {
                black_box(p.id);
                for request in p.subscriptions {
                    black_box((request.topic.value, request.qos));
                }
            }
            MPacket::Suback(p) => {
                black_box(p.id);
                for ack in p.subscription_acks.acks {
                    black_box(*ack);
                }
            }
            MPacket::Unsubscribe(p) => {
                black_box(p.id);
                for request in p.unsubscriptions {
                    black_box(request.topic.value);
                }
            }
            MPacket::Pingreq(_) | MPacket::Pingresp(_) | MPacket::Disconnect(_) => {}
        }
    }
}

#[cold]
fn fault<E>(error: nom::Err<nom::error::Error<E>>) -> Fault {
    match error {
        nom::Err::Incomplete(_) => Fault::Incomplete,
        nom::Err::Error(error) | nom::Err::Failure(error) => Fault::refused(error.code),
    }
}
