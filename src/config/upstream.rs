//! The URL of the collector: scheme, host, port, and a path prefix for collectors that live under one. Nothing else may
//! be in it, so nothing secret can be.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, Scheme};

/// Where the collector is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl {
    secure: bool,
    authority: Authority,
    /// Empty, or `/something` without a slash at its end.
    prefix: String,
}

impl UpstreamUrl {
    /// Reads `https://o1.ingest.de.sentry.io` or `http://127.0.0.1:8000/prefix`. The error says what to do, and shows
    /// nothing of a URL that holds user info or a query.
    pub fn parse(text: &str) -> Result<UpstreamUrl, String> {
        const EXAMPLE: &str = "as \"https://o1.ingest.de.sentry.io\"";
        let text = text.trim();
        // Before anything is shown: a DSN pasted whole has a key (and once had a secret) in front of the @.
        if text.contains('@') {
            return Err(format!(
                "holds user info; give only scheme, host and port of the DSN, {EXAMPLE}"
            ));
        }
        if text.contains(['?', '#']) {
            return Err(format!(
                "holds a query or fragment; give only scheme, host and port, {EXAMPLE}"
            ));
        }
        let wrong = || format!("{text:?} is no URL of a collector; write it {EXAMPLE}");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) => {
                return Err(format!(
                    "has the scheme {scheme}; it must be https or http, {EXAMPLE}"
                ));
            }
            None => return Err(format!("{text:?} has no scheme; write it {EXAMPLE}")),
        };
        let authority = uri
            .authority()
            .filter(|it| !it.host().is_empty())
            .cloned()
            .ok_or_else(wrong)?;
        if authority.as_str().len() > authority.host().len()
            && authority.port_u16().is_none_or(|port| port == 0)
        {
            return Err(wrong());
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        if prefix.split('/').any(|part| part == "api") {
            return Err(format!(
                "goes on after the host with /api; leave that out, {EXAMPLE}"
            ));
        }
        let last = prefix.rsplit('/').next().unwrap_or_default();
        if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!(
                "ends in /{last}, which looks like the DSN's project; leave it out, {EXAMPLE}"
            ));
        }
        Ok(UpstreamUrl {
            secure,
            authority,
            prefix,
        })
    }

    /// Stands in until the real one has been read; never leaves this module's parent.
    pub(super) fn placeholder() -> UpstreamUrl {
        UpstreamUrl {
            secure: false,
            authority: Authority::from_static("upstream.invalid"),
            prefix: String::new(),
        }
    }

    /// Whether it only stands in for one that nobody needs.
    pub(super) fn is_placeholder(&self) -> bool {
        *self == UpstreamUrl::placeholder()
    }

    /// Whether it is https.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is on this machine, by its address or its name (RFC 6761).
    pub(crate) fn is_here(&self) -> bool {
        let host = self.host();
        match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                host == "localhost" || host.ends_with(".localhost")
            }
        }
    }

    /// Whether it is on this machine or in a private network, by its address or its name (RFC 6761, RFC 8375, and names without a dot,
    /// which only a local resolver knows).
    pub(crate) fn is_near(&self) -> bool {
        let host = self.host();
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local(),
            Err(_) => {
                let local = [".localhost", ".local", ".internal", ".home.arpa", ".svc"];
                !host.contains('.') || local.iter().any(|end| host.ends_with(end))
            }
        }
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    /// The port, said or implied.
    pub fn port(&self) -> u16 {
        self.authority
            .port_u16()
            .unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// The URL of a path on it (`/api/1/envelope/`).
    pub fn join(&self, path: &str) -> Result<Uri, http::Error> {
        let scheme = if self.secure {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        Uri::builder()
            .scheme(scheme)
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.prefix))
            .build()
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}
