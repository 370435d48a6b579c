//! At a colon: a key or a header without quotes.

use super::quote::Open;
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::name::Treatment;

/// Endings of file names: `token.rs:42` is a place, not a value.
const FILES: [&[u8]; 30] = [
    b"rs", b"py", b"js", b"ts", b"jsx", b"tsx", b"mjs", b"cjs", b"go", b"java", b"rb", b"php",
    b"kt", b"cs", b"c", b"h", b"cpp", b"html", b"vue", b"svelte", b"css", b"json", b"yaml", b"yml",
    b"toml", b"xml", b"md", b"txt", b"log", b"sql",
];

impl TextMachine {
    pub(super) fn at_colon(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let next = self.window.byte(1)?;
        if next == b':' || self.window.back_byte(0) == b':' {
            return Ok(false);
        }
        if next == b'/' && self.window.byte(2)? == b'/' {
            return self.at_scheme(cx);
        }
        if self.at_login(separator, cx)? {
            return Ok(true);
        }
        let Some(end) = self.spaces_before() else {
            return Ok(false);
        };
        let end = self.before_emphasis(end);
        let assigns = self.window.peek(1)?.is_some_and(|next| {
            next == Symbol {
                code: u32::from(b'='),
                ..separator
            }
        });
        let at = if assigns { 2 } else { 1 };
        if let Some(before) = self.quoted_name(end) {
            if self.is_php_key(before)? {
                return Ok(false);
            }
            return self.at_member(before, at, separator, cx);
        }
        // `password?: string = "x"`
        let optional = matches!(self.window.back_byte(end), b'?' | b'!');
        let end = self.before_index(end + usize::from(optional));
        let Some((verdict, before)) = self.bare(end, b"/", cx.plan) else {
            if self.below_key(end, at, separator, cx)? {
                return Ok(true);
            }
            return self.at_pair_member(end, at, separator, cx);
        };
        let (space, _) = self.gap(at)?;
        let prefixed = match self.window.back_byte(before.start) {
            // `INFO:root:Cookie: a=b` of a log, but neither a path of Rust nor a URN.
            b':' => space == 0 || self.window.back_byte(before.start + 1) == b':',
            byte => matches!(byte, b'@' | b'\\'),
        };
        if prefixed
            || self.name.contains(&b'/')
            || self.names_file()
            || (end == 0 && (self.name.starts_with(b".") || self.is_php_key(before)?))
        {
            return Ok(false);
        }
        let header = self.is_header(verdict, cx.plan);
        let at = at + self.emphasis_end(before, at)?;
        let (mut gap, newline) = self.gap(at)?;
        if newline {
            return self.below(verdict.rule, before, at + gap, separator, cx);
        }
        if !header
            && let Some(start) = self.behind_type(at + gap)?
            && self.declared(verdict, before, start, separator, cx)?
        {
            return Ok(true);
        }
        if optional {
            return Ok(false);
        }
        if gap > 0 {
            gap += self.yaml_tag(at + gap)?;
            gap += self.spew(at + gap, !header)?;
        }
        let start = at + gap;
        let spaced = self.is_spaced(at, gap)?;
        let cookies = verdict.treatment == Treatment::Cookies && self.names_behind(start)?;
        let header = header || cookies;
        let line = Value::new(Until::Line, separator);
        let quoted = match self.opening(start)? {
            Opening::Quote { inside, .. } => self.really_opens(inside)?,
            Opening::Bracket(_) | Opening::Marker | Opening::Plain => false,
        };
        // Behind a name in XML stands a tag. A header's value may begin like one.
        let tag = at == 1
            && self.window.byte(start)? == b'<'
            && (!header || self.window.byte(start + 1)? == b'/');
        if (!quoted && self.ends_at(&line, start)?) || tag {
            return Ok(false);
        }
        if let Some((inside, indent)) = self.block(start)? {
            let value = Value::new(Until::Block { indent }, separator);
            return self.whole(verdict.rule, inside, value, cx);
        }
        // A quote that nothing closes is an apostrophe, or punctuation.
        let opening = match self.opening(start)? {
            Opening::Quote {
                open,
                triple,
                inside,
                at,
            } => {
                let unsure = before.quote != Some(open.quote) && self.closes_outer(at)?;
                let tail = match (header, unsure) {
                    (true, _) => Tail::Line,
                    (false, true) => Tail::Unsure,
                    (false, false) => Tail::Word,
                };
                if !self.is_closed(open, triple, inside, tail)?
                    || (unsure && !self.really_opens(inside)?)
                {
                    Opening::Plain
                } else {
                    Opening::Quote {
                        open,
                        triple,
                        inside,
                        at,
                    }
                }
            }
            opening @ (Opening::Bracket(_) | Opening::Marker | Opening::Plain) => opening,
        };
        if gap == 0
            && opening == Opening::Bracket(b'[')
            && !matches!(
                self.opening(start + 1)?,
                Opening::Quote { .. } | Opening::Bracket(_)
            )
            && self.window.byte(start + 1)? != b']'
        {
            let list = Value::new(Until::List, separator);
            return self.whole(verdict.rule, start + 1, list, cx);
        }
        if header {
            let holds_strings = match opening {
                Opening::Quote { .. } | Opening::Marker => true,
                Opening::Bracket(_) => {
                    let (gap, _) = self.gap(start + 1)?;
                    matches!(self.opening(start + 1 + gap)?, Opening::Quote { .. })
                }
                Opening::Plain => match self.typed_bracket(start, false)? {
                    Some(bracket) => self.names_container(start, bracket)?,
                    None => false,
                },
            };
            if holds_strings && opening != Opening::Marker {
                return Ok(self
                    .opened(
                        verdict.rule,
                        before,
                        start,
                        separator,
                        Tail::Line,
                        false,
                        cx,
                    )?
                    .unwrap_or(false));
            }
            return self.whole(verdict.rule, start, line, cx);
        }
        let unclosed =
            opening == Opening::Plain && matches!(self.opening(start)?, Opening::Quote { .. });
        if !unclosed
            && let Some(done) = self.opened(
                verdict.rule,
                before,
                start,
                separator,
                Tail::Word,
                spaced,
                cx,
            )?
        {
            return Ok(done);
        }
        if spaced {
            return self.looked_at(verdict.rule, start, separator, cx);
        }
        let lead = self.lead(start)?;
        let word = Value::new(Until::Word, separator);
        self.whole(verdict.rule, start, Value { lead, ..word }, cx)
    }

    /// Whether a string ends before the text does, or too far away to be seen.
    pub(super) fn is_closed(
        &self,
        open: Open,
        triple: bool,
        inside: usize,
        tail: Tail,
    ) -> Result<bool, More> {
        let until = Until::Quote { open, triple, tail };
        let value = Value::new(until, Symbol::plain(0));
        let mut at = inside;
        while self.window.peek(at)?.is_some() {
            if self.ends_at(&value, at)? {
                return Ok(true);
            }
            // Two quotes are passed over together.
            let width = self.closes(at, |found| open.closed_by(found))?;
            at += width.map_or(1, |width| 2 * width);
        }
        // One too long to be seen to its end leaves as the marker, at the text's end.
        let marked =
            at == inside + MARKER.len() && self.window.starts_with(inside, MARKER, false)?;
        Ok(marked || self.window.goes_on(at))
    }

    /// Whether the name that was read is a file's.
    pub(super) fn names_file(&self) -> bool {
        self.name
            .iter()
            .rposition(|byte| *byte == b'.')
            .is_some_and(|dot| FILES.contains(&&self.name[dot + 1..]))
    }
}
