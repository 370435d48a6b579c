//! Finds bare tokens where they begin: at a character with no letter or digit before it.

use super::prose::Letters;
use super::symbol::RAW_BYTE;
use super::value::{Until, Value, is_name, is_newline, is_space};
use super::window::More;
use super::{Context, Symbol, TextMachine};
use crate::scrub::MARKER;
use crate::scrub::literals::Signals;
use crate::scrub::token::{LONGEST, Token, TokenPart};

/// How far before a token a word of its context may stand, in characters.
const CONTEXT: usize = 40;
/// Longest padding of base64 (RFC 4648, section 4).
const PADDING: usize = 2;
/// Most white space within an anchor where it has one space.
const BLANKS: usize = 16;
/// Longest rest of the line that ends a token, in characters.
const LAST_LINE: usize = 200;

impl TextMachine {
    /// Redacts the bare token that begins here. Tells whether there is one.
    #[inline]
    pub(super) fn at_token(&mut self, symbol: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        if !self.glance.tokens() || self.window.back_byte(0).is_ascii_alphanumeric() {
            return Ok(false);
        }
        // Letters beyond ASCII join words, too.
        if self.window.back_byte(0) == 0x80 && self.window.back(0).is_some_and(is_name) {
            return Ok(false);
        }
        self.token_here(symbol, cx)
    }

    fn token_here(&mut self, symbol: Symbol, cx: &mut Context<'_>) -> Result<bool, More> {
        let plan = cx.plan;
        let tokens = &plan.tokens;
        if tokens.is_empty() {
            return Ok(false);
        }
        let first = symbol.ascii();
        if tokens.may_begin(first) {
            let second = self.window.byte(1)?;
            let anchors = tokens.beginning(first, second);
            let (third, fourth) = match anchors {
                [] => (0, 0),
                _ => (self.window.byte(2)?, self.window.byte(3)?),
            };
            for anchor in anchors.iter().filter(|it| it.goes_on(third, fourth)) {
                let token = tokens.token(anchor.token);
                let anchor = token.form.anchors[usize::from(anchor.number)].as_bytes();
                if let Some(length) = self.anchor_at(0, anchor, token.form.caseless)?
                    && self.token_from(token, 0, length, cx)?
                {
                    return Ok(true);
                }
            }
        }
        let announced = self.glance.unanchored();
        if announced == Signals::NONE || !tokens.unanchored().has(first) {
            return Ok(false);
        }
        // A run that goes on from before has been tried where it began; only an equals sign begins one anew.
        if matches!(self.window.back_byte(0), b'/' | b'-' | b'_' | b'.' | b'+')
            && self.window.back_byte(1).is_ascii_alphanumeric()
        {
            return Ok(false);
        }
        // How long a word stands here tells most rules apart. Behind an equals sign a value may begin, and only padding goes on.
        let mut run = 1;
        while run < LONGEST {
            match self.window.byte(run)? {
                b'=' => {
                    run += PADDING;
                    break;
                }
                byte if tokens.unanchored().has(byte) => run += 1,
                _ => break,
            }
        }
        for index in tokens.inner(run) {
            let token = tokens.token(*index);
            if announced.has(token.group)
                && self.may_start(token)?
                && self.inner_token(token, cx)?
            {
                return Ok(true);
            }
        }
        if first.is_ascii_alphanumeric() {
            for index in tokens.contextual(run) {
                let token = tokens.token(*index);
                if announced.has(token.group)
                    && self.may_start(token)?
                    && self.token_from(token, 0, 0, cx)?
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether a word that is long enough may be the start of a token, as the last of the characters that it must have says.
    #[inline]
    fn may_start(&self, token: &Token) -> Result<bool, More> {
        let Some(last) = token.least.checked_sub(1) else {
            return Ok(true);
        };
        Ok(
            token.start.has(self.window.byte(last)?)
                && token.start.has(self.window.byte(last / 2)?),
        )
    }

    /// How many symbols an anchor takes that stands at a distance ahead. A space in it can be written as any white space of a line,
    /// or as the plus signs of a form.
    fn anchor_at(
        &self,
        distance: usize,
        anchor: &[u8],
        caseless: bool,
    ) -> Result<Option<usize>, More> {
        let mut at = distance;
        for (index, part) in anchor.split(|byte| *byte == b' ').enumerate() {
            if index > 0 {
                match self.blanks(at)? {
                    0 => return Ok(None),
                    blanks => at += blanks,
                }
            }
            if !self.window.starts_with(at, part, caseless)? {
                return Ok(None);
            }
            at += part.len();
        }
        Ok(Some(at - distance))
    }

    /// How many symbols at a distance ahead are white space of a line, or plus signs.
    fn blanks(&self, at: usize) -> Result<usize, More> {
        let Some(first) = self.window.peek(at)? else {
            return Ok(0);
        };
        let mut length = 0;
        while length < BLANKS
            && let Some(symbol) = self.window.peek(at + length)?
        {
            length += match first.ascii() {
                b'+' if symbol.ascii() == b'+' => 1,
                b'+' => break,
                _ if is_space(symbol) && !is_newline(symbol) => 1,
                // A no-break space that is percent-encoded is two bytes.
                _ if symbol.code == RAW_BYTE | 0xC2
                    && (self.window.peek(at + length + 1)?)
                        .is_some_and(|next| next.code == RAW_BYTE | 0xA0) =>
                {
                    2
                }
                _ => break,
            };
        }
        Ok(length)
    }

    /// A token whose anchor has characters before it.
    fn inner_token(&mut self, token: &Token, cx: &mut Context<'_>) -> Result<bool, More> {
        let Some((alphabet, least, most)) = token.form.before else {
            return Ok(false);
        };
        let mut run = 0;
        while run < most && alphabet.has(self.window.byte(run)?) {
            run += 1;
        }
        for count in least..=run {
            for anchor in &token.form.anchors {
                let anchor = anchor.as_bytes();
                if let Some(length) = self.anchor_at(count, anchor, token.form.caseless)?
                    && self.token_from(token, 0, count + length, cx)?
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Confirms a token that begins at a distance ahead, and whose anchor ends at another, and redacts it.
    fn token_from(
        &mut self,
        token: &Token,
        start: usize,
        anchored: usize,
        cx: &mut Context<'_>,
    ) -> Result<bool, More> {
        let form = &token.form;
        let separator = Symbol::plain(0);
        let from = if form.keeps_anchor { anchored } else { start };
        if let Some(until) = &form.until {
            self.through.clear();
            self.through.extend_from_slice(until.as_bytes());
            let value = Value::new(Until::Through, separator);
            self.redact(token.rule, from, value, cx);
            return Ok(true);
        }
        let mut at = anchored;
        let mut letters = Letters::default();
        let mut first = true;
        let mut last_set = None;
        for part in &form.parts {
            match part {
                TokenPart::Literal(literal) => {
                    if !self.window.starts_with(at, literal.as_bytes(), false)? {
                        return Ok(false);
                    }
                    at += literal.len();
                }
                TokenPart::Run {
                    alphabet,
                    least,
                    most,
                } => {
                    let mut met = 0_u32;
                    let begin = at;
                    let endless = loop {
                        let Some(symbol) = self.window.peek(at)? else {
                            break self.window.goes_on(at);
                        };
                        let byte = symbol.ascii();
                        if !alphabet.has(byte) {
                            break false;
                        }
                        if first {
                            letters.see(symbol);
                            for (number, set) in form.needs.iter().enumerate() {
                                met |= u32::from(set.has(byte)) << number;
                            }
                        }
                        at += 1;
                        if at - begin > *most {
                            return Ok(false);
                        }
                    };
                    last_set = Some(*alphabet);
                    if endless && !self.has_context(&form.context) {
                        return Ok(false);
                    }
                    if endless {
                        // So long a run behind such a beginning is one, to its end.
                        let all = form.parts.iter().fold(*alphabet, |all, part| match part {
                            TokenPart::Run { alphabet, .. } => all.or(*alphabet),
                            TokenPart::Literal(literal) => {
                                all.or(crate::scrub::token::Alphabet::of(literal.bytes()))
                            }
                        });
                        let value = Value::new(Until::Alphabet(all), separator);
                        self.redact(token.rule, from, value, cx);
                        return Ok(true);
                    }
                    if at - begin < *least
                        || (first && met.count_ones() as usize != form.needs.len())
                    {
                        return Ok(false);
                    }
                    first = false;
                }
            }
        }
        let behind = self.window.peek(at)?;
        let joins = behind.is_some_and(|symbol| {
            symbol.ascii().is_ascii_alphanumeric() || (symbol.ascii() == 0x80 && is_name(symbol))
        });
        if joins && last_set.is_some() {
            // A part of a longer word.
            return Ok(false);
        }
        // A name, and a value that has been replaced.
        let is_name = at > anchored
            && self.window.byte(at - 1)? == b'='
            && self.window.starts_with(at, MARKER, false)?;
        if is_name {
            return Ok(false);
        }
        if form.secretlike {
            while at > anchored && matches!(self.window.byte(at - 1)?, b'.' | b'-' | b'/' | b'~') {
                at -= 1;
            }
            if at - anchored < super::prose::LEAST || !letters.are_secret() {
                return Ok(false);
            }
        }
        // Last, because it costs most and the form says no more often.
        if !self.has_context(&form.context) {
            return Ok(false);
        }
        let value = Value::new(Until::Count(at - from), separator);
        self.redact(token.rule, from, value, cx);
        Ok(true)
    }

    /// Whether one of these words stands shortly before, in any case; or none is asked for.
    fn has_context(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        let mut behind = [0; CONTEXT];
        let mut length = 0;
        while length < CONTEXT {
            let Some(symbol) = self.window.back(length) else {
                break;
            };
            behind[CONTEXT - 1 - length] = symbol.ascii().to_ascii_lowercase();
            length += 1;
        }
        let behind = &behind[CONTEXT - length..];
        words
            .iter()
            .any(|word| memchr::memmem::find(behind, word.as_bytes()).is_some())
    }

    /// In a token that ends with the line that has a literal: how many symbols are left, once it is there.
    pub(super) fn through_end(&self) -> Result<Option<usize>, More> {
        if self.through.is_empty() || !self.window.starts_with(0, &self.through, false)? {
            return Ok(None);
        }
        let mut at = self.through.len();
        while at < LAST_LINE {
            let Some(symbol) = self.window.peek(at)? else {
                break;
            };
            if (is_newline(symbol) && self.breaks(symbol)) || self.closes_outer(at)? {
                break;
            }
            if self.through.starts_with(b"-----") && self.window.starts_with(at, b"-----", false)? {
                return Ok(Some(at + 5));
            }
            at += 1;
        }
        Ok(Some(at))
    }
}
