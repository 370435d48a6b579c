//! A collector that has been taken over: whatever it answers, the client gets one answer of ours, with nothing in it but what SDKs act on.
//! Each case of `wire/answers.jsonl` is what it says on its connection, a character for a byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

mod support;

use std::sync::{Arc, Mutex};

use serde_json::Value;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Headers that an answer of ours may have here.
const OURS: [&str; 6] = [
    "content-type",
    "content-length",
    "date",
    "retry-after",
    "x-sentry-rate-limits",
    "x-sentry-error",
];

/// Reads one request to its end.
async fn read_request(socket: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.lines().next().unwrap().parse().unwrap();
    socket.read_exact(&mut vec![0; length]).await.unwrap();
    true
}

/// A collector that answers each request with the bytes of the moment, on a connection of its own.
async fn saying(what: Arc<Mutex<Vec<u8>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let what = Arc::clone(&what);
            tokio::spawn(async move {
                if read_request(&mut socket).await {
                    let bytes = what.lock().unwrap().clone();
                    let _ = socket.write_all(&bytes).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn whatever_the_collector_says_the_client_gets_one_clean_answer() {
    let what = Arc::new(Mutex::new(Vec::new()));
    let proxy = Proxy::start(&saying(Arc::clone(&what)).await, &[]).await;
    for line in include_str!("wire/answers.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap();
        *what.lock().unwrap() = wire_bytes(case["bytes"].as_str().unwrap());
        // Read raw, so that a second answer behind the first would be seen.
        let mut socket = TcpStream::connect(proxy.address).await.unwrap();
        let head = format!(
            "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\nX-Sentry-Auth: {AUTH}\r\nContent-Length: {}\r\n\r\n",
            envelope().len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&envelope()).await.unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).await.unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        assert_eq!(status, case["status"].to_string(), "{name}: {said}");
        for line in lines {
            let (header, value) = line.split_once(": ").unwrap();
            let ours = OURS.contains(&header) || line == "connection: close";
            assert!(ours, "{name}: {line}");
            if header == "content-length" {
                assert_eq!(value, body.len().to_string(), "{name}: {said}");
            }
            if header == "content-type" {
                assert_eq!(value, "application/json", "{name}");
            }
        }
        if status == "204" {
            assert_eq!(body, "", "{name}");
            continue;
        }
        let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{name}: {said}"));
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        match case["id"].as_bool() {
            Some(true) => assert_eq!(body["id"], ID, "{name}"),
            _ if status.starts_with('2') => assert!(keys.is_empty(), "{name}: {body}"),
            _ => assert_eq!(keys, ["detail"], "{name}"),
        }
    }
}

/// What stands behind an answer on a connection that is kept is not taken for the answer to the next request.
#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    let other = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let one =
        |id: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n{{\"id\":\"{id}\"}}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let both = format!("{}{}", one(ID), one(other));
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let both = both.clone();
            tokio::spawn(async move {
                while read_request(&mut socket).await {
                    let _ = socket.write_all(both.as_bytes()).await;
                }
            });
        }
    });
    let proxy = Proxy::start(&url, &[]).await;
    for _ in 0..20 {
        let answer = proxy.post(envelope()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.contains(ID), "{}", answer.body);
    }
}

/// A collector that never comes to its answer.
#[tokio::test]
async fn early_hints_without_end_are_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                read_request(&mut socket).await;
                while socket
                    .write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                    .await
                    .is_ok()
                {}
            });
        }
    });
    let proxy = Proxy::start(&url, &[("upstream.response_timeout", "300ms")]).await;
    let answer = proxy.post(envelope()).await;
    assert_eq!(answer.status, 504, "{}", answer.body);
}
