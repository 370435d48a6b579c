//! A large envelope streams through the program: its memory stays small, and the first scrubbed bytes arrive early.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    missing_docs
)]

#[path = "support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use support::{AUTH, Upstream, request};
use tokio::sync::mpsc;

/// 100 MB of decoded envelope.
const ENVELOPE_BYTES: u64 = 100_000_000;
/// What the program may hold above its idle size, in bytes.
const MEMORY_BYTES: u64 = 40_000_000;

/// The program, ended with this value.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// A line of the kernel's account of its memory, in bytes.
    fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let row = status.lines().find(|row| row.starts_with(line)).unwrap();
        let kilobytes: u64 = row.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes * 1024
    }
}

/// Starts the program before an upstream; gives it with the address that it says it listens on.
fn start(upstream: &str) -> (Program, std::net::SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .args([
            "serve",
            "--set",
            "policy.server.traces_sample_rate=1",
            "--upstream",
            upstream,
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
        ])
        .args(["--set", "log.format=json"])
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().expect("the program ended").unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        if let Some(address) = said
            .pointer("/fields/address")
            .or_else(|| said.get("address"))
        {
            break address.as_str().unwrap().parse().unwrap();
        }
    };
    std::thread::spawn(move || lines.for_each(drop));
    (Program(child), address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_envelope_streams_in_little_memory() {
    let sent = Arc::new(AtomicU64::new(0));
    let arrived_at = Arc::new(AtomicU64::new(0));
    let arrived = Arc::new(AtomicU64::new(0));
    let upstream = {
        let (sent, arrived_at, arrived) = (
            Arc::clone(&sent),
            Arc::clone(&arrived_at),
            Arc::clone(&arrived),
        );
        Upstream::with(move |request| {
            let (sent, arrived_at, arrived) = (
                Arc::clone(&sent),
                Arc::clone(&arrived_at),
                Arc::clone(&arrived),
            );
            async move {
                let mut body = request.into_body();
                while let Some(frame) = body.frame().await {
                    if let Ok(data) = frame.unwrap().into_data() {
                        let _ = arrived_at.compare_exchange(
                            0,
                            sent.load(Ordering::SeqCst).max(1),
                            Ordering::SeqCst,
                            Ordering::SeqCst,
                        );
                        arrived.fetch_add(data.len() as u64, Ordering::SeqCst);
                    }
                }
                Response::new(Full::new(Bytes::from_static(b"{}")))
            }
        })
        .await
    };
    let (program, address) = start(&upstream.url());
    // One small request first: what a first request allocates once is idle size.
    let small = request(
        address,
        "POST",
        "/api/1/envelope/",
        &[("x-sentry-auth", AUTH)],
        support::envelope(),
    )
    .await;
    assert_eq!(small.status, 200);
    arrived_at.store(0, Ordering::SeqCst);
    arrived.store(0, Ordering::SeqCst);
    let idle = program.memory("VmRSS");

    let (chunks, receiver) = mpsc::channel(1);
    let counter = Arc::clone(&sent);
    let feed = tokio::spawn(async move {
        let mut item = String::from("{\"type\":\"transaction\"}\n{\"spans\":[0");
        for index in 0..400 {
            item.push_str(&format!(
                ",{{\"description\":\"GET https://a.eu/x?page={index}&token=0123456789abcdef\",\"data\":{{\"n\":{index}}}}}"
            ));
        }
        item.push_str("]}\n");
        chunks.send(b"{}\n".to_vec()).await.unwrap();
        while counter.load(Ordering::SeqCst) < ENVELOPE_BYTES {
            chunks.send(item.clone().into_bytes()).await.unwrap();
            counter.fetch_add(item.len() as u64, Ordering::SeqCst);
        }
    });
    let answer = request(
        address,
        "POST",
        "/api/1/envelope/",
        &[("x-sentry-auth", AUTH)],
        receiver,
    )
    .await;
    feed.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let early = arrived_at.load(Ordering::SeqCst);
    assert!(
        early < ENVELOPE_BYTES / 2,
        "the first bytes arrived after {early} bytes were sent"
    );
    assert!(arrived.load(Ordering::SeqCst) > 0);
    let peak = program.memory("VmHWM");
    println!("idle {idle}, peak {peak}, first bytes after {early}");
    assert!(peak - idle < MEMORY_BYTES, "idle {idle}, peak {peak}");
}
