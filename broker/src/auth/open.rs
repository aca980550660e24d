//! No questions asked.

use super::{Answer, Authenticate, Authorise, Credentials, Refused, Who};
use mqtt_wire::{TopicFilter, TopicName};

/// Lets everyone in. A checked certificate's name is the user; a user name without one is nothing but a claim, and is not
/// taken.
#[derive(Debug, Default, Clone, Copy)]
pub struct Anonymous;

impl Authenticate for Anonymous {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> Answer<'a, Result<Who, Refused>> {
        let who = Who { client: credentials.client.into(), user: credentials.certificate.map(Into::into) };
        Box::pin(std::future::ready(Ok(who)))
    }
}

/// Allows everything.
#[derive(Debug, Default, Clone, Copy)]
pub struct Everything;

impl Authorise for Everything {
    fn may_publish(&self, _: &Who, _: TopicName<'_>) -> bool {
        true
    }

    fn may_subscribe(&self, _: &Who, _: TopicFilter<'_>) -> bool {
        true
    }

    fn may_receive(&self, _: &Who, _: TopicName<'_>) -> bool {
        true
    }
}
