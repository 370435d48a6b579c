//! Prose or secret: `token: expired` is prose, `token: 9f86d081884c` is not.
//!
//! Only a generic name (no header) before a colon or a spaced equals sign, with white space and an unquoted word behind it, gets
//! this look (contract, section 4). It is the one place, besides recognisers of bare tokens, where a value decides.

use super::value::{Until, Value, is_space};
use super::window::More;
use super::{Symbol, TextMachine};
use crate::scrub::MARKER;

/// Shortest word that can be a secret.
pub(super) const LEAST: usize = 8;
/// Words before a credential that say how it is to be used (RFC 9110, section 11; IANA's registry of schemes).
pub(super) const SCHEMES: [&[u8]; 9] = [
    b"jwt",
    b"bearer",
    b"basic",
    b"token",
    b"digest",
    b"negotiate",
    b"apikey",
    b"dpop",
    b"oauth",
];

/// The word that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It goes: so many symbols.
    Secret(usize),
    /// It goes, and is longer than what can be looked at.
    Endless,
    Prose,
}

impl TextMachine {
    /// Looks at the word at a distance ahead, behind a separator.
    pub(super) fn look(&self, at: usize, separator: Symbol) -> Result<Look, More> {
        let scheme = self.scheme(at)?;
        let start = at + scheme;
        let word = Value::new(Until::Word, separator);
        let marked = self.window.starts_with(start, MARKER, false)?;
        let mut length = if marked { MARKER.len() } else { 0 };
        let mut letters = Letters::default();
        let mut markers = length;
        loop {
            let Some(symbol) = self.window.peek(start + length)? else {
                if self.window.goes_on(start + length) {
                    return Ok(Look::Endless);
                }
                break;
            };
            // What has been replaced in it before counts for nothing, so that a second look sees what the first one saw.
            if symbol.ascii() == b'[' && self.window.starts_with(start + length, MARKER, false)? {
                let opened = length > 0
                    && matches!(
                        self.window.byte(start + length - 1)?,
                        b'=' | b':' | b'"' | b'\'' | b'`' | b'[' | b'(' | b'{' | b'>'
                    );
                if opened {
                    // The value of a name inside of it, which may have ended the word.
                    break;
                }
                length += MARKER.len();
                markers += MARKER.len();
                continue;
            }
            let arrow = symbol.ascii() == b'>'
                && length > 0
                && self.window.byte(start + length - 1)? == b'-';
            if (length > 0 && !arrow) || is_space(symbol) {
                let ends = match symbol.ascii() {
                    // Inside of a word it belongs to it.
                    b',' => {
                        let next = self.window.peek(start + length + 1)?;
                        next.is_none_or(is_space)
                    }
                    _ => self.ends_at(&word, start + length)?,
                };
                if ends || matches!(symbol.ascii(), b'<' | b'>') {
                    break;
                }
            }
            letters.see(symbol);
            length += 1;
        }
        // Punctuation behind a word is the sentence's.
        while length > 0
            && matches!(
                self.window.byte(start + length - 1)?,
                b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b'"' | b'\''
            )
        {
            length -= 1;
        }
        let goes = length >= LEAST + markers
            && letters.are_secret()
            && !self.reads_as_code(start, length)?;
        if !goes {
            return Ok(if marked && scheme == 0 {
                // What has been replaced before, and nothing of what stands behind it.
                Look::Secret(MARKER.len())
            } else {
                Look::Prose
            });
        }
        if !self.window.starts_with(start + length, MARKER, false)? {
            return Ok(Look::Secret(scheme + length));
        }
        // What has been replaced at its end goes with it, and what a second look would take for more of it.
        let more = self.look(start + length, separator)?;
        Ok(match more {
            Look::Secret(more) => Look::Secret(scheme + length + more),
            Look::Endless | Look::Prose => more,
        })
    }

    /// The length of a scheme word at a distance ahead, with the space behind it.
    pub(super) fn scheme(&self, at: usize) -> Result<usize, More> {
        if !matches!(
            self.window.byte(at)?.to_ascii_lowercase(),
            b'a' | b'b' | b'd' | b'j' | b'n' | b'o' | b't'
        ) {
            return Ok(0);
        }
        for scheme in SCHEMES {
            if self.window.starts_with(at, scheme, true)? {
                let mut end = at + scheme.len();
                while self.window.byte(end)? == b' ' && end < at + 32 {
                    end += 1;
                }
                if end > at + scheme.len() {
                    return Ok(end - at);
                }
            }
        }
        Ok(0)
    }

    /// Whether what stands between two distances is the name of a function that looks something up by the string it is given, as
    /// `request.headers.get(` does; so that the string is a name.
    pub(super) fn looks_up(&self, start: usize, end: usize) -> Result<bool, More> {
        const GETTERS: [&[u8]; 16] = [
            b"get",
            b"getenv",
            b"getitem",
            b"getheader",
            b"getparameter",
            b"getproperty",
            b"getattr",
            b"input",
            b"header",
            b"headers",
            b"cookie",
            b"cookies",
            b"env",
            b"var",
            b"fetch",
            b"pop",
        ];
        let mut name = Vec::with_capacity(end - start);
        for at in start..end {
            match self.window.byte(at)? {
                b'_' => {}
                b'.' | b':' | b'>' => name.clear(),
                byte => name.push(byte),
            }
        }
        // `Header("x")` makes something of the string; `os.Getenv("x")` is Go's.
        let makes = name.first().is_some_and(u8::is_ascii_uppercase) && !name.starts_with(b"Get");
        name.make_ascii_lowercase();
        Ok(!makes && GETTERS.contains(&name.as_slice()))
    }

    /// Whether a word is a URL, or begins as a call, an index or a type does: `getToken(`, `request.cookies[`, `Optional[`; or is a
    /// variable of the environment: `process.env.API_KEY`.
    fn reads_as_code(&self, at: usize, length: usize) -> Result<bool, More> {
        const VARIABLES: [&[u8]; 4] =
            [b"process.env.", b"import.meta.env.", b"os.environ", b"ENV."];
        // `%(token)s` of a query's text, `$DB_PASSWORD` of a shell.
        if self.window.starts_with(at, b"%(", false)? {
            return Ok(true);
        }
        if self.window.byte(at)? == b'$' && length > 1 {
            let mut capitals = true;
            for index in 1..length {
                let byte = self.window.byte(at + index)?;
                capitals &= byte.is_ascii_uppercase() || byte == b'_';
            }
            if capitals {
                return Ok(true);
            }
        }
        for variable in VARIABLES {
            if self.window.starts_with(at, variable, false)? {
                return Ok(true);
            }
        }
        // What has been replaced was a word.
        let mut first = 0;
        while self.window.starts_with(at + first, MARKER, false)? {
            first += MARKER.len();
        }
        for index in first..length {
            match self.window.byte(at + index)? {
                byte if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.') => {}
                // Of PHP: `$request->input(`.
                b'$' if index == 0 => {}
                b'-' if self.window.byte(at + index + 1)? == b'>' => {}
                b'>' if index > 0 && self.window.byte(at + index - 1)? == b'-' => {}
                b'[' if self.window.starts_with(at + index, MARKER, false)? => return Ok(false),
                b'(' | b'[' | b'{' => return Ok(index > 0),
                b':' => return self.window.starts_with(at + index, b"://", false),
                _ => return Ok(false),
            }
        }
        Ok(false)
    }
}

/// What kinds of character a word has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Letters {
    lower: bool,
    upper: bool,
    /// An upper-case letter behind the first character.
    inner_upper: bool,
    digit: bool,
    symbol: bool,
    any: bool,
}

impl Letters {
    pub(super) fn see(&mut self, symbol: Symbol) {
        match symbol.ascii() {
            b'a'..=b'z' => self.lower = true,
            b'A'..=b'Z' => {
                self.upper = true;
                self.inner_upper |= self.any;
            }
            b'0'..=b'9' => self.digit = true,
            // These join words.
            b'-' | b'_' | b'.' | b'/' | b'\'' | b',' | b':' | b';' | b'(' | b')' | b'!' | b'?'
            | b'"' => {}
            0x80 => self.lower = true,
            _ => self.symbol = true,
        }
        self.any = true;
    }

    /// Letters, and beside them digits, both cases (more than a capital) or symbols.
    pub(super) fn are_secret(self) -> bool {
        (self.lower || self.upper)
            && (self.digit || self.symbol || (self.lower && self.inner_upper))
    }
}
