//! The real `@sentry/browser`, and the SDKs of React, Vue and Next.js, in a real Chromium, on a page of another origin than the tunnel's, and a
//! collector that keeps what it gets.
//!
//! Chromium is the system's (Debian: `chromium`); the rest is installed by `tests/peers/setup.sh`.

#![cfg(feature = "proxy")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use support::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// For anything a browser does: far above what it takes, so that only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(120);
/// No rule knows it by its look.
const CANARY: &str = "Qx93kdb7Zr51mw8T";

/// A browser on its page.
struct Page {
    child: Child,
    /// What the page saw.
    saw: Value,
}

impl Page {
    /// Does what the scenario says; the browser stays until the page is closed.
    async fn doing(scenario: &str, proxy: &Proxy, port: u16) -> Page {
        let root = env!("CARGO_MANIFEST_DIR");
        let mut child = Command::new("node")
            .arg(format!("{root}/tests/peers/browser.cjs"))
            .arg(scenario)
            .env(
                "NODE_PATH",
                format!("{root}/target/peers/node/node_modules"),
            )
            .env("PAGE_PORT", port.to_string())
            .env("TUNNEL", format!("http://{}/tunnel", proxy.address))
            .env("DSN", format!("https://{KEY}@o1.ingest.de.sentry.io/42"))
            .env("CANARY", CANARY)
            .env("WAIT_FOR_STDIN", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line
            .expect("the browser hangs")
            .unwrap()
            .expect("the browser failed");
        let saw = serde_json::from_str(&line).unwrap();
        Page { child, saw }
    }

    fn statuses(&self) -> Vec<u64> {
        let answers = self.saw["answers"].as_array().unwrap();
        answers
            .iter()
            .map(|status| status.as_u64().unwrap())
            .collect()
    }

    async fn close(mut self) {
        let mut stdin = self.child.stdin.take().unwrap();
        stdin.write_all(b"\n").await.unwrap();
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(ended.expect("the browser does not end").unwrap().success());
    }
}

/// A port for the page, which the tunnel has to know before there is one.
fn page_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn tunnel(upstream: &Upstream, port: u16, more: &[(&str, &str)]) -> Proxy {
    let dsn = format!("https://{KEY}@o1.ingest.de.sentry.io/42");
    let origin = format!("http://127.0.0.1:{port}");
    let mut settings = vec![("tunnel.dsns", dsn.as_str()), ("tunnel.origins", &origin)];
    settings.retain(|(key, _)| more.iter().all(|(other, _)| key != other));
    settings.extend(more);
    Proxy::start(&upstream.url(), &settings).await
}

/// The next envelope, as its items: type and payload.
async fn envelope_of(upstream: &mut Upstream) -> Vec<(String, String)> {
    let received = tokio::time::timeout(PATIENCE, upstream.received.recv()).await;
    let received = received.expect("nothing comes").unwrap();
    assert_eq!(received.target, "/api/42/envelope/");
    for (name, value) in &received.headers {
        let value = value.to_str().unwrap();
        assert!(!value.contains(CANARY), "{name}: {value}");
    }
    assert!(received.headers.get("cookie").is_none());
    assert!(received.headers.get("referer").is_none());
    let text = String::from_utf8(received.plain()).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    let mut lines = text.lines();
    lines.next().unwrap();
    let mut items = Vec::new();
    while let Some(header) = lines.next() {
        let header: Value = serde_json::from_str(header).unwrap();
        let kind = header["type"].as_str().unwrap().to_owned();
        items.push((kind, lines.next().unwrap_or_default().to_owned()));
    }
    items
}

/// The message of an event's exception.
fn message(payload: &str) -> String {
    let event: Value = serde_json::from_str(payload).unwrap();
    let message = &event["exception"]["values"][0]["value"];
    message
        .as_str()
        .unwrap_or_else(|| panic!("{payload}"))
        .to_owned()
}

/// Errors and feedback get to the collector, scrubbed; traces, profiles, replays and sessions, which the SDK sends too, do not.
#[tokio::test]
async fn errors_arrive_scrubbed_and_nothing_else_does() {
    let mut upstream = Upstream::start().await;
    let port = page_port();
    let mut proxy = tunnel(&upstream, port, &[]).await;
    let page = Page::doing("everything", &proxy, port).await;
    assert_eq!(page.saw["flushed"], true, "{}", page.saw);

    // The control: the SDK does send the others. They are left out here.
    let mut missing = BTreeSet::from([
        "session",
        "transaction",
        "profile",
        "replay_event",
        "replay_recording",
    ]);
    while !missing.is_empty() {
        let finished = tokio::time::timeout(PATIENCE, proxy.finished.recv()).await;
        let finished = finished.unwrap_or_else(|_| panic!("never sent: {missing:?}"));
        let report = finished.unwrap().report;
        let dropped = report
            .and_then(|report| report.dropped())
            .unwrap_or_default();
        missing.retain(|kind| !dropped.contains(*kind));
    }
    page.close().await;
    proxy.shutdown.drain();
    proxy.running.await.unwrap();

    let mut seen = BTreeSet::new();
    let mut error = None;
    while !upstream.received.is_empty() {
        for (kind, payload) in envelope_of(&mut upstream).await {
            if kind == "event" {
                error = Some(payload);
            }
            seen.insert(kind);
        }
    }
    assert!(seen.contains("feedback"), "{seen:?}");
    let allowed = ["client_report", "event", "feedback"].map(str::to_owned);
    assert!(seen.is_subset(&BTreeSet::from(allowed)), "{seen:?}");

    let event: Value = serde_json::from_str(&error.unwrap()).unwrap();
    let exception = &event["exception"]["values"][0];
    assert_eq!(exception["type"], "RangeError");
    assert_eq!(
        exception["value"],
        "the till is out of paper, token=[Filtered]"
    );
    assert!(exception["stacktrace"]["frames"].is_array());
    let url = event["request"]["url"].as_str().unwrap();
    assert_eq!(url, format!("http://127.0.0.1:{port}/?token=[Filtered]"));
    assert_eq!(event["extra"]["shop"]["branch"], "krakow");
}

/// The SDK reads the limit, though it is of another origin, and holds back.
#[tokio::test]
async fn a_429_is_honoured() {
    let mut upstream = Upstream::start().await;
    let port = page_port();
    let limits = [
        ("tunnel.limit.per_ip_per_minute", "1"),
        ("tunnel.limit.burst", "2"),
    ];
    let proxy = tunnel(&upstream, port, &limits).await;
    let page = Page::doing("limited", &proxy, port).await;
    // A session and the first error pass; of the other errors, one is refused, and the last is not even sent.
    let statuses = page.statuses();
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        1,
        "{}",
        page.saw
    );
    assert_eq!(statuses.last(), Some(&429), "{}", page.saw);
    page.close().await;
    for (kind, payload) in envelope_of(&mut upstream).await {
        if kind == "event" {
            assert_eq!(message(&payload), "error 1");
        }
    }
}

/// A page of an origin that is not listed: the browser does not let it read, and nothing is passed on.
#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let mut upstream = Upstream::start().await;
    let port = page_port();
    let other = [("tunnel.origins", "https://app.example")];
    let proxy = tunnel(&upstream, port, &other).await;
    let page = Page::doing("blocked", &proxy, port).await;
    assert!(
        page.statuses().iter().all(|status| *status == 403),
        "{}",
        page.saw
    );
    let console = page.saw["console"].to_string();
    assert!(console.contains("CORS policy"), "{console}");
    page.close().await;
    assert!(upstream.received.try_recv().is_err());
}

/// What is sent while the page goes away: by fetch with keepalive, and as a beacon.
#[tokio::test]
async fn what_a_page_says_when_it_goes_arrives() {
    let mut upstream = Upstream::start().await;
    let port = page_port();
    let proxy = tunnel(&upstream, port, &[]).await;
    let page = Page::doing("leaving", &proxy, port).await;
    let found = loop {
        let items = envelope_of(&mut upstream).await;
        if let Some((_, payload)) = items.iter().find(|(kind, _)| kind == "event") {
            break message(payload);
        }
    };
    assert_eq!(found, "leaving");
    page.close().await;

    let port = page_port();
    let proxy = tunnel(&upstream, port, &[]).await;
    let page = Page::doing("beacon", &proxy, port).await;
    assert_eq!(page.saw["sent"], true);
    let items = envelope_of(&mut upstream).await;
    assert!(items[0].1.contains("bye, token=[Filtered]"), "{items:?}");
    page.close().await;
}

/// The SDKs of frameworks catch what the framework catches, and have a tunnel too; that of Next.js makes its URL itself.
#[tokio::test]
async fn the_sdks_of_frameworks_send_through_the_tunnel() {
    for (framework, query, place, value) in [
        ("react", "", "/contexts/react/version", None),
        (
            "vue",
            "",
            "/contexts/vue/propsData",
            Some(json!({"password": "[Filtered]", "branch": "krakow"})),
        ),
        (
            "nextjs",
            "?o=1&p=42&r=de",
            "/sdk/name",
            Some(json!("sentry.javascript.nextjs")),
        ),
    ] {
        let mut upstream = Upstream::start().await;
        let port = page_port();
        let proxy = tunnel(&upstream, port, &[]).await;
        let page = Page::doing(framework, &proxy, port).await;
        assert_eq!(page.saw["flushed"], true, "{framework}: {}", page.saw);
        let urls = page.saw["urls"].as_array().unwrap();
        let tunnel = format!("http://{}/tunnel{query}", proxy.address);
        assert!(
            !urls.is_empty() && urls.iter().all(|url| *url == tunnel),
            "{}",
            page.saw
        );
        assert!(
            page.statuses().iter().all(|status| *status == 200),
            "{}",
            page.saw
        );
        let event = loop {
            let items = envelope_of(&mut upstream).await;
            if let Some((_, payload)) = items.iter().find(|(kind, _)| kind == "event") {
                break serde_json::from_str::<Value>(payload).unwrap();
            }
        };
        let thrown = event["exception"]["values"].as_array().unwrap();
        let message = "the till is out of paper, token=[Filtered]";
        assert!(
            thrown
                .iter()
                .any(|it| it["type"] == "RangeError" && it["value"] == message),
            "{framework}: {event}"
        );
        let found = event.pointer(place);
        assert!(
            found.is_some_and(|it| value.as_ref().is_none_or(|value| it == value)),
            "{framework}: {event}"
        );
        page.close().await;
    }
}

/// What happened without a network is sent when there is one.
#[tokio::test]
async fn what_was_kept_offline_arrives() {
    let mut upstream = Upstream::start().await;
    let port = page_port();
    let proxy = tunnel(&upstream, port, &[]).await;
    let page = Page::doing("offline", &proxy, port).await;
    let mut found = BTreeSet::new();
    while found.len() < 2 {
        let items = envelope_of(&mut upstream).await;
        let events = items.iter().filter(|(kind, _)| kind == "event");
        found.extend(events.map(|(_, payload)| message(payload)));
    }
    assert_eq!(
        found,
        BTreeSet::from(["in a tunnel".to_owned(), "out of the tunnel".to_owned()])
    );
    page.close().await;
}
