//! The codecs, each behind the same two or three functions.

use std::fmt::Debug;
use std::io::{ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::BytesMut;
use tokio_util::codec::{Decoder as _, Encoder as _};

/// The largest packet there is.
const MAX_SIZE: u32 = 268_435_460;

pub struct Codec {
    pub name: &'static str,
    pub version: &'static str,
    pub versions: &'static [&'static str],
    pub senders: &'static [&'static str],
    pub decode: fn(&[u8], bool) -> Reply,
    pub topics: Option<Topics>,
}

pub struct Topics {
    pub name: fn(&str) -> bool,
    pub filter: fn(&str) -> bool,
    pub matches: fn(&str, &str) -> bool,
}

pub enum Reply {
    Packet { length: usize, encoded: Option<Vec<u8>> },
    Incomplete,
    Error(String),
}

const BOTH: &[&str] = &["3.1.1", "5.0"];
const EITHER: &[&str] = &["client", "server"];

pub const ALL: &[Codec] = &[
    Codec {
        name: "rumqttc",
        version: "0.25.1",
        versions: BOTH,
        senders: EITHER,
        decode: rumqttc,
        topics: Some(Topics {
            name: rumqttc::mqttbytes::valid_topic,
            filter: rumqttc::mqttbytes::valid_filter,
            matches: |filter, name| rumqttc::mqttbytes::matches(name, filter),
        }),
    },
    Codec {
        name: "mqttbytes",
        version: "0.6.0",
        versions: BOTH,
        senders: EITHER,
        decode: mqttbytes,
        topics: None,
    },
    Codec {
        name: "mqttrs",
        version: "0.4.1",
        versions: &["3.1.1"],
        senders: EITHER,
        decode: mqttrs,
        topics: None,
    },
    Codec {
        name: "ntex-mqtt",
        version: "9.4.0",
        versions: BOTH,
        senders: EITHER,
        decode: ntex,
        topics: None,
    },
    Codec {
        name: "rmqtt-codec",
        version: "0.3.1",
        versions: BOTH,
        senders: EITHER,
        decode: rmqtt,
        topics: None,
    },
    Codec {
        name: "mqtt-codec-kit",
        version: "1.0.5",
        versions: BOTH,
        senders: EITHER,
        decode: kit,
        topics: None,
    },
    Codec {
        name: "flowsdk",
        version: "0.7.0",
        versions: BOTH,
        senders: EITHER,
        decode: flowsdk,
        topics: None,
    },
    Codec {
        name: "rusty_rtos_mqtt",
        version: "0.2.0",
        versions: &["5.0"],
        // The wire format of a client: what clients send it only writes.
        senders: &["server"],
        decode: rusty_rtos,
        topics: None,
    },
];

fn refused(error: impl Debug) -> Reply {
    Reply::Error(format!("{error:?}"))
}

/// What a packet is encoded to; nothing when that fails or panics, which is no part of the question.
fn again<E>(encode: impl FnOnce() -> Result<Vec<u8>, E>) -> Option<Vec<u8>> {
    catch_unwind(AssertUnwindSafe(encode)).ok()?.ok()
}

/// The length of the frame at the start of the bytes; `None` while it is not all there.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    for (n, byte) in bytes.get(1..)?.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * n);
        if byte & 0x80 == 0 {
            return Some(2 + n + length).filter(|end| *end <= bytes.len());
        }
    }
    None
}

fn rumqttc(bytes: &[u8], v5: bool) -> Reply {
    let mut input = BytesMut::from(bytes);
    let mut out = BytesMut::new();
    if v5 {
        use rumqttc::v5::mqttbytes::{Error, v5::Packet};
        match Packet::read(&mut input, Some(MAX_SIZE)) {
            Ok(packet) => Reply::Packet {
                length: bytes.len() - input.len(),
                encoded: again(|| packet.write(&mut out, None).map(|_| out.to_vec())),
            },
            Err(Error::InsufficientBytes(_)) => Reply::Incomplete,
            Err(error) => refused(error),
        }
    } else {
        use rumqttc::mqttbytes::{Error, v4::Packet};
        match Packet::read(&mut input, MAX_SIZE as usize) {
            Ok(packet) => Reply::Packet {
                length: bytes.len() - input.len(),
                encoded: again(|| packet.write(&mut out, MAX_SIZE as usize).map(|_| out.to_vec())),
            },
            Err(Error::InsufficientBytes(_)) => Reply::Incomplete,
            Err(error) => refused(error),
        }
    }
}

fn mqttbytes(bytes: &[u8], v5: bool) -> Reply {
    use mqttbytes::Error;
    let mut input = BytesMut::from(bytes);
    // Its packets are written each by a method of its own: the verdict alone is asked.
    let result = if v5 {
        mqttbytes::v5::read(&mut input, MAX_SIZE as usize).map(drop)
    } else {
        mqttbytes::v4::read(&mut input, MAX_SIZE as usize).map(drop)
    };
    match result {
        Ok(()) => Reply::Packet { length: bytes.len() - input.len(), encoded: None },
        Err(Error::InsufficientBytes(_)) => Reply::Incomplete,
        Err(error) => refused(error),
    }
}

fn mqttrs(bytes: &[u8], _: bool) -> Reply {
    match mqttrs::decode_slice(bytes) {
        Ok(Some(packet)) => Reply::Packet {
            length: frame_length(bytes).unwrap_or(bytes.len()),
            encoded: again(|| {
                let mut out = vec![0; bytes.len() + 64];
                mqttrs::encode_slice(&packet, &mut out).map(|length| out[..length].to_vec())
            }),
        },
        Ok(None) => Reply::Incomplete,
        Err(error) => refused(error),
    }
}

macro_rules! ntex {
    ($version:ident, $bytes:expr) => {{
        use ntex_codec::{Decoder as _, Encoder as _};
        use ntex_mqtt::$version::codec::{Codec, Decoded, Encoded};
        let bytes: &[u8] = $bytes;
        let codec = Codec::default();
        let mut input = ntex_bytes::BytesMut::with_capacity(bytes.len() + 64);
        input.extend_from_slice(bytes);
        let packet = match codec.decode(&mut input) {
            Ok(Some(Decoded::Packet(packet, _))) => Encoded::Packet(packet),
            Ok(Some(Decoded::Publish(packet, payload, _))) => {
                // A payload may come in pieces; the packet is there when all of them are.
                if frame_length(bytes).is_none() {
                    return Reply::Incomplete;
                }
                let mut payload = payload.to_vec();
                while payload.len() < packet.payload_size as usize {
                    match codec.decode(&mut input) {
                        Ok(Some(Decoded::PayloadChunk(chunk, _))) => payload.extend_from_slice(&chunk),
                        Ok(_) => return Reply::Incomplete,
                        Err(error) => return refused(error),
                    }
                }
                Encoded::Publish(packet, Some(payload.into()))
            }
            Ok(Some(Decoded::PayloadChunk(..))) => {
                return Reply::Error("a payload without a packet".to_owned());
            }
            Ok(None) => return Reply::Incomplete,
            Err(error) => return refused(error),
        };
        let length = bytes.len() - input.len();
        let mut out = ntex_bytes::BytePages::default();
        Reply::Packet {
            length,
            encoded: again(|| Codec::default().encode(packet, &mut out).map(|()| out.freeze().to_vec())),
        }
    }};
}

fn ntex(bytes: &[u8], v5: bool) -> Reply {
    if v5 { ntex!(v5, bytes) } else { ntex!(v3, bytes) }
}

macro_rules! rmqtt {
    ($version:ident, $bytes:expr) => {{
        let bytes: &[u8] = $bytes;
        let mut codec = rmqtt_codec::$version::Codec::default();
        let mut input = BytesMut::from(bytes);
        match codec.decode(&mut input) {
            Ok(Some((packet, _))) => {
                let mut out = BytesMut::new();
                let mut codec = rmqtt_codec::$version::Codec::default();
                Reply::Packet {
                    length: bytes.len() - input.len(),
                    encoded: again(|| codec.encode(packet, &mut out).map(|()| out.to_vec())),
                }
            }
            Ok(None) => Reply::Incomplete,
            Err(error) => refused(error),
        }
    }};
}

fn rmqtt(bytes: &[u8], v5: bool) -> Reply {
    if v5 { rmqtt!(v5, bytes) } else { rmqtt!(v3, bytes) }
}

macro_rules! kit {
    ($version:ident, $bytes:expr) => {{
        use mqtt_codec_kit::common::{Decodable as _, Encodable as _};
        let bytes: &[u8] = $bytes;
        let mut input = Connection { bytes, waits: false };
        let result = mqtt_codec_kit::$version::packet::VariablePacket::decode(&mut input);
        match result {
            _ if input.waits => Reply::Incomplete,
            Ok(packet) => {
                let mut out = Vec::new();
                let length = bytes.len() - input.bytes.len();
                Reply::Packet { length, encoded: again(|| packet.encode(&mut out).map(|()| out.clone())) }
            }
            Err(error) => refused(error),
        }
    }};
}

/// A connection on which more bytes may come: who reads past those that are there waits.
struct Connection<'a> {
    bytes: &'a [u8],
    waits: bool,
}

impl Read for Connection<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.bytes.is_empty() && !out.is_empty() {
            self.waits = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        self.bytes.read(out)
    }
}

fn kit(bytes: &[u8], v5: bool) -> Reply {
    if v5 { kit!(v5, bytes) } else { kit!(v4, bytes) }
}

fn flowsdk(bytes: &[u8], v5: bool) -> Reply {
    let mut parser =
        flowsdk::mqtt_serde::parser::stream::MqttParser::new(bytes.len(), if v5 { 5 } else { 4 });
    parser.feed(bytes);
    match parser.next_packet() {
        Ok(Some(packet)) => Reply::Packet {
            length: bytes.len() - parser.buffer_mut().len(),
            encoded: again(|| packet.to_bytes()),
        },
        Ok(None) => Reply::Incomplete,
        Err(error) => refused(error),
    }
}

fn rusty_rtos(bytes: &[u8], _: bool) -> Reply {
    use rusty_rtos_mqtt::{
        ClientSettings, HeaderError, Limits, PacketInfo, deserialize_ack, deserialize_connack,
        deserialize_disconnect, deserialize_publish, process_incoming_packet_type_and_length,
    };
    let header = match process_incoming_packet_type_and_length(bytes, bytes.len()) {
        Ok(header) => header,
        Err(error @ HeaderError::BadResponse) => return refused(error),
        Err(_) => return Reply::Incomplete,
    };
    let length = header.header_length + header.remaining_length as usize;
    let Some(remaining_data) = bytes.get(header.header_length..length) else { return Reply::Incomplete };
    let packet = PacketInfo {
        packet_type: header.packet_type,
        remaining_length: header.remaining_length,
        remaining_data,
    };
    let result = match header.packet_type >> 4 {
        2 => {
            let settings = ClientSettings { max_packet_size: MAX_SIZE, request_response_info: true };
            deserialize_connack(&packet, &settings).map(drop).map_err(refused)
        }
        3 => deserialize_publish(&packet, MAX_SIZE, u16::MAX).map(drop).map_err(refused),
        14 => deserialize_disconnect(&packet, MAX_SIZE).map(drop).map_err(refused),
        _ => {
            let limits = Limits { max_packet_size: MAX_SIZE, request_problem_info: true };
            deserialize_ack(&packet, &limits).map(drop).map_err(refused)
        }
    };
    // It writes what a client sends, from other structs: the verdict alone is asked.
    result.map_or_else(|refusal| refusal, |()| Reply::Packet { length, encoded: None })
}
