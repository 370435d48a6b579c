//! Runs the scrubber on chunks and collects what comes out.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use scrubline::policy::Policy;
use scrubline::scrub::{Format, Limits, Malformed, Output, Plan, Scrubber};

/// The default policy's plan.
pub fn plan() -> Arc<Plan> {
    static PLAN: OnceLock<Arc<Plan>> = OnceLock::new();
    let compile = || {
        Policy::builtin(scrubline::policy::DEFAULT)
            .unwrap_or_else(|error| panic!("{error}"))
            .plan()
    };
    Arc::clone(PLAN.get_or_init(compile))
}

/// The format that a case names.
pub fn format(name: &str) -> Format {
    match name {
        "json" => Format::Json,
        "event" => Format::Event,
        "store" => Format::Store,
        "ndjson" => Format::Ndjson,
        "envelope" => Format::Envelope,
        "text" => Format::Text,
        "query" => Format::Query,
        "headers" => Format::Headers,
        other => panic!("unknown format {other}"),
    }
}

/// Scrubs chunks; what came out before an error is returned with it.
pub fn scrub<'a>(
    plan: &Arc<Plan>,
    format: Format,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), Malformed>) {
    let mut scrubber = Scrubber::new(Arc::clone(plan), format, &Limits::default());
    let mut output = Output::new();
    let mut bytes = Vec::new();
    let mut result = Ok(());
    for chunk in chunks {
        result = scrubber.push(Bytes::copy_from_slice(chunk), &mut output);
        while let Some(slice) = output.pop() {
            bytes.extend_from_slice(&slice.into_bytes());
        }
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| scrubber.finish(&mut output));
    while let Some(slice) = output.pop() {
        bytes.extend_from_slice(&slice.into_bytes());
    }
    (bytes, result)
}
