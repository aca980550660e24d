//! The codecs inside of the client rumqttc.

use bytes::BytesMut;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;

use super::bytesmut;
use crate::codec::{Decode, Encode, Fault, decoded};

const MAX_SIZE: usize = 268_435_460;

#[derive(Default)]
pub struct V5;

impl Decode for V5 {
    type Input = BytesMut;
    type Packet = v5::Packet;

    fn input(bytes: &'static [u8]) -> BytesMut {
        bytesmut::input(bytes)
    }

    #[inline]
    fn decode(&mut self, input: &mut BytesMut, mut each: impl FnMut(&v5::Packet)) -> Result<(), Fault> {
        use rumqttc::v5::mqttbytes::Error;
        while !input.is_empty() {
            match &v5::Packet::read(input, None) {
                Ok(packet) => each(packet),
                Err(Error::InsufficientBytes(_)) => return Err(Fault::Incomplete),
                Err(error) => return Err(Fault::refused(error)),
            }
        }
        Ok(())
    }
}

impl Encode for V5 {
    type Packet = v5::Packet;
    type Output = BytesMut;

    fn packets(bytes: &'static [u8]) -> Result<Vec<v5::Packet>, Fault> {
        decoded::<Self>(bytes)
    }

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<v5::Packet>, out: &mut BytesMut) -> Result<(), String> {
        out.clear();
        for packet in packets {
            packet.write(out, None).map_err(|e| format!("{e:?}"))?;
        }
        Ok(())
    }

    fn written(out: &mut BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}

#[derive(Default)]
pub struct V4;

impl Decode for V4 {
    type Input = BytesMut;
    type Packet = v4::Packet;

    fn input(bytes: &'static [u8]) -> BytesMut {
        bytesmut::input(bytes)
    }

    #[inline]
    fn decode(&mut self, input: &mut BytesMut, mut each: impl FnMut(&v4::Packet)) -> Result<(), Fault> {
        use rumqttc::mqttbytes::Error;
        while !input.is_empty() {
            match &v4::Packet::read(input, MAX_SIZE) {
                Ok(packet) => each(packet),
                Err(Error::InsufficientBytes(_)) => return Err(Fault::Incomplete),
                Err(error) => return Err(Fault::refused(error)),
            }
        }
        Ok(())
    }
}

impl Encode for V4 {
    type Packet = v4::Packet;
    type Output = BytesMut;

    fn packets(bytes: &'static [u8]) -> Result<Vec<v4::Packet>, Fault> {
        decoded::<Self>(bytes)
    }

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<v4::Packet>, out: &mut BytesMut) -> Result<(), String> {
        out.clear();
        for packet in packets {
            packet.write(out, MAX_SIZE).map_err(|e| format!("{e:?}"))?;
        }
        Ok(())
    }

    fn written(out: &mut BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}
