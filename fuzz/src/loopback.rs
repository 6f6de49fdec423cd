//! A server on loopback that answers with what the input says, so that the program's own client reads it.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// Requests of one input that are answered as it says; a listing that never ends gets an error then.
const MOST: usize = 12;

const STATUSES: [&str; 16] = [
    "200 OK",
    "200 OK",
    "200 OK",
    "200 OK",
    "200 OK",
    "202 Accepted",
    "204 No Content",
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "404 Not Found",
    "410 Gone",
    "413 Content Too Large",
    "429 Too Many Requests",
    "500 Internal Server Error",
    "503 Service Unavailable",
];

/// What the server answers.
#[derive(Default)]
struct Answers {
    status: usize,
    wait: String,
    bodies: Vec<Vec<u8>>,
    asked: usize,
}

impl Answers {
    /// The next answer as bytes; the last body is repeated.
    fn next(&mut self) -> Vec<u8> {
        let nth = self.asked;
        self.asked += 1;
        let status = if nth < MOST { STATUSES[self.status % STATUSES.len()] } else { "500 Too Many" };
        let body = self.bodies.get(nth).or(self.bodies.last()).map(Vec::as_slice).unwrap_or_default();
        let body = if status.starts_with("204") { &[] } else { body };
        let wait: String = self.wait.chars().filter(|c| (' '..='~').contains(c)).collect();
        let waits = ["retry-after", "x-ratelimit-reset", "ratelimit-reset", "date"]
            .map(|name| format!("{name}: {wait}\r\n"))
            .concat();
        let waits = if wait.is_empty() { String::new() } else { waits };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{waits}\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }
}

/// The server, and what runs it and its clients.
pub struct Loopback {
    runtime: Runtime,
    tasks: LocalSet,
    answers: Rc<RefCell<Answers>>,
    /// Its address without a trailing slash.
    pub url: String,
}

impl Loopback {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (tasks, answers) = (LocalSet::new(), Rc::<RefCell<Answers>>::default());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let shared = answers.clone();
        tasks.spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _nagle = stream.set_nodelay(true);
                tokio::task::spawn_local(serve(stream, shared.clone()));
            }
        });
        Self { runtime, tasks, answers, url }
    }

    /// Runs `work` while the server answers with these bodies.
    pub fn answer_with<T>(
        &self,
        status: usize,
        wait: String,
        bodies: &[&[u8]],
        work: impl Future<Output = T>,
    ) -> T {
        let bodies = bodies.iter().map(|body| body.to_vec()).collect();
        *self.answers.borrow_mut() = Answers { status, wait, bodies, asked: 0 };
        self.tasks.block_on(&self.runtime, work)
    }
}

async fn serve(mut stream: TcpStream, answers: Rc<RefCell<Answers>>) {
    let mut buffer = Vec::new();
    loop {
        let Some(length) = read_request(&mut stream, &mut buffer).await else { return };
        buffer.drain(..length.min(buffer.len()));
        let answer = answers.borrow_mut().next();
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Reads until a whole request is there, and says how long it is.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if buffer.len() >= whole {
                return Some(whole);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
