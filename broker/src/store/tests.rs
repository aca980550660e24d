//! What is committed is there, whatever happens.

mod crash;
mod disk;
mod script;
