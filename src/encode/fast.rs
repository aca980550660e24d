//! The fast way for frequent packets that are right by their types. It knows no errors: what it does not take,
//! [`encode`](super::encode) takes. Without this file everything reads the same, only slower.

use crate::options::EncodeOptions;
use crate::output::Output;
use crate::packet::Packet;

/// Encodes the packet if it is one of the frequent ones.
#[inline(always)]
pub(super) fn encode<O: Output + ?Sized>(_: &Packet<'_>, _: EncodeOptions, _: &mut O) -> Option<usize> {
    None
}
