//! A Jira that takes everything and holds everything, for as many sites as there are: it costs next to nothing.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// It runs until the end of the process.
pub struct Jira {
    port: u16,
    writes: Arc<AtomicUsize>,
}

impl Jira {
    pub async fn start() -> Self {
        // Every address of the loopback network, and no caller from elsewhere.
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let writes = Arc::<AtomicUsize>::default();
        let counter = writes.clone();
        tokio::spawn(async move {
            while let Ok((stream, caller)) = listener.accept().await {
                if caller.ip().is_loopback() {
                    tokio::spawn(serve(stream, counter.clone()));
                }
            }
        });
        Self { port, writes }
    }

    /// The base URL of the site of this number: a host of its own, as limits count by host.
    pub fn site(&self, number: usize) -> String {
        let [.., high, middle, low] = number.to_be_bytes();
        format!("http://{}:{}", Ipv4Addr::new(127, high.wrapping_add(1), middle, low), self.port)
    }

    /// Requests that wrote something, so far.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

/// Answers one request after the other until the caller leaves.
async fn serve(mut stream: TcpStream, writes: Arc<AtomicUsize>) {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let Some(head) = memmem::find(&buffer, b"\r\n\r\n").map(|end| end + 4) else {
            match stream.read_buf(&mut buffer).await {
                Ok(1..) => continue,
                _ => return,
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let whole = head + length.unwrap_or(0_usize);
        while buffer.len() < whole {
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
        let is_read = text.starts_with("get ");
        writes.fetch_add(usize::from(!is_read), Ordering::SeqCst);
        let (status, body) = if is_read {
            ("200 OK", r#"{"updateSequenceNumber":9000000000000000000}"#)
        } else {
            ("202 Accepted", "{}")
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        buffer.drain(..whole);
    }
}
