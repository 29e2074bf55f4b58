//! CRC-32 (as zlib, gzip and Bolt use it) and xxHash of 32 bits.

/// CRC-32 with the reflected polynomial 0xEDB88320.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// XXH32. Source: xxHash specification 0.1.1.
pub fn xxh32(bytes: &[u8], seed: u32) -> u32 {
    xxhash_rust::xxh32::xxh32(bytes, seed)
}

#[cfg(test)]
mod tests {
    use super::{crc32, xxh32};

    #[test]
    fn check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(xxh32(b"", 0), 0x02cc_5d05);
        assert_eq!(xxh32(b"abc", 0), 0x32d1_53ff);
        assert_eq!(xxh32(b"", 2_654_435_761), 0x36b7_8ae7);
    }
}
