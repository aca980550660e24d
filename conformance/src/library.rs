//! `mqtt-wire` as a decoder of the suite.

use mqtt_wire::topic::{TopicFilter, TopicName};
use mqtt_wire::{DecodeError, DecodeOptions, Decoded, EncodeOptions, Packet, TopicError, decode};

use crate::answer::{Answer, Ask, Decoder, Fault, Request, Status};
use crate::case::{Sender, Version};
use crate::{fields, hex};

/// The library, in process.
#[derive(Debug, Default)]
pub struct Library;

impl Decoder for Library {
    fn ask(&mut self, request: &Request) -> Answer {
        let name = || request.topic_name.as_deref().unwrap_or_default();
        let filter = || request.topic_filter.as_deref().unwrap_or_default();
        let version = version(request.version);
        let topic = |error: Option<TopicError>| {
            error.map_or_else(|| Answer::of(Status::Ok), |error| bad_topic(&error, version))
        };
        match request.ask {
            Ask::Decode => match hex::parse(request.hex.as_deref().unwrap_or_default()) {
                Ok(bytes) => packet(&bytes, request),
                Err(_) => Answer::of(Status::Crash),
            },
            Ask::TopicName => topic(TopicName::new(name()).err()),
            Ask::TopicFilter => topic(TopicFilter::new_for(filter(), version).err()),
            Ask::Match => match (TopicFilter::new_for(filter(), version), TopicName::new(name())) {
                (Ok(filter), Ok(name)) => {
                    Answer { matches: Some(filter.matches(name)), ..Answer::of(Status::Ok) }
                }
                (Err(error), _) | (_, Err(error)) => bad_topic(&error, version),
            },
        }
    }
}

const fn version(version: Version) -> mqtt_wire::Version {
    match version {
        Version::V31 => mqtt_wire::Version::V31,
        Version::V311 => mqtt_wire::Version::V311,
        Version::V5 => mqtt_wire::Version::V5,
    }
}

fn options(request: &Request) -> (DecodeOptions, EncodeOptions) {
    let version = version(request.version);
    let (mut decode, mut encode) = (DecodeOptions::new(version), EncodeOptions::new(version));
    if request.version_unknown {
        decode = DecodeOptions::detect();
    }
    if let Some(sender) = request.sender {
        let sender = match sender {
            Sender::Client => mqtt_wire::Sender::Client,
            Sender::Server => mqtt_wire::Sender::Server,
        };
        (decode, encode) = (decode.with_sender(sender), encode.with_sender(sender));
    }
    if let Some(max) = request.max_packet_size {
        (decode, encode) = (decode.with_max_packet_size(max), encode.with_max_packet_size(max));
    }
    if request.check_payload_format {
        (decode, encode) = (decode.with_payload_check(true), encode.with_payload_check(true));
    }
    if request.refuse_control_characters {
        (decode, encode) = (decode.with_strict_characters(true), encode.with_strict_characters(true));
    }
    (decode.with_first_packet(request.first_packet), encode)
}

fn packet(bytes: &[u8], request: &Request) -> Answer {
    let (options, encoding) = options(request);
    match decode(bytes, options) {
        Ok(Decoded::Packet { packet, len }) => good(&packet, len, request, encoding),
        Ok(Decoded::Incomplete { missing }) => {
            Answer { missing: Some(missing), ..Answer::of(Status::Incomplete) }
        }
        Err(error) => bad(&error),
    }
}

fn good(packet: &Packet<'_>, length: usize, request: &Request, encoding: EncodeOptions) -> Answer {
    let mut encoded = Vec::new();
    let encoded = match packet.encode(encoding, &mut encoded) {
        Ok(_) => hex::plain(&encoded),
        Err(error) => error.to_string(),
    };
    Answer {
        packet_type: Some(packet.packet_type().name().to_owned()),
        fields: Some(fields::of(packet, version(request.version))),
        raw_length: Some(length),
        encoded: Some(encoded),
        ..Answer::of(Status::Ok)
    }
}

fn bad(error: &DecodeError) -> Answer {
    let fault = Fault {
        kind: Some(error.rule().name().to_owned()),
        offset: Some(error.offset()),
        reason_code: Some(error.reason_code().get()),
        rule: Some(error.requirement().to_owned()),
        message: Some(error.to_string()),
    };
    Answer { error: Some(fault), ..Answer::of(Status::Error) }
}

fn bad_topic(error: &TopicError, version: mqtt_wire::Version) -> Answer {
    let fault = Fault {
        kind: Some(error.rule().name().to_owned()),
        offset: Some(error.offset()),
        reason_code: None,
        rule: Some(error.rule().requirement(version, None).to_owned()),
        message: Some(error.to_string()),
    };
    Answer { error: Some(fault), ..Answer::of(Status::Error) }
}
