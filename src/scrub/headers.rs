//! Scrubs header lines: the value of a denied header goes, to the end of its line and of the lines folded behind it; every other
//! line is text.

use bytes::Bytes;

use super::MARKER;
use super::name::{Kinds, NAME_BYTES, RuleIndex, Words};
use super::splice::Reading;
use super::text::{Context, Kind, Layer, TextMachine};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At a line's start.
    Start,
    /// In a name, or in what may be one.
    Name,
    /// In a line that is text.
    Text,
    /// Behind a denied name, before its value.
    Gap(RuleIndex),
    /// In the value of a denied name.
    Value(RuleIndex),
}

/// The scrubber of one block of header lines.
#[derive(Debug)]
pub(crate) struct HeaderScrubber {
    state: State,
    /// The rule of the denied header whose value may go on, folded, on the next line.
    folded: Option<RuleIndex>,
    name: Vec<u8>,
    /// White space has come behind the name.
    spaced: bool,
    machine: TextMachine,
    /// Bytes of the line up to here have been read by the machine.
    scanned: u64,
    words: Words,
}

impl HeaderScrubber {
    pub(crate) fn new() -> Self {
        HeaderScrubber {
            state: State::Start,
            folded: None,
            name: Vec::new(),
            spaced: false,
            machine: TextMachine::new(),
            scanned: 0,
            words: Words::default(),
        }
    }

    pub(crate) fn push(&mut self, chunk: &[u8], base: u64, cx: &mut Context<'_>) {
        for (index, &byte) in chunk.iter().enumerate() {
            let at = base + index as u64;
            if matches!(byte, b'\n' | b'\r') {
                self.end_line(chunk, base, at, cx);
                continue;
            }
            match self.state {
                State::Start => {
                    self.scanned = at;
                    match self.folded {
                        Some(rule) if matches!(byte, b' ' | b'\t') => self.state = State::Gap(rule),
                        _ => {
                            self.folded = None;
                            self.name.clear();
                            self.spaced = false;
                            self.machine.start(Kind::Plain, Layer::Plain, at);
                            self.state = State::Name;
                            self.name_byte(byte, chunk, base, at, cx);
                        }
                    }
                }
                State::Name => self.name_byte(byte, chunk, base, at, cx),
                State::Text | State::Value(_) => {}
                State::Gap(rule) => {
                    if !matches!(byte, b' ' | b'\t') {
                        cx.splicer.cut(Reading::Plain, at);
                        cx.splicer
                            .insert(Reading::Plain, &Bytes::from_static(MARKER));
                        cx.splicer.record(Reading::Plain, rule, at);
                        self.state = State::Value(rule);
                    }
                }
            }
        }
        let end = base + chunk.len() as u64;
        if matches!(self.state, State::Name | State::Text) {
            self.scan(chunk, base, end, false, cx);
        }
    }

    fn name_byte(&mut self, byte: u8, chunk: &[u8], base: u64, at: u64, cx: &mut Context<'_>) {
        if byte == b':' && !self.name.is_empty() {
            let kinds = Kinds::HEADER.or(Kinds::KEY);
            if let Some(verdict) = cx.plan.names.look_up(&self.name, kinds, &mut self.words) {
                self.scan(chunk, base, at, true, cx);
                self.folded = Some(verdict.rule);
                self.state = State::Gap(verdict.rule);
            } else {
                self.state = State::Text;
            }
        } else if matches!(byte, b' ' | b'\t') {
            // White space before a name or its colon is a fault that some readers forgive.
            self.spaced = !self.name.is_empty();
        } else if !self.spaced
            && (byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'))
            && self.name.len() < NAME_BYTES
        {
            self.name.push(byte);
        } else {
            self.state = State::Text;
        }
    }

    /// Lets the text machine read up to an offset.
    fn scan(&mut self, chunk: &[u8], base: u64, to: u64, last: bool, cx: &mut Context<'_>) {
        let from = self.scanned.max(base);
        let bytes = &chunk[(from - base) as usize..(to - base) as usize];
        self.machine.run(bytes, from, last, cx);
        self.scanned = to;
    }

    fn end_line(&mut self, chunk: &[u8], base: u64, at: u64, cx: &mut Context<'_>) {
        match self.state {
            State::Name | State::Text => self.scan(chunk, base, at, true, cx),
            State::Value(_) => cx.splicer.resume(Reading::Plain, at),
            State::Start | State::Gap(_) => {}
        }
        self.state = State::Start;
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.name.capacity() + self.machine.held_bytes()
    }

    pub(crate) fn undecided(&mut self, end: u64) -> Option<u64> {
        match self.state {
            State::Name | State::Text => self.machine.undecided(end),
            State::Start | State::Gap(_) | State::Value(_) => None,
        }
    }

    pub(crate) fn finish(&mut self, length: u64, cx: &mut Context<'_>) {
        match self.state {
            State::Name | State::Text => self.machine.run(b"", length, true, cx),
            State::Value(_) => cx.splicer.resume(Reading::Plain, length),
            State::Start | State::Gap(_) => {}
        }
        self.state = State::Start;
    }
}
