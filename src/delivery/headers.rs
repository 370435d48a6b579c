//! The allow-list of request headers. What travels is built anew; everything else stays here: cookies, credentials,
//! addresses, referers, and whatever somebody invents next.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, Uri, header};

use crate::scrub::{Plan, is_clean, scrub_string};

/// Longer than any browser's.
const USER_AGENT_BYTES: usize = 1024;
/// Texts that are kept at most.
const CLEAN_TEXTS: usize = 32;

/// Content types that travel where [`Media::Usually`] lets them, compared without case and white space.
const CONTENT_TYPES: [&str; 11] = [
    "application/x-sentry-envelope",
    "application/x-sentry-envelope;charset=utf-8",
    "application/json",
    "application/json;charset=utf-8",
    "application/csp-report",
    "application/reports+json",
    "application/expect-ct-report+json",
    "application/expect-ct-report",
    "text/plain",
    "text/plain;charset=utf-8",
    "application/octet-stream",
];

/// Texts of headers in which a plan finds nothing: a few clients say the same again and again.
#[derive(Debug, Default)]
pub(crate) struct CleanTexts(Mutex<VecDeque<Box<str>>>);

impl CleanTexts {
    /// Whether a text leaves as it is under this plan, which must be the same each time.
    pub(crate) fn has(&self, text: &str, plan: &Plan) -> bool {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known().iter().any(|known| **known == *text) {
            return true;
        }
        if !is_clean(plan, text) {
            return false;
        }
        if text.len() <= USER_AGENT_BYTES {
            let mut known = known();
            known.truncate(CLEAN_TEXTS - 1);
            known.push_front(text.into());
        }
        true
    }
}

/// The content type of what is sent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Media {
    /// The client's, if it is one of those that travel, else this one.
    Usually(&'static str),
    /// This one, whatever the client called it: it is not sent on as it came.
    Is(HeaderValue),
}

/// The headers that travel on, of those that came.
pub(crate) fn travelling(
    inbound: &HeaderMap,
    media: Media,
    plan: &Plan,
    clean: &CleanTexts,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let content_type = match media {
        Media::Usually(usual) => content_type(inbound, usual),
        Media::Is(value) => value,
    };
    headers.insert(header::CONTENT_TYPE, content_type);
    if let Some(agent) =
        text(inbound, header::USER_AGENT).and_then(|agent| user_agent(agent, plan, clean))
    {
        headers.insert(header::USER_AGENT, agent);
    }
    if let Some(origin) =
        text(inbound, header::ORIGIN).and_then(|value| allowed_origin(value, plan))
    {
        headers.insert(header::ORIGIN, origin);
    }
    headers
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn content_type(inbound: &HeaderMap, usual: &'static str) -> HeaderValue {
    let value = text(inbound, header::CONTENT_TYPE).unwrap_or_default();
    let plain: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let known = CONTENT_TYPES
        .iter()
        .any(|known| plain.eq_ignore_ascii_case(known));
    known
        .then(|| inbound.get(header::CONTENT_TYPE).cloned())
        .flatten()
        .unwrap_or(HeaderValue::from_static(usual))
}

/// Scrubbed as text; one that can't be is left out.
fn user_agent(agent: &str, plan: &Plan, clean: &CleanTexts) -> Option<HeaderValue> {
    if agent.len() > USER_AGENT_BYTES {
        return None;
    }
    if clean.has(agent, plan) {
        return HeaderValue::from_str(agent).ok();
    }
    let (scrubbed, _) = scrub_string(plan, agent);
    HeaderValue::try_from(scrubbed).ok()
}

/// An origin in which there is nothing to scrub: with a marker in it, it would be none.
fn allowed_origin(value: &str, plan: &Plan) -> Option<HeaderValue> {
    origin(value).filter(|origin| origin.to_str().is_ok_and(|origin| is_clean(plan, origin)))
}

/// Scheme, host and port, if it has just the shape of an origin.
fn origin(value: &str) -> Option<HeaderValue> {
    let uri: Uri = value.parse().ok()?;
    let scheme = uri
        .scheme_str()
        .filter(|scheme| ["http", "https"].contains(scheme))?;
    let host = uri
        .host()
        .filter(|host| !host.is_empty() && host.bytes().all(is_host_byte))?;
    let port = uri
        .port_u16()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    HeaderValue::from_str(&format!("{scheme}://{host}{port}")).ok()
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for (value, passes) in [
            ("https://app.example", Some("https://app.example")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            (
                "https://user:hunter2@app.example/?token=hunter2",
                Some("https://app.example"),
            ),
            ("null", None),
            ("chrome-extension://abc", None),
            ("https://", None),
        ] {
            assert_eq!(
                origin(value),
                passes.map(HeaderValue::from_static),
                "{value}"
            );
        }
    }
}
