//! Captures made of a fuzzer's bytes: every input is a capture whose headers and checksums are right, so that what
//! changes is what TCP and what is above it see.

use etherparse::PacketBuilder;

/// What a segment does, as the bytes in front of its data tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Which of four connections.
    pub connection: u8,
    /// Whether the server sends.
    pub from_server: bool,
    pub syn: bool,
    pub fin: bool,
    pub reset: bool,
    /// A second passes before it, else a millisecond.
    pub late: bool,
    /// Where it begins, beyond (or before) the end of what was sent.
    pub shift: i8,
}

impl Step {
    const HEADER: usize = 4;

    fn from_bytes([flags, shift]: [u8; 2]) -> Self {
        Self {
            connection: flags & 3,
            from_server: flags & 4 != 0,
            syn: flags & 8 != 0,
            fin: flags & 16 != 0,
            reset: flags & 32 != 0,
            late: flags & 64 != 0,
            shift: shift.cast_signed(),
        }
    }

    /// A step and its data as they stand in a script.
    pub fn to_bytes(self, data: &[u8]) -> Vec<u8> {
        let flag = |is: bool, bit: u8| if is { bit } else { 0 };
        let flags = self.connection & 3
            | flag(self.from_server, 4)
            | flag(self.syn, 8)
            | flag(self.fin, 16)
            | flag(self.reset, 32)
            | flag(self.late, 64);
        let [low, high] = u16::try_from(data.len()).expect("a segment").to_le_bytes();
        [&[flags, self.shift.cast_unsigned(), low, high][..], data].concat()
    }
}

/// The steps of a script, each with its data.
pub fn steps(mut script: &[u8]) -> Vec<(Step, &[u8])> {
    let mut steps = Vec::new();
    while let Some(([flags, shift, low, high], rest)) = script.split_first_chunk::<{ Step::HEADER }>() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (data, rest) = rest.split_at(length);
        steps.push((Step::from_bytes([*flags, *shift]), data));
        script = rest;
    }
    steps
}

/// A capture of raw IP with these segments between clients and a server's port.
pub fn capture(script: &[u8], server_port: u16) -> Vec<u8> {
    let mut file = Vec::with_capacity(script.len() * 2 + 24);
    for field in [0xA1B2_C3D4, 0x0004_0002, 0, 0, 262_144, 101] {
        file.extend(u32::to_le_bytes(field));
    }
    // What each side of each connection has sent, near the end of the sequence numbers.
    let mut sent = [[u32::MAX - 40, 1000]; 4];
    let mut milliseconds = 0_u32;
    for (step, data) in steps(script) {
        milliseconds += if step.late { 1000 } else { 1 };
        let [client, server] = &mut sent[usize::from(step.connection)];
        let (own, other) = if step.from_server { (server, client) } else { (client, server) };
        let sequence = own.wrapping_add_signed(step.shift.into());
        let client_port = 50_000 + u16::from(step.connection);
        let (from, to) =
            ([10, 0, 0, 1 + u8::from(step.from_server)], [10, 0, 0, 2 - u8::from(step.from_server)]);
        let (source, destination) =
            if step.from_server { (server_port, client_port) } else { (client_port, server_port) };
        let mut tcp = PacketBuilder::ipv4(from, to, 64).tcp(source, destination, sequence, 65_000);
        if !step.syn || step.from_server {
            tcp = tcp.ack(*other);
        }
        if step.syn {
            tcp = tcp.syn();
        }
        if step.fin {
            tcp = tcp.fin();
        }
        if step.reset {
            tcp = tcp.rst();
        }
        let next = sequence.wrapping_add(u32::try_from(data.len()).expect("a segment"));
        *own = next.wrapping_add(u32::from(step.syn) + u32::from(step.fin));
        let length = u32::try_from(tcp.size(data.len())).expect("a segment");
        for field in [milliseconds / 1000, milliseconds % 1000 * 1000, length, length] {
            file.extend(field.to_le_bytes());
        }
        tcp.write(&mut file, data).expect("data that fit into a datagram");
    }
    file
}

/// A WebSocket frame of RFC 6455.
pub fn websocket_frame(from_server: bool, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask: &[u8] = if from_server { &[] } else { &[1, 2, 3, 4] };
    let flag = if from_server { 0 } else { 0x80 };
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ ..126) => frame.push(flag | length.to_le_bytes()[0]),
        Ok(length) => {
            frame.push(flag | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(flag | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    let key = if mask.is_empty() { &[0][..] } else { mask };
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A script of which each step's first byte of data tells how the rest stands in the stream: as it is (even), or
/// in a WebSocket frame with the half of that number as its first byte.
pub fn in_frames(script: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(script.len() + 64);
    for (step, data) in steps(script) {
        let Some((how, data)) = data.split_first() else {
            framed.extend(step.to_bytes(data));
            continue;
        };
        let data = if how & 1 == 0 {
            data.to_vec()
        } else {
            // FIN and two of the reserved bits, and the opcode.
            let first = how >> 1 & 0x0F | how & 0x60 | if how & 0x80 == 0 { 0x80 } else { 0 };
            websocket_frame(step.from_server, first, data)
        };
        framed.extend(step.to_bytes(data.get(..data.len().min(60_000)).unwrap_or_default()));
    }
    framed
}
