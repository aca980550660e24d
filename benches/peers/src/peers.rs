//! The codecs, each behind the same two traits, and what is to be said about them.

mod bytesmut;
mod mqtt_codec_kit;
mod mqtt_format;
mod mqtt_proto;
mod mqtt_wire;
mod mqttbytes;
mod mqttrs;
mod ntex_mqtt;
mod rmqtt_codec;
mod rumqttc;

use crate::codec::{self, Decode, Encode, Made, Verdict};
use crate::workload::{Version, Workload};

/// A codec for one version of the protocol.
pub struct Peer {
    pub name: &'static str,
    pub decode: fn(&Workload) -> Result<Made, String>,
    pub encode: fn(&Workload) -> Result<Made, String>,
    pub verdict: fn(&'static [u8]) -> Verdict,
}

impl Peer {
    fn new<D: Decode + 'static, E: Encode + 'static>(name: &'static str) -> Self {
        Self {
            name,
            decode: |w| codec::decode_cell::<D>(w.bytes, w.packets),
            encode: |w| codec::encode_cell::<E>(w.bytes, w.packets),
            verdict: codec::verdict::<D>,
        }
    }

    fn both<C: Decode + Encode + 'static>(name: &'static str) -> Self {
        Self::new::<C, C>(name)
    }
}

/// The codecs for `version`; the first is the one that the others are compared with.
pub fn all(version: Version) -> Vec<Peer> {
    match version {
        Version::V5 => vec![
            Peer::both::<mqtt_wire::V5>("mqtt-wire"),
            Peer::both::<mqtt_wire::FrameV5>("mqtt-wire `Frame`"),
            Peer::both::<rumqttc::V5>("rumqttc"),
            Peer::both::<mqttbytes::V5>("mqttbytes"),
            Peer::both::<rmqtt_codec::V5>("rmqtt-codec"),
            Peer::both::<ntex_mqtt::V5>("ntex-mqtt"),
            Peer::both::<mqtt_proto::V5>("mqtt-proto"),
            Peer::both::<mqtt_codec_kit::V5>("mqtt-codec-kit"),
        ],
        Version::V311 => vec![
            Peer::both::<mqtt_wire::V311>("mqtt-wire"),
            Peer::both::<mqtt_wire::FrameV311>("mqtt-wire `Frame`"),
            Peer::both::<rumqttc::V4>("rumqttc"),
            Peer::both::<mqttbytes::V4>("mqttbytes"),
            Peer::both::<rmqtt_codec::V3>("rmqtt-codec"),
            Peer::both::<ntex_mqtt::V3>("ntex-mqtt"),
            Peer::both::<mqtt_proto::V3>("mqtt-proto"),
            Peer::both::<mqtt_codec_kit::V4>("mqtt-codec-kit"),
            Peer::both::<mqttrs::V311>("mqttrs"),
            Peer::both::<mqtt_format::V3>("mqtt-format"),
        ],
    }
}

/// What a codec takes and gives, for the report.
pub struct About {
    pub name: &'static str,
    pub package: &'static str,
    pub versions: &'static str,
    pub takes: &'static str,
    pub gives: &'static str,
    pub writes: &'static str,
}

pub const ABOUT: &[About] = &[
    About {
        name: "mqtt-wire",
        package: "mqtt-wire",
        versions: "3.1, 3.1.1, 5.0",
        takes: "`&[u8]`",
        gives: "packet that borrows everything; lists of properties, filters and codes are checked, and read again \
                when they are iterated",
        writes: "by reference into `&mut [u8]`",
    },
    About {
        name: "mqtt-wire `Frame`",
        package: "mqtt-wire",
        versions: "3.1, 3.1.1, 5.0",
        takes: "`&mut BytesMut`, splits the frame off",
        gives: "owned frame, and the packet that borrows from it, decoded once",
        writes: "by reference into `BytesMut`",
    },
    About {
        name: "rumqttc",
        package: "rumqttc",
        versions: "3.1.1, 5.0",
        takes: "`&mut BytesMut`, splits the frame off",
        gives: "owned packet; payload a `Bytes` of the buffer, strings copied (the 5.0 topic stays `Bytes`, unchecked)",
        writes: "by reference into `BytesMut`",
    },
    About {
        name: "mqttbytes",
        package: "mqttbytes",
        versions: "3.1.1, 5.0",
        takes: "`&mut BytesMut`, splits the frame off",
        gives: "owned packet; payload a `Bytes` of the buffer, strings copied",
        writes: "by reference into `BytesMut`; no common `write`, one for each packet type",
    },
    About {
        name: "rmqtt-codec",
        package: "rmqtt-codec",
        versions: "3.1, 3.1.1, 5.0",
        takes: "`&mut BytesMut`, splits the frame off (tokio-util `Decoder`)",
        gives: "owned packet; payload and strings are slices of the buffer, counted references",
        writes: "by value into `BytesMut` (tokio-util `Encoder`)",
    },
    About {
        name: "ntex-mqtt",
        package: "ntex-mqtt",
        versions: "3.1.1, 5.0",
        takes: "`&mut ntex_bytes::BytesMut`, splits the frame off (ntex `Decoder`)",
        gives: "owned packet; payload and strings are slices of the buffer, counted references; payload may come in pieces",
        writes: "by value into `BytePages` (ntex `Encoder`), payloads above 4 KiB by reference; the pages are not reusable",
    },
    About {
        name: "mqtt-proto",
        package: "mqtt-proto",
        versions: "3.1, 3.1.1, 5.0",
        takes: "an async reader, here `&[u8]`, polled once (its `decode(&[u8])` does the same under a `block_on`, and \
                does not say where the frame ended)",
        gives: "owned packet; every string and payload copied",
        writes: "by reference, one new `Vec` a packet, here copied into one buffer",
    },
    About {
        name: "mqtt-codec-kit",
        package: "mqtt-codec-kit",
        versions: "3.1, 3.1.1, 5.0",
        takes: "an `io::Read`, here `&[u8]`",
        gives: "owned packet; every string and payload copied",
        writes: "by reference into an `io::Write`, here `Vec<u8>`",
    },
    About {
        name: "mqttrs",
        package: "mqttrs",
        versions: "3.1, 3.1.1",
        takes: "`&[u8]`; does not say where the frame ended, which a few lines here find out from the fixed header",
        gives: "packet that borrows strings and payload; SUBSCRIBE and its answers copied into `Vec` and `String`",
        writes: "by reference into `&mut [u8]`",
    },
    About {
        name: "mqtt-format",
        package: "mqtt-format",
        versions: "3.1.1",
        takes: "`&[u8]` (nom 7), frames with a Remaining Length of at most 127",
        gives: "packet that borrows everything; a list of filters is parsed again when it is iterated",
        writes: "by reference into a `futures::AsyncWrite`, here `Vec<u8>`, polled once",
    },
];
