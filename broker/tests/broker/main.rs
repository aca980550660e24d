//! The broker in this process, spoken to over the loopback by clients of bare packets. A PINGREQ after what has to be
//! handled makes "nothing came" decidable at once.

mod auth;
mod connect;
mod delivery;
mod durable;
mod full;
mod hostile;
mod limits;
mod listeners;
mod metrics;
mod races;
mod raw;
mod retained;
mod scene;
mod sessions;
mod shared;
mod statements;
mod subscriptions;
mod turns;
mod wills;
