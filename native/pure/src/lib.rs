//! The computations of the addon that need neither Node nor C. Invariant: no function here reads
//! outside of its slices or panics on any input; all of it is safe code. What offsets mean and
//! whose memory the slices are is left to the addon.

#![deny(clippy::all)]
#![forbid(unsafe_code)]

pub mod checksum;
pub mod gzip;
pub mod mac;
pub mod range;
pub mod table;
