//! What makes a text a topic name or a topic filter (section 4.7; shared subscriptions in section 4.8.2 of 5.0).
//!
//! Everything is `const`, so that a literal can be checked by the compiler. The error has the offset of the byte that
//! is wrong: of the first one, but for bytes that are not UTF-8, which are wrong before any wildcard is.

use crate::scan;
use crate::standard::Rule;

/// What a shared subscription begins with.
pub(super) const SHARE: &[u8] = b"$share/";

/// The longest topic name or filter in bytes.
pub(super) const MAX_LEN: usize = 65_535;

type Checked = Result<(), (Rule, usize)>;

/// Whether the text begins as a shared subscription does.
pub(super) const fn begins_shared(text: &[u8]) -> bool {
    matches!(text, [b'$', b's', b'h', b'a', b'r', b'e', b'/', ..])
}

const fn length(text: &[u8]) -> Checked {
    match text.len() {
        0 => Err((Rule::TopicEmpty, 0)),
        1..=MAX_LEN => Ok(()),
        _ => Err((Rule::TopicTooLong, MAX_LEN)),
    }
}

/// UTF-8, unless U+0000 comes before what is not.
const fn utf8(text: &[u8]) -> Checked {
    match scan::check(text) {
        Err(error @ (Rule::InvalidUtf8, _)) => Err(error),
        _ => Ok(()),
    }
}

/// Checks bytes as a topic name.
pub(super) const fn name(text: &[u8]) -> Checked {
    if let error @ Err(_) = length(text) {
        return error;
    }
    match utf8(text) {
        Ok(()) => level(text, 0),
        error => error,
    }
}

/// Finds U+0000 or a wildcard in bytes that may hold neither, `offset` bytes into the text.
pub(super) const fn level(text: &[u8], offset: usize) -> Checked {
    let Some(at) = scan::next_special(text, 0) else { return Ok(()) };
    match scan::from(text, at) {
        [0, ..] => Err((Rule::TopicNul, offset + at)),
        _ => Err((Rule::WildcardInName, offset + at)),
    }
}

/// Checks bytes as a topic filter; with `shared`, `$share/` begins a shared subscription.
pub(super) const fn filter(text: &[u8], shared: bool) -> Checked {
    match length(text) {
        // A shared subscription is not plain.
        Ok(()) if scan::is_plain_filter(text) => Ok(()),
        Ok(()) => filter_exactly(text, shared),
        error => error,
    }
}

const fn filter_exactly(text: &[u8], shared: bool) -> Checked {
    match utf8(text) {
        Ok(()) if shared && begins_shared(text) => shared_filter(text),
        Ok(()) => wildcards(text, 0),
        error => error,
    }
}

/// `$share/`, a share name without `/`, `+` and `#`, and a topic filter after another `/`.
const fn shared_filter(text: &[u8]) -> Checked {
    let share = scan::from(text, SHARE.len());
    let end = scan::level_end(share);
    let (share_name, rest) = (scan::up_to(share, end), scan::from(share, end));
    if share_name.is_empty() {
        return Err((Rule::ShareNameEmpty, SHARE.len()));
    }
    match level(share_name, SHARE.len()) {
        Ok(()) => {}
        Err((Rule::WildcardInName, at)) => return Err((Rule::ShareNameWildcard, at)),
        error => return error,
    }
    match rest {
        [] | [_] => Err((Rule::ShareFilterMissing, text.len())),
        [_, filter @ ..] => wildcards(filter, text.len() - filter.len()),
    }
}

/// Wildcards stand alone in their levels, `#` in the last one only; and there is no U+0000. The text begins
/// `offset` bytes into the whole.
const fn wildcards(text: &[u8], offset: usize) -> Checked {
    let mut start = 0;
    while let Some(at) = scan::next_special(text, start) {
        let Some((before, [special, after @ ..])) = text.split_at_checked(at) else { return Ok(()) };
        let level_starts = matches!(before, [] | [.., b'/']);
        match (special, level_starts, after) {
            (b'#', true, []) | (b'+', true, [] | [b'/', ..]) => start = at + 1,
            (b'#', ..) => return Err((Rule::MultiLevelWildcard, offset + at)),
            (b'+', ..) => return Err((Rule::SingleLevelWildcard, offset + at)),
            _ => return Err((Rule::TopicNul, offset + at)),
        }
    }
    Ok(())
}
