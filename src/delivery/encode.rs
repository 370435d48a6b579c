//! Re-compression: [`Encoder`] turns scrubbed slices into a [`Rope`] ready to be written, and holds no more than the
//! codec's own window. Identity copies nothing.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use bytes::{Buf, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;

use crate::config::UpstreamEncoding;
use crate::scrub::Scrubbed;

/// The proxy stands in the way of every event, so speed goes before the last percent of size.
const GZIP_LEVEL: Compression = Compression::new(1);
const ZSTD_LEVEL: i32 = 1;

/// Slices to be written one after the other, many in one system call.
#[derive(Default)]
pub(crate) struct Rope {
    /// None of them is empty.
    slices: VecDeque<Bytes>,
    len: usize,
}

impl Rope {
    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.slices.push_back(bytes);
        }
    }
}

impl Buf for Rope {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        self.slices.front().map_or(&[], |slice| slice)
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let pairs = into.iter_mut().zip(&self.slices);
        pairs.map(|(to, slice)| *to = IoSlice::new(slice)).count()
    }

    fn advance(&mut self, mut count: usize) {
        self.len = self.len.saturating_sub(count);
        while let Some(front) = self.slices.front_mut().filter(|_| count > 0) {
            let step = count.min(front.len());
            front.advance(step);
            count -= step;
            if front.is_empty() {
                self.slices.pop_front();
            }
        }
    }
}

/// Encodes one body.
pub(super) enum Encoder {
    Identity(Rope),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    pub(super) fn new(encoding: UpstreamEncoding) -> io::Result<Encoder> {
        Ok(match encoding {
            UpstreamEncoding::Identity => Encoder::Identity(Rope::default()),
            UpstreamEncoding::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), GZIP_LEVEL)),
            UpstreamEncoding::Zstd => {
                Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?)
            }
        })
    }

    /// The `Content-Encoding` that says so.
    pub(super) fn header(encoding: UpstreamEncoding) -> Option<HeaderValue> {
        match encoding {
            UpstreamEncoding::Identity => None,
            UpstreamEncoding::Gzip => Some(HeaderValue::from_static("gzip")),
            UpstreamEncoding::Zstd => Some(HeaderValue::from_static("zstd")),
        }
    }

    pub(super) fn push(&mut self, slice: Scrubbed) -> io::Result<()> {
        let bytes = slice.into_bytes();
        match self {
            Encoder::Identity(rope) => rope.push(bytes),
            Encoder::Gzip(encoder) => encoder.write_all(&bytes)?,
            Encoder::Zstd(encoder) => encoder.write_all(&bytes)?,
        }
        Ok(())
    }

    /// The body has ended.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Encoder::Identity(_) => Ok(()),
            Encoder::Gzip(encoder) => encoder.try_finish(),
            Encoder::Zstd(encoder) => encoder.do_finish(),
        }
    }

    /// Encoded bytes that wait to be taken.
    pub(super) fn len(&self) -> usize {
        match self {
            Encoder::Identity(rope) => rope.remaining(),
            Encoder::Gzip(encoder) => encoder.get_ref().len(),
            Encoder::Zstd(encoder) => encoder.get_ref().len(),
        }
    }

    /// Takes them.
    pub(super) fn take(&mut self) -> Rope {
        let encoded = match self {
            Encoder::Identity(rope) => return std::mem::take(rope),
            Encoder::Gzip(encoder) => std::mem::take(encoder.get_mut()),
            Encoder::Zstd(encoder) => std::mem::take(encoder.get_mut()),
        };
        let mut rope = Rope::default();
        rope.push(encoded.into());
        rope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rope_is_its_slices() {
        let mut rope = Rope::default();
        for piece in ["ab", "", "cde", "f"] {
            rope.push(Bytes::from_static(piece.as_bytes()));
        }
        let mut slices = [IoSlice::new(b""); 8];
        assert_eq!(
            (rope.remaining(), rope.chunks_vectored(&mut slices)),
            (6, 3)
        );
        rope.advance(3);
        assert_eq!((rope.remaining(), rope.chunk()), (3, &b"de"[..]));
        assert_eq!(rope.copy_to_bytes(3), "def");
        assert_eq!((rope.remaining(), rope.chunk()), (0, &b""[..]));
    }
}
