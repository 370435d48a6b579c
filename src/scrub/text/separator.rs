//! Decides at separators: whose name stands before, what kind of value begins behind, and where it ends.
//!
//! | separator | name | value |
//! | --- | --- | --- |
//! | `=` behind `?` `&` `;` `#`, a quote, or the start | a URL's or form's parameter | to the parameter's end |
//! | `=` elsewhere | a variable, field or setting | quoted, bracketed, or a word |
//! | `:` | a key or a header | quoted, bracketed, a word, or the line |
//! | `=>` | a key of Ruby, Perl or PHP | quoted, bracketed, or the line |
//! | `,` | the first of a pair, in quotes | quoted |
//! | white space | a flag, `--token` | quoted, or a word |
//! | `>` | an XML element | to the next tag |

use super::before::{Before, push};
use super::container::Containers;
use super::prose::Look;
use super::quote::{Open, Quote};
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_name, is_newline, is_space};
use super::window::More;
use super::{Context, Kind, TextMachine};
use crate::scrub::name::{Kinds, NAME_BYTES, RuleIndex, Treatment, Verdict, reads_as_name};
use crate::scrub::plan::Plan;

/// Most white space between a separator and its value.
const GAP: usize = 480;
/// Longest name of a flag, in characters.
const FLAG: usize = 64;
/// Longest start tag that is looked at, in characters.
const TAG: usize = 200;
/// Longest name of a type before a bracket, in characters.
const TYPE: usize = 48;
/// Endings of file names: `token.rs:42` is a place, not a value.
const FILES: [&[u8]; 30] = [
    b"rs", b"py", b"js", b"ts", b"jsx", b"tsx", b"mjs", b"cjs", b"go", b"java", b"rb", b"php",
    b"kt", b"cs", b"c", b"h", b"cpp", b"html", b"vue", b"svelte", b"css", b"json", b"yaml", b"yml",
    b"toml", b"xml", b"md", b"txt", b"log", b"sql",
];

const WORDS: Kinds = Kinds::KEY.or(Kinds::HEADER);
const PARAMETERS: Kinds = WORDS.or(Kinds::PARAM);

impl TextMachine {
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
                b'=' => self.at_equals(symbol, cx)?,
                b':' => self.at_colon(symbol, cx)?,
                b',' => self.at_comma(symbol, cx)?,
                b' ' | b'\t' | b'\n' if plain => self.at_space(symbol, cx)?,
                b'>' => self.at_tag_end(symbol, cx)?,
                _ => false,
            };
        if !found {
            self.pass();
        }
        Ok(())
    }

    /// The verdict on the name that was read, if values of that name go.
    fn denied(&mut self, kinds: Kinds, plan: &Plan) -> Option<Verdict> {
        let kinds = if self.host {
            kinds.or(Kinds::HOSTED)
        } else {
            kinds
        };
        let name = &self.name[self.name.len().saturating_sub(NAME_BYTES)..];
        if name.is_empty() {
            return None;
        }
        let verdict = plan.names.look_up(name, kinds, &mut self.words)?;
        match verdict.treatment {
            Treatment::Leaves | Treatment::Replace | Treatment::Null | Treatment::Cookies => {
                Some(verdict)
            }
            Treatment::Query | Treatment::Text | Treatment::NotNames => None,
        }
    }

    /// Whether the name that was read, and that is denied, is a header's.
    fn is_header(&mut self, verdict: Verdict, plan: &Plan) -> bool {
        let name = &self.name[self.name.len().saturating_sub(NAME_BYTES)..];
        verdict.kinds.meets(Kinds::HEADER)
            || plan
                .names
                .look_up(name, Kinds::HEADER, &mut self.words)
                .is_some()
    }

    // --- `=` ---

    fn at_equals(&mut self, separator: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        let plain = self.kind == Kind::Plain;
        let next = self.window.byte(1)?;
        let end = if plain {
            match self.spaces_before() {
                Some(spaces) => spaces,
                None => return Ok(false),
            }
        } else {
            0
        };
        if plain && next == b'>' {
            return self.at_arrow(end, separator, cx);
        }
        let last = self.window.back_byte(end);
        if plain && last == b':' {
            // `:=` has been dealt with at its colon.
            return Ok(false);
        }
        if plain
            && matches!(last, b'"' | b'\'' | b'`' | b']')
            && let Some(before) = self.quoted_name(end)
        {
            if next == b'=' {
                return Ok(false);
            }
            return match self.denied(WORDS, cx.plan) {
                Some(verdict) => self.assigned(verdict, before, 1, separator, cx),
                None => Ok(false),
            };
        }
        let mut parameter = self.parameter_name(end);
        // A query that is a literal of some language: `b'code=x'`.
        let quote = self
            .name
            .iter()
            .take(3)
            .position(|byte| matches!(byte, b'"' | b'\''));
        if !plain
            && let Some(quote) = quote
            && self.name[..quote]
                .iter()
                .all(|byte| b"bBuUrRfF".contains(byte))
            && !matches!(self.name.last(), Some(b'"' | b'\''))
        {
            parameter.start -= quote + 1;
            self.name.drain(..=quote);
        }
        if !plain && self.name.trim_ascii_end().ends_with(b":") {
            return Ok(false);
        }
        let mark = self.window.back_byte(parameter.start);
        let in_url = matches!(mark, b'?' | b'&' | b'#');
        if (in_url || next != b'=' || !plain) && self.is_announced(parameter, separator) {
            let mut verdict = self.denied(PARAMETERS, cx.plan);
            if verdict.is_none() && self.bare_name(end, b"[]~+").is_some() {
                verdict = self.denied(PARAMETERS, cx.plan);
            }
            return match verdict {
                Some(verdict) => self.parameter(verdict, parameter, separator, cx),
                None => Ok(false),
            };
        }
        // A comparison, or an operator that ends in an equals sign.
        if next == b'=' || matches!(last, b'=' | b'!' | b'<' | b'>') {
            return Ok(false);
        }
        let Some((verdict, before)) = self.bare(end, b"[]~+", cx.plan) else {
            return self.at_pair_member(end, 1, separator, cx);
        };
        self.assigned(verdict, before, 1, separator, cx)
    }

    /// The verdict on the unquoted name that ends `end` symbols back: one word, or two (`api key`).
    fn bare(&mut self, end: usize, also: &[u8], plan: &Plan) -> Option<(Verdict, Before)> {
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
        if !plan.names.is_whole_phrase(&self.name, &mut self.words) {
            return None;
        }
        let verdict = self.denied(WORDS, plan)?;
        let both = Before {
            start: first.start,
            ..before
        };
        Some((verdict, both))
    }

    /// Whether something announces a parameter: `?`, `&`, `;`, `#`, an opening quote, or the start; or an equals sign, if the
    /// parameter is part of the value behind it, encoded once more.
    fn is_announced(&self, parameter: Before, separator: Symbol) -> bool {
        if parameter.start == parameter.end {
            return false;
        }
        let Some(mark) = self.window.back(parameter.start) else {
            return self.window.is_start(parameter.start) && self.is_plain(parameter);
        };
        match mark.ascii() {
            b'?' | b'&' | b'#' | b';' => true,
            b'"' | b'\'' | b'`' => self.is_plain(parameter),
            b'=' => separator.percent > mark.percent,
            _ => false,
        }
    }

    /// Whether a parameter's name has nothing in it that could begin something else.
    fn is_plain(&self, parameter: Before) -> bool {
        (parameter.end..parameter.start).all(|distance| {
            self.window.back(distance).is_some_and(|symbol| {
                is_name(symbol)
                    || matches!(symbol.ascii(), b'[' | b']' | b'+' | b'~' | b'%')
                    || (self.kind == Kind::Query && is_space(symbol))
            })
        }) && self.window.back_byte(parameter.start - 1) != b'['
    }

    fn parameter(
        &mut self,
        verdict: Verdict,
        name: Before,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let matrix = self.in_path && self.window.back_byte(name.start) == b';';
        let value = Value::new(Until::Param { matrix }, separator);
        if self.kind == Kind::Plain {
            let first = self.window.peek(1)?;
            let gap = first.is_some_and(|first| {
                first.percent <= separator.percent && matches!(first.ascii(), b' ' | b'\t')
            });
            // Only a URL tells for sure that it is a URL's; elsewhere it may as well be a field of something.
            let mark = self.window.back_byte(name.start);
            let in_url = matches!(mark, b'?' | b'&' | b'#' | b'=');
            let field = !in_url
                && (matches!(
                    self.opening(1)?,
                    Opening::Bracket(_) | Opening::Quote { .. }
                ) || self.is_header(verdict, cx.plan));
            if gap || field {
                return self.assigned(verdict, name, 1, separator, cx);
            }
            if let Opening::Quote {
                open,
                triple,
                inside,
                ..
            } = self.opening(1)?
                && open.quote.percent <= separator.percent
                && (!self.ends_at(&value, 1)? || self.really_opens(inside)?)
            {
                let until = Until::Quote {
                    open,
                    triple,
                    tail: Tail::Param { matrix },
                };
                return self.whole(verdict.rule, inside, Value::new(until, separator), cx);
            }
        }
        let lead = self.lead(1)?;
        self.whole(verdict.rule, 1, Value { lead, ..value }, cx)
    }

    /// The length of a scheme word that begins a value (`Bearer x`), unless what follows it has a name.
    fn lead(&self, at: usize) -> Result<usize, More> {
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
    fn whole(
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
    fn gap(&self, at: usize) -> Result<(usize, bool), More> {
        let mut length = 0;
        let mut newline = false;
        while let Some(symbol) = self.window.peek(at + length)? {
            if !is_space(symbol) || length == GAP {
                break;
            }
            newline |= is_newline(symbol);
            length += 1;
        }
        Ok((length, newline))
    }

    /// What is behind an equals sign that is not a parameter's.
    fn assigned(
        &mut self,
        verdict: Verdict,
        name: Before,
        at: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let (gap, newline) = self.gap(at)?;
        if newline {
            return Ok(false);
        }
        let header = self.is_header(verdict, cx.plan);
        let cookie = self.name.to_ascii_lowercase().ends_with(b"cookie");
        let until = if header && self.has_fields(at + gap)? {
            Until::Line
        } else if header {
            Until::HeaderWord { cookie }
        } else {
            Until::Word
        };
        let mut value = Value::new(until, separator);
        let start = at + gap;
        let quoted = match self.opening(start)? {
            Opening::Quote { inside, .. } => self.really_opens(inside)?,
            Opening::Bracket(_) | Opening::Marker | Opening::Plain => false,
        };
        if !quoted && self.ends_at(&value, start)? {
            return Ok(false);
        }
        let look = gap > 0 && !header;
        if let Some(done) =
            self.opened(verdict.rule, name, start, separator, Tail::Word, look, cx)?
        {
            return Ok(done);
        }
        if !header && gap > 0 {
            return self.looked_at(verdict.rule, start, separator, cx);
        }
        if !header {
            value.lead = self.lead(start)?;
        }
        self.whole(verdict.rule, start, value, cx)
    }

    /// A value that begins with a quote, a bracket or the marker; `None`: it does not.
    #[expect(clippy::too_many_arguments, reason = "what is known at a separator")]
    fn opened(
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
        match self.opening(start)? {
            Opening::Quote {
                open,
                triple,
                inside,
                at: quote_at,
            } => {
                // A quote like the name's own opens, whatever seems to be open.
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
                    self.typed_bracket(start)?
                } else {
                    None
                };
                self.open_container(typed.unwrap_or(start), containers);
                Ok(Some(true))
            }
            Opening::Plain => match self.typed_bracket(start)? {
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
    fn really_opens(&self, inside: usize) -> Result<bool, More> {
        let Some(symbol) = self.window.peek(inside)? else {
            return Ok(false);
        };
        Ok(!is_space(symbol)
            && Quote::of(symbol).is_none()
            && !matches!(
                symbol.ascii(),
                b'>' | b',' | b')' | b'}' | b']' | b';' | b'&' | b'#' | b'+' | b'.' | b'\\' | b'/'
            ))
    }

    /// Whether a header's value begins with a scheme that has fields of its own: `Digest username="ann", response="x"`.
    fn has_fields(&self, at: usize) -> Result<bool, More> {
        const SCHEMES: [&[u8]; 7] = [
            b"digest ",
            b"oauth ",
            b"aws4-",
            b"hmac",
            b"mac ",
            b"hawk ",
            b"signature ",
        ];
        for scheme in SCHEMES {
            if self.window.starts_with(at, scheme, true)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A bracket behind the name of a type or constructor, with a quoted string in it: `Some("x")`, `[]string{"x"}`; or PHP's
    /// `Array (`.
    fn typed_bracket(&self, start: usize) -> Result<Option<usize>, More> {
        let mut at = start;
        loop {
            let byte = self.window.byte(at)?;
            let names = byte.is_ascii_alphabetic()
                || matches!(byte, b'_' | b'.' | b'[' | b']' | b'*' | b'&' | b':');
            if !names || at - start > TYPE {
                break;
            }
            at += 1;
        }
        if at == start {
            return Ok(None);
        }
        if at - start == 5 && self.window.starts_with(start, b"Array", false)? {
            let (gap, _) = self.gap(at)?;
            if self.window.byte(at + gap)? == b'(' {
                return Ok(Some(at + gap));
            }
        }
        if !matches!(self.window.byte(at)?, b'(' | b'{') {
            return Ok(None);
        }
        let (gap, _) = self.gap(at + 1)?;
        let quoted = matches!(self.opening(at + 1 + gap)?, Opening::Quote { .. });
        Ok(quoted.then_some(at))
    }

    /// An unquoted word that goes only if it can be a secret.
    fn looked_at(
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

    fn names_behind(&self, at: usize) -> Result<bool, More> {
        let mut next = at;
        while self.window.peek(next)?.is_some_and(is_name) && next - at <= FLAG {
            next += 1;
        }
        Ok(next > at && self.window.byte(next)? == b'=' && self.begins_value(next + 1)?)
    }

    // --- `=>` ---

    fn at_arrow(
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
            return match self.typed_bracket(start)? {
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

    // --- `:` ---

    fn at_colon(&mut self, separator: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        let next = self.window.byte(1)?;
        if next == b':' || self.window.back_byte(0) == b':' {
            return Ok(false);
        }
        if next == b'/' && self.window.byte(2)? == b'/' {
            return self.at_scheme(cx);
        }
        let Some(end) = self.spaces_before() else {
            return Ok(false);
        };
        let assigns = self.window.peek(1)?.is_some_and(|next| {
            next == Symbol {
                code: u32::from(b'='),
                ..separator
            }
        });
        let at = if assigns { 2 } else { 1 };
        if let Some(before) = self.quoted_name(end) {
            return self.at_member(before, at, separator, cx);
        }
        let Some((verdict, before)) = self.bare(end, b"/", cx.plan) else {
            return self.at_pair_member(end, at, separator, cx);
        };
        if matches!(self.window.back_byte(before.start), b':' | b'@' | b'\\')
            || self.name.contains(&b'/')
            || self.names_file()
            || (end == 0 && (self.name.starts_with(b".") || self.is_php_key(before)?))
        {
            return Ok(false);
        }
        let header = self.is_header(verdict, cx.plan);
        let (mut gap, newline) = self.gap(at)?;
        if newline {
            return self.below(verdict.rule, before, at + gap, separator, cx);
        }
        if gap > 0 {
            gap += self.yaml_tag(at + gap)?;
        }
        let start = at + gap;
        let line = Value::new(Until::Line, separator);
        let quoted = match self.opening(start)? {
            Opening::Quote { inside, .. } => self.really_opens(inside)?,
            Opening::Bracket(_) | Opening::Marker | Opening::Plain => false,
        };
        if (!quoted && self.ends_at(&line, start)?) || (at == 1 && self.window.byte(start)? == b'<')
        {
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
                ..
            } if !self.is_closed(
                open,
                triple,
                inside,
                if header { Tail::Line } else { Tail::Word },
            )? =>
            {
                Opening::Plain
            }
            opening @ (Opening::Quote { .. }
            | Opening::Bracket(_)
            | Opening::Marker
            | Opening::Plain) => opening,
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
                Opening::Plain => self.typed_bracket(start)?.is_some(),
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
                gap > 0,
                cx,
            )?
        {
            return Ok(done);
        }
        if gap > 0 {
            return self.looked_at(verdict.rule, start, separator, cx);
        }
        let lead = self.lead(start)?;
        let word = Value::new(Until::Word, separator);
        self.whole(verdict.rule, start, Value { lead, ..word }, cx)
    }

    /// Whether a string ends before the text does, or too far away to be seen.
    fn is_closed(&self, open: Open, triple: bool, inside: usize, tail: Tail) -> Result<bool, More> {
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
        Ok(self.window.goes_on(at))
    }

    /// The length of a tag or an anchor of YAML before a value (`!!str`, `&name`; YAML 1.2, section 6.9), with the space behind it.
    fn yaml_tag(&self, at: usize) -> Result<usize, More> {
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
    fn below(
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

    /// Whether a name before a colon is a property's in PHP's print_r: `[password:protected] =>`.
    fn is_php_key(&self, name: Before) -> Result<bool, More> {
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

    /// A member `name: token` of a key/value object without quotes, or the `value: x` of one.
    fn at_pair_member(
        &mut self,
        end: usize,
        at: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let Some(name) = self.bare_name(end, b"") else {
            return Ok(false);
        };
        let (gap, newline) = self.gap(at)?;
        if newline {
            return Ok(false);
        }
        let start = at + gap;
        match self.name.to_ascii_lowercase().as_slice() {
            b"--user" | b"--proxy-user" => {
                let argument = Value::new(Until::Argument, separator);
                match cx.plan.user_info {
                    Some(rule) if self.argument_has(start, b':', &argument)? => {
                        self.whole(rule, start, argument, cx)
                    }
                    _ => Ok(false),
                }
            }
            b"name" | b"key" | b"id" => {
                let pair = self.pair_name(start, cx)?;
                self.pair = pair.map(|rule| (rule, self.brackets.depth()));
                Ok(false)
            }
            b"value" => {
                let Some((rule, _)) = self.pair else {
                    return Ok(false);
                };
                if let Some(done) =
                    self.opened(rule, name, start, separator, Tail::Word, false, cx)?
                {
                    self.pair = None;
                    return Ok(done);
                }
                let done = self.whole(rule, start, Value::new(Until::Atom, separator), cx)?;
                self.pair = None;
                Ok(done)
            }
            _ => Ok(false),
        }
    }

    /// Whether the name that was read is a file's.
    fn names_file(&self) -> bool {
        self.name
            .iter()
            .rposition(|byte| *byte == b'.')
            .is_some_and(|dot| FILES.contains(&&self.name[dot + 1..]))
    }

    /// A block of YAML (YAML 1.2, section 8.1): where its first line begins, and by how much it is indented.
    fn block(&self, at: usize) -> Result<Option<(usize, usize)>, More> {
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

    /// A member of an object: its name stood in quotes.
    fn at_member(
        &mut self,
        name: Before,
        at: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let (gap, _) = self.gap(at)?;
        let start = at + gap;
        let names = matches!(self.name.as_slice(), b"key" | b"name");
        let is_value = self.name.as_slice() == b"value";
        let rule = match self.denied(WORDS, cx.plan) {
            Some(verdict) => Some((verdict.rule, self.is_header(verdict, cx.plan))),
            None if is_value => match self.pair {
                Some((rule, _)) => Some((rule, false)),
                None => self.pair_behind(start, cx)?.map(|rule| (rule, false)),
            },
            None => None,
        };
        if names && rule.is_none() {
            if let Some(pair) = self.pair_name(start, cx)? {
                self.pair = Some((pair, self.brackets.depth()));
            }
            return Ok(false);
        }
        let Some((rule, header)) = rule else {
            return Ok(false);
        };
        if let Some(done) = self.opened(rule, name, start, separator, Tail::None, false, cx)? {
            return Ok(done);
        }
        let first = self.window.byte(start)?;
        if first.is_ascii_digit()
            || (first == b'-' && self.window.byte(start + 1)?.is_ascii_digit())
        {
            let value = Value::new(Until::Number, separator);
            let text = match name.quote {
                Some(quote) => self.quoted_marker(quote),
                None => bytes::Bytes::from_static(super::MARKER),
            };
            self.redact_as(rule, start, value, &text, cx);
            return Ok(true);
        }
        if header {
            let value = Value::new(Until::Line, separator);
            return self.whole(rule, start, value, cx);
        }
        if gap == 0 {
            let value = Value::new(Until::Word, separator);
            return self.whole(rule, start, value, cx);
        }
        self.looked_at(rule, start, separator, cx)
    }

    /// The rule that covers the string at a distance ahead as a name of a pair.
    fn pair_name(&mut self, start: usize, cx: &mut Context<'_>) -> Result<Option<RuleIndex>, More> {
        self.name.clear();
        let Opening::Quote { open, inside, .. } = self.opening(start)? else {
            // Without quotes it is one word, and all of its line or element.
            let mut at = start;
            while let Some(symbol) = self.window.peek(at)?
                && is_name(symbol)
                && at - start <= FLAG
            {
                push(&mut self.name, symbol);
                at += 1;
            }
            let ends = match self.window.peek(at)? {
                None => false,
                Some(symbol) => is_newline(symbol) || symbol.ascii() == b',',
            };
            let denied = ends && self.denied(WORDS, cx.plan).is_some();
            return Ok(if denied {
                self.denied(WORDS, cx.plan).map(|verdict| verdict.rule)
            } else {
                None
            });
        };
        let mut at = inside;
        while self.closes(at, |found| open.closed_by(found))?.is_none() {
            match self.window.peek(at)? {
                Some(symbol) if at - inside <= NAME_BYTES && !is_newline(symbol) => {
                    push(&mut self.name, symbol);
                }
                _ => return Ok(None),
            }
            at += 1;
        }
        Ok(self.denied(WORDS, cx.plan).map(|verdict| verdict.rule))
    }

    /// The rule that covers the name of a key/value object whose value, at a distance ahead, comes first.
    fn pair_behind(
        &mut self,
        start: usize,
        cx: &mut Context<'_>,
    ) -> Result<Option<RuleIndex>, More> {
        let Opening::Quote { open, inside, .. } = self.opening(start)? else {
            return Ok(None);
        };
        let mut at = inside;
        let mut in_string = true;
        while let Some(symbol) = self.window.peek(at)? {
            let closing = self.closes(at, |found| open.closed_by(found))?;
            if let Some(width) = closing {
                in_string = !in_string;
                at += width;
                if in_string {
                    // A string opens: is it the pair's name?
                    let mut name_at = None;
                    for word in [b"key".as_slice(), b"name".as_slice()] {
                        if self.window.starts_with(at, word, false)?
                            && let Some(width) =
                                self.closes(at + word.len(), |found| open.closed_by(found))?
                        {
                            name_at = Some(at + word.len() + width);
                        }
                    }
                    if let Some(end) = name_at {
                        let (gap, _) = self.gap(end)?;
                        if self.window.byte(end + gap)? == b':' {
                            let (behind, _) = self.gap(end + gap + 1)?;
                            return self.pair_name(end + gap + 1 + behind, cx);
                        }
                    }
                }
                continue;
            }
            if !in_string && matches!(symbol.ascii(), b'{' | b'}') {
                return Ok(None);
            }
            at += 1;
        }
        Ok(None)
    }

    // --- `,` ---

    /// The first of a pair, in quotes: `('cookie', 'x')`, `["token", "x"]`; or any of a flat list that is a header or a flag.
    fn at_comma(&mut self, separator: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        if !matches!(self.window.back_byte(0), b'"' | b'\'' | b'`') {
            return Ok(false);
        }
        let Some(before) = self.quoted_name(0) else {
            return Ok(false);
        };
        let flag = self.name.starts_with(b"-");
        if !reads_as_name(&self.name) {
            return Ok(false);
        }
        let Some(verdict) = self.denied(WORDS, cx.plan) else {
            return Ok(false);
        };
        if self.name.contains(&b' ') && !cx.plan.names.is_whole_phrase(&self.name, &mut self.words)
        {
            return Ok(false);
        }
        let mut opener = before.start;
        while self.window.back(opener).is_some_and(is_space) && opener < before.start + 32 {
            opener += 1;
        }
        let opener = self.window.back_byte(opener);
        let first = matches!(opener, b'(' | b'[' | b'{');
        let strong = (flag || verdict.kinds.meets(Kinds::HEADER)) && (first || opener == b',');
        if !first && !strong {
            return Ok(false);
        }
        let (gap, _) = self.gap(1)?;
        let start = 1 + gap;
        match self.opening(start)? {
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
                let value = Value::new(until, separator);
                let mut end = inside;
                let mut bounded = true;
                while !self.ends_at(&value, end)? {
                    if self.window.peek(end)?.is_none() {
                        bounded = false;
                        break;
                    }
                    end += 1;
                }
                if bounded {
                    let width = self
                        .closes(end, |found| open.closed_by(found))?
                        .unwrap_or(0);
                    let behind = end + width + if triple { 2 } else { 0 };
                    let last = self.ends_pair(behind)?;
                    if !(first && last) && (!strong || self.is_denied_name(inside, end, cx)?) {
                        return Ok(false);
                    }
                }
                self.whole(verdict.rule, inside, value, cx)
            }
            Opening::Bracket(_) if first => Ok(self
                .opened(
                    verdict.rule,
                    before,
                    start,
                    separator,
                    Tail::None,
                    false,
                    cx,
                )?
                .unwrap_or(false)),
            Opening::Bracket(_) | Opening::Marker => Ok(false),
            Opening::Plain => {
                let mut end = start;
                while self.window.byte(end)?.is_ascii_digit() {
                    end += 1;
                }
                if !first || end == start || !self.ends_pair(end)? {
                    return Ok(false);
                }
                let text = match before.quote {
                    Some(quote) => self.quoted_marker(quote),
                    None => bytes::Bytes::from_static(super::MARKER),
                };
                let value = Value::new(Until::Number, separator);
                self.redact_as(verdict.rule, start, value, &text, cx);
                Ok(true)
            }
        }
    }

    /// Whether a pair ends at a distance ahead.
    fn ends_pair(&self, at: usize) -> Result<bool, More> {
        let (gap, _) = self.gap(at)?;
        let mut next = at + gap;
        if self.window.byte(next)? == b',' {
            let (gap, _) = self.gap(next + 1)?;
            next += 1 + gap;
        }
        Ok(matches!(self.window.byte(next)?, b')' | b']' | b'}'))
    }

    fn is_denied_name(
        &mut self,
        from: usize,
        to: usize,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        self.name.clear();
        for at in from..to.min(from + NAME_BYTES) {
            if let Some(symbol) = self.window.peek(at)? {
                push(&mut self.name, symbol);
            }
        }
        if !reads_as_name(&self.name) || self.denied(WORDS, cx.plan).is_none() {
            return Ok(false);
        }
        Ok(
            !self.name.contains(&b' ')
                || cx.plan.names.is_whole_phrase(&self.name, &mut self.words),
        )
    }

    // --- flags ---

    /// White space behind a flag: `--token x`.
    fn at_space(&mut self, separator: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        let mut length = 0;
        while self.window.back(length).is_some_and(is_name) && length <= FLAG {
            length += 1;
        }
        if length < 2 || self.window.back_byte(length - 1) != b'-' {
            return Ok(false);
        }
        let announced = match self.window.back(length) {
            None => self.window.is_start(length),
            Some(mark) => {
                is_space(mark)
                    || Quote::of(mark).is_some()
                    || matches!(mark.ascii(), b'[' | b'(' | b',' | b'=')
            }
        };
        if !announced {
            return Ok(false);
        }
        let (mut gap, newline) = self.gap(0)?;
        if newline {
            return Ok(false);
        }
        if self.window.byte(gap)? == b'\\' {
            // The line goes on with the next.
            let (more, continued) = self.gap(gap + 1)?;
            if continued {
                gap += 1 + more;
            }
        }
        self.read_name(length, 0);
        if self.name.starts_with(b"--no-") {
            return Ok(false);
        }
        let argument = Value::new(Until::Argument, separator);
        let rule = match self.name.as_slice() {
            b"-u" | b"--user" | b"-U" | b"--proxy-user" => match cx.plan.user_info {
                Some(rule)
                    if self.is_http_client() && self.argument_has(gap, b':', &argument)? =>
                {
                    rule
                }
                _ => return Ok(false),
            },
            b"-b" => {
                let cookie = cx
                    .plan
                    .names
                    .look_up(b"cookie", Kinds::HEADER, &mut self.words);
                match cookie {
                    Some(cookie)
                        if self.is_http_client() && self.argument_has(gap, b'=', &argument)? =>
                    {
                        cookie.rule
                    }
                    _ => return Ok(false),
                }
            }
            _ => match self.denied(WORDS, cx.plan) {
                Some(verdict) => verdict.rule,
                None => return Ok(false),
            },
        };
        let first = self.window.byte(gap)?;
        // A dash begins a value as well as a flag: one that is no letter alone, and no word behind two.
        let second = self.window.byte(gap + 1)?;
        let third = self.window.peek(gap + 2)?;
        let is_flag = first == b'-' && (second == b'-' || third.is_none_or(is_space));
        if is_flag {
            return Ok(false);
        }
        if matches!(
            first,
            0 | b'=' | b':' | b'|' | b'<' | b'>' | b'&' | b';' | b')' | b']' | b','
        ) {
            return Ok(false);
        }
        if let Opening::Quote {
            open,
            triple,
            inside,
            at: quote_at,
        } = self.opening(gap)?
        {
            let unsure = self.closes_outer(quote_at)?;
            if unsure && !self.really_opens(inside)? {
                return Ok(false);
            }
            let until = Until::Quote {
                open,
                triple,
                tail: if unsure { Tail::Unsure } else { Tail::Word },
            };
            return self.whole(rule, inside, Value::new(until, separator), cx);
        }
        let lead = self.lead(gap)?;
        self.whole(rule, gap, Value { lead, ..argument }, cx)
    }

    /// Whether a program that speaks HTTP has been named shortly before, so that its flags are what they are there.
    fn is_http_client(&self) -> bool {
        let mut behind = Vec::with_capacity(200);
        for distance in (0..200).rev() {
            if let Some(symbol) = self.window.back(distance) {
                behind.push(symbol.ascii().to_ascii_lowercase());
            }
        }
        [b"curl".as_slice(), b"wget", b"http"]
            .iter()
            .any(|name| memchr::memmem::find(&behind, name).is_some())
    }

    /// Whether the argument at a distance ahead has this character, and is more than numbers.
    fn argument_has(&self, at: usize, wanted: u8, argument: &Value) -> Result<bool, More> {
        let mut found = false;
        let mut words = false;
        let mut next = at;
        if matches!(self.window.byte(next)?, b'"' | b'\'') {
            next += 1;
        }
        while !self.ends_at(argument, next)? {
            let byte = self.window.byte(next)?;
            if matches!(byte, 0 | b'"' | b'\'') {
                break;
            }
            found |= byte == wanted;
            words |= !byte.is_ascii_digit() && byte != wanted;
            next += 1;
        }
        Ok(found && words)
    }

    /// Whether a text stands at a distance ahead, in any case.
    fn stands_at(&self, at: usize, text: &[u8]) -> Result<bool, More> {
        let mut read = Vec::with_capacity(text.len());
        let mut next = at;
        while read.len() < text.len() {
            let Some(symbol) = self.window.peek(next)? else {
                return Ok(false);
            };
            push(&mut read, symbol);
            next += 1;
        }
        Ok(read.eq_ignore_ascii_case(text))
    }

    // --- `>` ---

    /// The end of a start tag: `<token>x</token>`.
    fn at_tag_end(&mut self, separator: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        if matches!(self.window.back_byte(0), b'/' | b'-' | b'=') {
            return Ok(false);
        }
        let mut start = 0;
        loop {
            let Some(symbol) = self.window.back(start) else {
                return Ok(false);
            };
            match symbol.ascii() {
                b'<' => break,
                b'>' => return Ok(false),
                _ if start > TAG => return Ok(false),
                _ => start += 1,
            }
        }
        let mut end = start;
        while end > 0
            && self
                .window
                .back(end - 1)
                .is_some_and(|symbol| is_name(symbol) || symbol.ascii() == b':')
        {
            end -= 1;
        }
        if end == start {
            return Ok(false);
        }
        self.read_name(start, end);
        let tag = self.name.clone();
        let Some(verdict) = self.denied(WORDS, cx.plan) else {
            return Ok(false);
        };
        let (gap, _) = self.gap(1)?;
        if self.window.starts_with(1 + gap, b"<![CDATA[", false)? {
            let value = Value::new(Until::CData, separator);
            return self.whole(verdict.rule, 1 + gap + 9, value, cx);
        }
        // It must be an element, and no placeholder: its end tag comes, or is too far to be seen.
        let value = Value::new(Until::Markup, separator);
        let mut at = 1 + gap;
        loop {
            let Some(symbol) = self.window.peek(at)? else {
                if self.window.goes_on(at) {
                    break;
                }
                return Ok(false);
            };
            if symbol.ascii() == b'<'
                && self.window.byte(at + 1)? == b'/'
                && self.stands_at(at + 2, &tag)?
            {
                break;
            }
            at += 1;
        }
        self.whole(verdict.rule, 1 + gap, value, cx)
    }
}
