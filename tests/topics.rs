//! Topic names and filters against the text of the standard and against a naive reading of it.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/count.rs"]
mod count;
#[path = "topics/examples.rs"]
mod examples;
#[path = "topics/exhaustive.rs"]
mod exhaustive;
#[path = "topics/pieces.rs"]
mod pieces;
#[path = "topics/reference.rs"]
mod reference;
#[cfg(feature = "serde")]
#[path = "topics/serde.rs"]
mod serde;
#[path = "topics/trees.rs"]
mod trees;
#[path = "topics/values.rs"]
mod values;
