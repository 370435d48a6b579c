//! Requests of crash reporters: what is left of them without the dump, and what passes with it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs
)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use scrubline::policy::{self, Policy};
use scrubline::scrub::{Boundary, Limits, Opaque, Output, Plan, Scrubber};
use serde_json::{Value, json};
use support::{AUTH, Answer, Proxy, Received, Upstream, request};

const SECRET: &str = "s3cr3t";
const FORM: &str = "multipart/form-data; boundary=xYz";
const PATH: &str = "/api/42/minidump/";
const DUMP: &[u8] = b"MDMP\x93\xa7\0\0 s3cr3t-in-the-heap \r\n--xY \r\n--not\xff";

/// A part: its name, its file name, and its bytes.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, bytes) in parts {
        body.extend_from_slice(b"--xYz\r\nContent-Disposition: form-data; name=\"");
        body.extend_from_slice(name.as_bytes());
        body.push(b'"');
        if let Some(filename) = filename {
            body.extend_from_slice(format!("; filename=\"{filename}\"").as_bytes());
            body.extend_from_slice(b"\r\nContent-Type: application/octet-stream");
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xYz--\r\n");
    body
}

/// The parts of a form that arrived: name, and bytes.
fn parts(received: &Received) -> Vec<(String, Vec<u8>)> {
    assert_eq!(
        received.header("content-type"),
        Some("multipart/form-data; boundary=\"xYz\"")
    );
    let body = received.plain();
    let body = body.strip_prefix(b"--xYz\r\n").unwrap();
    let body = body.strip_suffix(b"\r\n--xYz--\r\n").unwrap();
    let mut parts = Vec::new();
    let mut rest = body;
    loop {
        let end = memchr::memmem::find(rest, b"\r\n--xYz\r\n");
        let part = &rest[..end.unwrap_or(rest.len())];
        let head_end = memchr::memmem::find(part, b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&part[..head_end]).unwrap();
        let name = head
            .split("name=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        parts.push((name.to_owned(), part[head_end + 4..].to_vec()));
        match end {
            Some(end) => rest = &rest[end + 9..],
            None => return parts,
        }
    }
}

async fn post(proxy: &Proxy, media: &str, body: Vec<u8>) -> Answer {
    let headers = [("x-sentry-auth", AUTH), ("content-type", media)];
    request(proxy.address, "POST", PATH, &headers, body).await
}

fn msgpack(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/minidump/{name}.msgpack",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// The event of an envelope that arrived, and the lines behind it.
fn envelope(received: &Received) -> (Value, Value, Vec<String>) {
    assert_eq!(received.target, "/api/42/envelope/");
    assert_eq!(
        received.header("content-type"),
        Some("application/x-sentry-envelope")
    );
    let text = String::from_utf8(received.plain()).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    let header = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(lines.next().unwrap(), "{\"type\":\"event\"}");
    let event = serde_json::from_str(&lines.next().unwrap()).unwrap();
    (header, event, lines.collect())
}

/// By default the dump stays here, and what the form says of the event goes on as an envelope. Each case: what it is, the parts
/// beside the dump, and some members of the event that arrives, by JSON pointer.
#[tokio::test]
async fn the_event_goes_on_without_the_dump() {
    let mut upstream = Upstream::start().await;
    let mut proxy = Proxy::before(&upstream).await;
    let event = msgpack("event");
    let (older, newer) = (msgpack("older"), msgpack("newer"));
    let json_event = br#"{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","message":"m","extra":{"token":"s3cr3t","n":1}}"#;
    type Case<'a> = (&'a str, Vec<Part<'a>>, Vec<(&'a str, Value)>);
    let cases: Vec<Case> = vec![
        (
            "nothing",
            vec![],
            vec![
                ("/level", json!("fatal")),
                ("/platform", json!("native")),
                (
                    "/message",
                    json!("A native crash. Its minidump was left out by policy."),
                ),
                ("/sdk/settings/infer_ip", json!("never")),
            ],
        ),
        (
            "JSON",
            vec![("sentry", None, json_event)],
            vec![
                ("/message", json!("m")),
                ("/extra/token", json!("[Filtered]")),
                ("/extra/n", json!(1)),
            ],
        ),
        (
            "JSON in pieces, out of order",
            vec![
                ("sentry__2", None, b"\"token\":\"s3cr3t\"}}"),
                ("sentry__1", None, b"{\"extra\":{\"a\":\"b\","),
            ],
            vec![("/extra", json!({"a": "b", "token": "[Filtered]"}))],
        ),
        (
            "one member a field",
            vec![
                ("sentry[release]", None, b"shop@1"),
                (
                    "sentry[request][headers][Authorization]",
                    None,
                    b"Bearer s3cr3t",
                ),
                (
                    "sentry[request][url]",
                    None,
                    b"https://a.eu/?token=s3cr3t&page=2",
                ),
            ],
            vec![
                ("/release", json!("shop@1")),
                ("/request/headers/Authorization", json!("[Filtered]")),
                (
                    "/request/url",
                    json!("https://a.eu/?token=[Filtered]&page=2"),
                ),
            ],
        ),
        (
            "other fields",
            vec![
                ("prod", None, b"Shop"),
                ("api_key", None, b"s3cr3t"),
                ("url", None, b"https://user:s3cr3t@a.eu/"),
                ("?token=s3cr3t", None, b"x"),
                ("code", None, b"s3cr3t"),
                ("sig", None, b"null"),
                ("http_code", None, b"200"),
                ("sentry[contexts][os][code]", None, b"404"),
            ],
            vec![
                ("/extra/code", json!("[Filtered]")),
                ("/extra/sig", json!("null")),
                ("/extra/http_code", json!("200")),
                ("/contexts/os/code", json!("404")),
                ("/extra/prod", json!("Shop")),
                ("/extra/api_key", json!("[Filtered]")),
                ("/extra/url", json!("https://[Filtered]@a.eu/")),
            ],
        ),
        (
            "lists in names",
            vec![
                ("sentry[tags][0][0]", None, b"token"),
                ("sentry[tags][0][1]", None, b"s3cr3t"),
                ("sentry[tags][1][0]", None, b"shop"),
                ("sentry[tags][1][1]", None, b"eu"),
                ("sentry[extra][raw][0]", None, b"Host"),
                ("sentry[extra][raw][1]", None, b"a.eu"),
                ("sentry[extra][raw][2]", None, b"Cookie"),
                ("sentry[extra][raw][3]", None, b"sid=s3cr3t"),
            ],
            vec![
                ("/tags/0", json!({"0": "token", "1": "[Filtered]"})),
                ("/tags/1", json!({"0": "shop", "1": "eu"})),
                ("/extra/raw/1", json!("a.eu")),
                ("/extra/raw/3", json!("[Filtered]")),
            ],
        ),
        (
            "MessagePack",
            vec![
                ("__sentry-event", Some("__sentry-event"), &event),
                ("__sentry-breadcrumb2", Some("__sentry-breadcrumb2"), &older),
                ("__sentry-breadcrumb1", Some("__sentry-breadcrumb1"), &newer),
            ],
            vec![
                ("/release", json!("shop@1.2.3")),
                ("/user/ip_address", json!(null)),
                ("/tags/expected-tag", json!("some value")),
                ("/extra/api_key", json!("[Filtered]")),
                (
                    "/extra/url",
                    json!("https://shop.example/?token=[Filtered]&page=2"),
                ),
                ("/extra/count", json!(1_099_511_627_776_u64)),
                ("/extra/negative", json!(-7)),
                ("/extra/small", json!(-1)),
                ("/extra/byte", json!(200)),
                ("/extra/ratio", json!(1.5)),
                ("/extra/many/19", json!(19)),
                ("/extra/map/19", json!(19)),
                ("/extra/yes", json!(true)),
                ("/extra/text bytes", json!("token=[Filtered]")),
                ("/extra/bytes", json!(null)),
                ("/extra/extension", json!(null)),
                ("/extra/infinite", json!(null)),
                // As many as the longer file has, the newest.
                ("/breadcrumbs/0/message", json!("third")),
                ("/breadcrumbs/1/message", json!("fourth")),
                ("/breadcrumbs/2/message", json!("Cookie: [Filtered]")),
                ("/breadcrumbs/3", json!(null)),
            ],
        ),
        (
            "an event part that is JSON",
            vec![("__sentry-event", Some("e"), json_event)],
            vec![("/extra/token", json!("[Filtered]"))],
        ),
        (
            "several, brought together",
            vec![
                ("sentry", None, br#"{"tags":{"a":"1"},"release":"x"}"#),
                ("sentry[tags][b]", None, b"2"),
                ("sentry___more", None, br#"{"release":"y"}"#),
            ],
            vec![
                ("/tags", json!({"a": "1", "b": "2"})),
                ("/release", json!("y")),
            ],
        ),
    ];
    for (name, mut beside, expected) in cases {
        beside.push(("upload_file_minidump", Some("a.dmp"), DUMP));
        let answer = post(&proxy, FORM, form(&beside)).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "text/plain");
        assert_eq!(answer.body, "9ec79c33-ec99-42ab-8353-589fcb2e04dc");
        let received = upstream.received.recv().await.unwrap();
        let body = String::from_utf8(received.plain()).unwrap();
        assert!(!body.contains(SECRET), "{name}: {body}");
        let (header, event, _) = envelope(&received);
        assert_eq!(header.get("event_id"), event.get("event_id"), "{name}");
        for (pointer, value) in expected {
            let found = event.pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(*found, value, "{name}: {pointer}: {event}");
        }
        let report = proxy.finished.recv().await.unwrap().report.unwrap();
        assert_eq!(report.dropped().as_deref(), Some("minidump 1"), "{name}");
    }
}

#[tokio::test]
async fn text_files_go_along_and_others_stay() {
    let mut upstream = Upstream::start().await;
    let settings = [("limits.form_bytes", "1KiB")];
    let mut proxy = Proxy::start(&upstream.url(), &settings).await;
    let long = vec![b'x'; 1024];
    let body = form(&[
        (
            "attachment",
            Some("token=s3cr3t&a.log"),
            b"GET /?token=s3cr3t\nok",
        ),
        ("too_long", Some("long.log"), &long),
        ("screenshot", Some("screen.png"), b"\x89PNG s3cr3t"),
        ("upload_file_minidump", Some("a.dmp"), DUMP),
    ]);
    let answer = post(&proxy, FORM, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let received = upstream.received.recv().await.unwrap();
    let (_, _, rest) = envelope(&received);
    let header: Value = serde_json::from_str(&rest[0]).unwrap();
    assert_eq!(header["type"], "attachment");
    assert_eq!(header["length"], 21);
    assert_eq!(rest[1..], ["GET /?token=******", "ok"]);
    let report = proxy.finished.recv().await.unwrap().report.unwrap();
    assert_eq!(
        report.dropped().as_deref(),
        Some("attachment 2, minidump 1")
    );
}

/// A body that is a dump and nothing else leaves nothing.
#[tokio::test]
async fn a_dump_alone() {
    let mut upstream = Upstream::start().await;
    let mut proxy = Proxy::before(&upstream).await;
    let answer = post(&proxy, "application/x-dmp", DUMP.to_vec()).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    let finished = proxy.finished.recv().await.unwrap();
    assert_eq!(finished.outcome, "nothing_left");
    assert!(upstream.received.try_recv().is_err());

    let proxy = Proxy::start(&upstream.url(), &[("policy.pass", "minidump")]).await;
    let answer = post(&proxy, "application/octet-stream", DUMP.to_vec()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let received = upstream.received.recv().await.unwrap();
    assert_eq!(received.target, PATH);
    assert_eq!(
        received.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(received.plain(), DUMP);
}

/// Where policy passes dumps, the request stays one; all else in it is scrubbed.
#[tokio::test]
async fn with_the_dump_it_stays_a_form() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("policy.pass", "minidump")]).await;
    let body = form(&[
        ("upload_file_minidump", Some("token=s3cr3t"), DUMP),
        ("log", Some("a.log"), b"password=s3cr3t\n"),
        ("empty", Some("C:\\tmp\\b.log"), b""),
        ("screenshot", Some("screen.png"), b"\x89PNG s3cr3t"),
        (
            "sentry",
            None,
            br#"{"extra":{"token":"s3cr3t"},"message":"m"}"#,
        ),
        ("api_key", None, b"s3cr3t"),
    ]);
    let answer = post(&proxy, FORM, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let received = upstream.received.recv().await.unwrap();
    assert_eq!(received.target, PATH);
    let found = parts(&received);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["upload_file_minidump", "log", "empty", "sentry"]);
    assert_eq!(found[0].1, DUMP);
    assert_eq!(found[1].1, b"password=******\n");
    assert_eq!(found[2].1, b"");
    let event: Value = serde_json::from_slice(&found[3].1).unwrap();
    assert_eq!(
        event["extra"],
        json!({"api_key": "[Filtered]", "token": "[Filtered]"})
    );
    let head = String::from_utf8_lossy(&received.plain()).into_owned();
    assert!(head.contains("filename=\"token=[Filtered]\""), "{head}");
    assert!(head.contains("filename=\"C:%5Ctmp%5Cb.log\""), "{head}");
    // Twice is once.
    let body = received.plain();
    let answer = post(&proxy, FORM, body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(upstream.received.recv().await.unwrap().plain(), body);
}

#[tokio::test]
async fn what_is_no_crash_report_is_refused() {
    let mut upstream = Upstream::start().await;
    let settings = [
        ("limits.form_bytes", "1KiB"),
        ("limits.header_bytes", "256"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let part = |head: &str| format!("--xYz\r\n{head}\r\n\r\ns3cr3t\r\n--xYz--").into_bytes();
    let named = "Content-Disposition: form-data; name=\"a\"";
    let field = |name: &str, value: &[u8]| form(&[(name, None, value)]);
    let many: Vec<Part> = vec![("", None, b""); 30];
    for (name, body, status, detail) in [
        (
            "another boundary",
            b"--xyz\r\n".to_vec(),
            400,
            "no multipart body with the boundary of its content type at byte 0",
        ),
        (
            "empty",
            Vec::new(),
            400,
            "the input ends too early at byte 0",
        ),
        (
            "cut off in a part",
            form(&[("a", None, b"x")])[..60].to_vec(),
            400,
            "ends too early",
        ),
        (
            "no last boundary",
            b"--xYz\r\n".to_vec(),
            400,
            "ends too early at byte 7",
        ),
        (
            "something behind a boundary",
            b"--xYz s3cr3t".to_vec(),
            400,
            "something stands behind a boundary at byte 5",
        ),
        (
            "something behind the last",
            [field("a", b""), b"s3cr3t".to_vec()].concat(),
            400,
            "behind the last boundary",
        ),
        (
            "no disposition",
            part("X: y"),
            400,
            "a part without a disposition at byte 7",
        ),
        (
            "no name",
            part("Content-Disposition: form-data"),
            400,
            "a part without a name",
        ),
        (
            "two names",
            part(&format!("{named}; name=\"b\"")),
            400,
            "stands twice",
        ),
        (
            "two dispositions",
            part(&format!("{named}\r\n{named}")),
            400,
            "a header of a part stands twice",
        ),
        (
            "a bare newline",
            part(&format!("{named}\nX: y")),
            400,
            "does not end in \\r\\n",
        ),
        (
            "no form-data",
            part("Content-Disposition: attachment; name=\"a\""),
            400,
            "no form-data",
        ),
        (
            "filename*",
            part(&format!("{named}; filename*=\"UTF-8''x\"")),
            400,
            "other than name and filename",
        ),
        (
            "a transfer encoding",
            part(&format!("{named}\r\nContent-Transfer-Encoding: base64")),
            400,
            "a transfer encoding",
        ),
        (
            "a folded line",
            part(&format!("{named}\r\n x: y")),
            400,
            "no header",
        ),
        (
            "too long a head",
            part(&format!("{named}\r\nX: {}", "y".repeat(256))),
            413,
            "limits.header_bytes",
        ),
        (
            "no JSON",
            field("sentry", b"s3cr3t"),
            400,
            "JSON of an event and is none",
        ),
        (
            "JSON of no object",
            field("sentry", b"[\"s3cr3t\"]"),
            400,
            "an event that is no object",
        ),
        (
            "no MessagePack",
            field("__sentry-event", b"\xC1"),
            400,
            "begins no value of MessagePack",
        ),
        (
            "MessagePack, cut off",
            field("__sentry-event", b"\x82\xA1a\xA9s3cr3t"),
            400,
            "ends too early",
        ),
        (
            "MessagePack, too deep",
            field("__sentry-event", &[0x91; 200]),
            400,
            "deeper than 127",
        ),
        (
            "MessagePack, a list for a key",
            field("__sentry-event", b"\x81\x90\x01"),
            400,
            "whose key is no string",
        ),
        ("no text", field("a", b"\xFFs3cr3t"), 400, "not valid UTF-8"),
        (
            "too long a field",
            field("a", &[b'x'; 1024]),
            413,
            "limits.form_bytes",
        ),
        ("too many fields", form(&many), 413, "limits.form_bytes"),
    ] {
        let answer = post(&proxy, FORM, body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.body);
        assert!(answer.detail().contains(detail), "{name}: {}", answer.body);
        assert!(!answer.body.contains(SECRET), "{name}");
    }
    for media in [
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"a b\"",
        "text/plain",
    ] {
        let answer = post(&proxy, media, form(&[])).await;
        assert_eq!(answer.status.as_u16(), 415, "{media}: {}", answer.body);
    }
    assert!(upstream.received.try_recv().is_err());
}

fn scrub(plan: &Arc<Plan>, boundary: &Boundary, chunks: &[&[u8]]) -> (Vec<u8>, usize) {
    let mut scrubber =
        Scrubber::minidump(Arc::clone(plan), Some(boundary.clone()), &Limits::default());
    let mut output = Output::new();
    let mut most = 0;
    for chunk in chunks {
        scrubber
            .push(Bytes::copy_from_slice(chunk), &mut output)
            .unwrap();
        most = most.max(scrubber.held_bytes());
    }
    scrubber.finish(&mut output).unwrap();
    let slices = std::iter::from_fn(|| output.pop());
    (slices.flat_map(|slice| slice.into_bytes()).collect(), most)
}

/// Wherever a request is cut, the same comes out; and a dump of any size streams through.
#[test]
fn chunks_do_not_matter() {
    let policy = Policy::builtin(policy::DEFAULT).unwrap();
    let boundary = Boundary::of(FORM).unwrap();
    let body = form(&[
        ("sentry", None, br#"{"extra":{"token":"s3cr3t"}}"#),
        ("upload_file_minidump", Some("a.dmp"), DUMP),
        ("log", Some("a.log"), b"password=s3cr3t\r\n--xY"),
    ]);
    for passing in [&[][..], &[Opaque::Minidump]] {
        let plan = policy.with_passing(passing).plan();
        let (whole, _) = scrub(&plan, &boundary, &[&body]);
        for cut in 1..body.len() {
            let (left, right) = body.split_at(cut);
            assert!(
                scrub(&plan, &boundary, &[left, right]).0 == whole,
                "cut at {cut}"
            );
        }
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert!(scrub(&plan, &boundary, &bytes).0 == whole, "byte by byte");

        let dump = b"MDMP\r\n--x".repeat(1 << 20);
        let body = form(&[("upload_file_minidump", Some("a.dmp"), &dump)]);
        let chunks: Vec<&[u8]> = body.chunks(32 << 10).collect();
        let (out, most) = scrub(&plan, &boundary, &chunks);
        assert!(most < 1024, "{most} bytes are held");
        assert_eq!(out.len() > dump.len(), !passing.is_empty());
    }
}
