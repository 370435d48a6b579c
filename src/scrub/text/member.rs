//! At a colon behind a name in quotes, and key/value objects: the name in one member, the value in another.

use bytes::Bytes;

use super::before::{Before, push};
use super::quote::Quote;
use super::separator::WORDS;
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_newline};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::name::{NAME_BYTES, RuleIndex};

/// Longest word that is a member's of a pair, in bytes.
const WORD: usize = 12;

/// A word in lower case; nothing, if it is longer than any that is looked for.
fn lower<'a>(word: &[u8], buffer: &'a mut [u8; WORD]) -> &'a [u8] {
    let Some(place) = buffer.get_mut(..word.len()) else {
        return b"";
    };
    place.copy_from_slice(word);
    place.make_ascii_lowercase();
    place
}

impl TextMachine {
    /// A member of an object: its name stood in quotes.
    pub(super) fn at_member(
        &mut self,
        name: Before,
        at: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let (gap, _) = self.gap(at)?;
        let start = at + gap + self.spew(at + gap, true)?;
        let is = |name: &[u8]| self.name.eq_ignore_ascii_case(name);
        let names = is(b"key") || is(b"name");
        let is_value = is(b"value");
        let rule = match self.denied(WORDS, cx.plan) {
            Some(verdict) => Some((verdict.rule, self.is_header(verdict, cx.plan))),
            None if is_value => match self.pair {
                Some((rule, _)) => Some((rule, false)),
                None => match name.quote {
                    Some(quote) => self
                        .pair_behind(start, quote, cx)?
                        .map(|rule| (rule, false)),
                    None => None,
                },
            },
            None => None,
        };
        if names && rule.is_none() {
            if let Some(pair) = self.pair_name(start, cx)? {
                self.pair = Some((pair, self.brackets.depth()));
            }
            return Ok(false);
        }
        let Some((rule, header)) = rule else {
            return Ok(false);
        };
        if let Some(done) = self.opened(rule, name, start, separator, Tail::None, false, cx)? {
            return Ok(done);
        }
        let first = self.window.byte(start)?;
        if first.is_ascii_digit()
            || (first == b'-' && self.window.byte(start + 1)?.is_ascii_digit())
        {
            let value = Value::new(Until::Number, separator);
            let text = match name.quote {
                Some(quote) => self.quoted_marker(quote),
                None => Bytes::from_static(MARKER),
            };
            self.redact_as(rule, start, value, &text, cx);
            return Ok(true);
        }
        if header {
            let value = Value::new(Until::Line, separator);
            return self.whole(rule, start, value, cx);
        }
        if gap == 0 {
            let value = Value::new(Until::Word, separator);
            return self.whole(rule, start, value, cx);
        }
        self.looked_at(rule, start, separator, cx)
    }

    /// A member `name: token` of a key/value object without quotes, or the `value: x` of one.
    pub(super) fn at_pair_member(
        &mut self,
        end: usize,
        at: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let Some(name) = self.bare_name(end, b"") else {
            return Ok(false);
        };
        let (gap, newline) = self.gap(at)?;
        if newline {
            return Ok(false);
        }
        let start = at + gap;
        match lower(&self.name, &mut [0; WORD]) {
            b"--user" | b"--proxy-user" | b"-u" => {
                let argument = Value::new(Until::Argument, separator);
                match cx.plan.user_info {
                    Some(rule) if self.argument_has(start, b':', &argument)? => {
                        self.argument(rule, start, separator, cx)
                    }
                    _ => Ok(false),
                }
            }
            word @ (b"name" | b"key" | b"id") => {
                let pair = self.pair_name(start, cx)?;
                if let Some(rule) = pair
                    && self.window.back_byte(name.start) == b' '
                    && self.window.back_byte(name.start + 1) == b';'
                    && self.part(rule, start, separator, cx)?
                {
                    return Ok(true);
                }
                if word != b"id" {
                    self.markup.see_name(pair);
                }
                let behind = self.paired_at == Some(self.window.offset(start));
                self.pair = pair
                    .filter(|_| !behind)
                    .map(|rule| (rule, self.brackets.depth()));
                Ok(false)
            }
            word @ (b"value" | b"content") => {
                let Some(rule) = self.value_rule(word, name, start, separator, cx)? else {
                    return Ok(false);
                };
                if let Some(done) =
                    self.opened(rule, name, start, separator, Tail::Word, false, cx)?
                {
                    self.pair = None;
                    return Ok(done);
                }
                let done = self.whole(rule, start, Value::new(Until::Atom, separator), cx)?;
                self.pair = None;
                Ok(done)
            }
            _ => Ok(false),
        }
    }

    /// The rule that covers the string at a distance ahead as a name of a pair.
    pub(super) fn pair_name(
        &mut self,
        start: usize,
        cx: &mut Context<'_>,
    ) -> Result<Option<RuleIndex>, More> {
        self.name.clear();
        let Opening::Quote { open, inside, .. } = self.opening(start)? else {
            // Without quotes it is one word, and all of its line or element.
            let at = self.read_ahead(start)?;
            let ends = match self.window.peek(at)? {
                None => false,
                Some(symbol) => is_newline(symbol) || symbol.ascii() == b',',
            };
            let denied = self.denied(WORDS, cx.plan).filter(|_| ends);
            return Ok(denied.map(|verdict| verdict.rule));
        };
        let mut at = inside;
        while self.closes(at, |found| open.closed_by(found))?.is_none() {
            match self.window.peek(at)? {
                Some(symbol) if at - inside <= NAME_BYTES && !is_newline(symbol) => {
                    push(&mut self.name, symbol);
                }
                _ => return Ok(None),
            }
            at += 1;
        }
        Ok(self.denied(WORDS, cx.plan).map(|verdict| verdict.rule))
    }

    /// The rule that covers the name of a key/value object whose value, at a distance ahead, comes first. `quote`: that of its keys.
    pub(super) fn pair_behind(
        &mut self,
        start: usize,
        quote: Quote,
        cx: &mut Context<'_>,
    ) -> Result<Option<RuleIndex>, More> {
        let open = self.quotes.opened_by(quote);
        let mut at = start;
        let mut depth = 0_usize;
        let mut in_string = false;
        while let Some(symbol) = self.window.peek(at)? {
            let width = if in_string {
                self.closes(at, |found| open.closed_by(found))?
            } else {
                self.closes(at, |found| (found == quote).then_some(0))?
            };
            if let Some(width) = width {
                in_string = !in_string;
                at += width;
                if in_string && depth == 0 {
                    // A string opens: is it the pair's name?
                    let mut name_at = None;
                    for word in [b"key".as_slice(), b"name".as_slice()] {
                        if self.window.starts_with(at, word, true)?
                            && let Some(width) =
                                self.closes(at + word.len(), |found| open.closed_by(found))?
                        {
                            name_at = Some(at + word.len() + width);
                        }
                    }
                    if let Some(end) = name_at {
                        let (gap, _) = self.gap(end)?;
                        if self.window.byte(end + gap)? == b':' {
                            let (behind, _) = self.gap(end + gap + 1)?;
                            return self.pair_name(end + gap + 1 + behind, cx);
                        }
                    }
                }
                continue;
            }
            match symbol.ascii() {
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return Ok(None),
                },
                _ => {}
            }
            at += 1;
        }
        Ok(None)
    }
}
