#![no_std]
//! crate docs
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
#[cfg(feature = "serde")]
mod serde;
mod text;
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
