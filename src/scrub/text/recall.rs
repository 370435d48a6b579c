//! What was done with texts, remembered: telemetry says the same over and over, the source lines of a stack trace first of all.
//!
//! What comes of a text depends on nothing but its bytes, its kind and the plan. So the streams of a plan share what they have found: where
//! a text comes again, the same edits are made, and it is neither looked at nor read ([`Memory`]). Builds with debug assertions read each second
//! text that comes again all the same, and stop if something else comes of it.

use super::{Context, Glance, Kind, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::digest::Digest;
use crate::scrub::memory::Memory;
use crate::scrub::name::RuleIndex;
use crate::scrub::splice::Reading;

/// Shortest and longest text that is remembered, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=2048;
/// Most edits of a text that is remembered.
const EDITS: usize = 12;

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

/// What has come of a text.
#[derive(Debug)]
struct Came {
    glance: Glance,
    edits: Box<[Edit]>,
}

/// The texts that the streams of a plan have had; some 330 KiB, and what their edits take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts(Memory<Came>);

impl Texts {
    /// Forgets all texts.
    pub(crate) fn forget(&mut self) {
        self.0.forget();
    }

    /// By what the inside of a JSON string is known again, if it may be remembered. (`may_name`: as for a glance.) Costs a
    /// look at each byte.
    #[inline]
    pub(crate) fn mark(&self, text: &[u8], kind: Kind, may_name: bool) -> Option<Digest> {
        if !LENGTHS.contains(&text.len()) {
            return None;
        }
        let kind = match kind {
            Kind::Plain => 0,
            Kind::Query => 1,
            Kind::Cookie(rule) => 2 | u64::from(rule) << 8,
        };
        Some(self.0.digest(text, kind << 1 | u64::from(may_name)))
    }

    /// What a glance at a text saw that has come before, and the edits that were made.
    #[inline]
    pub(crate) fn recall(&self, mark: Digest, edits: &mut Vec<Edit>) -> Option<Glance> {
        self.0.recall(&mark, |came| {
            edits.clear();
            edits.extend_from_slice(&came.edits);
            came.glance
        })
    }

    /// Remembers a text that has been read.
    pub(crate) fn remember(&self, mark: Digest, glance: Glance, edits: &[Edit]) {
        if edits.len() <= EDITS {
            let edits = edits.into();
            self.0.remember(mark, Came { glance, edits });
        }
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
        mark: Digest,
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
