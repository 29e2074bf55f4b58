//! SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) on whole messages in memory, straight over the
//! block function, which uses the SHA instructions of the processor where it has them, and two MACs
//! in step. Invariant: message blocks are hashed where they lie; only the last one or two are
//! copied for the padding.

use core::hint::black_box;

use sha2::block_api::compress256;
use zeroize::Zeroize;

use crate::compress_two::{BLOCK_BYTES, Block, State, compress_two};

/// Bytes of a SHA-256 digest and of an HMAC-SHA-256.
pub const DIGEST_BYTES: usize = 32;

/// Bytes of the message length at the end of the last block.
const LENGTH_BYTES: usize = 8;

/// FIPS 180-4, 5.3.3.
const INITIAL: State = [
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
    inner: State,
    outer: State,
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
}

/// A message that came with a MAC, and the key that the MAC should be of.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    pub key: &'a MacKey,
    pub message: &'a [u8],
    pub mac: &'a [u8; DIGEST_BYTES],
}

impl Claim<'_> {
    /// Whether the MAC is the HMAC-SHA-256 of the message; takes the same time for every MAC.
    #[inline]
    pub fn is_good(self) -> bool {
        is_equal(&self.key.mac(self.message), self.mac)
    }

    /// `is_good` of two, computed in step; the time depends on the two lengths and nothing else.
    #[inline]
    pub fn are_good(claims: [Self; 2]) -> [bool; 2] {
        let [first, second] = macs_of_two(
            claims.map(|claim| claim.key),
            claims.map(|claim| claim.message),
        );
        [
            is_equal(&first, claims[0].mac),
            is_equal(&second, claims[1].mac),
        ]
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// The most that [`hkdf`] makes of one secret (RFC 5869, 2.3).
pub const HKDF_BYTES_MAX: usize = 255 * DIGEST_BYTES;

/// Fills `target` with HKDF-SHA-256 (RFC 5869); false, and nothing is written, when it is longer
/// than [`HKDF_BYTES_MAX`].
pub fn hkdf(secret: &[u8], salt: &[u8], info: &[u8], target: &mut [u8]) -> bool {
    if target.len() > HKDF_BYTES_MAX {
        return false;
    }
    let mut extracted = MacKey::new(salt).mac(secret);
    let key = MacKey::new(&extracted);
    extracted.zeroize();
    // What is signed for each digest: the digest before it, `info`, and its number from 1.
    let mut message = [&[0; DIGEST_BYTES], info, &[0]].concat();
    for (index, part) in target.chunks_mut(DIGEST_BYTES).enumerate() {
        if let Some(number) = message.last_mut() {
            *number = index as u8 + 1;
        }
        let from = if index == 0 { DIGEST_BYTES } else { 0 };
        let digest = key.mac(&message[from..]);
        message[..DIGEST_BYTES].copy_from_slice(&digest);
        part.copy_from_slice(&digest[..part.len()]);
    }
    message.zeroize();
    true
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

/// HMAC-SHA-256 of two messages, each under its key.
#[inline]
fn macs_of_two(keys: [&MacKey; 2], messages: [&[u8]; 2]) -> [[u8; DIGEST_BYTES]; 2] {
    let [first, second] = finish_two(keys.map(|key| key.inner), BLOCK_BYTES, messages);
    finish_two(keys.map(|key| key.outer), BLOCK_BYTES, [&first, &second])
}

fn padded_state(key: &Block, pad: u8) -> State {
    let mut state = INITIAL;
    let mut block = key.map(|byte| byte ^ pad);
    compress256(&mut state, &[block]);
    block.zeroize();
    state
}

/// Hashes `message` on top of `state`, which `bytes_before` bytes went into already (a multiple of
/// the block size), and finishes.
#[inline]
fn finish(mut state: State, bytes_before: usize, message: &[u8]) -> [u8; DIGEST_BYTES] {
    let (blocks, rest) = message.as_chunks();
    compress256(&mut state, blocks);
    let tail = Tail::new(rest, bytes_before + message.len());
    compress256(&mut state, tail.blocks());
    digest_of(state)
}

/// `finish` of two messages of any lengths, in step as long as both have blocks.
#[inline]
fn finish_two(
    mut states: [State; 2],
    bytes_before: usize,
    messages: [&[u8]; 2],
) -> [[u8; DIGEST_BYTES]; 2] {
    let split = messages.map(|message| message.as_chunks());
    let tails = [0, 1].map(|lane| Tail::new(split[lane].1, bytes_before + messages[lane].len()));
    // Blocks of each message that are still to be hashed: where they lie, and the tail behind them.
    let mut left = [0, 1].map(|lane| [split[lane].0, tails[lane].blocks()]);
    loop {
        for [now, next] in &mut left {
            if now.is_empty() {
                *now = core::mem::take(next);
            }
        }
        let count = left[0][0].len().min(left[1][0].len());
        if count == 0 {
            break;
        }
        compress_two(&mut states, left.map(|[now, _]| &now[..count]));
        for [now, _] in &mut left {
            *now = &now[count..];
        }
    }
    for (state, left) in states.iter_mut().zip(left) {
        for blocks in left {
            compress256(state, blocks);
        }
    }
    states.map(digest_of)
}

/// The end of a message: what is left behind its whole blocks, padded to one block or two.
struct Tail {
    blocks: [Block; 2],
    last: usize,
}

impl Tail {
    /// `rest` is shorter than a block; `bytes` is the length of all that is hashed.
    #[inline]
    fn new(rest: &[u8], bytes: usize) -> Self {
        let mut blocks = [[0_u8; BLOCK_BYTES]; 2];
        blocks[0][..rest.len()].copy_from_slice(rest);
        blocks[0][rest.len()] = 0x80;
        let last = usize::from(rest.len() >= BLOCK_BYTES - LENGTH_BYTES);
        let bits = (bytes as u64) << 3;
        blocks[last][BLOCK_BYTES - LENGTH_BYTES..].copy_from_slice(&bits.to_be_bytes());
        Self { blocks, last }
    }

    #[inline]
    fn blocks(&self) -> &[Block] {
        &self.blocks[..=self.last]
    }
}

#[inline]
fn digest_of(state: State) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::{Claim, INITIAL, MacKey, finish_two, hkdf, macs_of_two, sha256};

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// FIPS 180-4, by the examples that NIST publishes with it.
    const PUBLISHED: [(&[u8], &str); 4] = [
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
        (
            b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
              hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        ),
    ];

    #[test]
    fn sha256_of_published_messages_alone_and_in_all_pairs() {
        for (message, digest) in PUBLISHED {
            assert_eq!(hex(&sha256(message)), digest);
            for (other, other_digest) in PUBLISHED {
                let pair = finish_two([INITIAL; 2], 0, [message, other]);
                assert_eq!(pair.map(|digest| hex(&digest)), [digest, other_digest]);
            }
        }
    }

    #[test]
    fn macs_of_two_messages_at_every_pair_of_lengths() {
        let keys = [MacKey::new(b"first"), MacKey::new(b"second")];
        let text: Vec<u8> = (0..600_u32).map(|i| (i * i % 251) as u8).collect();
        let texts = [&text[..300], &text[300..]];
        let step = if cfg!(miri) { 61 } else { 1 };
        let alone = [0, 1].map(|lane| {
            let messages = (0..=300).step_by(step).map(|length| &texts[lane][..length]);
            let pairs = messages.map(|message| (message, keys[lane].mac(message)));
            pairs.collect::<Vec<_>>()
        });
        for (first, first_mac) in &alone[0] {
            for (second, second_mac) in &alone[1] {
                let macs = macs_of_two([&keys[0], &keys[1]], [first, second]);
                let lengths = (first.len(), second.len());
                assert_eq!(macs, [*first_mac, *second_mac], "{lengths:?}");
            }
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
    fn hkdf_of_rfc_5869_cases_1_to_3() {
        let range = |from: u8, to: u8| (from..=to).collect::<Vec<_>>();
        let cases: [(&[u8], &[u8], &[u8], &str); 3] = [
            (
                &[0x0b; 22],
                &range(0, 0x0c),
                &range(0xf0, 0xf9),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                 34007208d5b887185865",
            ),
            (
                &range(0, 0x4f),
                &range(0x60, 0xaf),
                &range(0xb0, 0xff),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
                 59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
                 cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                &[0x0b; 22],
                &[],
                &[],
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d\
                 9d201395faa4b61a96c8",
            ),
        ];
        for (secret, salt, info, expected) in cases {
            let mut key = vec![0; expected.len() / 2];
            assert!(hkdf(secret, salt, info, &mut key));
            assert_eq!(hex(&key), expected);
        }
    }

    #[test]
    fn hkdf_makes_at_most_255_digests() {
        let mut longest = vec![0; 255 * 32];
        assert!(hkdf(b"secret", b"salt", b"info", &mut longest));
        assert_ne!(longest[254 * 32..], [0; 32]);
        let mut longer = vec![0; 255 * 32 + 1];
        assert!(!hkdf(b"secret", b"salt", b"info", &mut longer));
        assert!(longer.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn every_changed_bit_is_refused_and_harms_no_neighbour() {
        let keys = [MacKey::new(b"key"), MacKey::new(b"other")];
        let messages: [&[u8]; 2] = [b"message", &[7; 130]];
        let macs = [keys[0].mac(messages[0]), keys[1].mac(messages[1])];
        // Alone each, then in step, the second way round as well.
        let answers = |macs: [[u8; 32]; 2]| {
            let [first, second] = [0, 1].map(|lane| Claim {
                key: &keys[lane],
                message: messages[lane],
                mac: &macs[lane],
            });
            let [late, early] = Claim::are_good([second, first]);
            let alone = [first.is_good(), second.is_good()];
            [alone, Claim::are_good([first, second]), [early, late]]
        };
        assert_eq!(answers(macs), [[true, true]; 3]);
        for bit in (0..256).step_by(if cfg!(miri) { 101 } else { 1 }) {
            let changed = macs.map(|mut mac| {
                mac[bit / 8] ^= 1 << (bit % 8);
                mac
            });
            assert_eq!(answers(changed), [[false, false]; 3], "{bit}");
            let first_changed = answers([changed[0], macs[1]]);
            assert_eq!(first_changed, [[false, true]; 3], "{bit}");
            let second_changed = answers([macs[0], changed[1]]);
            assert_eq!(second_changed, [[true, false]; 3], "{bit}");
        }
    }
}
