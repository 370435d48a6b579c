//! What was done with texts, remembered: telemetry says the same over and over, the source lines of a stack trace first of all.
//!
//! What comes of a text depends on nothing but its bytes, its kind and the plan. So the streams of a plan share what they have found: where
//! a text comes again, the same edits are made, and it is neither looked at nor read. No text is kept, only a hash of 128 bits
//! (SipHash-1-3) under a key that each plan draws anew: without the key, nobody can make two texts that have the same.
//!
//! There is a fixed number of places. A text takes the place of one that has not come again since the last look at it, so that a flood of
//! others drives out what does come again only slowly. Builds with debug assertions read each second text that comes again all the same, and
//! stop if something else comes of it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::{Context, Glance, Kind, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::name::RuleIndex;
use crate::scrub::splice::Reading;

/// Shortest and longest text that is remembered, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=2048;
/// Most edits of a text that is remembered.
const EDITS: usize = 12;
/// How many sets there are, and how many texts each has room for; some 400 KiB in all.
const SETS: usize = 1024;
const WAYS: usize = 4;

/// One edit of a text, at an offset from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// A value is cut that a rule covers, and the marker put in its place.
    Redact(u16, RuleIndex),
    /// A value is cut that goes with the one before.
    Cut(u16),
    /// The value ends.
    Resume(u16),
}

/// Whether a text that comes again is read once more, to see that the same comes of it: each second one of tests and fuzz targets.
pub(crate) const fn is_tried(text: &[u8]) -> bool {
    cfg!(debug_assertions) && text.len() % 2 == 1
}

/// By what a text is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u128);

/// A text that has been read.
#[derive(Debug, Clone, Copy)]
struct Known {
    mark: Mark,
    glance: Glance,
    /// It has come again.
    again: bool,
    /// How many edits it has.
    count: u8,
    edits: [Edit; EDITS],
}

impl Known {
    /// What stands where nothing is remembered yet.
    const NONE: Known = Known {
        mark: Mark(0),
        glance: Glance::ALL,
        again: false,
        count: 0,
        edits: [Edit::Cut(0); EDITS],
    };

    /// A text with its edits, if they are not too many.
    fn new(mark: Mark, glance: Glance, edits: &[Edit]) -> Option<Known> {
        let mut known = Known {
            mark,
            glance,
            count: u8::try_from(edits.len()).ok()?,
            ..Known::NONE
        };
        known.edits.get_mut(..edits.len())?.copy_from_slice(edits);
        Some(known)
    }

    fn edits(&self) -> &[Edit] {
        self.edits
            .get(..usize::from(self.count))
            .unwrap_or_default()
    }
}

/// The texts that the streams of a plan have had.
#[derive(Debug)]
pub(crate) struct Texts {
    hasher: SipHasher13,
    sets: Box<[Mutex<[Known; WAYS]>]>,
}

impl Default for Texts {
    fn default() -> Self {
        let random = RandomState::new();
        Texts {
            hasher: SipHasher13::new_with_keys(random.hash_one(0), random.hash_one(1)),
            sets: (0..SETS).map(|_| Mutex::new([Known::NONE; WAYS])).collect(),
        }
    }
}

impl Clone for Texts {
    /// None: another plan makes other edits.
    fn clone(&self) -> Self {
        Texts::default()
    }
}

impl Texts {
    /// By what the inside of a JSON string is known again, if it may be remembered. (`may_name`: as for a glance.) Costs a
    /// hash of it.
    #[inline]
    pub(crate) fn mark(&self, text: &[u8], kind: Kind, may_name: bool) -> Option<Mark> {
        if !LENGTHS.contains(&text.len()) {
            return None;
        }
        let kind = match kind {
            Kind::Plain => 0,
            Kind::Query => 1,
            Kind::Cookie(rule) => 2 | u64::from(rule) << 8,
        };
        let mut hasher = self.hasher;
        hasher.write_u64(kind << 1 | u64::from(may_name));
        hasher.write(text);
        Some(Mark(hasher.finish128().as_u128()))
    }

    fn set(&self, mark: Mark) -> Option<MutexGuard<'_, [Known; WAYS]>> {
        // One that is in use, or was when a thread died, is as good as none.
        self.sets.get(mark.0 as usize % SETS)?.try_lock().ok()
    }

    /// What a glance at a text saw that has come before, and the edits that were made.
    #[inline]
    pub(crate) fn recall(&self, mark: Mark, edits: &mut Vec<Edit>) -> Option<Glance> {
        let mut set = self.set(mark)?;
        let known = set.iter_mut().find(|known| known.mark == mark)?;
        known.again = true;
        edits.clear();
        edits.extend_from_slice(known.edits());
        Some(known.glance)
    }

    /// Remembers a text that has been read.
    pub(crate) fn remember(&self, mark: Mark, glance: Glance, edits: &[Edit]) {
        let known = Known::new(mark, glance, edits);
        let (Some(known), Some(mut set)) = (known, self.set(mark)) else {
            return;
        };
        // The oldest that has not come again since it was passed over; or else the oldest.
        let new = |known: &mut Known| !std::mem::take(&mut known.again);
        let gone = set.iter_mut().position(new).unwrap_or(0);
        set.copy_within(gone + 1.., gone);
        set[WAYS - 1] = known;
    }
}

/// The edits of the text at hand, as they are made.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// Where the text begins, if its edits are wanted.
    from: Option<u64>,
    edits: Vec<Edit>,
}

impl Recording {
    pub(super) fn held_bytes(&self) -> usize {
        self.edits.capacity() * size_of::<Edit>()
    }

    /// Takes down an edit at an offset.
    #[inline]
    pub(super) fn note(&mut self, at: u64, edit: impl FnOnce(u16) -> Edit) {
        let Some(from) = self.from else { return };
        match u16::try_from(at - from) {
            Ok(at) if self.edits.len() < EDITS => self.edits.push(edit(at)),
            Ok(_) | Err(_) => self.from = None,
        }
    }

    /// The text is one that is not remembered.
    pub(super) fn give_up(&mut self) {
        self.from = None;
    }

    /// Takes nothing down, until it is given back what this returns.
    pub(super) fn pause(&mut self) -> Option<u64> {
        self.from.take()
    }

    pub(super) fn go_on(&mut self, paused: Option<u64>) {
        self.from = paused;
    }
}

impl TextMachine {
    /// Reads a text, all of which is at hand, and remembers what has come of it.
    pub(crate) fn read_and_remember(
        &mut self,
        text: &[u8],
        at: u64,
        mark: Mark,
        cx: &mut Context<'_>,
    ) {
        let glance = self.glance;
        self.recording.edits.clear();
        self.recording.from = Some(at);
        self.run(text, at, true, cx);
        if self.recording.from.take().is_some() {
            cx.plan.texts.remember(mark, glance, &self.recording.edits);
        }
    }

    /// Makes the edits that were made when the same text came before.
    pub(crate) fn make_again(&mut self, edits: &[Edit], at: u64, cx: &mut Context<'_>) {
        let marker = bytes::Bytes::from_static(MARKER);
        for edit in edits {
            match *edit {
                Edit::Redact(place, rule) => {
                    let at = at + u64::from(place);
                    cx.splicer.cut(Reading::Plain, at);
                    cx.splicer.insert(Reading::Plain, &marker);
                    cx.splicer.record(Reading::Plain, rule, at);
                }
                Edit::Cut(place) => cx.splicer.cut(Reading::Plain, at + u64::from(place)),
                Edit::Resume(place) => cx.splicer.resume(Reading::Plain, at + u64::from(place)),
            }
        }
        self.redacted = !edits.is_empty();
        self.marked = self.redacted;
    }

    /// Reads a text that has come before, and stops if something else comes of it.
    #[cold]
    pub(crate) fn read_and_compare(
        &mut self,
        text: &[u8],
        at: u64,
        edits: &[Edit],
        cx: &mut Context<'_>,
    ) {
        self.recording.edits.clear();
        self.recording.from = Some(at);
        self.run(text, at, true, cx);
        let same = self.recording.from.take().is_some() && self.recording.edits == edits;
        assert!(
            same,
            "{:?} came to something else the second time",
            String::from_utf8_lossy(text)
        );
    }
}
