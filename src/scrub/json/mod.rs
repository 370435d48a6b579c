//! Scrubs one JSON document: the lexer's events drive the edits.
//!
//! For each value the machine knows what is to be done with it before its first byte ([`Next`], from the key or the place), so
//! redaction needs no memory however long the value is. Three things are known only later, and each wait is bounded: whether a
//! scalar under a denied name is one that tells nothing (`null`, `""`), the name of a `{"value": V, "key": N}` object, and the
//! length of an array that begins with a denied name. The last two are holds of the [`Splicer`].

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a treatment that an arm does not name is inherited as it is"
)]

mod fast;
mod frame;
mod keys;
mod lexer;

use std::sync::Arc;

use bytes::Bytes;

use super::MARKER;
use super::limits::Limits;
use super::name::{Kinds, RuleIndex, Treatment, Verdict, reads_as_name, reads_as_path};
use super::outcome::{Malformed, Place, Reason};
use super::path::{NOWHERE, PathTree};
use super::personal::Pseudonym;
use super::plan::{Document, Plan};
use super::splice::{Reading, Splicer};
use super::text::{
    Context, Glance, Kind, LITERALS, Layer, TextMachine, is_http_client, takes_user,
};
use super::verdicts::Verdicts;
use frame::{Before, Frame, Next, PairName, Treat};
use keys::{Keys, Known, Role};
use lexer::{Container, Event, Failure, Lexer};

/// The marker as a JSON string.
const QUOTED_MARKER: &[u8] = b"\"[Filtered]\"";
/// What an OTLP value object becomes.
const OTLP_MARKER: &[u8] = b"{\"stringValue\":\"[Filtered]\"}";
/// The members of an OTLP value object that cannot keep their shape.
const OTLP_TYPED: [&[u8]; 5] = [
    b"intValue",
    b"doubleValue",
    b"arrayValue",
    b"kvlistValue",
    b"bytesValue",
];
/// The types of a log or span attribute whose value becomes a string with the marker. (A boolean is no secret and stays one.)
const REPLACED_TYPES: [&[u8]; 4] = [b"string", b"integer", b"double", b"array"];
/// The type of an attribute whose value stays.
const KEPT_TYPE: &[u8] = b"boolean";
/// What the names of members are names of.
const MEMBER: Kinds = Kinds::KEY.or(Kinds::HEADER);
/// How many names are remembered.
const KEYS: usize = 64;
/// Raw bytes of a key or a possible name that are kept for a look.
const CAPTURE_BYTES: usize = 512;
/// Raw bytes between an object's brace and the end of its first key while it may be an OTLP value.
const OTLP_BYTES: u64 = 256;
/// Longest number that is looked at, in bytes.
const NUMBER_BYTES: usize = 64;
/// A key of a denied object that is at least so long and has letters and digits goes too.
const SECRET_KEY_BYTES: usize = 16;

/// A string that is, or may have to be, replaced.
#[derive(Debug)]
struct Leaf {
    reading: Reading,
    /// Offset of its opening quote.
    start: u64,
    rule: RuleIndex,
    text: Bytes,
    cut: bool,
    kind: LeafKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeafKind {
    /// Goes unless it is empty or a literal.
    Value,
    /// The `type` of a wrapper: becomes `string` if it names a type.
    Type,
    /// A key of a denied object: goes if it could itself be a secret.
    Key,
    /// Goes whatever it is.
    Always,
    /// Goes, and if it is an IP address, something is made of it.
    Address,
    /// Goes, and something stands for it. What stands for something already, and what tells nothing, stays.
    Pseudonym,
}

/// What is done with the string in progress.
#[derive(Debug)]
struct StringState {
    is_key: bool,
    /// Scanned as text of this kind, once the machine is needed.
    scan: Option<Kind>,
    scanning: bool,
    /// The first bytes of the inside, raw.
    captured: Vec<u8>,
    capture_full: bool,
    /// Whether the inside is wanted when the string ends.
    wanted: bool,
    leaf: Option<Leaf>,
}

/// What kind of value begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    String,
    Number,
    /// A container or a literal.
    Other,
}

/// A number that may have to be replaced for what it says.
#[derive(Debug)]
struct Digits {
    /// Offset of its first byte.
    start: u64,
    text: Vec<u8>,
}

/// A subtree that would be replaced as a whole if the value of a hold were redacted.
#[derive(Debug, Clone, Copy)]
struct HeldDrop {
    /// Depth of the container that would be dropped.
    depth: usize,
    /// The innermost hold around it.
    hold: Option<u32>,
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
    verdicts: Verdicts<KEYS>,
    keys: Keys,
    /// What a glance has seen in a string that the fast lane has left, and the offset of its inside.
    glanced: Option<(u64, Glance)>,
    /// Reading in which the number in progress is replaced.
    number: Option<Reading>,
    /// The number in progress, if what it says matters.
    digits: Option<Digits>,
    /// Depth of the container that is dropped, in every reading.
    drop: Option<usize>,
    held_drop: Option<HeldDrop>,
    /// The brace of an object that may be an OTLP value, and the reading in which it is replaced.
    otlp: Option<(u64, usize, Reading, RuleIndex)>,
    /// Newlines to be replaced once it is known that the object around them is no OTLP value.
    newlines: Vec<u64>,
    forces: bool,
    one_line: bool,
    depth_limit: usize,
    keys_path: Vec<String>,
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
        let mut scrubber = JsonScrubber {
            plan,
            lexer: Lexer::new(limits.json_depth),
            frames: Vec::new(),
            next: Frame::nothing(),
            string: StringState {
                is_key: false,
                scan: None,
                scanning: false,
                captured: Vec::new(),
                capture_full: false,
                wanted: false,
                leaf: None,
            },
            decoded: Vec::new(),
            machine: TextMachine::new(),
            verdicts: Verdicts::new(),
            keys: Keys::default(),
            glanced: None,
            number: None,
            digits: None,
            drop: None,
            held_drop: None,
            otlp: None,
            newlines: Vec::new(),
            forces,
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
        self.next = Next::plain(PathTree::root(document));
        self.string.leaf = None;
        self.glanced = None;
        self.number = None;
        self.digits = None;
        self.drop = None;
        self.held_drop = None;
        self.otlp = None;
        self.newlines.clear();
        self.forces = forces;
        self.keys_path.clear();
    }

    /// Bytes that are kept between chunks.
    pub(crate) fn held_bytes(&self) -> usize {
        self.frames.capacity() * size_of::<Frame>()
            + self.string.captured.capacity()
            + self.decoded.capacity()
            + self.newlines.capacity() * size_of::<u64>()
            + self.machine.held_bytes()
            + self.verdicts.held_bytes()
            + self.keys.held_bytes()
    }

    /// Whether nothing but white space has come.
    pub(crate) fn is_untouched(&self) -> bool {
        self.lexer.is_untouched()
    }

    /// Reads `chunk[from..to]`, the next bytes of the document; `base` is the offset of `chunk[0]`.
    pub(crate) fn push(
        &mut self,
        chunk: &[u8],
        from: usize,
        to: usize,
        base: u64,
        splicer: &mut Splicer,
    ) -> Result<(), Failure> {
        let bytes = &chunk[..to];
        let mut at = from;
        loop {
            self.read_plain(bytes, &mut at, base, splicer);
            match self.lexer.next(bytes, &mut at, base)? {
                Event::NeedMore => {
                    self.read_digits(bytes, bytes.len(), base);
                    return Ok(());
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
            self.string.scanning = false;
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

    // --- containers ---

    fn open(&mut self, container: Container, at: u64, splicer: &mut Splicer) {
        if self.dropping() {
            return;
        }
        let next = self.begin_value(at, Begun::Other, splicer);
        let depth = self.lexer.depth();
        let whole = match next.treat {
            Treat::Replace(rule) => Some((Bytes::from_static(QUOTED_MARKER), Some(rule))),
            Treat::Null(rule) | Treat::Address(rule) | Treat::Pseudonym(rule) => {
                Some((Bytes::from_static(b"null"), Some(rule)))
            }
            Treat::Force(node) => self
                .force_text(node, container == Container::Object)
                .map(|text| (text, None)),
            Treat::Plain
            | Treat::Leaves(_)
            | Treat::Cookies(_)
            | Treat::CookiePair(_)
            | Treat::Query => None,
        };
        if let Some((text, rule)) = whole {
            self.drop_from(at, depth, text, rule, splicer);
            return;
        }
        if let Treat::Leaves(rule) = next.treat
            && container == Container::Array
            && next.is_pair_value
            && self.frames.last().is_some_and(|frame| frame.wrapper)
        {
            // The `value` of an attribute whose type becomes `string`.
            let text = Bytes::from_static(QUOTED_MARKER);
            return self.drop_from(at, depth, text, Some(rule), splicer);
        }
        let inside = match next.treat {
            Treat::Force(_) => Treat::Plain,
            Treat::Cookies(rule) => match container {
                Container::Array if matches!(self.frames.last(), Some(frame) if frame.container == Container::Array && frame.treat == Treat::Cookies(rule)) => {
                    Treat::CookiePair(rule)
                }
                Container::Array => Treat::Cookies(rule),
                Container::Object => Treat::Leaves(rule),
            },
            other => other,
        };
        let mut frame = Frame::new(container, &next, inside);
        let node = self.plan.paths.node(next.node);
        let exempt_node = node.not_pairs;
        frame.no_number_pair = node.not_number_pairs;
        frame.no_pair = exempt_node || self.frames.last().is_some_and(|outer| outer.is_attributes);
        if container == Container::Object && self.otlp.is_none() {
            let is_held = self
                .frames
                .last()
                .is_some_and(|outer| outer.container == Container::Array && outer.hold != 0);
            let rule = match (next.is_pair_value, next.treat) {
                (true, Treat::Leaves(rule)) => Some((Reading::Both, rule)),
                (is_value, _) if (is_value || is_held) && splicer.holds_value() => {
                    Some((Reading::Redacted, self.plan.held_rule))
                }
                _ => None,
            };
            if let Some((reading, rule)) = rule
                && (reading == Reading::Both || self.held_drop.is_none())
            {
                self.otlp = Some((at, depth, reading, rule));
            }
        }
        self.frames.push(frame);
    }

    fn close(&mut self, at: u64, splicer: &mut Splicer) {
        let depth = self.lexer.depth() + 1;
        if self.drop == Some(depth) {
            splicer.resume(Reading::Both, at + 1);
            self.drop = None;
            self.frames.truncate(depth - 1);
            return self.end_value(splicer);
        }
        if self.dropping() {
            return;
        }
        if self.held_drop.is_some_and(|drop| drop.depth == depth) {
            splicer.resume(Reading::Redacted, at + 1);
            self.held_drop = None;
        }
        if self.otlp.is_some() {
            self.no_otlp(splicer);
        }
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        match frame.container {
            Container::Object => {
                if frame.hold != 0 {
                    splicer.resolve(frame.hold, at, None, self.plan.held_rule);
                }
                self.append_id(&frame, at, splicer);
                self.append_required(&frame, at, splicer);
            }
            Container::Array => self.end_element(&mut frame, true, at, splicer),
        }
        if splicer.path.is_some() {
            self.keys_path.truncate(self.frames.len() + 1);
        }
        if let Some(outer) = self.frames.last_mut()
            && outer.container == Container::Array
            && frame.container == Container::Object
            && frame.count == 1
        {
            // `{"stringValue": "Cookie"}` is a string to OTLP.
            outer.element = frame.element.of(outer.count);
        }
        self.end_value(splicer);
    }

    /// What stands for the address of a user who has no other `id`. The object has a member: the address.
    fn append_id(&self, frame: &Frame, at: u64, splicer: &mut Splicer) {
        let Some(pseudonym) = frame.pseudonym.filter(|_| !frame.has_id) else {
            return;
        };
        splicer.cut(Reading::Both, at);
        let member = [b",\"id\":\"", &pseudonym.text()[..], b"\""].concat();
        splicer.insert(Reading::Both, &Bytes::from(member));
        splicer.resume(Reading::Both, at);
    }

    /// Members that policy requires and that have not come are appended before the closing brace.
    fn append_required(&self, frame: &Frame, at: u64, splicer: &mut Splicer) {
        let required = &self.plan.paths.node(frame.node).required;
        if !self.forces || required.is_empty() {
            return;
        }
        let mut comma = frame.count > 0;
        for (bit, node) in required.iter().enumerate() {
            if frame.seen >> bit & 1 == 1 {
                continue;
            }
            if let Some(forced) = &self.plan.paths.node(*node).forced {
                splicer.cut(Reading::Both, at);
                if comma {
                    splicer.insert(Reading::Both, &Bytes::from_static(b","));
                }
                splicer.insert(Reading::Both, &forced.member);
                splicer.resume(Reading::Both, at);
                comma = true;
            }
        }
    }

    fn comma(&mut self, at: u64, splicer: &mut Splicer) {
        if self.dropping() {
            return;
        }
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if frame.container != Container::Array {
            return;
        }
        if frame.hold == 0 {
            return frame.next_element(false);
        }
        if let Some(mut frame) = self.frames.pop() {
            self.end_element(&mut frame, false, at, splicer);
            self.frames.push(frame);
        }
    }

    /// An element of an array is complete, and whether the array ends with it: was it the value of the one before?
    fn end_element(&self, frame: &mut Frame, last: bool, at: u64, splicer: &mut Splicer) {
        let mut redacted = false;
        if frame.hold != 0 {
            let rule = match frame.before {
                Before::Nothing => None,
                Before::Weak(rule) | Before::Strong(rule) if last && frame.count == 2 => Some(rule),
                Before::Strong(rule)
                    if frame.element.is_string && frame.element.name == Before::Nothing =>
                {
                    Some(rule)
                }
                Before::Weak(_) | Before::Strong(_) => None,
            };
            splicer.resolve(frame.hold, at, rule, self.plan.held_rule);
            frame.hold = 0;
            redacted = rule.is_some();
        }
        frame.next_element(redacted);
    }

    // --- values ---

    /// What is to be done with the value that begins here. Starts a hold if its name is not known yet.
    fn begin_value(&mut self, at: u64, kind: Begun, splicer: &mut Splicer) -> Next {
        let Some(frame) = self.frames.last_mut() else {
            return self.next;
        };
        let mut next = match frame.container {
            Container::Object => self.next,
            Container::Array => {
                frame.count = frame.count.saturating_add(1);
                frame.element.is_string = kind == Begun::String;
                let mut next = Next::plain(frame.node);
                next.treat = match frame.treat {
                    Treat::CookiePair(_) if frame.count == 1 => Treat::Plain,
                    Treat::CookiePair(rule) => Treat::Leaves(rule),
                    other => other,
                };
                next.not_names = frame.not_names;
                next
            }
        };
        let open = matches!(next.treat, Treat::Plain | Treat::Query);
        let (waits, named) = match frame.container {
            Container::Object if frame.no_number_pair && kind == Begun::Number => (false, None),
            Container::Object if next.is_pair_value && open => match frame.pair {
                PairName::Denied(verdict) => (false, Some(verdict)),
                PairName::Unknown | PairName::Harmless => (!frame.no_pair, None),
            },
            Container::Array if open && frame.before != Before::Nothing => (true, None),
            Container::Object | Container::Array => (false, None),
        };
        if let Some(verdict) = named {
            apply(&mut next, verdict.treatment, verdict.rule);
            next.wrapper = false;
        }
        if waits && frame.hold != 0 {
            // Another `value` before the name: it waits, too.
            splicer.hold_value_again(frame.hold);
        } else if waits {
            match splicer.hold(at) {
                Some(id) => frame.hold = id,
                None => next.treat = Treat::Leaves(self.plan.held_rule),
            }
        }
        if splicer.path.is_some() {
            let count = frame.count;
            let is_array = frame.container == Container::Array;
            self.note_path(is_array.then_some(count.saturating_sub(1)), splicer);
        }
        next
    }

    fn end_value(&self, splicer: &mut Splicer) {
        if let Some(frame) = self.frames.last()
            && frame.hold != 0
        {
            // The first value that ends in its container after a hold began is the held one; for later ones this is idle.
            splicer.hold_value_end(frame.hold);
        }
    }

    /// The text that a forced value is replaced with; `None` if an object may stay.
    fn force_text(&self, node: u16, is_object: bool) -> Option<Bytes> {
        let forced = self.plan.paths.node(node).forced.as_ref()?;
        (!(is_object && forced.keeps_object)).then(|| forced.literal.clone())
    }

    /// Replaces the container that begins at `at` as a whole.
    fn drop_from(
        &mut self,
        at: u64,
        depth: usize,
        text: Bytes,
        rule: Option<RuleIndex>,
        splicer: &mut Splicer,
    ) {
        splicer.cut(Reading::Both, at);
        splicer.insert(Reading::Both, &text);
        if let Some(rule) = rule {
            splicer.record(Reading::Both, rule, at);
        }
        self.drop = Some(depth);
    }

    /// The reading in which a scalar with this treatment is replaced, with the replacement and the rule.
    fn scalar(
        &self,
        treat: Treat,
        splicer: &Splicer,
    ) -> Option<(Reading, Bytes, Option<RuleIndex>)> {
        let marker = || Bytes::from_static(QUOTED_MARKER);
        match treat {
            Treat::Leaves(rule)
            | Treat::Replace(rule)
            | Treat::Cookies(rule)
            | Treat::CookiePair(rule) => Some((Reading::Both, marker(), Some(rule))),
            Treat::Null(rule) | Treat::Address(rule) | Treat::Pseudonym(rule) => {
                Some((Reading::Both, Bytes::from_static(b"null"), Some(rule)))
            }
            Treat::Force(node) => self
                .force_text(node, false)
                .map(|text| (Reading::Both, text, None)),
            Treat::Plain | Treat::Query => splicer
                .holds_value()
                .then(|| (Reading::Redacted, marker(), Some(self.plan.held_rule))),
        }
    }

    fn number_start(&mut self, at: u64, splicer: &mut Splicer) {
        if self.dropping() {
            return;
        }
        let next = self.begin_value(at, Begun::Number, splicer);
        if let Some((reading, text, rule)) = self.scalar(next.treat, splicer) {
            splicer.cut(reading, at);
            splicer.insert(reading, &text);
            if let Some(rule) = rule {
                splicer.record(reading, rule, at);
            }
            self.number = Some(reading);
        }
        let plain = matches!(next.treat, Treat::Plain | Treat::Query);
        if plain && !(self.plan.known.is_empty() && self.plan.personal.is_empty()) {
            self.digits = Some(Digits {
                start: at,
                text: Vec::new(),
            });
        }
    }

    /// Takes note of the number in progress up to an index of the chunk. One that is too long is let go.
    fn read_digits(&mut self, chunk: &[u8], to: usize, base: u64) {
        let Some(digits) = &mut self.digits else {
            return;
        };
        let from = (digits.start + digits.text.len() as u64 - base) as usize;
        let some = chunk.get(from..to).unwrap_or_default();
        if digits.text.len() + some.len() > NUMBER_BYTES {
            self.digits = None;
        } else {
            digits.text.extend_from_slice(some);
        }
    }

    /// The rule that covers a number for what it says, and what replaces it.
    fn number_says(&self, text: &[u8]) -> Option<(RuleIndex, Bytes)> {
        if self.plan.known.is_in(text) {
            return Some((self.plan.known_rule, Bytes::from_static(QUOTED_MARKER)));
        }
        let personal = &self.plan.personal;
        let kind = personal.number(text)?;
        let replacement = personal.replacement(kind, text, text);
        let quoted = [b"\"", &replacement[..], b"\""].concat();
        Some((personal.rule(kind)?, Bytes::from(quoted)))
    }

    fn number_end(&mut self, at: u64, splicer: &mut Splicer) {
        if self.dropping() {
            return;
        }
        if let Some(reading) = self.number.take() {
            splicer.resume(reading, at);
        }
        if let Some(digits) = self.digits.take()
            && let Some((rule, text)) = self.number_says(&digits.text)
        {
            splicer.cut(Reading::Plain, digits.start);
            splicer.insert(Reading::Plain, &text);
            splicer.record(Reading::Plain, rule, digits.start);
            splicer.resume(Reading::Plain, at);
        }
        self.end_value(splicer);
    }

    fn literal(&mut self, start: u64, end: u64, splicer: &mut Splicer) {
        if self.dropping() {
            return;
        }
        let next = self.begin_value(start, Begun::Other, splicer);
        if let Treat::Force(node) = next.treat
            && let Some(text) = self.force_text(node, false)
        {
            splicer.cut(Reading::Both, start);
            splicer.insert(Reading::Both, &text);
            splicer.resume(Reading::Both, end);
        }
        self.end_value(splicer);
    }

    // --- strings ---

    fn string_start(&mut self, is_key: bool, at: u64, splicer: &mut Splicer) {
        let string = &mut self.string;
        string.is_key = is_key;
        string.scan = None;
        string.scanning = false;
        string.captured.clear();
        string.capture_full = false;
        string.wanted = false;
        string.leaf = None;
        if self.dropping() {
            return;
        }
        if is_key {
            if let Some(frame) = self.frames.last_mut() {
                frame.count = frame.count.saturating_add(1);
            }
            return self.key_start(at, splicer);
        }
        let next = self.begin_value(at, Begun::String, splicer);
        let (in_array, is_wrapper) = self.frames.last().map_or((false, false), |f| {
            (f.container == Container::Array, f.wrapper)
        });
        let string = &mut self.string;
        string.wanted = next.is_pair_name || next.is_string_value || in_array;
        string.scan = match next.treat {
            Treat::Plain => Some(Kind::Plain),
            Treat::Query => Some(Kind::Query),
            Treat::Cookies(rule) => Some(Kind::Cookie(rule)),
            Treat::Leaves(_)
            | Treat::CookiePair(_)
            | Treat::Replace(_)
            | Treat::Null(_)
            | Treat::Address(_)
            | Treat::Pseudonym(_)
            | Treat::Force(_) => None,
        };
        let leaf = match next.treat {
            // A cookie string is not replaced as a whole, except under a held pair.
            Treat::Cookies(_) => splicer.holds_value().then(|| {
                (
                    Reading::Redacted,
                    QUOTED_MARKER.into(),
                    Some(self.plan.held_rule),
                )
            }),
            treat => self.scalar(treat, splicer),
        };
        if let Some((reading, text, rule)) = leaf {
            let kind = match next.treat {
                Treat::Null(_) | Treat::Force(_) => LeafKind::Always,
                Treat::Address(_) => LeafKind::Address,
                Treat::Pseudonym(_) => LeafKind::Pseudonym,
                Treat::Leaves(_) if next.is_type && is_wrapper => LeafKind::Type,
                _ => LeafKind::Value,
            };
            let rule = rule.unwrap_or(self.plan.forced_rule);
            self.string.leaf = Some(Leaf {
                reading,
                start: at,
                rule,
                text,
                cut: false,
                kind,
            });
        }
    }

    fn key_start(&mut self, at: u64, splicer: &Splicer) {
        let denied = match self.frames.last().map(|frame| frame.treat) {
            Some(Treat::Leaves(rule)) => Some((Reading::Both, rule)),
            _ if splicer.holds_value() => Some((Reading::Redacted, self.plan.held_rule)),
            _ => None,
        };
        self.string.wanted = true;
        if !matches!(denied, Some((Reading::Both, _))) {
            self.string.scan = Some(Kind::Plain);
        }
        self.string.leaf = denied.map(|(reading, rule)| Leaf {
            reading,
            start: at,
            rule,
            text: Bytes::from_static(QUOTED_MARKER),
            cut: false,
            kind: LeafKind::Key,
        });
    }

    /// What is known of a key all of which is at hand.
    fn known_key(&mut self, inside: &[u8]) -> Known {
        let Lexer { escaped, signs, .. } = self.lexer;
        let Self {
            keys,
            plan,
            verdicts,
            ..
        } = self;
        keys.look_up(inside, || {
            let glance = Glance::at(inside, escaped, signs, Kind::Plain, true, plan);
            // One that had something in it before is no name.
            let plain = !escaped && memchr::memchr(MARKER[0], inside).is_none();
            let name = plain.then(|| {
                let verdict = match glance.named {
                    true => verdicts.look_up(&plan.names, inside, MEMBER),
                    false => None,
                };
                (Role::of(inside), verdict)
            });
            Known { glance, name }
        })
    }

    #[inline(never)]
    fn string_part(
        &mut self,
        chunk: &[u8],
        start: usize,
        end: usize,
        closed: bool,
        base: u64,
        splicer: &mut Splicer,
    ) {
        if self.dropping() {
            if closed && !self.string.is_key {
                self.end_value(splicer);
            }
            return;
        }
        let part = &chunk[start..end];
        let at = base + start as u64;
        if self.string.is_key && self.otlp.is_some() {
            let known = self.string.captured.len();
            let may_be = OTLP_TYPED.iter().any(|name| {
                name.get(known..).is_some_and(|rest| {
                    name.starts_with(&self.string.captured) && rest.starts_with(part)
                })
            });
            if !may_be {
                self.no_otlp(splicer);
            }
        }
        let mut may_name = true;
        let mut known = None;
        if let Some(kind) = self.string.scan {
            // A glance tells whether there can be anything, if the whole string is at hand.
            let glance = if !closed || self.string.scanning {
                Glance::ALL
            } else if self.string.is_key {
                let key = self.known_key(part);
                known = key.name;
                key.glance
            } else {
                let Lexer { escaped, signs, .. } = self.lexer;
                let seen = self.glanced.take().filter(|(seen, _)| *seen == at);
                match seen {
                    Some((_, glance)) if kind == Kind::Plain => glance,
                    Some(_) | None => {
                        Glance::at(part, escaped, signs, kind, self.string.wanted, &self.plan)
                    }
                }
            };
            if self.string.scanning || !glance.is_idle() {
                if !self.string.scanning {
                    self.machine.start(kind, Layer::Json, at);
                    self.machine.expect(glance);
                    self.string.scanning = true;
                }
                let mut cx = Context {
                    plan: &self.plan,
                    splicer,
                };
                self.machine.run(part, at, closed, &mut cx);
            }
            may_name = glance.named;
        }
        // The inside is at hand in one piece unless a chunk border cuts it.
        let whole = closed && self.string.captured.is_empty() && !self.string.capture_full;
        if !whole && (self.string.wanted || self.string.leaf.is_some()) {
            let room = CAPTURE_BYTES - self.string.captured.len();
            self.string
                .captured
                .extend_from_slice(&part[..part.len().min(room)]);
            self.string.capture_full |= part.len() > room;
        }
        let captured = std::mem::take(&mut self.string.captured);
        let inside: &[u8] = if whole { part } else { &captured };
        let full = self.string.capture_full || inside.len() > CAPTURE_BYTES;
        if let Some(leaf) = &mut self.string.leaf
            && leaf.kind == LeafKind::Pseudonym
            && closed
            && !full
        {
            // However it is escaped, it is the same.
            self.decoded.clear();
            decode(inside, &mut self.decoded);
            if let Some(text) = self.plan.personal.stands_for(&self.decoded) {
                leaf.text = text;
            }
            self.decoded.clear();
        }
        if let Some(leaf) = &mut self.string.leaf
            && leaf.kind == LeafKind::Address
            && closed
            && !full
            && let Some(made) = self.plan.personal.address(inside)
        {
            leaf.text = made.text;
            if let Some(frame) = self.frames.last_mut() {
                frame.pseudonym = made.pseudonym;
            }
        }
        if let Some(leaf) = &mut self.string.leaf
            && !leaf.cut
            && let Some(text) = leaf.decide(inside, closed, full)
        {
            leaf.cut = true;
            splicer.cut(leaf.reading, leaf.start);
            splicer.insert(leaf.reading, &text);
            if leaf.kind != LeafKind::Always || leaf.rule != self.plan.forced_rule {
                splicer.record(leaf.reading, leaf.rule, leaf.start);
            }
        }
        if closed {
            let behind = base + end as u64 + 1;
            if let Some(leaf) = self.string.leaf.take()
                && leaf.cut
            {
                splicer.resume(leaf.reading, behind);
            }
            // A key with a parameter in it reads as a URL, and is no name.
            // Neither is one that had something in it before.
            let redacted = (self.string.scanning && self.machine.has_redacted())
                || (self.string.wanted
                    && memchr::memchr(MARKER[0], inside).is_some()
                    && memchr::memmem::find(inside, MARKER).is_some());
            self.string.scanning = false;
            let name = (!full && !redacted).then_some(inside);
            if self.string.is_key {
                let known = known.filter(|_| name.is_some());
                self.key_end(name, may_name, known, behind, splicer);
                // However it is cut, the same of it counts.
                let start = &inside[..inside.len().min(CAPTURE_BYTES)];
                if full && !redacted && !reads_as_path(start) {
                    // Too long to be looked at whole, and it may end in anything.
                    if matches!(self.next.treat, Treat::Plain | Treat::Query) {
                        self.next.treat = Treat::Leaves(self.plan.held_rule);
                    }
                }
            } else {
                if self.string.wanted {
                    let named = may_name || self.may_be_command(inside);
                    self.name_end(name.filter(|_| named), behind, splicer);
                    let start = &inside[..inside.len().min(CAPTURE_BYTES)];
                    if full && !redacted && self.next.is_pair_name && reads_as_name(start) {
                        self.unknown_name(behind, splicer);
                    }
                }
                self.end_value(splicer);
            }
        }
        self.string.captured = captured;
    }

    /// A key is complete (`None`: too long to be a name): what about its value?
    fn key_end(
        &mut self,
        raw: Option<&[u8]>,
        may_name: bool,
        known: Option<(Role, Option<Verdict>)>,
        behind: u64,
        splicer: &mut Splicer,
    ) {
        let mut decoded = std::mem::take(&mut self.decoded);
        let key = match raw {
            Some(raw) if self.lexer.escaped => {
                decode(raw, &mut decoded);
                decoded.as_slice()
            }
            Some(raw) => raw,
            None => b"",
        };
        self.key_known(key, (raw.is_some(), may_name), known, behind, splicer);
        decoded.clear();
        self.decoded = decoded;
    }

    /// A key is known, `whole` or too long to be a name.
    fn key_known(
        &mut self,
        key: &[u8],
        (whole, may_name): (bool, bool),
        known: Option<(Role, Option<Verdict>)>,
        behind: u64,
        splicer: &mut Splicer,
    ) {
        if let Some((start, depth, reading, rule)) = self.otlp {
            if behind - start <= OTLP_BYTES && OTLP_TYPED.contains(&key) {
                self.otlp = None;
                if reading == Reading::Redacted {
                    // As it is, the object stays.
                    for at in self.newlines.drain(..) {
                        replace(splicer, Reading::Plain, at, at + 1, b" ");
                    }
                }
                self.newlines.clear();
                splicer.cut(reading, start);
                splicer.insert(reading, &Bytes::from_static(OTLP_MARKER));
                splicer.record(reading, rule, start);
                if reading == Reading::Both {
                    self.drop = Some(depth);
                    self.frames.pop();
                    return;
                }
                let hold = splicer.value_hold();
                self.held_drop = Some(HeldDrop { depth, hold });
            } else {
                self.no_otlp(splicer);
            }
        }
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        frame.has_id |= key == b"id";
        let node = if whole {
            self.plan.paths.child(frame.node, key)
        } else {
            NOWHERE
        };
        let mut next = Next::plain(node);
        next.treat = match frame.treat {
            Treat::CookiePair(rule) | Treat::Cookies(rule) => Treat::Leaves(rule),
            other => other,
        };
        let allowed = self.plan.paths.node(node).allowed;
        if allowed && !matches!(next.treat, Treat::Leaves(rule) if self.plan.is_fixed(rule)) {
            next.treat = Treat::Plain;
        }
        let role = known.map_or_else(|| Role::of(key), |(role, _)| role);
        next.is_pair_name = role.is(Role::PAIR_NAME);
        next.is_pair_value = role.is(Role::PAIR_VALUE);
        next.is_string_value = role.is(Role::STRING_VALUE);
        next.is_type = role.is(Role::TYPE);
        next.is_attributes = role.is(Role::ATTRIBUTES);
        if node != NOWHERE {
            let info = self.plan.paths.node(node);
            if self.forces && info.forced.is_some() {
                next.treat = Treat::Force(node);
                let required = &self.plan.paths.node(frame.node).required;
                if let Some(bit) = required.iter().position(|child| *child == node) {
                    frame.seen |= 1 << bit;
                }
            } else if let Some((treatment, rule)) = info.action {
                apply(&mut next, treatment, rule);
            }
        }
        let open = matches!(next.treat, Treat::Plain | Treat::Query)
            && self.plan.paths.node(node).action.is_none();
        if open && !frame.not_names && whole && may_name {
            let in_query = frame.treat == Treat::Query;
            let kinds = if in_query {
                MEMBER.or(Kinds::PARAM)
            } else {
                MEMBER
            };
            let names = &self.plan.names;
            let verdict = match (allowed, known) {
                (true, _) => self.verdicts.look_up_fixed(names, key, kinds),
                (false, Some((_, verdict))) if !in_query => verdict,
                (false, _) => self.verdicts.look_up(names, key, kinds),
            };
            if let Some(verdict) = verdict {
                apply(&mut next, verdict.treatment, verdict.rule);
            }
        }
        self.next = next;
        if splicer.path.is_some() {
            let depth = self.frames.len();
            self.keys_path.truncate(depth - 1);
            self.keys_path.resize(depth - 1, String::new());
            self.keys_path
                .push(shown(key, matches!(next.treat, Treat::Leaves(_))));
        }
    }

    /// A string is complete that may be the name of a pair.
    fn name_end(&mut self, raw: Option<&[u8]>, behind: u64, splicer: &mut Splicer) {
        let mut decoded = std::mem::take(&mut self.decoded);
        let name = match raw {
            Some(raw) if self.lexer.escaped => {
                decode(raw, &mut decoded);
                Some(decoded.as_slice())
            }
            raw => raw,
        };
        self.name_known(name, behind, splicer);
        decoded.clear();
        self.decoded = decoded;
    }

    fn name_known(&mut self, name: Option<&[u8]>, behind: u64, splicer: &mut Splicer) {
        let is_string_value = self.next.is_string_value;
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if matches!(frame.treat, Treat::Leaves(_)) {
            return;
        }
        let kinds = Kinds::KEY.or(Kinds::HEADER);
        let kinds = if frame.treat == Treat::Query {
            kinds.or(Kinds::PARAM)
        } else {
            kinds
        };
        if frame.container == Container::Array || is_string_value {
            let name = name.unwrap_or_default();
            let verdict = self
                .verdicts
                .look_up_pair_name(&self.plan.names, name, kinds);
            // A query is looked at as one where its name comes first, and as text elsewhere.
            let denied = verdict.filter(|v| v.treatment != Treatment::Query);
            frame.element.is_string = true;
            frame.is_command |= is_http_client(name);
            let user = self
                .plan
                .user_info
                .filter(|_| frame.is_command && takes_user(name));
            frame.element.name = match denied {
                None if user.is_some() => user.map_or(Before::Nothing, Before::Strong),
                Some(v)
                    if v.kinds.meets(Kinds::HEADER)
                        || name.starts_with(b"-")
                        || self
                            .verdicts
                            .look_up(&self.plan.names, name, Kinds::HEADER)
                            .is_some() =>
                {
                    Before::Strong(v.rule)
                }
                Some(v) if frame.count == 1 => Before::Weak(v.rule),
                _ => Before::Nothing,
            };
            return;
        }
        let verdict = name.and_then(|name| {
            self.verdicts
                .look_up_member_name(&self.plan.names, name, kinds)
        });
        match verdict {
            Some(verdict) => {
                frame.pair = PairName::Denied(verdict);
                if frame.hold != 0 {
                    let denied = (verdict.treatment != Treatment::Query).then_some(verdict.rule);
                    splicer.resolve(frame.hold, behind, denied, self.plan.held_rule);
                    frame.hold = 0;
                }
            }
            None => {
                if frame.pair == PairName::Unknown {
                    frame.pair = PairName::Harmless;
                }
            }
        }
    }

    /// Whether a string may be a program, or a flag of one, whose flags have users and passwords.
    fn may_be_command(&self, inside: &[u8]) -> bool {
        let in_array = self
            .frames
            .last()
            .is_some_and(|frame| frame.container == Container::Array);
        in_array && (is_http_client(inside) || takes_user(inside))
    }

    /// The name of a key/value object is too long to be looked at whole, and may end in anything.
    fn unknown_name(&mut self, behind: u64, splicer: &mut Splicer) {
        let rule = self.plan.held_rule;
        if let Some(frame) = self.frames.last_mut()
            && frame.container == Container::Object
            && !matches!(frame.treat, Treat::Leaves(_))
        {
            frame.pair = PairName::Denied(Verdict {
                rule,
                treatment: Treatment::Leaves,
                kinds: Kinds::KEY,
            });
            if frame.hold != 0 {
                splicer.resolve(frame.hold, behind, Some(rule), rule);
                frame.hold = 0;
            }
        }
    }

    fn note_path(&mut self, index: Option<u32>, splicer: &mut Splicer) {
        let depth = self.frames.len();
        self.keys_path
            .resize(depth.max(self.keys_path.len()), String::new());
        self.keys_path.truncate(depth);
        if let Some(index) = index
            && let Some(last) = self.keys_path.last_mut()
        {
            *last = format!("[{index}]");
        }
        if let Some(path) = &mut splicer.path {
            path.clear();
            for part in &self.keys_path {
                if !path.is_empty() && !part.starts_with('[') {
                    path.push('.');
                }
                path.push_str(part);
            }
        }
    }
}

impl Leaf {
    /// What replaces it, judging by its inside so far (`full`: there is more than that); `None`: nothing, or not yet.
    fn decide(&self, inside: &[u8], closed: bool, full: bool) -> Option<Bytes> {
        let may_be = |list: &[&[u8]]| {
            !full
                && list.iter().any(|word| {
                    if closed {
                        *word == inside
                    } else {
                        word.starts_with(inside)
                    }
                })
        };
        match self.kind {
            LeafKind::Always => Some(self.text.clone()),
            // All of it is needed. One that is too long is no address.
            LeafKind::Address => (closed || full).then(|| self.text.clone()),
            LeafKind::Pseudonym => {
                let stays =
                    !full && (inside.is_empty() || inside == MARKER || Pseudonym::is_one(inside));
                ((closed || full) && !stays).then(|| self.text.clone())
            }
            LeafKind::Value => {
                let spared = (inside.is_empty() && !full) || may_be(&LITERALS);
                (!spared).then(|| self.text.clone())
            }
            LeafKind::Type => {
                if may_be(&REPLACED_TYPES) {
                    let becomes_string = closed && inside != b"string";
                    return becomes_string.then(|| Bytes::from_static(b"\"string\""));
                }
                let spared =
                    (inside.is_empty() && !full) || may_be(&[KEPT_TYPE]) || may_be(&LITERALS);
                (!spared).then(|| self.text.clone())
            }
            LeafKind::Key => {
                if full {
                    return Some(self.text.clone());
                }
                if !closed {
                    return None;
                }
                let mut key = Vec::new();
                decode(inside, &mut key);
                let secret = key.len() >= SECRET_KEY_BYTES
                    && key.iter().any(u8::is_ascii_alphabetic)
                    && key.iter().any(u8::is_ascii_digit);
                // A parameter, however its equals sign is written: keys are not scanned here.
                let encoded = |pair: &[u8]| pair.eq_ignore_ascii_case(b"3d");
                let text = key.contains(&b'=')
                    || (key.contains(&b'%') && key.windows(2).any(encoded))
                    || key
                        .windows(4)
                        .any(|four| four.eq_ignore_ascii_case(b"003d"));
                ((secret || text) && key != MARKER).then(|| self.text.clone())
            }
        }
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

/// A key as reports show it: as it is, unless it could hold something.
fn shown(key: &[u8], denied: bool) -> String {
    let plain = key.len() <= 64
        && !key.is_empty()
        && key.iter().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' ' | b':' | b'/')
        });
    let like_a_secret = key.len() >= SECRET_KEY_BYTES && key.iter().any(u8::is_ascii_digit);
    if plain && !like_a_secret && !(denied && key.len() > 64) {
        String::from_utf8_lossy(key).into_owned()
    } else {
        "*".to_owned()
    }
}

/// Undoes the JSON escapes of a string that the lexer has found valid.
fn decode(raw: &[u8], into: &mut Vec<u8>) {
    let mut high: Option<u32> = None;
    let mut at = 0;
    while at < raw.len() {
        let mut unit = None;
        if raw[at] == b'\\' {
            match raw.get(at + 1) {
                Some(b'u') => {
                    let digits = raw
                        .get(at + 2..at + 6)
                        .and_then(|d| std::str::from_utf8(d).ok());
                    unit = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
                    at += 6;
                }
                Some(other) => {
                    into.push(match other {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 8,
                        b'f' => 12,
                        other => *other,
                    });
                    at += 2;
                }
                None => at += 1,
            }
        } else {
            into.push(raw[at]);
            at += 1;
        }
        if let Some(unit) = unit {
            let code = match (high.take(), unit) {
                (_, 0xD800..=0xDBFF) => {
                    high = Some(unit);
                    continue;
                }
                (Some(high), 0xDC00..=0xDFFF) => {
                    0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00)
                }
                (_, unit) => unit,
            };
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            high = None;
        }
    }
}

/// An error of the lexer, with its place.
pub(crate) fn malformed((reason, offset): Failure, place: Place) -> Malformed {
    Malformed {
        offset,
        place,
        reason,
    }
}
