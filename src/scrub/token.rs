//! Bare tokens: credentials that announce themselves by their form, as rules describe it. Plain data; the text machine reads it.
//!
//! A rule has a way in (an anchor, or a word that must stand before) and an end (an alphabet with a length, or a closing
//! literal), so that the longest look is known when it is compiled. A look costs a table look-up at each word of a text; a
//! whole text can be let go by [`Tokens::may_begin_in`], one table look-up a byte.

use super::name::RuleIndex;

/// A set of ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Alphabet(u128);

impl Alphabet {
    /// The set of these characters. What is not ASCII is left out.
    pub fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut set = 0;
        for byte in bytes {
            if byte < 0x80 {
                set |= 1 << byte;
            }
        }
        Alphabet(set)
    }

    /// Both sets together.
    pub const fn or(self, other: Alphabet) -> Alphabet {
        Alphabet(self.0 | other.0)
    }

    /// Whether the character is in it.
    pub const fn has(self, byte: u8) -> bool {
        byte < 0x80 && self.0 >> byte & 1 == 1
    }
}

/// A part of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPart {
    /// Exactly this.
    Literal(String),
    /// As many characters of an alphabet as there are: so many at least, and so many at most, or it is no match.
    Run {
        /// Which characters.
        alphabet: Alphabet,
        /// How many at least.
        least: usize,
        /// How many at most.
        most: usize,
    },
}

/// A rule for a bare token.
#[derive(Debug, Clone, Default)]
pub struct TokenRule {
    /// The rule's id.
    pub id: String,
    /// Literal beginnings; none only with `context`.
    pub anchors: Vec<String>,
    /// Anchors are compared without case.
    pub caseless: bool,
    /// Characters before the anchor that belong to the token: alphabet, least and most.
    pub before: Option<(Alphabet, usize, usize)>,
    /// What follows the anchor.
    pub parts: Vec<TokenPart>,
    /// Instead of parts: everything up to the end of the line that has this literal.
    pub until: Option<String>,
    /// One of these words must stand shortly before.
    pub context: Vec<String>,
    /// The anchor stays.
    pub keeps_anchor: bool,
    /// What follows the anchor must be more than a word.
    pub secretlike: bool,
    /// Sets of which the first run must have a character each.
    pub needs: Vec<Alphabet>,
}

/// A compiled rule.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) rule: RuleIndex,
    pub(crate) form: TokenRule,
    /// How many characters it begins with at least, before its anchor or without one.
    pub(crate) least: usize,
}

/// A token and one of its anchors, by their indices.
type Anchor = (u16, u16);

/// The compiled rules of a plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    tokens: Vec<Token>,
    /// First characters of tokens with an anchor.
    first: Alphabet,
    /// Which tokens and anchors begin with these two characters, sorted by these.
    starts: Vec<([u8; 2], Vec<Anchor>)>,
    /// Two characters that an anchor begins with, one bit each of the second for the first.
    pairs: Vec<Alphabet>,
    /// Tokens with characters before their anchor.
    inner: Vec<u16>,
    /// Tokens without an anchor.
    contextual: Vec<u16>,
    /// What tokens begin with that begin with no anchor.
    unanchored: Alphabet,
    /// One bit for each hash of three characters that an anchor or a context begins with.
    grams: Vec<u64>,
    /// The anchors and contexts behind each hash.
    literals: Vec<(u32, Vec<Literal>)>,
}

/// Longest run of characters by which tokens without an anchor are told apart.
pub(crate) const LONGEST: usize = 64;
/// How many characters behind an anchor a quick look compares.
const LOOK: usize = 16;

/// What a quick look compares: an anchor with the characters that must follow, or a word of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Literal {
    text: Box<[u8]>,
    caseless: bool,
    /// No letter or digit stands before it.
    bounded: bool,
    /// What must follow, and how much of it.
    then: Alphabet,
    least: usize,
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
        same && !(self.bounded && at > 0 && text[at - 1].is_ascii_alphanumeric())
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
fn spellings(start: &[u8], caseless: bool) -> Vec<Vec<u8>> {
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

impl Tokens {
    pub(crate) fn add(&mut self, rule: RuleIndex, form: &TokenRule) {
        let index = self.tokens.len() as u16;
        for (number, anchor) in form.anchors.iter().enumerate() {
            let anchor = anchor.as_bytes();
            let (then, least) = match form.parts.first() {
                Some(TokenPart::Run {
                    alphabet, least, ..
                }) => (*alphabet, (*least).min(LOOK)),
                Some(TokenPart::Literal(_)) | None => (Alphabet::default(), 0),
            };
            self.note_literal(&Literal {
                text: anchor.into(),
                caseless: form.caseless,
                bounded: form.before.is_none(),
                then,
                least,
            });
            if form.before.is_some() {
                continue;
            }
            for start in spellings(&anchor[..anchor.len().min(2)], form.caseless) {
                self.first = self.first.or(Alphabet::of([start[0]]));
                if let [a, b] = start.as_slice() {
                    self.note_start([*a, *b], (index, number as u16));
                }
            }
        }
        if form.before.is_some() {
            self.inner.push(index);
        }
        if form.anchors.is_empty() {
            self.contextual.push(index);
            for word in &form.context {
                self.note_literal(&Literal {
                    text: word.as_bytes().into(),
                    caseless: true,
                    bounded: false,
                    then: Alphabet::default(),
                    least: 0,
                });
            }
        }
        let (start, least) = match (form.before, form.parts.first()) {
            (Some((alphabet, least, _)), _) => (alphabet, least),
            (
                None,
                Some(TokenPart::Run {
                    alphabet, least, ..
                }),
            ) => (*alphabet, *least),
            (None, Some(TokenPart::Literal(_)) | None) => (Alphabet::default(), 0),
        };
        if form.before.is_some() || form.anchors.is_empty() {
            self.unanchored = self.unanchored.or(start);
        }
        self.tokens.push(Token {
            rule,
            form: form.clone(),
            least: least.min(LONGEST),
        });
    }

    fn note_start(&mut self, start: [u8; 2], anchor: Anchor) {
        if self.pairs.is_empty() {
            self.pairs = vec![Alphabet::default(); 128];
        }
        let pairs = &mut self.pairs[usize::from(start[0] & 0x7F)];
        *pairs = pairs.or(Alphabet::of([start[1]]));
        match self
            .starts
            .binary_search_by_key(&start, |(start, _)| *start)
        {
            Ok(at) => self.starts[at].1.push(anchor),
            Err(at) => self.starts.insert(at, (start, vec![anchor])),
        }
    }

    fn note_literal(&mut self, literal: &Literal) {
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
        let at = match self.literals.binary_search_by_key(&bit, |(bit, _)| *bit) {
            Ok(at) => at,
            Err(at) => {
                self.literals.insert(at, (bit, Vec::new()));
                at
            }
        };
        let literals = &mut self.literals[at].1;
        if !literals.contains(literal) {
            literals.push(literal.clone());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(crate) fn token(&self, index: u16) -> &Token {
        &self.tokens[usize::from(index)]
    }

    /// Whether a token may begin with this character.
    #[inline]
    pub(crate) fn may_begin(&self, first: u8) -> bool {
        self.first.has(first)
    }

    /// Tokens and anchors that begin so.
    pub(crate) fn beginning(&self, first: u8, second: u8) -> &[Anchor] {
        let known = self
            .pairs
            .get(usize::from(first))
            .is_some_and(|seconds| seconds.has(second));
        if !known {
            return &[];
        }
        match self
            .starts
            .binary_search_by_key(&[first, second], |(start, _)| *start)
        {
            Ok(at) => &self.starts[at].1,
            Err(_) => &[],
        }
    }

    /// What tokens begin with that begin with no anchor.
    pub(crate) fn unanchored(&self) -> Alphabet {
        self.unanchored
    }

    pub(crate) fn inner(&self) -> &[u16] {
        &self.inner
    }

    pub(crate) fn contextual(&self) -> &[u16] {
        &self.contextual
    }

    /// Whether there may be a token in a text that is written without escapes: a quick look that can only say no.
    pub(crate) fn may_begin_in(&self, text: &[u8]) -> bool {
        if self.grams.is_empty() {
            return false;
        }
        for (at, three) in text.windows(3).enumerate() {
            let bit = gram(three[0], three[1], three[2]);
            if self.grams[bit / 64] >> (bit % 64) & 1 == 1 && self.is_literal(bit, text, at) {
                return true;
            }
        }
        false
    }

    fn is_literal(&self, bit: usize, text: &[u8], at: usize) -> bool {
        match self
            .literals
            .binary_search_by_key(&(bit as u32), |(bit, _)| *bit)
        {
            Ok(known) => self.literals[known]
                .1
                .iter()
                .any(|literal| literal.is_at(text, at)),
            Err(_) => false,
        }
    }
}
