//! Sessions and connections as values that can be cloned, compared, hashed and printed, wherever the caller's keys can:
//! so that a whole system can be explored state by state.

use core::fmt;
use core::hash::{Hash, Hasher};

use crate::alias::Aliases;
use crate::link::{Connection, Detached, Link, Outputs, Role};
use crate::session::Session;
use crate::slots::Slots;

/// One list of a type's fields for all that goes through them one by one.
macro_rules! value {
    ($type:ident<$slots:ident> of $($path:ty)*: $($field:ident)+) => {
        impl<$slots: Slots> Clone for $type<$slots>
        where $($path: Clone,)*
        {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone(),)+ }
            }
        }

        impl<$slots: Slots> PartialEq for $type<$slots>
        where $($path: PartialEq,)*
        {
            fn eq(&self, other: &Self) -> bool {
                true $(&& self.$field == other.$field)+
            }
        }

        impl<$slots: Slots> Eq for $type<$slots> where $($path: Eq,)* {}

        impl<$slots: Slots> Hash for $type<$slots>
        where $($path: Hash,)*
        {
            fn hash<H: Hasher>(&self, state: &mut H) {
                $(self.$field.hash(state);)+
            }
        }

        impl<$slots: Slots + fmt::Debug> fmt::Debug for $type<$slots>
        where $($path: fmt::Debug,)*
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type))$(.field(stringify!($field), &self.$field))+.finish()
            }
        }
    };
}

value! {
    Session<S> of S S::Outgoing:
    slots outgoing received epoch expiry finished recorded released released_recorded published_recorded last_id
    unrecorded releasing exists end_due lasts_due
}

value! {
    Connection<S> of S::Todo:
    wire state due epoch receive_maximum published replay resumed released window open own_receive_maximum received_before
    given_back todo requests aliases limits keep_alive auth clean_start expiry asks will
}

value! {
    Aliases<S> of: incoming outgoing most_in most_out
}

impl<R: Role, S: Slots> Clone for Detached<R, S>
where
    Connection<S>: Clone,
{
    fn clone(&self) -> Self {
        Self { c: self.c.clone(), role: self.role }
    }
}

impl<R: Role, S: Slots> PartialEq for Detached<R, S>
where
    Connection<S>: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.c == other.c
    }
}

impl<R: Role, S: Slots> Eq for Detached<R, S> where Connection<S>: Eq {}

impl<R: Role, S: Slots> Hash for Detached<R, S>
where
    Connection<S>: Hash,
{
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.c.hash(state);
    }
}

impl<R: Role, S: Slots> fmt::Debug for Detached<R, S>
where
    Connection<S>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.c.fmt(f)
    }
}

impl<R: Role, S: Slots> fmt::Debug for Link<'_, R, S>
where
    Connection<S>: fmt::Debug,
    Session<S>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("session", self.session).field("connection", &self.c).finish()
    }
}

impl<R: Role, S: Slots> fmt::Debug for Outputs<'_, '_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs").finish_non_exhaustive()
    }
}
