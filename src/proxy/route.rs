//! Method and path to [`Route`]. What is not listed is not forwarded.

use std::sync::Arc;

use http::{HeaderValue, Method};

use super::respond::{Dialect, Missed, Reject};
use super::tunnel::Tunnel;
use crate::delivery::Media;
use crate::ingress::Ingress;
use crate::scrub::{Boundary, Format, Limits, Opaque, Plan, Scrubber, Signal};

/// Project ids have at most as many digits as a 64-bit number.
const PROJECT_DIGITS: usize = 20;

/// Where the tunnel is, if it is nowhere else (`tunnel.path`).
const USUAL_TUNNEL: &str = "/tunnel";

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
    /// `/api/{project}/minidump/`: a minidump, alone or in a form with files and an event.
    Minidump,
    /// `/api/{project}/integration/otlp/v1/traces` or `/logs`, in JSON or Protocol Buffers.
    Otlp(Signal),
}

/// What a body is: how it is read, and as what its scrubbed form is sent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Envelope,
    /// An event, whatever it comes in.
    Store,
    /// A browser's.
    Report,
    OtlpJson,
    /// In Protocol Buffers.
    Otlp(Signal),
    /// A crash reporter's form, or, without a boundary, a minidump alone.
    Minidump(Option<Boundary>),
}

impl Content {
    /// The scrubber of such a body.
    pub(super) fn scrubber(&self, plan: Arc<Plan>, limits: &Limits) -> Scrubber {
        let format = match self {
            Content::Envelope => Format::Envelope,
            Content::Store => Format::Store,
            Content::Report | Content::OtlpJson => Format::Json,
            Content::Otlp(signal) => Format::Otlp(*signal),
            Content::Minidump(boundary) => {
                return Scrubber::minidump(plan, boundary.clone(), limits);
            }
        };
        Scrubber::new(plan, format, limits)
    }

    /// The content type of what is sent on.
    pub(super) fn media(&self, plan: &Plan) -> Result<Media, Reject> {
        Ok(match self {
            Content::Minidump(_) if self.is_envelope(plan) => {
                Media::Is(HeaderValue::from_static("application/x-sentry-envelope"))
            }
            Content::Minidump(None) => {
                Media::Is(HeaderValue::from_static("application/octet-stream"))
            }
            Content::Minidump(Some(boundary)) => {
                let value = HeaderValue::try_from(boundary.content_type());
                Media::Is(value.map_err(|_| Reject::Internal("a boundary that fits no header"))?)
            }
            Content::Envelope => Media::Usually("application/x-sentry-envelope"),
            Content::Report | Content::OtlpJson => Media::Usually("application/json"),
            Content::Store => Media::Is(HeaderValue::from_static("application/json")),
            Content::Otlp(_) => Media::Is(HeaderValue::from_static("application/x-protobuf")),
        })
    }

    /// Whether it leaves as an envelope: what is left of a minidump request without its dump does.
    pub(super) fn is_envelope(&self, plan: &Plan) -> bool {
        match self {
            Content::Envelope => true,
            Content::Minidump(_) => !plan.passes(Opaque::Minidump),
            Content::Store | Content::Report | Content::OtlpJson | Content::Otlp(_) => false,
        }
    }

    /// What the client expects an answer to be written in.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Content::Envelope | Content::Store | Content::Report | Content::OtlpJson => {
                Dialect::Json
            }
            Content::Otlp(_) => Dialect::Protobuf,
            Content::Minidump(_) => Dialect::Id,
        }
    }
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
        "minidump" if digits => Kind::Minidump,
        "integration/otlp/v1/traces" if digits => Kind::Otlp(Signal::Traces),
        "integration/otlp/v1/logs" if digits => Kind::Otlp(Signal::Logs),
        _ => return None,
    };
    Some((kind, project))
}

/// A path that we serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) kind: Kind,
    /// By which door it came.
    pub(super) ingress: Ingress,
    /// Digits. In the tunnel, the envelope names it.
    pub(super) project: Option<String>,
}

impl Route {
    /// Reads method and path. A last slash may be left out; nothing else is forgiven, no escapes and no double slashes.
    pub(super) fn find(
        method: &Method,
        path: &str,
        tunnel: Option<&Tunnel>,
    ) -> Result<Route, Reject> {
        if tunnel.is_some_and(|tunnel| tunnel.is_at(path)) {
            return match *method {
                Method::POST => Ok(Route {
                    kind: Kind::Envelope,
                    ingress: Ingress::Tunnel,
                    project: None,
                }),
                _ => Err(Reject::Method),
            };
        }
        let Some((kind, project)) = served(path) else {
            // A DSN with a path: `/sentry/api/42/envelope/`.
            let prefixed = path
                .rfind("/api/")
                .is_some_and(|at| served(&path[at..]).is_some());
            let missed = match path.strip_suffix('/').unwrap_or(path) {
                USUAL_TUNNEL if tunnel.is_none() => Missed::Tunnel,
                _ if prefixed => Missed::Prefixed,
                _ => Missed::Nothing,
            };
            return Err(Reject::NotFound(missed));
        };
        if method != Method::POST {
            return Err(Reject::Method);
        }
        Ok(Route {
            kind,
            ingress: Ingress::Sidecar,
            project: Some(project.to_owned()),
        })
    }

    /// The type of item that a collector makes of its body; of an envelope, its items tell.
    pub(super) fn item_type(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Envelope => None,
            Kind::Store | Kind::Minidump => Some("event"),
            Kind::Security => Some("raw_security"),
            Kind::Nel => Some("nel"),
            Kind::Otlp(Signal::Traces) => Some("span"),
            Kind::Otlp(Signal::Logs) => Some("log"),
        }
    }

    /// The path on the collector. What leaves as an envelope goes where envelopes go.
    pub(super) fn upstream_path(&self, project: &str, is_envelope: bool) -> String {
        let name = match self.kind {
            Kind::Minidump if is_envelope => "envelope",
            Kind::Minidump => "minidump",
            Kind::Envelope => "envelope",
            Kind::Store => "store",
            Kind::Security => "security",
            Kind::Nel => "nel",
            Kind::Otlp(Signal::Traces) => "integration/otlp/v1/traces",
            Kind::Otlp(Signal::Logs) => "integration/otlp/v1/logs",
        };
        format!("/api/{project}/{name}/")
    }

    /// What its body is. Most routes take their bodies for what they must be, whatever a client calls them; OTLP has two forms,
    /// of which the content type tells.
    ///
    /// # Errors
    /// The content type is none that the route takes.
    pub(super) fn content(&self, content_type: Option<&str>) -> Result<Content, Reject> {
        let media = content_type.unwrap_or_default().split(';').next();
        let media = media.unwrap_or_default().trim().to_ascii_lowercase();
        match self.kind {
            Kind::Envelope => Ok(Content::Envelope),
            Kind::Store => Ok(Content::Store),
            Kind::Security | Kind::Nel => Ok(Content::Report),
            Kind::Minidump => match media.as_str() {
                "multipart/form-data" => Boundary::of(content_type.unwrap_or_default())
                    .map(|boundary| Content::Minidump(Some(boundary)))
                    .ok_or(Reject::Media(
                        "the content type has no boundary of 1 to 70 letters, digits and signs",
                    )),
                "application/octet-stream" | "application/x-dmp" => Ok(Content::Minidump(None)),
                _ => Err(Reject::Media(
                    "a minidump is taken as multipart/form-data, application/octet-stream or application/x-dmp",
                )),
            },
            Kind::Otlp(signal) => match media.as_str() {
                "application/json" => Ok(Content::OtlpJson),
                "application/x-protobuf" | "application/protobuf" => Ok(Content::Otlp(signal)),
                _ => Err(Reject::Media(
                    "OTLP is taken as application/json or application/x-protobuf; set OTEL_EXPORTER_OTLP_PROTOCOL to \
                     http/json or http/protobuf",
                )),
            },
        }
    }

    /// The key, on routes that carry it in their path (those of crons and Unreal; none of them is served yet).
    pub(super) fn key(&self) -> Option<&str> {
        match self.kind {
            Kind::Envelope
            | Kind::Store
            | Kind::Security
            | Kind::Nel
            | Kind::Minidump
            | Kind::Otlp(_) => None,
        }
    }
}
