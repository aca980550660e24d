//! One connection's packets: which version they speak, and what each of them is.

use std::io::Result;

use mqtt_wire::{DecodeOptions, Decoded, Packet, PacketType, Sender, Version, decode};

use crate::capture::Time;
use crate::framer::{Answer, Cut, Found, Framer, answer, packet_type};
use crate::note::Note;
use crate::pool::Pool;

/// What was found in one sender's stream.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub(crate) enum Read<'a> {
    /// A packet, the version it was judged by, and whether that was guessed.
    Cut {
        version: Version,
        guessed: bool,
        cut: Cut<'a>,
    },
    Note(Note),
    /// What comes now had waited until it was found, or is over: the other side's answers may have come before.
    Late(bool),
}

/// Takes what was found, with its sender and the time of its last byte.
pub(crate) type Out<'a> = &'a mut dyn FnMut(Sender, Option<Time>, Read<'_>) -> Result<()>;

#[derive(Debug)]
pub(crate) struct Session {
    pool: Pool,
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
    /// `None` before the first byte.
    framer: Option<Framer>,
    sender: Option<Sender>,
    /// The next packet is the first of the connection.
    first: bool,
}

/// What 3.1 and 3.1.1 have in common suffices to tell packets from others.
const EITHER: [Version; 2] = [Version::V5, Version::V311];

impl Session {
    /// `version` is that of packets without a CONNECT.
    pub(crate) fn new(options: DecodeOptions, version: Option<Version>, pool: &Pool) -> Self {
        let direction = |sender| Direction { framer: None, sender: Some(sender), first: false };
        Self {
            pool: pool.clone(),
            options,
            version,
            guessed: version.is_none(),
            client: direction(Sender::Client),
            server: direction(Sender::Server),
        }
    }

    /// One direction's bytes, of which the sender may be unknown.
    pub(crate) fn stream(
        options: DecodeOptions,
        version: Option<Version>,
        sender: Option<Sender>,
        pool: &Pool,
    ) -> Self {
        let mut this = Self::new(options, version, pool);
        for direction in [&mut this.client, &mut this.server] {
            *direction = Direction { framer: Some(Framer::new(true, pool)), sender, first: false };
        }
        this
    }

    /// Takes the next bytes of a sender's stream, which came at `time`. `whole`: its first byte was the
    /// stream's beginning.
    pub(crate) fn push(
        &mut self,
        (sender, whole): (Sender, bool),
        offset: u64,
        bytes: &[u8],
        time: Option<Time>,
        out: Out<'_>,
    ) -> Result<()> {
        self.begin(sender, whole);
        let options = self.options;
        let told = self.version.filter(|_| !self.guessed);
        let versions: &[Version] = told.as_ref().map_or(&EITHER, std::slice::from_ref);
        let Some((framer, direction_sender)) = self.framer(sender) else { return Ok(()) };
        let options = direction_sender.map_or(options, |sender| options.with_sender(sender));
        let back = framer.push(offset, bytes, time, (options, versions));
        let answers = match back {
            Some(back) => self.take_up(sender, back, time, out)?,
            None => self.drain(sender, time, out)?,
        };
        // They prove what the other side sent, if it is looked for.
        let other = other(sender);
        for answer in answers {
            let Some((framer, _)) = self.framer(other) else { break };
            if let Some(back) = framer.hear(answer) {
                self.take_up(other, back, time, out)?;
                break;
            }
        }
        Ok(())
    }

    /// Hands out the packets that were found.
    fn take_up(
        &mut self,
        sender: Sender,
        back: crate::framer::Back,
        time: Option<Time>,
        out: Out<'_>,
    ) -> Result<Vec<Answer>> {
        if self.guessed {
            self.version = back.version.or(self.version);
        }
        if back.skipped > 0 {
            out(sender, time, Read::Note(Note::Resynchronized { skipped: back.skipped }))?;
        }
        out(sender, time, Read::Late(true))?;
        let answers = self.drain(sender, time, out)?;
        out(sender, time, Read::Late(false))?;
        Ok(answers)
    }

    /// Hands out all packets that are there. Returns those with identifiers when the other side looks for its
    /// step.
    fn drain(&mut self, sender: Sender, time: Option<Time>, out: Out<'_>) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        let wanted = self.framer(other(sender)).is_some_and(|(framer, _)| framer.is_lost());
        loop {
            self.notice_version(sender);
            let mut guessed = self.guessed;
            let mut version = self.version.unwrap_or(Version::V5);
            let mut options = self.options_for(sender);
            if let Some(refused_in) = self.refusal(sender) {
                (version, guessed) = (refused_in, false);
                options = options.with_version(refused_in);
            }
            let direction = self.direction(sender);
            let Some(cut) = direction.framer.as_mut().and_then(|framer| framer.next(options)) else {
                return Ok(answers);
            };
            direction.first = false;
            if wanted && let Found::Packet(packet) = &cut.found {
                answers.extend(answer(packet));
            }
            // An error knows by which version it was judged; it matters where CONNECT itself is bad.
            if let Found::Bad(error) = cut.found {
                version = error.version();
            }
            out(sender, cut.time.or(time), Read::Cut { version, guessed, cut })?;
        }
    }

    /// Bytes of a sender's stream are missing.
    pub(crate) fn lose(
        &mut self,
        (sender, whole): (Sender, bool),
        length: Option<u64>,
        time: Option<Time>,
        out: Out<'_>,
    ) -> Result<()> {
        self.begin(sender, whole);
        let (version, guessed) = (self.version.unwrap_or(Version::V5), self.guessed);
        let direction = self.direction(sender);
        // What is missing may have been the first packet.
        direction.first = false;
        match direction.framer.as_mut().and_then(|framer| framer.lose(length)) {
            Some(cut) => out(sender, cut.time.or(time), Read::Cut { version, guessed, cut }),
            None => Ok(()),
        }
    }

    /// The connection, or the capture, is over: what is left. A second call finds nothing.
    pub(crate) fn finish(&mut self, time: Option<Time>, out: Out<'_>) -> Result<()> {
        for sender in [Sender::Client, Sender::Server] {
            let Some((framer, _)) = self.framer(sender) else { continue };
            if let Some(back) = framer.take_up_at_end() {
                self.take_up(sender, back, time, out)?;
            }
            let (version, guessed) = (self.version.unwrap_or(Version::V5), self.guessed);
            let Some((framer, _)) = self.framer(sender) else { continue };
            let (cut, skipped) = framer.finish();
            if let Some(cut) = cut {
                out(sender, cut.time.or(time), Read::Cut { version, guessed, cut })?;
            }
            if skipped > 0 {
                out(sender, time, Read::Note(Note::GaveUp { skipped }))?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, sender: Sender, whole: bool) {
        if self.direction(sender).framer.is_none() {
            let pool = self.pool.clone();
            let direction = self.direction(sender);
            direction.framer = Some(Framer::new(whole, &pool));
            direction.first = whole;
        }
    }

    fn direction(&mut self, sender: Sender) -> &mut Direction {
        match sender {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        }
    }

    fn framer(&mut self, sender: Sender) -> Option<(&mut Framer, Option<Sender>)> {
        let direction = self.direction(sender);
        let sender = direction.sender;
        direction.framer.as_mut().map(|framer| (framer, sender))
    }

    fn peek(&self, sender: Sender) -> Option<&[u8]> {
        let direction = if sender == Sender::Client { &self.client } else { &self.server };
        direction.framer.as_ref()?.peek()
    }

    fn options_for(&mut self, sender: Sender) -> DecodeOptions {
        let options = self.options;
        let version = self.version;
        let direction = self.direction(sender);
        // Of a CONNECT that is not whole yet, too, its own version decides.
        let begins = direction.framer.as_ref().map(Framer::rest).unwrap_or_default();
        let options = judging(options, begins, version);
        let options = options.with_first_packet(direction.first);
        direction.sender.map_or(options, |sender| options.with_sender(sender))
    }

    /// Learns the version from the frame that stands next.
    fn notice_version(&mut self, sender: Sender) {
        let Some(frame) = self.peek(sender) else { return };
        // Be the rest of the CONNECT as it may: bad packets follow a bad one when the receiver minds neither.
        if let Some(named) = Version::of_connect(frame) {
            self.version = Some(named);
            self.guessed = false;
        } else if self.guessed && !is_connect(frame) {
            self.version = fitting_version(frame, self.options, self.version);
        }
    }

    /// The version of the frame that stands next, when it is a CONNACK by which a server of another version
    /// refuses the client's: it is what its sender's standard wants.
    fn refusal(&self, sender: Sender) -> Option<Version> {
        let version = self.version.filter(|_| sender == Sender::Server && !self.guessed)?;
        let frame = self.peek(sender)?;
        if packet_type(frame) != Some(PacketType::ConnAck) || fits(frame, self.options, version) {
            return None;
        }
        let refuses = |other: &Version| {
            let options = self.options.with_version(*other).with_sender(sender);
            match decode(frame, options) {
                Ok(Decoded::Packet { packet: Packet::ConnAck(connack), .. }) => {
                    connack.reason_code.is_error()
                }
                _ => false,
            }
        };
        EITHER.into_iter().filter(|other| *other != version).find(refuses)
    }
}

/// The other side.
pub(crate) fn other(sender: Sender) -> Sender {
    match sender {
        Sender::Client => Sender::Server,
        Sender::Server => Sender::Client,
    }
}

/// The options for a frame: a CONNECT names its version itself; for the others 5.0 is the guess when nothing tells.
pub(crate) fn judging(options: DecodeOptions, frame: &[u8], version: Option<Version>) -> DecodeOptions {
    if is_connect(frame) { options } else { options.with_version(version.unwrap_or(Version::V5)) }
}

fn is_connect(frame: &[u8]) -> bool {
    packet_type(frame) == Some(PacketType::Connect)
}

fn fits(frame: &[u8], options: DecodeOptions, version: Version) -> bool {
    matches!(decode(frame, options.with_version(version)), Ok(Decoded::Packet { .. }))
}

/// The version that a packet fits, when it does not fit the one that was guessed, or the others as well. 3.1 and
/// 3.1.1 differ in CONNECT alone as far as packets tell.
fn fitting_version(frame: &[u8], options: DecodeOptions, guess: Option<Version>) -> Option<Version> {
    if guess.is_some_and(|guess| fits(frame, options, guess)) {
        return guess;
    }
    match EITHER.map(|version| fits(frame, options, version)) {
        [true, false] => Some(Version::V5),
        [false, true] => Some(Version::V311),
        _ => guess,
    }
}

/// The name of a packet's type, as far as its first byte tells.
pub(crate) fn type_name(bytes: &[u8]) -> Option<&'static str> {
    packet_type(bytes).map(PacketType::name)
}
