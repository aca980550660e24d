//! Everything small, compared with the reference. The bounds are lower in debug builds; `--ignored` in a
//! release build goes to 8 characters with a multi-byte one among them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mqtt_wire::topic::Level;
use mqtt_wire::{TopicFilter, TopicName, Version};

use crate::count::{counted, spread};
use crate::reference::{self, Split};

const ALPHABET: [char; 7] = ['a', 'b', '/', '+', '#', '$', 'é'];

/// `release` characters in release builds, two less in debug builds.
fn bound(release: usize) -> usize {
    if cfg!(debug_assertions) { release - 2 } else { release }
}

/// Every filter against every name of up to `max` characters.
fn matching(alphabet: &[char], max: usize, expected: u64) {
    let filters = reference::texts(alphabet, max, reference::is_filter);
    let names = reference::texts(alphabet, max, reference::is_name);
    matching_of(&filters, &names, expected);
}

fn matching_of(filters: &[String], names: &[String], expected: u64) {
    let split: Vec<_> =
        names.iter().map(|name| (TopicName::new(name).expect("a name"), Split::new(name))).collect();
    let matched = AtomicU64::new(0);
    let cases = spread(filters, |text| {
        let filter = TopicFilter::new_for(text, Version::V311).expect("a filter");
        let filter_split = Split::new(text);
        let (mut cases, mut matches) = (0, 0);
        for (name, name_split) in &split {
            let expected = reference::split_matches(&filter_split, name_split);
            assert_eq!(filter.matches(*name), expected, "{filter} against {name}");
            matches += u64::from(expected);
            cases += 1;
        }
        matched.fetch_add(matches, Relaxed);
        cases
    });
    let matched = matched.into_inner();
    println!("{} filters, {} names, {matched} match", filters.len(), names.len());
    assert!(matched > 0);
    counted("filters with names", cases, expected);
}

#[test]
fn every_filter_against_every_name() {
    matching(&ALPHABET, bound(6), 22_672 * 19_530);
    matching(&['a', '/', '+', '#', '$'], bound(8), 16_537 * 9_840);
}

/// Every text of up to so many levels out of those given.
fn of_levels(levels: &[&str], most: usize, pass: fn(&str) -> bool) -> Vec<String> {
    let mut all: Vec<String> = levels.iter().map(|level| (*level).to_owned()).collect();
    let mut from = 0;
    for _ in 1..most {
        let to = all.len();
        for shorter in from..to {
            let longer = levels.iter().map(|level| format!("{}/{level}", all[shorter])).collect::<Vec<_>>();
            all.extend(longer);
        }
        from = to;
    }
    all.retain(|text| pass(text));
    all
}

/// Many levels, so that `+` stands in long runs: all three relations by their definitions.
#[test]
fn every_filter_of_many_levels() {
    let (filter_levels, name_levels) = if cfg!(debug_assertions) { (5, 6) } else { (6, 7) };
    let filters = of_levels(&["+", "", "ab", "#"], filter_levels, reference::is_filter);
    let names = of_levels(&["", "ab", "abcdefghi"], name_levels, reference::is_name);
    relations(&filters, &names, 1_455);
    matching_of(&filters, &names, 1_455 * 3_278);
}

#[test]
#[ignore = "minutes in a release build"]
fn every_filter_against_every_name_to_8_characters() {
    matching(&['a', '/', '+', '#', '$', 'é'], 8, 114_816 * 87_380);
}

#[test]
fn every_text_is_a_name_or_a_filter_exactly_if_the_reference_says_so() {
    let alphabet = ['a', '/', '+', '#', '$', 'é', '\0'];
    let texts = reference::texts(&alphabet, bound(8), |_| true);
    let prefixes = ["", "$share", "$share/", "$share/g", "$share/g/", "$shar", "$SHARE/"];
    let accepted = AtomicU64::new(0);
    let cases = spread(&texts, |text| {
        let (mut cases, mut accepts) = (0, 0);
        for prefix in prefixes {
            if !prefix.is_empty() && text.chars().count() > 5 {
                continue;
            }
            let text = &format!("{prefix}{text}");
            let name = TopicName::new(text);
            assert_eq!(name, TopicName::from_bytes(text.as_bytes()));
            assert_eq!(name.is_ok(), reference::is_name(text), "{text:?}");
            for (version, expected) in [
                (Version::V31, reference::is_filter(text)),
                (Version::V311, reference::is_filter(text)),
                (Version::V5, reference::is_v5_filter(text)),
            ] {
                let filter = TopicFilter::new_for(text, version);
                assert_eq!(filter, TopicFilter::from_bytes_for(text.as_bytes(), version));
                assert_eq!(filter.is_ok(), expected, "{text:?} {version}");
                accepts += u64::from(expected);
                if let Ok(filter) = filter {
                    parts(filter, text, version);
                }
            }
            cases += 1;
        }
        accepted.fetch_add(accepts, Relaxed);
        cases
    });
    println!("{} accepted", accepted.into_inner());
    counted("texts as names and filters", cases, 6_725_601 + 6 * 19_608);
}

/// What a filter says of itself.
fn parts(filter: TopicFilter<'_>, text: &str, version: Version) {
    let share = reference::share_parts(text).filter(|_| version == Version::V5);
    let inner = share.map_or(text, |(_, inner)| inner);
    assert_eq!(filter.as_str(), text);
    assert_eq!(filter.is_shared(), share.is_some());
    assert_eq!(filter.share_name(), share.map(|(share_name, _)| share_name));
    assert_eq!(filter.inner(), inner);
    assert_eq!(filter.has_wildcards(), inner.contains(['+', '#']));
    assert_eq!(filter.starts_with_dollar(), inner.starts_with('$'));
    assert!(filter.levels().map(Level::as_str).eq(inner.split('/')));
    assert!(filter.levels().rev().map(Level::as_str).eq(inner.rsplit('/')));
}

/// A set of names, a bit each.
struct Names(Vec<u64>);

impl Names {
    fn of(filter: &str, names: &[Split<'_>]) -> Self {
        let bit = |(number, name): (usize, &Split<'_>)| {
            u64::from(reference::split_matches(&Split::new(filter), name)) << number
        };
        Self(names.chunks(64).map(|names| names.iter().enumerate().map(bit).sum()).collect())
    }

    fn holds_all_of(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| other & !own == 0)
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(own, other)| own & other != 0)
    }
}

/// `covers` and `intersects` by their definitions: over the names that each filter of a pair matches. Names
/// are longer than filters, and have a letter of their own, so that what two filters do differently shows.
#[test]
fn covers_and_intersects_by_definition() {
    let filters = reference::texts(&['a', 'b', '/', '+', '#', '$'], bound(5), reference::is_filter);
    let names = reference::texts(&['a', 'b', 'x', '/', '$'], bound(7), reference::is_name);
    relations(&filters, &names, 1_711);
}

/// `covers` and `intersects` of all pairs of the filters, of which there are that many.
fn relations(filters: &[String], names: &[String], expected: u64) {
    let split: Vec<_> = names.iter().map(|name| Split::new(name)).collect();
    let sets: Vec<_> = filters
        .iter()
        .map(|text| (TopicFilter::new(text).expect("a filter"), Names::of(text, &split)))
        .collect();
    let held = AtomicU64::new(0);
    let cases = spread(&sets, |(filter, set)| {
        let (mut cases, mut holds) = (0, 0);
        for (other, other_set) in &sets {
            let covers = set.holds_all_of(other_set);
            assert_eq!(filter.covers(*other), covers, "{filter} covers {other}");
            let intersects = set.meets(other_set);
            assert_eq!(filter.intersects(*other), intersects, "{filter} intersects {other}");
            holds += u64::from(covers) + u64::from(intersects);
            cases += 2;
        }
        held.fetch_add(holds, Relaxed);
        cases
    });
    let held = held.into_inner();
    println!("{} filters over {} names, {held} relations hold", sets.len(), names.len());
    counted("filters with filters", cases, 2 * expected * expected);
}
