//! Reads the payload of a container, `{"items": [{…}, …]}`, byte by byte and beside its scrubber: where its elements are, and to which
//! traces they belong. It need not be well-formed; what is wrong with it, the scrubber says.

use crate::scrub::gate::hex_id;

/// As many bytes as an id has that is written with dashes.
const WORD_BYTES: usize = 36;

/// The depths of the members of the container, of its elements, and of their members.
const ROOT: u32 = 1;
const LIST: u32 = 2;
const ELEMENT: u32 = 3;

/// What the last byte has brought to its end, or begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// An element begins with it.
    Begin,
    /// The element at hand belongs to this trace.
    Trace([u8; 16]),
    /// An element ends with it.
    End,
}

/// A string, if it is short enough to be of interest.
#[derive(Debug, Clone, Copy)]
struct Word {
    bytes: [u8; WORD_BYTES],
    length: usize,
}

impl Word {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
        }
        self.length += 1;
    }

    fn text(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length)
    }

    fn is(&self, text: &[u8]) -> bool {
        self.text() == Some(text)
    }

    fn id(&self) -> Option<[u8; 16]> {
        hex_id(std::str::from_utf8(self.text()?).ok()?)
    }
}

/// The reader.
#[derive(Debug, Clone)]
pub(super) struct Container {
    depth: u32,
    /// Whether what is open at the depth of lists is that of the elements.
    in_list: bool,
    in_string: bool,
    escaped: bool,
    /// The last string at a depth that matters.
    word: Word,
    /// Whether the value comes next of `items`, or of an element's `trace_id`.
    awaited: bool,
}

impl Container {
    pub(super) fn new() -> Container {
        Container {
            depth: 0,
            in_list: false,
            in_string: false,
            escaped: false,
            word: Word {
                bytes: [0; WORD_BYTES],
                length: 0,
            },
            awaited: false,
        }
    }

    /// Reads one byte.
    pub(super) fn step(&mut self, byte: u8) -> Option<Seen> {
        if self.in_string {
            return self.step_string(byte);
        }
        let awaited = self.awaited;
        let in_element = self.depth == ELEMENT && self.in_list;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return None,
            b'"' => {
                self.in_string = true;
                self.word.length = 0;
                return None;
            }
            b':' => {
                self.awaited = match self.depth {
                    ROOT => self.word.is(b"items"),
                    ELEMENT => in_element && self.word.is(b"trace_id"),
                    _ => false,
                };
                return None;
            }
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                self.awaited = false;
                if self.depth == LIST {
                    self.in_list = awaited && byte == b'[';
                }
                let begins = byte == b'{' && self.depth == ELEMENT && self.in_list;
                return begins.then_some(Seen::Begin);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.awaited = false;
                return (in_element && byte == b'}').then_some(Seen::End);
            }
            _ => {}
        }
        self.awaited = false;
        None
    }

    fn step_string(&mut self, byte: u8) -> Option<Seen> {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => {
                self.in_string = false;
                let awaited = std::mem::take(&mut self.awaited);
                return self
                    .word
                    .id()
                    .filter(|_| awaited && self.depth == ELEMENT)
                    .map(Seen::Trace);
            }
            _ => {}
        }
        self.word.push(byte);
        None
    }
}

/// An element, by where it stands in the payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The trace that it says it belongs to.
    pub(super) trace: Option<[u8; 16]>,
}

/// The elements of which this payload, or the beginning of one, has the whole.
pub(super) fn elements(payload: &[u8]) -> impl Iterator<Item = Element> + Clone {
    let mut container = Container::new();
    let mut bytes = payload.iter().enumerate();
    std::iter::from_fn(move || {
        let mut element = Element {
            start: 0,
            end: 0,
            trace: None,
        };
        loop {
            let (at, byte) = bytes.next()?;
            match container.step(*byte) {
                Some(Seen::Begin) => element.start = at,
                Some(Seen::Trace(id)) => element.trace = element.trace.or(Some(id)),
                Some(Seen::End) => {
                    element.end = at + 1;
                    return Some(element);
                }
                None => {}
            }
        }
    })
}
