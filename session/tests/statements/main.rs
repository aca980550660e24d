//! The statements of the standards that stand between packets: `../../statements.tsv` names for each the tests that show
//! it kept. Each test is in the words of packets and outputs.

#![allow(clippy::drop_non_drop, reason = "says where a connection ends")]
#![allow(clippy::needless_pass_by_value, reason = "an output is done once")]

mod auth;
mod connect;
mod limits;
mod messages;
mod side;
mod table;
mod time;
