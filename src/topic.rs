//! Topic names and topic filters (section 4.7, shared subscriptions in section 4.8.2 of 5.0).
mod filter;
mod name;

pub use filter::TopicFilter;
pub use name::TopicName;
