//! At a semicolon: a key of PHP's `serialize`, whose value comes behind it: `s:8:"password";s:7:"hunter2";` (PHP manual, `serialize`);
//! and at a bar, a key of its sessions: `password|s:7:"hunter2";`.

use bytes::Bytes;

use super::container::SECRET_KEY;
use super::quote::Open;
use super::separator::WORDS;
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_name, is_newline};
use super::window::More;
use super::{Context, MARKER, TextMachine};
use crate::scrub::name::{NAME_BYTES, RuleIndex};

/// Longest string whose length is believed, in bytes. It may have quotes in it.
const STRING: usize = 400;
/// Longest name of a class, in characters.
const CLASS: usize = 128;

/// An array or object that is the value of a denied key: its values go, and its keys stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Serialized {
    rule: RuleIndex,
    separator: Symbol,
    depth: u16,
    /// A key comes next, and no value.
    key: bool,
}

/// A string as it is written: `s:3:"abc"`.
struct Written {
    open: Open,
    inside: usize,
    /// So many symbols are the string's whatever they are.
    length: usize,
    empty: bool,
}

impl TextMachine {
    pub(super) fn at_semicolon(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        if !matches!(self.window.back_byte(0), b'"' | b'\\') || !self.is_typed(1)? {
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
        // The name of a property that is not public stands behind its class and two zeros.
        if let Some(zero) = self.name.iter().rposition(|byte| *byte == 0) {
            self.name.drain(..=zero);
        }
        self.serialized(separator, cx)
    }

    /// At the bar behind a key of PHP's sessions: `token|s:12:"x";`.
    pub(super) fn at_bar(&mut self, separator: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        if !self.is_typed(1)? || self.bare_name(0, b"").is_none() {
            return Ok(false);
        }
        self.serialized(separator, cx)
    }

    /// Whether the letter of a type with a value and a colon stand at a distance ahead.
    fn is_typed(&self, at: usize) -> Result<bool, More> {
        Ok(matches!(
            self.window.byte(at)?,
            b's' | b'S' | b'i' | b'd' | b'a' | b'O' | b'E'
        ) && self.window.byte(at + 1)? == b':')
    }

    /// The value right behind the next symbol, if the name that was read is denied.
    fn serialized(&mut self, separator: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        let Some(verdict) = self.denied(WORDS, cx.plan) else {
            return Ok(false);
        };
        let rule = verdict.rule;
        match self.window.byte(1)? {
            b'i' | b'd' => {
                let number = Value::new(Until::Number, separator);
                self.whole(rule, 3, number, cx)
            }
            b'a' | b'O' => {
                if !self.window.byte(3)?.is_ascii_digit() {
                    return Ok(false);
                }
                self.pass();
                self.serialized = Some(Serialized {
                    rule,
                    separator,
                    depth: 0,
                    key: false,
                });
                Ok(true)
            }
            _ => match self.written(1)? {
                Some(string) if !string.empty => {
                    self.redact_written(rule, 1, &string, separator, cx);
                    Ok(true)
                }
                Some(_) | None => Ok(false),
            },
        }
    }

    /// Within an array or object whose values go.
    pub(super) fn in_serialized(
        &mut self,
        mut within: Serialized,
        cx: &mut Context<'_>,
    ) -> Result<(), More> {
        let next = self.window.byte(0)?;
        let mut pass = 1;
        match next {
            _ if self.closes_outer(0)? => within.depth = 0,
            b';' => {}
            b'}' if within.key => {
                within.depth = within.depth.saturating_sub(1);
            }
            b's' | b'S' | b'E' if self.window.byte(1)? == b':' => {
                let Some(string) = self.written(0)? else {
                    self.serialized = None;
                    return Ok(());
                };
                let stays = if within.key {
                    let end = self.written_end(&string)?;
                    if end.is_none() && self.window.peek(string.inside + NAME_BYTES)?.is_none() {
                        // It is cut off.
                        self.serialized = None;
                        return Ok(());
                    }
                    end.filter(|(inside_end, _)| !self.may_be_secret(&string, *inside_end))
                        .map(|(_, end)| end)
                } else {
                    string.empty.then_some(string.inside + 1)
                };
                let was_key = within.key;
                within.key = !within.key;
                self.serialized = Some(within);
                match stays {
                    Some(end) => self.pass_all(end),
                    None if was_key && string.empty => self.pass_all(string.inside),
                    None => self.redact_written(within.rule, 0, &string, within.separator, cx),
                }
                return Ok(());
            }
            b'i' | b'd' if self.window.byte(1)? == b':' => {
                let number = Value::new(Until::Number, within.separator);
                let marked = self.window.starts_with(2, MARKER, false)?;
                let stays = within.key || marked || self.is_spared(&number, 2)?;
                within.key = !within.key;
                self.serialized = Some(within);
                if stays {
                    self.pass_all(if marked { 2 + MARKER.len() } else { 2 });
                } else {
                    self.redact(within.rule, 2, number, cx);
                }
                return Ok(());
            }
            b'b' | b'r' | b'R' if self.window.byte(1)? == b':' => {
                within.key = !within.key;
                pass = 2;
            }
            b'N' if self.window.byte(1)? == b';' => within.key = !within.key,
            b'a' | b'O' if !within.key && self.window.byte(1)? == b':' => {
                let mut at = 2;
                while at < CLASS
                    && self.window.peek(at)?.is_some_and(|symbol| {
                        is_name(symbol) || matches!(symbol.ascii(), b':' | b'"' | b'\\')
                    })
                {
                    at += 1;
                }
                if self.window.byte(at)? != b'{' {
                    self.serialized = None;
                    return Ok(());
                }
                within.depth = within.depth.saturating_add(1);
                within.key = true;
                pass = at + 1;
            }
            // Digits of what stays.
            _ if within.depth > 0
                && self
                    .window
                    .peek(0)?
                    .is_some_and(|symbol| is_name(symbol) || symbol.ascii() == b'+')
                && matches!(self.window.back_byte(0), b':' | b'0'..=b'9' | b'-' | b'.') => {}
            _ => {
                self.serialized = None;
                return Ok(());
            }
        }
        let stays = within.depth > 0;
        self.pass_all(if next == b';' || stays || next == b'}' {
            pass
        } else {
            0
        });
        self.serialized = stays.then_some(within);
        Ok(())
    }

    /// The string that is written at a distance ahead, from the letter of its type on.
    fn written(&self, at: usize) -> Result<Option<Written>, More> {
        let mut next = at + 2;
        let start = next;
        let mut length = 0_usize;
        while let digit @ b'0'..=b'9' = self.window.byte(next)? {
            length = length
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'));
            next += 1;
        }
        if next == start || self.window.byte(next)? != b':' {
            return Ok(None);
        }
        let Opening::Quote { open, inside, .. } = self.opening(next + 1)? else {
            return Ok(None);
        };
        Ok(Some(Written {
            open,
            inside,
            length: self.counted(inside, length, open)?,
            empty: length == 0,
        }))
    }

    /// Where the inside of a string ends, and its closing quote.
    fn written_end(&self, string: &Written) -> Result<Option<(usize, usize)>, More> {
        let mut at = string.inside + string.length;
        while at - string.inside <= NAME_BYTES && self.window.peek(at)?.is_some() {
            if let Some(width) = self.closes(at, |found| string.open.closed_by(found))? {
                return Ok(Some((at, at + width)));
            }
            at += 1;
        }
        Ok(None)
    }

    /// Whether a key that ends at a distance ahead may itself be a secret.
    fn may_be_secret(&self, string: &Written, end: usize) -> bool {
        let (mut letter, mut digit) = (false, false);
        for at in string.inside..end {
            let byte = self.window.byte(at).unwrap_or(0);
            letter |= byte.is_ascii_alphabetic();
            digit |= byte.is_ascii_digit();
        }
        letter && digit && end - string.inside >= SECRET_KEY
    }

    /// Redacts the string that is written at a distance ahead. Its length goes with it, and the marker's comes in its place.
    fn redact_written(
        &mut self,
        rule: RuleIndex,
        at: usize,
        string: &Written,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) {
        let quote = string.open.quote.spelled(self.layer == super::Layer::Json);
        let text = [
            MARKER.len().to_string().as_bytes(),
            b":",
            &quote,
            MARKER,
            &quote,
        ]
        .concat();
        let until = Until::Quote {
            open: string.open,
            triple: false,
            tail: Tail::Serialized,
        };
        let start = at + 2;
        let value = Value {
            lead: string.inside - start + string.length,
            whole: true,
            ..Value::new(until, separator)
        };
        self.redact_as(rule, start, value, &Bytes::from(text), cx);
    }

    /// Whether what stands at a distance ahead is what PHP writes behind a string: a semicolon, and the next value or key.
    pub(super) fn goes_on_serialized(&self, at: usize) -> Result<bool, More> {
        if self.window.byte(at)? != b';' {
            return Ok(false);
        }
        let Some(symbol) = self.window.peek(at + 1)? else {
            return Ok(true);
        };
        let typed = matches!(self.window.byte(at + 2)?, b':' | b';');
        Ok(match symbol.ascii() {
            b'}' => true,
            b's' | b'S' | b'i' | b'd' | b'b' | b'a' | b'O' | b'N' | b'C' | b'r' | b'R' | b'E'
                if typed =>
            {
                true
            }
            _ if is_newline(symbol) || symbol.ascii() == b' ' => true,
            _ if self.closes_outer(at + 1)? => true,
            _ => {
                // The next key of a session.
                let mut next = at + 1;
                while next - at < CLASS && self.window.peek(next)?.is_some_and(is_name) {
                    next += 1;
                }
                next > at + 1 && self.window.byte(next)? == b'|'
            }
        })
    }

    /// How many symbols at a distance ahead are so many bytes, if a quote that closes the string stands behind them; else none.
    fn counted(&self, inside: usize, length: usize, open: Open) -> Result<usize, More> {
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
        let closed = match self.closes(inside + count, |found| open.closed_by(found))? {
            Some(width) => self.window.byte(inside + count + width)? == b';',
            None => false,
        };
        Ok(if closed && bytes == length { count } else { 0 })
    }
}
