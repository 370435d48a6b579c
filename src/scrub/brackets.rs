//! Where the containers of a JSON document end, ahead of who reads it: by quotes and brackets alone, 64 bytes at a time. Nothing is checked, so for
//! what is no JSON the answer may be any.

use std::collections::VecDeque;

use super::blocks::{BLOCK, Structure};

/// Longest container whose end is told, in bytes.
pub(crate) const LONGEST: usize = 4096;
/// How many containers ahead are known at a time, and how many in one another.
const KNOWN: usize = 256;
const OPEN: usize = 128;
/// Stands for a container of which nothing is known.
const NONE: u32 = u32::MAX;

/// For each bit, whether the number of bits up to it is odd.
#[inline]
fn odd_up_to(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// A container ahead: where it begins, in the lowest bits, and its length, or 0 if that is not known yet.
#[derive(Debug, Clone, Copy)]
struct Known {
    start: u32,
    length: u16,
}

/// The containers ahead in the chunk at hand.
#[derive(Debug, Default)]
pub(crate) struct Brackets {
    /// Up to where the chunk has been read.
    read: usize,
    /// That is in a string, as a mask of all bits.
    in_string: u64,
    /// That is behind a backslash which escapes what comes.
    escapes: bool,
    known: VecDeque<Known>,
    /// How many have been taken out of it.
    gone: u32,
    /// The open ones, by their number.
    open: Vec<u32>,
    /// How many more there are than have room.
    deeper: u32,
}

impl Brackets {
    /// Another chunk is at hand.
    pub(crate) fn clear(&mut self) {
        self.start(0);
    }

    /// Bytes that are kept between chunks.
    pub(crate) fn held_bytes(&self) -> usize {
        self.known.capacity() * size_of::<Known>() + self.open.capacity() * size_of::<u32>()
    }

    fn start(&mut self, at: usize) {
        self.read = at;
        self.in_string = 0;
        self.escapes = false;
        self.known.clear();
        self.gone = 0;
        self.open.clear();
        self.deeper = 0;
    }

    /// The index behind the container that begins at an index, if that is near. Costs in all a look at each byte.
    pub(crate) fn end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        if from > self.read {
            self.start(from);
        }
        let start = from as u32;
        while self.known.front().is_some_and(|it| it.start < start) {
            self.known.pop_front();
            self.gone += 1;
        }
        loop {
            match self.known.front() {
                Some(known) if known.start != start => return None,
                Some(known) if known.length > 0 => {
                    let length = usize::from(known.length);
                    return (length <= LONGEST).then_some(from + length);
                }
                Some(_) | None => {}
            }
            if self.read >= bytes.len() || self.read - from > LONGEST {
                return None;
            }
            self.read_block(bytes);
        }
    }

    /// Whether the end of the container that begins at an index, which was just asked for, may be near, but behind the last byte.
    pub(crate) fn is_cut(&self, bytes: &[u8], from: usize) -> bool {
        let known = self.known.front();
        self.read >= bytes.len()
            && bytes.len() - from <= LONGEST
            && known.is_some_and(|it| it.start == from as u32 && it.length == 0)
    }

    fn read_block(&mut self, bytes: &[u8]) {
        let at = self.read;
        let mut last = [0; BLOCK];
        let block = match bytes[at..].first_chunk::<BLOCK>() {
            Some(block) => block,
            None => {
                let rest = &bytes[at..];
                last[..rest.len()].copy_from_slice(rest);
                &last
            }
        };
        let signs = Structure::of(block);
        let quotes = match signs.backslashes {
            0 if !self.escapes => signs.quotes,
            backslashes => signs.quotes & !self.escaped(backslashes),
        };
        let inside = odd_up_to(quotes) ^ self.in_string;
        self.in_string = ((inside as i64) >> 63) as u64;
        let mut left = (signs.opens | signs.closes) & !inside;
        while left != 0 {
            let place = left.trailing_zeros();
            if signs.opens >> place & 1 == 1 {
                self.open(at + place as usize);
            } else {
                self.close(at + place as usize);
            }
            left &= left - 1;
        }
        self.read = at + BLOCK;
    }

    /// Which bytes of a block are behind a backslash that escapes them. Backslashes are few.
    fn escaped(&mut self, backslashes: u64) -> u64 {
        let mut escaped = u64::from(std::mem::take(&mut self.escapes));
        let mut left = backslashes & !escaped;
        while left != 0 {
            let place = left.trailing_zeros();
            if place == u64::BITS - 1 {
                self.escapes = true;
                break;
            }
            escaped |= 2 << place;
            left &= u64::MAX << (place + 1) & !escaped;
        }
        escaped
    }

    fn open(&mut self, at: usize) {
        if self.open.len() == OPEN {
            self.deeper += 1;
            return;
        }
        let number = if self.known.len() == KNOWN {
            NONE
        } else {
            self.known.push_back(Known {
                start: at as u32,
                length: 0,
            });
            self.gone + self.known.len() as u32 - 1
        };
        self.open.push(number);
    }

    fn close(&mut self, at: usize) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let number = self.open.pop().unwrap_or(NONE);
        let known = number
            .checked_sub(self.gone)
            .and_then(|index| self.known.get_mut(index as usize));
        if let Some(known) = known {
            let length = (at as u32 + 1).wrapping_sub(known.start);
            known.length = u16::try_from(length).unwrap_or(u16::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::Brackets;

    /// The end of each container by reading byte by byte.
    fn ends(bytes: &[u8]) -> Vec<(usize, usize)> {
        let (mut ends, mut open) = (Vec::new(), Vec::new());
        let (mut in_string, mut escaped) = (false, false);
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => open.push(at),
                b'}' | b']' if !in_string => ends.extend(open.pop().map(|from| (from, at + 1))),
                _ => {}
            }
        }
        ends.sort_unstable();
        ends
    }

    proptest! {
        /// Containers end where they do; each `skip` of them is asked for.
        #[test]
        fn ends_are_found(inside in "([a,]|\"[a{}\\[\\]]{0,9}\"|\"(\\\\\\\\|\\\\\"|[a}]){0,9}\"|[{\\[]|[}\\]]){0,200}", skip in 1..4_usize) {
            let text = format!("[{inside}]}}]}}]}}]");
            let mut brackets = Brackets::default();
            for (from, end) in ends(text.as_bytes()).into_iter().step_by(skip) {
                assert_eq!(brackets.end(text.as_bytes(), from), Some(end), "from {from} of {text}");
            }
        }
    }

    #[test]
    fn no_container_is_too_long_or_too_deep() {
        let long = format!("[{}]", " ".repeat(5000));
        assert_eq!(Brackets::default().end(long.as_bytes(), 0), None);
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        let mut brackets = Brackets::default();
        assert_eq!(brackets.end(deep.as_bytes(), 0), Some(600));
        assert_eq!(brackets.end(deep.as_bytes(), 100), Some(500));
        assert_eq!(brackets.end(deep.as_bytes(), 299), None);
    }
}
