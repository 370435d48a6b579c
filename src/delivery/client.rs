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
use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, RootCertStore};

use super::Failure;
use super::line::Severable;
use super::outbound::Outbound;
use super::pins::{NotPinned, Pinned};
use super::resolve::Resolver;
use crate::config::{Residency, Roots, TlsFloor, Upstream};

/// Less than what common collectors and load balancers grant, so that we close first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 32;
/// The largest head of an answer, and the most header lines in it. A real one has some hundred bytes.
const HEAD_BYTES: usize = 64 << 10;
const HEADERS: usize = 100;

pub(super) type Pool = Client<HttpsConnector<Severable<HttpConnector<Resolver>>>, Outbound>;

/// The way to the collector could not be set up.
#[derive(Debug)]
pub(crate) struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        TlsError(error.to_string())
    }
}

/// How TLS is spoken with the collector: by which versions, with whose certificates, and by which keys.
pub(super) fn tls(config: &Upstream, residency: &Residency) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let both = [&rustls::version::TLS13, &rustls::version::TLS12];
    let versions = match residency.tls {
        TlsFloor::Tls12 => both.as_slice(),
        TlsFloor::Tls13 => &both[..1],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)?;
    // To read hundreds of certificates takes milliseconds.
    let roots = match config.url.is_secure() {
        true => roots(config.roots),
        false => RootCertStore::empty(),
    };
    if residency.pins.is_empty() {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| TlsError(error.to_string()))?;
    let verifier = Arc::new(Pinned {
        inner,
        pins: residency.pins.clone(),
    });
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

pub(super) fn pool(
    config: &Upstream,
    residency: &Residency,
    resolver: Resolver,
) -> Result<Pool, TlsError> {
    let tls = tls(config, residency)?;
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(config.connect_timeout));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(Severable(tcp));
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http1_max_buf_size(HEAD_BYTES)
        .http1_max_headers(HEADERS)
        .http2_max_header_list_size(HEAD_BYTES as u32)
        .build(connector))
}

fn roots(choice: Roots) -> RootCertStore {
    let mut store = RootCertStore::empty();
    if choice == Roots::System {
        let found = rustls_native_certs::load_native_certs();
        let chosen = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| std::env::var_os(name).is_some());
        if chosen.contains(&true) {
            for error in &found.errors {
                tracing::warn!(%error, "SSL_CERT_FILE or SSL_CERT_DIR can't be read as a whole");
            }
        }
        store.add_parsable_certificates(found.certs);
    }
    // A container from scratch has none.
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    store
}

/// What went wrong, by the causes behind the error. They name hosts, ports and states, never what was sent. Where the
/// cause tells a mistake in the configuration, what to do about it is said instead.
pub(super) fn failure(error: &Error, secure: bool) -> Failure {
    const CLOSED: [io::ErrorKind; 4] = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::UnexpectedEof,
    ];
    let mut causes = Vec::new();
    let mut closed = false;
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if io.kind() == io::ErrorKind::TimedOut {
                return Failure::Timeout;
            }
            if let Some(tls) = io.get_ref().and_then(tls_error) {
                return Failure::Unreachable(handshake(tls).to_owned());
            }
            closed |= CLOSED.contains(&io.kind());
        }
        closed |= cause
            .downcast_ref()
            .is_some_and(hyper::Error::is_incomplete_message);
        if cause.downcast_ref().is_some_and(hyper::Error::is_parse) {
            return Failure::Broken(
                "its port does not speak HTTP; if it is one for TLS, set upstream.url to https://"
                    .to_owned(),
            );
        }
        causes.push(cause.to_string());
        source = cause.source();
    }
    if closed && !error.is_connect() {
        let hint = match secure {
            true => "",
            false => "; if its port speaks TLS, set upstream.url to https://",
        };
        return Failure::Broken(format!(
            "the collector closed the connection without an answer{hint}"
        ));
    }
    let why = causes.pop().unwrap_or_else(|| error.to_string());
    if error.is_connect() {
        Failure::Unreachable(why)
    } else {
        Failure::Broken(why)
    }
}

/// Why a handshake failed, and what to do about it.
pub(super) fn handshake_failure(error: &io::Error) -> String {
    match error.get_ref().and_then(tls_error) {
        Some(tls) => handshake(tls).to_owned(),
        None => error.to_string(),
    }
}

/// Why there was no handshake where keys are pinned.
pub(super) const NOT_PINNED: &str = "the key of its certificate is none of residency.pins; if the collector has a new one that you trust, \
     add it (scrubline check shows it)";

/// What TLS says. It comes wrapped twice.
fn tls_error<'a>(
    error: &'a (dyn std::error::Error + Send + Sync + 'static),
) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().and_then(tls_error),
        None => error.downcast_ref(),
    }
}

/// Why there was no handshake, and what to do about it. The library's own words are names out of its code.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may add what it likes; all of it is a bad certificate"
)]
fn handshake(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Wrong;
    use rustls::Error as Tls;
    if let Tls::InvalidMessage(rustls::InvalidMessage::InvalidContentType) = error {
        return "its port does not speak TLS; set upstream.url to the port that does, or to http://";
    }
    if let Tls::AlertReceived(_) = error {
        return "it broke off the TLS handshake; see what its own log says";
    }
    if let Tls::PeerIncompatible(_) = error {
        return "it offers neither TLS 1.3 nor TLS 1.2 (which residency.tls = \"1.3\" forbids) with a cipher that is known here";
    }
    let Tls::InvalidCertificate(wrong) = error else {
        return "the TLS handshake failed";
    };
    match wrong {
        Wrong::UnknownIssuer => {
            "no authority that is trusted has signed its certificate; where a private one has, set the environment variable \
             SSL_CERT_FILE to a file with that authority's certificate (upstream.roots must be \"system\")"
        }
        Wrong::Expired | Wrong::ExpiredContext { .. } => "its certificate has expired",
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            "its certificate is not valid yet; see whether the clock here is right"
        }
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            "its certificate is for another name than that in upstream.url"
        }
        Wrong::Revoked => "its certificate has been revoked",
        Wrong::Other(other) if other.0.is::<NotPinned>() => NOT_PINNED,
        // The verifier's own error, of a crate that we don't name.
        Wrong::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is that of an authority (CA:TRUE), which can't be a server's; give it one that the authority \
             has signed, and set the environment variable SSL_CERT_FILE to a file with the authority's"
        }
        _ => "its certificate is not valid",
    }
}
