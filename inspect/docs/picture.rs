//! Draws what a terminal shows of coloured output: ANSI on standard input, SVG on standard output.

use std::io::{Read, Result, Write, stdin, stdout};

fn main() -> Result<()> {
    let mut text = String::new();
    stdin().read_to_string(&mut text)?;
    let picture = anstyle_svg::Term::new().palette(anstyle_svg::WIN10_CONSOLE).render_svg(&text);
    stdout().write_all(picture.as_bytes())
}
