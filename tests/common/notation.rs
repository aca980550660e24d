//! Packets written down so that people can read them.

/// The bytes of a notation: hexadecimal digits stand for themselves, `'text'` for a string with its two-byte
/// length, `( ... )` for a block with its length as a variable byte integer. Spaces are for the eye.
///
/// `30 ( 'a/b' 0102 )` is `30 07 00 03 61 2F 62 01 02`.
pub(crate) fn bytes(notation: &str) -> Vec<u8> {
    let mut blocks = vec![Vec::new()];
    let mut rest = notation;
    while let Some(first) = rest.chars().next() {
        let last = blocks.last_mut().unwrap_or_else(|| panic!("too many ) in {notation}"));
        let used = match first {
            ' ' | '\n' => 1,
            '(' => {
                blocks.push(Vec::new());
                1
            }
            ')' => {
                let block = blocks.pop().expect("a block");
                let outer = blocks.last_mut().unwrap_or_else(|| panic!("too many ) in {notation}"));
                outer.extend(variable(block.len()));
                outer.extend(block);
                1
            }
            '\'' => {
                let text = rest[1..].split('\'').next().expect("a text");
                last.extend(string(text));
                text.len() + 2
            }
            _ => {
                let digits = rest.get(..2).unwrap_or(rest);
                last.push(
                    u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{digits} in {notation}")),
                );
                2
            }
        };
        rest = &rest[used..];
    }
    assert_eq!(blocks.len(), 1, "a ) is missing in {notation}");
    blocks.pop().expect("the packet")
}

/// A string or binary value with its length.
pub(crate) fn string(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let length = u16::try_from(text.len()).expect("at most 65,535 bytes");
    [&length.to_be_bytes(), text].concat()
}

/// A variable byte integer in its shortest form, by the algorithm of the standards' text.
pub(crate) fn variable(mut n: usize) -> Vec<u8> {
    assert!(n <= 268_435_455, "{n}");
    let mut out = Vec::new();
    loop {
        let byte = u8::try_from(n % 128).expect("less than 128");
        n /= 128;
        if n == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// A frame: its first byte, the length of the body, the body.
pub(crate) fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first][..], &variable(body.len()), body].concat()
}
