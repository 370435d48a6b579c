//! Throughput of the scrub engine in bytes a second, beside two baselines in the same run: `sonic-rs`, which only parses, and
//! `serde_json`, which parses, walks every string and writes. Quote ratios; machines are noisy.
//!
//! Each case states how many redactions it must make, and that is checked before it is timed: fast and wrong fails.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scrubline::policy::{self, Policy};
use scrubline::scrub::{Format, Limits, Output, Plan, Scrubber};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/data");

/// A case: its documents, and the redactions that they take together (`None`: some).
struct Case {
    name: &'static str,
    documents: Vec<Bytes>,
    redactions: Option<u64>,
}

/// An event-like document of about `length` bytes in which every `every`th member has a secret (0: none).
fn generated(length: usize, every: usize) -> (Bytes, u64) {
    let mut text = String::from("{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\",\"frames\":[");
    let mut secrets = 0;
    let mut index = 0;
    while text.len() < length {
        if index > 0 {
            text.push(',');
        }
        index += 1;
        if every > 0 && index % every == 0 {
            secrets += 1;
            match secrets % 3 {
                0 => text.push_str("{\"Authorization\":\"Bearer 0123456789abcdef0123\"}"),
                1 => text.push_str("{\"url\":\"https://a.eu/x?page=2&token=0123456789\"}"),
                _ => text.push_str("[\"X-Api-Key\",\"0123456789abcdef0123456789abcd\"]"),
            }
        } else {
            text.push_str(&format!(
                "{{\"filename\":\"app/views/orders.py\",\"function\":\"charge_{index}\",\"lineno\":{index},\"in_app\":true,\
                 \"context_line\":\"    return gateway.charge(order, amount)\",\"vars\":{{\"order\":\"<Order {index}>\"}}}}"
            ));
        }
    }
    text.push_str("]}");
    (Bytes::from(text), secrets)
}

/// The JSON payloads of the captured envelopes.
fn bulk() -> Vec<Bytes> {
    let data = Bytes::from(std::fs::read(format!("{DATA}/bulk.bin")).unwrap());
    let index = std::fs::read_to_string(format!("{DATA}/bulk.index")).unwrap();
    let mut documents = Vec::new();
    for line in index.lines() {
        let (offset, length) = line.split_once(' ').unwrap();
        let offset: usize = offset.parse().unwrap();
        let envelope = data.slice(offset..offset + length.parse::<usize>().unwrap());
        for part in envelope.split(|byte| *byte == b'\n').skip(1) {
            let is_payload = part.starts_with(b"{") && !part.starts_with(b"{\"type\"");
            if is_payload && serde_json::from_slice::<serde_json::Value>(part).is_ok() {
                documents.push(envelope.slice_ref(part));
            }
        }
    }
    documents
}

fn cases() -> Vec<Case> {
    let (clean, _) = generated(64 << 10, 0);
    let (sparse, few) = generated(64 << 10, 20);
    let (dense, many) = generated(64 << 10, 1);
    vec![
        Case {
            name: "bulk",
            documents: bulk(),
            redactions: None,
        },
        Case {
            name: "clean",
            documents: vec![clean],
            redactions: Some(0),
        },
        Case {
            name: "sparse",
            documents: vec![sparse],
            redactions: Some(few),
        },
        Case {
            name: "dense",
            documents: vec![dense],
            redactions: Some(many),
        },
    ]
}

/// Scrubs one document in chunks of at most `chunk` bytes; gives the bytes that came out and the redactions.
fn scrub(plan: &Arc<Plan>, document: &Bytes, chunk: usize) -> (usize, u64) {
    let mut scrubber = Scrubber::new(Arc::clone(plan), Format::Json, &Limits::default());
    let mut output = Output::new();
    let mut out = 0;
    let mut at = 0;
    while at < document.len() {
        let end = document.len().min(at + chunk);
        scrubber.push(document.slice(at..end), &mut output).unwrap();
        at = end;
        while let Some(slice) = output.pop() {
            out += black_box(slice.into_bytes()).len();
        }
    }
    scrubber.finish(&mut output).unwrap();
    while let Some(slice) = output.pop() {
        out += black_box(slice.into_bytes()).len();
    }
    (out, scrubber.report().redaction_count())
}

/// What a careful `before_send` does: parse, look at every string, write.
fn walk(value: &mut serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => usize::from(text.contains("token=")),
        serde_json::Value::Array(items) => items.iter_mut().map(walk).sum(),
        serde_json::Value::Object(members) => members
            .iter_mut()
            .map(|(key, value)| key.len() + walk(value))
            .sum(),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => 0,
    }
}

fn throughput(criterion: &mut Criterion) {
    let plan = Policy::builtin(policy::DEFAULT).unwrap().plan();
    for case in cases() {
        let bytes: usize = case.documents.iter().map(Bytes::len).sum();
        let redactions: u64 = case
            .documents
            .iter()
            .map(|document| scrub(&plan, document, usize::MAX >> 1).1)
            .sum();
        match case.redactions {
            Some(expected) => assert_eq!(redactions, expected, "{}", case.name),
            None => assert!(redactions > 0, "{}", case.name),
        }
        let mut group = criterion.benchmark_group(case.name);
        group.throughput(Throughput::Bytes(bytes as u64));
        for (name, chunk) in [("whole", usize::MAX >> 1), ("16KiB", 16 << 10)] {
            group.bench_function(BenchmarkId::new("scrubline", name), |bencher| {
                bencher.iter(|| {
                    case.documents
                        .iter()
                        .map(|document| scrub(&plan, document, chunk).0)
                        .sum::<usize>()
                });
            });
        }
        group.bench_function("sonic-rs parse", |bencher| {
            bencher.iter(|| {
                for document in &case.documents {
                    black_box(sonic_rs::from_slice::<sonic_rs::Value>(document).unwrap());
                }
            });
        });
        group.bench_function("serde_json parse-walk-write", |bencher| {
            bencher.iter(|| {
                for document in &case.documents {
                    let mut value: serde_json::Value = serde_json::from_slice(document).unwrap();
                    black_box(walk(&mut value));
                    black_box(serde_json::to_vec(&value).unwrap());
                }
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2)).warm_up_time(std::time::Duration::from_millis(500));
    targets = throughput
}
criterion_main!(benches);
