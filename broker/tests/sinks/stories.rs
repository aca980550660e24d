//! What every other side is put through.

use std::collections::BTreeSet;

use mqtt_wire::QoS;

use crate::process::{Broker, until};
use crate::publisher::{Publisher, publish_all};

/// The other side of a sink.
pub(crate) trait Far {
    /// Its kind, for the counts.
    fn kind(&self) -> &'static str;

    /// Its table in the configuration, without what is common to all kinds.
    fn config(&self) -> String;

    /// Starts it, the first time or again.
    fn start(&mut self);

    /// Kills it with SIGKILL.
    fn kill(&mut self);

    /// The numbers that have arrived, those that came twice twice.
    fn numbers(&mut self) -> Vec<u64>;
}

/// The sink in the configuration.
pub(crate) fn table(far: &dyn Far, more: &str) -> String {
    format!("[[sink.{}]]\nname = 'far'\nfilters = ['meter/#']\n{more}\n{}", far.kind(), far.config())
}

/// How many messages are acknowledged between two kills.
const BETWEEN: usize = 400;

/// The other side is killed in mid-stream and comes back; so is the broker. What was acknowledged arrives. How many
/// came more than once: the publisher, at QoS 2, sends nothing twice, so that these are the sink's.
pub(crate) fn killed_in_mid_stream(far: &mut dyn Far) -> usize {
    far.start();
    let mut broker = Broker::start(&table(far, ""));
    let publisher = Publisher::start(broker.address, "meter/one", QoS::ExactlyOnce);
    let more =
        |times: usize| until("messages are acknowledged", || publisher.acknowledged() >= times * BETWEEN);
    for round in 0..2 {
        more(4 * round + 1);
        far.kill();
        // Messages wait meanwhile.
        more(4 * round + 2);
        far.start();
        more(4 * round + 3);
        broker.kill();
        broker.start_again();
        more(4 * round + 4);
    }
    let outcome = publisher.finish();
    let mut arrived = Vec::new();
    until("all messages arrive", || {
        arrived = far.numbers();
        let distinct: BTreeSet<u64> = arrived.iter().copied().collect();
        outcome.acknowledged.is_subset(&distinct)
    });
    let distinct: BTreeSet<u64> = arrived.iter().copied().collect();
    let more_than_once = arrived.len() - distinct.len();
    // When the other side takes long to come back, the queue may be full: what is refused was not acknowledged.
    assert!(outcome.refused.is_disjoint(&outcome.acknowledged), "acknowledged and refused");
    println!(
        "{}: the other side killed 2 times, the broker 2 times: {} acknowledged, {} refused, {} distinct arrived, 0 lost, {} came again",
        far.kind(),
        outcome.acknowledged.len(),
        outcome.refused.len(),
        distinct.len(),
        more_than_once
    );
    more_than_once
}

/// The other side stays away: the queue takes what it may, the rest is refused, and memory is bounded. When the other side
/// comes, what was accepted arrives, and nothing else.
pub(crate) fn stays_away(far: &mut dyn Far) {
    const PLACES: usize = 1000;
    let broker = Broker::start(&table(far, &format!("queue_messages = {PLACES}")));
    let first = publish_all(broker.address, "meter/one", 0..3000, 0);
    assert_eq!((first.acknowledged.len(), first.refused.len()), (PLACES, 2000));
    let before = broker.memory();
    let others = publish_all(broker.address, "meter/one", 3000..23_000, 1000);
    assert_eq!((others.acknowledged.len(), others.refused.len()), (0, 20_000));
    let grown = broker.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "20 MB were refused, and it has grown by {grown} bytes");
    far.start();
    let mut arrived = Vec::new();
    until("what was accepted arrives", || {
        arrived = far.numbers();
        arrived.len() >= PLACES
    });
    let distinct: BTreeSet<u64> = arrived.iter().copied().collect();
    assert_eq!(distinct, first.acknowledged);
    assert_eq!(arrived.len(), PLACES, "nobody was killed, so nothing comes again");
    // There is room again.
    let last = publish_all(broker.address, "meter/one", 23_000..23_100, 0);
    assert_eq!(last.acknowledged.len(), 100);
    until("the last arrive", || far.numbers().len() >= PLACES + 100);
    println!(
        "{}: the other side away: {PLACES} accepted, 22000 refused (0x97), memory + {} KiB; then {} arrived",
        far.kind(),
        grown / 1024,
        far.numbers().len()
    );
}
