//! Attributes of a tag that are name and value, in either order: `<meta name="csrf-token" content="x">`, `<input value="x"
//! name="password">`; and the `value` or `content` of a denied element, `<token value="x"/>`.

use super::before::Before;
use super::symbol::Symbol;
use super::value::{Opening, is_name, is_space};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::name::RuleIndex;

impl TextMachine {
    /// The rule by which a member `value` of a pair goes, or an attribute `content`; what it says stands at a distance ahead.
    pub(super) fn value_rule(
        &mut self,
        word: &[u8],
        name: Before,
        start: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<Option<RuleIndex>, More> {
        let pair = self.pair.map(|(rule, _)| rule);
        if pair.is_some() && word == b"value" {
            return Ok(pair);
        }
        if separator.ascii() == b'=' {
            if !self.markup.in_tag() {
                return Ok(None);
            }
            return match self.markup.value_rule() {
                Some(rule) => Ok(Some(rule)),
                None => self.name_in_tag(start, cx),
            };
        }
        if word == b"value" {
            return self.name_below(name, start, cx);
        }
        Ok(None)
    }

    /// The rule that covers the name which an attribute says that stands in the same tag, behind a value in quotes.
    fn name_in_tag(
        &mut self,
        start: usize,
        cx: &mut Context<'_>,
    ) -> Result<Option<RuleIndex>, More> {
        let Some(mut at) = self.behind_quotes(start)? else {
            return Ok(None);
        };
        loop {
            let (gap, _) = self.gap(at)?;
            at += gap;
            let word = at;
            while self
                .window
                .peek(at)?
                .is_some_and(|symbol| is_name(symbol) || symbol.ascii() == b':')
            {
                at += 1;
            }
            if at == word {
                return Ok(None);
            }
            let length = at - word;
            let names = match length {
                3 => self.window.starts_with(word, b"key", true)?,
                4 => self.window.starts_with(word, b"name", true)?,
                _ => false,
            };
            if self.window.byte(at)? != b'=' {
                continue;
            }
            if names {
                return self.name_behind_value(at + 1, cx);
            }
            at += 1;
            match self.behind_quotes(at)? {
                Some(behind) => at = behind,
                None => {
                    while self
                        .window
                        .peek(at)?
                        .is_some_and(|symbol| !is_space(symbol) && symbol.ascii() != b'>')
                    {
                        at += 1;
                    }
                }
            }
        }
    }

    /// The rule that covers the name at a distance ahead, whose value has come before it: it is no name of what comes behind.
    fn name_behind_value(
        &mut self,
        start: usize,
        cx: &mut Context<'_>,
    ) -> Result<Option<RuleIndex>, More> {
        let rule = self.pair_name(start, cx)?;
        self.paired_at = rule.map(|_| self.window.offset(start));
        Ok(rule)
    }

    /// Where the string in quotes ends that stands at a distance ahead.
    fn behind_quotes(&self, start: usize) -> Result<Option<usize>, More> {
        let Opening::Quote { open, inside, .. } = self.opening(start)? else {
            return Ok(None);
        };
        let mut at = inside;
        while self.window.peek(at)?.is_some() {
            if let Some(width) = self.closes(at, |found| open.closed_by(found))? {
                return Ok(Some(at + width));
            }
            at += 1;
        }
        Ok(None)
    }
}
