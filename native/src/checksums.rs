//! Checksums of a part of a Buffer: 0..2^32-1, or `OUT_OF_RANGE`.

use mesh_gateway_kernels_pure::checksum;
use napi_derive::napi;

use crate::{bytes::Bytes, outcome::OUT_OF_RANGE};

#[napi(catch_unwind)]
pub fn crc32(bytes: Bytes, offset: i64, length: i64) -> i64 {
    let range = bytes.read(offset, length);
    range.map_or(OUT_OF_RANGE, |range| checksum::crc32(range).into())
}

#[napi(catch_unwind)]
pub fn xxh32(bytes: Bytes, offset: i64, length: i64, seed: u32) -> i64 {
    let range = bytes.read(offset, length);
    range.map_or(OUT_OF_RANGE, |range| checksum::xxh32(range, seed).into())
}
