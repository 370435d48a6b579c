//! Spellings: reads one character of text through all the layers in which it may be written.
//!
//! A string on the wire can be JSON-escaped (`\u003d`), escaped again because it is JSON inside a string (`\\u003d`), and
//! percent-encoded, once or more (`%3D`, `%253D`), or an HTML character reference (`&#61;`). [`read`] undoes all of it for one character and says how deep it stood,
//! so that everything above sees a [`Symbol`] and never a spelling. The cost is one comparison for a plain byte.

/// Deepest percent-encoding that is undone (`%3D` is 1, `%253D` is 2).
const PERCENT_DEPTH: u8 = 12;
/// Longest run of backslashes that is read as one escape.
const BACKSLASHES: usize = 63;
/// The character that begins a terminal's control sequence.
pub(crate) const ESCAPE: u8 = 0x1B;
/// Longest parameters of a terminal's colour, in bytes.
const COLOUR: usize = 24;
/// Longest HTML character reference that is undone, without `&` and with `;`.
const REFERENCE: usize = 10;

/// One character as the text means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// The character; for a percent-encoded byte above 0x7F, the byte with [`RAW_BYTE`] set.
    pub(crate) code: u32,
    /// How many times it is percent-encoded.
    pub(crate) percent: u8,
    /// How many backslashes stand before it (after the JSON string's own escapes are undone).
    pub(crate) escape: u8,
    /// It is written as an HTML character reference (`&quot;`).
    pub(crate) entity: bool,
    /// It is a quote that is written as an escape (`\u0022`), or its ampersand is (`\u0026quot;`): its backslashes are part of it.
    pub(crate) coded: bool,
}

/// Marks a [`Symbol::code`] that is a byte of an encoded character, not a character.
pub(crate) const RAW_BYTE: u32 = 1 << 31;

impl Symbol {
    /// The character if it is ASCII, else 0x80.
    pub(crate) fn ascii(self) -> u8 {
        if self.code < 0x80 {
            self.code as u8
        } else {
            0x80
        }
    }

    /// How many bytes of UTF-8 it is.
    pub(crate) fn utf8_len(self) -> usize {
        match self.code {
            0..0x80 => 1,
            code if code & RAW_BYTE != 0 => 1,
            0x80..0x800 => 2,
            0x800..0x1_0000 => 3,
            _ => 4,
        }
    }

    /// Whether it is of ASCII and stands as it is.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        self.code < 0x80 && self == Symbol::plain(self.code)
    }

    /// A character that stands as it is.
    pub(crate) fn plain(code: u32) -> Self {
        Symbol {
            code,
            percent: 0,
            escape: 0,
            entity: false,
            coded: false,
        }
    }
}

/// How the bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The inside of a JSON string that the lexer has found valid so far.
    Json,
    /// Plain text.
    Plain,
}

/// Reads the symbol at the start of `bytes` and tells its width. `None`: the bytes end inside it and more may come.
pub(crate) fn read(bytes: &[u8], layer: Layer, last: bool) -> Option<(Symbol, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 && !matches!(first, b'\\' | b'%' | b'&' | ESCAPE) {
        return Some((Symbol::plain(first as u32), 1));
    }
    simple(bytes, layer).or_else(|| read_any(bytes, layer, last))
}

/// The symbol at the start, if it is written in one of the two most common ways that are not plain: a character in percent-encoding
/// (RFC 3986, section 2.1), or a short escape of JSON (RFC 8259, section 7). They are read so in any case, and faster here.
#[inline]
pub(super) fn simple(bytes: &[u8], layer: Layer) -> Option<(Symbol, usize)> {
    match bytes {
        [b'%', high, low, ..] => {
            let (high, low) = (digit(*high)?, digit(*low)?);
            let code = u32::from(high << 4 | low);
            if code == u32::from(b'%') || code == u32::from(ESCAPE) {
                return None;
            }
            let code = if code >= 0x80 { code | RAW_BYTE } else { code };
            let symbol = Symbol {
                percent: 1,
                ..Symbol::plain(code)
            };
            Some((symbol, 3))
        }
        [b'\\', kind, ..] if layer == Layer::Json => {
            let code = match kind {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'"' | b'/' => *kind,
                _ => return None,
            };
            Some((Symbol::plain(u32::from(code)), 2))
        }
        _ => None,
    }
}

/// The value of a hex digit.
#[inline]
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn read_any(bytes: &[u8], layer: Layer, last: bool) -> Option<(Symbol, usize)> {
    let reader = Reader { bytes, layer, last };
    match reader.percent(0) {
        Read::Is(symbol, width) if symbol.code == u32::from(ESCAPE) => match reader.colour(width) {
            Read::Is((), taken) => Some((symbol, width + taken)),
            Read::No => Some((symbol, width)),
            Read::More => None,
        },
        Read::Is(symbol, width) => Some((symbol, width)),
        Read::More => None,
        Read::No => Some((Symbol::plain(char::REPLACEMENT_CHARACTER as u32), 1)),
    }
}

/// Whether an ampersand or percent sign at the start is seen to stand for itself. (If not, that is still to be found out.)
pub(super) fn is_alone(bytes: &[u8]) -> bool {
    match bytes {
        [b'&', rest @ ..] => begins_parameter(rest),
        [b'%', next, ..] => next.is_ascii() && !next.is_ascii_hexdigit() && *next != b'\\',
        _ => false,
    }
}

/// Whether what stands behind an ampersand is seen to be no character reference. Most begin a parameter: plain characters that are no
/// semicolon tell.
fn begins_parameter(behind: &[u8]) -> bool {
    behind
        .iter()
        .take(REFERENCE)
        .find(|byte| !byte.is_ascii_alphanumeric())
        .is_some_and(|byte| byte.is_ascii() && !matches!(byte, b';' | b'\\' | b'#'))
}

enum Read<T> {
    Is(T, usize),
    /// Not such a thing.
    No,
    /// The bytes end too early to tell.
    More,
}

struct Reader<'a> {
    bytes: &'a [u8],
    layer: Layer,
    last: bool,
}

impl Reader<'_> {
    /// The rest of a terminal's colour (ECMA-48, SGR) behind its escape character: it is no character of the text.
    fn colour(&self, at: usize) -> Read<()> {
        for (index, byte) in self.bytes[at..].iter().enumerate() {
            match byte {
                b'[' if index == 0 => {}
                b'0'..=b'9' | b';' | b':' if index > 0 && index < COLOUR => {}
                b'm' | b'K' if index > 0 => return Read::Is((), index + 1),
                _ => return Read::No,
            }
        }
        self.short()
    }

    fn short<T>(&self) -> Read<T> {
        if self.last { Read::No } else { Read::More }
    }

    /// One character with the innermost layer undone: a JSON escape, or UTF-8.
    fn unit(&self, at: usize) -> Read<u32> {
        let Some(&first) = self.bytes.get(at) else {
            return self.short();
        };
        if first == b'\\' && self.layer == Layer::Json {
            let Some(&kind) = self.bytes.get(at + 1) else {
                return self.short();
            };
            let code = match kind {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                b'u' => {
                    return match self.bytes.get(at + 2..at + 6) {
                        Some(digits) => match hex(digits) {
                            Some(code) => Read::Is(code, 6),
                            None => Read::No,
                        },
                        None => self.short(),
                    };
                }
                other => other,
            };
            return Read::Is(code as u32, 2);
        }
        if first < 0x80 {
            return Read::Is(first as u32, 1);
        }
        let width = match first {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => return Read::No,
        };
        match self.bytes.get(at..at + width) {
            Some(sequence) => match std::str::from_utf8(sequence)
                .ok()
                .and_then(|s| s.chars().next())
            {
                Some(character) => Read::Is(character as u32, width),
                None => Read::No,
            },
            None => self.short(),
        }
    }

    /// One character with escapes undone, be it of two that are the halves of a surrogate pair (RFC 8259, section 7).
    fn escaped(&self, at: usize) -> Read<(u32, u8)> {
        let first = self.escape(at);
        let Read::Is((high @ 0xD800..0xDC00, depth), width) = first else {
            return first;
        };
        match self.escape(at + width) {
            Read::Is((low @ 0xDC00..0xE000, _), more) => {
                let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                Read::Is((code, depth), width + more)
            }
            Read::More => Read::More,
            Read::Is(..) | Read::No => first,
        }
    }

    /// One character with escapes undone that stand in the text itself (JSON in a string, `repr`, debug forms). Backslashes
    /// before a quote are characters by themselves: which of them belong to the quote depends on the quote that it closes.
    fn escape(&self, at: usize) -> Read<(u32, u8)> {
        let (first, width) = match self.unit(at) {
            Read::Is(code, width) => (code, width),
            Read::No => return Read::No,
            Read::More => return Read::More,
        };
        if first != b'\\' as u32 {
            return Read::Is((first, 0), width);
        }
        let literal = Read::Is((first, 0), width);
        let mut run = 1;
        let mut next = at + width;
        loop {
            match self.unit(next) {
                Read::Is(code, width) if code == b'\\' as u32 => {
                    run += 1;
                    next += width;
                    if run > BACKSLASHES {
                        return literal;
                    }
                }
                Read::Is(code, width) => {
                    let depth = run as u8;
                    let code = match u8::try_from(code).unwrap_or(0) {
                        b'n' => b'\n' as u32,
                        b'r' => b'\r' as u32,
                        b't' => b'\t' as u32,
                        b'/' => code,
                        b'u' | b'x' => {
                            let digits = if code == b'u' as u32 { 4 } else { 2 };
                            return match self.digits(next + width, digits, |at| self.unit(at)) {
                                Read::Is(code, taken) => {
                                    Read::Is((code, depth), next + width + taken - at)
                                }
                                Read::No => literal,
                                Read::More => Read::More,
                            };
                        }
                        _ => return literal,
                    };
                    return Read::Is((code, depth), next + width - at);
                }
                Read::No => return literal,
                Read::More => return Read::More,
            }
        }
    }

    /// That many hex digits, each read by `read`.
    fn digits(&self, at: usize, count: usize, read: impl Fn(usize) -> Read<u32>) -> Read<u32> {
        let mut code = 0;
        let mut next = at;
        for _ in 0..count {
            let (digit, width) = match read(next) {
                Read::Is(digit, width) => (digit, width),
                Read::No => return Read::No,
                Read::More => return Read::More,
            };
            match char::from_u32(digit).and_then(|c| c.to_digit(16)) {
                Some(value) => {
                    code = code << 4 | value;
                    next += width;
                }
                None => return Read::No,
            }
        }
        Read::Is(code, next - at)
    }

    /// One character with percent-encoding undone, however often it was applied.
    fn percent(&self, at: usize) -> Read<Symbol> {
        let ((first, escape), width) = match self.escaped(at) {
            Read::Is(unit, width) => (unit, width),
            Read::No => return Read::No,
            Read::More => return Read::More,
        };
        let symbol = |code, percent, entity| Symbol {
            code,
            percent,
            escape,
            entity,
            coded: false,
        };
        let literal = Read::Is(symbol(first, 0, false), width);
        if first == b'&' as u32 {
            return match self.reference(at + width) {
                Read::Is(code, taken) => {
                    let mut read = symbol(code, 0, true);
                    if code < 0x20 {
                        // No line ends there as it does at a newline that stands as it is.
                        read.escape = escape.max(1);
                    }
                    Read::Is(read, width + taken)
                }
                Read::No => literal,
                Read::More => Read::More,
            };
        }
        if first != b'%' as u32 {
            return literal;
        }
        let mut next = at + width;
        let mut depth = 0;
        loop {
            let (code, taken) = match self.encoded_digits(next) {
                Read::Is(code, taken) => (code, taken),
                Read::No if depth == 0 => return literal,
                Read::No => {
                    return Read::Is(symbol(b'%' as u32, depth, false), next - at);
                }
                Read::More => return Read::More,
            };
            depth += 1;
            next += taken;
            if code != b'%' as u32 || depth == PERCENT_DEPTH {
                let code = if code >= 0x80 { code | RAW_BYTE } else { code };
                return Read::Is(symbol(code, depth, false), next - at);
            }
        }
    }

    /// The rest of an HTML character reference, behind its ampersand.
    fn reference(&self, at: usize) -> Read<u32> {
        if begins_parameter(self.bytes.get(at..).unwrap_or_default()) {
            return Read::No;
        }
        let mut name = [0; REFERENCE];
        let mut next = at;
        for length in 0..REFERENCE {
            let (code, width) = match self.escaped(next) {
                Read::Is((code, _), width) => (code, width),
                Read::No => return Read::No,
                Read::More => return Read::More,
            };
            next += width;
            match u8::try_from(code).unwrap_or(0) {
                b';' => {
                    return match referenced(&name[..length]) {
                        Some(code) => Read::Is(code, next - at),
                        None => Read::No,
                    };
                }
                byte if byte.is_ascii_alphanumeric() || (byte == b'#' && length == 0) => {
                    name[length] = byte.to_ascii_lowercase();
                }
                _ => return Read::No,
            }
        }
        Read::No
    }

    fn encoded_digits(&self, at: usize) -> Read<u32> {
        self.digits(at, 2, |next| match self.escaped(next) {
            Read::Is((digit, _), width) => Read::Is(digit, width),
            Read::No => Read::No,
            Read::More => Read::More,
        })
    }
}

/// The character that an HTML character reference means (HTML standard, named character references): of ASCII, or one beyond it
/// that is written as a number. White space beyond ASCII is left as it is written.
fn referenced(name: &[u8]) -> Option<u32> {
    let code = match name {
        b"amp" => b'&' as u32,
        b"quot" => b'"' as u32,
        b"apos" => b'\'' as u32,
        b"lt" => b'<' as u32,
        b"gt" => b'>' as u32,
        b"equals" => b'=' as u32,
        b"colon" => b':' as u32,
        [b'#', b'x', digits @ ..] if !digits.is_empty() => hex(digits)?,
        [b'#', digits @ ..] if !digits.is_empty() => digits.iter().try_fold(0, |code, digit| {
            Some(code * 10 + (*digit as char).to_digit(10)?)
        })?,
        _ => return None,
    };
    let is_ascii = matches!(code, 0x09 | 0x0A | 0x0D | 0x20..0x7F);
    let is_other = code > 0xA0 && char::from_u32(code).is_some_and(|it| !it.is_whitespace());
    (is_ascii || is_other).then_some(code)
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |code, digit| {
        Some(code << 4 | (*digit as char).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::{Layer, read, read_any};

    /// What is read in a simple way is read alike in any way.
    #[test]
    fn simple_spellings_are_read_alike() {
        for layer in [Layer::Json, Layer::Plain] {
            for first in *b"%\\" {
                for pair in 0..=u16::MAX {
                    let [second, third] = pair.to_be_bytes();
                    for behind in [&b""[..], b"x", b"%41"] {
                        let bytes = [&[first, second, third], behind].concat();
                        let text = bytes.as_slice();
                        assert_eq!(
                            read(text, layer, true),
                            read_any(text, layer, true),
                            "{text:?}"
                        );
                    }
                }
            }
        }
    }
}
