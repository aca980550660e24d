//! Topic names, topic filters, and trees of them.

use arbitrary::{Arbitrary, Error, Result, Unstructured};

use super::values::text;
use crate::standard::Version;
use crate::topic::{FilterTree, TopicFilter, TopicFilterBuf, TopicName, TopicNameBuf, TopicTree};

impl<'a> Arbitrary<'a> for TopicName<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        const NAMES: [&str; 4] = ["a", "/", "a/b", "$SYS/a"];
        match TopicName::new(text(u, &['\0', '+', '#'])?) {
            Ok(name) => Ok(name),
            Err(_) => TopicName::new(u.choose(&NAMES)?).map_err(|_| Error::IncorrectFormat),
        }
    }
}

/// By the rules of 5.0.
impl<'a> Arbitrary<'a> for TopicFilter<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        filter(u, Version::V5)
    }
}

pub(super) fn filter<'a>(u: &mut Unstructured<'a>, version: Version) -> Result<TopicFilter<'a>> {
    const FILTERS: [&str; 16] = [
        "a",
        "/",
        "a/b",
        "$SYS/a",
        "#",
        "+",
        "a/#",
        "/#",
        "+/a",
        "a/+",
        "+/+",
        "a/+/b",
        "+/#",
        "$SYS/#",
        "$share/a/b",
        "$share/a/#",
    ];
    let mut filter = if u.arbitrary()? { text(u, &['\0'])? } else { u.choose(&FILTERS)? };
    loop {
        filter = match TopicFilter::new_for(filter, version) {
            Ok(filter) => return Ok(filter),
            // What is before the error may be a filter.
            Err(error) => match filter.get(..error.offset()) {
                Some(good) if !good.is_empty() && good.len() < filter.len() => good,
                _ => u.choose(&FILTERS)?,
            },
        };
    }
}

impl<'a> Arbitrary<'a> for TopicNameBuf {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        TopicName::arbitrary(u).map(|name| name.to_buf())
    }
}

/// By the rules of 5.0.
impl<'a> Arbitrary<'a> for TopicFilterBuf {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        TopicFilter::arbitrary(u).map(|filter| filter.to_buf())
    }
}

/// Filters by the rules of 5.0, each with a value.
impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for FilterTree<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut tree = Self::new();
        while u.arbitrary()? {
            tree.insert(u.arbitrary()?, u.arbitrary()?);
        }
        Ok(tree)
    }
}

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for TopicTree<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut tree = Self::new();
        while u.arbitrary()? {
            tree.insert(u.arbitrary()?, u.arbitrary()?);
        }
        Ok(tree)
    }
}
