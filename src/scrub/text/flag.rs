//! At white space: the flag of a command line, and its argument.

use super::quote::Quote;
use super::separator::{FLAG, WORDS};
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_name, is_newline, is_space};
use super::window::{BACK, More};
use super::{Context, TextMachine};
use crate::scrub::name::{Kinds, RuleIndex};

/// Programs that take a user and password, and cookies, by flags.
pub(super) const HTTP_CLIENTS: [&[u8]; 3] = [b"curl", b"wget", b"http"];

/// Whether an argument is the name of such a program, perhaps with its path.
pub(crate) fn is_http_client(argument: &[u8]) -> bool {
    HTTP_CLIENTS.iter().any(|name| {
        argument
            .strip_suffix(*name)
            .is_some_and(|path| path.last().is_none_or(|last| *last == b'/'))
    })
}

/// Whether an argument of such a program is a flag whose own argument is a user and a password.
pub(crate) fn takes_user(argument: &[u8]) -> bool {
    matches!(argument, b"--user" | b"--proxy-user") || is_short(argument, b"uU")
}

/// Whether an argument is one of these flags of a letter, perhaps behind others that take nothing: `-sSu`.
fn is_short(argument: &[u8], letters: &[u8]) -> bool {
    match argument {
        [b'-', others @ .., last] => {
            letters.contains(last) && others.len() < 6 && others.iter().all(u8::is_ascii_alphabetic)
        }
        _ => false,
    }
}

impl TextMachine {
    /// White space behind a flag: `--token x`.
    pub(super) fn at_space(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        if let Some(done) = self.at_attached_user(separator, cx)? {
            return Ok(done);
        }
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
            name if takes_user(name) => match cx.plan.user_info {
                Some(rule)
                    if self.is_http_client() && self.argument_has(gap, b':', &argument)? =>
                {
                    rule
                }
                _ => return Ok(false),
            },
            name if is_short(name, b"b") => {
                let cookie =
                    cx.plan
                        .names
                        .look_up(b"cookie", Kinds::HEADER, &mut self.verdicts.words);
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
        self.argument(rule, gap, separator, cx)
    }

    /// Redacts the argument of a flag at a distance ahead, unless it is none.
    pub(super) fn argument(
        &mut self,
        rule: RuleIndex,
        gap: usize,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
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
        if self.is_placeholder(gap)? {
            return Ok(false);
        }
        let lead = self.lead(gap)?;
        let argument = Value::new(Until::Argument, separator);
        self.whole(rule, gap, Value { lead, ..argument }, cx)
    }

    /// Whether what stands behind a flag is what a help text has there: the flag's last word in capitals, or `string`, with a gap of
    /// a table behind it.
    fn is_placeholder(&self, at: usize) -> Result<bool, More> {
        let mut end = at;
        while self.window.byte(end)?.is_ascii_alphabetic() && end - at < FLAG {
            end += 1;
        }
        let alone = match self.window.peek(end)? {
            None => true,
            Some(symbol) => is_newline(symbol) || self.window.starts_with(end, b"  ", false)?,
        };
        if end == at || !alone {
            return Ok(false);
        }
        if end - at == 6 && self.window.starts_with(at, b"string", false)? {
            return Ok(true);
        }
        let last = self.name.rsplit(|byte| matches!(byte, b'-' | b'_'));
        let last = last.into_iter().next().unwrap_or_default();
        Ok(last.len() == end - at
            && self
                .window
                .starts_with(at, &last.to_ascii_uppercase(), false)?)
    }

    /// White space before a flag that has its argument behind it without white space: `-uann:x`.
    fn at_attached_user(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<Option<bool>, More> {
        let is_user = self.window.byte(1)? == b'-'
            && matches!(self.window.byte(2)?, b'u' | b'U')
            && !self.window.peek(3)?.is_none_or(is_space)
            && !matches!(self.window.byte(3)?, b'=' | b'[');
        let Some(rule) = cx.plan.user_info.filter(|_| is_user) else {
            return Ok(None);
        };
        let argument = Value::new(Until::Argument, separator);
        if !self.is_http_client() || !self.argument_has(3, b':', &argument)? {
            return Ok(None);
        }
        self.argument(rule, 3, separator, cx).map(Some)
    }

    /// Whether a program that speaks HTTP has been named shortly before, so that its flags are what they are there.
    pub(super) fn is_http_client(&self) -> bool {
        let mut behind = Vec::with_capacity(BACK);
        for distance in (0..BACK).rev() {
            if let Some(symbol) = self.window.back(distance) {
                behind.push(symbol.ascii().to_ascii_lowercase());
            }
        }
        HTTP_CLIENTS
            .iter()
            .any(|name| memchr::memmem::find(&behind, name).is_some())
    }

    /// Whether the argument at a distance ahead has this character, and is more than numbers.
    pub(super) fn argument_has(
        &self,
        at: usize,
        wanted: u8,
        argument: &Value,
    ) -> Result<bool, More> {
        let mut found = false;
        let mut words = false;
        let mut next = at;
        if matches!(self.window.byte(next)?, b'"' | b'\'') {
            next += 1;
        }
        while !self.ends_at(argument, next)? {
            let byte = self.window.byte(next)?;
            if matches!(byte, 0 | b'"' | b'\'') || self.is_marked(next)? {
                break;
            }
            found |= byte == wanted;
            words |= !byte.is_ascii_digit() && byte != wanted;
            next += 1;
        }
        Ok(found && words)
    }
}
