//! TLS of our own: 1.2 and 1.3 by rustls with ring, which has no cipher suite without authenticated encryption; HTTP/2 by ALPN. When the
//! files change they are read again: connections that are open keep what they have, new ones get the new certificate.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use tokio_rustls::TlsAcceptor;

use super::Shutdown;
use crate::config::{MinVersion, ServerTls, reading};

/// How often the files are looked at. By their bytes: what Kubernetes mounts changes behind a link, with an old date.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A chain has a few thousand bytes.
const FILE_BYTES: u64 = 1 << 20;

/// Certificate and key, and where they came from.
pub(super) struct Certificate {
    paths: ServerTls,
    provider: Arc<CryptoProvider>,
    current: RwLock<Current>,
}

struct Current {
    /// The bytes of both files.
    read: [Vec<u8>; 2],
    key: Arc<CertifiedKey>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate of {}", self.paths.cert)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.key))
    }
}

impl Certificate {
    /// Reads both files. Nothing, where there is no TLS of our own.
    ///
    /// # Errors
    /// What is wrong with them, with the key of the configuration.
    pub(super) fn load(config: &ServerTls) -> Result<Option<Arc<Certificate>>, String> {
        if !config.is_on() {
            return Ok(None);
        }
        let provider = Arc::new(ring::default_provider());
        let read = read(config)?;
        let key = Arc::new(certified(&read, config, &provider)?);
        Ok(Some(Arc::new(Certificate {
            paths: config.clone(),
            provider,
            current: RwLock::new(Current { read, key }),
        })))
    }

    /// What accepts handshakes with it.
    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, rustls::Error> {
        let versions: &[&SupportedProtocolVersion] = match self.paths.min_version {
            MinVersion::Tls12 => &[&version::TLS13, &version::TLS12],
            MinVersion::Tls13 => &[&version::TLS13],
        };
        let resolver = Arc::clone(self) as Arc<dyn ResolvesServerCert>;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again whenever they change, until the wish to stop. What is wrong then is told, and the old certificate stays.
    pub(super) async fn follow(self: Arc<Self>, stop: Shutdown) {
        let mut told: Option<String> = None;
        loop {
            tokio::select! {
                () = stop.draining() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.look() {
                Ok(false) => told = None,
                Ok(true) => {
                    told = None;
                    tracing::info!("the certificate has changed; new connections get the new one");
                }
                // Once for each mistake, not every time.
                Err(why) if told.as_ref() != Some(&why) => {
                    tracing::warn!("{why}; the old certificate stays");
                    told = Some(why);
                }
                Err(_) => {}
            }
        }
    }

    /// Whether there was something new.
    fn look(&self) -> Result<bool, String> {
        let read = read(&self.paths)?;
        let is_same = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            current.read == read
        };
        if is_same {
            return Ok(false);
        }
        let key = Arc::new(certified(&read, &self.paths, &self.provider)?);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current { read, key };
        Ok(true)
    }
}

fn read(config: &ServerTls) -> Result<[Vec<u8>; 2], String> {
    let file = |key: &str, path: &str| {
        let told = |why: String| format!("server.tls.{key}: {path}: {why}");
        let length = std::fs::metadata(Path::new(path)).map(|metadata| metadata.len());
        if length.is_ok_and(|length| length > FILE_BYTES) {
            return Err(told("is larger than a certificate is".to_owned()));
        }
        std::fs::read(path).map_err(|error| told(reading::why(Path::new(path), &error)))
    };
    Ok([file("cert", &config.cert)?, file("key", &config.key)?])
}

fn certified(
    [cert, key]: &[Vec<u8>; 2],
    config: &ServerTls,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(cert)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if chain.is_empty() {
        return Err(format!(
            "server.tls.cert: {}: has no certificate in PEM (-----BEGIN CERTIFICATE-----)",
            config.cert
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        format!(
            "server.tls.key: {}: has no private key in PEM (-----BEGIN PRIVATE KEY-----)",
            config.key
        )
    })?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| {
        if let rustls::Error::InconsistentKeys(_) = error {
            return format!(
                "server.tls.key: {}: is not the key of the certificate in {}",
                config.key, config.cert
            );
        }
        format!("server.tls.cert: {}: {error}", config.cert)
    })
}
