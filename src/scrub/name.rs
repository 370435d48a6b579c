//! Names: what a JSON key, header, parameter, cookie, flag or attribute is called, whatever its spelling.
//!
//! [`Words`] is the normal form (contract: "a name is compared after normalising"): lower-case words, one space
//! between them. [`Names`] holds the denied names and answers one question: which rule, if any, covers this name
//! in this kind of place. It is compiled once from the rule packs; a look-up costs the same for ten rules or a
//! thousand, and allocates nothing.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::literals::{Literal, Literals, Signals};

/// Longest name that is looked at, in decoded bytes. What is longer is judged by its last part.
pub(crate) const NAME_BYTES: usize = 256;
/// Most words of a name that are looked at; of a longer name the last ones.
const WORDS: usize = 24;

/// The kinds of place in which a name can stand, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// A header, or what carries one (CGI variable, OTel attribute).
    pub const HEADER: Kinds = Kinds(1);
    /// A URL or form parameter.
    pub const PARAM: Kinds = Kinds(2);
    /// A JSON key.
    pub const KEY: Kinds = Kinds(4);
    /// A parameter of a URL whose host a rule names.
    pub const HOSTED: Kinds = Kinds(8);
    /// All of them.
    pub const ALL: Kinds = Kinds(15);
    /// None at all.
    pub const NONE: Kinds = Kinds(0);

    /// Both sets together.
    pub const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// Those of this set that are not in the other.
    pub const fn without(self, other: Kinds) -> Kinds {
        Kinds(self.0 & !other.0)
    }

    /// Whether the two have a kind in common.
    pub const fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// Index of a rule in the plan.
pub(crate) type RuleIndex = u16;

/// What is to be done with the value of a covered name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Every leaf becomes the marker; containers keep their shape.
    Leaves,
    /// The whole value becomes the marker.
    Replace,
    /// The whole value becomes `null`.
    Null,
    /// The value is somebody's IP address: it becomes `null`, or what the plan makes of addresses.
    Address,
    /// The value tells a user from others: a keyed hash stands for a string, and `null` for all else, or where there is no key.
    Pseudonym,
    /// A set of cookies: names stay, values go.
    Cookies,
    /// A URL query: its parameters are looked at, whether it is a string, an object or a list of pairs.
    Query,
    /// The value is text, even inside of what is denied.
    Text,
    /// Keys inside are package names or the like, not names.
    NotNames,
}

/// A name that the operator lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// In which kinds of place.
    pub(crate) kinds: Kinds,
    /// Only this rule does not cover it; none: no rule does that may be excepted.
    pub(crate) rule: Option<RuleIndex>,
}

/// The verdict on a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The rule that covers it.
    pub(crate) rule: RuleIndex,
    /// In which kinds of place.
    pub(crate) kinds: Kinds,
    /// What is to be done.
    pub(crate) treatment: Treatment,
}

/// A name in normal form.
#[derive(Debug, Default)]
pub(crate) struct Words {
    text: Vec<u8>,
    /// Start and end of each word in `text`.
    spans: Vec<(u16, u16)>,
    /// An acronym with small letters behind it can be read in two ways: `API` and `key`, or `AP` and `Ikey`.
    two_ways: bool,
}

/// To which word the last capital of an acronym belongs that has small letters behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastCapital {
    /// To theirs: `APIKey`.
    Begins,
    /// To the acronym: `APIkey`.
    Ends,
}

impl Words {
    fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.two_ways = false;
    }

    fn word(&self, index: usize) -> &[u8] {
        let (start, end) = self.spans[index];
        &self.text[start as usize..end as usize]
    }

    fn phrase(&self, from: usize, to: usize) -> &[u8] {
        if from >= to {
            return b"";
        }
        &self.text[self.spans[from].0 as usize..self.spans[to - 1].1 as usize]
    }

    /// Splits a decoded name into words. White space around it, `repr` quotes and leading dashes are undone.
    fn split(&mut self, name: &[u8]) {
        self.split_as(name, LastCapital::Begins);
    }

    fn split_as(&mut self, name: &[u8], last_capital: LastCapital) {
        self.clear();
        let name = unquote(name);
        let mut previous = Class::Separator;
        // How many capitals stand in a row right before.
        let mut capitals = 0;
        let mut at = 0;
        while at < name.len() {
            let byte = name[at];
            let class = classify(byte);
            match class {
                Class::Separator => self.end_word(),
                Class::Upper => {
                    let next_is_lower = name
                        .get(at + 1)
                        .is_some_and(|b| classify(*b) == Class::Lower);
                    let ends_acronym = previous == Class::Upper && next_is_lower;
                    self.two_ways |= ends_acronym;
                    if matches!(previous, Class::Lower | Class::Digit)
                        || (ends_acronym && last_capital == LastCapital::Begins)
                    {
                        self.end_word();
                    }
                    self.letter(byte.to_ascii_lowercase());
                }
                Class::Lower => {
                    let plural = byte == b's'
                        && name
                            .get(at + 1)
                            .is_none_or(|b| classify(*b) != Class::Lower);
                    if last_capital == LastCapital::Ends && capitals > 1 && !plural {
                        self.end_word();
                    }
                    self.letter(byte);
                }
                Class::Digit => self.letter(byte),
                Class::Other => {
                    let (width, character) = decode_utf8(&name[at..]);
                    capitals = 0;
                    if character.is_some_and(char::is_whitespace) {
                        self.end_word();
                        previous = Class::Separator;
                        at += width;
                        continue;
                    }
                    if character.is_some_and(is_invisible) {
                        at += width;
                        continue;
                    }
                    match character {
                        Some(character) => {
                            for lower in character.to_lowercase() {
                                let mut buffer = [0; 4];
                                for byte in lower.encode_utf8(&mut buffer).bytes() {
                                    self.letter(byte);
                                }
                            }
                        }
                        None => self.letter(byte),
                    }
                    at += width;
                    let upper = character.is_some_and(char::is_uppercase);
                    previous = if upper { Class::Upper } else { Class::Lower };
                    continue;
                }
            }
            capitals = if class == Class::Upper {
                capitals + 1
            } else {
                0
            };
            previous = class;
            at += 1;
        }
        self.end_word();
        if self.spans.len() > WORDS {
            self.spans.drain(..self.spans.len() - WORDS);
        }
    }

    fn letter(&mut self, byte: u8) {
        let open = self.spans.last().is_some_and(|(_, end)| *end == u16::MAX);
        if !open {
            if !self.text.is_empty() {
                self.text.push(b' ');
            }
            self.spans.push((self.text.len() as u16, u16::MAX));
        }
        self.text.push(byte);
    }

    fn end_word(&mut self) {
        if let Some(last) = self.spans.last_mut()
            && last.1 == u16::MAX
        {
            last.1 = self.text.len() as u16;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Separator,
    Other,
}

fn classify(byte: u8) -> Class {
    match byte {
        b'A'..=b'Z' => Class::Upper,
        b'a'..=b'z' => Class::Lower,
        b'0'..=b'9' => Class::Digit,
        0x80.. => Class::Other,
        _ => Class::Separator,
    }
}

/// Characters that are not seen and join no words: soft hyphens, zero-width spaces and joiners, marks of direction, byte order marks,
/// variation selectors (Unicode, `Default_Ignorable_Code_Point`).
const INVISIBLE: [(char, char); 13] = [
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{202A}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
];
/// The same beyond U+FFFF, and how all of these begin.
const INVISIBLE_TAGS: (char, char) = ('\u{E0000}', '\u{E0FFF}');
const TAGS_START: [u8; 2] = [0xF3, 0xA0];

fn is_invisible(character: char) -> bool {
    let within = |(first, last): &(char, char)| (*first..=*last).contains(&character);
    character > '\u{A0}' && (INVISIBLE.iter().any(within) || within(&INVISIBLE_TAGS))
}

fn decode_utf8(bytes: &[u8]) -> (usize, Option<char>) {
    for width in 2..=4.min(bytes.len()) {
        if let Ok(text) = std::str::from_utf8(&bytes[..width]) {
            return (width, text.chars().next());
        }
    }
    (1, None)
}

/// Undoes what `repr` and command lines put around a name: `'x'`, `b'x'`, `"x"`, `--x`, white space.
fn unquote(name: &[u8]) -> &[u8] {
    let mut name = name.trim_ascii();
    loop {
        let trimmed = match name {
            [
                b'b' | b'u' | b'r' | b'B' | b'U' | b'R',
                quote @ (b'\'' | b'"'),
                rest @ ..,
            ] if rest.last() == Some(quote) => &rest[..rest.len() - 1],
            [quote @ (b'\'' | b'"' | b'`'), rest @ ..] if rest.last() == Some(quote) => {
                &rest[..rest.len() - 1]
            }
            [b'-', rest @ ..] => rest,
            _ => return name,
        };
        name = trimmed.trim_ascii();
    }
}

/// Words in normal form, one space between them.
type Phrase = Box<[u8]>;

/// What rules say of one phrase, in their order. They do the same with it, in whatever places.
type Verdicts = Vec<Verdict>;

/// Phrases of rules: their number is small and they come from no attacker, so a fast hash will do.
type PhraseMap<V> = HashMap<Phrase, V, BuildHasherDefault<PhraseHasher>>;

/// Multiplies and rotates, eight bytes at a time.
#[derive(Debug, Clone, Default)]
struct PhraseHasher(u64);

impl Hasher for PhraseHasher {
    fn write(&mut self, bytes: &[u8]) {
        for eight in bytes.chunks(8) {
            let word = eight
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}

/// The denied names of a policy, and what looks like them but is safe.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    exact: PhraseMap<Verdicts>,
    last: PhraseMap<Verdicts>,
    any: PhraseMap<Verdicts>,
    /// A word that ends so counts as this word (`accesstoken`); value: the phrase it stands for.
    suffixes: Vec<(Phrase, Phrase)>,
    /// First phrase and last phrase of a name with a gap between (`x-*-secret`).
    gaps: Vec<(Phrase, Phrase, Verdict)>,
    prefixes: Vec<(Phrase, Kinds, Letters)>,
    safe: PhraseMap<()>,
    safe_last: PhraseMap<()>,
    safe_any: PhraseMap<()>,
    /// A word and the plural behind it that count something (`prompt tokens`), or the plural and a word behind it (`tokens evaluated`).
    counters: PhraseMap<()>,
    /// A word and a plural somewhere behind it that count something (`max … tokens`).
    quantities: Vec<(Phrase, Phrase)>,
    /// How many words the longest phrase has of those that make a name safe.
    longest_safe: usize,
    longest_phrase: usize,
    /// Whole names that the operator lets through.
    allowed: PhraseMap<Vec<Allowance>>,
    /// Rules from which nothing is excepted.
    fixed: Vec<RuleIndex>,
    /// The letters of phrases, for each kind of place: a name that lacks a letter of each is none of them.
    letters: Vec<(Kinds, Letters)>,
}

/// The ASCII letters that a text has, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Letters(u32);

impl Letters {
    const OTHER: u32 = 1 << 31;

    /// Letters in either case; what is not ASCII sets a bit of its own.
    fn of(text: &[u8]) -> Letters {
        Letters(text.iter().fold(0, |letters, byte| {
            letters
                | match byte {
                    b'a'..=b'z' => 1 << (byte - b'a'),
                    b'A'..=b'Z' => 1 << (byte - b'A'),
                    0x80.. => Self::OTHER,
                    _ => 0,
                }
        }))
    }

    fn has_all_of(self, other: Letters) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Names {
    /// The normal form of a phrase as rules write it.
    pub(crate) fn normal(phrase: &str) -> Phrase {
        let mut words = Words::default();
        words.split(phrase.as_bytes());
        words.text.into_boxed_slice()
    }

    /// Takes note of the letters that a phrase needs.
    fn note_letters(&mut self, phrase: &str, kinds: Kinds) {
        // What is not ASCII has several spellings in bytes; its ASCII letters are enough to ask for.
        let letters = Letters(Letters::of(&Self::normal(phrase)).0 & !Letters::OTHER);
        let redundant = |(known_kinds, known): &(Kinds, Letters)| {
            *known_kinds == kinds && letters.has_all_of(*known)
        };
        if !self.letters.iter().any(redundant) {
            self.letters
                .retain(|(known_kinds, known)| *known_kinds != kinds || !known.has_all_of(letters));
            self.letters.push((kinds, letters));
        }
    }

    /// The forms under which a phrase is kept. Written with humps, a name can also come all in lower or upper case, with
    /// nothing to split it at.
    fn forms(phrase: &str) -> [Phrase; 2] {
        [Self::normal(phrase), Self::normal(&phrase.to_lowercase())]
    }

    fn put(map: &mut PhraseMap<Verdicts>, phrase: &str, verdict: Verdict) {
        for key in Self::forms(phrase) {
            let verdicts = map.entry(key).or_default();
            if !verdicts.contains(&verdict) {
                verdicts.push(verdict);
            }
        }
    }

    pub(crate) fn add_exact(&mut self, phrase: &str, verdict: Verdict) {
        self.note_letters(phrase, verdict.kinds);
        Self::put(&mut self.exact, phrase, verdict);
    }

    pub(crate) fn add_last(&mut self, phrase: &str, verdict: Verdict) {
        self.note_letters(phrase, verdict.kinds);
        self.measure(phrase);
        Self::put(&mut self.last, phrase, verdict);
    }

    pub(crate) fn add_any(&mut self, phrase: &str, verdict: Verdict) {
        self.note_letters(phrase, verdict.kinds);
        self.measure(phrase);
        Self::put(&mut self.any, phrase, verdict);
    }

    pub(crate) fn add_gap(&mut self, first: &str, last: &str, verdict: Verdict) {
        self.note_letters(&format!("{first} {last}"), verdict.kinds);
        self.gaps
            .push((Self::normal(first), Self::normal(last), verdict));
    }

    /// The verdict under which a whole name stands already.
    pub(crate) fn exact(&self, phrase: &str) -> Option<Verdict> {
        Self::present(&self.exact, phrase)
    }

    /// The verdict under which a phrase at a name's end stands already.
    pub(crate) fn last(&self, phrase: &str) -> Option<Verdict> {
        Self::present(&self.last, phrase)
    }

    /// The verdict under which a phrase anywhere stands already.
    pub(crate) fn any(&self, phrase: &str) -> Option<Verdict> {
        Self::present(&self.any, phrase)
    }

    /// The verdict under which a pair of phrases stands already.
    pub(crate) fn gap(&self, first: &str, last: &str) -> Option<Verdict> {
        let wanted = (Self::normal(first), Self::normal(last));
        self.gaps
            .iter()
            .find(|(first, last, _)| (first, last) == (&wanted.0, &wanted.1))
            .map(|(_, _, verdict)| *verdict)
    }

    fn present(map: &PhraseMap<Verdicts>, phrase: &str) -> Option<Verdict> {
        Self::forms(phrase)
            .iter()
            .find_map(|key| map.get(key)?.first())
            .copied()
    }

    /// Nothing is excepted from this rule.
    pub(crate) fn fix(&mut self, rule: RuleIndex) {
        self.fixed.push(rule);
    }

    /// Whether nothing is excepted from a rule.
    pub(crate) fn is_fixed(&self, rule: RuleIndex) -> bool {
        self.fixed.contains(&rule)
    }

    /// Lets a whole name through.
    pub(crate) fn allow(&mut self, phrase: &str, allowance: Allowance) {
        for key in Self::forms(phrase) {
            let allowances = self.allowed.entry(key).or_default();
            if !allowances.contains(&allowance) {
                allowances.push(allowance);
            }
        }
    }

    /// All rules that cover a whole name in a place of one of these kinds, in the order in which they count.
    pub(crate) fn covering(&self, name: &str, kinds: Kinds) -> Vec<Verdict> {
        // Each in turn is excepted, until none is left.
        let mut names = self.clone();
        names.fixed.clear();
        let mut words = Words::default();
        let mut found: Vec<Verdict> = Vec::new();
        while let Some(verdict) = names.look_up(name.as_bytes(), kinds, &mut words) {
            if found.iter().any(|known| known.rule == verdict.rule) {
                break;
            }
            found.push(verdict);
            let allowance = Allowance {
                kinds: Kinds::ALL,
                rule: Some(verdict.rule),
            };
            names.allow(name, allowance);
        }
        found
    }

    /// Whether a whole name is safe, and whether its last word makes it safe.
    pub(crate) fn safety(&self, name: &str) -> (bool, bool) {
        let mut words = Words::default();
        words.split(name.as_bytes());
        let count = words.spans.len();
        (
            self.safe.contains_key(words.phrase(0, count)),
            self.is_description(&words, 0),
        )
    }

    /// All phrases of rules, in normal form.
    pub(crate) fn phrases(&self) -> impl Iterator<Item = &[u8]> {
        let maps = [&self.exact, &self.last, &self.any];
        maps.into_iter()
            .flat_map(|map| map.keys().map(|phrase| &phrase[..]))
    }

    pub(crate) fn add_suffix(&mut self, suffix: &str, stands_for: &str) {
        self.suffixes
            .push((suffix.as_bytes().into(), Self::normal(stands_for)));
    }

    pub(crate) fn add_prefix(&mut self, prefix: &str, kinds: Kinds) {
        let phrase = Self::normal(prefix);
        let letters = Letters::of(&phrase);
        self.prefixes.push((phrase, kinds, letters));
        self.prefixes
            .sort_by_key(|(prefix, ..)| std::cmp::Reverse(prefix.len()));
    }

    pub(crate) fn add_safe(&mut self, phrase: &str) {
        self.safe.insert(Self::normal(phrase), ());
    }

    pub(crate) fn add_safe_last(&mut self, phrase: &str) {
        let phrase = self.safe_phrase(phrase);
        self.safe_last.insert(phrase, ());
    }

    pub(crate) fn add_safe_any(&mut self, phrase: &str) {
        let phrase = self.safe_phrase(phrase);
        self.safe_any.insert(phrase, ());
    }

    /// The normal form of a phrase that makes a name safe; takes note of its length.
    fn safe_phrase(&mut self, phrase: &str) -> Phrase {
        let mut words = Words::default();
        words.split(phrase.as_bytes());
        self.longest_safe = self.longest_safe.max(words.spans.len());
        words.text.into_boxed_slice()
    }

    /// A word and a plural that count something, in this order.
    pub(crate) fn add_counter(&mut self, first: &str, second: &str) {
        self.counters
            .insert(Self::normal(&format!("{first} {second}")), ());
    }

    pub(crate) fn add_quantity(&mut self, word: &str, plural: &str) {
        self.quantities
            .push((Self::normal(word), Self::normal(plural)));
    }

    /// Whether the words of a name from one on describe a secret, or measure something: by their end, or by a phrase among them.
    fn is_description(&self, words: &Words, from: usize) -> bool {
        let count = words.spans.len();
        let ends = |length: &usize| {
            self.safe_last
                .contains_key(words.phrase(count - length, count))
        };
        let longest = self.longest_safe.min(count - from.min(count));
        (1..=longest).any(|length| ends(&length))
            || (!self.safe_any.is_empty()
                && (from..count).any(|start| {
                    (start + 1..=count.min(start + longest))
                        .any(|end| self.safe_any.contains_key(words.phrase(start, end)))
                }))
    }

    /// Whether the words `start..end` are a plural of which the words around them, from one on, say that they are counted.
    fn is_counted(&self, words: &Words, from: usize, start: usize, end: usize) -> bool {
        let counts = |first, last| self.counters.contains_key(words.phrase(first, last));
        let plural = words.phrase(start, end);
        (start > from && counts(start - 1, end))
            || (end + 1 == words.spans.len() && counts(start, end + 1))
            || self.quantities.iter().any(|(word, of)| {
                **of == *plural && (from..start).any(|index| words.word(index) == &**word)
            })
    }

    /// Adds, for a quick look, a word of each phrase: a text without any of them has no name in it that a rule covers.
    pub(crate) fn note_words(&self, literals: &mut Literals) {
        for phrase in self.phrases() {
            rare_word(phrase).iter().for_each(|word| literals.add(word));
        }
        for (first, last, _) in &self.gaps {
            let both = [&first[..], b" ", &last[..]].concat();
            rare_word(&both).iter().for_each(|word| literals.add(word));
        }
        for (suffix, _) in &self.suffixes {
            literals.add(&Literal::word(suffix, true));
        }
        // The Kelvin sign is a `k` when its case is undone.
        literals.add(&Literal::exactly("\u{212A}".as_bytes(), Signals::NAME));
        // What is not seen can stand inside of any word.
        for (first, last) in INVISIBLE {
            for character in first..=last {
                let mut spelled = [0; 4];
                let spelled = character.encode_utf8(&mut spelled).as_bytes();
                literals.add(&Literal::exactly(spelled, Signals::NAME));
            }
        }
        literals.add(&Literal::exactly(&TAGS_START, Signals::NAME));
    }

    fn measure(&mut self, phrase: &str) {
        let mut words = Words::default();
        words.split(phrase.as_bytes());
        self.longest_phrase = self.longest_phrase.max(words.spans.len());
    }

    /// Which rule covers this decoded name in a place of one of these kinds.
    ///
    /// `name` is at most [`NAME_BYTES`] long; the caller passes the last part of a longer one. A name that reads as a
    /// path, a route or a URL is none (contract section 3).
    pub(crate) fn look_up(&self, name: &[u8], kinds: Kinds, words: &mut Words) -> Option<Verdict> {
        let asked = Asked {
            kinds,
            only_fixed: false,
        };
        self.look_up_as(name, asked, words)
    }

    /// The same at a place that the operator lets through: only the rules count from which nothing is excepted.
    pub(crate) fn look_up_fixed(
        &self,
        name: &[u8],
        kinds: Kinds,
        words: &mut Words,
    ) -> Option<Verdict> {
        let asked = Asked {
            kinds,
            only_fixed: true,
        };
        self.look_up_as(name, asked, words)
    }

    fn look_up_as(&self, name: &[u8], kinds: Asked, words: &mut Words) -> Option<Verdict> {
        if reads_as_path(name) {
            return None;
        }
        if name.contains(&b'%') {
            let decoded = percent_decoded(name);
            if decoded != name {
                return self.look_up_as(&decoded, kinds, words);
            }
        }
        if memchr::memchr2(b'[', b']', name).is_some() {
            let part = name
                .split(|b| matches!(b, b'[' | b']'))
                .filter(|part| !part.is_empty())
                .find_map(|part| self.look_up_part(part, kinds, words));
            // A part that is let through is so in the whole name.
            let let_through = !self.allowed.is_empty()
                && name.split(|b| matches!(b, b'[' | b']')).any(|part| {
                    words.split(part);
                    !self.allowances(words).is_empty()
                });
            if part.is_some() || let_through {
                return part;
            }
        }
        self.look_up_part(name, kinds, words)
    }

    /// The verdict on a string that stands where a pair's name may stand. Beyond what makes a name, it must be one by itself:
    /// no prose, no line of code.
    pub(crate) fn look_up_pair_name(
        &self,
        name: &[u8],
        kinds: Kinds,
        words: &mut Words,
    ) -> Option<Verdict> {
        if !may_name_a_pair(name) {
            return None;
        }
        let verdict = self.look_up(name, kinds, words)?;
        self.is_one_name(name, words).then_some(verdict)
    }

    /// Whether the name of a pair is one by itself: one word, or a whole phrase of some rule.
    pub(crate) fn is_one_name(&self, name: &[u8], words: &mut Words) -> bool {
        !name.contains(&b' ') || self.is_whole_phrase(name, words)
    }

    /// Whether the whole name, and not only a part of it, is a phrase of some rule.
    pub(crate) fn is_whole_phrase(&self, name: &[u8], words: &mut Words) -> bool {
        words.split(name);
        let count = words.spans.len();
        let phrase = words.phrase(0, count);
        let singular = phrase.strip_suffix(b"s").unwrap_or(phrase);
        [phrase, singular].iter().any(|p| {
            self.exact.contains_key(*p) || self.last.contains_key(*p) || self.any.contains_key(*p)
        })
    }

    /// A cheap look that lets most names go: none is denied that lacks letters of every phrase.
    fn may_be_denied(&self, name: &[u8], kinds: Kinds) -> bool {
        let letters = Letters::of(name);
        if letters.0 & Letters::OTHER != 0 {
            return true;
        }
        // A prefix such as `http` makes the rest the name of another kind of place.
        let kinds = self
            .prefixes
            .iter()
            .fold(kinds, |kinds, (_, added, needed)| {
                if letters.has_all_of(*needed) {
                    kinds.or(*added)
                } else {
                    kinds
                }
            });
        self.letters
            .iter()
            .any(|(of, needed)| of.meets(kinds) && letters.has_all_of(*needed))
    }

    fn look_up_part(&self, name: &[u8], asked: Asked, words: &mut Words) -> Option<Verdict> {
        if !self.may_be_denied(name, asked.kinds) {
            return None;
        }
        words.split(name);
        let allowances = self.allowances(words);
        let ask = Ask {
            names: self,
            asked,
            allowances: &allowances,
        };
        let verdict = self.look_up_words(ask, words);
        if verdict.is_some() || !words.two_ways {
            return verdict;
        }
        // What is safe, or let through, in the one reading is so in the other.
        if !allowances.is_empty() || ask.has_phrase(words) {
            return None;
        }
        words.split_as(name, LastCapital::Ends);
        self.look_up_words(ask, words)
    }

    fn look_up_words(&self, mut ask: Ask<'_>, words: &Words) -> Option<Verdict> {
        let asked = ask.asked;
        let count = words.spans.len();
        if count == 0 || self.safe.contains_key(words.phrase(0, count)) {
            return None;
        }
        if let Some(verdict) = ask.words(words, 0) {
            return Some(verdict);
        }
        let mut from = 0;
        while let Some((skip, added)) = self.prefix_at(words, from) {
            from += skip;
            if self.safe.contains_key(words.phrase(from, count)) {
                return None;
            }
            // What such a prefix announces is no parameter, unless the prefix says so.
            let parameter = Kinds::PARAM.or(Kinds::HOSTED);
            ask.asked.kinds = if added.meets(parameter) {
                asked.kinds.or(added)
            } else {
                asked.kinds.without(parameter).or(added)
            };
            if let Some(verdict) = ask.words(words, from) {
                return Some(verdict);
            }
            if added.meets(Kinds::HEADER)
                && let Some(verdict) = self.cookie_at(words, from)
            {
                return Some(verdict);
            }
        }
        None
    }

    /// `http.request.header.cookie.NAME`, `http.response.header.set-cookie.NAME`: one cookie, split out of its header by OTel
    /// conventions. The header is any of those that the rule for `cookie` names as a whole.
    fn cookie_at(&self, words: &Words, from: usize) -> Option<Verdict> {
        let cookie = self.exact.get(b"cookie".as_slice())?.first()?;
        (from + 1..words.spans.len()).find_map(|end| {
            let verdicts = self.exact.get(words.phrase(from, end))?;
            verdicts.first().copied().filter(|it| it == cookie)
        })
    }

    /// What the operator lets through of a name, as a whole or behind its prefixes.
    fn allowances(&self, words: &Words) -> Vec<Allowance> {
        let mut allowances = Vec::new();
        if self.allowed.is_empty() {
            return allowances;
        }
        let count = words.spans.len();
        let mut from = 0;
        loop {
            if let Some(found) = self.allowed.get(words.phrase(from, count)) {
                allowances.extend(found);
            }
            match self.prefix_at(words, from) {
                Some((skip, _)) => from += skip,
                None => return allowances,
            }
        }
    }

    fn prefix_at(&self, words: &Words, from: usize) -> Option<(usize, Kinds)> {
        self.prefixes.iter().find_map(|(prefix, kinds, _)| {
            let length = prefix.iter().filter(|b| **b == b' ').count() + 1;
            let found = words.spans.len() > from + length
                && words.phrase(from, from + length) == prefix.as_ref();
            found.then_some((length, *kinds))
        })
    }
}

/// How a name is looked up.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// The kinds of the place in which it stands.
    kinds: Kinds,
    /// Only rules count from which nothing is excepted.
    only_fixed: bool,
}

/// One look-up of a name in normal form.
#[derive(Clone, Copy)]
struct Ask<'a> {
    names: &'a Names,
    asked: Asked,
    /// What the operator lets through of it.
    allowances: &'a [Allowance],
}

impl Ask<'_> {
    /// The kinds of place in which a verdict still holds, after what is let through.
    fn kinds_left(&self, verdict: &Verdict) -> Kinds {
        let excepts = self.asked.only_fixed || !self.allowances.is_empty();
        if !excepts || self.names.is_fixed(verdict.rule) {
            return verdict.kinds;
        }
        if self.asked.only_fixed {
            return Kinds::NONE;
        }
        let excepted = |allowance: &&Allowance| {
            allowance.rule.is_none() || allowance.rule == Some(verdict.rule)
        };
        self.allowances
            .iter()
            .filter(excepted)
            .fold(verdict.kinds, |kinds, allowance| {
                kinds.without(allowance.kinds)
            })
    }

    /// The verdict on a phrase of a map: that of the first rule that holds here, with the places of all that hold anywhere.
    fn get(&self, map: &PhraseMap<Verdicts>, phrase: &[u8]) -> Option<Verdict> {
        let verdicts = map.get(phrase)?;
        let holds = |verdict: &&Verdict| self.kinds_left(verdict).meets(self.asked.kinds);
        let first = verdicts.iter().find(holds)?;
        let kinds = verdicts.iter().fold(Kinds::NONE, |kinds, verdict| {
            kinds.or(self.kinds_left(verdict))
        });
        Some(Verdict { kinds, ..*first })
    }

    fn words(&self, words: &Words, from: usize) -> Option<Verdict> {
        let names = self.names;
        let count = words.spans.len();
        let whole = words.phrase(from, count);
        let bare = whole.trim_ascii_end_digits();
        if let Some(verdict) = self
            .get(&names.exact, whole)
            .or_else(|| self.get(&names.exact, bare))
        {
            return Some(verdict);
        }
        if names.is_description(words, from) {
            return None;
        }
        for (first, last, verdict) in &names.gaps {
            let starts = whole.starts_with(first) && whole.get(first.len()) == Some(&b' ');
            if starts
                && ends_in_phrase(&whole[first.len()..], last)
                && self.kinds_left(verdict).meets(self.asked.kinds)
            {
                return Some(*verdict);
            }
        }
        for start in from..count {
            for end in start + 1..=count.min(start + names.longest_phrase.max(1)) {
                if let Some(verdict) = self.phrase(words, start, end, count)
                    && !names.is_counted(words, from, start, end)
                {
                    return Some(verdict);
                }
            }
        }
        None
    }

    /// Whether a rule has a phrase of this name, safe or not.
    fn has_phrase(&self, words: &Words) -> bool {
        let count = words.spans.len();
        (0..count).any(|start| {
            (start + 1..=count.min(start + self.names.longest_phrase.max(1)))
                .any(|end| self.phrase(words, start, end, count).is_some())
        })
    }

    /// The verdict on the words `start..end`, as they are, in the singular, without trailing digits, or run together.
    fn phrase(&self, words: &Words, start: usize, end: usize, count: usize) -> Option<Verdict> {
        let names = self.names;
        let get = |phrase: &[u8]| {
            let last = || {
                (end == count)
                    .then(|| self.get(&names.last, phrase))
                    .flatten()
            };
            self.get(&names.any, phrase).or_else(last)
        };
        let phrase = words.phrase(start, end);
        let bare = phrase.trim_ascii_end_digits();
        if let Some(verdict) = get(phrase).or_else(|| get(bare)) {
            return Some(verdict);
        }
        if let Some(singular) = bare.strip_suffix(b"s")
            && let Some(verdict) = get(singular)
        {
            return Some(verdict);
        }
        if end == start + 1 {
            let singular = bare.strip_suffix(b"s").unwrap_or(bare);
            return names.suffixes.iter().find_map(|(suffix, stands_for)| {
                (bare.ends_with(suffix) || singular.ends_with(suffix))
                    .then(|| get(stands_for))
                    .flatten()
            });
        }
        None
    }
}

/// What a text has somewhere that has this phrase: its longest word, and the others. Of words with letters beyond ASCII, those before one of these and
/// the first byte of its lower and its upper case.
fn rare_word(phrase: &[u8]) -> Vec<Literal> {
    let words = phrase.split(|byte| *byte == b' ');
    let mut ascii: Vec<&[u8]> = words.filter(|word| word.is_ascii()).collect();
    ascii.sort_by_key(|word| word.len());
    if let Some(word) = ascii.pop() {
        return vec![Literal {
            beside: ascii.into_iter().map(Box::from).collect(),
            ..Literal::word(word, false)
        }];
    }
    let text = String::from_utf8_lossy(phrase);
    let other = text.char_indices().find(|(_, letter)| !letter.is_ascii());
    let Some((at, letter)) = other else {
        return Vec::new();
    };
    let cases = letter.to_lowercase().chain(letter.to_uppercase());
    cases
        .map(|case| {
            let mut spelled = [0; 4];
            case.encode_utf8(&mut spelled);
            let start = [&phrase[..at], &spelled[..1]].concat();
            Literal {
                caseless: true,
                ..Literal::exactly(&start, Signals::NAME)
            }
        })
        .collect()
}

/// Undoes percent-encoding, once.
pub(crate) fn percent_decoded(name: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let encoded = match behind {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match encoded {
            Some((high, low)) => {
                decoded.push((high << 4 | low) as u8);
                rest = &behind[2..];
            }
            None => decoded.push(*first),
        }
    }
    decoded
}

fn ends_in_phrase(text: &[u8], phrase: &[u8]) -> bool {
    text.strip_suffix(phrase)
        .is_some_and(|head| head.last() == Some(&b' '))
        && text.len() > phrase.len() + 1
}

trait TrimDigits {
    fn trim_ascii_end_digits(&self) -> &[u8];
}

impl TrimDigits for [u8] {
    fn trim_ascii_end_digits(&self) -> &[u8] {
        let digits = self.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        if digits == self.len() {
            self
        } else {
            &self[..self.len() - digits]
        }
    }
}

/// As much of a name as is looked at: its last part.
pub(crate) fn last_part(name: &[u8]) -> &[u8] {
    &name[name.len().saturating_sub(NAME_BYTES)..]
}

/// Whether a string has the length and the looks of a pair's name.
pub(crate) fn may_name_a_pair(name: &[u8]) -> bool {
    name.len() <= NAME_BYTES && reads_as_name(name)
}

/// Whether a string could be a name by itself: no prose, no line of code.
pub(crate) fn reads_as_name(name: &[u8]) -> bool {
    // A parameter of SQL: `@password`.
    let rest = name.strip_prefix(b"@").unwrap_or(name);
    let plain = rest.iter().all(|byte| {
        byte.is_ascii_alphanumeric()
            || *byte >= 0x80
            || matches!(
                byte,
                b'_' | b'-'
                    | b'.'
                    | b':'
                    | b'/'
                    | b'['
                    | b']'
                    | b'\''
                    | b'"'
                    | b'`'
                    | b' '
                    | b'$'
                    | b'%'
                    | b'+'
            )
    });
    let spaces = name.iter().filter(|byte| **byte == b' ').count();
    plain && spaces <= 3 && !name.starts_with(b" ")
}

/// Whether a key reads as a path, a route, a URL, a query or a package rather than as a name. A name that asks (`password?`) has
/// no query behind it, and `@` by itself makes no package (`@scope/name`).
pub(crate) fn reads_as_path(name: &[u8]) -> bool {
    let mut name = name.trim_ascii();
    if !name.contains(&b' ') {
        while let Some(rest) = name.strip_suffix(b"?") {
            name = rest;
        }
    }
    let is_package = name.first() == Some(&b'@') && name.contains(&b'/');
    if is_package || name.first() == Some(&b'/') {
        return true;
    }
    let mut previous = 0;
    for byte in name {
        match byte {
            b'?' | b'=' | b'&' => return true,
            b'/' if matches!(previous, b'/' | b' ' | b'.') => return true,
            _ => {}
        }
        previous = *byte;
    }
    false
}
