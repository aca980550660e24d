//! Guides: one task each, from the first line to the end. Every snippet is compiled and run as a test.
//!
//! | you want to | read |
//! |---|---|
//! | read packets from a socket | [`reading`] |
//! | build packets and send them | [`building`] |
//! | read and write properties of 5.0 | [`properties`] |
//! | check topics, match them, index them | [`topics`] |
//! | keep packets, queue them, forward them | [`frames`] |
//! | understand an error and answer it | [`errors`] |
//! | know what a rule says, and see a case of it | [`rules`] |
//! | survive hostile input, bound memory | [`limits`] |
//! | run without std and without an allocator | [`no_std`] |
//! | use tokio | [`tokio`] |
//! | put MQTT into a nom grammar of your own | [`nom_grammar`] |
//! | fuzz your own program | [`fuzzing`] |
//! | move from mqttbytes, rumqttc, mqttrs, mqtt-proto or ntex-mqtt | [`migrating`] |
//!
//! A client and a broker need the protocol between packets as well: identifiers, acknowledgements, keep alive, sessions. That
//! is the crate `mqtt-session`, whose guides build both in an hour each.
//!
//! This module is documentation only: it exists when docs are built, and costs a program nothing.

/// Reading packets from a socket.
///
#[cfg(feature = "bytes")]
#[doc = include_str!("guide/reading.md")]
pub mod reading {}

/// Building packets and sending them.
///
#[cfg(feature = "bytes")]
#[doc = include_str!("guide/building.md")]
pub mod building {}

/// Properties of MQTT 5.0.
///
#[cfg(feature = "alloc")]
#[doc = include_str!("guide/properties.md")]
pub mod properties {}

/// Topics: syntax, matching, and the two trees.
///
#[cfg(feature = "alloc")]
#[doc = include_str!("guide/topics.md")]
pub mod topics {}

/// Frames and queues: packets that are kept and forwarded.
///
#[cfg(feature = "bytes")]
#[doc = include_str!("guide/frames.md")]
pub mod frames {}

/// Errors, and what to answer.
///
#[cfg(feature = "alloc")]
#[doc = include_str!("guide/errors.md")]
pub mod errors {}

/// Rules: every label that errors cite, what it says, and its cases.
///
/// <style>
/// .docblock table { font-size: 0.9em }
/// .docblock td:first-child, .docblock td a { white-space: nowrap }
/// .docblock td:nth-child(4), .docblock td:nth-child(6) { min-width: 12em; overflow-wrap: anywhere }
/// /* In a narrow window a row of six cells is a paragraph for each. */
/// @media (max-width: 1000px) {
///   .docblock table { font-size: 0.8em }
///   .docblock table:has(td:nth-child(6)) :is(tbody, td) { display: block; border: none }
///   .docblock table:has(td:nth-child(6)) :is(thead, td:empty) { display: none }
///   .docblock table:has(td:nth-child(6)) td:nth-child(-n+3) { display: inline-block }
///   .docblock table:has(td:nth-child(6)) td:first-child { font-weight: bold }
/// }
/// </style>
///
#[doc = include_str!("guide/rules.md")]
pub mod rules {}

/// Limits and hostile input.
///
#[cfg(feature = "bytes")]
#[doc = include_str!("guide/limits.md")]
pub mod limits {}

/// Without std and without an allocator.
///
#[doc = include_str!("guide/no_std.md")]
pub mod no_std {}

/// With tokio.
///
#[cfg(feature = "tokio-codec")]
#[doc = include_str!("guide/tokio.md")]
pub mod tokio {}

/// MQTT inside a nom grammar of your own.
///
#[cfg(feature = "nom-8")]
#[doc = include_str!("guide/nom_grammar.md")]
pub mod nom_grammar {}

/// Fuzzing your own program with this crate's values and seeds.
///
#[cfg(feature = "arbitrary")]
#[doc = include_str!("guide/fuzzing.md")]
pub mod fuzzing {}

/// Migrating from another codec: old call, new call, side by side.
///
#[cfg(feature = "bytes")]
#[doc = include_str!("guide/migrating.md")]
pub mod migrating {}
