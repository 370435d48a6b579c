//! Method and path to [`Route`]. What is not listed is not forwarded.

use http::Method;

use super::respond::Reject;
use crate::scrub::Format;

/// Project ids have at most as many digits as a 64-bit number.
const PROJECT_DIGITS: usize = 20;

/// What a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `/api/{project}/envelope/`
    Envelope,
    /// `/api/{project}/store/`: one JSON event, in any of the forms that old SDKs send.
    Store,
    /// `/api/{project}/security/` and `/csp-report/`: a browser's report of a violated policy.
    Security,
    /// `/api/{project}/nel/`: a browser's reports of network errors.
    Nel,
    /// `/api/{project}/integration/otlp/v1/traces` or `/logs`, in JSON.
    Otlp(&'static str),
}

/// What a path means, and its project.
fn served(path: &str) -> Option<(Kind, &str)> {
    let (project, name) = path.strip_prefix("/api/")?.split_once('/')?;
    let digits = (1..=PROJECT_DIGITS).contains(&project.len())
        && project.bytes().all(|b| b.is_ascii_digit());
    let kind = match name.strip_suffix('/').unwrap_or(name) {
        "envelope" if digits => Kind::Envelope,
        "store" if digits => Kind::Store,
        "security" | "csp-report" if digits => Kind::Security,
        "nel" if digits => Kind::Nel,
        "integration/otlp/v1/traces" if digits => Kind::Otlp("traces"),
        "integration/otlp/v1/logs" if digits => Kind::Otlp("logs"),
        _ => return None,
    };
    Some((kind, project))
}

/// A path that we serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) kind: Kind,
    /// Digits.
    pub(super) project: String,
}

impl Route {
    /// Reads method and path. A last slash may be left out; nothing else is forgiven, no escapes and no double slashes.
    pub(super) fn find(method: &Method, path: &str) -> Result<Route, Reject> {
        let Some((kind, project)) = served(path) else {
            // A DSN with a path: `/sentry/api/42/envelope/`.
            let prefixed = path
                .rfind("/api/")
                .is_some_and(|at| served(&path[at..]).is_some());
            return Err(Reject::NotFound { prefixed });
        };
        if method != Method::POST {
            return Err(Reject::Method);
        }
        Ok(Route {
            kind,
            project: project.to_owned(),
        })
    }

    /// The path on the collector.
    pub(super) fn upstream_path(&self) -> String {
        let name = match self.kind {
            Kind::Envelope => "envelope",
            Kind::Store => "store",
            Kind::Security => "security",
            Kind::Nel => "nel",
            Kind::Otlp(signal) => {
                return format!("/api/{}/integration/otlp/v1/{signal}/", self.project);
            }
        };
        format!("/api/{}/{name}/", self.project)
    }

    /// What its bodies are.
    pub(super) fn format(&self) -> Format {
        match self.kind {
            Kind::Envelope => Format::Envelope,
            Kind::Store => Format::Store,
            Kind::Security | Kind::Nel | Kind::Otlp(_) => Format::Json,
        }
    }

    /// Whether a content type can be what the route takes. Most routes take their bodies for what they must be, whatever a client
    /// calls them; OTLP has two forms, of which one is JSON.
    pub(super) fn takes(&self, content_type: Option<&str>) -> bool {
        let media = content_type.unwrap_or_default().split(';').next();
        let media = media.unwrap_or_default().trim().to_ascii_lowercase();
        match self.kind {
            Kind::Envelope | Kind::Store | Kind::Security | Kind::Nel => true,
            Kind::Otlp(_) => media == "application/json",
        }
    }

    /// The content type of its bodies, where the client's is not one we pass on.
    pub(super) fn content_type(&self) -> &'static str {
        match self.kind {
            Kind::Envelope => "application/x-sentry-envelope",
            Kind::Store | Kind::Security | Kind::Nel | Kind::Otlp(_) => "application/json",
        }
    }

    /// The key, on routes that carry it in their path (those of crons and Unreal; none of them is served yet).
    pub(super) fn key(&self) -> Option<&str> {
        match self.kind {
            Kind::Envelope | Kind::Store | Kind::Security | Kind::Nel | Kind::Otlp(_) => None,
        }
    }
}
