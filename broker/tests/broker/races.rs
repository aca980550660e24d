//! Turns of several connections that are committed in another order than they were made in: what is stored is what there
//! is in memory.

use std::sync::Arc;
use std::time::Duration;

use mqtt_broker::auth::Who;
use mqtt_broker::engine::{Attach, Engine, Local, Published, Seat, Turn, Will};
use mqtt_broker::limits::Limits;
use mqtt_broker::store::{Disk, Kept, Message};
use mqtt_session::{Ending, Growing, Session};
use mqtt_wire::topic::TopicCursor;
use mqtt_wire::{Delivery, PacketId, Publish, PublishFrame, QoS, Subscription, TopicName, Version};
use tempfile::{TempDir, tempdir};

use crate::raw::filter;

/// An engine with a store, and no connections but those that a test makes up.
struct Scene {
    folder: TempDir,
    engine: Local,
}

impl Scene {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let store = Box::new(Disk::open_in(folder.path()).unwrap());
        let engine = Local::open(store, Limits::default(), Arc::default()).unwrap();
        Self { folder, engine }
    }

    /// A client that was let in, with a session that lasts. Nothing is committed.
    async fn attach(&self, turn: &mut Turn, clean_start: bool, will: Option<Will>) -> Seat {
        let who = Who { client: "client".into(), user: None };
        let attach = Attach { who, clean_start, lasts: true, will };
        self.engine.attach(attach, turn).await.unwrap()
    }

    fn commit(&self, mut turn: Turn) {
        drop(self.engine.commit(&mut turn));
    }

    /// Ends the broker. What it has stored.
    fn stored(self) -> Kept {
        self.engine.close();
        drop(self.engine);
        Disk::open_in(self.folder.path()).unwrap().check().unwrap()
    }

    fn message(&self, topic: &str, payload: &str, retain: bool) -> Arc<Message> {
        let publish = Publish {
            retain,
            delivery: Delivery::AtLeastOnce(PacketId::MIN),
            ..Publish::new(TopicName::new(topic).unwrap(), payload.as_bytes())
        };
        self.engine.message(PublishFrame::encode(&publish, Version::V5).unwrap(), None)
    }

    fn publish(&self, message: &Arc<Message>, subscribers: usize) -> Turn {
        let mut turn = Turn::default();
        assert_eq!(self.engine.publish(message, &mut turn), Published::To(subscribers));
        turn
    }

    fn retained(&self, topic: &str) -> Option<Arc<Message>> {
        self.engine.retained(&mut TopicCursor::new(filter(topic)), 1).0.pop()
    }
}

#[tokio::test]
async fn a_message_for_a_session_that_has_ended_in_the_meantime() {
    let scene = Scene::new();
    let mut turn = Turn::default();
    let mut seat = scene.attach(&mut turn, false, None).await;
    let wanted = Subscription::new(filter("a"), QoS::AtLeastOnce);
    scene.engine.subscribe(&mut seat.held, wanted, None, &mut turn).unwrap();
    drop(scene.engine.commit(&mut turn));
    let published = scene.publish(&scene.message("a", "late", false), 1);
    let now = scene.engine.now();
    scene.engine.detach(seat, Ending { session_ends: Some(now), will_due: None }, &mut turn);
    scene.commit(turn);
    scene.commit(published);
    assert_eq!(scene.stored(), Kept::default());
}

#[tokio::test]
async fn retained_messages_are_stored_as_they_are_in_memory() {
    let scene = Scene::new();
    let both = ["a", "b"].map(|topic| {
        let first = scene.publish(&scene.message(topic, "first", true), 0);
        let payload = if topic == "a" { "second" } else { "" };
        let second = scene.publish(&scene.message(topic, payload, true), 0);
        (first, second)
    });
    for (first, second) in both {
        scene.commit(second);
        scene.commit(first);
    }
    let in_memory = ["a", "b"].map(|topic| scene.retained(topic));
    assert_eq!(in_memory[0].as_ref().unwrap().frame.publish().payload, b"second");
    assert_eq!(in_memory[1], None);
    assert_eq!(scene.stored().retained, in_memory.into_iter().flatten().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_next_connection_is_stored_behind_the_one_before() {
    let scene = Scene::new();
    let will = |payload| {
        let message = scene.message("will", payload, false);
        Some(Will { message, delay: 0, session: 0 })
    };
    let mut first = Turn::default();
    let mut seat = scene.attach(&mut first, false, will("first")).await;
    seat.session = Session::assumed(Growing::new(1, 1, 0));
    drop(scene.engine.commit(&mut first));
    let now = scene.engine.now();
    scene.engine.detach(seat, Ending { session_ends: Some(now + 1_000_000), will_due: None }, &mut first);
    let mut second = Turn::default();
    let seat = scene.attach(&mut second, false, will("second")).await;
    scene.commit(second);
    scene.commit(first);
    drop(seat);
    let kept = scene.stored();
    assert_eq!(kept.sessions.iter().map(|session| session.ends_at).collect::<Vec<_>>(), [None]);
    let wills = kept.wills.iter().map(|(_, will)| will.message.frame.publish().payload);
    assert_eq!(wills.collect::<Vec<_>>(), [b"second"]);
}

#[tokio::test]
async fn a_session_and_a_will_whose_time_has_come_before_anybody_looks() {
    let scene = Scene::new();
    let mut turn = Turn::default();
    let message = scene.message("will", "due", true);
    let mut seat = scene.attach(&mut turn, false, Some(Will { message, delay: 1, session: 0 })).await;
    seat.session = Session::assumed(Growing::new(1, 1, 0));
    let due = scene.engine.now() + 20;
    let ending = |ends| Ending { session_ends: Some(ends), will_due: Some(due) };
    scene.engine.detach(seat, ending(due + 1_000_000), &mut turn);
    tokio::time::sleep(Duration::from_millis(50)).await;
    // The session goes on, and the will was due before `[MQTT-3.1.3-9]`.
    let message = scene.message("will", "other", true);
    let seat = scene.attach(&mut turn, false, Some(Will { message, delay: 1, session: 0 })).await;
    assert!(seat.session.exists());
    let retained = scene.retained("will");
    assert_eq!(retained.map(|message| message.frame.publish().payload.to_vec()), Some(b"due".to_vec()));
    // The session is over `[MQTT-4.1.0-2]`.
    let due = scene.engine.now() + 20;
    scene.engine.detach(seat, Ending { session_ends: Some(due), will_due: Some(due) }, &mut turn);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let seat = scene.attach(&mut turn, false, None).await;
    assert!(!seat.session.exists());
    let retained = scene.retained("will");
    assert_eq!(retained.map(|message| message.frame.publish().payload.to_vec()), Some(b"other".to_vec()));
}
