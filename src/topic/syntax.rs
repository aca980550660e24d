//! What makes a text a topic name or a topic filter. Everything is `const`, so that a literal can be checked
//! by the compiler. The error has the offset of the byte that is wrong.

use super::bytes;
use crate::error::Kind;

/// What a shared subscription begins with (section 4.8.2 of 5.0).
pub(super) const SHARE: &[u8] = b"$share/";

/// The longest topic name or filter in bytes.
pub(super) const MAX_LEN: usize = 65_535;

type Checked = Result<(), (Kind, usize)>;

/// Whether the text begins as a shared subscription does.
#[inline]
pub(super) const fn begins_shared(text: &[u8]) -> bool {
    matches!(text, [b'$', b's', b'h', b'a', b'r', b'e', b'/', ..])
}

#[inline]
pub(super) const fn length(text: &[u8]) -> Checked {
    match text.len() {
        0 => Err((Kind::TopicEmpty, 0)),
        1..=MAX_LEN => Ok(()),
        _ => Err((Kind::TopicTooLong, MAX_LEN)),
    }
}

/// Checks text that is UTF-8 as a topic name.
#[inline]
pub(super) const fn name(text: &[u8]) -> Checked {
    match length(text) {
        Ok(()) if bytes::is_plain(text) => Ok(()),
        Ok(()) => level(text, 0),
        Err(error) => Err(error),
    }
}

/// Finds U+0000 or a wildcard in bytes that may hold neither, `offset` bytes into the text.
pub(super) const fn level(text: &[u8], offset: usize) -> Checked {
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let at = offset + text.len() - rest.len();
        match byte {
            0 => return Err((Kind::TopicNul, at)),
            b'+' | b'#' => return Err((Kind::WildcardInName, at)),
            _ => rest = tail,
        }
    }
    Ok(())
}

/// Checks text that is UTF-8 as a topic filter; with `shared`, `$share/` begins a shared subscription.
#[inline]
pub(super) const fn filter(text: &[u8], shared: bool) -> Checked {
    match length(text) {
        Ok(()) if shared && begins_shared(text) => shared_filter(text),
        Ok(()) if bytes::is_plain(text) => Ok(()),
        Ok(()) => wildcards(text, 0),
        Err(error) => Err(error),
    }
}

/// `$share/`, a share name without `/`, `+` and `#`, and a topic filter after another `/`.
pub(super) const fn shared_filter(text: &[u8]) -> Checked {
    let mut offset = SHARE.len();
    let Some((_, share)) = text.split_at_checked(offset) else { return Err((Kind::ShareNameEmpty, offset)) };
    let mut rest = share;
    while let [byte, tail @ ..] = rest {
        match byte {
            b'/' if rest.len() == share.len() => return Err((Kind::ShareNameEmpty, offset)),
            b'/' if tail.is_empty() => return Err((Kind::ShareFilterMissing, offset + 1)),
            b'/' => return wildcards(tail, offset + 1),
            b'+' | b'#' => return Err((Kind::ShareNameWildcard, offset)),
            0 => return Err((Kind::TopicNul, offset)),
            _ => rest = tail,
        }
        offset += 1;
    }
    Err((if share.is_empty() { Kind::ShareNameEmpty } else { Kind::ShareFilterMissing }, offset))
}

/// Wildcards stand alone in their levels, `#` in the last one only; and there is no U+0000. The text begins
/// `offset` bytes into the whole.
pub(super) const fn wildcards(text: &[u8], offset: usize) -> Checked {
    let (mut rest, mut starts) = (text, true);
    while let Some((word, tail)) = rest.split_first_chunk::<8>()
        && bytes::is_well_placed(*word, starts, matches!(tail, [] | [b'/', ..]))
    {
        starts = matches!(word, [.., b'/']);
        rest = tail;
    }
    // The end of the text, or where something may be wrong.
    let mut start = text.len() - rest.len();
    while let Some(at) = bytes::next_special(text, start) {
        let Some((before, [special, after @ ..])) = text.split_at_checked(at) else { return Ok(()) };
        let level_starts = matches!(before, [] | [.., b'/']);
        match (special, level_starts, after) {
            (b'#', true, []) | (b'+', true, [] | [b'/', ..]) => start = at + 1,
            (b'#', ..) => return Err((Kind::MultiLevelWildcard, offset + at)),
            (b'+', ..) => return Err((Kind::SingleLevelWildcard, offset + at)),
            _ => return Err((Kind::TopicNul, offset + at)),
        }
    }
    Ok(())
}
