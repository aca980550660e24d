//! The properties of a packet (section 2.2.2 of 5.0).

mod block;
mod edits;
mod iter;
mod list;
mod properties;
mod value;

pub use edits::PropertyEdits;
pub use iter::PropertyIter;
pub use properties::Properties;
pub use value::{Property, PropertyValue};
