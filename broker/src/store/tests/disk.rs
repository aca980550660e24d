//! The file.

use std::fs;

use mqtt_session::Record;
use mqtt_wire::topic::TopicNameBuf;
use mqtt_wire::{PacketId, QoS};
use tempfile::tempdir;

use super::script::{self, Model, message, queued, shortest, subscription};
use crate::store::disk::make;
use crate::store::{Change, Disk, FILE, Kept, KeptWill, Store, StoreError};

fn begins(session: u64) -> Change {
    Change::SessionBegins { session, client: format!("client-{session}").into(), user: Some("user".into()) }
}

#[test]
fn everything_comes_back_after_each_commit() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(FILE);
    let mut model = Model::default();
    for (at, changes) in script::commits(1, 60).iter().enumerate() {
        // The file is opened anew each time.
        Disk::open(&path).unwrap().commit(changes).unwrap();
        model.apply(changes);
        let mut disk = Disk::open(&path).unwrap();
        let kept = disk.load().unwrap();
        assert_eq!(shortest(kept), shortest(model.kept()), "after commit {at}");
        disk.check().unwrap();
    }
}

#[test]
fn what_is_kept_makes_the_same_again() {
    let folder = tempdir().unwrap();
    let mut first = Disk::open(&folder.path().join("first")).unwrap();
    for changes in script::commits(2, 100) {
        first.commit(&changes).unwrap();
    }
    let kept = first.load().unwrap();
    assert!(!kept.sessions.is_empty() && !kept.retained.is_empty() && !kept.wills.is_empty());
    let mut second = Disk::open(&folder.path().join("second")).unwrap();
    second.commit(&kept.changes().collect::<Vec<_>>()).unwrap();
    assert_eq!(second.load().unwrap(), kept);
}

#[test]
fn a_message_is_stored_once_and_goes_with_its_last_reference() {
    let folder = tempdir().unwrap();
    let mut disk = Disk::open(&folder.path().join(FILE)).unwrap();
    let payload = 1 << 20;
    let one = message(7, "a/b", payload);
    let queues = (0..50)
        .flat_map(|session| [begins(session), Change::Queued { session, queued: queued(session, &one) }]);
    disk.commit(&queues.collect::<Vec<_>>()).unwrap();
    disk.commit(&[Change::Retained { message: one.clone() }]).unwrap();
    let size = fs::metadata(folder.path().join(FILE)).unwrap().len();
    assert!(size < 8 * payload as u64, "{size} bytes for one message of {payload}");
    let gone: Vec<_> = (0..50).map(|session| Change::Dequeued { session, sequence: session }).collect();
    disk.commit(&gone).unwrap();
    assert_eq!(disk.check().unwrap().retained, [one]);
    disk.commit(&[Change::RetainedRemoved { topic: TopicNameBuf::new("a/b").unwrap() }]).unwrap();
    // The check finds a message that nothing refers to.
    disk.check().unwrap();
}

#[test]
fn an_ended_session_leaves_nothing_and_others_alone() {
    let folder = tempdir().unwrap();
    let mut disk = Disk::open(&folder.path().join(FILE)).unwrap();
    let shared = message(1, "a", 10);
    let id = PacketId::new(1).unwrap();
    let all = |session| {
        [
            begins(session),
            Change::Subscribed { session, subscription: subscription("a/#", 1) },
            Change::Queued { session, queued: queued(4, &shared) },
            Change::Recorded { session, record: Record::Lasts(60) },
            Change::Recorded {
                session,
                record: Record::Sent { id, qos: QoS::ExactlyOnce, retain: false, size: 5, key: 4 },
            },
        ]
    };
    let changes: Vec<_> = [1, 2, 3, u64::MAX].into_iter().flat_map(all).collect();
    disk.commit(&changes).unwrap();
    let before = disk.load().unwrap();
    disk.commit(&[Change::SessionEnds { session: 2 }]).unwrap();
    let after = disk.check().unwrap();
    assert_eq!(
        after.sessions,
        [before.sessions[0].clone(), before.sessions[2].clone(), before.sessions[3].clone()]
    );
    disk.commit(&[Change::SessionEnds { session: u64::MAX }]).unwrap();
    assert_eq!(disk.check().unwrap().sessions, after.sessions[..2]);
}

#[test]
fn numbers_go_on_behind_those_that_are_kept() {
    let folder = tempdir().unwrap();
    let mut disk = Disk::open(&folder.path().join(FILE)).unwrap();
    assert_eq!(disk.load().unwrap(), Kept::default());
    let will = KeptWill { message: message(30, "will", 1), delay: 5, due: Some(77) };
    let id = PacketId::new(1).unwrap();
    let record = Record::Sent { id, qos: QoS::AtLeastOnce, retain: false, size: 5, key: 12 };
    disk.commit(&[
        begins(4),
        Change::Will { session: 9, will },
        Change::Queued { session: 4, queued: queued(8, &message(20, "a", 1)) },
        Change::Recorded { session: 4, record },
    ])
    .unwrap();
    let kept = disk.load().unwrap();
    assert_eq!((kept.next_session, kept.sessions[0].next_sequence()), (10, 13));
}

#[test]
fn a_crash_while_the_file_is_made_is_no_damage() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("mqtt-broker.new"), [0; 10_000]).unwrap();
    let mut disk = Disk::open_in(folder.path()).unwrap();
    disk.commit(&[begins(1)]).unwrap();
    drop(disk);
    assert_eq!(Disk::open_in(folder.path()).unwrap().load().unwrap().sessions.len(), 1);
    let files: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, [FILE]);
}

/// Two brokers may begin at the same moment, and each find no file.
#[test]
fn a_file_that_somebody_else_has_made_meanwhile_stays() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(FILE);
    let mut first = Disk::open(&path).unwrap();
    first.commit(&[begins(1)]).unwrap();
    assert!(!make(&path, &[]).unwrap());
    first.commit(&[begins(2)]).unwrap();
    drop(first);
    assert_eq!(Disk::open(&path).unwrap().load().unwrap().sessions.len(), 2);
    let files: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, [FILE]);
}

#[test]
fn one_process_at_a_time() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(FILE);
    let _first = Disk::open(&path).unwrap();
    let second = Disk::open(&path).err().unwrap();
    assert!(matches!(second, StoreError::Locked(_)), "{second:?}");
    assert!(second.to_string().ends_with("mqtt-broker.redb is in use by another process"), "{second}");
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(FILE);
    for content in [
        b"not a store, but long enough to be taken for one at first sight".to_vec(),
        vec![0; 20_000],
        // redb alone would make a new store of it.
        Vec::new(),
    ] {
        fs::write(&path, &content).unwrap();
        let error = Disk::open(&path).err().unwrap();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let error = Disk::open_existing(&folder.path().join("none")).err().unwrap();
    let is_not_found =
        matches!(&error, StoreError::Io(error) if error.kind() == std::io::ErrorKind::NotFound);
    assert!(is_not_found, "{error}");
}

#[test]
fn a_damaged_header_is_an_error_until_the_file_is_closed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(FILE);
    drop(Disk::open(&path).unwrap());
    let mut content = fs::read(&path).unwrap();
    // The most pages of a region: redb looks at it when it closes the file.
    content[22] ^= 1;
    fs::write(&path, content).unwrap();
    let checked = Disk::open(&path).and_then(|mut disk| disk.check());
    assert!(matches!(checked, Err(StoreError::Damaged { .. })), "{checked:?}");
}

#[test]
fn a_later_format_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(FILE);
    drop(Disk::open(&path).unwrap());
    let database = redb::Database::open(&path).unwrap();
    let write = database.begin_write().unwrap();
    let meta = redb::TableDefinition::<&[u8], &[u8]>::new("meta");
    write.open_table(meta).unwrap().insert(&b"format"[..], &[2][..]).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = Disk::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Newer { format: 2, .. }), "{error:?}");
}

#[test]
fn damage_is_told_and_never_a_panic() {
    let folder = tempdir().unwrap();
    let (path, damaged) = (folder.path().join(FILE), folder.path().join("damaged"));
    let mut disk = Disk::open(&path).unwrap();
    for changes in script::commits(3, 40) {
        disk.commit(&changes).unwrap();
    }
    drop(disk);
    let bytes = fs::read(&path).unwrap();
    let used: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    let mut found = 0;
    for at in used.iter().step_by(used.len() / 150) {
        let mut changed = bytes.clone();
        changed[*at] ^= 0x55;
        fs::write(&damaged, &changed).unwrap();
        // What is not used any more may be anything.
        found += usize::from(Disk::open(&damaged).and_then(|mut disk| disk.check()).is_err());
    }
    assert!(found > 20, "{found}");
}

#[test]
fn room_is_given_back() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(FILE);
    let mut disk = Disk::open(&path).unwrap();
    let topics: Vec<String> = (0..64).map(|topic| format!("t/{topic}")).collect();
    for (id, topic) in (0..).zip(&topics) {
        disk.commit(&[Change::Retained { message: message(id, topic, 100_000) }]).unwrap();
    }
    let full = fs::metadata(&path).unwrap().len();
    let removed = topics[1..]
        .iter()
        .map(|topic| Change::RetainedRemoved { topic: TopicNameBuf::new(topic.clone()).unwrap() });
    disk.commit(&removed.collect::<Vec<_>>()).unwrap();
    disk.compact().unwrap();
    let compact = fs::metadata(&path).unwrap().len();
    assert!(compact < full / 4, "{full} bytes, then {compact}");
    assert_eq!(disk.check().unwrap().retained.len(), 1);
}
