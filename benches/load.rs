//! What crowds do to an ordinary client: `cargo bench --bench load` starts `scrubline serve` and a collector, and measures the requests of one
//! client that behaves, alone and then beside 1,000 that hold a connection open and say nothing and 200 that send their bodies drop by drop.
//! It prints the times; it judges nothing. The goal is a 95th percentile below 100 ms.
//!
//! With `--test` it does the same with a few clients, once, to see that it works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a script: it prints, and what goes wrong ends it"
)]

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

const AUTH: &str = "Sentry sentry_version=7, sentry_key=0123456789abcdef0123456789abcdef";
/// Between two requests of the ordinary client.
const ASK_EVERY: Duration = Duration::from_millis(10);
/// Between two drops of a slow client: more than `server.body_rate` asks for, so that it may go on as long as it likes.
const DROP_EVERY: Duration = Duration::from_millis(100);
const DROP: [u8; 128] = [b' '; 128];

struct Size {
    idle: usize,
    slow: usize,
    requests: usize,
}

const FULL: Size = Size {
    idle: 1000,
    slow: 200,
    requests: 1000,
};
const SMALL: Size = Size {
    idle: 10,
    slow: 5,
    requests: 10,
};

#[tokio::main]
async fn main() {
    let size = match std::env::args().any(|argument| argument == "--test") {
        true => SMALL,
        false => FULL,
    };
    let most = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let (_program, proxy) = start(collector().await).await;

    let alone = ordinary(proxy, size.requests).await;
    told("alone", alone);

    let idle = Arc::new(AtomicUsize::new(0));
    let slow = Arc::new(AtomicUsize::new(0));
    for _ in 0..size.idle {
        tokio::spawn(be_idle(proxy, Arc::clone(&idle)));
    }
    for n in 0..size.slow {
        // Half of them send enough at first to take a place among `limits.in_flight`.
        let begin = if n % 2 == 0 { 0 } else { 20 << 10 };
        tokio::spawn(be_slow(proxy, begin, Arc::clone(&slow)));
    }
    while idle.load(Ordering::Relaxed) < size.idle || slow.load(Ordering::Relaxed) < size.slow {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let beside = ordinary(proxy, size.requests).await;
    // The crowd is still there, or the measure is of nothing.
    let crowd = (idle.load(Ordering::Relaxed), slow.load(Ordering::Relaxed));
    assert_eq!(crowd, (size.idle, size.slow));
    told(
        &format!("beside {} idle and {} slow clients", size.idle, size.slow),
        beside,
    );
}

fn told(when: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{when}: {} requests, all answered 200; ms: median {:.2}, p95 {:.2}, p99 {:.2}, worst {:.2}",
        times.len(),
        milliseconds(at(50)),
        milliseconds(at(95)),
        milliseconds(at(99)),
        milliseconds(at(100)),
    );
}

/// A collector that takes everything.
async fn collector() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut socket = BufReader::new(socket);
                while let Some(length) = read_head(&mut socket).await {
                    socket.read_exact(&mut vec![0; length]).await.unwrap();
                    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
                    socket.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

/// The program, and where it listens.
async fn start(collector: SocketAddr) -> (Child, SocketAddr) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .args(["serve", "--upstream", &format!("http://{collector}")])
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(["--set", "log.format=json"])
        // All clients come from this machine.
        .args(["--set", "server.connections_per_ip=0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("it did not start");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if let Some(address) = line["fields"]["address"]
            .as_str()
            .or(line["address"].as_str())
        {
            break address.parse().unwrap();
        }
    };
    // Its log has to go somewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (program, address)
}

/// The content length that a head says; nothing if the connection ends.
async fn read_head(socket: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            return Some(length);
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
}

/// One client that behaves: an event at a time, on one connection, at an even pace.
async fn ordinary(proxy: SocketAddr, requests: usize) -> Vec<Duration> {
    let frames: Vec<_> = (0..30)
        .map(|n| serde_json::json!({"filename": "app.py", "lineno": n, "vars": {"password": "hunter2", "page": n}}))
        .collect();
    let event = serde_json::json!({
        "message": "the till is out of paper",
        "exception": {"values": [{"type": "E", "value": "x", "stacktrace": {"frames": frames}}]},
    });
    let body = format!(
        "{{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}}\n{{\"type\":\"event\"}}\n{event}\n"
    );
    let request = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let socket = TcpStream::connect(proxy).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let mut socket = BufReader::new(socket);
    let mut times = Vec::new();
    let mut pace = tokio::time::interval(ASK_EVERY);
    for _ in 0..requests {
        pace.tick().await;
        let began = Instant::now();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut status = String::new();
        socket.read_line(&mut status).await.unwrap();
        assert!(status.contains(" 200 "), "{status}");
        let length = read_head(&mut socket).await.unwrap();
        socket.read_exact(&mut vec![0; length]).await.unwrap();
        times.push(began.elapsed());
    }
    times
}

/// Asks once, for what there is not, and then holds its connection open; a new one when that is closed.
async fn be_idle(proxy: SocketAddr, there: Arc<AtomicUsize>) {
    loop {
        let mut socket = BufReader::new(TcpStream::connect(proxy).await.unwrap());
        let request = b"GET /nothing HTTP/1.1\r\nHost: proxy\r\n\r\n";
        socket.write_all(request).await.unwrap();
        let length = read_head(&mut socket).await.unwrap();
        socket.read_exact(&mut vec![0; length]).await.unwrap();
        there.fetch_add(1, Ordering::Relaxed);
        let _ = socket.read_u8().await;
        there.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends a large body drop by drop, after so many bytes of it, and begins anew when it is given up.
async fn be_slow(proxy: SocketAddr, begin: usize, there: Arc<AtomicUsize>) {
    let head = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nX-Sentry-Auth: {AUTH}\r\nContent-Length: 1000000\r\n\r\n{{}}\n{{\"type\":\"session\"}}\n"
    );
    loop {
        let mut socket = TcpStream::connect(proxy).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&vec![b' '; begin]).await.unwrap();
        there.fetch_add(1, Ordering::Relaxed);
        while socket.write_all(&DROP).await.is_ok() {
            tokio::time::sleep(DROP_EVERY).await;
        }
        there.fetch_sub(1, Ordering::Relaxed);
    }
}
