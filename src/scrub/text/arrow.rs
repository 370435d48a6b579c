//! At `=>`: a key of Ruby, Perl or PHP.

use super::before::Before;
use super::separator::{FLAG, WORDS};
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_name};
use super::window::More;
use super::{Context, TextMachine};

impl TextMachine {
    pub(super) fn at_arrow(
        &mut self,
        end: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let mut bracketed = false;
        let mut bare = false;
        let before = match self.quoted_name(end) {
            Some(before) => before,
            None if self.window.back_byte(end) == b']' => {
                // PHP's `[token] => x`, `[token:protected] => x`, `["token":protected] => x`.
                let Some(inner) = self.bare_name(end + 1, b" :\"\\") else {
                    return Ok(false);
                };
                if self.window.back_byte(inner.start) != b'[' {
                    return Ok(false);
                }
                let plain = self.name.strip_prefix(b"\"").unwrap_or(&self.name);
                let length = plain
                    .iter()
                    .position(|byte| matches!(byte, b':' | b'"'))
                    .unwrap_or(plain.len());
                self.name = plain[..length].to_vec();
                bracketed = true;
                inner
            }
            None => {
                let Some(inner) = self.bare_name(end, b"") else {
                    return Ok(false);
                };
                bare = self.window.back_byte(inner.start) != b':';
                inner
            }
        };
        let Some(verdict) = self.denied(WORDS, cx.plan) else {
            return Ok(false);
        };
        let (gap, _) = self.gap(2)?;
        let start = 2 + gap;
        let line = Value::new(Until::Line, separator);
        // `string(3) "abc"` of var_dump.
        if self.window.starts_with(start, b"string(", false)? {
            let mut quote_at = start + 7;
            while self.window.byte(quote_at)?.is_ascii_digit() {
                quote_at += 1;
            }
            if self.window.starts_with(quote_at, b") ", false)?
                && let Opening::Quote { open, inside, .. } = self.opening(quote_at + 2)?
            {
                let until = Until::Quote {
                    open,
                    triple: false,
                    tail: Tail::Line,
                };
                let value = Value {
                    lead: inside - start,
                    whole: true,
                    ..Value::new(until, separator)
                };
                self.redact(verdict.rule, start, value, cx);
                return Ok(true);
            }
        }
        if bracketed || before.bracketed {
            return match self.typed_bracket(start, false)? {
                Some(_) => Ok(self
                    .opened(
                        verdict.rule,
                        before,
                        start,
                        separator,
                        Tail::Line,
                        false,
                        cx,
                    )?
                    .unwrap_or(false)),
                None => self.whole(verdict.rule, start, line, cx),
            };
        }
        match self.opening(start)? {
            Opening::Quote { .. } => {}
            Opening::Marker | Opening::Bracket(_) | Opening::Plain if bare => return Ok(false),
            Opening::Marker | Opening::Bracket(_) | Opening::Plain => {}
        }
        if let Some(done) = self.opened(
            verdict.rule,
            before,
            start,
            separator,
            Tail::None,
            false,
            cx,
        )? {
            return Ok(done);
        }
        self.whole(verdict.rule, start, Value::new(Until::Word, separator), cx)
    }

    /// Whether a name before a colon is a property's in PHP's print_r: `[password:protected] =>`.
    pub(super) fn is_php_key(&self, name: Before) -> Result<bool, More> {
        if self.window.back_byte(name.start) != b'[' {
            return Ok(false);
        }
        let mut at = 1;
        while at < FLAG
            && self.window.peek(at)?.is_some_and(|symbol| {
                is_name(symbol) || matches!(symbol.ascii(), b':' | b'\\' | b'"')
            })
        {
            at += 1;
        }
        if self.window.byte(at)? != b']' {
            return Ok(false);
        }
        let (gap, _) = self.gap(at + 1)?;
        self.window.starts_with(at + 1 + gap, b"=>", false)
    }
}
