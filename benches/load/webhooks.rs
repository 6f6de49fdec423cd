//! Durable ingest: PagerDuty's own webhooks with valid signatures, each a new event, answered when it is on
//! disk.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use incident_bridge::clock::from_millis;
use incident_bridge::simulator::{EntityKind, Simulator};

use crate::bridge::{Bridge, Ground};
use crate::config::SOURCE;
use crate::drive::{Outcome, drive};
use crate::webhook::{Event, Template};

/// Incidents that the events are about, in turn.
const INCIDENTS: usize = 500;
const FIRST_EVENT_MS: i64 = 1_790_000_000_000;
const ARRIVAL_LIMIT: Duration = Duration::from_mins(2);

/// Webhooks for one bridge, numbered consecutively through all rounds.
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
        let template = Template::new(&ground.public.to_string());
        let make = Arc::new(move |n: usize| Cow::Owned(request(&template, n)));
        let outcome = drive(ground.public, duration, 202, &self.numbers, make).await;
        self.acknowledged += outcome.answered;
        let series = format!("incident_bridge_webhooks_total{{source=\"{SOURCE}\",result=\"new\"}}");
        assert_eq!(bridge.metric(&series).await, Some(self.acknowledged));
        outcome
    }

    /// Waits until the site shows the newest event of every incident; returns the seconds that took.
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

fn request(template: &Template, number: usize) -> Vec<u8> {
    let at = from_millis(FIRST_EVENT_MS + i64::try_from(number).expect("few events"));
    template.request(&Event { number, at, incident: &incident_id(number), title: &title(number) })
}

fn incident_id(number: usize) -> String {
    format!("QBENCH{:08}", number % INCIDENTS)
}

fn title(number: usize) -> String {
    format!("Checkout 5xx rate above 4%, event {number}")
}

/// How many consecutive 4 KiB writes the disk under `folder` can make durable per second. Writes in place,
/// as a write-ahead log does once it has grown, because that is faster.
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
