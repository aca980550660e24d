//! The codecs, each behind the same two traits, and what is to be said about them.

mod bytesmut;
mod copying;
#[cfg(feature = "all")]
mod flowsdk;
mod mqtt_codec_kit;
#[cfg(feature = "all")]
mod mqtt_format;
#[cfg(feature = "all")]
mod mqtt_proto;
mod mqtt_protocol;
mod mqtt_wire;
mod mqttbytes;
mod mqttrs;
#[cfg(feature = "all")]
mod ntex_mqtt;
#[cfg(feature = "all")]
mod rmqtt_codec;
mod rumqttc;
#[cfg(feature = "all")]
mod rusty_rtos_mqtt;

use bytes::BytesMut;

use crate::codec::{self, Answer, Decode, Deliver, Encode, Made, ReadAll, Verdict};
use crate::workload::{Delivery, Version, Workload};

/// Makes the cell of a workload, if the codec can do it.
pub type MakeCell = fn(&Workload) -> Result<Made, String>;

pub type MakeDelivery = fn(&Delivery) -> Result<Made, String>;

/// A codec for one version of the protocol, or another way to call one.
pub struct Peer {
    pub name: &'static str,
    /// What it does; `None` where this way does not differ from the codec's first one.
    pub decode: Option<MakeCell>,
    pub encode: Option<MakeCell>,
    /// Reads everything of what it decodes.
    pub read: Option<MakeCell>,
    pub deliver: Option<MakeDelivery>,
    pub answer: Option<fn(Version) -> Result<Made, String>>,
    pub verdict: Option<fn(&'static [u8]) -> Verdict>,
}

impl Peer {
    const fn named(name: &'static str) -> Self {
        Self { name, decode: None, encode: None, read: None, deliver: None, answer: None, verdict: None }
    }

    fn decodes<C: Decode + 'static>(mut self) -> Self {
        self.decode = Some(|w| codec::decode_cell::<C>(w.bytes, w.packets));
        self
    }

    fn encodes<C: Encode + 'static>(mut self) -> Self {
        self.encode = Some(|w| codec::encode_cell::<C>(w.bytes, w.packets));
        self
    }

    fn reads<C: ReadAll + 'static>(mut self) -> Self {
        self.read = Some(|w| codec::read_cell::<C>(w.bytes, w.packets));
        self
    }

    fn delivers<C: Deliver + 'static>(mut self) -> Self {
        self.deliver = Some(codec::deliver_cell::<C>);
        self
    }

    fn answers<C: Answer + 'static>(mut self) -> Self {
        self.answer = Some(codec::answer_cell::<C>);
        self
    }

    fn judged<C: Decode + 'static>(mut self) -> Self {
        self.verdict = Some(codec::verdict::<C>);
        self
    }

    fn both<C: Decode + Encode + 'static>(name: &'static str) -> Self {
        Self::named(name).decodes::<C>().encodes::<C>().judged::<C>()
    }
}

/// mqtt-wire in the ways that it can be called; the first is its README's.
fn ours<V: mqtt_wire::Of>() -> Vec<Peer> {
    use mqtt_wire::{
        Answers, Append, Built, ByReference, EachEncoded, Frames, Helper, IntoSlice, Kept, Readme, Received,
    };
    vec![
        Peer::named(OURS)
            .decodes::<Readme<V>>()
            .reads::<Readme<V>>()
            .encodes::<Append<V, Vec<u8>, Received>>()
            .answers::<Answers<V>>()
            .delivers::<EachEncoded>()
            .judged::<Readme<V>>(),
        Peer::named(HELPER).decodes::<Helper<V>>(),
        Peer::named(FRAME).decodes::<Frames<V>>().judged::<Frames<V>>(),
        Peer::named(BY_REFERENCE).decodes::<ByReference<V>>(),
        Peer::named(BUILT).encodes::<Append<V, Vec<u8>, Built>>(),
        Peer::named(BUF).encodes::<Append<V, Vec<u8>, Kept>>(),
        Peer::named(BYTES_MUT).encodes::<Append<V, BytesMut, Received>>(),
        Peer::named(SLICE).encodes::<IntoSlice<V>>(),
    ]
}

pub const OURS: &str = "mqtt-wire";
pub const HELPER: &str = "through a helper";
pub const FRAME: &str = "`Frame`, its packet";
const BY_REFERENCE: &str = "by reference, constants";
pub const BUILT: &str = "built from values";
/// Properties in wire form that the program owns.
pub const BUF: &str = "built, `PropertiesBuf`";
pub const BYTES_MUT: &str = "into `BytesMut`";
pub const SLICE: &str = "into a slice, constants";

/// The other ways to use mqtt-wire.
pub const WAYS: &[&str] = &[HELPER, FRAME, BY_REFERENCE, BUILT, BUF, BYTES_MUT, SLICE];

/// The codecs for `version`; the first is the one that the others are compared with.
pub fn all(version: Version) -> Vec<Peer> {
    match version {
        Version::V5 => {
            let mut list = ours::<mqtt_wire::V5>();
            list.push(
                Peer::both::<rumqttc::V5>("rumqttc")
                    .answers::<rumqttc::V5>()
                    .reads::<rumqttc::V5>()
                    .delivers::<rumqttc::V5>(),
            );
            list.push(
                Peer::both::<mqttbytes::V5>("mqttbytes")
                    .answers::<mqttbytes::V5>()
                    .delivers::<mqttbytes::V5>(),
            );
            list.push(Peer::both::<mqtt_codec_kit::V5>("mqtt-codec-kit").answers::<mqtt_codec_kit::V5>());
            #[cfg(feature = "all")]
            list.extend([
                Peer::both::<rmqtt_codec::V5>("rmqtt-codec").delivers::<rmqtt_codec::Broker>(),
                Peer::both::<ntex_mqtt::V5>("ntex-mqtt"),
                Peer::both::<mqtt_proto::V5>("mqtt-proto"),
                Peer::both::<flowsdk::V5>("flowsdk"),
                Peer::both::<rusty_rtos_mqtt::V5>("rusty_rtos_mqtt").reads::<rusty_rtos_mqtt::V5>(),
            ]);
            list.push(copying());
            list
        }
        Version::V311 => {
            let mut list = ours::<mqtt_wire::V311>();
            list.push(Peer::both::<rumqttc::V4>("rumqttc").answers::<rumqttc::V4>().reads::<rumqttc::V4>());
            list.push(Peer::both::<mqttbytes::V4>("mqttbytes").answers::<mqttbytes::V4>());
            list.push(Peer::both::<mqtt_codec_kit::V4>("mqtt-codec-kit").answers::<mqtt_codec_kit::V4>());
            list.push(Peer::both::<mqtt_protocol::V311>("mqtt-protocol").answers::<mqtt_protocol::V311>());
            list.push(Peer::both::<mqttrs::V311>("mqttrs").reads::<mqttrs::V311>().answers::<mqttrs::V311>());
            #[cfg(feature = "all")]
            list.extend([
                Peer::both::<rmqtt_codec::V3>("rmqtt-codec"),
                Peer::both::<ntex_mqtt::V3>("ntex-mqtt"),
                Peer::both::<mqtt_proto::V3>("mqtt-proto"),
                Peer::both::<flowsdk::V3>("flowsdk"),
                Peer::both::<mqtt_format::V3>("mqtt-format").reads::<mqtt_format::V3>(),
            ]);
            list.push(copying());
            list
        }
    }
}

fn copying() -> Peer {
    Peer::named(COPYING).encodes::<copying::Copying>()
}

pub const COPYING: &str = "memcpy";

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
        writes: "by reference into a `Vec<u8>`, a `BytesMut` or `&mut [u8]`; on an error the output is as it was",
    },
    About {
        name: FRAME,
        package: "mqtt-wire",
        versions: "3.1, 3.1.1, 5.0",
        takes: "`&mut BytesMut`, splits the frame off",
        gives: "owned frame, and the packet that borrows from it, decoded once",
        writes: "-",
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
    About {
        name: "mqtt-protocol",
        package: "mqtt-protocol",
        versions: "3.1.1",
        takes: "an `io::Read`, here `&[u8]`",
        gives: "owned packet; every string and payload copied",
        writes: "by reference into an `io::Write`, here `Vec<u8>`",
    },
    About {
        name: "flowsdk",
        package: "flowsdk",
        versions: "3.1.1, 5.0",
        takes: "`&[u8]`, one whole frame",
        gives: "owned packet; every string and payload copied, properties a `Vec` of an enum",
        writes: "by reference, a new `Vec` a packet, here copied into one buffer",
    },
    About {
        name: "rusty_rtos_mqtt",
        package: "rusty_rtos_mqtt",
        versions: "5.0, what a client reads and writes",
        takes: "`&[u8]`, fixed header and body in two calls",
        gives: "packet that borrows everything as bytes; properties are passed over, and read again by a cursor",
        writes: "by reference into `&mut [u8]`, after a call for the size; here of PUBLISH, acknowledgements and PINGREQ",
    },
];
