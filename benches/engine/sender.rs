//! An open load loop: webhooks are sent on schedule, whether or not earlier ones are answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use incident_bridge::clock::{Clock, Timestamp, from_millis};
use tokio::task::JoinSet;

use crate::client::Connection;
use crate::webhook::{Event, Template};

/// More than are ever in flight while the bridge keeps up.
const CONNECTIONS: usize = 32;
const FIRST_EVENT_MS: i64 = 1_790_000_000_000;

/// A load: webhooks per second, duration, and the number of incidents they are about.
#[derive(Clone, Copy)]
pub struct Load {
    pub per_second: usize,
    pub duration: Duration,
    pub incidents: usize,
    /// Number of the first webhook, so that a second load continues where the first ended.
    pub first: usize,
}

/// A webhook that was answered with 2xx.
#[derive(Clone, Copy)]
pub struct Sent {
    pub number: usize,
    pub answered_at: Timestamp,
}

impl Load {
    pub fn end(&self) -> usize {
        let seconds = usize::try_from(self.duration.as_secs()).expect("not that long");
        self.first + self.per_second * seconds
    }

    /// Which incident a webhook is about: at random, the same in every run.
    pub fn incident(&self, number: usize) -> usize {
        let mut mixed = (number as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        usize::try_from((mixed ^ (mixed >> 31)) >> 32).expect("32 bits") % self.incidents
    }

    /// Posts all webhooks of the load.
    ///
    /// # Panics
    /// When one is not answered with 202, or the load takes a tenth longer than planned.
    pub async fn post(self, bridge: SocketAddr) -> Vec<Sent> {
        let template = Arc::new(Template::new(&bridge.to_string()));
        let numbers = Arc::new(AtomicUsize::new(self.first));
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..CONNECTIONS {
            tasks.spawn(self.post_in_turn(bridge, template.clone(), numbers.clone(), start));
        }
        let sent = tasks.join_all().await.concat();
        assert!(start.elapsed() < self.duration.mul_f64(1.1), "the load cannot be kept up");
        sent
    }

    async fn post_in_turn(
        self,
        bridge: SocketAddr,
        template: Arc<Template>,
        numbers: Arc<AtomicUsize>,
        start: Instant,
    ) -> Vec<Sent> {
        let mut connection = Connection::open(bridge).await.expect("a connection");
        let mut sent = Vec::new();
        loop {
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            if number >= self.end() {
                return sent;
            }
            let nth = u32::try_from(number - self.first).expect("not that many");
            let due = start + Duration::from_secs(1) * nth / u32::try_from(self.per_second).expect("small");
            tokio::time::sleep_until(due.into()).await;
            let event = Event {
                number,
                at: event_time(number),
                incident: &incident_id(self.incident(number)),
                title: &format!("Checkout 5xx rate above 4%, event {number}"),
            };
            let request = template.request(&event);
            let (status, body) = connection.call(&request).await.expect("an answer");
            assert_eq!(status, 202, "{}", String::from_utf8_lossy(body));
            sent.push(Sent { number, answered_at: Clock::system().now() });
        }
    }
}

/// The instant in a webhook, which becomes its version in Jira. No two webhooks share one.
pub fn event_time(number: usize) -> Timestamp {
    from_millis(FIRST_EVENT_MS) + TimeDelta::milliseconds(i64::try_from(number).expect("not that many"))
}

pub fn incident_id(incident: usize) -> String {
    format!("QBENCH{incident:08}")
}
