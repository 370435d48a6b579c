//! Text whose length is fixed, such as a text attachment: what is found in it is masked in place, byte for byte.
//!
//! What calls itself text and is none (no UTF-8, or control characters that no text has) can't be vouched for: from its first
//! such byte on, all of it is masked.

use super::plan::Plan;
use super::splice::{Reading, Splicer};
use super::text::{Context, Kind, Layer, TextMachine};

/// The scrubber of one text after the other.
#[derive(Debug)]
pub(crate) struct MaskedText {
    machine: TextMachine,
    utf8: Utf8,
    /// The rest is no text.
    broken: bool,
}

/// How a character of several bytes goes on: how many are due, and the bounds of the next (Unicode standard, table 3-7).
#[derive(Debug, Clone, Copy, Default)]
struct Utf8 {
    due: u8,
    low: u8,
    high: u8,
}

impl Utf8 {
    /// Whether a byte is text.
    fn takes(&mut self, byte: u8) -> bool {
        if self.due > 0 {
            if byte < self.low || byte > self.high {
                return false;
            }
            *self = Utf8 {
                due: self.due - 1,
                low: 0x80,
                high: 0xBF,
            };
            return true;
        }
        let (due, low, high) = match byte {
            // White space, and the escape of terminal colours.
            b'\t' | b'\n' | b'\r' | 0x0C | 0x1B | 0x20..=0x7E => return true,
            0xC2..=0xDF => (1, 0x80, 0xBF),
            0xE0 => (2, 0xA0, 0xBF),
            0xE1..=0xEC | 0xEE..=0xEF => (2, 0x80, 0xBF),
            0xED => (2, 0x80, 0x9F),
            0xF0 => (3, 0x90, 0xBF),
            0xF1..=0xF3 => (3, 0x80, 0xBF),
            0xF4 => (3, 0x80, 0x8F),
            _ => return false,
        };
        *self = Utf8 { due, low, high };
        true
    }
}

impl MaskedText {
    pub(crate) fn new() -> Self {
        MaskedText {
            machine: TextMachine::new(),
            utf8: Utf8::default(),
            broken: false,
        }
    }

    /// A text begins at an offset.
    pub(crate) fn start(&mut self, at: u64, splicer: &mut Splicer) {
        self.machine.start(Kind::Plain, Layer::Plain, at);
        self.utf8 = Utf8::default();
        self.broken = false;
        splicer.mask(true);
    }

    /// Reads the next bytes of the text, which begin at an offset.
    pub(crate) fn push(&mut self, bytes: &[u8], at: u64, plan: &Plan, splicer: &mut Splicer) {
        if self.broken {
            return;
        }
        let good = bytes
            .iter()
            .position(|byte| !self.utf8.takes(*byte))
            .unwrap_or(bytes.len());
        self.broken = good < bytes.len();
        let mut cx = Context { plan, splicer };
        self.machine.run(&bytes[..good], at, self.broken, &mut cx);
        if self.broken {
            let from = at + good as u64;
            cx.splicer.cut(Reading::Plain, from);
            cx.splicer.record(Reading::Plain, plan.no_text_rule, from);
        }
    }

    /// The text ends at an offset.
    pub(crate) fn finish(&mut self, at: u64, plan: &Plan, splicer: &mut Splicer) {
        if self.broken {
            splicer.resume(Reading::Plain, at);
        } else {
            self.machine
                .run(b"", at, true, &mut Context { plan, splicer });
        }
        splicer.mask(false);
        // Attachments are few: nothing is kept for the next.
        self.machine = TextMachine::new();
    }

    pub(crate) fn undecided(&mut self, end: u64) -> Option<u64> {
        if self.broken {
            None
        } else {
            self.machine.undecided(end)
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.machine.held_bytes()
    }
}
