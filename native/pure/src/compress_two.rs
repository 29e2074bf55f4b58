//! The block function of SHA-256 (FIPS 180-4, 6.2) on two messages in step. On x86-64 with SHA
//! instructions each two rounds of a message wait for the two before them; those of another message
//! fill the gap. Everywhere else the messages go one after the other through the block function of
//! `sha2`. Invariant: which way they went cannot be seen in the result.
//!
//! ```text
//!   one message    |rounds 0,1|...|rounds 2,3|...|rounds 4,5|...
//!   two            |rounds 0,1|rounds 0,1|rounds 2,3|rounds 2,3|rounds 4,5|...
//! ```
//!
//! PERF: `node native/bench.ts`, the batches; decision 6 has what more than two would bring.

use sha2::block_api::compress256;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 64;

/// One block of a message.
pub type Block = [u8; BLOCK_BYTES];

/// The hash of the blocks so far.
pub type State = [u32; 8];

/// Hashes blocks of two messages, of each as many as the shorter slice has, on top of their states.
#[inline]
pub fn compress_two(states: &mut [State; 2], blocks: [&[Block]; 2]) {
    let count = blocks[0].len().min(blocks[1].len());
    let blocks = blocks.map(|blocks| &blocks[..count]);
    #[cfg(target_arch = "x86_64")]
    if x86::is_usable() {
        #[expect(
            unsafe_code,
            reason = "which instructions there are is known at run time only"
        )]
        // SAFETY: the processor has every feature that `x86::compress_two` is compiled for:
        // `is_usable` asked it for the same list.
        unsafe {
            x86::compress_two(states, blocks);
        }
        return;
    }
    for (state, blocks) in states.iter_mut().zip(blocks) {
        compress256(state, blocks);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_cvtsi128_si64, _mm_extract_epi64,
        _mm_set_epi32, _mm_set_epi64x, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
        _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
    };

    use super::{Block, State};

    /// Constants of the rounds, four rounds a row. FIPS 180-4, 4.2.2.
    const K: [[u32; 4]; 16] = [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
        [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
        [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
        [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
        [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
        [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
        [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
        [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
        [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ];

    /// One of the two messages: its state in the order of the round instruction, first the words a,
    /// b, e, f and then c, d, g, h (from the high end), and the last 16 words of its schedule.
    #[derive(Clone, Copy)]
    struct Lane {
        state: [__m128i; 2],
        schedule: [__m128i; 4],
    }

    /// Whether the processor has what this module needs; asked once and remembered by `std`. Miri
    /// has no processor: it says no unless the features are switched on for the whole build.
    #[inline]
    pub fn is_usable() -> bool {
        is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1")
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    pub fn compress_two(states: &mut [State; 2], [first, second]: [&[Block]; 2]) {
        let mut ordered = states.map(|state| from_words(&state));
        for (first, second) in first.iter().zip(second) {
            let mut lanes = [Lane::new(ordered[0], first), Lane::new(ordered[1], second)];
            sixteen_rounds::<0>(&mut lanes);
            sixteen_rounds::<1>(&mut lanes);
            sixteen_rounds::<2>(&mut lanes);
            sixteen_rounds::<3>(&mut lanes);
            for (ordered, lane) in ordered.iter_mut().zip(lanes) {
                ordered[0] = _mm_add_epi32(ordered[0], lane.state[0]);
                ordered[1] = _mm_add_epi32(ordered[1], lane.state[1]);
            }
        }
        *states = ordered.map(|state| to_words(state));
    }

    /// Rounds `16 * QUARTER` and the 15 after it, of both lanes.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn sixteen_rounds<const QUARTER: usize>(lanes: &mut [Lane; 2]) {
        for four in 0..4 {
            let [k0, k1, k2, k3] = K[4 * QUARTER + four].map(u32::cast_signed);
            let constants = _mm_set_epi32(k3, k2, k1, k0);
            let inputs = [0, 1].map(|lane| {
                let lane = &mut lanes[lane];
                if QUARTER > 0 {
                    lane.extend_schedule(four);
                }
                _mm_add_epi32(lane.schedule[four], constants)
            });
            for (lane, input) in lanes.iter_mut().zip(inputs) {
                let [abef, cdgh] = lane.state;
                lane.state[1] = _mm_sha256rnds2_epu32(cdgh, abef, input);
            }
            for (lane, input) in lanes.iter_mut().zip(inputs) {
                let [abef, cdgh] = lane.state;
                let high = _mm_shuffle_epi32::<0b1110>(input);
                lane.state[0] = _mm_sha256rnds2_epu32(abef, cdgh, high);
            }
        }
    }

    impl Lane {
        #[inline]
        #[target_feature(enable = "sha,ssse3,sse4.1")]
        fn new(state: [__m128i; 2], block: &Block) -> Self {
            // Words of a message are big-endian.
            let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
            let (halves, _) = block.as_chunks::<8>();
            let schedule = [0, 2, 4, 6].map(|at| {
                let [low, high] = [halves[at], halves[at + 1]].map(i64::from_le_bytes);
                _mm_shuffle_epi8(_mm_set_epi64x(high, low), order)
            });
            Self { state, schedule }
        }

        /// Replaces words `4 * four` and the 3 after it by those that come 16 later.
        #[inline]
        #[target_feature(enable = "sha,ssse3,sse4.1")]
        fn extend_schedule(&mut self, four: usize) {
            let [w0, w4, w8, w12] = [0, 1, 2, 3].map(|ahead| self.schedule[(four + ahead) % 4]);
            let w9 = _mm_alignr_epi8::<4>(w12, w8);
            let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), w9);
            self.schedule[four] = _mm_sha256msg2_epu32(sum, w12);
        }
    }

    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn from_words(words: &State) -> [__m128i; 2] {
        let [a, b, c, d, e, f, g, h] = words.map(u32::cast_signed);
        [_mm_set_epi32(a, b, e, f), _mm_set_epi32(c, d, g, h)]
    }

    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn to_words(state: [__m128i; 2]) -> State {
        let halves = state.map(|half| {
            let low = _mm_cvtsi128_si64(half).cast_unsigned();
            let high = _mm_extract_epi64::<1>(half).cast_unsigned();
            [high >> 32, high, low >> 32, low].map(|word| word as u32)
        });
        let [[a, b, e, f], [c, d, g, h]] = halves;
        [a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use sha2::block_api::compress256;

    use super::{BLOCK_BYTES, Block, State, compress_two};

    /// Words that follow from `seed`.
    fn noise(seed: u32) -> impl Iterator<Item = u32> {
        (1..).map(move |i: u32| {
            let mixed = (seed ^ i).wrapping_mul(0x9e37_79b1);
            mixed ^ (mixed >> 15)
        })
    }

    fn state_of(seed: u32) -> State {
        let mut words = noise(seed);
        [(); 8].map(|()| words.next().unwrap())
    }

    fn blocks_of(seed: u32, count: usize) -> Vec<Block> {
        let bytes: Vec<u8> = noise(!seed)
            .take(count * BLOCK_BYTES)
            .map(|word| (word >> 24) as u8)
            .collect();
        bytes.as_chunks().0.to_vec()
    }

    #[test]
    fn two_states_become_what_each_becomes_alone() {
        for seed in 0..if cfg!(miri) { 4 } else { 2000 } {
            // Up to more than a session has.
            let count = seed as usize % 17;
            let blocks = [seed * 2, seed * 2 + 1].map(|seed| blocks_of(seed, count));
            let before = [seed * 3, seed * 3 + 1].map(state_of);
            let mut expected = before;
            for (state, blocks) in expected.iter_mut().zip(&blocks) {
                compress256(state, blocks);
            }
            let mut states = before;
            compress_two(&mut states, [&blocks[0], &blocks[1]]);
            assert_eq!(states, expected, "{seed}");
        }
    }

    #[test]
    fn blocks_beyond_the_shorter_message_are_left() {
        let blocks = [blocks_of(5, 3), blocks_of(6, 1)];
        let mut expected = [5, 6].map(state_of);
        let mut states = expected;
        compress256(&mut expected[0], &blocks[0][..1]);
        compress256(&mut expected[1], &blocks[1]);
        compress_two(&mut states, [&blocks[0], &blocks[1]]);
        assert_eq!(states, expected);
        compress_two(&mut states, [&blocks[0], &[]]);
        assert_eq!(states, expected);
    }
}
