//! Known secrets: each in every form in which it could stand, in every kind of place, cut at every byte.

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

use std::sync::Arc;

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use scrubline::policy::{self, Policy};
use scrubline::scrub::fuzzing::check_laws;
use scrubline::scrub::{Format, Plan};
use support::scrub;

/// Values with what makes spellings differ: quotes, backslashes, spaces, letters beyond ASCII, a line's end; one that is digits.
fn secrets() -> Vec<String> {
    vec![
        "correct horse battery".to_owned(),
        "pa\"ss\\wo\\nrd'&<é%41".to_owned(),
        "zażółć gęślą\njaźń".to_owned(),
        "8461035927".to_owned(),
        "żona12345678".to_owned(),
        "€7hunter2Zk4W".to_owned(),
        "hunter2-\u{1f511}Zk4W".to_owned(),
        "first line\r\nsecond line".to_owned(),
        format!("-----{}-----", "long \"line\" of a key/".repeat(30)),
    ]
}

fn plan() -> Arc<Plan> {
    let values: Vec<Vec<u8>> = secrets().into_iter().map(String::into_bytes).collect();
    let policy = Policy::builtin(policy::DEFAULT).unwrap();
    policy.with_known_secrets(&values).unwrap().plan()
}

fn percent(text: &str, all: bool) -> String {
    text.bytes()
        .map(|byte| {
            if !all && (byte.is_ascii_alphanumeric() || byte == b'-') {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The forms of a secret that must be found in a text.
fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let html = secret
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('<', "&lt;");
    // Characters beyond ASCII and newlines as numbers, every other one in hex.
    let references: String = (html.chars().enumerate())
        .map(|(index, it)| match it {
            ' '..='~' => it.to_string(),
            _ if index % 2 == 0 => format!("&#{};", u32::from(it)),
            _ => format!("&#x{:X};", u32::from(it)),
        })
        .collect();
    let mixed: String = (hex.chars().enumerate())
        .map(|(index, it)| match index % 3 {
            0 => it.to_ascii_uppercase(),
            _ => it,
        })
        .collect();
    // JSON in ASCII: surrogate pairs.
    let ascii: String = json(secret)
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect();
    let dos = secret.replace("\r\n", "\n").replace('\n', "\r\n");
    let dos_hex: String = dos.bytes().map(|byte| format!("{byte:02x}")).collect();
    let upper = ascii
        .split("\\u")
        .enumerate()
        .map(|(index, part)| match part.split_at_checked(4) {
            Some((digits, rest)) if index > 0 => format!("\\u{}{rest}", digits.to_uppercase()),
            _ => part.to_owned(),
        })
        .collect::<String>();
    vec![
        ("raw", secret.to_owned()),
        ("mixed-case hex", mixed),
        ("HTML, as numbers", references),
        ("JSON in JSON, in ASCII", ascii),
        ("the same in upper case", upper),
        ("with newlines of two characters", dos.clone()),
        ("the same percent-encoded", percent(&dos, true)),
        ("the same in JSON", json(&dos)),
        ("the same in hex", dos_hex),
        ("percent-encoded", percent(secret, false)),
        ("all of it percent-encoded", percent(secret, true)),
        (
            "percent-encoded twice",
            percent(&percent(secret, false), false),
        ),
        ("as a form", percent(secret, false).replace("%20", "+")),
        ("JSON", json(secret)),
        ("JSON in JSON", json(&json(secret))),
        ("HTML", html),
        ("hex", hex.clone()),
        ("upper-case hex", hex.to_uppercase()),
    ]
}

#[test]
fn secrets_go_in_every_form() {
    let plan = plan();
    for secret in secrets() {
        for (name, form) in forms(&secret) {
            let text = format!("see x{form}y!");
            let document =
                serde_json::json!({"message": text, "list": [form, {"k": form}], text.clone(): 1})
                    .to_string();
            let (out, result) = scrub(&plan, Format::Json, [document.as_bytes()]);
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
            let out: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(
                out,
                serde_json::json!({"message": "see x[Filtered]y!", "list": ["[Filtered]", {"k": "[Filtered]"}], "see x[Filtered]y!": 1}),
                "{name} of {secret}"
            );
            let cuts: Vec<usize> = (0..document.len()).step_by(7).collect();
            for cut in cuts {
                check_laws(&plan, Format::Json, document.as_bytes(), &[cut]);
            }
            let (out, _) = scrub(&plan, Format::Text, [text.as_bytes()]);
            assert_eq!(out, b"see x[Filtered]y!", "{name} of {secret} as text");
        }
    }
}

/// Wherever it stands in longer data: what is left of its base64 tells less than two characters at either end.
#[test]
fn secrets_go_in_base64_at_every_alignment() {
    let plan = plan();
    for secret in secrets() {
        for before in ["", "a", "ab", "user:"] {
            for engine in [&STANDARD as &dyn Encoding, &URL_SAFE_NO_PAD] {
                let encoded = engine.of(format!("{before}{secret}!~").as_bytes());
                let document = serde_json::json!({"m": format!("x {encoded} y")}).to_string();
                let (out, _) = scrub(&plan, Format::Json, [document.as_bytes()]);
                let out = String::from_utf8(out).unwrap();
                assert!(out.contains("[Filtered]"), "{encoded}: {out}");
                let left = out.len() - "{\"m\":\"x [Filtered] y\"}".len();
                // No character stays that has a bit of it.
                let first = before.len() * 8 / 6;
                let behind = ((before.len() + secret.len()) * 8).div_ceil(6);
                assert_eq!(left, first + encoded.len() - behind, "{encoded}: {out}");
            }
        }
    }
}

/// What the test asks of an encoding.
trait Encoding {
    fn of(&self, bytes: &[u8]) -> String;
}

impl<E: base64::Engine> Encoding for E {
    fn of(&self, bytes: &[u8]) -> String {
        self.encode(bytes)
    }
}

#[test]
fn secrets_go_from_numbers_attachments_and_headers() {
    let plan = plan();
    let cases = [
        (
            Format::Json,
            "{\"n\":8461035927,\"m\":[18461035927.5],\"o\":84610359}",
            "{\"n\":\"[Filtered]\",\"m\":[\"[Filtered]\"],\"o\":84610359}",
        ),
        // A key, where all values go, and where they go once it is known that they do.
        (
            Format::Json,
            "{\"token\":{\"8461035927\":\"x\",\"o\":1},\"a\":{\"value\":{\"8461035927\":1},\"key\":\"token\"}}",
            "{\"token\":{\"[Filtered]\":\"[Filtered]\",\"o\":\"[Filtered]\"},\"a\":{\"value\":{\"[Filtered]\":\"[Filtered]\"},\"key\":\"token\"}}",
        ),
        (
            Format::Query,
            "a=correct+horse+battery&b=1",
            "a=[Filtered]&b=1",
        ),
        (
            Format::Headers,
            "X-A: 8461035927\r\n",
            "X-A: [Filtered]\r\n",
        ),
        (
            Format::Envelope,
            "{}\n{\"type\":\"attachment\",\"filename\":\"8461035927.log\",\"length\":27}\nlog: correct horse battery.\n",
            "{}\n{\"type\":\"attachment\",\"filename\":\"[Filtered].log\",\"length\":27}\nlog: *********************.\n",
        ),
    ];
    for (format, input, want) in cases {
        let (out, result) = scrub(&plan, format, [input.as_bytes()]);
        result.unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), want);
        for cut in 1..input.len() {
            check_laws(&plan, format, input.as_bytes(), &[cut]);
        }
    }
}

#[test]
fn short_values_are_refused_and_none_is_shown() {
    let policy = Policy::builtin(policy::DEFAULT).unwrap();
    let error = policy
        .with_known_secrets(&[b"hunter2".to_vec()])
        .unwrap_err();
    assert_eq!(error.to_string(), "a known secret is shorter than 8 bytes");
    let shown = format!("{:?}", plan());
    assert!(!shown.contains("horse"), "a secret is shown");
}

/// A surrogate pair is one character, in a document itself and in JSON in a string, wherever a chunk ends.
#[test]
fn secrets_go_that_are_written_in_surrogate_pairs() {
    let plan = plan();
    for pair in ["\\ud83d\\udd11", "\\uD83D\\uDD11"] {
        let nested = pair.replace('\\', "\\\\");
        for (form, lone) in [(pair, "\\ud83d"), (&nested, "\\\\ud83d")] {
            let document = format!("{{\"m\":\"see hunter2-{form}Zk4W! {lone}\"}}");
            let (out, result) = scrub(&plan, Format::Json, [document.as_bytes()]);
            result.unwrap();
            let want = format!("{{\"m\":\"see [Filtered]! {lone}\"}}");
            assert_eq!(String::from_utf8(out).unwrap(), want);
            for cut in 1..document.len() {
                check_laws(&plan, Format::Json, document.as_bytes(), &[cut]);
            }
        }
    }
}
