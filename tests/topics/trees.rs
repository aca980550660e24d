//! `FilterTree` and `TopicTree` against a linear scan with the reference.

use std::collections::BTreeMap;

use mqtt_wire::topic::{FilterTree, TopicTree};
use mqtt_wire::{TopicFilter, TopicName, Version, topic_filter, topic_name};
use proptest::prelude::*;

use crate::cases::cases;
use crate::reference;

pub(crate) fn filter(text: &str) -> TopicFilter<'_> {
    TopicFilter::new(text).expect("a filter")
}

pub(crate) fn name(text: &str) -> TopicName<'_> {
    TopicName::new(text).expect("a name")
}

/// What a tree finds, in order; a text found twice stands twice.
fn found<'t>(matches: impl Iterator<Item = (TopicFilter<'t>, &'t u32)>) -> Vec<(&'t str, u32)> {
    let mut all: Vec<_> = matches.map(|(filter, value)| (filter.as_str(), *value)).collect();
    all.sort_unstable();
    all
}

fn found_names<'t>(names: impl Iterator<Item = (TopicName<'t>, &'t u32)>) -> Vec<(&'t str, u32)> {
    let mut all: Vec<_> = names.map(|(name, value)| (name.as_str(), *value)).collect();
    all.sort_unstable();
    all
}

/// Few texts, so that they meet: short levels, wildcards, shares, levels with a common beginning.
pub(crate) fn filter_text() -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => "[ab]{0,2}", 2 => Just("+".into()), 1 => "\\$?é?", 1 => "dev-[0-9]{1,2}"];
    let tail = prop_oneof![2 => Just(String::new()), 1 => Just("/#".into())];
    let share = prop_oneof![3 => Just(String::new()), 1 => "\\$share/g[a-c]?/"];
    let usual = (share, proptest::collection::vec(level, 1..5), tail)
        .prop_map(|(share, levels, tail)| share + &levels.join("/") + &tail);
    prop_oneof![20 => usual, 1 => "(\\$share/g/)?(\\$/)?#"]
        .prop_filter("not a filter", |text| reference::is_v5_filter(text))
}

pub(crate) fn name_text() -> impl Strategy<Value = String> {
    let level = prop_oneof![4 => "[ab]{0,2}", 1 => "\\$?é?", 1 => "dev-[0-9]{1,2}"];
    proptest::collection::vec(level, 1..6)
        .prop_map(|levels| levels.join("/"))
        .prop_filter("not a name", |text| reference::is_name(text))
}

#[derive(Debug, Clone)]
enum FilterStep {
    Insert(String),
    Remove(String),
    /// Removes the stored filter of that number, counted around.
    RemoveStored(usize),
    Match(String),
}

fn filter_step() -> impl Strategy<Value = FilterStep> {
    prop_oneof![
        4 => filter_text().prop_map(FilterStep::Insert),
        1 => filter_text().prop_map(FilterStep::Remove),
        2 => any::<usize>().prop_map(FilterStep::RemoveStored),
        3 => name_text().prop_map(FilterStep::Match),
    ]
}

proptest! {
    // Where a failure would be written down depends on the place of the test; the seed is printed anyway.
    #![proptest_config(ProptestConfig { cases: cases(256), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_filter_tree_finds_what_a_scan_finds(steps in proptest::collection::vec(filter_step(), 1..300)) {
        let mut tree = FilterTree::new();
        let mut model = BTreeMap::new();
        for (value, step) in (0..).zip(steps) {
            match step {
                FilterStep::Insert(text) => {
                    prop_assert_eq!(tree.insert(filter(&text), value), model.insert(text, value));
                }
                FilterStep::Remove(text) => {
                    prop_assert_eq!(tree.get(filter(&text)), model.get(&text));
                    prop_assert_eq!(tree.remove(filter(&text)), model.remove(&text));
                }
                FilterStep::RemoveStored(number) => {
                    let Some(text) = model.keys().nth(number % model.len().max(1)).cloned() else { continue };
                    prop_assert_eq!(tree.remove(filter(&text)), model.remove(&text));
                }
                FilterStep::Match(text) => {
                    let expected: Vec<_> = model
                        .iter()
                        .filter(|(filter, _)| reference::matches(reference::inner(filter), &text))
                        .map(|(filter, value)| (filter.as_str(), *value))
                        .collect();
                    prop_assert_eq!(found(tree.matches(name(&text))), expected);
                    tree.for_each_match_mut(name(&text), |_, value| *value += 1000);
                    for (filter, value) in &mut model {
                        let matches = reference::matches(reference::inner(filter), &text);
                        *value += u32::from(matches) * 1000;
                    }
                }
            }
            prop_assert_eq!(tree.len(), model.len());
        }
        let all: Vec<_> = model.iter().map(|(filter, value)| (filter.as_str(), *value)).collect();
        prop_assert_eq!(found(tree.iter()), all);
    }

    #[test]
    fn a_topic_tree_finds_what_a_scan_finds(
        names in proptest::collection::btree_map(name_text(), any::<u32>(), 0..100),
        gone in proptest::collection::vec(any::<usize>(), 0..30),
        filters in proptest::collection::vec(filter_text(), 1..50),
    ) {
        let mut model = names;
        let mut tree: TopicTree<u32> = model.iter().map(|(text, value)| (name(text), *value)).collect();
        for number in gone {
            let Some(text) = model.keys().nth(number % model.len().max(1)).cloned() else { continue };
            prop_assert_eq!(tree.remove(name(&text)), model.remove(&text));
        }
        for text in filters {
            let expected: Vec<_> = model
                .iter()
                .filter(|(name, _)| reference::matches(reference::inner(&text), name))
                .map(|(name, value)| (name.as_str(), *value))
                .collect();
            prop_assert_eq!(found_names(tree.under(filter(&text))), expected, "{}", text);
        }
    }
}

/// Every filter of up to 4 (in debug builds 3) characters in one tree against every name of up to 5, and the
/// other way round.
#[test]
fn all_small_filters_and_all_small_names() {
    let (filter_len, name_len) = if cfg!(debug_assertions) { (3, 4) } else { (4, 6) };
    let alphabet = ['a', 'b', '/', '+', '#', '$'];
    let filters = reference::texts(&alphabet, filter_len, reference::is_filter);
    let shared: Vec<_> = filters.iter().map(|text| format!("$share/g/{text}")).collect();
    let names = reference::texts(&alphabet, name_len, reference::is_name);
    let tree: FilterTree<u32> = filters.iter().chain(&shared).map(|text| (filter(text), 7)).collect();
    let topics: TopicTree<u32> = names.iter().map(|text| (name(text), 7)).collect();
    assert_eq!((tree.len(), topics.len()), (filters.len() + shared.len(), names.len()));
    let mut matched = 0;
    for text in &names {
        let mut expected: Vec<_> = filters.iter().filter(|filter| reference::matches(filter, text)).collect();
        expected.extend(shared.iter().filter(|filter| reference::matches(reference::inner(filter), text)));
        expected.sort_unstable();
        matched += expected.len();
        assert!(found(tree.matches(name(text))).iter().map(|found| found.0).eq(expected), "{text}");
    }
    for text in &filters {
        let mut expected: Vec<_> = names.iter().filter(|name| reference::matches(text, name)).collect();
        expected.sort_unstable();
        matched += expected.len();
        assert!(found_names(topics.under(filter(text))).iter().map(|found| found.0).eq(expected), "{text}");
    }
    println!("{} filters and {} names: {matched} matches", tree.len(), names.len());
}

/// The rule about `$` (section 4.7.2) with the standard's own filters and longer ones, on both trees and both ways: the
/// first level alone decides, and it decides for texts of every length.
#[test]
fn the_dollar_rule_with_long_filters() {
    let long = |first: &str, levels: usize| first.to_owned() + &"/a-long-level".repeat(levels);
    let mut filters: Vec<String> =
        ["#", "+", "+/#", "/#", "+/monitor/Clients", "+/monitor/#", "+/+/Clients", "+/monitor/+", "$SYS/#"]
            .map(String::from)
            .into();
    filters.extend(
        ["$SYS/monitor/+", "$SYS/monitor/Clients", "$SYS/+/Clients", "$SYS", "$SYS/monitor"]
            .map(String::from),
    );
    filters.extend(["$share/g/+/monitor/Clients", "$share/g/#", "$share/g/$SYS/monitor/+"].map(String::from));
    let mut names: Vec<String> = [
        "$SYS/monitor/Clients",
        "$SYS/monitor",
        "$SYS",
        "$SYS/",
        "SYS/monitor/Clients",
        "a/$SYS/monitor",
        "$",
        "/$SYS",
    ]
    .map(String::from)
    .into();
    for levels in [1, 2, 3, 5, 8, 40] {
        for first in ["+", "$SYS", "SYS", "", "$share/g/+", "$share/g/$SYS", "+/+", "+/$SYS"] {
            filters.push(long(first, levels));
            filters.push(long(first, levels) + "/#");
            filters.push(long(first, levels) + "/+");
            filters.push(long(first, levels) + "/Clients");
        }
        for first in ["$SYS", "SYS", "", "$SYS/$SYS", "SYS/$SYS", "$SYS/SYS"] {
            names.push(long(first, levels));
            names.push(long(first, levels) + "/Clients");
            names.push(long(first, levels) + "/$Clients/x");
        }
    }
    let tree: FilterTree<u32> = filters.iter().map(|text| (filter(text), 0)).collect();
    let topics: TopicTree<u32> = names.iter().map(|text| (name(text), 0)).collect();
    let matches = |filter: &str, name: &str| reference::matches(reference::inner(filter), name);
    let mut hidden = 0;
    for text in &names {
        let mut expected: Vec<_> = filters.iter().filter(|filter| matches(filter, text)).collect();
        expected.sort_unstable();
        assert!(found(tree.matches(name(text))).iter().map(|found| found.0).eq(expected), "{text}");
        hidden += filters
            .iter()
            .filter(|filter| !matches(filter, text) && matches(filter, &text.replace('$', "S")))
            .count();
    }
    for text in &filters {
        let mut expected: Vec<_> = names.iter().filter(|name| matches(text, name)).collect();
        expected.sort_unstable();
        let under: Vec<_> = topics.under(filter(text)).map(|(name, _)| name.as_str()).collect();
        assert_eq!(under, expected, "{text}");
    }
    assert!(hidden > 100, "the rule decided {hidden} pairs");
}

/// Labels longer than a branch keeps, that differ from the name at every place, before and behind branches with
/// wildcards and without.
#[test]
fn long_labels_that_differ() {
    let level = |letter: char, len: usize| letter.to_string().repeat(len);
    let mut filters = Vec::new();
    for len in [1, 6, 7, 8, 9, 30, 70, 140] {
        let (p, q) = (level('p', len), level('q', len));
        for tail in ["", "/", "/#", "/+", "/x", "/+/x", "/+/y/#", "/x/y", "/x/+"] {
            filters.push(format!("{p}{tail}"));
            filters.push(format!("{p}/{q}{tail}"));
            filters.push(format!("+/{q}{tail}"));
            filters.push(format!("$share/g/{p}/{q}{tail}"));
        }
    }
    let tree: FilterTree<u32> = filters.iter().map(|text| (filter(text), 0)).collect();
    let topics: TopicTree<u32> =
        filters.iter().filter(|text| reference::is_name(text)).map(|text| (name(text), 0)).collect();
    for len in [1, 6, 7, 8, 9, 30, 70, 140] {
        for tail in ["", "/", "/x", "/x/y", "/z/x", "/z/y/z"] {
            let right = format!("{}/{}{tail}", level('p', len), level('q', len));
            for at in 0..right.len().min(2 * len + 4) {
                let mut text = right.clone().into_bytes();
                text[at] = if at % 3 == 0 { b'r' } else { text[at] };
                let text = String::from_utf8(text).expect("ASCII");
                let mut expected: Vec<_> = filters
                    .iter()
                    .map(String::as_str)
                    .filter(|filter| reference::matches(reference::inner(filter), &text))
                    .collect();
                expected.sort_unstable();
                assert!(found(tree.matches(name(&text))).iter().map(|found| found.0).eq(expected), "{text}");
            }
        }
    }
    for text in &filters {
        let mut expected: Vec<_> = filters
            .iter()
            .map(String::as_str)
            .filter(|name| reference::is_name(name) && reference::matches(reference::inner(text), name))
            .collect();
        expected.sort_unstable();
        assert!(topics.under(filter(text)).map(|(name, _)| name.as_str()).eq(expected), "{text}");
    }
}

#[test]
fn shares_are_entries_of_their_own() {
    let mut tree = FilterTree::new();
    for (value, text) in (0..).zip(["a/b", "$share/g/a/b", "$share/h/a/b", "$share/g/a/#", "$share/gg/a/b"]) {
        assert_eq!(tree.insert(filter(text), value), None);
    }
    // What 3.1.1 takes for an ordinary filter is another one.
    let plain = TopicFilter::new_for("$share/g/a/b", Version::V311).expect("a filter");
    assert_eq!(tree.insert(plain, 9), None);
    assert_eq!((tree.get(plain), tree.get(filter("$share/g/a/b"))), (Some(&9), Some(&1)));
    assert_eq!(found(tree.matches(name("$share/g/a/b"))), [("$share/g/a/b", 9)]);
    let shares: Vec<_> = found(tree.matches(name("a/b")));
    assert_eq!(
        shares,
        [("$share/g/a/#", 3), ("$share/g/a/b", 1), ("$share/gg/a/b", 4), ("$share/h/a/b", 2), ("a/b", 0)]
    );
    let mut shared: Vec<_> = tree.iter().map(|(filter, value)| (*value, filter.share_name())).collect();
    shared.sort_unstable();
    let expected = [(0, None), (1, Some("g")), (2, Some("h")), (3, Some("g")), (4, Some("gg")), (9, None)];
    assert_eq!(shared, expected);
    assert_eq!(tree.remove(filter("a/b")), Some(0));
    assert_eq!(tree.get(filter("a/b")), None);
    assert_eq!(tree.remove(filter("$share/h/a/b")), Some(2));
    assert_eq!(tree.remove(filter("$share/h/a/b")), None);
    assert_eq!(tree.remove(plain), Some(9));
    assert_eq!(found(tree.matches(name("a/b"))).len(), 3);
    assert_eq!(tree.matches(name("$share/g/a/b")).count(), 0);
}

/// A look-up skips text between branches. Here it skips `xy/` where the name has `xab`, comes to a `+` in the
/// middle of a level, and has to find back.
#[test]
fn skipped_text_that_differs() {
    let filters = [
        "p/+/q",
        "p/+/xy/+/1",
        "p/+/xy/+/2",
        "p/+/xy/a",
        "p/a/xabc/d",
        "p/a/xabc/e",
        "p/a/+/d",
        "p/a/xabc/+",
    ];
    let tree: FilterTree<u32> = filters.iter().map(|text| (filter(text), 0)).collect();
    for text in ["p/a/xabc/d", "p/a/xabcd/d", "p/a/xyz/d", "p/a/xab//1", "p/a/x/", "p/a/xy/a", "p/a/xy/b/1"] {
        let mut expected: Vec<_> = tree.iter().map(|(filter, _)| filter.as_str()).collect();
        expected.retain(|filter| reference::matches(filter, text));
        expected.sort_unstable();
        assert!(found(tree.matches(name(text))).iter().map(|found| found.0).eq(expected), "{text}");
    }
}

#[test]
fn values() {
    let mut tree = FilterTree::new();
    assert!(tree.is_empty() && !tree.contains(topic_filter!("a")));
    *tree.get_or_insert_with(topic_filter!("a"), || 1) += 1;
    *tree.get_or_insert_with(topic_filter!("a"), || unreachable!("it is there")) += 1;
    assert_eq!(tree.insert(topic_filter!("a"), 5), Some(3));
    *tree.get_mut(topic_filter!("a")).expect("a value") = 6;
    tree.iter_mut().for_each(|(filter, value)| *value += u32::from(filter == "a"));
    assert_eq!(format!("{tree:?} {:?}", tree.matches(topic_name!("a"))), r#"{"a": 7} {"a": 7}"#);
    assert!(!tree.is_empty() && tree.contains(topic_filter!("a")) && !tree.contains(topic_filter!("+")));
    let mut seen = Vec::new();
    tree.for_each_match_mut(topic_name!("a"), |filter, value| seen.push((filter.to_string(), *value)));
    assert_eq!(seen, [("a".to_owned(), 7)]);
    let copy = tree.clone();
    tree.clear();
    assert!(tree.is_empty() && FilterTree::<u32>::default().is_empty());
    assert_eq!((tree.len(), copy.len(), copy.get(topic_filter!("a"))), (0, 1, Some(&7)));

    let mut tree = TopicTree::new();
    *tree.get_or_insert_with(topic_name!("a"), || 1) += 1;
    assert_eq!(tree.insert(topic_name!("a"), 5), Some(2));
    tree.iter_mut().for_each(|(name, value)| *value += u32::from(name == "a"));
    *tree.get_mut(topic_name!("a")).expect("a value") += 1;
    assert_eq!(format!("{tree:?} {:?}", tree.under(topic_filter!("#"))), r#"{"a": 7} {"a": 7}"#);
    assert!(tree.contains(topic_name!("a")) && !tree.contains(topic_name!("b")) && !tree.is_empty());
    *tree.get_or_insert_with(topic_name!("a"), || unreachable!("it is there")) += 1;
    assert_eq!((tree.get(topic_name!("a")), tree.len()), (Some(&8), 1));
    tree.clear();
    assert!(
        tree.is_empty() && tree.get(topic_name!("a")).is_none() && TopicTree::<u32>::default().is_empty()
    );
}

/// Trees and texts that make naive look-ups exponential or deep, on a small stack: 64 KiB.
#[test]
fn hostile_trees() {
    let work = || {
        // All 2^12 filters of `a` and `+`, and each with a tail that does not match.
        let mut tree = FilterTree::new();
        for bits in 0..1 << 12 {
            let levels: Vec<_> =
                (0..12).map(|level| if bits >> level & 1 == 0 { "a" } else { "+" }).collect();
            tree.insert(filter(&levels.join("/")), bits);
            tree.insert(filter(&format!("{}/x", levels.join("/"))), bits);
        }
        let deep = "a/".repeat(32_767) + "a";
        assert_eq!(tree.matches(name("a/a/a/a/a/a/a/a/a/a/a/a")).count(), 1 << 12);
        assert_eq!(tree.matches(name(&deep)).count(), 0);
        assert_eq!(tree.matches(name(&"/".repeat(65_535))).count(), 0);

        // The longest paths, and one that leaves them at every level.
        let mut tree = FilterTree::new();
        let pluses = "+/".repeat(32_767) + "+";
        let mut filters = vec![pluses.clone(), deep.clone(), "/".repeat(65_535), "+/".repeat(32_766) + "#"];
        filters.extend((1..200).map(|levels| "+/".repeat(levels) + "#"));
        filters.extend((1..200).map(|levels| "a/".repeat(levels) + "+"));
        for text in &filters {
            assert_eq!(tree.insert(filter(text), 0), None);
        }
        assert_eq!(tree.matches(name(&deep)).count(), 1 + 1 + 1 + 199);
        assert_eq!(tree.matches(name(&"/".repeat(65_535))).count(), 1 + 1 + 199);
        let names: TopicTree<u32> = [(name(&deep), 1), (name("a/a"), 2)].into_iter().collect();
        assert_eq!(names.under(filter(&pluses)).count(), 1);
        assert_eq!(names.under(topic_filter!("+/#")).count(), 2);
        for text in &filters {
            assert_eq!(tree.remove(filter(text)), Some(0));
        }
        assert!(tree.is_empty());
    };
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("no overflow");
}

#[test]
fn trees_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<FilterTree<u32>>();
    shared::<TopicTree<u32>>();
}

/// Look-ups in small and in hostile trees, and iteration, allocate nothing.
#[test]
fn look_ups_do_not_allocate() {
    let mut tree = FilterTree::new();
    let deep = "a/".repeat(32_767) + "a";
    let texts = ["#", "a/#", "+/+", "a/+", "$share/g/a/+", "$share/h/a/+", "+/b", "a/b", &deep];
    let names: TopicTree<u32> = [("a", 1), ("a/b", 2), ("a/b/c", 3), (&deep, 4)]
        .map(|(text, value)| (name(text), value))
        .into_iter()
        .collect();
    for text in texts {
        tree.insert(filter(text), 0);
    }
    let mut found = [0; 5];
    let info = allocation_counter::measure(|| {
        found[0] = tree.matches(topic_name!("a/b")).count();
        found[1] = tree.matches(name(&deep)).count();
        found[2] = tree.iter().count();
        tree.for_each_match_mut(topic_name!("a/b"), |_, value| *value += 1);
        found[3] = names.under(topic_filter!("a/#")).count();
        found[4] = names.under(topic_filter!("+/+")).count();
    });
    assert_eq!(info.count_total, 0);
    assert_eq!(found, [8, 3, 9, 4, 1]);
}

/// What is removed gives its memory back: a tenth of what was stored needs a tenth of the memory, nearly.
#[test]
fn memory_follows_what_is_stored() {
    let texts: Vec<_> =
        (0..20_000).map(|number| format!("site/{}/device/{number}/+", number % 100)).collect();
    let mut tree = FilterTree::new();
    let all = allocation_counter::measure(|| {
        for text in &texts {
            tree.insert(filter(text), 0);
        }
    });
    let kept = texts.len() / 10;
    let removal = allocation_counter::measure(|| {
        for text in &texts[kept..] {
            assert_eq!(tree.remove(filter(text)), Some(0));
        }
    });
    let left = all.bytes_current + removal.bytes_current;
    assert!(left * 5 < all.bytes_current, "{left} of {} bytes are left", all.bytes_current);
    assert_eq!(tree.iter().count(), kept);
    let rest = allocation_counter::measure(|| {
        for text in &texts[..kept] {
            assert_eq!(tree.remove(filter(text)), Some(0));
        }
    });
    let left = left + rest.bytes_current;
    assert!(left < 4096, "{left} bytes are left of an empty tree");
}
