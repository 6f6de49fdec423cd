//! The sender's side: a seeded stream of PagerDuty events, and what Jira must hold once they are answered.
//!
//! Pure except for the clock. It counts what the bridge has acknowledged, never what it claims to hold.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use incident_bridge::clock::{Clock, from_millis};
use incident_bridge::domain::format_timestamp;
use incident_bridge::simulator::{EntityKind, Simulator};
use serde_json::{Value, json};

/// Signs every webhook; `webhook_secrets` of the source `pd`.
pub const SECRET: &str = "pagerduty-signs-with-this";
/// Answered events that may be posted once more.
const REMEMBERED: usize = 200;

/// The same seed gives the same numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    /// From 0 up to, but not including, `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// One webhook, the same bytes for every attempt to deliver it.
#[derive(Clone)]
pub struct Event {
    pub id: String,
    pub incident: String,
    pub body: String,
    at_ms: i64,
    expected: Value,
}

impl Event {
    /// `X-PagerDuty-Signature` of the body.
    pub fn signature(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        format!("v1={}", hex::encode(hmac::sign(&key, self.body.as_bytes())))
    }
}

#[derive(Clone)]
struct Incident {
    created_ms: i64,
    changes: u64,
    resolved: bool,
    priority: u64,
    service: u64,
}

/// How Jira differs from the sender.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Incidents that Jira does not show.
    pub lost: Vec<String>,
    /// Incidents that Jira shows in a state other than the last acknowledged one.
    pub stale: Vec<String>,
    /// Incidents that nobody sent.
    pub invented: Vec<String>,
    /// Incidents for which Jira received or showed an older version after a newer one.
    pub versions_down: Vec<String>,
}

/// A PagerDuty account with its incidents.
pub struct Sender {
    pub random: Random,
    clock: Clock,
    last_ms: i64,
    incidents: BTreeMap<String, Incident>,
    /// By incident: time of the newest event that was acknowledged, and what Jira must then show.
    acknowledged: BTreeMap<String, (i64, Value)>,
    answered: Vec<Event>,
}

impl Sender {
    pub fn new(seed: u64, clock: Clock) -> Self {
        let (incidents, acknowledged, answered) = Default::default();
        Self { random: Random(seed), last_ms: clock.now_ms(), clock, incidents, acknowledged, answered }
    }

    /// The next event: an incident opens, or an existing one changes.
    pub fn next_event(&mut self) -> Event {
        let known = self.incidents.len() as u64;
        if known < 3 || self.random.chance(25) {
            return self.open();
        }
        let nth = usize::try_from(self.random.below(known)).unwrap_or(0);
        let id = self.incidents.keys().nth(nth).cloned().unwrap_or_default();
        self.change(&id)
    }

    /// An incident opens.
    pub fn open(&mut self) -> Event {
        let id = format!("Q{:06}", self.incidents.len());
        let created_ms = self.next_instant();
        let (priority, service) = (1 + self.random.below(5), self.random.below(4));
        let incident = Incident { created_ms, changes: 0, resolved: false, priority, service };
        self.incidents.insert(id.clone(), incident.clone());
        self.event(&id, "incident.triggered", &incident, created_ms)
    }

    /// The incident changes its title, and its status or its priority.
    pub fn change(&mut self, id: &str) -> Event {
        let at_ms = self.next_instant();
        let choice = self.random.below(3);
        let priority = 1 + self.random.below(5);
        let Some(incident) = self.incidents.get_mut(id) else { return self.open() };
        incident.changes += 1;
        let kind = match (choice, incident.resolved) {
            (0, false) => "incident.resolved",
            (0, true) => "incident.reopened",
            (1, _) => "incident.priority_updated",
            _ => "incident.acknowledged",
        };
        match choice {
            0 => incident.resolved = !incident.resolved,
            1 => incident.priority = priority,
            _ => {}
        }
        let incident = incident.clone();
        self.event(id, kind, &incident, at_ms)
    }

    /// Later than every one before, and never a full second: the bridge compares those by the second.
    fn next_instant(&mut self) -> i64 {
        self.last_ms = self.clock.now_ms().max(self.last_ms + 1);
        if self.last_ms % 1000 == 0 {
            self.last_ms += 1;
        }
        self.last_ms
    }

    fn event(&self, incident: &str, kind: &str, state: &Incident, at_ms: i64) -> Event {
        let id = self.clock.new_id();
        let title = format!("{incident} after {} changes", state.changes);
        let url = format!("https://acme.pagerduty.com/incidents/{incident}");
        let created = format_timestamp(from_millis(state.created_ms));
        let priority = format!("P{}", state.priority);
        let service = format!("PSERVICE{}", state.service);
        let status = if state.resolved { "resolved" } else { "triggered" };
        let body = json!({ "event": {
            "id": id,
            "event_type": kind,
            "resource_type": "incident",
            "occurred_at": format_timestamp(from_millis(at_ms)),
            "data": {
                "id": incident, "type": "incident", "html_url": url, "status": status, "title": title,
                "created_at": created, "urgency": "high",
                "service": { "id": service, "type": "service_reference", "summary": service },
                "priority": { "id": "PRIO", "type": "priority_reference", "summary": priority },
            },
        }});
        let expected = json!({
            "summary": title, "url": url, "createdDate": created, "severity": { "level": priority },
            "status": if state.resolved { "resolved" } else { "open" },
            "affectedComponents": [format!("pd:{service}")],
        });
        Event { id, incident: incident.to_owned(), body: body.to_string(), at_ms, expected }
    }

    /// The bridge has answered an event with 2xx and is responsible for it from now on.
    pub fn acknowledge(&mut self, event: Event) {
        let newest = self.acknowledged.entry(event.incident.clone()).or_default();
        if newest.0 < event.at_ms {
            *newest = (event.at_ms, event.expected.clone());
        }
        if self.answered.len() == REMEMBERED {
            self.answered.remove(0);
        }
        self.answered.push(event);
    }

    /// An event that was answered before, to be posted once more.
    pub fn repeat(&mut self) -> Option<Event> {
        let nth = self.random.below(self.answered.len() as u64);
        self.answered.get(usize::try_from(nth).ok()?).cloned()
    }

    /// Incidents of which at least one event was acknowledged.
    pub fn count(&self) -> usize {
        self.acknowledged.len()
    }

    /// Compares Jira with everything acknowledged, incident by incident.
    pub fn compare(&self, jira: &Simulator) -> Difference {
        let mut difference = Difference::default();
        for (id, (_, expected)) in &self.acknowledged {
            let jira_id = format!("pd:{id}");
            match jira.incident(&jira_id) {
                None => difference.lost.push(jira_id),
                Some(shown) if !contains(&shown, expected) => difference.stale.push(jira_id),
                Some(_) => {}
            }
        }
        for shown in jira.incidents() {
            let id = shown.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            let submitted = jira.submitted_versions(EntityKind::Incident, &id);
            let stored = jira.stored_versions(EntityKind::Incident, &id);
            if [submitted, stored].iter().any(|versions| !versions.is_sorted()) {
                difference.versions_down.push(id.clone());
            }
            if id.strip_prefix("pd:").is_none_or(|id| !self.acknowledged.contains_key(id)) {
                difference.invented.push(id);
            }
        }
        difference
    }
}

/// Whether every expected field is present with its value.
fn contains(shown: &Value, expected: &Value) -> bool {
    expected
        .as_object()
        .is_some_and(|fields| fields.iter().all(|(name, value)| shown.get(name) == Some(value)))
}
