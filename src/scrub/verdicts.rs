//! Verdicts on names, remembered: telemetry uses the same few names over and over. Entries are compared byte for byte, so a
//! remembered verdict is always the right one.

use super::literals::Signals;
use super::name::{Kinds, Names, Verdict, Words, last_part, may_name_a_pair, reads_as_name};
use super::plan::Plan;

/// Longest name that is remembered, in bytes.
pub(crate) const REMEMBERED: usize = 32;
/// What of four words is a name of so many bytes.
static MASKS: [[u64; 4]; REMEMBERED + 1] = {
    let mut masks = [[0; 4]; REMEMBERED + 1];
    let mut len = 1;
    while len <= REMEMBERED {
        masks[len] = masks[len - 1];
        masks[len][(len - 1) / 8] |= 0xFF << ((len - 1) % 8 * 8);
        len += 1;
    }
    masks
};
/// An odd number with no pattern in its bits.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// All of a name of at most [`REMEMBERED`] bytes, in words with zeros behind it, so that two are compared at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed {
    words: [u64; 4],
    len: u8,
}

impl PartialEq for Packed {
    /// Word by word: as an array they would be read back wider than they have just been written, which processors wait for.
    #[inline]
    fn eq(&self, other: &Packed) -> bool {
        let [a, b, c, d] = self.words;
        let [e, f, g, h] = other.words;
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0 && self.len == other.len
    }
}

impl Packed {
    /// No name.
    pub(crate) const NONE: Packed = Packed {
        words: [0; 4],
        len: u8::MAX,
    };

    /// A name, unless it is too long.
    #[inline]
    pub(crate) fn new(name: &[u8]) -> Option<Packed> {
        let len = name.len();
        if len > REMEMBERED {
            return None;
        }
        let mut words = [0; 4];
        let (eights, rest) = name.as_chunks::<8>();
        for (word, eight) in words.iter_mut().zip(eights) {
            *word = u64::from_le_bytes(*eight);
        }
        if let Some(word) = words.get_mut(eights.len()) {
            *word = match (
                name.last_chunk::<8>(),
                rest.first_chunk(),
                rest.last_chunk(),
            ) {
                _ if rest.is_empty() => 0,
                // The last eight bytes, less those of them that are in the word before.
                (Some(last), ..) => u64::from_le_bytes(*last) >> (8 * (8 - rest.len())),
                (None, Some(first), Some(last)) => {
                    let half = |four: &[u8; 4]| u64::from(u32::from_le_bytes(*four));
                    half(first) | half(last) << (8 * (rest.len() - 4))
                }
                _ => {
                    let bytes = rest.iter().rev();
                    bytes.fold(0, |word, byte| word << 8 | u64::from(*byte))
                }
            };
        }
        Some(Packed {
            words,
            len: len as u8,
        })
    }

    /// The same of the first bytes of many: no step of it depends on how many they are.
    #[inline]
    pub(crate) fn of_first(bytes: &[u8; REMEMBERED], len: usize) -> Option<Packed> {
        let masks = MASKS.get(len)?;
        let (eights, _) = bytes.as_chunks::<8>();
        let mut words = [0; 4];
        for ((word, eight), mask) in words.iter_mut().zip(eights).zip(masks) {
            *word = u64::from_le_bytes(*eight) & mask;
        }
        Some(Packed {
            words,
            len: len as u8,
        })
    }

    /// Its place in a table of so many, which is a power of two.
    #[inline]
    pub(crate) fn place(&self, places: usize) -> usize {
        let [first, second, third, last] = self.words;
        let middle = second.rotate_left(17) ^ third.rotate_left(43);
        let all = first ^ middle ^ last.rotate_left(29) ^ u64::from(self.len);
        (all.wrapping_mul(MIX) >> 32) as usize & (places - 1)
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Packed,
    kinds: Kinds,
    verdict: Option<Verdict>,
}

/// A cache of so many entries, a power of two, in front of [`Names::look_up`]; some 48 bytes each.
#[derive(Debug)]
pub(crate) struct Verdicts<const ENTRIES: usize> {
    entries: Vec<Entry>,
    pub(crate) words: Words,
}

impl<const ENTRIES: usize> Verdicts<ENTRIES> {
    pub(crate) fn new() -> Self {
        Verdicts {
            entries: Vec::new(),
            words: Words::default(),
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// The verdict on a decoded name in a place of these kinds, for most names after a quick look only.
    pub(crate) fn glance(&mut self, plan: &Plan, name: &[u8], kinds: Kinds) -> Option<Verdict> {
        self.remembered(name, kinds, |words| {
            let encoded = memchr::memchr(b'%', name).is_some();
            if !encoded && !plan.literals.look(name, Signals::NAME).has(Signals::NAME) {
                return None;
            }
            plan.names.look_up(name, kinds, words)
        })
    }

    /// The verdict on a decoded name in a place of these kinds.
    pub(crate) fn look_up(&mut self, names: &Names, name: &[u8], kinds: Kinds) -> Option<Verdict> {
        self.remembered(name, kinds, |words| names.look_up(name, kinds, words))
    }

    /// The verdict on a name in a place of these kinds, asked for if it is not known.
    fn remembered(
        &mut self,
        name: &[u8],
        kinds: Kinds,
        ask: impl FnOnce(&mut Words) -> Option<Verdict>,
    ) -> Option<Verdict> {
        let Some(packed) = Packed::new(name) else {
            return ask(&mut self.words);
        };
        if self.entries.is_empty() {
            let empty = Entry {
                name: Packed::NONE,
                kinds: Kinds::NONE,
                verdict: None,
            };
            self.entries.resize(ENTRIES, empty);
        }
        let entry = &mut self.entries[packed.place(ENTRIES)];
        if entry.name != packed || entry.kinds != kinds {
            *entry = Entry {
                name: packed,
                kinds,
                verdict: ask(&mut self.words),
            };
        }
        entry.verdict
    }

    /// The verdict on a key at a place that the operator lets through. Rare, and not remembered.
    pub(crate) fn look_up_fixed(
        &mut self,
        names: &Names,
        key: &[u8],
        kinds: Kinds,
    ) -> Option<Verdict> {
        names.look_up_fixed(key, kinds, &mut self.words)
    }

    /// The verdict on a string that stands where a pair's name may stand, as [`Names::look_up_pair_name`] gives it.
    pub(crate) fn look_up_pair_name(
        &mut self,
        names: &Names,
        name: &[u8],
        kinds: Kinds,
    ) -> Option<Verdict> {
        if !may_name_a_pair(name) {
            return None;
        }
        let verdict = self.look_up(names, name, kinds)?;
        names.is_one_name(name, &mut self.words).then_some(verdict)
    }

    /// The verdict on the name of a key/value object, which may be longer than what is looked at: its last part tells.
    pub(crate) fn look_up_member_name(
        &mut self,
        names: &Names,
        name: &[u8],
        kinds: Kinds,
    ) -> Option<Verdict> {
        if !reads_as_name(name) {
            return None;
        }
        self.look_up(names, last_part(name), kinds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::{Packed, REMEMBERED};

    proptest! {
        /// A name is the same by itself and at the beginning of more; another is another.
        #[test]
        fn names_are_packed_one_way(bytes in prop::array::uniform32(any::<u8>()), len in 0..=REMEMBERED, flip in 0..REMEMBERED) {
            let name = Packed::new(&bytes[..len]);
            assert!(name.is_some() && name == Packed::of_first(&bytes, len));
            let mut other = bytes;
            other[flip] ^= 1;
            assert_eq!(name == Packed::of_first(&other, len), flip >= len);
            assert!(len == REMEMBERED || name != Packed::of_first(&bytes, len + 1));
        }
    }
}
