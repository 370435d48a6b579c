//! What a value opens with, and where it ends: that is decided by how it began, before its first character, so that redacting it
//! takes no memory however long it is.

use super::LITERALS;
use super::authority::User;
use super::container::SECRET_KEY;
use super::quote::{Brackets, Open, Quote, bracket};
use super::symbol::{ESCAPE, RAW_BYTE, Symbol};
use super::window::More;
use super::{Edit, Glance, Kind, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::token::Alphabet;

/// Longest name that is looked for behind a `;` or `&` in a value, in characters.
const NAME_BEHIND: usize = 64;
/// Most backslashes before a quote that are looked at.
const BACKSLASHES: usize = 64;

/// What ends a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// A URL's or form's parameter: `&`, `#`, white space, `<`, `>`, `;name=`; in a query only the first two and the last.
    /// `matrix`: it stands in a path segment, which ends it too.
    Param { matrix: bool },
    /// A word behind `=`: white space, `,`, `}`, `]`, `;name=`, `&name=`.
    Word,
    /// A header's value behind `=`: a newline, `,`, `}`, `]`, or white space with `name=` or `name:` behind it.
    HeaderWord { cookie: bool },
    /// A newline.
    Line,
    /// The quote that closes this one, three times if it opened so. What stands behind it may belong to the value.
    Quote {
        open: Open,
        triple: bool,
        tail: Tail,
    },
    /// An element of a container: `,`, a closing bracket, a newline, or white space with a name behind it.
    Atom,
    /// The bracket that closes a list of Go.
    List,
    /// `<`.
    Markup,
    /// `]]>`.
    CData,
    /// What can't be in a number.
    Number,
    /// A character that is not in the set.
    Alphabet(Alphabet),
    /// The end of the line that has the literal of a token's rule, or the string's around it.
    Through,
    /// A line that is indented by less.
    Block { indent: usize },
    /// The user and password of a URL, too long to be seen at once: the `@` before the host.
    User(User),
    /// A part of a multipart form: the newline before its boundary.
    Part,
    /// The values of a row: the closing bracket that ends a word.
    Columns,
    /// An argument of a command: white space.
    Argument,
    /// A cookie: `;`, as it stands in the header.
    Cookie,
    /// What does not go on with a known secret.
    Following,
    /// So many characters.
    Count(usize),
}

/// What a quoted value may be continued by, behind its closing quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    None,
    /// The rest of a parameter.
    Param { matrix: bool },
    /// The rest of a word, as shells join them; two quotes are one of the inside.
    Word,
    /// The rest of a word, where it is not certain which quotes belong together.
    Unsure,
    /// The rest of a header line.
    Line,
    /// Nothing, and only what PHP's `serialize` writes behind a string: any other quote is one of the inside.
    Serialized,
}

/// A value that is being redacted, or asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) until: Until,
    /// Depth of percent-encoding of its separator: only what stands as deep or less deep delimits it.
    pub(super) percent: u8,
    /// Its separator is written as an HTML character reference.
    pub(super) entity: bool,
    /// Brackets opened inside it.
    pub(super) brackets: Brackets,
    /// The last character that was dropped.
    pub(super) last: u8,
    /// It has no marker of its own: it continues what has one.
    pub(super) silent: bool,
    /// So many characters belong to it whatever they are.
    pub(super) lead: usize,
    /// The quote that closes it goes, too.
    pub(super) whole: bool,
}

impl Value {
    pub(super) fn new(until: Until, separator: Symbol) -> Self {
        Value {
            until,
            percent: separator.percent,
            entity: separator.entity,
            brackets: Brackets::default(),
            last: 0,
            silent: false,
            lead: 0,
            whole: false,
        }
    }
}

/// What stands at a value's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// A quote, the first symbol of which (a backslash of its own) stands `at` a distance; the value begins `inside`.
    Quote {
        open: Open,
        triple: bool,
        at: usize,
        inside: usize,
    },
    /// An opening bracket.
    Bracket(u8),
    /// The marker.
    Marker,
    /// Anything else.
    Plain,
}

/// What an ASCII character is, as bits.
static CLASS: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        let code = byte as u8;
        if matches!(code, b' ' | b'\t' | b'\n' | 0x0B | 0x0C | b'\r' | ESCAPE) {
            table[byte] |= SPACE;
        }
        if matches!(code, b'\n' | b'\r') {
            table[byte] |= NEWLINE;
        }
        if code.is_ascii_alphanumeric() || matches!(code, b'_' | b'-' | b'.' | b'$') {
            table[byte] |= NAME;
        }
        byte += 1;
    }
    table
};
const SPACE: u8 = 1;
const NEWLINE: u8 = 2;
const NAME: u8 = 4;

/// Whether white space of any kind, or a terminal's colour, which takes no space.
#[inline]
pub(super) fn is_space(symbol: Symbol) -> bool {
    match CLASS.get(symbol.code as usize) {
        Some(class) => class & SPACE != 0,
        None => matches!(symbol.code, 0xA0 | 0x2003 | 0x3000) || is_newline(symbol),
    }
}

#[inline]
pub(super) fn is_newline(symbol: Symbol) -> bool {
    match CLASS.get(symbol.code as usize) {
        Some(class) => class & NEWLINE != 0,
        None => matches!(symbol.code, 0x85 | 0x2028 | 0x2029),
    }
}

/// Whether a character can stand in a name that is not in quotes.
#[inline]
pub(super) fn is_name(symbol: Symbol) -> bool {
    match CLASS.get(symbol.code as usize) {
        Some(class) => class & NAME != 0,
        None => is_letter(symbol.code),
    }
}

/// Whether a character beyond ASCII can stand in a word: quotation marks, arrows and pictures can't.
fn is_letter(code: u32) -> bool {
    code & RAW_BYTE != 0 || char::from_u32(code).is_some_and(char::is_alphanumeric)
}

impl TextMachine {
    /// What a value at a distance ahead opens with. Prefixes of literals (`b'x'`) are passed over.
    pub(super) fn opening(&self, at: usize) -> Result<Opening, More> {
        let mut start = at;
        let prefix = self.window.byte(start)?;
        if b"bBuUrRfF".contains(&prefix) {
            let second = self.window.byte(start + 1)?;
            if matches!(second, b'"' | b'\'' | b'\\') {
                start += 1;
            } else if b"bBrRfF".contains(&second)
                && matches!(self.window.byte(start + 2)?, b'"' | b'\'' | b'\\')
            {
                start += 2;
            }
        }
        let mut quote_at = start;
        while self.window.byte(quote_at)? == b'\\' && quote_at - start < BACKSLASHES {
            quote_at += 1;
        }
        let own = |quote: &Quote| quote.backslashes() == quote_at - start;
        if let Some(quote) = self.window.peek(quote_at)?.and_then(Quote::of).filter(own) {
            let same = |symbol: Option<Symbol>| symbol.and_then(Quote::of) == Some(quote);
            let plain = quote.escape == 0;
            let triple = plain
                && same(self.window.peek(quote_at + 1)?)
                && same(self.window.peek(quote_at + 2)?);
            let inside = quote_at + if triple { 3 } else { 1 };
            // A letter before a quote that ends the text around it is the value: `'Cookie: b'`.
            let prefixed = start > at && self.closes_outer(start)? && !self.really_opens(inside)?;
            if !prefixed {
                return Ok(Opening::Quote {
                    open: self.quotes.opened_by(quote),
                    triple,
                    at: start,
                    inside,
                });
            }
        }
        if self.window.starts_with(at, MARKER, false)? {
            return Ok(Opening::Marker);
        }
        Ok(match self.window.byte(at)? {
            byte @ (b'[' | b'{' | b'(') => Opening::Bracket(byte),
            _ => Opening::Plain,
        })
    }

    /// Whether a string that `open` began ends at a distance ahead: with the first of the closing quote's own backslashes, if it
    /// has any. Gives the number of symbols of the closing quote.
    pub(super) fn closes(
        &self,
        at: usize,
        closes: impl Fn(Quote) -> Option<usize>,
    ) -> Result<Option<usize>, More> {
        let mut before = 0;
        let found = loop {
            match self.window.peek(at + before)? {
                Some(symbol) if symbol.ascii() == b'\\' && before < BACKSLASHES => before += 1,
                Some(symbol) => break Quote::of(symbol),
                None => break None,
            }
        };
        let Some(quote) = found else { return Ok(None) };
        let ends = closes(quote).is_some_and(|inside| before + inside == quote.backslashes());
        Ok(ends.then_some(before + 1))
    }

    /// Whether a string around the text at hand ends at a distance ahead.
    pub(super) fn closes_outer(&self, at: usize) -> Result<bool, More> {
        if self.quotes.is_empty() {
            return Ok(false);
        }
        let found = self.closes(at, |quote| self.quotes.closed_by(quote))?;
        Ok(found.is_some())
    }

    /// Whether a value ends at a distance ahead.
    pub(super) fn ends_at(&self, value: &Value, at: usize) -> Result<bool, More> {
        let Some(symbol) = self.window.peek(at)? else {
            return Ok(!self.window.goes_on(at));
        };
        let byte = symbol.ascii();
        match value.until {
            Until::Quote { open, triple, .. } => {
                if !matches!(byte, b'"' | b'\'' | b'`' | b'\\') {
                    return Ok(false);
                }
                if let Some(width) = self.closes(at, |found| open.closed_by(found))? {
                    if !triple && self.is_doubled(&value.until, at + width)? {
                        return Ok(false);
                    }
                    let again =
                        |symbol: Option<Symbol>| symbol.and_then(Quote::of) == Some(open.quote);
                    return Ok(!triple
                        || (again(self.window.peek(at + width)?)
                            && again(self.window.peek(at + width + 1)?)));
                }
                // The text around it ends, and the value with it.
                let outer = self.closes(at, |found| {
                    (found.escape < open.quote.escape)
                        .then(|| self.quotes.closed_by(found))
                        .flatten()
                })?;
                return Ok(outer.is_some());
            }
            Until::Count(left) => return Ok(left == 0),
            Until::Alphabet(set) => return Ok(!set.has(byte)),
            Until::Number => {
                return Ok(
                    !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_'))
                );
            }
            Until::Through => return self.closes_outer(at),
            Until::Following => return Ok(!self.follows(symbol)),
            Until::User(user) => return self.user_ends(user, value.percent, at),
            Until::Param { .. }
            | Until::Word
            | Until::HeaderWord { .. }
            | Until::Line
            | Until::Atom
            | Until::List
            | Until::Markup
            | Until::CData
            | Until::Block { .. }
            | Until::Part
            | Until::Columns
            | Until::Argument => {}
            Until::Cookie => {
                let plain = symbol.percent == 0 && symbol.escape == 0 && !symbol.entity;
                return Ok(plain && byte == b';');
            }
        }
        if symbol.percent > value.percent {
            return Ok(false);
        }
        let parameter = matches!(value.until, Until::Param { .. });
        if self.kind == Kind::Query && matches!(byte, b'&' | b'#') && !symbol.entity {
            return Ok(true);
        }
        if !(parameter && self.kind == Kind::Query) && self.closes_outer(at)? {
            return Ok(true);
        }
        let newline = is_newline(symbol) && self.breaks(symbol);
        let space = is_space(symbol) && self.breaks(symbol);
        let outer_bracket = || {
            bracket(symbol).is_some_and(|(_, opens)| !opens)
                && !value.brackets.is_open(symbol)
                && self.brackets.is_open(symbol)
        };
        Ok(match value.until {
            Until::Param { matrix } => match byte {
                b'&' | b'#' => true,
                b';' => self.name_behind(at + 1, value.percent, b"=")?,
                _ if self.kind != Kind::Plain => false,
                b'<' | b'>' => true,
                b'/' | b'?' => matrix,
                _ => space || outer_bracket(),
            },
            Until::Word => match byte {
                b',' => true,
                b'}' | b']' => !value.brackets.is_open(symbol),
                b';' | b'&' => self.name_behind(at + 1, value.percent, b"=")?,
                _ => space || outer_bracket(),
            },
            Until::HeaderWord { cookie } => match byte {
                b',' => true,
                b'}' | b']' => !value.brackets.is_open(symbol),
                b'&' if !cookie => self.name_behind(at + 1, value.percent, b"=")?,
                _ if newline => true,
                _ if space => {
                    value.last != b';' && self.name_behind(at + 1, value.percent, b"=:")?
                }
                _ => outer_bracket(),
            },
            Until::Atom => match byte {
                b',' | b';' => true,
                b'}' | b']' | b')' => !value.brackets.is_open(symbol),
                _ if newline => true,
                // Brackets are the container's here, and no part of a name.
                _ => space && self.plain_name_behind(at + 1, value.percent)?,
            },
            Until::Line => newline,
            Until::List => byte == b']' && !value.brackets.is_open(symbol),
            Until::Markup => byte == b'<' && symbol.entity == value.entity,
            Until::CData => self.window.starts_with(at, b"]]>", false)?,
            Until::Block { indent } => newline && self.dedents(at, indent)?,
            Until::Part => self.part_ends(at)?,
            Until::Columns => {
                byte == b')'
                    && !value.brackets.is_open(symbol)
                    && !self.window.peek(at + 1)?.is_some_and(is_name)
            }
            Until::Argument => space || outer_bracket(),
            Until::Quote { .. }
            | Until::Number
            | Until::Alphabet(_)
            | Until::Through
            | Until::Following
            | Until::User(_)
            | Until::Cookie
            | Until::Count(_) => false,
        })
    }

    /// Whether white space delimits: as it is, or written as an escape inside of a quoted string.
    pub(super) fn breaks(&self, symbol: Symbol) -> bool {
        symbol.escape == 0 || self.quotes.escapes(symbol.escape)
    }

    /// Whether a name and one of these separators stand at a distance ahead.
    pub(super) fn name_behind(
        &self,
        at: usize,
        percent: u8,
        separators: &[u8],
    ) -> Result<bool, More> {
        self.names_member(at, percent, separators, true)
    }

    /// Whether a name without brackets, and a separator, stand at a distance ahead.
    fn plain_name_behind(&self, at: usize, percent: u8) -> Result<bool, More> {
        self.names_member(at, percent, b"=:", false)
    }

    fn names_member(
        &self,
        at: usize,
        percent: u8,
        separators: &[u8],
        brackets: bool,
    ) -> Result<bool, More> {
        let mut next = at;
        if self.kind == Kind::Plain {
            while self.window.byte(next)? == b' ' && next < at + 8 {
                next += 1;
            }
        }
        let start = next;
        if self.window.starts_with(start, MARKER, false)? {
            return Ok(false);
        }
        let mut open = 0_usize;
        let mut letters = false;
        let mut digits = false;
        loop {
            let Some(symbol) = self.window.peek(next)? else {
                return Ok(false);
            };
            let byte = symbol.ascii();
            letters |= byte.is_ascii_alphabetic();
            digits |= byte.is_ascii_digit();
            if next > start && symbol.percent <= percent && separators.contains(&byte) {
                // Neither a path (`a::b`) nor a URL.
                let goes_on = byte == b':'
                    && (self.window.byte(next + 1)? == b':'
                        || self.window.starts_with(next + 1, b"//", false)?);
                // What may be a secret by itself is no name.
                let secret = letters && digits && next - start >= SECRET_KEY;
                return Ok(!goes_on && !secret && self.begins_value(next + 1)?);
            }
            match byte {
                b'[' if !brackets
                    || next == start
                    || self.window.starts_with(next, MARKER, false)? =>
                {
                    return Ok(false);
                }
                b'[' => open += 1,
                // It closes what is around the name.
                b']' if open == 0 => return Ok(false),
                b']' => open -= 1,
                b'~' => {}
                _ if is_name(symbol) => {}
                _ => return Ok(false),
            }
            if next - start > NAME_BEHIND {
                return Ok(false);
            }
            next += 1;
        }
    }

    /// Whether a value stood at a distance ahead, which may have had in it what ends a word.
    pub(super) fn is_marked(&self, at: usize) -> Result<bool, More> {
        if self.window.byte(at)? != MARKER[0] || !self.window.starts_with(at, MARKER, false)? {
            return Ok(false);
        }
        let before = match at.checked_sub(1) {
            Some(before) => self.window.byte(before)?,
            None => self.window.back_byte(0),
        };
        Ok(matches!(before, b'=' | b':' | b'/' | b'"' | b'\'' | b'`'))
    }

    /// Whether a value can begin behind a separator: base64 ends in equals signs, too.
    pub(super) fn begins_value(&self, at: usize) -> Result<bool, More> {
        let Some(symbol) = self.window.peek(at)? else {
            return Ok(false);
        };
        Ok(!is_newline(symbol)
            && !matches!(
                symbol.ascii(),
                b'=' | b',' | b';' | b'&' | b'}' | b']' | b')'
            ))
    }

    /// Whether the line behind a newline is indented by less than a block.
    fn dedents(&self, at: usize, indent: usize) -> Result<bool, More> {
        let mut next = at + 1;
        let mut spaces = 0;
        loop {
            let Some(symbol) = self.window.peek(next)? else {
                return Ok(false);
            };
            if is_newline(symbol) {
                spaces = 0;
            } else if symbol.ascii() == b' ' {
                spaces += 1;
            } else {
                return Ok(spaces < indent);
            }
            next += 1;
        }
    }

    /// Whether a value at a distance ahead tells nothing: it is empty, or a literal.
    pub(super) fn is_spared(&self, value: &Value, at: usize) -> Result<bool, More> {
        if self.ends_at(value, at)? {
            return Ok(true);
        }
        if !matches!(
            self.window.byte(at)?,
            b'n' | b't' | b'f' | b'N' | b'T' | b'F'
        ) {
            return Ok(false);
        }
        for literal in LITERALS {
            if self.window.starts_with(at, literal, false)?
                && self.ends_at(value, at + literal.len())?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The end of the value being redacted, or one more of its characters.
    pub(super) fn in_value(
        &mut self,
        mut value: Value,
        cx: &mut super::Context<'_>,
    ) -> Result<(), More> {
        if value.lead == 0 && self.ends_at(&value, 0)? {
            return self.end_value(value, cx);
        }
        let Some(cell) = self.window.next() else {
            return Ok(());
        };
        let led = value.lead > 0;
        if led {
            value.lead -= 1;
        } else if value.until == Until::Following && !self.is_extra_backslash(cell.symbol) {
            self.followed += cell.symbol.utf8_len();
        }
        if value.until == Until::Through
            && let Some(left) = self.through_end()?
        {
            value.until = Until::Count(left);
        }
        if let Until::Count(left) = &mut value.until {
            *left -= 1;
        }
        if let Until::User(user) = &mut value.until
            && cell.symbol.percent <= value.percent
        {
            user.colon |= cell.symbol.ascii() == b':';
            user.beyond |= is_authority_end(cell.symbol);
        }
        if let Until::Quote { open, tail, .. } = value.until
            && !led
            && let Some(width) = self.closes(0, |found| open.closed_by(found))?
        {
            // Two quotes are one of the inside: both go, so that the second does not end it.
            value.lead = match tail {
                Tail::Serialized => width - 1,
                Tail::None | Tail::Param { .. } | Tail::Word | Tail::Unsure | Tail::Line => {
                    2 * width - 1
                }
            };
        }
        value.brackets.count(cell.symbol);
        value.last = cell.symbol.ascii();
        self.window.skip();
        self.value = Some(value);
        Ok(())
    }

    fn end_value(&mut self, value: Value, cx: &mut super::Context<'_>) -> Result<(), More> {
        // Everything that is needed is asked before anything changes.
        let mut closing = 0;
        let mut rest = None;
        if let Until::Quote { open, triple, tail } = value.until
            && let Some(width) = self.closes(0, |found| open.closed_by(found))?
        {
            closing = if triple { width + 2 } else { width };
            rest = self.tail(&value, tail, closing)?;
        }
        let bare = self.backslashes_ahead()?;
        if closing == 0
            && matches!(self.window.byte(0)?, b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
        {
            // Behind a marker it may begin a flag or a word, where it could not behind what stood there when the text was
            // glanced at.
            self.glance = Glance::ALL;
        }
        if matches!(value.until, Until::User(_)) {
            self.host = self.is_known_host(1, cx)?;
        }
        if value.whole {
            for _ in 0..closing {
                self.window.skip();
            }
            closing = 0;
            if let Some(rest) = rest {
                // It has one marker with what goes on.
                self.value = Some(Value {
                    silent: value.silent,
                    whole: false,
                    ..rest
                });
                return Ok(());
            }
        }
        let at = self.window.offset(0);
        cx.splicer.resume(super::Reading::Plain, at);
        self.recording.note(at, Edit::Resume);
        // Backslashes that belonged to the value stand before no quote any more.
        self.window.set_escape(bare);
        self.value = None;
        match self.replaced.take() {
            Some(text) => self.passed(&text),
            None if value.silent => {}
            None => self.window.passed(MARKER),
        }
        for _ in 0..closing {
            self.pass();
        }
        if let Some(rest) = rest {
            self.odd = true;
            let at = self.window.offset(0);
            cx.splicer.cut(super::Reading::Plain, at);
            self.recording.note(at, Edit::Cut);
            self.value = Some(rest);
        }
        Ok(())
    }

    /// How many backslashes stand next.
    fn backslashes_ahead(&self) -> Result<usize, More> {
        let mut count = 0;
        while count < BACKSLASHES && self.window.byte(count)? == b'\\' {
            count += 1;
        }
        Ok(count)
    }

    /// Whether a quote behind one that would end a value makes it a quote of the inside, as SQL, YAML and shells of Windows
    /// write it: only where what joins a value belongs to it.
    pub(super) fn is_doubled(&self, until: &Until, behind: usize) -> Result<bool, More> {
        let Until::Quote { open, tail, .. } = until else {
            return Ok(false);
        };
        if *tail == Tail::Serialized {
            return Ok(!self.goes_on_serialized(behind)?);
        }
        let joins = *tail == Tail::Word;
        Ok(joins
            && self
                .closes(behind, |found| open.closed_by(found))?
                .is_some_and(|width| width == open.quote.backslashes() + 1))
    }

    /// Whether a line goes on behind a quoted value, so that the quotes were the value's: with white space, and what separates
    /// nothing.
    fn line_goes_on(&self, at: usize) -> Result<bool, More> {
        let (gap, newline) = self.gap(at)?;
        let Some(next) = self.window.peek(at + gap)? else {
            return Ok(false);
        };
        Ok(gap > 0
            && !newline
            && !self.closes_outer(at + gap)?
            && !matches!(
                next.ascii(),
                b',' | b';'
                    | b'}'
                    | b')'
                    | b']'
                    | b'>'
                    | b'<'
                    | b'#'
                    | b'/'
                    | b'|'
                    | b'&'
                    | b'-'
                    | b'\\'
            ))
    }

    /// What of a value goes on behind its closing quote.
    fn tail(&self, value: &Value, tail: Tail, at: usize) -> Result<Option<Value>, More> {
        let byte = self.window.byte(at)?;
        let word = byte.is_ascii_alphanumeric() || byte == 0x80;
        let (until, goes_on) = match tail {
            Tail::None | Tail::Serialized => return Ok(None),
            Tail::Param { matrix } => (Until::Param { matrix }, true),
            Tail::Word | Tail::Unsure => (
                Until::Word,
                word || matches!(byte, b'"' | b'\'' | b'$' | b'\\'),
            ),
            Tail::Line => (
                Until::Line,
                word || matches!(byte, b';' | b'=') || self.line_goes_on(at)?,
            ),
        };
        let rest = Value {
            until,
            brackets: Brackets::default(),
            last: 0,
            silent: true,
            ..*value
        };
        // What was replaced with its quotes can't be told from what stands behind it.
        let goes_on = goes_on || value.whole;
        Ok((goes_on && !self.ends_at(&rest, at)?).then_some(rest))
    }
}

/// Whether a character ends the authority of a URL (RFC 3986, section 3.2), or the URL.
pub(super) fn is_authority_end(symbol: Symbol) -> bool {
    is_space(symbol)
        || matches!(
            symbol.ascii(),
            b'/' | b'?' | b'#' | b'\\' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'{' | b'}' | b'|'
        )
}
