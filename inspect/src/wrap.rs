//! Lines that fit the terminal.

use std::io::{self, Write};

use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSplitter};

/// What becomes of a line that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Long {
    /// It goes on in the next, below the column that its last field begins at.
    Broken,
    /// Its end is left out.
    Cut,
}

/// The width that lines are to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Columns(usize),
    /// That of the terminal at standard output, whenever something is written.
    Terminal,
}

/// Fits the lines that are written to it.
pub(crate) struct Wrap<W> {
    out: W,
    long: Long,
    width: Width,
    line: Vec<u8>,
}

/// The indentation of lines in which nothing tells where their last field begins.
const INDENT: usize = 8;
/// What is reset behind a line that was cut in a colour.
const RESET: &str = "\u{1b}[0m";

impl<W: Write> Wrap<W> {
    pub(crate) fn new(out: W, width: Width, long: Long) -> Self {
        Self { out, long, width, line: Vec::new() }
    }

    fn columns(&self) -> Option<usize> {
        match self.width {
            Width::Columns(columns) => Some(columns),
            Width::Terminal => {
                let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
                Some(width.0.into()).filter(|columns| *columns > INDENT)
            }
        }
    }

    /// Writes whole lines.
    fn lines(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(width) = self.columns() else { return self.out.write_all(bytes) };
        let mut fitted = String::with_capacity(bytes.len());
        for line in String::from_utf8_lossy(bytes).lines() {
            match self.long {
                _ if line.len() <= width => fitted.push_str(line),
                Long::Broken => fitted.push_str(&broken(line, width)),
                Long::Cut => fitted.push_str(&cut(line, width)),
            }
            fitted.push('\n');
        }
        self.out.write_all(fitted.as_bytes())
    }
}

impl<W: Write> Write for Wrap<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (whole, rest) = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => bytes.split_at_checked(end + 1).unwrap_or((bytes, &[])),
            None => (&[][..], bytes),
        };
        if !whole.is_empty() {
            self.line.extend_from_slice(whole);
            let lines = std::mem::take(&mut self.line);
            self.lines(&lines)?;
        }
        self.line.extend_from_slice(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn broken(line: &str, width: usize) -> String {
    if display_width(line) <= width {
        return line.to_owned();
    }
    let indent = " ".repeat(indent(line, width));
    let options = Options::new(width)
        .subsequent_indent(&indent)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::wrap(line, options).join("\n")
}

fn cut(line: &str, width: usize) -> String {
    if display_width(line) <= width {
        return line.to_owned();
    }
    let head = Word::from(line).break_apart(width - 1).next();
    let head = head.map_or("", |head| head.word);
    let reset = if head.contains('\u{1b}') { RESET } else { "" };
    format!("{head}…{reset}")
}

/// The column of the last field that begins in the first half of the width: two blanks part fields.
fn indent(line: &str, width: usize) -> usize {
    let (mut column, mut blanks, mut found) = (0, 2, 0);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            // A colour takes no room.
            '\u{1b}' => {
                characters.by_ref().find(char::is_ascii_alphabetic);
                continue;
            }
            ' ' => blanks += 1,
            _ => {
                if blanks >= 2 {
                    found = column;
                }
                blanks = 0;
            }
        }
        column += 1;
        if column > width / 2 {
            break;
        }
    }
    if found == 0 { INDENT } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(text: &str, width: usize, long: Long) -> String {
        let mut out = Vec::new();
        let mut wrap = Wrap::new(&mut out, Width::Columns(width), long);
        // In whatever pieces it comes.
        for piece in text.as_bytes().chunks(7) {
            wrap.write_all(piece).unwrap();
        }
        wrap.flush().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_long_line_goes_on_below_its_last_field() {
        let line =
            "    1  0.000000  #1  CONNECT  MQTT 5.0, client identifier \"a\", clean start, keep alive 60 s\n";
        let lines = fitted(line, 60, Long::Broken);
        let expected = "    1  0.000000  #1  CONNECT  MQTT 5.0, client identifier\n                              \"a\", clean start, keep alive\n                              60 s\n";
        assert_eq!(lines, expected);
        assert_eq!(fitted("short\n", 60, Long::Broken), "short\n");
        let word = fitted(&format!("{}\n", "x".repeat(50)), 20, Long::Broken);
        assert!(word.lines().all(|line| line.len() <= 20), "{word}");
        assert_eq!(word.matches('x').count(), 50, "nothing is lost: {word}");
    }

    #[test]
    fn colours_and_wide_characters_are_counted_as_they_show() {
        let line = format!("\u{1b}[1m{}\u{1b}[0m\n", "x".repeat(20));
        assert_eq!(fitted(&line, 20, Long::Broken), line);
        assert_eq!(fitted(&line, 20, Long::Cut), line);
        let cut = fitted(&line, 19, Long::Cut);
        assert_eq!(cut, format!("\u{1b}[1m{}…\u{1b}[0m\n", "x".repeat(18)));
        let wide = fitted("温度温度温度温度温度温度\n", 21, Long::Cut);
        assert_eq!(wide, "温度温度温度温度温度…\n");
    }
}
