//! The computations of the addon that need neither Node nor C. Invariant: no function here reads
//! outside of its slices or panics on any input; all of it is safe code, but for the one call of
//! `compress_two` that instructions of the processor need. What offsets mean and whose memory the
//! slices are is left to the addon.

#![deny(clippy::all)]
#![deny(clippy::undocumented_unsafe_blocks)]
#![deny(unsafe_code)]

pub mod checksum;
mod compress_two;
pub mod gzip;
pub mod mac;
pub mod range;
pub mod table;
