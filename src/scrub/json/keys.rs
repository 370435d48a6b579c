//! What is known of a key, remembered: events use the same few keys over and over. Keys are compared byte for byte.
//!
//! Most are remembered with the plan, for all streams, once and for all: what is known depends on nothing else. When that is full, or where
//! there is something in a key, each stream remembers some of its own.

use std::sync::OnceLock;

use crate::scrub::name::Verdict;
use crate::scrub::text::Glance;
use crate::scrub::verdicts::Packed;

/// How many places there are, and how many keys each has room for.
const SETS: usize = 16;
const WAYS: usize = 3;
/// The same of what is remembered with the plan; some 150 KiB.
const SHARED_SETS: usize = 512;
const SHARED_WAYS: usize = 4;

/// What a key is besides a name, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role(u8);

impl Role {
    /// Nothing.
    pub(super) const NONE: Role = Role(0);
    /// The member with a pair's name.
    pub(super) const PAIR_NAME: Role = Role(1);
    /// The member with its value.
    pub(super) const PAIR_VALUE: Role = Role(2);
    /// The `stringValue` of OTLP.
    pub(super) const STRING_VALUE: Role = Role(4);
    /// The type of an attribute.
    pub(super) const TYPE: Role = Role(8);
    /// What is below has attributes.
    pub(super) const ATTRIBUTES: Role = Role(16);

    /// The role of a decoded key. Members of pairs count in any case: .NET writes them with capitals.
    pub(super) fn of(key: &[u8]) -> Role {
        match key {
            b"stringValue" => Role::STRING_VALUE,
            b"type" => Role::TYPE,
            b"attributes" => Role::ATTRIBUTES,
            _ if key.eq_ignore_ascii_case(b"key") || key.eq_ignore_ascii_case(b"name") => {
                Role::PAIR_NAME
            }
            _ if key.eq_ignore_ascii_case(b"value") => Role::PAIR_VALUE,
            _ => Role::NONE,
        }
    }

    pub(super) const fn or(self, other: Role) -> Role {
        Role(self.0 | other.0)
    }

    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) fn is(self, other: Role) -> bool {
        self.0 & other.0 != 0
    }
}

/// What is known of a key by itself, wherever it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// What there may be in it as text.
    pub(super) glance: Glance,
    /// Its role and the verdict on it as the name of a member, if it has no escapes.
    pub(super) name: Option<(Role, Option<Verdict>)>,
    /// It is a name of which nothing is known, and there is nothing in it.
    pub(super) is_plain: bool,
}

impl Known {
    pub(super) fn new(glance: Glance, name: Option<(Role, Option<Verdict>)>) -> Known {
        let unknown =
            |(role, verdict): (Role, Option<Verdict>)| role.is_none() && verdict.is_none();
        Known {
            glance,
            name,
            is_plain: glance.is_idle() && name.is_some_and(unknown),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: Packed,
    known: Known,
}

/// The keys that a plan's streams have met, as many as there is room for. None is forgotten, and none takes the place of another.
#[derive(Debug)]
pub(crate) struct SharedKeys {
    entries: Box<[OnceLock<Entry>]>,
}

impl Default for SharedKeys {
    fn default() -> Self {
        let entries = (0..SHARED_SETS * SHARED_WAYS).map(|_| OnceLock::new());
        SharedKeys {
            entries: entries.collect(),
        }
    }
}

impl Clone for SharedKeys {
    /// None: another plan knows other names.
    fn clone(&self) -> Self {
        SharedKeys::default()
    }
}

impl SharedKeys {
    #[inline(always)]
    fn set(&self, key: Packed) -> &[OnceLock<Entry>] {
        let set = key.place(SHARED_SETS) * SHARED_WAYS;
        &self.entries[set..set + SHARED_WAYS]
    }

    #[inline(always)]
    fn get(&self, key: Packed) -> Option<&Entry> {
        for slot in self.set(key) {
            let entry = slot.get()?;
            if entry.key == key {
                return Some(entry);
            }
        }
        None
    }

    /// Whether a key is known to be a name of which nothing is known.
    #[inline]
    pub(super) fn knows_as_plain(&self, key: Packed) -> bool {
        self.get(key).is_some_and(|entry| entry.known.is_plain)
    }

    /// Remembers a key in which there is nothing, if there is room; tells whether there was.
    fn remember(&self, entry: Entry) -> bool {
        if !entry.known.glance.is_idle() || entry.known.name.is_none() {
            return false;
        }
        let mut free = self.set(entry.key).iter();
        free.any(|slot| slot.set(entry).is_ok())
    }
}

/// A small cache; some 3 KiB.
#[derive(Debug, Default)]
pub(super) struct Keys {
    entries: Vec<Entry>,
}

impl Keys {
    pub(super) fn held_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// What is known of a key as it is written.
    #[inline]
    pub(super) fn look_up(
        &mut self,
        key: &[u8],
        shared: &SharedKeys,
        look: impl FnOnce() -> Known,
    ) -> Known {
        let Some(packed) = Packed::new(key) else {
            return look();
        };
        if let Some(entry) = shared.get(packed) {
            return entry.known;
        }
        let set = packed.place(SETS) * WAYS;
        let own = self.entries.get_mut(set..set + WAYS).unwrap_or_default();
        if let Some(entry) = own.iter().find(|entry| entry.key == packed) {
            return entry.known;
        }
        let known = look();
        let entry = Entry { key: packed, known };
        if !shared.remember(entry) {
            self.remember(set, entry);
        }
        known
    }

    #[cold]
    fn remember(&mut self, set: usize, entry: Entry) {
        if self.entries.is_empty() {
            let empty = Entry {
                key: Packed::NONE,
                known: Known::new(Glance::ALL, None),
            };
            self.entries.resize(SETS * WAYS, empty);
        }
        // The oldest goes.
        let entries = &mut self.entries[set..set + WAYS];
        entries.rotate_right(1);
        entries[0] = entry;
    }
}
