//! Verdicts on keys, remembered: events use the same few keys over and over. Entries are compared byte for byte, so a
//! remembered verdict is always the right one.

use crate::scrub::name::{Kinds, Names, Verdict, Words, may_name_a_pair};

const ENTRIES: usize = 256;
const KEY_BYTES: usize = 22;

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: [u8; KEY_BYTES],
    len: u8,
    kinds: Kinds,
    verdict: Option<Verdict>,
}

/// A small cache in front of [`Names::look_up`]; 10 KiB.
#[derive(Debug)]
pub(super) struct KeyVerdicts {
    entries: Vec<Entry>,
    words: Words,
}

impl KeyVerdicts {
    pub(super) fn new() -> Self {
        KeyVerdicts {
            entries: Vec::new(),
            words: Words::default(),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// The verdict on a decoded key in a place of these kinds.
    pub(super) fn look_up(&mut self, names: &Names, key: &[u8], kinds: Kinds) -> Option<Verdict> {
        if key.len() > KEY_BYTES {
            return names.look_up(key, kinds, &mut self.words);
        }
        if self.entries.is_empty() {
            let empty = Entry {
                key: [0; KEY_BYTES],
                len: u8::MAX,
                kinds: Kinds::NONE,
                verdict: None,
            };
            self.entries.resize(ENTRIES, empty);
        }
        let mixed = key.iter().fold(key.len(), |mix, byte| {
            mix.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        let slot = (mixed ^ mixed >> 8) % ENTRIES;
        let entry = &mut self.entries[slot];
        if usize::from(entry.len) == key.len()
            && entry.kinds == kinds
            && &entry.key[..key.len()] == key
        {
            return entry.verdict;
        }
        let verdict = names.look_up(key, kinds, &mut self.words);
        entry.key[..key.len()].copy_from_slice(key);
        entry.len = key.len() as u8;
        entry.kinds = kinds;
        entry.verdict = verdict;
        verdict
    }

    /// The verdict on a string that stands where a pair's name may stand, as [`Names::look_up_pair_name`] gives it.
    pub(super) fn look_up_pair_name(
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
}
