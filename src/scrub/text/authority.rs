//! The authority of a URL: user and password go, and the host says whose parameters follow (RFC 3986, section 3.2).

use super::value::{Until, Value, is_authority_end, is_space};
use super::window::More;
use super::{Context, Kind, Symbol, TextMachine};
use crate::scrub::MARKER;

/// Longest host that is looked at, in characters.
const HOST: usize = 96;
/// Length of a DSN's public key.
const KEY: usize = 32;

/// What comes behind a stretch of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another `@`.
    At,
    /// The end.
    None,
    /// Neither within what may be looked at.
    Unseen,
}

/// The last `@` of a stretch of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// At a distance ahead.
    At(usize),
    None,
    /// It may stand behind what may be looked at.
    Unseen,
}

impl TextMachine {
    /// At the colon of `://`. Tells whether something was redacted.
    pub(super) fn at_scheme(&mut self, cx: &mut Context<'_>) -> Result<bool, More> {
        let Some(cell) = self.window.next() else {
            return Ok(false);
        };
        if !self.window.back_byte(0).is_ascii_alphanumeric() {
            return Ok(false);
        }
        let separator = cell.symbol;
        let start = 3;
        // The authority runs to its first delimiter. A password may have one in it, if `user:` stands before.
        let mut last_at = None;
        let mut colon = None;
        let mut end = start;
        let mut endless = false;
        loop {
            let Some(symbol) = self.window.peek(end)? else {
                endless = self.window.goes_on(end);
                break;
            };
            if symbol.ascii() == b'['
                && end > start
                && self.window.byte(end - 1)? == b'='
                && self.window.starts_with(end, MARKER, false)?
            {
                // A parameter's value stood here, which may have had the end of the authority in it.
                break;
            }
            if symbol.percent <= separator.percent {
                let next_parameter = self.kind == Kind::Query && symbol.ascii() == b'&';
                if is_authority_end(symbol) || next_parameter || self.closes_outer(end)? {
                    break;
                }
                match symbol.ascii() {
                    b'@' => last_at = Some(end),
                    b':' if colon.is_none() => colon = Some(end),
                    _ => {}
                }
            }
            end += 1;
        }
        if endless {
            // Longer than any host, so it is a user. Where the host begins is seen on the way.
            let until = Until::User {
                colon: colon.is_some(),
                beyond: false,
            };
            return self.redact_user(start, Value::new(until, separator), cx);
        }
        if last_at.is_none()
            && let Some(colon) = colon
            && self.password_goes_on(colon, end, separator.percent)?
        {
            match self.last_at_behind(end, separator.percent)? {
                Last::At(at) => last_at = Some(at),
                Last::None => {}
                Last::Unseen => {
                    let until = Until::User {
                        colon: true,
                        beyond: true,
                    };
                    return self.redact_user(start, Value::new(until, separator), cx);
                }
            }
        }
        let host = last_at.map_or(start, |at| at + 1);
        self.host = self.is_known_host(host, cx)?;
        let Some(last_at) = last_at else {
            return Ok(false);
        };
        if self.is_public_user(start, last_at)? {
            return Ok(false);
        }
        let until = Until::Count(last_at - start);
        self.redact_user(start, Value::new(until, separator), cx)
    }

    fn redact_user(
        &mut self,
        start: usize,
        value: Value,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let host = self.host;
        if let Some(rule) = cx.plan.user_info {
            self.redact(rule, start, value, cx);
            self.host = host;
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether a user too long to be looked at as a whole ends at a distance ahead: at the last `@` of the authority or, where a
    /// password has a delimiter in it, at the last before white space.
    pub(super) fn user_ends(&self, value: &Value, at: usize) -> Result<bool, More> {
        let Until::User { colon, beyond } = value.until else {
            return Ok(false);
        };
        let Some(symbol) = self.window.peek(at)? else {
            return Ok(true);
        };
        if symbol.percent > value.percent {
            return Ok(false);
        }
        if symbol.ascii() == b'@' {
            return Ok(match self.next_at(at + 1, value.percent, beyond)? {
                Next::None => true,
                Next::At | Next::Unseen => false,
            });
        }
        if !self.ends_authority(at, symbol, beyond)? {
            return Ok(false);
        }
        let goes_on = colon
            && !beyond
            && !is_space(symbol)
            && self.next_at(at, value.percent, true)? != Next::None;
        Ok(!goes_on)
    }

    fn ends_authority(&self, at: usize, symbol: Symbol, beyond: bool) -> Result<bool, More> {
        let parameter = symbol.ascii() == b'&' && (beyond || self.kind == Kind::Query);
        let ends = if beyond {
            is_space(symbol)
        } else {
            is_authority_end(symbol)
        };
        Ok(ends || parameter || self.closes_outer(at)?)
    }

    /// The next `@` before the authority, or with `beyond` the word, ends.
    fn next_at(&self, from: usize, percent: u8, beyond: bool) -> Result<Next, More> {
        let mut at = from;
        while let Some(symbol) = self.window.peek(at)? {
            if symbol.percent <= percent {
                if symbol.ascii() == b'@' {
                    return Ok(Next::At);
                }
                if self.ends_authority(at, symbol, beyond)? {
                    return Ok(Next::None);
                }
            }
            at += 1;
        }
        Ok(if self.window.goes_on(at) {
            Next::Unseen
        } else {
            Next::None
        })
    }

    /// Whether what stands behind a colon is no port, so that it may be a password with a delimiter in it.
    fn password_goes_on(&self, colon: usize, end: usize, percent: u8) -> Result<bool, More> {
        let Some(delimiter) = self.window.peek(end)? else {
            return Ok(false);
        };
        if delimiter.percent > percent || is_space(delimiter) || self.closes_outer(end)? {
            return Ok(false);
        }
        for index in colon + 1..end {
            if !self.window.byte(index)?.is_ascii_digit() {
                return Ok(true);
            }
        }
        // `:/` and `:8080/` are ports, `:#x@` is a password.
        Ok(end == colon + 1 && !matches!(delimiter.ascii(), b'/' | b'\\' | b'"' | b'\'' | b'`'))
    }

    /// The last `@` before white space or a quote.
    fn last_at_behind(&self, from: usize, percent: u8) -> Result<Last, More> {
        let mut last = Last::None;
        let mut at = from;
        while let Some(symbol) = self.window.peek(at)? {
            if symbol.percent <= percent {
                if self.ends_authority(at, symbol, true)? {
                    return Ok(last);
                }
                if symbol.ascii() == b'@' {
                    last = Last::At(at);
                }
            }
            at += 1;
        }
        Ok(if self.window.goes_on(at) {
            Last::Unseen
        } else {
            last
        })
    }

    /// Whether the user is one that is no secret: none, `git`, or a DSN's public key (with an empty password, as Relay prints it).
    fn is_public_user(&self, start: usize, end: usize) -> Result<bool, More> {
        let mut length = end - start;
        if length > 0 && self.window.byte(end - 1)? == b':' {
            length -= 1;
        }
        if length == 0 {
            return Ok(true);
        }
        if length == 3 && end - start == 3 && self.window.starts_with(start, b"git", false)? {
            return Ok(true);
        }
        if length != KEY {
            return Ok(false);
        }
        for index in 0..KEY {
            if !self.window.byte(start + index)?.is_ascii_hexdigit() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the host at a distance ahead is, or is below, one that rules name.
    pub(super) fn is_known_host(&self, start: usize, cx: &Context<'_>) -> Result<bool, More> {
        let mut host = Vec::with_capacity(HOST);
        while host.len() < HOST {
            let Some(symbol) = self.window.peek(start + host.len())? else {
                break;
            };
            let byte = symbol.ascii();
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) {
                break;
            }
            host.push(byte.to_ascii_lowercase());
        }
        Ok(cx.plan.hosts.iter().any(|known| {
            host.strip_suffix(known.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
        }))
    }
}
