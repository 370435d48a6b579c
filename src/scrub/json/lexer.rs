//! The JSON tokeniser: strict RFC 8259, UTF-8, resumable at any byte, no look-ahead and no allocation per token.
//!
//! [`Lexer::next`] reads from a chunk and returns one [`Event`]; the grammar (what may follow what) is checked here, so that
//! whoever consumes the events sees only well-formed prefixes. A string comes in parts, as the chunks cut it.

use crate::scrub::outcome::Reason;
use crate::scrub::text::Signs;

/// Deepest nesting there can be.
pub(crate) const MAX_DEPTH: usize = 512;

/// Which container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Object,
    Array,
}

/// What the lexer has seen. Offsets are positions in the chunk in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The chunk is used up.
    NeedMore,
    Open(Container, usize),
    Close(Container, usize),
    /// A comma between members or elements.
    Comma(usize),
    /// A newline between tokens.
    Newline(usize),
    /// The opening quote of a key or a string value.
    StringStart {
        key: bool,
        at: usize,
    },
    /// A part of the inside of a string; with `closed`, the closing quote stands at `end`.
    StringPart {
        start: usize,
        end: usize,
        closed: bool,
    },
    /// A number begins.
    NumberStart(usize),
    /// The number ended before this position.
    NumberEnd(usize),
    /// `true`, `false` or `null` ended before `end`. `start` may lie before the chunk and is an offset in the input.
    Literal {
        start: u64,
        end: usize,
    },
}

/// What may come next. A word, because compilers read one: a byte that has just been written makes processors wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Expect {
    Value,
    ValueOrClose,
    Key,
    KeyOrClose,
    Colon,
    CommaOrClose,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    /// Inside a string. `escape`: 0, or 1 behind a backslash, or 2 to 5 while hex digits are due.
    String {
        escape: u8,
    },
    Number(Number),
    Literal {
        word: &'static [u8],
        read: u8,
    },
}

/// How the bytes of a multi-byte character go on: how many are due and the bounds of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Utf8 {
    due: u8,
    low: u8,
    high: u8,
}

#[derive(Debug)]
pub(crate) struct Lexer {
    expect: Expect,
    token: Token,
    is_key: bool,
    utf8: Utf8,
    /// Offset in the input of the token in progress.
    token_start: u64,
    depth: usize,
    max_depth: usize,
    /// One bit a level: set for an object.
    kinds: [u64; MAX_DEPTH / 64],
    /// What the current string has that could make a name and a separator.
    pub(crate) signs: Signs,
    /// The current string has an escape.
    pub(crate) escaped: bool,
}

/// An error: its reason, and its offset in the input.
pub(crate) type Failure = (Reason, u64);

/// Marks a byte of a string that can't be passed over.
const STOP: u8 = 0x80;

/// What a byte of a string is: the sign that it is, if it is one, or [`STOP`].
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let stops = byte < 0x20 || byte >= 0x80 || byte == b'"' as usize || byte == b'\\' as usize;
        table[byte] = if stops { STOP } else { Signs::of(byte as u8).0 };
        byte += 1;
    }
    table
};

impl Lexer {
    pub(crate) fn new(max_depth: usize) -> Self {
        Lexer {
            expect: Expect::Value,
            token: Token::None,
            is_key: false,
            utf8: Utf8 {
                due: 0,
                low: 0,
                high: 0,
            },
            token_start: 0,
            depth: 0,
            max_depth: max_depth.min(MAX_DEPTH),
            kinds: [0; MAX_DEPTH / 64],
            signs: Signs::default(),
            escaped: false,
        }
    }

    /// Whether a whole document has been read (white space may follow).
    pub(crate) fn is_done(&self) -> bool {
        self.expect == Expect::Done && self.token == Token::None
    }

    /// Whether nothing but white space has been read.
    pub(crate) fn is_untouched(&self) -> bool {
        self.expect == Expect::Value && self.depth == 0 && self.token == Token::None
    }

    /// Offset in the input of a literal that the chunk ended in.
    pub(crate) fn literal_start(&self) -> Option<u64> {
        matches!(self.token, Token::Literal { .. }).then_some(self.token_start)
    }

    /// How many containers are open.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.kinds[(self.depth - 1) / 64] >> ((self.depth - 1) % 64) & 1 == 1
    }

    // --- for a reader that takes whole tokens by itself ---

    /// What comes next, between tokens.
    #[inline]
    pub(crate) fn expects(&self) -> Option<Expect> {
        (self.token == Token::None).then_some(self.expect)
    }

    /// The inside of a string has been looked at that has these signs, and no escapes.
    #[inline]
    pub(crate) fn see_plain(&mut self, signs: Signs) {
        self.signs = signs;
        self.escaped = false;
    }

    /// What comes next has been seen.
    #[inline]
    pub(crate) fn pass(&mut self, expect: Expect) {
        self.expect = expect;
    }

    /// A key has been read.
    #[inline]
    pub(crate) fn pass_key(&mut self) {
        self.expect = Expect::Colon;
    }

    /// The colon behind a key has been read.
    #[inline]
    pub(crate) fn pass_colon(&mut self) {
        self.expect = Expect::Value;
    }

    /// A value inside a container has been read.
    #[inline]
    pub(crate) fn pass_value(&mut self) {
        self.expect = Expect::CommaOrClose;
    }

    /// A comma has been read, in an array or an object.
    #[inline]
    pub(crate) fn pass_comma(&mut self, in_array: bool) {
        self.expect = if in_array { Expect::Value } else { Expect::Key };
    }

    /// A container has been opened, unless it is too deep.
    #[inline]
    pub(crate) fn pass_open(&mut self, container: Container) -> bool {
        if self.depth >= self.max_depth {
            return false;
        }
        self.enter(container);
        true
    }

    /// The innermost container has been closed, with its bracket.
    #[inline]
    pub(crate) fn pass_close(&mut self) {
        self.depth -= 1;
        self.value_done();
    }

    /// Reads the next event. `base` is the offset of the chunk's first byte in the input.
    #[inline]
    pub(crate) fn next(
        &mut self,
        chunk: &[u8],
        at: &mut usize,
        base: u64,
    ) -> Result<Event, Failure> {
        match self.token {
            Token::None => self.between(chunk, at, base),
            Token::String { .. } => self.string(chunk, at),
            Token::Number(state) => self.number(state, chunk, at),
            Token::Literal { word, read } => self.literal(word, read, chunk, at),
        }
    }

    /// The input has ended. A number may end here; anything else that is open is cut off.
    pub(crate) fn finish(&mut self, length: u64) -> Result<Option<Event>, Failure> {
        let event = match self.token {
            Token::Number(
                Number::Zero | Number::Integer | Number::Fraction | Number::ExponentDigits,
            ) => {
                self.token = Token::None;
                self.value_done();
                Some(Event::NumberEnd(0))
            }
            Token::None | Token::String { .. } | Token::Number(_) | Token::Literal { .. } => None,
        };
        if self.is_done() {
            Ok(event)
        } else {
            Err((Reason::CutOff, length))
        }
    }

    fn value_done(&mut self) {
        self.expect = if self.depth == 0 {
            Expect::Done
        } else {
            Expect::CommaOrClose
        };
    }

    fn between(&mut self, chunk: &[u8], at: &mut usize, base: u64) -> Result<Event, Failure> {
        loop {
            let Some(&byte) = chunk.get(*at) else {
                return Ok(Event::NeedMore);
            };
            let here = *at;
            *at += 1;
            match byte {
                b' ' | b'\t' | b'\r' => continue,
                b'\n' => return Ok(Event::Newline(here)),
                b':' if self.expect == Expect::Colon => {
                    self.expect = Expect::Value;
                    continue;
                }
                b',' if self.expect == Expect::CommaOrClose => {
                    self.expect = if self.in_object() {
                        Expect::Key
                    } else {
                        Expect::Value
                    };
                    return Ok(Event::Comma(here));
                }
                b'}' | b']' => return self.close(byte, here, base),
                _ => {}
            }
            self.token_start = base + here as u64;
            let wants_key = matches!(self.expect, Expect::Key | Expect::KeyOrClose);
            let wants_value = matches!(self.expect, Expect::Value | Expect::ValueOrClose);
            if byte == b'"' && (wants_key || wants_value) {
                self.is_key = wants_key;
                self.token = Token::String { escape: 0 };
                self.signs = Signs::default();
                self.escaped = false;
                return Ok(Event::StringStart {
                    key: wants_key,
                    at: here,
                });
            }
            if !wants_value {
                let what = match self.expect {
                    Expect::Key | Expect::KeyOrClose => "expected a string as the member's name",
                    Expect::Colon => "expected a colon",
                    Expect::CommaOrClose => "expected a comma or the closing bracket",
                    Expect::Done => "expected the end of the document",
                    Expect::Value | Expect::ValueOrClose => "expected a value",
                };
                return Err((Reason::Json(what), self.token_start));
            }
            return match byte {
                b'{' => self.open(Container::Object, here),
                b'[' => self.open(Container::Array, here),
                b'-' => self.start_number(Number::Minus, here),
                b'0' => self.start_number(Number::Zero, here),
                b'1'..=b'9' => self.start_number(Number::Integer, here),
                b't' => self.start_literal(b"true", chunk, at),
                b'f' => self.start_literal(b"false", chunk, at),
                b'n' => self.start_literal(b"null", chunk, at),
                _ => Err((Reason::Json("expected a JSON value"), self.token_start)),
            };
        }
    }

    fn open(&mut self, container: Container, at: usize) -> Result<Event, Failure> {
        if self.depth >= self.max_depth {
            return Err((Reason::TooDeep, self.token_start));
        }
        self.enter(container);
        Ok(Event::Open(container, at))
    }

    fn enter(&mut self, container: Container) {
        let bit = 1 << (self.depth % 64);
        match container {
            Container::Object => {
                self.kinds[self.depth / 64] |= bit;
                self.expect = Expect::KeyOrClose;
            }
            Container::Array => {
                self.kinds[self.depth / 64] &= !bit;
                self.expect = Expect::ValueOrClose;
            }
        }
        self.depth += 1;
    }

    fn close(&mut self, byte: u8, at: usize, base: u64) -> Result<Event, Failure> {
        let container = if byte == b'}' {
            Container::Object
        } else {
            Container::Array
        };
        let fits = self.depth > 0
            && self.in_object() == (container == Container::Object)
            && matches!(
                self.expect,
                Expect::CommaOrClose | Expect::KeyOrClose | Expect::ValueOrClose
            );
        if !fits {
            return Err((Reason::Json("unexpected closing bracket"), base + at as u64));
        }
        self.depth -= 1;
        self.value_done();
        Ok(Event::Close(container, at))
    }

    fn start_number(&mut self, state: Number, at: usize) -> Result<Event, Failure> {
        self.token = Token::Number(state);
        Ok(Event::NumberStart(at))
    }

    fn number(
        &mut self,
        mut state: Number,
        chunk: &[u8],
        at: &mut usize,
    ) -> Result<Event, Failure> {
        while let Some(&byte) = chunk.get(*at) {
            state = match (state, byte) {
                (Number::Minus, b'0') => Number::Zero,
                (Number::Minus, b'1'..=b'9') => Number::Integer,
                (Number::Integer, b'0'..=b'9') => Number::Integer,
                (Number::Zero | Number::Integer, b'.') => Number::Point,
                (Number::Point | Number::Fraction, b'0'..=b'9') => Number::Fraction,
                (Number::Zero | Number::Integer | Number::Fraction, b'e' | b'E') => {
                    Number::Exponent
                }
                (Number::Exponent, b'+' | b'-') => Number::ExponentSign,
                (Number::Exponent | Number::ExponentSign | Number::ExponentDigits, b'0'..=b'9') => {
                    Number::ExponentDigits
                }
                (
                    Number::Zero | Number::Integer | Number::Fraction | Number::ExponentDigits,
                    b' ' | b'\t' | b'\r' | b'\n' | b',' | b'}' | b']',
                ) => {
                    self.token = Token::None;
                    self.value_done();
                    return Ok(Event::NumberEnd(*at));
                }
                _ => return Err((Reason::Json("malformed number"), self.token_start)),
            };
            *at += 1;
        }
        self.token = Token::Number(state);
        Ok(Event::NeedMore)
    }

    fn start_literal(
        &mut self,
        word: &'static [u8],
        chunk: &[u8],
        at: &mut usize,
    ) -> Result<Event, Failure> {
        self.literal(word, 1, chunk, at)
    }

    fn literal(
        &mut self,
        word: &'static [u8],
        mut read: u8,
        chunk: &[u8],
        at: &mut usize,
    ) -> Result<Event, Failure> {
        while usize::from(read) < word.len() {
            let Some(&byte) = chunk.get(*at) else {
                self.token = Token::Literal { word, read };
                return Ok(Event::NeedMore);
            };
            if byte != word[usize::from(read)] {
                return Err((Reason::Json("expected a JSON value"), self.token_start));
            }
            read += 1;
            *at += 1;
        }
        self.token = Token::None;
        self.value_done();
        Ok(Event::Literal {
            start: self.token_start,
            end: *at,
        })
    }

    fn string(&mut self, chunk: &[u8], at: &mut usize) -> Result<Event, Failure> {
        let start = *at;
        let Token::String { mut escape } = self.token else {
            return Ok(Event::NeedMore);
        };
        let fail = |lexer: &Lexer, what| Err((Reason::Json(what), lexer.token_start));
        let mut i = start;
        loop {
            if escape == 0 && self.utf8.due == 0 {
                i += plain_run(&chunk[i..], &mut self.signs);
            }
            let Some(&byte) = chunk.get(i) else { break };
            if self.utf8.due > 0 {
                if byte < self.utf8.low || byte > self.utf8.high {
                    return fail(self, "a string is not valid UTF-8");
                }
                self.utf8 = Utf8 {
                    due: self.utf8.due - 1,
                    low: 0x80,
                    high: 0xBF,
                };
            } else if escape == 1 {
                escape = match byte {
                    b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
                    b'"' | b'\\' => {
                        self.signs.see_escaped(byte);
                        0
                    }
                    b'u' => {
                        self.signs.see_escaped(byte);
                        2
                    }
                    _ => return fail(self, "unknown escape in a string"),
                };
            } else if escape > 1 {
                if !byte.is_ascii_hexdigit() {
                    return fail(self, "malformed \\u escape in a string");
                }
                escape = if escape == 5 { 0 } else { escape + 1 };
            } else {
                match byte {
                    b'"' => {
                        self.token = Token::None;
                        if self.is_key {
                            self.expect = Expect::Colon;
                        } else {
                            self.value_done();
                        }
                        *at = i + 1;
                        return Ok(Event::StringPart {
                            start,
                            end: i,
                            closed: true,
                        });
                    }
                    b'\\' => {
                        self.escaped = true;
                        match chunk.get(i + 1) {
                            // Most are short.
                            Some(b'/' | b'b' | b'f' | b'n' | b'r' | b't') => i += 1,
                            Some(byte @ (b'"' | b'\\')) => {
                                self.signs.see_escaped(*byte);
                                i += 1;
                            }
                            Some(_) | None => escape = 1,
                        }
                    }
                    0..0x20 => return fail(self, "control character in a string"),
                    _ => match first_of_character(byte) {
                        Some(utf8) => self.utf8 = utf8,
                        None => return fail(self, "a string is not valid UTF-8"),
                    },
                }
            }
            i += 1;
        }
        self.token = Token::String { escape };
        *at = i;
        if i == start {
            Ok(Event::NeedMore)
        } else {
            Ok(Event::StringPart {
                start,
                end: i,
                closed: false,
            })
        }
    }
}

/// How many bytes at the front can be passed over; takes note of the signs among them.
#[inline]
pub(super) fn plain_run(bytes: &[u8], signs: &mut Signs) -> usize {
    let mut run = 0;
    for eight in bytes.chunks_exact(8) {
        let all = eight
            .iter()
            .fold(0, |all, byte| all | CLASS[usize::from(*byte)]);
        if all & STOP != 0 {
            break;
        }
        signs.0 |= all;
        run += 8;
    }
    for byte in &bytes[run..] {
        let class = CLASS[usize::from(*byte)];
        if class & STOP != 0 {
            break;
        }
        signs.0 |= class;
        run += 1;
    }
    run
}

/// The Unicode standard's table of well-formed UTF-8 (table 3-7): bounds of the second byte by the first.
fn first_of_character(byte: u8) -> Option<Utf8> {
    let (due, low, high) = match byte {
        0xC2..=0xDF => (1, 0x80, 0xBF),
        0xE0 => (2, 0xA0, 0xBF),
        0xE1..=0xEC | 0xEE..=0xEF => (2, 0x80, 0xBF),
        0xED => (2, 0x80, 0x9F),
        0xF0 => (3, 0x90, 0xBF),
        0xF1..=0xF3 => (3, 0x80, 0xBF),
        0xF4 => (3, 0x80, 0x8F),
        _ => return None,
    };
    Some(Utf8 { due, low, high })
}
