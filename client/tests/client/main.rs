//! The client against a real server, and against servers that misbehave. `examples/tests/setup` installs what it needs.
#![allow(missing_docs)]

mod failures;
mod matrix;
mod options;
mod process;
mod server;
mod session;
