//! rusty_rtos_mqtt, the wire format of a client: it reads what a server sends and writes what a client sends. Texts
//! stay bytes, unchecked.

use std::hint::black_box;

use rusty_rtos_mqtt::{
    AckInfo, ClientSettings, ConnAck, Disconnect, HeaderError, Limits, OutgoingPublish, PacketInfo,
    PropertyCursor, PublishInfo, deserialize_ack, deserialize_connack, deserialize_disconnect,
    deserialize_publish, process_incoming_packet_type_and_length, publish_packet_size, serialize_ack,
    serialize_pingreq, serialize_publish,
};

use crate::codec::{Decode, Encode, Fault, ReadAll, frame_length};
use crate::seen::text;

#[derive(Clone, Copy)]
pub enum Packet {
    Publish(PublishInfo<'static>),
    ConnAck(ConnAck<'static>),
    Ack(u8, AckInfo<'static>),
    Disconnect(Disconnect<'static>),
    /// It does not read what a client sends.
    PingReq,
}

const MAX_PACKET_SIZE: u32 = 268_435_455;

pub struct V5 {
    limits: Limits,
    settings: ClientSettings,
    topic_alias_max: u16,
}

impl Default for V5 {
    fn default() -> Self {
        let max_packet_size = MAX_PACKET_SIZE;
        Self {
            limits: black_box(Limits { max_packet_size, request_problem_info: true }),
            settings: black_box(ClientSettings { max_packet_size, request_response_info: true }),
            topic_alias_max: black_box(u16::MAX),
        }
    }
}

impl V5 {
    #[inline]
    fn body(&self, packet: PacketInfo<'static>) -> Result<Packet, Fault> {
        let max = self.limits.max_packet_size;
        Ok(match packet.packet_type >> 4 {
            3 => Packet::Publish(
                deserialize_publish(&packet, max, self.topic_alias_max).map_err(Fault::refused)?,
            ),
            2 => Packet::ConnAck(deserialize_connack(&packet, &self.settings).map_err(Fault::refused)?),
            14 => Packet::Disconnect(deserialize_disconnect(&packet, max).map_err(Fault::refused)?),
            _ => Packet::Ack(
                packet.packet_type,
                deserialize_ack(&packet, &self.limits).map_err(Fault::refused)?,
            ),
        })
    }
}

#[cold]
fn fault(error: HeaderError) -> Fault {
    match error {
        HeaderError::BadResponse => Fault::refused(error),
        _ => Fault::Incomplete,
    }
}

impl Decode for V5 {
    type Input = &'static [u8];
    type Packet = Packet;

    fn input(bytes: &'static [u8]) -> Self::Input {
        bytes
    }

    fn topic(packet: &Packet) -> &[u8] {
        match packet {
            Packet::Publish(publish) => publish.topic_name,
            _ => &[],
        }
    }

    #[inline]
    fn decode(&mut self, input: &mut &'static [u8], mut each: impl FnMut(Packet)) -> Result<(), Fault> {
        while !input.is_empty() {
            let header = process_incoming_packet_type_and_length(input, input.len()).map_err(fault)?;
            let rest = &input[header.header_length..];
            let length = header.remaining_length as usize;
            if rest.len() < length {
                return Err(Fault::Incomplete);
            }
            let packet = self.body(PacketInfo {
                packet_type: header.packet_type,
                remaining_length: header.remaining_length,
                remaining_data: &rest[..length],
            })?;
            *input = &rest[length..];
            each(packet);
        }
        Ok(())
    }
}

impl Encode for V5 {
    type Packet = Packet;
    type Output = (Vec<u8>, usize);

    fn packets(mut bytes: &'static [u8]) -> Result<Vec<Packet>, Fault> {
        let mut packets = Vec::new();
        while let Some((frame, rest)) = frame_length(bytes).and_then(|length| bytes.split_at_checked(length))
        {
            bytes = rest;
            if frame == [0xC0, 0] {
                packets.push(Packet::PingReq);
            } else {
                Self::default().decode(&mut &*frame, |packet| packets.push(packet))?;
            }
        }
        Ok(packets)
    }

    fn output(capacity: usize) -> Self::Output {
        (vec![0; capacity], 0)
    }

    #[inline]
    fn encode(
        &mut self,
        packets: &mut Vec<Packet>,
        (buffer, filled): &mut Self::Output,
    ) -> Result<(), String> {
        let capacity = buffer.len();
        let mut rest = buffer.as_mut_slice();
        for packet in packets {
            let len = match packet {
                Packet::Publish(p) => {
                    let publish = OutgoingPublish {
                        qos: p.qos,
                        dup: p.dup,
                        retain: p.retain,
                        topic_name: p.topic_name,
                        payload: p.payload,
                        properties: p.properties,
                    };
                    let size = publish_packet_size(&publish, self.limits.max_packet_size).map_err(said)?;
                    let id = p.packet_id.unwrap_or_default();
                    serialize_publish(rest, &publish, id, size.remaining_length).map_err(said)?
                }
                Packet::Ack(packet_type @ (0x40 | 0x50 | 0x62 | 0x70), ack) => {
                    let code = ack.reason_codes.first().copied().filter(|_| !ack.properties.is_empty());
                    let id = ack.packet_id.unwrap_or_default();
                    serialize_ack(rest, *packet_type, id, code, ack.properties).map_err(said)?
                }
                Packet::PingReq => serialize_pingreq(rest).map_err(said)?,
                _ => return Err("writes only what a client sends".to_owned()),
            };
            rest = &mut rest[len..];
        }
        *filled = capacity - rest.len();
        Ok(())
    }

    fn written((buffer, filled): &mut Self::Output) -> Vec<u8> {
        buffer[..*filled].to_vec()
    }
}

#[cold]
fn said(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

impl ReadAll for V5 {
    #[inline]
    fn read_all(packet: &Packet) {
        match packet {
            Packet::Publish(p) => {
                black_box((p.qos, p.dup, p.retain, p.packet_id, p.payload));
                text(p.topic_name);
                properties(p.properties);
            }
            Packet::ConnAck(p) => {
                black_box((p.session_present, p.reason_code, p.server, p.fields_present));
                properties(p.properties);
            }
            Packet::Ack(packet_type, p) => {
                black_box((*packet_type, p.packet_id, p.reason_codes));
                properties(p.properties);
            }
            Packet::Disconnect(p) => {
                black_box(p.reason_code);
                properties(p.properties);
            }
            Packet::PingReq => {}
        }
    }
}

/// Reads each property by its number, texts as `&str`.
#[inline]
fn properties(section: &[u8]) {
    let mut cursor = PropertyCursor::new(section);
    while let Ok(number) = cursor.next_type() {
        let result = match number {
            0x01 => cursor.payload_format().map(u32::from),
            0x02 => cursor.message_expiry(),
            0x03 => cursor.content_type().map(seen),
            0x08 => cursor.response_topic().map(seen),
            0x09 => cursor.correlation_data().map(|data| data.len() as u32),
            0x12 => cursor.assigned_client_id().map(seen),
            0x1F => cursor.reason_string().map(seen),
            0x26 => cursor.user_property().map(|(name, value)| seen(name) + seen(value)),
            _ => cursor.skip().map(|()| 0),
        };
        match result {
            Ok(value) => _ = black_box(value),
            Err(_) => return,
        }
    }
}

#[inline]
fn seen(bytes: &[u8]) -> u32 {
    text(bytes);
    bytes.len() as u32
}
