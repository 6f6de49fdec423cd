//! A Jira that takes everything and holds everything, for as many sites as there are: it costs next to nothing.

use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Its address; it runs until the end of the process.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Answers one request after the other until the caller leaves.
async fn serve(mut stream: TcpStream) {
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
        let (status, body) = match text.get(..4) {
            Some("get ") => ("200 OK", r#"{"updateSequenceNumber":9000000000000000000}"#),
            _ => ("202 Accepted", "{}"),
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
