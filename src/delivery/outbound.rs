//! The body of a request to the collector. The connection pulls it, and it pulls its [`Source`]: nothing is read from the
//! client that the collector has no room for. [`Flow`] is the handle by which the sender sees and stops it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Payload;
use super::encode::{Encoder, Rope};
use crate::scrub::Output;

/// Encoded bytes worth a write of their own while more is at hand.
const FRAME_BYTES: usize = 16 << 10;

/// Steps of the source in one go. A body that expands much could else keep a thread for long.
const STEPS: usize = 32;

/// What a source has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    /// There may be more.
    Coming,
    /// That was all, and all is well.
    Ended,
}

/// The source gave up: the body is aborted, never ended. The reason is told elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body was cut off on purpose")
    }
}

impl std::error::Error for Cut {}

/// Where scrubbed bytes come from.
pub(crate) trait Source: Send {
    /// Adds a little to `out`, or waits.
    fn poll_scrubbed(
        &mut self,
        context: &mut Context<'_>,
        out: &mut Output,
    ) -> Poll<Result<More, Cut>>;
}

pub(crate) struct Outbound {
    /// Absent once it has ended.
    source: Option<Box<dyn Source>>,
    scrubbed: Output,
    encoder: Encoder,
    flow: Arc<Shared>,
}

impl Outbound {
    pub(super) fn new(
        payload: Payload,
        encoder: io::Result<Encoder>,
    ) -> io::Result<(Outbound, Flow)> {
        let (scrubbed, source) = match payload {
            Payload::Whole(scrubbed) => (scrubbed, None),
            Payload::Stream(scrubbed, source) => (scrubbed, Some(source)),
        };
        let flow = Arc::new(Shared::new());
        let whole = source.is_none();
        let mut body = Outbound {
            source,
            scrubbed,
            encoder: encoder?,
            flow: Arc::clone(&flow),
        };
        body.encode()?;
        if whole {
            // Now its length is known.
            body.encoder.finish()?;
            body.settle();
        }
        Ok((body, Flow(flow)))
    }

    /// It has ended once the connection has taken all of it.
    fn settle(&self) {
        if self.source.is_none() && self.encoder.len() == 0 && self.flow.state() == FLOWING {
            self.flow.set(ENDED);
        }
    }

    fn encode(&mut self) -> io::Result<()> {
        while let Some(slice) = self.scrubbed.pop() {
            self.encoder.push(slice)?;
        }
        Ok(())
    }

    fn take(&mut self) -> Poll<Option<Result<Frame<Rope>, Cut>>> {
        let rope = self.encoder.take();
        self.flow
            .sent
            .fetch_add(rope.remaining() as u64, Ordering::Relaxed);
        self.settle();
        Poll::Ready(Some(Ok(Frame::data(rope))))
    }

    /// Pulls from the source until there is a frame's worth, or it has to wait, or it has ended.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        let mut steps = 0;
        while let Some(source) = self
            .source
            .as_mut()
            .filter(|_| self.encoder.len() < FRAME_BYTES)
        {
            if steps == STEPS {
                // Others want the thread too.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            steps += 1;
            let more = ready!(source.poll_scrubbed(context, &mut self.scrubbed))?;
            self.encode().map_err(|_| Cut)?;
            if more == More::Ended {
                self.encoder.finish().map_err(|_| Cut)?;
                self.source = None;
                self.settle();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Body for Outbound {
    type Data = Rope;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Rope>, Cut>>> {
        let this = &mut *self;
        this.flow.touch();
        if this.source.is_some() {
            this.flow.waker.register(context.waker());
            match this.flow.order.load(Ordering::Acquire) {
                STOP => {
                    this.source = None;
                    this.flow.set(CUT);
                    return Poll::Ready(Some(Err(Cut)));
                }
                PAUSE => return Poll::Pending,
                _ => {}
            }
            let filled = this.poll_fill(context);
            this.flow
                .waiting
                .store(filled.is_pending(), Ordering::Release);
            this.flow.touch();
            match filled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(cut)) => {
                    this.source = None;
                    this.flow.set(CUT);
                    return Poll::Ready(Some(Err(cut)));
                }
                Poll::Pending if this.encoder.len() == 0 => return Poll::Pending,
                // The source has to wait; what there is need not.
                Poll::Pending => {}
            }
        }
        if this.encoder.len() > 0 {
            this.take()
        } else {
            Poll::Ready(None)
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none() && self.encoder.len() == 0 && self.flow.state() == ENDED
    }

    fn size_hint(&self) -> SizeHint {
        match self.source {
            None => SizeHint::with_exact(self.encoder.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        if self.flow.state() == FLOWING {
            self.flow.set(LEFT);
        }
    }
}

const FLOWING: u8 = 0;
/// All has been handed to the connection, and was well.
const ENDED: u8 = 1;
/// It broke off.
const CUT: u8 = 2;
/// The connection wanted no more of it.
const LEFT: u8 = 3;

const RUN: u8 = 0;
const PAUSE: u8 = 1;
const STOP: u8 = 2;

struct Shared {
    /// `FLOWING`, and then one of the others for good.
    state: AtomicU8,
    changed: Notify,
    /// `RUN`, `PAUSE` or `STOP`.
    order: AtomicU8,
    waker: AtomicWaker,
    sent: AtomicU64,
    /// It is the source that we wait for, not the collector.
    waiting: AtomicBool,
    started: Instant,
    /// Milliseconds from `started` to the last sign of life.
    touched: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        Shared {
            state: AtomicU8::new(FLOWING),
            changed: Notify::new(),
            order: AtomicU8::new(RUN),
            waker: AtomicWaker::new(),
            sent: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            started: Instant::now(),
            touched: AtomicU64::new(0),
        }
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }

    fn set(&self, state: u8) {
        self.state.store(state, Ordering::Release);
        self.changed.notify_waiters();
    }

    fn touch(&self) {
        self.touched
            .store(self.started.elapsed().as_millis() as u64, Ordering::Release);
    }

    async fn reaches(&self, wanted: u8) {
        self.until(|state| state == wanted).await;
    }

    async fn until(&self, is_wanted: impl Fn(u8) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_wanted(self.state()) {
                return;
            }
            changed.await;
        }
    }
}

/// The sender's hold on an [`Outbound`].
pub(super) struct Flow(Arc<Shared>);

impl Flow {
    /// Encoded bytes handed to the connection so far.
    pub(super) fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0.state() == ENDED
    }

    pub(super) fn is_cut(&self) -> bool {
        self.0.state() == CUT
    }

    /// Waits until all has been handed over; maybe for ever.
    pub(super) async fn ended(&self) {
        self.0.reaches(ENDED).await;
    }

    /// Waits until the source gives up; maybe for ever.
    pub(super) async fn cut(&self) {
        self.0.reaches(CUT).await;
    }

    /// Waits until the connection lets go of the body before its end; maybe for ever.
    pub(super) async fn left(&self) {
        self.0.reaches(LEFT).await;
    }

    /// Waits until the connection has nothing more to do with the body.
    pub(super) async fn over(&self) {
        self.0.until(|state| state != FLOWING).await;
    }

    /// Reads nothing more from the source, but keeps the connection.
    pub(super) fn pause(&self) {
        self.0.order.store(PAUSE, Ordering::Release);
    }

    /// Aborts the body, if it has not ended.
    pub(super) fn stop(&self) {
        self.0.order.store(STOP, Ordering::Release);
        self.0.waker.wake();
    }

    /// Waits until the collector has not moved for this long, though it is its turn.
    pub(super) async fn stalled(&self, patience: Duration) {
        let shared = &self.0;
        let mut from =
            shared.started + Duration::from_millis(shared.touched.load(Ordering::Acquire));
        loop {
            tokio::time::sleep_until(from + patience).await;
            let touched =
                shared.started + Duration::from_millis(shared.touched.load(Ordering::Acquire));
            from = if shared.waiting.load(Ordering::Acquire) {
                Instant::now()
            } else {
                touched
            };
            if from + patience <= Instant::now() {
                return;
            }
        }
    }
}
