//! Pooled connections to the collector: TLS 1.2 and 1.3 by rustls with ring, HTTP/2 where the collector offers it.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

use super::Failure;
use super::outbound::Outbound;
use crate::config::{Roots, Upstream};

/// Less than what common collectors and load balancers grant, so that we close first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 32;

pub(super) type Pool = Client<HttpsConnector<HttpConnector>, Outbound>;

/// TLS could not be set up.
#[derive(Debug)]
pub(crate) struct TlsError(rustls::Error);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

pub(super) fn pool(config: &Upstream) -> Result<Pool, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError)?
        .with_root_certificates(roots(config.roots))
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(config.connect_timeout));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build(connector))
}

fn roots(choice: Roots) -> RootCertStore {
    let mut store = RootCertStore::empty();
    if choice == Roots::System {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    // A container from scratch has none.
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    store
}

/// What went wrong, by the causes behind the error. They name hosts, ports and states, never what was sent. Where the
/// cause tells a mistake in the configuration, what to do about it is said instead.
pub(super) fn failure(error: &Error) -> Failure {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if io.kind() == io::ErrorKind::TimedOut {
                return Failure::Timeout;
            }
            if io.get_ref().is_some_and(is_not_tls) {
                return Failure::Unreachable(
                    "its port does not speak TLS; set upstream.url to the port that does, or to http://"
                        .to_owned(),
                );
            }
        }
        if cause.downcast_ref().is_some_and(hyper::Error::is_parse) {
            return Failure::Broken(
                "its port does not speak HTTP; if it is one for TLS, set upstream.url to https://"
                    .to_owned(),
            );
        }
        causes.push(cause.to_string());
        source = cause.source();
    }
    let why = causes.pop().unwrap_or_else(|| error.to_string());
    if error.is_connect() {
        Failure::Unreachable(why)
    } else {
        Failure::Broken(why)
    }
}

/// Whether the far side answered the first words of a handshake with something else. The error comes wrapped twice.
fn is_not_tls(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return io.get_ref().is_some_and(is_not_tls);
    }
    matches!(
        error.downcast_ref(),
        Some(rustls::Error::InvalidMessage(
            rustls::InvalidMessage::InvalidContentType
        ))
    )
}
