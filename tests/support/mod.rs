//! The harness: a fake collector and a proxy in this process, and a client that speaks plain HTTP to it.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "each test file has its own copy and uses a part of it"
)]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use scrubline::config::{Config, Loader};
use scrubline::proxy::{App, Ended, Finished, Shutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;

pub const KEY: &str = "0123456789abcdef0123456789abcdef";
pub const ID: &str = "9ec79c33ec9942ab8353589fcb2e04dc";

/// A small envelope with one item, of a type to which policy adds nothing: what comes out is what went in.
pub fn envelope() -> Vec<u8> {
    format!("{{\"event_id\":\"{ID}\"}}\n{{\"type\":\"session\"}}\n{{\"message\":\"hello\"}}\n")
        .into_bytes()
}

/// The beginning of an envelope whose one item has a message of at least `len` bytes; it ends with [`LARGE_END`].
pub fn large_start(len: usize) -> Vec<u8> {
    let mut start =
        format!("{{\"event_id\":\"{ID}\"}}\n{{\"type\":\"session\"}}\n{{\"message\":\"")
            .into_bytes();
    start.extend(noise(len));
    start
}

pub const LARGE_END: &[u8] = b"\"}\n";

/// Letters that hardly compress, so that bytes come out soon after they went in.
pub fn noise(len: usize) -> impl Iterator<Item = u8> {
    let mut state = 7u32;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        b"abcdefghijklmnopqrstuvwxyzABCDEF"[(state >> 16) as usize % 32]
    })
    .take(len)
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// The bytes that a case's text stands for: a character for a byte, and `<a*1000>` for a thousand times `a`.
pub fn wire_bytes(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(c).unwrap();
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(first) = rest.next() {
        let mut behind = rest.clone();
        match (first, behind.next(), behind.next()) {
            ('<', Some(repeated), Some('*')) => {
                let (count, behind) = behind.as_str().split_once('>').unwrap();
                bytes.resize(
                    bytes.len() + count.parse::<usize>().unwrap(),
                    byte(repeated),
                );
                rest = behind.chars();
            }
            _ => bytes.push(byte(first)),
        }
    }
    bytes
}

/// A file with these bytes, of a name of its own.
pub fn temporary(bytes: &[u8]) -> std::path::PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let name = format!("scrubline-test-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// One request as the collector saw it.
#[derive(Debug)]
pub struct Received {
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    /// As it was on the wire, or nothing if it broke off.
    pub body: Option<Vec<u8>>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body without its content encoding.
    pub fn plain(&self) -> Vec<u8> {
        let body = self.body.as_deref().expect("the body broke off");
        match self.header("content-encoding") {
            None => body.to_vec(),
            Some("gzip") => {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(body)
                    .read_to_end(&mut plain)
                    .unwrap();
                plain
            }
            Some("zstd") => zstd::decode_all(body).unwrap(),
            Some(other) => panic!("content-encoding {other}"),
        }
    }
}

/// A collector in this process.
pub struct Upstream {
    pub address: SocketAddr,
    pub received: mpsc::UnboundedReceiver<Received>,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    /// Reads each request to its end and gives it this answer.
    pub async fn answering(
        answer: impl Fn() -> Response<&'static str> + Clone + Send + Sync + 'static,
    ) -> Upstream {
        let (tell, received) = mpsc::unbounded_channel();
        let mut upstream = Upstream::with(move |request| {
            let (tell, answer) = (tell.clone(), answer());
            async move {
                let (parts, body) = request.into_parts();
                let body = body
                    .collect()
                    .await
                    .ok()
                    .map(|body| body.to_bytes().to_vec());
                let target = parts.uri.to_string();
                tell.send(Received {
                    method: parts.method,
                    target,
                    headers: parts.headers,
                    body,
                })
                .unwrap();
                answer.map(|body| Full::new(Bytes::from(body)))
            }
        })
        .await;
        upstream.received = received;
        upstream
    }

    /// Answers 200 with an id.
    pub async fn start() -> Upstream {
        Upstream::answering(|| Response::new("{\"id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}")).await
    }

    /// Does as it is told.
    pub async fn with<H, F>(handler: H) -> Upstream
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                seen.fetch_add(1, Ordering::SeqCst);
                let handler = handler.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let answer = handler(request);
                        async { Ok::<_, Infallible>(answer.await) }
                    });
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        Upstream {
            address,
            received: mpsc::unbounded_channel().1,
            connections,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections that anybody made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A proxy in this process.
pub struct Proxy {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub shutdown: Shutdown,
    pub finished: broadcast::Receiver<Finished>,
    pub running: JoinHandle<Ended>,
}

impl Proxy {
    /// Before this upstream, with the defaults.
    pub async fn before(upstream: &Upstream) -> Proxy {
        Proxy::start(&upstream.url(), &[]).await
    }

    pub async fn start(upstream: &str, settings: &[(&str, &str)]) -> Proxy {
        let loader = Loader::default().no_file().flag("upstream.url", upstream);
        let loader = settings
            .iter()
            .fold(loader, |loader, (key, value)| loader.flag(key, value));
        Proxy::run(loader.load().unwrap().config).await
    }

    /// With a configuration file of this text, which needs no upstream.
    pub async fn configured(upstream: &str, text: &str) -> Proxy {
        let file = temporary(text.as_bytes());
        let loader = Loader::default().file(&file).flag("upstream.url", upstream);
        let config = loader.load().unwrap().config;
        std::fs::remove_file(file).unwrap();
        Proxy::run(config).await
    }

    async fn run(mut config: Config) -> Proxy {
        config.server.listen.set_port(0);
        config.server.admin.set_port(0);
        let app = App::build(config).await.unwrap();
        let (address, admin, finished) = (app.address(), app.admin_address(), app.subscribe());
        let shutdown = Shutdown::new();
        let running = tokio::spawn(app.run(shutdown.clone()));
        Proxy {
            address,
            admin,
            shutdown,
            finished,
            running,
        }
    }

    /// Posts an envelope of project 1 with the usual authorization.
    pub async fn post(&self, body: impl Into<Outgoing>) -> Answer {
        self.post_with(&[], body).await
    }

    /// The same with more headers.
    pub async fn post_with(&self, headers: &[(&str, &str)], body: impl Into<Outgoing>) -> Answer {
        let mut all = vec![("x-sentry-auth", AUTH)];
        all.extend_from_slice(headers);
        request(self.address, "POST", "/api/1/envelope/", &all, body).await
    }

    /// Asks the admin listener.
    pub async fn ask(&self, path: &str) -> Answer {
        request(self.admin, "GET", path, &[], Vec::new()).await
    }
}

pub const AUTH: &str = "Sentry sentry_version=7, sentry_key=0123456789abcdef0123456789abcdef";

/// A body to send: whole, or as it comes.
pub enum Outgoing {
    Whole(Vec<u8>),
    Stream(mpsc::Receiver<Vec<u8>>),
}

impl From<Vec<u8>> for Outgoing {
    fn from(body: Vec<u8>) -> Self {
        Outgoing::Whole(body)
    }
}

impl From<&[u8]> for Outgoing {
    fn from(body: &[u8]) -> Self {
        Outgoing::Whole(body.to_vec())
    }
}

impl From<mpsc::Receiver<Vec<u8>>> for Outgoing {
    fn from(chunks: mpsc::Receiver<Vec<u8>>) -> Self {
        Outgoing::Stream(chunks)
    }
}

impl Outgoing {
    fn boxed(self) -> BoxBody<Bytes, Infallible> {
        match self {
            Outgoing::Whole(body) => Full::new(Bytes::from(body)).boxed(),
            Outgoing::Stream(chunks) => BodyExt::boxed(StreamBody::new(stream::unfold(
                chunks,
                |mut chunks| async {
                    let chunk = chunks.recv().await?;
                    Some((Ok(Frame::data(Bytes::from(chunk))), chunks))
                },
            ))),
        }
    }
}

/// What the client got.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn detail(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("no JSON");
        assert_eq!(body.as_object().unwrap().len(), 1, "{}", self.body);
        body["detail"].as_str().expect("no detail").to_owned()
    }
}

/// One HTTP/1.1 request on a connection of its own.
pub async fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Outgoing>,
) -> Answer {
    let socket = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket))
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = sender
        .send_request(build(method, target, headers, body))
        .await
        .unwrap();
    answer(response).await
}

pub fn build(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Outgoing>,
) -> Request<BoxBody<Bytes, Infallible>> {
    let mut request = Request::builder().method(method).uri(target);
    if !target.contains("://") {
        request = request.header("host", "proxy");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into().boxed()).unwrap()
}

pub async fn answer(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
