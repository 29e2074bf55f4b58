//! zstd frames (RFC 8878) into memory of the caller, with one pair of contexts a thread and
//! dictionaries that are digested once. Invariant: one frame is one message, it states its size,
//! and nothing is decompressed when that is not the size the caller expects.

use std::cell::RefCell;

use mesh_gateway_kernels_pure::table::Table;
use napi_derive::napi;
use zstd_safe::{CCtx, CDict, DCtx, DDict, find_frame_compressed_size, get_frame_content_size};

use crate::{
    bytes::Bytes,
    outcome::{BROKEN, OUT_OF_RANGE, TARGET_FULL},
};

/// `ZSTD_CLEVEL_DEFAULT`, which Node's zlib uses, too.
const LEVEL: i32 = 3;

/// First bytes of a frame; skippable frames begin with others.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// A dictionary digested for both directions.
struct Dictionary {
    compress: CDict<'static>,
    decompress: DDict<'static>,
}

thread_local! {
    static DICTIONARIES: RefCell<Table<Dictionary>> = const { RefCell::new(Table::new()) };
    /// Made at the first use: about 1 MiB at this level, and smaller for short bodies.
    static COMPRESSOR: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
    /// Made at the first use: about 160 KiB.
    static DECOMPRESSOR: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// Digests a dictionary and names it by a number until `releaseZstdDictionary`. Returns `BROKEN`
/// when it has the magic number of a trained dictionary and is not one.
#[napi(js_name = "prepareZstdDictionary", catch_unwind)]
pub fn prepare_dictionary(bytes: Bytes) -> i64 {
    let bytes = bytes.read(0, bytes.length() as i64).unwrap_or_default();
    let (Some(compress), Some(decompress)) =
        (CDict::try_create(bytes, LEVEL), DDict::try_create(bytes))
    else {
        return BROKEN;
    };
    let dictionary = Dictionary {
        compress,
        decompress,
    };
    DICTIONARIES
        .with_borrow_mut(|all| all.insert(dictionary))
        .into()
}

/// Forgets a dictionary; false when there is none under this number.
#[napi(js_name = "releaseZstdDictionary", catch_unwind)]
pub fn release_dictionary(index: u32) -> bool {
    DICTIONARIES
        .with_borrow_mut(|all| all.remove(index))
        .is_some()
}

/// Compresses the `length` bytes at `offset` into one frame of at most `target_length` bytes at
/// `target_offset`, with the dictionary of this number or, below 0, none. Returns the bytes
/// written, `BROKEN` for an unknown dictionary, `TARGET_FULL` or `OUT_OF_RANGE`.
#[napi(js_name = "zstdCompress", catch_unwind)]
pub fn compress(
    dictionary: i32,
    bytes: Bytes,
    offset: i64,
    length: i64,
    mut target: Bytes,
    target_offset: i64,
    target_length: i64,
) -> i64 {
    let Some((plain, frame)) =
        bytes.read_and_write(offset, length, &mut target, target_offset, target_length)
    else {
        return OUT_OF_RANGE;
    };
    COMPRESSOR.with_borrow_mut(|context| {
        with_dictionary(dictionary, |dictionary| {
            let written = match dictionary {
                Some(known) => context.compress_using_cdict(frame, plain, &known.compress),
                None => context.compress(frame, plain, LEVEL),
            };
            // Nothing but a short target can go wrong.
            written.map_or(TARGET_FULL, |written| written as i64)
        })
    })
}

/// Decompresses the one frame in the `length` bytes at `offset` to `target_offset`; it must state,
/// and have, exactly `size` bytes. The dictionary is named as for `zstdCompress`. Returns the
/// bytes written, `BROKEN` or `OUT_OF_RANGE`.
#[napi(js_name = "zstdDecompress", catch_unwind)]
pub fn decompress(
    dictionary: i32,
    bytes: Bytes,
    offset: i64,
    length: i64,
    mut target: Bytes,
    target_offset: i64,
    size: i64,
) -> i64 {
    let Some((frame, plain)) =
        bytes.read_and_write(offset, length, &mut target, target_offset, size)
    else {
        return OUT_OF_RANGE;
    };
    let is_one_frame = frame.starts_with(&MAGIC)
        && find_frame_compressed_size(frame) == Ok(frame.len())
        && matches!(get_frame_content_size(frame), Ok(Some(stated)) if stated == size as u64);
    if !is_one_frame {
        return BROKEN;
    }
    DECOMPRESSOR.with_borrow_mut(|context| {
        with_dictionary(dictionary, |dictionary| {
            let written = match dictionary {
                Some(known) => context.decompress_using_ddict(plain, frame, &known.decompress),
                None => context.decompress(plain, frame),
            };
            if written == Ok(plain.len()) {
                size
            } else {
                BROKEN
            }
        })
    })
}

/// Calls `action` with the dictionary of a number, or none below 0; `BROKEN` for an unknown one.
fn with_dictionary(index: i32, action: impl FnOnce(Option<&Dictionary>) -> i64) -> i64 {
    let Ok(index) = u32::try_from(index) else {
        return action(None);
    };
    DICTIONARIES.with_borrow(|all| all.get(index).map_or(BROKEN, |known| action(Some(known))))
}
