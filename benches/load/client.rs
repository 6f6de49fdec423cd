//! A load generator that costs less than the server it loads: HTTP/1.1 over kept connections, one request at
//! a time on each, and no more understood of an answer than its status and length.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

pub const CONNECTIONS: usize = 32;

/// Makes the request with a given number, head and body.
pub type Make = dyn Fn(usize) -> Cow<'static, [u8]> + Send + Sync;

/// What came of a load.
pub struct Outcome {
    pub answered: usize,
    pub per_second: f64,
    /// Sorted.
    latencies: Vec<Duration>,
}

impl Outcome {
    /// The latency that a share of the calls, 0 to 1, did not exceed, in milliseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "far fewer calls than a float can count"
    )]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.latencies.len() - 1;
        self.latencies[(last as f64 * share).round() as usize].as_secs_f64() * 1e3
    }
}

/// One kept connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends one request and waits for the whole answer: its status and body.
    pub async fn call(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = read_head(&self.buffer[..head])?;
        while self.buffer.len() < head + length {
            self.read_more().await?;
        }
        Ok((status, &self.buffer[head..]))
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn read_head(head: &[u8]) -> io::Result<(u16, usize)> {
    let malformed = || io::Error::other("the answer is not one this client understands");
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    let field = head.lines().filter_map(|line| line.split_once(": "));
    let length = field.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Ok((status, length.and_then(|(_, length)| length.parse().ok()).ok_or_else(malformed)?))
}

/// Keeps every connection busy for `duration`. Numbers go to `make` in order, from `numbers` on.
///
/// # Panics
/// When an answer has another status than `expected`: a refused call is no throughput.
pub async fn drive(
    address: SocketAddr,
    duration: Duration,
    expected: u16,
    numbers: &Arc<AtomicUsize>,
    make: Arc<Make>,
) -> Outcome {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (make, numbers) = (make.clone(), numbers.clone());
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await.expect("a connection");
            let mut latencies = Vec::new();
            while start.elapsed() < duration {
                let request = make(numbers.fetch_add(1, Ordering::Relaxed));
                let sent = Instant::now();
                let (status, body) = connection.call(&request).await.expect("an answer");
                latencies.push(sent.elapsed());
                assert_eq!(status, expected, "{}", String::from_utf8_lossy(body));
            }
            latencies
        });
    }
    let mut latencies = tasks.join_all().await.concat();
    let elapsed = start.elapsed();
    latencies.sort_unstable();
    let answered = latencies.len();
    #[expect(clippy::cast_precision_loss, reason = "far fewer calls than a float can count")]
    let per_second = answered as f64 / elapsed.as_secs_f64();
    Outcome { answered, per_second, latencies }
}
