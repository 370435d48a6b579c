//! Decides at separators: whose name stands before, what kind of value begins behind, and where it ends. What all of them ask is
//! here; each has a file of its own.
//!
//! | separator | name | value | file |
//! | --- | --- | --- | --- |
//! | `=` behind `?` `&` `;` `#`, a quote, or the start | a URL's or form's parameter | to the parameter's end | `equals` |
//! | `=` elsewhere | a variable, field or setting | quoted, bracketed, or a word | `equals` |
//! | `:` | a key or a header | quoted, bracketed, a word, the line, or lines below | `colon`, `yaml` |
//! | `:` behind quotes | a member's key | quoted, bracketed, a number | `member` |
//! | `=>` | a key of Ruby, Perl or PHP | quoted, bracketed, or the line | `arrow` |
//! | `;` | a key that PHP has serialised | quoted | `serialized` |
//! | `,` | the first of a pair, in quotes | quoted | `pair` |
//! | white space | a flag, `--token` | quoted, or a word | `flag` |
//! | `|` | a key of PHP's sessions | as it has serialised it | `serialized` |
//! | `>` | an XML element | to the next tag, and so on to its end tag | `markup` |

use super::before::Before;
use super::container::Containers;
use super::prose::Look;
use super::quote::{Open, Quote};
use super::symbol::{ESCAPE, Symbol};
use super::value::{Opening, Tail, Until, Value, is_name, is_newline, is_space};
use super::window::More;
use super::{Context, Kind, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::name::{Kinds, NAME_BYTES, RuleIndex, Treatment, Verdict};
use crate::scrub::plan::Plan;

/// Most white space between a separator and its value.
const GAP: usize = 480;
/// Longest name of a flag, in characters.
pub(super) const FLAG: usize = 64;
/// Longest name of a type before a bracket, in characters.
const TYPE: usize = 48;

pub(super) const WORDS: Kinds = Kinds::KEY.or(Kinds::HEADER);
pub(super) const PARAMETERS: Kinds = WORDS.or(Kinds::PARAM);

impl TextMachine {
    /// Deals with the next symbol of text.
    #[inline]
    pub(super) fn in_text(&mut self, cx: &mut Context<'_>) -> Result<(), More> {
        let Some(cell) = self.window.next() else {
            return Ok(());
        };
        let symbol = cell.symbol;
        let plain = self.kind == Kind::Plain;
        // A query's values are text like any other.
        let found = self.at_token(symbol, cx)?
            || self.at_personal(symbol, cx)?
            || match symbol.ascii() {
                _ if !self.glance.names() => false,
                b'=' => self.at_equals(symbol, cx)?,
                b':' => self.at_colon(symbol, cx)?,
                b',' => self.at_comma(symbol, cx)?,
                b';' if plain => self.at_semicolon(symbol, cx)?,
                b'\n' | b'\r' if self.leaves.is_some() => self.at_line(symbol, cx)?,
                b' ' | b'\t' | b'\n' if plain && self.glance.flags() => {
                    self.at_space(symbol, cx)?
                }
                b'<' => self.at_tag(symbol, cx)?,
                b'>' => self.at_tag_end(symbol, cx)?,
                b'|' if plain => self.at_bar(symbol, cx)?,
                _ => false,
            };
        if !found {
            self.pass();
        }
        Ok(())
    }

    /// The verdict on the name that was read, if values of that name go.
    pub(super) fn denied(&mut self, kinds: Kinds, plan: &Plan) -> Option<Verdict> {
        let kinds = if self.host {
            kinds.or(Kinds::HOSTED)
        } else {
            kinds
        };
        let name = &self.name[self.name.len().saturating_sub(NAME_BYTES)..];
        if name.is_empty() {
            return None;
        }
        let verdict = self.verdicts.glance(plan, name, kinds)?;
        match verdict.treatment {
            Treatment::Leaves
            | Treatment::Replace
            | Treatment::Null
            | Treatment::Address
            | Treatment::Pseudonym
            | Treatment::Cookies => Some(verdict),
            Treatment::Query | Treatment::Text | Treatment::NotNames => None,
        }
    }

    /// Whether the name that was read, and that is denied, is a header's: it is one's, and is not spelled as a variable.
    pub(super) fn is_header(&mut self, verdict: Verdict, plan: &Plan) -> bool {
        if !plan.is_fixed(verdict.rule) && is_variable(&self.name) {
            return false;
        }
        let name = &self.name[self.name.len().saturating_sub(NAME_BYTES)..];
        verdict.kinds.meets(Kinds::HEADER)
            || self
                .verdicts
                .look_up(&plan.names, name, Kinds::HEADER)
                .is_some()
    }

    /// The verdict on the unquoted name that ends `end` symbols back: one word, or two (`api key`).
    pub(super) fn bare(
        &mut self,
        end: usize,
        also: &[u8],
        plan: &Plan,
    ) -> Option<(Verdict, Before)> {
        let before = self.bare_name(end, also)?;
        if let Some(verdict) = self.denied(WORDS, plan) {
            return Some((verdict, before));
        }
        let space = self.window.back(before.start)?;
        if space.ascii() != b' ' {
            return None;
        }
        let first = self.bare_name(before.start + 1, b"")?;
        self.read_name(first.start, end);
        if !plan
            .names
            .is_whole_phrase(&self.name, &mut self.verdicts.words)
        {
            return None;
        }
        let verdict = self.denied(WORDS, plan)?;
        let both = Before {
            start: first.start,
            ..before
        };
        Some((verdict, both))
    }

    /// The length of a scheme word that begins a value (`Bearer x`), unless what follows it has a name.
    pub(super) fn lead(&self, at: usize) -> Result<usize, More> {
        if self.kind != Kind::Plain {
            return Ok(0);
        }
        let scheme = self.scheme(at)?;
        let alone = scheme == 0
            || self.names_behind(at + scheme)?
            || !self.window.peek(at + scheme)?.is_some_and(is_name);
        Ok(if alone { 0 } else { scheme })
    }

    /// Redacts a value unless it tells nothing.
    pub(super) fn whole(
        &mut self,
        rule: RuleIndex,
        at: usize,
        value: Value,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        if self.is_spared(&value, at)? {
            return Ok(false);
        }
        self.redact(rule, at, value, cx);
        Ok(true)
    }

    /// White space at a distance ahead: how much, and whether a newline is in it.
    pub(super) fn gap(&self, at: usize) -> Result<(usize, bool), More> {
        let mut length = 0;
        let mut newline = false;
        while let Some(symbol) = self.window.peek(at + length)? {
            if length == GAP || !(is_space(symbol) || self.is_form_space(at + length)?) {
                break;
            }
            newline |= is_newline(symbol);
            length += 1;
        }
        Ok((length, newline))
    }

    /// Whether the white space at a distance ahead takes space: more than colours are in it.
    pub(super) fn is_spaced(&self, at: usize, gap: usize) -> Result<bool, More> {
        for index in at..at + gap {
            if self.window.byte(index)? != ESCAPE {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a plus sign at a distance ahead is the space of a form: between percent-encoded characters (URL standard,
    /// application/x-www-form-urlencoded).
    pub(super) fn is_form_space(&self, at: usize) -> Result<bool, More> {
        let encoded = |symbol: Option<Symbol>| symbol.is_some_and(|symbol| symbol.percent > 0);
        let plus = self
            .window
            .peek(at)?
            .is_some_and(|symbol| symbol.ascii() == b'+' && symbol.percent == 0);
        if !plus {
            return Ok(false);
        }
        let before = match at.checked_sub(1) {
            Some(before) => self.window.peek(before)?,
            None => self.window.back(0),
        };
        let behind =
            encoded(self.window.peek(at + 1)?) || self.window.starts_with(at + 1, MARKER, false)?;
        Ok(encoded(before) && behind)
    }

    /// A value that begins with a quote, a bracket or the marker; `None`: it does not.
    #[expect(clippy::too_many_arguments, reason = "what is known at a separator")]
    pub(super) fn opened(
        &mut self,
        rule: RuleIndex,
        name: Before,
        start: usize,
        separator: Symbol,
        tail: Tail,
        look: bool,
        cx: &mut Context<'_>,
    ) -> Result<Option<bool>, More> {
        let containers = Containers {
            rule,
            depth: 1,
            separator,
            look,
            quote: name.quote.filter(|_| !name.bracketed),
        };
        let strict = separator.ascii() == b'=';
        match self.opening(start)? {
            Opening::Quote {
                open,
                triple,
                inside,
                at: quote_at,
            } => {
                // A quote like the name's own opens, whatever seems to be open.
                if look && self.is_punctuation(open, inside)? {
                    return Ok(Some(false));
                }
                let unsure = name.quote != Some(open.quote) && self.closes_outer(quote_at)?;
                if unsure && !self.really_opens(inside)? {
                    return Ok(Some(false));
                }
                let tail = if unsure && tail == Tail::Word {
                    Tail::Unsure
                } else {
                    tail
                };
                let until = Until::Quote { open, triple, tail };
                let value = Value::new(until, separator);
                self.whole(rule, inside, value, cx).map(Some)
            }
            // As what has been a word before.
            Opening::Marker => Ok(None),
            Opening::Bracket(byte) => {
                let typed = if byte == b'[' && self.window.byte(start + 1)? == b']' {
                    self.typed_bracket(start, strict)?
                } else {
                    None
                };
                self.open_container(typed.unwrap_or(start), containers);
                Ok(Some(true))
            }
            Opening::Plain => match self.typed_bracket(start, strict)? {
                // A map of Go goes whole, as its lists do.
                Some(bracket) if self.window.byte(bracket)? == b'[' => {
                    let list = Value::new(Until::List, separator);
                    self.whole(rule, bracket + 1, list, cx).map(Some)
                }
                Some(bracket) => {
                    self.open_container(bracket, containers);
                    Ok(Some(true))
                }
                None => Ok(None),
            },
        }
    }

    /// Whether a quote that seems to end a string around the text opens a value all the same: what stands behind it is no
    /// delimiter, and the quote that seemed open was none.
    pub(super) fn really_opens(&self, inside: usize) -> Result<bool, More> {
        let Some(symbol) = self.window.peek(inside)? else {
            return Ok(false);
        };
        Ok(!is_space(symbol)
            && Quote::of(symbol).is_none()
            && !matches!(
                symbol.ascii(),
                b'>' | b','
                    | b')'
                    | b'}'
                    | b']'
                    | b';'
                    | b'&'
                    | b'#'
                    | b'+'
                    | b'.'
                    | b'\\'
                    | b'/'
                    | b'='
                    | b':'
            ))
    }

    /// A bracket behind the name of a type or constructor: `Some("x")`, `[]string{"x"}`, `Token { value: "x" }`, `Token(id=1)`,
    /// `map[a:x]`; or PHP's `Array (`.
    ///
    /// `strict`: behind a bare equals sign, where any word is a value, only strings in it tell.
    pub(super) fn typed_bracket(&self, start: usize, strict: bool) -> Result<Option<usize>, More> {
        if self.window.starts_with(start, MARKER, false)? {
            return Ok(None);
        }
        let mut at = start;
        let mut digits = false;
        let mut letters = self.window.byte(at)? == b'&';
        loop {
            let byte = self.window.byte(at)?;
            digits |= byte.is_ascii_digit();
            letters |= byte.is_ascii_alphabetic();
            let is_map = byte == b'[' && at == start + 3;
            let names = byte.is_ascii_alphabetic()
                || (byte.is_ascii_digit() && at > start)
                || (matches!(byte, b'_' | b'.' | b'[' | b']' | b'*' | b'&' | b':') && !is_map)
                || (byte == b'[' && !self.window.starts_with(start, b"map", false)?);
            if !names || at - start > TYPE {
                break;
            }
            at += 1;
        }
        if at == start || !letters {
            return Ok(None);
        }
        if at - start == 5 && self.window.starts_with(start, b"Array", false)? {
            let (gap, _) = self.gap(at)?;
            if self.window.byte(at + gap)? == b'(' {
                return Ok(Some(at + gap));
            }
        }
        let name = at;
        // `Map(1) {` and `Token {`.
        if self.window.byte(at)? == b'('
            && self.window.byte(at + 1)?.is_ascii_digit()
            && self.window.starts_with(at + 2, b") {", false)?
        {
            at += 4;
        } else if self.window.starts_with(at, b" {", false)? {
            at += 1;
        }
        if !matches!(self.window.byte(at)?, b'(' | b'{' | b'[') || self.looks_up(start, name)? {
            return Ok(None);
        }
        let (gap, _) = self.gap(at + 1)?;
        let quoted = matches!(self.opening(at + 1 + gap)?, Opening::Quote { .. });
        if quoted && at == name && !digits && self.window.byte(at)? != b'[' {
            return Ok(Some(at));
        }
        Ok(self.holds_leaves(at, strict)?.then_some(at))
    }

    /// How many symbols of a word at a distance ahead reach to the bracket that closes its first, if white space or a comma comes
    /// before that and the word begins as the name of a class: Java prints `token=Token{value=x, n=1}`.
    pub(super) fn through_brackets(&self, start: usize) -> Result<usize, More> {
        let first = self.window.byte(start)?;
        let second = self.window.byte(start + 1)?;
        if !first.is_ascii_uppercase() || !second.is_ascii_lowercase() {
            return Ok(0);
        }
        let mut at = start;
        while self.window.peek(at)?.is_some_and(is_name) && at - start <= TYPE {
            at += 1;
        }
        let Some(closing) = closing(self.window.byte(at)?) else {
            return Ok(0);
        };
        let mut depth = 0_usize;
        let mut parted = false;
        while let Some(symbol) = self.window.peek(at)? {
            match symbol.ascii() {
                b'(' | b'[' | b'{' => depth += 1,
                byte @ (b')' | b']' | b'}') => {
                    depth = match depth.checked_sub(1) {
                        Some(0) if parted && byte == closing => return Ok(at + 1 - start),
                        Some(0) | None => return Ok(0),
                        Some(depth) => depth,
                    };
                }
                b',' | b' ' if depth == 0 => return Ok(0),
                b',' | b' ' => parted = true,
                _ if is_newline(symbol) || self.closes_outer(at)? => return Ok(0),
                _ => {}
            }
            at += 1;
        }
        Ok(0)
    }

    /// Whether the bracket at a distance ahead is closed, and has strings or members in it: a call of a program's has neither.
    fn holds_leaves(&self, at: usize, strict: bool) -> Result<bool, More> {
        let Some(closing) = closing(self.window.byte(at)?) else {
            return Ok(false);
        };
        let mut depth = 0_usize;
        let mut leaves = closing == b']' && !strict;
        let mut next = at;
        let mut string = None;
        // A leaf may begin here.
        let mut begins = false;
        while let Some(symbol) = self.window.peek(next)? {
            if let Some(open) = string {
                let width = self.closes(next, |found| Open::closed_by(open, found))?;
                string = string.filter(|_| width.is_none());
                next += width.unwrap_or(1);
                begins = false;
                continue;
            }
            if next > at && self.closes_outer(next)? {
                return Ok(false);
            }
            if let Opening::Quote { open, inside, .. } = self.opening(next)? {
                leaves |= begins;
                string = Some(open);
                next = inside;
                continue;
            }
            match symbol.ascii() {
                b'[' if begins && !strict && self.window.starts_with(next, MARKER, false)? => {
                    leaves = true;
                    depth += 1;
                }
                b'(' | b'[' | b'{' => depth += 1,
                byte @ (b')' | b']' | b'}') => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(leaves && byte == closing);
                    }
                }
                b'=' | b':' => leaves |= !strict,
                _ => {}
            }
            let arrow = symbol.ascii() == b'>' && next > at && self.window.byte(next - 1)? == b'=';
            begins = arrow
                || matches!(symbol.ascii(), b'(' | b'[' | b'{' | b',' | b'=' | b':')
                || (begins && is_space(symbol));
            next += 1;
        }
        Ok(leaves && !strict && self.window.goes_on(next))
    }

    /// Whether a quoted value is one character that is no letter and no digit: `Unexpected token: ')'`.
    fn is_punctuation(&self, open: Open, inside: usize) -> Result<bool, More> {
        let one = self.window.peek(inside)?.is_some_and(|symbol| {
            !matches!(symbol.ascii(), 0x80 | b'\\') && !symbol.ascii().is_ascii_alphanumeric()
        });
        let closed = self.closes(inside + 1, |found| open.closed_by(found))?;
        Ok(one && closed.is_some())
    }

    /// Whether what stands between two distances is a type or constructor that programs print around a header's value. Anything
    /// else may be the beginning of the value.
    pub(super) fn names_container(&self, start: usize, end: usize) -> Result<bool, More> {
        const TYPES: [&[u8]; 16] = [
            b"some",
            b"string",
            b"str",
            b"bytes",
            b"array",
            b"list",
            b"tuple",
            b"vec",
            b"headervalue",
            b"secret",
            b"secretstr",
            b"secretstring",
            b"sensitive",
            b"interface",
            b"any",
            b"option",
        ];
        let mut name = Vec::with_capacity(end - start);
        for at in start..end {
            match self.window.byte(at)? {
                b'.' | b':' | b'*' | b'&' | b'[' | b']' => name.clear(),
                byte => name.push(byte.to_ascii_lowercase()),
            }
        }
        Ok(name.is_empty() || TYPES.contains(&name.as_slice()))
    }

    /// An unquoted word that goes only if it can be a secret.
    pub(super) fn looked_at(
        &mut self,
        rule: RuleIndex,
        start: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let until = match self.look(start, separator)? {
            Look::Prose => return Ok(false),
            Look::Secret(length) => Until::Count(length),
            Look::Endless => Until::Argument,
        };
        self.redact(rule, start, Value::new(until, separator), cx);
        Ok(true)
    }

    pub(super) fn names_behind(&self, at: usize) -> Result<bool, More> {
        let mut next = at;
        while self.window.peek(next)?.is_some_and(is_name) && next - at <= FLAG {
            next += 1;
        }
        Ok(next > at && self.window.byte(next)? == b'=' && self.begins_value(next + 1)?)
    }
}

/// Whether a name is spelled as programs spell a variable (`api_key`, `apiKey`) and not as a header (`api-key`, `X_API_KEY` of CGI).
fn is_variable(name: &[u8]) -> bool {
    const HEADERS: [&[u8]; 4] = [b"x_", b"http_", b"redirect_", b"php_"];
    let hump = name
        .windows(2)
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let joined = name.contains(&b'_') || name.contains(&b' ') || hump;
    let start = |word: &&[u8]| {
        name.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    joined && !name.contains(&b'-') && !HEADERS.iter().any(start)
}

/// The bracket that closes one.
fn closing(bracket: u8) -> Option<u8> {
    match bracket {
        b'(' => Some(b')'),
        b'[' => Some(b']'),
        b'{' => Some(b'}'),
        _ => None,
    }
}
