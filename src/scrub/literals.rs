//! A quick look for many literals at once: it can only say that a text has none of some kind. One table look-up a byte, by the hash
//! of three bytes; a hit is compared in full.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::OnceLock;

use super::blocks::{self, Blocks, Filter, Run};
use super::token::Alphabet;

/// How many characters behind a literal a quick look compares.
pub(crate) const LOOK: usize = 16;

/// Longest text in which other words are looked for, in bytes: in a longer one they are likely enough.
const BESIDE: usize = 256;

/// Shortest text for which a look at whole blocks is worth while, in bytes.
const SHORT: usize = 32;

/// What a literal announces, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Signals(u32);

impl Signals {
    pub(crate) const NONE: Signals = Signals(0);
    /// A bare token.
    pub(crate) const TOKEN: Signals = Signals(1);
    /// What some bare tokens have near them, or in them, and not at their beginning; a bit for each group of them.
    pub(crate) const UNANCHORED: Signals = Signals(u32::MAX << Self::GROUP);
    const GROUP: u32 = 8;
    /// A denied name.
    pub(crate) const NAME: Signals = Signals(2);
    /// A URL that may have a user.
    pub(crate) const USER: Signals = Signals(4);
    /// A login before the address of a network.
    pub(crate) const LOGIN: Signals = Signals(16);
    /// A known secret.
    pub(crate) const KNOWN: Signals = Signals(8);

    /// The group of such tokens that one of them belongs to.
    pub(crate) const fn group(token: u16) -> Signals {
        Signals(1 << (Self::GROUP + token as u32 % (u32::BITS - Self::GROUP)))
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Signals {
        Signals(bits)
    }

    /// Those that are in both.
    pub(crate) const fn and(self, other: Signals) -> Signals {
        Signals(self.0 & other.0)
    }

    pub(crate) const fn or(self, other: Signals) -> Signals {
        Signals(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Signals) -> bool {
        self.0 & other.0 != 0
    }
}

/// What must stand around a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Around {
    /// Anything.
    Anything,
    /// No letter or digit before it.
    Start,
    /// The borders of a word, as [names] are split into words, or in the plural. `joined`: the word may have others before it.
    ///
    /// [names]: super::name::Words
    Word { joined: bool },
}

/// What a quick look compares.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Literal {
    pub(crate) text: Box<[u8]>,
    pub(crate) caseless: bool,
    pub(crate) around: Around,
    /// What must follow, and how much of it.
    pub(crate) then: Alphabet,
    pub(crate) least: usize,
    /// What else stands in the text, in any case: the other words of a name.
    pub(crate) beside: Vec<Box<[u8]>>,
    pub(crate) signals: Signals,
}

impl Literal {
    /// A word of a name.
    pub(crate) fn word(text: &[u8], joined: bool) -> Literal {
        Literal {
            text: text.into(),
            caseless: true,
            around: Around::Word { joined },
            then: Alphabet::default(),
            least: 0,
            beside: Vec::new(),
            signals: Signals::NAME,
        }
    }

    /// Exactly this, wherever it stands.
    pub(crate) fn exactly(text: &[u8], signals: Signals) -> Literal {
        Literal {
            text: text.into(),
            caseless: false,
            around: Around::Anything,
            then: Alphabet::default(),
            least: 0,
            beside: Vec::new(),
            signals,
        }
    }

    /// Whether this byte may stand behind it.
    fn may_follow(&self, byte: u8) -> bool {
        self.least == 0 || self.then.has(byte)
    }

    /// Whether it stands in a text at an index.
    fn is_at(&self, text: &[u8], at: usize) -> bool {
        let rest = &text[at..];
        let Some((start, behind)) = rest.split_at_checked(self.text.len()) else {
            return false;
        };
        let same = if self.caseless {
            start.eq_ignore_ascii_case(&self.text)
        } else {
            start == &self.text[..]
        };
        same && self.fits(&text[..at], start, behind)
            && behind
                .get(..self.least)
                .is_some_and(|behind| behind.iter().all(|byte| self.then.has(*byte)))
            && (text.len() > BESIDE || self.beside.iter().all(|other| has_caseless(text, other)))
    }

    /// Whether what stands around it lets it be what it is.
    fn fits(&self, before: &[u8], found: &[u8], behind: &[u8]) -> bool {
        let before = match before {
            // The letter of an escape (`\n`) is none.
            [.., b'\\', _] | [] => b' ',
            [.., last] => *last,
        };
        match self.around {
            Around::Anything => true,
            Around::Start => !before.is_ascii_alphanumeric(),
            Around::Word { joined } => {
                (joined || begins_word(before, found)) && ends_word(found, behind)
            }
        }
    }
}

/// Whether some ASCII stands in a text, in any case.
pub(crate) fn has_caseless(text: &[u8], wanted: &[u8]) -> bool {
    let Some((first, _)) = wanted.split_first() else {
        return true;
    };
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text).any(|at| {
        text[at..]
            .get(..wanted.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(wanted))
    })
}

/// Whether a word may begin here, as far as letters tell: no letter goes before, or a hump begins.
fn begins_word(before: u8, found: &[u8]) -> bool {
    let hump = found[0].is_ascii_uppercase();
    let acronym = hump && found.get(1).is_some_and(u8::is_ascii_uppercase);
    match before {
        b'a'..=b'z' => hump,
        // Small letters behind an acronym may be a word by themselves: `APIkey`.
        b'A'..=b'Z' => !acronym,
        _ => true,
    }
}

/// Whether a word may end here, as far as letters tell.
fn ends_word(found: &[u8], behind: &[u8]) -> bool {
    let last = found[found.len() - 1];
    match behind {
        [b'a'..=b'z', ..] if last.is_ascii_uppercase() => true,
        [b's', b'a'..=b'z', ..] => false,
        [b's' | b'S', ..] => true,
        [b'a'..=b'z', ..] => false,
        [b'A'..=b'Z', next, ..] => !last.is_ascii_uppercase() || next.is_ascii_lowercase(),
        [b'A'..=b'Z'] => !last.is_ascii_uppercase(),
        _ => true,
    }
}

/// Bytes that are hashed.
const GRAM: usize = 3;
const GRAM_BITS: u32 = 17;
/// Bits of the second hash, which is asked where the first says yes: most often it says no.
const SECOND_BITS: u32 = 15;
/// Fewest places for hashes, a power of two as all their numbers are.
const LEAST_SLOTS: usize = 1 << 10;
/// How many places are looked at before it is asked whether there was a hit.
const STRIDE: usize = 8;

/// The hash of the first three of four bytes, in little-endian order.
#[inline]
fn gram(four: u32) -> usize {
    ((four << 8).wrapping_mul(0x9E37_79B1) >> (32 - GRAM_BITS)) as usize
}

/// The same of bytes of which it does not matter whether letters are small or capitals.
#[inline]
fn folded(four: u32) -> u32 {
    gram(four | 0x2020_2020) as u32
}

/// Another hash of the same.
#[inline]
fn second(four: u32) -> usize {
    ((four << 8).wrapping_mul(0x85EB_CA6B) >> (32 - SECOND_BITS)) as usize
}

/// A hash of all four.
#[inline]
fn longer(four: u32) -> usize {
    (four.wrapping_mul(0xC2B2_AE35) >> (32 - SECOND_BITS)) as usize
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

/// What is compared of a literal first.
#[derive(Debug, Clone)]
struct Head {
    /// Its first bytes, in lower case if case does not matter, to compare at once with those of a text in which the bits of `lower`
    /// are set and only those of `bits` count.
    start: u64,
    lower: u64,
    bits: u64,
    /// Its place among the literals.
    index: u32,
    /// Where in it the bytes that are hashed stand.
    offset: u16,
    /// How long it is at least, with what must follow.
    least: u16,
    signals: Signals,
}

impl Head {
    fn new(literal: &Literal, index: usize, offset: usize) -> Head {
        let mut start = [0; 8];
        let mut lower = [0; 8];
        let mut bits = [0; 8];
        for (at, byte) in literal.text.iter().take(8).enumerate() {
            bits[at] = 0xFF;
            start[at] = *byte;
            if literal.caseless && byte.is_ascii_alphabetic() {
                lower[at] = 0x20;
                start[at] = byte.to_ascii_lowercase();
            }
        }
        Head {
            start: u64::from_le_bytes(start),
            lower: u64::from_le_bytes(lower),
            bits: u64::from_le_bytes(bits),
            index: index as u32,
            offset: offset as u16,
            least: u16::try_from(literal.text.len() + literal.least).unwrap_or(u16::MAX),
            signals: literal.signals,
        }
    }

    /// Where in a text it may begin, as far as its first bytes tell, if those that are hashed stand at an index.
    #[inline]
    fn start(&self, text: &[u8], at: usize) -> Option<usize> {
        let start = at.checked_sub(usize::from(self.offset))?;
        let begins = text.len() - start >= usize::from(self.least)
            && (eight_at(text, start) | self.lower) & self.bits == self.start;
        begins.then_some(start)
    }
}

/// The eight bytes of a text from an index on, as if zeros stood behind it.
#[inline]
fn eight_at(text: &[u8], at: usize) -> u64 {
    let rest = &text[at..];
    if let Some(eight) = rest.first_chunk() {
        return u64::from_le_bytes(*eight);
    }
    match text.last_chunk() {
        Some(last) => u64::from_le_bytes(*last) >> (8 * (8 - rest.len())),
        None => {
            let bytes = rest.iter().rev();
            bytes.fold(0, |word, byte| word << 8 | u64::from(*byte))
        }
    }
}

/// The four bytes from an index on, behind which there is at least one more, as if zeros stood behind the text.
#[inline]
fn four_at(text: &[u8], at: usize) -> u32 {
    match text[at..].first_chunk() {
        Some(four) => u32::from_le_bytes(*four),
        None => {
            let third = text.get(at + 2).copied().unwrap_or(0);
            u32::from_le_bytes([text[at], text[at + 1], third, 0])
        }
    }
}

/// A hash, and its literals in [`Literals::heads`]; none, if there are none.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    bit: u32,
    from: u32,
    to: u32,
}

/// A set of literals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Literals {
    /// One bit for each hash of three bytes of a literal.
    grams: Vec<u64>,
    /// One bit for each second hash of the same, of literals that end there.
    seconds: Vec<u64>,
    /// One bit for each hash of four bytes, of the others.
    longer: Vec<u64>,
    all: Vec<Literal>,
    /// The same as a set, while there are more to be added.
    distinct: HashSet<Literal>,
    /// The literals behind each hash.
    known: Vec<(u32, Vec<Head>)>,
    /// Where in `known` a hash stands, by its lowest bits; with the next free places for those that have the same. 0 is none.
    slots: Vec<u32>,
    /// The same in one piece, once nothing is added any more.
    packed: Vec<Slot>,
    heads: Vec<Head>,
    /// What a literal announces that is too short to be looked for.
    always: Signals,
    /// The same bytes for a look at whole blocks.
    pub(crate) filter: Filter,
}

impl Literals {
    /// Adds a literal. One of fewer than two bytes is taken to stand everywhere.
    pub(crate) fn add(&mut self, literal: &Literal) {
        debug_assert!(
            self.packed.is_empty(),
            "nothing is found that is added to a sealed set"
        );
        if self.grams.is_empty() {
            self.grams = vec![0; 1 << (GRAM_BITS - 6)];
            self.seconds = vec![0; 1 << (SECOND_BITS - 6)];
            self.longer = vec![0; 1 << (SECOND_BITS - 6)];
        }
        if !self.distinct.insert(literal.clone()) {
            return;
        }
        let index = self.all.len();
        self.all.push(literal.clone());
        let offset = rarest(&literal.text);
        let start = &literal.text[offset..literal.text.len().min(offset + GRAM)];
        if let [a, b, c] = *start {
            match literal.text.get(offset + GRAM) {
                Some(behind) => self.filter.allow([a, b, c], std::iter::once(*behind)),
                None if literal.least > 0 => {
                    let behind = (0..0x80).filter(|byte| literal.then.has(*byte));
                    self.filter.allow([a, b, c], behind);
                }
                None => self.filter.allow_before_all([a, b, c]),
            }
        }
        for spelled in spellings(start, literal.caseless) {
            match *spelled {
                [a, b, c] => self.set([a, b, c], index, offset),
                [a, b] => {
                    self.filter.allow_two([a, b]);
                    (0..=255)
                        .filter(|c| literal.may_follow(*c))
                        .for_each(|c| self.set([a, b, c], index, offset));
                }
                _ => self.always = self.always.or(literal.signals),
            }
        }
    }

    /// The set, to which nothing is added any more.
    pub(crate) fn sealed(mut self) -> Literals {
        self.distinct = HashSet::new();
        self.packed = vec![Slot::default(); self.slots.len()];
        for (slot, packed) in self.slots.iter().zip(&mut self.packed) {
            let Some((bit, heads)) = (*slot as usize)
                .checked_sub(1)
                .and_then(|at| self.known.get(at))
            else {
                continue;
            };
            let from = self.heads.len() as u32;
            self.heads.extend_from_slice(heads);
            *packed = Slot {
                bit: *bit,
                from,
                to: self.heads.len() as u32,
            };
        }
        self.known = Vec::new();
        self.slots = Vec::new();
        self
    }

    fn set(&mut self, three: [u8; GRAM], index: usize, offset: usize) {
        let four = u32::from_le_bytes([three[0], three[1], three[2], 0]);
        match self.all[index].text.get(offset + GRAM) {
            Some(behind) => {
                for behind in spellings(&[*behind], self.all[index].caseless) {
                    let bit = longer(four | u32::from(behind[0]) << 24);
                    self.longer[bit / 64] |= 1 << (bit % 64);
                }
            }
            None => {
                let bit = second(four);
                self.seconds[bit / 64] |= 1 << (bit % 64);
            }
        }
        let bit = gram(four);
        self.grams[bit / 64] |= 1 << (bit % 64);
        let bit = folded(four);
        if 2 * self.known.len() >= self.slots.len() {
            self.grow();
        }
        let at = match self.slot(bit) {
            Ok(at) => at,
            Err(slot) => {
                self.known.push((bit, Vec::new()));
                self.slots[slot] = self.known.len() as u32;
                self.known.len() - 1
            }
        };
        let heads = &mut self.known[at].1;
        // Several spellings may have one hash.
        if heads.last().is_none_or(|last| last.index != index as u32) {
            heads.push(Head::new(&self.all[index], index, offset));
        }
    }

    /// Makes room for more hashes, so that at most every second slot is taken.
    fn grow(&mut self) {
        self.slots = vec![0; (2 * self.slots.len()).max(LEAST_SLOTS)];
        for index in 0..self.known.len() {
            if let Err(slot) = self.slot(self.known[index].0) {
                self.slots[slot] = index as u32 + 1;
            }
        }
    }

    /// Where the literals behind a hash stand, or the free slot for them.
    fn slot(&self, bit: u32) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = bit as usize & mask;
        loop {
            match (self.slots[slot] as usize).checked_sub(1) {
                Some(at) if self.known[at].0 == bit => return Ok(at),
                Some(_) => slot = (slot + 1) & mask,
                None => return Err(slot),
            }
        }
    }

    /// What may stand in a text, read as it is written, of what is `wanted`.
    pub(crate) fn look(&self, text: &[u8], wanted: Signals) -> Signals {
        let mut found = self.always;
        if self.grams.is_empty() {
            return found;
        }
        let missing = |found: Signals| Signals(wanted.0 & !found.0) != Signals::NONE;
        if text.len() >= SHORT && blocks::are_fast() {
            blocks::find(text, &self.filter, |at| {
                if at + 1 < text.len() {
                    found = found.or(self.at(text, at, wanted, found));
                }
                match missing(found) {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            });
            return found;
        }
        let Some(table) = self.grams.first_chunk::<{ 1 << (GRAM_BITS - 6) }>() else {
            return wanted;
        };
        let is_set = |four: u32| {
            let bit = gram(four);
            table[bit / 64] >> (bit % 64) & 1
        };
        let hits = |window: &[u8; STRIDE + GRAM]| {
            (0..STRIDE).fold(0_u64, |hits, index| {
                let four = [
                    window[index],
                    window[index + 1],
                    window[index + 2],
                    window[index + 3],
                ];
                hits | is_set(u32::from_le_bytes(four)) << index
            })
        };
        let mut at = 0;
        while at + 1 < text.len() && missing(found) {
            let mut set = match text[at..].first_chunk() {
                Some(window) => hits(window),
                None => {
                    // The rest, as if zeros stood behind it.
                    let rest = &text[at..];
                    let mut window = [0; STRIDE + GRAM];
                    window[..rest.len()].copy_from_slice(rest);
                    hits(&window) & ((1 << (rest.len() - 1)) - 1)
                }
            };
            while set != 0 {
                found = found.or(self.at(text, at + set.trailing_zeros() as usize, wanted, found));
                set &= set - 1;
            }
            at += STRIDE;
        }
        found
    }

    /// The same, where it is known at which indexes the hashed bytes of one may begin.
    pub(crate) fn look_at(
        &self,
        text: &[u8],
        wanted: Signals,
        places: impl Iterator<Item = usize>,
    ) -> Signals {
        let mut found = self.always;
        if self.grams.is_empty() {
            return found;
        }
        for at in places {
            if at + 1 < text.len() {
                found = found.or(self.at(text, at, wanted, found));
            }
        }
        found
    }

    /// Whether there is no literal in a run of bytes, nor a sign that tells something by itself.
    #[inline]
    pub(crate) fn are_none(&self, run: Run, bytes: &[u8], from: usize, blocks: &Blocks) -> bool {
        !run.has_something() || (!run.has_signs() && self.are_none_at(run, bytes, from, blocks))
    }

    #[inline(never)]
    fn are_none_at(&self, run: Run, bytes: &[u8], from: usize, blocks: &Blocks) -> bool {
        let text = &bytes[from..from + run.length()];
        let mut places = blocks.literals(from, from + text.len());
        places.all(|place| {
            let at = place - from;
            at + 1 >= text.len() || !self.may_begin(text, at)
        })
    }

    /// Whether the hashed bytes of a literal may stand at an index, as far as its first bytes tell.
    #[inline]
    fn may_begin(&self, text: &[u8], at: usize) -> bool {
        let four = four_at(text, at);
        let begins = |head: &Head| head.start(text, at).is_some();
        self.may_be_at(four) && self.heads(folded(four)).iter().any(begins)
    }

    /// All of them, as they are written in rules.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.all.iter().map(|literal| &*literal.text)
    }

    /// Whether one is so short that it is taken to stand everywhere.
    pub(crate) fn has_short(&self) -> bool {
        self.always != Signals::NONE
    }

    /// What the literals announce whose hashed bytes stand at an index.
    #[inline]
    fn at(&self, text: &[u8], at: usize, wanted: Signals, found: Signals) -> Signals {
        let four = four_at(text, at);
        if !self.may_be_at(four) {
            return Signals::NONE;
        }
        self.announced(text, at, folded(four), Signals(wanted.0 & !found.0))
    }

    /// Whether the hashed bytes of a literal may be those of four.
    #[inline]
    fn may_be_at(&self, four: u32) -> bool {
        let is_set = |bits: &[u64], bit: usize| {
            let word = bits.get(bit / 64);
            word.is_some_and(|word| word >> (bit % 64) & 1 == 1)
        };
        is_set(&self.grams, gram(four))
            && (is_set(&self.longer, longer(four)) || is_set(&self.seconds, second(four)))
    }

    /// The literals of a hash.
    #[inline]
    fn heads(&self, bit: u32) -> &[Head] {
        if self.packed.is_empty() {
            return self.slot(bit).map_or(&[], |at| &self.known[at].1);
        }
        let mask = self.packed.len() - 1;
        let mut at = bit as usize & mask;
        loop {
            let Slot {
                bit: known,
                from,
                to,
            } = self.packed[at];
            if from == to || known == bit {
                return &self.heads[from as usize..to as usize];
            }
            at = (at + 1) & mask;
        }
    }

    /// What of what is wanted the literals of a hash announce.
    #[inline(never)]
    fn announced(&self, text: &[u8], at: usize, bit: u32, wanted: Signals) -> Signals {
        let mut found = Signals::NONE;
        for head in self.heads(bit) {
            if wanted.has(head.signals)
                && !found.has(head.signals)
                && let Some(start) = head.start(text, at)
                && self.all[head.index as usize].is_at(text, start)
            {
                found = found.or(head.signals);
            }
        }
        found
    }
}

/// The three letters that are most common in events and in English, the most common first (counted in captured events and in prose).
const COMMON: &str = "\
    the ent and ing ion htt ttp con sta tio try typ ype est nte ess amp mes age ver for ame ead art ont eve ext sen ana can \
    ode ate ary rea nar ntr der str tex tri ser que ers ime lin app tim wit ine ith ect one tes scr req res son alu pro val \
    lue ite hat cru nam cat ter hea use cti are ons men ord tho rub ues out ati mpl its ple key equ rin ade tra met teg car \
    cod env jso tam not xam exa ope ery rep com ack vel ile arg lay fil sec lic her ory pla cal odu ret elo ata ach sel url \
    tat ore che par ere lop ego tem nve gor nts ost dat tha get aut ken ace oke all ang pre api tok att ele unc rde pag ide \
    spa rel int per fun elf cha ain ort cre ssa sag log ven les tor nct ted ust mod pos sio ans err ner ces por orm own tre \
    ule pat tps han red dul oun etr enc uth cep ror ept rro ive act sts ecr erv def ist dle bac ela rac eco rge rat end mit \
    pan exc eme nod byt ded ath yte hin rul ass har ems atu eam cor cli ubl whe ric ref oth war ail len thi lis rve ult ndl \
    imi bli ori mat wha tac lie lib tus thr set din pas eth lim ien ets syn ses unk bod ram wor unt ten ask oce hre hod ync \
    gin epo ste roc xce tel tne rtn hor pli nly eng ble onl lba spo pon lea llb pen tur ngs ute uer ook dis ron epl pac und \
    ena hon nst sgi pol tch jec omp ase rom tin ome als cce esp ard loa sed add nne ies sdk lan mon lem sco gth sid oli rit \
    eac ngt fro nse pyt ins sam oad yth ler tal ars tar odi den our rer sit hem rce eed atc ssw bas wsg rou ran hos inf pti \
    src sto hen icy has min any low efa rsi swo nti nge nce fer abl tta old fau aul nen nfo ups nco put nta now fra ber pst \
    hme pes chm exp oau doc ows ody ove dec acc tru ger lev pri omm eck mus ali hec rox kno may eno srv ica eas rec ddr cou \
    igi oxy tom ubb tai arr ngo lat cop ges ara ilt jan ous ire onf hun but ssi nfi ity run lte rod duc uct oki ake ays ice \
    col ure whi ens edi mai lse ave eep ors llo umb ini nsi ket var hou lit nde cto chu ote nal nes pay dja asy nev how fig";

/// How common three letters are, by themselves: the place of each in [`COMMON`].
fn ranks() -> &'static HashMap<[u8; GRAM], usize> {
    static RANKS: OnceLock<HashMap<[u8; GRAM], usize>> = OnceLock::new();
    RANKS.get_or_init(|| {
        let all = COMMON.as_bytes().chunks(GRAM + 1).enumerate();
        all.filter_map(|(rank, common)| Some((*common.first_chunk()?, rank)))
            .collect()
    })
}

/// Where the three bytes of a literal begin that are rarest in what is looked through.
fn rarest(text: &[u8]) -> usize {
    let ranks = ranks();
    let cost = |three: &[u8]| {
        let letters = three
            .iter()
            .filter(|byte| byte.is_ascii_alphabetic())
            .count();
        let lower =
            <[u8; GRAM]>::try_from(three).map(|three| three.map(|it| it.to_ascii_lowercase()));
        let rank = lower.ok().and_then(|lower| ranks.get(&lower));
        rank.map_or(letters, |rank| 4 + COMMON.len() - rank)
    };
    let places = text.windows(GRAM).enumerate();
    places
        .min_by_key(|(_, three)| cost(three))
        .map_or(0, |(at, _)| at)
}
