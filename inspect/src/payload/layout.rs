//! Lays out a value in lines and colours: JSON, or the notation of [`Node`](super::node::Node), which is wider.

use anstyle::{AnsiColor, Style};

use super::DEEPEST;
use crate::render::paint::{self, Painter};
use crate::text::{count, pieces, visible};

/// How many lines are shown, unless all are wanted.
const LINES: usize = 40;
/// What has no more characters stands in one line.
const LINE: usize = 72;
/// How many characters of a text are shown, unless all are wanted.
const MOST: usize = 100;
/// How many blanks a level takes.
const INDENT: usize = 2;

const KEY: Style = AnsiColor::Cyan.on_default();
const NUMBER: Style = AnsiColor::Yellow.on_default();
const WORD: Style = AnsiColor::Magenta.on_default();

/// The lines of a text that is known to be sound. The error says that it is nested too deep.
pub(super) fn lines(text: &str, full: bool, painter: Painter) -> Result<Vec<String>, String> {
    let mut layout = Layout { painter, full, lines: Vec::new(), line: String::new(), left_out: 0 };
    // What is open: whether each takes lines of its own.
    let mut open: Vec<bool> = Vec::new();
    let mut rest = text;
    while let Some(token) = next(&mut rest) {
        match token {
            // What a tag stands before decides by itself.
            "(" | ")" => layout.line.push_str(token),
            "{" | "[" => {
                // Sparkplug's names add some levels to those of its values.
                if open.len() >= DEEPEST * 2 {
                    return Err(format!("it is nested deeper than {DEEPEST} levels"));
                }
                let is_in_line = open.last() == Some(&false) || ends_soon(rest);
                layout.line.push_str(token);
                open.push(!is_in_line);
                layout.break_if(!is_in_line, &open);
            }
            "}" | "]" => {
                let has_lines = open.pop().unwrap_or_default();
                layout.break_if(has_lines, &open);
                layout.line.push_str(token);
            }
            "," => {
                layout.line.push(',');
                let has_lines = open.last() == Some(&true);
                layout.break_if(has_lines, &open);
                if !has_lines {
                    layout.line.push(' ');
                }
            }
            ":" => layout.line.push_str(": "),
            token => layout.word(token, rest.trim_start().starts_with(':')),
        }
    }
    layout.end();
    Ok(layout.finish())
}

struct Layout {
    painter: Painter,
    full: bool,
    lines: Vec<String>,
    line: String,
    left_out: usize,
}

impl Layout {
    fn break_if(&mut self, wanted: bool, open: &[bool]) {
        if wanted {
            self.end();
            let depth = open.iter().filter(|has_lines| **has_lines).count();
            self.line.extend(std::iter::repeat_n(' ', depth * INDENT));
        }
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        if self.full || self.lines.len() < LINES {
            self.lines.push(line);
        } else {
            self.left_out += 1;
        }
    }

    /// A text, a number, bytes, or a name.
    fn word(&mut self, word: &str, is_key: bool) {
        let style = match word.as_bytes().first() {
            _ if is_key => KEY,
            Some(b'"') => paint::TEXT,
            Some(b'-' | b'0'..=b'9') => NUMBER,
            _ => WORD,
        };
        // What the text of others holds may be invisible; escapes of its own stay as they are.
        let shown = visible(word);
        let painted = match cut(&shown).filter(|_| !self.full) {
            Some(head) => format!("{head}… ({} characters)", word.chars().count()),
            None => shown,
        };
        self.line.push_str(&self.painter.paint(style, &painted).to_string());
    }

    fn finish(mut self) -> Vec<String> {
        if self.left_out > 0 {
            let more = format!("… {} (see --full)", count(self.left_out as u64, "more line"));
            self.lines.push(self.painter.paint(paint::DIM, &more).to_string());
        }
        self.lines
    }
}

/// The beginning of a word that is too long, never ending inside an escape.
fn cut(word: &str) -> Option<&str> {
    word.char_indices().nth(MOST)?;
    let mut left = MOST;
    let head = pieces(word).take_while(|piece| {
        let length = piece.chars().count();
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    word.get(..head.map(str::len).sum())
}

/// Whether what has just been opened is closed within a line, and opens nothing but tags itself.
fn ends_soon(rest: &str) -> bool {
    let mut left = rest;
    let mut is_empty = true;
    while let Some(token) = next(&mut left) {
        if rest.len() - left.len() > LINE * 4 || matches!(token, "{" | "[") {
            return false;
        }
        if matches!(token, "}" | "]") {
            let used = rest.get(..rest.len() - left.len()).unwrap_or_default();
            return is_empty || used.chars().count() <= LINE;
        }
        is_empty = false;
    }
    false
}

/// The next token, blanks between tokens passed over: a text or bytes with their quotes, a mark, or a word.
fn next<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start_matches([' ', '\t', '\n', '\r']);
    let first = text.chars().next()?;
    let length = match first {
        '{' | '}' | '[' | ']' | '(' | ')' | ',' | ':' => 1,
        '"' => string_length(text),
        'h' if text.starts_with("h'") => {
            text.get(2..).and_then(|rest| rest.find('\'')).map_or(text.len(), |at| at + 3)
        }
        _ => text.find(['{', '}', '[', ']', '(', ')', ',', ':', '"', '\n', '\r', '\t']).unwrap_or(text.len()),
    };
    let (token, behind) = text.split_at_checked(length)?;
    *rest = behind;
    Some(token.trim_end())
}

/// How far a text goes that begins with a quote.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let inside = text.bytes().enumerate().skip(1);
    let end = inside.into_iter().find(|(_, byte)| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}
