//! What a caller can choose.

use arbitrary::size_hint;
use arbitrary::{Arbitrary, Result, Unstructured};

use crate::options::{DecodeOptions, EncodeOptions, Tolerance};

/// What decoding and encoding can be told alike.
macro_rules! with_choices {
    ($u:ident, $options:expr) => {{
        let bits: u16 = $u.arbitrary()?;
        let has = |n: u32| bits >> n & 1 != 0;
        let mut options = $options;
        for (n, tolerance) in (0..).zip(Tolerance::ALL) {
            options = if has(n) { options.with_tolerance(*tolerance) } else { options };
        }
        options = options.with_strict_characters(has(8)).with_payload_check(has(9));
        options = if has(10) { options.with_sender($u.arbitrary()?) } else { options };
        if has(11) { options.with_max_packet_size($u.arbitrary()?) } else { options }
    }};
}

impl<'a> Arbitrary<'a> for DecodeOptions {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let by_version = if u.arbitrary()? { Self::detect() } else { Self::new(u.arbitrary()?) };
        let options = with_choices!(u, by_version);
        Ok(options.with_first_packet(u.arbitrary()?))
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (4, Some(10))
    }
}

impl<'a> Arbitrary<'a> for crate::connection::Connection {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::new(u.arbitrary()?, u.arbitrary()?))
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        size_hint::and(DecodeOptions::size_hint(depth), EncodeOptions::size_hint(depth))
    }
}

impl<'a> Arbitrary<'a> for EncodeOptions {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(with_choices!(u, Self::new(u.arbitrary()?)))
    }

    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (3, Some(8))
    }
}
