//! Passing over what nothing begins with and nothing ends at, by one table look-up a character.
//!
//! What a character is depends on what is looked for in the text, so there is a table for each [`Glance`] that matters, made with the
//! plan. Like a glance it can only say that there is nothing.

use super::glance::Glance;
use super::separator::FLAG;
use super::symbol::Symbol;
use super::value::{Until, Value, is_name};
use super::{Context, Kind, TextMachine};
use crate::scrub::token::Tokens;

/// What a character does to the state of a text that is no value, as far as it says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Something, perhaps.
    Stop,
    /// Nothing.
    On,
    /// Nothing, but it counts: a quote or bracket.
    Count,
    /// Nothing, unless a quote stands before it.
    Comma,
    /// It ends a URL's path in some places, and is nothing else, unless a quote or backslash stands before it.
    Semicolon,
    /// As [`Pass::Space`], unless the flag of a command ends there, or begins behind it.
    FlagSpace,
    /// As [`Pass::Newline`], unless that.
    FlagNewline,
    /// Nothing, unless a bare token begins with it and the next, and no letter or digit stands before it.
    Pair,
    /// Nothing, unless a letter or digit stands before it: a bare token may begin with it that begins with no anchor.
    Begin,
    /// As [`Pass::Slash`], unless that.
    BeginSlash,
    /// It ends a URL.
    Space,
    /// It ends a URL; a line begins behind it.
    Newline,
    /// It ends a URL's path.
    Query,
    /// It begins a URL's path, or is in one.
    Slash,
}

/// Letters and digits of ASCII: behind one of them, another is nothing, whatever is looked for.
static WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x80 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// A table for each kind of glance.
#[derive(Debug, Clone)]
pub(crate) struct Skims([[Pass; 256]; Glance::KINDS]);

impl Skims {
    pub(crate) fn new(tokens: &Tokens) -> Skims {
        Skims(std::array::from_fn(|which| {
            let [names, flags, anchored, unanchored] = Glance::of_kind(which);
            std::array::from_fn(|byte| {
                let byte = byte as u8;
                let pass = match byte {
                    b'\'' | b'"' | b'`' => Pass::Count,
                    0 | 0x0B | 0x0C | 0x1B => Pass::Stop,
                    // Not ASCII.
                    0x80 => Pass::On,
                    0x81.. => Pass::Stop,
                    _ if !names => Pass::On,
                    b'=' | b':' | b'|' | b'<' | b'>' => Pass::Stop,
                    b',' => Pass::Comma,
                    b';' => Pass::Semicolon,
                    b'(' | b')' | b'[' | b']' | b'{' | b'}' => Pass::Count,
                    b' ' | b'\t' if flags => Pass::FlagSpace,
                    b'\n' if flags => Pass::FlagNewline,
                    b' ' | b'\t' => Pass::Space,
                    b'\n' | b'\r' => Pass::Newline,
                    b'?' | b'&' | b'#' => Pass::Query,
                    b'/' => Pass::Slash,
                    _ => Pass::On,
                };
                let begins = unanchored && tokens.unanchored().has(byte);
                let anchors = anchored && tokens.may_begin(byte);
                match (pass, begins, anchors) {
                    (Pass::On, true, _) => Pass::Begin,
                    (Pass::On, false, true) => Pass::Pair,
                    (Pass::Slash, true, false) => Pass::BeginSlash,
                    (pass, false, false) => pass,
                    (_, _, _) => Pass::Stop,
                }
            })
        }))
    }

    fn table(&self, glance: Glance) -> &[Pass; 256] {
        &self.0[glance.kind()]
    }
}

/// In which values a character can be passed over without a look at where they end, as a set: there it ends nothing and counts for
/// nothing.
static IN_VALUES: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = in_values(byte as u8);
        byte += 1;
    }
    table
};

const IN_ANY: u16 = 1;
const IN_WORD: u16 = 2;
const IN_QUOTES: u16 = 4;
const IN_LINE: u16 = 8;
const IN_HEADER: u16 = 16;
const IN_ASSIGNED: u16 = 32;
const IN_PARAM: u16 = 64;
const IN_ARGUMENT: u16 = 128;
const IN_MARKUP: u16 = 256;
const IN_LINES: u16 = 512;

const fn in_values(byte: u8) -> u16 {
    let line = IN_LINE | IN_MARKUP | IN_LINES;
    match byte {
        b'"' | b'\'' | b'`' | b'\\' => 0,
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => u16::MAX,
        b'_' | b'-' | b'.' | b'+' | b'*' | b'~' | b'^' | b'!' => u16::MAX ^ IN_ANY,
        // Brackets count, and the next two end a query's values.
        b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'&' | b'#' => IN_QUOTES,
        b' ' | b'\t' => IN_QUOTES | line,
        b',' => IN_QUOTES | line | IN_PARAM | IN_ARGUMENT,
        b';' => IN_QUOTES | line | IN_HEADER | IN_ARGUMENT,
        b'<' => IN_QUOTES | IN_LINE | IN_LINES | IN_HEADER | IN_ASSIGNED | IN_ARGUMENT,
        b'\n' | b'\r' => IN_QUOTES | IN_LINES,
        b'>' | b'/' | b'?' => IN_QUOTES | line | IN_HEADER | IN_ASSIGNED | IN_ARGUMENT,
        b'$' | b'%' | b':' | b'=' | b'@' | b'|' => {
            IN_QUOTES | line | IN_HEADER | IN_ASSIGNED | IN_ARGUMENT | IN_PARAM
        }
        _ => IN_QUOTES,
    }
}

/// The set for a value.
const fn of_values(until: Until) -> u16 {
    match until {
        Until::Quote { .. } => IN_QUOTES,
        Until::Line | Until::Block { .. } => IN_LINE,
        Until::HeaderWord { .. } => IN_HEADER,
        Until::Word => IN_ASSIGNED,
        Until::Param { .. } => IN_PARAM,
        Until::Argument => IN_ARGUMENT,
        Until::Markup => IN_MARKUP,
        Until::Atom | Until::List => IN_WORD,
        Until::CData
        | Until::Number
        | Until::User(_)
        | Until::Part
        | Until::Columns
        | Until::Cookie => IN_ANY,
        Until::Through => IN_LINES,
        Until::Alphabet(_) | Until::Following | Until::Count(_) => 0,
    }
}

/// Whether a slash behind these characters, the last of which comes first, belongs to a path: those of `://` do not.
pub(super) fn begins_path(before: [u8; 2]) -> bool {
    !matches!(before, [b':', _] | [b'/', b':'])
}

impl TextMachine {
    /// Passes over what nothing begins with and nothing ends at.
    #[inline]
    pub(super) fn skim(&mut self, cx: &Context<'_>) {
        if let Some(value) = &mut self.value {
            let ahead = self.window.ahead();
            let count = skim_value(value, ahead, self.through.first());
            self.window.skip_by(count);
            return;
        }
        if self.container.is_some()
            || self.serialized.is_some()
            || (self.glance.known() && !cx.plan.known.is_empty())
            || matches!(self.kind, Kind::Cookie(_))
        {
            return;
        }
        if self.glance.personal() && !cx.plan.personal.is_empty() {
            // Something may begin where a word does.
            if self.window.back_byte(0).is_ascii_alphanumeric() {
                let word = self.window.ahead().iter();
                let word = word.take_while(|byte| byte.is_ascii_alphanumeric());
                self.window.advance_by(word.count());
            }
            return;
        }
        self.skim_text(cx);
    }

    #[inline]
    fn skim_text(&mut self, cx: &Context<'_>) {
        let table = cx.plan.skims.table(self.glance);
        while self.skim_run(table, cx) {
            self.pass();
        }
    }

    /// Passes over what is nothing; tells whether it came to something that only counts.
    #[inline]
    fn skim_run(&mut self, table: &[Pass; 256], cx: &Context<'_>) -> bool {
        let tokens = &cx.plan.tokens;
        let ahead = self.window.ahead();
        let mut counts = false;
        let mut last = self.window.back_byte(0);
        let mut count = 0;
        while let Some(byte) = ahead.get(count) {
            match table[usize::from(*byte)] {
                Pass::On => {}
                Pass::Stop => break,
                Pass::Begin | Pass::Pair if last.is_ascii_alphanumeric() => {}
                Pass::Begin if self.is_short_word(ahead, count, tokens) => {}
                Pass::Pair if self.begins_no_anchor(ahead, count, tokens) => {}
                Pass::Begin | Pass::Pair => break,
                Pass::BeginSlash
                    if !last.is_ascii_alphanumeric()
                        && !self.is_short_word(ahead, count, tokens) =>
                {
                    break;
                }
                Pass::Count => {
                    counts = true;
                    break;
                }
                Pass::Comma if matches!(last, b'"' | b'\'' | b'`') => break,
                Pass::Comma => {}
                Pass::Semicolon if matches!(last, b'"' | b'\\') => break,
                Pass::Semicolon => self.in_path &= last != b'/',
                Pass::FlagNewline if self.leaves.is_some() => break,
                Pass::FlagSpace | Pass::FlagNewline => {
                    if !self.parts_no_flag(ahead, count) {
                        break;
                    }
                    self.in_path = false;
                    self.host = false;
                }
                Pass::Newline if self.leaves.is_some() => break,
                Pass::Newline | Pass::Space => {
                    self.in_path = false;
                    self.host = false;
                }
                Pass::Query => self.in_path = false,
                Pass::Slash | Pass::BeginSlash => {
                    let before = match count {
                        0 => self.window.back_byte(1),
                        1 => self.window.back_byte(0),
                        _ => ahead[count - 2],
                    };
                    self.in_path |= begins_path([last, before]);
                }
            }
            last = *byte;
            count += 1;
            // The rest of a word is nothing.
            if WORD[usize::from(last)] {
                let rest = ahead[count..].iter();
                let rest = rest.take_while(|byte| WORD[usize::from(**byte)]).count();
                if rest > 0 {
                    count += rest;
                    last = ahead[count - 1];
                }
            }
        }
        self.window.advance_by(count);
        counts
    }

    /// Whether no anchor of a token begins with the next two characters.
    #[inline]
    fn begins_no_anchor(&self, ahead: &[u8], at: usize, tokens: &Tokens) -> bool {
        let Some([first, second]) = ahead.get(at..at + 2) else {
            return false;
        };
        let none = !tokens.may_begin_with(*first, *second);
        if none {
            self.window.note(at + 1);
        }
        none
    }

    /// Whether the word that begins ahead is seen to be too short for any token that begins with no anchor, and begins none that does.
    #[inline]
    fn is_short_word(&self, ahead: &[u8], at: usize, tokens: &Tokens) -> bool {
        let least = tokens.shortest_word();
        let Some(word) = ahead.get(at..at + least).filter(|_| !self.window.is_wide()) else {
            return false;
        };
        if least > 1 && tokens.may_begin_with(word[0], word[1]) {
            return false;
        }
        let length = word
            .iter()
            .take_while(|byte| tokens.unanchored().has(**byte))
            .count();
        // Padding may go on behind an equals sign.
        let is_short = word.get(length).is_some_and(|behind| *behind != b'=');
        if is_short {
            self.window.note(at + length);
        }
        is_short
    }

    /// Whether no flag of a command ends before the white space ahead, and none begins behind it.
    #[inline]
    fn parts_no_flag(&self, ahead: &[u8], at: usize) -> bool {
        if matches!(ahead.get(at + 1), Some(b'-') | None) {
            return false;
        }
        let before = |distance: usize| match at.checked_sub(distance + 1) {
            Some(index) => ahead[index],
            None => self.window.back_byte(distance - at),
        };
        let mut length = 0;
        while length <= FLAG {
            match before(length) {
                0x80 => return false,
                byte if is_name(Symbol::plain(u32::from(byte))) => length += 1,
                _ => break,
            }
        }
        let parts = length < 2 || before(length - 1) != b'-';
        if parts {
            self.window.note(at + 1);
        }
        parts
    }
}

/// How many characters of a value can be dropped at once; `through` begins the literal that is looked for in one.
#[inline]
fn skim_value(value: &mut Value, ahead: &[u8], through: Option<&u8>) -> usize {
    if value.lead > 0 {
        return 0;
    }
    if let Until::Count(left) = &mut value.until {
        let count = ahead.len().min(*left);
        *left -= count;
        return count;
    }
    let set = of_values(value.until);
    let count = ahead
        .iter()
        .take_while(|byte| IN_VALUES[usize::from(**byte)] & set != 0)
        .take_while(|byte| set != IN_LINES || Some(*byte) != through)
        .count();
    if let Some(last) = count.checked_sub(1) {
        value.last = ahead[last];
    }
    count
}
