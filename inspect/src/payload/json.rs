//! JSON (RFC 8259), kept as it is written: its numbers, and keys that stand twice.

use serde::de::IgnoredAny;

/// The text, if it is JSON.
pub(super) fn checked(bytes: &[u8]) -> Result<&str, String> {
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| error.to_string())?;
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

/// For scripts: numbers as far as 64 bits go, characters that are whole (no half of a surrogate pair), the last of equal
/// keys.
pub(super) fn value(bytes: &[u8]) -> Result<serde_json::Value, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}
