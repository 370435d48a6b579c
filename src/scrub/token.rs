//! Bare tokens: credentials that announce themselves by their form, as rules describe it. Plain data; the text machine reads it.
//!
//! A rule has a way in (an anchor, or a word that must stand before) and an end (an alphabet with a length, or a closing
//! literal), so that the longest look is known when it is compiled. A look costs a table look-up at each word of a text; a
//! whole text can be let go by the plan's quick look for [`Literals`].

use super::literals::{Around, LOOK, Literal, Literals, Signals, spellings};
use super::name::RuleIndex;

/// A set of ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Alphabet([u64; 2]);

impl Alphabet {
    /// The set of these characters. What is not ASCII is left out.
    pub fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut set = [0; 2];
        for byte in bytes {
            if byte < 0x80 {
                set[usize::from(byte / 64)] |= 1 << (byte % 64);
            }
        }
        Alphabet(set)
    }

    /// Both sets together.
    pub const fn or(self, other: Alphabet) -> Alphabet {
        let ([a, b], [c, d]) = (self.0, other.0);
        Alphabet([a | c, b | d])
    }

    /// Whether the character is in it.
    #[inline]
    pub const fn has(self, byte: u8) -> bool {
        let half = self.0[((byte / 64) & 1) as usize];
        byte < 0x80 && half >> (byte % 64) & 1 == 1
    }

    /// How many characters of it go before one.
    #[inline]
    fn before(self, byte: u8) -> usize {
        let bits = u128::from(self.0[1]) << 64 | u128::from(self.0[0]);
        let below = 1_u128
            .checked_shl(u32::from(byte))
            .map_or(u128::MAX, |bit| bit - 1);
        (bits & below).count_ones() as usize
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
    /// Literal beginnings, in which a space is any white space; none only with `context`.
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

impl TokenRule {
    /// How many characters a token of this rule has at least.
    fn shortest(&self) -> usize {
        let anchor = self.anchors.iter().map(String::len).min().unwrap_or(0);
        let before = self.before.map_or(0, |(_, least, _)| least);
        let parts = self.parts.iter().map(|part| match part {
            TokenPart::Literal(literal) => literal.len(),
            TokenPart::Run { least, .. } => *least,
        });
        before + anchor + parts.sum::<usize>()
    }
}

/// A compiled rule.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) rule: RuleIndex,
    pub(crate) form: TokenRule,
    /// How many characters it begins with at least, before its anchor or without one.
    pub(crate) least: usize,
    /// What these are.
    pub(crate) start: Alphabet,
    /// What announces it, if it begins with no anchor.
    pub(crate) group: Signals,
}

/// An anchor of a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    pub(crate) token: u16,
    /// Its place among the anchors of the token.
    pub(crate) number: u16,
    /// Its third and fourth character, which are compared before all of it is: 0 where it has none, or where white space in it can be
    /// anything.
    next: [u8; 2],
    caseless: bool,
}

impl Anchor {
    fn new(token: u16, number: u16, text: &[u8], caseless: bool) -> Anchor {
        let next = [2, 3].map(|index| match text.get(..=index) {
            Some(start) if !start.contains(&b' ') => start[index],
            Some(_) | None => 0,
        });
        Anchor {
            token,
            number,
            next,
            caseless,
        }
    }

    /// Whether its third and fourth character may be these.
    #[inline]
    pub(crate) fn goes_on(&self, third: u8, fourth: u8) -> bool {
        let is = |wanted: u8, found: u8| {
            wanted == 0 || wanted == found || (self.caseless && wanted.eq_ignore_ascii_case(&found))
        };
        is(self.next[0], third) && is(self.next[1], fourth)
    }
}

/// The compiled rules of a plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    tokens: Vec<Token>,
    /// First characters of tokens with an anchor.
    first: Alphabet,
    /// Which tokens and anchors begin with these two characters, sorted by these.
    starts: Vec<([u8; 2], Vec<Anchor>)>,
    /// Two characters that an anchor begins with: for each first, the second ones, and how many of `starts` go before all with it.
    pairs: Vec<(Alphabet, usize)>,
    /// Tokens with characters before their anchor.
    inner: ByRun,
    /// Tokens without an anchor.
    contextual: ByRun,
    /// What tokens begin with that begin with no anchor.
    unanchored: Alphabet,
    /// How many of these the shortest such token begins with.
    shortest_word: usize,
    /// How many characters the shortest token has.
    shortest: Option<usize>,
}

/// Longest run of characters by which tokens without an anchor are told apart.
pub(crate) const LONGEST: usize = 64;

/// Tokens by how long a run of characters is that they may begin with, in their order.
#[derive(Debug, Default, Clone)]
struct ByRun(Vec<Vec<u16>>);

impl ByRun {
    /// Adds a token that begins with at least so many.
    fn add(&mut self, token: u16, least: usize) {
        self.0.resize(LONGEST + 1, Vec::new());
        for tokens in &mut self.0[least..] {
            tokens.push(token);
        }
    }

    fn get(&self, run: usize) -> &[u16] {
        self.0.get(run.min(LONGEST)).map_or(&[], Vec::as_slice)
    }
}

impl Tokens {
    /// Adds a rule, and to `literals` what a text has somewhere that has such a token.
    pub(crate) fn add(&mut self, rule: RuleIndex, form: &TokenRule, literals: &mut Literals) {
        let index = self.tokens.len() as u16;
        let shortest = form.shortest();
        self.shortest = Some(self.shortest.map_or(shortest, |known| known.min(shortest)));
        for (number, anchor) in form.anchors.iter().enumerate() {
            let anchor = anchor.as_bytes();
            let (then, least) = match form.parts.first() {
                Some(TokenPart::Run {
                    alphabet, least, ..
                }) => (*alphabet, (*least).min(LOOK)),
                Some(TokenPart::Literal(_)) | None => (Alphabet::default(), 0),
            };
            let (around, signals) = match form.before {
                None => (Around::Start, Signals::TOKEN),
                Some(_) => (Around::Anything, Signals::group(index)),
            };
            // Any white space can stand for a space.
            let blank = anchor.iter().position(|byte| *byte == b' ');
            let (text, then, least) = match blank {
                Some(blank) => (&anchor[..blank], Alphabet::default(), 0),
                None => (anchor, then, least),
            };
            literals.add(&Literal {
                text: text.into(),
                caseless: form.caseless,
                around,
                then,
                least,
                beside: Vec::new(),
                signals,
            });
            if form.before.is_some() {
                continue;
            }
            for start in spellings(&anchor[..anchor.len().min(2)], form.caseless) {
                self.first = self.first.or(Alphabet::of([start[0]]));
                if let [a, b] = start.as_slice() {
                    let anchor = Anchor::new(index, number as u16, anchor, form.caseless);
                    self.note_start([*a, *b], anchor);
                }
            }
        }
        if form.anchors.is_empty() {
            for word in &form.context {
                literals.add(&Literal {
                    caseless: true,
                    ..Literal::exactly(word.as_bytes(), Signals::group(index))
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
        let least = least.min(LONGEST);
        if form.before.is_some() {
            self.inner.add(index, least);
        }
        if form.anchors.is_empty() {
            self.contextual.add(index, least);
        }
        if form.before.is_some() || form.anchors.is_empty() {
            self.shortest_word = match self.unanchored == Alphabet::default() {
                true => least,
                false => self.shortest_word.min(least),
            };
            self.unanchored = self.unanchored.or(start);
        }
        self.tokens.push(Token {
            rule,
            form: form.clone(),
            least,
            start,
            group: Signals::group(index),
        });
    }

    fn note_start(&mut self, start: [u8; 2], anchor: Anchor) {
        if self.pairs.is_empty() {
            self.pairs = vec![(Alphabet::default(), 0); 128];
        }
        match self
            .starts
            .binary_search_by_key(&start, |(start, _)| *start)
        {
            Ok(at) => self.starts[at].1.push(anchor),
            Err(at) => {
                self.starts.insert(at, (start, vec![anchor]));
                let (seconds, _) = &mut self.pairs[usize::from(start[0] & 0x7F)];
                *seconds = seconds.or(Alphabet::of([start[1]]));
                let mut before = 0;
                for (seconds, of) in &mut self.pairs {
                    *of = before;
                    before += seconds.before(u8::MAX);
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether a text of so many bytes may have a token in it.
    pub(crate) fn fit_in(&self, length: usize) -> bool {
        self.shortest.is_some_and(|shortest| length >= shortest)
    }

    pub(crate) fn token(&self, index: u16) -> &Token {
        &self.tokens[usize::from(index)]
    }

    /// Whether a token may begin with this character.
    #[inline]
    pub(crate) fn may_begin(&self, first: u8) -> bool {
        self.first.has(first)
    }

    /// Whether an anchor begins with these two characters.
    #[inline]
    pub(crate) fn may_begin_with(&self, first: u8, second: u8) -> bool {
        self.pairs
            .get(usize::from(first))
            .is_some_and(|(seconds, _)| seconds.has(second))
    }

    /// Tokens and anchors that begin so.
    pub(crate) fn beginning(&self, first: u8, second: u8) -> &[Anchor] {
        match self.pairs.get(usize::from(first)) {
            Some((seconds, before)) if seconds.has(second) => {
                let known = self.starts.get(before + seconds.before(second));
                known.map_or(&[], |(_, anchors)| anchors)
            }
            Some(_) | None => &[],
        }
    }

    /// What tokens begin with that begin with no anchor.
    pub(crate) fn unanchored(&self) -> Alphabet {
        self.unanchored
    }

    /// How many of these characters the shortest such token begins with.
    pub(crate) fn shortest_word(&self) -> usize {
        self.shortest_word
    }

    /// Tokens with characters before their anchor, where a run of so many characters begins.
    pub(crate) fn inner(&self, run: usize) -> &[u16] {
        self.inner.get(run)
    }

    /// Tokens without an anchor, where a run of so many characters begins.
    pub(crate) fn contextual(&self, run: usize) -> &[u16] {
        self.contextual.get(run)
    }
}
