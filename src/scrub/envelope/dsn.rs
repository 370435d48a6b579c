//! A DSN, read strictly: `{scheme}://{public_key}[:{secret}]@{host}[:port]{/path}/{project}` (Sentry developer documentation,
//! authentication). The obsolete secret is a real one and is never written again.

/// The parts of a DSN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dsn<'a> {
    scheme: &'a str,
    pub(super) key: &'a str,
    pub(super) has_secret: bool,
    host: &'a str,
    path: &'a str,
    pub(super) project: &'a str,
}

impl<'a> Dsn<'a> {
    /// Reads a DSN; `None` if it does not have the shape.
    pub(super) fn parse(text: &'a str) -> Option<Dsn<'a>> {
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
        fits.then_some(Dsn {
            scheme,
            key,
            has_secret,
            host,
            path,
            project,
        })
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
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!(
            "{}://{}@{}{slash}{}/{}",
            self.scheme, self.key, self.host, self.path, self.project
        )
    }
}
