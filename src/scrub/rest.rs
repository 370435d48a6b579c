//! What is left of a chunk for the next.
//!
//! A container that a chunk's end cuts can't be told again ([`json`](super::json)), so whoever reads may leave it, if it is not long. Then the next piece
//! is what was left, with as much behind it as such a container can take; it is copied. After that, chunks are read as they are.
//!
//! Only pieces that are longer than what may be left leave something, so that each byte is read at most twice.

use bytes::{Buf, Bytes};

use super::brackets::LONGEST;
use super::otherwise::Otherwise;

/// What is read at once.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// What its end cuts may be left.
    pub(super) may_leave: bool,
    /// So much of it was left before.
    held: usize,
}

/// What has been left; at most [`LONGEST`] bytes.
#[derive(Debug, Default)]
pub(super) struct Rest {
    bytes: Vec<u8>,
}

impl Rest {
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// What has been left, at the end of the input.
    pub(super) fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.bytes))
    }

    /// What is read next of a chunk, with what was left before it.
    pub(super) fn join(&mut self, chunk: &Bytes) -> Piece {
        let mut bytes = std::mem::take(&mut self.bytes);
        let held = bytes.len();
        let some = match held {
            0 => chunk.len(),
            _ => chunk.len().min(LONGEST),
        };
        let eager = cfg!(debug_assertions) && Otherwise::Leaving.is_asked();
        Piece {
            may_leave: some >= LONGEST || eager,
            bytes: match held {
                0 => chunk.clone(),
                _ => {
                    bytes.extend_from_slice(&chunk[..some]);
                    Bytes::from(bytes)
                }
            },
            held,
        }
    }

    /// So much of a piece has been read: the others are left, and what is in it of the chunk is taken off that.
    pub(super) fn leave(&mut self, piece: &Piece, read: usize, chunk: &mut Bytes) {
        let left = &piece.bytes[read..];
        match read.checked_sub(piece.held) {
            // They are in the chunk, and can be read from there.
            Some(new) if piece.held > 0 => chunk.advance(new),
            Some(_) | None => {
                self.bytes.extend_from_slice(left);
                chunk.advance(piece.bytes.len() - piece.held);
            }
        }
    }
}
