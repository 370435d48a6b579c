//! Finds personal data where it begins: e-mail addresses, telephone, card and account numbers, addresses, Polish numbers.
//!
//! Forms that are common by themselves must have a valid checksum, or a word before them that says what they are: ten digits are a
//! tax number one time in eleven, and the time of day in seconds always.

use super::before::push;
use super::value::{Until, Value, is_name};
use super::window::More;
use super::{Context, Symbol, TextMachine};
use crate::scrub::personal::Personal;
use crate::scrub::personal::checks;

/// How far before a number a word that tells what it is may stand, in characters.
const CONTEXT: usize = 40;
/// Longest number of any kind, with its separators, in characters.
const NUMBER: usize = 48;
/// Longest part of an e-mail address before the `@` (RFC 5321, section 4.5.3.1.1).
const LOCAL: usize = 64;
/// Longest domain (RFC 1035, section 2.3.4).
const DOMAIN: usize = 255;
/// Longest written IP address.
const ADDRESS: usize = 45;

/// Endings of files that look like domains: `image@2x.png`.
const NO_DOMAINS: [&[u8]; 16] = [
    b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"ico", b"js", b"mjs", b"cjs", b"ts", b"css",
    b"map", b"json", b"html", b"woff2",
];

/// What was found: how many symbols it takes, and what is the same for all spellings of it.
struct Found {
    kind: Personal,
    length: usize,
    canonical: Vec<u8>,
}

/// Digits with single separators between them.
#[derive(Debug, Default)]
struct Digits {
    digits: Vec<u8>,
    /// For each digit, how many symbols there are up to and with it.
    ends: Vec<usize>,
    /// What separates them, in order: the digit's index and the separator.
    separators: Vec<(usize, u8)>,
}

impl Digits {
    /// Whether a group of digits ends behind so many.
    fn is_group(&self, digits: usize) -> bool {
        digits == self.digits.len() || self.separators.iter().any(|(at, _)| *at == digits)
    }

    /// Whether they begin with an IPv4 address.
    fn is_address(&self) -> bool {
        let mut dots = self.separators.iter();
        let mut from = 0;
        (0..4).all(|part| {
            let dot = dots.next();
            let to = dot.map_or(self.digits.len(), |(at, _)| *at);
            let is_part = (1..=3).contains(&to.saturating_sub(from));
            from = to;
            is_part && (part == 3 || matches!(dot, Some((_, b'.'))))
        })
    }
}

impl TextMachine {
    /// Replaces the personal data that begin here. Tells whether there are any.
    #[inline]
    pub(super) fn at_personal(
        &mut self,
        symbol: Symbol,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        if !self.glance.personal() || cx.plan.personal.is_empty() {
            return Ok(false);
        }
        let before = self.window.back_byte(0);
        if before.is_ascii_alphanumeric()
            || (before == 0x80 && self.window.back(0).is_some_and(is_name))
        {
            return Ok(false);
        }
        self.personal_here(symbol, before, cx)
    }

    fn personal_here(
        &mut self,
        symbol: Symbol,
        before: u8,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let first = symbol.ascii();
        let mut found = None;
        if first.is_ascii_digit() || first == b'+' || first == b'(' {
            found = self.number(first, before, cx)?;
        }
        if found.is_none() && (first.is_ascii_hexdigit() || first == b':') {
            found = self.address(before, cx)?;
        }
        if found.is_none() && first.is_ascii_alphabetic() {
            found = self.account(cx)?;
        }
        if found.is_none() && !matches!(before, b'.' | b'_' | b'+' | b'-' | b'%') {
            found = self.email(cx)?;
        }
        let Some(found) = found else {
            return Ok(false);
        };
        let Some(rule) = cx.plan.personal.rule(found.kind) else {
            return Ok(false);
        };
        let text = self.text_ahead(found.length)?;
        let replacement = cx
            .plan
            .personal
            .replacement(found.kind, &text, &found.canonical);
        let value = Value::new(Until::Count(found.length), Symbol::plain(0));
        self.redact_as(rule, 0, value, &replacement, cx);
        Ok(true)
    }

    fn text_ahead(&self, length: usize) -> Result<Vec<u8>, More> {
        let mut text = Vec::with_capacity(length);
        for at in 0..length {
            if let Some(symbol) = self.window.peek(at)? {
                push(&mut text, symbol);
            }
        }
        Ok(text)
    }

    // --- e-mail ---

    fn email(&self, cx: &Context<'_>) -> Result<Option<Found>, More> {
        if cx.plan.personal.rule(Personal::Email).is_none() {
            return Ok(None);
        }
        let local = |symbol: Symbol| {
            is_name(symbol) || matches!(symbol.ascii(), b'+' | b'%' | b'\'' | b'~')
        };
        let mut at = 0;
        while at <= LOCAL && self.window.peek(at)?.is_some_and(local) {
            at += 1;
        }
        if at == 0 || at > LOCAL || self.window.byte(at)? != b'@' {
            return Ok(None);
        }
        if at == 3 && self.window.starts_with(0, b"git", false)? {
            return Ok(None);
        }
        let start = at + 1;
        let mut end = start;
        let mut last_dot = None;
        while end - start < DOMAIN {
            let Some(symbol) = self.window.peek(end)? else {
                break;
            };
            let byte = symbol.ascii();
            if byte == b'.' {
                last_dot = Some(end);
            } else if !(byte.is_ascii_alphanumeric()
                || byte == b'-'
                || (byte == 0x80 && is_name(symbol)))
            {
                break;
            }
            end += 1;
        }
        // A dot behind it is the sentence's.
        if last_dot == Some(end - 1) {
            end -= 1;
            last_dot = None;
            for dot in start..end {
                if self.window.byte(dot)? == b'.' {
                    last_dot = Some(dot);
                }
            }
        }
        let Some(dot) = last_dot.filter(|dot| *dot > start && end - *dot > 2) else {
            return Ok(None);
        };
        let mut top = Vec::new();
        for index in dot + 1..end {
            let byte = self.window.byte(index)?;
            if byte.is_ascii_digit() {
                return Ok(None);
            }
            top.push(byte.to_ascii_lowercase());
        }
        if NO_DOMAINS.contains(&top.as_slice()) {
            return Ok(None);
        }
        let canonical = self.text_ahead(end)?.to_ascii_lowercase();
        Ok(Some(Found {
            kind: Personal::Email,
            length: end,
            canonical,
        }))
    }

    // --- numbers ---

    /// Digits ahead, with single spaces, dashes, dots or brackets between them.
    fn digits(&self, start: usize) -> Result<Digits, More> {
        let mut found = Digits::default();
        let mut at = start;
        let mut gap = 0;
        while at < start + NUMBER {
            let byte = self.window.byte(at)?;
            match byte {
                b'0'..=b'9' => {
                    found.digits.push(byte);
                    found.ends.push(at + 1);
                    gap = 0;
                }
                b' ' | b'-' | b'.' | b'(' | b')' | b'/' if gap < 2 && !found.digits.is_empty() => {
                    found.separators.push((found.digits.len(), byte));
                    gap += 1;
                }
                _ => break,
            }
            at += 1;
        }
        Ok(found)
    }

    fn number(&self, first: u8, before: u8, cx: &Context<'_>) -> Result<Option<Found>, More> {
        // A part of a decimal fraction, a version or a date is none.
        if matches!(before, b'.' | b',' | b'-' | b'+' | b'/' | b'_' | b'#') && first != b'+' {
            return Ok(None);
        }
        let signed = first == b'+';
        let found = self.digits(usize::from(signed))?;
        if found.digits.len() < 7 {
            return Ok(None);
        }
        if signed {
            return self.signed_phone(&found, cx);
        }
        match self.checked_number(&found, cx)? {
            None => self.phone(&found, cx),
            number => Ok(number),
        }
    }

    /// The number of a card, an account, a person or a firm, as its check digits tell, with which digits begin.
    fn checked_number(&self, found: &Digits, cx: &Context<'_>) -> Result<Option<Found>, More> {
        let personal = &cx.plan.personal;
        let count = found.digits.len();
        let take = |kind, digits: usize| Found {
            kind,
            length: found.ends[digits - 1],
            canonical: found.digits[..digits].to_vec(),
        };
        // A number ends where a group of digits ends.
        let ends = |digits: usize| -> bool {
            digits == count || found.separators.iter().any(|(at, _)| *at == digits)
        };
        let plain = |digits: usize| !found.separators.iter().any(|(at, _)| *at < digits);
        let grouped = |digits: usize, allowed: &[u8]| {
            found
                .separators
                .iter()
                .filter(|(at, _)| *at < digits)
                .all(|(_, separator)| allowed.contains(separator))
        };
        let behind = |digits: usize| -> Result<bool, More> {
            let at = found.ends[digits - 1];
            let next = self.window.byte(at)?;
            let fraction =
                matches!(next, b'.' | b',') && self.window.byte(at + 1)?.is_ascii_digit();
            Ok(next.is_ascii_alphanumeric() || next == b'_' || (fraction && plain(digits)))
        };
        let has = |kind| personal.rule(kind).is_some();
        if has(Personal::Card) {
            for digits in (13..=count.min(19)).rev() {
                if ends(digits)
                    && grouped(digits, b" -")
                    && checks::is_card(&found.digits[..digits])
                    && !behind(digits)?
                {
                    return Ok(Some(take(Personal::Card, digits)));
                }
            }
        }
        if has(Personal::AccountPl) && count >= 26 && ends(26) && grouped(26, b" ") {
            let iban = [b"PL".as_slice(), &found.digits[..26]].concat();
            if checks::mod97(&iban) && !behind(26)? {
                return Ok(Some(Found {
                    canonical: iban,
                    ..take(Personal::AccountPl, 26)
                }));
            }
        }
        if has(Personal::Pesel)
            && count >= 11
            && ends(11)
            && plain(11)
            && checks::is_pesel(&found.digits[..11])
            && !behind(11)?
        {
            return Ok(Some(take(Personal::Pesel, 11)));
        }
        if has(Personal::Nip) && count >= 10 && ends(10) && grouped(10, b"- ") {
            let dashes: Vec<usize> = found
                .separators
                .iter()
                .filter(|(at, _)| *at < 10)
                .map(|(at, _)| *at)
                .collect();
            let form = matches!(dashes.as_slice(), [3, 6, 8] | [3, 5, 7]) && grouped(10, b"-");
            if checks::is_nip(&found.digits[..10])
                && (form || self.says(&[b"nip", b"vat", b"podatnik", b"tax"]))
                && !behind(10)?
            {
                return Ok(Some(take(Personal::Nip, 10)));
            }
        }
        if has(Personal::Regon) {
            for digits in [14, 9] {
                if count >= digits
                    && ends(digits)
                    && grouped(digits, b" -")
                    && checks::is_regon(&found.digits[..digits])
                    && self.says(&[b"regon"])
                    && !behind(digits)?
                {
                    return Ok(Some(take(Personal::Regon, digits)));
                }
            }
        }
        Ok(None)
    }

    /// Whether a telephone number may end behind so many digits.
    fn phone_ends(&self, found: &Digits, digits: usize) -> Result<bool, More> {
        let next = self.window.byte(found.ends[digits - 1])?;
        Ok(found.is_group(digits) && !next.is_ascii_alphanumeric() && next != b'_')
    }

    /// E.164: at most fifteen digits, the country's code first. Groups of digits behind it may be another number's.
    fn signed_phone(&self, found: &Digits, cx: &Context<'_>) -> Result<Option<Found>, More> {
        if cx.plan.personal.rule(Personal::Phone).is_none() || found.digits[0] == b'0' {
            return Ok(None);
        }
        let count = found.digits.len();
        let mut most = count.min(15);
        for digits in 8..most {
            if !found.is_group(digits) {
                continue;
            }
            let behind = self.digits(found.ends[digits] - 1)?;
            if behind.is_address() || self.checked_number(&behind, cx)?.is_some() {
                most = digits;
                break;
            }
        }
        let first = found.separators.first().map_or(count, |(at, _)| *at);
        let lengths = std::iter::once(first).chain((8..=most).rev());
        for digits in lengths.filter(|digits| (8..=15).contains(digits)) {
            if self.phone_ends(found, digits)? {
                return Ok(Some(Found {
                    kind: Personal::Phone,
                    length: found.ends[digits - 1],
                    canonical: [b"+".as_slice(), &found.digits[..digits]].concat(),
                }));
            }
        }
        Ok(None)
    }

    fn phone(&self, found: &Digits, cx: &Context<'_>) -> Result<Option<Found>, More> {
        let personal = &cx.plan.personal;
        let count = found.digits.len();
        let words: [&[u8]; 9] = [
            b"phone",
            b"tel.",
            b"tel:",
            b"telefon",
            b"mobile",
            b"komork",
            b"kom.",
            b"numer tel",
            b"sms",
        ];
        if personal.rule(Personal::PhonePl).is_none() {
            return Ok(None);
        }
        // With Poland's code, or nine digits in groups of three, or nine digits behind a word that says so.
        let skip = if found.digits.starts_with(b"0048") {
            4
        } else if found.digits.starts_with(b"48") && count >= 11 {
            2
        } else {
            0
        };
        let digits = skip + 9;
        if count < digits || found.digits[skip] == b'0' || !self.phone_ends(found, digits)? {
            return Ok(None);
        }
        let groups: Vec<usize> = found
            .separators
            .iter()
            .filter(|(at, separator)| {
                *at > skip && *at < digits && matches!(separator, b' ' | b'-')
            })
            .map(|(at, _)| *at - skip)
            .collect();
        let form = groups == [3, 6] && count == digits;
        if form || (groups.is_empty() && (self.says(&words) || skip == 4)) {
            let canonical = [b"+48".as_slice(), &found.digits[skip..digits]].concat();
            return Ok(Some(Found {
                kind: Personal::PhonePl,
                length: found.ends[digits - 1],
                canonical,
            }));
        }
        Ok(None)
    }

    /// An IBAN: a country, two check digits, and as many characters as its country has, perhaps in groups of four.
    fn account(&self, cx: &Context<'_>) -> Result<Option<Found>, More> {
        if cx.plan.personal.rule(Personal::Iban).is_none() {
            return Ok(None);
        }
        let country = [self.window.byte(0)?, self.window.byte(1)?];
        if !country.iter().all(u8::is_ascii_alphabetic)
            || !self.window.byte(2)?.is_ascii_digit()
            || !self.window.byte(3)?.is_ascii_digit()
        {
            return Ok(None);
        }
        let length = checks::iban_length(country);
        if length == 0 {
            return Ok(None);
        }
        let mut characters = Vec::with_capacity(length);
        let mut at = 0;
        while characters.len() < length {
            match self.window.byte(at)? {
                byte if byte.is_ascii_alphanumeric() => characters.push(byte),
                b' ' | b'-' if characters.len() % 4 == 0 => {}
                _ => return Ok(None),
            }
            at += 1;
        }
        if self.window.byte(at)?.is_ascii_alphanumeric() || !checks::mod97(&characters) {
            return Ok(None);
        }
        Ok(Some(Found {
            kind: Personal::Iban,
            length: at,
            canonical: characters.to_ascii_uppercase(),
        }))
    }

    // --- addresses ---

    fn address(&self, before: u8, cx: &Context<'_>) -> Result<Option<Found>, More> {
        if cx.plan.personal.rule(Personal::Ip).is_none() {
            return Ok(None);
        }
        // `Chrome/156.0.0.0` and `lib-1.2.3.4` are versions; behind `//`, or a slash that begins a word, stands a host.
        let host = before == b'/' && !self.window.back_byte(1).is_ascii_alphanumeric();
        if matches!(before, b'.' | b'-' | b'_') || (before == b':' && !self.colon_ends_word()) {
            return Ok(None);
        }
        let mut text = Vec::new();
        let mut at = 0;
        while at < ADDRESS {
            let byte = self.window.byte(at)?;
            if !(byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')) {
                break;
            }
            text.push(byte);
            at += 1;
        }
        // A colon or dot behind it is the sentence's, or a port follows.
        while matches!(text.last(), Some(b'.' | b':')) && !text.ends_with(b"::") {
            text.pop();
        }
        let port = text.iter().position(|byte| *byte == b':');
        let port = port.filter(|port| text[..*port].contains(&b'.'));
        if let Some(port) = port {
            text.truncate(port);
        }
        if before == b'/' && !host && port.is_none() {
            // A version: only an address has a port, as Java prints it (`db/203.0.113.9:5432`).
            return Ok(None);
        }
        let next = self.window.byte(text.len())?;
        if next.is_ascii_alphanumeric() || matches!(next, b'_' | b'-') {
            return Ok(None);
        }
        let dots = text.iter().filter(|byte| **byte == b'.').count();
        let colons = text.iter().filter(|byte| **byte == b':').count();
        let plausible = (colons == 0 && dots == 3)
            || (colons >= 2 && text.iter().any(u8::is_ascii_digit) && text.len() >= 6);
        if !plausible || self.says_version() {
            return Ok(None);
        }
        let parsed = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| text.parse::<std::net::IpAddr>().ok());
        let Some(address) = parsed else {
            return Ok(None);
        };
        let harmless = address.is_loopback()
            || address.is_unspecified()
            || address == std::net::IpAddr::from([255, 255, 255, 255]);
        Ok((!harmless).then(|| Found {
            kind: Personal::Ip,
            length: text.len(),
            canonical: address.to_string().into_bytes(),
        }))
    }

    /// Whether the colon behind us ends a word (`ip:203.0.113.9`, `"ip":`), and is no colon of an address, of a time or behind a marker.
    fn colon_ends_word(&self) -> bool {
        // A group of an address has at most four digits; a word may look like one.
        let digits = (1..=4).take_while(|&at| self.window.back_byte(at).is_ascii_hexdigit());
        let digits = digits.count();
        let before = self.window.back_byte(1 + digits);
        match digits {
            0 => {
                before.is_ascii_alphanumeric()
                    || matches!(before, b'_' | b'-' | b'"' | b'\'' | 0x80)
            }
            _ => !matches!(before, b':' | b'.'),
        }
    }

    fn says_version(&self) -> bool {
        let mut behind = [0; 12];
        for (distance, place) in behind.iter_mut().rev().enumerate() {
            *place = self.window.back_byte(distance).to_ascii_lowercase();
        }
        memchr::memmem::find(&behind, b"version").is_some()
            || behind.ends_with(b" v")
            || behind.ends_with(b"ver ")
    }

    /// Whether one of these words stands shortly before, in any case.
    fn says(&self, words: &[&[u8]]) -> bool {
        let mut behind = Vec::with_capacity(CONTEXT);
        for distance in (0..CONTEXT).rev() {
            if let Some(symbol) = self.window.back(distance) {
                behind.push(symbol.ascii().to_ascii_lowercase());
            }
        }
        words
            .iter()
            .any(|word| memchr::memmem::find(&behind, word).is_some())
    }
}
