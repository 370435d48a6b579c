//! Objects and arrays: what they begin and end, and what their ends decide.

use bytes::Bytes;

use super::frame::{Before, Frame, Treat};
use super::keys::Role;
use super::lexer::Container;
use super::value::Begun;
use super::{DEEP, JsonScrubber, QUOTED_MARKER};
use crate::scrub::name::RuleIndex;
use crate::scrub::splice::{Reading, Splicer};

impl JsonScrubber {
    pub(super) fn open(&mut self, container: Container, at: u64, splicer: &mut Splicer) {
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
            && next.role.is(Role::PAIR_VALUE)
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
            let rule = match (next.role.is(Role::PAIR_VALUE), next.treat) {
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
        if self.frames.len() > DEEP {
            splicer.tighten();
        }
    }

    pub(super) fn close(&mut self, at: u64, splicer: &mut Splicer) {
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
        let tells = self.tell_element(&frame);
        self.end_value(splicer);
        self.end_begun(at + 1, tells, splicer);
    }

    /// What a container that has ended says as an element of the array around it, if it says anything: `{"stringValue": "Cookie"}` is a
    /// string to OTLP.
    #[inline]
    pub(super) fn tell_element(&mut self, frame: &Frame) -> bool {
        let Some(outer) = self.frames.last_mut() else {
            return false;
        };
        let tells = outer.container == Container::Array
            && frame.container == Container::Object
            && frame.count == 1;
        if tells {
            outer.element = frame.element.of(outer.count);
        }
        tells
    }

    /// What stands for the address of a user who has no other `id`. The object has a member: the address.
    pub(super) fn append_id(&mut self, frame: &Frame, at: u64, splicer: &mut Splicer) {
        let depth = self.frames.len() + 1;
        let mut last = None;
        // Deeper ones were in what has been dropped.
        while let Some(deeper) = self.pseudonyms.pop_if(|(of, _)| *of >= depth) {
            last = Some(deeper);
        }
        let Some((_, pseudonym)) = last.filter(|(of, _)| *of == depth && !frame.has_id) else {
            return;
        };
        splicer.cut(Reading::Both, at);
        let member = [b",\"id\":\"", &pseudonym.text()[..], b"\""].concat();
        splicer.insert(Reading::Both, &Bytes::from(member));
        splicer.resume(Reading::Both, at);
    }

    /// Members that policy requires and that have not come are appended before the closing brace.
    pub(super) fn append_required(&self, frame: &Frame, at: u64, splicer: &mut Splicer) {
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

    pub(super) fn comma(&mut self, at: u64, splicer: &mut Splicer) {
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
    pub(super) fn end_element(
        &self,
        frame: &mut Frame,
        last: bool,
        at: u64,
        splicer: &mut Splicer,
    ) {
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

    /// Replaces the container that begins at `at` as a whole.
    pub(super) fn drop_from(
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
}
