//! What YAML puts between a key and its value, and below a key (YAML 1.2).

use super::before::Before;
use super::prose::Look;
use super::quote::Quote;
use super::separator::{FLAG, WORDS};
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_name, is_newline, is_space};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::name::RuleIndex;

/// Most lines that are looked at for the name below a value.
const LINES: usize = 8;

/// Lines below a key whose leaves go one by one: those that are indented so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaves {
    rule: RuleIndex,
    indent: usize,
    /// Only items of a list may be indented by no more.
    list: bool,
    /// Words go only if they can be secrets.
    look: bool,
}

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
        let (own, begins_line) = self.line_start(name);
        let list = self.window.byte(start)? == b'-' && self.window.byte(start + 1)? == b' ';
        let items = list && (indent == own || !begins_line);
        let map = !list && begins_line && indent > own && self.is_yaml_key(start)?;
        if items || map {
            let outer = self
                .leaves
                .is_some_and(|outer| outer.indent < own || (outer.indent == own && !outer.list));
            if !outer {
                self.leaves = Some(Leaves {
                    rule,
                    indent,
                    list,
                    look: map || indent == 0 || !begins_line,
                });
            }
            return Ok(false);
        }
        if indent == 0 || (begins_line && indent < own) {
            return Ok(false);
        }
        let opening = self.opening(start)?;
        let quoted = matches!(opening, Opening::Quote { .. } | Opening::Marker);
        if !list
            && !quoted
            && (self.is_yaml_key(start)? || self.look(start, separator)? == Look::Prose)
        {
            return Ok(false);
        }
        let value = Value::new(Until::Block { indent }, separator);
        self.whole(rule, start, value, cx)
    }

    /// By how much the line is indented, with the dashes of a list, whose key a name is; and whether it is one.
    fn line_start(&self, name: Before) -> (usize, bool) {
        let mut own = 0;
        while matches!(self.window.back_byte(name.start + own), b' ' | b'-') && own < FLAG {
            own += 1;
        }
        let begins_line = match self.window.back(name.start + own) {
            None => self.window.is_start(name.start + own),
            // In JSON in a string, a quote begins the text.
            Some(symbol) => is_newline(symbol) || Quote::of(symbol).is_some(),
        };
        (own, begins_line)
    }

    /// Whether a key stands at a distance ahead: a word, a colon, and white space.
    fn is_yaml_key(&self, start: usize) -> Result<bool, More> {
        let mut at = start;
        while at - start < FLAG && self.window.peek(at)?.is_some_and(is_name) {
            at += 1;
        }
        Ok(at > start
            && self.window.byte(at)? == b':'
            && self.window.peek(at + 1)?.is_some_and(is_space))
    }

    /// At a newline, with leaves that go: an item of a list on the next line goes, and a line that is indented by less ends them.
    pub(super) fn at_line(&mut self, newline: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        let Some(leaves) = self.leaves else {
            return Ok(false);
        };
        if !self.breaks(newline) {
            return Ok(false);
        }
        let mut at = 1;
        let mut spaces = 0;
        while let Some(symbol) = self.window.peek(at)?
            && (symbol.ascii() == b' ' || is_newline(symbol))
        {
            spaces = if is_newline(symbol) { 0 } else { spaces + 1 };
            at += 1;
        }
        let item = self.window.byte(at)? == b'-' && self.window.byte(at + 1)? == b' ';
        if spaces < leaves.indent || (spaces == leaves.indent && leaves.list && !item) {
            self.leaves = None;
            return Ok(false);
        }
        let (gap, newline_behind) = self.gap(at + 1)?;
        let start = at + 1 + gap;
        if !item || newline_behind || self.is_yaml_key(start)? {
            return Ok(false);
        }
        let name = Before {
            start: 0,
            end: 0,
            quote: None,
            bracketed: false,
        };
        match self.opening(start)? {
            Opening::Quote { .. } | Opening::Bracket(_) => Ok(self
                .opened(leaves.rule, name, start, newline, Tail::None, false, cx)?
                .unwrap_or(false)),
            Opening::Marker | Opening::Plain if leaves.look => {
                self.looked_at(leaves.rule, start, newline, cx)
            }
            Opening::Marker | Opening::Plain => {
                let line = Value::new(Until::Line, newline);
                self.whole(leaves.rule, start, line, cx)
            }
        }
    }

    /// At the colon of a key among leaves that go.
    pub(super) fn below_key(
        &mut self,
        end: usize,
        at: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let Some(leaves) = self.leaves else {
            return Ok(false);
        };
        let Some(name) = self.bare_name(end, b"") else {
            return Ok(false);
        };
        let (own, begins_line) = self.line_start(name);
        if !begins_line || own < leaves.indent {
            return Ok(false);
        }
        let (gap, newline) = self.gap(at)?;
        if newline {
            return self.below(leaves.rule, name, at + gap, separator, cx);
        }
        if gap == 0 {
            return Ok(false);
        }
        let start = at + gap + self.yaml_tag(at + gap)?;
        if let Some((inside, indent)) = self.block(start)? {
            let value = Value::new(Until::Block { indent }, separator);
            return self.whole(leaves.rule, inside, value, cx);
        }
        match self.opened(leaves.rule, name, start, separator, Tail::Word, true, cx)? {
            Some(done) => Ok(done),
            None => self.looked_at(leaves.rule, start, separator, cx),
        }
    }

    /// The rule that covers the name below a value: `- value: "x"`, and on a line behind it, indented alike, `name: DB_PASSWORD`.
    pub(super) fn name_below(
        &mut self,
        name: Before,
        start: usize,
        cx: &mut Context<'_>,
    ) -> Result<Option<RuleIndex>, More> {
        let (own, begins_line) = self.line_start(name);
        if !begins_line {
            return Ok(None);
        }
        let mut at = start;
        for _ in 0..LINES {
            while self
                .window
                .peek(at)?
                .is_some_and(|symbol| !is_newline(symbol))
            {
                at += 1;
            }
            let mut spaces = 0;
            while let Some(symbol) = self.window.peek(at)?
                && (symbol.ascii() == b' ' || is_newline(symbol))
            {
                spaces = if is_newline(symbol) { 0 } else { spaces + 1 };
                at += 1;
            }
            if spaces < own || self.window.peek(at)?.is_none() {
                return Ok(None);
            }
            for word in [b"name".as_slice(), b"key".as_slice()] {
                let behind = at + word.len();
                if spaces == own
                    && self.window.starts_with(at, word, false)?
                    && self.window.byte(behind)? == b':'
                {
                    let (gap, _) = self.gap(behind + 1)?;
                    let start = behind + 1 + gap;
                    let rule = self.name_at(start, cx)?;
                    self.paired_at = rule.map(|_| self.window.offset(start));
                    return Ok(rule);
                }
            }
        }
        Ok(None)
    }

    /// The rule that covers the name at a distance ahead, which is in quotes or all of its line.
    fn name_at(&mut self, start: usize, cx: &mut Context<'_>) -> Result<Option<RuleIndex>, More> {
        if matches!(self.opening(start)?, Opening::Quote { .. }) && !self.closes_outer(start)? {
            return self.pair_name(start, cx);
        }
        let at = self.read_ahead(start)?;
        let ends = match self.window.peek(at)? {
            None => !self.window.goes_on(at),
            Some(symbol) => is_space(symbol) || self.closes_outer(at)?,
        };
        Ok(self
            .denied(WORDS, cx.plan)
            .filter(|_| ends)
            .map(|verdict| verdict.rule))
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
