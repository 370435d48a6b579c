//! The simplest members of an object, one after the other: a key of which it is known that no rule knows it, and behind it a string
//! in which nothing can stand, an integer, `true`, `false` or `null`.
//!
//! Most members of most events are like that. Nothing is written down of such a member but that it was there, and where it ends; so what
//! reads them keeps all it needs in registers. What is not of this kind it leaves to the fast lane, which knows more.

use super::keys::SharedKeys;
use super::lexer::Expect;
use crate::scrub::blocks::Blocks;
use crate::scrub::literals::Literals;
use crate::scrub::path::Node;
use crate::scrub::verdicts::{Packed, REMEMBERED};

/// What is to be known of the plan.
pub(super) struct Simple<'a> {
    pub(super) keys: &'a SharedKeys,
    pub(super) literals: &'a Literals,
    /// Where the object stands.
    pub(super) node: &'a Node,
}

/// How far the members were simple.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// Up to here: a key's quote, what stands behind its colon, or what stands behind a member.
    pub(super) at: usize,
    /// How many keys there were.
    pub(super) keys: u32,
    /// What comes here.
    pub(super) expect: Expect,
}

impl Simple<'_> {
    /// Reads members from the quote of a key on.
    #[inline(never)]
    pub(super) fn pass(&self, bytes: &[u8], quote: usize, blocks: &mut Blocks) -> Passed {
        let mut passed = Passed {
            at: quote,
            keys: 0,
            expect: Expect::Key,
        };
        loop {
            let Some(value) = self.key(bytes, passed.at, blocks) else {
                return passed;
            };
            passed.keys += 1;
            let Some(end) = self.value(bytes, value, blocks) else {
                passed.at = value;
                passed.expect = Expect::Value;
                return passed;
            };
            let next = end + 1 + usize::from(bytes.get(end + 1) == Some(&b' '));
            if bytes.get(end) != Some(&b',') || bytes.get(next) != Some(&b'"') {
                passed.at = end;
                passed.expect = Expect::CommaOrClose;
                return passed;
            }
            passed.at = next;
        }
    }

    /// Where the value begins, behind a simple key whose quote is here.
    #[inline]
    fn key(&self, bytes: &[u8], quote: usize, blocks: &mut Blocks) -> Option<usize> {
        let key = quote + 1;
        let run = blocks.run(bytes, key, &self.literals.filter)?;
        let first = bytes.get(key..)?.first_chunk::<REMEMBERED>()?;
        let packed = Packed::of_first(first, run.length())?;
        let behind = key + run.length();
        if bytes.get(behind..behind + 2)? != b"\":" || !self.keys.knows_as_plain(packed) {
            return None;
        }
        let name = &first[..run.length()];
        // The `id` of a user is looked for.
        if self.node.may_lead(name) || name == b"id" {
            return None;
        }
        Some(behind + 2 + usize::from(bytes.get(behind + 2) == Some(&b' ')))
    }

    /// Where the value ends that begins here, if it is simple.
    #[inline]
    fn value(&self, bytes: &[u8], at: usize, blocks: &mut Blocks) -> Option<usize> {
        match bytes.get(at)? {
            b'"' => {
                let run = blocks.run(bytes, at + 1, &self.literals.filter)?;
                let end = at + 1 + run.length();
                let is_simple = bytes.get(end) == Some(&b'"')
                    && self.literals.are_none(run, bytes, at + 1, blocks);
                is_simple.then_some(end + 1)
            }
            b'0'..=b'9' => {
                let length = digits(bytes.get(at..)?.first_chunk()?);
                let leads = bytes[at] == b'0' && length > 1;
                // Eight digits or more are left to others.
                (length < 8 && !leads && ends_token(bytes[at + length])).then_some(at + length)
            }
            b't' => word(bytes, at, b"true"),
            b'f' => word(bytes, at, b"false"),
            b'n' => word(bytes, at, b"null"),
            _ => None,
        }
    }
}

/// How many bytes are digits before the first that is none.
#[inline]
fn digits(bytes: &[u8; 8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from_le_bytes(*bytes) ^ (EACH * b'0' as u64);
    // The highest bit of each byte that is more than 9.
    let others = ((bytes & (EACH * 0x7F)) + EACH * (0x7F - 9)) | bytes;
    (others & (EACH * 0x80)).trailing_zeros() as usize / 8
}

#[inline]
fn word<const LENGTH: usize>(bytes: &[u8], at: usize, word: &[u8; LENGTH]) -> Option<usize> {
    let end = at + LENGTH;
    let is_word = bytes.get(at..end)? == word && ends_token(*bytes.get(end)?);
    is_word.then_some(end)
}

/// Whether a byte ends a number or literal.
#[inline]
pub(super) fn ends_token(byte: u8) -> bool {
    matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::digits;

    proptest! {
        /// Digits are counted, whatever stands behind them.
        #[test]
        fn digits_are_counted(text in "[0-9]{0,8}", behind in prop::array::uniform8(any::<u8>())) {
            let mut bytes = text.clone().into_bytes();
            bytes.extend(behind);
            let eight = bytes.first_chunk().expect("eight bytes");
            let expected = eight.iter().take_while(|it| it.is_ascii_digit()).count();
            assert_eq!(digits(eight), expected);
        }
    }
}
