//! What the fuzz targets share: the oracles, which the library's tests use too, the broker, and the mutator of packets.

pub mod broker;
pub mod differential;
pub mod mutate;
pub mod oracles;
pub mod scripts;
pub mod session;

#[doc(hidden)]
pub use libfuzzer_sys;

/// A target whose bytes are decisions.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::oracles::$name(bytes));
    };
}

/// A target whose bytes are packets of MQTT behind a prefix of some bytes.
#[macro_export]
macro_rules! packet_target {
    ($name:ident, prefix $prefix:literal, $version:ident) => {
        $crate::target!($name);
        $crate::packet_mutator!($prefix, $version);
    };
}

/// The mutator of packets as the target's.
#[macro_export]
macro_rules! packet_mutator {
    ($prefix:literal, $version:ident) => {
        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            let plain = $crate::libfuzzer_sys::fuzzer_mutate;
            let mutator =
                $crate::mutate::Mutator { prefix: $prefix, version: $crate::mutate::Version::$version };
            mutator.mutate(data, size, max_size, seed, plain)
        });
    };
}
