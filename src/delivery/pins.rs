//! [`Pinned`]: a certificate is verified as ever, and then it must have a public key that the operator has pinned.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::config::Pin;

/// What handshakes fail by where no key is pinned.
#[derive(Debug)]
pub(super) struct NotPinned;

impl std::fmt::Display for NotPinned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no key of its certificates is pinned")
    }
}

impl std::error::Error for NotPinned {}

/// Verifies as `inner` does, and then by pins.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) inner: Arc<dyn ServerCertVerifier>,
    pub(super) pins: Vec<Pin>,
}

/// SHA-256 of a certificate's public key (SubjectPublicKeyInfo; RFC 7469). `None` of what is no certificate.
pub(crate) fn pin_of(certificate: &[u8]) -> Option<Pin> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let key = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .ok()?;
    Some(Pin(Sha256::digest(key).into()))
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        // What a server sends beside its own certificate need not be part of the chain; only its own is proved to be.
        let pinned = pin_of(end_entity).is_some_and(|pin| self.pins.contains(&pin));
        match pinned {
            true => Ok(verified),
            false => {
                let wrong = CertificateError::Other(rustls::OtherError(Arc::new(NotPinned)));
                Err(Error::InvalidCertificate(wrong))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
