//! The tunnel from outside: who may come in, what pages of other origins may do, which key goes on, how much is too much.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

mod support;

use serde_json::{Value, json};
use support::*;

const SETTINGS: [(&str, &str); 3] = [
    (
        "tunnel.dsns",
        "https://0123456789abcdef0123456789abcdef@o1.ingest.de.sentry.io/42,https://0123456789abcdef0123456789abcdef@self.example/sentry/7",
    ),
    (
        "tunnel.origins",
        "https://app.example,http://localhost:3000",
    ),
    ("tunnel.limit.burst", "1000"),
];
const DSN: &str = "https://0123456789abcdef0123456789abcdef@o1.ingest.de.sentry.io/42";

/// An envelope with this first line, and an error in it.
fn error(head: &Value) -> Vec<u8> {
    format!(
        "{head}\n{{\"type\":\"event\"}}\n{}\n",
        json!({"message": "m", "extra": {"password": "hunter2"}})
    )
    .into_bytes()
}

fn with_dsn(dsn: &str) -> Vec<u8> {
    error(&json!({"event_id": ID, "dsn": dsn}))
}

async fn post(proxy: &Proxy, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    request(proxy.address, "POST", "/tunnel", headers, body).await
}

/// The first line of what the collector got.
fn first_line(received: &Received) -> Value {
    let plain = received.plain();
    let line = plain.split(|byte| *byte == b'\n').next().unwrap();
    serde_json::from_slice(line).unwrap()
}

#[tokio::test]
async fn the_first_line_decides() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &SETTINGS).await;
    for line in include_str!("tunnel/admission.jsonl").lines() {
        let case: Value = serde_json::from_str(&line.replace("KEY", KEY)).unwrap();
        let name = case["name"].as_str().unwrap();
        let body = match case["raw"].as_str() {
            Some(raw) => raw.as_bytes().to_vec(),
            None => {
                let mut head = case["head"].clone();
                head["event_id"] = ID.into();
                error(&head)
            }
        };
        let headers: Vec<(&str, &str)> = case["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .chain(
                [("content-type", "text/plain;charset=UTF-8")]
                    .into_iter()
                    .filter(|_| case["headers"].get("content-type").is_none()),
            )
            .collect();
        let method = case["method"].as_str().unwrap_or("POST");
        let target = case["target"].as_str().unwrap();
        let answer = request(proxy.address, method, target, &headers, body).await;
        assert_eq!(
            answer.status.as_u16(),
            case["status"],
            "{name}: {}",
            answer.body
        );
        assert_eq!(answer.headers["content-type"], "application/json", "{name}");
        if let Some(project) = case["project"].as_str() {
            assert_eq!(answer.body, format!("{{\"id\":\"{ID}\"}}"), "{name}");
            let received = upstream.received.recv().await.unwrap();
            assert_eq!(
                received.target,
                format!("/api/{project}/envelope/"),
                "{name}"
            );
            let auth = received.header("x-sentry-auth").unwrap();
            assert_eq!(
                auth,
                format!("Sentry sentry_version=7, sentry_key={KEY}"),
                "{name}"
            );
            assert_eq!(received.header("authorization"), None, "{name}");
            let text = String::from_utf8(received.plain()).unwrap();
            assert!(!text.contains("hunter2"), "{name}: {text}");
        } else {
            let detail = case["detail"].as_str().unwrap();
            assert!(answer.detail().contains(detail), "{name}: {}", answer.body);
            assert!(upstream.received.try_recv().is_err(), "{name}");
        }
    }
}

#[tokio::test]
async fn without_dsns_and_projects_there_is_no_tunnel() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let answer = post(&proxy, &[], with_dsn(DSN)).await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    let detail = answer.detail();
    assert!(
        detail.starts_with("there is no tunnel; ") && detail.contains("tunnel.dsns"),
        "{detail}"
    );
    assert_eq!(upstream.connections(), 0);
}

/// A wrong DSN is refused when the beginning is there; the rest need not come.
#[tokio::test]
async fn nothing_behind_a_wrong_first_line_is_waited_for() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &SETTINGS).await;
    let (chunks, body) = tokio::sync::mpsc::channel(1);
    let foreign = DSN.replace("o1.", "o2.");
    let mut start = format!("{{\"dsn\":\"{foreign}\"}}\n").into_bytes();
    start.extend(large_start(20_000));
    chunks.send(start).await.unwrap();
    let answer = request(proxy.address, "POST", "/tunnel", &[], body).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    drop(chunks);
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn pages_of_listed_origins_may_post_and_read() {
    let upstream = Upstream::answering(|| {
        http::Response::builder()
            .status(429)
            .header("retry-after", "7")
            .header("x-sentry-rate-limits", "7:error:key")
            .body("{}")
            .unwrap()
    })
    .await;
    let proxy = Proxy::start(&upstream.url(), &SETTINGS).await;
    let asks = ("access-control-request-method", "POST");
    for (origin, listed) in [
        ("https://app.example", true),
        ("http://localhost:3000", true),
        ("http://app.example", false),
        ("https://app.example:8443", false),
        ("https://app.example.evil.example", false),
        ("null", false),
    ] {
        let preflight = [("origin", origin), asks];
        let answer = request(proxy.address, "OPTIONS", "/tunnel", &preflight, Vec::new()).await;
        assert_eq!(answer.status, if listed { 204 } else { 403 }, "{origin}");
        assert_eq!(answer.headers["vary"], "Origin", "{origin}");
        let allowed = answer.headers.get("access-control-allow-origin");
        assert_eq!(
            allowed.map(|it| it.to_str().unwrap()),
            listed.then_some(origin)
        );
        if listed {
            assert_eq!(answer.headers["access-control-allow-methods"], "POST");
            let headers = answer.headers["access-control-allow-headers"]
                .to_str()
                .unwrap();
            assert!(headers.contains("content-type"), "{headers}");
        }

        // What the collector says of its limits can be read, and so can a refusal of ours.
        for (body, status) in [(with_dsn(DSN), 429), (with_dsn("https://a@b/1"), 403)] {
            let headers = [("origin", origin), ("sec-fetch-site", "cross-site")];
            let answer = post(&proxy, &headers, body).await;
            let status = if listed { status } else { 403 };
            assert_eq!(answer.status, status, "{origin}: {}", answer.body);
            let allowed = answer.headers.get("access-control-allow-origin");
            assert_eq!(
                allowed.map(|it| it.to_str().unwrap()),
                listed.then_some(origin)
            );
            if listed {
                let exposed = answer.headers["access-control-expose-headers"]
                    .to_str()
                    .unwrap();
                for name in ["x-sentry-rate-limits", "retry-after", "x-sentry-error"] {
                    assert!(exposed.contains(name), "{exposed}");
                }
            } else {
                assert!(
                    answer.detail().contains("tunnel.origins"),
                    "{}",
                    answer.body
                );
            }
        }
    }
    // Old browsers, and all of them towards hosts that are not secure, don't say where the page is from; its origin does.
    for origin in ["https://evil.example", "null", "https://app.example.evil"] {
        let answer = post(&proxy, &[("origin", origin)], with_dsn(DSN)).await;
        assert_eq!(answer.status, 403, "{origin}: {}", answer.body);
    }
    // A page of the tunnel's own origin has one too, and need not be listed.
    for itself in ["https://proxy", "http://PROXY:80"] {
        let answer = post(&proxy, &[("origin", itself)], with_dsn(DSN)).await;
        assert_eq!(answer.status, 429, "{itself}: {}", answer.body);
    }
    let own = [
        ("origin", "https://own.example"),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(post(&proxy, &own, with_dsn(DSN)).await.status, 429);
}

#[tokio::test]
async fn a_preflight_that_can_be_read_in_two_ways_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let upstream = Upstream::start().await;
    let settings = [SETTINGS[0], ("tunnel.origins", "https://app.example")];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    for (flaw, status) in [
        ("host: a\r\n", "204"),
        ("host: a\r\nhost: b\r\n", "400"),
        ("", "400"),
        (
            "host: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n",
            "400",
        ),
        ("host: a\r\ntransfer-encoding: gzip, chunked\r\n", "400"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(proxy.address).await.unwrap();
        let head = format!(
            "OPTIONS /tunnel HTTP/1.1\r\norigin: https://app.example\r\naccess-control-request-method: POST\r\n{flaw}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(
            std::str::from_utf8(&answer).unwrap(),
            format!("HTTP/1.1 {status}"),
            "{flaw:?}"
        );
    }
}

#[tokio::test]
async fn a_star_lets_pages_of_any_origin_in() {
    let upstream = Upstream::start().await;
    let settings = [SETTINGS[0], ("tunnel.origins", "*")];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let headers = [
        ("origin", "https://anybody.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let answer = post(&proxy, &headers, with_dsn(DSN)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert!(answer.headers.get("vary").is_none());
}

const PUBLIC: &str = "00000000000000000000000000000001";
const OTHER: &str = "00000000000000000000000000000002";
const REAL: &str = "feedfacefeedfacefeedfacefeedface";

async fn rekeying(upstream: &Upstream) -> Proxy {
    let real = temporary(format!("{REAL}\n").as_bytes());
    let other = temporary(b"decafbaddecafbaddecafbaddecafbad");
    let text = format!(
        r#"
        [[projects]]
        public = "{PUBLIC}"
        id = 1
        upstream_key = "file:{}"
        [[projects]]
        public = "{OTHER}"
        id = 2
        upstream_key = "file:{}"
        [secrets]
        files = ["{}"]
        "#,
        real.display(),
        other.display(),
        real.display()
    );
    let proxy = Proxy::configured(&upstream.url(), &text).await;
    std::fs::remove_file(real).unwrap();
    std::fs::remove_file(other).unwrap();
    proxy
}

/// The browser's key opens the gate and nothing else; the collector's own takes its place wherever a collector looks.
#[tokio::test]
async fn the_key_of_a_project_does_not_come_back() {
    let upstream = Upstream::answering(|| {
        http::Response::builder()
            .status(403)
            .header(
                "x-sentry-error",
                "unknown key feedfacefeedfacefeedfacefeedface",
            )
            .header(
                "x-sentry-rate-limits",
                "60:error:feedfacefeedfacefeedfacefeedface",
            )
            .body("{\"detail\":\"bad key feedfacefeedfacefeedfacefeedface of 1\"}")
            .unwrap()
    })
    .await;
    let proxy = rekeying(&upstream).await;
    let head = json!({"event_id": ID, "dsn": format!("https://{PUBLIC}@anything.example/1")});
    let answer = request(proxy.address, "POST", "/tunnel", &[], error(&head)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.detail(), format!("bad key {PUBLIC} of 1"));
    let told = [
        ("x-sentry-error", format!("unknown key {PUBLIC}")),
        ("x-sentry-rate-limits", format!("60:error:{PUBLIC}")),
    ];
    for (name, value) in told {
        assert_eq!(answer.headers[name], value);
    }
}

#[tokio::test]
async fn the_key_of_a_project_is_replaced_on_the_way() {
    let mut upstream = Upstream::start().await;
    let proxy = rekeying(&upstream).await;
    let head = json!({
        "event_id": ID,
        "dsn": format!("https://{PUBLIC}@anything.example/1"),
        "sdk": {"name": "x", "packages": [{"name": "p", "dsn": "dsnx", "public_key": "public_keyx"}]},
        "trace": {"trace_id": ID, "public_key": OTHER, "sample_rate": "1"},
    });
    let auth = format!("Sentry sentry_key={PUBLIC}, sentry_version=7");
    for (target, headers) in [
        ("/tunnel", vec![]),
        ("/api/1/envelope/", vec![("x-sentry-auth", auth.as_str())]),
        ("/api/1/envelope/", vec![]),
    ] {
        let answer = request(proxy.address, "POST", target, &headers, error(&head)).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        assert_eq!(received.target, "/api/1/envelope/");
        assert_eq!(
            received.header("x-sentry-auth").unwrap(),
            format!("Sentry sentry_version=7, sentry_key={REAL}")
        );
        let head = first_line(&received);
        assert_eq!(head["dsn"], format!("https://{REAL}@anything.example/1"));
        // The trace began in another project, which has a key of its own.
        assert_eq!(
            head["trace"]["public_key"],
            "decafbaddecafbaddecafbaddecafbad"
        );
        assert_eq!(head["trace"]["trace_id"], ID);
        let package = &head["sdk"]["packages"][0];
        assert_eq!(package["dsn"], "dsnx");
        assert_eq!(package["public_key"], "public_keyx");
        let text = String::from_utf8(received.plain()).unwrap();
        assert!(!text.contains(PUBLIC), "{text}");
    }
    // A route without an envelope.
    let store = [("x-sentry-auth", auth.as_str())];
    let body = b"{\"message\":\"m\"}".as_slice();
    let answer = request(proxy.address, "POST", "/api/1/store/", &store, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let received = upstream.received.recv().await.unwrap();
    assert!(received.header("x-sentry-auth").unwrap().ends_with(REAL));
}

#[tokio::test]
async fn a_key_is_good_for_its_own_project_and_others_go_as_they_are() {
    let mut upstream = Upstream::start().await;
    let proxy = rekeying(&upstream).await;
    let of = |key: &str, project: &str| {
        error(&json!({"dsn": format!("https://{key}@x.example/{project}")}))
    };
    assert_eq!(post(&proxy, &[], of(PUBLIC, "2")).await.status, 403);
    // The real one opens nothing here.
    assert_eq!(post(&proxy, &[], of(REAL, "1")).await.status, 403);
    let answer = request(
        proxy.address,
        "POST",
        "/api/2/envelope/",
        &[],
        of(PUBLIC, "2"),
    )
    .await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(
        answer.detail().contains("another project"),
        "{}",
        answer.body
    );
    // At the sidecar, a project that is not listed keeps its key.
    let answer = request(proxy.address, "POST", "/api/3/envelope/", &[], of(KEY, "3")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let received = upstream.received.recv().await.unwrap();
    assert!(received.header("x-sentry-auth").unwrap().ends_with(KEY));
    assert_eq!(
        first_line(&received)["dsn"],
        format!("https://{KEY}@x.example/3")
    );
    assert!(upstream.received.try_recv().is_err());
}

/// Who asks in another way than SDKs do has no more requests than they.
#[tokio::test]
async fn requests_that_are_refused_count_too() {
    let upstream = Upstream::start().await;
    let limit = [
        ("tunnel.limit.per_ip_per_minute", "1"),
        ("tunnel.limit.burst", "2"),
    ];
    for (method, target, headers, status) in [
        ("GET", "/tunnel", vec![], 405),
        ("PUT", "/tunnel/", vec![], 405),
        ("POST", "/tunnel?p=x", vec![], 400),
        (
            "POST",
            "/tunnel",
            vec![("origin", "https://evil.example")],
            403,
        ),
    ] {
        let settings = [SETTINGS[0], limit[0], limit[1]];
        let proxy = Proxy::start(&upstream.url(), &settings).await;
        for status in [status, status, 429, 429] {
            let answer = request(proxy.address, method, target, &headers, Vec::new()).await;
            assert_eq!(answer.status, status, "{method} {target}: {}", answer.body);
        }
        // Elsewhere there are no such limits.
        let answer = request(proxy.address, "GET", "/elsewhere", &[], Vec::new()).await;
        assert_eq!(answer.status, 404);
    }
    assert_eq!(upstream.connections(), 0);
}

/// Seed policy: a client is held back by a 429 that SDKs understand.
#[tokio::test]
async fn one_request_too_many_is_answered_as_a_collector_would() {
    let mut upstream = Upstream::start().await;
    let settings = [
        SETTINGS[0],
        ("tunnel.limit.per_ip_per_minute", "1"),
        ("tunnel.limit.burst", "2"),
        ("server.trusted_proxies", "127.0.0.1"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    for _ in 0..2 {
        assert_eq!(
            post(&proxy, &from("203.0.113.9"), with_dsn(DSN))
                .await
                .status,
            200
        );
        upstream.received.recv().await.unwrap();
    }
    let answer = post(&proxy, &from("203.0.113.9"), with_dsn(DSN)).await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    let seconds: u64 = answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(
        answer.headers["x-sentry-rate-limits"],
        format!("{seconds}::key:client_limit")
    );
    assert!(
        answer.detail().contains("tunnel.limit.per_ip_per_minute"),
        "{}",
        answer.body
    );
    // What the client says of itself changes nothing; another client is another.
    let forged = post(&proxy, &from("198.51.100.1, 203.0.113.9"), with_dsn(DSN)).await;
    assert_eq!(forged.status, 429);
    assert_eq!(
        post(&proxy, &from("203.0.113.10"), with_dsn(DSN))
            .await
            .status,
        200
    );
    upstream.received.recv().await.unwrap();
    assert!(upstream.received.try_recv().is_err());
    // The sidecar is not for everybody, and not limited.
    for _ in 0..5 {
        assert_eq!(proxy.post(envelope()).await.status, 200);
    }
}

#[tokio::test]
async fn a_project_has_a_limit_whatever_its_dsns() {
    let upstream = Upstream::start().await;
    let other = "https://ffffffffffffffffffffffffffffffff@o1.ingest.de.sentry.io/42";
    let dsns = format!("{DSN},{other},https://{KEY}@x.example/43");
    let settings = [
        ("tunnel.dsns", dsns.as_str()),
        ("tunnel.limit.per_project_per_minute", "2"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    assert_eq!(post(&proxy, &[], with_dsn(DSN)).await.status, 200);
    assert_eq!(post(&proxy, &[], with_dsn(other)).await.status, 200);
    let answer = post(&proxy, &[], with_dsn(DSN)).await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    let limits = answer.headers["x-sentry-rate-limits"].to_str().unwrap();
    assert!(limits.ends_with("::project:project_limit"), "{limits}");
    let third = with_dsn(&format!("https://{KEY}@x.example/43"));
    assert_eq!(post(&proxy, &[], third).await.status, 200);
}

/// An address that the internet reaches has no door for servers, in whatever spelling they ask for it.
#[tokio::test]
async fn where_only_browsers_are_served_servers_are_not() {
    let mut upstream = Upstream::start().await;
    let settings = [SETTINGS[0], ("server.serves", "browsers")];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let auth = [("x-sentry-auth", AUTH)];
    for path in [
        "/api/42/envelope/",
        "/api/42/store/",
        "/api/42/minidump/",
        "/api/42/security/",
        "/api/42/nel/",
        "/api/42/integration/otlp/v1/traces",
        "/api/42/cron/nightly/",
        "/",
    ] {
        let answer = request(proxy.address, "POST", path, &auth, with_dsn(DSN)).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert!(answer.detail().contains("server.serves"), "{}", answer.body);
    }
    assert_eq!(upstream.connections(), 0);
    assert_eq!(post(&proxy, &[], with_dsn(DSN)).await.status, 200);
    upstream.received.recv().await.unwrap();

    let loader = scrubline::config::Loader::default().no_file();
    let loader = loader
        .flag("upstream.url", "http://x")
        .flag("server.serves", "browsers");
    let told = loader.load().unwrap_err().to_string();
    assert!(told.contains("tunnel.dsns"), "{told}");
}
