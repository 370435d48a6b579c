//! Check-ins by `/cron/`: a job says by a request of a few words that it has begun or ended. Where the gate lets check-ins pass, the words
//! become an envelope with one item, which is scrubbed and sent as any other. Source: protocol section 3 (Relay, `endpoints/monitor.rs`).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method};
use serde_json::{Map, Value};

use super::body::{Inbound, Intake, Summary};
use super::respond::Reject;
use super::service::{content_encoding, whole};
use super::{Shared, auth};
use crate::delivery::{self, Answer, CleanTexts, Media, More};
use crate::ingress::Ingress;
use crate::policy::Policy;
use crate::scrub::{Action, Format, Malformed, Output, Place, Reason, Scrubber};

/// Most bytes of a check-in, as Relay takes it.
const BODY_BYTES: usize = 100 << 10;
/// Longest name of a monitor, in bytes.
const SLUG_BYTES: usize = 128;
/// What a check-in is called that has no id: the collector finds the last one of its monitor by it.
const NO_ID: &str = "00000000000000000000000000000000";
/// What may be said in the URL.
const WORDS: [&str; 4] = ["check_in_id", "status", "environment", "duration"];
/// How a job may be doing.
const STATUSES: [&str; 3] = ["in_progress", "ok", "error"];

/// `/api/{project}/cron/{slug}` or `/api/{project}/cron/{slug}/{key}`, with a last slash or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    pub(super) project: String,
    slug: String,
    key: Option<String>,
}

impl Cron {
    /// Reads a path. `None`: it is another's.
    pub(super) fn find(path: &str) -> Option<Cron> {
        let (project, rest) = path.strip_prefix("/api/")?.split_once("/cron/")?;
        let digits =
            (1..=20).contains(&project.len()) && project.bytes().all(|it| it.is_ascii_digit());
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (slug, key) = match rest.split_once('/') {
            Some((slug, key)) => (slug, Some(key)),
            None => (rest, None),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_slug = (1..=SLUG_BYTES).contains(&slug.len()) && slug.bytes().all(plain);
        (digits && is_slug).then(|| Cron {
            project: project.to_owned(),
            slug: slug.to_owned(),
            key: key.map(str::to_owned),
        })
    }

    /// The check-in, of what stood in the body and then of what stands in the URL.
    fn check_in(&self, mut said: Map<String, Value>, query: Option<&str>) -> Result<Value, Reject> {
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if WORDS.contains(&&*name) {
                said.insert(name.into_owned(), word(value));
            }
        }
        let wrong = |what| {
            Err(Reject::Malformed(Malformed {
                offset: 0,
                place: Place::Document,
                reason: Reason::Framing(what),
            }))
        };
        match said.get("status").and_then(Value::as_str) {
            Some(status) if STATUSES.contains(&status) => {}
            _ => return wrong("a check-in whose status is none of in_progress, ok, error"),
        }
        if said
            .get("duration")
            .is_some_and(|it| !it.is_number() && !it.is_null())
        {
            return wrong("a check-in whose duration is no number");
        }
        said.entry("check_in_id").or_insert_with(|| NO_ID.into());
        said.insert("monitor_slug".to_owned(), self.slug.clone().into());
        Ok(Value::Object(said))
    }
}

/// A word of the URL: a number where it is one.
fn word(value: Cow<'_, str>) -> Value {
    match value.parse::<serde_json::Number>() {
        Ok(number) => Value::Number(number),
        Err(_) => Value::String(value.into_owned()),
    }
}

/// Sends a check-in on, if the gate lets it pass; also tells what was done with it.
pub(super) async fn send(
    shared: &Arc<Shared>,
    policy: &Policy,
    cron: &Cron,
    parts: &Parts,
    mut inbound: Inbound,
) -> Result<(Answer, Summary), Reject> {
    let gate = policy.gate(Ingress::Sidecar);
    if gate.action("check_in") != Action::Pass {
        return Err(Reject::CheckIns);
    }
    if ![Method::GET, Method::POST].contains(&parts.method) {
        return Err(Reject::Method);
    }
    let presented = auth::presented(&parts.headers, parts.uri.query(), cron.key.as_deref())?;
    let auth = auth::admit(presented, None, &cron.project)?;
    let auth = auth.rekeyed(&shared.config.projects, &shared.rekeying, &cron.project)?;
    let encoding = content_encoding(&parts.headers)?;
    let (plan, limits) = (policy.plan(), &shared.config.limits.stream);
    inbound.preload(1).await?;
    let permit = shared.permits.try_acquire();
    let _permit = permit.map_err(|_| Reject::Busy("limits.in_flight"))?;
    let (mut said, mut received) = (Map::new(), 0);
    if inbound.has_data() {
        let scrubber = Scrubber::new(Arc::clone(&plan), Format::Json, limits);
        let mut intake = Intake::new(inbound, encoding, scrubber, limits)?;
        let mut out = Output::new();
        if intake.gather(&mut out, BODY_BYTES + 1).await? == More::Coming {
            return Err(Reject::TooLong(BODY_BYTES as u64));
        }
        received = intake.summary().received;
        said = serde_json::from_slice(&text_of(out)).map_err(|_| {
            Reject::Malformed(Malformed {
                offset: 0,
                place: Place::Document,
                reason: Reason::Json("a check-in that is no object"),
            })
        })?;
    }
    let check_in = cron.check_in(said, parts.uri.query())?;
    let envelope = format!("{{}}\n{{\"type\":\"check_in\"}}\n{check_in}\n");
    let mut scrubber = Scrubber::new(Arc::clone(&plan), Format::Envelope, limits).gated(gate);
    let mut out = Output::new();
    scrubber
        .push(Bytes::from(envelope), &mut out)
        .and_then(|()| scrubber.finish(&mut out))
        .map_err(Reject::Malformed)?;
    let media = Media::Is(HeaderValue::from_static("application/x-sentry-envelope"));
    let clean = CleanTexts::default();
    let mut headers = delivery::travelling(&parts.headers, media, &plan, &clean);
    headers.insert(auth::X_SENTRY_AUTH, auth.header(&plan, &clean)?);
    let path = format!("/api/{}/envelope/", cron.project);
    let summary = Summary {
        report: scrubber.report().clone(),
        shadow: None,
        received,
        took: Duration::ZERO,
    };
    let answer = whole(shared, &path, headers, out).await?;
    Ok((answer, summary))
}

fn text_of(mut out: Output) -> Vec<u8> {
    let slices = std::iter::from_fn(|| out.pop());
    slices.flat_map(|slice| slice.into_bytes()).collect()
}
