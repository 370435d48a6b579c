//! Containers under a denied name, in text: every leaf goes, one by one, and the rest stays (`{'token': ['a', 'b']}`).
//!
//! A leaf is a quoted string or an *atom* (a number, a bare word). What stands before `:`, `=` or `=>` is a key and stays.

use bytes::Bytes;

use super::quote::{Quote, bracket};
use super::value::{Opening, Tail, Until, Value, is_name, is_newline, is_space};
use super::window::More;
use super::{Context, LITERALS, Layer, MARKER, Symbol, TextMachine};
use crate::scrub::name::RuleIndex;

/// A key that is at least so long and has letters and digits goes too.
pub(super) const SECRET_KEY: usize = 16;

/// The containers that are open, the innermost of which is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Containers {
    pub(super) rule: RuleIndex,
    pub(super) depth: u32,
    pub(super) separator: Symbol,
    /// Bare words go only if they can be secrets.
    pub(super) look: bool,
    /// The quote of the name before: numbers are replaced in quotes like it.
    pub(super) quote: Option<Quote>,
}

impl TextMachine {
    /// Begins with the container whose bracket stands at a distance ahead.
    pub(super) fn open_container(&mut self, at: usize, containers: Containers) {
        for _ in 0..=at {
            self.pass();
        }
        self.container = Some(containers);
    }

    pub(super) fn in_container(&mut self, cx: &mut Context<'_>) -> Result<(), More> {
        let (Some(mut containers), Some(cell)) = (self.container, self.window.next()) else {
            return Ok(());
        };
        let symbol = cell.symbol;
        if self.closes_outer(0)? {
            self.container = None;
            return Ok(());
        }
        match self.opening(0)? {
            Opening::Quote {
                open,
                triple,
                inside,
                ..
            } => {
                let until = Until::Quote {
                    open,
                    triple,
                    tail: Tail::None,
                };
                let value = Value::new(until, containers.separator);
                if let Some(end) = self.key_end(&value, inside)? {
                    if self.is_secret_key(inside, end)? {
                        self.redact(containers.rule, inside, value, cx);
                    } else {
                        self.pass_all(end);
                    }
                } else if self.is_spared(&value, inside)? {
                    // Its opening quote, and the literal in it; then its closing quote.
                    let mut end = inside;
                    while !self.ends_at(&value, end)? {
                        end += 1;
                    }
                    let width = self
                        .closes(end, |found| open.closed_by(found))?
                        .unwrap_or(0);
                    self.pass_all(end + width + if triple && width > 0 { 2 } else { 0 });
                } else {
                    self.redact(containers.rule, inside, value, cx);
                }
                return Ok(());
            }
            Opening::Marker if self.is_key(MARKER.len())? => {
                self.pass_all(MARKER.len());
                return Ok(());
            }
            Opening::Marker => {
                let value = Value::new(Until::Atom, containers.separator);
                self.redact(containers.rule, 0, value, cx);
                return Ok(());
            }
            Opening::Bracket(_) | Opening::Plain => {}
        }
        let spewed = self.spew(0, true)?;
        if spewed > 0 {
            self.pass_all(spewed);
            return Ok(());
        }
        if let Some((_, opens)) = bracket(symbol) {
            containers.depth = if opens {
                containers.depth.saturating_add(1)
            } else {
                containers.depth - 1
            };
            self.pass();
            self.container = (containers.depth > 0).then_some(containers);
            return Ok(());
        }
        if is_space(symbol)
            || self.is_form_space(0)?
            || !(is_name(symbol) || symbol.ascii() == b'+')
        {
            self.pass();
            return Ok(());
        }
        self.atom(containers, cx)
    }

    /// A key, a type's name, a literal or an atom begins here.
    fn atom(&mut self, open: Containers, cx: &mut Context<'_>) -> Result<(), More> {
        let mut length = 0;
        while let Some(symbol) = self.window.peek(length)? {
            if !(is_name(symbol) || symbol.ascii() == b'+') {
                break;
            }
            length += 1;
        }
        let names_type = matches!(self.window.byte(length)?, b'(' | b'{' | b'[' | b'"' | b'\'');
        if names_type || self.is_key(length)? {
            self.pass_all(length);
            return Ok(());
        }
        for literal in LITERALS {
            if length == literal.len() && self.window.starts_with(0, literal, false)? {
                self.pass_all(length);
                return Ok(());
            }
        }
        // An index: `[0] => value`.
        if self.window.byte(length)? == b']' && self.is_key(length + 1)? {
            self.pass_all(length);
            return Ok(());
        }
        if open.look {
            match self.look(0, open.separator)? {
                super::prose::Look::Prose => {
                    self.pass_all(length);
                    return Ok(());
                }
                super::prose::Look::Secret(_) | super::prose::Look::Endless => {}
            }
        }
        let value = Value::new(Until::Atom, open.separator);
        let text = match open.quote {
            Some(quote) if !self.is_joined() => self.quoted_marker(quote),
            Some(_) | None => Bytes::from_static(MARKER),
        };
        self.redact_as(open.rule, 0, value, &text, cx);
        Ok(())
    }

    /// Whether quotes right here would join what stands before.
    pub(super) fn is_joined(&self) -> bool {
        matches!(self.window.back_byte(0), b'\\' | b'"' | b'\'' | b'`')
    }

    /// The marker in quotes, so that what reads the inner document still can.
    pub(super) fn quoted_marker(&self, quote: Quote) -> Bytes {
        let spelled = quote.spelled(self.layer == Layer::Json);
        Bytes::from([spelled.as_slice(), MARKER, spelled.as_slice()].concat())
    }

    pub(super) fn pass_all(&mut self, count: usize) {
        for _ in 0..count {
            self.pass();
        }
    }

    /// Whether `:`, `=` or `=>` stands at a distance ahead, perhaps behind white space.
    fn is_key(&self, at: usize) -> Result<bool, More> {
        let mut next = at;
        while let Some(symbol) = self.window.peek(next)? {
            if !is_space(symbol) || next - at > 32 || is_newline(symbol) {
                break;
            }
            next += 1;
        }
        let second = self.window.byte(next + 1)?;
        Ok(match self.window.byte(next)? {
            b':' => second != b':',
            b'=' => second != b'=',
            _ => false,
        })
    }

    /// If the string whose inside begins at a distance ahead is a key: where its closing quote ends.
    fn key_end(&self, value: &Value, inside: usize) -> Result<Option<usize>, More> {
        let Until::Quote { open, triple, .. } = value.until else {
            return Ok(None);
        };
        let mut at = inside;
        while !self.ends_at(value, at)? {
            if self.window.peek(at)?.is_none() {
                return Ok(None);
            }
            at += 1;
        }
        let Some(width) = self.closes(at, |found| open.closed_by(found))? else {
            return Ok(None);
        };
        let end = at + width + if triple { 2 } else { 0 };
        Ok(self.is_key(end)?.then_some(end))
    }

    fn is_secret_key(&self, inside: usize, end: usize) -> Result<bool, More> {
        let mut letter = false;
        let mut digit = false;
        let mut length = 0;
        for at in inside..end {
            let byte = self.window.byte(at)?;
            letter |= byte.is_ascii_alphabetic();
            digit |= byte.is_ascii_digit();
            length += usize::from(!matches!(byte, b'"' | b'\'' | b'`' | b'\\'));
        }
        Ok(letter && digit && length >= SECRET_KEY)
    }
}
