//! The whole corpus of captured requests through a running sidecar into a recording collector: planted secrets are gone from all
//! that arrives, plain values are still there, and each request is answered as documented.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    missing_docs
)]

#[path = "support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use scrubline::policy::{self, Policy};
use scrubline::scrub::decode::{Decoder, Encoding};
use scrubline::scrub::{Format, Limits, Output, Scrubber};
use serde_json::Value;
use support::{Outgoing, Proxy, Upstream, request};
use tokio::sync::mpsc;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

/// Headers of a capture that belong to its connection.
const HOP: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

struct Capture {
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
}

fn read(name: &str) -> Capture {
    let head = std::fs::read_to_string(format!("{ROOT}/wire/{name}.http")).unwrap();
    let mut lines = head.lines();
    let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    Capture {
        target,
        headers: headers
            .into_iter()
            .filter(|(name, _)| !HOP.contains(&name.as_str()))
            .collect(),
        body: std::fs::read(format!("{ROOT}/wire/{name}.body")).unwrap(),
        chunked,
    }
}

impl Capture {
    /// The body as it was sent: in chunks, if it was.
    async fn outgoing(&self) -> Outgoing {
        if !self.chunked {
            return self.body.clone().into();
        }
        let (chunks, receiver) = mpsc::channel(self.body.len() / 1000 + 1);
        for chunk in self.body.chunks(1000) {
            chunks.send(chunk.to_vec()).await.unwrap();
        }
        receiver.into()
    }

    async fn send(&self, proxy: &Proxy, target: &str) -> support::Answer {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        request(
            proxy.address,
            "POST",
            target,
            &headers,
            self.outgoing().await,
        )
        .await
    }
}

/// Everything that a text says, in the forms in which a secret could be read from it: as it is, as the strings of its JSON, and
/// with percent-encoding undone.
fn readings(text: &str) -> Vec<String> {
    let mut strings = vec![text.to_owned()];
    for line in std::iter::once(text).chain(text.lines()) {
        if let Ok(value) = serde_json::from_str(line) {
            collect(&value, &mut strings);
        }
    }
    for depth in 0..2 {
        let _ = depth;
        let decoded: Vec<String> = strings
            .iter()
            .filter(|s| s.contains('%'))
            .map(|s| percent_decoded(s))
            .collect();
        strings.extend(decoded);
    }
    strings
}

fn collect(value: &Value, strings: &mut Vec<String>) {
    match value {
        Value::String(text) => strings.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, strings)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            strings.push(key.clone());
            collect(value, strings);
        }),
        Value::Number(number) => strings.push(number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let byte = text
            .get(at + 1..at + 3)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The status that a capture owes, by its route.
fn expected(capture: &Value) -> u16 {
    let endpoint = capture["endpoint"].as_str().unwrap();
    let served = [
        "/envelope/",
        "/store/",
        "/security/",
        "/otlp/v1/traces",
        "/minidump/",
    ]
    .iter()
    .any(|route| endpoint.ends_with(route));
    match (served, capture["expect"].as_str()) {
        // Refused with the reason, unless it is waived.
        (false, _) if endpoint.contains("/cron/") => 403,
        (false, _) => 404,
        (true, Some("refused")) => 400,
        (true, _) => 200,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_arrives_without_its_secrets_and_with_all_else() {
    replay(policy::DEFAULT, &["core", "extended", "pattern"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_packs_it_arrives_without_personal_data_too() {
    replay("strict", &["core", "extended", "pattern", "pii"]).await;
}

/// Sends all captures through a sidecar with this policy, which covers these categories of planted values.
async fn replay(policy: &str, categories: &[&str]) {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(format!("{ROOT}/wire/manifest.json")).unwrap())
            .unwrap();
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[
            ("policy.name", policy),
            // All of it is to arrive.
            ("policy.server.traces_sample_rate", "1"),
        ],
    )
    .await;
    let mut found = BTreeSet::new();
    let mut wrong = Vec::new();
    for capture in manifest["captures"].as_array().unwrap() {
        let name = capture["file"].as_str().unwrap();
        let sent = read(name);
        let answer = sent.send(&proxy, &sent.target).await;
        if answer.status != expected(capture) {
            wrong.push(format!("{name}: {} {}", answer.status, answer.body));
        }
        let mut texts = vec![answer.body];
        // What browsers send to a tunnel is an envelope; its DSN says who it is for.
        if capture["endpoint"]
            .as_str()
            .unwrap()
            .starts_with("/tunnel/")
        {
            let project = sent
                .target
                .trim_start_matches("/tunnel/")
                .split('?')
                .next()
                .unwrap();
            let answer = sent
                .send(&proxy, &format!("/api/{project}/envelope/"))
                .await;
            if answer.status != 200 {
                wrong.push(format!(
                    "{name}, as an envelope: {} {}",
                    answer.status, answer.body
                ));
            }
            texts.push(answer.body);
        }
        let mut arrived = Vec::new();
        while let Ok(received) = upstream.received.try_recv() {
            texts.push(format!("{} {:?}", received.target, received.headers));
            // Protocol Buffers have their strings as they are.
            let body = String::from_utf8_lossy(&received.plain()).into_owned();
            arrived.extend(readings(&body));
            texts.push(body);
        }
        let said: Vec<String> = texts.iter().flat_map(|text| readings(text)).collect();
        for canary in capture["canaries"].as_array().unwrap() {
            let covered = categories.contains(&canary["category"].as_str().unwrap());
            let value = canary["value"].as_str().unwrap();
            if covered && canary["must"] == "gone" && said.iter().any(|text| text.contains(value)) {
                let what = canary["name"].as_str().unwrap();
                found.insert(format!("{policy} {name} leaves {what}"));
            }
        }
        for keep in capture["keep"].as_array().into_iter().flatten() {
            let keep = keep.as_str().unwrap();
            if !arrived.is_empty() && !arrived.iter().any(|text| text.contains(keep)) {
                found.insert(format!("{policy} {name} loses {keep}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "not answered as documented:\n{}",
        wrong.join("\n")
    );

    let exceptions = std::fs::read_to_string(format!("{ROOT}/exceptions.txt")).unwrap_or_default();
    let listed: BTreeSet<String> = exceptions
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(" : ").expect("a reason").0)
        // Either policy, unless the line begins with one.
        .map(|what| match what.starts_with("strict ") {
            true => what.to_owned(),
            false => format!("{policy} {what}"),
        })
        .filter(|what| what.starts_with(&format!("{policy} ")))
        .collect();
    let new: Vec<&String> = found.difference(&listed).collect();
    let stale: Vec<&String> = listed.difference(&found).collect();
    assert!(
        new.is_empty() && stale.is_empty(),
        "not listed: {new:#?}\nno longer so: {stale:#?}"
    );
}

/// How far into a value that is no whole string its canary may begin, in bytes.
const REACH: usize = 160;

/// What stands in a body at a redaction's offset: a whole JSON value, or what comes next of the string around it.
fn redacted_text(body: &[u8], offset: usize) -> &[u8] {
    let rest = &body[offset..];
    let string_end = |rest: &[u8]| {
        let mut escaped = false;
        rest.iter()
            .position(|byte| {
                let ends = !escaped && *byte == b'"';
                escaped = !escaped && *byte == b'\\';
                ends
            })
            .unwrap_or(rest.len())
    };
    match rest.first() {
        Some(b'"') => &rest[..(string_end(&rest[1..]) + 2).min(rest.len())],
        Some(b'{' | b'[') => {
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
            match values.next() {
                Some(Ok(_)) => &rest[..values.byte_offset()],
                _ => &rest[..rest.len().min(REACH)],
            }
        }
        _ => &rest[..string_end(rest).min(REACH)],
    }
}

/// A redaction's path without indices, so that the list stays short.
fn place(path: &str) -> String {
    let mut place = String::new();
    let mut inside = false;
    for character in path.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => {}
            other => place.push(other),
        }
    }
    place
}

/// Whether a pattern covers a place; `*` in it stands for anything.
fn covers(pattern: &str, place: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == place,
        Some((head, tail)) => place.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && covers(tail, &rest[at..]))
        }),
    }
}

/// Beyond the manifest: each redaction is of a planted value, or its rule and place stand in `unplanted.txt` with the reason why
/// that is right.
#[test]
fn every_redaction_of_no_planted_value_is_settled() {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(format!("{ROOT}/wire/manifest.json")).unwrap())
            .unwrap();
    let plan = Policy::builtin(policy::DEFAULT).unwrap().plan();
    let mut found: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for capture in manifest["captures"].as_array().unwrap() {
        let name = capture["file"].as_str().unwrap();
        let sent = read(name);
        let endpoint = capture["endpoint"].as_str().unwrap();
        let format = if endpoint.ends_with("/store/") {
            Format::Event
        } else if endpoint.ends_with("/envelope/") || endpoint.starts_with("/tunnel/") {
            Format::Envelope
        } else {
            continue;
        };
        let encoding = sent
            .headers
            .iter()
            .find(|(name, _)| name == "content-encoding");
        let encoding = Encoding::parse(encoding.map_or("", |(_, value)| value)).unwrap();
        let mut decoder = Decoder::new(encoding, &Limits::default()).unwrap();
        let mut body = Vec::new();
        decoder.push(Bytes::from(sent.body));
        while let Some(chunk) = decoder.next().unwrap() {
            body.extend_from_slice(&chunk);
        }
        let mut scrubber = Scrubber::new(plan.clone(), format, &Limits::default());
        scrubber.record_redactions();
        let mut output = Output::new();
        let result = scrubber
            .push(Bytes::from(body.clone()), &mut output)
            .and_then(|()| scrubber.finish(&mut output));
        let refused = result.is_err();
        for redaction in scrubber.take_redactions() {
            let offset = usize::try_from(redaction.offset).unwrap();
            let text = String::from_utf8_lossy(redacted_text(&body, offset)).into_owned();
            let said = readings(&text);
            let planted = capture["canaries"]
                .as_array()
                .unwrap()
                .iter()
                .any(|canary| {
                    let value = canary["value"].as_str().unwrap();
                    said.iter().any(|reading| reading.contains(value))
                });
            // What an SDK has scrubbed already is scrubbed again.
            let scrubbed = text.trim_matches(['[', '"', '\'']).starts_with("Filtered]")
                || text.contains("[Filtered]")
                || text.trim_matches(['"', '\'']).starts_with("********");
            if !planted && !refused && !scrubbed {
                let rule = &plan.rule_ids()[usize::from(redaction.rule)];
                let key = format!("{rule} {}", place(&redaction.path));
                let shown: String = text.chars().take(60).collect();
                found
                    .entry(key)
                    .or_insert((0, format!("{name}: {shown}")))
                    .0 += 1;
            }
        }
    }
    let settled = std::fs::read_to_string(format!("{ROOT}/unplanted.txt")).unwrap();
    let settled: Vec<(&str, &str)> = settled
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(" : ").expect("a reason"))
        .collect();
    let open: Vec<String> = found
        .iter()
        .filter(|(key, _)| !settled.iter().any(|(pattern, _)| covers(pattern, key)))
        .map(|(key, (count, example))| format!("{key} ({count} times) {example}"))
        .collect();
    let idle: Vec<&str> = settled
        .iter()
        .filter(|(pattern, _)| !found.keys().any(|key| covers(pattern, key)))
        .map(|(pattern, _)| *pattern)
        .collect();
    assert!(
        open.is_empty() && idle.is_empty(),
        "not settled:\n{}\nno longer so:\n{}",
        open.join("\n"),
        idle.join("\n")
    );
}
