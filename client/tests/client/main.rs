//! The client against a real server, and against servers that misbehave. `tests/setup` installs what it needs.
#![allow(missing_docs)]

mod duties;
mod failures;
mod library;
mod matrix;
mod options;
mod our_broker;
mod process;
mod readme;
mod server;
mod session;
mod statements;
