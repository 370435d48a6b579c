//! The shell from outside: real sockets, a collector in this process, no clocks but the timeouts under test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

mod support;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use scrubline::config::Config;
use scrubline::proxy::{App, Ended};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

#[tokio::test]
async fn routes() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    for (method, path, status) in [
        ("POST", "/api/1/envelope/", 200),
        ("POST", "/api/1/envelope", 200),
        ("POST", "/api/4507/envelope/?sentry_version=7", 200),
        ("GET", "/api/1/envelope/", 405),
        ("OPTIONS", "/api/1/store/", 405),
        ("PUT", "/api/1/store", 405),
        ("POST", "/api/abc/envelope/", 404),
        ("POST", "/api//envelope/", 404),
        ("POST", "/api/1/envelope//", 404),
        ("POST", "/api/1/envelope/x", 404),
        ("POST", "/api/1/%65nvelope/", 404),
        ("POST", "/api/1/unreal/", 404),
        ("POST", "/api/1/minidump/x", 404),
        ("POST", "/api/1/integration/otlp/v1/metrics", 404),
        ("GET", "/api/1/nothing/", 404),
        ("POST", "/api/0/relays/register/challenge/", 404),
        ("POST", "/", 404),
        ("POST", "/api/123456789012345678901/envelope/", 404),
    ] {
        let answer = request(
            proxy.address,
            method,
            path,
            &[("x-sentry-auth", AUTH)],
            envelope(),
        )
        .await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{method} {path}: {}",
            answer.body
        );
        assert_eq!(answer.headers["content-type"], "application/json");
        match status {
            200 => {
                let received = upstream.received.recv().await.unwrap();
                let project = path.split('/').nth(2).unwrap();
                // Normal form, and no query.
                assert_eq!(received.target, format!("/api/{project}/envelope/"));
                assert_eq!(received.method, "POST");
                assert_eq!(answer.body, format!("{{\"id\":\"{ID}\"}}"));
            }
            405 => assert_eq!(answer.headers["allow"], "POST"),
            _ => {
                let detail = answer.detail();
                assert!(detail.starts_with("no such route; there are"), "{detail}");
                // Each that there is.
                for route in [
                    "envelope/",
                    "store/",
                    "minidump/",
                    "security/",
                    "csp-report/",
                    "nel/",
                    "integration/otlp/v1/traces",
                    "/logs",
                ] {
                    assert!(detail.contains(route), "{route}: {detail}");
                }
            }
        }
    }
    assert!(upstream.received.try_recv().is_err());
}

#[tokio::test]
async fn store_takes_an_event() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    for path in ["/api/7/store/", "/api/7/store"] {
        let answer = request(
            proxy.address,
            "POST",
            path,
            &[("x-sentry-auth", AUTH)],
            b"{\"message\":\"m\"}".as_slice(),
        )
        .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        assert_eq!(received.target, "/api/7/store/");
        assert_eq!(received.header("content-type"), Some("application/json"));
        let event: serde_json::Value = serde_json::from_slice(&received.plain()).unwrap();
        assert_eq!(event["message"], "m");
    }
    let answer = request(
        proxy.address,
        "POST",
        "/api/7/store/",
        &[],
        b"{}".as_slice(),
    )
    .await;
    assert_eq!(answer.status, 401);
}

/// What old SDKs put around an event is undone; the collector gets plain JSON. What is none of it never gets there.
#[tokio::test]
async fn store_takes_the_forms_of_old_sdks() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let event = r#"{"message":"m","extra":{"token":"s3cr3t"}}"#;
    let zlib = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let form = format!("sentry_data={}", STANDARD.encode(&zlib).replace('+', "%2B"));
    let octets = "application/octet-stream";
    for (name, media, encoding, body) in [
        ("base64", octets, "", STANDARD.encode(event).into_bytes()),
        (
            "base64, packed",
            octets,
            "",
            STANDARD.encode(&zlib).into_bytes(),
        ),
        ("zlib as deflate", octets, "deflate", zlib.clone()),
        (
            "base64, packed, and gzip",
            octets,
            "gzip",
            gzip(STANDARD.encode(&zlib).as_bytes()),
        ),
        (
            "form",
            "application/x-www-form-urlencoded",
            "",
            form.into_bytes(),
        ),
    ] {
        let headers = [
            ("x-sentry-auth", AUTH),
            ("content-type", media),
            ("content-encoding", encoding),
        ];
        let answer = request(proxy.address, "POST", "/api/7/store/", &headers, body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        let event: serde_json::Value = serde_json::from_slice(&received.plain()).unwrap();
        assert_eq!(event["message"], "m", "{name}");
        assert_eq!(event["extra"]["token"], "[Filtered]", "{name}");
        assert_eq!(
            received.header("content-type"),
            Some("application/json"),
            "{name}"
        );
    }
    let headers = [("x-sentry-auth", AUTH)];
    for body in ["<event/>", "aGVsbG8gdGhlcmU=", "sentry_data="] {
        let answer = request(
            proxy.address,
            "POST",
            "/api/7/store/",
            &headers,
            body.as_bytes(),
        )
        .await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
    }
    // Packed to a thousandth and beyond: over a limit, whatever is in it.
    let mut bomb = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(b"{\"a\":\"").unwrap();
    bomb.write_all(&vec![b' '; 8 << 20]).unwrap();
    bomb.write_all(b"\"}").unwrap();
    let bomb = STANDARD.encode(bomb.finish().unwrap());
    let proxy = Proxy::start(&upstream.url(), &[("limits.decode_ratio", "100")]).await;
    let answer = request(
        proxy.address,
        "POST",
        "/api/7/store/",
        &headers,
        bomb.into_bytes(),
    )
    .await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(
        answer.detail().contains("limits.decode_ratio"),
        "{}",
        answer.body
    );
}

fn with_dsn(dsn: &str) -> Vec<u8> {
    format!("{{\"event_id\":\"{ID}\",\"dsn\":\"{dsn}\"}}\n{{\"type\":\"session\"}}\n{{\"message\":\"hello\"}}\n").into_bytes()
}

const BASIC: &str = "Basic MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY6";
const DSN: &str = "https://0123456789abcdef0123456789abcdef@o1.ingest.de.sentry.io/1";

#[tokio::test]
async fn every_form_of_authorization_becomes_one() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let plain = format!("Sentry sentry_version=7, sentry_key={KEY}");
    let with_client =
        format!("Sentry sentry_version=7, sentry_client=sentry.python/2.75.0, sentry_key={KEY}");
    let usual = format!(
        "Sentry sentry_version=7, sentry_client=sentry.python/2.75.0, sentry_key={KEY}, sentry_secret=hunter2, sentry_timestamp=1"
    );
    let lower = format!("sentry sentry_key={KEY}");
    let odd_client = format!("Sentry sentry_key={KEY}, sentry_client=a b?token=hunter2");
    let flagged = format!("Sentry sentry_key={KEY}.no-cache");
    type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, String, Vec<u8>, String);
    let cases: Vec<Case> = vec![
        (
            "header",
            vec![("x-sentry-auth", &usual)],
            String::new(),
            envelope(),
            with_client.clone(),
        ),
        (
            "header, lower case",
            vec![("x-sentry-auth", &lower)],
            String::new(),
            envelope(),
            plain.clone(),
        ),
        (
            "header, odd client",
            vec![("x-sentry-auth", &odd_client)],
            String::new(),
            envelope(),
            plain.clone(),
        ),
        (
            "header, flag",
            vec![("x-sentry-auth", &flagged)],
            String::new(),
            with_dsn(DSN),
            format!("{plain}.no-cache"),
        ),
        (
            "authorization",
            vec![("authorization", &usual)],
            String::new(),
            envelope(),
            with_client.clone(),
        ),
        (
            "basic",
            vec![("authorization", BASIC)],
            String::new(),
            envelope(),
            plain.clone(),
        ),
        (
            "query",
            vec![],
            format!(
                "?sentry_key={KEY}&sentry_version=7&sentry_client=sentry.python%2F2.75.0&sentry_secret=hunter2"
            ),
            envelope(),
            with_client.clone(),
        ),
        ("dsn", vec![], String::new(), with_dsn(DSN), plain.clone()),
        (
            "dsn beside a header",
            vec![("x-sentry-auth", &plain)],
            String::new(),
            with_dsn(DSN),
            plain.clone(),
        ),
        (
            "a bearer is no form",
            vec![
                ("authorization", "Bearer hunter2"),
                ("x-sentry-auth", &plain),
            ],
            String::new(),
            envelope(),
            plain.clone(),
        ),
        // admin:hunter2, the password of some gateway
        (
            "a gateway's basic is no form",
            vec![
                ("authorization", "Basic YWRtaW46aHVudGVyMg=="),
                ("x-sentry-auth", &plain),
            ],
            String::new(),
            envelope(),
            plain.clone(),
        ),
    ];
    for (name, headers, query, body, expected) in cases {
        let target = format!("/api/1/envelope/{query}");
        let answer = request(proxy.address, "POST", &target, &headers, body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        assert_eq!(
            received.header("x-sentry-auth"),
            Some(expected.as_str()),
            "{name}"
        );
        assert_eq!(received.headers.get_all("x-sentry-auth").iter().count(), 1);
        assert!(
            received.header("authorization").is_none() && !received.target.contains('?'),
            "{name}"
        );
        assert!(
            !format!("{:?}", received.headers).contains("hunter2"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn authorizations_that_are_refused() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let query = format!("?sentry_key={KEY}");
    let other = "Sentry sentry_key=ffffffffffffffffffffffffffffffff";
    for (name, headers, query, body, status) in [
        ("none", vec![], "", envelope(), 401),
        (
            "header and query",
            vec![("x-sentry-auth", AUTH)],
            query.as_str(),
            envelope(),
            401,
        ),
        (
            "header and authorization",
            vec![("x-sentry-auth", AUTH), ("authorization", AUTH)],
            "",
            envelope(),
            401,
        ),
        (
            "header and basic",
            vec![("x-sentry-auth", AUTH), ("authorization", BASIC)],
            "",
            envelope(),
            401,
        ),
        (
            "two headers",
            vec![("x-sentry-auth", AUTH), ("x-sentry-auth", AUTH)],
            "",
            envelope(),
            401,
        ),
        (
            "no key",
            vec![("x-sentry-auth", "Sentry sentry_version=7")],
            "",
            envelope(),
            401,
        ),
        (
            "two keys",
            vec![("x-sentry-auth", "Sentry sentry_key=a, sentry_key=b")],
            "",
            envelope(),
            401,
        ),
        (
            "another scheme",
            vec![("x-sentry-auth", "Bearer hunter2")],
            "",
            envelope(),
            401,
        ),
        (
            "a key of other characters",
            vec![("x-sentry-auth", "Sentry sentry_key=hunter-2")],
            "",
            envelope(),
            401,
        ),
        (
            "the dsn has another key",
            vec![("x-sentry-auth", other)],
            "",
            with_dsn(DSN),
            400,
        ),
        (
            "the dsn has another project",
            vec![],
            "",
            with_dsn(&DSN.replace("io/1", "io/2")),
            400,
        ),
    ] {
        let answer = request(
            proxy.address,
            "POST",
            &format!("/api/1/envelope/{query}"),
            &headers,
            body,
        )
        .await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.body);
        assert!(
            !answer.detail().contains("hunter"),
            "{name}: {}",
            answer.body
        );
    }
    assert!(upstream.received.try_recv().is_err());
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn every_encoding_in_and_out() {
    let brotli = |plain: &[u8]| {
        let mut out = Vec::new();
        brotli::BrotliCompress(&mut &plain[..], &mut out, &Default::default()).unwrap();
        out
    };
    let zlib = |plain: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let large = [large_start(300_000), LARGE_END.to_vec()].concat();
    for out in ["gzip", "zstd", "identity"] {
        let mut upstream = Upstream::start().await;
        let proxy = Proxy::start(&upstream.url(), &[("upstream.encoding", out)]).await;
        for plain in [envelope(), large.clone()] {
            for (header, body) in [
                (None, plain.clone()),
                (Some(""), plain.clone()),
                (Some("UTF-8"), plain.clone()),
                (Some("identity"), plain.clone()),
                (Some("gzip"), gzip(&plain)),
                (
                    Some("x-gzip"),
                    [gzip(&plain[..50]), gzip(&plain[50..])].concat(),
                ),
                (Some("deflate"), zlib(&plain)),
                (Some("br"), brotli(&plain)),
                (Some("zstd"), zstd::encode_all(&plain[..], 3).unwrap()),
            ] {
                let headers: Vec<_> = header
                    .map(|value| ("content-encoding", value))
                    .into_iter()
                    .collect();
                let answer = proxy.post_with(&headers, body).await;
                assert_eq!(answer.status, 200, "{header:?}: {}", answer.body);
                let received = upstream.received.recv().await.unwrap();
                assert_eq!(
                    received.header("content-encoding"),
                    (out != "identity").then_some(out)
                );
                assert!(received.plain() == plain, "{header:?} to {out}");
                // What is known as a whole travels with its length.
                let framing = if plain.len() < 1000 {
                    "content-length"
                } else {
                    "transfer-encoding"
                };
                assert!(
                    received.headers.contains_key(framing),
                    "{framing}, {:?}",
                    received.headers
                );
            }
        }
    }
}

#[tokio::test]
async fn bodies_that_are_refused_never_reach_the_collector() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[
            ("limits.decoded_bytes", "32KiB"),
            ("limits.decode_ratio", "1000"),
            ("limits.header_bytes", "256"),
            ("limits.json_depth", "4"),
        ],
    )
    .await;
    let truncated = gzip(&envelope())[..30].to_vec();
    type Case = (
        &'static str,
        Option<&'static str>,
        Vec<u8>,
        u16,
        &'static str,
    );
    let cases: Vec<Case> = vec![
        (
            "unknown encoding",
            Some("compress"),
            envelope(),
            415,
            "unknown content encoding; send one of gzip, deflate, br, zstd",
        ),
        (
            "a list",
            Some("gzip, br"),
            gzip(&envelope()),
            415,
            "more than one content encoding; send one of gzip, deflate, br, zstd",
        ),
        (
            "truncated gzip",
            Some("gzip"),
            truncated,
            400,
            "gzip body ends too early, at byte 30",
        ),
        (
            "no gzip",
            Some("gzip"),
            envelope(),
            400,
            "gzip body is damaged near byte 0",
        ),
        (
            "gzip and more",
            Some("gzip"),
            [gzip(&envelope()), envelope()].concat(),
            400,
            "gzip",
        ),
        (
            "zstd and more",
            Some("zstd"),
            [zstd::encode_all(&envelope()[..], 1).unwrap(), vec![7]].concat(),
            400,
            "zstd",
        ),
        ("nothing in gzip", Some("gzip"), vec![], 400, "byte 0"),
        ("nothing", None, vec![], 400, "byte 0"),
        ("no JSON", None, b"hello".to_vec(), 400, "byte 0"),
        (
            "no JSON in gzip",
            Some("gzip"),
            gzip(b"hello"),
            400,
            "byte 0",
        ),
        (
            "too large",
            None,
            large_start(70_000),
            413,
            "the body is larger than 32768 bytes (limits.decoded_bytes)",
        ),
        (
            "too large in gzip",
            Some("gzip"),
            gzip(&large_start(70_000)),
            413,
            "the decoded body is larger than 32768 bytes (limits.decoded_bytes)",
        ),
        (
            "too long a header",
            None,
            format!("{{\"x\":\"{}\"}}\n", "x".repeat(300)).into_bytes(),
            413,
            "envelope header: the line is longer than 256 bytes at byte 0 (limits.header_bytes)",
        ),
        (
            "too long an item header",
            None,
            format!("{{}}\n{{\"type\":\"{}\"}}\n", "x".repeat(300)).into_bytes(),
            413,
            "header of item 0: the line is longer than 256 bytes at byte 3 (limits.header_bytes)",
        ),
        (
            "too deep",
            None,
            b"{}\n{\"type\":\"event\"}\n{\"a\":[[[[1]]]]}\n".to_vec(),
            400,
            "item 0: nested too deeply at byte 28 (limits.json_depth, 512 at most)",
        ),
    ];
    for (name, encoding, body, status, detail) in cases {
        let headers: Vec<_> = encoding
            .map(|value| ("content-encoding", value))
            .into_iter()
            .collect();
        let answer = proxy.post_with(&headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.body);
        assert!(answer.detail().contains(detail), "{name}: {}", answer.body);
    }
    let twice = [("content-encoding", "gzip"), ("content-encoding", "gzip")];
    let answer = proxy.post_with(&twice, gzip(&envelope())).await;
    assert_eq!(answer.status, 415);
    assert!(
        answer
            .detail()
            .starts_with("more than one content encoding; "),
        "{}",
        answer.body
    );
    // Of unknown length.
    let (send, body) = mpsc::channel(1);
    tokio::spawn(async move { while send.send(vec![b' '; 10_000]).await.is_ok() {} });
    let answer = request(
        proxy.address,
        "POST",
        "/api/1/store/",
        &[("x-sentry-auth", AUTH)],
        prefixed(b"{", body),
    )
    .await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert_eq!(upstream.connections(), 0);
}

/// A body that begins with `first` and goes on with what comes.
fn prefixed(first: &'static [u8], mut rest: mpsc::Receiver<Vec<u8>>) -> mpsc::Receiver<Vec<u8>> {
    let (send, body) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut next = Some(first.to_vec());
        while let Some(chunk) = next {
            if send.send(chunk).await.is_err() {
                break;
            }
            next = rest.recv().await;
        }
    });
    body
}

#[tokio::test]
async fn bombs_stop_at_the_ratio() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[
            ("limits.decode_ratio", "20"),
            ("upstream.encoding", "identity"),
        ],
    )
    .await;
    let mut bomb = large_start(10);
    bomb.resize(3 << 20, b'a');
    let answer = proxy
        .post_with(&[("content-encoding", "gzip")], gzip(&bomb))
        .await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(
        answer
            .detail()
            .contains("more than 20 times (limits.decode_ratio)"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_large_body_streams() {
    // The collector tells when it has seen the first bytes, and then reads on.
    let (seen, mut first) = mpsc::unbounded_channel();
    let upstream = Upstream::with(move |request| {
        let seen = seen.clone();
        async move {
            let mut body = request.into_body();
            let mut len = 0;
            while let Some(frame) = body.frame().await {
                len += frame.unwrap().data_ref().map_or(0, Bytes::len);
                seen.send(len).unwrap();
            }
            Response::new(Full::default())
        }
    })
    .await;
    let proxy = Proxy::start(&upstream.url(), &[("upstream.encoding", "identity")]).await;
    let (send, body) = mpsc::channel(1);
    let client = tokio::spawn(async move { proxy.post(body).await });
    let mut sent = large_start(100_000);
    let mut total = sent.len();
    send.send(std::mem::take(&mut sent)).await.unwrap();
    // The client has not ended, and yet the collector reads.
    let mut arrived = first.recv().await.unwrap();
    assert!(arrived > 0);
    for _ in 0..20 {
        let chunk: Vec<u8> = noise(50_000).collect();
        total += chunk.len();
        send.send(chunk).await.unwrap();
    }
    send.send(LARGE_END.to_vec()).await.unwrap();
    total += LARGE_END.len();
    drop(send);
    assert_eq!(client.await.unwrap().status, 200);
    while let Ok(len) = first.try_recv() {
        arrived = len;
    }
    assert_eq!(arrived, total);
}

#[tokio::test]
async fn malformed_input_after_the_start_aborts_the_request() {
    for encoding in ["identity", "gzip", "zstd"] {
        let (begun, mut beginning) = mpsc::unbounded_channel();
        let (ended, mut end) = mpsc::unbounded_channel();
        let upstream = Upstream::with(move |request| {
            let (begun, ended) = (begun.clone(), ended.clone());
            async move {
                begun.send(()).unwrap();
                ended
                    .send(request.into_body().collect().await.is_ok())
                    .unwrap();
                Response::new(Full::default())
            }
        })
        .await;
        let proxy = Proxy::start(&upstream.url(), &[("upstream.encoding", encoding)]).await;
        let (send, body) = mpsc::channel(1);
        let client = tokio::spawn(async move { proxy.post(body).await });
        send.send(large_start(300_000)).await.unwrap();
        beginning.recv().await.unwrap();
        // A control character may not stand in a JSON string.
        send.send(b"\0".to_vec()).await.unwrap();
        let answer = client.await.unwrap();
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.detail().contains("at byte "), "{}", answer.body);
        assert!(
            !end.recv().await.unwrap(),
            "the collector saw a clean end ({encoding})"
        );
    }
}

#[tokio::test]
async fn malformed_input_before_the_start_connects_to_nobody() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let (send, body) = mpsc::channel(1);
    let client = tokio::spawn(async move { proxy.post(body).await });
    send.send(large_start(60_000)).await.unwrap();
    send.send(b"\0".to_vec()).await.unwrap();
    assert_eq!(client.await.unwrap().status, 400);
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_client_that_breaks_off_leaves_a_broken_request() {
    let (begun, mut beginning) = mpsc::unbounded_channel();
    let (ended, mut end) = mpsc::unbounded_channel();
    let upstream = Upstream::with(move |request| {
        let (begun, ended) = (begun.clone(), ended.clone());
        async move {
            begun.send(()).unwrap();
            ended
                .send(request.into_body().collect().await.is_ok())
                .unwrap();
            Response::new(Full::default())
        }
    })
    .await;
    let mut proxy = Proxy::before(&upstream).await;
    let mut socket = TcpStream::connect(proxy.address).await.unwrap();
    let head = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nhost: p\r\nx-sentry-auth: {AUTH}\r\ncontent-length: 999999\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&large_start(300_000)).await.unwrap();
    beginning.recv().await.unwrap();
    drop(socket);
    assert!(!end.recv().await.unwrap());
    assert_eq!(proxy.finished.recv().await.unwrap().outcome, "client_gone");
}

#[tokio::test]
async fn an_early_answer_stops_the_reading() {
    let upstream = Upstream::with(|request| async move {
        // Held, but not read.
        let _body = request.into_body();
        Response::builder()
            .status(429)
            .header("x-sentry-rate-limits", "60::organization")
            .body(Full::new(Bytes::from("{\"detail\":\"slow down\"}")))
            .unwrap()
    })
    .await;
    let proxy = Proxy::before(&upstream).await;
    let (send, body) = mpsc::channel(1);
    let client = tokio::spawn(async move { proxy.post(body).await });
    send.send(large_start(100_000)).await.unwrap();
    // The client never ends its body.
    let answer = client.await.unwrap();
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert_eq!(answer.detail(), "slow down");
    assert_eq!(answer.headers["x-sentry-rate-limits"], "60::organization");
    drop(send);
}

#[tokio::test]
async fn nothing_left_is_answered_here() {
    let upstream = Upstream::start().await;
    let mut proxy = Proxy::before(&upstream).await;
    let body =
        format!("{{\"event_id\":\"{ID}\"}}\n{{\"type\":\"replay_video\",\"length\":2}}\n{{}}\n");
    let answer = proxy.post(body.into_bytes()).await;
    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::OK, format!("{{\"id\":\"{ID}\"}}"))
    );
    assert_eq!(proxy.post(b"{}\n".as_slice()).await.body, "{}");
    assert_eq!(upstream.connections(), 0);
    let finished = proxy.finished.recv().await.unwrap();
    assert_eq!((finished.outcome, finished.status), ("nothing_left", 200));
    assert_eq!(finished.project.as_deref(), Some("1"));
    assert_eq!(finished.report.unwrap().items.len(), 1);
}

#[tokio::test]
async fn answers_are_built_anew() {
    let limits = "60:error;transaction:organization, 2700:default:key";
    for (status, body, expected) in [
        (
            200,
            "{\"id\":\"9ec79c33ec9942ab8353589fcb2e04dc\",\"x\":1}",
            "{\"id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}",
        ),
        (200, "{\"id\":\"<script>\"}", "{}"),
        (200, "not JSON", "{}"),
        (202, "", "{}"),
        (
            403,
            "{\"detail\":\"no\",\"causes\":[\"hunter2\"]}",
            "{\"detail\":\"no\"}",
        ),
        (429, "", "{\"detail\":\"the collector answered 429\"}"),
        (503, "<html>", "{\"detail\":\"the collector answered 503\"}"),
    ] {
        let upstream = Upstream::answering(move || {
            Response::builder()
                .status(status)
                .header("x-sentry-rate-limits", limits)
                .header("retry-after", "60")
                .header("x-sentry-error", "why")
                .header("set-cookie", "session=hunter2")
                .header("server", "nginx")
                .header("x-envoy", "1")
                .body(body)
                .unwrap()
        })
        .await;
        let mut proxy = Proxy::before(&upstream).await;
        let answer = proxy.post(envelope()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (status, expected)
        );
        let outcome = match status {
            200..300 => "forwarded",
            _ => "upstream_refused",
        };
        let finished = proxy.finished.recv().await.unwrap();
        assert_eq!((finished.outcome, finished.status), (outcome, status));
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "content-length",
                "content-type",
                "date",
                "retry-after",
                "x-sentry-error",
                "x-sentry-rate-limits"
            ]
        );
        assert_eq!(answer.headers["x-sentry-rate-limits"], limits);
        assert_eq!(answer.headers["retry-after"], "60");
    }
}

#[tokio::test]
async fn browsers_on_other_origins_see_the_rate_limits() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let answer = proxy
        .post_with(&[("origin", "https://app.example")], envelope())
        .await;
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(
        answer.headers["access-control-expose-headers"],
        "x-sentry-error, x-sentry-rate-limits, retry-after"
    );
    assert_eq!(
        upstream.received.recv().await.unwrap().header("origin"),
        Some("https://app.example")
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Upstream::start().await;
    let location = format!("http://{}/", elsewhere.address);
    let upstream = Upstream::with(move |_| {
        let answer = Response::builder()
            .status(307)
            .header("location", &location)
            .body(Full::default())
            .unwrap();
        async move { answer }
    })
    .await;
    let proxy = Proxy::before(&upstream).await;
    let answer = proxy.post(envelope()).await;
    assert_eq!(answer.status, 502);
    assert!(
        answer.detail().contains("redirect") && !answer.headers.contains_key("location"),
        "{}",
        answer.body
    );
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn only_listed_headers_travel() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("upstream.encoding", "gzip")]).await;
    let secret: Vec<(&str, &str)> = [
        "cookie",
        "proxy-authorization",
        "referer",
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "via",
        "cf-connecting-ip",
        "true-client-ip",
        "baggage",
        "sentry-trace",
        "traceparent",
        "x-cron-secret",
        "x-mailbox-webhook-secret",
        "x-api-key",
        "x-sentry-relay-id",
        "x-sentry-relay-signature",
        "x-unheard-of",
        "accept",
        "accept-language",
        "sec-ch-ua",
        "x-sentry-forwarded-for",
        "te",
        "digest",
        "content-md5",
    ]
    .map(|name| (name, "hunter2"))
    .to_vec();
    let passing = [
        ("content-type", "text/plain;charset=UTF-8"),
        ("user-agent", "sentry.python/2.75.0"),
        (
            "origin",
            "https://user:hunter2@app.example/path?token=hunter2",
        ),
    ];
    let headers = [
        &secret[..],
        &passing[..],
        &[("authorization", "Bearer hunter2")],
    ]
    .concat();
    let answer = proxy.post_with(&headers, envelope()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let received = upstream.received.recv().await.unwrap();
    let mut names: Vec<_> = received.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "content-encoding",
            "content-length",
            "content-type",
            "host",
            "origin",
            "user-agent",
            "x-sentry-auth"
        ]
    );
    assert_eq!(
        received.header("content-type"),
        Some("text/plain;charset=UTF-8")
    );
    assert_eq!(received.header("user-agent"), Some("sentry.python/2.75.0"));
    assert_eq!(received.header("origin"), Some("https://app.example"));
    assert!(!format!("{:?}", received.headers).contains("hunter2"));

    // A type that we don't know could hold anything.
    let odd = [("content-type", "text/plain; boundary=hunter2")];
    assert_eq!(proxy.post_with(&odd, envelope()).await.status, 200);
    let received = upstream.received.recv().await.unwrap();
    assert_eq!(
        received.header("content-type"),
        Some("application/x-sentry-envelope")
    );
}

#[tokio::test]
async fn upstreams_that_fail() {
    // Nobody listens where somebody just did.
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let mut proxy = Proxy::start(&format!("http://{gone}"), &[]).await;
    let answer = proxy.post(envelope()).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.detail(), "the collector can't be reached");
    assert_eq!(
        proxy.finished.recv().await.unwrap().outcome,
        "upstream_unreachable"
    );

    // One that speaks no HTTP.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(b"220 mail.example ESMTP\r\n").await;
        }
    });
    let proxy = Proxy::start(&format!("http://{address}"), &[]).await;
    assert_eq!(proxy.post(envelope()).await.status, 502);

    // One that never answers, to a small body and to a large one that it does not even read.
    let upstream = Upstream::with(|_| std::future::pending()).await;
    let mut proxy = Proxy::start(&upstream.url(), &[("upstream.response_timeout", "50ms")]).await;
    for body in [envelope(), large_start(8 << 20)] {
        let answer = proxy.post(body).await;
        assert_eq!(answer.status, 504, "{}", answer.body);
        assert_eq!(
            proxy.finished.recv().await.unwrap().outcome,
            "upstream_timeout"
        );
    }
}

#[tokio::test]
async fn a_client_that_stalls_is_told() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("server.body_timeout", "50ms")]).await;
    let (send, body) = mpsc::channel(1);
    send.send(envelope()).await.unwrap();
    let answer = proxy.post(body).await;
    assert_eq!(answer.status, 408, "{}", answer.body);
    assert_eq!(upstream.connections(), 0);
    drop(send);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_hung_up_on() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("server.head_timeout", "50ms")]).await;
    for beginning in ["", "PO", "POST /api/1/envelope/ HTTP/1.1\r\nhost:", "PRI"] {
        let mut socket = TcpStream::connect(proxy.address).await.unwrap();
        socket.write_all(beginning.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // Closed, with a 408 or without.
        let _ = socket.read_to_end(&mut rest).await;
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
            "{}",
            String::from_utf8_lossy(&rest)
        );
    }
}

/// The time for a head is over, and there has been one: a collector that takes its time is waited for.
#[tokio::test]
async fn a_client_that_has_spoken_is_not_hung_up_on() {
    let release = Arc::new(Notify::new());
    let (begun, mut beginning) = mpsc::unbounded_channel();
    let held = Arc::clone(&release);
    let upstream = Upstream::with(move |_| {
        let (held, begun) = (Arc::clone(&held), begun.clone());
        async move {
            begun.send(()).unwrap();
            held.notified().await;
            Response::new(Full::default())
        }
    })
    .await;
    let settings = [("server.head_timeout", "50ms")];
    let proxy = Arc::new(Proxy::start(&upstream.url(), &settings).await);
    let asking = Arc::clone(&proxy);
    let asked = tokio::spawn(async move { asking.post(envelope()).await });
    beginning.recv().await.unwrap();
    // Whoever came later and said nothing has been hung up on, so the time of the first is over too.
    let mut silent = TcpStream::connect(proxy.address).await.unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    release.notify_one();
    assert_eq!(asked.await.unwrap().status, 200);
}

#[tokio::test]
async fn one_request_too_many_is_told_when_to_come_back() {
    let release = Arc::new(Notify::new());
    let (begun, mut beginning) = mpsc::unbounded_channel();
    let held = Arc::clone(&release);
    let upstream = Upstream::with(move |_| {
        let (held, begun) = (Arc::clone(&held), begun.clone());
        async move {
            begun.send(()).unwrap();
            held.notified().await;
            Response::new(Full::default())
        }
    })
    .await;
    let proxy = Arc::new(Proxy::start(&upstream.url(), &[("limits.in_flight", "1")]).await);
    let first = tokio::spawn({
        let proxy = Arc::clone(&proxy);
        async move { proxy.post(envelope()).await }
    });
    beginning.recv().await.unwrap();
    let second = proxy.post(envelope()).await;
    assert_eq!(
        (second.status.as_u16(), &second.headers["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    assert_eq!(
        second.detail(),
        "too many requests at a time (limits.in_flight); try again"
    );
    release.notify_one();
    assert_eq!(first.await.unwrap().status, 200);
    release.notify_one();
    assert_eq!(proxy.post(envelope()).await.status, 200);
}

#[tokio::test]
async fn heads_over_the_limit_are_refused() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("limits.head_bytes", "8KiB")]).await;
    let long = "x".repeat(10_000);
    assert_eq!(
        proxy
            .post_with(&[("x-long", &long)], envelope())
            .await
            .status,
        431
    );
}

#[tokio::test]
async fn http2_without_tls() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let socket = TcpStream::connect(proxy.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
    tokio::spawn(connection);
    for body in [
        envelope(),
        [large_start(300_000), LARGE_END.to_vec()].concat(),
    ] {
        let request = build(
            "POST",
            "http://proxy/api/1/envelope/",
            &[("x-sentry-auth", AUTH)],
            body.clone(),
        );
        let answer = answer(sender.send_request(request).await.unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(upstream.received.recv().await.unwrap().plain() == body);
    }
    let refused = build("POST", "http://proxy/api/1/envelope/", &[], envelope());
    assert_eq!(
        answer(sender.send_request(refused).await.unwrap())
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn connections_to_the_collector_are_kept() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    for _ in 0..5 {
        assert_eq!(proxy.post(envelope()).await.status, 200);
        upstream.received.recv().await.unwrap();
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_drain_lets_requests_finish() {
    let release = Arc::new(Notify::new());
    let (begun, mut beginning) = mpsc::unbounded_channel();
    let held = Arc::clone(&release);
    let upstream = Upstream::with(move |_| {
        let (held, begun) = (Arc::clone(&held), begun.clone());
        async move {
            begun.send(()).unwrap();
            held.notified().await;
            Response::new(Full::default())
        }
    })
    .await;
    let proxy = Proxy::before(&upstream).await;
    while proxy.ask("/readyz").await.status != 200 {}
    let (address, admin) = (proxy.address, proxy.admin);
    let in_flight = tokio::spawn(async move {
        request(
            address,
            "POST",
            "/api/1/envelope/",
            &[("x-sentry-auth", AUTH)],
            envelope(),
        )
        .await
    });
    beginning.recv().await.unwrap();
    proxy.shutdown.drain();
    // From now on: not ready, though alive, and nobody new is served.
    loop {
        let answer = request(admin, "GET", "/readyz", &[], Vec::new()).await;
        if answer.status == 503 {
            assert_eq!(answer.body, "not ready: draining\n");
            break;
        }
    }
    assert_eq!(
        request(admin, "GET", "/healthz", &[], Vec::new())
            .await
            .status,
        200
    );
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!in_flight.is_finished());
    release.notify_one();
    assert_eq!(in_flight.await.unwrap().status, 200);
    assert_eq!(proxy.running.await.unwrap(), Ended::Drained);
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline_and_at_a_second_wish() {
    for (timeout, abort, expected) in [
        ("50ms", false, Ended::TimedOut),
        ("1h", true, Ended::Aborted),
    ] {
        let (begun, mut beginning) = mpsc::unbounded_channel();
        let upstream = Upstream::with(move |_| {
            begun.send(()).unwrap();
            std::future::pending()
        })
        .await;
        let proxy = Proxy::start(&upstream.url(), &[("server.drain_timeout", timeout)]).await;
        let mut socket = TcpStream::connect(proxy.address).await.unwrap();
        let head = format!(
            "POST /api/1/envelope/ HTTP/1.1\r\nhost: p\r\nx-sentry-auth: {AUTH}\r\ncontent-length: "
        );
        let body = envelope();
        socket
            .write_all(format!("{head}{}\r\n\r\n", body.len()).as_bytes())
            .await
            .unwrap();
        socket.write_all(&body).await.unwrap();
        beginning.recv().await.unwrap();
        proxy.shutdown.drain();
        if abort {
            proxy.shutdown.abort();
        }
        assert_eq!(proxy.running.await.unwrap(), expected);
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn a_dsn_with_a_path_is_told() {
    let upstream = Upstream::start().await;
    let mut proxy = Proxy::before(&upstream).await;
    for (path, told) in [
        ("/sentry/api/42/envelope/", true),
        ("/a/api/b/api/42/store", true),
        ("/sentry/api/hunter2/envelope/", false),
        ("/api/42/unreal/", false),
        ("/sentry/", false),
    ] {
        let answer = request(proxy.address, "POST", path, &[], Vec::new()).await;
        assert_eq!(answer.status, 404);
        let detail = answer.detail();
        let hint = "; leave the path before the project out of the DSN";
        assert_eq!(detail.contains(hint), told, "{path}: {detail}");
        assert!(!detail.contains("hunter2"), "{detail}");
        // Subscribers are told as well.
        let finished = proxy.finished.recv().await.unwrap();
        assert_eq!(finished.detail, Some(detail));
    }
}

#[tokio::test]
async fn the_admin_listener() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    assert_eq!(proxy.ask("/healthz").await.status, 200);
    assert_eq!(proxy.ask("/elsewhere").await.status, 404);
    assert_eq!(
        request(proxy.admin, "POST", "/metrics", &[], Vec::new())
            .await
            .status,
        405
    );
    // A name that does not exist never gets ready.
    let proxy = Proxy::start("http://upstream.invalid", &[]).await;
    let answer = proxy.ask("/readyz").await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.contains("name")),
        (503, true),
        "{}",
        answer.body
    );
    assert_eq!(proxy.post(envelope()).await.status, 502);
}

#[tokio::test]
async fn the_list_of_metrics() {
    let statuses = Arc::new(AtomicUsize::new(0));
    let mut upstream = Upstream::answering(move || {
        let status = [200, 429][statuses.fetch_add(1, Ordering::SeqCst)];
        Response::builder().status(status).body("").unwrap()
    })
    .await;
    let mut proxy = Proxy::before(&upstream).await;
    for status in [200, 429] {
        assert_eq!(proxy.post(envelope()).await.status, status);
        upstream.received.recv().await.unwrap();
    }
    assert_eq!(
        request(proxy.address, "GET", "/hunter2", &[], Vec::new())
            .await
            .status,
        404
    );
    for _ in 0..3 {
        proxy.finished.recv().await.unwrap();
    }
    let text = proxy.ask("/metrics").await.body;
    assert!(!text.contains("hunter2"));
    let mut seen: Vec<String> = text
        .lines()
        .filter_map(|line| match line.strip_prefix("# HELP ") {
            Some(help) => Some(format!("# {help}")),
            None if line.starts_with('#') => None,
            // Names and labels; values and rules are another matter.
            None => line.rsplit_once(' ').map(|(name, _)| name.to_owned()),
        })
        .filter(|line| !line.contains("_bucket{") && !line.contains("scrubline_redactions_total{"))
        .collect();
    seen.retain(|line| !line.starts_with("# scrubline_redactions_total"));
    let version = env!("CARGO_PKG_VERSION");
    let config = Config::new(&upstream.url()).unwrap();
    let policy = config.load_policy().unwrap();
    let hash = policy.hash();
    let expected = format!(
        "\
# scrubline_build_info Always 1; version and policy are its labels.
scrubline_build_info{{policy=\"sentry-eu\",version=\"{version}\"}}
# scrubline_connection_errors_total Connections of clients that ended badly, by reason.
scrubline_connection_errors_total{{reason=\"broken\"}}
scrubline_connection_errors_total{{reason=\"crowded\"}}
scrubline_connection_errors_total{{reason=\"crowded_client\"}}
scrubline_connection_errors_total{{reason=\"handshake\"}}
scrubline_connection_errors_total{{reason=\"head_timeout\"}}
scrubline_connection_errors_total{{reason=\"head_too_large\"}}
scrubline_connection_errors_total{{reason=\"malformed\"}}
scrubline_connection_errors_total{{reason=\"tls\"}}
# scrubline_connections Open connections of clients.
scrubline_connections
# scrubline_decoded_bytes_total Body bytes after decoding.
scrubline_decoded_bytes_total
# scrubline_items_total Envelope items by type and outcome.
scrubline_items_total{{outcome=\"forwarded\",type=\"session\"}}
# scrubline_policy_generation How many policies have been in force, this one included.
scrubline_policy_generation
# scrubline_policy_info 1 for the policy that is in force; its name and hash are labels.
scrubline_policy_info{{hash=\"{hash}\",policy=\"sentry-eu\"}}
# scrubline_policy_reloads_total Policies that were to be loaded while running: loaded, or failed and the old one kept.
scrubline_policy_reloads_total{{outcome=\"failed\"}}
scrubline_policy_reloads_total{{outcome=\"loaded\"}}
# scrubline_received_bytes_total Body bytes received, still encoded.
scrubline_received_bytes_total
# scrubline_requests_in_flight Requests being handled now.
scrubline_requests_in_flight
# scrubline_requests_total Requests by outcome and answered status.
scrubline_requests_total{{outcome=\"forwarded\",status=\"200\"}}
scrubline_requests_total{{outcome=\"not_found\",status=\"404\"}}
scrubline_requests_total{{outcome=\"upstream_refused\",status=\"429\"}}
# scrubline_scrub_seconds Processor time of decoding and scrubbing one body.
scrubline_scrub_seconds_sum
scrubline_scrub_seconds_count
# scrubline_scrubbed_bytes_total Body bytes after scrubbing.
scrubline_scrubbed_bytes_total
# scrubline_sent_bytes_total Body bytes sent to the collector, encoded again.
scrubline_sent_bytes_total
# scrubline_upstream_seconds From the first byte sent to the collector to its answer.
scrubline_upstream_seconds_sum
scrubline_upstream_seconds_count"
    );
    assert_eq!(seen.join("\n"), expected);
}

#[tokio::test]
async fn apps_that_cannot_be_built() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let mut config = Config::new("http://127.0.0.1:1").unwrap();
    config.server.listen = address;
    config.server.admin.set_port(0);
    let error = App::build(config).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("server.listen: {address} is in use; stop what listens there, or set another port")
    );
    // Addresses set aside for examples: nobody has them.
    for (address, expected) in [
        (
            "192.0.2.1:9180",
            "server.listen: 192.0.2.1 is no address of this machine; set one that is, or 0.0.0.0:9180 for all of them",
        ),
        (
            "[2001:db8::1]:9180",
            "server.listen: 2001:db8::1 is no address of this machine; set one that is, or [::]:9180 for all of them",
        ),
    ] {
        let mut config = Config::new("http://127.0.0.1:1").unwrap();
        config.server.listen = address.parse().unwrap();
        let error = App::build(config).await.unwrap_err().to_string();
        assert_eq!(error, expected);
    }
}

/// Browsers' reports and OTLP in JSON: scrubbed, and sent on to their own routes.
#[tokio::test]
async fn reports_and_otlp() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[("policy.server.traces_sample_rate", "1")],
    )
    .await;
    let csp = r#"{"csp-report":{"document-uri":"https://a.eu/?token=s3cr3t","referrer":"https://a.eu/cb?code=s3cr3t"}}"#;
    let nel = r#"[{"type":"network-error","url":"https://a.eu/?password=s3cr3t","body":{"server_ip":"203.0.113.9"}}]"#;
    let otlp = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"GET /x?token=s3cr3t","attributes":[{"key":"http.request.header.cookie","value":{"stringValue":"s3cr3t"}}]}]}]}]}"#;
    for (path, media, body, target) in [
        (
            "/api/1/security/?sentry_key=K",
            "application/csp-report",
            csp,
            "/api/1/security/",
        ),
        (
            "/api/1/csp-report/?sentry_key=K",
            "application/csp-report",
            csp,
            "/api/1/security/",
        ),
        (
            "/api/1/nel/?sentry_key=K",
            "application/reports+json",
            nel,
            "/api/1/nel/",
        ),
        (
            "/api/1/integration/otlp/v1/traces?sentry_key=K",
            "application/json",
            otlp,
            "/api/1/integration/otlp/v1/traces/",
        ),
        (
            "/api/1/integration/otlp/v1/logs/?sentry_key=K",
            "application/json; charset=utf-8",
            otlp,
            "/api/1/integration/otlp/v1/logs/",
        ),
    ] {
        let headers = [("content-type", media)];
        let answer = request(
            proxy.address,
            "POST",
            path,
            &headers,
            body.as_bytes().to_vec(),
        )
        .await;
        assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        assert_eq!(received.target, target);
        let plain = String::from_utf8(received.plain()).unwrap();
        assert!(
            !plain.contains("s3cr3t") && !plain.contains("203.0.113.9"),
            "{plain}"
        );
        assert!(plain.contains("[Filtered]"), "{plain}");
    }
    let headers = [("content-type", "text/plain")];
    let path = "/api/1/integration/otlp/v1/traces?sentry_key=K";
    let answer = request(
        proxy.address,
        "POST",
        path,
        &headers,
        otlp.as_bytes().to_vec(),
    )
    .await;
    assert_eq!(answer.status.as_u16(), 415);
    assert!(
        answer.detail().contains("OTEL_EXPORTER_OTLP_PROTOCOL"),
        "{}",
        answer.body
    );
}

/// The few fields of the transport that travel, and the envelope's dsn: with a known secret in them they stay here.
#[tokio::test]
async fn known_secrets_stay_here_in_transport_fields() {
    let folder = std::env::temp_dir().join(format!("scrubline-{}-known", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("secret");
    std::fs::write(&file, "hunter2hunter2").unwrap();
    let mut upstream = Upstream::start().await;
    let settings = [("secrets.files", file.to_str().unwrap())];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    std::fs::remove_dir_all(&folder).unwrap();
    let plain = format!("Sentry sentry_version=7, sentry_key={KEY}");
    let dsns = [
        DSN.to_owned(),
        DSN.replace("o1.", "hunter2hunter2."),
        DSN.replace(
            "o1.",
            "68756e74657232-HUNTER2.68756E7465723268756e74657232.",
        ),
        DSN.replace("/1", "/hunter2hunter2/1"),
    ];
    for (index, dsn) in dsns.iter().enumerate() {
        let auth = format!("{plain}, sentry_client=app.hunter2hunter2/1");
        let headers = [
            ("x-sentry-auth", auth.as_str()),
            ("origin", "https://hunter2hunter2.example:8080"),
            ("user-agent", "app/hunter2hunter2"),
        ];
        let path = "/api/1/envelope/";
        let answer = request(proxy.address, "POST", path, &headers, with_dsn(dsn)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        assert_eq!(received.header("x-sentry-auth"), Some(plain.as_str()));
        assert_eq!(received.header("origin"), None);
        assert_eq!(received.header("user-agent"), Some("app/[Filtered]"));
        let body = String::from_utf8(received.plain()).unwrap();
        assert_eq!(body.contains("\"dsn\""), index == 0, "{body}");
        assert!(!body.to_lowercase().contains("68756e7465723268"), "{body}");
        assert!(!body.contains("hunter2hunter2"), "{body}");
    }
    // A key can't be left out.
    let auth = "Sentry sentry_key=hunter2hunter2";
    let headers = [("x-sentry-auth", auth)];
    let path = "/api/1/envelope/";
    let answer = request(proxy.address, "POST", path, &headers, envelope()).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert!(!answer.body.contains("hunter2"), "{}", answer.body);
}
