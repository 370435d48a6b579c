//! A keyed digest by which a piece of input is known again without being kept.
//!
//! It is NH, the first layer of UMAC (J. Black and others, "UMAC: Fast and Secure Message Authentication", 1999), four times over one Toeplitz key of
//! words of 32 bits. Two pieces of one length that differ have the same digest with a probability of at most 2^-128 over the keys (theorem 2
//! there), whoever chose them, as long as key and digests are told to nobody. It is plain arithmetic: with AVX-512 some twenty bytes a nanosecond,
//! and four without.

use std::hash::{BuildHasher, RandomState};

/// Longest piece, in bytes.
pub(crate) const LONGEST: usize = 4096;
/// Bytes that are read at once, and words of the key for them.
const BLOCK: usize = 64;
const WORDS: usize = BLOCK / 4;
/// Times that NH is taken, and by how many words the key is shifted each time.
const TIMES: usize = 4;
const SHIFT: usize = 2;
/// Words of a key.
const KEY: usize = LONGEST / 4 + SHIFT * (TIMES - 1);
/// Words of a key that are there for a block.
const BLOCK_KEY: usize = WORDS + SHIFT * (TIMES - 1);

/// By what a piece is known again: its length, its context and its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest {
    sums: [u64; TIMES],
    /// The context, and in the lowest bits the length.
    what: u64,
}

impl Digest {
    /// A number with no pattern, of 32 bits.
    #[inline]
    pub(crate) fn place(&self) -> usize {
        let [a, b, ..] = self.sums;
        let all = a ^ b.rotate_left(32) ^ self.what;
        (all.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
    }

    /// A part of it by which most others are told from it.
    #[inline]
    pub(crate) fn tag(&self) -> u32 {
        (self.sums[2] ^ self.what) as u32
    }
}

/// A key, drawn by chance.
#[derive(Debug)]
pub(crate) struct Key(Box<[u32; KEY]>);

impl Default for Key {
    fn default() -> Self {
        let random = RandomState::new();
        let mut words = Box::new([0; KEY]);
        for (index, word) in words.iter_mut().enumerate() {
            *word = random.hash_one(index) as u32;
        }
        Key(words)
    }
}

impl Key {
    /// The digest of the first [`LONGEST`] bytes of a piece. Its context, of at most 48 bits, is compared as it is.
    #[inline]
    pub(crate) fn digest(&self, piece: &[u8], context: u64) -> Digest {
        let piece = &piece[..piece.len().min(LONGEST)];
        Digest {
            sums: sums(&self.0, piece),
            what: context << u16::BITS | piece.len() as u64,
        }
    }
}

/// The four sums of a piece.
#[inline]
fn sums(key: &[u32; KEY], piece: &[u8]) -> [u64; TIMES] {
    #[cfg(target_arch = "x86_64")]
    if super::blocks::are_fast() {
        return x86::sums(key, piece);
    }
    sums_of_words(key, piece)
}

/// The same for any processor.
fn sums_of_words(key: &[u32; KEY], piece: &[u8]) -> [u64; TIMES] {
    let mut sums = [0_u64; TIMES];
    let (pairs, rest) = piece.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let last = (!rest.is_empty()).then_some(&last);
    let keys = key.windows(SHIFT * TIMES).step_by(SHIFT);
    for (pair, key) in pairs.iter().chain(last).zip(keys) {
        let pair = u64::from_le_bytes(*pair);
        for (sum, key) in sums.iter_mut().zip(key.chunks_exact(SHIFT)) {
            let one = (pair as u32).wrapping_add(key[0]);
            let other = ((pair >> 32) as u32).wrapping_add(key[1]);
            *sum = sum.wrapping_add(u64::from(one).wrapping_mul(u64::from(other)));
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "instructions that only some processors have")]
mod x86 {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_mask_add_epi64,
        _mm512_maskz_loadu_epi8, _mm512_mul_epu32, _mm512_reduce_add_epi64, _mm512_setzero_si512,
        _mm512_srli_epi64,
    };

    use super::{BLOCK, BLOCK_KEY, KEY, SHIFT, TIMES, WORDS};

    /// Reads a piece with AVX-512, which the processor has.
    #[inline]
    pub(super) fn sums(key: &[u32; KEY], piece: &[u8]) -> [u64; TIMES] {
        // SAFETY: the caller has asked whether the processor has the instructions.
        unsafe { with_avx512(key, piece) }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn with_avx512(key: &[u32; KEY], piece: &[u8]) -> [u64; TIMES] {
        let mut sums = [_mm512_setzero_si512(); TIMES];
        for (index, block) in piece.chunks(BLOCK).enumerate() {
            let key: &[u32; BLOCK_KEY] = match key[index * WORDS..].first_chunk() {
                Some(key) => key,
                None => break,
            };
            let there = u64::MAX >> (BLOCK - block.len());
            // SAFETY: so many bytes are there, and no others are read.
            let words = unsafe { _mm512_maskz_loadu_epi8(there, block.as_ptr().cast()) };
            // What stands for pairs that are not there would add what depends on the key alone.
            let pairs = (u64::from(u8::MAX) >> (BLOCK.div_ceil(8) - block.len().div_ceil(8))) as u8;
            for (time, sum) in sums.iter_mut().enumerate() {
                // SAFETY: behind the first words of the key there are as many as it is shifted by.
                let key: __m512i =
                    unsafe { _mm512_loadu_si512(key.as_ptr().add(time * SHIFT).cast()) };
                let words = _mm512_add_epi32(words, key);
                let product = _mm512_mul_epu32(words, _mm512_srli_epi64::<32>(words));
                *sum = _mm512_mask_add_epi64(*sum, pairs, *sum, product);
            }
        }
        sums.map(|sum| _mm512_reduce_add_epi64(sum) as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Key, LONGEST, sums, sums_of_words};

    proptest! {
        /// Whatever the processor has, it comes to the same.
        #[test]
        fn sums_are_alike(bytes in proptest::collection::vec(any::<u8>(), 0..LONGEST)) {
            let key = Key::default();
            assert_eq!(sums(&key.0, &bytes), sums_of_words(&key.0, &bytes));
        }

        /// A piece that differs in anything has another digest.
        #[test]
        fn differences_tell(bytes in proptest::collection::vec(any::<u8>(), 1..300), at in any::<usize>(), bit in 0..8_u32) {
            let key = Key::default();
            let digest = key.digest(&bytes, 1);
            assert_eq!(digest, key.digest(&bytes, 1));
            let mut other = bytes.clone();
            other[at % bytes.len()] ^= 1 << bit;
            assert_ne!(digest, key.digest(&other, 1));
            assert_ne!(digest, key.digest(&bytes, 2));
            assert_ne!(digest, key.digest(&[&bytes[..], &[0]].concat(), 1));
            assert_ne!(digest, Key::default().digest(&bytes, 1));
        }
    }
}
