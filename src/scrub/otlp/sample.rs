//! Spans of OTLP in JSON are left out by their trace: the request is kept whole, and what is left of it is a copy without them.
//!
//! Members stay as they were written. Only where elements of `spans` go do their bytes, and a comma, go with them.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::tell_spans;
use super::wire::Failure;
use crate::scrub::gate::{Sampler, hex_id};
use crate::scrub::limits::Limits;
use crate::scrub::outcome::{Reason, Report};

/// A request in the making.
#[derive(Debug)]
pub(crate) struct SpanFilter {
    sampler: Sampler,
    limit: usize,
    body: Vec<u8>,
}

/// `ExportTraceServiceRequest`, as far as the way to its spans goes. Both spellings that JSON of Protocol Buffers may have.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default, alias = "resource_spans", rename = "resourceSpans")]
    resource_spans: Option<Vec<ResourceSpans<'a>>>,
}

#[derive(Deserialize)]
struct ResourceSpans<'a> {
    #[serde(borrow, default, alias = "scope_spans", rename = "scopeSpans")]
    scope_spans: Option<Vec<ScopeSpans<'a>>>,
}

#[derive(Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow, default)]
    spans: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Span<'a> {
    #[serde(borrow, default, alias = "trace_id", rename = "traceId")]
    trace_id: Option<Cow<'a, str>>,
}

impl SpanFilter {
    pub(crate) fn new(sampler: Sampler, limits: &Limits) -> Self {
        SpanFilter {
            sampler,
            limit: limits.protobuf_bytes,
            body: Vec::new(),
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.body.capacity()
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if self.body.len() + chunk.len() > self.limit {
            let reason = Reason::TooLarge {
                what: "the OTLP body, whose spans are sampled,",
                key: "limits.protobuf_bytes",
                limit: self.limit as u64,
            };
            return Err((reason, 0));
        }
        self.body.extend_from_slice(chunk);
        Ok(())
    }

    /// What is left of the request. One that is no JSON is left as it is: its scrubber says what is wrong with it, and where.
    pub(crate) fn finish(self, report: &mut Report) -> Result<Bytes, Failure> {
        let no_request = (
            Reason::Framing(
                "no OTLP request for traces: a member is missing its type, or stands twice",
            ),
            0,
        );
        let Ok(text) = std::str::from_utf8(&self.body) else {
            return Ok(Bytes::from(self.body));
        };
        let request: Request<'_> = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) if error.is_data() => return Err(no_request),
            Err(_) => return Ok(Bytes::from(self.body)),
        };
        let mut left = Vec::with_capacity(text.len());
        let mut copied = 0;
        let mut counts = (0, 0);
        let resources = request.resource_spans.iter().flatten();
        for scope in resources.flat_map(|it| it.scope_spans.iter().flatten()) {
            let spans = scope.spans.as_deref().unwrap_or_default();
            let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
                continue;
            };
            left.extend_from_slice(&self.body[copied..offset(text, first.get())]);
            let mut is_first = true;
            for (index, raw) in spans.iter().enumerate() {
                let span: Span<'_> = serde_json::from_str(raw.get()).map_err(|_| no_request)?;
                let id = span.trace_id.as_deref().unwrap_or_default();
                let kept = match hex_id(id) {
                    Some(id) => self.sampler.keeps(&id),
                    None => self.sampler.keeps(id.as_bytes()),
                };
                if !kept {
                    counts.1 += 1;
                    continue;
                }
                counts.0 += 1;
                // With the comma in front of it, but for the first.
                let before = index.checked_sub(1).filter(|_| !is_first);
                let from = before.map_or(offset(text, raw.get()), |it| end(text, spans[it].get()));
                left.extend_from_slice(&self.body[from..end(text, raw.get())]);
                is_first = false;
            }
            copied = end(text, last.get());
        }
        left.extend_from_slice(&self.body[copied..]);
        tell_spans(counts, report);
        Ok(Bytes::from(left))
    }
}

/// Where a part of a text begins in it.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// Where it ends.
fn end(text: &str, part: &str) -> usize {
    offset(text, part) + part.len()
}
