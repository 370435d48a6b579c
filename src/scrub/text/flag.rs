//! At white space: the flag of a command line, and its argument.

use super::quote::Quote;
use super::separator::{FLAG, WORDS};
use super::symbol::Symbol;
use super::value::{Opening, Tail, Until, Value, is_name, is_space};
use super::window::More;
use super::{Context, TextMachine};
use crate::scrub::name::Kinds;

/// Programs that take a user and password, and cookies, by flags.
pub(super) const HTTP_CLIENTS: [&[u8]; 3] = [b"curl", b"wget", b"http"];

impl TextMachine {
    /// White space behind a flag: `--token x`.
    pub(super) fn at_space(
        &mut self,
        separator: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
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
    pub(super) fn is_http_client(&self) -> bool {
        let mut behind = Vec::with_capacity(200);
        for distance in (0..200).rev() {
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
            if matches!(byte, 0 | b'"' | b'\'') {
                break;
            }
            found |= byte == wanted;
            words |= !byte.is_ascii_digit() && byte != wanted;
            next += 1;
        }
        Ok(found && words)
    }
}
