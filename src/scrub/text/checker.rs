//! Reading a text again as it leaves, while it leaves, until that changes nothing.
//!
//! What is redacted depends on what stands around it, and markers stand around differently than values did. Where that matters, the
//! text is odd, and most often it does not; but "twice is once" is a law. So it is tried, and not only argued for.
//!
//! ```text
//!    final, has left        held back            not read again yet
//!   ------------------- | ------------------- | ---------------- ...
//!                     state        read up to here, a segment at a time
//! ```
//!
//! What has left is never changed any more, and the state is that of a machine which has read it. From there what is held back is
//! read, together with the next segment. If that makes something else of it, this takes its place and is read in turn, until nothing
//! changes. Then a *border* is looked for: a place before which no step has looked at anything behind it. What stands before the
//! border is final, whatever comes, and the state there is the next. By induction, a second pass takes the same steps all along, and
//! changes nothing.
//!
//! Until something odd is found, the states of the machine itself serve for that, which are the same then. Segments are counted in
//! what leaves of the text, so that all of it is the same however the text is cut into chunks.

use bytes::Bytes;

use super::container::Containers;
use super::markup::Markup;
use super::quote::{Brackets, Quotes};
use super::serialized::Serialized;
use super::symbol::Symbol;
use super::value::Value;
use super::yaml::Leaves;
use super::{Context, Glance, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::check::{Check, Other};
use crate::scrub::name::RuleIndex;
use crate::scrub::plan::Plan;
use crate::scrub::splice::Splicer;

/// How much is read again at a time, in bytes as they leave; and most that is held back for want of a border.
const SEGMENT: usize = 4 << 10;
/// How often what is held back is read again at most. What still changes then goes as a whole.
const READINGS: usize = 8;
/// By how many bytes what is held back may grow. What grows more goes as a whole.
const GROWTH: usize = 2 << 10;
/// How far one border is from the next at least, where many may be.
const STEP: u64 = 512;

/// What the machine knows at a place that all before it says; see [`TextMachine`].
#[derive(Debug)]
pub(super) struct Snapshot {
    behind: Vec<Symbol>,
    passed: usize,
    backslashes: [u8; 2],
    quotes: Quotes,
    brackets: Brackets,
    in_path: bool,
    host: bool,
    value: Option<Value>,
    container: Option<Containers>,
    markup: Markup,
    leaves: Option<Leaves>,
    serialized: Option<Serialized>,
    pair: Option<(RuleIndex, u16)>,
    /// How far ahead the name stands of a pair whose value has come before it.
    paired: Option<u64>,
    glance: Glance,
    replaced: Option<Bytes>,
    through: Vec<u8>,
    followed: usize,
    follows_hex: bool,
    follows_shared: bool,
    cookie_starts: bool,
}

/// A place at which what stands before may be final.
#[derive(Debug)]
struct Border {
    at: u64,
    /// How many symbols behind it have been looked at from before it: none, unless no other is near.
    looked: usize,
    state: Box<Snapshot>,
}

/// How far a text has been read again.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// The state where what is held back begins; none at the text's start.
    state: Option<Box<Snapshot>>,
    /// Offset of that place, until something odd is found.
    from: u64,
    /// How many bytes have left of the text before what has not been read again.
    read: u64,
    /// How many bytes are held back that have been read again.
    held: usize,
    /// By how much at most what leaves is longer than what came, since that place.
    pub(super) grown: usize,
    /// Something has been replaced since that place.
    pub(super) redacted: bool,
    /// A border is looked for.
    pub(super) due: bool,
    /// From where on, and by how much what leaves had grown there.
    since: Option<(u64, usize)>,
    /// What is read is what leaves.
    reads_again: bool,
    /// What is looked for then.
    again: Option<Box<Again>>,
    /// Something has been changed, so that a glance says nothing any more.
    changed: bool,
    /// A value has been found that is too long to be held back: nothing more of the text leaves.
    dead: bool,
}

/// What is looked for while a text is read again.
#[derive(Debug)]
struct Again {
    border: Option<Border>,
    /// Not 0: there are too many bytes for want of a border, and any behind this place is better than none.
    from: u64,
    masks: bool,
}

impl Snapshot {
    fn held_bytes(&self) -> usize {
        size_of::<Snapshot>()
            + self.behind.capacity() * size_of::<Symbol>()
            + self.quotes.held_bytes()
            + self.markup.held_bytes()
            + self.through.capacity()
    }
}

impl Checker {
    /// A text begins.
    pub(super) fn start(&mut self, at: u64) {
        *self = Checker {
            from: at,
            ..Checker::default()
        };
    }

    /// The text has ended.
    pub(super) fn end(&mut self) {
        self.state = None;
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.held_bytes())
    }

    /// Whether so much of the text has come, up to an offset, that the place from which on it is kept must go on.
    pub(super) fn is_due(&self, at: u64) -> bool {
        !self.reads_again && at.saturating_sub(self.from) + self.grown as u64 >= SEGMENT as u64
    }
}

impl TextMachine {
    fn snapshot(&self) -> Snapshot {
        let at = self.window.offset(0);
        let in_value = self.value.is_some();
        Snapshot {
            behind: self.window.behind().collect(),
            passed: self.window.passed_since_start(),
            backslashes: self.backslashes_behind(),
            quotes: self.quotes.clone(),
            brackets: self.brackets,
            in_path: self.in_path,
            host: self.host,
            value: self.value,
            container: self.container,
            markup: self.markup.clone(),
            leaves: self.leaves,
            serialized: self.serialized,
            pair: self.pair,
            paired: self.paired_at.and_then(|paired| paired.checked_sub(at)),
            glance: self.glance,
            replaced: self.replaced.clone(),
            through: match in_value {
                true => self.through.clone(),
                false => Vec::new(),
            },
            followed: self.followed,
            follows_hex: self.follows_hex,
            follows_shared: self.follows_shared,
            cookie_starts: self.cookie_starts,
        }
    }

    /// Makes it ready for what stands behind a place, the offset of which is 0 now.
    fn resume_at(&mut self, state: Option<&Snapshot>) {
        self.restart(self.kind, self.layer, 0);
        let Some(state) = state else { return };
        self.window.restore(&state.behind, state.passed);
        self.backslashes = state.backslashes;
        self.quotes = state.quotes.clone();
        self.brackets = state.brackets;
        self.in_path = state.in_path;
        self.host = state.host;
        self.value = state.value;
        self.container = state.container;
        self.markup = state.markup.clone();
        self.leaves = state.leaves;
        self.serialized = state.serialized;
        self.pair = state.pair;
        self.paired_at = state.paired;
        self.glance = state.glance;
        self.replaced = state.replaced.clone();
        self.through.clear();
        self.through.extend_from_slice(&state.through);
        self.followed = state.followed;
        self.follows_hex = state.follows_hex;
        self.follows_shared = state.follows_shared;
        self.cookie_starts = state.cookie_starts;
    }

    /// How many backslashes stand right behind, plain and percent-encoded, as they leave.
    fn backslashes_behind(&self) -> [u8; 2] {
        let mut run = [0_u8; 2];
        let Some(encoded) = self.window.back(0).map(|last| last.percent > 0) else {
            return run;
        };
        let same = self
            .window
            .behind()
            .rev()
            .take_while(|symbol| symbol.ascii() == b'\\' && (symbol.percent > 0) == encoded);
        run[usize::from(encoded)] = u8::try_from(same.count()).unwrap_or(u8::MAX);
        run
    }

    /// Whether the text at hand is read again at its end, and as it leaves from now on.
    pub(super) fn is_checked(&self) -> bool {
        self.redacted && (self.odd || cfg!(debug_assertions))
    }

    /// Before a step, when a border is looked for.
    #[cold]
    pub(super) fn at_border(&mut self, cx: &mut Context<'_>) {
        let at = self.window.offset(0);
        let looked = self.window.looked();
        if let Some(again) = &self.checker.again {
            let stands = self.value.is_none() || again.masks;
            let better = match &again.border {
                None => at > 0 && (looked == 0 || again.from > 0),
                Some(border) => {
                    (border.at < again.from && again.from > 0)
                        || looked < border.looked
                        || (looked == border.looked && at >= border.at + STEP)
                }
            };
            if stands && better {
                if let Some(again) = &mut self.checker.again {
                    again.border = None;
                }
                let state = Box::new(self.snapshot());
                if let Some(again) = &mut self.checker.again {
                    again.border = Some(Border { at, looked, state });
                }
            }
            return;
        }
        if self.is_checked() || !self.checker.is_due(at) {
            self.checker.due = false;
            return;
        }
        if self.value.is_some() {
            return;
        }
        let (since, grown) = *self.checker.since.get_or_insert((at, self.checker.grown));
        let waited = (at - since) as usize + self.checker.grown - grown;
        if looked == 0 || waited >= SEGMENT {
            let left = cx.splicer.begin_text(at);
            self.whole = Some(at);
            self.checker = Checker {
                state: Some(Box::new(self.snapshot())),
                from: at,
                read: self.checker.read + left,
                ..Checker::default()
            };
        }
    }

    /// Reads again what leaves of the text, which has been read up to an offset; with `last`, it ends there.
    pub(super) fn check(&mut self, until: u64, last: bool, cx: &mut Context<'_>) {
        let Some((pieces, kept)) = cx.splicer.take_text(until, self.value.is_some()) else {
            // Elsewhere, where it is not dropped, something else may come of it.
            self.recording.give_up();
            return;
        };
        let paused = self.recording.pause();
        let mut text = Leaving {
            pieces: pieces.into(),
            held: Vec::new(),
            done: Vec::new(),
            rules: Vec::new(),
            kept,
            masks: cx.splicer.masks(),
        };
        if self.checker.held > 0 {
            text.held = text.next(self.checker.held);
        }
        // The machine itself reads what leaves: its memory serves for that. If the text goes on, its state comes back.
        let machine = (!last).then(|| {
            let mut other = TextMachine::new();
            other.kind = self.kind;
            other.layer = self.layer;
            std::mem::swap(self, &mut other);
            std::mem::swap(&mut self.verdicts, &mut other.verdicts);
            std::mem::swap(&mut self.name, &mut other.name);
            std::mem::swap(&mut self.checker, &mut other.checker);
            self.odd = other.odd;
            other
        });
        let (odd, marked) = (self.odd, self.marked);
        loop {
            let wanted = SEGMENT - (self.checker.read % SEGMENT as u64) as usize;
            let left = text.left();
            if left < wanted && !last {
                break;
            }
            let ends = left < wanted;
            if ends && text.held.is_empty() {
                text.held = std::mem::take(&mut text.pieces).into();
            } else {
                let more = text.next(wanted.min(left));
                text.held.extend(more);
            }
            self.checker.read += wanted.min(left) as u64;
            self.settle(&mut text, ends, odd, cx.plan);
            if ends {
                break;
            }
        }
        self.checker.held = text.held.iter().map(Bytes::len).sum();
        if let Some(mut other) = machine {
            std::mem::swap(&mut self.verdicts, &mut other.verdicts);
            std::mem::swap(&mut self.name, &mut other.name);
            std::mem::swap(&mut self.checker, &mut other.checker);
            *self = other;
        } else {
            self.odd = odd;
            self.redacted = true;
            self.marked = marked || self.checker.changed;
        }
        if !self.checker.changed {
            self.recording.go_on(paused);
        }
        text.held.extend(text.pieces);
        cx.splicer.put_text(&text.done, &text.held, &text.rules);
    }

    /// Reads what is held back until nothing changes, and lets what is final go.
    fn settle(&mut self, text: &mut Leaving, last: bool, odd: bool, plan: &Plan) {
        if self.checker.dead {
            text.drop_held();
            if !last {
                return;
            }
            if !text.masks {
                text.held.push(Bytes::from_static(MARKER));
            }
            text.rules.push((plan.held_rule, 1));
        }
        let before: usize = text.held.iter().map(Bytes::len).sum();
        let mut readings = 0;
        let open = loop {
            let now = text.held_together();
            if std::mem::take(&mut text.kept) {
                // What was kept of earlier chunks is not needed twice.
                text.held = vec![now.clone()];
            }
            let (read, decided, open) = self.read_again(&now, last, text.masks, plan);
            match read {
                None => break open,
                Some((other, rules)) => {
                    debug_assert!(odd, "{now:?} was odd");
                    self.checker.changed = true;
                    text.rules.extend(rules);
                    readings += 1;
                    if readings <= READINGS && other.len() <= before + GROWTH {
                        text.held = vec![other];
                        continue;
                    }
                    // What has not been understood yet stays to be read with what comes.
                    let rest = now.slice(decided..);
                    text.held = match text.masks {
                        true => vec![Bytes::from(vec![b'*'; decided]), rest],
                        false if readings <= READINGS + 1 => {
                            vec![Bytes::from_static(MARKER), rest]
                        }
                        // Nothing at all is what nothing can be made of.
                        false => vec![rest],
                    };
                    readings = readings.max(READINGS + 1);
                    if open || readings > READINGS + 3 {
                        self.checker.dead = true;
                        return self.settle(text, last, odd, plan);
                    }
                }
            }
        };
        if last {
            match text.done.is_empty() {
                true => text.done = std::mem::take(&mut text.held),
                false => text.done.append(&mut text.held),
            }
            return;
        }
        if let Some(border) = self.checker.again.take().and_then(|again| again.border) {
            text.let_go(border.at as usize);
            self.checker.state = Some(border.state);
        }
        let held: usize = text.held.iter().map(Bytes::len).sum();
        if held > SEGMENT && open {
            self.checker.dead = true;
            text.drop_held();
        }
    }

    /// Reads a text from the last state on. Gives what leaves in its place, if it changes, with the rules by which; how much of it was
    /// understood; and whether something is open there that goes, wherever it ends.
    fn read_again(
        &mut self,
        text: &Bytes,
        last: bool,
        masks: bool,
        plan: &Plan,
    ) -> (Option<Other>, usize, bool) {
        let mut checker = std::mem::take(&mut self.checker);
        self.resume_at(checker.state.as_deref());
        if checker.changed {
            self.glance = Glance::ALL;
        }
        self.checker.due = !last;
        self.checker.reads_again = true;
        // Where the text ends, no state is wanted any more.
        self.checker.again = (!last).then(|| {
            Box::new(Again {
                border: None,
                from: text.len().saturating_sub(SEGMENT) as u64,
                masks,
            })
        });
        let mut splicer = Splicer::checking(text.clone(), masks);
        if self.value.is_some() {
            splicer.cut(super::Reading::Plain, 0);
        }
        self.read(
            text,
            0,
            last,
            &mut Context {
                plan,
                splicer: &mut splicer,
            },
        );
        let end = self.decided(text.len() as u64) as usize;
        checker.again = self.checker.again.take();
        self.checker = checker;
        let mut check = splicer.checked();
        let open = check.as_mut().is_some_and(|check| check.end(end));
        (check.and_then(Check::other), end, open)
    }
}

/// What leaves of a text while it is read again.
struct Leaving {
    /// What has not been read again.
    pieces: std::collections::VecDeque<Bytes>,
    /// What is held back.
    held: Vec<Bytes>,
    /// What is final.
    done: Vec<Bytes>,
    rules: Vec<(RuleIndex, u64)>,
    /// The first of it was kept of earlier chunks.
    kept: bool,
    masks: bool,
}

impl Leaving {
    /// How much has not been read again.
    fn left(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// So many of the next bytes.
    fn next(&mut self, mut count: usize) -> Vec<Bytes> {
        let mut some = Vec::new();
        while count > 0
            && let Some(piece) = self.pieces.front_mut()
        {
            let part = piece.split_to(count.min(piece.len()));
            count -= part.len();
            if piece.is_empty() {
                self.pieces.pop_front();
            }
            some.push(part);
        }
        some
    }

    /// What is held back, in one piece.
    fn held_together(&self) -> Bytes {
        match self.held.as_slice() {
            [one] => one.clone(),
            pieces => Bytes::from(pieces.concat()),
        }
    }

    /// Nothing of what is held back leaves.
    fn drop_held(&mut self) {
        let dropped: usize = self.held.drain(..).map(|piece| piece.len()).sum();
        if self.masks {
            self.done.push(Bytes::from(vec![b'*'; dropped]));
        }
    }

    /// So many bytes of what is held back are final.
    fn let_go(&mut self, mut count: usize) {
        let mut kept = Vec::new();
        for mut piece in self.held.drain(..) {
            let part = piece.split_to(count.min(piece.len()));
            count -= part.len();
            self.done.push(part);
            kept.push(piece);
        }
        kept.retain(|piece| !piece.is_empty());
        self.done.retain(|piece| !piece.is_empty());
        self.held = kept;
    }
}
