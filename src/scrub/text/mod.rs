//! Finds secrets in text by *name, separator, value*, at any depth of spelling, and redacts the values.
//!
//! The bytes are read as [`Symbol`]s into a [`Window`]; whatever finds something looks at symbols and never at a spelling. At
//! each symbol the machine is either in text or in a value:
//!
//! | state | at | what happens | file |
//! | --- | --- | --- | --- |
//! | text | `=` `:` `=>` `,` white space | the name behind it is looked up; ahead, how the value opens says what ends it | `separator`, and a file for each |
//! | text | `://` | user and password of a URL | `authority` |
//! | text | the start of a word | bare tokens, which announce themselves | `token` |
//! | text | `<` `>` | the element whose start tag ends there, and what is in it | `markup` |
//! | text | newline | an item of a list below a key | `yaml` |
//! | serialised | each | keys stay, values go | `serialized` |
//! | container | quotes, atoms | leaves of a bracketed value, one by one | `container` |
//! | value | each | dropped until its end | `value` |
//!
//! ```text
//!  https://a.eu/x?page=2&token=abc&sort=up     {'X-Cron-Secret': 'abc'}     Authorization: Bearer abc
//!                        ^name ^value           ^name            ^value     ^name          ^value
//! ```
//!
//! What is behind the machine is text as it leaves, with markers in place of values. So scrubbing scrubbed text takes the same
//! steps, and changes nothing.

mod arrow;
mod attribute;
mod authority;
mod before;
mod checker;
mod colon;
mod columns;
mod container;
mod cookie;
mod declared;
mod emphasis;
mod equals;
mod flag;
mod glance;
mod known;
mod login;
mod markup;
mod member;
mod pair;
mod part;
mod personal;
mod prose;
mod quote;
mod recall;
mod reread;
mod separator;
mod serialized;
mod skim;
mod spew;
mod symbol;
mod token;
mod value;
mod window;
mod yaml;

use bytes::Bytes;

use super::MARKER;
use super::literals::has_caseless;
use super::name::RuleIndex;
use super::plan::Plan;
use super::splice::{Reading, Splicer};
use super::verdicts::Verdicts;
use checker::Checker;
use container::Containers;
pub(crate) use flag::{is_http_client, takes_user};
pub(crate) use glance::Glance;
pub(crate) use known::canonical;
use markup::Markup;
use quote::{Brackets, Quote, Quotes};
use recall::Recording;
pub(crate) use recall::{Edit, Texts};
use serialized::Serialized;
pub(crate) use skim::Skims;
use skim::begins_path;
pub(crate) use symbol::Layer;
use symbol::Symbol;
use value::Value;
use window::{Cell, More, Window};
use yaml::Leaves;

/// Values that tell no secret and are left alone.
pub(crate) const LITERALS: [&[u8]; 6] = [b"null", b"true", b"false", b"None", b"True", b"False"];

/// How many names are remembered.
const NAMES: usize = 64;

/// Most bytes that a machine keeps from one document to the next.
const AT_REST: usize = 8 << 10;

/// The sign that each ASCII character is, or 0.
static SIGNS: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = Signs::of(byte as u8).0;
        byte += 1;
    }
    table
};

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

/// What a cheap scan has seen in a string: whether the machine has to look at it. What may be encoded, and a dash that begins a flag
/// ([`has_flag`]), tell something by themselves; the others do so only beside a literal of some rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Signs(pub(crate) u8);

impl Signs {
    /// An equals sign or colon, or an escape, percent sign or reference that can hide anything.
    const SEPARATOR: u8 = 1;
    const QUOTE: u8 = 2;
    const COMMA: u8 = 4;
    const DASH: u8 = 8;
    const MARKUP: u8 = 16;
    /// A percent sign or ampersand, or an escape: something may be encoded.
    const ENCODED: u8 = 32;

    /// The sign that a byte of a string is, or none.
    pub(crate) const fn of(byte: u8) -> Signs {
        Signs(match byte {
            b'\'' | b'"' | b'`' => Self::QUOTE,
            b',' => Self::COMMA,
            b'-' => Self::DASH,
            b'<' => Self::MARKUP,
            b'=' | b':' => Self::SEPARATOR,
            b'%' | b'&' => Self::SEPARATOR | Self::ENCODED,
            _ => 0,
        })
    }

    /// Those of the inside of a JSON string that has no escapes and is of ASCII.
    pub(crate) fn of_plain(text: &[u8]) -> Signs {
        Signs(
            text.iter()
                .fold(0, |all, byte| all | SIGNS[usize::from(*byte & 0x7F)]),
        )
    }

    /// Takes note of an escape: of a quote, or one that may hide anything.
    pub(crate) fn see_escaped(&mut self, byte: u8) {
        self.0 |= if byte == b'"' {
            Self::QUOTE
        } else {
            Self::SEPARATOR | Self::ENCODED
        };
    }

    /// Whether there can be percent-encoding, or character references.
    pub(crate) fn may_encode(self) -> bool {
        self.0 & Self::ENCODED != 0
    }

    /// Whether there can be a name with a separator in a text, all of which is at hand.
    pub(crate) fn may_separate(self, text: &[u8]) -> bool {
        let pair = Self::QUOTE | Self::COMMA;
        self.0 & Self::SEPARATOR != 0
            || self.0 & pair == pair
            || self.0 & Self::MARKUP != 0
            || (self.0 & Self::DASH != 0 && has_flag(text))
    }

    /// Whether a text, all of which is at hand, may have the flag of a command.
    pub(crate) fn may_flag(self, text: &[u8]) -> bool {
        self.0 & Self::DASH != 0 && has_flag(text)
    }

    /// Whether a text, all of which is at hand, may have the flag of a command whose argument goes for what the command is.
    pub(crate) fn may_command(self, text: &[u8]) -> bool {
        let clients = flag::HTTP_CLIENTS;
        self.may_flag(text)
            && (has_caseless(text, b"user")
                || has_user_flag(text)
                || clients.iter().any(|client| has_caseless(text, client)))
    }
}

/// Whether a text has the flag `-u` of a command, in any case.
fn has_user_flag(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'u', b'U', text).any(|at| at > 0 && text[at - 1] == b'-')
}

/// Whether a text has a dash that begins a word.
fn has_flag(text: &[u8]) -> bool {
    memchr::memchr_iter(b'-', text).any(|at| {
        let escaped = at > 1 && text[at - 2] == b'\\';
        let before = match at.checked_sub(1) {
            Some(before) if !escaped => text[before],
            Some(_) | None => b' ',
        };
        let behind = text.get(at + 1).copied().unwrap_or(b' ');
        !before.is_ascii_alphanumeric()
            && before != b'-'
            && (matches!(behind, b'-' | b'_' | b'.' | b'$' | 0x80..)
                || behind.is_ascii_alphanumeric())
    })
}

/// The state of one text; see the module's documentation.
#[derive(Debug)]
pub(crate) struct TextMachine {
    /// Where the text starts, until it is read.
    start: Option<u64>,
    /// From where on all of it is at hand, as long as it may have to be read again.
    whole: Option<u64>,
    kind: Kind,
    layer: Layer,
    window: Window,
    quotes: Quotes,
    brackets: Brackets,
    /// A `/` has been seen since the URL's start, and no `?`.
    in_path: bool,
    /// Index, from 1, of the plan's group of hosts that the URL at hand belongs to.
    host: bool,
    /// The value in progress.
    value: Option<Value>,
    /// Containers whose leaves go.
    container: Option<Containers>,
    /// What of XML or HTML is being read.
    markup: Markup,
    /// Lines of YAML whose leaves go.
    leaves: Option<Leaves>,
    /// A value of PHP's `serialize` whose leaves go.
    serialized: Option<Serialized>,
    /// The rule that covers the name of the key/value object at hand, and how many braces are open in it.
    pair: Option<(RuleIndex, u16)>,
    /// Where the name of a pair stands whose value has come before it.
    paired_at: Option<u64>,
    /// What there may be; nothing else is looked for.
    glance: Glance,
    /// What the value in progress leaves as, if not as the marker.
    replaced: Option<Bytes>,
    /// The literal in whose line the token in progress ends, or the rest of the known secret in progress.
    through: Vec<u8>,
    /// How much of that rest has come.
    followed: usize,
    /// That rest is in hex.
    follows_hex: bool,
    /// The character behind it has bits of it.
    follows_shared: bool,
    /// Whether a value of this text has been replaced.
    redacted: bool,
    /// Whether the marker stands in place of one.
    marked: bool,
    /// How far ahead the steps before this one have looked, in symbols.
    looked: usize,
    /// What has been replaced may look different when it is read again.
    odd: bool,
    /// How far it has been read again.
    checker: Checker,
    /// What is done with it.
    recording: Recording,
    /// No colon before this offset has a login behind it.
    no_login: u64,
    /// In a cookie string: a cookie begins here.
    cookie_starts: bool,
    /// The bytes of a symbol that the last chunk ended in.
    partial: Vec<u8>,
    /// How many backslashes were read last, plain and percent-encoded.
    backslashes: [u8; 2],
    /// The name that is looked up, decoded.
    name: Vec<u8>,
    verdicts: Verdicts<NAMES>,
}

/// What the machine works on.
pub(crate) struct Context<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) splicer: &'a mut Splicer,
}

impl TextMachine {
    pub(crate) fn new() -> Self {
        TextMachine {
            start: None,
            whole: None,
            kind: Kind::Plain,
            layer: Layer::Plain,
            window: Window::default(),
            quotes: Quotes::default(),
            brackets: Brackets::default(),
            in_path: false,
            host: false,
            value: None,
            container: None,
            markup: Markup::default(),
            leaves: None,
            serialized: None,
            pair: None,
            paired_at: None,
            glance: Glance::ALL,
            replaced: None,
            through: Vec::new(),
            followed: 0,
            follows_hex: false,
            follows_shared: false,
            redacted: false,
            marked: false,
            looked: 0,
            odd: false,
            checker: Checker::default(),
            recording: Recording::default(),
            no_login: 0,
            cookie_starts: true,
            partial: Vec::new(),
            backslashes: [0; 2],
            name: Vec::new(),
            verdicts: Verdicts::new(),
        }
    }

    /// Makes it ready for a new text that starts at an offset.
    pub(crate) fn start(&mut self, kind: Kind, layer: Layer, at: u64) {
        self.start = Some(at);
        self.restart(kind, layer, at);
    }

    fn restart(&mut self, kind: Kind, layer: Layer, at: u64) {
        self.kind = kind;
        self.layer = layer;
        self.window.start(at);
        self.quotes.clear();
        self.brackets = Brackets::default();
        self.in_path = false;
        self.host = false;
        self.value = None;
        self.container = None;
        self.markup.clear();
        self.leaves = None;
        self.serialized = None;
        self.pair = None;
        self.paired_at = None;
        self.redacted = false;
        self.marked = false;
        self.looked = 0;
        self.odd = false;
        self.no_login = 0;
        self.glance = Glance::ALL;
        self.replaced = None;
        self.cookie_starts = true;
        self.partial.clear();
        self.backslashes = [0; 2];
    }

    /// The text that has been started has nothing in it but what a glance has seen.
    pub(crate) fn expect(&mut self, glance: Glance) {
        self.glance = glance;
    }

    /// Whether a value of this text has been replaced.
    pub(crate) fn has_redacted(&self) -> bool {
        self.redacted
    }

    /// Whether the marker stands in place of a value of this text.
    pub(crate) fn has_marked(&self) -> bool {
        self.marked
    }

    /// Makes it ready for the texts of another document, with no more memory than most texts take.
    pub(crate) fn rest(&mut self) {
        self.start(Kind::Plain, Layer::Plain, 0);
        self.window.give_back();
        if self.held_bytes() > AT_REST {
            *self = TextMachine::new();
        }
    }

    /// Gives back what only saves time.
    pub(crate) fn spare(&mut self) {
        self.verdicts = Verdicts::new();
    }

    /// Bytes that are kept between chunks.
    pub(crate) fn held_bytes(&self) -> usize {
        self.name.capacity()
            + self.verdicts.held_bytes()
            + self.through.capacity()
            + self.partial.capacity()
            + self.quotes.held_bytes()
            + self.markup.held_bytes()
            + self.window.held_bytes()
            + self.checker.held_bytes()
            + self.recording.held_bytes()
    }

    /// Where undecided bytes begin, if any, when the chunk ends at `end`.
    pub(crate) fn undecided(&mut self, end: u64) -> Option<u64> {
        let next = self
            .window
            .next()
            .map(|cell| cell.at)
            .or_else(|| (!self.partial.is_empty()).then(|| end - self.partial.len() as u64));
        // Until something is redacted, the text must be at hand from where it would be read again.
        self.whole = self.whole.filter(|_| !self.checker.redacted);
        self.whole.or(next)
    }

    /// Up to where it has been read, when the bytes at hand end at `end`.
    fn decided(&self, end: u64) -> u64 {
        let partial = end - self.partial.len() as u64;
        self.window.next().map_or(partial, |cell| cell.at)
    }

    /// Reads the next bytes of the text, which start at offset `at`; with `last`, the text ends behind them.
    ///
    /// A text in which something was redacted is read again as it leaves, so that scrubbing it once more changes nothing (the
    /// contract's fifth law), however odd it is.
    pub(crate) fn run(&mut self, bytes: &[u8], at: u64, last: bool, cx: &mut Context<'_>) {
        if let Some(start) = self.start.take() {
            cx.splicer.end_text();
            cx.splicer.begin_text(start);
            self.whole = Some(start);
            self.checker.start(start);
        }
        self.read(bytes, at, last, cx);
        if self.is_checked() {
            let until = self.decided(at + bytes.len() as u64);
            self.check(until, last, cx);
        }
        if last {
            self.whole = None;
            self.checker.end();
            cx.splicer.end_text();
        }
    }

    fn read(&mut self, mut bytes: &[u8], mut at: u64, last: bool, cx: &mut Context<'_>) {
        loop {
            let used = self.fill(bytes, at, last);
            bytes = &bytes[used..];
            at += used as u64;
            self.checker.due |= self.checker.is_due(at);
            let ended = last && bytes.is_empty() && self.partial.is_empty();
            if ended {
                self.window.end();
            }
            loop {
                self.skim(cx);
                if self.checker.due {
                    self.at_border(cx);
                }
                if !self.window.has_next() {
                    break;
                }
                self.looked = self.window.looked();
                if self.step(cx).is_err() {
                    self.window.forget(self.looked);
                    break;
                }
            }
            if bytes.is_empty() && (!last || ended) {
                break;
            }
        }
        if last {
            if let Some(value) = self.value.take() {
                let _ = value;
                cx.splicer.resume(Reading::Plain, at);
                self.recording.note(at, Edit::Resume);
            }
            self.container = None;
        }
    }

    /// Reads symbols into the window while there is room; tells how many bytes it took.
    fn fill(&mut self, bytes: &[u8], at: u64, last: bool) -> usize {
        let mut used = 0;
        while self.window.has_room() {
            if self.partial.is_empty() {
                if self.backslashes == [0; 2] {
                    used += self.window.append_plain(&bytes[used..], at + used as u64);
                    let (rest, here) = (&bytes[used..], at + used as u64);
                    used += self.window.append_simple(rest, here, self.layer);
                    if !self.window.has_room() {
                        break;
                    }
                }
                let rest = &bytes[used..];
                if rest.is_empty() {
                    break;
                }
                match symbol::read(rest, self.layer, last) {
                    Some((symbol, width)) => {
                        let start = at + used as u64;
                        used += width;
                        self.append(symbol, start, at + used as u64);
                    }
                    None => {
                        self.partial.extend_from_slice(rest);
                        return bytes.len();
                    }
                }
                continue;
            }
            // A symbol began in an earlier chunk: it is read from a copy of its bytes.
            let known = self.partial.len();
            let start = at + used as u64 - known as u64;
            let more = (bytes.len() - used).min(16);
            self.partial.extend_from_slice(&bytes[used..used + more]);
            let is_last = last && used + more == bytes.len();
            match symbol::read(&self.partial, self.layer, is_last) {
                Some((symbol, width)) => {
                    self.append(symbol, start, start + width as u64);
                    if width >= known {
                        self.partial.clear();
                        used += width - known;
                    } else {
                        self.partial.truncate(known);
                        self.partial.drain(..width);
                    }
                }
                None => {
                    used += more;
                    if used == bytes.len() {
                        break;
                    }
                }
            }
        }
        used
    }

    fn append(&mut self, symbol: Symbol, start: u64, end: u64) {
        let symbol = self.escaped(symbol);
        self.window.append(Cell { symbol, at: start }, end);
    }

    /// A text has been put out in place of what was dropped: it is read as it would be in what leaves.
    fn passed(&mut self, mut text: &[u8]) {
        let backslashes = std::mem::take(&mut self.backslashes);
        while let Some((symbol, width)) = symbol::read(text, self.layer, true) {
            let symbol = self.escaped(symbol);
            self.window.put_back(symbol);
            text = &text[width..];
        }
        self.backslashes = backslashes;
    }

    /// A symbol with the backslashes before it counted, if it is a quote.
    fn escaped(&mut self, mut symbol: Symbol) -> Symbol {
        let run = &mut self.backslashes[usize::from(symbol.percent > 0)];
        if symbol.ascii() == b'\\' {
            *run = run.saturating_add(1);
            self.backslashes[usize::from(symbol.percent == 0)] = 0;
        } else {
            if Quote::of(symbol).is_some() {
                symbol.coded = symbol.escape > 0 && symbol.percent == 0;
                if !symbol.coded {
                    symbol.escape = *run;
                }
            }
            self.backslashes = [0; 2];
        }
        symbol
    }

    /// Deals with the next symbol. When only the bytes to come can tell what to do, nothing is changed.
    #[inline]
    fn step(&mut self, cx: &mut Context<'_>) -> Result<(), More> {
        if let Some(value) = self.value {
            return self.in_value(value, cx);
        }
        if let Kind::Cookie(rule) = self.kind {
            return self.in_cookies(rule, cx);
        }
        if let Some(cell) = self.window.next()
            && self.at_known(cell.symbol, cx)?
        {
            return Ok(());
        }
        if self.container.is_some() {
            return self.in_container(cx);
        }
        if let Some(serialized) = self.serialized {
            return self.in_serialized(serialized, cx);
        }
        self.in_text(cx)
    }

    /// Lets the next symbol pass as text.
    fn pass(&mut self) {
        let Some(cell) = self.window.next() else {
            return;
        };
        let symbol = cell.symbol;
        match symbol.ascii() {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {}
            b'(' | b')' | b'[' | b']' | b'{' => self.brackets.count(symbol),
            b'}' => {
                self.brackets.count(symbol);
                if self
                    .pair
                    .is_some_and(|(_, depth)| self.brackets.depth() < depth)
                {
                    self.pair = None;
                }
            }
            b'"' | b'\'' | b'`' => {
                if let Some(quote) = Quote::of(symbol) {
                    let after_word = self.window.back_byte(0).is_ascii_alphanumeric()
                        && !self.is_literal_prefix();
                    self.quotes.toggle(quote, after_word);
                    self.see_tag_quote(quote);
                    self.in_path = false;
                    self.host = false;
                }
            }
            // `/;` belongs to a connection string.
            b'/' => {
                self.in_path |= begins_path([self.window.back_byte(0), self.window.back_byte(1)]);
            }
            b';' => self.in_path &= self.window.back_byte(0) != b'/',
            b'?' | b'&' | b'#' => self.in_path = false,
            b' ' | b'\t' | b'\n' | b'\r' | b'<' | b'>' => {
                self.in_path = false;
                self.host = false;
            }
            _ => {}
        }
        self.window.advance();
    }

    /// Whether the letters before are the prefix of a literal (`b'x'`), and no word.
    fn is_literal_prefix(&self) -> bool {
        let letter = |byte: u8| b"bBuUrRfF".contains(&byte);
        let first = self.window.back_byte(0);
        let second = self.window.back_byte(1);
        letter(first)
            && (!second.is_ascii_alphanumeric()
                || (letter(second) && !self.window.back_byte(2).is_ascii_alphanumeric()))
    }

    /// Redacts the value that begins at a distance ahead; what stands before it passes.
    fn redact(&mut self, rule: RuleIndex, distance: usize, value: Value, cx: &mut Context<'_>) {
        self.redact_as(rule, distance, value, &Bytes::from_static(MARKER), cx);
    }

    fn redact_as(
        &mut self,
        rule: RuleIndex,
        distance: usize,
        value: Value,
        text: &Bytes,
        cx: &mut Context<'_>,
    ) {
        self.odd |=
            self.looked > distance || cx.splicer.masks() || self.is_odd(distance, &value, text);
        for _ in 0..distance {
            self.pass();
        }
        let at = self.window.offset(0);
        cx.splicer.cut(Reading::Plain, at);
        cx.splicer.insert(Reading::Plain, text);
        cx.splicer.record(Reading::Plain, rule, at);
        if text == MARKER {
            self.recording.note(at, |at| Edit::Redact(at, rule));
        } else {
            self.recording.give_up();
        }
        self.redacted = true;
        self.marked |= memchr::memmem::find(text, MARKER).is_some();
        self.checker.redacted = true;
        self.checker.grown += text.len();
        self.replaced = (text != MARKER).then(|| text.clone());
        self.value = Some(value);
    }
}
