//! mqttbytes, the codec that rumqttc's came from.

use std::hint::black_box;

use bytes::BytesMut;
use mqttbytes::{Error, v4, v5};

use super::bytesmut;
use crate::codec::{Answer, Decode, Deliver, Encode, Fault, decoded};
use crate::workload::{Subscriber, Version};

const MAX_SIZE: usize = 268_435_460;

#[cold]
fn fault(error: Error) -> Fault {
    match error {
        Error::InsufficientBytes(_) => Fault::Incomplete,
        error => Fault::refused(error),
    }
}

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
                let max_size = black_box(MAX_SIZE);
                while !input.is_empty() {
                    let packet = $version::read(input, max_size).map_err(fault)?;
                    each(packet);
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

impl Answer for V5 {
    type Output = BytesMut;

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn answer(
        &mut self,
        [suback, unsuback, puback, last]: [u16; 4],
        out: &mut BytesMut,
    ) -> Result<(), String> {
        use v5::{ConnAck, ConnectReturnCode, PubAck, SubAck, SubscribeReasonCode, UnsubAck, UnsubAckReason};
        let said = |e| format!("{e:?}");
        out.clear();
        ConnAck { session_present: false, code: ConnectReturnCode::Success, properties: None }
            .write(out)
            .map_err(said)?;
        SubAck::new(suback, vec![SubscribeReasonCode::QoS1]).write(out).map_err(said)?;
        UnsubAck { pkid: unsuback, reasons: vec![UnsubAckReason::Success], properties: None }
            .write(out)
            .map_err(said)?;
        PubAck::new(puback).write(out).map_err(said)?;
        PubAck::new(last).write(out).map_err(said)?;
        v5::PingResp.write(out).map_err(said)?;
        Ok(())
    }

    fn written(out: &BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}

impl Answer for V4 {
    type Output = BytesMut;

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn answer(
        &mut self,
        [suback, unsuback, puback, last]: [u16; 4],
        out: &mut BytesMut,
    ) -> Result<(), String> {
        use v4::{ConnAck, ConnectReturnCode, PubAck, SubAck, SubscribeReasonCode, UnsubAck};
        let said = |e| format!("{e:?}");
        out.clear();
        ConnAck::new(ConnectReturnCode::Success, false).write(out).map_err(said)?;
        SubAck::new(suback, vec![SubscribeReasonCode::Success(mqttbytes::QoS::AtLeastOnce)])
            .write(out)
            .map_err(said)?;
        UnsubAck::new(unsuback).write(out).map_err(said)?;
        PubAck::new(puback).write(out).map_err(said)?;
        PubAck::new(last).write(out).map_err(said)?;
        v4::PingResp.write(out).map_err(said)?;
        Ok(())
    }

    fn written(out: &BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}

impl Deliver for V5 {
    /// The message for each version: the 3.1.1 one is made once.
    type Message = (v5::Publish, v4::Publish);
    type Output = BytesMut;

    fn message(bytes: &'static [u8]) -> Result<Self::Message, Fault> {
        let Some(v5::Packet::Publish(new)) = decoded::<Self>(bytes)?.pop() else {
            return Err(Fault::Incomplete);
        };
        let old = v4::Publish::new(&new.topic, mqttbytes::QoS::AtMostOnce, new.payload.to_vec());
        Ok((new, old))
    }

    fn output(capacity: usize) -> BytesMut {
        BytesMut::with_capacity(capacity)
    }

    #[inline]
    fn deliver(
        &mut self,
        (new, old): &mut Self::Message,
        to: &[Subscriber],
        outputs: &mut [BytesMut],
    ) -> Result<(), String> {
        for (to, out) in to.iter().zip(outputs) {
            out.clear();
            let qos = mqttbytes::qos(to.qos).map_err(|e| format!("{e:?}"))?;
            if to.version == Version::V5 {
                (new.qos, new.pkid) = (qos, to.id);
                new.write(out).map_err(|e| format!("{e:?}"))?;
            } else {
                (old.qos, old.pkid) = (qos, to.id);
                old.write(out).map_err(|e| format!("{e:?}"))?;
            }
        }
        Ok(())
    }

    fn written(out: &BytesMut) -> Vec<u8> {
        out.to_vec()
    }
}
