//! What YAML puts between a key and its value, and below a key (YAML 1.2).

use super::before::Before;
use super::prose::Look;
use super::quote::Quote;
use super::separator::FLAG;
use super::symbol::Symbol;
use super::value::{Opening, Until, Value, is_name, is_newline};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::name::RuleIndex;

impl TextMachine {
    /// The length of a tag or an anchor of YAML before a value (`!!str`, `&name`; YAML 1.2, section 6.9), with the space behind it.
    pub(super) fn yaml_tag(&self, at: usize) -> Result<usize, More> {
        let mut next = at;
        while matches!(self.window.byte(next)?, b'!' | b'&') {
            let start = next;
            if self.window.peek(next)?.is_some_and(|symbol| symbol.entity) {
                return Ok(0);
            }
            next += 1;
            while next - start < FLAG
                && self
                    .window
                    .peek(next)?
                    .is_some_and(|symbol| is_name(symbol) || matches!(symbol.ascii(), b'!' | b':'))
            {
                next += 1;
            }
            let (gap, newline) = self.gap(next)?;
            if gap == 0 || newline {
                return Ok(0);
            }
            next += gap;
        }
        Ok(next - at)
    }

    /// The value of a key of YAML that stands on the next lines, indented by more than the key: a list, a string, or a word that can
    /// be a secret.
    pub(super) fn below(
        &mut self,
        rule: RuleIndex,
        name: Before,
        start: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let mut indent = 0;
        while self.window.byte(start - 1 - indent)? == b' ' {
            indent += 1;
        }
        let mut own = 0;
        while matches!(self.window.back_byte(name.start + own), b' ' | b'-') && own < FLAG {
            own += 1;
        }
        let begins_line = match self.window.back(name.start + own) {
            None => self.window.is_start(name.start + own),
            // In JSON in a string, a quote begins the text.
            Some(symbol) => is_newline(symbol) || Quote::of(symbol).is_some(),
        };
        if !begins_line || indent == 0 || indent < own {
            return Ok(false);
        }
        let list = self.window.byte(start)? == b'-' && self.window.byte(start + 1)? == b' ';
        let opening = self.opening(start)?;
        let quoted = matches!(opening, Opening::Quote { .. } | Opening::Marker);
        if !list && !quoted && self.look(start, separator)? == Look::Prose {
            return Ok(false);
        }
        let value = Value::new(Until::Block { indent }, separator);
        self.whole(rule, start, value, cx)
    }

    /// A block of YAML (YAML 1.2, section 8.1): where its first line begins, and by how much it is indented.
    pub(super) fn block(&self, at: usize) -> Result<Option<(usize, usize)>, More> {
        if !matches!(self.window.byte(at)?, b'|' | b'>') {
            return Ok(None);
        }
        let mut next = at + 1;
        while matches!(self.window.byte(next)?, b'-' | b'+' | b'1'..=b'9') {
            next += 1;
        }
        let (gap, newline) = self.gap(next)?;
        if !newline {
            return Ok(None);
        }
        let mut indent = 0;
        while indent < gap && self.window.byte(next + gap - 1 - indent)? == b' ' {
            indent += 1;
        }
        Ok((indent > 0).then_some((next + gap, indent)))
    }
}
