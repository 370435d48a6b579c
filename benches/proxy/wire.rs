//! Both ends of the wire: [`Load`] asks, [`Sink`] answers. They cost little and are the same for all that stand between them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const AUTH: &str = "Sentry sentry_version=7, sentry_client=sentry.python/2.48.0, sentry_key=0123456789abcdef0123456789abcdef";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 41\r\n\r\n\
    {\"id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}";
const READ_BYTES: usize = 256 << 10;

/// How the values begin that each event has of its own.
const OWN: [&[u8]; 6] = [
    b"\"event_id\":",
    b"\"trace_id\":",
    b"\"span_id\":",
    b"timestamp\":",
    b"\"session_id\":",
    b"\"sid\":",
];
/// Digits of such a value that are new each time.
const NEW_DIGITS: usize = 6;

/// What a client asks.
pub(super) struct Request {
    bytes: Vec<u8>,
    /// Where ids and times have digits that are new each time: of each value some, the last first.
    own: Vec<Vec<usize>>,
}

impl Request {
    /// Always the same.
    pub(super) fn same(body: &[u8], encoding: Option<&str>) -> Request {
        Request {
            bytes: request(body, encoding),
            own: Vec::new(),
        }
    }

    /// With ids and times that are new each time, as far as they can be told from outside.
    pub(super) fn new(body: &[u8], encoding: Option<&str>) -> Request {
        let mut request = Request::same(body, encoding);
        let bytes = &request.bytes;
        let starts = OWN
            .iter()
            .flat_map(|own| memchr::memmem::find_iter(bytes, own).map(move |at| at + own.len()));
        let own = starts.filter_map(|start| {
            let rest = &bytes[start..];
            let length = rest
                .iter()
                .skip(2)
                .position(|byte| b",}\"".contains(byte))?
                + 2;
            let value = &rest[..length];
            // The seconds of a time in words stay.
            let first = match memchr::memchr(b':', value) {
                None => 2,
                Some(_) => memchr::memchr(b'.', value)? + 1,
            };
            let digits = (first..length)
                .rev()
                .filter(|at| value[*at].is_ascii_hexdigit());
            Some(digits.take(NEW_DIGITS).map(|at| start + at).collect())
        });
        request.own = own.collect();
        request
    }

    /// The bytes of one request.
    fn make(&self, into: &mut Vec<u8>) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        into.clear();
        into.extend_from_slice(&self.bytes);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        for digits in &self.own {
            let mut left = count;
            for at in digits {
                into[*at] = b'0' + (left % 10) as u8;
                left /= 10;
            }
        }
    }
}

fn request(body: &[u8], encoding: Option<&str>) -> Vec<u8> {
    let encoding = encoding.map_or_else(String::new, |it| format!("Content-Encoding: {it}\r\n"));
    let mut request = format!(
        "POST /api/42/envelope/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\nUser-Agent: sentry.python/2.48.0\r\n\
         Content-Type: application/x-sentry-envelope\r\n{encoding}X-Sentry-Auth: {AUTH}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// One message of HTTP/1.1, whose beginning is at the front of a buffer.
struct Message {
    /// `None`: it comes in chunks.
    length: Option<usize>,
    head: usize,
    /// An answer, and a good one.
    is_ok: bool,
}

impl Message {
    fn parse(bytes: &[u8]) -> Option<Message> {
        let head = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
        let text = std::str::from_utf8(&bytes[..head]).unwrap();
        let mut length = Some(0);
        for line in text.lines() {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse().unwrap());
            }
            if name.eq_ignore_ascii_case("transfer-encoding") {
                length = None;
            }
        }
        Some(Message {
            length,
            head,
            is_ok: text.starts_with("HTTP/1.1 200 "),
        })
    }
}

/// A connection with what has been read of it ahead.
struct Reader {
    socket: TcpStream,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
}

impl Reader {
    fn new(socket: TcpStream) -> Reader {
        socket.set_nodelay(true).unwrap();
        Reader {
            socket,
            buffer: vec![0; READ_BYTES],
            from: 0,
            to: 0,
        }
    }

    /// Reads more; false at the end.
    async fn more(&mut self) -> bool {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
        } else if self.to == self.buffer.len() {
            self.buffer.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        let count = self.socket.read(&mut self.buffer[self.to..]).await;
        let count = count.unwrap_or(0);
        self.to += count;
        count > 0
    }

    async fn head(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = Message::parse(&self.buffer[self.from..self.to]) {
                self.from += message.head;
                return Some(message);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn bytes(&mut self, mut count: usize, keep: &mut Option<Vec<u8>>) -> Option<()> {
        while count > 0 {
            if self.from == self.to && !self.more().await {
                return None;
            }
            let step = count.min(self.to - self.from);
            if let Some(keep) = keep {
                keep.extend_from_slice(&self.buffer[self.from..self.from + step]);
            }
            self.from += step;
            count -= step;
        }
        Some(())
    }

    async fn body(&mut self, message: &Message, keep: &mut Option<Vec<u8>>) -> Option<()> {
        if let Some(length) = message.length {
            return self.bytes(length, keep).await;
        }
        loop {
            let line = loop {
                let here = &self.buffer[self.from..self.to];
                if let Some(line) = memchr::memchr(b'\n', here) {
                    break line;
                }
                if !self.more().await {
                    return None;
                }
            };
            let digits = std::str::from_utf8(&self.buffer[self.from..self.from + line]).unwrap();
            let size = usize::from_str_radix(digits.trim(), 16).unwrap();
            self.from += line + 1;
            self.bytes(size, keep).await?;
            self.bytes(2, &mut None).await?;
            if size == 0 {
                return Some(());
            }
        }
    }
}

/// The collector: it takes everything, and answers when it has all of it.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    kept: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Sink {
    pub(super) async fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Sink {
            address: listener.local_addr().unwrap(),
            kept: Arc::new(Mutex::new(None)),
        };
        let kept = Arc::clone(&sink.kept);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(Reader::new(socket), Arc::clone(&kept)));
            }
        });
        sink
    }

    /// From now on bodies are kept, one after the other.
    pub(super) fn keep(&self) {
        *self.kept.lock().unwrap() = Some(Vec::new());
    }

    /// What was kept.
    pub(super) fn take(&self) -> Vec<u8> {
        self.kept.lock().unwrap().take().unwrap()
    }
}

async fn answer(mut reader: Reader, kept: Arc<Mutex<Option<Vec<u8>>>>) {
    while let Some(message) = reader.head().await {
        let keeping = kept.lock().unwrap().is_some();
        let mut body = keeping.then(Vec::new);
        if reader.body(&message, &mut body).await.is_none() {
            return;
        }
        if let (Some(kept), Some(body)) = (kept.lock().unwrap().as_mut(), body) {
            kept.extend_from_slice(&body);
        }
        if reader.socket.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

/// Clients that each ask again as soon as they have been answered.
pub(super) struct Load {
    clients: Vec<Reader>,
}

impl Load {
    /// Opens so many connections; waits until something listens.
    pub(super) async fn open(proxy: SocketAddr, count: usize) -> Load {
        let mut clients = Vec::new();
        while clients.len() < count {
            match TcpStream::connect(proxy).await {
                Ok(socket) => clients.push(Reader::new(socket)),
                Err(_) => tokio::time::sleep(Duration::from_micros(100)).await,
            }
        }
        Load { clients }
    }

    /// Each connection makes `rounds` requests, which it takes from `requests` in turn. Every one must be answered 200.
    pub(super) async fn run(&mut self, requests: &Arc<Vec<Request>>, rounds: usize) {
        let mut tasks = Vec::new();
        for (number, mut client) in self.clients.drain(..).enumerate() {
            let requests = Arc::clone(requests);
            tasks.push(tokio::spawn(async move {
                let mut request = Vec::new();
                for round in 0..rounds {
                    requests[(number + round) % requests.len()].make(&mut request);
                    client.socket.write_all(&request).await.unwrap();
                    let message = client.head().await.expect("no answer");
                    assert!(message.is_ok, "an answer that is not 200");
                    client.body(&message, &mut None).await.unwrap();
                }
                client
            }));
        }
        for task in tasks {
            self.clients.push(task.await.unwrap());
        }
    }
}
