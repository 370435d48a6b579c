//! [`probe`]: what can be seen of the collector from here, without sending it anything: its addresses, and its TLS handshake, by the very
//! rules by which telemetry would be sent.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::pins::pin_of;
use super::{Resolver, client};
use crate::config::{Config, Residency};

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Each address, with its country if a database tells.
    pub(crate) addresses: Vec<(IpAddr, Option<String>)>,
    /// The address that was connected to.
    pub(crate) peer: Option<IpAddr>,
    /// Version and cipher suite, as TLS names them.
    pub(crate) tls: Option<(String, String)>,
    /// From the collector's own certificate on.
    pub(crate) chain: Vec<Link>,
    /// Why no more was seen.
    pub(crate) failure: Option<Blind>,
}

/// Why something was not seen.
#[derive(Debug)]
pub(crate) enum Blind {
    /// It could not be, from here and now: no network, most likely.
    Unreachable(String),
    /// It was, and must not be sent to.
    Refused(String),
}

/// A certificate.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// Until when it is valid.
    pub(crate) until: String,
    /// The pin of its key, as `residency.pins` takes it.
    pub(crate) pin: String,
}

/// Looks.
pub(crate) async fn probe(config: &Config, resolver: &Resolver) -> Seen {
    let mut seen = Seen::default();
    seen.failure = look(config, resolver, &mut seen).await.err();
    seen
}

async fn look(config: &Config, resolver: &Resolver, seen: &mut Seen) -> Result<(), Blind> {
    let url = &config.upstream.url;
    let patience = config.upstream.connect_timeout;
    let late = |what: &str| {
        Blind::Unreachable(format!("{what} took longer than upstream.connect_timeout"))
    };
    let unreachable = |error: std::io::Error| Blind::Unreachable(error.to_string());
    let found = timeout(patience, resolver.look_up(url.host())).await;
    let found = found
        .map_err(|_| late("the look-up of its name"))?
        .map_err(unreachable)?;
    seen.addresses = found
        .iter()
        .map(|it| (*it, resolver.country(*it)))
        .collect();
    resolver.judge(url.host(), &found).map_err(Blind::Refused)?;
    let connect = async {
        let mut last = None;
        for address in &found {
            match TcpStream::connect((*address, url.port())).await {
                Ok(stream) => return Ok((stream, *address)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| std::io::Error::other("it has no address")))
    };
    let connected = timeout(patience, connect).await;
    let (stream, peer) = connected
        .map_err(|_| late("a connection"))?
        .map_err(unreachable)?;
    seen.peer = Some(peer);
    if !url.is_secure() {
        return Ok(());
    }
    // Pins are looked at below, so that the key of a new certificate can be seen, too.
    let unpinned = Residency {
        pins: Vec::new(),
        ..config.residency.clone()
    };
    let tls = client::tls(&config.upstream, &unpinned)
        .map_err(|error| Blind::Refused(error.to_string()))?;
    let name = ServerName::try_from(url.host().to_owned())
        .map_err(|_| Blind::Refused(format!("{} is no name for TLS", url.host())))?;
    let handshake = TlsConnector::from(Arc::new(tls)).connect(name, stream);
    let stream = timeout(patience, handshake)
        .await
        .map_err(|_| late("the TLS handshake"))?
        .map_err(|error| Blind::Refused(client::handshake_failure(&error)))?;
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().map(|it| format!("{it:?}"));
    let suite = session
        .negotiated_cipher_suite()
        .map(|it| format!("{:?}", it.suite()));
    // `TLSv1_3` is how the library spells it.
    seen.tls = version.zip(suite).map(|(version, suite)| {
        (
            version.replace("TLSv1_", "1."),
            suite.replace("TLS13_", "TLS_"),
        )
    });
    let chain = session.peer_certificates().unwrap_or_default();
    seen.chain = chain.iter().filter_map(link).collect();
    let pins = &config.residency.pins;
    let pinned = chain
        .first()
        .and_then(|own| pin_of(own))
        .is_some_and(|own| pins.contains(&own));
    if pins.is_empty() || pinned {
        Ok(())
    } else {
        Err(Blind::Refused(client::NOT_PINNED.to_owned()))
    }
}

fn link(certificate: &CertificateDer<'_>) -> Option<Link> {
    let read = Certificate::from_der(certificate).ok()?;
    let content = read.tbs_certificate();
    Some(Link {
        subject: content.subject().to_string(),
        issuer: content.issuer().to_string(),
        until: content.validity().not_after.to_string(),
        pin: pin_of(certificate)?.to_string(),
    })
}
