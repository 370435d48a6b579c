//! A cookie header's value: names stay, values go (RFC 6265, section 4.2.1).

use super::value::{Until, Value};
use super::window::More;
use super::{Context, LITERALS, TextMachine};
use crate::scrub::name::{Kinds, RuleIndex};

/// Longest name of a cookie, in characters. What is longer is taken for a value.
const NAME: usize = 64;

impl TextMachine {
    /// The rule for cookies, if the name that ends `end` symbols back is that of a cookie as Python prints one: `<Cookie sid=x for
    /// a.eu/>`, `<Morsel: sid=x>`.
    pub(super) fn jar_cookie(&mut self, end: usize, cx: &Context<'_>) -> Option<RuleIndex> {
        let before = self.bare_name(end, b"")?;
        let kinds: [&[u8]; 2] = [b"<Cookie ", b"<Morsel: "];
        let printed = kinds.iter().any(|kind| {
            kind.iter()
                .rev()
                .enumerate()
                .all(|(at, byte)| self.window.back_byte(before.start + at) == *byte)
        });
        if !printed {
            return None;
        }
        let names = &cx.plan.names;
        let verdict = names.look_up(b"cookie", Kinds::HEADER, &mut self.verdicts.words);
        verdict.map(|verdict| verdict.rule)
    }

    /// At the start of a cookie, or behind one. Only what stands as it is in the header delimits; what is encoded belongs to the
    /// value.
    pub(super) fn in_cookies(&mut self, rule: RuleIndex, cx: &mut Context<'_>) -> Result<(), More> {
        let Some(cell) = self.window.next() else {
            return Ok(());
        };
        if !self.cookie_starts || matches!(cell.symbol.ascii(), b' ' | b'\t' | b';') {
            self.cookie_starts = true;
            self.window.advance();
            return Ok(());
        }
        let mut value = Value::new(Until::Cookie, cell.symbol);
        value.percent = 0;
        let mut start = 0;
        loop {
            let symbol = self.window.peek(start)?;
            let Some(symbol) = symbol.filter(|s| s.percent == 0 && s.escape == 0 && !s.entity)
            else {
                start = 0;
                break;
            };
            let byte = symbol.ascii();
            if byte == b'=' && start > 0 {
                start += 1;
                break;
            }
            let names = byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'-' | b'.' | b'!' | b'$' | b'*' | b'~');
            if !names || start >= NAME {
                start = 0;
                break;
            }
            start += 1;
        }
        if self.is_spared(&value, start)? {
            // Its name passes, and nothing else of it is there.
            let mut length = start;
            if !self.ends_at(&value, start)? {
                length += self.literal_length(start)?;
            }
            for _ in 0..length {
                self.window.advance();
            }
        } else {
            self.redact_cookie(rule, start, value, cx);
        }
        self.cookie_starts = false;
        Ok(())
    }

    fn literal_length(&self, at: usize) -> Result<usize, More> {
        for literal in LITERALS {
            if self.window.starts_with(at, literal, false)? {
                return Ok(literal.len());
            }
        }
        Ok(0)
    }

    fn redact_cookie(&mut self, rule: RuleIndex, start: usize, value: Value, cx: &mut Context<'_>) {
        for _ in 0..start {
            self.window.advance();
        }
        self.redact(rule, 0, value, cx);
    }
}
