//! The MQTT wire format: every control packet of MQTT 3.1, 3.1.1 and 5.0 and the topic syntax, decoded without
//! a copy or an allocation, and encoded back: to the same bytes, where they are the shortest form.
//!
//! Bytes go in and packets come out, and the other way round. There are no sockets and no state, so it fits any runtime or
//! none. The protocol between packets, for clients and servers, is the crate `mqtt-session`.
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
//! # Where to begin
//!
//! The module [`guide`] has a page for each task: [reading from a socket](guide::reading),
//! [building and sending](guide::building), [properties](guide::properties), [topics](guide::topics),
//! [frames and queues](guide::frames), [errors](guide::errors), [rules](guide::rules), [limits](guide::limits), [no_std](guide::no_std),
//! [tokio](guide::tokio), [nom grammars](guide::nom_grammar), [fuzzing](guide::fuzzing), and
//! [moving from another codec](guide::migrating).
//!
//! | to | take |
//! |---|---|
//! | decode what has come so far | [`decode()`], [`decode_exact`], [`packets()`] |
//! | encode | [`Packet::encode`], [`Publish::encode_head`] |
//! | remember version and limits of a connection | [`Connection`]; over a slice with [`Buffer`]; over tokio [`Codec`] |
//! | keep a packet | [`Frame`], [`CheckedFrame`], [`PublishFrame`] |
//! | read properties | [`Properties`], [`fields`]; own them: [`PropertiesBuf`] |
//! | check and match topics | [`TopicName`], [`TopicFilter`] |
//! | find subscribers and retained messages | [`topic::FilterTree`], [`topic::TopicTree`] |
//! | set what is allowed | [`DecodeOptions`], [`EncodeOptions`], [`Tolerance`] |
//! | know what is wrong | [`DecodeError`], [`EncodeError`], [`TopicError`], [`Rule`], [`ReasonCode`] |
//!
//! # Decode
//!
//! [`decode()`] takes the bytes that have come so far and gives a [`Packet`] that borrows from them, says how many bytes are
//! missing at least, or names the broken rule and the byte. "Read more" is an answer for incomplete frames only.
//!
//! A large payload need not be in memory: [`decode_publish_head`] decodes what is before it, and [`Payload`] takes it piece
//! by piece.
//!
//! # Encode
//!
//! The same structs are what one builds. [`Packet::encode`] writes into a slice, a `Vec<u8>` or a `BytesMut`, and refuses
//! what [`decode()`] would refuse; after an error the output is as it was. What a version has no form for is an error, never
//! a silent loss; [`Packet::downgrade`] and [`Packet::upgrade`] leave things out on purpose.
//!
//! # What is checked
//!
//! Every rule of both standards that one packet's bytes can break is checked, and, when the options name the sender, those
//! about who may send what. [`DecodeError::requirement`] gives the rule by its label, `[MQTT-3.3.1-4]`; a rule that the
//! standard states without a number goes by `U-` and its section.
//!
//! What needs the history of a connection is left to the caller or to `mqtt-session`: identifiers in use, quotas, known
//! aliases, keep alive.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `alloc` | [`topic::FilterTree`], owned topics and properties, encoding into `Vec<u8>` | yes |
//! | `bytes` | [`Frame`], encoding into `BytesMut` | yes |
//! | `std` | conversions of errors into `std::io::Error` | |
//! | `tokio-codec` | [`Codec`] for `tokio_util::codec::Framed` | |
//! | `arbitrary` | [`ArbitraryPacket`], structured random values for fuzzers | |
//! | `serde` | `Serialize` for packets and errors, both ways for topics | |
//! | `defmt` | `Format` for what microcontrollers log | |
//! | `nom-8` | [`nom8`], the parsers for grammars of one's own | |
//!
//! Without any of them the crate decodes, encodes and matches with neither std nor an allocator.

// Without all features and the guides, what the page above refers to is not there.
#![cfg_attr(
    not(all(doc, feature = "alloc", feature = "tokio-codec", feature = "arbitrary", feature = "nom-8")),
    allow(rustdoc::broken_intra_doc_links)
)]
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// A packet may take 268,435,460 bytes.
const _: () = assert!(usize::BITS >= 32, "mqtt-wire needs addresses of 32 bits");

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod connection;
mod debug;
mod decode;
#[cfg(feature = "defmt")]
mod defmt;
mod encode;
mod error;
#[cfg(feature = "bytes")]
mod frame;
#[cfg(any(doc, doctest))]
pub mod guide;
#[cfg(feature = "nom-8")]
pub mod nom8;
mod options;
mod packet;
mod packets;
mod property;
mod publish_head;
mod read;
mod scan;
#[cfg(feature = "serde")]
mod serde;
mod standard;
#[cfg(feature = "tokio-codec")]
mod tokio;
pub mod topic;
mod write;

// The program of the package's README, which is the repository's, is a test, too.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
mod readme {}

#[cfg(feature = "arbitrary")]
pub use self::arbitrary::ArbitraryPacket;
pub use connection::{Buffer, Connection, MAX_CONNECT_SIZE};
pub use debug::Revealed;
pub use decode::{Decoded, FixedHeader, decode, decode_exact, frame_len};
pub use error::{DecodeError, EncodeError, EncodeErrorKind, Error, Field, TopicError};
#[cfg(feature = "bytes")]
pub use frame::{CheckedFrame, Frame, PublishFrame};
pub use options::{DecodeOptions, EncodeOptions, ForDecoding, ForEncoding, Options, Tolerance};
pub use packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, EditedPublish, List, ListIter, Packet, Publish, PublishHead,
    SubAck, Subscribe, Subscription, SubscriptionOptions, UnsubAck, Unsubscribe, Will, WillRef,
};
pub use packets::{Packets, packets};
#[cfg(feature = "alloc")]
pub use property::PropertiesBuf;
pub use property::{Properties, Property, PropertyEdits, PropertyIter, PropertyValue, Repeated, fields};
pub use publish_head::{DecodedHead, Payload, decode_publish_head};
pub use standard::{
    Delivery, MAX_PACKET_SIZE, MAX_VARIABLE_BYTE_INTEGER, MaximumQoS, PacketId, PacketType, PropertyId,
    PropertySet, PropertySetIter, PropertyType, QoS, ReasonCode, RetainHandling, Rule, Sender,
    SubscriptionId, UnknownName, UnknownNumber, Version,
};
#[cfg(feature = "tokio-codec")]
pub use tokio::{Codec, CodecError, Outgoing};
#[doc(inline)]
pub use topic::{TopicFilter, TopicName};
pub use write::{Full, Output};
