//! Who a client is ([`Authenticate`]) and what it may do ([`Authorise`]).
//!
//! Both are traits, for sources of one's own. [`Anonymous`] lets everyone in, and [`Everything`] allows everything; a file
//! of users and one of rules take their place.

mod file;
mod open;
mod rules;
mod scram;
mod users;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use mqtt_wire::{ReasonCode, TopicFilter, TopicName};

pub use self::file::{BadLine, FileError};
pub use self::open::{Anonymous, Everything};
pub use self::rules::Rules;
pub use self::users::Users;

/// What a client says of itself, and what is known of it otherwise.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The client identifier: as the client gave it, or the one assigned to it.
    pub client: &'a str,
    /// User Name.
    pub user: Option<&'a str>,
    /// Password.
    pub password: Option<&'a [u8]>,
    /// The name that the client's certificate was issued to, when the connection has one that was checked.
    pub certificate: Option<&'a str>,
    /// Where it comes from: with the PROXY protocol, what that says.
    pub address: SocketAddr,
}

/// Without the password.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client", &self.client)
            .field("user", &self.user)
            .field("certificate", &self.certificate)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A client identifier as the log has it: its first 100 bytes. Anyone may come with 65,535.
pub fn shown(client: &str) -> &str {
    let end = (0..=client.len().min(100)).rev().find(|end| client.is_char_boundary(*end));
    client.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// An authenticated client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The client identifier.
    pub client: Arc<str>,
    /// The name it was authenticated by: a user, or the name in a certificate; `None` is anonymous.
    pub user: Option<Arc<str>>,
}

/// A client is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What CONNACK or DISCONNECT says: [`ReasonCode::BAD_USER_NAME_OR_PASSWORD`], [`ReasonCode::NOT_AUTHORIZED`],
    /// [`ReasonCode::BANNED`], [`ReasonCode::BAD_AUTHENTICATION_METHOD`], [`ReasonCode::SERVER_BUSY`] ...
    pub reason: ReasonCode,
    /// Why, for the log. The client is not told.
    pub why: &'static str,
}

/// An answer that may take its time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Says who a client is.
pub trait Authenticate: Send + Sync {
    /// Who has these credentials.
    ///
    /// What blocks, or takes more than some microseconds, belongs onto a thread of its own
    /// (`tokio::task::spawn_blocking`).
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> Answer<'a, Result<Who, Refused>>;

    /// Begins an enhanced authentication (section 4.12) by this method; `None` when there is no such method: the client
    /// is refused with [`ReasonCode::BAD_AUTHENTICATION_METHOD`].
    fn begin(&self, method: &str, client: &str) -> Option<Box<dyn Exchange>> {
        let _ = (method, client);
        None
    }
}

/// An enhanced authentication under way.
pub trait Exchange: Send {
    /// Takes the client's Authentication Data, of CONNECT first and then of each AUTH.
    fn step(&mut self, data: &[u8]) -> Step;
}

/// What comes next in an enhanced authentication.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// AUTH with [`ReasonCode::CONTINUE_AUTHENTICATION`] and this data.
    Continue(Vec<u8>),
    /// The client is let in; CONNACK, or AUTH with [`ReasonCode::SUCCESS`], has this data.
    Done(Who, Vec<u8>),
    /// It is not.
    Refused(Refused),
}

/// Says what a client may do.
///
/// It is asked for every message, so it has to answer at once.
pub trait Authorise: Send + Sync {
    /// Whether the client may publish under this name.
    fn may_publish(&self, who: &Who, topic: TopicName<'_>) -> bool;

    /// Whether the client may subscribe to this filter (of a shared subscription, what is behind `$share/name/`): to
    /// every name that it matches.
    fn may_subscribe(&self, who: &Who, filter: TopicFilter<'_>) -> bool;

    /// Whether the client may receive a message with this name that has waited for it: it is asked for messages that came
    /// by a subscription that was allowed, when the [`generation`](Self::generation) has changed since or the client has
    /// come back to its session.
    fn may_receive(&self, who: &Who, topic: TopicName<'_>) -> bool {
        TopicFilter::new(topic.as_str()).is_ok_and(|filter| self.may_subscribe(who, filter))
    }

    /// A number that is another one when what is allowed is. The subscriptions of a client are looked at again before it
    /// gets its next message; those that are not allowed any more are ended.
    fn generation(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_long_identifier_is_cut_between_characters() {
        assert_eq!(shown("lamp-7"), "lamp-7");
        assert_eq!(shown(&"a".repeat(65_535)), "a".repeat(100));
        assert_eq!(shown(&"€".repeat(50)), "€".repeat(33));
    }
}
