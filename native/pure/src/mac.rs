//! SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) on whole messages in memory, straight over the
//! block function, which uses the SHA instructions of the processor where it has them. Invariant:
//! message blocks are hashed where they lie; only the last one or two are copied for the padding.

use core::hint::black_box;

use sha2::block_api::compress256;
use zeroize::Zeroize;

/// Bytes of a SHA-256 digest and of an HMAC-SHA-256.
pub const DIGEST_BYTES: usize = 32;

const BLOCK_BYTES: usize = 64;

/// Bytes of the message length at the end of the last block.
const LENGTH_BYTES: usize = 8;

/// FIPS 180-4, 5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// An HMAC-SHA-256 key whose first block is hashed already, for both passes. Secret; wiped when
/// it is dropped.
pub struct MacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl MacKey {
    /// Prepares a key of any length.
    pub fn new(key: &[u8]) -> Self {
        let mut block = [0_u8; BLOCK_BYTES];
        if key.len() <= BLOCK_BYTES {
            block[..key.len()].copy_from_slice(key);
        } else {
            block[..DIGEST_BYTES].copy_from_slice(&sha256(key));
        }
        let prepared = Self {
            inner: padded_state(&block, 0x36),
            outer: padded_state(&block, 0x5c),
        };
        block.zeroize();
        prepared
    }

    /// HMAC-SHA-256 of `message`.
    #[inline]
    pub fn mac(&self, message: &[u8]) -> [u8; DIGEST_BYTES] {
        let inner = finish(self.inner, BLOCK_BYTES, message);
        finish(self.outer, BLOCK_BYTES, &inner)
    }

    /// Whether `mac` is the HMAC-SHA-256 of `message`; takes the same time for every `mac`.
    #[inline]
    pub fn verify(&self, message: &[u8], mac: &[u8; DIGEST_BYTES]) -> bool {
        is_equal(&self.mac(message), mac)
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// SHA-256 of `message`.
pub fn sha256(message: &[u8]) -> [u8; DIGEST_BYTES] {
    finish(INITIAL, 0, message)
}

/// Compares in a time that does not depend on where the two differ.
#[inline]
fn is_equal(a: &[u8; DIGEST_BYTES], b: &[u8; DIGEST_BYTES]) -> bool {
    let mut difference = 0;
    for (a, b) in a.iter().zip(b) {
        difference |= a ^ b;
    }
    black_box(difference) == 0
}

fn padded_state(key: &[u8; BLOCK_BYTES], pad: u8) -> [u32; 8] {
    let mut state = INITIAL;
    let mut block = key.map(|byte| byte ^ pad);
    compress256(&mut state, &[block]);
    block.zeroize();
    state
}

/// Hashes `message` on top of `state`, which `bytes_before` bytes went into already (a multiple of
/// the block size), and finishes.
#[inline]
fn finish(mut state: [u32; 8], bytes_before: usize, message: &[u8]) -> [u8; DIGEST_BYTES] {
    let (blocks, rest) = message.as_chunks::<BLOCK_BYTES>();
    compress256(&mut state, blocks);
    let mut tail = [[0_u8; BLOCK_BYTES]; 2];
    tail[0][..rest.len()].copy_from_slice(rest);
    tail[0][rest.len()] = 0x80;
    let last = usize::from(rest.len() >= BLOCK_BYTES - LENGTH_BYTES);
    let bits = (bytes_before as u64 + message.len() as u64) << 3;
    tail[last][BLOCK_BYTES - LENGTH_BYTES..].copy_from_slice(&bits.to_be_bytes());
    compress256(&mut state, &tail[..=last]);
    let mut digest = [0; DIGEST_BYTES];
    for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::{MacKey, sha256};

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn sha256_of_published_messages() {
        let cases: [(&[u8], &str); 3] = [
            (
                b"",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                b"abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ];
        for (message, digest) in cases {
            assert_eq!(hex(&sha256(message)), digest);
        }
    }

    #[test]
    fn padding_at_every_length_equals_the_hasher_of_the_crate() {
        use sha2::{Digest, Sha256};
        let message: Vec<u8> = (0..200_u8).collect();
        for length in 0..message.len() {
            let expected = Sha256::digest(&message[..length]);
            assert_eq!(sha256(&message[..length])[..], expected[..], "{length}");
        }
    }

    #[test]
    fn mac_of_rfc_4231_cases_2_and_6() {
        let key = MacKey::new(b"Jefe");
        let mac = key.mac(b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&mac), expected);
        let key = MacKey::new(&[0xaa; 131]);
        let mac = key.mac(b"Test Using Larger Than Block-Size Key - Hash Key First");
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(hex(&mac), expected);
    }

    #[test]
    fn verify_refuses_every_changed_bit() {
        let key = MacKey::new(b"key");
        let mut mac = key.mac(b"message");
        assert!(key.verify(b"message", &mac));
        for bit in 0..256 {
            mac[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(b"message", &mac), "{bit}");
            mac[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
