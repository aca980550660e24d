//! The same as a program of this machine, with C's start-up code and nothing of std.

#![no_std]
#![no_main]

#[link(name = "c")]
unsafe extern "C" {}

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    mqtt_wire_no_std::mqtt_wire_no_std()
}
