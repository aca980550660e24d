//! A mutator that knows what a packet looks like: it changes one thing and puts the lengths right again, so
//! that the change gets past the checks that come first. Now and then it leaves them wrong on purpose.

pub use mqtt_wire::Version;

/// One property of each kind, as it stands on the wire.
const PROPERTIES: [&[u8]; 27] = [
    &[0x01, 1],
    &[0x02, 0, 0, 0, 60],
    b"\x03\x00\x04text",
    b"\x08\x00\x03a/b",
    b"\x09\x00\x02id",
    &[0x0B, 1],
    &[0x11, 0, 0, 0, 60],
    b"\x12\x00\x02me",
    &[0x13, 0, 60],
    b"\x15\x00\x05SCRAM",
    b"\x16\x00\x01n",
    &[0x17, 1],
    &[0x18, 0, 0, 0, 5],
    &[0x19, 1],
    b"\x1A\x00\x01r",
    b"\x1C\x00\x01s",
    b"\x1F\x00\x03why",
    &[0x21, 0, 10],
    &[0x22, 0, 10],
    &[0x23, 0, 1],
    &[0x24, 1],
    &[0x25, 1],
    b"\x26\x00\x01k\x00\x01v",
    &[0x27, 0, 1, 0, 0],
    &[0x28, 1],
    &[0x29, 1],
    &[0x2A, 1],
];

/// A small packet of each type, of 3.1.1 where it makes a difference.
const PACKETS: [&[u8]; 16] = [
    b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01a",
    b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01a",
    &[0x20, 0x02, 0x00, 0x00],
    b"\x30\x05\x00\x03a/b",
    &[0x32, 0x06, 0x00, 0x01, b'a', 0x00, 0x01, 0x00],
    &[0x40, 0x02, 0x00, 0x01],
    &[0x50, 0x02, 0x00, 0x01],
    &[0x62, 0x02, 0x00, 0x01],
    &[0x70, 0x02, 0x00, 0x01],
    &[0x82, 0x06, 0x00, 0x01, 0x00, 0x01, b'#', 0x00],
    &[0x90, 0x03, 0x00, 0x01, 0x00],
    &[0xA2, 0x05, 0x00, 0x01, 0x00, 0x01, b'#'],
    &[0xB0, 0x02, 0x00, 0x01],
    &[0xC0, 0x00],
    &[0xD0, 0x00],
    &[0xE0, 0x00],
];

/// Mutates inputs that are packets of a version behind a few other bytes.
#[derive(Debug, Clone, Copy)]
pub struct Mutator {
    pub prefix: usize,
    pub version: Version,
}

/// libFuzzer's own mutation: of a buffer of which so many bytes are used; the new number.
pub type Plain = fn(&mut [u8], usize, usize) -> usize;

impl Mutator {
    /// Changes an input in place; returns its new size.
    pub fn mutate(&self, data: &mut [u8], size: usize, max_size: usize, seed: u32, plain: Plain) -> usize {
        let mut random = Random(seed | 1);
        if random.below(4) == 0 {
            return plain(data, size, max_size);
        }
        let Some((prefix, stream)) = data[..size].split_at_checked(self.prefix) else {
            return plain(data, size, max_size);
        };
        let Some(mutated) = self.stream(stream, max_size, &mut random, plain) else {
            return plain(data, size, max_size);
        };
        let mutated = [prefix, &mutated].concat();
        let size = mutated.len().min(max_size);
        data[..size].copy_from_slice(&mutated[..size]);
        size
    }

    /// Changes one packet of a stream.
    fn stream(&self, stream: &[u8], max_size: usize, random: &mut Random, plain: Plain) -> Option<Vec<u8>> {
        let mut frames = split(stream);
        if random.below(16) == 0 {
            let at = random.below(frames.len() + 1);
            frames.insert(at, PACKETS[random.below(PACKETS.len())]);
            return Some(frames.concat());
        }
        if frames.is_empty() {
            return None;
        }
        let at = random.below(frames.len());
        if frames.len() > 1 && random.below(16) == 0 {
            let other = random.below(frames.len());
            frames.swap(at, other);
            return Some(frames.concat());
        }
        let frame = self.frame(frames[at], max_size, random, plain)?;
        frames[at] = &frame;
        Some(frames.concat())
    }

    fn frame(&self, frame: &[u8], max_size: usize, random: &mut Random, plain: Plain) -> Option<Vec<u8>> {
        let (first, body) = (*frame.first()?, body(frame)?);
        match random.below(8) {
            0 => {
                let nibble = u8::try_from(random.below(16)).ok()?;
                let other =
                    if random.below(2) == 0 { first & 0xF0 | nibble } else { nibble << 4 | first & 0x0F };
                Some(joined(other, body))
            }
            1 | 2 => {
                let mut buffer = body.to_vec();
                buffer.resize(max_size.max(body.len()), 0);
                let size = plain(&mut buffer, body.len(), max_size);
                Some(joined(first, &buffer[..size]))
            }
            3 | 4 => {
                let at = properties_at(first, body, self.version)?;
                Some(joined(first, &with_property(body, at, random)))
            }
            5 => Some(joined(first, &with_length(body, random)?)),
            6 => {
                let (start, end) = random.range(body.len());
                let mut body = body.to_vec();
                let copy = body[start..end].to_vec();
                body.splice(end..end, copy);
                Some(joined(first, &body))
            }
            _ => {
                let (start, end) = random.range(body.len());
                let mut body = body.to_vec();
                body.drain(start..end);
                Some(joined(first, &body))
            }
        }
    }
}

/// Cuts a stream at its Remaining Lengths; what is left at the end counts as a frame.
fn split(stream: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let whole = variable(&rest[1..]).map_or(rest.len(), |(n, len)| 1 + len + n);
        let (frame, behind) = rest.split_at(whole.min(rest.len()));
        frames.push(frame);
        rest = behind;
    }
    frames
}

fn body(frame: &[u8]) -> Option<&[u8]> {
    let (_, len) = variable(&frame[1..])?;
    frame.get(1 + len..)
}

/// A variable byte integer and the number of its bytes.
fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut n = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        n |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((n, at + 1));
        }
    }
    None
}

fn put_variable(mut n: usize, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push((n & 0x7F) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A frame of a body with the length it has.
fn joined(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    put_variable(body.len(), &mut frame);
    frame.extend_from_slice(body);
    frame
}

/// Where a packet of 5.0 has its Property Length.
fn properties_at(first: u8, body: &[u8], version: Version) -> Option<usize> {
    let text_at =
        |at: usize| body.get(at..at + 2).map(|len| 2 + usize::from(u16::from_be_bytes([len[0], len[1]])));
    let at = match first >> 4 {
        1 if body.get(text_at(0)?) == Some(&5) => text_at(0)? + 4,
        _ if version != Version::V5 => return None,
        2 => 2,
        3 => text_at(0)? + if first & 0b110 == 0 { 0 } else { 2 },
        4..=7 => 3,
        8..=11 => 2,
        14 | 15 => 1,
        _ => return None,
    };
    (at <= body.len()).then_some(at)
}

/// One more property, in front or behind, or one of them taken out.
fn with_property(body: &[u8], at: usize, random: &mut Random) -> Vec<u8> {
    let (before, rest) = body.split_at(at);
    let (len, digits) = variable(rest).unwrap_or((0, 0));
    let end = (digits + len).min(rest.len());
    let (old, behind) = (&rest[digits.min(end)..end], &rest[end..]);
    let property = PROPERTIES[random.below(PROPERTIES.len())];
    let block = match random.below(4) {
        0 => Vec::new(),
        1 => [property, old].concat(),
        _ => [old, property].concat(),
    };
    let mut body = before.to_vec();
    put_variable(block.len(), &mut body);
    body.extend(block);
    body.extend_from_slice(behind);
    body
}

/// Another value for two bytes that look like a length; now and then bytes are put in or taken out to fit.
fn with_length(body: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let start = random.below(body.len().max(1));
    let looks = |at: &usize| {
        let len = usize::from(body[*at]) << 8 | usize::from(body[at + 1]);
        len <= body.len() - at - 2
    };
    let at = (start..body.len().checked_sub(1)?).find(looks)?;
    let old = usize::from(body[at]) << 8 | usize::from(body[at + 1]);
    let left = body.len() - at - 2;
    let new = match random.below(8) {
        0 => 0,
        1 => old + 1,
        2 => old.saturating_sub(1),
        3 => left,
        4 => left + 1,
        5 => 0xFFFF,
        _ => random.below(16),
    };
    let mut changed = body.to_vec();
    changed[at..at + 2].copy_from_slice(&u16::try_from(new).unwrap_or(u16::MAX).to_be_bytes());
    if random.below(2) == 0 && new < 1 << 12 {
        changed.splice(at + 2..at + 2 + old, std::iter::repeat_n(b'a', new));
    }
    Some(changed)
}

/// A small generator of random numbers: xorshift.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// A number below `n`, or 0.
    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 3) as usize % n.max(1)
    }

    /// A part of something of that length, up to 16 of it.
    fn range(&mut self, len: usize) -> (usize, usize) {
        let start = self.below(len + 1);
        (start, (start + self.below(17)).min(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes one bit, as a stand-in for libFuzzer's own.
    fn flip(data: &mut [u8], size: usize, _: usize) -> usize {
        if let Some(byte) = data[..size].last_mut() {
            *byte ^= 1;
        }
        size
    }

    #[test]
    fn sizes_hold_and_frames_stay_whole() {
        let mut whole = 0;
        for seed in 0..20_000 {
            for packet in PACKETS {
                let mutator = Mutator { prefix: 0, version: Version::V5 };
                let max_size = 64;
                let mut data = [0; 64];
                data[..packet.len()].copy_from_slice(packet);
                let size = mutator.mutate(&mut data, packet.len(), max_size, seed, flip);
                assert!(size <= max_size);
                let (n, len) = variable(&data[1..size]).unwrap_or_default();
                whole += usize::from(size == 1 + len + n);
            }
        }
        assert!(whole > 20_000 * PACKETS.len() / 2, "{whole}");
    }

    #[test]
    fn the_samples_are_packets_and_properties() {
        for packet in PACKETS {
            let taken = Version::ALL.iter().any(|version| mqtt_wire::decode_exact(packet, *version).is_ok());
            assert!(taken, "{packet:02X?}");
        }
        for property in PROPERTIES {
            let id = mqtt_wire::PropertyId::new(u32::from(property[0]));
            assert!(id.is_some(), "{property:02X?}");
        }
    }
}
