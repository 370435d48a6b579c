//! Content encodings, undone as a stream: [`Decoder`] turns encoded chunks into plain ones.
//!
//! One call of [`Decoder::next`] gives at most one chunk of at most 32 KiB, so however far a body expands, no more than
//! that exists at a time. Size and ratio are checked chunk by chunk. An identity body passes through as it came, in the
//! memory it came in. Each codec has one file and the same two calls: `decode` and `complete`.

mod brotli;
mod deflate;
mod gzip;
mod zstd;

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::Limits;

/// The most that one call of [`Decoder::next`] gives for an encoded body.
const CHUNK_BYTES: usize = 32 << 10;
/// Rather than begin a chunk with less room than this, take new memory.
const ROOM_BYTES: usize = 4 << 10;
/// The ratio counts only once more than this has come out: small bodies of repeated bytes are harmless.
const RATIO_FROM_BYTES: u64 = 1 << 20;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip, of one or more members.
    Gzip,
    /// zlib, or raw deflate as some clients send under this name; told apart by the first two bytes.
    Deflate,
    /// brotli with a standard window (at most 16 MiB).
    Brotli,
    /// zstd with a window of at most 8 MiB, of one or more frames.
    Zstd,
}

impl Encoding {
    /// Reads the value of a `Content-Encoding` header. Nothing and `utf-8` mean identity, as old SDKs send them; lists
    /// and unknown words are `None`.
    ///
    /// ```
    /// use scrubline::scrub::decode::Encoding;
    /// assert_eq!(Encoding::parse(" X-GZIP "), Some(Encoding::Gzip));
    /// assert_eq!(Encoding::parse("gzip, br"), None);
    /// ```
    pub fn parse(value: &str) -> Option<Encoding> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" | "utf-8" => Some(Encoding::Identity),
            "gzip" | "x-gzip" => Some(Encoding::Gzip),
            "deflate" => Some(Encoding::Deflate),
            "br" => Some(Encoding::Brotli),
            "zstd" => Some(Encoding::Zstd),
            _ => None,
        }
    }

    /// Its name, as in the header.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
            Encoding::Brotli => "br",
            Encoding::Zstd => "zstd",
        }
    }
}

/// Why a body could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// Not in this encoding, or damaged, or asking for a larger window than we grant. Near this byte of the encoded body.
    Malformed(Encoding, u64),
    /// The encoded body, of this many bytes, ends before its stream does.
    CutOff(Encoding, u64),
    /// Something follows the end of the stream, at this byte of the encoded body.
    Trailing(Encoding, u64),
    /// The decoded body is larger than `Limits::decoded_bytes`, which is this.
    TooLarge(u64),
    /// The body expands more than `Limits::decode_ratio` allows, which is this.
    Ratio(u64),
    /// The memory for the codec could not be had.
    Unavailable(Encoding),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Malformed(encoding, at) => {
                write!(
                    f,
                    "the {} body is damaged near byte {at} of its encoded form",
                    encoding.name()
                )
            }
            DecodeError::CutOff(encoding, at) => {
                write!(
                    f,
                    "the {} body ends too early, at byte {at} of its encoded form",
                    encoding.name()
                )
            }
            DecodeError::Trailing(encoding, at) => {
                write!(
                    f,
                    "the {} body has something after its end, at byte {at} of its encoded form",
                    encoding.name()
                )
            }
            DecodeError::TooLarge(limit) => {
                write!(
                    f,
                    "the decoded body is larger than {limit} bytes (limits.decoded_bytes)"
                )
            }
            DecodeError::Ratio(limit) => write!(
                f,
                "the body expands more than {limit} times (limits.decode_ratio)"
            ),
            DecodeError::Unavailable(encoding) => {
                write!(f, "no memory to decode {}", encoding.name())
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// What one step of a codec did: bytes of input read and of output written. Neither means that it wants more input.
struct Step {
    read: usize,
    written: usize,
}

/// Why a codec gave up.
enum Broken {
    Malformed,
    Trailing,
}

enum Codec {
    Identity,
    Gzip(gzip::Gzip),
    Deflate(deflate::Deflate),
    Brotli(Box<brotli::Brotli>),
    Zstd(zstd::Zstd),
}

impl Codec {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Broken> {
        match self {
            // The decoder hands such chunks on without coming here.
            Codec::Identity => Ok(Step {
                read: 0,
                written: 0,
            }),
            Codec::Gzip(codec) => codec.decode(input, output),
            Codec::Deflate(codec) => codec.decode(input, output),
            Codec::Brotli(codec) => codec.decode(input, output),
            Codec::Zstd(codec) => codec.decode(input, output),
        }
    }

    /// Whether the body may end here.
    fn complete(&self) -> bool {
        match self {
            Codec::Identity => true,
            Codec::Gzip(codec) => codec.complete(),
            Codec::Deflate(codec) => codec.complete(),
            Codec::Brotli(codec) => codec.complete(),
            Codec::Zstd(codec) => codec.complete(),
        }
    }
}

/// Undoes one body's encoding.
///
/// ```
/// use bytes::Bytes;
/// use scrubline::scrub::{Limits, decode::{Decoder, Encoding}};
///
/// let mut decoder = Decoder::new(Encoding::Identity, &Limits::default())?;
/// decoder.push(Bytes::from_static(b"{}"));
/// while let Some(plain) = decoder.next()? {
///     assert_eq!(&plain[..], b"{}");
/// }
/// decoder.end()?;
/// # Ok::<(), scrubline::scrub::decode::DecodeError>(())
/// ```
pub struct Decoder {
    encoding: Encoding,
    codec: Codec,
    /// The encoded chunk in hand, less what has been read of it.
    input: Bytes,
    /// Encoded bytes read so far.
    read: u64,
    /// Plain bytes given so far.
    written: u64,
    /// Where the next plain chunk is written; chunks given before are slices of the same memory.
    room: BytesMut,
    decoded_bytes: u64,
    decode_ratio: u64,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Decoder({}, {} bytes to {})",
            self.encoding.name(),
            self.read,
            self.written
        )
    }
}

impl Decoder {
    /// A decoder for one body. Fails only if a codec can't be set up.
    pub fn new(encoding: Encoding, limits: &Limits) -> Result<Decoder, DecodeError> {
        let codec = match encoding {
            Encoding::Identity => Codec::Identity,
            Encoding::Gzip => Codec::Gzip(gzip::Gzip::new()),
            Encoding::Deflate => Codec::Deflate(deflate::Deflate::new()),
            Encoding::Brotli => Codec::Brotli(Box::new(brotli::Brotli::new())),
            Encoding::Zstd => {
                Codec::Zstd(zstd::Zstd::new().map_err(|_| DecodeError::Unavailable(encoding))?)
            }
        };
        Ok(Decoder {
            encoding,
            codec,
            input: Bytes::new(),
            read: 0,
            written: 0,
            room: BytesMut::new(),
            decoded_bytes: limits.decoded_bytes,
            decode_ratio: limits.decode_ratio,
        })
    }

    /// Takes the next encoded chunk. Call it only after [`Decoder::next`] gave `None`: an unread rest would be lost.
    pub fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.input.is_empty(), "the chunk before has not been read");
        self.input = chunk;
    }

    /// The next plain chunk, or `None` when another encoded one is needed. After an error the body is dead.
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` is not the end, only a wish for more input"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, DecodeError> {
        if let Codec::Identity = self.codec {
            let chunk = std::mem::take(&mut self.input);
            self.read += chunk.len() as u64;
            self.count(chunk.len())?;
            return Ok((!chunk.is_empty()).then_some(chunk));
        }
        loop {
            if self.room.capacity() < ROOM_BYTES {
                self.room.reserve(CHUNK_BYTES);
            }
            self.room.resize(self.room.capacity().min(CHUNK_BYTES), 0);
            let step =
                self.codec
                    .decode(&self.input, &mut self.room)
                    .map_err(|broken| match broken {
                        Broken::Malformed => DecodeError::Malformed(self.encoding, self.read),
                        Broken::Trailing => DecodeError::Trailing(self.encoding, self.read),
                    })?;
            self.input.advance(step.read);
            self.read += step.read as u64;
            if step.written > 0 {
                self.count(step.written)?;
                return Ok(Some(self.room.split_to(step.written).freeze()));
            }
            if self.input.is_empty() {
                return Ok(None);
            }
            if step.read == 0 {
                return Err(DecodeError::Malformed(self.encoding, self.read));
            }
        }
    }

    /// The encoded body has ended. Fails if its stream has not.
    pub fn end(&mut self) -> Result<(), DecodeError> {
        if self.codec.complete() {
            Ok(())
        } else {
            Err(DecodeError::CutOff(self.encoding, self.read))
        }
    }

    fn count(&mut self, written: usize) -> Result<(), DecodeError> {
        self.written += written as u64;
        if self.written > self.decoded_bytes {
            return Err(DecodeError::TooLarge(self.decoded_bytes));
        }
        if self.written > RATIO_FROM_BYTES
            && self.written > self.read.saturating_mul(self.decode_ratio)
        {
            return Err(DecodeError::Ratio(self.decode_ratio));
        }
        Ok(())
    }
}
