//! The way out: takes [`Scrubbed`](crate::scrub::Scrubbed) output and nothing else, sends it to the one collector, and
//! brings back an [`Answer`]. One call of [`Delivery::send`] is one attempt.

mod address;
mod answer;
mod client;
mod encode;
mod headers;
mod line;
mod outbound;
mod pins;
mod probe;
mod resolve;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::config::{Residency, Upstream, UpstreamEncoding, UpstreamUrl};
use crate::scrub::Output;

pub(crate) use answer::{Answer, RATE_LIMITS, SENTRY_ERROR, is_id};
pub(crate) use client::TlsError;
pub(crate) use headers::{CleanTexts, Media, travelling};
pub(crate) use outbound::{Cut, More, Source};
pub(crate) use probe::{Blind, Seen, probe};
pub(crate) use resolve::Resolver;

use encode::{Encoder, Spare};
use line::Scissors;
use outbound::{Flow, Outbound};

/// How long a connection may hold a body that has been answered. It lets go of it when it next has room.
const LETTING_GO: Duration = Duration::from_secs(1);

/// What goes out.
pub(crate) enum Payload {
    /// All of it is here: it travels with its length.
    Whole(Output),
    /// The beginning is here, the rest comes from the source, as fast as the collector reads.
    Stream(Output, Box<dyn Source>),
}

/// What an exchange brought.
pub(crate) struct Exchange {
    pub(crate) result: Result<Answer, Failure>,
    /// Encoded bytes handed to the connection.
    pub(crate) sent: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The source gave up, so the request was aborted.
    Cut,
    /// No connection could be made.
    Unreachable(String),
    /// The connection, or the attempt to make one, took too long.
    Timeout,
    /// The connection broke, or what came back is not HTTP.
    Broken(String),
    /// The collector points elsewhere; we don't go there.
    Redirect(StatusCode),
    /// The request could not be built.
    Internal,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Cut => f.write_str("the request was aborted"),
            Failure::Unreachable(why) => write!(f, "can't connect: {why}"),
            Failure::Timeout => f.write_str("it took too long"),
            Failure::Broken(why) => write!(f, "the exchange broke: {why}"),
            Failure::Redirect(status) => {
                write!(f, "it answered with a redirect ({})", status.as_u16())
            }
            Failure::Internal => f.write_str("the request could not be built"),
        }
    }
}

/// The pooled connections to the collector.
pub(crate) struct Delivery {
    client: client::Pool,
    resolver: Resolver,
    url: UpstreamUrl,
    encoding: UpstreamEncoding,
    /// Encoders that wait for another body.
    spare: Arc<Spare>,
    response_timeout: Duration,
}

impl Delivery {
    /// Sets up TLS and an empty pool; connects to nothing yet.
    pub(crate) fn new(
        config: &Upstream,
        residency: &Residency,
        resolver: Resolver,
    ) -> Result<Delivery, TlsError> {
        Ok(Delivery {
            client: client::pool(config, residency, resolver.clone())?,
            resolver,
            url: config.url.clone(),
            encoding: config.effective_encoding(),
            spare: Arc::default(),
            response_timeout: config.response_timeout,
        })
    }

    /// The collector's addresses, all of which may be connected to.
    ///
    /// # Errors
    /// Its name has none, or one that residency forbids.
    pub(crate) async fn addresses(&self) -> std::io::Result<Vec<std::net::IpAddr>> {
        self.resolver.addresses(self.url.host()).await
    }

    /// Sends one request and waits for its answer. `headers` are all that travel, beside what the framing needs.
    pub(crate) async fn send(&self, path: &str, headers: HeaderMap, payload: Payload) -> Exchange {
        let (body, flow) = match Outbound::new(payload, Encoder::new(self.encoding, &self.spare)) {
            Ok(it) => it,
            Err(_) => {
                return Exchange {
                    result: Err(Failure::Internal),
                    sent: 0,
                };
            }
        };
        let result = self.exchange(path, headers, body, &flow).await;
        // Whatever still waits to be sent has nowhere to go.
        flow.stop();
        Exchange {
            result,
            sent: flow.sent(),
        }
    }

    async fn exchange(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Outbound,
        flow: &Flow,
    ) -> Result<Answer, Failure> {
        let request = self
            .request(path, headers, body)
            .map_err(|_| Failure::Internal)?;
        let mut response = pin!(self.client.request(request));
        let response = tokio::select! {
            biased;
            () = flow.cut() => return Err(Failure::Cut),
            response = &mut response => response.map_err(|error| match flow.is_cut() {
                true => Failure::Cut,
                false => client::failure(&error, self.url.is_secure()),
            })?,
            () = flow.stalled(self.response_timeout) => return Err(Failure::Timeout),
        };
        let scissors = response.extensions().get().cloned();
        let answer = self.answer(response, flow).await;
        if !flow.has_ended() {
            let_go(flow, scissors).await;
        }
        answer
    }

    /// What the collector says, once it is true.
    async fn answer(&self, response: Response<Incoming>, flow: &Flow) -> Result<Answer, Failure> {
        let status = response.status();
        if status.is_redirection() || status.is_informational() {
            return Err(Failure::Redirect(status));
        }
        if status.as_u16() > 599 {
            return Err(Failure::Broken(format!(
                "the status {status} means nothing"
            )));
        }
        // The collector has seen enough: read its reason, but nothing more from the client.
        let early = !flow.has_ended();
        if early && !status.is_success() {
            flow.pause();
        }
        let answer = tokio::time::timeout(self.response_timeout, Answer::read(response))
            .await
            .map_err(|_| Failure::Timeout)?;
        if early && status.is_success() {
            // It answered before it had everything. Only the whole body makes that answer true.
            tokio::select! {
                biased;
                () = flow.cut() => return Err(Failure::Cut),
                () = flow.ended() => {}
                () = flow.left() => return Err(Failure::Broken(
                    "it answered before it had everything, and wanted no more".to_owned(),
                )),
                () = flow.stalled(self.response_timeout) => return Err(Failure::Timeout),
            }
        }
        Ok(answer)
    }

    fn request(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Outbound,
    ) -> Result<Request<Outbound>, http::Error> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.join(path)?)
            .body(body)?;
        *request.headers_mut() = headers;
        if let Some(encoding) = Encoder::header(self.encoding) {
            request
                .headers_mut()
                .insert(header::CONTENT_ENCODING, encoding);
        }
        Ok(request)
    }
}

/// Ends a body that has been answered. A connection that does not let go of it waits for room that the collector does not give, and is
/// cut: else it would stay in memory.
async fn let_go(flow: &Flow, scissors: Option<Scissors>) {
    flow.stop();
    let gone = tokio::time::timeout(LETTING_GO, flow.over()).await;
    if let (Err(_), Some(scissors)) = (gone, scissors) {
        scissors.cut();
    }
}
