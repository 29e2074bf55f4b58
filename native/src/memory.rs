//! Memory that JavaScript named once and then speaks of by a number. Invariant: shared memory stays
//! where it is as long as it is referenced, so its address is kept; other memory can be detached
//! at any time, so it is located anew for every call.

use std::{cell::RefCell, ptr};

use mesh_gateway_kernels_pure::table::Table;
use napi::{
    Env, Error, Result, Status,
    bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue},
    check_status, sys,
};
use napi_derive::napi;

use crate::bytes::{Bytes, locate};

/// One bound memory. There is no `Drop`: when a thread ends, Node has released its references.
struct Memory {
    env: sys::napi_env,
    reference: sys::napi_ref,
    /// Start and length in bytes; `None`: not shared, ask for it each time.
    fixed: Option<(*mut u8, usize)>,
}

thread_local! {
    static MEMORIES: RefCell<Table<Memory>> = const { RefCell::new(Table::new()) };
}

/// A `Uint8Array` argument as the value that it is, to be referenced.
pub struct Array {
    env: sys::napi_env,
    value: sys::napi_value,
    bytes: Bytes,
}

impl TypeName for Array {
    fn type_name() -> &'static str {
        Bytes::type_name()
    }

    fn value_type() -> napi::ValueType {
        Bytes::value_type()
    }
}

impl ValidateNapiValue for Array {}

impl FromNapiValue for Array {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: napi-rs passes the environment and an argument of the running call.
        let bytes = unsafe { Bytes::from_napi_value(env, value) }?;
        Ok(Self { env, value, bytes })
    }
}

impl Array {
    /// Whether the bytes are in a SharedArrayBuffer.
    fn is_shared(&self) -> Result<bool> {
        let mut buffer = ptr::null_mut();
        let mut is_plain = true;
        // SAFETY: `env` and `value` are those of the running call, as `self` is an argument of it;
        // null is passed for what is not asked.
        check_status!(unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.value,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                &mut buffer,
                ptr::null_mut(),
            )
        })?;
        // SAFETY: as above; `buffer` is a value of the running call.
        check_status!(unsafe { sys::napi_is_arraybuffer(self.env, buffer, &mut is_plain) })?;
        Ok(!is_plain)
    }
}

/// Keeps `array` alive and names it by a number until `unbindMemory`.
#[napi(js_name = "bindMemory", catch_unwind)]
pub fn bind_memory(array: Array) -> Result<u32> {
    let fixed = array
        .is_shared()?
        .then(|| (array.bytes.start(), array.bytes.length()));
    let mut reference = ptr::null_mut();
    // SAFETY: `env` and `value` are those of the running call.
    check_status!(unsafe {
        sys::napi_create_reference(array.env, array.value, 1, &mut reference)
    })?;
    let memory = Memory {
        env: array.env,
        reference,
        fixed,
    };
    Ok(MEMORIES.with_borrow_mut(|memories| memories.insert(memory)))
}

/// Forgets what `bindMemory` named; false when there is nothing under this number.
#[napi(js_name = "unbindMemory", catch_unwind)]
pub fn unbind_memory(env: Env, index: u32) -> Result<bool> {
    let Some(memory) = MEMORIES.with_borrow_mut(|memories| memories.remove(index)) else {
        return Ok(false);
    };
    if memory.env != env.raw() {
        return Err(Error::new(
            Status::InvalidArg,
            "bound in another environment",
        ));
    }
    // SAFETY: the reference was made in this environment and is deleted once: it left the table.
    check_status!(unsafe { sys::napi_delete_reference(memory.env, memory.reference) })?;
    Ok(true)
}

/// Calls `action` with the bytes of bound memories, by number. The bytes of a number that is not
/// bound are empty.
pub fn with_memories<R>(env: &Env, action: impl FnOnce(&dyn Fn(u32) -> Bytes) -> R) -> R {
    MEMORIES.with_borrow(|memories| {
        action(&|index| {
            memories
                .get(index)
                .and_then(|memory| memory.bytes(env))
                // SAFETY: of no bytes none is read or written.
                .unwrap_or_else(|| unsafe { Bytes::new(ptr::null_mut(), 0) })
        })
    })
}

impl Memory {
    fn bytes(&self, env: &Env) -> Option<Bytes> {
        if self.env != env.raw() {
            return None;
        }
        if let Some((start, length)) = self.fixed {
            // SAFETY: shared memory is neither moved nor shrunk (ECMAScript, 25.2), and the
            // reference keeps it.
            return Some(unsafe { Bytes::new(start, length) });
        }
        let mut value = ptr::null_mut();
        // SAFETY: the reference belongs to `env`, which is the environment of the running call.
        let status = unsafe { sys::napi_get_reference_value(self.env, self.reference, &mut value) };
        if status != sys::Status::napi_ok || value.is_null() {
            return None;
        }
        // SAFETY: `value` is a handle of the running call.
        unsafe { locate(self.env, value) }
    }
}
