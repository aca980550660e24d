//! Which names a filter matches, and how the names of two filters lie to each other (section 4.7).
//!
//! All three relations walk both texts from the front, past what they have in common. Where they first differ,
//! a checked filter has a wildcard there, at the start of a level, or the relation is decided. A wildcard at
//! that place tells too that the other text is at the start of a level.

use super::bytes::{common_prefix, level_end};
use super::syntax;

/// Whether one text begins with a wildcard and the other with `$` (section 4.7.2).
#[inline]
pub(super) const fn dollar_rule(filter: &[u8], other: &[u8]) -> bool {
    matches!((filter, other), ([b'+' | b'#', ..], [b'$', ..]))
}

/// What is left of a text without its first level.
#[inline]
fn skip_level(text: &[u8]) -> &[u8] {
    text.get(level_end(text)..).unwrap_or_default()
}

#[inline]
pub(super) fn matches(filter: &[u8], name: &[u8]) -> bool {
    covers_levels(filter, name)
}

pub(super) fn covers(filter: &[u8], other: &[u8]) -> bool {
    covers_levels(filter, with_level(other))
}

/// The same filter with one more level before `#`, where that matches nothing less: the name of no level at
/// all, and that of one empty level, which `#` and `/#` would match by their form, are not names.
const fn with_level(filter: &[u8]) -> &[u8] {
    match filter {
        b"#" => b"+/#",
        b"/#" => b"/+/#",
        filter => filter,
    }
}

/// Whether `filter` takes in every level of `other`, a name or a filter.
#[inline]
fn covers_levels(mut filter: &[u8], mut other: &[u8]) -> bool {
    if dollar_rule(filter, other) {
        return false;
    }
    loop {
        let same = common_prefix(filter, other);
        let (Some(filter_rest), Some(other_rest)) = (filter.get(same..), other.get(same..)) else {
            return false;
        };
        match (filter_rest, other_rest) {
            ([] | [b'/', b'#'], []) | ([b'#', ..], _) => return true,
            ([b'+', ..], [b'#', ..]) => return false,
            ([b'+', rest @ ..], _) => {
                filter = rest;
                other = skip_level(other_rest);
            }
            _ => return false,
        }
    }
}

/// The length of the shortest text that matches this piece of a filter.
fn shortest(piece: &[u8]) -> usize {
    let piece = match piece {
        [rest @ .., b'/', b'#'] | [rest @ .., b'#'] => rest,
        piece => piece,
    };
    piece.iter().filter(|byte| **byte != b'+').count()
}

pub(super) fn intersects(mut a: &[u8], mut b: &[u8]) -> bool {
    if dollar_rule(a, b) || dollar_rule(b, a) {
        return false;
    }
    (a, b) = (with_level(a), with_level(b));
    // How long a name has to be for both, as far as they were walked: two long filters may well agree in
    // every level, but on names only that are too long to be one.
    let mut len = 0;
    loop {
        let same = common_prefix(a, b);
        let (Some((walked, a_rest)), Some(b_rest)) = (a.split_at_checked(same), b.get(same..)) else {
            return false;
        };
        len += shortest(walked);
        match (a_rest, b_rest) {
            ([b'#', ..], rest)
            | (rest, [b'#', ..])
            | ([], rest @ ([] | [b'/', b'#']))
            | (rest @ [b'/', b'#'], []) => {
                return len + shortest(rest) <= syntax::MAX_LEN;
            }
            ([b'+', rest @ ..], other) => {
                a = rest;
                b = skip_level(other);
                len += other.len() - b.len();
            }
            (other, [b'+', rest @ ..]) => {
                b = rest;
                a = skip_level(other);
                len += other.len() - a.len();
            }
            _ => return false,
        }
    }
}
