//! What may leave by which door, and which traces: the gate, in the library and through the proxy.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use scrubline::ingress::Ingress;
use scrubline::policy::{DoorRules, Doors, Policy};
use scrubline::scrub::fuzzing::check_gate;
use scrubline::scrub::{Format, Gate, Limits, Output, Scrubber, Signal};
use serde_json::{Value, json};
use support::{AUTH, ID, Proxy, Upstream, request};

// ------------------------------------------------------------------------------------------------ the library

/// One stream through a scrubber with this gate.
fn through(policy: &Policy, gate: &Arc<Gate>, format: Format, input: Vec<u8>) -> Vec<u8> {
    let limits = Limits::default();
    let scrubber = Scrubber::new(policy.plan(), format, &limits).gated(Arc::clone(gate));
    let mut scrubber = match format == Format::Json {
        true => scrubber.sampling_spans(gate, &limits),
        false => scrubber,
    };
    let mut output = Output::new();
    scrubber.push(Bytes::from(input), &mut output).unwrap();
    scrubber.finish(&mut output).unwrap();
    std::iter::from_fn(|| output.pop())
        .flat_map(|slice| slice.into_bytes())
        .collect()
}

/// Ids that look drawn, the same in every run.
fn trace_ids(count: u64) -> impl Iterator<Item = [u8; 16]> {
    // SplitMix64 (Steele, Lea and Flood).
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    (0..count).map(move |n| {
        let draw = |k: u64| mix((2 * n + k + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes();
        [draw(0), draw(1)].concat().try_into().unwrap()
    })
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn envelope_of(trace: &Value, items: &[(&Value, &Value)]) -> Vec<u8> {
    let mut text = format!("{}\n", json!({"event_id": ID, "trace": trace}));
    for (header, payload) in items {
        text.push_str(&format!("{header}\n{payload}\n"));
    }
    text.into_bytes()
}

/// The types of the items of an envelope without lengths.
fn types(envelope: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(envelope).unwrap();
    let headers = text.lines().skip(1).step_by(2);
    headers
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn head(envelope: &[u8]) -> Value {
    serde_json::from_slice(envelope.split(|byte| *byte == b'\n').next().unwrap()).unwrap()
}

/// A field of Protocol Buffers that is a message or bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

/// `ExportTraceServiceRequest` with a span for each trace.
fn otlp_protobuf(traces: &[[u8; 16]]) -> Vec<u8> {
    let span = |id: &[u8; 16]| {
        field(
            2,
            &[field(1, id), field(2, &id[..8]), field(5, b"GET /")].concat(),
        )
    };
    let spans: Vec<u8> = traces.iter().flat_map(span).collect();
    field(1, &field(2, &spans))
}

fn otlp_json(traces: &[[u8; 16]]) -> Vec<u8> {
    let span = |id: &[u8; 16]| json!({"traceId": hex(id).to_uppercase(), "spanId": hex(&id[..8]), "name": "GET /"});
    let spans: Vec<Value> = traces.iter().map(span).collect();
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
        .to_string()
        .into_bytes()
}

/// Those of the traces whose ids stand in a scrubbed OTLP body.
fn found(
    body: &[u8],
    traces: &[[u8; 16]],
    spelt: impl Fn(&[u8; 16]) -> Vec<u8>,
) -> BTreeSet<[u8; 16]> {
    let is_in = |id: &&[u8; 16]| memchr::memmem::find(body, &spelt(id)).is_some();
    traces.iter().filter(is_in).copied().collect()
}

#[test]
fn one_server_trace_in_ten_is_kept_and_whole_across_envelopes_processes_and_otlp() {
    const TRACES: u64 = 100_000;
    // Two processes that know nothing of each other.
    let (one, other) = (
        Policy::builtin("sentry-eu").unwrap(),
        Policy::builtin("sentry-eu").unwrap(),
    );
    let (gate, other_gate) = (one.gate(Ingress::Sidecar), other.gate(Ingress::Sidecar));
    let traces: Vec<[u8; 16]> = trace_ids(TRACES).collect();
    let kept: BTreeSet<[u8; 16]> = traces
        .iter()
        .filter(|id| {
            let trace = json!({"trace_id": hex(*id), "sample_rate": "1.0"});
            let transaction = envelope_of(&trace, &[(&json!({"type": "transaction"}), &json!({}))]);
            !types(&through(&one, &gate, Format::Envelope, transaction)).is_empty()
        })
        .copied()
        .collect();
    // Four standard deviations of a binomial distribution.
    let (mean, deviation) = (TRACES as f64 * 0.1, (TRACES as f64 * 0.1 * 0.9).sqrt());
    let distance = (kept.len() as f64 - mean).abs();
    assert!(distance < 4.0 * deviation, "{} of {TRACES}", kept.len());
    // And of each of its sixteenths by the first digit, so that it does not depend on how the id begins.
    for first in 0..16u8 {
        let all = traces.iter().filter(|id| id[0] >> 4 == first).count() as f64;
        let kept = kept.iter().filter(|id| id[0] >> 4 == first).count() as f64;
        assert!(
            (kept - all * 0.1).abs() < 5.0 * (all * 0.09).sqrt(),
            "{first}: {kept} of {all}"
        );
    }
    // The other process gets spans and profiles of the same traces, each in an envelope of its own.
    let container = json!({"type": "span", "item_count": 1, "content_type": "application/vnd.sentry.items.span.v2+json"});
    for id in &traces {
        let trace = json!({"trace_id": hex(id), "sample_rate": "0.5"});
        let items = [
            (&container, &json!({"items": []})),
            (&json!({"type": "profile"}), &json!({})),
        ];
        let out = through(
            &other,
            &other_gate,
            Format::Envelope,
            envelope_of(&trace, &items),
        );
        let expected: &[&str] = if kept.contains(id) {
            &["span", "profile"]
        } else {
            &[]
        };
        assert_eq!(types(&out), expected, "{}", hex(id));
    }
    // OTLP comes in batches of many traces.
    for batch in traces.chunks(1000) {
        let expected: BTreeSet<_> = batch
            .iter()
            .filter(|id| kept.contains(*id))
            .copied()
            .collect();
        let binary = through(
            &other,
            &other_gate,
            Format::Otlp(Signal::Traces),
            otlp_protobuf(batch),
        );
        assert_eq!(found(&binary, batch, |id| field(1, id)), expected);
        let text = through(&one, &gate, Format::Json, otlp_json(batch));
        assert_eq!(
            found(&text, batch, |id| hex(id).to_uppercase().into_bytes()),
            expected
        );
        let read: Value = serde_json::from_slice(&text).unwrap();
        let spans = &read["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!(spans.as_array().unwrap().len(), expected.len());
    }
}

#[test]
fn what_an_sdk_has_drawn_decides_and_the_rate_is_corrected() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = policy.gate(Ingress::Sidecar);
    let transaction = (&json!({"type": "transaction"}), &json!({}));
    let id = "00112233445566778899aabbccddeeff";
    // The draw, the SDK's rate, whether the trace is kept, and the rate from then on.
    for (rand, before, after) in [
        ("0.0", "1.0", Some("0.1")),
        ("0.099999", "1.0", Some("0.1")),
        ("0.1", "1.0", None),
        ("0.999999", "1.0", None),
        ("0.04", "0.05", Some("0.05")),
        ("0.04", "0.25", Some("0.1")),
        ("0.2", "0.25", None),
    ] {
        let trace =
            json!({"trace_id": id, "sample_rand": rand, "sample_rate": before, "sampled": "true"});
        let out = through(
            &policy,
            &gate,
            Format::Envelope,
            envelope_of(&trace, &[transaction]),
        );
        assert_eq!(
            !types(&out).is_empty(),
            after.is_some(),
            "{rand} of {before}"
        );
        if let Some(after) = after {
            assert_eq!(
                head(&out)["trace"]["sample_rate"],
                after,
                "{rand} of {before}"
            );
            assert_eq!(head(&out)["trace"]["sample_rand"], rand);
            let again = through(&policy, &gate, Format::Envelope, out.clone());
            assert_eq!(
                String::from_utf8(again).unwrap(),
                String::from_utf8(out).unwrap()
            );
        }
    }
}

#[test]
fn where_nothing_was_drawn_the_rates_multiply_and_the_draw_is_told() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = policy.gate(Ingress::Sidecar);
    let transaction = (&json!({"type": "transaction"}), &json!({}));
    let mut kept = 0;
    for id in trace_ids(200) {
        for (before, after) in [(Some("0.5"), 0.05), (None, 0.1), (Some("nonsense"), 0.1)] {
            let mut trace = json!({"trace_id": hex(&id)});
            if let Some(before) = before {
                trace["sample_rate"] = json!(before);
            }
            let out = through(
                &policy,
                &gate,
                Format::Envelope,
                envelope_of(&trace, &[transaction]),
            );
            if types(&out).is_empty() {
                continue;
            }
            kept += 1;
            let number = |key: &str| {
                head(&out)["trace"][key]
                    .as_str()
                    .unwrap()
                    .parse::<f64>()
                    .unwrap()
            };
            assert!((number("sample_rate") - after).abs() < 1e-12, "{before:?}");
            assert!(number("sample_rand") < number("sample_rate"), "{before:?}");
            // Twice is once, also where the second has a lower rate: what it keeps is part of this.
            let again = through(&policy, &gate, Format::Envelope, out.clone());
            assert_eq!(
                String::from_utf8(again).unwrap(),
                String::from_utf8(out).unwrap()
            );
        }
    }
    assert!(kept > 30, "{kept}");
}

/// SDKs for Go and Rust say nothing of the trace in the envelope's header.
#[test]
fn where_the_header_tells_no_trace_the_payload_does_however_it_is_cut() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = policy.gate(Ingress::Sidecar);
    let long = "x".repeat(9000);
    let longer = "x".repeat(40_000);
    let (mut kept, mut of) = (0, 0);
    for id in trace_ids(60) {
        let hex = hex(&id);
        let decided = gate.sampler().keeps(&id);
        of += 1;
        kept += u32::from(decided);
        for payload in [
            json!({"contexts": {"os": {"trace_id": "0"}, "trace": {"op": "\"{[", "trace_id": hex}}}),
            json!({"message": long, "contexts": {"trace": {"trace_id": hex}}}),
            json!({"a": [{"trace_id": "00000000000000000000000000000000"}], "spans": [{"trace_id": hex}], "z": longer}),
        ] {
            let envelope = format!(
                "{{}}\n{{\"type\":\"transaction\"}}\n{payload}\n{{\"type\":\"profile\"}}\n{{}}\n"
            );
            let whole = through(
                &policy,
                &gate,
                Format::Envelope,
                envelope.clone().into_bytes(),
            );
            let expected: &[&str] = if decided {
                &["transaction", "profile"]
            } else {
                &[]
            };
            assert_eq!(types(&whole), expected, "{hex}");
            let again = through(&policy, &gate, Format::Envelope, whole.clone());
            assert!(again == whole, "{hex}: twice is not once");
            for size in [1, 7, 1000, 13_000] {
                let limits = Limits::default();
                let mut scrubber = Scrubber::new(policy.plan(), Format::Envelope, &limits)
                    .gated(Arc::clone(&gate));
                let mut output = Output::new();
                let mut held = 0;
                for chunk in envelope.as_bytes().chunks(size) {
                    scrubber
                        .push(Bytes::copy_from_slice(chunk), &mut output)
                        .unwrap();
                    held = held.max(scrubber.held_bytes());
                }
                scrubber.finish(&mut output).unwrap();
                let cut: Vec<u8> = std::iter::from_fn(|| output.pop())
                    .flat_map(|it| it.into_bytes())
                    .collect();
                assert!(cut == whole, "{hex} in chunks of {size}");
                assert!(held <= 64 << 10, "{held} bytes are held");
            }
        }
        // In the other types of a trace.
        for (header, payload) in [
            (
                json!({"type": "span"}),
                json!({"span_id": "1", "trace_id": hex}),
            ),
            (
                json!({"type": "span", "item_count": 1, "content_type": "application/vnd.sentry.items.span.v2+json"}),
                json!({"items": [{"attributes": {"trace_id": {"value": "x"}}, "trace_id": hex}]}),
            ),
            (
                json!({"type": "profile"}),
                json!({"transaction": {"name": "n", "trace_id": hex}}),
            ),
        ] {
            let envelope = format!("{{}}\n{header}\n{payload}\n");
            let out = through(&policy, &gate, Format::Envelope, envelope.into_bytes());
            assert_eq!(!types(&out).is_empty(), decided, "{header} {hex}");
        }
    }
    assert!(0 < kept && kept < of, "{kept} of {of}");
}

/// The items of an envelope without lengths, as letters: what they are, and the traces that they name (`k` for one that is kept, `d` for one
/// that is not, `-` for none). A container has its elements, and a number in front where its header has another.
fn letters(envelope: &[u8], traces: &[(char, String)]) -> Vec<String> {
    let text = std::str::from_utf8(envelope).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let letter = |it: &Value| {
        let named = traces.iter().find(|(_, id)| it["trace_id"] == **id);
        named.map_or('-', |(letter, _)| *letter)
    };
    let mut items = Vec::new();
    for item in lines.chunks(2) {
        let header: Value = serde_json::from_str(item[0]).unwrap();
        let payload: Value = serde_json::from_str(item[1]).unwrap_or_default();
        items.push(match header["type"].as_str().unwrap() {
            "transaction" => format!("t{}", letter(&payload["contexts"]["trace"])),
            "profile" => format!("p{}", letter(&payload["transaction"])),
            "span" => {
                let elements = payload["items"].as_array().unwrap();
                let count = match header["item_count"].as_u64() {
                    Some(count) if count == elements.len() as u64 => String::new(),
                    other => format!("{other:?}"),
                };
                format!(
                    "{count}s{}",
                    elements.iter().map(letter).collect::<String>()
                )
            }
            "client_report" => {
                let told = payload["discarded_events"].as_array().unwrap().iter();
                told.map(|it| format!("{}:{}", it["category"].as_str().unwrap(), it["quantity"]))
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            other => other[..1].to_owned(),
        });
    }
    items
}

/// Each by its own trace, element for element; and what belongs to an item goes with it.
#[test]
fn every_item_of_an_envelope_goes_by_its_own_trace_and_attachments_by_their_event() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = (*policy.gate(Ingress::Sidecar)).clone().with_reports(true);
    let gate = Arc::new(gate);
    let id = |kept: bool| {
        let mut ids = trace_ids(1000).filter(|id| gate.sampler().keeps(id) == kept);
        hex(&ids.next().unwrap())
    };
    let traces = [('k', id(true)), ('d', id(false))];
    let named = |letter: char| {
        let found = traces.iter().find(|(it, _)| *it == letter);
        found.map_or(
            json!({"op": "\"]},{[ trace_id"}),
            |(_, id)| json!({"op": "x", "trace_id": id}),
        )
    };
    let item = |letters: &str| {
        let mut rest = letters.chars();
        let (kind, of) = (rest.next().unwrap(), rest.as_str());
        let first = named(of.chars().next().unwrap_or('-'));
        let (header, payload) = match kind {
            't' => (
                json!({"type": "transaction"}),
                json!({"contexts": {"trace": first}}),
            ),
            'p' => (json!({"type": "profile"}), json!({"transaction": first})),
            'e' => (
                json!({"type": "event"}),
                json!({"contexts": {"trace": first}}),
            ),
            'a' => (
                json!({"type": "attachment", "filename": "a.txt", "length": 5}),
                json!("abc"),
            ),
            _ => {
                let elements: Vec<Value> = of.chars().map(named).collect();
                let media = "application/vnd.sentry.items.span.v2+json";
                let header =
                    json!({"type": "span", "content_type": media, "item_count": elements.len()});
                (header, json!({"x": ["items"], "items": elements}))
            }
        };
        // Spelt with room, as nobody has to write it compactly.
        let payload = payload.to_string();
        let payload = match kind {
            's' => payload.replace("},{", "} , {").replace(":[", " :  [ "),
            _ => payload,
        };
        format!("{header}\n{payload}\n")
    };
    for (items, left) in [
        ("tk td", "tk transaction:1"),
        ("td tk", "tk transaction:1"),
        ("tk td tk td", "tk tk transaction:2"),
        // What tells no trace goes by what stands before it; here, first, by an event's id that there is not.
        ("tk p- td p-", "tk p- profile:1 transaction:1"),
        ("p- tk", "tk profile:1"),
        ("skkk", "skkk"),
        ("sddd", ""),
        ("sddd e", "e span:3"),
        ("sdkd", "sk span:2"),
        ("skdk", "skk span:1"),
        ("sddkkddkdd", "skkk span:6"),
        ("skdd", "sk span:2"),
        ("s-k", "s-k"),
        ("sk-", "sk-"),
        ("s-dk", "sk span:2"),
        ("skd-", "sk- span:1"),
        ("s e", "e"),
        ("sdk td tk sk", "sk tk sk span:1 transaction:1"),
        ("td a", ""),
        ("td a e", "e attachment:5 attachment_item:1 transaction:1"),
        ("tk a a", "tk a a"),
        ("tk td a", "tk a transaction:1"),
        ("e td a", "e a transaction:1"),
        ("sdd a e", "e attachment:5 attachment_item:1 span:2"),
        ("sdk a", "sk a span:1"),
        ("a", "a"),
        ("a td", "a transaction:1"),
    ] {
        let items: Vec<String> = items.split(' ').map(item).collect();
        let envelope = format!("{{}}\n{}", items.concat()).into_bytes();
        let out = through(&policy, &gate, Format::Envelope, envelope.clone());
        let name = String::from_utf8_lossy(&envelope);
        assert_eq!(letters(&out, &traces).join(" "), left, "{name}");
        let again = through(&policy, &gate, Format::Envelope, out.clone());
        assert!(again == out, "twice is not once: {name}");
        for cut in 0..envelope.len() {
            let limits = Limits::default();
            let scrubber = Scrubber::new(policy.plan(), Format::Envelope, &limits);
            let mut scrubber = scrubber.gated(Arc::clone(&gate));
            let mut output = Output::new();
            for part in [&envelope[..cut], &envelope[cut..]] {
                scrubber
                    .push(Bytes::copy_from_slice(part), &mut output)
                    .unwrap();
            }
            scrubber.finish(&mut output).unwrap();
            let parted = std::iter::from_fn(|| output.pop());
            let parted: Vec<u8> = parted.flat_map(|it| it.into_bytes()).collect();
            assert!(parted == out, "cut at {cut}: {name}");
        }
    }
    // A container that is too large to be taken apart goes by its first trace, and no trace passes with it that is not kept.
    for (elements, result) in [
        ("k".repeat(400), Ok(400)),
        ("d".repeat(400), Ok(0)),
        ("d".repeat(400) + "k", Ok(0)),
        ("-".to_owned() + &"k".repeat(400) + "-", Ok(402)),
        ("k".repeat(400) + "d", Err(())),
        ("kd".repeat(200), Err(())),
    ] {
        let envelope = format!("{{}}\n{}", item(&format!("s{elements}"))).into_bytes();
        for size in [1, 100, 100_000] {
            let limits = Limits::default();
            let scrubber = Scrubber::new(policy.plan(), Format::Envelope, &limits);
            let mut scrubber = scrubber.gated(Arc::clone(&gate));
            let mut output = Output::new();
            let mut held = 0;
            let pushed = envelope.chunks(size).try_for_each(|part| {
                let pushed = scrubber.push(Bytes::copy_from_slice(part), &mut output);
                held = held.max(scrubber.held_bytes());
                pushed
            });
            assert!(held <= 64 << 10, "{held} bytes are held");
            let ended = pushed.and_then(|()| scrubber.finish(&mut output));
            let error = "elements of several traces, of which not all are kept, in a container too large to be taken apart";
            let ended = ended.map_err(|it| assert!(it.to_string().contains(error), "{it}"));
            let out = std::iter::from_fn(|| output.pop());
            let out: Vec<u8> = out.flat_map(|it| it.into_bytes()).collect();
            let count = ended.map(|()| {
                let left = letters(&out, &traces);
                left.first().map_or(0, |it| it.len() - 1)
            });
            assert_eq!(count, result, "{elements}");
        }
    }
}

/// Of whatever traces an envelope is, and however large: cuts don't matter, twice is once, and what leaves is an envelope.
#[test]
fn the_laws_hold_at_a_gate() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = (*policy.gate(Ingress::Sidecar)).clone().with_reports(true);
    let gate = Arc::new(gate);
    let of = |kept: bool| {
        let mut ids = trace_ids(1000).filter(|id| gate.sampler().keeps(id) == kept);
        hex(&ids.next().unwrap())
    };
    let traces = [of(true), of(false)];
    let (mut passed, mut refused) = (0, 0);
    // The same draws in every run.
    let mut draws = trace_ids(u64::MAX).flat_map(|id| id.map(usize::from));
    let mut below = |bound: usize| (draws.next().unwrap() << 8 | draws.next().unwrap()) % bound;
    let of_trace = |below: &mut dyn FnMut(usize) -> usize, room: usize| {
        let padding = "x".repeat(below(room));
        let secret = ["a=b", "token=hunter2hunter2", "password=Qx93kdb7Zr51mw8T"][below(3)];
        match below(5) {
            0 => json!({"m": secret, "p": padding}),
            1 => json!({"p": padding, "m": secret, "trace_id": traces[0]}),
            2 => json!({"trace_id": traces[1], "p": padding}),
            3 => json!({"trace_id": [traces[1]], "m": {"trace_id": traces[1]}}),
            _ => json!({"m": secret, "trace_id": traces[0], "p": padding}),
        }
    };
    for _ in 0..600 {
        let mut envelope = match below(4) {
            0 => format!(
                "{}\n",
                json!({"trace": {"trace_id": traces[below(2)], "sample_rate": "0.5"}})
            ),
            1 => format!("{}\n", json!({"event_id": traces[below(2)]})),
            _ => "{}\n".to_owned(),
        };
        for _ in 0..=below(4) {
            // Around what is looked at of a payload, too.
            let room = [10, 10, 100, 6000][below(4)];
            let (header, payload) = match below(5) {
                0 => (
                    json!({"type": "transaction"}),
                    json!({"contexts": {"trace": of_trace(&mut below, room)}}),
                ),
                1 => (
                    json!({"type": "profile"}),
                    json!({"transaction": of_trace(&mut below, room)}),
                ),
                2 => (
                    json!({"type": "attachment", "filename": "a.txt", "length": 3}),
                    json!("x"),
                ),
                _ => {
                    let elements: Vec<Value> =
                        (0..below(9)).map(|_| of_trace(&mut below, room)).collect();
                    let media = "application/vnd.sentry.items.span.v2+json";
                    let header = json!({"type": "span", "content_type": media, "item_count": elements.len()});
                    (header, json!({"items": elements}))
                }
            };
            let payload = payload
                .to_string()
                .replace("},{", ["} , {", "},{", "},\t{"][below(3)]);
            envelope.push_str(&format!("{header}\n{payload}\n"));
        }
        let cuts: Vec<usize> = (0..3).map(|_| below(usize::MAX)).collect();
        check_gate(&policy.plan(), &gate, envelope.as_bytes(), &cuts);
        // One that is refused breaks no law, so it has to be told why.
        let limits = Limits::default();
        let scrubber = Scrubber::new(policy.plan(), Format::Envelope, &limits);
        let mut scrubber = scrubber.gated(Arc::clone(&gate));
        let mut output = Output::new();
        let pushed = scrubber.push(Bytes::from(envelope), &mut output);
        match pushed.and_then(|()| scrubber.finish(&mut output)) {
            Ok(()) => passed += 1,
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("too large to be taken apart"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(
        passed > 400 && refused > 3,
        "{passed} passed, {refused} refused"
    );
}

/// A header can say what it likes of how much was in what is left out.
#[tokio::test]
async fn the_collector_is_told_of_what_was_really_there() {
    for (header, payload, told) in [
        (
            json!({"type": "check_in", "item_count": 4_000_000}),
            "{}",
            json!(["monitor", 1]),
        ),
        (
            json!({"type": "check_in", "item_count": 0}),
            "{}",
            json!(["monitor", 1]),
        ),
        (
            json!({"type": "session", "item_count": 77}),
            "{}",
            json!(["session", 1]),
        ),
        (
            json!({"type": "log", "item_count": 4_000_000, "content_type": "application/vnd.sentry.items.log+json"}),
            r#"{"a": [{}], "items": [{"items": [{}, {}]}, {"body": "{,[\"{"}], "z": {"y": {}}}"#,
            json!(["log_item", 2]),
        ),
    ] {
        let mut upstream = Upstream::start().await;
        let settings = [("policy.server.drop", "session,log")];
        let proxy = Proxy::start(&upstream.url(), &settings).await;
        let envelope = format!("{{}}\n{header}\n{payload}\n{{\"type\":\"user_report\"}}\n{{}}\n");
        assert_eq!(proxy.post(envelope.into_bytes()).await.status, 200);
        let body = upstream.received.recv().await.unwrap().plain();
        let report = client_report(&body).unwrap();
        let entries = &report["discarded_events"];
        assert_eq!(entries.as_array().unwrap().len(), 1, "{report}");
        let entry = json!([entries[0]["category"], entries[0]["quantity"]]);
        assert_eq!(entry, told, "{header}");
    }
}

/// A collector goes by what the payload says it is, so an item cannot leave by another name.
#[test]
fn what_is_called_an_event_and_is_a_transaction_is_refused() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gated = [policy.gate(Ingress::Sidecar), policy.gate(Ingress::Tunnel)];
    let taken = |gate: &Arc<Gate>, format, input: &[u8], cut: usize| {
        let scrubber = Scrubber::new(policy.plan(), format, &Limits::default());
        let mut scrubber = scrubber.gated(Arc::clone(gate));
        let mut output = Output::new();
        let (start, end) = input.split_at(cut.min(input.len()));
        [start, end]
            .into_iter()
            .try_for_each(|part| scrubber.push(Bytes::from(part.to_vec()), &mut output))
            .and_then(|()| scrubber.finish(&mut output))
            .map_err(|error| error.to_string())
    };
    for (payload, is_one) in [
        (r#"{"type":"transaction","spans":[]}"#, true),
        (r#"{"spans":[],"t\u0079pe" : "trans\u0061ction"}"#, true),
        (r#"{"type":"error","message":"transaction"}"#, false),
        (r#"{"type":null,"tags":{"type":"transaction"}}"#, false),
        (r#"{"contexts":{"trace":{"type":"transaction"}}}"#, false),
        (r#"{"transaction":"/shop","message":"type"}"#, false),
    ] {
        let envelope = format!("{{}}\n{{\"type\":\"event\"}}\n{payload}\n");
        for (format, input) in [
            (Format::Event, payload),
            (Format::Store, payload),
            (Format::Envelope, envelope.as_str()),
        ] {
            for cut in 0..=input.len() {
                for gate in &gated {
                    let result = taken(gate, format, input.as_bytes(), cut);
                    assert_eq!(result.is_err(), is_one, "{input} {cut}: {result:?}");
                    if let Err(error) = result {
                        assert!(error.ends_with("takes no items of type transaction here"));
                    }
                }
                // Where all of them may leave, nothing is to be refused.
                let open = Arc::new(Gate::default());
                assert!(taken(&open, format, input.as_bytes(), cut).is_ok());
            }
        }
    }
}

#[test]
fn a_key_of_ones_own_keeps_other_traces() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let own = policy.with_doors(&Doors::default(), Some(b"a key of one's own"), false);
    let (public, own) = (policy.gate(Ingress::Sidecar), own.gate(Ingress::Sidecar));
    let kept = |gate: &Gate| {
        trace_ids(1000)
            .filter(|id| gate.sampler().keeps(id))
            .collect::<Vec<_>>()
    };
    assert_ne!(kept(&public), kept(&own));
}

#[test]
fn browsers_send_errors_feedback_and_client_reports_only() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = policy.gate(Ingress::Tunnel);
    let trace = json!({"trace_id": "00112233445566778899aabbccddeeff", "sample_rand": "0.0"});
    for (item_type, passes) in [
        ("event", true),
        ("feedback", true),
        ("user_report", true),
        ("client_report", true),
        ("transaction", false),
        ("span", false),
        ("session", false),
        ("sessions", false),
        ("profile", false),
        ("profile_chunk", false),
        ("log", false),
        ("trace_metric", false),
        ("check_in", false),
        ("replay_event", false),
        ("raw_security", false),
        ("statsd", false),
        ("some_new_type", false),
    ] {
        let envelope = envelope_of(&trace, &[(&json!({"type": item_type}), &json!({}))]);
        let out = through(&policy, &gate, Format::Envelope, envelope);
        assert_eq!(!types(&out).is_empty(), passes, "{item_type}");
    }
}

#[test]
fn of_otlp_in_json_only_spans_go_and_nothing_else_changes() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = policy.gate(Ingress::Sidecar);
    let keeps = |wanted: bool| {
        let mut ids = trace_ids(1000).filter(|id| gate.sampler().keeps(id) == wanted);
        hex(&ids.next().unwrap())
    };
    let (kept, dropped) = (keeps(true), keeps(false));
    let span = |id: &str| format!("{{ \"traceId\" :\"{id}\",\"n\":1}}");
    let (k, d) = (span(&kept), span(&dropped));
    let around = |spans: &str| {
        format!(
            "{{\"resourceSpans\":[ {{\"x\":1.0 ,\"scopeSpans\":[{{\"spans\" :{spans},\"y\":2}}]}} ]}}"
        )
    };
    for (spans, left) in [
        ("[]".to_owned(), "[]".to_owned()),
        (format!("[ {k} ]"), format!("[ {k} ]")),
        (format!("[ {d} ]"), "[  ]".to_owned()),
        (format!("[{d} , {k}]"), format!("[{k}]")),
        (format!("[{k} , {d} ]"), format!("[{k} ]")),
        (format!("[{d},{d} ,{k}, {d} ,{k} ]"), format!("[{k} ,{k} ]")),
        (format!("[{k}, {k} ,{k}]"), format!("[{k}, {k} ,{k}]")),
        (format!("[{d},{d}]"), "[]".to_owned()),
    ] {
        let out = through(&policy, &gate, Format::Json, around(&spans).into_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), around(&left), "{spans}");
    }
}

/// Wherever an envelope is cut, and however its last item ends, the same comes out, and it is an envelope.
#[test]
fn cuts_do_not_matter_and_the_report_stands_on_a_line_of_its_own() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = (*policy.gate(Ingress::Sidecar)).clone().with_reports(true);
    let gate = Arc::new(gate);
    let kept = "{\"type\":\"session\"}\n{\"sid\":\"1\"}";
    let text = "{\"type\":\"attachment\",\"filename\":\"a.txt\",\"length\":2}\nhi";
    let left = "{\"type\":\"check_in\"}\n{}";
    let empty = "{\"type\":\"check_in\",\"length\":0}\n";
    let report = "{\"type\":\"client_report\"}\n{\"discarded_events\":[{\"reason\":\"event_processor\",\"category\":\"monitor\",\"quantity\":1}]}\n";
    let text_out = "{\"type\":\"attachment\",\"filename\":\"a.txt\",\"length\":2}\nhi";
    for (items, expected) in [
        (format!("{left}\n{kept}\n"), format!("{kept}\n{report}")),
        (format!("{left}\n{kept}"), format!("{kept}\n{report}")),
        (format!("{kept}\n{left}\n"), format!("{kept}\n{report}")),
        (format!("{kept}\n{left}"), format!("{kept}\n{report}")),
        (format!("{kept}\n{empty}"), format!("{kept}\n{report}")),
        (format!("{kept}\n{empty}\n"), format!("{kept}\n{report}")),
        (format!("{left}\n{text}\n"), format!("{text_out}\n{report}")),
        (format!("{left}\n{text}"), format!("{text_out}\n{report}")),
        (format!("{text}\n{left}\n"), format!("{text_out}\n{report}")),
        // Nothing is left in which it could ride, or nothing was left out.
        (format!("{left}\n"), String::new()),
        (format!("{kept}\n"), format!("{kept}\n")),
    ] {
        let envelope = format!("{{}}\n{items}");
        for cut in 0..=envelope.len() {
            let limits = Limits::default();
            let scrubber = Scrubber::new(policy.plan(), Format::Envelope, &limits);
            let mut scrubber = scrubber.gated(Arc::clone(&gate));
            let mut output = Output::new();
            for part in [&envelope[..cut], &envelope[cut..]] {
                scrubber
                    .push(Bytes::from(part.to_owned()), &mut output)
                    .unwrap();
            }
            scrubber.finish(&mut output).unwrap();
            let out: Vec<u8> = std::iter::from_fn(|| output.pop())
                .flat_map(|it| it.into_bytes())
                .collect();
            let out = String::from_utf8(out).unwrap();
            assert_eq!(
                out,
                format!("{{}}\n{expected}"),
                "{envelope:?} cut at {cut}"
            );
            // Twice is once.
            let again = through(&policy, &gate, Format::Envelope, out.clone().into_bytes());
            assert_eq!(String::from_utf8(again).unwrap(), out);
        }
    }
}

#[test]
fn rules_that_contradict_themselves_are_told() {
    let rules = DoorRules {
        pass: vec!["event".to_owned(), "unknown".to_owned()],
        drop: vec!["event".to_owned(), "transactoin".to_owned()],
        sample: vec!["feedback".to_owned()],
        traces_sample_rate: Some(1.5),
        ..DoorRules::default()
    };
    let problems: Vec<String> = rules
        .problems()
        .into_iter()
        .map(|(key, what)| format!("{key}: {what}"))
        .collect();
    assert_eq!(
        problems,
        [
            "pass: nobody can scrub items of unknown types, so they never pass",
            "drop: 'event' stands in 'pass' already; name it once",
            "drop: there is no item type 'transactoin'; did you mean 'transaction'?",
            "sample: 'feedback' belongs to no one trace and can't be sampled; only transaction, span, profile, profile_chunk can",
            "traces_sample_rate: 1.5 is no part of all traces; give a number from 0 to 1",
        ]
    );
}

// -------------------------------------------------------------------------------------------------- the proxy

fn items(types: &[&str]) -> Vec<u8> {
    let items: String = types
        .iter()
        .map(|it| format!("{{\"type\":\"{it}\"}}\n{{}}\n"))
        .collect();
    format!("{{\"event_id\":\"{ID}\"}}\n{items}").into_bytes()
}

/// The payload of the client report in an envelope, if there is one.
fn client_report(envelope: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(envelope).unwrap();
    let at = text
        .lines()
        .position(|line| line == "{\"type\":\"client_report\"}")?;
    serde_json::from_str(text.lines().nth(at + 1)?).ok()
}

#[tokio::test]
async fn what_is_dropped_is_told_in_the_envelope_that_leaves() {
    let mut upstream = Upstream::start().await;
    let settings = [
        ("policy.server.drop", "session,profile"),
        ("policy.server.traces_sample_rate", "1"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    assert_eq!(
        proxy
            .post(items(&["session", "event", "profile", "session"]))
            .await
            .status,
        200
    );
    let body = upstream.received.recv().await.unwrap().plain();
    assert_eq!(types(&body), ["event", "client_report"]);
    assert_eq!(
        client_report(&body).unwrap(),
        json!({"discarded_events": [
            {"reason": "event_processor", "category": "profile", "quantity": 1},
            {"reason": "event_processor", "category": "session", "quantity": 2},
        ]})
    );
}

#[tokio::test]
async fn what_was_dropped_with_its_whole_envelope_is_told_in_the_next() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[("policy.server.traces_sample_rate", "0")],
    )
    .await;
    for _ in 0..3 {
        let answer = proxy.post(items(&["transaction"])).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body),
            (200, format!("{{\"id\":\"{ID}\"}}"))
        );
    }
    // Another project's envelope does not tell it.
    let headers = [("x-sentry-auth", AUTH)];
    request(
        proxy.address,
        "POST",
        "/api/2/envelope/",
        &headers,
        items(&["event"]),
    )
    .await;
    assert_eq!(
        client_report(&upstream.received.recv().await.unwrap().plain()),
        None
    );
    proxy.post(items(&["event"])).await;
    let report = client_report(&upstream.received.recv().await.unwrap().plain());
    let expected = json!({"discarded_events": [{"reason": "sample_rate", "category": "transaction", "quantity": 3}]});
    assert_eq!(report, Some(expected));
    // Told once.
    proxy.post(items(&["event"])).await;
    assert_eq!(
        client_report(&upstream.received.recv().await.unwrap().plain()),
        None
    );
}

#[tokio::test]
async fn client_reports_can_be_turned_off() {
    let mut upstream = Upstream::start().await;
    let settings = [
        ("policy.client_reports", "false"),
        ("policy.server.drop", "session"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    proxy.post(items(&["session", "event"])).await;
    assert_eq!(
        types(&upstream.received.recv().await.unwrap().plain()),
        ["event"]
    );
}

#[tokio::test]
async fn a_rejected_type_costs_its_request() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("policy.server.reject", "profile,nel")]).await;
    let answer = proxy.post(items(&["event", "profile"])).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.detail(),
        "header of item 1: policy takes no items of type profile here"
    );
    let headers = [("x-sentry-auth", AUTH)];
    let answer = request(
        proxy.address,
        "POST",
        "/api/1/nel/",
        &headers,
        b"[]".as_slice(),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), answer.detail().as_str()),
        (403, "policy takes no items of type nel here")
    );
    assert!(upstream.received.try_recv().is_err());
    let metrics = proxy.ask("/metrics").await.body;
    assert!(
        metrics.contains("scrubline_requests_total{outcome=\"policy\",status=\"403\"} 2"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_route_whose_type_is_dropped_is_answered_and_nothing_leaves() {
    let mut upstream = Upstream::start().await;
    let settings = [("policy.server.drop", "event,raw_security,log,span")];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let headers = [
        ("x-sentry-auth", AUTH),
        ("content-type", "application/json"),
    ];
    for path in [
        "store",
        "security",
        "integration/otlp/v1/logs",
        "integration/otlp/v1/traces",
    ] {
        let answer = request(
            proxy.address,
            "POST",
            &format!("/api/1/{path}/"),
            &headers,
            b"{}".as_slice(),
        )
        .await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    assert!(upstream.received.try_recv().is_err());
    let metrics = proxy.ask("/metrics").await.body;
    for item_type in ["event", "raw_security", "log", "span"] {
        let line =
            format!("scrubline_items_total{{outcome=\"dropped_policy\",type=\"{item_type}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test]
async fn an_otlp_request_of_which_no_span_is_kept_is_answered_and_not_sent() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[("policy.server.traces_sample_rate", "0")],
    )
    .await;
    let traces: Vec<[u8; 16]> = trace_ids(3).collect();
    for (media, body) in [
        ("application/json", otlp_json(&traces)),
        ("application/x-protobuf", otlp_protobuf(&traces)),
    ] {
        let headers = [("x-sentry-auth", AUTH), ("content-type", media)];
        let path = "/api/1/integration/otlp/v1/traces/";
        let answer = request(proxy.address, "POST", path, &headers, body).await;
        assert_eq!(answer.status, 200, "{media}");
    }
    assert!(upstream.received.try_recv().is_err());
    proxy.post(items(&["event"])).await;
    let report = client_report(&upstream.received.recv().await.unwrap().plain());
    let expected =
        json!({"discarded_events": [{"reason": "sample_rate", "category": "span", "quantity": 6}]});
    assert_eq!(report, Some(expected));
}

#[tokio::test]
async fn check_ins_leave_only_where_they_are_waived() {
    for (settings, passes) in [
        (vec![], false),
        (vec![("residency.waive", "check_in")], true),
        (vec![("policy.server.pass", "check_in")], true),
        (
            vec![
                ("residency.waive", "check_in"),
                ("policy.server.drop", "check_in"),
            ],
            false,
        ),
    ] {
        let mut upstream = Upstream::start().await;
        let proxy = Proxy::start(&upstream.url(), &settings).await;
        assert_eq!(proxy.post(items(&["event", "check_in"])).await.status, 200);
        let body = upstream.received.recv().await.unwrap().plain();
        assert_eq!(
            types(&body).contains(&"check_in".to_owned()),
            passes,
            "{settings:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_sampled_at_a_rate_of_one() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[("policy.server.traces_sample_rate", "1")],
    )
    .await;
    for id in trace_ids(20) {
        let trace = json!({"trace_id": hex(&id), "sample_rate": "0.25"});
        let envelope = envelope_of(&trace, &[(&json!({"type": "transaction"}), &json!({}))]);
        proxy.post(envelope).await;
        let body = upstream.received.recv().await.unwrap().plain();
        assert_eq!(types(&body), ["transaction"]);
        assert_eq!(head(&body)["trace"], trace);
    }
}
