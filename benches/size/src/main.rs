//! The least program that decodes every packet and encodes it again: what there is in it is the codec.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use mqtt_wire::{DecodeOptions, Decoded, EncodeOptions, Version, decode};

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let mut out = [0; 256];
    loop {
        let bytes: &[u8] = black_box(&[]);
        if let Ok(Decoded::Packet { packet, .. }) = &decode(bytes, black_box(DecodeOptions::detect())) {
            let options = black_box(EncodeOptions::new(Version::V5));
            black_box(packet.encode(options, &mut out[..]).is_ok());
        }
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
