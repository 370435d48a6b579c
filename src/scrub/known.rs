//! Known secrets: real values that the operator names, looked for wherever they stand.
//!
//! The text machine undoes JSON escapes, percent-encoding and character references before it compares, so a secret is kept once
//! for all of these, and beside it in base64 (at each of the three alignments in which it can stand in longer data, in both
//! alphabets) and in hex. Values are never printed: `Debug` tells how many there are.

use std::fmt;

use super::literals::{Literal, Literals, Signals};
use super::text::canonical;

/// Shortest value that is taken, in bytes: shorter ones would be found everywhere.
pub const LEAST_SECRET_BYTES: usize = 8;
/// Longest part of a form that is compared at once, in bytes. What is longer is followed as it comes.
pub(crate) const COMPARED: usize = 256;

/// The forms of a plan's known secrets.
#[derive(Clone, Default)]
pub(crate) struct KnownSecrets {
    /// By first byte, the longest first.
    forms: Vec<Box<[u8]>>,
    /// First bytes of forms.
    first: [u64; 4],
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
        self.add_form(canonical(value));
        // Where its backslashes are encoded, they escape nothing.
        self.add_form(without_escapes(value, canonical));
        // And where all of it is encoded, nothing in it is undone.
        self.add_form(without_escapes(value, <[u8]>::to_vec));
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
            self.add_form(form);
            self.add_form(urlsafe);
        }
        let hex = |digits: &[u8; 16]| -> Vec<u8> {
            value
                .iter()
                .flat_map(|byte| {
                    [
                        digits[usize::from(byte >> 4)],
                        digits[usize::from(byte & 15)],
                    ]
                })
                .collect()
        };
        self.add_form(hex(b"0123456789abcdef"));
        self.add_form(hex(b"0123456789ABCDEF"));
        self.forms
            .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    }

    fn add_form(&mut self, form: Vec<u8>) {
        if form.len() < LEAST_SECRET_BYTES || self.forms.iter().any(|known| known[..] == form[..]) {
            return;
        }
        self.first[usize::from(form[0] / 64)] |= 1 << (form[0] % 64);
        self.spaced |= form.contains(&b' ');
        let start = &form[..form.len().min(COMPARED)];
        self.literals.add(&Literal::exactly(start, Signals::KNOWN));
        self.forms.push(form.into());
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

    /// The forms that begin with this byte, the longest first.
    pub(crate) fn beginning(&self, byte: u8) -> impl Iterator<Item = &[u8]> {
        self.forms
            .iter()
            .map(|form| &form[..])
            .filter(move |form| form[0] == byte)
    }

    /// Whether one stands in a text that has no other spelling: the digits of a number.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        self.forms
            .iter()
            .any(|form| memchr::memmem::find(text, form).is_some())
    }

    fn is_near(&self, text: &[u8]) -> bool {
        self.literals.look(text, Signals::KNOWN) != Signals::NONE
    }

    /// Whether one may stand in a text that is written without escapes: a quick look that can only say no.
    pub(crate) fn may_be_in(&self, text: &[u8]) -> bool {
        !self.is_empty() && ((self.spaced && text.contains(&b'+')) || self.is_near(text))
    }
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
