//! Looks back from a separator over the name before it.

use super::quote::Quote;
use super::separator::FLAG;
use super::symbol::{RAW_BYTE, Symbol};
use super::value::{is_name, is_newline, is_space};
use super::window::More;
use super::{Kind, TextMachine};
use crate::scrub::name::NAME_BYTES;

/// Most white space between a name and its separator.
const SPACES: usize = 64;

/// Longest index behind a name, in characters.
const INDEX: usize = 40;

/// The name before a separator; its text is in the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// How many symbols back it begins, with its quote and the prefix of the literal.
    pub(super) start: usize,
    /// How many symbols back it ends.
    pub(super) end: usize,
    /// The quote around it.
    pub(super) quote: Option<Quote>,
    /// It stands in square brackets.
    pub(super) bracketed: bool,
}

impl TextMachine {
    /// How much white space stands right behind.
    pub(super) fn spaces_before(&self) -> Option<usize> {
        let mut spaces = 0;
        while self.window.back(spaces).is_some_and(is_space) {
            spaces += 1;
            if spaces > SPACES {
                return None;
            }
        }
        Some(spaces)
    }

    /// The name in quotes that ends `end` symbols back: `'x'`, `b"x"`, `["x"]`.
    pub(super) fn quoted_name(&mut self, end: usize) -> Option<Before> {
        let bracketed = self.window.back_byte(end) == b']';
        let last = end + usize::from(bracketed);
        let quote = Quote::of(self.window.back(last)?)?;
        let own = quote.backslashes();
        let name_end = last + 1 + own;
        let mut open = name_end;
        loop {
            let symbol = self.window.back(open)?;
            if Quote::of(symbol) == Some(quote) {
                break;
            }
            if is_newline(symbol) || open - name_end > NAME_BYTES {
                return None;
            }
            open += 1;
        }
        self.read_name(open, name_end);
        let mut start = open + 1 + own;
        for _ in 0..2 {
            if b"bBuUrRfF".contains(&self.window.back_byte(start))
                && self.window.back(start).is_some()
            {
                start += 1;
            }
        }
        if self.window.back_byte(start).is_ascii_alphanumeric() {
            // Those letters are a word's.
            start = open + 1 + own;
        }
        if bracketed {
            if self.window.back_byte(start) != b'[' {
                return None;
            }
            start += 1;
        }
        Some(Before {
            start,
            end,
            quote: Some(quote),
            bracketed,
        })
    }

    /// Where a name ends that has an index in square brackets: `tokens[0]`, `token['a']`.
    pub(super) fn before_index(&self, end: usize) -> usize {
        if self.window.back_byte(end) != b']' {
            return end;
        }
        let mut at = end + 1;
        while at - end <= INDEX
            && self
                .window
                .back(at)
                .is_some_and(|symbol| !is_space(symbol) && symbol.ascii() != b'[')
        {
            at += 1;
        }
        if self.window.back_byte(at) == b'[' {
            at + 1
        } else {
            end
        }
    }

    /// The run of characters of names that ends `end` symbols back; with `also`, of these too.
    pub(super) fn bare_name(&mut self, end: usize, also: &[u8]) -> Option<Before> {
        let before = self.bare_place(end, also)?;
        self.read_name(before.start, end);
        Some(before)
    }

    /// Where such a name stands.
    pub(super) fn bare_place(&self, end: usize, also: &[u8]) -> Option<Before> {
        let mut start = end;
        while let Some(symbol) = self.window.back(start) {
            if !(is_name(symbol) || also.contains(&symbol.ascii())) {
                break;
            }
            start += 1;
        }
        if start == end {
            return None;
        }
        Some(Before {
            start,
            end,
            quote: None,
            bracketed: false,
        })
    }

    /// A URL parameter's name, from what announces it to `end` symbols back: anything but white space and delimiters.
    pub(super) fn parameter_name(&mut self, end: usize) -> Before {
        let mut start = end;
        while let Some(symbol) = self.window.back(start) {
            let byte = symbol.ascii();
            let delimits = matches!(byte, b'?' | b'&' | b'#' | b';' | b'=' | b'<' | b'>')
                || (self.kind != Kind::Query
                    && (is_space(symbol) || matches!(byte, b'"' | b'\'' | b'`')));
            if delimits {
                break;
            }
            start += 1;
        }
        self.read_name(start, end);
        Before {
            start,
            end,
            quote: None,
            bracketed: false,
        }
    }

    /// Reads the characters of names from a distance ahead on, and tells where they end; longer ones than a flag's only in part.
    pub(super) fn read_ahead(&mut self, start: usize) -> Result<usize, More> {
        self.name.clear();
        let mut at = start;
        while let Some(symbol) = self.window.peek(at)?
            && is_name(symbol)
            && at - start <= FLAG
        {
            push(&mut self.name, symbol);
            at += 1;
        }
        Ok(at)
    }

    /// Reads the name between two distances behind, at most its last part.
    pub(super) fn read_name(&mut self, start: usize, end: usize) {
        self.name.clear();
        self.window.read_back(start, end, &mut self.name);
    }
}

/// Appends a character in UTF-8.
#[inline]
pub(super) fn push(name: &mut Vec<u8>, symbol: Symbol) {
    if symbol.code < 0x80 || symbol.code & RAW_BYTE != 0 {
        name.push(symbol.code as u8);
    } else if let Some(character) = char::from_u32(symbol.code) {
        name.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
