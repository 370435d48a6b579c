//! One pass over blocks of 64 bytes: where strings end, where signs stand that tell something by themselves, and where a literal of a rule may. It can only say that there
//! is nothing. By the way, where the brackets of JSON stand.
//!
//! A literal is told by the three bytes of it that are hashed in [`Literals`], and the one behind them. There each is one of 32 classes, and
//! four tables of 32 by 32 bits say which may stand beside which:
//!
//! ```text
//!   ... " s k _ l i v e _ ...
//!         0 1 2 3               next(0, 1)  next(1, 2)  over(0, 2)  behind(2, 3)
//! ```
//!
//! What letters are common beside each other is so in most words, and a good part of text is let through by that. Two hashes of the same
//! three bytes let through a third each, whatever is common. Literals of two bytes are told by these as they are written, capitals and all.
//!
//! Such a table has 128 bytes, which is what two registers of AVX-512 hold: one instruction looks up 64 bytes in it. Where that is
//! not to be had, the same is done byte by byte. This file and `digest` have the only unsafe code of the core.
//!
//! [`Literals`]: super::literals::Literals

use std::ops::ControlFlow;

use super::otherwise::Otherwise;

/// Bytes in a block.
pub(crate) const BLOCK: usize = 64;
/// Most blocks that are read at once, and how many are where something has been passed over before.
const BATCH: usize = 32;
const FEW: usize = 4;
/// Blocks of a text that are read at once, where it is looked at by itself.
const AT_ONCE: usize = 8;
/// Bytes behind a block that are looked at.
const BEHIND: usize = 3;
/// Classes of bytes.
const CLASSES: u8 = 32;

/// A table of 7 bits.
type Table = [u8; 128];

/// The class of each ASCII character. Case does not matter, nor does the highest bit.
static CLASS: Table = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            letter @ (b'a'..=b'z' | b'A'..=b'Z') => (letter | 0x20) - b'a',
            b'0'..=b'9' => 26,
            b'_' => 27,
            b'-' => 28,
            b':' | b'/' | b'=' | b'@' => 29,
            b' ' | b'.' | b'(' => 30,
            _ => 31,
        };
        byte += 1;
    }
    table
};

/// Bytes that can't be passed over in a string.
const fn stops(byte: u8) -> bool {
    byte < 0x20 || byte >= 0x80 || byte == b'"' || byte == b'\\'
}

/// The last of the classes that are letters and digits.
const LAST_ALPHANUMERIC: u8 = 26;
/// No byte up to this one stands behind the dash of a flag.
const NO_FLAG: u8 = b'#';

/// Which class may stand beside which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Beside(Table);

impl Beside {
    const fn none() -> Beside {
        Beside([0; 128])
    }

    fn allow(&mut self, a: u8, b: u8) {
        self.0[usize::from(a * 4 + b / 8)] |= 1 << (b % 8);
    }

    #[inline]
    fn may(&self, a: u8, b: u8) -> bool {
        self.0[usize::from(a * 4 + b / 8)] >> (b % 8) & 1 == 1
    }
}

/// Numbers of 7 bits with no pattern in them for the characters at each of three places, twice. Case does not matter.
static MIXED: [[Table; 3]; 2] = {
    let mut tables = [[[0; 128]; 3]; 2];
    let mut state: u32 = 0x2545_F491;
    let mut at = 0;
    while at < 6 * 128 {
        // Xorshift (G. Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        tables[at / 384][at / 128 % 3][at % 128] = (state >> 16) as u8 & 0x7F;
        at += 1;
    }
    let mut at = 0;
    while at < 6 * 26 {
        let table = &mut tables[at / 78][at / 26 % 3];
        table[b'A' as usize + at % 26] = table[b'a' as usize + at % 26];
        at += 1;
    }
    tables
};

/// The two hashes of three bytes, of 7 bits each.
fn mixed(three: [u8; 3]) -> [u8; 2] {
    let hash = |tables: &[Table; 3]| {
        let parts = tables.iter().zip(three);
        parts.fold(0, |all, (table, byte)| {
            all ^ table[usize::from(byte & 0x7F)]
        })
    };
    [hash(&MIXED[0]), hash(&MIXED[1])]
}

/// Which bytes may be those of a literal.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    first: Beside,
    second: Beside,
    over: Beside,
    behind: Beside,
    /// For each of the hashes, one bit of the byte at it: that which the other's lowest bits say.
    hashed: [Table; 2],
    /// The groups that a byte begins two of, and those that it ends.
    begins: Table,
    ends: Table,
    /// How many bytes begin two.
    groups: u32,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            first: Beside::none(),
            second: Beside::none(),
            over: Beside::none(),
            behind: Beside::none(),
            hashed: [[0; 128]; 2],
            begins: [0; 128],
            ends: [0; 128],
            groups: 0,
        }
    }
}

fn class(byte: u8) -> u8 {
    CLASS[usize::from(byte & 0x7F)]
}

impl Filter {
    /// Adds three bytes, in any case, and those that may stand behind them.
    pub(crate) fn allow(&mut self, three: [u8; 3], behind: impl Iterator<Item = u8>) {
        let [x, y] = mixed(three);
        self.hashed[0][usize::from(x)] |= 1 << (y % 8);
        self.hashed[1][usize::from(y)] |= 1 << (x % 8);
        let [a, b, c] = three.map(class);
        self.first.allow(a, b);
        self.second.allow(b, c);
        self.over.allow(a, c);
        for byte in behind {
            self.behind.allow(c, class(byte));
        }
    }

    /// Adds three bytes, in any case, that anything may stand behind.
    pub(crate) fn allow_before_all(&mut self, three: [u8; 3]) {
        self.allow(three, [].into_iter());
        for behind in 0..CLASSES {
            self.behind.allow(class(three[2]), behind);
        }
    }

    /// Adds two bytes, as they are written, that anything may stand behind.
    pub(crate) fn allow_two(&mut self, [a, b]: [u8; 2]) {
        let [a, b] = [a, b].map(|byte| usize::from(byte & 0x7F));
        if self.begins[a] == 0 {
            self.begins[a] = 1 << (self.groups % u8::BITS);
            self.groups += 1;
        }
        self.ends[b] |= self.begins[a];
    }

    #[inline]
    fn may_be(&self, [a, b, c, d]: [u8; 4]) -> bool {
        let at = |byte: u8| usize::from(byte & 0x7F);
        let two = self.begins[at(a)] & self.ends[at(b)] != 0;
        let [x, y] = mixed([a, b, c]);
        let hashed = self.hashed[0][usize::from(x)] >> (y % 8) & 1 == 1
            && self.hashed[1][usize::from(y)] >> (x % 8) & 1 == 1;
        let [a, b, c, d] = [a, b, c, d].map(class);
        let beside = self.first.may(a, b)
            && self.second.may(b, c)
            && self.over.may(a, c)
            && self.behind.may(c, d);
        two || (hashed && beside)
    }
}

/// What a block has, a bit for each byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Masks {
    /// Bytes that can't be passed over in a string.
    stop: u64,
    /// Signs that tell something by themselves: something may be encoded, or a flag may begin.
    sign: u64,
    /// A literal may stand around here.
    literal: u64,
}

/// How many bytes can be passed over in a string, and what is among them; one word, which is what a register holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run(u64);

impl Run {
    const SIGNS: u64 = 1;
    const LITERALS: u64 = 2;
    /// It does not end near.
    const ENDLESS: Run = Run(u64::MAX);

    #[inline]
    pub(crate) fn length(self) -> usize {
        (self.0 >> 2) as usize
    }

    #[inline]
    fn new(length: usize, signs: u64, literals: u64) -> Run {
        let signs = u64::from(signs != 0) * Self::SIGNS;
        let literals = u64::from(literals != 0) * Self::LITERALS;
        Run((length as u64) << 2 | signs | literals)
    }

    /// One that has not been read for literals.
    #[inline]
    pub(crate) fn unread(length: usize) -> Run {
        Run((length as u64) << 2 | Self::LITERALS)
    }

    /// Whether there is a sign among them that tells something by itself.
    #[inline]
    pub(crate) fn has_signs(self) -> bool {
        self.0 & Self::SIGNS != 0
    }

    /// Whether there may be a literal among them, or a sign that tells something by itself.
    #[inline]
    pub(crate) fn has_something(self) -> bool {
        self.0 & (Self::SIGNS | Self::LITERALS) != 0
    }
}

/// The blocks of the chunk in hand that have been read.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// The first block.
    first: usize,
    /// How many there are.
    count: usize,
    /// How many are read next at most.
    ahead: usize,
    masks: Vec<Masks>,
}

impl Blocks {
    pub(crate) fn new() -> Blocks {
        Blocks {
            first: 0,
            count: 0,
            ahead: FEW,
            masks: Vec::new(),
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.masks.capacity() * size_of::<Masks>()
    }

    /// Another chunk is in hand.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    /// The run of bytes from an index on that can be passed over in a string, with something behind it, and if that is near.
    #[inline]
    pub(crate) fn run(&mut self, bytes: &[u8], from: usize, filter: &Filter) -> Option<Run> {
        // Most end in the block in which they begin.
        let index = (from / BLOCK).wrapping_sub(self.first);
        if let Some(masks) = self.masks[..self.count].get(index) {
            let rest = u64::MAX << (from % BLOCK);
            let stop = masks.stop & rest;
            if stop != 0 {
                let inside = stop.wrapping_sub(1) & !stop & rest;
                let length = stop.trailing_zeros() as usize - from % BLOCK;
                return Some(Run::new(
                    length,
                    masks.sign & inside,
                    masks.literal & inside,
                ));
            }
        }
        let run = self.run_on(bytes, from, filter);
        (run != Run::ENDLESS).then_some(run)
    }

    #[inline(never)]
    fn run_on(&mut self, bytes: &[u8], from: usize, filter: &Filter) -> Run {
        let first = from / BLOCK;
        let mut rest = u64::MAX << (from % BLOCK);
        let (mut signs, mut literals) = (0, 0);
        for block in first..first + BATCH / 2 {
            if !self.has(bytes, block, filter) {
                break;
            }
            let Masks {
                stop,
                sign,
                literal,
            } = self.masks[(block - self.first) % BATCH];
            let stop = stop & rest;
            // The bits below the lowest that is set; all of them, if none is.
            let inside = (stop.wrapping_sub(1) & !stop) & rest;
            signs |= sign & inside;
            literals |= literal & inside;
            if stop != 0 {
                let length = block * BLOCK + stop.trailing_zeros() as usize - from;
                return Run::new(length, signs, literals);
            }
            rest = u64::MAX;
        }
        Run::ENDLESS
    }

    /// Where in a range of bytes, which has been read as a run just now, a literal may stand around.
    #[inline]
    pub(crate) fn literals(&self, from: usize, to: usize) -> Places<'_> {
        let mut places = Places {
            blocks: self,
            block: from / BLOCK,
            to,
            bits: 0,
        };
        places.bits = places.of_block() & u64::MAX << (from % BLOCK);
        places
    }

    /// Whether there is a block. Then it has been read.
    #[inline]
    fn has(&mut self, bytes: &[u8], block: usize, filter: &Filter) -> bool {
        if block.wrapping_sub(self.first) >= self.count {
            if block * BLOCK >= bytes.len() {
                return false;
            }
            self.read(bytes, block, filter);
        }
        true
    }

    /// Reads blocks from one on. One before it is kept, in which a string may have begun.
    #[cold]
    #[inline(never)]
    fn read(&mut self, bytes: &[u8], block: usize, filter: &Filter) {
        self.masks.resize(BATCH, Masks::default());
        let goes_on = block > 0 && block == self.first + self.count;
        let kept = if goes_on {
            self.count.min(BATCH / 2)
        } else {
            0
        };
        self.ahead = if goes_on { 2 * self.ahead } else { FEW }.min(BATCH);
        self.masks.copy_within(self.count - kept..self.count, 0);
        self.first = block - kept;
        let rest = &bytes[block * BLOCK..];
        let whole = rest.len().saturating_sub(BEHIND) / BLOCK;
        let most = kept + self.ahead.min(BATCH - kept);
        let count = whole.min(most - kept);
        read_blocks(
            &rest[..(count * BLOCK + BEHIND).min(rest.len())],
            &mut self.masks[kept..kept + count],
            filter,
        );
        self.count = kept + count;
        if self.count < most && count == whole {
            // The last one, as if zeros stood behind it.
            let rest = &rest[count * BLOCK..];
            for part in [0, BLOCK] {
                let Some(rest) = rest.get(part..).filter(|rest| !rest.is_empty()) else {
                    break;
                };
                if self.count == most {
                    break;
                }
                let mut padded = [0; BLOCK + BEHIND];
                let length = rest.len().min(padded.len());
                padded[..length].copy_from_slice(&rest[..length]);
                read_blocks(&padded, &mut self.masks[self.count..=self.count], filter);
                self.count += 1;
            }
        }
    }
}

/// Where in a range of bytes a literal may stand around.
pub(crate) struct Places<'a> {
    blocks: &'a Blocks,
    /// The block that is looked at, and what is left of it.
    block: usize,
    bits: u64,
    to: usize,
}

impl Places<'_> {
    fn of_block(&self) -> u64 {
        let Blocks { masks, count, .. } = self.blocks;
        let index = self.block.wrapping_sub(self.blocks.first);
        let masks = masks[..*count].get(index);
        masks.map_or(u64::MAX, |masks| masks.literal)
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            self.block += 1;
            if self.block * BLOCK >= self.to {
                return None;
            }
            self.bits = self.of_block();
        }
        let place = self.block * BLOCK + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        (place < self.to).then_some(place)
    }
}

/// Where in a block what the structure of JSON is made of stands, a bit for each byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Structure {
    pub(crate) quotes: u64,
    pub(crate) backslashes: u64,
    pub(crate) opens: u64,
    pub(crate) closes: u64,
}

/// By what `[` and `]` differ from `{` and `}`.
const CURLY: u8 = 0x20;

impl Structure {
    #[inline]
    pub(crate) fn of(block: &[u8; BLOCK]) -> Structure {
        #[cfg(target_arch = "x86_64")]
        return match are_fast() {
            true => x86::structure_at_once(block),
            false => x86::structure(block),
        };
        #[cfg(not(target_arch = "x86_64"))]
        Structure::bytewise(block)
    }

    /// The same for any processor.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    fn bytewise(block: &[u8; BLOCK]) -> Structure {
        let mut all = Structure::default();
        for (at, byte) in block.iter().enumerate() {
            all.quotes |= u64::from(*byte == b'"') << at;
            all.backslashes |= u64::from(*byte == b'\\') << at;
            all.opens |= u64::from(byte | CURLY == b'{') << at;
            all.closes |= u64::from(byte | CURLY == b'}') << at;
        }
        all
    }
}

/// Whether the processor reads blocks at once, so that it is worth while.
#[inline]
pub(crate) fn are_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512bw")
            && !Otherwise::Bytewise.is_asked()
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Where in a text a literal may stand around, in order, as long as whoever is told goes on.
#[inline]
pub(crate) fn find(text: &[u8], filter: &Filter, mut tell: impl FnMut(usize) -> ControlFlow<()>) {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let mut masks = [Masks::default(); AT_ONCE];
        let count = (rest.len().saturating_sub(BEHIND) / BLOCK).min(AT_ONCE);
        if count > 0 {
            read_blocks(&rest[..count * BLOCK + BEHIND], &mut masks[..count], filter);
        } else {
            // As if zeros stood behind it.
            let mut padded = [0; BLOCK + BEHIND];
            let length = rest.len().min(padded.len());
            padded[..length].copy_from_slice(&rest[..length]);
            read_blocks(&padded, &mut masks[..1], filter);
        }
        for masks in &masks[..count.max(1)] {
            let mut bits = masks.literal;
            while bits != 0 {
                let place = at + bits.trailing_zeros() as usize;
                if place >= text.len() || tell(place).is_break() {
                    return;
                }
                bits &= bits - 1;
            }
            at += BLOCK;
        }
    }
}

/// Reads whole blocks, with what stands behind the last of them.
fn read_blocks(bytes: &[u8], masks: &mut [Masks], filter: &Filter) {
    debug_assert!(bytes.len() >= masks.len() * BLOCK + BEHIND || masks.is_empty());
    #[cfg(target_arch = "x86_64")]
    if are_fast() {
        return x86::read_blocks(bytes, masks, filter);
    }
    read_bytes(bytes, masks, filter);
}

/// The same for any processor: what the others are compared with.
fn read_bytes(bytes: &[u8], masks: &mut [Masks], filter: &Filter) {
    // Of what goes before, nothing is known.
    let mut in_word = false;
    for (masks, block) in masks
        .iter_mut()
        .zip(bytes.windows(BLOCK + BEHIND).step_by(BLOCK))
    {
        *masks = Masks::default();
        for (at, four) in block.windows(BEHIND + 1).enumerate() {
            let byte = four[0];
            masks.stop |= u64::from(stops(byte)) << at;
            let flag = byte == b'-' && four[1] > NO_FLAG && !in_word;
            masks.sign |= u64::from(flag || matches!(byte, b'%' | b'&')) << at;
            in_word = byte == b'-' || byte.is_ascii_alphanumeric();
            let four = [four[0], four[1], four[2], four[3]];
            masks.literal |= u64::from(filter.may_be(four)) << at;
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "instructions that only some processors have")]
mod x86 {
    use std::arch::x86_64::{
        __m512i, _mm512_and_si512, _mm512_cmpeq_epi8_mask, _mm512_cmpgt_epu8_mask,
        _mm512_cmple_epu8_mask, _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_movepi8_mask,
        _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_set1_epi8, _mm512_set4_epi32,
        _mm512_shuffle_epi8, _mm512_slli_epi16, _mm512_srli_epi16, _mm512_test_epi8_mask,
        _mm512_xor_si512,
    };
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };

    use super::{
        BEHIND, BLOCK, CLASS, CURLY, Filter, LAST_ALPHANUMERIC, MIXED, Masks, NO_FLAG, Structure,
        Table,
    };

    /// Reads a block with AVX-512, which the processor has.
    #[inline]
    pub(super) fn structure_at_once(block: &[u8; BLOCK]) -> Structure {
        // SAFETY: the caller has asked whether the processor has the instructions.
        unsafe { structure_with_avx512(block) }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn structure_with_avx512(block: &[u8; BLOCK]) -> Structure {
        // SAFETY: a block has 64 bytes.
        let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        let curly = _mm512_or_si512(bytes, _mm512_set1_epi8(CURLY as i8));
        Structure {
            quotes: _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'"' as i8)),
            backslashes: _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'\\' as i8)),
            opens: _mm512_cmpeq_epi8_mask(curly, _mm512_set1_epi8(b'{' as i8)),
            closes: _mm512_cmpeq_epi8_mask(curly, _mm512_set1_epi8(b'}' as i8)),
        }
    }

    /// Reads a block with SSE2, which each of these processors has.
    #[inline]
    pub(super) fn structure(block: &[u8; BLOCK]) -> Structure {
        // SAFETY: as above, and a block has four times 16 bytes.
        unsafe {
            let mut all = Structure::default();
            for part in (0..BLOCK).step_by(16) {
                let bytes = _mm_loadu_si128(block.as_ptr().add(part).cast());
                let curly = _mm_or_si128(bytes, _mm_set1_epi8(CURLY as i8));
                let bits = |bytes, byte: u8| {
                    let same = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
                    u64::from(_mm_movemask_epi8(same) as u16) << part
                };
                all.quotes |= bits(bytes, b'"');
                all.backslashes |= bits(bytes, b'\\');
                all.opens |= bits(curly, b'{');
                all.closes |= bits(curly, b'}');
            }
            all
        }
    }

    /// Reads blocks with AVX-512, which the processor has.
    pub(super) fn read_blocks(bytes: &[u8], masks: &mut [Masks], filter: &Filter) {
        assert!(
            masks.is_empty() || bytes.len() >= masks.len() * BLOCK + BEHIND,
            "blocks are whole"
        );
        // SAFETY: the caller has asked whether the processor has the instructions, and so many bytes are there.
        unsafe { with_avx512(bytes, masks, filter) }
    }

    /// A table in two registers.
    #[derive(Clone, Copy)]
    struct Wide(__m512i, __m512i);

    impl Wide {
        #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
        fn new(table: &Table) -> Wide {
            let at = table.as_ptr();
            // SAFETY: a table has 128 bytes.
            unsafe {
                Wide(
                    _mm512_loadu_si512(at.cast()),
                    _mm512_loadu_si512(at.add(64).cast()),
                )
            }
        }

        #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
        fn look_up(self, index: __m512i) -> __m512i {
            _mm512_permutex2var_epi8(self.0, index, self.1)
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    unsafe fn with_avx512(bytes: &[u8], masks: &mut [Masks], filter: &Filter) {
        let class = Wide::new(&CLASS);
        let first = Wide::new(&filter.first.0);
        let second = Wide::new(&filter.second.0);
        let over = Wide::new(&filter.over.0);
        let behind = Wide::new(&filter.behind.0);
        let begins = Wide::new(&filter.begins);
        let ends = Wide::new(&filter.ends);
        let mixed = [
            [
                Wide::new(&MIXED[0][0]),
                Wide::new(&MIXED[0][1]),
                Wide::new(&MIXED[0][2]),
            ],
            [
                Wide::new(&MIXED[1][0]),
                Wide::new(&MIXED[1][1]),
                Wide::new(&MIXED[1][2]),
            ],
        ];
        let hashed = [Wide::new(&filter.hashed[0]), Wide::new(&filter.hashed[1])];
        let quote = _mm512_set1_epi8(b'"' as i8);
        let backslash = _mm512_set1_epi8(b'\\' as i8);
        let space = _mm512_set1_epi8(0x20);
        let low = _mm512_set1_epi8(3);
        let lowest = _mm512_set1_epi8(7);
        let of = |byte: u8| _mm512_set1_epi8(byte as i8);
        let (percent, ampersand, dash) = (of(b'%'), of(b'&'), of(b'-'));
        let (no_flag, alphanumeric) = (of(NO_FLAG), of(LAST_ALPHANUMERIC));
        // Whether the byte before a block is one of a word; of what goes before all, nothing is known.
        let mut in_word = 0;
        // The bit of each class in a byte of a table.
        let bits = {
            let half = i32::from_le_bytes([1, 2, 4, 8]);
            let other = i32::from_le_bytes([16, 32, 64, 128]);
            _mm512_set4_epi32(other, half, other, half)
        };
        for (block, masks) in masks.iter_mut().enumerate() {
            let at = bytes[block * BLOCK..block * BLOCK + BLOCK + BEHIND].as_ptr();
            // SAFETY: so many bytes are there, and as many behind them as are looked at.
            let [a, b, c, d] = unsafe {
                [
                    _mm512_loadu_si512(at.cast()),
                    _mm512_loadu_si512(at.add(1).cast()),
                    _mm512_loadu_si512(at.add(2).cast()),
                    _mm512_loadu_si512(at.add(3).cast()),
                ]
            };
            masks.stop = _mm512_cmpeq_epi8_mask(a, quote)
                | _mm512_cmpeq_epi8_mask(a, backslash)
                | _mm512_cmplt_epu8_mask(a, space)
                | _mm512_movepi8_mask(a);
            let encoded = _mm512_cmpeq_epi8_mask(a, percent) | _mm512_cmpeq_epi8_mask(a, ampersand);
            let dashes = _mm512_cmpeq_epi8_mask(a, dash);
            let flags = dashes & _mm512_cmpgt_epu8_mask(b, no_flag);
            let two = _mm512_test_epi8_mask(begins.look_up(a), ends.look_up(b));
            let hash = |[x, y, z]: [Wide; 3]| {
                let two = _mm512_xor_si512(x.look_up(a), y.look_up(b));
                _mm512_xor_si512(two, z.look_up(c))
            };
            let [x, y] = [hash(mixed[0]), hash(mixed[1])];
            let [a, b, c, d] = [
                class.look_up(a),
                class.look_up(b),
                class.look_up(c),
                class.look_up(d),
            ];
            let word = _mm512_cmple_epu8_mask(a, alphanumeric) & !masks.stop | dashes;
            masks.sign = encoded | (flags & !(word << 1 | in_word));
            in_word = word >> (BLOCK - 1);
            let row = |a: __m512i| _mm512_slli_epi16::<2>(a);
            let column = |b: __m512i| _mm512_and_si512(_mm512_srli_epi16::<3>(b), low);
            let bit = |b: __m512i| _mm512_shuffle_epi8(bits, b);
            let (to_b, to_c, to_d) = (column(b), column(c), column(d));
            let (bit_b, bit_c, bit_d) = (bit(b), bit(c), bit(d));
            let (of_a, of_b, of_c) = (row(a), row(b), row(c));
            let of = |hash: __m512i| bit(_mm512_and_si512(hash, lowest));
            let hashed = _mm512_test_epi8_mask(hashed[0].look_up(x), of(y))
                & _mm512_test_epi8_mask(hashed[1].look_up(y), of(x));
            let beside = _mm512_test_epi8_mask(first.look_up(_mm512_or_si512(of_a, to_b)), bit_b)
                & _mm512_test_epi8_mask(second.look_up(_mm512_or_si512(of_b, to_c)), bit_c)
                & _mm512_test_epi8_mask(over.look_up(_mm512_or_si512(of_a, to_c)), bit_c)
                & _mm512_test_epi8_mask(behind.look_up(_mm512_or_si512(of_c, to_d)), bit_d);
            masks.literal = two | (hashed & beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{BEHIND, BLOCK, Filter, Masks, Structure, read_blocks, read_bytes};
    use crate::scrub::otherwise::bytewise;

    fn filter() -> Filter {
        let mut filter = Filter::default();
        for word in [b"toke", b"sk_l", b"pass", b"key:", b"eyJh"] {
            filter.allow([word[0], word[1], word[2]], [word[3]].into_iter());
        }
        filter.allow_before_all(*b"sid");
        filter.allow_two(*b"s.");
        filter.allow_two(*b"ok");
        filter
    }

    proptest! {
        #[test]
        fn structure_is_read_alike(bytes in proptest::collection::vec(any::<u8>(), BLOCK), words in "[a\"\\\\{}\\[\\]]{64}") {
            for bytes in [bytes.as_slice(), words.as_bytes()] {
                let block = bytes.first_chunk().expect("a block");
                assert_eq!(Structure::of(block), Structure::bytewise(block));
                assert_eq!(bytewise(|| Structure::of(block)), Structure::bytewise(block));
            }
        }

        /// Whatever the processor has, it finds the same.
        #[test]
        fn blocks_are_read_alike(bytes in proptest::collection::vec(any::<u8>(), BLOCK + BEHIND..5 * BLOCK), words in "[toke ns_kl:\"\\\\=]{67,200}") {
            for bytes in [bytes.as_slice(), words.as_bytes()] {
                let count = (bytes.len() - BEHIND) / BLOCK;
                let mut fast = vec![Masks::default(); count];
                let mut slow = fast.clone();
                read_blocks(bytes, &mut fast, &filter());
                read_bytes(bytes, &mut slow, &filter());
                assert_eq!(fast, slow);
            }
        }
    }
}
