//! The accept loop: a permit, a socket, one task for the connection. HTTP/1.1 and HTTP/2 without TLS on one port.

use std::convert::Infallible;
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
use prometheus::IntGauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::Shutdown;
use crate::config::Config;

/// After an accept that failed for want of a file descriptor or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// How often, and how long, an HTTP/2 client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Accepts until the wish to stop.
pub(super) async fn serve<H, F>(
    listener: TcpListener,
    settings: Settings,
    open: Option<IntGauge>,
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
                let (open, shutdown, handler) = (open.clone(), shutdown.clone(), handler.clone());
                let executor = Tracked(tasks.clone());
                tasks.spawn(async move {
                    let _permit = permit;
                    if let Some(open) = &open {
                        open.inc();
                    }
                    connection(socket, peer, settings, executor, shutdown, handler).await;
                    if let Some(open) = &open {
                        open.dec();
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

async fn connection<H, F>(
    socket: TcpStream,
    peer: SocketAddr,
    settings: Settings,
    executor: Tracked,
    shutdown: Shutdown,
    handler: H,
) where
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
    let mut silence = pin!(tokio::time::sleep(settings.head_timeout));
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            () = shutdown.aborting() => return,
            result = &mut served => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = shutdown.draining(), if !draining => {
                draining = true;
                served.as_mut().graceful_shutdown();
            }
            () = &mut silence, if !spoken.load(Ordering::Relaxed) => return,
        }
    }
}
