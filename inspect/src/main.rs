//! `mqtt-inspect`: MQTT out of captures, byte streams and hex, for people and for scripts.

mod capture;
mod connections;
mod link;
mod note;
mod stream;
mod tcp;
mod websocket;

#[cfg(test)]
mod transport_tests;

fn main() {}
