//! What pages of other origins may do (Fetch standard, CORS protocol). Without these headers a browser's SDK could post, and never
//! read that it should hold back.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

use crate::config::Origins;
use crate::delivery::{RATE_LIMITS, SENTRY_ERROR};

/// How long a browser may remember a preflight, in seconds: an hour, as Relay grants (`middlewares/cors.rs`).
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");
/// What SDKs may send. None of it is needed; it only must not stop the request.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "content-type, content-encoding, x-sentry-auth, x-requested-with, sentry-trace, baggage, traceparent",
);
const METHODS: HeaderValue = HeaderValue::from_static("POST");
const ANY: HeaderValue = HeaderValue::from_static("*");
/// Whether the page that sends is of this origin (Fetch Metadata). Pages can't set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which origins may post and read.
#[derive(Debug)]
pub(super) struct Cors {
    origins: Origins,
}

impl Cors {
    pub(super) fn new(origins: &Origins) -> Cors {
        Cors {
            origins: origins.clone(),
        }
    }

    /// Whether the request comes from a page of an origin that is not listed, and is not the tunnel's own. The browser says so; whoever
    /// is none may say what it likes, and has no cookies of anybody's to send.
    pub(super) fn is_foreign(&self, headers: &HeaderMap, host: Option<&str>) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return false;
        };
        if self.allowed(headers).is_some() {
            return false;
        }
        match headers.get(SEC_FETCH_SITE) {
            Some(site) => site == "cross-site" || site == "same-site",
            // Browsers say it to secure hosts only, and old ones never.
            None => !origin
                .to_str()
                .is_ok_and(|origin| host.is_some_and(|host| is_at(origin, host))),
        }
    }

    /// The value of `Access-Control-Allow-Origin`, if the page may read the answer.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        match &self.origins {
            Origins::Any => Some(ANY),
            Origins::These(listed) => listed
                .iter()
                .any(|listed| origin == listed.as_str())
                .then(|| origin.clone()),
        }
    }

    /// Whether it is asked what a page may do.
    pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
        let headers = request.headers();
        request.method() == Method::OPTIONS
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The answer to a preflight; `None` if the origin is not listed.
    pub(super) fn preflight(&self, request: &HeaderMap) -> Option<Response<Full<Bytes>>> {
        self.allowed(request)?;
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }

    /// Marks an answer for the page that asked.
    pub(super) fn mark(&self, request: &HeaderMap, response: &mut Response<Full<Bytes>>) {
        let headers = response.headers_mut();
        // Caches must not give one origin's answer to another.
        if let Origins::These(_) = self.origins {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = self.allowed(request) {
            share(headers, origin);
        }
    }
}

/// Whether an origin is that of a host, whatever the scheme: TLS may end before us.
fn is_at(origin: &str, host: &str) -> bool {
    let bare = |it: &str| {
        let it = it.strip_suffix(":443").or_else(|| it.strip_suffix(":80"));
        it.map(str::to_ascii_lowercase)
    };
    let whole = |it: &str| bare(it).unwrap_or_else(|| it.to_ascii_lowercase());
    origin
        .split_once("://")
        .is_some_and(|(_, authority)| whole(authority) == whole(host))
}

/// The same for SDKs that send to `/api/…` from a page: there any origin may read, as at a collector.
pub(super) fn allow_any_origin(response: &mut Response<Full<Bytes>>) {
    share(response.headers_mut(), ANY);
}

fn share(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed: [HeaderName; 3] = [SENTRY_ERROR, RATE_LIMITS, header::RETRY_AFTER];
    let exposed = exposed.map(|name| name.to_string()).join(", ");
    if let Ok(exposed) = HeaderValue::try_from(exposed) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}
