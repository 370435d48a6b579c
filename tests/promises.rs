//! The seed policy, line by line: one test for each, with its name. What each line means in detail, other tests try: `residency.rs`,
//! `gate.rs`, `corpus.rs`, `laws.rs`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use scrubline::config::Loader;
use scrubline::ingress::Ingress;
use scrubline::policy::Policy;
use scrubline::scrub::{Format, Limits, Output, Scrubber};
use support::{AUTH, ID, Proxy, Received, Upstream, request};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// An address that no rule lets pass by its form: it must be gone by its place.
const IP: &str = "203.0.113.9";

fn all_of(received: &Received) -> String {
    let headers: Vec<String> = received
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value:?}\n"))
        .collect();
    let body = String::from_utf8_lossy(&received.plain()).into_owned();
    format!(
        "{} {}\n{}\n{body}",
        received.method,
        received.target,
        headers.concat()
    )
}

/// Sends one item in an envelope through the proxy, and gives all that the collector sees.
async fn sent(proxy: &Proxy, upstream: &mut Upstream, item_type: &str, payload: &str) -> String {
    let envelope = format!("{{\"event_id\":\"{ID}\"}}\n{{\"type\":\"{item_type}\"}}\n{payload}\n");
    let answer = proxy.post(envelope.into_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    all_of(&upstream.received.recv().await.unwrap())
}

#[test]
fn eu_host_only() {
    let load = |url: &str| {
        let loader = Loader::default().no_file().flag("upstream.url", url);
        loader
            .flag("residency.region", "eu")
            .load()
            .map_err(|error| error.to_string())
    };
    assert!(load("https://o1.ingest.de.sentry.io").is_ok());
    for (url, why) in [
        ("https://o1.ingest.us.sentry.io", "is in the United States"),
        ("https://o1.ingest.sentry.io", "has no region in its name"),
        (
            "https://o1.ingest.de.sentry.io.evil.example",
            "may be anywhere",
        ),
    ] {
        let told = load(url).unwrap_err();
        assert!(told.contains(why), "{url}: {told}");
    }
}

/// The versions of TLS that somebody offers by a ClientHello (RFC 8446, section 4.2.1).
fn offered(hello: &[u8]) -> Vec<u16> {
    let number = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    // Record and handshake headers, version and random; then session id, cipher suites and compression methods.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + number(at);
    at += 1 + usize::from(hello[at]);
    let end = at + 2 + number(at);
    at += 2;
    while at < end {
        let (kind, length) = (number(at), number(at + 2));
        if kind == 43 {
            let list = &hello[at + 5..at + 4 + length];
            return list
                .chunks(2)
                .map(|it| u16::from_be_bytes([it[0], it[1]]))
                .collect();
        }
        at += 4 + length;
    }
    panic!("no supported_versions");
}

#[tokio::test]
async fn tls_floor() {
    for (floor, versions) in [("1.2", vec![0x0304, 0x0303]), ("1.3", vec![0x0304])] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let proxy = Proxy::start(
            &url,
            &[("residency.region", "eu"), ("residency.tls", floor)],
        )
        .await;
        let hello = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut hello = vec![0; 5];
            socket.read_exact(&mut hello).await.unwrap();
            let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
            hello.resize(5 + length, 0);
            socket.read_exact(&mut hello[5..]).await.unwrap();
            hello
        });
        assert_eq!(proxy.post(support::envelope()).await.status, 502);
        let mut seen = offered(&hello.await.unwrap());
        // Values of no meaning may be among them (RFC 8701).
        seen.retain(|version| version & 0x0F0F != 0x0A0A);
        assert_eq!(seen, versions, "{floor}");
    }
}

/// Every door of protocol section 11: its name, the type of the item that it stands in, and the payload.
const DOORS: [(&str, &str, &str); 24] = [
    (
        "user.ip_address",
        "event",
        r#"{"user":{"id":"1","ip_address":"203.0.113.9"}}"#,
    ),
    (
        "user.ip_address of a transaction",
        "transaction",
        r#"{"user":{"ip_address":"203.0.113.9"}}"#,
    ),
    (
        "user.ip_address of feedback",
        "feedback",
        r#"{"user":{"ip_address":"203.0.113.9"}}"#,
    ),
    (
        "user.ip_address, legacy name",
        "event",
        r#"{"sentry.interfaces.User":{"ip_address":"203.0.113.9"}}"#,
    ),
    (
        "user.ip_address {{auto}}",
        "event",
        r#"{"user":{"ip_address":"{{auto}}"},"tags":{"a":"203.0.113"}}"#,
    ),
    (
        "sdk.client_ip",
        "event",
        r#"{"sdk":{"name":"x","client_ip":"203.0.113.9"}}"#,
    ),
    (
        "request.env.REMOTE_ADDR",
        "event",
        r#"{"request":{"env":{"REMOTE_ADDR":"203.0.113.9"}}}"#,
    ),
    (
        "request.env.HTTP_X_FORWARDED_FOR",
        "event",
        r#"{"request":{"env":{"HTTP_X_FORWARDED_FOR":"203.0.113.9"}}}"#,
    ),
    (
        "request.headers X-Forwarded-For",
        "event",
        r#"{"request":{"headers":{"X-Forwarded-For":"203.0.113.9, 10.0.0.1"}}}"#,
    ),
    (
        "request.headers X-Real-IP, pairs",
        "event",
        r#"{"request":{"headers":[["X-Real-IP","203.0.113.9"]]}}"#,
    ),
    (
        "request.headers Forwarded",
        "event",
        r#"{"request":{"headers":{"Forwarded":"for=203.0.113.9;proto=https"}}}"#,
    ),
    (
        "request.headers of vendors",
        "event",
        r#"{"request":{"headers":{"CF-Connecting-IP":"203.0.113.9","True-Client-IP":"203.0.113.9","Fastly-Client-IP":"203.0.113.9","X-Client-IP":"203.0.113.9","X-Cluster-Client-IP":"203.0.113.9","X-Vercel-Forwarded-For":"203.0.113.9","X-Sentry-Forwarded-For":"203.0.113.9"}}}"#,
    ),
    (
        "session attrs.ip_address",
        "session",
        r#"{"sid":"1","attrs":{"ip_address":"203.0.113.9"}}"#,
    ),
    (
        "sessions attrs.ip_address",
        "sessions",
        r#"{"aggregates":[],"attrs":{"ip_address":"203.0.113.9"}}"#,
    ),
    (
        "log attribute client.address",
        "log",
        r#"{"items":[{"attributes":{"client.address":{"value":"203.0.113.9","type":"string"}}}]}"#,
    ),
    (
        "log attribute {{auto}}",
        "log",
        r#"{"items":[{"attributes":{"client.address":{"value":"{{auto}}","type":"string"}}}]}"#,
    ),
    (
        "span attributes",
        "span",
        r#"{"data":{"net.peer.ip":"203.0.113.9","net.sock.peer.addr":"203.0.113.9","network.peer.address":"203.0.113.9","http.client_ip":"203.0.113.9","user.ip_address":"203.0.113.9","vercel.proxy.client_ip":"203.0.113.9","sentry.user.ip":"203.0.113.9"}}"#,
    ),
    (
        "metric attribute",
        "trace_metric",
        r#"{"items":[{"name":"n","value":1,"attributes":{"client.address":{"value":"203.0.113.9","type":"string"}}}]}"#,
    ),
    ("tag user", "event", r#"{"tags":{"user":"ip:203.0.113.9"}}"#),
    (
        "sentry_user",
        "event",
        r#"{"tags":[["sentry_user","ip:203.0.113.9"]]}"#,
    ),
    (
        "user.geo",
        "event",
        r#"{"user":{"geo":{"city":"203.0.113.9"}}}"#,
    ),
    (
        "contexts.trace.data",
        "event",
        r#"{"contexts":{"trace":{"data":{"client.address":"203.0.113.9"}}}}"#,
    ),
    (
        "breadcrumb data",
        "event",
        r#"{"breadcrumbs":[{"data":{"http.client_ip":"203.0.113.9"}}]}"#,
    ),
    (
        "frame vars",
        "event",
        r#"{"exception":{"values":[{"stacktrace":{"frames":[{"vars":{"remote_addr":"'203.0.113.9'"}}]}}]}}"#,
    ),
];

#[tokio::test]
async fn no_ip_by_any_door() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(
        &upstream.url(),
        &[("policy.server.traces_sample_rate", "1")],
    )
    .await;
    for (door, item_type, payload) in DOORS {
        let seen = sent(&proxy, &mut upstream, item_type, payload).await;
        assert!(!seen.contains(IP), "{door}: {seen}");
        assert!(!seen.contains("{{auto}}"), "{door}: {seen}");
        // The collector would take the connection's address for the user's else.
        match item_type {
            "event" | "transaction" | "feedback" => {
                assert!(seen.contains("\"infer_ip\":\"never\""), "{door}: {seen}")
            }
            "log" | "trace_metric" => {
                assert!(seen.contains("\"version\":2"), "{door}: {seen}");
                let settings =
                    "\"ingest_settings\":{\"infer_ip\":\"never\",\"infer_user_agent\":\"never\"}";
                assert!(seen.contains(settings), "{door}: {seen}");
            }
            _ => {}
        }
    }
    // What says otherwise is overruled.
    for said in ["auto", "legacy"] {
        let payload = format!("{{\"sdk\":{{\"settings\":{{\"infer_ip\":\"{said}\"}}}}}}");
        let seen = sent(&proxy, &mut upstream, "event", &payload).await;
        assert!(
            seen.contains("\"infer_ip\":\"never\"") && !seen.contains(said),
            "{seen}"
        );
    }
    // The doors of HTTP.
    for name in [
        "cf-connecting-ip",
        "x-vercel-forwarded-for",
        "x-sentry-forwarded-for",
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "fastly-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "via",
    ] {
        assert_eq!(
            proxy
                .post_with(&[(name, IP)], support::envelope())
                .await
                .status,
            200
        );
        let seen = all_of(&upstream.received.recv().await.unwrap());
        assert!(
            !seen.contains(IP) && !seen.contains(name),
            "the header {name}: {seen}"
        );
    }
    // The doors of an envelope's header, and of what an SDK copied from baggage.
    for member in [
        r#""forwarded_for":"203.0.113.9""#,
        r#""remote_addr":"203.0.113.9""#,
        r#""trace":{"trace_id":"00112233445566778899aabbccddeeff","client_ip":"203.0.113.9","user_id":"ip:203.0.113.9"}"#,
    ] {
        let envelope =
            format!("{{\"event_id\":\"{ID}\",{member}}}\n{{\"type\":\"event\"}}\n{{}}\n");
        assert_eq!(proxy.post(envelope.into_bytes()).await.status, 200);
        let seen = all_of(&upstream.received.recv().await.unwrap());
        assert!(!seen.contains(IP), "{member}: {seen}");
    }
    // Other routes.
    for (path, payload) in [
        (
            "store",
            r#"{"user":{"ip_address":"203.0.113.9"},"request":{"env":{"REMOTE_ADDR":"203.0.113.9"}}}"#,
        ),
        (
            "nel",
            r#"[{"type":"network-error","body":{"server_ip":"203.0.113.9"}}]"#,
        ),
    ] {
        let headers = [
            ("x-sentry-auth", AUTH),
            ("content-type", "application/json"),
        ];
        let path = format!("/api/1/{path}/?sentry_client=x");
        let answer = request(proxy.address, "POST", &path, &headers, payload.as_bytes()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let seen = all_of(&upstream.received.recv().await.unwrap());
        assert!(!seen.contains(IP), "{path}: {seen}");
    }
}

#[tokio::test]
async fn no_cookies() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    for payload in [
        r#"{"request":{"cookies":"sid=s3cr3t; theme=s3cr3t"}}"#,
        r#"{"request":{"cookies":{"sid":"s3cr3t"}}}"#,
        r#"{"request":{"cookies":[["sid","s3cr3t"]]}}"#,
        r#"{"request":{"headers":{"Cookie":"sid=s3cr3t"}}}"#,
        r#"{"request":{"env":{"HTTP_COOKIE":"sid=s3cr3t"}}}"#,
        r#"{"contexts":{"response":{"headers":{"Set-Cookie":"sid=s3cr3t; Path=/"},"cookies":{"sid":"s3cr3t"}}}}"#,
        r#"{"message":"Cookie: sid=s3cr3t; theme=s3cr3t"}"#,
    ] {
        let seen = sent(&proxy, &mut upstream, "event", payload).await;
        assert!(!seen.contains("s3cr3t"), "{payload}: {seen}");
    }
    proxy
        .post_with(&[("cookie", "sid=s3cr3t")], support::envelope())
        .await;
    let seen = all_of(&upstream.received.recv().await.unwrap());
    assert!(
        !seen.contains("s3cr3t") && !seen.contains("cookie"),
        "{seen}"
    );
}

#[tokio::test]
async fn no_body() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    for payload in [
        r#"{"request":{"data":"a note of ours"}}"#,
        r#"{"request":{"data":{"note":"a note of ours"}}}"#,
        r#"{"request":{"data":["a note of ours"]}}"#,
        r#"{"sentry.interfaces.Http":{"data":"a note of ours"}}"#,
        r#"{"contexts":{"response":{"data":"a note of ours"}}}"#,
        r#"{"breadcrumbs":[{"data":{"request_body":"a note of ours","response_body":"a note of ours"}}]}"#,
        r#"{"contexts":{"trace":{"data":{"http.request.body.data":"a note of ours"}}}}"#,
    ] {
        let seen = sent(&proxy, &mut upstream, "event", payload).await;
        assert!(!seen.contains("a note of ours"), "{payload}: {seen}");
    }
}

#[tokio::test]
async fn no_replay() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let replay = b"{\"segment_id\":0}\n[{\"type\":2,\"data\":\"screen\"}]";
    for item_type in [
        "replay_event",
        "replay_recording",
        "replay_video",
        "replay_recording_not_chunked",
    ] {
        let mut envelope = format!(
            "{{\"event_id\":\"{ID}\"}}\n{{\"type\":\"{item_type}\",\"length\":{}}}\n",
            replay.len()
        )
        .into_bytes();
        envelope.extend_from_slice(replay);
        envelope.extend_from_slice(
            b"\n{\"type\":\"event\"}\n{\"contexts\":{\"replay\":{\"replay_id\":\"0f0f\"}}}\n",
        );
        assert_eq!(proxy.post(envelope).await.status, 200);
        let seen = all_of(&upstream.received.recv().await.unwrap());
        assert!(
            !seen.contains("screen") && !seen.contains("0f0f") && !seen.contains(item_type),
            "{item_type}: {seen}"
        );
    }
}

/// A DSN that may come in through the tunnel.
const DSN: &str = "https://0123456789abcdef0123456789abcdef@o1.ingest.de.sentry.io/42";

#[tokio::test]
async fn no_browser_traces() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("tunnel.dsns", DSN)]).await;
    let trace = r#"{"trace_id":"00112233445566778899aabbccddeeff","sample_rand":"0.0","sample_rate":"1.0"}"#;
    let of = |items: &str| {
        format!("{{\"event_id\":\"{ID}\",\"dsn\":\"{DSN}\",\"trace\":{trace}}}\n{items}")
            .into_bytes()
    };
    for item_type in ["transaction", "span", "profile", "profile_chunk"] {
        let item = format!("{{\"type\":\"{item_type}\"}}\n{{\"transaction\":\"/checkout\"}}\n");
        // Alone, it does not leave at all.
        assert_eq!(
            request(proxy.address, "POST", "/tunnel", &[], of(&item))
                .await
                .status,
            200
        );
        assert!(upstream.received.try_recv().is_err(), "{item_type}");
        // With an error, the error leaves.
        let with_error = format!("{item}{{\"type\":\"event\"}}\n{{\"message\":\"hello\"}}\n");
        assert_eq!(
            request(proxy.address, "POST", "/tunnel", &[], of(&with_error))
                .await
                .status,
            200
        );
        let seen = all_of(&upstream.received.recv().await.unwrap());
        assert!(
            seen.contains("hello") && !seen.contains("/checkout"),
            "{item_type}: {seen}"
        );
        // And the collector knows what it did not get.
        assert!(
            seen.contains("\"discarded_events\":[{\"reason\":\"event_processor\""),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn a_hundred_requests_a_minute_per_ip() {
    let upstream = Upstream::start().await;
    let settings = [
        ("tunnel.dsns", DSN),
        // As many at once as in a minute, so that nothing has to be waited for.
        ("tunnel.limit.burst", "100"),
        ("server.trusted_proxies", "127.0.0.0/8"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let envelope = format!("{{\"dsn\":\"{DSN}\"}}\n{{\"type\":\"event\"}}\n{{}}\n").into_bytes();
    let from = async |address: &str| {
        let headers = [("x-forwarded-for", address)];
        request(proxy.address, "POST", "/tunnel", &headers, envelope.clone()).await
    };
    let mut passed = 0;
    let refused = loop {
        let answer = from(IP).await;
        match answer.status.as_u16() {
            200 => passed += 1,
            _ => break answer,
        }
        assert!(passed < 1000, "there is no limit");
    };
    // A slow machine earns one more every 0.6 seconds.
    assert!(passed >= 100, "{passed}");
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains_key("retry-after"));
    assert!(refused.headers.contains_key("x-sentry-rate-limits"));
    // Nobody else pays for it.
    assert_eq!(from("198.51.100.7").await.status, 200);
}

#[test]
fn no_browser_traces_by_the_gate() {
    let policy = Policy::builtin("sentry-eu").unwrap();
    let gate = policy.gate(Ingress::Tunnel);
    for item_type in ["transaction", "span", "profile", "profile_chunk"] {
        let envelope = format!(
            "{{\"trace\":{{\"trace_id\":\"00112233445566778899aabbccddeeff\",\"sample_rand\":\"0.0\",\"sample_rate\":\"1.0\"}}}}\n\
             {{\"type\":\"{item_type}\"}}\n{{}}\n"
        );
        let scrubber = Scrubber::new(policy.plan(), Format::Envelope, &Limits::default());
        let mut scrubber = scrubber.gated(Arc::clone(&gate));
        let mut output = Output::new();
        scrubber.push(Bytes::from(envelope), &mut output).unwrap();
        scrubber.finish(&mut output).unwrap();
        assert_eq!(scrubber.report().forwarded_items(), 0, "{item_type}");
    }
}

/// The full count, over 100,000 traces and by all ways in, is in `gate.rs`.
#[tokio::test]
async fn ten_percent_of_server_traces_by_trace() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let mut kept = 0;
    for number in 0..400u32 {
        let trace = format!("{:032x}", u128::from(number) << 96 | u128::from(number));
        let mut left = Vec::new();
        for item_type in ["transaction", "profile", "span"] {
            let envelope = format!(
                "{{\"trace\":{{\"trace_id\":\"{trace}\"}}}}\n{{\"type\":\"{item_type}\"}}\n{{}}\n"
            );
            assert_eq!(proxy.post(envelope.into_bytes()).await.status, 200);
            left.push(upstream.received.try_recv().is_ok());
        }
        assert!(left == [true; 3] || left == [false; 3], "{trace}: {left:?}");
        kept += u32::from(left[0]);
    }
    // Four standard deviations.
    assert!((16..=64).contains(&kept), "{kept} of 400");
}

/// What may be made of a user's address instead of nothing.
#[tokio::test]
async fn an_ip_is_removed_truncated_or_hashed_into_the_users_id() {
    let mut upstream = Upstream::start().await;
    let key = std::env::temp_dir().join(format!("scrubline-{}-ip-key", std::process::id()));
    std::fs::write(&key, "a key that nobody knows").unwrap();
    let reference = format!("file:{}", key.display());
    let user = |seen: &str| {
        let (_, behind) = seen.split_once("{\"user\":").unwrap();
        let end = behind.find(",\"sdk\"").unwrap();
        behind[..end].to_owned()
    };
    // The user, and what becomes of it by each mode; `#` is a hash.
    let cases = [
        (
            r#"{"ip_address":"203.0.113.9"}"#,
            r#"{"ip_address":"203.0.113.0"}"#,
            r##"{"ip_address":null,"id":"#"}"##,
        ),
        (
            r#"{"id":"42","ip_address":"203.0.113.9"}"#,
            r#"{"id":"42","ip_address":"203.0.113.0"}"#,
            r#"{"id":"42","ip_address":null}"#,
        ),
        (
            r#"{"ip_address":"203.0.113.9","id":"42"}"#,
            r#"{"ip_address":"203.0.113.0","id":"42"}"#,
            r#"{"ip_address":null,"id":"42"}"#,
        ),
        (
            r#"{"ip_address":"2001:db8:1:2::9","x":1}"#,
            r#"{"ip_address":"2001:db8:1::","x":1}"#,
            r##"{"ip_address":null,"x":1,"id":"#"}"##,
        ),
        (
            r#"{"ip_address":"::ffff:203.0.113.9"}"#,
            r#"{"ip_address":"203.0.113.0"}"#,
            r##"{"ip_address":null,"id":"#"}"##,
        ),
        (
            r#"{"ip_address":"{{auto}}"}"#,
            r#"{"ip_address":null}"#,
            r#"{"ip_address":null}"#,
        ),
        (
            r#"{"ip_address":"203.0.113.9 or so"}"#,
            r#"{"ip_address":null}"#,
            r#"{"ip_address":null}"#,
        ),
        (
            r#"{"ip_address":["203.0.113.9"]}"#,
            r#"{"ip_address":null}"#,
            r#"{"ip_address":null}"#,
        ),
        (
            r#"{"ip_address":3405803785}"#,
            r#"{"ip_address":null}"#,
            r#"{"ip_address":null}"#,
        ),
        (
            r#"{"ip_address":null}"#,
            r#"{"ip_address":null}"#,
            r#"{"ip_address":null}"#,
        ),
    ];
    let start = |mode| {
        let settings = [("policy.ip", mode), ("policy.hash_key", reference.as_str())];
        let url = upstream.url();
        async move { Proxy::start(&url, &settings).await }
    };
    let (remove, truncate, hash) = (
        start("remove").await,
        start("truncate").await,
        start("hash").await,
    );
    let mut hashes = Vec::new();
    for (came, truncated, hashed) in cases {
        let event = format!("{{\"user\":{came}}}");
        let seen = user(&sent(&remove, &mut upstream, "event", &event).await);
        assert!(seen.contains("\"ip_address\":null"), "{came}: {seen}");
        let seen = user(&sent(&truncate, &mut upstream, "event", &event).await);
        assert_eq!(seen, truncated, "{came}");
        let seen = user(&sent(&hash, &mut upstream, "event", &event).await);
        let plain = match seen.find("[hash:x") {
            Some(at) => {
                hashes.push(seen[at..at + 24].to_owned());
                seen.replace(&seen[at..at + 24], "#")
            }
            None => seen,
        };
        assert_eq!(plain, hashed, "{came}");
    }
    // The same address is the same user, however it is spelt.
    assert_eq!(hashes[0], hashes[2]);
    assert_ne!(hashes[0], hashes[1]);
    std::fs::remove_file(key).unwrap();
    // No key, no hash.
    let loader = Loader::default()
        .no_file()
        .flag("upstream.url", "http://127.0.0.1:1")
        .flag("policy.ip", "hash");
    let problems = loader.load().unwrap().config.load_policy().unwrap_err();
    assert!(problems[0].contains("set policy.hash_key"), "{problems:?}");
}
