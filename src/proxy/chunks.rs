//! The framing of a chunked body (RFC 9112, 7.1), byte by byte, to know where it ends: strictly, with carriage returns everywhere. The chunks
//! themselves are hyper's to read.

/// Bytes of a chunk's extensions, of which nobody has any use, and of the trailers of a body, which are dropped.
const EXTENSION_BYTES: usize = 256;
const TRAILER_BYTES: usize = 8 << 10;

/// Where in the body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size {
        digits: u8,
        size: u64,
    },
    Extension {
        size: u64,
        length: usize,
    },
    SizeNewline {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataReturn,
    DataNewline,
    /// In the trailers: bytes of the line, and of all.
    Trailer {
        line: usize,
        length: usize,
    },
    TrailerNewline {
        line: usize,
        length: usize,
    },
}

/// What a byte led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// On.
    Go(Chunk),
    /// The body has ended with it.
    Ended,
    /// It may not stand there.
    Malformed,
}

impl Chunk {
    /// Before the size of the first chunk.
    pub(super) const START: Chunk = Chunk::Size { digits: 0, size: 0 };

    /// What comes behind one more byte.
    pub(super) fn step(self, byte: u8) -> Step {
        let next = match (self, byte) {
            (Chunk::Size { digits, size }, _) if byte.is_ascii_hexdigit() && digits < 16 => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Chunk::Size {
                    digits: digits + 1,
                    size: size << 4 | u64::from(digit),
                }
            }
            (Chunk::Size { digits: 1.., size }, b'\r') => Chunk::SizeNewline { size },
            (Chunk::Size { digits: 1.., size }, b';') => Chunk::Extension { size, length: 0 },
            (Chunk::Size { .. }, _) => return Step::Malformed,
            (Chunk::Extension { size, .. }, b'\r') => Chunk::SizeNewline { size },
            (Chunk::Extension { .. }, b'\n') => return Step::Malformed,
            (Chunk::Extension { length, .. }, _) if length == EXTENSION_BYTES => {
                return Step::Malformed;
            }
            (Chunk::Extension { size, length }, _) => Chunk::Extension {
                size,
                length: length + 1,
            },
            (Chunk::SizeNewline { size: 0 }, b'\n') => Chunk::Trailer { line: 0, length: 0 },
            (Chunk::SizeNewline { size }, b'\n') => Chunk::Data { left: size },
            (Chunk::DataReturn, b'\r') => Chunk::DataNewline,
            (Chunk::DataNewline, b'\n') => Chunk::START,
            (Chunk::SizeNewline { .. } | Chunk::DataReturn | Chunk::DataNewline, _) => {
                return Step::Malformed;
            }
            (Chunk::Trailer { line, length }, b'\r') => Chunk::TrailerNewline { line, length },
            (Chunk::Trailer { .. }, b'\n') => return Step::Malformed,
            (Chunk::Trailer { length, .. }, _) if length == TRAILER_BYTES => {
                return Step::Malformed;
            }
            (Chunk::Trailer { line, length }, _) => Chunk::Trailer {
                line: line + 1,
                length: length + 1,
            },
            (Chunk::TrailerNewline { line: 0, .. }, b'\n') => return Step::Ended,
            (Chunk::TrailerNewline { length, .. }, b'\n') => Chunk::Trailer { line: 0, length },
            (Chunk::TrailerNewline { .. }, _) => return Step::Malformed,
            // Taken in one piece by the caller.
            (Chunk::Data { left }, _) => Chunk::Data { left: left - 1 },
        };
        Step::Go(next)
    }
}
