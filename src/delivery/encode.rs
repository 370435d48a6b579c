//! Re-compression: [`Encoder`] turns scrubbed slices into a [`Rope`] ready to be written, and holds no more than the
//! codec's own window. Identity copies nothing. An encoder's tables, of some hundred KiB, cost more to make than a small event costs to
//! compress, so they are kept in [`Spare`] for the next body.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress, Status};
use http::HeaderValue;
use zstd::stream::raw::{self, Operation};
use zstd::stream::zio;

use crate::config::UpstreamEncoding;
use crate::scrub::Scrubbed;

/// The proxy stands in the way of every event, so speed goes before the last percent of size.
const GZIP_LEVEL: Compression = Compression::new(1);
const ZSTD_LEVEL: i32 = 1;
const WINDOW_BITS: u8 = 15;
/// A slice of fewer bytes is copied.
const SHORT_BYTES: usize = 1 << 10;
/// Room for such.
const SHORT_ROOM_BYTES: usize = 4 << 10;
/// The least room to compress into.
const ROOM_BYTES: usize = 2 << 10;
/// Encoders' tables that are kept at most.
const SPARE: usize = 16;

/// Slices to be written one after the other, many in one system call. Short ones, as there are around redactions, are brought together: to
/// write one more slice costs more than to copy it, and one system call takes no more than 64.
#[derive(Default)]
pub(crate) struct Rope {
    /// None of them is empty.
    slices: VecDeque<Bytes>,
    /// What comes behind them, of a rope that is being made.
    short: BytesMut,
    len: usize,
}

impl Rope {
    fn push(&mut self, bytes: Bytes) {
        self.len += bytes.len();
        if bytes.len() >= SHORT_BYTES {
            self.settle();
            self.slices.push_back(bytes);
            return;
        }
        if self.short.is_empty() {
            self.short.reserve(SHORT_ROOM_BYTES);
        }
        self.short.extend_from_slice(&bytes);
    }

    fn settle(&mut self) {
        if !self.short.is_empty() {
            self.slices.push_back(self.short.split().freeze());
        }
    }

    /// The rope so far, to be written; what follows begins anew.
    fn taken(&mut self) -> Rope {
        self.settle();
        Rope {
            slices: std::mem::take(&mut self.slices),
            short: BytesMut::new(),
            len: std::mem::take(&mut self.len),
        }
    }
}

impl From<Vec<u8>> for Rope {
    fn from(bytes: Vec<u8>) -> Rope {
        Rope {
            len: bytes.len(),
            slices: VecDeque::from_iter((!bytes.is_empty()).then(|| bytes.into())),
            short: BytesMut::new(),
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

/// What an encoder works with, apart from any body.
enum Tables {
    Gzip(Box<Compress>),
    Zstd(raw::Encoder<'static>),
}

impl Tables {
    fn new(encoding: UpstreamEncoding) -> io::Result<Option<Tables>> {
        Ok(match encoding {
            UpstreamEncoding::Identity => None,
            UpstreamEncoding::Gzip => Some(Tables::Gzip(Box::new(Compress::new_gzip(
                GZIP_LEVEL,
                WINDOW_BITS,
            )))),
            UpstreamEncoding::Zstd => Some(Tables::Zstd(raw::Encoder::new(ZSTD_LEVEL)?)),
        })
    }

    /// As new, if they can be.
    fn cleared(mut self) -> Option<Tables> {
        match &mut self {
            Tables::Gzip(state) => state.reset(),
            Tables::Zstd(state) => state.reinit().ok()?,
        }
        Some(self)
    }
}

/// Tables of encoders whose bodies have ended; all of one encoding.
#[derive(Default)]
pub(super) struct Spare(Mutex<Vec<Tables>>);

impl Spare {
    fn take(&self) -> Option<Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give(&self, tables: Tables) {
        let Some(tables) = tables.cleared() else {
            return;
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < SPARE {
            kept.push(tables);
        }
    }
}

/// Encodes one body.
pub(super) struct Encoder {
    codec: Codec,
    spare: Arc<Spare>,
    /// The body has ended. What is left of one that was given up must not get into the next: zlib-rs does not clear all of it.
    ended: bool,
}

enum Codec {
    Identity(Rope),
    Gzip(Gzip),
    Zstd(zio::Writer<Vec<u8>, raw::Encoder<'static>>),
}

impl Encoder {
    pub(super) fn new(encoding: UpstreamEncoding, spare: &Arc<Spare>) -> io::Result<Encoder> {
        let tables = match spare.take() {
            Some(tables) => Some(tables),
            None => Tables::new(encoding)?,
        };
        Ok(Encoder {
            codec: match tables {
                None => Codec::Identity(Rope::default()),
                Some(Tables::Gzip(state)) => Codec::Gzip(Gzip::new(state)),
                Some(Tables::Zstd(state)) => Codec::Zstd(zio::Writer::new(Vec::new(), state)),
            },
            spare: Arc::clone(spare),
            ended: false,
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
        match &mut self.codec {
            Codec::Identity(rope) => rope.push(bytes),
            Codec::Gzip(encoder) => encoder.push(&bytes)?,
            Codec::Zstd(encoder) => encoder.write_all(&bytes)?,
        }
        Ok(())
    }

    /// The body has ended.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match &mut self.codec {
            Codec::Identity(_) => {}
            Codec::Gzip(encoder) => encoder.finish()?,
            Codec::Zstd(encoder) => encoder.finish()?,
        }
        self.ended = true;
        Ok(())
    }

    /// Encoded bytes that wait to be taken.
    pub(super) fn len(&self) -> usize {
        match &self.codec {
            Codec::Identity(rope) => rope.remaining(),
            Codec::Gzip(encoder) => encoder.out.len(),
            Codec::Zstd(encoder) => encoder.writer().len(),
        }
    }

    /// Takes them.
    pub(super) fn take(&mut self) -> Rope {
        let encoded = match &mut self.codec {
            Codec::Identity(rope) => return rope.taken(),
            Codec::Gzip(encoder) => std::mem::take(&mut encoder.out),
            Codec::Zstd(encoder) => std::mem::take(encoder.writer_mut()),
        };
        encoded.into()
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        if !self.ended {
            return;
        }
        match std::mem::replace(&mut self.codec, Codec::Identity(Rope::default())) {
            Codec::Identity(_) => {}
            Codec::Gzip(encoder) => self.spare.give(Tables::Gzip(encoder.state)),
            Codec::Zstd(encoder) => self.spare.give(Tables::Zstd(encoder.into_inner().1)),
        }
    }
}

/// gzip, into memory.
struct Gzip {
    state: Box<Compress>,
    out: Vec<u8>,
}

impl Gzip {
    fn new(state: Box<Compress>) -> Gzip {
        Gzip {
            state,
            out: Vec::new(),
        }
    }

    fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (read, _) = self.step(bytes, FlushCompress::None)?;
            bytes = &bytes[read..];
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        while self.step(&[], FlushCompress::Finish)?.1 != Status::StreamEnd {}
        Ok(())
    }

    /// How much was read, and whether that was the end.
    fn step(&mut self, bytes: &[u8], flush: FlushCompress) -> io::Result<(usize, Status)> {
        if self.out.capacity() - self.out.len() < ROOM_BYTES {
            self.out.reserve(2 * ROOM_BYTES);
        }
        let before = self.state.total_in();
        let status = self.state.compress_vec(bytes, &mut self.out, flush)?;
        Ok(((self.state.total_in() - before) as usize, status))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Whatever a body before it was, and whether it ended or was given up.
    #[test]
    fn tables_are_as_new_for_the_next_body() {
        for encoding in [UpstreamEncoding::Gzip, UpstreamEncoding::Zstd] {
            let spare = Arc::default();
            let mut encoded = Vec::new();
            for round in 0..6 {
                let mut encoder = Encoder::new(encoding, &spare).unwrap();
                let mut write = |text: &[u8]| match &mut encoder.codec {
                    Codec::Identity(_) => unreachable!(),
                    Codec::Gzip(gzip) => gzip.push(text).unwrap(),
                    Codec::Zstd(zstd) => zstd.write_all(text).unwrap(),
                };
                write(b"the same text, the same text");
                if round % 3 == 1 {
                    write(&[b'x'; 100_000]);
                    continue;
                }
                if round % 3 == 2 {
                    write(&[b'y'; 70_001]);
                }
                encoder.finish().unwrap();
                let mut rope = encoder.take();
                encoded.push(rope.copy_to_bytes(rope.remaining()));
                let kept = |spare: &Arc<Spare>| spare.0.lock().unwrap().len();
                assert_eq!(kept(&spare), 0);
                drop(encoder);
                assert_eq!(kept(&spare), 1);
            }
            assert_eq!(encoded[0], encoded[2], "{encoding:?}");
            assert_eq!(encoded[1], encoded[3], "{encoding:?}");
            let mut text = String::new();
            let first = &encoded[0][..];
            match encoding == UpstreamEncoding::Zstd {
                true => zstd::Decoder::new(first).unwrap().read_to_string(&mut text),
                false => flate2::read::GzDecoder::new(first).read_to_string(&mut text),
            }
            .unwrap();
            assert_eq!(text, "the same text, the same text");
        }
    }

    #[test]
    fn a_rope_is_its_slices_with_the_short_ones_in_one() {
        let long = Bytes::from(vec![b'x'; SHORT_BYTES]);
        let mut made = Rope::default();
        for piece in ["ab", "", "cde"] {
            made.push(Bytes::from_static(piece.as_bytes()));
        }
        made.push(long.clone());
        made.push(Bytes::from_static(b"f"));
        assert_eq!(made.remaining(), 6 + SHORT_BYTES);
        let mut rope = made.taken();
        assert_eq!(made.remaining(), 0);

        let mut slices = [IoSlice::new(b""); 8];
        assert_eq!(rope.remaining(), 6 + SHORT_BYTES);
        assert_eq!(rope.chunks_vectored(&mut slices), 3);
        // The long one stays where it is.
        assert_eq!(slices[1].as_ptr(), long.as_ptr());
        rope.advance(3);
        assert_eq!(rope.chunk(), b"de");
        assert_eq!(rope.copy_to_bytes(2), "de");
        assert_eq!(rope.copy_to_bytes(SHORT_BYTES), long);
        assert_eq!(rope.copy_to_bytes(1), "f");
        assert_eq!((rope.remaining(), rope.chunk()), (0, &b""[..]));
    }
}
