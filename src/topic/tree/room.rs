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

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize, capacity: usize) -> Vec<u8> {
        let mut array = Vec::with_capacity(capacity);
        array.resize(len, 0);
        assert_eq!(array.capacity(), capacity);
        array
    }

    #[test]
    fn room_is_made_by_a_quarter_or_by_what_is_needed() {
        for (len, capacity, more, expected) in
            [(100, 100, 1, 125), (100, 100, 40, 140), (100, 110, 10, 110), (100, 110, 11, 125), (0, 0, 7, 7)]
        {
            let mut array = filled(len, capacity);
            reserve(&mut array, more);
            assert_eq!(array.capacity(), expected, "{more} more than {len} of {capacity}");
        }
    }

    #[test]
    fn memory_is_given_back_when_less_than_half_is_used() {
        for (len, capacity, expected) in
            [(50, 100, 100), (49, 100, 61), (0, 100, 0), (49, 99, 99), (48, 99, 60)]
        {
            let mut array = filled(len, capacity);
            shrink(&mut array);
            assert_eq!(array.capacity(), expected, "{len} of {capacity}");
        }
    }
}
