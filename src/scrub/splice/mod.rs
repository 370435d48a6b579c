//! Turns input plus edits into output slices. The one place that does.
//!
//! Offsets count from the start of the input. An edit is a *cut* (what follows is dropped), text that is *inserted*, and a
//! *resume*. Between edits nothing is copied: the untouched run leaves as a slice of the chunk it came in.
//!
//! ```text
//!            flushed        cut         resume       end of chunk
//!   ... sent | untouched run | dropped   | untouched   |
//! ```
//!
//! **Undecided bytes.** Where the rest of a token decides whether its beginning is replaced, the owner names an offset at the
//! end of a chunk; from there on bytes are carried over (a few hundred at most).
//!
//! **Holds.** `{"value": V, "key": N}` must wait with V until N is known. A hold keeps two readings of what follows: as it is
//! (with its ordinary edits), and with V redacted. Resolving chooses one. Holds nest; both readings together are bounded by
//! [`HOLD_BYTES`], less for a hold in a hold and where containers are nested deep, and reaching the bound chooses the redacted one.
//!
//! **Passages that come again.** What became of a passage can be taken down, and done where the same comes again ([`replay`]).
//!
//! **Texts that are read again.** The last of what leaves of a text in which something was redacted can be taken back, to be read once
//! more and perhaps to leave as something else ([`Splicer::take_text`], [`Splicer::put_text`]).

mod replay;

use bytes::Bytes;

use super::check::Check;
use super::name::RuleIndex;
use super::scrubbed::Output;
use replay::Journal;
pub(crate) use replay::{Passage, Replay};

/// Most bytes that the readings of a hold may have together.
const HOLD_BYTES: usize = 20 << 10;
/// The same for a hold in a hold.
const INNER_HOLD_BYTES: usize = 4 << 10;
/// The same for a hold in which containers are nested deep.
const DEEP_HOLD_BYTES: usize = 8 << 10;
/// By how much what is held grows at least, in bytes.
const GROWTH: usize = 1 << 10;
/// Most of what leaves of a text that is kept to be read again, in bytes.
const TEXT_BYTES: usize = 32 << 10;
/// What a key may take that had a secret in it, in bytes.
const KEY_BYTES: usize = 1 << 10;
/// Pieces for which there is room from one chunk to the next.
const PIECES: usize = 16;
/// Most holds at a time.
const HOLDS: usize = 3;

/// The rule of a redaction inside a held value, known when the hold is resolved.
const RULE_PENDING: RuleIndex = RuleIndex::MAX;

/// One redaction, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// Index of the rule in the plan.
    pub rule: u16,
    /// Offset of the redacted value in the input, in bytes.
    pub offset: u64,
    /// Offset behind the redacted value; that of its start, if it was never seen to end.
    pub end: u64,
    /// Where it stands (scrubbed); empty unless paths are recorded.
    pub path: String,
}

/// Which readings an edit is made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The text as it is.
    Plain,
    /// Only those in which a held value is redacted.
    Redacted,
    /// All of them.
    Both,
}

/// One reading of the text since some offset.
#[derive(Debug, Default, Clone)]
struct Strand {
    /// Output of earlier chunks that is held; owned, so that no inbound chunk is kept alive.
    owned: Vec<u8>,
    /// Output of this chunk.
    pieces: Vec<Bytes>,
    /// Everything before has been put out or dropped.
    flushed: u64,
    /// How many cuts are open. Only the outermost has a replacement.
    cuts: u8,
    /// Length of `owned` and `pieces`.
    len: usize,
    tally: Tally,
    edited: bool,
    /// Where in it the text begins that may be read again.
    mark: Option<usize>,
    /// By how much texts were longer before they were read again.
    shift: isize,
}

impl Strand {
    fn starting(at: u64) -> Self {
        Strand {
            flushed: at,
            ..Strand::default()
        }
    }

    /// Goes on with what a hold has left that began at an offset, unless what it stands in is cut.
    fn take_in(&mut self, hand: &Hand, start: u64, mut other: Strand) {
        if self.cuts > 0 {
            return;
        }
        hand.flush(self, start, start);
        if let Some(mark) = other.mark {
            self.mark = Some(self.len + mark);
        }
        // Where a text begins that may be read again, a piece begins.
        let mut owned = Bytes::from(other.owned);
        let before = owned.split_to(other.mark.unwrap_or(0).min(owned.len()));
        self.put(before);
        self.put(owned);
        for piece in other.pieces.drain(..) {
            self.put(piece);
        }
        self.shift += other.shift;
        self.flushed = other.flushed;
        self.cuts = other.cuts;
        self.edited = true;
        for (rule, count) in other.tally.counts {
            self.tally.add(rule, count);
        }
        self.tally.log.append(&mut other.tally.log);
    }

    /// How long it was before texts were read again.
    fn as_read(&self) -> usize {
        self.len.saturating_add_signed(self.shift)
    }

    fn put(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.pieces.push(bytes);
        }
    }

    /// Takes back what has been put from a place on, where a piece begins.
    fn take(&mut self, mark: usize) -> Vec<Bytes> {
        let mut from = self.pieces.len();
        let mut at = self.len;
        while at > mark && from > 0 {
            from -= 1;
            at -= self.pieces[from].len();
        }
        let mut taken = Vec::with_capacity(self.pieces.len() - from + 1);
        if at > mark {
            let owned = self.owned.split_off(self.owned.len() - (at - mark));
            taken.push(Bytes::from(owned));
        }
        taken.extend(self.pieces.drain(from..));
        self.len = mark;
        taken
    }

    /// Copies what was put out of this chunk.
    fn own(&mut self) {
        for piece in self.pieces.drain(..) {
            // Not by doubling, which would take more than the bound.
            if self.owned.capacity() - self.owned.len() < piece.len() {
                self.owned.reserve_exact(piece.len().max(GROWTH));
            }
            self.owned.extend_from_slice(&piece);
        }
        self.pieces.shrink_to(PIECES);
    }

    /// Lets everything go before the text that may be read again, or everything.
    fn release(&mut self, out: &mut Output) {
        let kept = self
            .mark
            .map(|mark| self.len - mark)
            .filter(|kept| *kept <= TEXT_BYTES);
        let mut left = self.len - kept.unwrap_or(0);
        let owned = left.min(self.owned.len());
        if owned > 0 {
            let rest = self.owned.split_off(owned);
            out.push(Bytes::from(std::mem::replace(&mut self.owned, rest)));
            left -= owned;
        }
        let mut gone = 0;
        for piece in &self.pieces {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(piece.len());
            gone += 1;
        }
        for piece in self.pieces.drain(..gone) {
            out.push(piece);
        }
        // A chunk that was full of redactions leaves no room behind.
        self.pieces.shrink_to(PIECES);
        self.own();
        self.len = self.owned.len();
        self.mark = kept.map(|_| 0);
    }
}

/// Redactions made in a strand: counts by rule, and a log if paths are wanted.
#[derive(Debug, Default, Clone)]
struct Tally {
    counts: Vec<(RuleIndex, u64)>,
    log: Vec<Redaction>,
    journal: Journal,
}

impl Tally {
    fn add(&mut self, rule: RuleIndex, count: u64) {
        self.journal.note(rule, count);
        match self.counts.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, sum)) => *sum += count,
            None => self.counts.push((rule, count)),
        }
    }
}

#[derive(Debug)]
struct Hold {
    id: u32,
    /// Where the held value starts.
    start: u64,
    plain: Strand,
    redacted: Strand,
    /// Whether we are still inside the held value.
    in_value: bool,
    /// Most bytes that the readings may have together.
    bound: usize,
}

impl Hold {
    fn is_full(&self) -> bool {
        // As it was before it was read again, for that comes sooner or later by how the text is cut.
        self.plain.as_read() + self.redacted.as_read() > self.bound
    }
}

/// What became of a hold that reached its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow {
    pub(crate) id: u32,
    /// Whether the value had not ended: the rest of it must be redacted too.
    pub(crate) in_value: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Splicer {
    hand: Hand,
    /// Up to here bytes are decided, once the chunk has been settled.
    decided: u64,
    main: Strand,
    holds: Vec<Hold>,
    next_id: u32,
    /// Where we are, for redactions; kept by the owner if paths are wanted.
    pub(crate) path: Option<String>,
    /// Where the text at hand begins.
    text: Option<u64>,
    /// Nothing is put out, and it is only compared.
    check: Option<Check>,
}

impl Splicer {
    /// One that puts nothing out, and only compares. (`masks`: what is cut would leave as asterisks.)
    pub(crate) fn checking(text: Bytes, masks: bool) -> Splicer {
        let mut splicer = Splicer {
            check: Some(Check::new(text, masks)),
            ..Splicer::default()
        };
        splicer.mask(masks);
        splicer
    }

    /// What one has found that only compares.
    pub(crate) fn checked(&mut self) -> Option<Check> {
        self.check.take()
    }

    /// Takes the next chunk in hand.
    pub(crate) fn begin(&mut self, chunk: Bytes) {
        self.hand.chunk = chunk;
    }

    /// Only so many bytes of the chunk in hand have been read; the others come again with the next.
    pub(crate) fn shorten(&mut self, length: usize) {
        self.hand.chunk.truncate(length);
    }

    /// Offset of the chunk in hand.
    pub(crate) fn base(&self) -> u64 {
        self.hand.base
    }

    /// From now on, what is cut leaves as asterisks, one for each byte, and nothing is inserted; or no longer.
    pub(crate) fn mask(&mut self, on: bool) {
        self.hand.masks = on;
    }

    /// Whether what is cut leaves as asterisks.
    pub(crate) fn masks(&self) -> bool {
        self.hand.masks
    }

    /// The chunk in hand has been read: every reading takes what is decided of it. `undecided` is where undecided bytes begin, if
    /// any. Then comes [`Splicer::overflow`], and then [`Splicer::release`].
    pub(crate) fn settle(&mut self, undecided: Option<u64>) {
        let end = self.hand.end();
        let until = undecided.unwrap_or(end).min(end);
        let Splicer {
            hand,
            main,
            holds,
            decided,
            ..
        } = self;
        *decided = until;
        // Outer readings end where the next hold begins.
        let stop =
            |index: usize, holds: &[Hold]| holds.get(index).map_or(until, |h| h.start.min(until));
        hand.flush(main, stop(0, holds), until);
        for index in 0..holds.len() {
            let next = stop(index + 1, holds);
            let hold = &mut holds[index];
            hand.flush(&mut hold.plain, next, until);
            let redacted_until = if hold.in_value { until } else { next };
            hand.flush(&mut hold.redacted, redacted_until, until);
        }
    }

    /// Lets the chunk in hand go: what is final goes to `out`, what is held or undecided is copied.
    pub(crate) fn release(&mut self, out: &mut Output) {
        self.main.release(out);
        for hold in &mut self.holds {
            hold.plain.own();
            hold.redacted.own();
        }
        let end = self.hand.end();
        self.hand.let_go(end - self.decided);
    }

    /// A text begins that may be read again as it leaves; or all of it that may be begins here, and what stood before may leave. Tells
    /// how much of it that was, from where it began before.
    pub(crate) fn begin_text(&mut self, at: u64) -> u64 {
        let before = self.text.map_or(at, |text| text.min(at));
        let mut left = at - before;
        if before < at {
            self.each(Reading::Plain, |hand, strand| {
                if let Some(mark) = strand.mark {
                    hand.flush(strand, at, at);
                    left = (strand.len - mark) as u64;
                }
            });
        }
        self.end_text();
        self.text = Some(at);
        left
    }

    /// The text that has begun is not read again.
    pub(crate) fn end_text(&mut self) {
        if self.text.take().is_none() {
            return;
        }
        self.main.mark = None;
        for hold in &mut self.holds {
            hold.plain.mark = None;
            hold.redacted.mark = None;
        }
    }

    /// Takes what leaves of the text that has begun, up to an offset, if something was cut of it, and tells whether the first of it was
    /// kept of earlier chunks. (`cut`: something is being cut.) It must be given back by [`Splicer::put_text`].
    pub(crate) fn take_text(&mut self, until: u64, cut: bool) -> Option<(Vec<Bytes>, bool)> {
        let mut text = None;
        self.each(Reading::Plain, |hand, strand| {
            let Some(mark) = strand.mark.filter(|_| strand.cuts == u8::from(cut)) else {
                strand.mark = None;
                return;
            };
            hand.flush(strand, until, until);
            strand.shift += (strand.len - mark) as isize;
            let kept = strand.owned.len() > mark;
            let taken = strand.take(mark);
            text.get_or_insert((taken, kept));
        });
        text
    }

    /// What leaves of the text that has begun, up to now: what is final, and what may be taken again; and the rules by which more
    /// was redacted.
    pub(crate) fn put_text(&mut self, done: &[Bytes], held: &[Bytes], rules: &[(RuleIndex, u64)]) {
        let text = self.text.unwrap_or(0);
        let path = self.path.clone();
        self.each(Reading::Plain, |_, strand| {
            let Some(mark) = strand.mark else { return };
            for piece in done {
                strand.put(piece.clone());
            }
            strand.mark = Some(strand.len);
            for piece in held {
                strand.put(piece.clone());
            }
            strand.shift -= (strand.len - mark) as isize;
            for (rule, count) in rules {
                strand.tally.add(*rule, *count);
                if let Some(path) = &path {
                    strand.tally.log.push(Redaction {
                        rule: *rule,
                        offset: text,
                        end: strand.flushed,
                        path: path.clone(),
                    });
                }
            }
        });
    }

    /// From `at` on, nothing is put out until `resume`.
    pub(crate) fn cut(&mut self, reading: Reading, at: u64) {
        if let Some(check) = &mut self.check {
            return check.cut(at);
        }
        let text = self.text.filter(|_| reading == Reading::Plain);
        self.each(reading, |hand, strand| {
            if let Some(text) = text
                && strand.mark.is_none()
                && strand.cuts == 0
                && strand.flushed <= text
            {
                hand.flush(strand, text, text);
                strand.mark = Some(strand.len);
            }
            hand.flush(strand, at, at);
            strand.cuts = strand.cuts.saturating_add(1);
            strand.edited = true;
        });
    }

    /// Puts the replacement out, right after a cut.
    pub(crate) fn insert(&mut self, reading: Reading, text: &Bytes) {
        if let Some(check) = &mut self.check {
            return check.insert(text);
        }
        self.each(reading, |hand, strand| {
            if strand.cuts == 1 && !hand.masks {
                strand.put(text.clone());
            }
        });
    }

    /// Ends a cut: the bytes from `at` on are put out again.
    pub(crate) fn resume(&mut self, reading: Reading, at: u64) {
        if let Some(check) = &mut self.check {
            return check.resume(at);
        }
        self.each(reading, |hand, strand| {
            debug_assert!(strand.cuts > 0, "a resume without a cut");
            if strand.cuts == 1 {
                hand.mask(strand, at);
                strand.flushed = at;
                if let Some(last) = strand.tally.log.last_mut()
                    && last.end == last.offset
                {
                    last.end = at;
                }
            }
            strand.cuts = strand.cuts.saturating_sub(1);
        });
    }

    /// Records a redaction by a rule at an offset.
    pub(crate) fn record(&mut self, reading: Reading, rule: RuleIndex, offset: u64) {
        if let Some(check) = &mut self.check {
            return check.record(rule);
        }
        let rule = if reading == Reading::Redacted {
            RULE_PENDING
        } else {
            rule
        };
        let path = self.path.clone();
        self.each(reading, |_, strand| {
            if strand.cuts > 1 {
                return;
            }
            strand.tally.add(rule, 1);
            if let Some(path) = &path {
                strand.tally.log.push(Redaction {
                    rule,
                    offset,
                    end: offset,
                    path: path.clone(),
                });
            }
        });
    }

    /// Takes the counts of the redactions that are final.
    pub(crate) fn counts(&mut self) -> std::vec::Drain<'_, (RuleIndex, u64)> {
        self.main.tally.counts.drain(..)
    }

    /// Takes the log of the redactions that are final.
    pub(crate) fn log(&mut self) -> std::vec::Drain<'_, Redaction> {
        self.main.tally.log.drain(..)
    }

    /// Bytes that are kept between chunks.
    pub(crate) fn held_bytes(&self) -> usize {
        let strand = |strand: &Strand| {
            strand.owned.capacity()
                + strand.pieces.capacity() * size_of::<Bytes>()
                + strand.tally.counts.capacity() * size_of::<(RuleIndex, u64)>()
                + strand.tally.journal.held_bytes()
        };
        let holds: usize = self
            .holds
            .iter()
            .map(|hold| strand(&hold.plain) + strand(&hold.redacted))
            .sum();
        self.hand.carry.capacity() + strand(&self.main) + holds
    }

    /// What comes is no member of what has come.
    pub(crate) fn leave_path(&mut self) {
        if let Some(path) = &mut self.path {
            path.clear();
        }
    }

    /// Whether nothing is held, and no paths are wanted.
    pub(crate) fn is_idle(&self) -> bool {
        self.holds.is_empty() && self.path.is_none()
    }

    /// Whether some held value is being read, so that leaves must be told with `Reading::Redacted` too.
    pub(crate) fn holds_value(&self) -> bool {
        self.holds.iter().any(|hold| hold.in_value)
    }

    /// The innermost hold whose value is being read, to be asked about with [`Splicer::goes_on`].
    pub(crate) fn value_hold(&self) -> Option<u32> {
        let held = self.holds.iter().rev().find(|hold| hold.in_value);
        held.map(|hold| hold.id)
    }

    /// Whether a hold has not ended.
    pub(crate) fn goes_on(&self, id: u32) -> bool {
        self.holds.iter().any(|hold| hold.id == id)
    }

    /// Starts a hold at a value's first byte. `None`: too many holds; the caller redacts.
    /// (`deep`: many containers are around it, whose memory and that of a hold are too much together.)
    pub(crate) fn hold(&mut self, at: u64, deep: bool) -> Option<u32> {
        if self.holds.len() == HOLDS {
            return None;
        }
        let bound = if self.holds.is_empty() && !deep {
            HOLD_BYTES
        } else {
            INNER_HOLD_BYTES
        };
        self.next_id = self.next_id.wrapping_add(1);
        self.holds.push(Hold {
            id: self.next_id,
            start: at,
            plain: Strand::starting(at),
            redacted: Strand::starting(at),
            in_value: true,
            bound,
        });
        Some(self.next_id)
    }

    /// Containers are nested deep: there is less room for what is held.
    pub(crate) fn tighten(&mut self) {
        for hold in &mut self.holds {
            hold.bound = hold.bound.min(DEEP_HOLD_BYTES);
        }
    }

    /// A key has been replaced in held values that are redacted, and something in it where they are not. It counts as much as it may
    /// take when it is scrubbed again, so that a hold is not found full only then.
    pub(crate) fn weigh_key(&mut self) {
        for hold in self.holds.iter_mut().filter(|hold| hold.in_value) {
            hold.redacted.shift += KEY_BYTES as isize;
        }
    }

    /// The held value has ended; the hold goes on.
    pub(crate) fn hold_value_end(&mut self, id: u32) {
        if let Some(hold) = self.holds.iter_mut().find(|hold| hold.id == id) {
            hold.in_value = false;
        }
    }

    /// Ends a hold that holds no value that goes on, if it has reached its bound before `at`. Tells whether it had.
    pub(crate) fn end_full(&mut self, id: u32, at: u64, held_rule: RuleIndex) -> bool {
        let idle = |hold: &Hold| hold.id == id && !hold.in_value;
        let Some(index) = self.holds.iter().position(idle) else {
            return false;
        };
        let Splicer { hand, holds, .. } = self;
        // It ends where the next hold begins, as when a chunk is settled.
        let until = holds.get(index + 1).map_or(at, |next| next.start.min(at));
        let hold = &mut holds[index];
        hand.flush(&mut hold.plain, until, at);
        hand.flush(&mut hold.redacted, until, at);
        let is_full = hold.is_full();
        if is_full {
            self.close(index, Some(held_rule));
        }
        is_full
    }

    /// Another value begins that the same hold is for.
    pub(crate) fn hold_value_again(&mut self, id: u32) {
        if let Some(hold) = self.holds.iter_mut().find(|hold| hold.id == id) {
            hold.in_value = true;
        }
    }

    /// Ends a hold at `at`, as redacted by `rule` or, without one, as it is. Too long a hold ends redacted by `held_rule`.
    pub(crate) fn resolve(
        &mut self,
        id: u32,
        at: u64,
        rule: Option<RuleIndex>,
        held_rule: RuleIndex,
    ) {
        let Some(index) = self.holds.iter().position(|hold| hold.id == id) else {
            return;
        };
        let Splicer { hand, holds, .. } = self;
        let hold = &mut holds[index];
        let plain = at.saturating_sub(hold.start) as usize;
        let redacted = hold.redacted.len + (at - hold.redacted.flushed.min(at)) as usize;
        let untouched = rule.is_none()
            && !hold.plain.edited
            && hold.plain.owned.is_empty()
            && plain + redacted <= hold.bound;
        if untouched {
            self.holds.remove(index);
            return;
        }
        hand.flush(&mut hold.redacted, at, at);
        let rule = rule.or_else(|| {
            hand.flush(&mut hold.plain, at, at);
            hold.is_full().then_some(held_rule)
        });
        self.close(index, rule);
    }

    /// Ends holds that have reached their bound, the outermost first; called when a chunk has been settled.
    pub(crate) fn overflow(&mut self, held_rule: RuleIndex) -> Option<Overflow> {
        let index = self.holds.iter().position(Hold::is_full)?;
        let Hold { id, in_value, .. } = self.holds[index];
        if in_value {
            // What is held inside is redacted with it.
            self.holds.truncate(index + 1);
        }
        self.close(index, Some(held_rule));
        Some(Overflow { id, in_value })
    }

    /// Removes a hold; its chosen reading goes to the reading around it.
    fn close(&mut self, index: usize, rule: Option<RuleIndex>) {
        let Splicer {
            hand, main, holds, ..
        } = self;
        let hold = holds.remove(index);
        let chosen = match rule {
            Some(rule) => {
                let mut redacted = hold.redacted;
                let Tally { counts, log, .. } = &mut redacted.tally;
                let rules = counts
                    .iter_mut()
                    .map(|(r, _)| r)
                    .chain(log.iter_mut().map(|r| &mut r.rule));
                for pending in rules.filter(|r| **r == RULE_PENDING) {
                    *pending = rule;
                }
                redacted
            }
            None => hold.plain,
        };
        match index.checked_sub(1).and_then(|outer| holds.get_mut(outer)) {
            None => main.take_in(hand, hold.start, chosen),
            Some(outer) if outer.in_value => outer.plain.take_in(hand, hold.start, chosen),
            Some(outer) => {
                outer.plain.take_in(hand, hold.start, chosen.clone());
                outer.redacted.take_in(hand, hold.start, chosen);
            }
        }
    }

    fn each(&mut self, reading: Reading, mut edit: impl FnMut(&Hand, &mut Strand)) {
        let Splicer {
            hand, main, holds, ..
        } = self;
        let plain = reading != Reading::Redacted;
        match holds.last_mut() {
            None => {
                if plain {
                    edit(hand, main);
                }
                return;
            }
            Some(top) => {
                if plain {
                    edit(hand, &mut top.plain);
                    if !top.in_value {
                        edit(hand, &mut top.redacted);
                    }
                }
            }
        }
        if reading != Reading::Plain {
            for hold in holds.iter_mut().filter(|hold| hold.in_value) {
                edit(hand, &mut hold.redacted);
            }
        }
    }
}

/// The bytes in hand: the carry, then the chunk.
#[derive(Debug, Default)]
struct Hand {
    chunk: Bytes,
    /// Offset of the chunk's first byte.
    base: u64,
    /// The bytes before `base` that were undecided.
    carry: Vec<u8>,
    /// What is cut leaves as asterisks.
    masks: bool,
}

/// Put out in place of what is cut, as often as it takes.
const MASK: &[u8] = &[b'*'; 1024];

impl Hand {
    /// Offset behind the chunk.
    fn end(&self) -> u64 {
        self.base + self.chunk.len() as u64
    }

    /// Where in the input a piece of output stands, if it is a slice of the chunk.
    fn place(&self, piece: &Bytes) -> Option<(u64, u64)> {
        let from = (piece.as_ptr() as usize).checked_sub(self.chunk.as_ptr() as usize)?;
        let to = from + piece.len();
        (to <= self.chunk.len()).then(|| (self.base + from as u64, self.base + to as u64))
    }

    /// Lets the chunk go; its last bytes, or these and some of those before, are kept.
    fn let_go(&mut self, keep: u64) {
        let end = self.end();
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        if keep <= self.chunk.len() {
            self.carry.clear();
            // Not by doubling, which would take more than the bound.
            self.carry.reserve_exact(keep);
            let from = self.chunk.len() - keep;
            self.carry.extend_from_slice(&self.chunk[from..]);
        } else {
            let from_carry = keep - self.chunk.len();
            let gone = self.carry.len().saturating_sub(from_carry);
            self.carry.drain(..gone);
            if self.carry.capacity() < keep {
                let more = self.chunk.len().max(GROWTH);
                self.carry.reserve_exact(more);
            }
            self.carry.extend_from_slice(&self.chunk);
        }
        self.base = end;
        self.chunk = Bytes::new();
    }

    /// Puts out asterisks in place of what has been cut of a strand, up to an offset.
    fn mask(&self, strand: &mut Strand, to: u64) {
        if !self.masks {
            return;
        }
        let mut left = usize::try_from(to.saturating_sub(strand.flushed)).unwrap_or(0);
        while left > 0 {
            let some = left.min(MASK.len());
            strand.put(Bytes::from_static(&MASK[..some]));
            left -= some;
        }
    }

    /// Puts out `flushed..to` of a strand; inside a cut it skips to `skip`.
    fn flush(&self, strand: &mut Strand, to: u64, skip: u64) {
        if strand.cuts > 0 {
            self.mask(strand, skip);
            strand.flushed = strand.flushed.max(skip);
            return;
        }
        if to <= strand.flushed {
            return;
        }
        if strand.flushed < self.base {
            let end = to.min(self.base);
            let carry_start = self.base - self.carry.len() as u64;
            debug_assert!(strand.flushed >= carry_start, "undecided bytes were let go");
            let range = (strand.flushed - carry_start) as usize..(end - carry_start) as usize;
            strand.put(Bytes::from(self.carry[range].to_vec()));
            strand.flushed = end;
        }
        if to > strand.flushed {
            let range = (strand.flushed - self.base) as usize..(to - self.base) as usize;
            strand.put(self.chunk.slice(range));
            strand.flushed = to;
        }
    }
}
