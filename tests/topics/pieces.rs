//! What is done to the trees in pieces: look-ups that are stopped and gone on with, removals with a callback.

use std::collections::{BTreeMap, BTreeSet};

use mqtt_wire::topic::{FilterTree, Sweep, TopicCursor, TopicTree};
use mqtt_wire::{TopicFilter, TopicName, topic_filter, topic_name};
use proptest::prelude::*;

use crate::cases::cases;
use crate::reference;
use crate::trees::{filter, filter_text, name, name_text};

/// What is under a filter, in order, after a name or from the start.
fn expected<'m>(model: &'m BTreeMap<String, u32>, filter: &str, after: &str) -> Vec<(&'m str, u32)> {
    let under = |text: &str| text > after && reference::matches(reference::inner(filter), text);
    model.iter().filter(|(text, _)| under(text)).map(|(text, value)| (text.as_str(), *value)).collect()
}

fn in_order<'t>(names: impl Iterator<Item = (TopicName<'t>, &'t u32)>) -> Vec<(&'t str, u32)> {
    names.map(|(name, value)| (name.as_str(), *value)).collect()
}

/// What happens to a tree between two pieces.
#[derive(Debug, Clone)]
enum Change {
    Insert(String),
    /// Removes the stored name or filter of that number, counted around.
    Remove(usize),
}

fn changes(text: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![text.prop_map(Change::Insert), any::<usize>().prop_map(Change::Remove)];
    proptest::collection::vec(change, 0..4)
}

fn stored(model: &BTreeMap<String, u32>, number: usize) -> Option<String> {
    model.keys().nth(number % model.len().max(1)).cloned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(256), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_come_in_order_after_any_name(
        model in proptest::collection::btree_map(name_text(), any::<u32>(), 0..60),
        filters in proptest::collection::vec(filter_text(), 1..8),
        afters in proptest::collection::vec(name_text(), 1..8),
    ) {
        let tree: TopicTree<u32> = model.iter().map(|(text, value)| (name(text), *value)).collect();
        for text in &filters {
            prop_assert_eq!(in_order(tree.under(filter(text))), expected(&model, text, ""), "{}", text);
            for after in afters.iter().chain(model.keys()) {
                let found = in_order(tree.under_after(filter(text), name(after)));
                prop_assert_eq!(found, expected(&model, text, after), "{} after {}", text, after);
            }
        }
    }

    /// A cursor against a scan for the next greater name, while names come and go.
    #[test]
    fn a_cursor_outlives_changes(
        names in proptest::collection::btree_map(name_text(), any::<u32>(), 0..60),
        text in filter_text(),
        pieces in proptest::collection::vec((0..6_usize, changes(name_text())), 1..12),
    ) {
        let mut model = names;
        let mut tree: TopicTree<u32> = model.iter().map(|(text, value)| (name(text), *value)).collect();
        let mut cursor = TopicCursor::new(filter(&text));
        let mut last = String::new();
        for (most, changes) in pieces {
            let found = in_order(tree.resume(&mut cursor).take(most));
            let mut wanted = expected(&model, &text, &last);
            wanted.truncate(most);
            prop_assert_eq!(&found, &wanted, "{} after {:?}", text, last);
            if let Some((name, _)) = found.last() {
                last = (*name).to_owned();
            }
            prop_assert_eq!(cursor.last().map_or("", |name| name.as_str()), &last);
            // It goes on just as well when it is made anew.
            if let Some(name) = cursor.last() {
                let anew = TopicCursor::after(cursor.filter(), name);
                prop_assert_eq!(anew.as_ref(), Some(&cursor));
                cursor = anew.expect("a name under the filter");
            }
            for change in changes {
                match change {
                    Change::Insert(text) => {
                        prop_assert_eq!(tree.insert(name(&text), 7), model.insert(text, 7));
                    }
                    Change::Remove(number) => {
                        let Some(text) = stored(&model, number) else { continue };
                        prop_assert_eq!(tree.remove(name(&text)), model.remove(&text));
                    }
                }
            }
        }
        prop_assert_eq!(in_order(tree.resume(&mut cursor)), expected(&model, &text, &last));
    }

    /// Everything of subscriber 1 (a bit of the value) is taken out in pieces, while filters come and go.
    #[test]
    fn a_sweep_asks_of_all_that_stay(
        filters in proptest::collection::btree_map(filter_text(), 1..4_u32, 0..60),
        most in 1..20_usize,
        changes in proptest::collection::vec(changes(filter_text()), 80),
    ) {
        let mut model = filters;
        let mut tree: FilterTree<u32> = model.iter().map(|(text, value)| (filter(text), *value)).collect();
        let mut there: BTreeSet<String> = model.keys().cloned().collect();
        let mut sweep = Sweep::new();
        for changes in changes {
            let mut asked = 0;
            let more = tree.retain_some(&mut sweep, most, |filter, value| {
                asked += 1;
                let text = filter.as_str();
                assert_eq!(Some(&*value), model.get(text));
                there.remove(text);
                *value &= !1;
                if *value == 0 { model.remove(text) } else { model.insert(text.to_owned(), *value) };
                *value != 0
            });
            prop_assert!(asked <= most);
            prop_assert_eq!(more, !sweep.is_over());
            if !more {
                break;
            }
            for change in changes {
                match change {
                    Change::Insert(text) => {
                        prop_assert_eq!(tree.insert(filter(&text), 3), model.insert(text, 3));
                    }
                    Change::Remove(number) => {
                        let Some(text) = stored(&model, number) else { continue };
                        there.remove(&text);
                        prop_assert_eq!(tree.remove(filter(&text)), model.remove(&text));
                    }
                }
            }
        }
        prop_assert!(sweep.is_over(), "more pieces than there were filters");
        prop_assert!(there.is_empty(), "not asked of: {:?}", there);
        let mut left: Vec<_> = tree.iter().map(|(filter, value)| (filter.to_string(), *value)).collect();
        left.sort_unstable();
        prop_assert_eq!(left, model.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn retain_asks_of_each_once() {
    let texts: Vec<_> = (0..1000).map(|number| format!("a/{number}/#")).collect();
    let mut tree: FilterTree<u32> = (0..).zip(&texts).map(|(value, text)| (filter(text), value)).collect();
    let mut asked = BTreeSet::new();
    tree.retain(|filter, value| {
        assert!(asked.insert(filter.to_string()));
        *value += 1;
        *value % 3 == 0
    });
    assert_eq!((asked.len(), tree.len()), (1000, 333));
    for (value, text) in (1..).zip(&texts) {
        assert_eq!(tree.get(filter(text)), Some(&value).filter(|value| *value % 3 == 0), "{text}");
    }
    let mut names: TopicTree<u32> = [(topic_name!("a"), 1), (topic_name!("b"), 2)].into_iter().collect();
    names.retain(|name, value| name == "b" && *value == 2);
    assert_eq!(format!("{names:?}"), r#"{"b": 2}"#);
    let mut sweep = Sweep::default();
    assert!(!names.retain_some(&mut sweep, 5, |_, _| false) && names.is_empty());
    assert!(!names.retain_some(&mut sweep, 5, |_, _| false));
}

/// A long sweep and a long look-up take steps for a piece, not for the tree, and allocate nothing.
#[test]
fn pieces_do_not_allocate() {
    let texts: Vec<_> = (0..5000).map(|number| format!("a/{number:04}")).collect();
    let mut names: TopicTree<u32> = texts.iter().map(|text| (name(text), 0)).collect();
    let mut cursor = TopicCursor::new(topic_filter!("#"));
    assert_eq!(names.resume(&mut cursor).take(1).count(), 1);
    let (mut found, mut sweep) = (1, Sweep::new());
    let info = allocation_counter::measure(|| {
        for _ in 0..51 {
            found += names.resume(&mut cursor).take(100).count();
        }
        while names.retain_some(&mut sweep, 100, |_, value| *value == 0) {}
    });
    assert_eq!((info.count_total, found, names.len()), (0, 5000, 5000));
}

#[test]
fn what_a_cursor_says_of_itself() {
    let tree: TopicTree<u32> = [(topic_name!("a/b"), 1), (topic_name!("a/c"), 2)].into_iter().collect();
    let mut cursor = TopicCursor::new(topic_filter!("$share/g/a/+"));
    assert_eq!((cursor.filter(), cursor.last()), (topic_filter!("$share/g/a/+"), None));
    assert_eq!(tree.resume(&mut cursor).next(), Some((topic_name!("a/b"), &1)));
    assert_eq!(cursor.last(), Some(topic_name!("a/b")));
    assert_eq!(format!("{cursor:?}"), r#"TopicCursor { filter: "$share/g/a/+", last: Some("a/b") }"#);
    assert!(cursor.clone() == cursor);
    assert_eq!(tree.resume(&mut cursor).size_hint(), (0, Some(2)));
    assert_eq!(tree.resume(&mut cursor).count(), 1);
    assert_eq!(tree.resume(&mut cursor).count(), 0);
}

#[test]
fn iterators_know_how_much_is_left() {
    let mut tree: FilterTree<u32> =
        [(topic_filter!("a"), 1), (topic_filter!("b/#"), 2)].into_iter().collect();
    let mut all = tree.iter();
    assert_eq!((all.len(), format!("{all:?}")), (2, format!("{tree:?}")));
    assert_eq!((all.next().is_some(), all.len(), all.clone().count()), (true, 1, 1));
    assert_eq!((&tree).into_iter().count(), 2);
    for (_, value) in &mut tree {
        *value += 1;
    }
    let matches = tree.matches(topic_name!("a"));
    assert_eq!(matches.size_hint(), (0, Some(2)));
    assert_eq!(tree.iter_mut().len(), 2);
    let mut sum = 0;
    tree.for_each_match_mut(topic_name!("b/c"), |_, value| sum += *value);
    assert_eq!(sum, 3);
    let filters: Vec<TopicFilter<'_>> = tree.iter().map(|(filter, _)| filter).collect();
    assert!(filters.contains(&topic_filter!("a")) && filters.contains(&topic_filter!("b/#")));
}
