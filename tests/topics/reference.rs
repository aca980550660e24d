//! The rules of section 4.7 written down as plainly as they read, to judge the library by. Nothing here is
//! fast, and nothing is taken from the library.

/// Section 4.7.3 and 3.3.2.1: at least one character, no U+0000, at most 65,535 bytes, no wildcards.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 65_535 && !text.contains(['\0', '+', '#'])
}

/// Section 4.7.1: `#` alone in the last level, `+` alone in any.
pub(crate) fn is_filter(text: &str) -> bool {
    let levels: Vec<&str> = text.split('/').collect();
    let last = levels.len() - 1;
    let well_placed = levels.iter().enumerate().all(|(number, level)| {
        let multi = !level.contains('#') || (*level == "#" && number == last);
        let single = !level.contains('+') || *level == "+";
        multi && single
    });
    !text.is_empty() && text.len() <= 65_535 && !text.contains('\0') && well_placed
}

/// Section 4.8.2: what begins with `$share/` is `$share/{ShareName}/{filter}`.
pub(crate) fn share_parts(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("$share/")?.split_once('/')
}

/// The filters of 5.0, shared subscriptions with them.
pub(crate) fn is_v5_filter(text: &str) -> bool {
    match share_parts(text) {
        None => is_filter(text) && !text.starts_with("$share/"),
        Some((share_name, filter)) => {
            !share_name.is_empty()
                && !share_name.contains(['+', '#', '\0'])
                && is_filter(filter)
                && text.len() <= 65_535
        }
    }
}

/// What names are matched against: of a shared subscription the filter in it.
pub(crate) fn inner(text: &str) -> &str {
    match share_parts(text) {
        Some((_, filter)) => filter,
        None => text,
    }
}

/// A text cut at every `/`.
pub(crate) struct Split<'a>(Vec<&'a str>);

impl<'a> Split<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text.split('/').collect())
    }
}

/// Section 4.7.1 level by level, and the rule of section 4.7.2 about `$`.
pub(crate) fn split_matches(filter: &Split<'_>, name: &Split<'_>) -> bool {
    if name.0[0].starts_with('$') && (filter.0[0] == "+" || filter.0[0] == "#") {
        return false;
    }
    for (number, level) in filter.0.iter().enumerate() {
        if *level == "#" {
            // The parent level and everything below it.
            return name.0.len() >= number;
        }
        match name.0.get(number) {
            Some(name_level) if *level == "+" || level == name_level => {}
            _ => return false,
        }
    }
    filter.0.len() == name.0.len()
}

/// Whether a name matches a filter that is not a shared subscription.
pub(crate) fn matches(filter: &str, name: &str) -> bool {
    split_matches(&Split::new(filter), &Split::new(name))
}

/// Every text of 1 to `max` characters of the alphabet that passes.
pub(crate) fn texts(alphabet: &[char], max: usize, pass: fn(&str) -> bool) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..max {
        let to = all.len();
        for shorter in from..to {
            for character in alphabet {
                let mut text = all[shorter].clone();
                text.push(*character);
                all.push(text);
            }
        }
        from = to;
    }
    all.retain(|text| pass(text));
    all
}
