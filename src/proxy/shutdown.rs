//! Shutting down, in order: stop accepting, let requests finish, give up at the deadline. A second wish ends at once.

use std::io;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The wish to stop, and the wish to stop now.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    abort: CancellationToken,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every request finished.
    Drained,
    /// Some did not within the drain timeout, and were cut off.
    TimedOut,
    /// Somebody could not wait.
    Aborted,
}

impl Shutdown {
    /// Nobody wishes it yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops accepting; what is in flight may finish.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Ends at once.
    pub fn abort(&self) {
        self.drain.cancel();
        self.abort.cancel();
    }

    /// Drains at the first SIGTERM or SIGINT, and ends at the second. Runs until then.
    #[cfg(unix)]
    pub async fn follow_signals(self) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        for wish in [Self::drain, Self::abort] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            wish(&self);
        }
        Ok(())
    }

    /// Drains at the first Ctrl-C, and ends at the second. Runs until then.
    #[cfg(not(unix))]
    pub async fn follow_signals(self) -> io::Result<()> {
        for wish in [Self::drain, Self::abort] {
            tokio::signal::ctrl_c().await?;
            wish(&self);
        }
        Ok(())
    }

    /// Waits for the wish to stop.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Whether somebody wishes it now.
    pub fn is_aborting(&self) -> bool {
        self.abort.is_cancelled()
    }

    /// Waits for the wish to stop now.
    pub async fn aborting(&self) {
        self.abort.cancelled().await;
    }
}

/// Waits for all tasks, for as long as is granted; then has them dropped.
pub(super) async fn drain(tasks: &TaskTracker, shutdown: &Shutdown, patience: Duration) -> Ended {
    tasks.close();
    let ended = tokio::select! {
        biased;
        () = shutdown.aborting() => Ended::Aborted,
        () = tasks.wait() => Ended::Drained,
        () = tokio::time::sleep(patience) => Ended::TimedOut,
    };
    shutdown.abort();
    ended
}
