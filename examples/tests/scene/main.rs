//! The scene of the examples with real programs. `tests/setup` installs what it needs; without that it fails.

mod phones;
mod programs;
mod raw;
mod rules;
