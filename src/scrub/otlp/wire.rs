//! The wire format of Protocol Buffers: [`fields`] reads a message field by field, the rest writes one.
//!
//! ```text
//!  key (varint: number << 3 | wire type), value     key, value     key, length, bytes     ...
//! ```
//!
//! Source: Protocol Buffers documentation, "Encoding". Groups (wire types 3 and 4) are not part of proto3 and are refused.

use crate::scrub::outcome::Reason;

/// What is wrong, and at which byte of the body.
pub(super) type Failure = (Reason, u64);

/// A value as it stands on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
    /// Offset of its key in the body.
    pub(super) at: u64,
    /// Offset of its value (behind the length, if it has one).
    pub(super) value_at: u64,
}

/// The fields of the message that starts at an offset of the body.
pub(super) fn fields(message: &[u8], base: u64) -> Fields<'_> {
    Fields {
        message,
        base,
        read: 0,
    }
}

#[derive(Debug)]
pub(super) struct Fields<'a> {
    message: &'a [u8],
    base: u64,
    read: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Failure>;

    /// After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.read == self.message.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.read = self.message.len();
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<Field<'a>, Failure> {
        let at = self.offset();
        let key = self.varint()?;
        let number = u32::try_from(key >> 3)
            .ok()
            .filter(|number| (1..1 << 29).contains(number))
            .ok_or((Reason::Framing("a field with no possible number"), at))?;
        let mut value_at = self.offset();
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed()?),
            2 => {
                let length = self.varint()?;
                value_at = self.offset();
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(self.fixed()?),
            _ => return Err((Reason::Framing("a wire type that proto3 does not have"), at)),
        };
        Ok(Field {
            number,
            value,
            at,
            value_at,
        })
    }

    fn offset(&self) -> u64 {
        self.base + self.read as u64
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Failure> {
        let rest = &self.message[self.read..];
        if length > rest.len() {
            let reason = Reason::Framing("a field is longer than the message around it");
            return Err((reason, self.offset()));
        }
        self.read += length;
        Ok(&rest[..length])
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, Failure> {
        let at = self.offset();
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err((Reason::Framing("a number of more than 64 bits"), at))
    }
}

/// Writes a field.
pub(super) fn put(out: &mut Vec<u8>, number: u32, value: Value<'_>) {
    let wire_type = match value {
        Value::Varint(_) => 0,
        Value::Fixed64(_) => 1,
        Value::Bytes(_) => 2,
        Value::Fixed32(_) => 5,
    };
    put_varint(out, u64::from(number) << 3 | wire_type);
    match value {
        Value::Varint(value) => put_varint(out, value),
        Value::Fixed64(bytes) => out.extend_from_slice(&bytes),
        Value::Bytes(bytes) => {
            put_varint(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        Value::Fixed32(bytes) => out.extend_from_slice(&bytes),
    }
}

/// Makes a field of all that has been written since `start`.
pub(super) fn insert_head(out: &mut Vec<u8>, start: usize, number: u32) {
    let mut head = Vec::with_capacity(15);
    put_varint(&mut head, u64::from(number) << 3 | 2);
    put_varint(&mut head, (out.len() - start) as u64);
    out.splice(start..start, head);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
