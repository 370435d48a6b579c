//! MessagePack, as native SDKs write events and breadcrumbs (`__sentry-event`, `__sentry-breadcrumb1`): read into JSON values.
//!
//! Source: MessagePack specification (github.com/msgpack/msgpack, spec.md). What JSON has no word for becomes `null`: extension types,
//! and bytes that are no text; so do infinities. Whoever reads it bounds its length; a value takes at most some eighty times its bytes.

use serde_json::{Map, Number, Value};

use super::outcome::Reason;

/// Depth of nesting, the most that the JSON reader takes.
const DEPTH: usize = 127;

/// What is wrong, and at which byte.
type Failure = (Reason, u64);

const NO_KEY: Reason = Reason::Framing("a map of MessagePack whose key is no string");
const NO_UTF8: Reason = Reason::Framing("a string of MessagePack that is not valid UTF-8");
const NO_TYPE: Reason = Reason::Framing("a byte that begins no value of MessagePack");
const DEEP: Reason = Reason::Framing("MessagePack nested deeper than 127");

/// Reads values, one after the other, up to the end.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Value>, Failure> {
    let mut reader = Reader { bytes, read: 0 };
    let mut values = Vec::new();
    while reader.read < bytes.len() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

struct Reader<'a> {
    bytes: &'a [u8],
    read: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Failure> {
        let at = self.read as u64;
        if depth > DEPTH {
            return Err((DEEP, at));
        }
        let [first] = self.fixed()?;
        Ok(match first {
            0x00..=0x7F => Value::from(first),
            0x80..=0x8F => self.map(u32::from(first & 0x0F), depth)?,
            0x90..=0x9F => self.array(u32::from(first & 0x0F), depth)?,
            0xA0..=0xBF => self.string(u32::from(first & 0x1F))?,
            0xC0 => Value::Null,
            0xC1 => return Err((NO_TYPE, at)),
            0xC2 => Value::Bool(false),
            0xC3 => Value::Bool(true),
            0xC4..=0xC6 => {
                let length = self.length(first - 0xC4)?;
                let bytes = self.take(length)?;
                std::str::from_utf8(bytes).map_or(Value::Null, Value::from)
            }
            0xC7..=0xC9 => {
                let length = self.length(first - 0xC7)?;
                self.extension(length)?
            }
            0xCA => float(f64::from(f32::from_be_bytes(self.fixed()?))),
            0xCB => float(f64::from_be_bytes(self.fixed()?)),
            0xCC => Value::from(u8::from_be_bytes(self.fixed()?)),
            0xCD => Value::from(u16::from_be_bytes(self.fixed()?)),
            0xCE => Value::from(u32::from_be_bytes(self.fixed()?)),
            0xCF => Value::from(u64::from_be_bytes(self.fixed()?)),
            0xD0 => Value::from(i8::from_be_bytes(self.fixed()?)),
            0xD1 => Value::from(i16::from_be_bytes(self.fixed()?)),
            0xD2 => Value::from(i32::from_be_bytes(self.fixed()?)),
            0xD3 => Value::from(i64::from_be_bytes(self.fixed()?)),
            0xD4..=0xD8 => self.extension(1 << (first - 0xD4))?,
            0xD9..=0xDB => {
                let length = self.length(first - 0xD9)?;
                self.string(length)?
            }
            0xDC | 0xDD => {
                let length = self.length(first - 0xDC + 1)?;
                self.array(length, depth)?
            }
            0xDE | 0xDF => {
                let length = self.length(first - 0xDE + 1)?;
                self.map(length, depth)?
            }
            0xE0..=0xFF => Value::from(first as i8),
        })
    }

    /// A length of 1, 2 or 4 bytes (`size` 0, 1, 2).
    fn length(&mut self, size: u8) -> Result<u32, Failure> {
        Ok(match size {
            0 => u32::from(u8::from_be_bytes(self.fixed()?)),
            1 => u32::from(u16::from_be_bytes(self.fixed()?)),
            _ => u32::from_be_bytes(self.fixed()?),
        })
    }

    /// Nothing is set aside for a length that is only said.
    fn array(&mut self, length: u32, depth: usize) -> Result<Value, Failure> {
        let mut elements = Vec::new();
        for _ in 0..length {
            elements.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(elements))
    }

    fn map(&mut self, length: u32, depth: usize) -> Result<Value, Failure> {
        let mut members = Map::new();
        for _ in 0..length {
            let at = self.read as u64;
            let key = match self.value(depth + 1)? {
                Value::String(key) => key,
                Value::Number(number) => number.to_string(),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                    return Err((NO_KEY, at));
                }
            };
            let value = self.value(depth + 1)?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }

    fn string(&mut self, length: u32) -> Result<Value, Failure> {
        let at = self.read as u64;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| (NO_UTF8, at))?;
        Ok(Value::from(text))
    }

    fn extension(&mut self, length: u32) -> Result<Value, Failure> {
        let [_kind] = self.fixed()?;
        self.take(length)?;
        Ok(Value::Null)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N as u32)?);
        Ok(bytes)
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], Failure> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let taken = self
            .bytes
            .get(self.read..)
            .and_then(|rest| rest.get(..length))
            .ok_or((Reason::CutOff, self.bytes.len() as u64))?;
        self.read += length;
        Ok(taken)
    }
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
