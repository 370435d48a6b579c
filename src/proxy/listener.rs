//! The accept loop: a permit, a socket, one task for the connection. Who finds no place is told so at once.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::clients::{Clients, Place};
use super::connection::{self, Connection, Settings, Tracked, Trouble};
use super::{Shared, Shutdown};
use crate::observe::ConnectionError;

/// After an accept that failed for want of a file descriptor or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Clients that are told at a time that there is no place. One more is not told.
const SHED_AT_A_TIME: usize = 64;
/// How long such a client may take to read that.
const SHED_TIME: Duration = Duration::from_secs(2);
/// What is read of its request meanwhile, so that it is not reset before it has read.
const SHED_BYTES: usize = 64 << 10;

/// Why there is no place for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crowded {
    /// As many are open as we take.
    Together,
    /// As many as we take from one client.
    Client,
}

impl Crowded {
    fn trouble(self) -> Trouble {
        Trouble {
            error: match self {
                Crowded::Together => ConnectionError::Crowded,
                Crowded::Client => ConnectionError::CrowdedClient,
            },
            detail: String::new(),
            usual: true,
        }
    }

    /// The whole of what is said on the connection.
    fn answer(self) -> String {
        let (status, limit, detail) = match self {
            Crowded::Together => (
                "503 Service Unavailable",
                "organization:busy",
                "too many connections at a time (limits.connections); try again",
            ),
            Crowded::Client => (
                "429 Too Many Requests",
                "key:client_limit",
                "too many connections from this address at a time (server.connections_per_ip); try again",
            ),
        };
        let body = format!("{{\"detail\":\"{detail}\"}}");
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nretry-after: 1\r\nx-sentry-rate-limits: 1::{limit}\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// What a listener serves with.
pub(super) struct Listening {
    pub(super) listener: TcpListener,
    pub(super) settings: Settings,
    /// TLS of our own.
    pub(super) tls: Option<TlsAcceptor>,
    /// Whose connections are limited each by itself.
    pub(super) clients: Option<Arc<Clients>>,
    /// With it, connections are counted, and so is what goes wrong with them.
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: Shutdown,
}

/// Accepts until the wish to stop.
pub(super) async fn serve<H, F>(listening: Listening, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let Listening {
        listener,
        settings,
        tls,
        clients,
        shared,
        tasks,
        shutdown,
    } = listening;
    let permits = Arc::new(Semaphore::new(settings.connections));
    let shedding = Arc::new(Semaphore::new(SHED_AT_A_TIME));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.draining() => return,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Who has many takes none from those who have few.
        let place = match &clients {
            Some(clients) => clients.enter(peer.ip()).ok_or(Crowded::Client),
            None => Ok(Place::default()),
        };
        let permit = place.and_then(|place| {
            let permit = Arc::clone(&permits).try_acquire_owned();
            Ok((place, permit.map_err(|_| Crowded::Together)?))
        });
        let permit = match permit {
            Ok(permit) => permit,
            Err(crowded) => {
                if let Some(shared) = &shared {
                    shared.connection_error(&crowded.trouble());
                }
                let telling = Arc::clone(&shedding).try_acquire_owned();
                // Nothing can be said before a handshake.
                if let (Ok(telling), None) = (telling, &tls) {
                    tasks.spawn(async move {
                        let _telling = telling;
                        let _ = tokio::time::timeout(SHED_TIME, shed(socket, crowded)).await;
                    });
                }
                continue;
            }
        };
        let connection = Connection {
            socket,
            peer,
            settings,
            tls: tls.clone(),
            executor: Tracked(tasks.clone()),
            shutdown: shutdown.clone(),
        };
        let (shared, handler) = (shared.clone(), handler.clone());
        tasks.spawn(async move {
            let _permit = permit;
            let Some(shared) = shared else {
                if let Err(Trouble { detail, .. }) = connection::serve(connection, handler).await {
                    tracing::debug!(detail, "a connection ended badly");
                }
                return;
            };
            let open = shared.metrics().connections();
            open.inc();
            let ended = connection::serve(connection, handler).await;
            open.dec();
            if let Err(trouble) = ended {
                shared.connection_error(&trouble);
            }
        });
    }
}

/// Says that there is no place, whatever is asked.
async fn shed(mut socket: TcpStream, crowded: Crowded) -> io::Result<()> {
    socket.write_all(crowded.answer().as_bytes()).await?;
    socket.shutdown().await?;
    let mut left = SHED_BYTES;
    let mut space = [0; 4096];
    while left > 0 {
        match socket.read(&mut space).await? {
            0 => break,
            some => left = left.saturating_sub(some),
        }
    }
    Ok(())
}
