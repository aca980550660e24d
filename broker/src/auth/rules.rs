//! [`Rules`]: a file of what clients may do by topic.
//!
//! ```text
//! # For everyone, with a user name or without:
//! allow read  public/#
//! deny  write $SYS/#
//!
//! user alice
//! allow both  home/%u/#
//! deny  write home/%u/door
//!
//! # Each user, and nobody without a user name:
//! users
//! allow write devices/%c/state
//!
//! anonymous
//! allow read  weather/+
//! ```
//!
//! - What no rule allows is denied, and a rule that denies goes before all that allow, wherever they stand.
//! - `read` is to subscribe, `write` to publish, `both` is both. The filter is the rest of the line.
//! - `%u` is the user name and `%c` the client identifier, one or several in a level or beside other text. A name that is
//!   empty or missing, has one of `+`, `#` and `/`, or makes the filter one that begins with `$` when the rule's does not, or
//!   with `$share/`, stands for nothing in a rule that allows: the rule does not hold. In one that denies, the whole level
//!   is `+`.
//! - A subscription is allowed when one rule covers its filter ([`TopicFilter::covers`]) and no denied filter has a name
//!   in common with it ([`TopicFilter::intersects`]). So `allow read #` with `deny read secret/#` allows `public/#` and
//!   refuses `#`.
//! - Of a shared subscription it is what is behind `$share/name/`.
//! - When the file was read again, subscriptions that are not allowed any more are ended before their client gets its next
//!   message. A will is judged at CONNECT and when its connection ends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use mqtt_wire::topic::TopicFilterBuf;
use mqtt_wire::{TopicFilter, TopicName};

use super::file::{self, BadLine, FileError};
use super::{Authorise, Who};

/// The rules of a file.
#[derive(Debug)]
pub struct Rules {
    /// `None`: they are of a text.
    path: Option<PathBuf>,
    list: RwLock<Arc<List>>,
    generation: AtomicU64,
}

/// The rules by whom they are for.
#[derive(Debug, Default)]
struct List {
    everyone: Vec<Rule>,
    users: Vec<Rule>,
    anonymous: Vec<Rule>,
    user: HashMap<String, Vec<Rule>>,
}

#[derive(Debug, Clone)]
struct Rule {
    allow: bool,
    read: bool,
    write: bool,
    filter: Pattern,
}

#[derive(Debug, Clone)]
enum Pattern {
    Plain(TopicFilterBuf),
    /// With `%u` or `%c`.
    OfClient(String),
}

/// What a client wants.
#[derive(Clone, Copy)]
enum Wish<'a> {
    Publish(TopicName<'a>),
    Subscribe(TopicFilter<'a>),
}

impl Rules {
    /// The rules of this file.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is not what it has to be.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let list = file::read(path, List::parse)?;
        Ok(Self::new(list, Some(path.to_owned())))
    }

    fn new(list: List, path: Option<PathBuf>) -> Self {
        Self { path, list: RwLock::new(Arc::new(list)), generation: AtomicU64::new(0) }
    }

    /// Reads the file again. Subscriptions that are not allowed any more are ended, and messages that waited by them are
    /// not sent.
    ///
    /// # Errors
    /// As for [`load`](Self::load); the rules are those that they were.
    pub fn reload(&self) -> Result<(), FileError> {
        let Some(path) = &self.path else { return Ok(()) };
        let list = file::read(path, List::parse)?;
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(list);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn allow(&self, who: &Who, wish: Wish<'_>) -> bool {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner).clone();
        list.allow(who, wish)
    }
}

/// The rules of a text without a file.
impl FromStr for Rules {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, BadLine> {
        Ok(Self::new(List::parse(text)?, None))
    }
}

impl Authorise for Rules {
    fn may_publish(&self, who: &Who, topic: TopicName<'_>) -> bool {
        self.allow(who, Wish::Publish(topic))
    }

    fn may_subscribe(&self, who: &Who, filter: TopicFilter<'_>) -> bool {
        self.allow(who, Wish::Subscribe(filter.inner()))
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

impl List {
    fn parse(text: &str) -> Result<Self, BadLine> {
        let mut list = Self::default();
        let mut section = &mut list.everyone;
        for (at, line) in file::lines(text) {
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let rest = rest.trim_start();
            section = match (word, rest) {
                ("user", "") => return Err(BadLine::new(at, "`user` without a name")),
                ("user", name) => list.user.entry(name.to_owned()).or_default(),
                ("users", "") => &mut list.users,
                ("anonymous", "") => &mut list.anonymous,
                ("everyone", "") => &mut list.everyone,
                ("allow" | "deny", _) => {
                    section.push(Rule::parse(word == "allow", rest).map_err(|what| BadLine::new(at, what))?);
                    section
                }
                _ => {
                    let words = "`allow`, `deny`, `user NAME`, `users`, `anonymous` or `everyone`";
                    return Err(BadLine::new(at, format!("`{line}` is none of {words}")));
                }
            };
        }
        Ok(list)
    }

    fn allow(&self, who: &Who, wish: Wish<'_>) -> bool {
        let (kind, named) = match &who.user {
            Some(user) => (&self.users, self.user.get(&**user)),
            None => (&self.anonymous, None),
        };
        let rules = || self.everyone.iter().chain(kind).chain(named.into_iter().flatten());
        let applies = |rule: &&Rule| match wish {
            Wish::Publish(_) => rule.write,
            Wish::Subscribe(_) => rule.read,
        };
        let mut denying = rules().filter(applies).filter(|rule| !rule.allow);
        let mut allowing = rules().filter(applies).filter(|rule| rule.allow);
        !denying.any(|rule| rule.holds(who, wish)) && allowing.any(|rule| rule.holds(who, wish))
    }
}

impl Rule {
    fn parse(allow: bool, text: &str) -> Result<Self, String> {
        let (access, filter) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (read, write) = match access {
            "read" => (true, false),
            "write" => (false, true),
            "both" => (true, true),
            _ => return Err("after `allow` and `deny` comes `read`, `write` or `both`".to_owned()),
        };
        let filter = filter.trim_start();
        if filter.starts_with("$share/") {
            return Err("a rule is about the filter behind `$share/name/`".to_owned());
        }
        let checked =
            TopicFilterBuf::new(filter).map_err(|error| format!("`{filter}` is no topic filter: {error}"))?;
        let of_client = ["%u", "%c"].iter().any(|variable| filter.contains(variable));
        let filter = if of_client { Pattern::OfClient(filter.to_owned()) } else { Pattern::Plain(checked) };
        Ok(Self { allow, read, write, filter })
    }

    /// Whether the rule is about this: allowing, about all of it; denying, about some of it.
    fn holds(&self, who: &Who, wish: Wish<'_>) -> bool {
        let judge = |filter: TopicFilter<'_>| match wish {
            Wish::Publish(topic) => filter.matches(topic),
            Wish::Subscribe(wanted) if self.allow => filter.covers(wanted),
            Wish::Subscribe(wanted) => filter.intersects(wanted),
        };
        match &self.filter {
            Pattern::Plain(filter) => judge(filter.as_filter()),
            Pattern::OfClient(pattern) => match fill_in(pattern, who, self.allow) {
                Some(filter) => judge(filter.as_filter()),
                // Not to be had: it was a filter before, and no level has become anything but text or `+`.
                None => !self.allow,
            },
        }
    }
}

/// The pattern with `%u` and `%c` filled in; `None` when a name does not fit and the rule allows.
fn fill_in(pattern: &str, who: &Who, allow: bool) -> Option<TopicFilterBuf> {
    let fits = |name: &str| !name.is_empty() && !name.contains(['+', '#', '/', '\0']);
    let user = who.user.as_deref().filter(|name| fits(name));
    let client = Some(&*who.client).filter(|name| fits(name));
    let mut filter = String::with_capacity(pattern.len() + 64);
    for (at, level) in pattern.split('/').enumerate() {
        if at > 0 {
            filter.push('/');
        }
        // It stays of the same kind: no shared subscription, and no filter of what begins with `$`.
        let same_kind = |filled: &String| {
            at > 0 || filled != "$share" && filled.starts_with('$') == level.starts_with('$')
        };
        match fill_in_level(level, user, client).filter(same_kind) {
            Some(level) => filter.push_str(&level),
            None if allow => return None,
            None => filter.push('+'),
        }
    }
    TopicFilterBuf::new(filter).ok()
}

/// A name that is filled in is not looked at for variables.
fn fill_in_level(level: &str, user: Option<&str>, client: Option<&str>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = level;
    while let Some(at) = rest.find('%') {
        let (before, variable) = rest.split_at_checked(at)?;
        filled.push_str(before);
        let (name, length) = match variable.as_bytes() {
            [_, b'u', ..] => (user?, 2),
            [_, b'c', ..] => (client?, 2),
            _ => ("%", 1),
        };
        filled.push_str(name);
        rest = variable.get(length..)?;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
        allow read  public/#
        deny  both  $SYS/secret/#
        user alice
        allow both  home/%u/#
        deny  write home/%u/door
        # comment
        users
        allow write devices/%c/state
        allow both  x-%u-%c-100%/y
        deny  both  private/%c/#
        allow both  private/#
        anonymous
        allow read  weather/+
    ";

    fn who(user: &str, client: &str) -> Who {
        Who { client: client.into(), user: Some(user).filter(|user| !user.is_empty()).map(Into::into) }
    }

    fn publishes(user: &str, client: &str, topic: &str) -> bool {
        let topic = TopicName::new(topic).unwrap();
        List::parse(FILE).unwrap().allow(&who(user, client), Wish::Publish(topic))
    }

    fn subscribes(user: &str, client: &str, filter: &str) -> bool {
        let filter = TopicFilter::new(filter).unwrap();
        List::parse(FILE).unwrap().allow(&who(user, client), Wish::Subscribe(filter))
    }

    #[test]
    fn what_no_rule_allows_is_denied() {
        assert!(subscribes("", "c", "public/a/+"));
        assert!(!publishes("", "c", "public/a"));
        assert!(!subscribes("", "c", "other"));
        assert!(subscribes("", "c", "weather/rome") && !subscribes("bob", "c", "weather/rome"));
        assert!(!subscribes("", "c", "weather/#"), "covered in part");
        assert!(!publishes("", "c", "devices/c/state"));
    }

    #[test]
    fn names_of_clients_are_filled_in() {
        assert!(publishes("alice", "c", "home/alice/lamp") && subscribes("alice", "c", "home/alice/#"));
        assert!(!publishes("bob", "c", "home/bob/lamp") && !publishes("alice", "c", "home/bob/lamp"));
        assert!(publishes("bob", "d7", "devices/d7/state") && !publishes("bob", "d7", "devices/d8/state"));
        assert!(publishes("bob", "d7", "x-bob-d7-100%/y"));
        assert!(publishes("%c", "d7", "x-%c-d7-100%/y"), "what is filled in is no variable");
    }

    #[test]
    fn denied_goes_first() {
        assert!(!publishes("alice", "c", "home/alice/door") && subscribes("alice", "c", "home/alice/door"));
        assert!(!publishes("bob", "c", "private/c/x") && publishes("bob", "c", "private/d/x"));
        assert!(!subscribes("bob", "c", "private/#"), "some of it is denied");
        assert!(subscribes("bob", "c", "private/d/#"));
    }

    #[test]
    fn no_name_widens_a_rule() {
        for client in ["+", "#", "a/b", "+/#", "", "a+"] {
            for topic in ["devices/a/state", "devices/a/b/state", "devices//state", "devices/x/y/z"] {
                assert!(!publishes("bob", client, topic), "{client} {topic}");
            }
            assert!(!subscribes("bob", client, "devices/#"));
            // Denied for a client that cannot be told from others: denied for all.
            assert!(!publishes("bob", client, "private/d/x"), "{client}");
        }
        for user in ["+", "#", "a/b"] {
            assert!(!publishes(user, "c", "x-a-c-100%/y"));
        }
    }

    /// Nor does a filter become one of another kind: a shared subscription, or one to what begins with `$`.
    #[test]
    fn no_name_makes_another_kind_of_filter() {
        let rules = "allow both %c/devices/#\nallow both %c/#\nallow both $%u/mine/#\ndeny both %c/secret/#";
        let list = List::parse(rules).unwrap();
        let may = |client: &str, user: &str, topic: &str| {
            let who = who(user, client);
            let (name, filter) = (TopicName::new(topic).unwrap(), TopicFilter::new(topic).unwrap());
            (list.allow(&who, Wish::Publish(name)), list.allow(&who, Wish::Subscribe(filter)))
        };
        for (client, topic) in
            [("$share", "home"), ("$share", "$SYS/x"), ("$SYS", "$SYS/x"), ("$SYS", "$SYS/devices")]
        {
            assert_eq!(may(client, "", topic), (false, false), "{client} {topic}");
        }
        for topic in ["home", "$share/mine/home"] {
            assert!(!may("c", "share", topic).0, "{topic}");
        }
        assert!(may("c", "x", "$x/mine/home").0, "the rule has it so");
        assert_eq!(may("$share", "", "x/secret/y"), (false, false));
        assert_eq!(may("c", "", "c/devices/x"), (true, true));
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line, what) in [
            ("allow read a\nallow", 2, "after `allow` and `deny` comes `read`, `write` or `both`"),
            ("\n\nallow read", 3, "`` is no topic filter"),
            ("deny both a/#/b", 1, "`a/#/b` is no topic filter"),
            ("allow read $share/g/a", 1, "a rule is about the filter behind"),
            ("user", 1, "`user` without a name"),
            ("topic read a", 1, "`topic read a` is none of"),
            ("users bob", 1, "`users bob` is none of"),
        ] {
            let BadLine { line: at, what: found } = text.parse::<Rules>().unwrap_err();
            assert!(at == line && found.starts_with(what), "{text:?}: line {at}: {found}");
        }
    }

    #[test]
    fn a_bad_file_leaves_the_rules_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules");
        std::fs::write(&path, "allow write a").unwrap();
        let rules = Rules::load(&path).unwrap();
        let may = |topic| rules.may_publish(&who("", "c"), TopicName::new(topic).unwrap());
        std::fs::write(&path, "allow write b\nnonsense").unwrap();
        let error = rules.reload().unwrap_err();
        assert!(error.to_string().contains("rules, line 2: `nonsense` is none of"), "{error}");
        assert!(may("a") && !may("b"));
        std::fs::write(&path, "allow write b").unwrap();
        rules.reload().unwrap();
        assert!(may("b") && !may("a"));
    }

    #[test]
    fn of_a_shared_subscription_the_filter_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules");
        std::fs::write(&path, "allow read jobs/#").unwrap();
        let rules = Rules::load(&path).unwrap();
        let may = |filter| rules.may_subscribe(&who("", "c"), TopicFilter::new(filter).unwrap());
        assert!(may("$share/group/jobs/+") && !may("$share/jobs/other"));
    }
}
