//! What is done with a value, which is known before its first byte; numbers and literals.

use bytes::Bytes;

use super::frame::{Before, Next, PairName, Treat};
use super::keys::Role;
use super::lexer::Container;
use super::{DEEP, JsonScrubber, QUOTED_MARKER, apply};
use crate::scrub::name::RuleIndex;
use crate::scrub::splice::{Reading, Splicer};

/// What kind of value begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    String,
    Number,
    /// A container or a literal.
    Other,
}

/// A number that may have to be replaced for what it says.
#[derive(Debug)]
pub(super) struct Digits {
    /// Offset of its first byte.
    pub(super) start: u64,
    pub(super) text: Vec<u8>,
}

/// Longest number that is looked at, in bytes.
const NUMBER_BYTES: usize = 64;

impl JsonScrubber {
    /// What is to be done with the value that begins here. Starts a hold if its name is not known yet.
    pub(super) fn begin_value(&mut self, at: u64, kind: Begun, splicer: &mut Splicer) -> Next {
        let deep = self.frames.len() > DEEP;
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
            Container::Object if next.role.is(Role::PAIR_VALUE) && open => match frame.pair {
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
        if waits {
            self.end_full_holds(at, splicer);
        }
        let Some(frame) = self.frames.last_mut() else {
            return next;
        };
        if waits && frame.hold != 0 {
            // Another `value` before the name: it waits, too.
            splicer.hold_value_again(frame.hold);
        } else if waits {
            match splicer.hold(at, deep) {
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

    /// Ends holds that are full before another begins: they are so wherever the document is cut.
    fn end_full_holds(&mut self, at: u64, splicer: &mut Splicer) {
        // Most often nothing is held, however deep it is.
        if splicer.is_idle() {
            return;
        }
        let rule = self.plan.held_rule;
        for frame in self.frames.iter_mut().filter(|frame| frame.hold != 0) {
            if splicer.end_full(frame.hold, at, rule) {
                frame.hold = 0;
            }
        }
    }

    pub(super) fn end_value(&self, splicer: &mut Splicer) {
        if let Some(frame) = self.frames.last()
            && frame.hold != 0
        {
            // The first value that ends in its container after a hold began is the held one; for later ones this is idle.
            splicer.hold_value_end(frame.hold);
        }
    }

    /// The text that a forced value is replaced with; `None` if an object may stay.
    pub(super) fn force_text(&self, node: u16, is_object: bool) -> Option<Bytes> {
        let forced = self.plan.paths.node(node).forced.as_ref()?;
        (!(is_object && forced.keeps_object)).then(|| forced.literal.clone())
    }

    /// The reading in which a scalar with this treatment is replaced, with the replacement and the rule.
    pub(super) fn scalar(
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

    pub(super) fn number_start(&mut self, at: u64, splicer: &mut Splicer) {
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
    pub(super) fn read_digits(&mut self, chunk: &[u8], to: usize, base: u64) {
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
    pub(super) fn number_says(&self, text: &[u8]) -> Option<(RuleIndex, Bytes)> {
        if self.plan.known.is_in(text) {
            return Some((self.plan.known_rule, Bytes::from_static(QUOTED_MARKER)));
        }
        let personal = &self.plan.personal;
        let kind = personal.number(text)?;
        let replacement = personal.replacement(kind, text, text);
        let quoted = [b"\"", &replacement[..], b"\""].concat();
        Some((personal.rule(kind)?, Bytes::from(quoted)))
    }

    pub(super) fn number_end(&mut self, at: u64, splicer: &mut Splicer) {
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

    pub(super) fn literal(&mut self, start: u64, end: u64, splicer: &mut Splicer) {
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
}
