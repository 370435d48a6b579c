//! At a semicolon: a key of PHP's `serialize`, whose value comes behind it: `s:8:"password";s:7:"hunter2";` (PHP manual, `serialize`).

use bytes::Bytes;

use super::separator::WORDS;
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value};
use super::window::More;
use super::{Context, MARKER, TextMachine};

/// Longest string whose length is believed, in bytes. It may have quotes in it.
const STRING: usize = 400;

impl TextMachine {
    pub(super) fn at_semicolon(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        if !matches!(self.window.back_byte(0), b'"' | b'\\')
            || !matches!(self.window.byte(1)?, b's' | b'i' | b'd' | b'S')
            || self.window.byte(2)? != b':'
        {
            return Ok(false);
        }
        let Some(before) = self.quoted_name(0) else {
            return Ok(false);
        };
        if self.window.back_byte(before.start) != b':'
            || !self.window.back_byte(before.start + 1).is_ascii_digit()
        {
            return Ok(false);
        }
        let Some(verdict) = self.denied(WORDS, cx.plan) else {
            return Ok(false);
        };
        if matches!(self.window.byte(1)?, b'i' | b'd') {
            let number = Value::new(Until::Number, separator);
            return self.whole(verdict.rule, 3, number, cx);
        }
        let mut at = 3;
        let mut length = 0_usize;
        while let digit @ b'0'..=b'9' = self.window.byte(at)? {
            length = length
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'));
            at += 1;
        }
        if at == 3 || self.window.byte(at)? != b':' {
            return Ok(false);
        }
        let Opening::Quote { open, inside, .. } = self.opening(at + 1)? else {
            return Ok(false);
        };
        if length == 0 {
            return Ok(false);
        }
        // The length goes with the string, and the marker's comes in its place.
        let quote = open.quote.spelled(self.layer == super::Layer::Json);
        let text = [
            MARKER.len().to_string().as_bytes(),
            b":",
            &quote,
            MARKER,
            &quote,
        ]
        .concat();
        let until = Until::Quote {
            open,
            triple: false,
            tail: Tail::None,
        };
        let value = Value {
            lead: inside - 3 + self.counted(inside, length, open)?,
            whole: true,
            ..Value::new(until, separator)
        };
        self.redact_as(verdict.rule, 3, value, &Bytes::from(text), cx);
        Ok(true)
    }

    /// How many symbols at a distance ahead are so many bytes, if a quote that closes the string stands behind them; else none.
    fn counted(
        &self,
        inside: usize,
        length: usize,
        open: super::quote::Open,
    ) -> Result<usize, More> {
        if length > STRING {
            return Ok(0);
        }
        let own = usize::from(open.quote.escape);
        let mut bytes = 0;
        let mut count = 0;
        let mut backslashes = 0;
        while bytes + backslashes / (own + 1) < length
            && let Some(symbol) = self.window.peek(inside + count)?
        {
            count += 1;
            if symbol.ascii() == b'\\' {
                // Each is written with as many more as the text around asks for; a quote has its own.
                backslashes += 1;
                continue;
            }
            if symbol.ascii() == b'"' {
                backslashes = backslashes.saturating_sub(own);
            }
            bytes += backslashes / (own + 1) + symbol.utf8_len();
            backslashes = 0;
        }
        bytes += backslashes / (own + 1);
        let closed = self
            .closes(inside + count, |found| open.closed_by(found))?
            .is_some();
        Ok(if closed && bytes == length { count } else { 0 })
    }
}
