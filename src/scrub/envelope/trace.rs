//! The trace of an envelope: whether it is kept, and what its header must say of the rate from then on.
//!
//! Collectors extrapolate by `sample_rate`, and `sample_rand < sample_rate` holds in a context whose trace was kept (Sentry's
//! documentation, dynamic sampling context). Where a trace is kept here by a lower rate, its context says that rate.

use serde_json::value::RawValue;

use super::header::{Members, is_event_id, object, string};
use crate::scrub::gate::{Sampled, Sampler, TraceContext, hex_id};
use crate::scrub::outcome::Reason;

/// What becomes of the trace of the envelope with this header, and whether the header tells which trace it is. Where it does not, an
/// item may.
pub(super) fn decide(header: &Members, sampler: &Sampler) -> Result<(Sampled, bool), Reason> {
    let mut context = TraceContext::default();
    let mut event_id = None;
    for (key, value) in &header.0 {
        match &**key {
            "trace" if value.get().starts_with('{') => {
                context = read(&object(value.get().as_bytes())?)
            }
            "event_id" => event_id = string(value).filter(|id| is_event_id(id)),
            _ => {}
        }
    }
    // One event in two spellings is one.
    let event_id = event_id.map(|id| id.replace('-', "").to_ascii_lowercase());
    let is_told = context.trace_id.is_some() || context.sample_rand.is_some();
    Ok((sampler.decide(&context, event_id.as_deref()), is_told))
}

fn read(trace: &Members) -> TraceContext {
    let mut context = TraceContext::default();
    for (key, value) in &trace.0 {
        match &**key {
            "trace_id" => context.trace_id = string(value).filter(|id| !id.is_empty()),
            "sample_rand" => {
                context.sample_rand = number(value).filter(|it| (0.0..1.0).contains(it))
            }
            "sample_rate" => {
                context.sample_rate = number(value).filter(|it| *it > 0.0 && *it <= 1.0);
            }
            _ => {}
        }
    }
    context
}

/// A number, which the specification has as a string.
fn number(value: &RawValue) -> Option<f64> {
    match string(value) {
        Some(text) => text.parse().ok(),
        None => value.get().parse().ok(),
    }
}

/// The context as it is from now on, if it is to say something else. Everything but the two numbers stays as it was written.
pub(super) fn corrected(
    trace: &RawValue,
    sampled: Sampled,
) -> Result<Option<Box<RawValue>>, Reason> {
    let new = match sampled {
        Sampled::Dropped => return Ok(None),
        Sampled::Kept { rate, rand } => [("sample_rate", rate), ("sample_rand", rand)],
    };
    if new.iter().all(|(_, value)| value.is_none()) || !trace.get().starts_with('{') {
        return Ok(None);
    }
    let members = object(trace.get().as_bytes())?.0;
    let member = |key: &str, value: &str| format!("{}:{value}", serde_json::Value::from(key));
    let mut text: Vec<String> = members
        .iter()
        .map(|(key, value)| {
            let new = new.iter().find(|(known, _)| known == key);
            match new.and_then(|(_, value)| *value) {
                Some(new) => member(key, &format!("\"{new}\"")),
                None => member(key, value.get()),
            }
        })
        .collect();
    let missing = new
        .iter()
        .filter(|(key, _)| members.iter().all(|(known, _)| known != key));
    for (key, value) in missing {
        text.extend(value.map(|value| member(key, &format!("\"{value}\""))));
    }
    Ok(RawValue::from_string(format!("{{{}}}", text.join(","))).ok())
}

/// Where items tell which trace they belong to; arrays are transparent. (SDKs for Go and Rust write no `trace` into the header.)
const PLACES: [&[&[u8]]; 5] = [
    // Transactions.
    &[b"contexts", b"trace", b"trace_id"],
    &[b"spans", b"trace_id"],
    // A span that stands alone, and spans in a container.
    &[b"trace_id"],
    &[b"items", b"trace_id"],
    // Profiles.
    &[b"transaction", b"trace_id"],
];

/// The trace that a payload, or the beginning of one, belongs to. It need not be well-formed: what is wrong with it, its scrubber says.
pub(super) fn in_payload(json: &[u8]) -> Option<[u8; 16]> {
    // Of each open container the name of the member at hand; arrays have none.
    let mut open: Vec<Option<&[u8]>> = Vec::new();
    let mut name_next = false;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'{' => {
                open.push(Some(b""));
                name_next = true;
            }
            b'[' => {
                open.push(None);
                name_next = false;
            }
            b'}' | b']' => {
                open.pop();
                name_next = false;
            }
            b',' => name_next = matches!(open.last(), Some(Some(_))),
            b':' => name_next = false,
            b'"' => {
                let start = at;
                while *json.get(at)? != b'"' {
                    at += 1 + usize::from(json[at] == b'\\');
                }
                let text = &json[start..at];
                at += 1;
                match open.last_mut() {
                    Some(Some(name)) if name_next => *name = text,
                    _ => {
                        let names = || open.iter().copied().flatten();
                        if PLACES.iter().any(|place| names().eq(place.iter().copied())) {
                            let id = std::str::from_utf8(text).ok().and_then(hex_id);
                            if id.is_some() {
                                return id;
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    None
}
