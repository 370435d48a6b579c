//! What the collector said, reduced to what SDKs act on: status, id, detail, and the headers of rate limits.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;

use crate::scrub::Rekeying;

/// A real answer has some fifty bytes.
const ANSWER_BYTES: usize = 64 << 10;
const DETAIL_CHARS: usize = 1024;

/// How long to hold back, per category.
pub(crate) const RATE_LIMITS: HeaderName = HeaderName::from_static("x-sentry-rate-limits");
/// Why, in older collectors.
pub(crate) const SENTRY_ERROR: HeaderName = HeaderName::from_static("x-sentry-error");

/// The collector's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The event's id: hexadecimal digits and dashes.
    pub(crate) id: Option<String>,
    /// What went wrong.
    pub(crate) detail: Option<String>,
    /// Those of the three headers that may pass, as they came.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Deserialize)]
struct Body {
    id: Option<String>,
    detail: Option<String>,
}

impl Answer {
    /// Reads an answer. A body that is not the JSON we know counts for nothing; the status stands.
    pub(super) async fn read(response: Response<Incoming>) -> Answer {
        let (parts, body) = response.into_parts();
        let headers = [RATE_LIMITS, header::RETRY_AFTER, SENTRY_ERROR]
            .into_iter()
            .flat_map(|name| {
                let values: Vec<_> = parts.headers.get_all(&name).iter().cloned().collect();
                values.into_iter().map(move |value| (name.clone(), value))
            })
            .filter(|(_, value)| value.to_str().is_ok())
            .collect();
        let bytes = Limited::new(body, ANSWER_BYTES)
            .collect()
            .await
            .map(|body| body.to_bytes());
        let body: Option<Body> = bytes
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (id, detail) = body.map_or((None, None), |body| (body.id, body.detail));
        Answer {
            status: parts.status,
            id: id.filter(|id| is_id(id)),
            detail: detail.map(|text| text.chars().take(DETAIL_CHARS).collect()),
            headers,
        }
    }
}

impl Answer {
    /// The answer as clients may have it: it tells no key that another one stands for.
    pub(crate) fn without_keys(self, rekeying: &Rekeying) -> Answer {
        let hidden = |value: HeaderValue| {
            let text = rekeying.hidden(value.to_str().ok()?);
            HeaderValue::try_from(text).ok()
        };
        Answer {
            detail: self.detail.map(|detail| rekeying.hidden(&detail)),
            headers: self
                .headers
                .into_iter()
                .filter_map(|(name, value)| Some((name, hidden(value)?)))
                .collect(),
            ..self
        }
    }
}

/// 32 hexadecimal digits, dashed or not.
pub(crate) fn is_id(id: &str) -> bool {
    matches!(id.len(), 32 | 36)
        && id
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
