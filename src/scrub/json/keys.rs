//! What is known of a key, remembered: events use the same few keys over and over. Keys are compared byte for byte.

use crate::scrub::name::Verdict;
use crate::scrub::text::Glance;
use crate::scrub::verdicts::Packed;

/// How many places there are, and how many keys each has room for.
const SETS: usize = 64;
const WAYS: usize = 3;

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
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: Packed,
    known: Known,
    /// It is a name of which nothing is known, and there is nothing in it.
    plain: bool,
}

/// A small cache; some 9 KiB.
#[derive(Debug, Default)]
pub(super) struct Keys {
    entries: Vec<Entry>,
}

impl Keys {
    pub(super) fn held_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// Whether it is remembered of a key, as it is written, that it is nothing but a name of which nothing is known.
    #[inline]
    pub(super) fn is_plain(&self, key: &[u8]) -> bool {
        let Some(packed) = Packed::new(key) else {
            return false;
        };
        let set = packed.place(SETS) * WAYS;
        let entries = self.entries.get(set..set + WAYS).unwrap_or_default();
        entries
            .iter()
            .any(|entry| entry.plain && entry.key == packed)
    }

    /// What is known of a key as it is written.
    #[inline]
    pub(super) fn look_up(&mut self, key: &[u8], look: impl FnOnce() -> Known) -> Known {
        let Some(packed) = Packed::new(key) else {
            return look();
        };
        if self.entries.is_empty() {
            let empty = Entry {
                key: Packed::NONE,
                known: Known {
                    glance: Glance::ALL,
                    name: None,
                },
                plain: false,
            };
            self.entries.resize(SETS * WAYS, empty);
        }
        let set = packed.place(SETS) * WAYS;
        let entries = &mut self.entries[set..set + WAYS];
        if let Some(entry) = entries.iter().find(|entry| entry.key == packed) {
            return entry.known;
        }
        let known = look();
        let unknown =
            |(role, verdict): (Role, Option<Verdict>)| role.is_none() && verdict.is_none();
        // The oldest goes.
        entries.rotate_right(1);
        entries[0] = Entry {
            key: packed,
            known,
            plain: known.glance.is_idle() && known.name.is_some_and(unknown),
        };
        known
    }
}
