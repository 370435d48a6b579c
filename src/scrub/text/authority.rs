//! The authority of a URL: user and password go, and the host says whose parameters follow (RFC 3986, section 3.2).

use super::value::{Until, Value, is_authority_end, is_name, is_space};
use super::window::More;
use super::{Context, Kind, Symbol, TextMachine};
use crate::scrub::MARKER;

/// Longest host that is looked at, in characters.
const HOST: usize = 96;
/// Longest scheme that is known by name, in characters.
const SCHEME: usize = 6;
/// Length of a DSN's public key.
const KEY: usize = 32;

/// What is known of a user that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    /// A colon has been seen.
    pub(super) colon: bool,
    /// A delimiter has been seen, which belongs to the password.
    pub(super) beyond: bool,
    /// The URL is a parameter's value, so that the next parameter ends it.
    in_parameter: bool,
}

/// How far an `@` may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    /// In the authority.
    Authority,
    /// Before white space: a password may have the delimiters of a URL in it.
    Word,
    /// The same, unless an equals sign stands before the first `@`: then it is an address in a query, or in a fragment.
    Unassigned,
}

/// What comes behind a stretch of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another `@`, at a distance ahead.
    At(usize),
    /// The end, at a distance ahead.
    End(usize),
    /// Neither within what may be looked at.
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
        let user = User {
            colon: false,
            beyond: false,
            in_parameter: self.is_parameter(),
        };
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
            if symbol.ascii() == MARKER[0]
                && end > start
                && colon != Some(end - 1)
                && self.is_marked(end)?
            {
                break;
            }
            if symbol.percent <= separator.percent {
                if self.ends_stretch(end, symbol, user, Stretch::Authority)? {
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
            let user = User {
                colon: colon.is_some(),
                ..user
            };
            return self.redact_user(start, Value::new(Until::User(user), separator), cx);
        }
        let stretch = match (colon, last_at) {
            (Some(colon), None) => self.behind_password(start, colon, end, separator.percent)?,
            (Some(colon), Some(at)) if colon < at => self.behind_host(end, separator.percent)?,
            _ => None,
        };
        if let Some(stretch) = stretch {
            match self.last_at(end, separator.percent, user, stretch)? {
                Next::At(at) => last_at = Some(at),
                Next::End(_) => {}
                Next::Unseen => {
                    let user = User {
                        colon: true,
                        beyond: true,
                        ..user
                    };
                    return self.redact_user(start, Value::new(Until::User(user), separator), cx);
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
    pub(super) fn user_ends(&self, user: User, percent: u8, at: usize) -> Result<bool, More> {
        let Some(symbol) = self.window.peek(at)? else {
            return Ok(true);
        };
        if symbol.percent > percent {
            return Ok(false);
        }
        let stretch = if user.beyond {
            Stretch::Word
        } else {
            Stretch::Authority
        };
        if symbol.ascii() == b'@' {
            return Ok(match self.next_at(at + 1, percent, user, stretch)? {
                Next::At(_) | Next::Unseen => false,
                Next::End(_) if user.beyond || !user.colon => true,
                Next::End(end) => match self.behind_host(end, percent)? {
                    Some(stretch) => {
                        matches!(self.next_at(end, percent, user, stretch)?, Next::End(_))
                    }
                    None => true,
                },
            });
        }
        if !self.ends_stretch(at, symbol, user, stretch)? {
            return Ok(false);
        }
        let goes_on = user.colon
            && !user.beyond
            && is_authority_end(symbol)
            && !is_space(symbol)
            && !matches!(
                self.next_at(at, percent, user, Stretch::Word)?,
                Next::End(_)
            );
        Ok(!goes_on)
    }

    /// Whether the URL, at whose scheme's colon the machine is, is the value of a parameter.
    fn is_parameter(&self) -> bool {
        let mut distance = 0;
        let mut run = |also: &[u8]| {
            while let Some(symbol) = self.window.back(distance)
                && (is_name(symbol) || also.contains(&symbol.ascii()))
            {
                distance += 1;
            }
            self.window.back_byte(distance)
        };
        if run(b"+:") != b'=' {
            return false;
        }
        matches!(run(b"=[]~%"), b'?' | b'&' | b'#' | b';')
    }

    /// Whether the scheme is one whose URLs have `@` in their paths, so that digits behind a colon are a port.
    fn has_paths(&self) -> bool {
        const SCHEMES: [&[u8]; 8] = [
            b"http", b"https", b"ws", b"wss", b"docker", b"oci", b"git", b"ssh",
        ];
        let mut scheme = [0; SCHEME];
        let mut from = SCHEME;
        while from > 0 {
            let byte = self.window.back_byte(SCHEME - from);
            if !byte.is_ascii_alphanumeric() {
                break;
            }
            from -= 1;
            scheme[from] = byte.to_ascii_lowercase();
        }
        SCHEMES.contains(&&scheme[from..])
    }

    fn ends_stretch(
        &self,
        at: usize,
        symbol: Symbol,
        user: User,
        stretch: Stretch,
    ) -> Result<bool, More> {
        let ends = match stretch {
            Stretch::Authority => is_authority_end(symbol),
            Stretch::Word | Stretch::Unassigned => is_space(symbol),
        };
        let parameter = symbol.ascii() == b'&'
            && (self.kind == Kind::Query
                || (user.in_parameter && self.name_behind(at + 1, symbol.percent, b"=")?));
        Ok(ends || parameter || self.closes_outer(at)?)
    }

    /// The next `@` of a stretch, or its end.
    fn next_at(
        &self,
        from: usize,
        percent: u8,
        user: User,
        stretch: Stretch,
    ) -> Result<Next, More> {
        let mut at = from;
        while let Some(symbol) = self.window.peek(at)? {
            if symbol.percent <= percent {
                if symbol.ascii() == b'@' {
                    return Ok(Next::At(at));
                }
                let assigned = match stretch {
                    Stretch::Authority => false,
                    Stretch::Word => self.is_marked(at)?,
                    Stretch::Unassigned => {
                        symbol.ascii() == b'=' || self.window.starts_with(at, MARKER, false)?
                    }
                };
                if assigned || self.ends_stretch(at, symbol, user, stretch)? {
                    return Ok(Next::End(at));
                }
            }
            at += 1;
        }
        Ok(if self.window.goes_on(at) {
            Next::Unseen
        } else {
            Next::End(at)
        })
    }

    /// The last `@` of a stretch.
    fn last_at(
        &self,
        from: usize,
        percent: u8,
        user: User,
        stretch: Stretch,
    ) -> Result<Next, More> {
        let mut last = self.next_at(from, percent, user, stretch)?;
        while let Next::At(at) = last {
            match self.next_at(at + 1, percent, user, Stretch::Word)? {
                Next::End(_) => break,
                next @ (Next::At(_) | Next::Unseen) => last = next,
            }
        }
        Ok(last)
    }

    /// How far a password goes on behind the delimiter that ends the authority; `None`: it is none, or has ended.
    fn behind_password(
        &self,
        start: usize,
        colon: usize,
        end: usize,
        percent: u8,
    ) -> Result<Option<Stretch>, More> {
        let Some(delimiter) = self.window.peek(end)? else {
            return Ok(None);
        };
        if delimiter.percent > percent
            || !is_authority_end(delimiter)
            || is_space(delimiter)
            || self.closes_outer(end)?
            // An address of IPv6.
            || self.window.byte(start)? == b'['
        {
            return Ok(None);
        }
        for index in colon + 1..end {
            if !self.window.byte(index)?.is_ascii_digit() {
                return Ok(Some(Stretch::Word));
            }
        }
        // Digits, or nothing: `:/` and `:8080/` are ports, `:#x@` is a password.
        let empty = end == colon + 1;
        Ok(match delimiter.ascii() {
            b'"' | b'\'' | b'`' => None,
            b'/' | b'\\' if self.has_paths() => None,
            b'?' | b'#' if !empty => Some(Stretch::Unassigned),
            b'/' | b'\\' => Some(Stretch::Unassigned),
            _ if empty => Some(Stretch::Word),
            _ if self.has_paths() => None,
            _ => Some(Stretch::Unassigned),
        })
    }

    /// The same behind what seems to be a host: an `@` in a password looks like the one before the host.
    fn behind_host(&self, end: usize, percent: u8) -> Result<Option<Stretch>, More> {
        let Some(delimiter) = self.window.peek(end)? else {
            return Ok(None);
        };
        let goes_on = delimiter.percent <= percent
            && matches!(delimiter.ascii(), b'?' | b'#')
            && !self.closes_outer(end)?;
        Ok(goes_on.then_some(Stretch::Unassigned))
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
        let mut host = [0; HOST];
        let mut length = 0;
        for (place, at) in host.iter_mut().zip(start..) {
            let byte = self.window.byte(at)?;
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) {
                break;
            }
            *place = byte.to_ascii_lowercase();
            length += 1;
        }
        let host = &host[..length];
        Ok(cx.plan.hosts.iter().any(|known| {
            host.strip_suffix(known.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
        }))
    }
}
