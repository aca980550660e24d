//! What the benchmarks of the topic trees have in common: a realistic table of filters, and the trees.

pub mod table;
pub mod trees;
