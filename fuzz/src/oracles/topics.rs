//! Topic names, filters and their indexes beside the naive reference.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use mqtt_wire::topic::{FilterTree, Level, TopicFilterBuf, TopicNameBuf, TopicTree};
use mqtt_wire::{Rule, TopicError, TopicFilter, TopicName, Version};

use super::topic_reference as reference;

/// Any bytes as a name and as a filter.
pub(super) fn syntax(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes);
    let name = TopicName::from_bytes(bytes);
    assert_eq!(name.is_ok(), text.is_ok_and(reference::is_name), "{name:?}");
    if let Ok(text) = text {
        assert_eq!(TopicName::new(text), name);
        assert_eq!(text.parse::<TopicNameBuf>().map(|_| ()), name.map(|_| ()));
    }
    match name {
        Ok(name) => name_has_levels(name),
        Err(error) => points_at(error, bytes),
    }
    for version in Version::ALL {
        let filter = TopicFilter::from_bytes_for(bytes, version);
        let rule = if version == Version::V5 { reference::is_v5_filter } else { reference::is_filter };
        assert_eq!(filter.is_ok(), text.is_ok_and(rule), "{version}: {filter:?}");
        if let Ok(text) = text {
            assert_eq!(TopicFilter::new_for(text, version), filter);
        }
        match filter {
            Ok(filter) => filter_has_levels(filter, version),
            Err(error) => points_at(error, bytes),
        }
    }
}

fn name_has_levels(name: TopicName<'_>) {
    let levels: Vec<&str> = name.as_str().split('/').collect();
    assert!(name.levels().eq(levels.iter().copied()));
    assert!(name.levels().rev().eq(levels.iter().rev().copied()));
    assert_eq!(name.starts_with_dollar(), name.as_str().starts_with('$'));
    assert_eq!(TopicNameBuf::from_levels(&levels).expect("its own levels"), name);
    let as_filter = TopicFilter::new_for(name.as_str(), Version::V311).expect("a name is a filter");
    assert!(as_filter.matches(name) && !as_filter.has_wildcards());
}

fn filter_has_levels(filter: TopicFilter<'_>, version: Version) {
    let text = filter.as_str();
    let shared = version == Version::V5 && text.starts_with("$share/");
    assert_eq!(filter.is_shared(), shared);
    let parts = reference::share_parts(text).filter(|_| shared);
    assert_eq!(filter.share_name(), parts.map(|(share, _)| share));
    let inner = parts.map_or(text, |(_, inner)| inner);
    assert_eq!(filter.inner().as_str(), inner);
    assert_eq!(filter.has_wildcards(), inner.split('/').any(|level| matches!(level, "+" | "#")));
    assert!(filter.levels().map(Level::as_str).eq(inner.split('/')));
    assert!(filter.levels().rev().map(Level::as_str).eq(inner.rsplit('/')));
    let again = TopicFilterBuf::from_levels(filter.inner().levels());
    if reference::is_v5_filter(inner) {
        assert_eq!(again.expect("its own levels").as_str(), inner);
    }
    if let Some(share) = filter.share_name() {
        assert_eq!(filter.inner().share(share).expect("its own parts"), filter);
    }
    assert_eq!(filter.to_buf(), filter);
}

/// The error names a place in the text, and the character that stands there.
fn points_at(error: TopicError, bytes: &[u8]) {
    assert!(error.offset() <= bytes.len());
    assert!(!error.to_string().is_empty() && !error.requirement().is_empty());
    if let Some(character) = error.character() {
        assert_eq!(bytes.get(error.offset()).map(|byte| char::from(*byte)), Some(character));
    }
    if error.rule() == Rule::InvalidUtf8 {
        let valid = std::str::from_utf8(bytes).expect_err("not UTF-8").valid_up_to();
        assert_eq!(error.offset(), valid);
    }
}

/// Two filters and a name, a line each.
pub(super) fn relations(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let mut filter = || lines.next().and_then(|line| TopicFilter::new(line).ok());
    let (Some(a), Some(b)) = (filter(), filter()) else { return };
    let name = lines.next().and_then(|line| TopicName::new(line).ok());
    if let Some(name) = name {
        let expected = |filter: TopicFilter<'_>| reference::matches(filter.inner().as_str(), name.as_str());
        assert_eq!(a.matches(name), expected(a), "{a} {name}");
        assert_eq!(b.matches(name), expected(b), "{b} {name}");
        if a.covers(b) {
            assert!(a.matches(name) || !b.matches(name), "{a} covers {b}, but {name}");
        }
        if a.matches(name) && b.matches(name) {
            assert!(a.intersects(b), "{a} {b} {name}");
        }
    }
    assert!(a.covers(a) && a.intersects(a) && b.covers(b));
    assert_eq!(a.intersects(b), b.intersects(a), "{a} {b}");
    if a.covers(b) {
        assert!(a.intersects(b), "{a} {b}");
    }
    if a.covers(b) && b.covers(a) {
        assert_equivalent(a, b);
    }
    // A filter without wildcards is a name, for which both relations are matching.
    if let Ok(name) = TopicName::new(b.inner().as_str()) {
        assert_eq!(a.covers(b), a.matches(name), "{a} {b}");
        assert_eq!(a.intersects(b), a.matches(name), "{a} {b}");
    }
    // A name with each wildcard filled in shows what intersects.
    for fill in ["", "a", "b/c"] {
        let filled = b.inner().as_str().replace(['+', '#'], fill);
        if let Ok(name) = TopicName::new(&filled) {
            if b.matches(name) && a.matches(name) {
                assert!(a.intersects(b), "{a} {b} {name}");
            }
            if b.matches(name) && !a.matches(name) {
                assert!(!a.covers(b), "{a} {b} {name}");
            }
        }
    }
}

/// Filters that cover each other match the same names, though their texts may differ.
fn assert_equivalent(a: TopicFilter<'_>, b: TopicFilter<'_>) {
    for filter in [a, b] {
        for fill in ["", "a", "$", "a/b"] {
            let filled = filter.inner().as_str().replace(['+', '#'], fill);
            if let Ok(name) = TopicName::new(&filled) {
                assert_eq!(a.matches(name), b.matches(name), "{a} {b} {name}");
            }
        }
    }
}

#[derive(Debug, Arbitrary)]
enum Step {
    Insert(Text),
    Remove(Text),
    RemoveKnown(u8),
    Find(Text),
}

/// A filter or a name that is likely to meet others.
#[derive(Debug)]
struct Text(String);

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        const PARTS: [&str; 16] = [
            "a",
            "b",
            "ab",
            "",
            "/",
            "/",
            "/",
            "+",
            "#",
            "/#",
            "/+",
            "$",
            "$share/g/",
            "é",
            "\u{10FFFF}",
            "aaaaaaaa",
        ];
        let len = u.int_in_range(1..=8)?;
        (0..len).map(|_| u.choose(&PARTS).copied()).collect::<Result<_, _>>().map(Self)
    }
}

/// Both indexes beside sorted maps that are scanned.
pub(super) fn trees(bytes: &[u8]) {
    let Ok(steps) = Vec::<Step>::arbitrary(&mut Unstructured::new(bytes)) else { return };
    let (mut filters, mut all_filters) = (FilterTree::new(), BTreeMap::new());
    let (mut names, mut all_names) = (TopicTree::new(), BTreeMap::new());
    for (value, step) in steps.iter().enumerate() {
        match step {
            Step::Insert(Text(text)) => {
                if let Ok(filter) = TopicFilter::new(text) {
                    assert_eq!(filters.insert(filter, value), all_filters.insert(text.clone(), value));
                }
                if let Ok(name) = TopicName::new(text) {
                    assert_eq!(names.insert(name, value), all_names.insert(text.clone(), value));
                }
            }
            Step::Remove(Text(text)) => {
                remove(text, &mut filters, &mut all_filters, &mut names, &mut all_names);
            }
            Step::RemoveKnown(n) => {
                let known = all_filters.keys().chain(all_names.keys());
                if let Some(text) = known.cycle().nth(usize::from(*n)).cloned() {
                    remove(&text, &mut filters, &mut all_filters, &mut names, &mut all_names);
                }
            }
            Step::Find(Text(text)) => {
                find(text, &mut filters, &all_filters);
                under(text, &names, &all_names);
            }
        }
        assert_eq!((filters.len(), names.len()), (all_filters.len(), all_names.len()));
    }
    let listed: BTreeMap<String, usize> =
        filters.iter().map(|(filter, n)| (filter.to_string(), *n)).collect();
    assert_eq!(listed, all_filters);
    let listed: BTreeMap<String, usize> = names.iter().map(|(name, n)| (name.to_string(), *n)).collect();
    assert_eq!(listed, all_names);
}

type All = BTreeMap<String, usize>;

fn remove(
    text: &str,
    filters: &mut FilterTree<usize>,
    all_filters: &mut All,
    names: &mut TopicTree<usize>,
    all_names: &mut All,
) {
    if let Ok(filter) = TopicFilter::new(text) {
        assert_eq!(filters.get(filter), all_filters.get(text));
        assert_eq!(filters.remove(filter), all_filters.remove(text));
        assert!(!filters.contains(filter));
    }
    if let Ok(name) = TopicName::new(text) {
        assert_eq!(names.get(name), all_names.get(text));
        assert_eq!(names.remove(name), all_names.remove(text));
        assert!(!names.contains(name));
    }
}

fn find(name: &str, filters: &mut FilterTree<usize>, all: &All) {
    let Ok(name) = TopicName::new(name) else { return };
    let mut expected: Vec<(String, usize)> = all
        .iter()
        .filter(|(filter, _)| reference::matches(inner(filter), name.as_str()))
        .map(|(filter, n)| (filter.clone(), *n))
        .collect();
    expected.sort();
    let mut found: Vec<_> = filters.matches(name).map(|(filter, n)| (filter.to_string(), *n)).collect();
    found.sort();
    assert_eq!(found, expected, "{name}");
    let mut visited = Vec::new();
    filters.for_each_match_mut(name, |filter, n| visited.push((filter.to_string(), *n)));
    visited.sort();
    assert_eq!(visited, expected, "{name}");
}

fn under(filter: &str, names: &TopicTree<usize>, all: &All) {
    let Ok(filter) = TopicFilter::new(filter) else { return };
    let mut expected: Vec<(String, usize)> = all
        .iter()
        .filter(|(name, _)| reference::matches(inner(filter.as_str()), name))
        .map(|(name, n)| (name.clone(), *n))
        .collect();
    expected.sort();
    let mut found: Vec<_> = names.under(filter).map(|(name, n)| (name.to_string(), *n)).collect();
    found.sort();
    assert_eq!(found, expected, "{filter}");
}

/// Of a valid filter of 5.0.
fn inner(filter: &str) -> &str {
    reference::share_parts(filter).map_or(filter, |(_, inner)| inner)
}
