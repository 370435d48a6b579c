//! What became of a passage of the input, taken down so that the same can be done where the passage comes again.
//!
//! It is not what was asked for that is taken down, but what left: which spans of the passage do not leave as they are, and what leaves in place of
//! each. So it does not matter how that came about. What leaves in place of something is one of few texts, or the passage is one that is not
//! taken down.

use bytes::Bytes;

use super::Splicer;
use crate::scrub::MARKER;
use crate::scrub::name::RuleIndex;

/// Most spans of a passage that are replaced, and redactions of one.
const EDITS: usize = 64;
/// Most redactions that are taken down at a time.
const JOURNAL: usize = 256;

/// What may leave in place of something.
static TEXTS: [&[u8]; 7] = [
    b"",
    MARKER,
    b"\"[Filtered]\"",
    b"null",
    b"\"string\"",
    b"{\"stringValue\":\"[Filtered]\"}",
    b" ",
];

/// What was done in a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A span was replaced, by its distance from where the passage begins, by one of [`TEXTS`].
    Edit { from: u16, to: u16, text: u16 },
    /// Something was redacted by a rule.
    Redaction(RuleIndex),
}

/// What became of a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replay(Box<[Step]>);

/// In place of a span, these texts leave one behind the other.
fn add(edits: &mut Vec<Step>, from: u64, to: u64, texts: &[u16]) -> Option<()> {
    let (mut from, to) = (u16::try_from(from).ok()?, u16::try_from(to).ok()?);
    let texts = if texts.is_empty() { &[0][..] } else { texts };
    for text in texts {
        let text = *text;
        edits.push(Step::Edit { from, to, text });
        from = to;
    }
    (edits.len() <= EDITS).then_some(())
}

/// The redactions of the passages at hand, in order.
#[derive(Debug, Default, Clone)]
pub(super) struct Journal {
    is_open: bool,
    rules: Vec<RuleIndex>,
}

impl Journal {
    #[inline]
    pub(super) fn note(&mut self, rule: RuleIndex, count: u64) {
        if self.is_open {
            let room = JOURNAL - self.rules.len();
            let count = usize::try_from(count).unwrap_or(JOURNAL).min(room);
            self.rules.extend(std::iter::repeat_n(rule, count));
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.rules.capacity() * size_of::<RuleIndex>()
    }
}

/// How far the output was where a passage began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage {
    pieces: usize,
    redactions: usize,
}

impl Splicer {
    /// Whether a passage that begins at an offset can be taken down and done again: it is in the chunk in hand, nothing is held or cut, and nobody
    /// wants more than what leaves.
    #[inline]
    pub(crate) fn is_plain(&self, start: u64) -> bool {
        start >= self.hand.base
            && self.holds.is_empty()
            && self.main.cuts == 0
            && !self.hand.masks
            && self.path.is_none()
            && self.check.is_none()
    }

    /// A passage begins that [`Splicer::is_plain`].
    #[inline]
    pub(crate) fn begin_passage(&mut self) -> Passage {
        let Splicer { hand, main, .. } = self;
        // What was undecided of the chunk before is a piece by itself.
        hand.flush(main, hand.base, hand.base);
        let journal = &mut main.tally.journal;
        journal.is_open = true;
        Passage {
            pieces: main.pieces.len(),
            redactions: journal.rules.len(),
        }
    }

    /// No passage is at hand any more.
    #[inline]
    pub(crate) fn end_passages(&mut self) {
        let journal = &mut self.main.tally.journal;
        journal.is_open = false;
        journal.rules.clear();
    }

    /// What became of a passage, which has ended. `None`: it can't be done again.
    pub(crate) fn end_passage(&self, passage: Passage, start: u64, end: u64) -> Option<Replay> {
        let Splicer { hand, main, .. } = self;
        if !self.holds.is_empty() || main.cuts > 0 || main.flushed > end {
            return None;
        }
        let rules = &main.tally.journal.rules;
        let redactions = rules.get(passage.redactions..)?;
        if rules.len() == JOURNAL || redactions.len() > EDITS {
            return None;
        }
        let replay = |mut steps: Vec<Step>| {
            steps.extend(redactions.iter().copied().map(Step::Redaction));
            Replay(steps.into())
        };
        let mut edits = Vec::new();
        if main.flushed <= start {
            return Some(replay(edits));
        }
        // Up to where all has been told, and what has left behind it.
        let mut told = start;
        let mut texts = [0; 2];
        let mut count = 0;
        for piece in main.pieces.get(passage.pieces..)? {
            let Some((from, to)) = hand.place(piece) else {
                let known = TEXTS.iter().position(|text| *text == &piece[..])?;
                *texts.get_mut(count)? = known as u16;
                count += 1;
                continue;
            };
            if to <= start {
                continue;
            }
            let from = from.max(start);
            if from < told {
                return None;
            }
            if from > told || count > 0 {
                add(&mut edits, told - start, from - start, &texts[..count])?;
                count = 0;
            }
            told = to;
        }
        if main.flushed > told || count > 0 {
            add(
                &mut edits,
                told - start,
                main.flushed - start,
                &texts[..count],
            )?;
        }
        Some(replay(edits))
    }

    /// Does again what became of a passage that comes again.
    #[inline]
    pub(crate) fn replay(&mut self, replay: &Replay, start: u64) {
        self.end_text();
        let Splicer { hand, main, .. } = self;
        for step in &replay.0 {
            match *step {
                Step::Edit { from, to, text } => {
                    let (from, to) = (start + u64::from(from), start + u64::from(to));
                    hand.flush(main, from, from);
                    main.flushed = to;
                    main.put(Bytes::from_static(TEXTS[usize::from(text)]));
                }
                Step::Redaction(rule) => main.tally.add(rule, 1),
            }
        }
    }
}
