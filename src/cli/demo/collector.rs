//! The collector behind the demo's proxy: takes whatever comes, answers 200, and hands it on to be shown. All it ever sees
//! is scrubbed.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

/// The largest body that is taken: what is shown has to be held.
const BODY_BYTES: usize = 32 << 20;

/// One request that came through.
pub(super) struct Arrival {
    /// The digits after `/api/`.
    pub(super) project: String,
    /// Whether its body is one event, not an envelope.
    pub(super) store: bool,
    /// Request line and headers, one a line.
    pub(super) head: String,
    pub(super) body: Bytes,
}

pub(super) struct Collector {
    listener: TcpListener,
    address: SocketAddr,
}

impl Collector {
    /// Takes a free port on loopback.
    pub(super) async fn bind() -> io::Result<Collector> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Collector { listener, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is dropped, or nothing can be accepted any more.
    pub(super) async fn serve(self, arrivals: Sender<Arrival>) -> io::Error {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, _)) => {
                        connections.spawn(connection(socket, arrivals.clone()));
                    }
                    Err(error) => return error,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn connection(socket: TcpStream, arrivals: Sender<Arrival>) {
    let service = service_fn(|request| {
        let arrivals = arrivals.clone();
        async move { Ok::<_, Infallible>(take(request, arrivals).await) }
    });
    // A connection that ends badly is the proxy's to report.
    let _ = Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn take(request: Request<Incoming>, arrivals: Sender<Arrival>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(_) => {
            return answer(
                StatusCode::PAYLOAD_TOO_LARGE,
                "{\"detail\":\"the demo takes bodies of up to 32 MiB\"}",
            );
        }
    };
    let path = parts.uri.path();
    let mut head = format!("{} {}\n", parts.method, parts.uri);
    for (name, value) in &parts.headers {
        head.push_str(&format!("{name}: {}\n", value.to_str().unwrap_or_default()));
    }
    let arrival = Arrival {
        project: path.split('/').nth(2).unwrap_or_default().to_owned(),
        store: path.ends_with("/store/"),
        head,
        body,
    };
    // Before the answer, so that it is here when the request has ended. Nobody may be listening any more.
    let _ = arrivals.send(arrival).await;
    answer(StatusCode::OK, "{}")
}

fn answer(status: StatusCode, json: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(json.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
