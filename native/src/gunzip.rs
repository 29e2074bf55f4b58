//! gzip files into memory of the caller, with one inflater a thread.

use std::cell::RefCell;

use mesh_gateway_kernels_pure::gzip::{Gunzip, GunzipProblem};
use napi_derive::napi;

use crate::{
    bytes::Bytes,
    outcome::{BROKEN, OUT_OF_RANGE, TARGET_FULL},
};

thread_local! {
    /// Made at the first use: about 40 KiB.
    static GUNZIP: RefCell<Gunzip> = RefCell::new(Gunzip::new());
}

/// Inflates the gzip file in the `length` bytes at `offset` into at most `target_length` bytes at
/// `target_offset`. Returns the bytes written, `BROKEN`, `TARGET_FULL` or `OUT_OF_RANGE`.
#[napi(catch_unwind)]
pub fn gunzip(
    bytes: Bytes,
    offset: i64,
    length: i64,
    mut target: Bytes,
    target_offset: i64,
    target_length: i64,
) -> i64 {
    let Some((file, plain)) =
        bytes.read_and_write(offset, length, &mut target, target_offset, target_length)
    else {
        return OUT_OF_RANGE;
    };
    match GUNZIP.with_borrow_mut(|gunzip| gunzip.inflate(file, plain)) {
        Ok(written) => written as i64,
        Err(GunzipProblem::Broken) => BROKEN,
        Err(GunzipProblem::TargetFull) => TARGET_FULL,
    }
}
