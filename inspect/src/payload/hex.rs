//! Bytes in hex, with their ASCII beside them.

use super::Payload;
use crate::render::paint::{self, Painter};
use crate::text::count;

/// Bytes in a line.
const LINE: usize = 16;
/// How many lines are shown, unless all are wanted.
const LINES: usize = 16;

pub(super) fn lines(payload: &Payload<'_>, full: bool, painter: Painter) -> Vec<String> {
    let most = if full { usize::MAX } else { LINES };
    let mut lines: Vec<String> = payload
        .bytes
        .chunks(LINE)
        .take(most)
        .enumerate()
        .map(|(row, bytes)| line(row, bytes, painter))
        .collect();
    let shown = payload.bytes.len().min(lines.len() * LINE);
    let left = payload.length() - shown;
    if left > 0 {
        let more = format!("… {}", count(left as u64, "more byte"));
        lines.push(painter.paint(paint::DIM, &more).to_string());
    }
    lines
}

fn line(row: usize, bytes: &[u8], painter: Painter) -> String {
    let mut digits = String::with_capacity(LINE * 3 + 1);
    for (index, byte) in bytes.iter().enumerate() {
        let gap = if index == LINE / 2 { " " } else { "" };
        digits.push_str(gap);
        digits.push_str(&crate::text::digits(&[*byte]));
        digits.push(' ');
    }
    let ascii: String =
        bytes.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }).collect();
    let at = format!("{:04x}", row * LINE);
    let width = LINE * 3 + 1;
    format!("{}  {digits:width$} {}", painter.paint(paint::DIM, &at), painter.paint(paint::TEXT, &ascii))
}
