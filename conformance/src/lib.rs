//! The MQTT conformance suite: cases as data, and what runs a decoder against them.
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "text is built where it is read, not where it is hot"
)]
#![allow(clippy::match_same_arms, reason = "one row a rule: that two rows say the same is chance")]

pub mod answer;
pub mod case;
pub mod export;
mod fields;
pub mod generate;
pub mod hex;
pub mod judge;
pub mod library;
pub mod peer;
pub mod report;
pub mod results;
pub mod rules;
pub mod source;
pub mod suite;
pub mod tags;
