//! Names, filters and levels as values: compared, hashed, shown, converted.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

use mqtt_wire::topic::{FilterTree, Level, TopicFilterBuf, TopicNameBuf};
use mqtt_wire::{Rule, TopicFilter, TopicName, Version, topic_filter, topic_name};

/// Every way from a text to a view or its owned form, back, and to compare them.
macro_rules! is_its_text {
    ($view:ident, $buf:ident, $as_view:ident, $text:expr, $other:expr) => {{
        let (text, other): (&str, &str) = ($text, $other);
        let view = $view::new(text).expect("a topic");
        assert_eq!(($view::try_from(text), $view::try_from(text.as_bytes())), (Ok(view), Ok(view)));
        assert_eq!(
            (view.as_str(), view.as_bytes(), view.to_string()),
            (text, text.as_bytes(), text.to_owned())
        );
        assert_eq!(format!("{view:>9} {view:?}"), format!("{text:>9} {text:?}"));
        assert!(view == text && view == *text && view != other && view != *other);

        let buf = view.to_buf();
        assert_eq!((&$buf::from(view), &text.parse::<$buf>().expect("a topic")), (&buf, &buf));
        assert_eq!($buf::try_from(text).expect("a topic"), buf);
        assert_eq!(
            (&$buf::new(text).expect("a topic"), &$buf::new(text.to_owned()).expect("a topic")),
            (&buf, &buf)
        );
        assert_eq!($view::from_bytes(text.as_bytes()), Ok(view));
        assert_eq!($buf::try_from(text.to_owned()).expect("a topic"), buf);
        assert_eq!(($view::from(&buf), buf.$as_view()), (view, view));
        assert_eq!((buf.as_str(), buf.to_string()), (text, text.to_owned()));
        assert_eq!(format!("{buf:>9} {buf:?}"), format!("{text:>9} {text:?}"));
        assert_eq!(AsRef::<str>::as_ref(&buf), text);
        assert_eq!((String::from(buf.clone()), Box::<str>::from(buf.clone())), (text.into(), text.into()));
        assert!(buf == text && buf == *text && buf == view && view == buf);

        let other_view = $view::new(other).expect("a topic");
        let other_buf = other_view.to_buf();
        assert!(buf != other && buf != *other && buf != other_view && view != other_buf && buf != other_buf);
        let order = text.cmp(other);
        assert_ne!(order, Ordering::Equal);
        assert_eq!((view.cmp(&other_view), view.partial_cmp(&other_view)), (order, Some(order)));
        assert_eq!((buf.cmp(&other_buf), buf.partial_cmp(&other_buf)), (order, Some(order)));
        assert_eq!((view.cmp(&view), buf.cmp(&buf)), (Ordering::Equal, Ordering::Equal));
        assert_eq!(BTreeSet::from([view, other_view, view]).len(), 2);
        let hash = |value: &dyn Fn(&mut std::hash::DefaultHasher)| {
            let mut hasher = std::hash::DefaultHasher::new();
            value(&mut hasher);
            std::hash::Hasher::finish(&hasher)
        };
        assert_eq!(
            hash(&|hasher| view.hash(hasher)),
            hash(&|hasher| $view::new(text).expect("a topic").hash(hasher))
        );
        assert_ne!(hash(&|hasher| view.hash(hasher)), hash(&|hasher| other_view.hash(hasher)));
        assert_ne!(hash(&|hasher| buf.hash(hasher)), hash(&|hasher| other_buf.hash(hasher)));
        assert_eq!(HashSet::from([buf.clone(), other_buf, buf]).len(), 2);
    }};
}

#[test]
fn names_and_filters_are_their_text() {
    for (text, other) in [("a/b", "a/c"), ("é", "e"), ("/", "//"), ("$SYS/x", "a")] {
        is_its_text!(TopicName, TopicNameBuf, as_name, text, other);
        is_its_text!(TopicFilter, TopicFilterBuf, as_filter, text, other);
    }
    is_its_text!(TopicFilter, TopicFilterBuf, as_filter, "$share/g/a/+", "a/+");
    is_its_text!(TopicFilter, TopicFilterBuf, as_filter, "#", "+");
    for text in ["a/+", "", "\0"] {
        assert!(TopicName::try_from(text).is_err() && TopicName::try_from(text.as_bytes()).is_err());
        assert!(TopicNameBuf::try_from(text).is_err() && TopicNameBuf::try_from(text.to_owned()).is_err());
    }
    for text in ["a+", "", "$share/g"] {
        assert!(TopicFilter::try_from(text).is_err() && TopicFilter::try_from(text.as_bytes()).is_err());
        assert!(
            TopicFilterBuf::try_from(text).is_err() && TopicFilterBuf::try_from(text.to_owned()).is_err()
        );
    }
    assert!(topic_name!("$a").starts_with_dollar() && !topic_name!("a$").starts_with_dollar());
}

#[test]
fn levels_as_text() {
    let levels = [Level::Name("a"), Level::SingleLevelWildcard, Level::Name(""), Level::MultiLevelWildcard];
    assert_eq!(levels.map(Level::as_str), ["a", "+", "", "#"]);
    assert_eq!(levels.map(|level| format!("{level:>2}")), [" a", " +", "  ", " #"]);
    let filter = topic_filter!("a/+//#");
    assert!(filter.levels().eq(levels) && filter.levels().rev().eq(levels.into_iter().rev()));
    for text in ["a", "/", "a/+//#", "////"] {
        let mut left = text.split('/').count();
        let mut levels = TopicFilter::new(text).expect("a filter").levels();
        loop {
            let (least, most) = levels.size_hint();
            assert!(
                least <= left && most.is_some_and(|most| left <= most),
                "{text}: {left} of {least} to {most:?}"
            );
            assert_eq!(left == 0, (least, most) == (0, Some(0)), "{text}");
            if levels.next().is_none() {
                break;
            }
            left -= 1;
        }
    }
}

#[test]
fn what_an_error_says() {
    let error = TopicFilter::new("a/b#").expect_err("no filter");
    assert_eq!(
        (error.message(), error.requirement()),
        (Rule::MultiLevelWildcard.to_string().as_str(), "MQTT-4.7.1-1")
    );
    assert_eq!(error.to_string(), format!("{}: '#' at byte 3 [MQTT-4.7.1-1]", error.message()));
    let error = TopicName::new("a/+").expect_err("no name");
    assert_eq!((error.character(), error.requirement()), (Some('+'), "MQTT-4.7.0-1"));
    let error = TopicName::new("").expect_err("no name");
    assert_eq!(error.to_string(), "a topic name or filter is empty at byte 0 [MQTT-4.7.3-1]");
}

/// A filter that grows stays shared, or stays what `$share` begins without being shared.
#[test]
fn growing_filters() {
    let shared = topic_filter!("$share/g/a").join(Level::Name("b")).expect("a filter");
    assert_eq!((shared.as_str(), shared.as_filter().share_name()), ("$share/g/a/b", Some("g")));
    let plain = TopicFilter::new_for("$share/g/a", Version::V311).expect("a filter");
    let plain = plain.join(Level::SingleLevelWildcard).expect("a filter");
    assert_eq!((plain.as_str(), plain.as_filter().share_name()), ("$share/g/a/+", None));
    for (level, kind, offset) in [
        (Level::Name("x+"), Rule::WildcardInName, 3),
        (Level::Name("#"), Rule::WildcardInName, 2),
        (Level::Name("é\0"), Rule::TopicNul, 4),
        (Level::Name("b/c"), Rule::SeparatorInLevel, 3),
    ] {
        let error = topic_filter!("a").join(level).expect_err("a bad level");
        assert_eq!((error.rule(), error.offset()), (kind, offset), "{level}");
        let error = TopicFilterBuf::from_levels([Level::Name("a"), level]).expect_err("a bad level");
        assert_eq!((error.rule(), error.offset()), (kind, offset), "{level}");
    }
    for level in [Level::Name(""), Level::Name("b"), Level::SingleLevelWildcard, Level::MultiLevelWildcard] {
        let error = topic_filter!("a/#").join(level).expect_err("after #");
        assert_eq!((error.rule(), error.offset()), (Rule::MultiLevelWildcard, 2), "{level}");
    }
    assert_eq!(topic_filter!("a").join(Level::MultiLevelWildcard).expect("a filter"), "a/#");
}

/// What behaves differently is not equal, to no map and no tree; what behaves alike is, whatever the version.
#[test]
fn a_shared_subscription_and_the_ordinary_filter_of_its_text_differ() {
    let text = "$share/g/a";
    let shared = TopicFilter::new(text).expect("a filter");
    let plain = TopicFilter::new_for(text, Version::V311).expect("a filter");
    assert!(shared.is_shared() && !plain.is_shared() && shared == text && plain == text);
    assert_ne!(shared, plain);
    assert_ne!(shared.to_buf(), plain.to_buf());
    assert!(shared != plain.to_buf() && plain.to_buf() != shared && shared == shared.to_buf());
    assert_eq!(plain.cmp(&shared), Ordering::Less);
    assert_eq!(plain.to_buf().cmp(&shared.to_buf()), Ordering::Less);
    assert_eq!(HashSet::from([shared, plain, shared, plain]).len(), 2);
    assert_eq!(HashSet::from([shared.to_buf(), plain.to_buf(), shared.to_buf()]).len(), 2);
    assert_eq!(BTreeSet::from([shared, plain, shared]).len(), 2);
    let tree: FilterTree<u8> = [(shared, 1), (plain, 2)].into_iter().collect();
    assert_eq!((tree.len(), tree.get(shared), tree.get(plain)), (2, Some(&1), Some(&2)));
    let before = TopicFilterBuf::new_for(text, Version::V31).expect("a filter");
    assert_eq!(before, plain);
    for text in ["a/+", "$SYS/#", "$share", "$sharex/a"] {
        let (new, old) = (TopicFilter::new(text), TopicFilter::new_for(text, Version::V31));
        assert_eq!(new, old, "{text}");
    }
    assert_eq!(TopicFilter::from_bytes(text.as_bytes()), Ok(shared));
    assert_eq!(TopicFilter::from_bytes_for(text.as_bytes(), Version::V311), Ok(plain));
    assert_eq!(TopicFilterBuf::new(text).expect("a filter"), shared);
    assert!(
        TopicFilterBuf::new("$share/g").is_err()
            && TopicFilterBuf::new_for("$share/g", Version::V311).is_ok()
    );
}

/// A map with names for keys can be asked with a text.
#[test]
fn names_are_their_text_to_a_map() {
    let names = HashSet::from([topic_name!("a/b").to_buf()]);
    assert!(names.contains("a/b") && !names.contains("a"));
    let name: &str = Borrow::borrow(names.iter().next().expect("a name"));
    assert_eq!(name, "a/b");
}
