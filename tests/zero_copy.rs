//! Clean payload leaves in the memory that it came in, and a redaction costs a slice before it and a static text, no copy.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    missing_docs
)]

#[path = "support/scrub.rs"]
mod support;

use bytes::Bytes;
use scrubline::scrub::{Format, Limits, Output, Scrubber};
use support::plan;

/// The slices that come out for one chunk.
fn slices(format: Format, chunk: &Bytes) -> Vec<Bytes> {
    let mut scrubber = Scrubber::new(plan(), format, &Limits::default());
    let mut output = Output::new();
    scrubber.push(chunk.clone(), &mut output).unwrap();
    scrubber.finish(&mut output).unwrap();
    std::iter::from_fn(|| output.pop())
        .map(|slice| slice.into_bytes())
        .collect()
}

fn lies_in(slice: &Bytes, chunk: &Bytes) -> bool {
    chunk.as_ptr_range().contains(&slice.as_ptr())
}

#[test]
fn clean_payload_is_one_slice_of_the_chunk() {
    for text in [
        r#"{"message":"hello","frames":[{"lineno":1,"vars":{"a":"'b'"}}],"u":"https://a.eu/?page=2"}"#,
        r#"{"attributes":{"sentry.op":{"value":"db","type":"string"},"n":{"value":5,"type":"integer"}}}"#,
        r#"{"pairs":[["Host","a.eu"],["Accept","*/*"]],"list":[{"value":1,"name":"x"}]}"#,
    ] {
        let chunk = Bytes::from(text);
        let out = slices(Format::Json, &chunk);
        assert_eq!(out, std::slice::from_ref(&chunk), "{text}");
        assert!(lies_in(&out[0], &chunk), "{text} was copied");
    }
}

#[test]
fn around_redactions_nothing_is_copied() {
    let text = r#"{"a":1,"token":"abc","u":"/x?code=1&b=2","value":"x","l":["Cookie","y"]}"#;
    let chunk = Bytes::from(text);
    let out = slices(Format::Json, &chunk);
    let (inside, outside): (Vec<&Bytes>, Vec<&Bytes>) =
        out.iter().partition(|slice| lies_in(slice, &chunk));
    let gone: usize = ["\"abc\"", "1", "\"y\""]
        .iter()
        .map(|secret| secret.len())
        .sum();
    assert_eq!(
        inside.iter().map(|slice| slice.len()).sum::<usize>(),
        text.len() - gone
    );
    assert_eq!(
        outside,
        [r#""[Filtered]""#, "[Filtered]", r#""[Filtered]""#]
    );
}

#[test]
fn an_envelope_copies_its_headers_only() {
    let text = "{}\n{\"type\":\"session\"}\n{\"sid\":\"7\",\"init\":true}\n";
    let chunk = Bytes::from(text);
    let out = slices(Format::Envelope, &chunk);
    let inside: usize = out
        .iter()
        .filter(|slice| lies_in(slice, &chunk))
        .map(Bytes::len)
        .sum();
    assert_eq!(inside, "\n\n{\"sid\":\"7\",\"init\":true}\n".len());
}
