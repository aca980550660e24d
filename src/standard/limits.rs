//! The limits that the encoding sets (section 2.2.3 of 3.1.1, 1.5.5 of 5.0).

/// The largest Variable Byte Integer, and so the largest Remaining Length: 268,435,455.
pub const MAX_VARIABLE_BYTE_INTEGER: u32 = 268_435_455;

/// The size of the largest possible packet, fixed header included: 268,435,460 bytes.
pub const MAX_PACKET_SIZE: u32 = MAX_VARIABLE_BYTE_INTEGER + 5;
