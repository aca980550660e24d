//! mqttrs.

use std::hint::black_box;

use mqttrs::{
    Connack, ConnectReturnCode, Packet, Pid, QoS, Suback, SubscribeReturnCodes, decode_slice, encode_slice,
};

use crate::codec::{Answer, Decode, Encode, Fault, ReadAll, decoded, frame_length};

#[derive(Default)]
pub struct V311;

impl Decode for V311 {
    type Input = &'static [u8];
    type Packet = Packet<'static>;

    fn input(bytes: &'static [u8]) -> Self::Input {
        bytes
    }

    fn topic<'p>(packet: &'p Packet<'static>) -> &'p [u8] {
        match packet {
            Packet::Publish(publish) => publish.topic_name.as_bytes(),
            _ => &[],
        }
    }

    #[inline]
    fn decode(
        &mut self,
        input: &mut Self::Input,
        mut each: impl FnMut(Packet<'static>),
    ) -> Result<(), Fault> {
        while !input.is_empty() {
            match decode_slice(input).map_err(Fault::refused)? {
                Some(packet) => each(packet),
                None => return Err(Fault::Incomplete),
            }
            let length = frame_length(input).expect("it was decoded");
            *input = &input[length..];
        }
        Ok(())
    }
}

/// A buffer of a fixed size and how much of it is filled.
pub struct Output {
    buffer: Vec<u8>,
    filled: usize,
}

impl Encode for V311 {
    type Packet = Packet<'static>;
    type Output = Output;

    fn packets(bytes: &'static [u8]) -> Result<Vec<Packet<'static>>, Fault> {
        decoded::<Self>(bytes)
    }

    fn output(capacity: usize) -> Output {
        Output { buffer: vec![0; capacity], filled: 0 }
    }

    #[inline]
    fn encode(&mut self, packets: &mut Vec<Packet<'static>>, out: &mut Output) -> Result<(), String> {
        let capacity = out.buffer.len();
        let mut rest = out.buffer.as_mut_slice();
        for packet in packets {
            let len = encode_slice(packet, rest).map_err(|e| format!("{e:?}"))?;
            rest = &mut rest[len..];
        }
        out.filled = capacity - rest.len();
        Ok(())
    }

    fn written(out: &mut Output) -> Vec<u8> {
        out.buffer[..out.filled].to_vec()
    }
}

impl ReadAll for V311 {
    #[inline]
    fn read_all(packet: &Packet<'static>) {
        match packet {
            Packet::Connect(connect) => {
                black_box((connect.protocol, connect.keep_alive, connect.client_id, connect.clean_session));
                if let Some(will) = &connect.last_will {
                    black_box((will.topic, will.message, will.qos, will.retain));
                }
                black_box((connect.username, connect.password));
            }
            Packet::Connack(connack) => _ = black_box((connack.session_present, connack.code)),
            Packet::Publish(publish) => {
                black_box((publish.dup, publish.qospid, publish.retain, publish.topic_name, publish.payload));
            }
            Packet::Puback(id)
            | Packet::Pubrec(id)
            | Packet::Pubrel(id)
            | Packet::Pubcomp(id)
            | Packet::Unsuback(id) => _ = black_box(*id),
            Packet::Subscribe(subscribe) => {
                black_box(subscribe.pid);
                for topic in &subscribe.topics {
                    black_box((topic.topic_path.as_str(), topic.qos));
                }
            }
            Packet::Suback(suback) => {
                black_box(suback.pid);
                for code in &suback.return_codes {
                    black_box(*code);
                }
            }
            Packet::Unsubscribe(unsubscribe) => {
                black_box(unsubscribe.pid);
                for topic in &unsubscribe.topics {
                    black_box(topic.as_str());
                }
            }
            Packet::Pingreq | Packet::Pingresp | Packet::Disconnect => {}
        }
    }
}

impl Answer for V311 {
    type Output = Output;

    fn output(capacity: usize) -> Output {
        <Self as Encode>::output(capacity)
    }

    #[inline]
    fn answer(&mut self, ids: [u16; 4], out: &mut Output) -> Result<(), String> {
        let [suback, unsuback, puback, last] =
            ids.map(|id| Pid::try_from(id).map_err(|e| format!("{e:?}")).unwrap_or_default());
        let capacity = out.buffer.len();
        let mut rest = out.buffer.as_mut_slice();
        let mut send = |packet: Packet<'_>| {
            let len = encode_slice(&packet, rest).map_err(|e| format!("{e:?}"))?;
            rest = &mut std::mem::take(&mut rest)[len..];
            Ok::<(), String>(())
        };
        send(Packet::Connack(Connack { session_present: false, code: ConnectReturnCode::Accepted }))?;
        let return_codes = vec![SubscribeReturnCodes::Success(QoS::AtLeastOnce)];
        send(Packet::Suback(Suback { pid: suback, return_codes }))?;
        send(Packet::Unsuback(unsuback))?;
        send(Packet::Puback(puback))?;
        send(Packet::Puback(last))?;
        send(Packet::Pingresp)?;
        out.filled = capacity - rest.len();
        Ok(())
    }

    fn written(out: &Output) -> Vec<u8> {
        out.buffer[..out.filled].to_vec()
    }
}
