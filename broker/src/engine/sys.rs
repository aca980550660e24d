//! `$SYS/#`: what the broker says of itself.

use std::time::Duration;

use mqtt_wire::{Publish, PublishFrame, TopicName, Version};

use super::local::Local;
use super::{Engine, Turn};

/// What the topics begin with under which the broker alone publishes (section 4.7.2).
pub(crate) const SYS: &[u8] = b"$SYS/";

impl Local {
    /// Publishes what the broker is doing again and again, for ever, the first time after one interval.
    pub async fn tell_of_itself_every(&self, every: Duration) {
        let started = self.clock.now();
        loop {
            tokio::time::sleep(every).await;
            self.tell_of_itself(self.clock.now().saturating_sub(started));
        }
    }

    /// Publishes what the broker is doing as retained messages under `$SYS/broker/`. `uptime` is in milliseconds.
    pub fn tell_of_itself(&self, uptime: u64) {
        let (connected, away) = self.clients();
        let (retained, retained_bytes) = self.retained_count();
        let numbers = [
            ("uptime", usize::try_from(uptime / 1000).unwrap_or(usize::MAX)),
            ("clients/connected", connected),
            ("clients/disconnected", away),
            ("clients/total", connected + away),
            ("subscriptions/filters", self.filters()),
            ("retained messages/count", retained),
            ("retained messages/bytes", retained_bytes),
        ];
        let mut turn = Turn::default();
        self.tell("version", env!("CARGO_PKG_VERSION"), &mut turn);
        for (name, number) in numbers {
            self.tell(name, &number.to_string(), &mut turn);
        }
        // Nobody waits for it.
        let _ = self.commit(&mut turn);
    }

    fn tell(&self, name: &str, value: &str, turn: &mut Turn) {
        let topic = format!("$SYS/broker/{name}");
        let Ok(topic) = TopicName::new(&topic) else { return };
        let publish = Publish { retain: true, ..Publish::new(topic, value.as_bytes()) };
        if let Ok(frame) = PublishFrame::encode(&publish, Version::V5) {
            let message = self.message(frame, None);
            // When there is no room for it, it is not said.
            let _ = self.route_or_retain(&message, false, turn);
        }
    }
}
