//! At `>`: an element of XML or HTML.

use super::before::push;
use super::separator::WORDS;
use super::symbol::Symbol;
use super::value::{Until, Value, is_name};
use super::window::More;
use super::{Context, TextMachine};

/// Longest start tag that is looked at, in characters.
const TAG: usize = 200;

impl TextMachine {
    /// Whether a text stands at a distance ahead, in any case.
    pub(super) fn stands_at(&self, at: usize, text: &[u8]) -> Result<bool, More> {
        let mut read = Vec::with_capacity(text.len());
        let mut next = at;
        while read.len() < text.len() {
            let Some(symbol) = self.window.peek(next)? else {
                return Ok(false);
            };
            push(&mut read, symbol);
            next += 1;
        }
        Ok(read.eq_ignore_ascii_case(text))
    }

    /// The end of a start tag: `<token>x</token>`.
    pub(super) fn at_tag_end(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        if matches!(self.window.back_byte(0), b'/' | b'-' | b'=') {
            return Ok(false);
        }
        let mut start = 0;
        loop {
            let Some(symbol) = self.window.back(start) else {
                return Ok(false);
            };
            match symbol.ascii() {
                b'<' => break,
                b'>' => return Ok(false),
                _ if start > TAG => return Ok(false),
                _ => start += 1,
            }
        }
        let mut end = start;
        while end > 0
            && self
                .window
                .back(end - 1)
                .is_some_and(|symbol| is_name(symbol) || symbol.ascii() == b':')
        {
            end -= 1;
        }
        if end == start {
            return Ok(false);
        }
        self.read_name(start, end);
        let tag = self.name.clone();
        let Some(verdict) = self.denied(WORDS, cx.plan) else {
            return Ok(false);
        };
        let (gap, _) = self.gap(1)?;
        if self.window.starts_with(1 + gap, b"<![CDATA[", false)? {
            let value = Value::new(Until::CData, separator);
            return self.whole(verdict.rule, 1 + gap + 9, value, cx);
        }
        // It must be an element, and no placeholder: its end tag comes, or is too far to be seen.
        let value = Value::new(Until::Markup, separator);
        let mut at = 1 + gap;
        loop {
            let Some(symbol) = self.window.peek(at)? else {
                if self.window.goes_on(at) {
                    break;
                }
                return Ok(false);
            };
            if symbol.ascii() == b'<'
                && self.window.byte(at + 1)? == b'/'
                && self.stands_at(at + 2, &tag)?
            {
                break;
            }
            at += 1;
        }
        self.whole(verdict.rule, 1 + gap, value, cx)
    }
}
