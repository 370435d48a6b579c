//! At `=>`: a key of Ruby, Perl or PHP.

use super::before::Before;
use super::container::Containers;
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
                let mut parts = self.name.split(|byte| matches!(byte, b':' | b'"' | b'\\'));
                let first = parts.find(|part| !part.is_empty()).unwrap_or_default();
                self.name = first.to_vec();
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
                    tail: if bracketed || before.bracketed {
                        Tail::Line
                    } else {
                        Tail::Word
                    },
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
        if let Some(bracket) = self.exported(start)? {
            let containers = Containers {
                rule: verdict.rule,
                depth: 1,
                separator,
                look: false,
                quote: before.quote,
            };
            self.open_container(bracket, containers);
            return Ok(true);
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

    /// The bracket of what PHP's var_export writes for an array or an object: `array (`, `(object) array(`, `\Foo::__set_state(array(`.
    fn exported(&self, start: usize) -> Result<Option<usize>, More> {
        const ARRAY: &[u8] = b"array";
        let mut at = start;
        if self.window.starts_with(at, b"(object) ", false)? {
            at += 9;
        }
        let mut outer = at;
        while outer - at < FLAG
            && self
                .window
                .peek(outer)?
                .is_some_and(|symbol| is_name(symbol) || matches!(symbol.ascii(), b':' | b'\\'))
        {
            outer += 1;
        }
        if self.window.byte(outer)? == b'(' {
            let (gap, _) = self.gap(outer + 1)?;
            if outer - at != ARRAY.len()
                && self.window.starts_with(outer + 1 + gap, b"array(", false)?
            {
                return Ok(Some(outer));
            }
        }
        if !self.window.starts_with(at, ARRAY, true)? {
            return Ok(None);
        }
        let (gap, _) = self.gap(at + ARRAY.len())?;
        let bracket = at + ARRAY.len() + gap;
        Ok((self.window.byte(bracket)? == b'(').then_some(bracket))
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
