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
use scrubline::scrub::{Format, Limits, Output, Scrubber};
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
    // As much as can be held at a time, in chunks so small that hardly anything of them counts.
    let start = "{\"name\":\"a\",\"value\":{\"name\":\"a\",\"value\":[{\"value\":[0";
    let (peak, _) = stream(Format::Json, start, ",12345", (1 << 18, 70), "]}]}}");
    assert!(peak <= 64 << 10, "values in values: {peak} bytes");
}
