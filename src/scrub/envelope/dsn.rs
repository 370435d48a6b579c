//! A DSN, read strictly: `{scheme}://{public_key}[:{secret}]@{host}[:port]{/path}/{project}` (Sentry developer documentation,
//! authentication). The obsolete secret is a real one and is never written again.

use std::fmt;

/// The parts of a DSN, less its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dsn {
    scheme: String,
    key: String,
    has_secret: bool,
    /// With its port, if there is one.
    host: String,
    path: String,
    project: String,
}

impl Dsn {
    /// Reads a DSN; `None` if it does not have the shape.
    pub fn parse(text: &str) -> Option<Dsn> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_once('/')?;
        let (user, host) = authority.split_once('@')?;
        let (key, secret) = match user.split_once(':') {
            Some((key, secret)) => (key, Some(secret)),
            None => (user, None),
        };
        let (path, project) = match path.rsplit_once('/') {
            Some((path, project)) => (path, project),
            None => ("", path),
        };
        let all = |text: &str, extra: &[u8]| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
        };
        let fits = matches!(scheme, "http" | "https")
            && !key.is_empty()
            && key.len() <= 64
            && all(key, b".-_")
            && secret.is_none_or(|secret| all(secret, b""))
            && !host.is_empty()
            && all(host, b".-_:[]")
            && all(path, b"/.-_~")
            && !project.is_empty()
            && project.bytes().all(|b| b.is_ascii_digit());
        let has_secret = secret.is_some_and(|secret| !secret.is_empty());
        fits.then(|| Dsn {
            scheme: scheme.to_owned(),
            key: key.to_owned(),
            has_secret,
            host: host.to_owned(),
            path: path.to_owned(),
            project: project.to_owned(),
        })
    }

    /// The public key, with its flags if it has any (`key.no-cache`).
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The project: digits.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Whether it had a secret. That is not kept.
    pub fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// Whether both name one project of one place by one key. A host counts in any case, a port that its scheme implies may be left
    /// out, and flags of a key don't count.
    pub fn is_same_as(&self, other: &Dsn) -> bool {
        self.scheme == other.scheme
            && bare_key(&self.key) == bare_key(&other.key)
            && self
                .host_and_port()
                .eq_ignore_ascii_case(other.host_and_port())
            && self.path.trim_matches('/') == other.path.trim_matches('/')
            && self.project == other.project
    }

    /// The host, and the port where the scheme does not imply it.
    fn host_and_port(&self) -> &str {
        let implied = if self.scheme == "https" {
            ":443"
        } else {
            ":80"
        };
        self.host.strip_suffix(implied).unwrap_or(&self.host)
    }

    /// All of it but its user: where it leads.
    pub(super) fn place(&self) -> String {
        let Dsn {
            scheme,
            host,
            path,
            project,
            ..
        } = self;
        format!("{scheme}://{host}/{path}/{project}")
    }

    /// The DSN without its secret.
    pub(super) fn to_public(&self) -> String {
        self.with_key(&self.key)
    }

    /// The DSN without its secret, and with this key.
    pub(super) fn with_key(&self, key: &str) -> String {
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!(
            "{}://{key}@{}{slash}{}/{}",
            self.scheme, self.host, self.path, self.project
        )
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_public())
    }
}

/// A key without its flags (Relay, `parse_with_flags`).
pub fn bare_key(key: &str) -> &str {
    key.split('.').next().unwrap_or_default()
}
