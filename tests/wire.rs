//! The bytes of requests, as nobody's library would write them: each case of `wire/requests.jsonl` is sent as it stands, a character for a byte,
//! and says which answers come back. (What hyper refuses by itself is answered without a body.) Whatever is refused ends its connection, and nothing of it gets to the collector.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

mod support;

use serde_json::Value;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, read from a connection.
#[derive(Debug)]
struct Raw {
    status: u64,
    head: String,
    body: String,
}

impl Raw {
    fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next()
    }
}

/// The next answer; none if the connection ends.
async fn answer(socket: &mut TcpStream) -> Option<Raw> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut raw = Raw {
        status,
        head,
        body: String::new(),
    };
    let length = raw
        .header("content-length")
        .map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.unwrap();
    raw.body = String::from_utf8(body).unwrap();
    Some(raw)
}

async fn send(proxy: &Proxy, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(proxy.address).await.unwrap();
    // A refusal may come before all of it is written.
    let _ = socket.write_all(&wire_bytes(text)).await;
    socket
}

#[tokio::test]
async fn requests_that_could_be_read_in_two_ways_are_refused() {
    let lines = include_str!("wire/requests.jsonl").lines();
    // At a time, each with a proxy of its own: a connection that is refused is read on for a moment.
    let cases: Vec<_> = lines.map(|line| tokio::spawn(try_case(line))).collect();
    for case in cases {
        case.await.unwrap();
    }
}

async fn try_case(line: &str) {
    let case: Value = serde_json::from_str(line).unwrap();
    let name = case["name"].as_str().unwrap();
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let mut socket = send(&proxy, case["bytes"].as_str().unwrap()).await;
    let mut last = None;
    for expected in case["status"].as_array().unwrap() {
        let raw = answer(&mut socket).await;
        let raw = raw.unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(raw.status, *expected, "{name}: {}{}", raw.head, raw.body);
        if raw.status == 200 {
            let received = upstream.received.recv().await.unwrap();
            assert_eq!(received.target, "/api/1/envelope/", "{name}");
            assert_eq!(received.header("x-sentry-auth"), Some(AUTH), "{name}");
            assert!(received.headers.get("upgrade").is_none(), "{name}");
        }
        last = Some(raw);
    }
    let last = last.unwrap();
    if let Some(detail) = case["detail"].as_str() {
        assert!(last.body.contains(detail), "{name}: {}", last.body);
    }
    if last.status >= 400 {
        // Nothing behind it is taken for a request.
        assert!(answer(&mut socket).await.is_none(), "{name}: it goes on");
    }
    assert!(
        upstream.received.try_recv().is_err(),
        "{name}: more than was answered"
    );
}

/// The client sends its body when it is told to, and not at all where it need not.
#[tokio::test]
async fn who_expects_to_be_told_is_told() {
    let mut upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            envelope().len()
        )
    };
    let mut socket = send(&proxy, &head("/api/1/envelope/")).await;
    assert_eq!(answer(&mut socket).await.unwrap().status, 100);
    socket.write_all(&envelope()).await.unwrap();
    assert_eq!(answer(&mut socket).await.unwrap().status, 200);
    upstream.received.recv().await.unwrap();
    // Refused by its head: there is no 100, and the connection, on which a body may or may not follow, ends.
    let mut socket = send(&proxy, &head("/api/1/nothing/")).await;
    let raw = answer(&mut socket).await.unwrap();
    assert_eq!(raw.status, 404, "{}", raw.head);
    assert!(answer(&mut socket).await.is_none());
}

/// A connection too many is told so, and then there is place again.
#[tokio::test]
async fn one_connection_too_many_is_told_when_to_come_back() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("limits.connections", "1")]).await;
    let request = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nContent-Length: {}\r\n\r\n{}",
        envelope().len(),
        String::from_utf8(envelope()).unwrap()
    );
    let mut first = send(&proxy, &request).await;
    assert_eq!(answer(&mut first).await.unwrap().status, 200);
    let mut second = send(&proxy, &request).await;
    let raw = answer(&mut second).await.unwrap();
    assert_eq!((raw.status, raw.header("retry-after")), (503, Some("1")));
    assert!(raw.body.contains("limits.connections"), "{}", raw.body);
    assert!(answer(&mut second).await.is_none());
    drop(first);
    // The end of the first is noticed at some moment.
    let patience = std::time::Instant::now();
    loop {
        let mut third = send(&proxy, &request).await;
        match answer(&mut third).await.unwrap().status {
            200 => break,
            status => assert_eq!(status, 503),
        }
        assert!(
            patience.elapsed().as_secs() < 20,
            "there is never place again"
        );
    }
    let metrics = proxy.ask("/metrics").await.body;
    assert!(
        metrics.contains("scrubline_connection_errors_total{reason=\"crowded\"}"),
        "{metrics}"
    );
}

/// A client has so many connections, and somebody else has others. The load balancer speaks for many.
#[tokio::test]
async fn one_client_may_not_have_all_connections() {
    let upstream = Upstream::start().await;
    let request = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nContent-Length: {}\r\n\r\n{}",
        envelope().len(),
        String::from_utf8(envelope()).unwrap()
    );
    for (settings, statuses) in [
        (vec![("server.connections_per_ip", "2")], [200, 200, 429]),
        (vec![("server.connections_per_ip", "0")], [200, 200, 200]),
        (vec![], [200, 200, 200]),
        (
            vec![
                ("server.connections_per_ip", "2"),
                ("server.trusted_proxies", "127.0.0.1"),
            ],
            [200, 200, 200],
        ),
        // Both limits: who is one too many of a client takes no place from all.
        (
            vec![
                ("server.connections_per_ip", "1"),
                ("limits.connections", "1"),
            ],
            [200, 429, 429],
        ),
    ] {
        let proxy = Proxy::start(&upstream.url(), &settings).await;
        let mut open = Vec::new();
        for (number, status) in statuses.into_iter().enumerate() {
            let mut socket = send(&proxy, &request).await;
            let raw = answer(&mut socket).await.unwrap();
            assert_eq!(raw.status, status, "{settings:?}, {number}: {}", raw.body);
            if status == 429 {
                assert_eq!(raw.header("retry-after"), Some("1"));
                assert_eq!(
                    raw.header("x-sentry-rate-limits"),
                    Some("1::key:client_limit")
                );
                assert!(
                    raw.body.contains("server.connections_per_ip"),
                    "{}",
                    raw.body
                );
            }
            open.push(socket);
        }
        // Of this machine, 127.0.0.2 is another client.
        let other = tokio::net::TcpSocket::new_v4().unwrap();
        other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut other = other.connect(proxy.address).await.unwrap();
        other.write_all(request.as_bytes()).await.unwrap();
        let is_full = settings.iter().any(|(key, _)| *key == "limits.connections");
        let status = answer(&mut other).await.unwrap().status;
        assert_eq!(status, if is_full { 503 } else { 200 }, "{settings:?}");
        if statuses[2] != 429 {
            continue;
        }
        // With the first connection its place is free, once its end has been noticed.
        open.remove(0);
        let mut again = answer(&mut send(&proxy, &request).await).await.unwrap();
        while again.status == 429 {
            again = answer(&mut send(&proxy, &request).await).await.unwrap();
        }
        let metrics = proxy.ask("/metrics").await.body;
        let counted = "scrubline_connection_errors_total{reason=\"crowded_client\"}";
        assert!(metrics.contains(counted), "{metrics}");
    }
}

/// Clients that send slowly take no place from those who don't: more of them than there are places, and an ordinary one is served.
#[tokio::test]
async fn slow_bodies_take_no_places() {
    let upstream = Upstream::start().await;
    let settings = [("limits.in_flight", "1"), ("limits.waiting", "9")];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let begun = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"
    );
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut socket = send(&proxy, &begun).await;
        // From here on it is waited for.
        assert_eq!(answer(&mut socket).await.unwrap().status, 100);
        socket.write_all(b"{\"event_id\":").await.unwrap();
        slow.push(socket);
    }
    assert_eq!(proxy.post(envelope()).await.status, 200);
    // There is an end to that too.
    let mut socket = send(&proxy, &begun).await;
    assert_eq!(answer(&mut socket).await.unwrap().status, 100);
    let refused = proxy.post(envelope()).await;
    assert_eq!(refused.status, 503);
    assert!(
        refused.detail().contains("limits.waiting"),
        "{}",
        refused.body
    );
    assert_eq!(refused.headers["retry-after"], "1");
}

/// A body that comes, but hardly: each byte is in time, and all together are too slow.
#[tokio::test]
async fn a_body_has_to_bring_something() {
    let upstream = Upstream::start().await;
    let settings = [
        ("server.body_timeout", "300ms"),
        ("server.body_rate", "1GiB"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let head = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nContent-Length: 1000\r\n\r\n"
    );
    let mut socket = send(&proxy, &head).await;
    let (mut reading, mut writing) = socket.split();
    let drips = async {
        let mut pause = tokio::time::interval(std::time::Duration::from_millis(100));
        loop {
            pause.tick().await;
            if writing.write_all(b" ").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut status = [0; 12];
    tokio::select! {
        _ = reading.read_exact(&mut status) => {}
        () = drips => {}
    }
    assert_eq!(&status, b"HTTP/1.1 408");
    assert_eq!(upstream.connections(), 0);
}

/// A connection without a request ends, and one that was told to go on does not.
#[tokio::test]
async fn idle_connections_are_closed_and_busy_ones_are_not() {
    let held = std::sync::Arc::new(tokio::sync::Notify::new());
    let release = std::sync::Arc::clone(&held);
    let upstream = Upstream::with(move |_| {
        let held = std::sync::Arc::clone(&held);
        async move {
            held.notified().await;
            http::Response::new(http_body_util::Full::default())
        }
    })
    .await;
    let proxy = Proxy::start(&upstream.url(), &[("server.idle_timeout", "200ms")]).await;
    let request = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nContent-Length: {}\r\n\r\n{}",
        envelope().len(),
        String::from_utf8(envelope()).unwrap()
    );
    let mut busy = send(&proxy, &request).await;
    let mut idle = send(&proxy, "GET / HTTP/1.1\r\nHost: proxy\r\n\r\n").await;
    assert_eq!(answer(&mut idle).await.unwrap().status, 404);
    assert!(answer(&mut idle).await.is_none());
    // It has been there for longer.
    release.notify_one();
    assert_eq!(answer(&mut busy).await.unwrap().status, 200);
}

/// A client that does not read its answers is given up, however many it asks for.
#[tokio::test]
async fn answers_have_to_be_read() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("server.write_timeout", "200ms")]).await;
    let mut socket = TcpStream::connect(proxy.address).await.unwrap();
    let request = "GET /nothing HTTP/1.1\r\nHost: proxy\r\n\r\n".repeat(100);
    // The buffers between us fill; then nobody reads what we write.
    while socket.write_all(request.as_bytes()).await.is_ok() {}
    // It is counted when the connection has ended.
    let counted = "scrubline_connection_errors_total{reason=\"broken\"} 1";
    let patience = std::time::Instant::now();
    while !proxy.ask("/metrics").await.body.contains(counted) {
        assert!(patience.elapsed().as_secs() < 20, "it is never counted");
    }
}

const NOTHING: &str = "GET /nothing HTTP/1.1\r\nHost: proxy\r\n\r\n";
/// Longer than a connection stays in hyper on which nothing is asked.
const REST: std::time::Duration = std::time::Duration::from_millis(600);

/// A connection on which nothing was asked for a while is as good as before: requests are answered, also behind empty lines and together, and
/// their heads are judged.
#[tokio::test]
async fn connections_rest_and_go_on() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let request = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nContent-Length: {}\r\n\r\n{}",
        envelope().len(),
        String::from_utf8(envelope()).unwrap()
    );
    let behind_empty_lines = format!("\r\n\r\n{request}{NOTHING}");
    let refused = "GET / HTTP/1.1\r\nHost: proxy\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n";
    let mut socket = send(&proxy, &request).await;
    assert_eq!(answer(&mut socket).await.unwrap().status, 200);
    for (text, statuses) in [
        ("\r\n", vec![]),
        (&behind_empty_lines, vec![200, 404]),
        (NOTHING, vec![404]),
        (&request, vec![200]),
        (refused, vec![400]),
    ] {
        tokio::time::sleep(REST).await;
        socket.write_all(text.as_bytes()).await.unwrap();
        for status in statuses {
            assert_eq!(answer(&mut socket).await.unwrap().status, status);
        }
    }
    assert!(answer(&mut socket).await.is_none());
    assert_eq!(upstream.connections(), 1);
}

/// What bounds a connection bounds it at rest, too: how long it may be idle, however often it brings empty lines, and how long a head may take.
#[tokio::test]
async fn connections_at_rest_have_an_end() {
    let upstream = Upstream::start().await;
    let settings = [
        ("server.idle_timeout", "1500ms"),
        ("server.head_timeout", "400ms"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let idle = async {
        let mut socket = send(&proxy, NOTHING).await;
        assert_eq!(answer(&mut socket).await.unwrap().status, 404);
        let since = std::time::Instant::now();
        while since.elapsed() < 20 * REST {
            let ended = tokio::time::timeout(REST, socket.read_u8()).await;
            if ended.is_ok() || socket.write_all(b"\r\n").await.is_err() {
                break;
            }
        }
        assert!(since.elapsed() < 10 * REST, "it stays");
    };
    let slow = async {
        let mut socket = send(&proxy, NOTHING).await;
        assert_eq!(answer(&mut socket).await.unwrap().status, 404);
        tokio::time::sleep(REST).await;
        let since = std::time::Instant::now();
        socket.write_all(b"GET /no").await.unwrap();
        assert!(answer(&mut socket).await.is_none());
        assert!(since.elapsed() < 2 * REST, "it stays");
    };
    tokio::join!(idle, slow);
    let counted = "scrubline_connection_errors_total{reason=\"head_timeout\"} 1";
    assert!(proxy.ask("/metrics").await.body.contains(counted));
}

/// Connections at rest count for their client, and end at once when the program is to end.
#[tokio::test]
async fn connections_at_rest_count_and_end_with_the_program() {
    let upstream = Upstream::start().await;
    let settings = [("server.connections_per_ip", "2")];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let mut sockets = Vec::new();
    for status in [404, 404, 429] {
        let mut socket = send(&proxy, NOTHING).await;
        assert_eq!(answer(&mut socket).await.unwrap().status, status);
        tokio::time::sleep(REST).await;
        sockets.push(socket);
    }
    // Who was told that there is no place may take a while.
    drop(sockets.pop());
    proxy.shutdown.drain();
    assert!(answer(&mut sockets[0]).await.is_none());
    assert!(answer(&mut sockets[1]).await.is_none());
    let ended = tokio::time::timeout(REST, proxy.running).await;
    assert_eq!(ended.unwrap().unwrap(), scrubline::proxy::Ended::Drained);
}
