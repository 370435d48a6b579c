//! Finds `name=value` in text, at any depth of spelling, and redacts the values of denied names.
//!
//! The machine reads [`Symbol`]s, one after the other, and is either in text (collecting the name that may stand before the
//! next separator) or in a value (looking for the value's end). Its whole state is the fields of [`TextMachine`], so it stops
//! after any byte and goes on with the next chunk. It is exact and visits every symbol; the callers run it only on strings in
//! which a cheap scan has seen something that could be a separator ([`Signs`]).
//!
//! ```text
//!  https://a.eu/x?page=2&token=abc&sort=up
//!                ^anchor ^name ^value
//! ```
//!
//! A name counts where something announces it (an *anchor*): `?`, `&`, `;`, `#`, an opening quote, or the string's start.

mod symbol;

use bytes::Bytes;

use super::MARKER;
use super::name::{Kinds, NAME_BYTES, RuleIndex, Treatment, Words};
use super::plan::Plan;
use super::splice::{Reading, Splicer};
pub(crate) use symbol::Layer;
use symbol::{RAW_BYTE, Symbol};

/// Values that tell no secret and are left alone.
pub(crate) const LITERALS: [&[u8]; 6] = [b"null", b"true", b"false", b"None", b"True", b"False"];

/// Most raw bytes that wait for a decision about the name behind a `;`, or about a literal.
const UNDECIDED_BYTES: u64 = 1024;
/// Longest name that is looked for behind a `;` in a value, in characters.
const NAME_BEHIND_SEMICOLON: usize = 64;
/// Most open quotes that are remembered.
const QUOTES: usize = 16;
/// Most percent-encoded backslashes in a row that are remembered.
const BACKSLASHES: usize = 64;

/// What kind of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Plain,
    /// A URL query or form body: only `&`, `;name=` and `#` end a value.
    Query,
    /// A cookie header's value: all names stay, all values go.
    Cookie(RuleIndex),
}

/// What a cheap scan has seen in a string: whether the machine has to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Signs(u8);

impl Signs {
    /// An equals sign, or an escape or percent sign that can hide anything.
    const SEPARATOR: u8 = 1;
    const QUOTE: u8 = 2;
    const COLON: u8 = 4;

    /// Whether a byte of a string is a sign.
    pub(crate) const fn is_sign(byte: u8) -> bool {
        matches!(byte, b'=' | b'%' | b'\'' | b':' | b'`')
    }

    /// Takes note of a sign.
    pub(crate) fn see(&mut self, byte: u8) {
        self.0 |= match byte {
            b'\'' | b'"' | b'`' => Self::QUOTE,
            b':' => Self::COLON,
            _ => Self::SEPARATOR,
        };
    }

    /// Whether there can be a name with a separator: behind a name in quotes, a colon is one.
    pub(crate) fn may_separate(self) -> bool {
        self.0 & Self::SEPARATOR != 0 || self.0 == Self::QUOTE | Self::COLON
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quote {
    code: u32,
    percent: u8,
    escape: u8,
}

impl Quote {
    fn of(symbol: Symbol) -> Option<Quote> {
        matches!(symbol.ascii(), b'"' | b'\'' | b'`').then_some(Quote {
            code: symbol.code,
            percent: symbol.percent,
            escape: symbol.escape,
        })
    }
}

impl Quote {
    /// Whether this quote, with the backslashes before it, ends a string that `open` began; and how many of those backslashes
    /// belong to the string's inside. Between quotes behind `e` backslashes, one backslash of the inside is written as
    /// `2 * (e + 1)` of them.
    fn closes(self, open: Quote) -> Option<usize> {
        let same = self.code == open.code && self.percent == open.percent;
        let extra = usize::from(self.escape.checked_sub(open.escape)?);
        (same && extra % (2 * (usize::from(open.escape) + 1)) == 0).then_some(extra)
    }
}

/// Open brackets, by kind and depth of percent-encoding.
type Brackets = [[u16; 4]; 3];

fn bracket(symbol: Symbol) -> Option<(usize, usize, bool)> {
    let (kind, opens) = match symbol.ascii() {
        b'(' => (0, true),
        b')' => (0, false),
        b'[' => (1, true),
        b']' => (1, false),
        b'{' => (2, true),
        b'}' => (2, false),
        _ => return None,
    };
    Some((kind, usize::from(symbol.percent.min(3)), opens))
}

/// Where in the value of a member (`"name": value`) we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    /// Before its first character.
    Gap,
    /// Behind a letter that may be the prefix of a literal (`b'x'`).
    Prefix,
    /// In a number.
    Number,
}

#[derive(Debug)]
struct Value {
    rule: RuleIndex,
    /// Offset of its first byte.
    start: u64,
    /// Depth of percent-encoding of its separator.
    percent: u8,
    /// It is a matrix parameter of a path segment (`/a;token=x/b`).
    matrix: bool,
    /// Whether its replacement has been put out.
    cut: bool,
    /// Nothing of it has been read.
    fresh: bool,
    /// Its first bytes while it may still be one of [`LITERALS`].
    literal: [u8; 5],
    literal_len: u8,
    /// The quote that it opened with.
    quote: Option<Quote>,
    /// Brackets opened inside it.
    brackets: Brackets,
    /// A `;` that ends it if a name and `=` follow.
    semicolon: Option<u64>,
    /// White space behind that `;`, which ends it otherwise.
    space: Option<u64>,
    /// In a cookie string: it may still turn out to be the name.
    may_be_name: bool,
    /// It is the value of a member, and not in quotes (yet).
    member: Option<Member>,
}

impl Value {
    fn new(rule: RuleIndex, start: u64, percent: u8, matrix: bool) -> Self {
        Value {
            rule,
            start,
            percent,
            matrix,
            cut: false,
            fresh: true,
            literal: [0; 5],
            literal_len: 0,
            quote: None,
            brackets: Brackets::default(),
            semicolon: None,
            space: None,
            may_be_name: false,
            member: None,
        }
    }

    fn literal(&self) -> &[u8] {
        &self.literal[..usize::from(self.literal_len)]
    }

    /// Where its undecided bytes begin.
    fn undecided(&self) -> Option<u64> {
        if self.cut {
            self.semicolon
        } else {
            Some(self.start)
        }
    }
}

/// The state of one text; see the module's documentation.
#[derive(Debug)]
pub(crate) struct TextMachine {
    kind: Kind,
    layer: Layer,
    /// The name that is being read, decoded; its last part if it is long.
    name: Vec<u8>,
    /// The name reads as a path or URL.
    name_is_path: bool,
    /// White space stands behind the name.
    spaced: bool,
    /// The quote right before the name.
    name_quote: Option<Quote>,
    /// The name stood in quotes and is complete: a colon makes it a member's name.
    quoted: bool,
    /// The least depth of percent-encoding that a separator must have for the name to count; `None`: it does not count.
    anchor: Option<u8>,
    /// A `/` has been seen since the URL's start, and no `?`.
    in_path: bool,
    /// The anchor is a `;` in a path.
    matrix: bool,
    previous: u8,
    quotes: Vec<Quote>,
    /// Offsets of the percent-encoded backslashes right before the symbol at hand.
    backslashes: Vec<u64>,
    /// The last quote as it is written.
    quote_text: Vec<u8>,
    /// Of a quote behind backslashes, the widths of the first one, two, … characters of its run.
    run: Vec<usize>,
    brackets: Brackets,
    value: Option<Value>,
    /// Whether a value of this text has been replaced.
    redacted: bool,
    /// The bytes of a symbol that the last chunk ended in.
    partial: Vec<u8>,
    words: Words,
}

/// What the machine works on.
pub(crate) struct Context<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) splicer: &'a mut Splicer,
}

impl TextMachine {
    pub(crate) fn new() -> Self {
        TextMachine {
            kind: Kind::Plain,
            layer: Layer::Plain,
            name: Vec::new(),
            name_is_path: false,
            spaced: false,
            name_quote: None,
            quoted: false,
            anchor: Some(0),
            in_path: false,
            matrix: false,
            previous: 0,
            quotes: Vec::new(),
            backslashes: Vec::new(),
            quote_text: Vec::new(),
            run: Vec::new(),
            brackets: Brackets::default(),
            value: None,
            redacted: false,
            partial: Vec::new(),
            words: Words::default(),
        }
    }

    /// Makes it ready for a new text that starts at an offset.
    pub(crate) fn start(&mut self, kind: Kind, layer: Layer, at: u64) {
        self.kind = kind;
        self.layer = layer;
        self.forget_name();
        self.anchor = Some(0);
        self.in_path = false;
        self.matrix = false;
        self.previous = 0;
        self.quotes.clear();
        self.backslashes.clear();
        self.brackets = Brackets::default();
        self.value = None;
        self.redacted = false;
        self.partial.clear();
        self.start_cookie(at);
    }

    /// Whether a value of this text has been replaced.
    pub(crate) fn has_redacted(&self) -> bool {
        self.redacted
    }

    /// Bytes that are kept between chunks.
    pub(crate) fn held_bytes(&self) -> usize {
        self.name.capacity() + self.partial.capacity() + self.quotes.capacity() * size_of::<Quote>()
    }

    /// Where undecided bytes begin, if any, when the chunk ends at `end`.
    pub(crate) fn undecided(&self, end: u64) -> Option<u64> {
        let value = self.value.as_ref()?;
        if value.cut
            && value.quote.is_some()
            && let Some(first) = self.backslashes.first()
        {
            return Some(*first);
        }
        value
            .undecided()
            .or_else(|| (!self.partial.is_empty()).then(|| end - self.partial.len() as u64))
    }

    /// Reads the next bytes of the text, which start at offset `at`; with `last`, the text ends behind them.
    pub(crate) fn run(&mut self, mut bytes: &[u8], mut at: u64, last: bool, cx: &mut Context<'_>) {
        while !self.partial.is_empty() {
            let known = self.partial.len();
            let more = bytes.len().min(16);
            self.partial.extend_from_slice(&bytes[..more]);
            let start = at - known as u64;
            match symbol::read(&self.partial, self.layer, last && more == bytes.len()) {
                Some((symbol, width)) => {
                    if Quote::of(symbol).is_some() {
                        self.quote_text.clear();
                        self.quote_text.extend_from_slice(&self.partial[..width]);
                        symbol::widths(&self.quote_text, self.layer, &mut self.run);
                    }
                    self.symbol(symbol, start, start + width as u64, cx);
                    if width >= known {
                        self.partial.clear();
                        bytes = &bytes[width - known..];
                        at = start + width as u64;
                    } else {
                        self.partial.truncate(known);
                        self.partial.drain(..width);
                    }
                }
                None => {
                    bytes = &bytes[more..];
                    at += more as u64;
                    if bytes.is_empty() {
                        break;
                    }
                }
            }
        }
        while !bytes.is_empty() {
            match symbol::read(bytes, self.layer, last) {
                Some((symbol, width)) => {
                    if Quote::of(symbol).is_some() {
                        self.quote_text.clear();
                        self.quote_text.extend_from_slice(&bytes[..width]);
                        symbol::widths(&self.quote_text, self.layer, &mut self.run);
                    }
                    self.symbol(symbol, at, at + width as u64, cx);
                    bytes = &bytes[width..];
                    at += width as u64;
                }
                None => {
                    self.partial.extend_from_slice(bytes);
                    at += bytes.len() as u64;
                    bytes = &[];
                }
            }
        }
        if last {
            if self
                .value
                .as_ref()
                .is_some_and(|v| matches!(v.member, Some(Member::Gap | Member::Prefix)))
            {
                self.value = None;
            }
            if let Some(value) = &mut self.value {
                let end = value.space.take().unwrap_or(at);
                if value.semicolon.take().is_some() {
                    self.cut(cx);
                }
                self.end_value(end, cx);
            }
            self.partial.clear();
        }
    }

    fn symbol(&mut self, mut symbol: Symbol, at: u64, end: u64, cx: &mut Context<'_>) {
        let byte = symbol.ascii();
        if symbol.percent > 0 && matches!(byte, b'"' | b'\'' | b'`') {
            symbol.escape = self.backslashes.len() as u8;
        }
        if self.value.is_some() {
            self.in_value(symbol, at, end, cx);
        } else {
            self.in_text(symbol, end, cx);
        }
        if symbol.percent > 0 && byte == b'\\' {
            if self.backslashes.len() == BACKSLASHES {
                // Only the remainder matters.
                self.backslashes.drain(..BACKSLASHES / 2);
            }
            self.backslashes.push(at);
        } else {
            self.backslashes.clear();
        }
        self.previous = byte;
    }

    /// Where the quote at `at` begins with those of its backslashes that are its own, when `inside` of them are not.
    fn quote_start(&self, quote: Quote, inside: usize, at: u64) -> u64 {
        if quote.percent > 0 {
            self.backslashes.get(inside).copied().unwrap_or(at)
        } else {
            let width = inside.checked_sub(1).and_then(|last| self.run.get(last));
            at + width.copied().unwrap_or(0) as u64
        }
    }

    /// Where a quote begins that ends a string around the text at hand, if it does.
    fn closes_outer(&self, quote: Quote, at: u64) -> Option<u64> {
        let inside = self
            .quotes
            .iter()
            .rev()
            .find_map(|open| quote.closes(*open))?;
        Some(self.quote_start(quote, inside, at))
    }

    // --- text ---

    fn in_text(&mut self, symbol: Symbol, end: u64, cx: &mut Context<'_>) {
        if self.quoted && !matches!(symbol.ascii(), b' ' | b'\t' | b'\n' | b'\r' | b'=') {
            let rule = if symbol.ascii() == b':' {
                self.denied_member(cx.plan)
            } else {
                None
            };
            self.forget_name();
            self.anchor = None;
            if let Some(rule) = rule {
                let member = Some(Member::Gap);
                self.value = Some(Value {
                    member,
                    ..Value::new(rule, end, symbol.percent, false)
                });
                return;
            }
        }
        match symbol.ascii() {
            b'=' => {
                if let Some(rule) = self.denied(symbol, cx.plan) {
                    let value = Value::new(rule, end, symbol.percent, self.matrix);
                    self.forget_name();
                    self.value = Some(value);
                    return;
                }
                self.forget_name();
                // What follows may be a query nested in this parameter, encoded once more.
                self.anchor = Some(symbol.percent + 1);
            }
            mark @ (b'?' | b'&' | b'#' | b';') => {
                self.forget_name();
                self.anchor = Some(0);
                self.matrix = mark == b';' && self.in_path;
                self.in_path &= mark == b';';
            }
            b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C if self.kind != Kind::Query => {
                self.spaced = !self.name.is_empty() && !self.quoted;
                self.in_path = false;
            }
            b'"' | b'\'' | b'`' if self.kind != Kind::Query => {
                let quote = Quote::of(symbol);
                let complete = self.name_quote == quote && !self.name.is_empty() && !self.spaced;
                let opened = self.toggle_quote(symbol);
                if complete {
                    self.quoted = true;
                } else {
                    self.forget_name();
                    self.name_quote = quote;
                }
                self.anchor = opened.then_some(0);
                self.in_path = false;
            }
            b'<' | b'>' => {
                self.forget_name();
                self.anchor = None;
                self.in_path = false;
            }
            b'\\' if symbol.percent > 0 => {}
            other => {
                self.count_bracket(symbol);
                if self.spaced {
                    if self.name_quote.is_some() && !self.quoted {
                        // A name in quotes may have white space in it; a parameter's may not.
                        self.name.push(b' ');
                        self.spaced = false;
                    } else {
                        self.forget_name();
                    }
                    self.anchor = None;
                }
                self.in_path |= other == b'/';
                self.push_name(symbol);
            }
        }
    }

    fn forget_name(&mut self) {
        self.name.clear();
        self.name_is_path = false;
        self.spaced = false;
        self.name_quote = None;
        self.quoted = false;
    }

    fn push_name(&mut self, symbol: Symbol) {
        if self.name.len() >= 2 * NAME_BYTES {
            self.name.drain(..NAME_BYTES);
        }
        let byte = symbol.ascii();
        self.name_is_path |= match byte {
            b'/' => matches!(self.name.last(), None | Some(b'/' | b'.')),
            b'@' => self.name.is_empty(),
            _ => false,
        };
        if byte < 0x80 {
            self.name.push(byte);
        } else if symbol.code & RAW_BYTE != 0 {
            self.name.push(symbol.code as u8);
        } else if let Some(character) = char::from_u32(symbol.code) {
            self.name
                .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// The rule that covers the name before this separator.
    fn denied(&mut self, separator: Symbol, plan: &Plan) -> Option<RuleIndex> {
        let anchored = self.anchor.is_some_and(|least| separator.percent >= least);
        if !anchored || self.name.is_empty() || self.name_is_path {
            return None;
        }
        let name = &self.name[self.name.len().saturating_sub(NAME_BYTES)..];
        let kinds = Kinds::PARAM.or(Kinds::HEADER);
        plan.names
            .look_up(name, kinds, &mut self.words)
            .map(|verdict| verdict.rule)
    }

    /// The rule that covers the quoted name before a colon.
    fn denied_member(&mut self, plan: &Plan) -> Option<RuleIndex> {
        let kinds = Kinds::KEY.or(Kinds::HEADER);
        let verdict = plan.names.look_up(&self.name, kinds, &mut self.words)?;
        let whole = matches!(
            verdict.treatment,
            Treatment::Leaves | Treatment::Replace | Treatment::Null
        );
        (whole && self.name.len() <= NAME_BYTES).then_some(verdict.rule)
    }

    /// Opens or closes a quote; tells whether it opened one.
    fn toggle_quote(&mut self, symbol: Symbol) -> bool {
        let Some(quote) = Quote::of(symbol) else {
            return false;
        };
        if let Some(open) = self
            .quotes
            .iter()
            .rposition(|open| quote.closes(*open).is_some())
        {
            self.quotes.truncate(open);
            return false;
        }
        // An apostrophe inside a word opens nothing; a prefix of a Python literal (`b'x'`) is no word.
        let is_prefix = match self.name.as_slice() {
            [letter] | [.., b' ', letter] => b"bBuUrRfF".contains(letter),
            _ => false,
        };
        if symbol.ascii() == b'\'' && self.previous.is_ascii_alphanumeric() && !is_prefix {
            return false;
        }
        if self.quotes.len() < QUOTES {
            self.quotes.push(quote);
        }
        true
    }

    fn count_bracket(&mut self, symbol: Symbol) {
        if let Some((kind, depth, opens)) = bracket(symbol) {
            let count = &mut self.brackets[kind][depth];
            *count = if opens {
                count.saturating_add(1)
            } else {
                count.saturating_sub(1)
            };
        }
    }

    // --- values ---

    fn start_cookie(&mut self, at: u64) {
        if let Kind::Cookie(rule) = self.kind {
            self.forget_name();
            self.value = Some(Value {
                may_be_name: true,
                ..Value::new(rule, at, u8::MAX, false)
            });
        }
    }

    fn in_value(&mut self, symbol: Symbol, at: u64, end: u64, cx: &mut Context<'_>) {
        if matches!(self.kind, Kind::Cookie(_)) {
            return self.in_cookie(symbol, at, end, cx);
        }
        if let Some(member) = self.value.as_ref().and_then(|value| value.member) {
            return self.in_member(member, symbol, at, end, cx);
        }
        let Some(value) = &mut self.value else { return };
        if value.semicolon.is_some() && self.behind_semicolon(symbol, at, end, cx) {
            return;
        }
        let Some(value) = &mut self.value else { return };
        let counts = symbol.percent <= value.percent;
        if let Some(quote) = value.quote {
            let found = Quote::of(symbol);
            if let Some(found) = found
                && let Some(inside) = found.closes(quote)
            {
                let start = self.quote_start(found, inside, at);
                self.end_value(start, cx);
                self.anchor = None;
            } else if let Some(found) = found
                && found.escape < quote.escape
                && let Some(start) = self.closes_outer(found, at)
            {
                // The text around it ends, and the value with it.
                self.end_value(start, cx);
                self.in_text(symbol, end, cx);
            } else {
                self.value_symbol(symbol, end, cx);
            }
            return;
        }
        if counts
            && self.kind == Kind::Plain
            && let Some(quote) = Quote::of(symbol)
        {
            let fresh = value.fresh;
            if let Some(start) = self.closes_outer(quote, at) {
                self.end_value(start, cx);
                return self.in_text(symbol, end, cx);
            }
            if fresh && let Some(value) = &mut self.value {
                value.fresh = false;
                value.quote = Some(quote);
                value.start = end;
                return;
            }
        }
        let Some(value) = &mut self.value else { return };
        value.fresh = false;
        if counts && self.ends_value(symbol) {
            self.end_value(at, cx);
            return self.in_text(symbol, end, cx);
        }
        if counts && symbol.ascii() == b';' {
            if let Some(value) = &mut self.value {
                value.semicolon = Some(at);
                value.space = None;
            }
            self.forget_name();
            return;
        }
        self.value_symbol(symbol, end, cx);
    }

    /// The value of a member up to its opening quote, or a number.
    fn in_member(
        &mut self,
        member: Member,
        symbol: Symbol,
        at: u64,
        end: u64,
        cx: &mut Context<'_>,
    ) {
        let Some(value) = &mut self.value else { return };
        let byte = symbol.ascii();
        match (member, Quote::of(symbol)) {
            (Member::Gap | Member::Prefix, Some(quote)) => {
                value.member = None;
                value.quote = Some(quote);
                value.start = end;
            }
            (Member::Gap, None) if byte.is_ascii_whitespace() => value.start = end,
            // The backslashes of a quote that is percent-encoded behind them.
            (Member::Gap, None) if byte == b'\\' && symbol.percent > 0 => value.start = end,
            (Member::Gap, None) if matches!(byte, b'b' | b'B' | b'u' | b'U' | b'r' | b'R') => {
                value.member = Some(Member::Prefix);
            }
            (Member::Gap, None) if byte.is_ascii_digit() || byte == b'-' => {
                value.member = Some(Member::Number);
                self.value_symbol(symbol, end, cx);
            }
            (Member::Number, None)
                if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_') =>
            {
                self.value_symbol(symbol, end, cx);
            }
            (Member::Number, _) => {
                self.end_value(at, cx);
                self.in_text(symbol, end, cx);
            }
            // Prose, or a container: not a value that is known to be one.
            (Member::Gap | Member::Prefix, None) => {
                self.value = None;
                self.in_text(symbol, end, cx);
            }
        }
    }

    /// Whether a symbol at the value's own depth, or above, ends it.
    fn ends_value(&self, symbol: Symbol) -> bool {
        let Some(value) = &self.value else {
            return false;
        };
        let byte = symbol.ascii();
        if matches!(byte, b'&' | b'#') {
            return true;
        }
        if self.kind != Kind::Plain {
            return false;
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C => {
                symbol.escape == 0 || !self.quotes.is_empty()
            }
            b'<' | b'>' => true,
            b'/' | b'?' => value.matrix,
            _ => match bracket(symbol) {
                Some((kind, depth, false)) => {
                    value.brackets[kind][depth] == 0 && self.brackets[kind][depth] > 0
                }
                _ => symbol.code == 0x85 || symbol.code == 0xA0 || symbol.code == 0x2028,
            },
        }
    }

    /// A symbol behind a `;` in a value: tells whether it was dealt with.
    fn behind_semicolon(
        &mut self,
        symbol: Symbol,
        at: u64,
        end: u64,
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(value) = &mut self.value else {
            return false;
        };
        let Some(semicolon) = value.semicolon else {
            return false;
        };
        let byte = symbol.ascii();
        let counts = symbol.percent <= value.percent;
        if byte == b'=' && counts && !self.name.is_empty() {
            self.matrix = value.matrix;
            self.end_value_keeping_name(semicolon, cx);
            self.anchor = Some(0);
            self.in_text(symbol, end, cx);
            return true;
        }
        let near = self.name.len() < NAME_BEHIND_SEMICOLON && end - semicolon <= UNDECIDED_BYTES;
        let names = byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'~' | b'$' | 0x80);
        if near && names {
            self.push_name(symbol);
            return true;
        }
        let white = counts && matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if near
            && white
            && self.name.is_empty()
            && self.kind == Kind::Plain
            && self.ends_value(symbol)
        {
            if let Some(value) = &mut self.value {
                value.space.get_or_insert(at);
            }
            return true;
        }
        if let Some(value) = &mut self.value {
            value.semicolon = None;
            if let Some(space) = value.space.take() {
                // The value ended at the white space; what has been read since is text.
                self.cut(cx);
                self.end_value_keeping_name(space, cx);
                self.anchor = None;
                self.in_text(symbol, end, cx);
                return true;
            }
        }
        self.forget_name();
        self.cut(cx);
        false
    }

    fn in_cookie(&mut self, symbol: Symbol, at: u64, end: u64, cx: &mut Context<'_>) {
        let Some(value) = &mut self.value else { return };
        // Only what stands as it is in the header delimits; what is encoded belongs to the value.
        let plain = symbol.percent == 0 && symbol.escape == 0;
        let byte = if plain { symbol.ascii() } else { 0x80 };
        if byte == b';' {
            self.end_value(at, cx);
            return self.start_cookie(end);
        }
        if value.may_be_name {
            match byte {
                b' ' | b'\t' if self.name.is_empty() => {
                    value.start = end;
                    return;
                }
                b'=' if !self.name.is_empty() => {
                    value.may_be_name = false;
                    value.start = end;
                    return;
                }
                _ => {
                    let names = byte.is_ascii_alphanumeric()
                        || matches!(byte, b'_' | b'-' | b'.' | b'!' | b'$' | b'*' | b'~');
                    let near = self.name.len() < NAME_BEHIND_SEMICOLON
                        && end - value.start <= UNDECIDED_BYTES;
                    if names && near {
                        return self.push_name(symbol);
                    }
                    value.may_be_name = false;
                    self.cut(cx);
                }
            }
        }
        self.value_symbol(symbol, end, cx);
    }

    /// A symbol that belongs to the value.
    fn value_symbol(&mut self, symbol: Symbol, end: u64, cx: &mut Context<'_>) {
        let Some(value) = &mut self.value else { return };
        value.fresh = false;
        if let Some((kind, depth, opens)) = bracket(symbol) {
            let count = &mut value.brackets[kind][depth];
            *count = if opens {
                count.saturating_add(1)
            } else {
                count.saturating_sub(1)
            };
        }
        if value.cut {
            return;
        }
        let length = usize::from(value.literal_len);
        if length < value.literal.len() && end - value.start <= UNDECIDED_BYTES {
            value.literal[length] = symbol.ascii();
            value.literal_len += 1;
            let read = value.literal();
            if symbol.percent == 0 && LITERALS.iter().any(|literal| literal.starts_with(read)) {
                return;
            }
        }
        self.cut(cx);
    }

    fn cut(&mut self, cx: &mut Context<'_>) {
        if let Some(value) = &mut self.value
            && !value.cut
        {
            value.cut = true;
            self.redacted = true;
            cx.splicer.cut(Reading::Plain, value.start);
            if value.member == Some(Member::Number) {
                // In quotes like its name's, so that what reads the inner document still can.
                let mut text = self.quote_text.clone();
                text.extend_from_slice(MARKER);
                text.extend_from_slice(&self.quote_text);
                cx.splicer.insert(Reading::Plain, &Bytes::from(text));
            } else {
                cx.splicer
                    .insert(Reading::Plain, &Bytes::from_static(MARKER));
            }
            cx.splicer.record(Reading::Plain, value.rule, value.start);
        }
    }

    fn end_value(&mut self, at: u64, cx: &mut Context<'_>) {
        self.end_value_keeping_name(at, cx);
        self.forget_name();
        self.anchor = None;
    }

    fn end_value_keeping_name(&mut self, at: u64, cx: &mut Context<'_>) {
        let Some(value) = &self.value else { return };
        let spared = if value.may_be_name {
            let name = self.name.as_slice();
            name.is_empty() || LITERALS.contains(&name)
        } else {
            let read = value.literal();
            at <= value.start || LITERALS.contains(&read)
        };
        if !spared {
            self.cut(cx);
        }
        if let Some(value) = self.value.take()
            && value.cut
        {
            cx.splicer.resume(Reading::Plain, at);
        }
    }
}
