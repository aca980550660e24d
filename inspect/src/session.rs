//! One connection's packets: which version they speak, and what each of them is.

use std::io::Result;

use mqtt_wire::{DecodeOptions, Decoded, PacketType, Sender, Version, decode};

use crate::framer::{Cut, Found, Framer};

/// Takes what was found, with the version it was judged by and whether that was guessed.
pub(crate) type Out<'a> = &'a mut dyn FnMut(Version, bool, Cut<'_>) -> Result<()>;

#[derive(Debug)]
pub(crate) struct Session {
    /// What the user chose to accept.
    options: DecodeOptions,
    /// The version, once a CONNECT, the user or a packet that fits one only has told.
    version: Option<Version>,
    guessed: bool,
    client: Direction,
    server: Direction,
}

#[derive(Debug)]
struct Direction {
    framer: Framer,
    sender: Option<Sender>,
    /// The next packet is the first of the connection.
    first: bool,
}

impl Session {
    /// `whole`: the connection's beginning was seen. `version` is that of packets without a CONNECT.
    pub(crate) fn new(options: DecodeOptions, version: Option<Version>, whole: bool) -> Self {
        let direction = |sender| Direction { framer: Framer::new(whole), sender: Some(sender), first: whole };
        Self {
            options,
            version,
            guessed: version.is_none(),
            client: direction(Sender::Client),
            server: direction(Sender::Server),
        }
    }

    /// One direction's bytes, of which the sender may be unknown.
    pub(crate) fn stream(options: DecodeOptions, version: Option<Version>, sender: Option<Sender>) -> Self {
        let mut this = Self::new(options, version, true);
        for direction in [&mut this.client, &mut this.server] {
            *direction = Direction { framer: Framer::new(true), sender, first: false };
        }
        this
    }

    /// Takes the next bytes of a sender's stream. Returns how many were skipped when they lead back
    /// into step.
    pub(crate) fn push(
        &mut self,
        sender: Sender,
        offset: u64,
        bytes: &[u8],
        out: Out<'_>,
    ) -> Result<Option<u64>> {
        let version = self.version;
        let back = self.direction(sender).framer.push(offset, bytes, version);
        loop {
            self.notice_version(sender);
            let version = self.version.unwrap_or(Version::V5);
            let (options, guessed) = (self.options_for(sender), self.guessed);
            let direction = self.direction(sender);
            let Some(cut) = direction.framer.next(options) else { return Ok(back) };
            direction.first = false;
            // An error knows by which version it was judged; it matters where CONNECT itself is bad.
            let version = match cut.found {
                Found::Bad(error) => error.version(),
                _ => version,
            };
            out(version, guessed, cut)?;
        }
    }

    /// Bytes of a sender's stream are missing.
    pub(crate) fn lose(&mut self, sender: Sender, length: Option<u64>, out: Out<'_>) -> Result<()> {
        let (version, guessed) = (self.version.unwrap_or(Version::V5), self.guessed);
        match self.direction(sender).framer.lose(length) {
            Some(cut) => out(version, guessed, cut),
            None => Ok(()),
        }
    }

    /// A sender's stream is over. Returns how many bytes were skipped in vain.
    pub(crate) fn finish(&mut self, sender: Sender, out: Out<'_>) -> Result<u64> {
        let (version, guessed) = (self.version.unwrap_or(Version::V5), self.guessed);
        let (cut, skipped) = self.direction(sender).framer.finish();
        if let Some(cut) = cut {
            out(version, guessed, cut)?;
        }
        Ok(skipped)
    }

    fn direction(&mut self, sender: Sender) -> &mut Direction {
        match sender {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        }
    }

    fn options_for(&mut self, sender: Sender) -> DecodeOptions {
        let (version, options) = (self.version, self.options);
        let direction = self.direction(sender);
        let connect = direction.framer.peek().is_some_and(is_connect);
        let options = match version {
            Some(version) if !connect => options.with_version(version),
            _ => options,
        };
        let options = options.with_first_packet(direction.first);
        direction.sender.map_or(options, |sender| options.with_sender(sender))
    }

    /// Learns the version from the frame that stands next.
    fn notice_version(&mut self, sender: Sender) {
        let (options, known) = (self.options, self.version.is_some());
        let Some(frame) = self.direction(sender).framer.peek() else { return };
        let is_connect = is_connect(frame);
        // Be the rest of the CONNECT as it may: bad packets follow a bad one when the receiver minds neither.
        let named = Version::of_connect(frame);
        let fitting = (!is_connect && !known).then(|| fitting_version(frame, options)).flatten();
        if named.is_some() {
            self.guessed = false;
        }
        self.version = named.or(fitting).or(self.version);
    }
}

fn is_connect(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first >> 4 == PacketType::Connect.get())
}

/// The version that a packet fits, when it does not fit the others as well. 3.1 and 3.1.1 differ in
/// CONNECT alone as far as packets tell.
fn fitting_version(frame: &[u8], options: DecodeOptions) -> Option<Version> {
    let fits = |version| matches!(decode(frame, options.with_version(version)), Ok(Decoded::Packet { .. }));
    match (fits(Version::V311), fits(Version::V5)) {
        (true, false) => Some(Version::V311),
        (false, true) => Some(Version::V5),
        _ => None,
    }
}

/// The name of a packet's type, as far as its first byte tells.
pub(crate) fn type_name(bytes: &[u8]) -> Option<&'static str> {
    PacketType::new(bytes.first()? >> 4).map(PacketType::name)
}
