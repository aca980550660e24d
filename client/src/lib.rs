#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod client;
mod error;
mod message;
mod options;
mod store;
mod task;
#[cfg(feature = "tls")]
mod tls;
mod transport;
#[cfg(feature = "websocket")]
mod websocket;

pub use client::{Client, Messages, Server};
pub use error::{Error, PublishError, SubscribeError};
pub use message::{Accepted, Delivery, Message, MessageBuf};
pub use mqtt_session::{Refusal, Stale};
pub use mqtt_wire;
pub use options::{
    Address, Event, Observer, Options, Reconnect, SessionStart, Tls, Transport, Url, WillMessage,
};
