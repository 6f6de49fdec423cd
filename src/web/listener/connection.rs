//! The bytes of one connection, for as long as it has its seat.
//!
//! Hands on one head at a time, so that neither further requests nor the body of a refused one pile up in the server's
//! buffer, and nothing while its answers are not read. Must not look at what they say: only where a head ends.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::seats::Seat;

/// Bytes that are read at once outside a request: room for the head of an ordinary request, which then costs one read
/// and is parsed once. So many may wait here for each connection.
const HEAD_PIECE: usize = 2 * 1024;
/// What ends a head.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// How long a client may take to read an answer while the body that nobody wanted still arrives.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    stream: TcpStream,
    seat: Rc<Seat>,
    /// Bytes behind a head that was handed on.
    ahead: Vec<u8>,
    /// Whether the last read brought something, which the server has to deal with before it reads on.
    fed: bool,
    /// Whether the client does not read its answers.
    blocked: bool,
    /// When the connection ends after an answer before the end of the body.
    end: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, seat: Rc<Seat>) -> Self {
        Self { stream, seat, ahead: Vec::new(), fed: false, blocked: false, end: None }
    }

    pub(super) fn seat(&self) -> Rc<Seat> {
        self.seat.clone()
    }

    /// Outside a request, what follows the first head is kept.
    fn hand_on(&mut self, bytes: &[u8], buffer: &mut ReadBuf<'_>) {
        let head = memmem::find(bytes, HEAD_END).map(|at| at.saturating_add(HEAD_END.len()));
        let now = if self.seat.is_in_request() { None } else { head }.unwrap_or(bytes.len());
        let (now, later) = bytes.split_at(now.min(buffer.remaining()));
        buffer.put_slice(now);
        self.ahead = later.to_vec();
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
        let before = buffer.filled().len();
        if !self.ahead.is_empty() {
            let bytes = std::mem::take(&mut self.ahead);
            self.hand_on(&bytes, buffer);
        } else if self.seat.is_in_request() {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        } else {
            let mut piece = [0; HEAD_PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
            self.hand_on(piece.filled(), buffer);
        }
        let read = buffer.filled().len().saturating_sub(before);
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
