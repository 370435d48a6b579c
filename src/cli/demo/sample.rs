//! The captured envelopes: how each is sent, what became of it, and how that is shown. Where they are from:
//! `envelopes/README.md`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::pin;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::broadcast;
use tokio::sync::mpsc::Receiver;

use super::Failure;
use super::collector::Arrival;
use super::diff::{self, Line};
use super::envelope::{Item, items};
use super::follow;
use super::paint::Style;
use crate::proxy::Finished;
use crate::scrub::{ItemOutcome, Report};

/// An envelope, and how an SDK sends it.
pub(super) struct Sample {
    title: &'static str,
    project: &'static str,
    /// What follows the path.
    query: &'static str,
    /// `X-Sentry-Auth`, if the key is not in the query.
    auth: Option<&'static str>,
    gzip: bool,
    envelope: &'static [u8],
    /// The secrets in it, one a line.
    planted: &'static str,
}

pub(super) const SAMPLES: [Sample; 4] = [
    Sample {
        title: "an error in a Flask app, with headers, cookies, form and local variables (Python SDK)",
        project: "4507000001",
        query: "",
        auth: Some(
            "Sentry sentry_key=9a3c4b7e2d5f40718c6b1f0e8d7a6b5c, sentry_version=7, sentry_client=sentry.python/2.75.0",
        ),
        gzip: true,
        envelope: include_bytes!("envelopes/flask-error.envelope"),
        planted: include_str!("envelopes/flask-error.planted"),
    },
    Sample {
        title: "spans of an Express app (Node SDK)",
        project: "4507000012",
        query: "?sentry_version=7&sentry_key=b1d2c3e4f5a60718293a4b5c6d7e8f90&sentry_client=sentry.javascript.node%2F11.12.0",
        auth: None,
        gzip: false,
        envelope: include_bytes!("envelopes/node-spans.envelope"),
        planted: include_str!("envelopes/node-spans.planted"),
    },
    Sample {
        title: "an error in a page, with breadcrumbs (browser SDK)",
        project: "4507000021",
        query: "?sentry_version=7&sentry_key=c0ffee00c0ffee00c0ffee00c0ffee00&sentry_client=sentry.javascript.browser%2F11.12.0",
        auth: None,
        gzip: false,
        envelope: include_bytes!("envelopes/browser-error.envelope"),
        planted: include_str!("envelopes/browser-error.planted"),
    },
    Sample {
        title: "an event between items that nobody can vouch for (made by hand)",
        project: "4507000031",
        query: "?sentry_version=7&sentry_key=9a3c4b7e2d5f40718c6b1f0e8d7a6b5c",
        auth: None,
        gzip: false,
        envelope: include_bytes!("envelopes/mixed-items.envelope"),
        planted: include_str!("envelopes/mixed-items.planted"),
    },
];

/// What became of one sample.
pub(super) struct Passage {
    /// Absent if nothing was left to be sent.
    arrival: Option<Arrival>,
    /// Body bytes as sent.
    sent_bytes: usize,
    planted: usize,
    leaked: usize,
    pub(super) report: Report,
}

impl Passage {
    /// Planted secrets that went out.
    pub(super) fn leaked(&self) -> usize {
        self.leaked
    }
}

/// Sends a sample through the proxy and waits for what comes out behind it.
pub(super) async fn send(
    sample: &Sample,
    proxy: SocketAddr,
    arrivals: &mut Receiver<Arrival>,
    finished: &mut broadcast::Receiver<Finished>,
) -> Result<Passage, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Send(error.to_string());
    let request = request(sample, proxy)?;
    let sent_bytes = request.1;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut response = pin!(client.request(request.0));
    let mut arrival = None;
    // Somebody else may be sending already; that is not shown yet, but has to be taken.
    let response = loop {
        tokio::select! {
            response = &mut response => break response,
            Some(arrived) = arrivals.recv() => {
                arrival = Some(arrived).filter(|it| it.project == sample.project).or(arrival);
            }
        }
    };
    let response: Response<Incoming> = response.map_err(|error| wrong(&error))?;
    if !response.status().is_success() {
        return Err(wrong(&format_args!(
            "the proxy answered {}",
            response.status()
        )));
    }
    // Both came before the answer did.
    while let Ok(arrived) = arrivals.try_recv() {
        arrival = Some(arrived)
            .filter(|it| it.project == sample.project)
            .or(arrival);
    }
    let report = loop {
        match finished.try_recv() {
            Ok(finished) if finished.project.as_deref() == Some(sample.project) => {
                break finished.report.unwrap_or_default();
            }
            Ok(_) | Err(broadcast::error::TryRecvError::Lagged(_)) => {}
            Err(_) => return Err(wrong(&"the proxy has no record of it")),
        }
    };
    let went_out = |secret: &&str| {
        arrival.as_ref().is_some_and(|arrival| {
            memchr::memmem::find(&arrival.body, secret.as_bytes()).is_some()
                || arrival.head.contains(*secret)
        })
    };
    let leaked = sample.planted.lines().filter(went_out).count();
    Ok(Passage {
        arrival,
        sent_bytes,
        planted: sample.planted.lines().count(),
        leaked,
        report,
    })
}

/// The request, and the bytes of its body.
fn request(sample: &Sample, proxy: SocketAddr) -> Result<(Request<Full<Bytes>>, usize), Failure> {
    let Sample { project, query, .. } = sample;
    let mut request = Request::post(format!("http://{proxy}/api/{project}/envelope/{query}"))
        .header(header::CONTENT_TYPE, "application/x-sentry-envelope");
    if let Some(auth) = sample.auth {
        request = request.header("X-Sentry-Auth", auth);
    }
    let body = if sample.gzip {
        request = request.header(header::CONTENT_ENCODING, "gzip");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder
            .write_all(sample.envelope)
            .and_then(|()| encoder.finish())
            .map_err(|error| Failure::Internal(error.to_string()))?
            .into()
    } else {
        Bytes::from_static(sample.envelope)
    };
    let bytes = body.len();
    request
        .body(Full::new(body))
        .map(|request| (request, bytes))
        .map_err(|error| Failure::Internal(error.to_string()))
}

/// What came in and what went out, side by side.
pub(super) fn render(n: usize, sample: &Sample, passage: &Passage, style: Style) -> String {
    let Report {
        bytes_in,
        bytes_out,
        ..
    } = passage.report;
    let packed = if sample.gzip { ", gzip" } else { "" };
    let mut text = format!(
        "\n{}\n    {} bytes sent{packed}; {bytes_in} bytes scrubbed to {bytes_out}\n",
        style.bold(&format!("{}. {}", n + 1, sample.title)),
        passage.sent_bytes,
    );
    let before = items(sample.envelope);
    let after = passage
        .arrival
        .as_ref()
        .map(|arrival| items(&arrival.body))
        .unwrap_or_default();
    let mut after = after.iter().peekable();
    for item in &before {
        // Order is kept, so an item that is not the next one did not go on.
        match after.next_if(|next| next.kind == item.kind) {
            Some(next) => text.push_str(&both(item, next, style)),
            None => {
                let why = reason(&item.kind, &passage.report);
                let text_of = format!("{} bytes, left out ({why})", item.payload.len());
                text.push_str(&style.taken(&super::paint::place(&item.kind), &text_of));
            }
        }
    }
    if passage.arrival.is_none() {
        text.push_str("    nothing was left, so nothing was sent\n");
    }
    text.push_str(&format!(
        "    {} planted secrets came in, {} went out\n",
        passage.planted, passage.leaked
    ));
    text
}

fn both(before: &Item<'_>, after: &Item<'_>, style: Style) -> String {
    let mut text = format!("  {}\n", super::paint::place(&before.kind));
    match diff::compare(before.payload, after.payload) {
        Some(lines) => {
            text.extend(lines.iter().map(|line: &Line| style.line(line)));
        }
        None => text.push_str("    (no JSON)\n"),
    }
    text
}

/// Why an item of this type did not go on.
fn reason(kind: &str, report: &Report) -> &'static str {
    let left_out = |(label, outcome, _): &(&'static str, ItemOutcome, u64)| {
        (*label == kind)
            .then(|| follow::left_out(kind, *outcome))
            .flatten()
    };
    report
        .items
        .iter()
        .find_map(left_out)
        .unwrap_or("nobody knows this type")
}
