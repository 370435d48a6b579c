//! One connection: TLS where it is ours, HTTP/1.1 and HTTP/2 on one port, and the bounds of both. What a request brings beyond them never
//! gets to the pipeline, or gets there with a [`Flaw`](super::heads::Flaw) in its extensions.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use super::Shutdown;
use super::heads::{self, HEADERS};
use super::wire::{Watch, Wire};
use crate::config::Config;
use crate::observe::ConnectionError;

/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// What one stream, and one connection, may have sent of bodies that nobody has read yet.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 256 << 10;
/// Streams that were reset by the client before anybody looked at them (CVE-2023-44487), and by us for its mistakes (CVE-2025-8671). One
/// more ends the connection.
const PENDING_RESETS: usize = 20;
const OWN_RESETS: usize = 100;
/// Of answers that the client does not read.
const SEND_BUFFER: usize = 64 << 10;
/// How often, and how long, an HTTP/2 client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection on which nothing is asked stays in hyper, which holds buffers of 24 KB for it. To begin anew is cheap.
const REST: Duration = Duration::from_millis(250);
/// How long a client may take to hear that its connection ends.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// The first byte of TLS, with which no HTTP begins.
const HANDSHAKE: u8 = 0x16;
/// How HTTP/2 begins. No method of HTTP/1 that is served here begins so.
const PREFACE: &[u8] = b"PR";
const HEAD_TIMEOUT: &str = "the head of a request did not come within server.head_timeout";
const WRITE_TIMEOUT: &str = "a client did not read its answer within server.write_timeout";
/// A year (RFC 6797).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What bounds a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) connections: usize,
    pub(super) head_timeout: Duration,
    pub(super) write_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) head_bytes: usize,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Settings {
        Settings {
            connections: config.limits.connections,
            head_timeout: config.server.head_timeout,
            write_timeout: config.server.write_timeout,
            idle_timeout: config.server.idle_timeout,
            head_bytes: config.limits.head_bytes,
        }
    }
}

/// HTTP/2 streams are tasks too, and the drain waits for them.
#[derive(Clone)]
pub(super) struct Tracked(pub(super) TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// A connection that has been accepted.
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) settings: Settings,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) executor: Tracked,
    pub(super) shutdown: Shutdown,
}

/// A connection that ended badly.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) error: ConnectionError,
    /// What was wrong. Never payload.
    pub(super) detail: String,
    /// Whether it happens to good clients too.
    pub(super) usual: bool,
}

impl Trouble {
    fn head_timeout() -> Trouble {
        Trouble {
            error: ConnectionError::HeadTimeout,
            detail: HEAD_TIMEOUT.to_owned(),
            usual: false,
        }
    }

    fn write_timeout() -> Trouble {
        Trouble {
            error: ConnectionError::Broken,
            detail: WRITE_TIMEOUT.to_owned(),
            usual: false,
        }
    }
}

/// Serves one connection.
pub(super) async fn serve<H, F>(connection: Connection, handler: H) -> Result<(), Trouble>
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let Connection {
        socket,
        peer,
        settings,
        tls,
        executor,
        shutdown,
    } = connection;
    let _ = socket.set_nodelay(true);
    // A client that says nothing must not stay, nor one that never gets as far as a request.
    let until = Instant::now() + settings.head_timeout;
    let mut first = [0; 2];
    let peeked = tokio::select! {
        biased;
        () = shutdown.aborting() => return Ok(()),
        peeked = socket.peek(&mut first) => peeked,
        () = shutdown.draining() => return Ok(()),
        // Nothing has come: whoever asks whether a port is open does that.
        () = tokio::time::sleep_until(until) => return Ok(()),
    };
    let Ok(count @ 1..) = peeked else {
        return Ok(());
    };
    let first = &first[..count];
    let http = Http {
        peer,
        settings,
        executor,
        shutdown,
        tls: tls.is_some(),
        is_handshake: tls.is_none() && first[0] == HANDSHAKE,
    };
    let Some(tls) = tls else {
        let version = if PREFACE.starts_with(first) {
            Version::Any
        } else {
            Version::Http1
        };
        return http.serve(socket, version, until, handler).await;
    };
    // By itself: it is larger than all else.
    Box::pin(async move {
        let stream = tokio::select! {
            biased;
            () = http.shutdown.aborting() => return Ok(()),
            accepted = tls.accept(socket) => accepted.map_err(|error| Trouble {
                error: ConnectionError::Handshake,
                // Rustls's own words, which are about the protocol.
                detail: error.to_string(),
                usual: true,
            })?,
            () = http.shutdown.draining() => return Ok(()),
            () = tokio::time::sleep_until(until) => return Err(Trouble::head_timeout()),
        };
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(b"http/1.1") => Version::Http1,
            Some(_) | None => Version::Any,
        };
        http.serve(stream, version, until, handler).await
    })
    .await
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http1,
    /// Perhaps HTTP/2.
    Any,
}

/// What is known of a connection when HTTP begins.
struct Http {
    peer: SocketAddr,
    settings: Settings,
    executor: Tracked,
    shutdown: Shutdown,
    /// Whether it has TLS.
    tls: bool,
    /// It began as TLS does, and there is none here.
    is_handshake: bool,
}

impl Http {
    /// Serves requests until the end. While nothing is asked, no more than the socket is held; a request's first byte must come by `until`.
    async fn serve<S, H, F>(
        self,
        mut stream: S,
        version: Version,
        until: Instant,
        handler: H,
    ) -> Result<(), Trouble>
    where
        S: Socket + AsyncRead + AsyncWrite + Unpin + Send + 'static,
        H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let mut until = Some(until);
        let mut since = Instant::now();
        loop {
            // By itself: it is there while something is asked, and gone after that.
            let serving = Box::pin(self.serve_until_rest(stream, version, until, since, &handler));
            let Some(rest) = serving.await? else {
                return Ok(());
            };
            Rest { stream, since } = rest;
            until = None;
            let mut first = [0];
            let goes_on = tokio::select! {
                biased;
                () = self.shutdown.aborting() => return Ok(()),
                peeked = stream.socket().peek(&mut first) => matches!(peeked, Ok(1)),
                () = self.shutdown.draining() => false,
                () = tokio::time::sleep_until(since + self.settings.idle_timeout) => false,
            };
            if !goes_on {
                // With TLS there is something to say.
                let _ = tokio::time::timeout(CLOSE_TIME, stream.shutdown()).await;
                return Ok(());
            }
        }
    }

    /// Serves requests until the end, or until none has come for a while and nothing of the connection is in hyper.
    async fn serve_until_rest<S, H, F>(
        &self,
        stream: S,
        version: Version,
        until: Option<Instant>,
        since: Instant,
        handler: &H,
    ) -> Result<Option<Rest<S>>, Trouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let Http {
            settings, shutdown, ..
        } = self;
        let (tls, peer) = (self.tls, self.peer);
        let watch = Watch::new(settings.head_bytes, since);
        let spoken = AtomicBool::new(until.is_none());
        let service = service_fn(|mut request: Request<Incoming>| {
            spoken.store(true, Ordering::Relaxed);
            let (active, flaw) = watch.begin();
            if let Some(flaw) = flaw.or_else(|| heads::flaw_of_http2(&request)) {
                request.extensions_mut().insert(flaw);
            }
            // By itself: hyper keeps room in each connection for what is returned here, also while nothing is asked.
            let response = Box::pin(handler(request, peer));
            async move {
                let mut response = response.await;
                if tls {
                    let headers = response.headers_mut();
                    headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
                }
                drop(active);
                Ok::<_, Infallible>(response)
            }
        });
        let wire = Wire::new(
            stream,
            Arc::clone(&watch),
            settings.head_timeout,
            settings.write_timeout,
        );
        let wire = TokioIo::new(wire);
        let builder = either(self.executor.clone(), settings);
        let mut served = match version {
            Version::Http1 => Served::Http1(http1(settings).serve_connection(wire, service)),
            Version::Any => Served::Any(Box::pin(builder.serve_connection(wire, service))),
        };
        let mut silence = pin!(tokio::time::sleep_until(until.unwrap_or(since)));
        let mut heard = until.is_none();
        let patience = match version {
            Version::Http1 => REST.min(settings.idle_timeout),
            Version::Any => settings.idle_timeout,
        };
        let mut idle = pin!(tokio::time::sleep(patience));
        let mut draining = false;
        // Whether it is to be told that this is the end, and whether it was.
        let (mut tell, mut leaving) = (false, false);
        loop {
            if std::mem::take(&mut tell) {
                match &mut served {
                    Served::Http1(served) => Pin::new(served).graceful_shutdown(),
                    Served::Any(served) => served.as_mut().graceful_shutdown(),
                }
            }
            let ended = poll_fn(|context| match &mut served {
                Served::Http1(served) => Pin::new(served).poll(context).map_err(Box::from),
                Served::Any(served) => served.as_mut().poll(context),
            });
            tokio::select! {
                biased;
                () = shutdown.aborting() => return Ok(None),
                result = ended => {
                    let Err(error) = result else {
                        return Ok(None);
                    };
                    if watch.head_timed_out.load(Ordering::Acquire) {
                        return Err(Trouble::head_timeout());
                    }
                    if watch.write_timed_out.load(Ordering::Acquire) {
                        return Err(Trouble::write_timeout());
                    }
                    let spoken = spoken.load(Ordering::Relaxed);
                    return Err(explain(error.as_ref(), self.is_handshake, spoken));
                }
                () = shutdown.draining(), if !draining => {
                    draining = true;
                    tell = true;
                }
                () = &mut silence, if !heard => {
                    // It may have spoken since this wait began.
                    heard = spoken.load(Ordering::Relaxed);
                    if !heard {
                        return Err(Trouble::head_timeout());
                    }
                }
                () = &mut idle => {
                    let now = Instant::now();
                    let since = watch.idle_since();
                    let end = since.unwrap_or(now) + settings.idle_timeout;
                    if leaving {
                        // It was told, and is still there.
                        return Ok(None);
                    }
                    if end <= now {
                        (tell, leaving) = (true, true);
                        idle.as_mut().reset(now + settings.head_timeout);
                        continue;
                    }
                    let next = since.map_or(now, |since| since + patience);
                    if let Some(since) = since
                        && next <= now
                        && !draining
                        && spoken.load(Ordering::Relaxed)
                        && watch.is_at_rest()
                        && matches!(served, Served::Http1(_))
                    {
                        return Ok(served.rest(since));
                    }
                    let next = if next > now { next } else { now + patience };
                    idle.as_mut().reset(next.min(end));
                }
            }
        }
    }
}

/// What serves a connection.
enum Served<A, B> {
    Http1(A),
    Any(B),
}

impl<S, V, B> Served<http1::Connection<TokioIo<Wire<S>>, V>, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    V: HttpService<Incoming, ResBody = Full<Bytes>, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    /// The stream, of which hyper has read nothing that is not answered.
    fn rest(self, since: Instant) -> Option<Rest<S>> {
        let Served::Http1(served) = self else {
            return None;
        };
        let parts = served.into_parts();
        // Empty lines before a request are nothing.
        let mut read = parts.read_buf.iter();
        let stream = parts.io.into_inner().into_socket();
        read.all(|byte| matches!(byte, b'\r' | b'\n'))
            .then_some(Rest { stream, since })
    }
}

/// A connection on which nothing is asked.
struct Rest<S> {
    stream: S,
    /// Since when.
    since: Instant,
}

/// What has a socket, on which can be waited without reading.
trait Socket {
    fn socket(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

fn http1(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Ours: in `Wire` for heads, and in `serve` for what comes between them.
        .header_read_timeout(None)
        .max_headers(HEADERS)
        .max_buf_size(settings.head_bytes);
    builder
}

/// HTTP/1.1 or HTTP/2, as the client begins.
fn either(executor: Tracked, settings: &Settings) -> Builder<Tracked> {
    let mut builder = Builder::new(executor);
    builder
        .http1()
        .timer(TokioTimer::new())
        // As above.
        .header_read_timeout(None)
        .max_headers(HEADERS)
        .max_buf_size(settings.head_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .max_send_buf_size(SEND_BUFFER)
        // Bounds CONTINUATION frames and what HPACK expands to, too.
        .max_header_list_size(u32::try_from(settings.head_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// What went wrong with a connection. HTTP/2 answers a head over the limit by itself, stream by stream; we don't see it.
fn explain(error: &(dyn Error + 'static), is_handshake: bool, spoken: bool) -> Trouble {
    let http = error.downcast_ref::<hyper::Error>();
    let is = |question: fn(&hyper::Error) -> bool| http.is_some_and(question);
    let (error, detail) = if is_handshake {
        (ConnectionError::Tls, String::new())
    } else if is(hyper::Error::is_parse_too_large) {
        let detail =
            "the head of a request is longer than limits.head_bytes, or has more than 100 headers";
        (ConnectionError::HeadTooLarge, detail.to_owned())
    } else if is(hyper::Error::is_parse) {
        (ConnectionError::Malformed, error.to_string())
    } else {
        (ConnectionError::Broken, error.to_string())
    };
    Trouble {
        error,
        detail,
        // A request that was cut short has a line of its own.
        usual: error == ConnectionError::Broken && spoken,
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Connection, Response, Settings, Shutdown, TcpStream, Tracked, serve};

    /// Most connections are at rest most of the time: then nothing but their task is there.
    #[tokio::test]
    async fn a_connection_at_rest_is_small() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connection = Connection {
            socket: TcpStream::connect(address).await.unwrap(),
            peer: address,
            settings: Settings::new(&Config::new("http://127.0.0.1:1").unwrap()),
            tls: None,
            executor: Tracked(tokio_util::task::TaskTracker::new()),
            shutdown: Shutdown::new(),
        };
        let task = serve(connection, |_, _| async { Response::default() });
        assert!(size_of_val(&task) <= 1536, "{}", size_of_val(&task));
    }
}
