//! Finds known secrets, symbol by symbol, whatever they are spelled in.

use super::before::push;
use super::symbol::{self, Layer, RAW_BYTE};
use super::value::{Until, Value};
use super::window::More;
use super::{Context, Symbol, TextMachine};
use crate::scrub::known::{COMPARED, Form, KnownSecrets};

/// A value as symbols see it, in bytes: its own escapes undone, without backslashes before quotes.
pub(crate) fn canonical(value: &[u8]) -> Vec<u8> {
    let mut form = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some((symbol, width)) = symbol::read(&value[at..], Layer::Plain, true) {
        if matches!(symbol.ascii(), b'"' | b'\'' | b'`') {
            while form.last() == Some(&b'\\') {
                form.pop();
            }
        }
        push(&mut form, symbol);
        at += width;
    }
    form
}

/// Whether a character is a digit of base64, in either alphabet (RFC 4648).
fn is_base64(symbol: Symbol) -> bool {
    let byte = symbol.ascii();
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The first byte of a symbol in UTF-8.
fn first_byte(symbol: Symbol) -> u8 {
    if symbol.code < 0x80 || symbol.code & RAW_BYTE != 0 {
        return symbol.code as u8;
    }
    let mut spelled = [0; 4];
    if let Some(character) = char::from_u32(symbol.code) {
        character.encode_utf8(&mut spelled);
    }
    spelled[0]
}

impl TextMachine {
    /// Redacts the known secret that begins here. Tells whether there is one.
    #[inline]
    pub(super) fn at_known(&mut self, symbol: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        if !self.glance.known() || cx.plan.known.is_empty() {
            return Ok(false);
        }
        let first = first_byte(symbol);
        if cx.plan.known.may_begin(first) && self.known_here(0, first, cx)? {
            return Ok(true);
        }
        if is_base64(symbol)
            && let Some(second) = self.window.peek(1)?
            && cx.plan.known.may_share(first_byte(second))
        {
            return self.known_here(1, first_byte(second), cx);
        }
        Ok(false)
    }

    /// Redacts the known secret whose form begins at a distance ahead, with the characters that it shares with its neighbours.
    fn known_here(&mut self, start: usize, first: u8, cx: &mut Context<'_>) -> Result<bool, More> {
        let plan = cx.plan;
        let known: &KnownSecrets = &plan.known;
        // A letter or digit stands for nothing but itself, and is the second byte where the first is a character.
        let second = self.window.byte(start + 1)?;
        let second = (first.is_ascii() && second.is_ascii_alphanumeric()).then_some(second);
        for form in known.beginning(first, second) {
            if start > 0 && !form.shares_before {
                continue;
            }
            let (compared, rest) = form.text.split_at(form.text.len().min(COMPARED));
            if let Some(mut length) = self.matches(start, compared, form.hex)? {
                if form.shares_behind && rest.is_empty() {
                    length += usize::from(self.window.peek(length)?.is_some_and(is_base64));
                    let padded = length + 2;
                    while length < padded && self.window.byte(length)? == b'=' {
                        length += 1;
                    }
                }
                self.through.clear();
                self.through.extend_from_slice(rest);
                self.followed = 0;
                self.follows_hex = form.hex;
                self.follows_shared = form.shares_behind && !rest.is_empty();
                let mut value = Value::new(Until::Following, Symbol::plain(0));
                value.lead = length;
                self.redact(plan.known_rule, 0, value, cx);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where a form ends that begins at a distance ahead.
    fn matches(&self, start: usize, form: &[u8], hex: bool) -> Result<Option<usize>, More> {
        let mut at = start;
        let mut read = 0;
        let mut bytes = Vec::with_capacity(4);
        while read < form.len() {
            let Some(symbol) = self.window.peek(at)? else {
                return Ok(None);
            };
            if symbol.ascii() == b'\\' && form[read] != b'\\' && at > start {
                // Backslashes of a quote, which may be more of them the deeper it stands.
                if !self.leads_to_quote(at)? {
                    return Ok(None);
                }
                at += 1;
                continue;
            }
            if symbol.ascii() == b'\\' && form[read] == b'\\' {
                // The deeper a backslash stands, the more of them are written.
                let wanted = form[read..]
                    .iter()
                    .take_while(|byte| **byte == b'\\')
                    .count();
                let mut found = 0;
                while self.window.byte(at + found)? == b'\\' {
                    found += 1;
                }
                if found < wanted {
                    return Ok(None);
                }
                read += wanted;
                at += found;
                continue;
            }
            if symbol.ascii() == b'\r' && form[read] == b'\n' && at > start {
                // The other half of a newline.
                at += 1;
                continue;
            }
            bytes.clear();
            push(&mut bytes, symbol);
            let same = Form::is_at(&form[read..], &bytes, hex)
                || (form[read] == b' ' && symbol.ascii() == b'+');
            if !same {
                return Ok(None);
            }
            read += bytes.len();
            at += 1;
        }
        Ok(Some(at))
    }

    fn leads_to_quote(&self, at: usize) -> Result<bool, More> {
        let mut next = at;
        while self.window.byte(next)? == b'\\' && next < at + 64 {
            next += 1;
        }
        Ok(matches!(self.window.byte(next)?, b'"' | b'\'' | b'`'))
    }

    /// Whether the next symbol goes on with the known secret in progress.
    pub(super) fn follows(&self, symbol: Symbol) -> bool {
        let mut bytes = Vec::with_capacity(4);
        push(&mut bytes, symbol);
        let rest = self.through.get(self.followed..).unwrap_or_default();
        if self.follows_shared && self.followed == self.through.len() {
            return is_base64(symbol);
        }
        !rest.is_empty()
            && (Form::is_at(rest, &bytes, self.follows_hex)
                || (rest[0] == b' ' && symbol.ascii() == b'+')
                || self.is_extra_backslash(symbol))
    }

    /// Whether a backslash is one that the secret in progress has not, since it stands deeper; or the other half of a newline.
    pub(super) fn is_extra_backslash(&self, symbol: Symbol) -> bool {
        let Some(next) = self.through.get(self.followed) else {
            return false;
        };
        match symbol.ascii() {
            b'\\' => *next != b'\\',
            b'\r' => *next == b'\n',
            _ => false,
        }
    }
}
