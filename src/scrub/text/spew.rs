//! What go-spew writes before a value: its type, its length, its address. `Token: (string) (len=7) "x"`, `(*string)(0xc000012)((len=7) "x")`.

use super::TextMachine;
use super::value::{Opening, Tail};
use super::window::More;

/// Longest part in parentheses, in characters.
const PART: usize = 64;
/// Most parts.
const PARTS: usize = 4;

impl TextMachine {
    /// How many symbols at a distance ahead are types and lengths in parentheses that stand before a string in quotes, or, with
    /// `lists`, before the brace of a list.
    pub(super) fn spew(&self, at: usize, lists: bool) -> Result<usize, More> {
        let mut next = at;
        let mut counted = false;
        for _ in 0..PARTS {
            if self.window.byte(next)? != b'(' {
                return Ok(0);
            }
            next += 1;
            if self.window.byte(next)? == b'(' {
                next += 1;
            }
            let start = next;
            counted |= self.window.starts_with(next, b"len=", false)?;
            loop {
                let byte = self.window.byte(next)?;
                let part = byte.is_ascii_alphanumeric()
                    || matches!(
                        byte,
                        b'_' | b'.' | b'*' | b'[' | b']' | b'=' | b' ' | b'/' | b'{' | b'}'
                    );
                if !part || next - start == PART {
                    break;
                }
                next += 1;
            }
            if next == start || self.window.byte(next)? != b')' {
                return Ok(0);
            }
            next += 1;
            let (gap, newline) = self.gap(next)?;
            if newline {
                return Ok(0);
            }
            next += gap;
            match self.opening(next)? {
                Opening::Quote {
                    open,
                    triple,
                    inside,
                    ..
                } => {
                    let closed = self.is_closed(open, triple, inside, Tail::None)?;
                    return Ok(if closed { next - at } else { 0 });
                }
                Opening::Bracket(b'{') if counted && lists => return Ok(next - at),
                Opening::Bracket(b'(') => {}
                Opening::Bracket(_) | Opening::Marker | Opening::Plain => return Ok(0),
            }
        }
        Ok(0)
    }
}
