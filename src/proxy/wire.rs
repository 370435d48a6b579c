//! The bytes of one client's connection, between its socket and hyper. Here [`Judge`] sees them, a head has to arrive in time, and a client
//! that does not read its answer is given up.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::heads::{Flaw, Judge, Judged};

/// What is known of a connection, for those who serve it.
#[derive(Debug)]
pub(super) struct Watch {
    judge: Mutex<Judge>,
    /// Requests that have begun and not been answered.
    active: AtomicUsize,
    /// When that was last another number.
    changed: Mutex<Instant>,
    /// Something is written that the client does not take.
    writing: AtomicBool,
    /// A head did not come in time.
    pub(super) head_timed_out: AtomicBool,
    /// The client did not read its answer in time.
    pub(super) write_timed_out: AtomicBool,
}

impl Watch {
    /// Nothing has been asked since then.
    pub(super) fn new(head_bytes: usize, since: Instant) -> Arc<Watch> {
        Arc::new(Watch {
            judge: Mutex::new(Judge::new(head_bytes)),
            active: AtomicUsize::new(0),
            changed: Mutex::new(since),
            writing: AtomicBool::new(false),
            head_timed_out: AtomicBool::new(false),
            write_timed_out: AtomicBool::new(false),
        })
    }

    fn judge(&self) -> std::sync::MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins; it ends with what is returned. With it comes what is wrong with its head.
    pub(super) fn begin(self: &Arc<Self>) -> (Active, Option<Flaw>) {
        self.active.fetch_add(1, Ordering::AcqRel);
        self.touch();
        (Active(Arc::clone(self)), self.judge().next_verdict())
    }

    /// Since when nothing has been asked; `None` while something is being answered, or a head arrives.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let idle = self.active.load(Ordering::Acquire) == 0 && !self.judge().is_in_head();
        idle.then(|| *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether all of what was asked has been answered, and the answers are written: then nothing of this connection is in hyper.
    pub(super) fn is_at_rest(&self) -> bool {
        self.active.load(Ordering::Acquire) == 0
            && !self.writing.load(Ordering::Acquire)
            && self.judge().is_between_requests()
    }

    fn touch(&self) {
        *self.changed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// A request that has begun.
pub(super) struct Active(Arc<Watch>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::AcqRel);
        self.0.touch();
    }
}

/// A wait that has an end.
struct Patience {
    sleep: Pin<Box<Sleep>>,
    time: Duration,
    waiting: bool,
}

impl Patience {
    fn new(time: Duration) -> Patience {
        Patience {
            sleep: Box::pin(tokio::time::sleep(time)),
            time,
            waiting: false,
        }
    }

    /// Waits on, or begins to; ready once it has taken too long.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.waiting {
            self.waiting = true;
            self.sleep.as_mut().reset(Instant::now() + self.time);
        }
        self.sleep.as_mut().poll(context)
    }

    fn end(&mut self) {
        self.waiting = false;
    }
}

pub(super) struct Wire<S> {
    socket: S,
    watch: Arc<Watch>,
    head: Patience,
    write: Patience,
    /// A head was refused: what follows is read and thrown away, so that the client gets to see why.
    refused: bool,
    broken: bool,
}

impl<S> Wire<S> {
    pub(super) fn new(
        socket: S,
        watch: Arc<Watch>,
        head_timeout: Duration,
        write_timeout: Duration,
    ) -> Wire<S> {
        Wire {
            socket,
            watch,
            head: Patience::new(head_timeout),
            write: Patience::new(write_timeout),
            refused: false,
            broken: false,
        }
    }

    /// The socket, when hyper has nothing to do with it any more.
    pub(super) fn into_socket(self) -> S {
        self.socket
    }

    fn watch_write<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.write.waiting {
                self.write.end();
                self.watch.writing.store(false, Ordering::Release);
            }
            return written;
        }
        self.watch.writing.store(true, Ordering::Release);
        match self.write.poll(context) {
            Poll::Ready(()) => {
                self.watch.write_timed_out.store(true, Ordering::Release);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    /// Reads what nobody wants, until it ends.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0; 4096];
        // One piece at a time; others want the thread too.
        let mut buffer = ReadBuf::new(&mut space);
        match Pin::new(&mut self.socket).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            other @ (Poll::Ready(_) | Poll::Pending) => other,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.refused {
            return this.poll_discard(context);
        }
        if this.broken {
            return Poll::Ready(Err(malformed_chunk()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = read {
            let judged = this.watch.judge().push(&buffer.filled()[before..]);
            match judged {
                Judged::Pass => {}
                Judged::Refused { pass } => {
                    this.refused = true;
                    buffer.set_filled(before + pass);
                }
                Judged::Broken { pass } => {
                    this.broken = true;
                    buffer.set_filled(before + pass);
                    // Nothing at all would be the end of the stream.
                    if pass == 0 {
                        return Poll::Ready(Err(malformed_chunk()));
                    }
                }
            }
        }
        // From the first byte of a head to its last, however many reads it takes.
        if !this.watch.judge().is_in_head() {
            this.head.end();
        } else if this.head.poll(context).is_ready() {
            this.watch.head_timed_out.store(true, Ordering::Release);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

fn malformed_chunk() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a chunk is malformed")
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.watch_write(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.watch_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(context);
        self.watch_write(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.socket).poll_shutdown(context);
        self.watch_write(context, shut)
    }
}
