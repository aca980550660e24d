//! Draws what a terminal shows of coloured output: ANSI on standard input, SVG on standard output.

use std::io::{Read, Result, Write, stdin, stdout};

/// Red, green, yellow, blue, magenta and cyan that can be read on black.
const COLOURS: [(usize, (u8, u8, u8)); 6] = [
    (1, (255, 107, 104)),
    (2, (22, 198, 12)),
    (3, (230, 200, 90)),
    (4, (108, 160, 255)),
    (5, (214, 130, 230)),
    (6, (97, 214, 214)),
];

fn main() -> Result<()> {
    let mut text = String::new();
    stdin().read_to_string(&mut text)?;
    let mut palette = anstyle_svg::WIN10_CONSOLE;
    for (index, (red, green, blue)) in COLOURS {
        let colour = &mut palette.0[index];
        (colour.0, colour.1, colour.2) = (red, green, blue);
    }
    let picture = anstyle_svg::Term::new().palette(palette).render_svg(&text);
    let picture = picture.replace(".dimmed { opacity: 0.4; }", ".dimmed { opacity: 0.65; }");
    stdout().write_all(picture.as_bytes())
}
