//! The broker in this process, spoken to over the loopback by clients of bare packets. A PINGREQ after what has to be
//! handled makes "nothing came" decidable at once.

mod connect;
mod delivery;
mod durable;
mod limits;
mod raw;
mod retained;
mod scene;
mod sessions;
mod shared;
mod subscriptions;
mod wills;
