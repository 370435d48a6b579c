//! A collector that has been taken over: whatever it answers, the client gets one answer of ours, with nothing in it but what SDKs act on.
//! Each case of `wire/answers.jsonl` is what it says on its connection, a character for a byte; each of `wire/answers_http2.jsonl` the
//! frames that it says over TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/frames.rs"]
mod frames;
#[path = "support/program.rs"]
mod program;
mod support;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use certificates::Files;
use frames::*;
use program::Program;
use serde_json::Value;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio_rustls::server::TlsStream;

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
        is_clean(&case, &said);
    }
}

/// Whether this is the one answer that the client is to have, with nothing in it but what is ours.
fn is_clean(case: &Value, said: &str) {
    let name = case["name"].as_str().unwrap();
    let (head, body) = said
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{name}: {said}"));
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
        return;
    }
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{name}: {said}"));
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    match case["id"].as_bool() {
        Some(true) => assert_eq!(body["id"], ID, "{name}"),
        _ if status.starts_with('2') => assert!(keys.is_empty(), "{name}: {body}"),
        _ => assert_eq!(keys, ["detail"], "{name}"),
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

// ---------------------------------------------------------------------------------------------------- HTTP/2

/// The largest frame that may be sent to those who ask for no other.
const FRAME_BYTES: usize = 16 << 10;
const PROMISING: usize = 1 << 20;

type Socket = TlsStream<TcpStream>;

/// A collector that says the frames of the case of the moment, over TLS.
struct Framing {
    files: Files,
    port: u16,
    case: Arc<Mutex<Value>>,
    /// Connections that are open.
    open: watch::Sender<usize>,
    /// Connections on which all has been said.
    said: watch::Sender<usize>,
}

impl Framing {
    async fn start() -> Arc<Framing> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let framing = Arc::new(Framing {
            files: Files::new(),
            port: listener.local_addr().unwrap().port(),
            case: Arc::default(),
            open: watch::Sender::new(0),
            said: watch::Sender::new(0),
        });
        let acceptor = framing.files.acceptor(&["h2"]);
        let this = Arc::clone(&framing);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                this.open.send_modify(|open| *open += 1);
                let (acceptor, this) = (acceptor.clone(), Arc::clone(&this));
                tokio::spawn(async move {
                    if let Ok(socket) = acceptor.accept(socket).await {
                        let case = this.case.lock().unwrap().clone();
                        this.converse(socket, case).await;
                    }
                    this.open.send_modify(|open| *open -= 1);
                });
            }
        });
        framing
    }

    /// A proxy that trusts it.
    async fn trusted(&self, settings: &[&str]) -> Program {
        let url = format!("https://localhost:{}", self.port);
        let authority = temporary(self.files.authority().as_bytes());
        let environment = [("SSL_CERT_FILE", authority.to_str().unwrap())];
        let program = Program::start(&url, settings, &environment).await;
        std::fs::remove_file(&authority).unwrap();
        program
    }

    async fn converse(&self, socket: Socket, case: Value) {
        let (reading, mut writing) = tokio::io::split(socket);
        let (tell, asked) = oneshot::channel();
        let over = Arc::new(AtomicBool::new(false));
        let at_head = case["at"] == "head";
        let listening = tokio::spawn(listen(reading, at_head, tell, Arc::clone(&over)));
        let mut settings = Vec::new();
        // Room for all that is asked, unless the case has it otherwise.
        let room = serde_json::json!([[4, PROMISING]]);
        let own = case["settings"].as_array();
        for setting in room.as_array().into_iter().chain(own).flatten() {
            settings.extend(number(&setting[0]).to_be_bytes()[2..].iter());
            settings.extend(number(&setting[1]).to_be_bytes());
        }
        let mut greeting = frame(SETTINGS, 0, 0, &settings);
        greeting.extend(frame(SETTINGS, 1, 0, &[]));
        greeting.extend(frame(WINDOW_UPDATE, 0, 0, &(1u32 << 20).to_be_bytes()));
        let _ = writing.write_all(&greeting).await;
        // Where the greeting is the attack there may be no request.
        if let Ok(stream) = asked.await {
            let _ = say(&case["say"], &mut writing, stream, &over).await;
        }
        self.said.send_modify(|said| *said += 1);
        if !is_own(&case) {
            // No other request comes on this connection.
            let last = [0x7FFF_FFFFu32.to_be_bytes(), [0; 4]].concat();
            let _ = writing.write_all(&frame(GOAWAY, 0, 0, &last)).await;
            let _ = writing.flush().await;
        }
        let _ = listening.await;
    }
}

/// Whether the connections of a case end with its own proxy only.
fn is_own(case: &Value) -> bool {
    case["own"] == true || case["impatient"] == true
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// Reads what the proxy sends, to the end of the connection.
async fn listen(
    mut reading: ReadHalf<Socket>,
    at_head: bool,
    tell: oneshot::Sender<u32>,
    over: Arc<AtomicBool>,
) {
    let mut tell = Some(tell);
    let mut preface = vec![0; PREFACE.len()];
    let mut head = [0; 9];
    if reading.read_exact(&mut preface).await.is_ok() {
        while reading.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            if reading.read_exact(&mut payload).await.is_err() {
                break;
            }
            let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
            let ended = matches!(head[3], HEADERS | DATA) && head[4] & END_STREAM != 0;
            if (ended || at_head && head[3] == HEADERS)
                && let Some(tell) = tell.take()
            {
                let _ = tell.send(stream);
            }
            if matches!(head[3], RST_STREAM | GOAWAY) {
                over.store(true, Ordering::SeqCst);
            }
        }
    }
    over.store(true, Ordering::SeqCst);
}

/// Says these steps: until all is said, or the other side has had enough.
async fn say(
    steps: &Value,
    writing: &mut WriteHalf<Socket>,
    stream: u32,
    over: &AtomicBool,
) -> io::Result<()> {
    let good = format!("{{\"id\":\"{ID}\"}}");
    let text = |value: &Value| wire_bytes(&value.as_str().unwrap().replace("<good>", &good));
    for step in steps.as_array().unwrap() {
        let on = step["stream"].as_u64().map_or(stream, |it| it as u32);
        let end = if step["end"] == true { END_STREAM } else { 0 };
        let bytes = if let Some(members) = step["head"].as_array() {
            let end_head = if step["open"] == true { 0 } else { END_HEADERS };
            head(members, &step["and"], on, end, end_head)
        } else if step["data"].is_string() {
            frame(DATA, end, on, &text(&step["data"]))
        } else if step["frame"].is_array() {
            let [kind, flags] = [0, 1].map(|at| number(&step["frame"][at]) as u8);
            frame(kind, flags, on, &text(&step["frame"][2]))
        } else if step["reset"].is_u64() {
            frame(RST_STREAM, 0, on, &number(&step["reset"]).to_be_bytes())
        } else if step["goaway"].is_array() {
            let both = [0, 1].map(|at| number(&step["goaway"][at]).to_be_bytes());
            frame(GOAWAY, 0, 0, &both.concat())
        } else if step["raw"].is_string() {
            text(&step["raw"])
        } else if step["close"] == true {
            return writing.shutdown().await;
        } else {
            let forever = step["times"].is_null();
            let times = step["times"].as_u64().unwrap_or(u64::MAX);
            let steps = if forever {
                &step["forever"]
            } else {
                &step["say"]
            };
            for _ in 0..times {
                if forever && over.load(Ordering::SeqCst) {
                    break;
                }
                Box::pin(say(steps, writing, stream, over)).await?;
            }
            Vec::new()
        };
        writing.write_all(&bytes).await?;
    }
    writing.flush().await
}

/// A head of these members, and of one again and again; in as many frames as it needs.
fn head(members: &[Value], again: &Value, stream: u32, end: u8, end_head: u8) -> Vec<u8> {
    let part = |value: &Value| String::from_utf8(wire_bytes(value.as_str().unwrap())).unwrap();
    let mut block = Vec::new();
    for member in members {
        block.extend(literal(&part(&member[0]), &part(&member[1])));
    }
    for _ in 0..again[0].as_u64().unwrap_or(0) {
        block.extend(literal(&part(&again[1]), &part(&again[2])));
    }
    let mut bytes = Vec::new();
    let count = block.chunks(FRAME_BYTES).count();
    for (index, chunk) in block.chunks(FRAME_BYTES).enumerate() {
        let kind = if index == 0 { HEADERS } else { CONTINUATION };
        let first = if index == 0 { end } else { 0 };
        let last = if index + 1 == count { end_head } else { 0 };
        bytes.extend(frame(kind, first | last, stream, chunk));
    }
    bytes
}

/// Posts what the case has the client post, and reads the whole of the answer.
async fn asked(program: &Program, framing: &Framing, case: &Value) -> String {
    let mut socket = TcpStream::connect(program.address).await.unwrap();
    let small = case["body"].is_null();
    let length = match small {
        true => format!("Content-Length: {}", envelope().len()),
        false => "Transfer-Encoding: chunked".to_owned(),
    };
    let head = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\nX-Sentry-Auth: {AUTH}\r\n{length}\r\n\r\n"
    );
    let chunk =
        |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let body = match small {
        true => envelope(),
        false => chunk(&large_start(200_000)),
    };
    let mut said = framing.said.subscribe();
    said.mark_unchanged();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&body).await.unwrap();
    if case["body"] == "ends" {
        said.changed().await.unwrap();
        let rest = [chunk(LARGE_END), chunk(b"")].concat();
        socket.write_all(&rest).await.unwrap();
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn nor_does_it_get_anything_else_through_by_http2() {
    let framing = Framing::start().await;
    let patient = framing.trusted(&[]).await;
    for line in include_str!("wire/answers_http2.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        *framing.case.lock().unwrap() = case.clone();
        let own = match is_own(&case) {
            true if case["impatient"] == true => {
                Some(framing.trusted(&["upstream.response_timeout=300ms"]).await)
            }
            true => Some(framing.trusted(&[]).await),
            false => None,
        };
        let proxy = own.as_ref().unwrap_or(&patient);
        is_clean(&case, &asked(proxy, &framing, &case).await);
        drop(own);
        let mut open = framing.open.subscribe();
        open.wait_for(|open| *open == 0).await.unwrap();
    }
}
