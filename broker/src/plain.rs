//! Words of a file in what people read.

use std::fmt::{self, Write as _};

/// A text with its control characters escaped: it stays in one line, and no terminal obeys it.
pub(crate) struct Plain<'t>(pub(crate) &'t str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(Plain("a\0\n\u{1b}[2Jé\u{9b}`").to_string(), r"a\u{0}\n\u{1b}[2Jé\u{9b}`");
    }
}
