//! [`Reject`], every reason for which a request does not pass, and the answers: the only place that picks a status code.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use super::heads::Flaw;
use super::limit::Limited;
use super::tunnel::Barred;
use crate::delivery::{Answer, Failure, RATE_LIMITS};
use crate::scrub::decode::DecodeError;
use crate::scrub::{Malformed, Reason};

/// Seconds after which it is worth trying again when we are full.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why a request did not pass.
#[derive(Debug)]
pub(super) enum Reject {
    /// No such route.
    NotFound(Missed),
    /// A job checks in, by a route of its own.
    CheckIns,
    /// The head of the request can't be read in one way only, or asks for what there is not.
    Head(Flaw),
    /// The route takes other methods.
    Method,
    /// A content encoding that we don't read: what is wrong with it.
    Encoding(&'static str),
    /// A content type that the route does not take: what it takes.
    Media(&'static str),
    /// No authorization, or one that can't be: what is wrong.
    Auth(&'static str),
    /// The envelope's `dsn` and the request disagree: on what.
    Disagree(&'static str),
    /// The tunnel does not let it in.
    Barred(Barred),
    /// A request too many for the tunnel.
    Limited(Limited),
    /// The body is longer than this, by its own account.
    TooLong(u64),
    /// The encoding of the body is broken or over a limit.
    Decode(DecodeError),
    /// The body is not what it should be.
    Malformed(Malformed),
    /// The client stopped sending.
    Stalled,
    /// The client went away.
    Gone,
    /// As many requests as we take are in flight, or wait for their bodies: the key of the limit.
    Busy(&'static str),
    /// There is no answer from the collector.
    Upstream(Failure),
    /// A mistake of ours.
    Internal(&'static str),
}

/// What a path that is no route comes near to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missed {
    /// None of ours.
    Nothing,
    /// It would be one without what stands before `/api/`.
    Prefixed,
    /// It is where the tunnel usually is, and there is none.
    Tunnel,
}

/// How much the operator should mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It is as it should be, or the client is to blame.
    Usual,
    /// An event is lost by a limit of ours, or because the collector failed.
    Loss,
    /// A mistake of ours.
    Bug,
}

impl Reject {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Reject::NotFound(_) => StatusCode::NOT_FOUND,
            Reject::CheckIns => StatusCode::FORBIDDEN,
            Reject::Head(flaw) => flaw.status(),
            Reject::Method => StatusCode::METHOD_NOT_ALLOWED,
            Reject::Encoding(_) | Reject::Media(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reject::Auth(_) => StatusCode::UNAUTHORIZED,
            Reject::Barred(barred) => barred.status(),
            Reject::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Reject::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Reject::Disagree(_) | Reject::Gone => StatusCode::BAD_REQUEST,
            Reject::Decode(error) => match error {
                DecodeError::TooLarge(_) | DecodeError::Ratio(_) => StatusCode::PAYLOAD_TOO_LARGE,
                DecodeError::Malformed(..)
                | DecodeError::CutOff(..)
                | DecodeError::Trailing(..) => StatusCode::BAD_REQUEST,
                DecodeError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            },
            Reject::Malformed(malformed) => match malformed.reason {
                Reason::TooLarge { .. } | Reason::Expands { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Reason::Json(_)
                | Reason::TooDeep
                | Reason::CutOff
                | Reason::Framing(_)
                | Reason::Header(_) => StatusCode::BAD_REQUEST,
                Reason::Refused(_) => StatusCode::FORBIDDEN,
            },
            Reject::Stalled => StatusCode::REQUEST_TIMEOUT,
            Reject::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Reject::Upstream(failure) => match failure {
                Failure::Unreachable(_) | Failure::Broken(_) | Failure::Redirect(_) => {
                    StatusCode::BAD_GATEWAY
                }
                Failure::Timeout => StatusCode::GATEWAY_TIMEOUT,
                Failure::Cut | Failure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Reject::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The metric label.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Reject::NotFound(_) => "not_found",
            Reject::CheckIns => "policy",
            Reject::Head(_) => "malformed",
            Reject::Method => "method",
            Reject::Encoding(_) => "encoding",
            Reject::Media(_) => "media",
            Reject::Auth(_) | Reject::Disagree(_) => "auth",
            Reject::Barred(barred) => barred.label(),
            Reject::Limited(_) => "rate_limited",
            Reject::TooLong(_) => "too_large",
            Reject::Decode(DecodeError::TooLarge(_) | DecodeError::Ratio(_)) => "too_large",
            Reject::Decode(DecodeError::Unavailable(_)) => "internal",
            Reject::Decode(
                DecodeError::Malformed(..) | DecodeError::CutOff(..) | DecodeError::Trailing(..),
            ) => "decode",
            Reject::Malformed(malformed) => match malformed.reason {
                Reason::TooLarge { .. } | Reason::Expands { .. } => "too_large",
                Reason::TooDeep => "too_deep",
                Reason::Json(_) | Reason::CutOff | Reason::Framing(_) | Reason::Header(_) => {
                    "malformed"
                }
                Reason::Refused(_) => "policy",
            },
            Reject::Stalled => "client_stalled",
            Reject::Gone => "client_gone",
            Reject::Busy(_) => "busy",
            Reject::Upstream(failure) => match failure {
                Failure::Unreachable(_) => "upstream_unreachable",
                Failure::Timeout => "upstream_timeout",
                Failure::Broken(_) => "upstream_broken",
                Failure::Redirect(_) => "upstream_redirect",
                Failure::Cut | Failure::Internal => "internal",
            },
            Reject::Internal(_) => "internal",
        }
    }

    pub(super) fn weight(&self) -> Weight {
        match self {
            Reject::Upstream(Failure::Cut | Failure::Internal) | Reject::Internal(_) => Weight::Bug,
            Reject::Upstream(
                Failure::Unreachable(_)
                | Failure::Timeout
                | Failure::Broken(_)
                | Failure::Redirect(_),
            ) => Weight::Loss,
            Reject::Busy(_) | Reject::TooLong(_) => Weight::Loss,
            Reject::Decode(error) => match error {
                DecodeError::TooLarge(_) | DecodeError::Ratio(_) | DecodeError::Unavailable(_) => {
                    Weight::Loss
                }
                DecodeError::Malformed(..)
                | DecodeError::CutOff(..)
                | DecodeError::Trailing(..) => Weight::Usual,
            },
            Reject::Malformed(malformed) if malformed.reason.is_limit() => Weight::Loss,
            Reject::NotFound(_)
            | Reject::CheckIns
            | Reject::Head(_)
            | Reject::Method
            | Reject::Encoding(_)
            | Reject::Media(_)
            | Reject::Auth(_)
            | Reject::Disagree(_)
            | Reject::Barred(_)
            | Reject::Limited(_)
            | Reject::Malformed(_)
            | Reject::Stalled
            | Reject::Gone => Weight::Usual,
        }
    }

    /// What the log says: what the client is told, and what lies behind us too.
    pub(super) fn log_detail(&self) -> String {
        match self {
            Reject::Upstream(failure @ (Failure::Cut | Failure::Internal)) => {
                format!("internal error: {failure}")
            }
            Reject::Upstream(failure) => format!("no answer from the collector: {failure}"),
            Reject::Internal(what) => format!("internal error: {what}"),
            Reject::NotFound(_)
            | Reject::CheckIns
            | Reject::Head(_)
            | Reject::Method
            | Reject::Encoding(_)
            | Reject::Media(_)
            | Reject::Auth(_)
            | Reject::Disagree(_)
            | Reject::Barred(_)
            | Reject::Limited(_)
            | Reject::TooLong(_)
            | Reject::Decode(_)
            | Reject::Malformed(_)
            | Reject::Stalled
            | Reject::Gone
            | Reject::Busy(_) => self.detail(),
        }
    }

    /// What the client is told: what is wrong, where, and what to do. Never payload, and nothing about the network
    /// behind us; that is in the log.
    pub(super) fn detail(&self) -> String {
        match self {
            Reject::NotFound(missed) => {
                let routes = "no such route; there are, under POST /api/{project}/, envelope/, store/, minidump/, security/, csp-report/, nel/, integration/otlp/v1/traces and /logs";
                match missed {
                    Missed::Nothing => routes.to_owned(),
                    Missed::Tunnel => {
                        "there is no tunnel; name the DSN of the pages in tunnel.dsns, and there is one (docs/tunnel.md)"
                            .to_owned()
                    }
                    Missed::Prefixed => format!(
                        "{routes}; leave the path before the project out of the DSN (one that the collector needs \
                         belongs into upstream.url)"
                    ),
                }
            }
            Reject::CheckIns => {
                "check-ins by /cron/ are blocked: Sentry may store them in the United States, whatever the region of the \
                 organisation; residency.waive = [\"check_in\"] lets them pass"
                    .to_owned()
            }
            Reject::Head(flaw) => flaw.detail().to_owned(),
            Reject::Method => "this route takes POST only".to_owned(),
            Reject::Encoding(why) => {
                format!("{why}; send one of gzip, deflate, br, zstd, identity")
            }
            Reject::Media(why) | Reject::Auth(why) => (*why).to_owned(),
            Reject::Disagree(what) => {
                format!("the envelope's dsn names another {what} than the request")
            }
            Reject::Barred(barred) => barred.detail().to_owned(),
            Reject::Limited(limited) => limited.detail(),
            Reject::TooLong(limit) => {
                format!("the body is larger than {limit} bytes (limits.decoded_bytes)")
            }
            Reject::Decode(error) => error.to_string(),
            Reject::Malformed(malformed) => malformed.to_string(),
            Reject::Stalled => "the body stopped coming".to_owned(),
            Reject::Gone => "the body was cut off".to_owned(),
            Reject::Busy(limit) => format!("too many requests at a time ({limit}); try again"),
            Reject::Upstream(failure) => match failure {
                Failure::Unreachable(_) => "the collector can't be reached".to_owned(),
                Failure::Timeout => "the collector took too long".to_owned(),
                Failure::Broken(_) => "the connection to the collector broke".to_owned(),
                Failure::Redirect(_) => {
                    "the collector answered with a redirect, which is not followed".to_owned()
                }
                Failure::Cut | Failure::Internal => "internal error".to_owned(),
            },
            Reject::Internal(_) => "internal error".to_owned(),
        }
    }
}

/// What answers are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `{"id": …}`, `{"detail": …}`.
    Json,
    /// OTLP over Protocol Buffers: an empty response, or a `google.rpc.Status` (OTLP specification, "OTLP/HTTP Response").
    Protobuf,
    /// The event's id with dashes, as text: what crash reporters expect of a minidump endpoint (Relay, `endpoints/minidump.rs`).
    Id,
}

impl Dialect {
    pub(super) fn rejected(self, reject: &Reject) -> Response<Full<Bytes>> {
        let mut response = self.failed(reject.status(), &reject.detail());
        let headers = response.headers_mut();
        match reject {
            Reject::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            Reject::Busy(_) => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            Reject::Limited(limited) => {
                headers.insert(header::RETRY_AFTER, limited.retry_after.into());
                if let Some(limits) = limited.rate_limits() {
                    headers.insert(RATE_LIMITS, limits);
                }
            }
            Reject::NotFound(_)
            | Reject::CheckIns
            | Reject::Head(_)
            | Reject::Encoding(_)
            | Reject::Media(_)
            | Reject::Auth(_)
            | Reject::Disagree(_)
            | Reject::Barred(_)
            | Reject::TooLong(_)
            | Reject::Decode(_)
            | Reject::Malformed(_)
            | Reject::Stalled
            | Reject::Gone
            | Reject::Upstream(_)
            | Reject::Internal(_) => {}
        }
        response
    }

    /// The collector's answer, built anew: its status, its id or detail, and the three headers that SDKs act on.
    pub(super) fn answer(self, answer: &Answer) -> Response<Full<Bytes>> {
        let status = answer.status;
        let mut response = if status.is_success() {
            self.accepted(status, answer.id.as_deref())
        } else {
            let usual = || format!("the collector answered {}", status.as_u16());
            self.failed(status, &answer.detail.clone().unwrap_or_else(usual))
        };
        for (name, value) in &answer.headers {
            response.headers_mut().append(name, value.clone());
        }
        response
    }

    /// All is well; the id is told where there is one.
    pub(super) fn accepted(self, status: StatusCode, id: Option<&str>) -> Response<Full<Bytes>> {
        match self {
            Dialect::Json => json(status, "id", id),
            // An export response in which nothing is set.
            Dialect::Protobuf => written(status, PROTOBUF, Vec::new()),
            Dialect::Id => {
                let text = HeaderValue::from_static("text/plain");
                written(
                    status,
                    text,
                    id.map(dashed).unwrap_or_default().into_bytes(),
                )
            }
        }
    }

    fn failed(self, status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
        match self {
            Dialect::Json | Dialect::Id => json(status, "detail", Some(detail)),
            Dialect::Protobuf => written(status, PROTOBUF, rpc_status(status, detail)),
        }
    }
}

/// An id as a UUID with dashes.
fn dashed(id: &str) -> String {
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    let parts: Vec<&str> = parts
        .into_iter()
        .filter_map(|part| digits.get(part))
        .collect();
    parts.join("-")
}

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// A `google.rpc.Status`: `int32 code = 1; string message = 2`. The codes are those that Relay gives
/// (`endpoints/integrations/otlp.rs`), which are gRPC's.
fn rpc_status(status: StatusCode, detail: &str) -> Vec<u8> {
    const UNKNOWN: u8 = 2;
    const INVALID_ARGUMENT: u8 = 3;
    const RESOURCE_EXHAUSTED: u8 = 8;
    const UNAVAILABLE: u8 = 14;
    const UNAUTHENTICATED: u8 = 16;
    let code = match status.as_u16() {
        400 | 415 => INVALID_ARGUMENT,
        401 => UNAUTHENTICATED,
        413 | 429 => RESOURCE_EXHAUSTED,
        502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    };
    let mut message = vec![1 << 3, code, 2 << 3 | 2];
    let mut length = detail.len();
    while length >= 0x80 {
        message.push(length as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(detail.as_bytes());
    message
}

fn json(status: StatusCode, key: &str, value: Option<&str>) -> Response<Full<Bytes>> {
    let body: serde_json::Map<_, _> = value
        .map(|value| (key.to_owned(), value.into()))
        .into_iter()
        .collect();
    let text = serde_json::Value::Object(body).to_string();
    written(
        status,
        HeaderValue::from_static("application/json"),
        text.into_bytes(),
    )
}

fn written(status: StatusCode, media: HeaderValue, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}
