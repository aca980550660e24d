//! Which names a filter matches, and how the names of two filters lie to each other (section 4.7).
//!
//! All three relations walk both texts from the front, past what they have in common. Where they first differ,
//! a checked filter has a wildcard there, at the start of a level, or the relation is decided. A wildcard at
//! that place tells too that the other text is at the start of a level.

use super::syntax;
use crate::scan::{common_prefix, count_plus, from, level_end, plus_run, skip_slashes, up_to};

/// Whether one text begins with a wildcard and the other with `$` (section 4.7.2).
pub(super) const fn dollar_rule(filter: &[u8], other: &[u8]) -> bool {
    matches!((filter, other), ([b'+' | b'#', ..], [b'$', ..]))
}

/// Past one `+` of a filter and the level of the other text that it takes in; past many at once where many
/// follow each other. Returns what is left of both.
fn skip_plus<'a, 'b>(filter: &'a [u8], other: &'b [u8]) -> (&'a [u8], &'b [u8]) {
    let (levels, other_rest) = match plus_run(filter) {
        0 => (0, other),
        run => skip_slashes(other, run),
    };
    if levels == 0 {
        return (from(filter, 1), skip_level(other));
    }
    (from(filter, 2 * levels), other_rest)
}

/// What is left of a text without its first level.
fn skip_level(text: &[u8]) -> &[u8] {
    from(text, level_end(text))
}

pub(super) fn matches(filter: &[u8], name: &[u8]) -> bool {
    !dollar_rule(filter, name) && rest_matches(filter, name)
}

pub(super) fn covers(filter: &[u8], other: &[u8]) -> bool {
    let other = with_level(other);
    !dollar_rule(filter, other) && rest_matches(filter, other)
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

/// Whether what is left of a filter takes in what is left of `other`, a name or a filter, when all before it was
/// matched.
pub(super) fn rest_matches(mut filter: &[u8], mut other: &[u8]) -> bool {
    loop {
        let same = common_prefix(filter, other);
        let (filter_rest, other_rest) = (from(filter, same), from(other, same));
        match (filter_rest, other_rest) {
            ([] | [b'/', b'#'], []) | ([b'#', ..], _) => return true,
            ([b'+', ..], [b'#', ..]) => return false,
            ([b'+', ..], _) => (filter, other) = skip_plus(filter_rest, other_rest),
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
    piece.len() - count_plus(piece)
}

/// The length of the shortest text that matches what was before `rest`.
fn walked_length(before: &[u8], rest: &[u8]) -> usize {
    shortest(up_to(before, before.len() - rest.len()))
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
        let (a_rest, b_rest) = (from(a, same), from(b, same));
        len += shortest(up_to(a, same));
        match (a_rest, b_rest) {
            ([b'#', ..], rest)
            | (rest, [b'#', ..])
            | ([], rest @ ([] | [b'/', b'#']))
            | (rest @ [b'/', b'#'], []) => {
                return len + shortest(rest) <= syntax::MAX_LEN;
            }
            ([b'+', ..], _) => {
                (a, b) = skip_plus(a_rest, b_rest);
                len += walked_length(b_rest, b);
            }
            (_, [b'+', ..]) => {
                (b, a) = skip_plus(b_rest, a_rest);
                len += walked_length(a_rest, a);
            }
            _ => return false,
        }
    }
}
