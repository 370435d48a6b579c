//! Bodies of the store endpoint: undoes, as a stream, what old SDKs put around the JSON event.
//!
//! | the body begins with | it is |
//! | --- | --- |
//! | `{` | the event itself; every chunk passes in the memory it came in |
//! | `sentry_data=` | a form, whose first field is one of the other two, percent-encoded; what follows the field is left out |
//! | anything else | base64 of the event, plain or packed (zlib, raw deflate, gzip) |
//!
//! No header tells which (Relay, `endpoints/store.rs`, `decode_bytes`: whatever does not begin with `{` is base64, and what comes
//! out of that and does not begin with `{` is zlib). White space before it is no part of it. What is none of them is refused.

use bytes::Bytes;

use super::decode::{DecodeError, Decoder, Encoding};
use super::limits::Limits;
use super::outcome::Reason;

/// What is wrong, and at which byte of the body.
type Failure = (Reason, u64);

/// The only field of a form that is read.
const FIELD: &[u8] = b"sentry_data=";

const NEITHER: Reason = Reason::Framing(
    "neither a JSON object, nor base64 of one, nor a form that begins with sentry_data=",
);
const BASE64: Reason = Reason::Framing("not base64");

/// The bytes around an event, undone chunk by chunk.
#[derive(Debug)]
pub(super) struct StoreBody {
    outer: Outer,
    inner: Inner,
    limits: Limits,
    /// Offset of the next byte of the body.
    at: u64,
    /// Offset of the event's first byte, as it came.
    start: u64,
    ready: Option<Bytes>,
}

/// What stands around everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outer {
    /// So many bytes of [`FIELD`] have come, and nothing else but white space.
    Unknown(usize),
    /// Nothing.
    Plain,
    /// A form; inside of its field.
    Field(Escape),
    /// Behind the field.
    Behind,
}

/// A percent-encoded byte in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Percent,
    High(u8),
}

/// What the event itself is written as.
#[derive(Debug)]
enum Inner {
    Unknown,
    Json,
    Base64(Base64, Content),
}

/// What base64 holds.
#[derive(Debug)]
enum Content {
    Unknown,
    Json,
    Packed(Box<Decoder>),
}

/// Base64 in progress (RFC 4648, section 4), without looking at the bits behind the last whole byte.
#[derive(Debug, Clone, Copy, Default)]
struct Base64 {
    bits: u32,
    /// How many characters of the group at hand have come.
    count: u8,
    /// How many `=` have come.
    padding: u8,
}

impl Base64 {
    fn sextet(byte: u8) -> Option<u32> {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            // In a form, a plus that was not percent-encoded has become a space.
            b'+' | b' ' => 62,
            b'/' => 63,
            _ => return None,
        };
        Some(u32::from(value))
    }

    /// Takes one character; `None`: it can't stand here.
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<()> {
        if matches!(byte, b'\r' | b'\n') {
            return Some(());
        }
        if byte == b'=' {
            self.padding += 1;
            return (self.count + self.padding <= 4 && self.count >= 2).then_some(());
        }
        let sextet = Self::sextet(byte).filter(|_| self.padding == 0)?;
        self.bits = self.bits << 6 | sextet;
        self.count += 1;
        match self.count {
            2 => out.push((self.bits >> 4) as u8),
            3 => out.push((self.bits >> 2) as u8),
            4 => {
                out.push(self.bits as u8);
                *self = Base64::default();
            }
            _ => {}
        }
        Some(())
    }

    /// Whether it may end here; the padding may be missing, but not in part.
    fn is_complete(self) -> bool {
        match self.padding {
            0 => self.count != 1,
            padding => self.count + padding == 4,
        }
    }
}

impl StoreBody {
    pub(super) fn new(limits: &Limits) -> Self {
        StoreBody {
            outer: Outer::Unknown(0),
            inner: Inner::Unknown,
            limits: limits.clone(),
            at: 0,
            start: 0,
            ready: None,
        }
    }

    /// Takes the next chunk of the body. Call [`StoreBody::next`] until it gives nothing before the next one.
    pub(super) fn push(&mut self, chunk: Bytes) -> Result<(), Failure> {
        if matches!((self.outer, &self.inner), (Outer::Plain, Inner::Json)) {
            self.at += chunk.len() as u64;
            self.ready = Some(chunk);
            return Ok(());
        }
        let mut plain = Vec::with_capacity(chunk.len());
        for (index, &byte) in chunk.iter().enumerate() {
            self.outside(byte, &mut plain)?;
            self.at += 1;
            if matches!((self.outer, &self.inner), (Outer::Plain, Inner::Json)) {
                // The event begins in this chunk: it passes as it is.
                self.at += (chunk.len() - index - 1) as u64;
                self.ready = Some(chunk.slice(index..));
                return Ok(());
            }
        }
        let plain = Bytes::from(plain);
        match &mut self.inner {
            Inner::Base64(_, Content::Packed(decoder)) => decoder.push(plain),
            Inner::Unknown | Inner::Json | Inner::Base64(..) => {
                self.ready = (!plain.is_empty()).then_some(plain);
            }
        }
        Ok(())
    }

    /// The next piece of the event, or `None` when another chunk is needed.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match &mut self.inner {
            Inner::Base64(_, Content::Packed(decoder)) => {
                let start = self.start;
                decoder.next().map_err(|error| unpacking(error, start))
            }
            Inner::Unknown | Inner::Json | Inner::Base64(..) => Ok(self.ready.take()),
        }
    }

    /// The body has ended.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let cut_off = (Reason::CutOff, self.at);
        match self.outer {
            Outer::Unknown(seen) => {
                // Shorter than the name of the field: base64, if anything.
                let mut plain = Vec::new();
                self.at -= seen as u64;
                for &byte in &FIELD[..seen] {
                    self.inside(byte, &mut plain)?;
                    self.at += 1;
                }
                return Err(cut_off);
            }
            Outer::Field(Escape::Percent | Escape::High(_)) => return Err(cut_off),
            Outer::Plain | Outer::Field(Escape::None) | Outer::Behind => {}
        }
        match &mut self.inner {
            Inner::Unknown => Err(cut_off),
            Inner::Json => Ok(()),
            Inner::Base64(base64, _) if !base64.is_complete() => Err(cut_off),
            Inner::Base64(_, Content::Unknown) => Err(cut_off),
            Inner::Base64(_, Content::Json) => Ok(()),
            Inner::Base64(_, Content::Packed(decoder)) => {
                let start = self.start;
                decoder.end().map_err(|error| unpacking(error, start))
            }
        }
    }

    /// Bytes that are kept between chunks, beside the window of a codec.
    pub(super) fn held_bytes(&self) -> usize {
        self.ready.as_ref().map_or(0, Bytes::len)
    }

    /// One byte of the body.
    fn outside(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Failure> {
        match self.outer {
            Outer::Unknown(0) if byte.is_ascii_whitespace() => Ok(()),
            Outer::Unknown(seen) if byte == FIELD[seen] => {
                self.outer = match seen + 1 == FIELD.len() {
                    true => Outer::Field(Escape::None),
                    false => Outer::Unknown(seen + 1),
                };
                Ok(())
            }
            Outer::Unknown(seen) => {
                self.outer = Outer::Plain;
                let at = self.at;
                self.at -= seen as u64;
                for &before in &FIELD[..seen] {
                    self.inside(before, out)?;
                    self.at += 1;
                }
                self.at = at;
                self.inside(byte, out)
            }
            Outer::Plain => self.inside(byte, out),
            Outer::Field(Escape::None) => match byte {
                b'&' => {
                    self.outer = Outer::Behind;
                    Ok(())
                }
                b'%' => {
                    self.outer = Outer::Field(Escape::Percent);
                    Ok(())
                }
                b'+' => self.inside(b' ', out),
                byte => self.inside(byte, out),
            },
            Outer::Field(Escape::Percent) => {
                let high = self.digit(byte)?;
                self.outer = Outer::Field(Escape::High(high));
                Ok(())
            }
            Outer::Field(Escape::High(high)) => {
                let low = self.digit(byte)?;
                self.outer = Outer::Field(Escape::None);
                self.inside(high << 4 | low, out)
            }
            Outer::Behind => Ok(()),
        }
    }

    fn digit(&self, byte: u8) -> Result<u8, Failure> {
        let digit = char::from(byte).to_digit(16);
        digit
            .map(|digit| digit as u8)
            .ok_or((Reason::Framing("not percent-encoding"), self.at))
    }

    /// One byte of what stands in the form, or of the body where there is none.
    fn inside(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Failure> {
        if let Inner::Unknown = self.inner {
            if byte.is_ascii_whitespace() {
                return Ok(());
            }
            self.start = self.at;
            self.inner = match byte {
                b'{' => Inner::Json,
                _ => Inner::Base64(Base64::default(), Content::Unknown),
            };
        }
        let Inner::Base64(base64, content) = &mut self.inner else {
            out.push(byte);
            return Ok(());
        };
        let before = out.len();
        let is_space = byte == b' ' && self.outer == Outer::Plain;
        if is_space || base64.take(byte, out).is_none() {
            let reason = if self.at == self.start {
                NEITHER
            } else {
                BASE64
            };
            return Err((reason, self.at));
        }
        if let (Content::Unknown, Some(&first)) = (&content, out.get(before)) {
            *content = match first {
                b'{' => Content::Json,
                space if space.is_ascii_whitespace() => {
                    out.pop();
                    Content::Unknown
                }
                first => {
                    let encoding = match first {
                        GZIP => Encoding::Gzip,
                        _ => Encoding::Deflate,
                    };
                    let decoder = Decoder::new(encoding, &self.limits)
                        .map_err(|error| unpacking(error, self.start))?;
                    Content::Packed(Box::new(decoder))
                }
            };
        }
        Ok(())
    }
}

/// The first byte of a gzip member (RFC 1952); no zlib stream begins with it.
const GZIP: u8 = 0x1f;

/// What is wrong with what base64 holds. The place is that of its beginning: how far a codec has read depends on the chunks.
fn unpacking(error: DecodeError, start: u64) -> Failure {
    let reason = match error {
        DecodeError::Malformed(..) => {
            Reason::Framing("base64 of neither a JSON object nor a sound zlib or gzip stream")
        }
        DecodeError::CutOff(..) => Reason::Framing("the zlib or gzip stream in base64 is cut off"),
        DecodeError::Trailing(..) => {
            Reason::Framing("something stands behind the zlib or gzip stream in base64")
        }
        DecodeError::TooLarge(limit) => Reason::TooLarge {
            what: "the unpacked event",
            key: "limits.decoded_bytes",
            limit,
        },
        DecodeError::Ratio(limit) => Reason::Expands { limit },
        DecodeError::Unavailable(_) => Reason::Framing("no memory to unpack it"),
    };
    (reason, start)
}
