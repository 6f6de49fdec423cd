//! The bytes of one connection, for as long as it has its seat.
//!
//! Hands them on in small pieces, so that a head or the body of a refused request never piles up in the
//! server's buffer, and none while its answers are not read. Must not look at them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::seats::Seat;

/// Bytes of heads that are handed on at once. The server answers up to 17 requests before it reads on, and the
/// shortest has 18 bytes: what it has not answered yet never grows.
const HEAD_PIECE: usize = 256;
/// How long a client may take to read an answer while the body that nobody wanted still arrives.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    stream: TcpStream,
    seat: Rc<Seat>,
    /// Whether the last read brought something, which the server has to deal with before it reads on.
    fed: bool,
    /// Whether the client does not read its answers.
    blocked: bool,
    /// When the connection ends after an answer before the end of the body.
    end: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, seat: Rc<Seat>) -> Self {
        Self { stream, seat, fed: false, blocked: false, end: None }
    }

    pub(super) fn seat(&self) -> Rc<Seat> {
        self.seat.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.seat.check(context)?;
        if self.blocked {
            return Poll::Pending;
        }
        if std::mem::take(&mut self.fed) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.seat.leaves() {
            let end = self.end.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_WORDS)));
            if end.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
        }
        let read = if self.seat.is_in_request() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            buffer.filled().len().saturating_sub(before)
        } else {
            let mut piece = [0; HEAD_PIECE];
            let most = piece.len().min(buffer.remaining());
            let mut piece = ReadBuf::new(piece.get_mut(..most).unwrap_or_default());
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
            buffer.put_slice(piece.filled());
            piece.filled().len()
        };
        self.fed = read > 0;
        Poll::Ready(self.seat.count_read(read))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.seat.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if std::mem::replace(&mut self.blocked, written.is_pending()) && !self.blocked {
            // Reading has been left undone meanwhile.
            context.waker().wake_by_ref();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
