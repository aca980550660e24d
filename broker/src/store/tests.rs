//! What is committed is there, whatever happens.

mod crash;
mod disk;
mod dump;
mod format;
mod script;
