//! The request pipeline, top to bottom, one call per step.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::{Inbound, Intake, Pace, Streamed, Summary};
use super::cors::{self, Cors};
use super::cron::{self, Cron};
use super::heads::Flaw;
use super::record::{Ending, Record};
use super::respond::{Dialect, Reject};
use super::route::{Content, Route};
use super::shadow;
use super::tunnel::{Admitted, Barred, Tunnel};
use super::{Shared, Shutdown, auth};
use crate::config::Serves;
use crate::delivery::{self, Answer, Failure, More, Payload, is_id};
use crate::ingress::Ingress;
use crate::policy::Policy;
use crate::scrub::decode::Encoding;
use crate::scrub::{Action, Gate, Malformed, Output, Place, Reason, Report};

/// Nothing goes upstream before this much is clean, or the body has ended.
const START_BYTES: usize = 64 << 10;
/// How much of a body has to be there before it takes a place among those that are scrubbed.
const PRELOAD_BYTES: usize = 16 << 10;
/// How long an aborted body may take to tell what it came to.
const VERDICT_TIME: Duration = Duration::from_secs(1);

/// How a request ended well.
enum Passed {
    /// The collector answered.
    Forwarded(Answer),
    /// The same of a check-in, whose answer has no body.
    CheckedIn(Answer),
    /// Policy left nothing of the envelope to send.
    NothingLeft(Option<String>),
}

/// Answers one request.
pub(super) async fn handle(
    shared: Arc<Shared>,
    shutdown: Shutdown,
    request: Request<Incoming>,
    peer: IpAddr,
) -> Response<Full<Bytes>> {
    let record = Record::begin(&shared, shutdown);
    let at_tunnel = |tunnel: &&Tunnel| tunnel.is_at(request.uri().path());
    if let Some(tunnel) = shared.tunnel.as_ref().filter(at_tunnel) {
        let headers = request.headers().clone();
        // A head that can be read in two ways is refused, whatever it asks.
        let is_flawed = request.extensions().get::<Flaw>().is_some();
        let mut response = match Cors::is_preflight(&request) && !is_flawed {
            true => preflight(tunnel, &headers, record),
            false => respond(&shared, request, peer, record).await,
        };
        tunnel.cors().mark(&headers, &mut response);
        return response;
    }
    let cross_origin = request.headers().contains_key(header::ORIGIN);
    let mut response = respond(&shared, request, peer, record).await;
    if cross_origin {
        cors::allow_any_origin(&mut response);
    }
    response
}

/// Answers a browser that asks what a page may do.
fn preflight(tunnel: &Tunnel, headers: &HeaderMap, record: Record) -> Response<Full<Bytes>> {
    let (response, ending) = match tunnel.cors().preflight(headers) {
        Some(response) => (response, Ending::well("preflight")),
        None => {
            let reject = Reject::Barred(Barred::OtherOrigin);
            (Dialect::Json.rejected(&reject), Ending::refused(&reject))
        }
    };
    record.end(ending, response.status());
    response
}

async fn respond(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    peer: IpAddr,
    mut record: Record,
) -> Response<Full<Bytes>> {
    // What follows a head that is refused is no request, whatever it looks like.
    let closes =
        request.version() < Version::HTTP_2 && request.extensions().get::<Flaw>().is_some();
    let passed = pipeline(shared, request, peer, &mut record).await;
    let passed = passed.map(|passed| match passed {
        Passed::Forwarded(answer) => Passed::Forwarded(answer.without_keys(&shared.rekeying)),
        Passed::CheckedIn(answer) => Passed::CheckedIn(answer.without_keys(&shared.rekeying)),
        Passed::NothingLeft(id) => Passed::NothingLeft(id),
    });
    let dialect = record.dialect;
    let (mut response, ending) = match passed {
        Ok(Passed::Forwarded(answer)) => (dialect.answer(&answer), Ending::answered(&answer)),
        Ok(Passed::CheckedIn(answer)) if answer.status.is_success() => (
            dialect.accepted(StatusCode::ACCEPTED, None),
            Ending::answered(&answer),
        ),
        Ok(Passed::CheckedIn(answer)) => (dialect.answer(&answer), Ending::answered(&answer)),
        Ok(Passed::NothingLeft(id)) => (
            dialect.accepted(StatusCode::OK, id.as_deref()),
            Ending::well("nothing_left"),
        ),
        Err(reject) => (dialect.rejected(&reject), Ending::refused(&reject)),
    };
    if closes {
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    record.end(ending, response.status());
    response
}

async fn pipeline(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    peer: IpAddr,
    record: &mut Record,
) -> Result<Passed, Reject> {
    let (parts, body) = request.into_parts();
    let length = body.size_hint().exact();
    // First of all, so that whatever ends the request, the rest of its body is dealt with.
    let pace = Pace {
        timeout: shared.config.server.body_timeout,
        rate: shared.config.server.body_rate,
    };
    let mut inbound = Inbound::new(body, &parts, pace, shared.tasks.clone());
    if let Some(flaw) = parts.extensions.get::<Flaw>() {
        return Err(Reject::Head(*flaw));
    }

    // Routes not listed are refused, whatever their method; and those of servers, where they are not served.
    let at_tunnel = |tunnel: &&Tunnel| tunnel.is_at(parts.uri.path());
    match shared.tunnel.as_ref().filter(at_tunnel) {
        Some(tunnel) => tunnel.count(&parts, peer)?,
        None if shared.config.server.serves == Serves::Browsers => {
            return Err(Reject::Barred(Barred::NoServers));
        }
        None => {}
    }
    if let Some(cron) = Cron::find(parts.uri.path()) {
        record.project = Some(cron.project.clone());
        let active = Arc::clone(&record.active);
        let sent = cron::send(shared, &active.policy, &cron, &parts, inbound).await;
        let (answer, summary) = sent?;
        record.summary = Some(summary);
        return Ok(Passed::CheckedIn(answer));
    }
    let route = Route::find(&parts.method, parts.uri.path(), shared.tunnel.as_ref())?;
    record.project = route.project.clone();
    let tunnel = match route.ingress {
        Ingress::Tunnel => shared.tunnel.as_ref(),
        Ingress::Sidecar => None,
    };
    let asked = match tunnel {
        Some(tunnel) => tunnel.knock(&parts)?,
        None => None,
    };
    let media = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let content = route.content(media)?;
    record.dialect = content.dialect();
    let encoding = content_encoding(&parts.headers)?;
    let presented = match route.ingress {
        Ingress::Sidecar => auth::presented(&parts.headers, parts.uri.query(), route.key())?,
        // The page's own authorization, if any: it is none of ours.
        Ingress::Tunnel => None,
    };
    if content != Content::Envelope && presented.is_none() {
        // An event has no head in which it could still come.
        auth::admit(None, None, "")?;
    }
    let limits = &shared.config.limits.stream;
    if encoding == Encoding::Identity && length.is_some_and(|length| length > limits.decoded_bytes)
    {
        return Err(Reject::TooLong(limits.decoded_bytes));
    }

    // Who sends slowly waits here, and takes no place from those who don't: a small body comes as a whole first.
    let waiting = shared.waiting.try_acquire();
    let waiting = waiting.map_err(|_| Reject::Busy("limits.waiting"))?;
    inbound.preload(PRELOAD_BYTES).await?;
    // Before more is held for this request: codecs may need megabytes.
    let most = shared.config.limits.in_flight;
    let places = places(&content, encoding).min(u32::try_from(most).unwrap_or(u32::MAX));
    let permit = shared.permits.try_acquire_many(places);
    let _permit = permit.map_err(|_| Reject::Busy("limits.in_flight"))?;
    drop(waiting);

    // One policy for the whole request.
    let active = Arc::clone(&record.active);
    let plan = active.policy.plan();
    let gate = active.policy.gate(route.ingress);
    if let (Some(item_type), Some(project)) = (route.item_type(), &route.project)
        && !at_gate(&gate, item_type, shared, project, record)?
    {
        return Ok(Passed::NothingLeft(None));
    }
    let is_envelope = content.is_envelope(&plan);
    let open = |policy: &Policy| {
        let gate = policy.gate(route.ingress);
        let scrubber = content
            .scrubber(policy.plan(), limits)
            .rekeyed(Arc::clone(&shared.rekeying))
            .gated(Arc::clone(&gate));
        match content == Content::OtlpJson && route.item_type() == Some("span") {
            true => scrubber.sampling_spans(&gate, limits),
            false => scrubber,
        }
    };
    let shadow = shadow::beside(&active, open);
    let scrubber = open(&active.policy);
    let mut intake = Intake::new(inbound, encoding, scrubber, limits)?.with_shadow(shadow);
    let mut out = Output::new();
    let begun = match tunnel {
        // Its first line says whether it may come in, and all of it waits for that.
        Some(tunnel) => {
            let begun = begin(tunnel, &mut intake, &mut out, asked.as_deref()).await;
            record.summary = Some(intake.summary());
            begun
        }
        None => Ok((More::Coming, None)),
    };
    let (begun, admitted) = begun?;
    if let Some(admitted) = &admitted {
        record.project = Some(admitted.project.clone());
    }
    // What was left out before rides in an envelope.
    let rides = content == Content::Envelope && gate.reports() && begun == More::Coming;
    let untold = record
        .project
        .as_deref()
        .filter(|_| rides)
        .map(|project| shared.tally.take(project));
    if let Some(untold) = &untold {
        intake.also_report(untold.discards());
    }
    let more = match begun {
        More::Ended => More::Ended,
        More::Coming => {
            let gathered = intake.gather(&mut out, START_BYTES).await;
            record.summary = Some(intake.summary());
            gathered?
        }
    };

    // Now the head has been read, so the dsn is known if there is one.
    let Admitted { auth, project } = match (admitted, route.project.clone()) {
        (Some(admitted), _) => admitted,
        (None, Some(project)) => Admitted {
            auth: auth::admit(presented, intake.head(), &project)?,
            project,
        },
        (None, None) => return Err(Reject::Internal("a request for no project")),
    };
    let auth = auth.rekeyed(&shared.config.projects, &shared.rekeying, &project)?;
    let nothing = is_envelope && intake.forwarded_items() == 0 || intake.is_sampled_out();
    if more == More::Ended && nothing {
        if gate.reports() {
            shared.tally.add(&project, &intake.discards());
        }
        let id = intake
            .head()
            .and_then(|head| head.event_id.clone())
            .filter(|id| is_id(id));
        return Ok(Passed::NothingLeft(id));
    }
    let mut headers =
        delivery::travelling(&parts.headers, content.media(&plan)?, &plan, &active.clean);
    headers.insert(auth::X_SENTRY_AUTH, auth.header(&plan, &active.clean)?);
    let path = route.upstream_path(&project, is_envelope);

    let answer = match more {
        More::Ended => whole(shared, &path, headers, out).await,
        More::Coming => streamed(shared, &path, headers, out, intake, record).await,
    }?;
    match untold {
        Some(untold) if answer.status.is_success() => untold.told(),
        Some(_) => {}
        None if gate.reports() => {
            if let Some(summary) = &record.summary {
                shared.tally.add(&project, &summary.report.discards);
            }
        }
        None => {}
    }
    Ok(Passed::Forwarded(answer))
}

/// Whether items of this type pass at all, where the route tells the type and not the body.
fn at_gate(
    gate: &Gate,
    item_type: &'static str,
    shared: &Shared,
    project: &str,
    record: &mut Record,
) -> Result<bool, Reject> {
    match gate.action(item_type) {
        Action::Pass | Action::Sample => Ok(true),
        Action::Reject => Err(Reject::Malformed(Malformed {
            offset: 0,
            place: Place::Document,
            reason: Reason::Refused(item_type),
        })),
        Action::Drop => {
            let mut report = Report::default();
            report.left_out(item_type);
            if gate.reports() {
                shared.tally.add(project, &report.discards);
            }
            record.summary = Some(Summary {
                report,
                shadow: None,
                received: 0,
                took: Duration::ZERO,
            });
            Ok(false)
        }
    }
}

/// Reads the first line of an envelope that came through the tunnel, and lets it in or not.
async fn begin(
    tunnel: &Tunnel,
    intake: &mut Intake,
    out: &mut Output,
    asked: Option<&str>,
) -> Result<(More, Option<Admitted>), Reject> {
    let more = intake.read_head(out).await;
    if intake.head().is_none()
        && let Err(reject) = more
    {
        return Err(reject);
    }
    // Whoever may not come in is told that first, whatever else is wrong.
    let admitted = tunnel.admit(intake.head(), asked)?;
    Ok((more?, Some(admitted)))
}

/// A small body: all of it has been seen, so it travels with its length.
pub(super) async fn whole(
    shared: &Shared,
    path: &str,
    headers: HeaderMap,
    out: Output,
) -> Result<Answer, Reject> {
    let began = Instant::now();
    let exchange = shared
        .delivery
        .send(path, headers, Payload::Whole(out))
        .await;
    shared.metrics.exchange(exchange.sent, began.elapsed());
    exchange.result.map_err(Reject::Upstream)
}

/// A large body: the collector pulls the rest of it through the scrubber. Should that fail, its request is aborted.
async fn streamed(
    shared: &Shared,
    path: &str,
    headers: HeaderMap,
    out: Output,
    intake: Intake,
    record: &mut Record,
) -> Result<Answer, Reject> {
    let (source, verdict) = Streamed::new(intake);
    let began = Instant::now();
    let payload = Payload::Stream(out, Box::new(source));
    let exchange = shared.delivery.send(path, headers, payload).await;
    shared.metrics.exchange(exchange.sent, began.elapsed());
    let verdict = tokio::time::timeout(VERDICT_TIME, verdict)
        .await
        .ok()
        .and_then(Result::ok);
    let mut reject = None;
    if let Some(verdict) = verdict {
        record.summary = Some(verdict.summary);
        reject = verdict.reject;
    }
    match (exchange.result, reject) {
        (Ok(answer), _) => Ok(answer),
        // The collector is not to blame for what the client sent.
        (Err(_), Some(reject)) => Err(reject),
        (Err(Failure::Cut), None) => Err(Reject::Internal("a body was cut for no reason")),
        (Err(failure), None) => Err(Reject::Upstream(failure)),
    }
}

/// How many places a request takes: some need megabytes, for a codec's window or for a body that is kept.
fn places(content: &Content, encoding: Encoding) -> u32 {
    const LARGE: u32 = 4;
    let window = match encoding {
        Encoding::Identity | Encoding::Gzip | Encoding::Deflate => 1,
        Encoding::Brotli | Encoding::Zstd => LARGE,
    };
    let kept = match content {
        Content::Envelope | Content::Store | Content::Report | Content::OtlpJson => 1,
        Content::Otlp(_) | Content::Minidump(_) => LARGE,
    };
    window.max(kept)
}

/// One header with one word, or none.
pub(super) fn content_encoding(headers: &HeaderMap) -> Result<Encoding, Reject> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let value = values.next().map_or(Some(""), |value| value.to_str().ok());
    let list = values.next().is_some() || value.is_some_and(|value| value.contains(','));
    if list {
        return Err(Reject::Encoding("more than one content encoding"));
    }
    value
        .and_then(Encoding::parse)
        .ok_or(Reject::Encoding("unknown content encoding"))
}
