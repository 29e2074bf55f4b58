//! The native kernels of mesh-gateway as a Node addon: session MACs, digests, checksums, gzip and
//! zstd; and what the C library alone can do for the memory of the process. JavaScript talks to it through `native/addon.ts` only. Invariant: every function checks
//! its offsets against the memory it was given and answers a negative number or false for wrong
//! ones; none throws for what a peer sent. State is kept per thread, so workers share nothing.

#![deny(clippy::all)]
#![deny(clippy::undocumented_unsafe_blocks)]
#![deny(unsafe_op_in_unsafe_fn)]

mod bytes;
mod checksums;
mod gunzip;
mod heap;
mod macs;
mod memory;
mod outcome;
mod zstd;

use napi_derive::napi;

/// Number of the interface in `native/addon.ts`. An addon built from other sources has another one
/// and is not used.
const INTERFACE: u32 = 2;

#[napi(js_name = "interfaceNumber")]
pub fn interface_number() -> u32 {
    INTERFACE
}
