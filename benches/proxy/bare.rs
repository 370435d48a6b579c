//! The floor: a pass-through that does nothing, built of what Scrubline is built of. The same server, the same pooled client, one
//! request in and one out, bodies streamed both ways.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;

type Pool = Client<HttpConnector, Incoming>;

/// Listens on `listen` and passes everything on to `upstream`, for ever.
pub(super) fn run(listen: SocketAddr, upstream: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(serve(listen, upstream));
}

async fn serve(listen: SocketAddr, upstream: SocketAddr) {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    let client: Pool = Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(32)
        .build(tcp);
    let upstream: Authority = upstream.to_string().parse().unwrap();
    let listener = TcpListener::bind(listen).await.unwrap();
    // On a worker, as connections are; the thread that began all this only waits.
    let accept = async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let _ = socket.set_nodelay(true);
            let (client, upstream) = (client.clone(), upstream.clone());
            tokio::spawn(async move {
                let service =
                    service_fn(move |request| pass(client.clone(), upstream.clone(), request));
                let mut builder = Builder::new(TokioExecutor::new());
                builder
                    .http1()
                    .timer(TokioTimer::new())
                    .header_read_timeout(None);
                builder.http2().timer(TokioTimer::new());
                let _ = builder
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    };
    tokio::spawn(accept).await.unwrap();
}

async fn pass(
    client: Pool,
    upstream: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Infallible> {
    let path = request.uri().path_and_query().cloned().unwrap();
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(upstream)
        .path_and_query(path);
    *request.uri_mut() = uri.build().unwrap();
    request.headers_mut().remove(header::HOST);
    Ok(match client.request(request).await {
        Ok(response) => response.map(BodyExt::boxed),
        Err(_) => {
            let nothing = Empty::new().map_err(|never| match never {}).boxed();
            let mut response = Response::new(nothing);
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    })
}
