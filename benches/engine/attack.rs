//! Strangers who hold connections and send what nobody asked for, without end until they are dropped.
//!
//! Loopback only. Each stranger comes back as soon as it is put out.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// How far apart a dripping stranger's bytes are.
const DRIP: Duration = Duration::from_millis(500);
/// How soon a stranger comes back.
const PAUSE: Duration = Duration::from_millis(200);
/// Just below the largest body that a bridge takes.
const LARGE: usize = 1024 * 1024;

/// What strangers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Connects and says nothing.
    Silent,
    /// Sends a head byte by byte.
    DrippingHeads,
    /// Sends a large head that does not end.
    LargeHeads,
    /// Announces a body under a signature and sends it byte by byte.
    SlowBodies,
    /// Sends all of a large body but its last byte.
    LargeBodies,
    /// Asks again and again and reads no answer.
    UnreadAnswers,
    /// Sends webhooks with a wrong token, one after the other.
    RefusedTokens,
    /// Sends calls of Jira with made-up tokens, one after the other.
    RefusedCalls,
}

/// Strangers at work, on a thread of their own: the genuine sender must not wait for its turn among them. They stop when
/// this is dropped.
pub struct Strangers {
    thread: Option<Runtime>,
}

impl Strangers {
    /// Returns once each of `count` strangers has tried to connect.
    pub async fn start(attack: Attack, address: SocketAddr, count: usize) -> Self {
        let thread = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let (arrived, mut arrivals) = tokio::sync::mpsc::channel(count.max(1));
        for _ in 0..count {
            let arrived = arrived.clone();
            thread.spawn(async move {
                let mut first = Some(arrived);
                loop {
                    let connected = tokio::time::timeout(PAUSE * 5, TcpStream::connect(address)).await;
                    if let Some(arrived) = first.take() {
                        let _nobody_listens_any_more = arrived.send(()).await;
                    }
                    if let Ok(Ok(stream)) = connected {
                        // However it ends, the stranger comes back.
                        drop(attack.play(stream).await);
                    }
                    tokio::time::sleep(attack.pause()).await;
                }
            });
        }
        drop(arrived);
        while arrivals.recv().await.is_some() {}
        Self { thread: Some(thread) }
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.shutdown_background();
        }
    }
}

impl Attack {
    pub const ALL: [Self; 8] = [
        Self::Silent,
        Self::DrippingHeads,
        Self::LargeHeads,
        Self::SlowBodies,
        Self::LargeBodies,
        Self::UnreadAnswers,
        Self::RefusedTokens,
        Self::RefusedCalls,
    ];

    /// How many strangers make the attack what it is.
    pub fn strangers(self) -> usize {
        match self {
            Self::Silent | Self::DrippingHeads => 2000,
            Self::SlowBodies => 1100,
            Self::LargeHeads | Self::UnreadAnswers => 500,
            Self::LargeBodies => 200,
            Self::RefusedTokens | Self::RefusedCalls => 16,
        }
    }

    /// Whether it takes the program's time rather than its connections.
    pub fn is_flood(self) -> bool {
        matches!(self, Self::UnreadAnswers | Self::RefusedTokens | Self::RefusedCalls)
    }

    /// Floods come without a pause worth the name.
    fn pause(self) -> Duration {
        if self.is_flood() { Duration::from_millis(2) } else { PAUSE }
    }

    async fn play(self, mut stream: TcpStream) -> io::Result<()> {
        match self {
            Self::Silent => wait_for_the_end(&mut stream).await,
            Self::DrippingHeads => drip(&mut stream, "POST /webhooks/pd HTTP/1.1\r\nX-").await,
            Self::LargeHeads => {
                stream.write_all(b"POST /webhooks/pd HTTP/1.1\r\nX-Large: ").await?;
                stream.write_all(&vec![b'a'; 100 * 1024]).await?;
                wait_for_the_end(&mut stream).await
            }
            Self::SlowBodies => drip(&mut stream, &signed_head(LARGE)).await,
            Self::LargeBodies => {
                stream.write_all(signed_head(LARGE).as_bytes()).await?;
                stream.write_all(&vec![b' '; LARGE - 1]).await?;
                wait_for_the_end(&mut stream).await
            }
            Self::UnreadAnswers => loop {
                stream.write_all(b"GET /atlassian-connect.json HTTP/1.1\r\nHost: x\r\n\r\n").await?;
            },
            Self::RefusedTokens => {
                let fields = "Authorization: Bearer a-wrong-token";
                ask(
                    &mut stream,
                    &format!(
                        "POST /webhooks/am HTTP/1.1\r\nHost: x\r\n{fields}\r\nContent-Length: 2\r\n\r\n{{}}"
                    ),
                )
                .await
            }
            Self::RefusedCalls => {
                // {"alg":"HS256"}.{"iss":"nobody"}
                let token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ.c2lnbmF0dXJl";
                let head = format!(
                    "GET /jira/containers/search HTTP/1.1\r\nHost: x\r\nAuthorization: JWT {token}\r\n\r\n"
                );
                ask(&mut stream, &head).await
            }
        }
    }
}

/// A signature that only the body can refute.
fn signed_head(length: usize) -> String {
    let signature = "00".repeat(32);
    format!(
        "POST /webhooks/pd HTTP/1.1\r\nHost: x\r\nX-PagerDuty-Signature: v1={signature}\r\nContent-Length: {length}\r\n\r\n"
    )
}

async fn drip(stream: &mut TcpStream, start: &str) -> io::Result<()> {
    stream.write_all(start.as_bytes()).await?;
    loop {
        stream.write_all(b"a").await?;
        let mut answer = [0; 512];
        if let Ok(read) = tokio::time::timeout(DRIP, stream.read(&mut answer)).await {
            return read.map(drop);
        }
    }
}

async fn wait_for_the_end(stream: &mut TcpStream) -> io::Result<()> {
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

async fn ask(stream: &mut TcpStream, request: &str) -> io::Result<()> {
    stream.write_all(request.as_bytes()).await?;
    wait_for_the_end(stream).await
}
