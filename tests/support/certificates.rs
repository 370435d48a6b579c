//! Certificates for tests: an authority, what it has signed, and clients that trust it.

#![allow(
    unreachable_pub,
    dead_code,
    reason = "each test file has its own copy and uses a part of it"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::*;

pub const BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// An authority, and the files of a server that it has signed for.
pub struct Files {
    authority: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Files {
    pub fn new() -> Files {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let files = Files {
            authority: rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap(),
            cert: temporary(b""),
            key: temporary(b""),
        };
        files.issue();
        files
    }

    /// Writes a new certificate, with a new key.
    pub fn issue(&self) {
        let (cert, key) = self.issued();
        // As certificate managers do: what is read in between does not fit, and must do no harm.
        std::fs::write(&self.key, key).unwrap();
        std::fs::write(&self.cert, cert).unwrap();
    }

    pub fn issued(&self) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let cert = parameters.signed_by(&key, &self.authority).unwrap();
        (cert.pem(), key.serialize_pem())
    }

    /// The authority's own certificate.
    pub fn authority(&self) -> String {
        self.authority.pem()
    }

    /// What a server needs that is to be taken for `localhost`.
    pub fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let chain = CertificateDer::pem_file_iter(&self.cert).unwrap();
        let key = PrivateKeyDer::from_pem_file(&self.key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    pub async fn serve(&self, upstream: &Upstream, more: &[(&str, &str)]) -> Proxy {
        let mut settings = vec![
            ("server.tls.cert", self.cert.to_str().unwrap()),
            ("server.tls.key", self.key.to_str().unwrap()),
        ];
        settings.extend(more);
        Proxy::start(&upstream.url(), &settings).await
    }

    /// A handshake, or why there was none.
    pub async fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in [&self.cert, &self.key] {
            let _ = std::fs::remove_file(path);
        }
    }
}
