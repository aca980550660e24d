//! The outputs: a timeline, packets byte by byte, a summary, JSON.

pub(crate) mod explain;
pub(crate) mod flows;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod paint;
pub(crate) mod stats;
pub(crate) mod summary;
pub(crate) mod timeline;
