use alloc::vec::Vec;

/// Makes room for `more` elements, by a quarter at least: doubling would cost more memory than the rarer
/// copying is worth.
pub(super) fn reserve<E>(array: &mut Vec<E>, more: usize) {
    if array.capacity() - array.len() < more {
        array.reserve_exact(more.max(array.len() / 4));
    }
}

/// Gives memory back when less than half of it is used.
pub(super) fn shrink<E>(array: &mut Vec<E>) {
    if array.len() < array.capacity() / 2 {
        array.shrink_to(array.len() + array.len() / 4);
    }
}
