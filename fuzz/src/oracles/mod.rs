//! What must hold for any input. Each oracle takes the bytes of a fuzzer and panics when a law is broken; the
//! fuzz targets and the test that replays their corpora run the same ones.

mod canonical;
mod convert;
mod decode;
mod encode;
mod head;
mod kept;
mod properties;
mod reference;
mod setting;
mod stream;
#[path = "../../../tests/topics/reference.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod topic_reference;
mod topics;
mod wild;

use mqtt_wire::Version;

pub use setting::Setting;

/// An oracle by the name of its fuzz target, which is that of its corpus, too.
pub type Oracle = (&'static str, fn(&[u8]));

/// A function for each, so that the program of a target has in it what that target needs and nothing else.
macro_rules! oracles {
    ($($name:ident $oracle:expr;)+) => {
        /// Every oracle that needs nothing but the library.
        pub const ALL: &[Oracle] = &[$((stringify!($name), $name),)+];

        $(#[doc = concat!("The oracle of the target `", stringify!($name), "`.")]
        pub fn $name(bytes: &[u8]) {
            $oracle(bytes);
        })+
    };
}

oracles! {
    decode_v31     |bytes| decode::from_all_sides(Version::V31, bytes);
    decode_v311    |bytes| decode::from_all_sides(Version::V311, bytes);
    decode_v5      |bytes| decode::from_all_sides(Version::V5, bytes);
    decode_options decode::with_options;
    round_trip     encode::valid;
    encode         encode::any;
    stream         stream::in_pieces;
    publish_head   head::in_pieces;
    kept           kept::and_sent;
    convert        convert::between_versions;
    properties     properties::edited;
    topic_syntax   topics::syntax;
    topic_match    topics::relations;
    topic_tree     topics::trees;
}

/// Runs the oracle of that name.
pub fn run(name: &str, bytes: &[u8]) {
    let Some((_, oracle)) = ALL.iter().find(|(known, _)| *known == name) else { panic!("no oracle {name}") };
    oracle(bytes);
}
