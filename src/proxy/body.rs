//! The way through: frames of the request to decoder to scrubber. [`Intake`] does one step at a time, and only when it is
//! asked, so a slow collector slows the client down and nothing piles up here.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Version, header};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};
use tokio_util::task::TaskTracker;

use super::respond::Reject;
use super::shadow::Shadow;
use crate::delivery::{Cut, More, Source};
use crate::scrub::decode::{Decoder, Encoding};
use crate::scrub::{Discards, EnvelopeHead, Limits, Output, Report, Scrubber};

/// How much of a refused body is still read, and for how long, before the connection is closed. A client that is still
/// writing would else be told by a reset connection, and never see why.
const LINGER_BYTES: usize = 1 << 20;
const LINGER_TIME: Duration = Duration::from_secs(2);

/// How long and how slowly a client may send a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The longest pause.
    pub(super) timeout: Duration,
    /// Bytes a second that it has to bring on average, once it has been waited for as long as that. 0 for none.
    pub(super) rate: u64,
}

/// The request's body. What is left of it when it is dropped is read a little further.
pub(super) struct Inbound {
    /// Absent once it has ended.
    body: Option<Incoming>,
    /// What has come of it already.
    ready: VecDeque<Bytes>,
    patience: Patience,
    tasks: TaskTracker,
    linger: bool,
    /// The client waits for `100 Continue`, which hyper sends when the body is first asked for.
    expects: bool,
}

impl Inbound {
    pub(super) fn new(body: Incoming, head: &Parts, pace: Pace, tasks: TaskTracker) -> Inbound {
        Inbound {
            body: (!body.is_end_stream()).then_some(body),
            ready: VecDeque::new(),
            patience: Patience::new(pace),
            tasks,
            // HTTP/2 can refuse the rest of one stream by itself.
            linger: head.version < Version::HTTP_2,
            expects: head.headers.contains_key(header::EXPECT),
        }
    }

    /// Waits until `bytes` have come, or the body has ended.
    pub(super) async fn preload(&mut self, bytes: usize) -> Result<(), Reject> {
        let mut ready = 0;
        while ready < bytes {
            let data = std::future::poll_fn(|context| self.poll_body(context)).await?;
            let Some(data) = data else { break };
            ready += data.len();
            self.ready.push_back(data);
        }
        Ok(())
    }

    /// Whether something has come that nobody has read, of a body that has been preloaded.
    pub(super) fn has_data(&self) -> bool {
        !self.ready.is_empty()
    }

    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Reject>> {
        match self.ready.pop_front() {
            Some(data) => Poll::Ready(Ok(Some(data))),
            None => self.poll_body(context),
        }
    }

    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Reject>> {
        loop {
            let Some(body) = self.body.as_mut() else {
                return Poll::Ready(Ok(None));
            };
            self.expects = false;
            match Pin::new(body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers say nothing that we need.
                    let data = frame.into_data().unwrap_or_default();
                    self.patience.came(data.len());
                    if !data.is_empty() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
                Poll::Ready(Some(Err(_))) => {
                    self.body = None;
                    return Poll::Ready(Err(Reject::Gone));
                }
                Poll::Ready(None) => {
                    self.body = None;
                    return Poll::Ready(Ok(None));
                }
                Poll::Pending => {
                    ready!(self.patience.poll(context));
                    self.body = None;
                    return Poll::Ready(Err(Reject::Stalled));
                }
            }
        }
    }
}

/// How long a body is still waited for. Only time in which we wait for the client counts: a collector that is slow is no fault of his.
struct Patience {
    pace: Pace,
    /// None, as long as there was no need to wait.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Since when it has been waited for.
    waiting: Option<Instant>,
    /// Time waited before that.
    waited: Duration,
    received: u64,
}

impl Patience {
    fn new(pace: Pace) -> Patience {
        Patience {
            pace,
            sleep: None,
            waiting: None,
            waited: Duration::ZERO,
            received: 0,
        }
    }

    fn came(&mut self, bytes: usize) {
        self.received += bytes as u64;
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
    }

    /// Ready once it has taken too long.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(self.pace.timeout)));
        if self.waiting.is_none() {
            let now = Instant::now();
            self.waiting = Some(now);
            let mut left = self.pace.timeout;
            if self.pace.rate > 0 {
                // By now it may have been waited for this long.
                let allowed = self.pace.timeout
                    + Duration::from_secs_f64(self.received as f64 / self.pace.rate as f64);
                left = left.min(allowed.saturating_sub(self.waited));
            }
            sleep.as_mut().reset(now + left);
        }
        sleep.as_mut().poll(context)
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        // One that has not been told to go on sends nothing, and reading would tell it to.
        let lingers = self.linger && !self.expects;
        let Some(mut body) = self.body.take().filter(|_| lingers) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let read_on = async move {
            let mut left = LINGER_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                let len = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(len) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
        };
        self.tasks.spawn_on(
            async move {
                let _ = tokio::time::timeout(LINGER_TIME, read_on).await;
            },
            &runtime,
        );
    }
}

/// What one body came to.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) report: Report,
    /// What another policy would have done.
    pub(super) shadow: Option<Report>,
    /// Encoded bytes read.
    pub(super) received: u64,
    /// Time spent decoding and scrubbing.
    pub(super) took: Duration,
}

/// Turns one request body into scrubbed output, step by step.
pub(super) struct Intake {
    inbound: Inbound,
    decoder: Decoder,
    scrubber: Scrubber,
    shadow: Option<Shadow>,
    received: u64,
    took: Duration,
}

impl Intake {
    pub(super) fn new(
        inbound: Inbound,
        encoding: Encoding,
        scrubber: Scrubber,
        limits: &Limits,
    ) -> Result<Intake, Reject> {
        Ok(Intake {
            inbound,
            decoder: Decoder::new(encoding, limits).map_err(Reject::Decode)?,
            scrubber,
            shadow: None,
            received: 0,
            took: Duration::ZERO,
        })
    }

    /// A second policy reads along.
    pub(super) fn with_shadow(self, shadow: Option<Shadow>) -> Intake {
        Intake { shadow, ..self }
    }

    /// Scrubs one chunk, or waits for one. After an error nothing more may be sent.
    fn poll_step(
        &mut self,
        context: &mut Context<'_>,
        out: &mut Output,
    ) -> Poll<Result<More, Reject>> {
        loop {
            let began = Instant::now();
            let step = self.scrub_chunk(out);
            self.took += began.elapsed();
            if step? {
                return Poll::Ready(Ok(More::Coming));
            }
            match ready!(self.inbound.poll_data(context))? {
                Some(data) => {
                    self.received += data.len() as u64;
                    self.decoder.push(data);
                }
                None => {
                    self.decoder.end().map_err(Reject::Decode)?;
                    self.scrubber.finish(out).map_err(Reject::Malformed)?;
                    if let Some(shadow) = &mut self.shadow {
                        shadow.finish();
                    }
                    return Poll::Ready(Ok(More::Ended));
                }
            }
        }
    }

    /// Whether there was a chunk.
    fn scrub_chunk(&mut self, out: &mut Output) -> Result<bool, Reject> {
        match self.decoder.next().map_err(Reject::Decode)? {
            Some(chunk) => {
                if let Some(shadow) = &mut self.shadow {
                    shadow.push(&chunk);
                }
                let pushed = self.scrubber.push(chunk, out);
                pushed.map_err(Reject::Malformed).map(|()| true)
            }
            None => Ok(false),
        }
    }

    /// Works until the envelope's head is known, or the body has ended.
    pub(super) async fn read_head(&mut self, out: &mut Output) -> Result<More, Reject> {
        loop {
            let more = std::future::poll_fn(|context| self.poll_step(context, out)).await?;
            if more == More::Ended || self.head().is_some() {
                return Ok(more);
            }
            tokio::task::consume_budget().await;
        }
    }

    /// Works until `bytes` wait in `out`, or the body has ended.
    pub(super) async fn gather(&mut self, out: &mut Output, bytes: usize) -> Result<More, Reject> {
        loop {
            let more = std::future::poll_fn(|context| self.poll_step(context, out)).await?;
            if more == More::Ended || out.len() >= bytes {
                return Ok(more);
            }
            tokio::task::consume_budget().await;
        }
    }

    /// The envelope's head, once it has been read.
    pub(super) fn head(&self) -> Option<&EnvelopeHead> {
        self.scrubber.head()
    }

    /// Items that pass, so far.
    pub(super) fn forwarded_items(&self) -> u64 {
        self.scrubber.report().forwarded_items()
    }

    /// An envelope that leaves also tells what was left out of others.
    pub(super) fn also_report(&mut self, earlier: Discards) {
        self.scrubber.also_report(earlier);
    }

    /// Whether spans were left out by their traces, and none are left.
    pub(super) fn is_sampled_out(&self) -> bool {
        self.scrubber.report().is_sampled_out()
    }

    /// What was left out, so far.
    pub(super) fn discards(&self) -> Discards {
        self.scrubber.report().discards.clone()
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            report: self.scrubber.report().clone(),
            shadow: self.shadow.as_ref().map(|shadow| shadow.report().clone()),
            received: self.received,
            took: self.took,
        }
    }
}

/// How a streamed body ended, and what it came to.
#[derive(Debug)]
pub(super) struct Verdict {
    /// `None` if somebody else stopped it.
    pub(super) reject: Option<Reject>,
    pub(super) summary: Summary,
}

/// An [`Intake`] that the connection to the collector pulls. Its verdict is told when it is dropped, so that there always
/// is one.
pub(super) struct Streamed {
    intake: Intake,
    reject: Option<Reject>,
    tell: Option<oneshot::Sender<Verdict>>,
}

impl Streamed {
    pub(super) fn new(intake: Intake) -> (Streamed, oneshot::Receiver<Verdict>) {
        let (tell, verdict) = oneshot::channel();
        (
            Streamed {
                intake,
                reject: None,
                tell: Some(tell),
            },
            verdict,
        )
    }
}

impl Source for Streamed {
    fn poll_scrubbed(
        &mut self,
        context: &mut Context<'_>,
        out: &mut Output,
    ) -> Poll<Result<More, Cut>> {
        self.intake.poll_step(context, out).map_err(|reject| {
            self.reject = Some(reject);
            Cut
        })
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        if let Some(tell) = self.tell.take() {
            let _ = tell.send(Verdict {
                reject: self.reject.take(),
                summary: self.intake.summary(),
            });
        }
    }
}
