//! Durable ingest: PagerDuty's own webhooks with valid signatures, each a new event, answered once on disk.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use incident_bridge::clock::from_millis;
use incident_bridge::simulator::{EntityKind, Simulator};

use crate::bridge::{Bridge, Ground};
use crate::client::{Outcome, drive};
use crate::support::{SOURCE, WEBHOOK_SECRET};

const FIXTURE: &str =
    include_str!("../../tests/fixtures/providers/pagerduty/webhook-incident-triggered.json");
/// Incidents that the events are about, in turn.
const INCIDENTS: usize = 500;
const FIRST_EVENT_MS: i64 = 1_790_000_000_000;
const ARRIVAL_LIMIT: Duration = Duration::from_mins(2);

/// Webhooks for one bridge, numbered on through all rounds.
pub struct Webhooks {
    numbers: Arc<AtomicUsize>,
    acknowledged: usize,
}

impl Webhooks {
    pub fn new() -> Self {
        Self { numbers: Arc::default(), acknowledged: 0 }
    }

    /// Posts for `duration`, then checks that the bridge counted every webhook that it acknowledged.
    pub async fn post(&mut self, ground: &Ground, bridge: &Bridge, duration: Duration) -> Outcome {
        let template = Template::new(ground);
        let make = Arc::new(move |n: usize| Cow::Owned(template.request(n)));
        let outcome = drive(ground.public, duration, 202, &self.numbers, make).await;
        self.acknowledged += outcome.answered;
        let series = format!("incident_bridge_webhooks_total{{source=\"{SOURCE}\",result=\"new\"}}");
        assert_eq!(bridge.metric(&series).await, Some(self.acknowledged));
        outcome
    }

    /// Waits until the site shows the newest event of every incident; the time that took, in seconds.
    pub async fn arrive(&self, jira: &Simulator) -> f64 {
        let start = Instant::now();
        let sent = self.numbers.load(Ordering::Relaxed);
        for incident in 0..INCIDENTS.min(sent) {
            let newest = incident + (sent - 1 - incident) / INCIDENTS * INCIDENTS;
            let id = format!("{SOURCE}:{}", incident_id(newest));
            let shows = || {
                let stored = jira.find_stored(EntityKind::Incident, &id);
                stored.is_some_and(|stored| stored.json["summary"] == title(newest))
            };
            while !shows() {
                assert!(start.elapsed() < ARRIVAL_LIMIT, "Jira does not get to know event {newest}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        start.elapsed().as_secs_f64()
    }
}

fn incident_id(number: usize) -> String {
    format!("QBENCH{:08}", number % INCIDENTS)
}

fn title(number: usize) -> String {
    format!("Checkout 5xx rate above 4%, event {number}")
}

/// The fixture with places for what differs.
struct Template {
    event: serde_json::Value,
    key: hmac::Key,
    host: String,
}

impl Template {
    fn new(ground: &Ground) -> Self {
        Self {
            event: serde_json::from_str(FIXTURE).expect("JSON"),
            key: hmac::Key::new(hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes()),
            host: ground.public.to_string(),
        }
    }

    fn request(&self, number: usize) -> Vec<u8> {
        let mut webhook = self.event.clone();
        let event = &mut webhook["event"];
        let at = from_millis(FIRST_EVENT_MS + i64::try_from(number).expect("few events"));
        event["id"] = format!("01BENCH{number:019}").into();
        event["occurred_at"] = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into();
        event["data"]["id"] = incident_id(number).into();
        event["data"]["title"] = title(number).into();
        let body = serde_json::to_vec(&webhook).expect("JSON");
        let signature = hex::encode(hmac::sign(&self.key, &body));
        let mut request = format!(
            "POST /webhooks/{SOURCE} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             X-PagerDuty-Signature: v1={signature}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        request
    }
}

/// How often per second the disk below `folder` can make 4 KiB durable, one after the other. Writes in place,
/// as a write-ahead log does once it has its size, because that is the faster way.
pub fn syncs_per_second(folder: &Path, duration: Duration) -> f64 {
    const SLOTS: u64 = 1024;
    let path = folder.join("syncs");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path).expect("a file");
    let page = [7; 4096];
    for _ in 0..SLOTS {
        file.write_all(&page).expect("space on the disk");
    }
    file.sync_all().expect("a sync");
    let (start, mut syncs) = (Instant::now(), 0_u32);
    while start.elapsed() < duration {
        file.seek(SeekFrom::Start(u64::from(syncs) % SLOTS * 4096)).expect("a place");
        file.write_all(&page).expect("space on the disk");
        file.sync_data().expect("a sync");
        syncs += 1;
    }
    let rate = f64::from(syncs) / start.elapsed().as_secs_f64();
    std::fs::remove_file(path).expect("a file of our own");
    rate
}
