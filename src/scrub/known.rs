//! Known secrets: real values that the operator names, looked for wherever they stand.
//!
//! The text machine undoes JSON escapes, percent-encoding and character references before it compares, so a secret is kept once
//! for all of these, and beside it in base64 (at each of the three alignments in which it can stand in longer data, in both
//! alphabets) and in hex. Values are never printed: `Debug` tells how many there are.

use std::collections::HashMap;
use std::fmt;

use super::literals::{Literal, Literals, Signals};
use super::text::canonical;

/// Shortest value that is taken, in bytes: shorter ones would be found everywhere.
pub const LEAST_SECRET_BYTES: usize = 8;
/// Longest part of a form that is compared at once, in bytes. What is longer is followed as it comes.
pub(crate) const COMPARED: usize = 256;

/// One form of a known secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) text: Box<[u8]>,
    /// Its letters are digits, in either case; in `text` they are small.
    pub(crate) hex: bool,
    /// The character before it has bits of the value, too: in base64.
    pub(crate) shares_before: bool,
    /// The character behind it has.
    pub(crate) shares_behind: bool,
}

impl Form {
    /// Whether a text begins with the same.
    pub(crate) fn is_at(text: &[u8], wanted: &[u8], hex: bool) -> bool {
        text.get(..wanted.len()).is_some_and(|text| {
            if hex {
                text.eq_ignore_ascii_case(wanted)
            } else {
                text == wanted
            }
        })
    }
}

/// The forms of a plan's known secrets.
#[derive(Clone, Default)]
pub(crate) struct KnownSecrets {
    /// The longest first.
    forms: Vec<Form>,
    /// For each byte, which of them begin with it.
    beginning: Vec<Vec<u32>>,
    /// The same for two bytes.
    pairs: HashMap<[u8; 2], Vec<u32>>,
    /// First bytes of forms.
    first: [u64; 4],
    /// First bytes of those that share the character before.
    first_shared: [u64; 4],
    literals: Literals,
    /// A form has white space, which a plus sign can stand for.
    spaced: bool,
    values: usize,
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownSecrets({} values)", self.values)
    }
}

impl KnownSecrets {
    /// Adds a value of at least [`LEAST_SECRET_BYTES`].
    pub(crate) fn add(&mut self, value: &[u8]) {
        self.values += 1;
        // A newline is found in either spelling; where it can't be told apart, both are forms.
        let unix = with_newlines(value, b"\n");
        let dos = with_newlines(value, b"\r\n");
        self.add_form(canonical(&unix), false, (false, false));
        // Where its backslashes are encoded, they escape nothing.
        self.add_form(without_escapes(&unix, canonical), false, (false, false));
        // And where all of it is encoded, nothing in it is undone.
        self.add_form(
            without_escapes(&unix, <[u8]>::to_vec),
            false,
            (false, false),
        );
        self.add_encoded(&unix);
        if dos != unix {
            self.add_encoded(&dos);
        }
    }

    /// Arranges the forms. It comes behind the last value, before anything is looked for.
    pub(crate) fn arrange(&mut self) {
        self.forms
            .sort_by(|a, b| (b.text.len().cmp(&a.text.len())).then_with(|| a.text.cmp(&b.text)));
        self.beginning = vec![Vec::new(); 256];
        self.pairs.clear();
        for (index, form) in self.forms.iter().enumerate() {
            let index = index as u32;
            // Letters of hex in either case: a form has small ones.
            let spelled = |byte: u8| {
                let other = byte.to_ascii_uppercase();
                std::iter::once(byte).chain((form.hex && other != byte).then_some(other))
            };
            for first in spelled(form.text[0]) {
                self.beginning[usize::from(first)].push(index);
                for second in spelled(form.text[1]) {
                    self.pairs.entry([first, second]).or_default().push(index);
                }
            }
        }
    }

    /// Adds a value in base64 and in hex.
    fn add_encoded(&mut self, value: &[u8]) {
        for shift in 0..3 {
            let form = base64_inside(value, shift);
            let urlsafe = form
                .iter()
                .map(|byte| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                })
                .collect();
            let shares = (shift != 0, !(shift + value.len()).is_multiple_of(3));
            self.add_form(form, false, shares);
            self.add_form(urlsafe, false, shares);
        }
        let digits = b"0123456789abcdef";
        let hex = value.iter().flat_map(|byte| {
            [
                digits[usize::from(byte >> 4)],
                digits[usize::from(byte & 15)],
            ]
        });
        self.add_form(hex.collect(), true, (false, false));
    }

    /// `shares`: whether the characters before and behind it have bits of the value.
    fn add_form(&mut self, text: Vec<u8>, hex: bool, shares: (bool, bool)) {
        let form = Form {
            text: text.into(),
            hex,
            shares_before: shares.0,
            shares_behind: shares.1,
        };
        if form.text.len() < LEAST_SECRET_BYTES || self.forms.contains(&form) {
            return;
        }
        let text = &form.text;
        for first in [text[0], text[0].to_ascii_uppercase()] {
            if first == text[0] || hex {
                self.first[usize::from(first / 64)] |= 1 << (first % 64);
                if form.shares_before {
                    self.first_shared[usize::from(first / 64)] |= 1 << (first % 64);
                }
            }
        }
        self.spaced |= text.contains(&b' ');
        self.literals.add(&Literal {
            caseless: hex,
            ..Literal::exactly(&text[..text.len().min(COMPARED)], Signals::KNOWN)
        });
        self.forms.push(form);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.values
    }

    /// Whether a form may begin with this byte.
    #[inline]
    pub(crate) fn may_begin(&self, byte: u8) -> bool {
        self.first[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
    }

    /// Whether a form may begin with this byte that shares the character before it.
    #[inline]
    pub(crate) fn may_share(&self, byte: u8) -> bool {
        self.first_shared[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
    }

    /// The forms that begin with this byte, the longest first; with these two, if the second stands for nothing but itself.
    pub(crate) fn beginning(&self, first: u8, second: Option<u8>) -> impl Iterator<Item = &Form> {
        let indexes = match second {
            Some(second) => self.pairs.get(&[first, second]),
            None => self.beginning.get(usize::from(first)),
        };
        let indexes = indexes.into_iter().flatten();
        indexes.filter_map(|index| self.forms.get(*index as usize))
    }

    /// Whether one stands in a text that has no other spelling: the digits of a number.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        // Most numbers are short, and a look over the others can say no.
        if self.is_empty() || text.len() < LEAST_SECRET_BYTES || !self.is_near(text) {
            return false;
        }
        let small = text.to_ascii_lowercase();
        self.forms.iter().any(|form| {
            let text = if form.hex { &small } else { text };
            memchr::memmem::find(text, &form.text).is_some()
        })
    }

    fn is_near(&self, text: &[u8]) -> bool {
        self.literals.look(text, Signals::KNOWN) != Signals::NONE
    }

    /// Whether one may stand in a text that is written without escapes: a quick look that can only say no.
    pub(crate) fn may_be_in(&self, text: &[u8]) -> bool {
        !self.is_empty() && ((self.spaced && text.contains(&b'+')) || self.is_near(text))
    }
}

/// A value with all its newlines spelled so.
fn with_newlines(value: &[u8], newline: &[u8]) -> Vec<u8> {
    let mut form = Vec::with_capacity(value.len());
    for (index, line) in value.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            if form.last() == Some(&b'\r') {
                form.pop();
            }
            form.extend_from_slice(newline);
        }
        form.extend_from_slice(line);
    }
    form
}

/// A value with its parts between backslashes undone by themselves: backslashes escape nothing, and only those before quotes are
/// left out.
fn without_escapes(value: &[u8], undo: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut form = Vec::with_capacity(value.len());
    for (index, part) in value.split(|byte| *byte == b'\\').enumerate() {
        if index > 0 {
            form.push(b'\\');
        }
        if matches!(part.first(), Some(b'"' | b'\'' | b'`')) {
            while form.last() == Some(&b'\\') {
                form.pop();
            }
        }
        form.extend_from_slice(&undo(part));
    }
    form
}

/// The characters that a value alone decides when it stands in base64, `shift` bytes behind a multiple of three.
fn base64_inside(value: &[u8], shift: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = |at: usize| -> u32 {
        // The value's bits with zeros before them.
        let byte = (at / 8)
            .checked_sub(shift)
            .and_then(|index| value.get(index))
            .copied()
            .unwrap_or(0);
        u32::from(byte >> (7 - at % 8) & 1)
    };
    let first = (shift * 8).div_ceil(6);
    let end = (shift + value.len()) * 8 / 6;
    (first..end)
        .map(|digit| {
            let index = (0..6).fold(0, |index, bit| index << 1 | bits(digit * 6 + bit));
            DIGITS[index as usize]
        })
        .collect()
}
