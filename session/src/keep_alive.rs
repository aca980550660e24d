//! Keep alive (section 3.1.2.10): a client is never silent for long, and a server notices one that is.

use crate::Millis;

/// The keep alive of one side of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[allow(unreachable_pub, reason = "a sealed trait names it")]
pub struct KeepAlive {
    /// The longest silence of a client in milliseconds; 0 turns it off.
    interval: u32,
    /// When the client last sent a packet; of a client before CONNACK, when either side did.
    last: Millis,
    /// Client: when it asked for a sign of life that has not come yet.
    asked: Option<Millis>,
}

impl KeepAlive {
    pub(crate) fn set(&mut self, seconds: u16, now: Millis) {
        (self.interval, self.last) = (u32::from(seconds) * 1000, now);
    }

    /// The client has sent a packet.
    #[inline]
    pub(crate) fn heard(&mut self, now: Millis) {
        if self.interval != 0 {
            self.last = now;
        }
    }

    /// Client: PINGREQ goes out.
    pub(crate) const fn ask(&mut self, now: Millis) {
        self.asked = Some(now);
    }

    /// Client: PINGRESP has come.
    pub(crate) const fn answered(&mut self) {
        self.asked = None;
    }

    /// Client: when the next PINGREQ is due. That is after three quarters of the interval, so that one that is a little
    /// late is still in time.
    pub(crate) const fn ping_at(&self) -> Option<Millis> {
        match (self.interval, self.asked) {
            (0, _) | (_, Some(_)) => None,
            (interval, None) => Some(self.last.saturating_add(interval as u64 / 4 * 3)),
        }
    }

    /// Client: when the server is taken for dead: an interval after PINGREQ.
    pub(crate) const fn dead_server_at(&self) -> Option<Millis> {
        match self.asked {
            Some(asked) => Some(asked.saturating_add(self.interval as u64)),
            None => None,
        }
    }

    /// Server: when the client is taken for dead: after one and a half intervals.
    pub(crate) const fn dead_client_at(&self) -> Option<Millis> {
        match self.interval {
            0 => None,
            interval => Some(self.last.saturating_add(interval as u64 / 2 * 3)),
        }
    }

    /// Client: when a server that has not answered CONNECT is taken for dead: an interval after the last packet.
    pub(crate) const fn no_connack_at(&self) -> Option<Millis> {
        match self.interval {
            0 => None,
            interval => Some(self.last.saturating_add(interval as u64)),
        }
    }
}
