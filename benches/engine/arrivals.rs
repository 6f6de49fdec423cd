//! How long a webhook took from its 2xx until Jira had accepted its content, or something newer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use incident_bridge::simulator::{EntityKind, Simulator, Submission};

use crate::config::SOURCE;
use crate::latencies::Latencies;
use crate::sender::{Load, Sent, event_time, incident_id};

const ARRIVAL_LIMIT: Duration = Duration::from_mins(2);

/// Versions that a site accepted, by incident, in the order of arrival.
pub struct Arrivals(HashMap<usize, Vec<Submission>>);

impl Arrivals {
    /// Waits until the newest webhook about every incident has arrived.
    pub async fn wait(jira: &Simulator, load: &Load) -> Self {
        let mut newest: HashMap<usize, usize> = HashMap::new();
        for number in 0..load.end() {
            newest.insert(load.incident(number), number);
        }
        let start = Instant::now();
        let mut arrived = HashMap::new();
        for (incident, number) in newest {
            let submissions = loop {
                let submissions = submissions(jira, incident);
                if submissions.iter().any(|it| it.sequence >= version(number)) {
                    break submissions;
                }
                assert!(start.elapsed() < ARRIVAL_LIMIT, "Jira does not get to know webhook {number}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            arrived.insert(incident, submissions);
        }
        Self(arrived)
    }

    /// Entities that were written.
    pub fn writes(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    pub fn latencies(&self, load: &Load, sent: &[Sent]) -> Latencies {
        let latency = |sent: &Sent| {
            let submissions = &self.0[&load.incident(sent.number)];
            let accepted = submissions.iter().find(|it| it.sequence >= version(sent.number));
            (accepted.expect("it has arrived").at - sent.answered_at).as_seconds_f64() * 1e3
        };
        Latencies::new(sent.iter().map(latency).collect())
    }
}

fn submissions(jira: &Simulator, incident: usize) -> Vec<Submission> {
    jira.submissions(EntityKind::Incident, &format!("{SOURCE}:{}", incident_id(incident)))
}

fn version(number: usize) -> i64 {
    event_time(number).timestamp_millis()
}
