//! A disk that forgets what was not synced, and one that has no room.

use std::io;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use redb::StorageBackend;

use super::script::{self, Model, shortest};
use crate::store::{Change, Disk, Store, StoreError};

/// What was done to a disk.
#[derive(Debug, Clone)]
enum Operation {
    SetLen(u64),
    Write(u64, Vec<u8>),
    Sync,
}

impl Operation {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => content.resize(usize::try_from(*len).unwrap(), 0),
            Self::Write(offset, bytes) => {
                let start = usize::try_from(*offset).unwrap();
                // A write whose set_len was forgotten makes the file longer.
                content.resize(content.len().max(start + bytes.len()), 0);
                content[start..start + bytes.len()].copy_from_slice(bytes);
            }
            Self::Sync => {}
        }
    }
}

#[derive(Debug, Default)]
struct State {
    content: Vec<u8>,
    done: Vec<Operation>,
    /// With so many bytes, writes and growth fail as a full disk does.
    room: Option<u64>,
    /// After so many operations more, one fails: what it wanted was done or not.
    fails_in: Option<(usize, bool)>,
    /// After that it cannot be opened again for so many times.
    stays_closed: usize,
    has_failed: bool,
}

/// A disk in memory that knows all that was done to it.
#[derive(Debug, Default, Clone)]
struct Scripted(Arc<Mutex<State>>);

impl Scripted {
    fn holding(content: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { content, ..State::default() })))
    }

    fn open(&self) -> Result<Disk, StoreError> {
        let this = self.clone();
        Disk::with_backend(move || this.clone())
    }

    fn operations(&self) -> usize {
        self.0.lock().unwrap().done.len()
    }

    fn done(&self, operation: Operation) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let end = match &operation {
            Operation::SetLen(len) => *len,
            Operation::Write(offset, bytes) => offset + bytes.len() as u64,
            Operation::Sync => 0,
        };
        if state.room.is_some_and(|room| end > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let fails = match &mut state.fails_in {
            Some((0, _)) => state.fails_in.take(),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        state.has_failed |= fails.is_some();
        if let Some((_, false)) = fails {
            return Err(io::ErrorKind::StorageFull.into());
        }
        operation.apply(&mut state.content);
        state.done.push(operation);
        if fails.is_some() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Scripted {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.0.lock().unwrap();
        if state.has_failed && state.stays_closed > 0 {
            state.stays_closed -= 1;
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(state.content.len() as u64)
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(offset).unwrap();
        let state = self.0.lock().unwrap();
        state.content.get(start..start + len).map(<[u8]>::to_vec).ok_or(io::ErrorKind::UnexpectedEof.into())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.done(Operation::SetLen(len))
    }

    fn sync_data(&self, _: bool) -> io::Result<()> {
        self.done(Operation::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.done(Operation::Write(offset, data.to_vec()))
    }
}

/// What is left of the writes since the last sync.
#[derive(Debug, Clone, Copy)]
enum Left {
    Nothing,
    Everything,
    /// Each of them or not, and of the last one the first half.
    Some(u64),
}

/// The content of the disk when the power was cut after so many operations.
fn cut(operations: &[Operation], left: Left) -> Vec<u8> {
    let synced =
        operations.iter().rposition(|operation| matches!(operation, Operation::Sync)).map_or(0, |at| at + 1);
    let mut content = Vec::new();
    for operation in &operations[..synced] {
        operation.apply(&mut content);
    }
    let later = &operations[synced..];
    match left {
        Left::Nothing => {}
        Left::Everything => {
            for operation in later {
                operation.apply(&mut content);
            }
        }
        Left::Some(seed) => {
            let mut random = StdRng::seed_from_u64(seed);
            for (at, operation) in later.iter().enumerate() {
                match operation {
                    _ if random.random() => {}
                    Operation::Write(offset, bytes) if at + 1 == later.len() => {
                        Operation::Write(*offset, bytes[..bytes.len() / 2].to_vec()).apply(&mut content);
                    }
                    operation => operation.apply(&mut content),
                }
            }
        }
    }
    content
}

/// Whatever the operation at which the power goes, and whatever is left of what was not synced: all commits that had
/// returned are there, and the one that had not is there as a whole or not at all.
#[test]
fn a_crash_at_any_write_loses_nothing_and_halves_nothing() {
    let disk = Scripted::default();
    let mut store = disk.open().unwrap();
    let mut model = Model::default();
    // What is kept after each commit, and the number of operations when it returned.
    // (A file is made elsewhere, and given its name when it is whole.)
    let mut states = vec![(disk.operations(), shortest(model.kept()))];
    for changes in script::commits(4, 20) {
        store.commit(&changes).unwrap();
        model.apply(&changes);
        states.push((disk.operations(), shortest(model.kept())));
    }
    drop(store);
    let operations = disk.0.lock().unwrap().done.clone();
    let (mut cuts, mut had_not_returned) = (0, 0);
    for at in states[0].0..=operations.len() {
        let returned = states.iter().rposition(|(operations, _)| *operations <= at).unwrap();
        let subset = |n| Left::Some(3 * at as u64 + n);
        for left in [Left::Nothing, Left::Everything, subset(0), subset(1)] {
            let kept =
                Scripted::holding(cut(&operations[..at], left)).open().and_then(|mut store| store.check());
            let kept = shortest(kept.unwrap_or_else(|error| panic!("operation {at}, {left:?}: {error}")));
            let found = states[returned..].iter().take(2).position(|(_, state)| *state == kept);
            assert!(found.is_some(), "operation {at}, {left:?}, commit {returned}");
            cuts += 1;
            had_not_returned += found.unwrap_or(0);
        }
    }
    println!(
        "{} operations, {cuts} crashes, in {had_not_returned} the commit under way is there",
        operations.len()
    );
    assert!(had_not_returned > 0 && cuts > 500);
}

/// A full disk at any operation: the commit fails or is there, and the next one finds all that was there before.
#[test]
fn a_full_disk_at_any_write_loses_nothing() {
    let commits = script::commits(5, 7);
    let count = {
        let disk = Scripted::default();
        let mut store = disk.open().unwrap();
        let first = disk.operations();
        for changes in &commits {
            store.commit(changes).unwrap();
        }
        first..disk.operations()
    };
    let (mut refused, mut done) = (0, 0);
    for (at, takes_effect) in count.flat_map(|at| [(at, false), (at, true)]) {
        let disk = Scripted::default();
        let mut store = disk.open().unwrap();
        disk.0.lock().unwrap().fails_in = Some((at - disk.operations(), takes_effect));
        let mut model = Model::default();
        for changes in &commits {
            match store.commit(changes) {
                Ok(()) => done += 1,
                Err(StoreError::Full) => {
                    refused += 1;
                    assert_eq!(
                        shortest(store.check().unwrap()),
                        shortest(model.kept()),
                        "{at}, {takes_effect}"
                    );
                    store.commit(changes).unwrap();
                }
                Err(error) => panic!("{at}, {takes_effect}: {error}"),
            }
            model.apply(changes);
            assert_eq!(shortest(store.load().unwrap()), shortest(model.kept()), "{at}, {takes_effect}");
        }
        drop(store);
        assert_eq!(
            shortest(disk.open().unwrap().check().unwrap()),
            shortest(model.kept()),
            "{at}, {takes_effect}"
        );
    }
    println!("{refused} commits refused, {done} done");
    assert!(refused > 20);
}

/// After a failure the file cannot be opened again at once. What has failed is committed again, as the engine does, whether
/// it was there already or not.
#[test]
fn a_file_that_cannot_be_opened_again_at_once_loses_nothing() {
    let begins =
        |session| Change::SessionBegins { session, client: format!("client-{session}").into(), user: None };
    let shared = script::message(7, "a", 10);
    let queued = |session| Change::Queued { session, queued: script::queued(1, &shared) };
    let commits = [
        vec![begins(1), begins(2)],
        vec![queued(1)],
        vec![queued(2)],
        vec![Change::Dequeued { session: 1, sequence: 1 }],
    ];
    let (mut at, mut refused) = (0, 0);
    loop {
        let mut has_failed = false;
        for (takes_effect, times) in [(false, 1), (true, 1), (true, 3)] {
            let disk = Scripted::default();
            let mut store = disk.open().unwrap();
            let mut model = Model::default();
            for (number, changes) in commits.iter().enumerate() {
                if number == 1 {
                    let mut state = disk.0.lock().unwrap();
                    (state.fails_in, state.stays_closed) = (Some((at, takes_effect)), times);
                }
                while store.commit(changes).is_err() {
                    (has_failed, refused) = (true, refused + 1);
                }
                disk.0.lock().unwrap().fails_in = None;
                model.apply(changes);
                let kept =
                    store.check().unwrap_or_else(|error| panic!("{at}, {takes_effect}, {number}: {error}"));
                assert_eq!(shortest(kept), shortest(model.kept()), "{at}, {takes_effect}, {number}");
            }
            drop(store);
            assert_eq!(shortest(disk.open().unwrap().check().unwrap()), shortest(model.kept()));
        }
        if !has_failed {
            break;
        }
        at += 1;
    }
    assert!(refused > 10, "{refused}");
}

/// A disk that stays full refuses for as long, and goes on when there is room.
#[test]
fn a_disk_that_stays_full_refuses_until_there_is_room() {
    let disk = Scripted::default();
    let mut store = disk.open().unwrap();
    let mut model = Model::default();
    let commits = script::commits(7, 400);
    let mut refused = 0;
    let full = disk.0.lock().unwrap().content.len() as u64;
    disk.0.lock().unwrap().room = Some(full);
    for changes in &commits {
        match store.commit(changes) {
            Ok(()) => {}
            Err(StoreError::Full) => {
                refused += 1;
                for _ in 0..3 {
                    let again = store.commit(changes);
                    assert!(matches!(again, Err(StoreError::Full)), "{again:?}");
                }
                assert_eq!(shortest(store.load().unwrap()), shortest(model.kept()));
                let mut state = disk.0.lock().unwrap();
                state.room = state.room.map(|room| room * 3 / 2);
                drop(state);
                store.commit(changes).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        model.apply(changes);
    }
    assert!(refused > 0);
    assert_eq!(shortest(store.check().unwrap()), shortest(model.kept()));
}
