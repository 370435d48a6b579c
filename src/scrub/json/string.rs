//! Strings: looked at as text, replaced, or taken for names.

use bytes::Bytes;

use super::frame::Treat;
use super::keys::{Known, Role};
use super::lexer::{Container, Lexer};
use super::name::OTLP_TYPED;
use super::value::Begun;
use super::{CAPTURE_BYTES, Glanced, JsonScrubber, MEMBER, QUOTED_MARKER, SECRET_KEY_BYTES};
use crate::scrub::MARKER;
use crate::scrub::digest::Digest;
use crate::scrub::memory::is_tried;
use crate::scrub::name::{RuleIndex, reads_as_name, reads_as_path};
use crate::scrub::personal::Pseudonym;
use crate::scrub::plan::Plan;
use crate::scrub::splice::{Reading, Splicer};
use crate::scrub::string::StringScrubber;
use crate::scrub::text::{Context, Glance, Kind, LITERALS, Layer, Signs};

/// A string that is, or may have to be, replaced.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) reading: Reading,
    /// Offset of its opening quote.
    pub(super) start: u64,
    pub(super) rule: RuleIndex,
    pub(super) text: Bytes,
    pub(super) cut: bool,
    pub(super) kind: LeafKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
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
pub(super) struct StringState {
    pub(super) is_key: bool,
    /// Scanned as text of this kind, once the machine is needed.
    pub(super) scan: Option<Kind>,
    pub(super) scanning: bool,
    /// The first bytes of the inside, raw.
    pub(super) captured: Vec<u8>,
    pub(super) capture_full: bool,
    /// Whether the inside is wanted when the string ends.
    pub(super) wanted: bool,
    /// How much of a marker has been read last, if all is not at hand; all of one: it has had something in it before.
    pub(super) marked: usize,
    /// It says what the document is, and that matters.
    pub(super) says_type: bool,
    pub(super) leaf: Option<Leaf>,
}

impl StringState {
    /// Looks for a marker in the next bytes of the inside.
    fn look_for_marker(&mut self, part: &[u8]) {
        let mut rest = part;
        while self.marked < MARKER.len() {
            if self.marked == 0 {
                let Some(at) = memchr::memchr(MARKER[0], rest) else {
                    return;
                };
                rest = &rest[at..];
            }
            let Some((byte, behind)) = rest.split_first() else {
                return;
            };
            self.marked = match MARKER[self.marked] == *byte {
                true => self.marked + 1,
                false => usize::from(*byte == MARKER[0]),
            };
            rest = behind;
        }
    }
}

/// The types of a log or span attribute whose value becomes a string with the marker. (A boolean is no secret and stays one.)
const REPLACED_TYPES: [&[u8]; 4] = [b"string", b"integer", b"double", b"array"];

/// The type of an attribute whose value stays.
const KEPT_TYPE: &[u8] = b"boolean";

/// Undoes the JSON escapes of a string that the lexer has found valid.
pub(super) fn decode(raw: &[u8], into: &mut Vec<u8>) {
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

/// Whether a key, as text, has something in it that a rule covers. For keys below a denied name only: it costs as much as a text by itself.
fn has_something(key: &[u8], plan: &Plan) -> bool {
    let signs = Signs::of_plain(key);
    let glance = Glance::at(key, false, signs, Kind::Plain, true, plan);
    let mut redactions = Vec::new();
    !glance.is_idle()
        && StringScrubber::new()
            .scrub(plan, Kind::Plain, key, &mut redactions)
            .is_some()
}

impl JsonScrubber {
    pub(super) fn string_start(&mut self, is_key: bool, at: u64, splicer: &mut Splicer) {
        let string = &mut self.string;
        string.is_key = is_key;
        string.scan = None;
        string.scanning = false;
        string.captured.clear();
        string.capture_full = false;
        string.wanted = false;
        string.marked = 0;
        string.says_type = false;
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
        string.wanted =
            next.role.is(Role::PAIR_NAME) || next.role.is(Role::STRING_VALUE) || in_array;
        string.says_type = self.events_only && next.role.is(Role::TYPE) && self.frames.len() == 1;
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
                Treat::Leaves(_) if next.role.is(Role::TYPE) && is_wrapper => LeafKind::Type,
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

    pub(super) fn key_start(&mut self, at: u64, splicer: &Splicer) {
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

    /// What is known of a key all of which is at hand. (`plain`: it has no escapes, and its signs have not been looked at.)
    #[inline]
    pub(super) fn known_key(&mut self, inside: &[u8], plain: bool) -> Known {
        let Lexer { escaped, signs, .. } = self.lexer;
        let escaped = escaped && !plain;
        let Self {
            keys,
            plan,
            verdicts,
            ..
        } = self;
        keys.look_up(inside, &plan.keys, || {
            let signs = match plain {
                true => Signs::of_plain(inside),
                false => signs,
            };
            let glance = Glance::at(inside, escaped, signs, Kind::Plain, true, plan);
            // One that had something in it before is no name.
            let is_name = !escaped && memchr::memchr(MARKER[0], inside).is_none();
            let name = is_name.then(|| {
                let verdict = match glance.named() {
                    true => verdicts.look_up(&plan.names, inside, MEMBER),
                    false => None,
                };
                (Role::of(inside), verdict)
            });
            Known::new(glance, name)
        })
    }

    /// What has come of the text of a value before, if that is to be asked before a glance at it, as it is where a glance is dear.
    #[inline]
    pub(super) fn recall_first(
        &mut self,
        text: &[u8],
        kind: Kind,
        may_name: bool,
    ) -> (Option<Digest>, Option<Glance>) {
        match self.plan.tells_by_literals() {
            true => (None, None),
            false => self.recall(text, kind, may_name),
        }
    }

    /// What has come of the text of a value before, and by what it is known.
    fn recall(
        &mut self,
        text: &[u8],
        kind: Kind,
        may_name: bool,
    ) -> (Option<Digest>, Option<Glance>) {
        let texts = &self.plan.texts;
        let mark = texts.mark(text, kind, may_name);
        let known = mark.and_then(|mark| texts.recall(mark, &mut self.edits));
        (mark, known)
    }

    /// Remembers a text in which a glance has seen nothing.
    #[inline]
    pub(super) fn remember_idle(
        &self,
        mark: Option<Digest>,
        known: Option<Glance>,
        glance: Glance,
    ) {
        if known.is_none()
            && let Some(mark) = mark
        {
            self.plan.texts.remember(mark, glance, &[]);
        }
    }

    /// What there may be in the text of a value, all of which is at hand, and what has come of it before.
    fn look(&mut self, text: &[u8], kind: Kind, at: u64) -> Glanced {
        let may_name = self.string.wanted;
        let glanced = self.glanced.take().filter(|seen| seen.at == at);
        let mut seen = match glanced {
            Some(seen) if kind == Kind::Plain => seen,
            Some(_) | None => {
                let Lexer { escaped, signs, .. } = self.lexer;
                // Escapes make a glance see little.
                let (mark, known) = match escaped && glanced.is_none() {
                    true => self.recall(text, kind, may_name),
                    false => self.recall_first(text, kind, may_name),
                };
                let signs = match glanced {
                    Some(_) => Signs::of_plain(text),
                    None => signs,
                };
                let glance = known.unwrap_or_else(|| {
                    Glance::at(text, escaped, signs, kind, may_name, &self.plan)
                });
                if glance.is_idle() {
                    self.remember_idle(mark, known, glance);
                }
                Glanced {
                    at,
                    glance,
                    may_name,
                    mark,
                    is_known: known.is_some(),
                }
            }
        };
        if !seen.glance.is_idle() && seen.mark.is_none() {
            let (mark, known) = self.recall(text, kind, seen.may_name);
            seen.mark = mark;
            seen.is_known = known.is_some();
        }
        seen
    }

    /// Reads the next bytes of a string as text, or does what was done where the same came before; with `last`, it ends there.
    fn read_text(
        &mut self,
        part: &[u8],
        kind: Kind,
        seen: Glanced,
        last: bool,
        splicer: &mut Splicer,
    ) {
        let at = seen.at;
        let begins = !std::mem::replace(&mut self.string.scanning, true);
        let Self {
            machine,
            edits,
            plan,
            ..
        } = self;
        let mut cx = Context { plan, splicer };
        if seen.is_known && !is_tried(part) {
            return machine.make_again(edits, at, &mut cx);
        }
        if begins {
            machine.start(kind, Layer::Json, at);
            machine.expect(seen.glance);
        }
        match seen.mark {
            None => machine.run(part, at, last, &mut cx),
            Some(_) if seen.is_known => machine.read_and_compare(part, at, edits, &mut cx),
            Some(mark) => machine.read_and_remember(part, at, mark, &mut cx),
        }
    }

    #[inline(never)]
    pub(super) fn string_part(
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
            let seen = if !closed || self.string.scanning {
                Glanced::new(at, Glance::ALL)
            } else if self.string.is_key {
                let key = self.known_key(part, false);
                known = key.name;
                Glanced::new(at, key.glance)
            } else {
                self.look(part, kind, at)
            };
            if self.string.scanning || !seen.glance.is_idle() {
                self.read_text(part, kind, seen, closed, splicer);
            }
            may_name = seen.glance.named();
        }
        // The inside is at hand in one piece unless a chunk border cuts it.
        let whole = closed && self.string.captured.is_empty() && !self.string.capture_full;
        let kept = self.string.wanted || self.string.says_type || self.string.leaf.is_some();
        if !whole && kept {
            let room = CAPTURE_BYTES - self.string.captured.len();
            self.string
                .captured
                .extend_from_slice(&part[..part.len().min(room)]);
            self.string.capture_full |= part.len() > room;
        }
        if self.string.wanted && (!whole || part.len() > CAPTURE_BYTES) {
            self.string.look_for_marker(part);
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
            let depth = self.frames.len();
            while self.pseudonyms.pop_if(|(of, _)| *of >= depth).is_some() {}
            self.pseudonyms
                .extend(made.pseudonym.map(|pseudonym| (depth, pseudonym)));
        }
        if let Some(leaf) = &mut self.string.leaf
            && !leaf.cut
            && let Some(text) = leaf.decide(inside, closed, full, &self.plan)
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
            if self.string.says_type && !full {
                let mut said = Vec::new();
                decode(inside, &mut said);
                self.refused = said == b"transaction";
            }
            let mut cut = false;
            if let Some(leaf) = self.string.leaf.take()
                && leaf.cut
            {
                cut = true;
                splicer.resume(leaf.reading, behind);
                // Without what was in it, it may be no secret, and stays the next time.
                if leaf.kind == LeafKind::Key && self.string.scanning && self.machine.has_redacted()
                {
                    splicer.weigh_key();
                }
            }
            // A key with a parameter in it reads as a URL, and is no name.
            // Neither is one that had something in it before. (What stands for an address or a user tells that to nobody.)
            let seen = &inside[..inside.len().min(CAPTURE_BYTES)];
            let redacted = (self.string.scanning && self.machine.has_marked())
                || self.string.marked == MARKER.len()
                || (self.string.wanted
                    && memchr::memchr(MARKER[0], seen).is_some()
                    && memchr::memmem::find(seen, MARKER).is_some());
            // Neither is what was in it shown in a place.
            let hides = cut || (self.string.scanning && self.machine.has_redacted());
            self.string.scanning = false;
            let name = (!full && !redacted).then_some(inside);
            if self.string.is_key {
                let known = known.filter(|_| name.is_some());
                self.key_end(name, may_name, known, behind, splicer);
                // In the reading in which it goes it is no name, and what it has is no wrapper.
                self.next.wrapper &= !cut;
                if hides {
                    self.hide_key(splicer);
                }
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
                    if full
                        && !redacted
                        && self.next.role.is(Role::PAIR_NAME)
                        && reads_as_name(start)
                    {
                        self.unknown_name(behind, splicer);
                    }
                }
                self.end_value(splicer);
            }
        }
        self.string.captured = captured;
    }
}

impl Leaf {
    /// What replaces it, judging by its inside so far (`full`: there is more than that); `None`: nothing, or not yet.
    fn decide(&self, inside: &[u8], closed: bool, full: bool, plan: &Plan) -> Option<Bytes> {
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
                // A parameter, however its equals sign is written, or a URL with a user: keys are not scanned here.
                let encoded = |pair: &[u8]| pair.eq_ignore_ascii_case(b"3d");
                let text = key.contains(&b'=')
                    || key.contains(&b'@')
                    || (key.contains(&b'%') && key.windows(2).any(encoded))
                    || key
                        .windows(4)
                        .any(|four| four.eq_ignore_ascii_case(b"003d"));
                let goes = key != MARKER && (secret || text || has_something(&key, plan));
                goes.then(|| self.text.clone())
            }
        }
    }
}
