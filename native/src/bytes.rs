//! A Buffer argument: where its bytes are during one call. Invariant: it is made anew for every
//! call and never kept, so that memory which was detached in between is seen as empty.

use std::{ops::Range, ptr, slice};

use mesh_gateway_kernels_pure::range::checked;
use napi::{
    Error, Result, Status,
    bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue},
    sys,
};

/// The bytes of a `Uint8Array` (and so of a Buffer), over an ArrayBuffer or a SharedArrayBuffer.
///
/// Shared memory may change under a reader at any time. The contract of the kernels forbids that:
/// who calls one owns the slot until it returns.
pub struct Bytes {
    start: *mut u8,
    length: usize,
}

impl Bytes {
    /// # Safety
    ///
    /// `start` must be valid for reads and writes of `length` bytes as long as the result lives.
    pub(crate) const unsafe fn new(start: *mut u8, length: usize) -> Self {
        Self { start, length }
    }

    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    pub(crate) const fn start(&self) -> *mut u8 {
        self.start
    }

    /// The `length` bytes at `offset`; `None` when they are not all inside.
    #[inline]
    pub fn read(&self, offset: i64, length: i64) -> Option<&[u8]> {
        let range = checked(self.length, offset, length)?;
        if range.is_empty() {
            return Some(&[]);
        }
        // SAFETY: `checked` keeps the range inside of the `length` bytes that `start` is valid for,
        // and an empty memory, whose `start` may be null, has no range that is not empty. V8 keeps
        // the memory until the call returns: the call holds the value and runs no JavaScript. By
        // the contract of the kernels nobody writes to these bytes meanwhile.
        Some(unsafe { slice::from_raw_parts(self.start.add(range.start), range.len()) })
    }

    /// All bytes.
    pub fn read_all(&self) -> &[u8] {
        self.read(0, self.length as i64).unwrap_or_default()
    }

    /// The 32 bytes, or another fixed number, at `offset`.
    #[inline]
    pub fn read_array<const N: usize>(&self, offset: i64) -> Option<&[u8; N]> {
        self.read(offset, N as i64)?.first_chunk()
    }

    /// Copies `source` to `offset`; false when it does not fit.
    pub fn write(&self, offset: i64, source: &[u8]) -> bool {
        let Some(range) = checked(self.length, offset, source.len() as i64) else {
            return false;
        };
        if !range.is_empty() {
            // SAFETY: as in `read` for the target; callers pass a source in the addon's own memory
            // only, so the two do not overlap.
            unsafe {
                ptr::copy_nonoverlapping(
                    source.as_ptr(),
                    self.start.add(range.start),
                    source.len(),
                );
            }
        }
        true
    }

    /// Input and target of one transformation, which may lie in the same memory but not overlap.
    pub fn read_and_write<'a>(
        &'a self,
        offset: i64,
        length: i64,
        target: &'a mut Bytes,
        target_offset: i64,
        target_length: i64,
    ) -> Option<(&'a [u8], &'a mut [u8])> {
        let input = self.read(offset, length)?;
        let range = checked(target.length, target_offset, target_length)?;
        if range.is_empty() {
            return Some((input, &mut []));
        }
        let output = target.start.wrapping_add(range.start);
        if is_overlapping(
            addresses(input.as_ptr(), input.len()),
            addresses(output, range.len()),
        ) {
            return None;
        }
        // SAFETY: inside of the memory as in `read`; it was just checked that no other slice of
        // this call covers these bytes, and `target` is borrowed for as long as the slice lives.
        Some((input, unsafe {
            slice::from_raw_parts_mut(output, range.len())
        }))
    }
}

fn addresses(start: *const u8, length: usize) -> Range<usize> {
    let start = start.addr();
    start..start + length
}

fn is_overlapping(a: Range<usize>, b: Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Asks Node where the bytes of a `Uint8Array` are; `None` for every other value.
///
/// # Safety
///
/// `env` and `value` must be those of the running call.
pub(crate) unsafe fn locate(env: sys::napi_env, value: sys::napi_value) -> Option<Bytes> {
    let mut kind = 0;
    let mut length = 0;
    let mut start = ptr::null_mut();
    // SAFETY: the caller vouches for `env` and `value`; the other pointers are to locals, or null
    // for what is not asked. The call fails for values that are no typed arrays.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            &mut kind,
            &mut length,
            &mut start,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    let is_bytes = status == sys::Status::napi_ok && kind == sys::TypedarrayType::uint8_array;
    // SAFETY: Node tells the length of the memory at `start`; a detached one has length 0.
    is_bytes.then(|| unsafe { Bytes::new(start.cast(), if start.is_null() { 0 } else { length }) })
}

impl TypeName for Bytes {
    fn type_name() -> &'static str {
        "Uint8Array"
    }

    fn value_type() -> napi::ValueType {
        napi::ValueType::Object
    }
}

impl ValidateNapiValue for Bytes {}

impl FromNapiValue for Bytes {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: napi-rs passes the environment and an argument of the running call.
        unsafe { locate(env, value) }
            .ok_or_else(|| Error::new(Status::InvalidArg, "expected a Buffer or Uint8Array"))
    }
}
