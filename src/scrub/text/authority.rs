//! The authority of a URL: user and password go, and the host says whose parameters follow (RFC 3986, section 3.2).

use super::value::{Until, Value, is_authority_end, is_space};
use super::window::More;
use super::{Context, Kind, TextMachine};
use crate::scrub::MARKER;

/// Longest host that is looked at, in characters.
const HOST: usize = 96;
/// Length of a DSN's public key.
const KEY: usize = 32;

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
        let value = Value::new(Until::Authority, separator);
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
            // Longer than any host: what stands here can't be vouched for.
            return self.redact_user(start, value, cx);
        }
        if last_at.is_none()
            && let Some(colon) = colon
            && self.password_goes_on(colon, end, separator.percent)?
        {
            last_at = self.last_at_behind(end, separator.percent)?;
        }
        let host = last_at.map_or(start, |at| at + 1);
        self.host = self.is_known_host(host, cx)?;
        let Some(last_at) = last_at else {
            return Ok(false);
        };
        if self.is_public_user(start, last_at)? {
            return Ok(false);
        }
        let value = Value {
            until: Until::Count(last_at - start),
            ..value
        };
        self.redact_user(start, value, cx)
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
    fn last_at_behind(&self, from: usize, percent: u8) -> Result<Option<usize>, More> {
        let mut last = None;
        let mut at = from;
        while let Some(symbol) = self.window.peek(at)? {
            if symbol.percent <= percent {
                let ends = is_space(symbol) || symbol.ascii() == b'&' || self.closes_outer(at)?;
                if ends {
                    break;
                }
                if symbol.ascii() == b'@' {
                    last = Some(at);
                }
            }
            at += 1;
        }
        Ok(last)
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
    fn is_known_host(&self, start: usize, cx: &Context<'_>) -> Result<bool, More> {
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
