//! `mqtt-broker`: an MQTT broker in one program.

fn main() {}
