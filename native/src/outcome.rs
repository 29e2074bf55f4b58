//! The numbers by which calls that write bytes tell JavaScript how they went: the count of bytes
//! written, or one of these.

/// The input is not what it has to be.
pub const BROKEN: i64 = -1;

/// The result does not fit into the target.
pub const TARGET_FULL: i64 = -2;

/// Offsets are outside of the memory, or input and target overlap.
pub const OUT_OF_RANGE: i64 = -3;
