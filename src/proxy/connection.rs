//! One connection: TLS where it is ours, HTTP/1.1 and HTTP/2 on one port, and the bounds of both. What a request brings beyond them never
//! gets to the pipeline, or gets there with a [`Flaw`](super::heads::Flaw) in its extensions.

use std::convert::Infallible;
use std::error::Error;
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
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
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

/// The first byte of TLS, with which no HTTP begins.
const HANDSHAKE: [u8; 1] = [0x16];
const HEAD_TIMEOUT: &str = "the head of a request did not come within server.head_timeout";
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
    let mut silence = pin!(tokio::time::sleep(settings.head_timeout));
    let mut first = [0];
    let peeked = tokio::select! {
        biased;
        () = shutdown.aborting() => return Ok(()),
        peeked = socket.peek(&mut first) => peeked,
        () = shutdown.draining() => return Ok(()),
        // Nothing has come: whoever asks whether a port is open does that.
        () = &mut silence => return Ok(()),
    };
    if !matches!(peeked, Ok(1)) {
        return Ok(());
    }
    let http = Http {
        peer,
        settings,
        executor,
        shutdown: shutdown.clone(),
        tls: tls.is_some(),
        is_handshake: tls.is_none() && first == HANDSHAKE,
    };
    let Some(tls) = tls else {
        return http.serve(socket, silence, handler).await;
    };
    let stream = tokio::select! {
        biased;
        () = shutdown.aborting() => return Ok(()),
        accepted = tls.accept(socket) => accepted.map_err(|error| Trouble {
            error: ConnectionError::Handshake,
            // Rustls's own words, which are about the protocol.
            detail: error.to_string(),
            usual: true,
        })?,
        () = shutdown.draining() => return Ok(()),
        () = &mut silence => return Err(Trouble::head_timeout()),
    };
    http.serve(stream, silence, handler).await
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
    async fn serve<S, H, F>(
        self,
        stream: S,
        mut silence: Pin<&mut Sleep>,
        handler: H,
    ) -> Result<(), Trouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let Http {
            peer,
            settings,
            executor,
            shutdown,
            tls,
            is_handshake,
        } = self;
        let watch = Watch::new(settings.head_bytes);
        let spoken = AtomicBool::new(false);
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
        let builder = builder(executor, &settings);
        let mut served = pin!(builder.serve_connection(TokioIo::new(wire), service));
        let mut idle = pin!(tokio::time::sleep(settings.idle_timeout));
        let mut leaving = false;
        let mut draining = false;
        let mut heard = false;
        loop {
            tokio::select! {
                biased;
                () = shutdown.aborting() => return Ok(()),
                result = &mut served => {
                    let Err(error) = result else {
                        return Ok(());
                    };
                    if watch.head_timed_out.load(Ordering::Acquire) {
                        return Err(Trouble::head_timeout());
                    }
                    let spoken = spoken.load(Ordering::Relaxed);
                    return Err(explain(error.as_ref(), is_handshake, spoken));
                }
                () = shutdown.draining(), if !draining => {
                    draining = true;
                    served.as_mut().graceful_shutdown();
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
                    let next = since.unwrap_or(now) + settings.idle_timeout;
                    if next > now {
                        idle.as_mut().reset(next);
                    } else if leaving {
                        // It was told, and is still there.
                        return Ok(());
                    } else {
                        leaving = true;
                        served.as_mut().graceful_shutdown();
                        idle.as_mut().reset(now + settings.head_timeout);
                    }
                }
            }
        }
    }
}

fn builder(executor: Tracked, settings: &Settings) -> Builder<Tracked> {
    let mut builder = Builder::new(executor);
    builder
        .http1()
        .timer(TokioTimer::new())
        // Ours: in `Wire` for heads, and below for what comes between them.
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
