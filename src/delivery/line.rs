//! [`Line`]: a connection to the collector that can be cut from outside. A collector that has answered, and neither takes the rest of a
//! request nor says that it does not want it, would else keep that rest in memory for as long as it likes: whoever sends waits for room
//! (HTTP/2's windows, TCP's), and looks at nothing else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

/// Makes connections that can be cut. The handle is in the extensions of each answer.
#[derive(Debug, Clone)]
pub(super) struct Severable<C>(pub(super) C);

/// The handle of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Scissors(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cut: AtomicBool,
    waiting: AtomicWaker,
}

impl Scissors {
    /// Ends the connection, with all that is on it.
    pub(super) fn cut(&self) {
        self.0.cut.store(true, Ordering::Release);
        self.0.waiting.wake();
    }

    /// Whoever waits for the connection is woken when it is cut.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.0.waiting.register(context.waker());
        match self.0.cut.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }
}

pub(super) struct Line {
    socket: TokioIo<TcpStream>,
    scissors: Scissors,
}

impl<C> Service<Uri> for Severable<C>
where
    C: Service<Uri, Response = TokioIo<TcpStream>>,
    C::Future: Send + 'static,
{
    type Response = Line;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Line, C::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            Ok(Line {
                socket: connecting.await?,
                scissors: Scissors::default(),
            })
        })
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.socket.connected().extra(self.scissors.clone())
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.scissors.check(context)?;
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.scissors.check(context)?;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.scissors.check(context)?;
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
