//! `[server.tls]`: TLS of our own. There is none until a certificate is named.

use super::keys::Key;
use super::value::{named, quoted};

/// `[server.tls]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerTls {
    /// Path of the certificate and those that lead to its authority, in PEM. Empty for none.
    pub cert: String,
    /// Path of its private key, in PEM.
    pub key: String,
    /// The oldest version that is spoken. Default 1.2.
    pub min_version: MinVersion,
}

impl ServerTls {
    /// Whether the listener speaks TLS.
    pub fn is_on(&self) -> bool {
        !self.cert.is_empty()
    }
}

/// The oldest TLS that is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// 1.2, with authenticated encryption and ephemeral keys.
    #[default]
    Tls12,
    /// 1.3.
    Tls13,
}

impl MinVersion {
    const NAMES: [(&str, MinVersion); 2] = [("1.2", MinVersion::Tls12), ("1.3", MinVersion::Tls13)];
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "server.tls.cert",
        set: |config, value| {
            value
                .text()
                .map(|it| config.server.tls.cert = it.to_owned())
        },
        show: |config| quoted(&config.server.tls.cert),
    },
    Key {
        name: "server.tls.key",
        set: |config, value| {
            let text = value.text()?;
            if text.contains("PRIVATE KEY") {
                return Err("holds a key itself; give the path of a file that does".to_owned());
            }
            config.server.tls.key = text.to_owned();
            Ok(())
        },
        show: |config| quoted(&config.server.tls.key),
    },
    Key {
        name: "server.tls.min_version",
        set: |config, value| {
            value
                .one_of(&MinVersion::NAMES)
                .map(|it| config.server.tls.min_version = it)
        },
        show: |config| named(&MinVersion::NAMES, config.server.tls.min_version),
    },
];
