//! What the files of users and rules have in common: lines, comments, and errors that name the line.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::plain::Plain;

/// Why a file cannot be taken, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1 on; `None` when it is about the file as a whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what } = self;
        let what = Plain(what);
        match line {
            Some(line) => write!(f, "{}, line {line}: {what}", path.display()),
            None => write!(f, "{}: {what}", path.display()),
        }
    }
}

impl std::error::Error for FileError {}

/// What is wrong with a line of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1 on.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl BadLine {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, Plain(&self.what))
    }
}

impl std::error::Error for BadLine {}

/// Reads a file by `parse`.
pub(super) fn read<T>(path: &Path, parse: fn(&str) -> Result<T, BadLine>) -> Result<T, FileError> {
    let error = |line, what| FileError { path: path.to_owned(), line, what };
    let text = std::fs::read_to_string(path).map_err(|cause| error(None, cause.to_string()))?;
    parse(&text).map_err(|BadLine { line, what }| error(Some(line), what))
}

/// The lines that say something, trimmed, with their numbers. A line that begins with `#` is a comment.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().map(str::trim).enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
