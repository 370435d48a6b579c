//! Small documents with the exact output that the default policy owes them: whole, cut at every point, and byte by byte.
//! Each line of `tests/cases/*.jsonl` is one case: `name`, `format`, `in`, and `out` or a word of the `error`; what policy passes in it
//! stands in `pass`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    missing_docs
)]

#[path = "support/scrub.rs"]
mod support;

use std::sync::Arc;

use scrubline::scrub::{Opaque, Plan};
use serde_json::Value;
use support::{format, plan, scrub};

/// Compares what came out with what the case says; the word of an error case must be in the message.
fn check(case: &Value, chunks: &[&[u8]]) -> Result<(), String> {
    let format = format(case["format"].as_str().expect("a format"));
    let plan = match case.get("pass") {
        Some(names) => passing(names),
        None => plan(),
    };
    let (out, result) = scrub(&plan, format, chunks.iter().copied());
    let out = String::from_utf8_lossy(&out).into_owned();
    match (case["out"].as_str(), case["error"].as_str(), result) {
        (Some(_), _, Err(error)) => Err(format!("error: {error}")),
        (Some(want), _, Ok(())) if out != want => Err(format!("\n got {out}\nwant {want}")),
        (Some(_), _, Ok(())) => {
            // Law 5: twice is once.
            let (again, _) = scrub(&plan, format, [out.as_bytes()]);
            if again == out.as_bytes() {
                Ok(())
            } else {
                Err(format!("twice: {}", String::from_utf8_lossy(&again)))
            }
        }
        (None, Some(word), Err(error)) if error.to_string().contains(word) => Ok(()),
        (None, Some(word), Err(error)) => Err(format!("'{error}' lacks '{word}'")),
        (None, _, Ok(())) => Err(format!("no error; got {out}")),
        (None, None, _) => Err("the case has neither 'out' nor 'error'".to_owned()),
    }
}

/// The default policy's plan, which passes these kinds of content.
fn passing(names: &Value) -> Arc<Plan> {
    let names = names.as_array().expect("a list").iter();
    let kinds: Vec<Opaque> = names
        .map(|name| {
            let known = Opaque::NAMES.iter().find(|(known, _)| name == known);
            known.expect("a kind that there is").1
        })
        .collect();
    Arc::new(plan().with_passing(&kinds))
}

fn run(file: &str) {
    let path = format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the case file");
    let mut failures = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a JSON line");
        let name = case["name"].as_str().expect("a name");
        let input = case["in"].as_str().expect("an input").as_bytes();
        let mut outcome = check(&case, &[input]).map_err(|e| format!("whole: {e}"));
        for cut in 1..input.len() {
            outcome = outcome.and_then(|()| {
                check(&case, &[&input[..cut], &input[cut..]])
                    .map_err(|e| format!("cut at {cut}: {e}"))
            });
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        outcome =
            outcome.and_then(|()| check(&case, &bytes).map_err(|e| format!("byte by byte: {e}")));
        if let Err(what) = outcome {
            failures.push(format!("{name}: {what}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} cases fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn contract() {
    run("contract.jsonl");
}

#[test]
fn engine() {
    run("engine.jsonl");
}

/// A value waits for its object's second name as long as it is short enough to be kept; beyond that it goes.
#[test]
fn a_second_name_may_come_late() {
    let document = |length: usize, name: &str, value: &str| {
        let filler = "x".repeat(length);
        let value = value.replace('V', &filler);
        format!("[{{\"key\":\"a\",\"value\":\"{value}\",\"name\":\"{name}\"}}]")
    };
    let cases = [
        (9_000, "token", "[Filtered]"),
        (9_000, "b", "V"),
        (30_000, "token", "[Filtered]"),
        (30_000, "b", "[Filtered]"),
    ];
    for (length, name, value) in cases {
        let input = document(length, name, "V");
        let wanted = document(length, name, value);
        for size in [1, 777, usize::MAX] {
            let chunks = input.as_bytes().chunks(size);
            let (out, result) = scrub(&plan(), format("json"), chunks);
            result.expect("JSON");
            assert!(
                out == wanted.as_bytes(),
                "{length} bytes, '{name}', in {size}s"
            );
        }
    }
}

/// However long user and password of a URL are, what leaves is the same.
#[test]
fn user_info_of_any_length() {
    let forms = [
        ("https://U@h.eu/x?n=1", "https://[Filtered]@h.eu/x?n=1"),
        (
            "see 'amqp://ann:U@h.eu' or",
            "see 'amqp://[Filtered]@h.eu' or",
        ),
        ("https://ann:U/U@U@h.eu/x@y z", "https://[Filtered]@y z"),
        (
            "https://U:U@U@h.eu:8443/x y@z",
            "https://[Filtered]@h.eu:8443/x y@z",
        ),
        (
            "//x?u=https%3A%2F%2Fann:U%40h.eu%2Fx&token=U",
            "//x?u=https%3A%2F%2F[Filtered]%40h.eu%2Fx&token=[Filtered]",
        ),
        (
            "https://U@maps.googleapis.com/x?key=U",
            "https://[Filtered]@maps.googleapis.com/x?key=[Filtered]",
        ),
    ];
    for (form, wanted) in forms {
        for length in [1, 9, 100, 300, 511, 513, 900, 5_000] {
            let input = form.replace('U', &"u1".repeat(length));
            for size in [1, 77, usize::MAX] {
                let (out, result) = scrub(&plan(), format("text"), input.as_bytes().chunks(size));
                result.expect("text");
                let out = String::from_utf8_lossy(&out).into_owned();
                assert_eq!(
                    out, wanted,
                    "{form}, {length} times 2 characters, in {size}s"
                );
            }
        }
    }
}

#[test]
fn store() {
    run("store.jsonl");
}

#[test]
fn mixed() {
    run("mixed.jsonl");
}
