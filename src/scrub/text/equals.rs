//! At an equals sign: a parameter of a URL or form, or a variable, field or setting.

use super::before::Before;
use super::separator::{PARAMETERS, WORDS};
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_name, is_space};
use super::window::More;
use super::{Context, Kind, TextMachine};
use crate::scrub::name::{Treatment, Verdict};

impl TextMachine {
    pub(super) fn at_equals(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
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
            if let Some(verdict) = self.denied(WORDS, cx.plan) {
                return self.assigned(verdict, before, 1, separator, cx);
            }
            // The name may stand before an index: `token['a'] = "x"`.
            return match self.bare(self.before_index(end), b"", cx.plan) {
                Some((verdict, before)) if last == b']' => {
                    self.assigned(verdict, before, 1, separator, cx)
                }
                _ => Ok(false),
            };
        }
        if plain && last == b')' && next == b'(' && end == 0 {
            return self.at_columns(separator, cx);
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
            if verdict.is_none()
                && let Some(bare) = self.bare_place(end, b"[]~+")
                && bare.start != parameter.start
            {
                self.read_name(bare.start, end);
                verdict = self.denied(PARAMETERS, cx.plan);
            }
            if let Some(verdict) = verdict {
                return self.parameter(verdict, parameter, separator, cx);
            }
            if !plain || self.window.back_byte(parameter.start - 1) != b'-' {
                return Ok(false);
            }
            // A flag at the text's start, or in quotes.
            return self.at_pair_member(end, 1, separator, cx);
        }
        // A comparison, or an operator that ends in an equals sign.
        if next == b'=' || matches!(last, b'=' | b'!' | b'<' | b'>') {
            return Ok(false);
        }
        let mut named = self.bare(end, b"[]~+", cx.plan);
        if named.is_none() && last == b']' {
            named = self.bare(self.before_index(end), b"", cx.plan);
        }
        let Some((verdict, before)) = named else {
            if let Some(rule) = self.jar_cookie(end, cx) {
                let value = Value::new(Until::Param { matrix: false }, separator);
                return self.whole(rule, 1, value, cx);
            }
            if let Some((verdict, before)) = self.before_type(end, cx) {
                let (gap, _) = self.gap(1)?;
                return self.declared(verdict, before, 1 + gap, separator, cx);
            }
            return self.at_pair_member(end, 1, separator, cx);
        };
        self.assigned(verdict, before, 1, separator, cx)
    }

    /// Whether something announces a parameter: `?`, `&`, `;`, `#`, an opening quote, or the start; or an equals sign, if the
    /// parameter is part of the value behind it, encoded once more.
    pub(super) fn is_announced(&self, parameter: Before, separator: Symbol) -> bool {
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
    pub(super) fn is_plain(&self, parameter: Before) -> bool {
        (parameter.end..parameter.start).all(|distance| {
            self.window.back(distance).is_some_and(|symbol| {
                is_name(symbol)
                    || matches!(symbol.ascii(), b'[' | b']' | b'+' | b'~' | b'%')
                    || (self.kind == Kind::Query && is_space(symbol))
            })
        }) && self.window.back_byte(parameter.start - 1) != b'['
    }

    pub(super) fn parameter(
        &mut self,
        verdict: Verdict,
        name: Before,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let matrix = self.in_path && self.window.back_byte(name.start) == b';';
        let value = Value::new(Until::Param { matrix }, separator);
        let mark = self.window.back_byte(name.start);
        // Only a URL tells for sure that it is a URL's; elsewhere it may as well be a field of something.
        let in_url = matches!(mark, b'?' | b'&' | b'#');
        if self.kind == Kind::Plain {
            let first = self.window.peek(1)?;
            let gap = first.is_some_and(|first| {
                first.percent <= separator.percent && matches!(first.ascii(), b' ' | b'\t')
            });
            if gap && in_url {
                // White space ends a URL, so the value is empty.
                return Ok(false);
            }
            let field = !in_url
                && (matches!(
                    self.opening(1)?,
                    Opening::Bracket(_) | Opening::Quote { .. }
                ) || verdict.treatment == Treatment::Cookies
                    || self.is_header(verdict, cx.plan)
                    || self.typed_bracket(1, true)?.is_some());
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
        let through = if self.kind == Kind::Plain && !in_url {
            self.through_brackets(1)?
        } else {
            0
        };
        let lead = match through {
            0 => self.lead(1)?,
            through => through,
        };
        self.whole(verdict.rule, 1, Value { lead, ..value }, cx)
    }

    /// What is behind an equals sign that is not a parameter's.
    pub(super) fn assigned(
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
        let cookies = verdict.treatment == Treatment::Cookies && self.names_behind(at + gap)?;
        let header = cookies || self.is_header(verdict, cx.plan);
        let cookie = cookies || ends_in_cookie(&self.name);
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
        let spaced = self.is_spaced(at, gap)?;
        let look = spaced && !header;
        if let Some(done) =
            self.opened(verdict.rule, name, start, separator, Tail::Word, look, cx)?
        {
            return Ok(done);
        }
        if look {
            return self.looked_at(verdict.rule, start, separator, cx);
        }
        if !header {
            value.lead = match self.through_brackets(start)? {
                0 => self.lead(start)?,
                through => through,
            };
        }
        self.whole(verdict.rule, start, value, cx)
    }

    /// Whether a header's value begins with a scheme that has fields of its own: `Digest username="ann", response="x"`.
    pub(super) fn has_fields(&self, at: usize) -> Result<bool, More> {
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
}

/// Whether a name is a cookie header's.
fn ends_in_cookie(name: &[u8]) -> bool {
    const COOKIE: &[u8; 6] = b"cookie";
    name.last_chunk()
        .is_some_and(|last: &[u8; 6]| last.eq_ignore_ascii_case(COOKIE))
}
