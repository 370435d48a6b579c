//! Law 6: memory is bounded whatever the input, and output leaves before the input has ended. An allocator that counts tells.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    missing_docs
)]
#![allow(
    unsafe_code,
    reason = "an allocator can only be written so; it forwards to the system's"
)]

#[path = "support/scrub.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use scrubline::scrub::{Format, Limits, Output, Scrubber, Signal};
use support::plan;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is forwarded to the system allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CHUNK: usize = 64 << 10;
/// Chunks so small that what is held goes on over many of them.
const SMALL_CHUNK: usize = 1000;
const GIB: usize = 1 << 30;

/// Streams `start`, then chunks of `filler` up to `length` bytes, then `end`; gives the peak of what was allocated meanwhile, and
/// how many bytes came out. `LENGTH` in `start` stands for the length of the chunks together. Everything that comes out is dropped at once.
fn stream(
    format: Format,
    start: &str,
    filler: &str,
    (length, chunk): (usize, usize),
    end: &str,
) -> (usize, u64) {
    let chunk = Bytes::from(filler.repeat(chunk / filler.len()));
    let mut scrubber = Scrubber::new(plan(), format, &Limits::default());
    let mut output = Output::new();
    let mut out = 0;
    let mut push = |scrubber: &mut Scrubber, chunk: Bytes| {
        scrubber.push(chunk, &mut output).unwrap();
        while let Some(slice) = output.pop() {
            out += slice.len() as u64;
        }
    };
    let chunks = length / chunk.len();
    let start = start.replace("LENGTH", &(chunks * chunk.len()).to_string());
    push(&mut scrubber, Bytes::from(start));
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    for _ in 0..chunks {
        push(&mut scrubber, chunk.clone());
    }
    let peak = PEAK.load(Ordering::Relaxed) - before;
    push(&mut scrubber, Bytes::copy_from_slice(end.as_bytes()));
    scrubber.finish(&mut output).unwrap();
    (peak, out)
}

/// What a whole body comes to at its peak, less the chunk in hand and what came out of it.
fn kept(format: Format, filler: &[u8], length: usize) -> usize {
    // Field 1, with a length of five bytes.
    let inner = filler.repeat((length - 6) / filler.len());
    let mut body = vec![0x0A, 0x80, 0x80, 0x80, 0x80, 0x00];
    for (index, byte) in body[1..5].iter_mut().enumerate() {
        *byte |= (inner.len() >> (7 * index)) as u8 & 0x7F;
    }
    body.extend(inner);
    let body = Bytes::from(body);
    let mut scrubber = Scrubber::new(plan(), format, &Limits::default());
    let mut output = Output::new();
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    for at in (0..body.len()).step_by(CHUNK) {
        let chunk = body.slice(at..body.len().min(at + CHUNK));
        scrubber.push(chunk, &mut output).unwrap();
    }
    scrubber.finish(&mut output).unwrap();
    assert!(!output.is_empty());
    PEAK.load(Ordering::Relaxed) - before
}

/// One test, because the count is the process's.
#[test]
fn memory_does_not_grow_with_the_input() {
    let small = 64 << 20;
    let cases: [(&str, Format, &str, &str, usize, &str, bool); 10] = [
        (
            "a string of 1 GiB",
            Format::Json,
            "{\"m\":\"",
            "lorem ipsum, ",
            GIB,
            "\"}",
            true,
        ),
        (
            "a secret of 64 MiB",
            Format::Json,
            "{\"token\":\"",
            "0123456789abcdef",
            small,
            "\"}",
            false,
        ),
        (
            "a parameter of 64 MiB",
            Format::Json,
            "{\"m\":\"?token=",
            "0123456789abcdef",
            small,
            "\"}",
            false,
        ),
        (
            "a value before its name",
            Format::Json,
            "{\"value\":\"",
            "0123456789abcdef",
            small,
            "\",\"key\":\"a\"}",
            false,
        ),
        (
            "a value with a harmless name",
            Format::Json,
            "{\"name\":\"a\",\"value\":\"",
            "0123456789abcdef",
            small,
            "\",\"key\":\"b\"}",
            false,
        ),
        (
            "a key of 64 MiB",
            Format::Json,
            "{\"",
            "0123456789abcdef",
            small,
            "\":1}",
            true,
        ),
        (
            "a number of 64 MiB",
            Format::Json,
            "[1",
            "0123456789012345",
            small,
            "]",
            true,
        ),
        (
            "many elements",
            Format::Json,
            "[0",
            ",\"a\",{\"value\":1}",
            small,
            "]",
            true,
        ),
        (
            "white space",
            Format::Json,
            "[",
            "               \n",
            small,
            "]",
            true,
        ),
        (
            "a dropped item",
            Format::Envelope,
            "{}\n{\"type\":\"attachment\",\"length\":LENGTH}\n",
            "0123456789abcdef",
            small,
            "\n",
            false,
        ),
    ];
    for (name, format, start, filler, length, end, passes) in cases {
        for sizes in [(length, CHUNK), (1 << 20, SMALL_CHUNK)] {
            let (peak, out) = stream(format, start, filler, sizes, end);
            assert!(peak <= 64 << 10, "{name}, {sizes:?}: {peak} bytes");
            let many = out >= sizes.0 as u64 / 2;
            assert_eq!(many, passes, "{name}, {sizes:?}: {out} bytes came out");
        }
    }
    // Long texts in which markers look different than values did, and which are read again as they leave.
    let odd = "see https://ann:x@a.eu/b and `token = [1, 2]` ";
    let dense = "--user a:b {'token': ['x', 1]} <token>x</token>; Bearer 0123456789abcdef ";
    let sparse = format!("{}{odd}", "lorem ipsum, ".repeat(300));
    let attachment = "{}\n{\"type\":\"attachment\",\"length\":LENGTH,\"filename\":\"a.txt\",\"content_type\":\"text/plain\"}\n";
    let wheres = [
        (Format::Json, "{\"m\":\"", "\"}"),
        (Format::Json, "{\"value\":\"", "\"}"),
        (Format::Text, "", ""),
        (Format::Envelope, attachment, "\n"),
    ];
    for (format, start, end) in wheres {
        for (filler, chunk) in [(odd, 300), (dense, 1000), (sparse.as_str(), CHUNK)] {
            let (peak, _) = stream(format, start, filler, (1 << 18, chunk), end);
            assert!(peak <= 64 << 10, "{start}{filler}: {peak} bytes");
        }
    }

    // As much as can be held at a time, in chunks so small that hardly anything of them counts.
    let start = "{\"name\":\"a\",\"value\":{\"name\":\"a\",\"value\":[{\"value\":[0";
    let (peak, _) = stream(Format::Json, start, ",12345", (1 << 18, 70), "]}]}}");
    assert!(peak <= 64 << 10, "values in values: {peak} bytes");

    // The exception is bounded, too: by a multiple of its limit, whatever the body is made of.
    let limit = Limits::default().protobuf_bytes;
    let resource = |attribute: &[u8]| {
        let mut message = vec![0x0A, attribute.len() as u8 + 2, 0x0A, attribute.len() as u8];
        message.extend_from_slice(attribute);
        message
    };
    for (name, filler) in [
        ("empty messages", vec![0x0A, 0]),
        ("short secrets", resource(b"\x0A\x03otp\x12\x03\x0A\x01x")),
        (
            "a text of short secrets",
            resource(b"\x12\x20\x0A\x1E?otp=1&otp=2&otp=3&otp=4&otp=5"),
        ),
    ] {
        let format = Format::Otlp(Signal::Traces);
        let peak = kept(format, &filler, limit);
        assert!(peak > limit, "{name}: only {peak} bytes");
        assert!(peak <= 8 * limit, "{name}: {peak} bytes");
    }
}
