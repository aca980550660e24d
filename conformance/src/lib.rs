//! The MQTT conformance suite: cases as data, and what runs a decoder against them.

pub mod answer;
pub mod case;
mod fields;
pub mod generate;
pub mod hex;
pub mod judge;
pub mod library;
pub mod peer;
pub mod report;
pub mod results;
pub mod rules;
pub mod suite;
