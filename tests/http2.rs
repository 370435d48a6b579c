//! What an HTTP/2 client may not do, frame by frame: no library would send these. Each is a known way to keep a server busy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

#[path = "support/frames.rs"]
mod frames;
mod support;

use frames::*;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;
/// No code: the connection ended before one could be read.
const ENDED: u32 = u32::MAX;

fn head(method: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let usual = [
        (":method", method),
        (":scheme", "http"),
        (":path", "/api/1/envelope/"),
        (":authority", "proxy"),
    ];
    let all = usual.iter().chain(more);
    all.flat_map(|(name, value)| literal(name, value)).collect()
}

struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The error code of RST_STREAM or GOAWAY.
    fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

struct Client {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
}

impl Client {
    async fn connect(proxy: &Proxy) -> Client {
        let socket = TcpStream::connect(proxy.address).await.unwrap();
        let (reading, mut writing) = socket.into_split();
        writing.write_all(PREFACE).await.unwrap();
        writing
            .write_all(&frame(SETTINGS, 0, 0, &[]))
            .await
            .unwrap();
        Client { reading, writing }
    }

    async fn send(&mut self, bytes: &[u8]) {
        // The other side may have had enough before all is written; what it said is read then.
        let _ = self.writing.write_all(bytes).await;
    }

    /// The next frame; none once the connection has ended.
    async fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.reading.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.reading.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind: head[3],
            stream: u32::from_be_bytes(head[5..9].try_into().unwrap()),
            payload,
        })
    }

    /// Reads until the connection is given up: why, or nothing if it simply ended.
    async fn goaway(&mut self) -> Option<u32> {
        while let Some(frame) = self.frame().await {
            if frame.kind == GOAWAY {
                return Some(frame.code());
            }
        }
        None
    }

    /// The status with which a stream is answered, or the code with which it, or the connection, is given up.
    async fn status(&mut self, stream: u32) -> Result<String, u32> {
        loop {
            let Some(frame) = self.frame().await else {
                return Err(ENDED);
            };
            match frame.kind {
                // Statuses of the static table (RFC 7541, A), or a literal with its name from there.
                HEADERS if frame.stream == stream => {
                    return Ok(match frame.payload[0] {
                        0x88 => "200".to_owned(),
                        0x8C => "400".to_owned(),
                        0x8D => "404".to_owned(),
                        0x48 => huffman_status(&frame.payload[1..]),
                        other => panic!("status as {other:x}"),
                    });
                }
                RST_STREAM if frame.stream == stream => return Err(frame.code()),
                GOAWAY if frame.code() != 0 => return Err(frame.code()),
                _ => {}
            }
        }
    }
}

/// Digits in HPACK's Huffman code (RFC 7541, B): `0` to `2` have five bits, `3` to `9` six.
fn huffman_status(field: &[u8]) -> String {
    assert_eq!(field[0] & 0x80, 0x80);
    let bytes = &field[1..=usize::from(field[0] & 0x7F)];
    let mut bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let mut status = String::new();
    while status.len() < 3 {
        let mut code = bits.by_ref().take(5).fold(0, |code, bit| code << 1 | bit);
        if code > 2 {
            code = code << 1 | bits.next().unwrap();
            code -= 0x19 - 3;
        }
        status.push(char::from(b'0' + code));
    }
    status
}

async fn proxy() -> (Upstream, Proxy) {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    (upstream, proxy)
}

/// A connection that was given up takes nobody else with it.
async fn others_are_served(proxy: &Proxy) {
    assert_eq!(proxy.post(envelope()).await.status, 200);
}

/// Rapid reset (CVE-2023-44487): streams that are opened and taken back at once.
#[tokio::test]
async fn streams_taken_back_before_they_were_looked_at_end_the_connection() {
    let (upstream, proxy) = proxy().await;
    let mut client = Client::connect(&proxy).await;
    let mut bytes = Vec::new();
    for n in 0..1000 {
        let stream = 2 * n + 1;
        bytes.extend(frame(HEADERS, END_HEADERS, stream, &head("POST", &[])));
        bytes.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
    }
    client.send(&bytes).await;
    assert_eq!(client.goaway().await, Some(ENHANCE_YOUR_CALM));
    assert_eq!(upstream.connections(), 0);
    others_are_served(&proxy).await;
}

/// Made you reset (CVE-2025-8671): the client makes mistakes for which the server resets its own streams.
#[tokio::test]
async fn streams_that_we_have_to_reset_end_the_connection() {
    let (upstream, proxy) = proxy().await;
    let mut client = Client::connect(&proxy).await;
    let mut bytes = Vec::new();
    for n in 0..1000 {
        let stream = 2 * n + 1;
        bytes.extend(frame(HEADERS, END_HEADERS, stream, &head("POST", &[])));
        bytes.extend(frame(WINDOW_UPDATE, 0, stream, &0u32.to_be_bytes()));
    }
    client.send(&bytes).await;
    assert!(matches!(client.goaway().await, Some(code) if code != 0));
    assert_eq!(upstream.connections(), 0);
    others_are_served(&proxy).await;
}

/// CONTINUATION flood (CVE-2024-27316): a head that never ends.
#[tokio::test]
async fn heads_without_an_end_end_the_connection() {
    let (upstream, proxy) = proxy().await;
    let mut client = Client::connect(&proxy).await;
    client.send(&frame(HEADERS, 0, 1, &head("POST", &[]))).await;
    let more = literal("x-a", &"a".repeat(4000));
    for _ in 0..1000 {
        client.send(&frame(CONTINUATION, 0, 1, &more)).await;
    }
    assert!(matches!(client.goaway().await, Some(code) if code != 0));
    assert_eq!(upstream.connections(), 0);
    others_are_served(&proxy).await;
}

/// The same with empty frames, which no limit of bytes stops.
#[tokio::test]
async fn nor_with_empty_frames() {
    let (_upstream, proxy) = proxy().await;
    let mut client = Client::connect(&proxy).await;
    client.send(&frame(HEADERS, 0, 1, &head("POST", &[]))).await;
    client
        .send(&frame(CONTINUATION, 0, 1, &[]).repeat(100_000))
        .await;
    assert!(matches!(client.goaway().await, Some(code) if code != 0));
    others_are_served(&proxy).await;
}

/// A small head that HPACK's table blows up: one long value, named again and again by one byte.
#[tokio::test]
async fn heads_that_expand_beyond_the_limit_are_refused() {
    let (upstream, proxy) = proxy().await;
    let mut client = Client::connect(&proxy).await;
    let mut block = head("POST", &[]);
    let mut entry = literal("x-a", &"a".repeat(3900));
    // With incremental indexing (RFC 7541, 6.2.1); then by its index, the first of the dynamic table.
    entry[0] = 0x40;
    block.extend(entry);
    block.extend([0x80 | 62].repeat(4000));
    client
        .send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block))
        .await;
    match client.status(1).await {
        Ok(status) => assert_eq!(status, "431"),
        Err(code) => assert_ne!(code, 0),
    }
    assert_eq!(upstream.connections(), 0);
    others_are_served(&proxy).await;
}

/// A table that the client wants larger than we grant.
#[tokio::test]
async fn the_table_of_headers_has_an_end() {
    let (_upstream, proxy) = proxy().await;
    let mut client = Client::connect(&proxy).await;
    // Dynamic table size update to 2^20 (RFC 7541, 6.3).
    let mut block = vec![0x3F, 0xE1, 0xFF, 0x3F];
    block.extend(head("POST", &[]));
    client
        .send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block))
        .await;
    assert!(matches!(client.goaway().await, Some(code) if code != 0));
    others_are_served(&proxy).await;
}

#[tokio::test]
async fn heads_that_http1_would_be_refused_for_are_refused() {
    let (upstream, proxy) = proxy().await;
    let many: Vec<(String, String)> = (0..101).map(|n| (format!("x-{n}"), "1".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    for (name, more, status) in [
        ("101 headers", many.as_slice(), "431"),
        ("another host", &[("host", "elsewhere.example")], "400"),
        ("two hosts", &[("host", "proxy"), ("host", "proxy")], "400"),
        ("another Expect", &[("expect", "200-ok")], "417"),
    ] {
        let mut client = Client::connect(&proxy).await;
        let head = head("POST", more);
        client
            .send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head))
            .await;
        assert_eq!(client.status(1).await.as_deref(), Ok(status), "{name}");
    }
    // These h2 itself does not let pass.
    for (name, more) in [
        ("Transfer-Encoding", [("transfer-encoding", "chunked")]),
        ("Connection", [("connection", "close")]),
        ("Upgrade", [("upgrade", "websocket")]),
        ("a length that is none", [("content-length", "+5")]),
        ("a name in capitals", [("X-A", "b")]),
        ("a line end in a value", [("x-a", "b\r\nx-b: c")]),
    ] {
        let mut client = Client::connect(&proxy).await;
        let head = head("POST", &more);
        client
            .send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head))
            .await;
        assert!(client.status(1).await.is_err(), "{name}");
    }
    assert_eq!(upstream.connections(), 0);
}

/// A length that the frames don't keep.
#[tokio::test]
async fn a_length_has_to_be_kept() {
    let (upstream, proxy) = proxy().await;
    for body in ["{}", "{}\n{}"] {
        let mut client = Client::connect(&proxy).await;
        let head = head("POST", &[("content-length", "3"), ("x-sentry-auth", AUTH)]);
        client.send(&frame(HEADERS, END_HEADERS, 1, &head)).await;
        client
            .send(&frame(DATA, END_STREAM, 1, body.as_bytes()))
            .await;
        match client.status(1).await {
            Ok(status) => assert_eq!(status, "400"),
            Err(code) => assert_ne!(code, 0),
        }
    }
    assert_eq!(upstream.connections(), 0);
}

/// One stream too many on a connection is refused; the others are not.
#[tokio::test]
async fn streams_at_a_time_are_limited() {
    const REFUSED_STREAM: u32 = 7;
    let (_upstream, proxy) = proxy().await;
    let mut client = Client::connect(&proxy).await;
    let head = head("POST", &[("x-sentry-auth", AUTH)]);
    for n in 0..65 {
        client
            .send(&frame(HEADERS, END_HEADERS, 2 * n + 1, &head))
            .await;
    }
    assert_eq!(client.status(129).await, Err(REFUSED_STREAM));
    client.send(&frame(DATA, END_STREAM, 1, &envelope())).await;
    assert_eq!(client.status(1).await.as_deref(), Ok("200"));
}
