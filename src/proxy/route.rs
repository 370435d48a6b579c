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
    /// `/api/{project}/store/`: one JSON event.
    Store,
}

/// What a path means, and its project.
fn served(path: &str) -> Option<(Kind, &str)> {
    let (project, name) = path.strip_prefix("/api/")?.split_once('/')?;
    let digits = (1..=PROJECT_DIGITS).contains(&project.len())
        && project.bytes().all(|b| b.is_ascii_digit());
    let kind = match name.strip_suffix('/').unwrap_or(name) {
        "envelope" if digits => Kind::Envelope,
        "store" if digits => Kind::Store,
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
        };
        format!("/api/{}/{name}/", self.project)
    }

    /// What its bodies are.
    pub(super) fn format(&self) -> Format {
        match self.kind {
            Kind::Envelope => Format::Envelope,
            Kind::Store => Format::Event,
        }
    }

    /// The content type of its bodies, where the client's is not one we pass on.
    pub(super) fn content_type(&self) -> &'static str {
        match self.kind {
            Kind::Envelope => "application/x-sentry-envelope",
            Kind::Store => "application/json",
        }
    }

    /// The key, on routes that carry it in their path (those of crons and Unreal; none of them is served yet).
    pub(super) fn key(&self) -> Option<&str> {
        match self.kind {
            Kind::Envelope | Kind::Store => None,
        }
    }
}
