//! Scrubs one JSON document: the lexer's events drive the edits.
//!
//! For each value the machine knows what is to be done with it before its first byte ([`Next`], from the key or the place), so
//! redaction needs no memory however long the value is. Three things are known only later, and each wait is bounded: whether a
//! scalar under a denied name is one that tells nothing (`null`, `""`), the name of a `{"value": V, "key": N}` object, and the
//! length of an array that begins with a denied name. The last two are holds of the [`Splicer`].
//!
//! | file | what |
//! | --- | --- |
//! | `lexer` | bytes to events, and what is no JSON |
//! | `fast` | tokens in which nothing is to be done, without events |
//! | `members` | the simplest of them, one after the other |
//! | `again` | containers that have come before |
//! | `container`, `frame` | objects and arrays, and what is known of each that is open |
//! | `name`, `keys` | what a key or a pair's name says of its value |
//! | `value`, `string` | what is done with a value |
//! | `place` | where we are, for reports |

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a treatment that an arm does not name is inherited as it is"
)]

mod again;
mod container;
mod fast;
mod frame;
mod keys;
mod lexer;
mod members;
mod name;
mod place;
mod string;
mod value;
mod workspace;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::blocks::{Blocks, are_fast};
use super::digest::Digest;
use super::limits::Limits;
use super::name::{Kinds, RuleIndex, Treatment};
use super::outcome::{Malformed, Place, Reason};
use super::path::PathTree;
use super::personal::Pseudonym;
use super::plan::{Document, Plan};
use super::splice::{Reading, Splicer};
use super::text::{Edit, Glance, TextMachine};
use super::verdicts::Verdicts;
use again::Again;
pub(crate) use again::Containers;
use frame::{Before, Frame, Next, Treat};
use keys::Keys;
pub(crate) use keys::SharedKeys;
use lexer::{Container, Event, Failure, Lexer};
use string::StringState;
use value::Digits;
use workspace::Workspace;
pub(crate) use workspace::Workspaces;

/// The marker as a JSON string.
const QUOTED_MARKER: &[u8] = b"\"[Filtered]\"";
/// What the names of members are names of.
const MEMBER: Kinds = Kinds::KEY.or(Kinds::HEADER);
/// How many names are remembered.
const KEYS: usize = 32;
/// How many containers there may be around a long hold: the memory of more and of that are too much together.
const DEEP: usize = 64;
/// Containers for which there is room from one document to the next.
const FRAMES: usize = 64;
/// Raw bytes of a key or a possible name that are kept for a look.
const CAPTURE_BYTES: usize = 512;
/// Raw bytes between an object's brace and the end of its first key while it may be an OTLP value.
const OTLP_BYTES: u64 = 256;
/// A key of a denied object that is at least so long and has letters and digits goes too.
const SECRET_KEY_BYTES: usize = 16;

/// A subtree that would be replaced as a whole if the value of a hold were redacted.
#[derive(Debug, Clone, Copy)]
struct HeldDrop {
    /// Depth of the container that would be dropped.
    depth: usize,
    /// The innermost hold around it.
    hold: Option<u32>,
}

/// What has been seen in a string, all of which is at hand.
#[derive(Debug, Clone, Copy)]
struct Glanced {
    /// Offset of its inside.
    at: u64,
    glance: Glance,
    /// Whether the glance was also for what is no text, but a pair's name.
    may_name: bool,
    /// By what it is known again, if it may be remembered.
    mark: Option<Digest>,
    /// It has come before, and its edits are at hand.
    is_known: bool,
}

impl Glanced {
    /// One that is not remembered.
    fn new(at: u64, glance: Glance) -> Glanced {
        Glanced {
            at,
            glance,
            may_name: true,
            mark: None,
            is_known: false,
        }
    }
}

/// The scrubber of one document. Feed it with chunks through [`JsonScrubber::push`] and [`JsonScrubber::finish`].
#[derive(Debug)]
pub(crate) struct JsonScrubber {
    plan: Arc<Plan>,
    lexer: Lexer,
    frames: Vec<Frame>,
    next: Next,
    string: StringState,
    decoded: Vec<u8>,
    machine: TextMachine,
    blocks: Blocks,
    /// The processor reads blocks at once.
    has_blocks: bool,
    verdicts: Verdicts<KEYS>,
    keys: Keys,
    /// What the fast lane has seen of a string that it has left.
    glanced: Option<Glanced>,
    /// The edits of a text that has come before.
    edits: Vec<Edit>,
    again: Box<Again>,
    /// Reading in which the number in progress is replaced.
    number: Option<Reading>,
    /// The number in progress, if what it says matters.
    digits: Option<Digits>,
    /// Depth of the container that is dropped, in every reading.
    drop: Option<usize>,
    held_drop: Option<HeldDrop>,
    /// The brace of an object that may be an OTLP value, and the reading in which it is replaced.
    otlp: Option<(u64, usize, Reading, RuleIndex)>,
    /// By depth, what tells a user from others instead of the address: it becomes the `id` of an object that has none.
    pseudonyms: Vec<(usize, Pseudonym)>,
    /// Newlines to be replaced once it is known that the object around them is no OTLP value.
    newlines: Vec<u64>,
    forces: bool,
    /// A document that says it is a transaction is refused.
    events_only: bool,
    /// It has said so.
    refused: bool,
    one_line: bool,
    depth_limit: usize,
    keys_path: Vec<String>,
}

impl Drop for JsonScrubber {
    fn drop(&mut self) {
        let workspace = Workspace {
            frames: std::mem::take(&mut self.frames),
            machine: std::mem::replace(&mut self.machine, TextMachine::new()),
            blocks: std::mem::replace(&mut self.blocks, Blocks::new()),
            verdicts: std::mem::replace(&mut self.verdicts, Verdicts::new()),
            keys: std::mem::take(&mut self.keys),
        };
        self.plan.workspaces.put_back(workspace);
    }
}

impl JsonScrubber {
    /// A scrubber for documents of this kind. `forces`: members that policy requires are added. `one_line`: newlines between
    /// tokens become spaces.
    pub(crate) fn new(
        plan: Arc<Plan>,
        document: Document,
        limits: &Limits,
        forces: bool,
        one_line: bool,
    ) -> Self {
        let Workspace {
            frames,
            machine,
            blocks,
            verdicts,
            keys,
        } = plan.workspaces.take();
        let mut scrubber = JsonScrubber {
            plan,
            lexer: Lexer::new(limits.json_depth),
            frames,
            next: Frame::nothing(),
            string: StringState {
                is_key: false,
                scan: None,
                scanning: false,
                captured: Vec::new(),
                capture_full: false,
                marked: 0,
                wanted: false,
                says_type: false,
                leaf: None,
            },
            decoded: Vec::new(),
            machine,
            blocks,
            has_blocks: are_fast(),
            verdicts,
            keys,
            glanced: None,
            edits: Vec::new(),
            again: Box::default(),
            number: None,
            digits: None,
            drop: None,
            held_drop: None,
            otlp: None,
            pseudonyms: Vec::new(),
            newlines: Vec::new(),
            forces,
            events_only: false,
            refused: false,
            one_line,
            depth_limit: limits.json_depth,
            keys_path: Vec::new(),
        };
        scrubber.restart(document, forces);
        scrubber
    }

    /// Makes it ready for another document.
    pub(crate) fn restart(&mut self, document: Document, forces: bool) {
        self.lexer = Lexer::new(self.depth_limit);
        self.frames.clear();
        self.frames.shrink_to(FRAMES);
        self.next = Next::plain(PathTree::root(document));
        self.string.leaf = None;
        self.glanced = None;
        self.number = None;
        self.digits = None;
        self.drop = None;
        self.held_drop = None;
        self.otlp = None;
        self.pseudonyms.clear();
        self.newlines.clear();
        self.forces = forces;
        self.events_only = false;
        self.refused = false;
        self.keys_path.clear();
        self.again.restart();
    }

    /// The document that has been started is an event, and no transaction under that name: a collector goes by what the payload says
    /// it is (Relay, `endpoints/store.rs`).
    pub(crate) fn refuse_transactions(&mut self) {
        self.events_only = true;
    }

    /// Whether the document is one whose members policy forces: an event of some kind.
    pub(crate) fn is_forced(&self) -> bool {
        self.forces
    }

    /// Bytes that are kept between chunks.
    pub(crate) fn held_bytes(&self) -> usize {
        self.frames.capacity() * size_of::<Frame>()
            + self.string.captured.capacity()
            + self.decoded.capacity()
            + self.edits.capacity() * size_of::<Edit>()
            + self.again.held_bytes()
            + self.newlines.capacity() * size_of::<u64>()
            + self.pseudonyms.capacity() * size_of::<(usize, Pseudonym)>()
            + self.machine.held_bytes()
            + self.blocks.held_bytes()
            + self.verdicts.held_bytes()
            + self.keys.held_bytes()
    }

    /// Gives back the memory that it has taken, before something else takes as much.
    pub(crate) fn give_back(&mut self) {
        self.frames = Vec::new();
        self.machine = TextMachine::new();
        self.blocks = Blocks::new();
        self.verdicts = Verdicts::new();
        self.keys = Keys::default();
        self.newlines = Vec::new();
        self.decoded = Vec::new();
    }

    /// Gives back what only saves time: there is no room for it beside what else is held.
    #[cold]
    pub(crate) fn spare(&mut self) {
        self.machine.spare();
        self.blocks = Blocks::new();
        self.verdicts = Verdicts::new();
        self.keys = Keys::default();
        self.again.spare();
    }

    /// Whether nothing but white space has come.
    pub(crate) fn is_untouched(&self) -> bool {
        self.lexer.is_untouched()
    }

    /// Reads `chunk[from..to]`, the next bytes of the document; `base` is the offset of `chunk[0]`. Tells up to where: what the chunk's end cuts
    /// may be left for the next, if `may_leave`, and is not long ([`brackets::LONGEST`](super::brackets::LONGEST)).
    pub(crate) fn push(
        &mut self,
        chunk: &[u8],
        Range { start, end }: Range<usize>,
        may_leave: bool,
        base: u64,
        splicer: &mut Splicer,
    ) -> Result<usize, Failure> {
        let bytes = &chunk[..end];
        let mut at = start;
        self.blocks.clear();
        self.forget_begun(splicer);
        self.again.may_leave = may_leave && end == chunk.len();
        loop {
            self.read_plain(bytes, &mut at, base, splicer);
            if std::mem::take(&mut self.again.has_left) {
                return Ok(at);
            }
            match self.lexer.next(bytes, &mut at, base)? {
                Event::NeedMore => {
                    self.read_digits(bytes, bytes.len(), base);
                    return Ok(end);
                }
                Event::Open(Container::Array, at)
                | Event::StringStart { at, .. }
                | Event::NumberStart(at)
                    if self.forces && self.frames.is_empty() && !self.dropping() =>
                {
                    return Err((Reason::Json("expected an object"), base + at as u64));
                }
                Event::Literal { start, .. }
                    if self.forces && self.frames.is_empty() && !self.dropping() =>
                {
                    return Err((Reason::Json("expected an object"), start));
                }
                event => self.event(event, bytes, base, splicer),
            }
            if self.refused {
                return Err((Reason::Refused("transaction"), base + at as u64));
            }
        }
    }

    /// The document has ended at this offset.
    pub(crate) fn finish(&mut self, length: u64, splicer: &mut Splicer) -> Result<(), Failure> {
        if self.lexer.finish(length)?.is_some() {
            self.number_end(length, splicer);
        }
        Ok(())
    }

    /// Before the chunk in hand goes: where undecided bytes begin. `end` is the offset of the chunk's end.
    pub(crate) fn undecided(&mut self, end: u64, splicer: &mut Splicer) -> Option<u64> {
        if self
            .otlp
            .is_some_and(|(start, ..)| end - start > OTLP_BYTES)
        {
            self.no_otlp(splicer);
        }
        let otlp = self.otlp.map(|(start, ..)| start);
        let leaf = self
            .string
            .leaf
            .as_ref()
            .and_then(|leaf| (!leaf.cut).then_some(leaf.start));
        let text = if self.string.scanning {
            self.machine.undecided(end)
        } else {
            None
        };
        let literal = self.lexer.literal_start();
        let number = self.digits.as_ref().map(|digits| digits.start);
        [otlp, leaf, text, literal, number]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the chunk has been settled: holds that have grown too long are redacted.
    pub(crate) fn end_chunk(&mut self, splicer: &mut Splicer) {
        while let Some(overflow) = splicer.overflow(self.plan.held_rule) {
            let Some(index) = self
                .frames
                .iter()
                .position(|frame| frame.hold == overflow.id)
            else {
                continue;
            };
            self.frames[index].hold = 0;
            if !overflow.in_value {
                continue;
            }
            let rule = self.plan.held_rule;
            for frame in &mut self.frames[index + 1..] {
                frame.treat = Treat::Leaves(rule);
                frame.hold = 0;
                frame.before = Before::Nothing;
            }
            self.string.scan = None;
            if std::mem::take(&mut self.string.scanning) {
                splicer.end_text();
            }
            if let Some(drop) = self.held_drop
                && !drop.hold.is_some_and(|hold| splicer.goes_on(hold))
            {
                // It is dropped as a whole now; a replacement inside of it is of no use any more.
                let cut = self.string.leaf.take().is_some_and(|leaf| leaf.cut);
                let number = self.number.take().is_some();
                let inner = self.drop.is_some();
                for _ in 0..usize::from(cut) + usize::from(number) + usize::from(inner) {
                    splicer.resume(Reading::Both, splicer.base());
                }
                self.held_drop = None;
                self.drop = Some(drop.depth);
                // What stands for an address in it goes with it.
                while self
                    .pseudonyms
                    .pop_if(|(of, _)| *of >= drop.depth)
                    .is_some()
                {}
            }
            // The value itself, or a value inside it, is in progress: it goes on as redacted.
            self.next.treat = Treat::Leaves(rule);
            if let Some(leaf) = &mut self.string.leaf {
                leaf.reading = Reading::Both;
                leaf.rule = rule;
            }
            if let Some(reading) = &mut self.number {
                *reading = Reading::Both;
            }
            // A number that is replaced says nothing any more.
            self.digits = None;
            if let Some((_, _, reading, _)) = &mut self.otlp {
                *reading = Reading::Both;
            }
        }
    }

    #[inline]
    fn event(&mut self, event: Event, chunk: &[u8], base: u64, splicer: &mut Splicer) {
        let offset = |at: usize| base + at as u64;
        match event {
            Event::NeedMore => {}
            Event::Newline(at) => {
                if self.one_line {
                    match self.otlp {
                        Some((start, ..)) if offset(at) - start <= OTLP_BYTES => {
                            self.newlines.push(offset(at))
                        }
                        _ => {
                            self.no_otlp(splicer);
                            replace(splicer, Reading::Both, offset(at), offset(at) + 1, b" ");
                        }
                    }
                }
            }
            Event::Open(container, at) => self.open(container, offset(at), splicer),
            Event::Close(_, at) => self.close(offset(at), splicer),
            Event::Comma(at) => self.comma(offset(at), splicer),
            Event::StringStart { key, at } => self.string_start(key, offset(at), splicer),
            Event::StringPart { start, end, closed } => {
                self.string_part(chunk, start, end, closed, base, splicer)
            }
            Event::NumberStart(at) => self.number_start(offset(at), splicer),
            Event::NumberEnd(at) => {
                self.read_digits(chunk, at, base);
                self.number_end(offset(at), splicer);
            }
            Event::Literal { start, end } => self.literal(start, offset(end), splicer),
        }
    }

    /// The object that has begun is no OTLP value.
    fn no_otlp(&mut self, splicer: &mut Splicer) {
        self.otlp = None;
        for at in self.newlines.drain(..) {
            replace(splicer, Reading::Both, at, at + 1, b" ");
        }
    }

    /// Whether what is read now is dropped in every reading.
    fn dropping(&self) -> bool {
        self.drop.is_some()
    }
}

fn apply(next: &mut Next, treatment: Treatment, rule: RuleIndex) {
    match treatment {
        Treatment::Leaves => {
            next.treat = Treat::Leaves(rule);
            next.wrapper = true;
        }
        Treatment::Replace => next.treat = Treat::Replace(rule),
        Treatment::Null => next.treat = Treat::Null(rule),
        Treatment::Address => next.treat = Treat::Address(rule),
        Treatment::Pseudonym => next.treat = Treat::Pseudonym(rule),
        Treatment::Cookies => {
            next.treat = Treat::Cookies(rule);
            next.wrapper = true;
        }
        Treatment::Query => next.treat = Treat::Query,
        Treatment::Text => next.treat = Treat::Plain,
        Treatment::NotNames => next.not_names = true,
    }
}

fn replace(splicer: &mut Splicer, reading: Reading, from: u64, to: u64, text: &'static [u8]) {
    splicer.cut(reading, from);
    splicer.insert(reading, &Bytes::from_static(text));
    splicer.resume(reading, to);
}

/// An error of the lexer, with its place.
pub(crate) fn malformed((reason, offset): Failure, place: Place) -> Malformed {
    Malformed {
        offset,
        place,
        reason,
    }
}
