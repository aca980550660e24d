//! Scans over the bytes of texts, eight at a time: UTF-8, ASCII, U+0000, wildcards, separators, common beginnings.
//!
//! For bytes below 0x80, `x - 1` has its high bit set for `x = 0` only, and `(x | 8) ^ 0x2B` is 0 for `#` (0x23) and
//! `+` (0x2B) only; so one OR over all words tells whether a text is ASCII without any of the three. What that cannot
//! tell goes the exact way.

use crate::standard::Rule;

#[cfg(test)]
mod tests;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A high bit is set where a byte of `word` is not ASCII or is U+0000; the other bits mean nothing.
const fn odd(word: u64) -> u64 {
    word | word.wrapping_sub(ONES)
}

/// A high bit is set where a byte of an ASCII `word` is `+` or `#`, and perhaps behind such a byte; the other bits mean
/// nothing.
const fn wildcard(word: u64) -> u64 {
    ((word | (ONES << 3)) ^ (ONES * 0x2B)).wrapping_sub(ONES)
}

/// A high bit is set where a byte of `word` is 0, and perhaps behind such a byte; the other bits mean nothing.
const fn zero(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

/// A high bit is set where a byte of `word` is U+0000, `+` or `#`, and perhaps behind such a byte; the other bits mean
/// nothing.
const fn special(word: u64) -> u64 {
    zero(word) | zero((word | (ONES << 3)) ^ (ONES * 0x2B))
}

/// The high bit of every byte of `word` that is `byte`, of these only.
const fn marks(word: u64, byte: u8) -> u64 {
    let differ = word ^ (ONES * byte as u64);
    !(((differ & !HIGHS) + !HIGHS) | differ) & HIGHS
}

/// How many marks there are.
const fn count_marks(marks: u64) -> usize {
    ((marks >> 7).wrapping_mul(ONES) >> 56) as usize
}

/// The place of the first byte of which `word` has a bit.
const fn first(word: u64) -> usize {
    (word.trailing_zeros() / 8) as usize
}

/// What [`none`] looks for in a text, as a constant: a bad byte of any text.
const ODD: u8 = 0;
/// A bad byte or a wildcard.
const ODD_OR_WILDCARD: u8 = 1;
/// U+0000 in a text that need not be ASCII.
const ZERO: u8 = 2;

const fn look<const FOR: u8>(word: u64) -> u64 {
    match FOR {
        ODD => odd(word),
        ODD_OR_WILDCARD => odd(word) | wildcard(word),
        _ => zero(word),
    }
}

const fn look_at_both<const FOR: u8>(bytes: [u8; 16]) -> (u64, u64) {
    let [low, high] = halves(bytes);
    (look::<FOR>(low), look::<FOR>(high))
}

const fn look_twice<const FOR: u8>(bytes: [u8; 16]) -> u64 {
    let (low, high) = look_at_both::<FOR>(bytes);
    low | high
}

/// The longest text that is called short here.
pub(crate) const SHORT: usize = 32;

/// Whether a look sets no high bit for any eight bytes of the text. It sees all of them, some more than once.
///
/// Performance: most texts are short, and for them there is no loop to be set up and no register to be saved for it.
const fn none<const FOR: u8>(text: &[u8]) -> bool {
    if text.len() > SHORT { none_in_long::<FOR>(text) } else { none_in_short::<FOR>(text) }
}

#[inline(always)]
const fn none_in_short<const FOR: u8>(text: &[u8]) -> bool {
    let found = if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        look_twice::<FOR>(*first) | look_twice::<FOR>(*last)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        look::<FOR>(u64::from_le_bytes(*first)) | look::<FOR>(u64::from_le_bytes(*last))
    } else {
        look::<FOR>(short(text))
    };
    found & HIGHS == 0
}

/// Performance: two words are kept apart to the end, which the compiler makes one of 16 bytes of.
#[inline(never)]
const fn none_in_long<const FOR: u8>(text: &[u8]) -> bool {
    let (mut low, mut high) = match text.last_chunk() {
        Some(last) => look_at_both::<FOR>(*last),
        None => (0, 0),
    };
    let mut rest = text;
    while let Some((bytes, tail)) = rest.split_first_chunk() {
        let found = look_at_both::<FOR>(*bytes);
        (low, high) = (low | found.0, high | found.1);
        rest = tail;
    }
    (low | high) & HIGHS == 0
}

/// Sixteen bytes as two words.
const fn halves(bytes: [u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(bytes);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    [both as u64, (both >> 64) as u64]
}

/// A text shorter than eight as a word, with `x` behind it.
#[inline(always)]
const fn short(text: &[u8]) -> u64 {
    let len = text.len() & 7;
    let behind = 0x7878_7878_7878_7878 << (8 * len);
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let last = u32::from_le_bytes(*last) as u64;
        return behind + (u32::from_le_bytes(*first) as u64 | last << (8 * (len & 3)));
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<2>(), text.last_chunk::<2>()) {
        let last = u16::from_le_bytes(*last) as u64;
        return behind + (u16::from_le_bytes(*first) as u64 | last << (8 * (len & 1)));
    }
    match text {
        [byte, ..] => behind + *byte as u64,
        [] => behind,
    }
}

/// The first eight bytes of a text as a word; `x` stands behind a shorter one.
#[cfg(feature = "alloc")]
pub(crate) const fn word(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => short(text),
    }
}

/// The whole chunks of so many bytes, from the start of a text on.
fn chunks<const N: usize>(text: &[u8]) -> impl Iterator<Item = [u8; N]> {
    // Each has that length, which leaves no default to be made.
    text.chunks_exact(N).map(|chunk| chunk.first_chunk().copied().unwrap_or([0; N]))
}

/// The text from `offset` on.
pub(crate) const fn from(text: &[u8], offset: usize) -> &[u8] {
    match text.split_at_checked(offset) {
        Some((_, rest)) => rest,
        None => &[],
    }
}

/// The text before `offset`.
pub(crate) const fn up_to(text: &[u8], offset: usize) -> &[u8] {
    match text.split_at_checked(offset) {
        Some((start, _)) => start,
        None => text,
    }
}

// Strings: UTF-8 and U+0000

/// Whether a text is ASCII without U+0000, as most are.
///
/// Performance: inlined for each text of a packet, it would cost registers and much code.
#[inline(never)]
const fn is_plain(text: &[u8]) -> bool {
    none::<ODD>(text)
}

/// Checks a string field: UTF-8 without U+0000. The error has the offset of the bad byte in `text`.
#[inline(always)]
pub(crate) const fn check(text: &[u8]) -> Result<(), (Rule, usize)> {
    if is_plain(text) { Ok(()) } else { check_exactly(text) }
}

#[cold]
const fn check_exactly(text: &[u8]) -> Result<(), (Rule, usize)> {
    let valid = match core::str::from_utf8(text) {
        Ok(_) => text,
        Err(error) => up_to(text, error.valid_up_to()),
    };
    if has_nul(valid) {
        return Err((Rule::NulCharacter, position_of_nul(valid)));
    }
    if valid.len() < text.len() { Err((Rule::InvalidUtf8, valid.len())) } else { Ok(()) }
}

/// Whether a byte of a text, which need not be ASCII, is U+0000.
#[inline(never)]
pub(crate) const fn has_nul(text: &[u8]) -> bool {
    !none::<ZERO>(text)
}

const fn position_of_nul(text: &[u8]) -> usize {
    let mut rest = text;
    while let [1..=255, tail @ ..] = rest {
        rest = tail;
    }
    text.len() - rest.len()
}

/// The text of bytes that were checked before; the empty text, which never shows, for others.
///
/// Performance: unsafe code is forbidden in this crate, so the conversion checks again. A look for ASCII alone takes a
/// third of what UTF-8 takes.
#[inline(never)]
pub(crate) fn as_str(checked: &[u8]) -> &str {
    match ascii::AsciiStr::from_ascii(checked) {
        Ok(text) => text.as_str(),
        Err(_) => core::str::from_utf8(checked).unwrap_or_default(),
    }
}

/// The offset of the first control character (U+0001 to U+001F, U+007F to U+009F) or non-character
/// (U+FDD0 to U+FDEF, U+nFFFE, U+nFFFF), which a receiver may refuse (sections 1.5.3 of 3.1.1, 1.5.4 of 5.0).
pub(crate) fn disallowed(text: &str) -> Option<usize> {
    text.char_indices().find(|(_, c)| is_disallowed(*c)).map(|(at, _)| at)
}

fn is_disallowed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE
}

// Topics: wildcards

/// Whether a text is ASCII without U+0000, `+` and `#`. Names that are not ASCII are not plain.
#[inline(never)]
pub(crate) const fn is_plain_name(text: &[u8]) -> bool {
    none::<ODD_OR_WILDCARD>(text)
}

/// Whether a text is a topic filter of the plain kind: ASCII without U+0000, each `+` and `#` between the start or a
/// `/` and a `/` or the end, and nothing behind a `#`. The empty text is none, nor is what begins with `$`, as shared
/// subscriptions do. What is not plain may be a filter all the same.
#[inline(never)]
pub(crate) const fn is_plain_filter(text: &[u8]) -> bool {
    match text {
        [] | [b'$', ..] => false,
        text if text.len() > SHORT => is_plain_in_long(text),
        text => none_in_short::<ODD_OR_WILDCARD>(without_last(text)) || has_placed_wildcards(text),
    }
}

/// Performance: on its own, so that short filters need no saved registers: 6 instructions of each.
#[inline(never)]
const fn is_plain_in_long(filter: &[u8]) -> bool {
    none_in_long::<ODD_OR_WILDCARD>(without_last(filter)) || has_placed_wildcards(filter)
}

/// A filter without the wildcard at its end: most have theirs there, if any.
const fn without_last(filter: &[u8]) -> &[u8] {
    match filter {
        [most @ .., b'+' | b'#'] if matches!(most, [] | [.., b'/']) => most,
        _ => filter,
    }
}

/// The same as [`is_plain_filter`] by a look at each wildcard.
#[inline(never)]
const fn has_placed_wildcards(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<8>() else {
        let word = short(text);
        return odd(word) & HIGHS == 0 && are_placed(text, 0, word);
    };
    let mut rest = text;
    while let Some((word, tail)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        if odd(word) & HIGHS != 0 || !are_placed(text, text.len() - rest.len(), word) {
            return false;
        }
        rest = tail;
    }
    // Bytes that the loop has seen, too, are right a second time.
    let word = u64::from_le_bytes(*last);
    odd(word) & HIGHS == 0 && are_placed(text, text.len() - 8, word)
}

/// Whether the wildcards in the word at `at` are in the right place.
const fn are_placed(text: &[u8], at: usize, word: u64) -> bool {
    // A borrow may set a bit too many, but only in the byte behind a wildcard, and when that is in the right place,
    // then a `/` is behind it, or nothing.
    let mut wild = wildcard(word) & HIGHS;
    while wild != 0 {
        if !is_placed(text, at + first(wild)) {
            return false;
        }
        wild &= wild - 1;
    }
    true
}

/// Whether the wildcard at `at` is in the right place.
const fn is_placed(text: &[u8], at: usize) -> bool {
    let Some((before, from)) = text.split_at_checked(at) else { return true };
    matches!(before, [] | [.., b'/']) && matches!(from, [_] | [b'+', b'/', ..])
}

/// The place of the first U+0000 or wildcard from `start` on. The text need not be ASCII.
pub(crate) const fn next_special(text: &[u8], start: usize) -> Option<usize> {
    let Some((_, mut rest)) = text.split_at_checked(start) else { return None };
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let special = special(u64::from_le_bytes(*word)) & HIGHS;
        if special != 0 {
            return Some(text.len() - rest.len() + first(special));
        }
        rest = tail;
    }
    while let [byte, tail @ ..] = rest {
        if matches!(*byte, 0 | b'+' | b'#') {
            return Some(text.len() - rest.len());
        }
        rest = tail;
    }
    None
}

/// How many `+` there are.
pub(crate) fn count_plus(text: &[u8]) -> usize {
    let in_words: usize = chunks(text).map(|word| count_marks(marks(u64::from_le_bytes(word), b'+'))).sum();
    let rest = text.chunks_exact(8).remainder();
    in_words + rest.iter().map(|byte| usize::from(*byte == b'+')).sum::<usize>()
}

/// How many times `+/` stands at the start, counted in fours, where something other than `#` follows.
pub(crate) fn plus_run(text: &[u8]) -> usize {
    const RUN: u64 = u64::from_le_bytes(*b"+/+/+/+/");
    let words = chunks(text).take_while(|word| u64::from_le_bytes(*word) == RUN).count();
    let followed_by_hash = text.get(8 * words..) == Some(b"#");
    4 * (words - usize::from(followed_by_hash && words > 0))
}

// Topics: levels and common beginnings

/// How many bytes `a` and `b` have in common from their start.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (up_to(a, len), up_to(b, len));
    let mut same = 0;
    for (x, y) in chunks(a).zip(chunks(b)) {
        let differ = u64::from_le_bytes(x) ^ u64::from_le_bytes(y);
        if differ != 0 {
            return same + first(differ);
        }
        same += 8;
    }
    // The rest of less than eight bytes, together with bytes before it that are known to be the same, if there are any.
    let (x, y, before) = match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(x), Some(y)) => (u64::from_le_bytes(*x), u64::from_le_bytes(*y), len - 8),
        _ => (short(a), short(b), 0),
    };
    if x == y { len } else { before + first(x ^ y) }
}

/// The place of the first `/`, or the length when there is none.
pub(crate) const fn level_end(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let slash = zero(u64::from_le_bytes(*word) ^ (ONES * b'/' as u64)) & HIGHS;
        if slash != 0 {
            return text.len() - rest.len() + first(slash);
        }
        rest = tail;
    }
    while let [byte, tail @ ..] = rest {
        if *byte == b'/' {
            break;
        }
        rest = tail;
    }
    text.len() - rest.len()
}

/// Goes past so many `/`, or all if there are fewer. Returns how many it were, and what comes after them.
pub(crate) fn skip_slashes(text: &[u8], most: usize) -> (usize, &[u8]) {
    let (mut rest, mut skipped) = (text, 0);
    // How many bytes come after the last word with a `/`, and its marks.
    let mut last = (text.len(), 0);
    while let Some((words, tail)) = rest.split_first_chunk::<16>() {
        let [low, high] = halves(*words);
        let (low, high) = (marks(low, b'/'), marks(high, b'/'));
        let count = count_marks(low) + count_marks(high);
        if skipped + count > most {
            break;
        }
        if low | high != 0 {
            last = if high == 0 { (tail.len() + 8, low) } else { (tail.len(), high) };
        }
        skipped += count;
        rest = tail;
    }
    let behind = if skipped == 0 { last.0 } else { last.0 + last.1.leading_zeros() as usize / 8 };
    let mut after = from(text, text.len() - behind);
    while let [byte, tail @ ..] = rest {
        if skipped >= most {
            break;
        }
        if *byte == b'/' {
            skipped += 1;
            after = tail;
        }
        rest = tail;
    }
    (skipped, after)
}

// Copies

/// Copies a text.
///
/// Performance: most texts are short, and copied by their first and last bytes without calling memcpy.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    if from.len() > SHORT {
        copy_long(to, from);
    } else {
        copy_short(to, from);
    }
}

/// Copies a text of up to [`SHORT`] bytes.
#[inline(always)]
pub(crate) fn copy_short(to: &mut [u8], from: &[u8]) {
    if from.len() >= 16 {
        copy_ends::<16>(to, from);
    } else if from.len() >= 8 {
        copy_ends::<8>(to, from);
    } else if from.len() >= 4 {
        copy_ends::<4>(to, from);
    } else {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}

/// Copies the first and the last `N` bytes.
///
/// Performance: both are loaded before either is stored, and as words, since what may overlap would be moved by memmove
/// on small machines.
#[cfg_attr(target_pointer_width = "64", inline(always))]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        let (first, last) = (load(first), load(last));
        if let Some(to) = to.first_chunk_mut::<N>() {
            store(to, first);
        }
        if let Some(to) = to.last_chunk_mut::<N>() {
            store(to, last);
        }
    }
}

/// Up to sixteen bytes as words; those behind them are 0.
fn load(bytes: &[u8]) -> [u32; 4] {
    let mut words = chunks(bytes);
    core::array::from_fn(|_| words.next().map_or(0, u32::from_le_bytes))
}

/// Writes as many words as there is room for.
fn store(to: &mut [u8], words: [u32; 4]) {
    for (to, word) in to.chunks_exact_mut(4).zip(words) {
        if let Some(to) = to.first_chunk_mut() {
            *to = word.to_le_bytes();
        }
    }
}

/// Copies a text of up to [`SHORT`] bytes; whether there is no U+0000 in it. What is behind the text is written, too.
///
/// Performance: the words that are copied are those that are looked at.
#[inline(always)]
pub(crate) fn copy_without_nul(to: &mut [u8; SHORT], text: &[u8]) -> bool {
    let found = if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        let ([a, b], [c, d]) = (halves(*first), halves(*last));
        store_at(to, 0, a);
        store_at(to, 8, b);
        store_at(to, text.len() - 16, c);
        store_at(to, text.len() - 8, d);
        zero(a) | zero(b) | zero(c) | zero(d)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        let (a, b) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        store_at(to, 0, a);
        store_at(to, text.len() - 8, b);
        zero(a) | zero(b)
    } else {
        let word = short(text);
        store_at(to, 0, word);
        zero(word)
    };
    found & HIGHS == 0
}

#[inline(always)]
fn store_at(to: &mut [u8], at: usize, word: u64) {
    if let Some(to) = to.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *to = word.to_le_bytes();
    }
}

#[inline(never)]
fn copy_long(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
