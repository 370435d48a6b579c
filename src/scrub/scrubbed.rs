//! [`Scrubbed`]: the only type that delivery takes, and [`Output`], the queue of it. Only `scrub` can make one.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;

/// A slice of scrubbed output: a piece of the inbound memory, or a static replacement.
#[derive(Clone, PartialEq, Eq)]
pub struct Scrubbed(Bytes);

impl Scrubbed {
    pub(in crate::scrub) fn new(bytes: Bytes) -> Self {
        Scrubbed(bytes)
    }

    /// The bytes, ready to be written.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty (a slice in an [`Output`] never is).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Scrubbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubbed({} bytes)", self.0.len())
    }
}

/// A rope of scrubbed slices, in order. The caller takes them off the front as it pleases.
#[derive(Default)]
pub struct Output {
    slices: VecDeque<Scrubbed>,
    len: usize,
}

impl Output {
    /// An empty rope.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that wait in the rope.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the first slice.
    pub fn pop(&mut self) -> Option<Scrubbed> {
        let slice = self.slices.pop_front()?;
        self.len -= slice.len();
        Some(slice)
    }

    pub(in crate::scrub) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.slices.push_back(Scrubbed::new(bytes));
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Output({} slices, {} bytes)",
            self.slices.len(),
            self.len
        )
    }
}
