//! A quick look for many literals at once: it can only say that a text has none. One table look-up a byte, by the hash of three
//! bytes; a hit is compared in full.

use super::token::Alphabet;

/// How many characters behind a literal a quick look compares.
pub(crate) const LOOK: usize = 16;

/// What a quick look compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) text: Box<[u8]>,
    pub(crate) caseless: bool,
    /// No letter or digit stands before it.
    pub(crate) bounded: bool,
    /// What must follow, and how much of it.
    pub(crate) then: Alphabet,
    pub(crate) least: usize,
}

impl Literal {
    /// Whether it stands in a text at an index.
    fn is_at(&self, text: &[u8], at: usize) -> bool {
        let rest = &text[at..];
        let Some(start) = rest.get(..self.text.len()) else {
            return false;
        };
        let same = if self.caseless {
            start.eq_ignore_ascii_case(&self.text)
        } else {
            start == &self.text[..]
        };
        // The letter of an escape (`\n`) is none.
        let joined =
            at > 0 && text[at - 1].is_ascii_alphanumeric() && !(at > 1 && text[at - 2] == b'\\');
        same && !(self.bounded && joined)
            && rest[self.text.len()..]
                .get(..self.least)
                .is_some_and(|behind| behind.iter().all(|byte| self.then.has(*byte)))
    }
}

const GRAM_BITS: u32 = 17;

#[inline]
fn gram(a: u8, b: u8, c: u8) -> usize {
    let mixed = (u32::from(a) | u32::from(b) << 8 | u32::from(c) << 16).wrapping_mul(0x9E37_79B1);
    (mixed >> (32 - GRAM_BITS)) as usize
}

/// The spellings of a beginning: in each case, if case does not matter.
pub(crate) fn spellings(start: &[u8], caseless: bool) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for byte in start {
        let cases = if caseless && byte.is_ascii_alphabetic() {
            vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]
        } else {
            vec![*byte]
        };
        all = all
            .iter()
            .flat_map(|known| {
                cases.iter().map(move |case| {
                    let mut longer = known.clone();
                    longer.push(*case);
                    longer
                })
            })
            .collect();
    }
    all
}

/// A set of literals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Literals {
    /// One bit for each hash of three bytes that a literal begins with.
    grams: Vec<u64>,
    /// The literals behind each hash, sorted by it.
    known: Vec<(u32, Vec<Literal>)>,
}

impl Literals {
    /// Adds a literal of two bytes or more.
    pub(crate) fn add(&mut self, literal: &Literal) {
        if self.grams.is_empty() {
            self.grams = vec![0; 1 << (GRAM_BITS - 6)];
        }
        let start = &literal.text[..literal.text.len().min(3)];
        for spelled in spellings(start, literal.caseless) {
            match spelled.as_slice() {
                [a, b, c] => self.set(gram(*a, *b, *c), literal),
                [a, b] => (0..=255)
                    .filter(|c| literal.least == 0 || literal.then.has(*c))
                    .for_each(|c| self.set(gram(*a, *b, c), literal)),
                _ => {}
            }
        }
    }

    fn set(&mut self, bit: usize, literal: &Literal) {
        self.grams[bit / 64] |= 1 << (bit % 64);
        let bit = bit as u32;
        let at = match self.known.binary_search_by_key(&bit, |(bit, _)| *bit) {
            Ok(at) => at,
            Err(at) => {
                self.known.insert(at, (bit, Vec::new()));
                at
            }
        };
        let literals = &mut self.known[at].1;
        if !literals.contains(literal) {
            literals.push(literal.clone());
        }
    }

    /// Whether one of them may stand in a text, read as it is written. A literal of two bytes at a text's very end is not seen:
    /// nothing follows it.
    pub(crate) fn may_be_in(&self, text: &[u8]) -> bool {
        if self.grams.is_empty() {
            return false;
        }
        text.windows(3).enumerate().any(|(at, three)| {
            let bit = gram(three[0], three[1], three[2]);
            self.grams[bit / 64] >> (bit % 64) & 1 == 1 && self.is_literal(bit, text, at)
        })
    }

    fn is_literal(&self, bit: usize, text: &[u8], at: usize) -> bool {
        match self
            .known
            .binary_search_by_key(&(bit as u32), |(bit, _)| *bit)
        {
            Ok(known) => self.known[known]
                .1
                .iter()
                .any(|literal| literal.is_at(text, at)),
            Err(_) => false,
        }
    }
}
