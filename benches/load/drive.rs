//! A closed load loop: every connection sends its next request as soon as it has an answer.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::Connection;
use crate::latencies::Latencies;

pub const CONNECTIONS: usize = 32;

/// Makes the request with a given number, head and body.
pub type Make = dyn Fn(usize) -> Cow<'static, [u8]> + Send + Sync;

/// The result of a load.
pub struct Outcome {
    pub answered: usize,
    pub per_second: f64,
    pub latencies: Latencies,
}

/// Keeps every connection busy for `duration`. Numbers go to `make` in order, from `numbers` on.
///
/// # Panics
/// When an answer's status differs from `expected`: a refused call is not throughput.
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
                latencies.push(sent.elapsed().as_secs_f64() * 1e3);
                assert_eq!(status, expected, "{}", String::from_utf8_lossy(body));
            }
            latencies
        });
    }
    let latencies = tasks.join_all().await.concat();
    let elapsed = start.elapsed();
    let answered = latencies.len();
    #[expect(clippy::cast_precision_loss, reason = "far fewer calls than a float can count")]
    let per_second = answered as f64 / elapsed.as_secs_f64();
    Outcome { answered, per_second, latencies: Latencies::new(latencies) }
}
