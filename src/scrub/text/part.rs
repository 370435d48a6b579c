//! A field of a multipart form that stands in text: its name is a parameter of its header, and the value comes behind an empty line
//! (RFC 7578, section 4.2).

use super::symbol::Symbol;
use super::value::{Opening, Until, Value, is_newline};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::name::RuleIndex;

/// Most header lines of a part that are passed over.
const LINES: usize = 4;

impl TextMachine {
    /// At the equals sign of `form-data; name="token"`, with the name's opening quote at a distance ahead: redacts the part's body.
    pub(super) fn part(
        &mut self,
        rule: RuleIndex,
        start: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let Opening::Quote { open, inside, .. } = self.opening(start)? else {
            return Ok(false);
        };
        let mut at = inside;
        let mut width = None;
        while width.is_none() && self.window.peek(at)?.is_some() {
            width = self.closes(at, |found| open.closed_by(found))?;
            at += width.unwrap_or(1);
        }
        for _ in 0..LINES {
            let end = self.line_end(at)?;
            if end == 0 {
                return Ok(false);
            }
            at += end;
            let empty = self.line_end(at)?;
            if empty > 0 {
                let value = Value::new(Until::Part, separator);
                return self.whole(rule, at + empty, value, cx);
            }
            while self
                .window
                .peek(at)?
                .is_some_and(|symbol| !is_newline(symbol))
            {
                at += 1;
            }
        }
        Ok(false)
    }

    /// How many symbols at a distance ahead end a line.
    fn line_end(&self, at: usize) -> Result<usize, More> {
        let Some(first) = self.window.peek(at)? else {
            return Ok(0);
        };
        if !is_newline(first) {
            return Ok(0);
        }
        let crlf = first.ascii() == b'\r' && self.window.byte(at + 1)? == b'\n';
        Ok(if crlf { 2 } else { 1 })
    }

    /// Whether a part ends at a distance ahead: with the newline before the two dashes of a boundary.
    pub(super) fn part_ends(&self, at: usize) -> Result<bool, More> {
        let end = self.line_end(at)?;
        Ok(end > 0 && self.window.starts_with(at + end, b"--", false)?)
    }
}
