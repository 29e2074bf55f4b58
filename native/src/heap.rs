//! Memory that the allocator of the C library keeps although nobody uses it.

use napi_derive::napi;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    /// malloc_trim(3). Thread-safe: it takes the lock of each arena in turn.
    safe fn malloc_trim(pad: usize) -> core::ffi::c_int;
}

/// Gives free memory of all threads back to the system; false when there was none, or when the C
/// library of this platform cannot.
#[napi(js_name = "trimHeap", catch_unwind)]
pub fn trim_heap() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    return malloc_trim(0) != 0;
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}
