//! OTLP in Protocol Buffers, with a real exporter and the real message types as peers: what arrives can be read, has no secret, and
//! is what the JSON form of the same request comes to.
//!
//! The peers are installed by `tests/peers/setup.sh`, under `target/peers`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs
)]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{AUTH, Proxy, Received, Upstream, request};

const SECRET: &str = "s3cr3tCanary";
const PROTOBUF: &str = "application/x-protobuf";

/// Runs `tests/peers/otlp.py` and gives what it writes.
async fn peer(arguments: &[&str], input: Vec<u8>) -> Vec<u8> {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut command = Command::new(format!("{root}/target/peers/venv/bin/python"));
    command
        .arg(format!("{root}/tests/peers/otlp.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let run = move || {
        let mut child = command
            .spawn()
            .expect("the peers are not there: run tests/peers/setup.sh");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&input).unwrap();
        drop(stdin);
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "the peer failed");
        done.stdout
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// A request as the real message types read it.
async fn read(signal: &str, body: Vec<u8>) -> Value {
    serde_json::from_slice(&peer(&["json", signal], body).await).unwrap()
}

async fn post(proxy: &Proxy, path: &str, media: &str, body: Vec<u8>) -> support::Answer {
    let headers = [("x-sentry-auth", AUTH), ("content-type", media)];
    request(proxy.address, "POST", path, &headers, body).await
}

fn signal(received: &Received) -> &'static str {
    match received.target.as_str() {
        "/api/42/integration/otlp/v1/traces/" | "/api/42/integration/otlp/v1/traces" => "traces",
        "/api/42/integration/otlp/v1/logs/" | "/api/42/integration/otlp/v1/logs" => "logs",
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_exporter_is_answered_and_its_secrets_stay() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[("policy.server.traces_sample_rate", "1")],
    )
    .await;
    // Without Scrubline first: so the secrets are in what the exporter sends.
    let direct = format!("{}/api/42/integration/otlp", upstream.url());
    let through = format!("http://{}/api/42/integration/otlp", proxy.address);
    for (endpoint, scrubbed) in [(direct, false), (through, true)] {
        let results = peer(&["export", &endpoint], Vec::new()).await;
        assert_eq!(String::from_utf8_lossy(&results), "SUCCESS SUCCESS\n");
        let mut signals = Vec::new();
        for _ in 0..2 {
            let received = upstream.received.recv().await.unwrap();
            let signal = signal(&received);
            signals.push(signal);
            assert_eq!(received.header("content-type"), Some(PROTOBUF));
            let request = read(signal, received.plain()).await.to_string();
            assert_eq!(request.contains(SECRET), !scrubbed, "{request}");
            assert_eq!(request.contains("[Filtered]"), scrubbed, "{request}");
            let keeps: &[&str] = match signal {
                "traces" => &[
                    "charge_order",
                    "cart.items",
                    "lang=pl",
                    "ValueError",
                    "retry",
                ],
                _ => &["req-7f3a", "WARN"],
            };
            for keep in keeps {
                assert!(request.contains(keep), "{keep}: {request}");
            }
        }
        signals.sort_unstable();
        assert_eq!(signals, ["logs", "traces"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protobuf_and_json_come_to_the_same() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[("policy.server.traces_sample_rate", "1")],
    )
    .await;
    for signal in ["traces", "logs"] {
        let path = format!("/api/42/integration/otlp/v1/{signal}");
        let sample = peer(&["sample", signal], Vec::new()).await;
        let answer = post(&proxy, &path, PROTOBUF, sample).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.headers["content-type"], PROTOBUF);
        assert_eq!(answer.body, "");
        let received = upstream.received.recv().await.unwrap();
        let protobuf = received.plain();

        let json = peer(&["sample-json", signal], Vec::new()).await;
        assert!(String::from_utf8_lossy(&json).contains(SECRET));
        let answer = post(&proxy, &path, "application/json", json).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        let json: Value = serde_json::from_slice(&received.plain()).unwrap();

        let read_back = read(signal, protobuf.clone()).await;
        assert!(!read_back.to_string().contains(SECRET), "{read_back}");
        assert!(
            read_back == json,
            "{signal}:
protobuf {read_back}
    JSON {json}"
        );
        // Twice is once.
        let answer = post(&proxy, &path, PROTOBUF, protobuf.clone()).await;
        assert_eq!(answer.status, 200);
        let again = upstream.received.recv().await.unwrap();
        assert_eq!(again.plain(), protobuf);
    }
}

/// What can't be read is refused in the words of OTLP, and never gets to the collector. A field is `[key, value…]`.
#[tokio::test]
async fn what_is_no_request_is_refused() {
    let mut upstream = Upstream::start().await;
    let settings = [
        ("limits.protobuf_bytes", "256"),
        ("policy.server.traces_sample_rate", "1"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let nest = |number: u8, inner: &[u8]| {
        let mut message = vec![number << 3 | 2];
        let mut length = inner.len();
        while length >= 0x80 {
            message.push(length as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend_from_slice(inner);
        message
    };
    let span = |fields: &[u8]| nest(1, &nest(2, &nest(2, fields)));
    // An array in an array, fifty times: a hundred messages and more.
    let deep = (0..50).fold(Vec::new(), |value, _| nest(5, &nest(1, &value)));
    let attribute = nest(9, &[nest(1, b"k"), nest(2, &deep)].concat());
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (
            "cut off in a length",
            vec![0x0A],
            400,
            "longer than the message around it at byte 1",
        ),
        (
            "cut off in a message",
            vec![0x0A, 5, 1],
            400,
            "longer than the message around it at byte 2",
        ),
        (
            "a group",
            vec![0x0B, 0x0C],
            400,
            "a wire type that proto3 does not have at byte 0",
        ),
        (
            "no number",
            vec![0x00, 1],
            400,
            "a field with no possible number at byte 0",
        ),
        (
            "another type",
            vec![0x08, 1],
            400,
            "a field of another type than OTLP gives it at byte 0",
        ),
        (
            "too long a number",
            [vec![0x0A, 11], vec![0xFF; 11]].concat(),
            400,
            "more than 64 bits at byte 2",
        ),
        (
            "no UTF-8",
            span(&nest(5, b"\xFFs3cr3t")),
            400,
            "not valid UTF-8 at byte 8",
        ),
        (
            "too long an id",
            span(&nest(2, b"123456789")),
            400,
            "an id of too many bytes",
        ),
        (
            "too deep",
            span(&attribute),
            400,
            "nested deeper than the 100 messages",
        ),
        (
            "too long",
            vec![0; 257],
            413,
            "the protobuf body is longer than 256 bytes at byte 0 (limits.protobuf_bytes)",
        ),
    ];
    let path = "/api/42/integration/otlp/v1/traces";
    for (name, body, status, detail) in cases {
        assert!(body.len() <= 256 || status == 413, "{name}: {}", body.len());
        let answer = post(&proxy, path, PROTOBUF, body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], PROTOBUF, "{name}");
        // A google.rpc.Status: the code, then the message.
        let code = if status == 413 { 8 } else { 3 };
        let bytes = answer.body.as_bytes();
        assert_eq!(bytes[..3], [0x08, code, 0x12], "{name}");
        assert!(answer.body.contains(detail), "{name}: {}", answer.body);
        assert!(!answer.body.contains("s3cr3t"), "{name}");
    }
    assert!(upstream.received.try_recv().is_err());
    // What no table has is left out, and counted.
    let mut proxy = Proxy::start(
        &upstream.url(),
        &[("policy.server.traces_sample_rate", "1")],
    )
    .await;
    let known = nest(5, b"GET /");
    // Field 100, of six bytes.
    let unknown = b"\xA2\x06\x06s3cr3t";
    let body = span(&[known.as_slice(), unknown].concat());
    let answer = post(&proxy, path, PROTOBUF, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        upstream.received.recv().await.unwrap().plain(),
        span(&known)
    );
    loop {
        let finished = proxy.finished.recv().await.unwrap();
        if finished.status == 200 {
            assert_eq!(
                finished.report.unwrap().dropped().as_deref(),
                Some("otlp_field 1")
            );
            break;
        }
    }
}
