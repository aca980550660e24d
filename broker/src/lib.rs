//! The parts of the broker, so that tests and other programs can start one in their own process.

