//! At a comma: the first of a pair, in quotes, or a header or flag in a flat list.

use bytes::Bytes;

use super::before::push;
use super::separator::WORDS;
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_space};
use super::window::More;
use super::{Context, TextMachine, takes_user};
use crate::scrub::MARKER;
use crate::scrub::name::{Kinds, NAME_BYTES, reads_as_name};

impl TextMachine {
    /// The first of a pair, in quotes: `('cookie', 'x')`, `["token", "x"]`; or any of a flat list that is a header or a flag.
    pub(super) fn at_comma(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        if !matches!(self.window.back_byte(0), b'"' | b'\'' | b'`') {
            return Ok(false);
        }
        let Some(before) = self.quoted_name(0) else {
            return Ok(false);
        };
        let flag = self.name.starts_with(b"-");
        if !reads_as_name(&self.name) {
            return Ok(false);
        }
        let user = cx
            .plan
            .user_info
            .filter(|_| takes_user(&self.name) && self.is_http_client());
        let denied = self.denied(WORDS, cx.plan);
        let Some(rule) = user.or(denied.map(|verdict| verdict.rule)) else {
            return Ok(false);
        };
        if self.name.contains(&b' ')
            && !cx
                .plan
                .names
                .is_whole_phrase(&self.name, &mut self.verdicts.words)
        {
            return Ok(false);
        }
        let mut opener = before.start;
        while self.window.back(opener).is_some_and(is_space) && opener < before.start + 32 {
            opener += 1;
        }
        let opener = self.window.back_byte(opener);
        let first = matches!(opener, b'(' | b'[' | b'{');
        let header = denied.is_some_and(|verdict| verdict.kinds.meets(Kinds::HEADER));
        let strong = (flag || header) && (first || opener == b',');
        if !first && !strong {
            return Ok(false);
        }
        let (gap, _) = self.gap(1)?;
        let start = 1 + gap;
        match self.opening(start)? {
            Opening::Quote {
                open,
                triple,
                inside,
                ..
            } => {
                let until = Until::Quote {
                    open,
                    triple,
                    tail: Tail::None,
                };
                let value = Value::new(until, separator);
                let mut end = inside;
                let mut bounded = true;
                while !self.ends_at(&value, end)? {
                    if self.window.peek(end)?.is_none() {
                        bounded = false;
                        break;
                    }
                    end += 1;
                }
                if bounded {
                    let width = self
                        .closes(end, |found| open.closed_by(found))?
                        .unwrap_or(0);
                    let behind = end + width + if triple { 2 } else { 0 };
                    let last = self.ends_pair(behind)?;
                    if !(first && last) && (!strong || self.is_denied_name(inside, end, cx)?) {
                        return Ok(false);
                    }
                }
                self.whole(rule, inside, value, cx)
            }
            Opening::Bracket(_) if first => Ok(self
                .opened(rule, before, start, separator, Tail::None, false, cx)?
                .unwrap_or(false)),
            Opening::Bracket(_) | Opening::Marker => Ok(false),
            Opening::Plain => {
                let mut end = start;
                while self.window.byte(end)?.is_ascii_digit() {
                    end += 1;
                }
                if !first || end == start || !self.ends_pair(end)? {
                    return Ok(false);
                }
                let text = match before.quote {
                    Some(quote) => self.quoted_marker(quote),
                    None => Bytes::from_static(MARKER),
                };
                let value = Value::new(Until::Number, separator);
                self.redact_as(rule, start, value, &text, cx);
                Ok(true)
            }
        }
    }

    /// Whether a pair ends at a distance ahead.
    pub(super) fn ends_pair(&self, at: usize) -> Result<bool, More> {
        let (gap, _) = self.gap(at)?;
        let mut next = at + gap;
        if self.window.byte(next)? == b',' {
            let (gap, _) = self.gap(next + 1)?;
            next += 1 + gap;
        }
        Ok(matches!(self.window.byte(next)?, b')' | b']' | b'}'))
    }

    pub(super) fn is_denied_name(
        &mut self,
        from: usize,
        to: usize,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        self.name.clear();
        for at in from..to.min(from + NAME_BYTES) {
            if let Some(symbol) = self.window.peek(at)? {
                push(&mut self.name, symbol);
            }
        }
        // A name with a value behind it is none.
        let valued = [b": ", b" :"]
            .iter()
            .any(|sign| memchr::memmem::find(&self.name, *sign).is_some())
            || (self.name.starts_with(b"-") && self.name.contains(&b' '));
        if valued || !reads_as_name(&self.name) || self.denied(WORDS, cx.plan).is_none() {
            return Ok(false);
        }
        Ok(!self.name.contains(&b' ')
            || cx
                .plan
                .names
                .is_whole_phrase(&self.name, &mut self.verdicts.words))
    }
}
