//! What a glance at a key has shown, remembered: events use the same few keys over and over. Keys are compared byte for byte.

use crate::scrub::text::Glance;
use crate::scrub::verdicts::Packed;

const ENTRIES: usize = 256;

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: Packed,
    glance: Glance,
}

/// A small cache in front of [`Glance::at`]; 10 KiB.
#[derive(Debug, Default)]
pub(super) struct KeyGlances {
    entries: Vec<Entry>,
}

impl KeyGlances {
    pub(super) fn held_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// A glance at a key as it is written.
    pub(super) fn glance(&mut self, key: &[u8], look: impl FnOnce() -> Glance) -> Glance {
        let Some(packed) = Packed::new(key) else {
            return look();
        };
        if self.entries.is_empty() {
            let empty = Entry {
                key: Packed::NONE,
                glance: Glance::ALL,
            };
            self.entries.resize(ENTRIES, empty);
        }
        let entry = &mut self.entries[packed.place(ENTRIES)];
        if entry.key != packed {
            *entry = Entry {
                key: packed,
                glance: look(),
            };
        }
        entry.glance
    }
}
