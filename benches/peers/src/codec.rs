//! What a codec has to do here, and the kinds of cell that are measured: decode one stream, encode one stream, answer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::hint::black_box;
use std::marker::PhantomData;
use std::mem::discriminant;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::workload::{self, Delivery, Subscriber, Version};

/// Why a stream was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The codec asks for more bytes.
    Incomplete,
    Refused(String),
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => f.write_str("asks for more"),
            Self::Refused(error) => write!(f, "answers {error}"),
        }
    }
}

impl Fault {
    #[cold]
    #[inline(never)]
    pub fn refused(error: impl Debug) -> Self {
        Self::Refused(format!("{error:?}"))
    }
}

/// Reads a stream, written for each codec in its own terms.
pub trait Decode: Default {
    /// What a read from the network leaves for this codec: a slice or a buffer that it takes over.
    type Input;
    type Packet;

    fn input(bytes: &'static [u8]) -> Self::Input;

    /// Decodes packet after packet until the input is used up, and hands each on by value, as programs do:
    /// errors go by `?`, options are not constants.
    fn decode(&mut self, input: &mut Self::Input, each: impl FnMut(Self::Packet)) -> Result<(), Fault>;

    /// The topic, if this is a PUBLISH: what a program asks of every packet that it is handed.
    fn topic(packet: &Self::Packet) -> &[u8];
}

/// Reads every field, property and item of every packet, texts as `&str`.
pub trait ReadAll: Decode {
    fn read_all(packet: &Self::Packet);
}

/// Where packets are handed to: a function of its own. All of the packet has to be there when it comes, so that the
/// compiler cannot leave out what is not read.
trait Hand<C: Decode> {
    fn hand(packet: C::Packet);
}

/// Reads the packet's type and its topic, and drops it.
struct Look;

impl<C: Decode> Hand<C> for Look {
    #[inline(never)]
    fn hand(packet: C::Packet) {
        black_box(&packet);
        black_box(discriminant(&packet));
        black_box(C::topic(&packet));
    }
}

/// Reads everything.
struct Everything;

impl<C: ReadAll> Hand<C> for Everything {
    #[inline(never)]
    fn hand(packet: C::Packet) {
        black_box(&packet);
        black_box(discriminant(&packet));
        C::read_all(&packet);
    }
}

/// Writes a stream.
pub trait Encode: Default {
    /// A packet as this codec wants it.
    type Packet: Clone;
    type Output;

    /// Whether encoding uses the packets up.
    const BY_VALUE: bool = false;

    /// The packets of a stream.
    fn packets(bytes: &'static [u8]) -> Result<Vec<Self::Packet>, Fault>;

    /// A buffer that takes `capacity` bytes without growing.
    fn output(capacity: usize) -> Self::Output;

    /// Empties `out` and writes every packet into it.
    fn encode(&mut self, packets: &mut Vec<Self::Packet>, out: &mut Self::Output) -> Result<(), String>;

    fn written(out: &mut Self::Output) -> Vec<u8>;
}

/// Answers as a server does: packets that it builds when it needs them.
pub trait Answer: Default {
    type Output;

    fn output(capacity: usize) -> Self::Output;

    /// Empties `out`, then builds and writes six packets: CONNACK, SUBACK of one filter (granted QoS 1), UNSUBACK of
    /// one filter, two PUBACK, PINGRESP. The identifiers are those of the four in between.
    fn answer(&mut self, ids: [u16; 4], out: &mut Self::Output) -> Result<(), String>;

    fn written(out: &Self::Output) -> Vec<u8>;
}

/// Sends one message on to subscribers, as a broker does.
pub trait Deliver: Default {
    type Message;
    type Output;

    /// The message as it was received.
    fn message(bytes: &'static [u8]) -> Result<Self::Message, Fault>;

    fn output(capacity: usize) -> Self::Output;

    /// For each subscriber: empties its output and writes the message with its QoS and identifier, in its version.
    fn deliver(
        &mut self,
        message: &mut Self::Message,
        to: &[Subscriber],
        outputs: &mut [Self::Output],
    ) -> Result<(), String>;

    fn written(out: &Self::Output) -> Vec<u8>;
}

/// The packets of a stream as `D` decodes them, for codecs that encode what they decode.
pub fn decoded<D: Decode>(bytes: &'static [u8]) -> Result<Vec<D::Packet>, Fault> {
    let mut packets = Vec::new();
    D::default().decode(&mut D::input(bytes), |packet| packets.push(packet))?;
    Ok(packets)
}

/// One codec and one workload in one direction.
pub trait Cell {
    /// Gets ready, outside of what is measured, for `repeats` passes over the stream.
    fn prepare(&mut self, repeats: usize);

    /// The passes that were prepared.
    fn run(&mut self);

    /// How often the packets of the stream went through.
    fn packets(&self) -> usize;
}

/// The one door to what is measured: callgrind collects inside of this function alone, and knows it by this name.
#[unsafe(no_mangle)]
#[inline(never)]
pub fn peers_measured(cell: &mut dyn Cell) {
    cell.run();
}

/// A cell, and a remark if the codec does something in another way.
pub struct Made {
    pub cell: Box<dyn Cell>,
    pub remark: Option<String>,
}

struct DecodeCell<C: Decode, H> {
    codec: C,
    bytes: &'static [u8],
    packets: usize,
    inputs: Vec<C::Input>,
    hand: PhantomData<H>,
}

impl<C: Decode, H: Hand<C>> Cell for DecodeCell<C, H> {
    fn prepare(&mut self, repeats: usize) {
        self.inputs.clear();
        self.inputs.extend(copies(self.bytes, repeats).into_iter().map(C::input));
    }

    fn run(&mut self) {
        for input in &mut self.inputs {
            let result = self.codec.decode(input, H::hand);
            black_box(result.is_ok());
        }
    }

    fn packets(&self) -> usize {
        self.packets
    }
}

/// Copies of a stream, one for each pass: a codec over a slice, too, reads bytes that are new to it, not the same few
/// kilobytes that have been in the nearest cache since the pass before. (Packets borrow from them for good, so they are
/// leaked, and shared by all codecs.)
fn copies(bytes: &'static [u8], count: usize) -> Vec<&'static [u8]> {
    thread_local! {
        static COPIES: RefCell<HashMap<*const u8, Vec<&'static [u8]>>> = RefCell::default();
    }
    COPIES.with_borrow_mut(|all| {
        let copies = all.entry(bytes.as_ptr()).or_default();
        while copies.len() < count {
            copies.push(bytes.to_vec().leak());
        }
        copies[..count].to_vec()
    })
}

/// A cell that decodes and looks at each packet, made after a look whether the codec reads all of the stream.
pub fn decode_cell<C: Decode + 'static>(bytes: &'static [u8], packets: usize) -> Result<Made, String> {
    made_of::<C, Look>(bytes, packets)
}

/// A cell that decodes and reads everything.
pub fn read_cell<C: ReadAll + 'static>(bytes: &'static [u8], packets: usize) -> Result<Made, String> {
    made_of::<C, Everything>(bytes, packets)
}

fn made_of<C: Decode + 'static, H: Hand<C> + 'static>(
    bytes: &'static [u8],
    packets: usize,
) -> Result<Made, String> {
    let mut count = 0;
    let result = C::default().decode(&mut C::input(bytes), |_| count += 1);
    match result {
        Ok(()) if count == packets => {
            let codec = C::default();
            let cell = DecodeCell::<C, H> { codec, bytes, packets, inputs: Vec::new(), hand: PhantomData };
            Ok(Made { cell: Box::new(cell), remark: None })
        }
        Ok(()) => Err(format!("found {count} packets, not {packets}")),
        Err(fault) => Err(format!("after {count} packets, {fault}")),
    }
}

struct EncodeCell<C: Encode> {
    codec: C,
    packets: Vec<C::Packet>,
    repeats: usize,
    /// Packets for each pass, where encoding uses them up.
    batches: Vec<Vec<C::Packet>>,
    output: C::Output,
    count: usize,
}

impl<C: Encode> Cell for EncodeCell<C> {
    fn prepare(&mut self, repeats: usize) {
        self.repeats = repeats;
        self.batches.clear();
        if C::BY_VALUE {
            self.batches.extend((0..repeats).map(|_| self.packets.clone()));
        }
    }

    fn run(&mut self) {
        for pass in 0..self.repeats {
            // A program encodes packets that it has just built: they are in the cache, not somewhere in
            // megabytes of clones.
            let packets = self.batches.get_mut(pass).unwrap_or(&mut self.packets);
            let result = self.codec.encode(packets, &mut self.output);
            black_box(result.is_ok());
            black_box(&self.output);
        }
    }

    fn packets(&self) -> usize {
        self.count
    }
}

/// A cell that encodes, and a remark if the codec does not write the bytes that its packets were read from.
pub fn encode_cell<C: Encode + 'static>(bytes: &'static [u8], packets: usize) -> Result<Made, String> {
    let values = C::packets(bytes).map_err(|fault| format!("cannot read the packets, {fault}"))?;
    if values.len() != packets {
        return Err(format!("found {} packets, not {packets}", values.len()));
    }
    let mut cell = EncodeCell::<C> {
        codec: C::default(),
        packets: values,
        repeats: 0,
        batches: Vec::new(),
        output: C::output(2 * bytes.len() + 64),
        count: packets,
    };
    let result =
        catch_unwind(AssertUnwindSafe(|| cell.codec.encode(&mut cell.packets.clone(), &mut cell.output)));
    result.map_err(|_| "panics".to_owned())??;
    let written = C::written(&mut cell.output);
    Ok(Made { cell: Box::new(cell), remark: remark(bytes, &written) })
}

struct AnswerCell<C: Answer> {
    codec: C,
    repeats: usize,
    output: C::Output,
}

impl<C: Answer> Cell for AnswerCell<C> {
    fn prepare(&mut self, repeats: usize) {
        self.repeats = repeats;
    }

    fn run(&mut self) {
        for pass in 0..self.repeats * ROUNDS_OF_ANSWERS {
            let ids = black_box(ids(pass));
            let result = self.codec.answer(ids, &mut self.output);
            black_box(result.is_ok());
            black_box(&self.output);
        }
    }

    fn packets(&self) -> usize {
        6 * ROUNDS_OF_ANSWERS
    }
}

/// How often the answers are given in one pass.
const ROUNDS_OF_ANSWERS: usize = 20;

fn ids(pass: usize) -> [u16; 4] {
    [7, 8, 1 + (pass % 1000) as u16, 1007]
}

/// A cell that answers, and a remark if the codec does not write what it should.
pub fn answer_cell<C: Answer + 'static>(version: Version) -> Result<Made, String> {
    let mut cell = AnswerCell::<C> { codec: C::default(), repeats: 0, output: C::output(256) };
    cell.codec.answer(ids(0), &mut cell.output)?;
    let written = C::written(&cell.output);
    Ok(Made { cell: Box::new(cell), remark: remark(&workload::answers(version, ids(0)), &written) })
}

struct DeliverCell<C: Deliver> {
    codec: C,
    message: C::Message,
    subscribers: Vec<Subscriber>,
    outputs: Vec<C::Output>,
    repeats: usize,
}

impl<C: Deliver> Cell for DeliverCell<C> {
    fn prepare(&mut self, repeats: usize) {
        self.repeats = repeats;
    }

    fn run(&mut self) {
        for _ in 0..self.repeats {
            let to = black_box(&self.subscribers[..]);
            let result = self.codec.deliver(&mut self.message, to, &mut self.outputs);
            black_box(result.is_ok());
            black_box(&self.outputs);
        }
    }

    fn packets(&self) -> usize {
        self.subscribers.len()
    }
}

/// A cell that delivers a message, and a remark if a subscriber gets other bytes than it should.
pub fn deliver_cell<C: Deliver + 'static>(delivery: &Delivery) -> Result<Made, String> {
    let message =
        C::message(delivery.received).map_err(|fault| format!("cannot read the message, {fault}"))?;
    let subscribers = delivery.subscribers.clone();
    let outputs = delivery.expected.iter().map(|bytes| C::output(2 * bytes.len())).collect();
    let mut cell = DeliverCell::<C> { codec: C::default(), message, subscribers, outputs, repeats: 0 };
    cell.codec.deliver(&mut cell.message, &cell.subscribers, &mut cell.outputs)?;
    let mut pairs = delivery.expected.iter().zip(&cell.outputs);
    let remark = pairs.find_map(|(expected, out)| remark(expected, &C::written(out)));
    Ok(Made { cell: Box::new(cell), remark })
}

fn remark(expected: &[u8], written: &[u8]) -> Option<String> {
    if expected == written {
        return None;
    }
    if expected.len() != written.len() {
        return Some(format!("writes {} bytes for {}", written.len(), expected.len()));
    }
    let sorted = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.sort_unstable();
        bytes
    };
    Some(if sorted(expected) == sorted(written) {
        "writes properties in an order of its own".to_owned()
    } else {
        first_difference(expected, written)
    })
}

/// Names the first byte of two streams of one length that is not the same, and the packet that it is in.
fn first_difference(expected: &[u8], written: &[u8]) -> String {
    let at = expected.iter().zip(written).position(|(a, b)| a != b).unwrap_or_default();
    let (mut start, mut number) = (0, 1);
    while let Some(length) = frame_length(&expected[start..]).filter(|length| start + length <= at) {
        start += length;
        number += 1;
    }
    format!(
        "writes 0x{:02X} for 0x{:02X} as byte {} of packet {number} ({})",
        written[at],
        expected[at],
        at - start,
        packet_name(expected[start]),
    )
}

fn packet_name(first: u8) -> &'static str {
    const NAMES: [&str; 16] = [
        "-",
        "CONNECT",
        "CONNACK",
        "PUBLISH",
        "PUBACK",
        "PUBREC",
        "PUBREL",
        "PUBCOMP",
        "SUBSCRIBE",
        "SUBACK",
        "UNSUBSCRIBE",
        "UNSUBACK",
        "PINGREQ",
        "PINGRESP",
        "DISCONNECT",
        "AUTH",
    ];
    NAMES[usize::from(first >> 4)]
}

/// What a codec says to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepts,
    Refuses,
    WantsMore,
    Panics,
}

/// The verdict of `C` on `bytes`; a panic is caught and counts as such.
pub fn verdict<C: Decode>(bytes: &'static [u8]) -> Verdict {
    let result = catch_unwind(|| C::default().decode(&mut C::input(bytes), |_| ()));
    match result {
        Ok(Ok(())) => Verdict::Accepts,
        Ok(Err(Fault::Incomplete)) => Verdict::WantsMore,
        Ok(Err(Fault::Refused(_))) => Verdict::Refuses,
        Err(_) => Verdict::Panics,
    }
}

/// The length of the frame at the start of `bytes`, if its fixed header is there and sound: for codecs that decode
/// a frame but do not say where it ended.
#[inline]
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    let mut remaining = 0;
    for (n, byte) in bytes.iter().skip(1).take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * n);
        if byte & 0x80 == 0 {
            return Some(2 + n + remaining);
        }
    }
    None
}

/// Whether `bytes` are the beginning of a frame that is longer.
pub fn is_cut_off(bytes: &[u8]) -> bool {
    frame_length(bytes).map_or(bytes.len() < 5, |length| length > bytes.len())
}
