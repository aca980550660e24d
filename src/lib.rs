//! The MQTT wire format: every control packet of MQTT 3.1, 3.1.1 and 5.0 and the topic syntax, decoded without
//! a copy or an allocation and encoded back byte for byte.
//!
//! # Decode
//!
//! [`decode`] takes the bytes that have come so far and gives a [`Packet`] that borrows from them, says how many
//! bytes are missing at least, or names the broken rule and the byte.
//!
//! ```
//! use mqtt_wire::{Decoded, Packet, Publish, TopicName, Version, decode};
//!
//! let mut buf = [0; 64];
//! let publish = Publish::new(TopicName::new("ruangtamu/lampu")?, b"menyala");
//! let n = Packet::from(publish).encode(Version::V5, &mut buf)?;
//!
//! match decode(&buf[..n], Version::V5)? {
//!     Decoded::Packet { packet: Packet::Publish(p), .. } => {
//!         assert_eq!(p.topic, Some(TopicName::new("ruangtamu/lampu")?));
//!         assert_eq!(p.payload, b"menyala");
//!     }
//!     Decoded::Packet { packet, .. } => println!("{packet}"),
//!     Decoded::Incomplete { missing } => println!("read {missing} more bytes first"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`DecodeOptions`] say more: who sends, the largest packet, what to tolerate. A server uses
//! [`DecodeOptions::detect`] and learns the version from CONNECT.
//!
//! # Encode
//!
//! The same structs are what one builds: [`Packet::encode`] writes into a slice, a `Vec<u8>` or a `BytesMut`, and
//! refuses what [`decode`] would refuse. What a version has no form for is an error, never a silent loss;
//! [`Packet::downgrade`] and [`Packet::upgrade`] leave things out on purpose.
//!
//! # Own, stream, forward
//!
//! - `Frame` (feature `bytes`) is one packet in `bytes::Bytes`: it can be kept, sent elsewhere, and sliced
//!   without copying; `Codec` (feature `tokio-codec`) cuts a stream into frames.
//! - [`decode_publish_head`] decodes a PUBLISH before its payload is there, and [`Payload`] takes that piece by
//!   piece. [`Publish::encode_head`] leaves the payload to a vectored write, [`FanOut`] sends one message to ten
//!   thousand subscribers.
//! - [`Properties`] keep the bytes they came in; `without` and `with` change them without a copy.
//!
//! # Topics
//!
//! [`TopicName`] and [`TopicFilter`] are checked on construction and match by the rules of section 4.7; the
//! module [`topic`] has what a broker needs to find its subscribers.
//!
//! # What is checked
//!
//! Every rule of both standards that one packet's bytes can break, and, when the options name the sender, those
//! about who may send what. [`DecodeError::requirement`] gives the rule by its label, `[MQTT-3.3.1-4]`; a rule
//! that the standard states without a number goes by `U-` and its section. What needs the history of a
//! connection is left to the caller: identifiers in use, quotas, known aliases, the first packet (but see
//! [`DecodeOptions::first_packet`]).
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `alloc` | `FilterTree`, owned topics, encoding into `Vec<u8>` | yes |
//! | `bytes` | `Frame`, encoding into `BytesMut` | yes |
//! | `tokio-codec` | `Codec` for `tokio_util::codec::Framed` | |
//! | `arbitrary` | structured random packets for fuzzers | |
//! | `serde` | `Serialize` for packets and errors, both ways for topics | |
//!
//! Without any of them the crate decodes, encodes and matches with neither std nor an allocator.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// A packet may take 268,435,460 bytes.
const _: () = assert!(usize::BITS >= 32, "mqtt-wire needs addresses of 32 bits");

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "tokio-codec"))]
extern crate std;

#[cfg(feature = "arbitrary")]
mod arbitrary;
#[cfg(feature = "tokio-codec")]
mod codec;
mod convert;
mod error;
mod frame;
mod head;
mod list;
mod options;
#[cfg(feature = "bytes")]
mod owned;
mod packet;
mod property;
mod read;
mod reason;
mod scan;
#[cfg(feature = "serde")]
mod serde;
pub mod topic;
mod value;
mod version;
mod write;

#[cfg(feature = "arbitrary")]
pub use self::arbitrary::ArbitraryPacket;
#[cfg(feature = "tokio-codec")]
pub use codec::{Codec, CodecError};
pub use error::{DecodeError, EncodeError, Kind, TopicError};
pub use frame::{Decoded, FixedHeader, MAX_PACKET_SIZE, MAX_VARIABLE_BYTE_INTEGER, decode, decode_exact};
pub use head::{DecodedHead, FanOut, Payload, decode_publish_head, set_dup};
pub use list::{List, ListIter};
pub use options::{DecodeOptions, EncodeOptions, Tolerance};
#[cfg(feature = "bytes")]
pub use owned::Frame;
pub use packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketType, Publish, RetainHandling, SubAck, Subscribe,
    Subscription, SubscriptionOptions, UnsubAck, Unsubscribe, Will,
};
pub use property::{
    Properties, Property, PropertyId, PropertyIter, PropertySet, PropertyType, PropertyValue,
};
pub use reason::ReasonCode;
pub use topic::{TopicFilter, TopicName};
pub use version::{Delivery, MaximumQoS, PacketId, QoS, Sender, SubscriptionId, UnknownName, Version};
pub use write::Output;
