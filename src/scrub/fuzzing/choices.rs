//! Choices made from arbitrary bytes, so that a fuzzer can steer what is made of them.

/// Choices made from bytes. When they have run out, choices go on, each other than the last.
pub(super) struct Choices<'a> {
    bytes: &'a [u8],
    /// Taken beyond the end.
    beyond: usize,
}

impl<'a> Choices<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Choices { bytes, beyond: 0 }
    }

    /// Two places to cut an input at.
    pub(super) fn cuts(&mut self) -> Vec<usize> {
        let places = (0..2).map(|_| usize::from(self.byte()) << 8 | usize::from(self.byte()));
        places.collect()
    }

    pub(super) fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => {
                self.beyond += 1;
                (self.beyond.wrapping_mul(0x9E37_79B1) >> 16) as u8
            }
        }
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub(super) fn of<'b>(&mut self, all: &[&'b str]) -> &'b str {
        all[self.below(all.len())]
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}
