//! Who reads an input: the engine, what is compared with it, and a copy, which shows what memory allows.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use scrubline::scrub::{Limits, Output, Plan, Scrubber};

use super::inputs::{Input, Redactions};

pub(super) const WHOLE: usize = usize::MAX >> 1;
pub(super) const CHUNK: usize = 16 << 10;
/// How a secret begins in captured envelopes, where it stands in a URL.
const SECRET: &[u8] = b"=CANARY";

/// Scrubs one document in chunks of at most `chunk` bytes, and gives what comes out to `take`; the redactions.
fn scrub(
    plan: &Arc<Plan>,
    input: &Input,
    document: &Bytes,
    chunk: usize,
    mut take: impl FnMut(Bytes),
) -> u64 {
    let mut scrubber = Scrubber::new(Arc::clone(plan), input.format, &Limits::default());
    let mut output = Output::new();
    let mut at = 0;
    while at < document.len() {
        let end = document.len().min(at.saturating_add(chunk));
        scrubber.push(document.slice(at..end), &mut output).unwrap();
        at = end;
        while let Some(slice) = output.pop() {
            take(slice.into_bytes());
        }
    }
    scrubber.finish(&mut output).unwrap();
    while let Some(slice) = output.pop() {
        take(slice.into_bytes());
    }
    scrubber.report().redaction_count()
}

/// Scrubs all of an input, and throws away what comes out.
pub(super) fn scrubline(plan: &Arc<Plan>, input: &Input, chunk: usize) -> usize {
    let mut length = 0;
    for document in &input.documents {
        scrub(plan, input, document, chunk, |slice| {
            length += black_box(slice).len();
        });
    }
    length
}

/// Looks at what comes out, before anything is timed: fast and wrong fails.
pub(super) fn check(plan: &Arc<Plan>, input: &Input, redactions: Redactions) {
    let name = &input.name;
    let mut made = 0;
    for document in &input.documents {
        let mut whole = Vec::new();
        let mut chunked = Vec::new();
        let count = scrub(plan, input, document, WHOLE, |it| {
            whole.extend_from_slice(&it)
        });
        let other = scrub(plan, input, document, CHUNK, |it| {
            chunked.extend_from_slice(&it)
        });
        assert!(
            whole == chunked && count == other,
            "{name}: chunks make a difference"
        );
        assert!(
            count > 0 || whole == *document,
            "{name}: changed without a reason"
        );
        if let Redactions::Captured = redactions {
            let leaves = memchr::memmem::find(&whole, SECRET).is_some();
            assert!(!leaves, "{name}: a secret leaves");
        }
        for line in whole
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            sonic_rs::from_slice::<sonic_rs::Value>(line).expect("what leaves is not JSON");
        }
        made += count;
    }
    match redactions {
        Redactions::Any => {}
        Redactions::Captured => assert!(made > 0, "{name}: nothing is redacted"),
        Redactions::Exactly(expected) => assert_eq!(made, expected, "{name}: redactions"),
    }
}

/// Only parses.
pub(super) fn sonic(input: &Input) {
    for document in &input.json {
        black_box(sonic_rs::from_slice::<sonic_rs::Value>(document).unwrap());
    }
}

/// What a careful `before_send` does: parse, look at every string, write.
pub(super) fn serde(input: &Input) {
    for document in &input.json {
        let mut value: serde_json::Value = serde_json::from_slice(document).unwrap();
        black_box(walk(&mut value));
        black_box(serde_json::to_vec(&value).unwrap());
    }
}

fn walk(value: &mut serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => usize::from(text.contains("token=")),
        serde_json::Value::Array(items) => items.iter_mut().map(walk).sum(),
        serde_json::Value::Object(members) => {
            let members = members.iter_mut();
            members.map(|(key, value)| key.len() + walk(value)).sum()
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => 0,
    }
}

/// Copies everything to the same place.
pub(super) fn copy(input: &Input, place: &mut [u8]) {
    for document in &input.documents {
        black_box(&mut place[..document.len()]).copy_from_slice(black_box(document));
    }
}
