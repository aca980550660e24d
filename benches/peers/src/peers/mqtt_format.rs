//! mqtt-format.

use std::pin::Pin;

use futures::FutureExt;
use mqtt_format::v3::packet::{MPacket, mpacket};

use crate::codec::{Decode, Encode, Fault, decoded};

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

#[cold]
fn fault<E>(error: nom::Err<nom::error::Error<E>>) -> Fault {
    match error {
        nom::Err::Incomplete(_) => Fault::Incomplete,
        nom::Err::Error(error) | nom::Err::Failure(error) => Fault::refused(error.code),
    }
}
