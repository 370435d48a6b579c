//! The accept loop: a permit, a socket, one task for the connection. HTTP/1.1 and HTTP/2 without TLS on one port.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{Shared, Shutdown};
use crate::config::Config;
use crate::observe::ConnectionError;

/// After an accept that failed for want of a file descriptor or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// How often, and how long, an HTTP/2 client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The first byte of TLS, with which no HTTP begins.
const HANDSHAKE: [u8; 1] = [0x16];
const HEAD_TIMEOUT: &str = "the head of a request did not come within server.head_timeout";

/// What bounds a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) connections: usize,
    pub(super) head_timeout: Duration,
    pub(super) head_bytes: usize,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Settings {
        Settings {
            connections: config.limits.connections,
            head_timeout: config.server.head_timeout,
            head_bytes: config.limits.head_bytes,
        }
    }
}

/// HTTP/2 streams are tasks too, and the drain waits for them.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// Accepts until the wish to stop. With `shared`, connections are counted, and so is what goes wrong with them.
pub(super) async fn serve<H, F>(
    listener: TcpListener,
    settings: Settings,
    shared: Option<Arc<Shared>>,
    tasks: TaskTracker,
    shutdown: Shutdown,
    handler: H,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(settings.connections));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.draining() => return,
            accepted = async {
                // No permit, no accept: who comes now waits in the kernel's queue.
                let permit = Arc::clone(&permits).acquire_owned().await;
                (permit, listener.accept().await)
            } => accepted,
        };
        let (permit, socket) = accepted;
        match socket {
            Ok((socket, peer)) => {
                let (shared, shutdown, handler) =
                    (shared.clone(), shutdown.clone(), handler.clone());
                let executor = Tracked(tasks.clone());
                tasks.spawn(async move {
                    let _permit = permit;
                    let Some(shared) = shared else {
                        if let Err(Trouble { detail, .. }) =
                            connection(socket, peer, settings, executor, shutdown, handler).await
                        {
                            tracing::debug!(detail, "a connection ended badly");
                        }
                        return;
                    };
                    let open = shared.metrics().connections();
                    open.inc();
                    let ended =
                        connection(socket, peer, settings, executor, shutdown, handler).await;
                    open.dec();
                    if let Err(trouble) = ended {
                        shared.connection_error(&trouble);
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
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

/// Serves one connection.
async fn connection<H, F>(
    socket: TcpStream,
    peer: SocketAddr,
    settings: Settings,
    executor: Tracked,
    shutdown: Shutdown,
    handler: H,
) -> Result<(), Trouble>
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let _ = socket.set_nodelay(true);
    // hyper's own timer starts with the first byte of a head; a client that sends none must not stay either.
    let spoken = AtomicBool::new(false);
    let service = service_fn(|request| {
        spoken.store(true, Ordering::Relaxed);
        let response = handler(request, peer);
        async { Ok::<_, Infallible>(response.await) }
    });
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
    let mut builder = Builder::new(executor);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head_timeout)
        .max_buf_size(settings.head_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(settings.head_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    let mut served = pin!(builder.serve_connection(TokioIo::new(socket), service));
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            () = shutdown.aborting() => return Ok(()),
            result = &mut served => {
                let Err(error) = result else {
                    return Ok(());
                };
                let spoken = spoken.load(Ordering::Relaxed);
                return explain(error.as_ref(), first == HANDSHAKE, spoken);
            }
            () = shutdown.draining(), if !draining => {
                draining = true;
                served.as_mut().graceful_shutdown();
            }
            () = &mut silence, if !spoken.load(Ordering::Relaxed) => {
                return Err(Trouble {
                    error: ConnectionError::HeadTimeout,
                    detail: HEAD_TIMEOUT.to_owned(),
                    usual: false,
                });
            }
        }
    }
}

/// What went wrong with a connection. HTTP/2 answers a head over the limit by itself, stream by stream; we don't see it.
fn explain(error: &(dyn Error + 'static), tls: bool, spoken: bool) -> Result<(), Trouble> {
    let http = error.downcast_ref::<hyper::Error>();
    let is = |question: fn(&hyper::Error) -> bool| http.is_some_and(question);
    let (error, detail) = if tls {
        (ConnectionError::Tls, String::new())
    } else if is(hyper::Error::is_parse_too_large) {
        let detail =
            "the head of a request is longer than limits.head_bytes, or has more than 100 headers";
        (ConnectionError::HeadTooLarge, detail.to_owned())
    } else if is(hyper::Error::is_parse) {
        (ConnectionError::Malformed, error.to_string())
    } else if is(hyper::Error::is_timeout) {
        if spoken {
            // It has only brought no other request for a while.
            return Ok(());
        }
        (ConnectionError::HeadTimeout, HEAD_TIMEOUT.to_owned())
    } else {
        (ConnectionError::Broken, error.to_string())
    };
    Err(Trouble {
        error,
        detail,
        // A request that was cut short has a line of its own.
        usual: error == ConnectionError::Broken && spoken,
    })
}
