//! Keccak-f[1600] in the lanes of AVX2 and AVX-512 registers.
//!
//! All unsafe code of this crate: entering a function that needs CPU features, which an engine's
//! value proves to be there, and loading from slices.
#![allow(unsafe_code, reason = "vector loads take pointers; CPU features are known at run time")]
#![allow(clippy::wildcard_imports, reason = "intrinsics have long names and no others come along")]
#![allow(clippy::cast_possible_truncation, reason = "what is cast is below the bytes of a block")]

use core::arch::x86_64::*;

use super::lanes::{Kernel, RATE, States};

cpufeatures::new!(has_avx2, "avx2");
cpufeatures::new!(has_avx512, "avx512f", "avx512bw", "avx512vl", "avx2", "bmi2");

/// Proves that the CPU and the system know AVX2. Four lanes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Avx2(());

/// Proves that the CPU and the system know AVX-512 F, BW and VL, and BMI2. Eight lanes, or four.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Avx512(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        has_avx2::get().then_some(Self(()))
    }
}

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        has_avx512::get().then_some(Self(()))
    }
}

impl Kernel<4> for Avx2 {
    fn absorb(self, states: &mut States<4>, fresh: u8, rests: &[&[u8]; 4]) {
        // SAFETY: `self` proves that the features are there.
        unsafe { avx2::absorb(states, fresh, rests) }
    }
}

impl Kernel<4> for Avx512 {
    fn absorb(self, states: &mut States<4>, fresh: u8, rests: &[&[u8]; 4]) {
        // SAFETY: `self` proves that the features are there.
        unsafe { avx512_narrow::absorb(states, fresh, rests) }
    }
}

impl Kernel<8> for Avx512 {
    fn absorb(self, states: &mut States<8>, fresh: u8, rests: &[&[u8]; 8]) {
        // SAFETY: `self` proves that the features are there.
        unsafe { avx512::absorb(states, fresh, rests) }
    }
}

/// The round constants (FIPS 202, 3.2.5).
static ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Theta, rho, pi and chi for one row of the result: each of the five lanes of `$a` that come
/// together takes its column's parities and is turned.
macro_rules! row {
    ($a:ident $c:ident $r:ident, $(($i:literal, $bits:literal))*) => {{
        let b = [$(rol::<$bits>(xor3($a[$i], $c[($i + 4) % 5], $r[($i + 1) % 5]))),*];
        [
            chi(b[0], b[1], b[2]),
            chi(b[1], b[2], b[3]),
            chi(b[2], b[3], b[4]),
            chi(b[3], b[4], b[0]),
            chi(b[4], b[0], b[1]),
        ]
    }};
}

/// Writes `permute` for a module that has, under the features named, `xor`, `xor3`, `chi`,
/// `rol` and `splat` of its vector.
macro_rules! permutation {
    ($features:literal, $vector:ty, $turn:literal) => {
        /// Keccak-f[1600] in every lane (FIPS 202, 3.3).
        #[target_feature(enable = $features)]
        #[inline]
        fn permute(mut a: [$vector; 25]) -> [$vector; 25] {
            // Several rounds a turn spare moving all lanes back to where a turn expects them.
            for constants in ROUND_CONSTANTS.as_chunks::<$turn>().0 {
                for constant in constants {
                    a = round(&a, splat(*constant));
                }
            }
            a
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn round(a: &[$vector; 25], constant: $vector) -> [$vector; 25] {
            let parity = |x: usize| xor3(xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
            let c = [parity(0), parity(1), parity(2), parity(3), parity(4)];
            let r = [rol::<1>(c[0]), rol::<1>(c[1]), rol::<1>(c[2]), rol::<1>(c[3]), rol::<1>(c[4])];
            let [e0, e1, e2, e3, e4] = row!(a c r, (0, 0) (6, 44) (12, 43) (18, 21) (24, 14));
            let [e5, e6, e7, e8, e9] = row!(a c r, (3, 28) (9, 20) (10, 3) (16, 45) (22, 61));
            let [e10, e11, e12, e13, e14] = row!(a c r, (1, 1) (7, 6) (13, 25) (19, 8) (20, 18));
            let [e15, e16, e17, e18, e19] = row!(a c r, (4, 27) (5, 36) (11, 10) (17, 15) (23, 56));
            let [e20, e21, e22, e23, e24] = row!(a c r, (2, 62) (8, 55) (14, 39) (15, 41) (21, 2));
            let e0 = xor(e0, constant);
            [
                e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13, e14, e15, e16, e17, e18,
                e19, e20, e21, e22, e23, e24,
            ]
        }
    };
}

mod avx512 {
    use super::*;

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    #[inline]
    fn xor(a: __m512i, b: __m512i) -> __m512i {
        _mm512_xor_si512(a, b)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    #[inline]
    fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        _mm512_ternarylogic_epi64::<0x96>(a, b, c)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    #[inline]
    fn chi(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        _mm512_ternarylogic_epi64::<0xd2>(a, b, c)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    #[inline]
    fn rol<const BITS: i32>(a: __m512i) -> __m512i {
        _mm512_rol_epi64::<BITS>(a)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    #[inline]
    fn splat(word: u64) -> __m512i {
        _mm512_set1_epi64(word.cast_signed())
    }

    permutation!("avx512f,avx512bw,avx512vl,bmi2", __m512i, 1);

    /// See [`Kernel::absorb`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    pub(super) fn absorb(states: &mut States<8>, fresh: u8, rests: &[&[u8]; 8]) {
        let mut a = [_mm512_setzero_si512(); 25];
        for (a, words) in a.iter_mut().zip(&states.0) {
            // SAFETY: eight words are 64 bytes, and `States` is aligned to 64.
            *a = unsafe { _mm512_maskz_load_epi64(!fresh, words.as_ptr().cast()) };
        }
        let blocks = rests.map(|rest| block(rest));
        let first = transposed(blocks.map(|block| block.0));
        let second = transposed(blocks.map(|block| block.1));
        let last = last_words(blocks.map(|block| block.2));
        for (a, words) in a.iter_mut().zip(first.into_iter().chain(second).chain([last])) {
            *a = xor(*a, words);
        }
        let a = permute(a);
        for (a, words) in a.iter().zip(&mut states.0) {
            // SAFETY: eight words are 64 bytes, and `States` is aligned to 64.
            unsafe { _mm512_store_si512(words.as_mut_ptr().cast(), *a) }
        }
    }

    /// Loads the next block of a message, padded if it is the last: words 0 to 7, 8 to 15, 16.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    #[inline]
    fn block(rest: &[u8]) -> (__m512i, __m512i, __m128i) {
        let bytes = rest.len().min(RATE);
        let (begin, pad) = (rest.as_ptr(), PADDING[RATE - bytes..].as_ptr());
        let begins = [
            begin,
            if bytes > 64 { begin.wrapping_add(64) } else { begin },
            if bytes > 128 { begin.wrapping_add(128) } else { begin },
        ];
        let ones = |above: usize| _bzhi_u64(u64::MAX, bytes.saturating_sub(above) as u32);
        // SAFETY: a mask has ones for bytes of the message only, and what is masked out is not
        // loaded. `PADDING` holds 144 bytes beyond each of its first 137.
        unsafe {
            (
                _mm512_xor_si512(
                    _mm512_maskz_loadu_epi8(ones(0), begins[0].cast()),
                    _mm512_loadu_si512(pad.cast()),
                ),
                _mm512_xor_si512(
                    _mm512_maskz_loadu_epi8(ones(64), begins[1].cast()),
                    _mm512_loadu_si512(pad.add(64).cast()),
                ),
                _mm_xor_si128(
                    _mm_maskz_loadu_epi8(ones(128) as u16, begins[2].cast()),
                    _mm_xor_si128(
                        _mm_loadl_epi64(pad.add(128).cast()),
                        _mm_cvtsi64_si128(if bytes < RATE { i64::MIN } else { 0 }),
                    ),
                ),
            )
        }
    }

    /// Turns eight lanes of eight words into eight words of eight lanes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    #[inline]
    fn transposed(l: [__m512i; 8]) -> [__m512i; 8] {
        let p = [
            _mm512_unpacklo_epi64(l[0], l[1]),
            _mm512_unpackhi_epi64(l[0], l[1]),
            _mm512_unpacklo_epi64(l[2], l[3]),
            _mm512_unpackhi_epi64(l[2], l[3]),
            _mm512_unpacklo_epi64(l[4], l[5]),
            _mm512_unpackhi_epi64(l[4], l[5]),
            _mm512_unpacklo_epi64(l[6], l[7]),
            _mm512_unpackhi_epi64(l[6], l[7]),
        ];
        // Of pairs of words: 0 and 4, 2 and 6, of the lower and upper four lanes.
        let even = |a, b| _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b);
        let odd = |a, b| _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b);
        let (w04, w26) = ([even(p[0], p[2]), even(p[4], p[6])], [odd(p[0], p[2]), odd(p[4], p[6])]);
        let (w15, w37) = ([even(p[1], p[3]), even(p[5], p[7])], [odd(p[1], p[3]), odd(p[5], p[7])]);
        [
            even(w04[0], w04[1]),
            even(w15[0], w15[1]),
            even(w26[0], w26[1]),
            even(w37[0], w37[1]),
            odd(w04[0], w04[1]),
            odd(w15[0], w15[1]),
            odd(w26[0], w26[1]),
            odd(w37[0], w37[1]),
        ]
    }

    /// Joins the lower word of each lane.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
    #[inline]
    fn last_words(l: [__m128i; 8]) -> __m512i {
        let four = |a, b, c, d| {
            let (ab, cd) = (_mm_unpacklo_epi64(a, b), _mm_unpacklo_epi64(c, d));
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(ab), cd)
        };
        let (low, high) = (four(l[0], l[1], l[2], l[3]), four(l[4], l[5], l[6], l[7]));
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
    }

    /// A one behind [`RATE`] zeros: seen from `RATE - n` on, it pads a block of n bytes.
    static PADDING: [u8; 2 * RATE + 8] = {
        let mut bytes = [0; 2 * RATE + 8];
        bytes[RATE] = 1;
        bytes
    };
}

/// Lanes of a 256-bit register with AVX-512's rotation and three-operand logic.
mod avx512_narrow {
    use super::*;

    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    #[inline]
    fn xor(a: __m256i, b: __m256i) -> __m256i {
        _mm256_xor_si256(a, b)
    }

    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    #[inline]
    fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        _mm256_ternarylogic_epi64::<0x96>(a, b, c)
    }

    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    #[inline]
    fn chi(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        _mm256_ternarylogic_epi64::<0xd2>(a, b, c)
    }

    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    #[inline]
    fn rol<const BITS: i32>(a: __m256i) -> __m256i {
        _mm256_rol_epi64::<BITS>(a)
    }

    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    #[inline]
    fn splat(word: u64) -> __m256i {
        _mm256_set1_epi64x(word.cast_signed())
    }

    permutation!("avx512f,avx512vl,avx2", __m256i, 1);

    /// See [`Kernel::absorb`].
    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    pub(super) fn absorb(states: &mut States<4>, fresh: u8, rests: &[&[u8]; 4]) {
        avx2::store(states, permute(avx2::absorbed(states, fresh, rests)));
    }
}

mod avx2 {
    use super::*;

    #[target_feature(enable = "avx2")]
    #[inline]
    fn xor(a: __m256i, b: __m256i) -> __m256i {
        _mm256_xor_si256(a, b)
    }

    /// In this order, because b and c are those of a whole column.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        _mm256_xor_si256(a, _mm256_xor_si256(b, c))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn chi(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        _mm256_xor_si256(a, _mm256_andnot_si256(b, c))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn rol<const BITS: i32>(a: __m256i) -> __m256i {
        // Whole bytes move in one instruction.
        if BITS == 8 || BITS == 56 {
            let from = |i: i64| {
                let mut bytes = [0; 8];
                for (to, byte) in bytes.iter_mut().enumerate() {
                    *byte = ((to as i64 + 8 - BITS as i64 / 8) % 8 + i) as u8;
                }
                i64::from_le_bytes(bytes)
            };
            let order = _mm256_setr_epi64x(from(0), from(8), from(0), from(8));
            return _mm256_shuffle_epi8(a, order);
        }
        let (left, right) = (i64::from(BITS), i64::from(64 - BITS));
        _mm256_or_si256(
            _mm256_sll_epi64(a, _mm_cvtsi64_si128(left)),
            _mm256_srl_epi64(a, _mm_cvtsi64_si128(right)),
        )
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn splat(word: u64) -> __m256i {
        _mm256_set1_epi64x(word.cast_signed())
    }

    permutation!("avx2", __m256i, 1);

    /// See [`Kernel::absorb`].
    #[target_feature(enable = "avx2")]
    pub(super) fn absorb(states: &mut States<4>, fresh: u8, rests: &[&[u8]; 4]) {
        store(states, permute(absorbed(states, fresh, rests)));
    }

    /// Returns the states, those of fresh lanes zero, with a block of each rest absorbed.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn absorbed(states: &States<4>, fresh: u8, rests: &[&[u8]; 4]) -> [__m256i; 25] {
        let mut padded = [const { Padded([0; RATE]) }; 4];
        let mut blocks = [&[0; RATE]; 4];
        for ((block, padded), rest) in blocks.iter_mut().zip(&mut padded).zip(rests) {
            *block = rest.first_chunk().unwrap_or_else(|| {
                let Padded(padded) = padded;
                padded[..rest.len()].copy_from_slice(rest);
                padded[rest.len()] = 1;
                padded[RATE - 1] |= 0x80;
                padded
            });
        }
        let keep = core::array::from_fn(|lane| if fresh & (1 << lane) == 0 { -1 } else { 0 });
        let [keep0, keep1, keep2, keep3] = keep;
        let keep = _mm256_setr_epi64x(keep0, keep1, keep2, keep3);
        let mut a = [_mm256_setzero_si256(); 25];
        for (a, words) in a.iter_mut().zip(&states.0) {
            // SAFETY: four words are 32 bytes, and `States` is aligned to 64.
            *a = _mm256_and_si256(keep, unsafe { _mm256_load_si256(words.as_ptr().cast()) });
        }
        for at in [0, 4, 8, 12] {
            // SAFETY: each block is `RATE` bytes, 136, and the last load begins at 96.
            let load = |lane: usize| unsafe {
                _mm256_loadu_si256(blocks[lane].as_ptr().add(8 * at).cast())
            };
            let words = transposed([load(0), load(1), load(2), load(3)]);
            for (a, words) in a[at..].iter_mut().zip(words) {
                *a = xor(*a, words);
            }
        }
        let last = |lane: usize| {
            let bytes = blocks[lane].last_chunk().copied().unwrap_or_default();
            i64::from_le_bytes(bytes)
        };
        a[16] = xor(a[16], _mm256_setr_epi64x(last(0), last(1), last(2), last(3)));
        a
    }

    /// A last block. Aligned, and with it the stack, so that no load, nor what the compiler keeps
    /// on the stack, lies in two cache lines.
    #[repr(align(64))]
    #[derive(Clone, Copy)]
    struct Padded([u8; RATE]);

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn store(states: &mut States<4>, a: [__m256i; 25]) {
        for (a, words) in a.iter().zip(&mut states.0) {
            // SAFETY: four words are 32 bytes, and `States` is aligned to 64.
            unsafe { _mm256_store_si256(words.as_mut_ptr().cast(), *a) }
        }
    }

    /// Turns four lanes of four words into four words of four lanes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn transposed(l: [__m256i; 4]) -> [__m256i; 4] {
        let (w02_01, w02_23) =
            (_mm256_unpacklo_epi64(l[0], l[1]), _mm256_unpacklo_epi64(l[2], l[3]));
        let (w13_01, w13_23) =
            (_mm256_unpackhi_epi64(l[0], l[1]), _mm256_unpackhi_epi64(l[2], l[3]));
        [
            _mm256_permute2x128_si256::<0x20>(w02_01, w02_23),
            _mm256_permute2x128_si256::<0x20>(w13_01, w13_23),
            _mm256_permute2x128_si256::<0x31>(w02_01, w02_23),
            _mm256_permute2x128_si256::<0x31>(w13_01, w13_23),
        ]
    }
}
