//! Tests of `tcp`.

use super::*;

/// What came out, with data as owned bytes.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Data(u64, Vec<u8>, u64),
    Missing(u64, u64),
    Again(u64, u64),
    Early(u64, u64, u64),
    CutOff(u64, u64),
    Other(u64, u64),
}
use Seen::{Again, CutOff, Data, Early, Missing, Other};

struct Wire {
    assembler: Assembler,
    seen: Vec<Seen>,
    now: u64,
}

impl Wire {
    fn from(first: u32) -> Self {
        let mut assembler = Assembler::new(&Pool::default());
        assembler.syn(first.wrapping_sub(1));
        Self { assembler, seen: Vec::new(), now: 0 }
    }

    fn run(&mut self, work: impl FnOnce(&mut Assembler, Option<Time>, Out<'_>) -> Result<()>) {
        self.now += 1;
        let seen = &mut self.seen;
        work(&mut self.assembler, Some(Time(self.now)), &mut |event| {
            seen.push(match event {
                Event::Data { offset, time, bytes, .. } => Data(offset, bytes.to_vec(), time.unwrap().0),
                Event::Missing { offset, length, cut: false, .. } => Missing(offset, length),
                Event::Missing { offset, length, cut: true, .. } => CutOff(offset, length),
                Event::Differing { offset, length, .. } => Other(offset, length),
                Event::Retransmission { offset, length, .. } => Again(offset, length),
                Event::OutOfOrder { offset, length, ahead, .. } => Early(offset, length, ahead),
            });
            Ok(())
        })
        .unwrap();
    }

    fn push(&mut self, sequence: u32, bytes: &[u8]) {
        self.push_cut(sequence, bytes, 0);
    }

    fn push_cut(&mut self, sequence: u32, bytes: &[u8], cut: u64) {
        self.run(|assembler, time, out| {
            assembler.push(sequence, Payload { bytes, cut, time, after: 0 }, out)
        });
    }

    fn seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }
}

#[test]
fn segments_in_order_come_out_as_they_are() {
    let mut wire = Wire::from(1000);
    wire.push(1000, b"abc");
    wire.push(1003, b"de");
    assert_eq!(wire.seen(), [Data(0, b"abc".into(), 1), Data(3, b"de".into(), 2)]);
}

#[test]
fn early_segments_wait_and_take_the_time_of_what_they_waited_for() {
    let mut wire = Wire::from(1000);
    wire.push(1003, b"de");
    wire.push(1005, b"f");
    wire.push(1000, b"abc");
    let expected = [
        Early(3, 2, 3),
        Early(5, 1, 5),
        Data(0, b"abc".into(), 3),
        Data(3, b"de".into(), 3),
        Data(5, b"f".into(), 3),
    ];
    assert_eq!(wire.seen(), expected);
}

#[test]
fn bytes_come_out_once() {
    let mut wire = Wire::from(1000);
    wire.push(1000, b"abcd");
    wire.push(1000, b"abcd");
    wire.push(1002, b"cdef");
    wire.push(1005, b"f");
    let expected = [Data(0, b"abcd".into(), 1), Again(0, 4), Again(2, 2), Data(4, b"ef".into(), 3)];
    assert_eq!(wire.seen(), expected, "and the last was a keep-alive probe");
}

#[test]
fn overlapping_early_segments_come_out_once() {
    let mut wire = Wire::from(0);
    wire.push(2, b"cd");
    wire.push(3, b"def");
    wire.push(2, b"c");
    wire.push(0, b"ab");
    let seen = wire.seen();
    assert_eq!(seen[..3], [Early(2, 2, 2), Early(3, 3, 3), Again(2, 1)]);
    let data: Vec<u8> = seen
        .iter()
        .flat_map(|seen| if let Data(_, bytes, _) = seen { bytes.clone() } else { vec![] })
        .collect();
    assert_eq!(data, b"abcdef");
}

#[test]
fn sequence_numbers_wrap() {
    let mut wire = Wire::from(u32::MAX - 1);
    wire.push(u32::MAX - 1, b"abc");
    wire.push(1, b"de");
    wire.push(u32::MAX, b"bc");
    assert_eq!(wire.seen(), [Data(0, b"abc".into(), 1), Data(3, b"de".into(), 2), Again(1, 2)]);
}

#[test]
fn an_acknowledged_hole_is_given_up_after_a_while() {
    let mut wire = Wire::from(0);
    wire.push(0, b"ab");
    wire.push(5, b"fg");
    wire.assembler.acknowledge(7);
    for _ in 0..PATIENCE_SEGMENTS {
        wire.run(Assembler::wait);
    }
    assert_eq!(wire.seen(), [Data(0, b"ab".into(), 1), Early(5, 2, 3)], "not at once");
    wire.run(Assembler::wait);
    assert_eq!(wire.seen(), [Missing(2, 3), Data(5, b"fg".into(), 2)]);
    wire.push(2, b"cde");
    assert_eq!(wire.seen(), [Again(2, 3)], "too late");
}

#[test]
fn a_hole_that_is_filled_is_none() {
    let mut wire = Wire::from(0);
    wire.push(2, b"c");
    wire.assembler.acknowledge(3);
    wire.run(Assembler::wait);
    wire.push(0, b"ab");
    for _ in 0..=PATIENCE_SEGMENTS {
        wire.run(Assembler::wait);
    }
    assert_eq!(wire.seen(), [Early(2, 1, 2), Data(0, b"ab".into(), 3), Data(2, b"c".into(), 3)]);
}

#[test]
fn the_end_brings_out_what_waits_and_what_is_missing() {
    let mut wire = Wire::from(0);
    wire.push(3, b"d");
    wire.assembler.fin(4, 2);
    wire.run(|assembler, _, out| assembler.finish(out));
    assert_eq!(wire.seen(), [Early(3, 1, 3), Missing(0, 3), Data(3, b"d".into(), 1), Missing(4, 2)]);
    assert!(wire.assembler.is_finished());
}

#[test]
fn an_acknowledged_fin_is_no_missing_byte() {
    let mut wire = Wire::from(0);
    wire.push(0, b"ab");
    wire.assembler.fin(2, 0);
    wire.assembler.acknowledge(3);
    wire.run(|assembler, _, out| assembler.finish(out));
    assert_eq!(wire.seen(), [Data(0, b"ab".into(), 1)]);
}

#[test]
fn what_is_held_is_bounded() {
    let mut wire = Wire::from(0);
    let segment = vec![b'x'; 64 * 1024];
    let many = LARGEST_HELD / segment.len() + 1;
    for index in 0..many {
        wire.push(u32::try_from(1 + index * segment.len()).unwrap(), &segment);
    }
    let seen = wire.seen();
    assert!(seen.contains(&Missing(0, 1)));
    assert_eq!(seen.iter().filter(|seen| matches!(seen, Data(..))).count(), many);
    assert_eq!(wire.assembler.held_size, 0);
}

#[test]
fn what_is_held_is_taken_from_the_pool_and_given_back() {
    let pool = Pool::of(3 * 1024);
    let mut wire = Wire { assembler: Assembler::new(&pool), seen: Vec::new(), now: 0 };
    wire.assembler.syn(u32::MAX);
    let segment = [b'x'; 1000];
    for index in 0..3 {
        wire.push(10 + index * 1000, &segment);
    }
    let seen = wire.seen();
    assert!(seen.contains(&Missing(0, 10)), "there was room for two of them: {seen:?}");
    assert_eq!(seen.iter().filter(|seen| matches!(seen, Data(..))).count(), 3);
    wire.push(5000, &segment);
    drop(wire);
    assert!(pool.take(3 * 1024), "all is given back");
}

#[test]
fn a_segment_that_was_captured_in_part_leaves_a_hole() {
    let mut wire = Wire::from(0);
    wire.push_cut(0, b"ab", 3);
    wire.push(5, b"fg");
    assert_eq!(wire.seen(), [Data(0, b"ab".into(), 1), CutOff(2, 3), Data(5, b"fg".into(), 2)]);
    // The same out of order.
    wire.push_cut(9, b"j", 1);
    wire.push(7, b"hi");
    assert_eq!(
        wire.seen(),
        [Early(9, 2, 2), Data(7, b"hi".into(), 4), Data(9, b"j".into(), 4), CutOff(10, 1)]
    );
}

#[test]
fn what_is_sent_again_with_other_bytes_is_named_and_not_taken() {
    let mut wire = Wire::from(0);
    wire.push(0, b"abcdef");
    wire.push(0, b"abcdef");
    assert_eq!(wire.seen()[1..], [Again(0, 6)]);
    wire.push(1, b"bXdY");
    assert_eq!(wire.seen(), [Again(1, 4), Other(1, 2)]);
    wire.push(4, b"eFgh");
    assert_eq!(wire.seen(), [Again(4, 2), Other(4, 1), Data(6, b"gh".into(), 4)]);
    // Two early segments that do not agree.
    wire.push(10, b"kl");
    wire.push(10, b"kL");
    wire.push(11, b"Lm");
    wire.push(8, b"ij");
    let expected = [
        Early(10, 2, 2),
        Other(10, 1),
        Again(10, 2),
        Early(11, 2, 3),
        Data(8, b"ij".into(), 8),
        Data(10, b"kl".into(), 8),
        Again(11, 1),
        Other(11, 1),
        Data(12, b"m".into(), 8),
    ];
    assert_eq!(wire.seen(), expected);
}

#[test]
fn a_stream_without_a_syn_begins_where_its_receiver_waits() {
    let begin = |awaited, sequence| {
        let mut wire = Wire { assembler: Assembler::new(&Pool::default()), seen: Vec::new(), now: 0 };
        wire.assembler.expect(awaited);
        let exact = wire.assembler.begin(sequence);
        wire.push(sequence, b"a");
        (exact, wire.seen())
    };
    assert_eq!(begin(100, 100), (true, vec![Data(0, b"a".into(), 1)]));
    assert_eq!(begin(100, 103), (false, vec![Early(3, 1, 3)]));
    assert_eq!(begin(100, 90), (false, vec![Data(0, b"a".into(), 1)]), "sent again");
    assert_eq!(begin(100, 2_000_000_000), (false, vec![Data(0, b"a".into(), 1)]), "another stream");
}
