//! The properties of a packet (section 2.2.2 of 5.0).

mod block;
#[cfg(feature = "alloc")]
mod buf;
mod edits;
pub mod fields;
mod iter;
mod properties;
mod repeated;
mod value;

#[cfg(feature = "alloc")]
pub use buf::PropertiesBuf;
pub use edits::PropertyEdits;
pub use iter::PropertyIter;
pub use properties::Properties;
pub use repeated::Repeated;
pub use value::{Property, PropertyValue};
