//! The sender's side: a seeded stream of PagerDuty events, and what Jira must hold once they are answered.
//!
//! Pure except for the clock. It counts what the bridge has acknowledged, never what it claims to hold.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use incident_bridge::clock::{Clock, from_millis};
use incident_bridge::domain::format_timestamp;
use incident_bridge::simulator::{EntityKind, Simulator};
use serde_json::{Value, json};

/// Sources of several PagerDuty accounts: a site then has requests about several of them on their way.
pub const SEVERAL: &[&str] = &["pd", "pd-eu", "pd-us"];
/// The source of one account.
pub const ONE: &[&str] = &["pd"];
/// Signs every webhook; `webhook_secrets` of every source.
pub const SECRET: &str = "pagerduty-signs-with-this";
/// Answered events that may be posted once more.
const REMEMBERED: usize = 200;

/// The tables of the configuration for these sources.
pub fn configure_sources(accounts: &[&str]) -> String {
    let table =
        |id| format!("[[sources]]\nid = \"{id}\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"{SECRET}\"]\n");
    accounts.iter().map(table).collect()
}

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
    /// The source that it is posted to.
    pub account: &'static str,
    pub incident: String,
    pub body: String,
    at_ms: i64,
    /// The incident after it.
    state: Incident,
}

impl Event {
    /// `X-PagerDuty-Signature` of the body.
    pub fn signature(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        format!("v1={}", hex::encode(hmac::sign(&key, self.body.as_bytes())))
    }
}

/// An incident as PagerDuty has it.
#[derive(Clone)]
pub struct Incident {
    pub id: String,
    account: &'static str,
    created_ms: i64,
    pub changes: u64,
    /// How often its status has changed.
    pub turns: usize,
    pub acknowledged: bool,
    pub resolved: bool,
    /// From 1 to 5.
    pub priority: u64,
    service: u64,
}

impl Incident {
    pub fn title(&self) -> String {
        format!("{} after {} changes", self.id, self.changes)
    }

    /// Id and name of the affected service.
    pub fn service(&self) -> String {
        format!("PSERVICE{}", self.service)
    }

    fn url(&self) -> String {
        format!("https://acme.pagerduty.com/incidents/{}", self.id)
    }

    fn created(&self) -> String {
        format_timestamp(from_millis(self.created_ms))
    }

    /// As the Incidents page must show it.
    fn shown(&self) -> Value {
        json!({
            "summary": self.title(), "url": self.url(), "createdDate": self.created(),
            "severity": { "level": format!("P{}", self.priority) },
            "status": if self.resolved { "resolved" } else { "open" },
            "affectedComponents": [format!("{}:{}", self.account, self.service())],
        })
    }

    fn status(&self) -> &'static str {
        match (self.resolved, self.acknowledged) {
            (true, _) => "resolved",
            (false, true) => "acknowledged",
            (false, false) => "triggered",
        }
    }
}

/// What happens to incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Course {
    /// Everything.
    #[default]
    All,
    /// No incident opens, and none changes its status or its service.
    Calm,
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

/// PagerDuty accounts with their incidents, whose ids are unique among all.
pub struct Sender {
    accounts: &'static [&'static str],
    pub random: Random,
    pub course: Course,
    clock: Clock,
    last_ms: i64,
    incidents: BTreeMap<String, Incident>,
    /// By incident: the newest event that was acknowledged.
    acknowledged: BTreeMap<String, Event>,
    answered: Vec<Event>,
}

impl Sender {
    pub fn new(seed: u64, clock: Clock, accounts: &'static [&'static str]) -> Self {
        let (course, incidents, acknowledged, answered) = Default::default();
        let (random, last_ms) = (Random(seed), clock.now_ms());
        Self { accounts, random, course, clock, last_ms, incidents, acknowledged, answered }
    }

    /// The next event: an incident opens, or an existing one changes.
    pub fn next_event(&mut self) -> Event {
        let known = self.incidents.len() as u64;
        if known < 3 || (self.random.chance(25) && self.course != Course::Calm) {
            return self.open();
        }
        let nth = usize::try_from(self.random.below(known)).unwrap_or(0);
        let id = self.incidents.keys().nth(nth).cloned().unwrap_or_default();
        self.change(&id)
    }

    /// An incident opens.
    pub fn open(&mut self) -> Event {
        let nth = self.incidents.len();
        let id = format!("Q{nth:06}");
        let account = self.accounts.get(nth % self.accounts.len().max(1)).copied().unwrap_or_default();
        let created_ms = self.next_instant();
        let (priority, service) = (1 + self.random.below(5), self.random.below(4));
        let (changes, turns, acknowledged, resolved) = Default::default();
        let incident =
            Incident { id, account, created_ms, changes, turns, acknowledged, resolved, priority, service };
        self.event("incident.triggered", incident, created_ms)
    }

    /// The incident changes its title, and its status or its priority.
    pub fn change(&mut self, id: &str) -> Event {
        let at_ms = self.next_instant();
        let choice = self.random.below(3);
        let priority = 1 + self.random.below(5);
        let Some(mut incident) = self.incidents.get(id).cloned() else { return self.open() };
        incident.changes += 1;
        let before = incident.status();
        let kind = match (choice, self.course) {
            (1, _) | (_, Course::Calm) => "incident.priority_updated",
            (0, Course::All) if incident.resolved => "incident.reopened",
            (0, Course::All) => "incident.resolved",
            _ => "incident.acknowledged",
        };
        match kind {
            "incident.priority_updated" => incident.priority = priority,
            "incident.acknowledged" => incident.acknowledged = true,
            _ => (incident.resolved, incident.acknowledged) = (!incident.resolved, false),
        }
        if incident.priority.is_multiple_of(2) && self.course != Course::Calm {
            incident.service = (incident.service + 1) % 4;
        }
        incident.turns += usize::from(incident.status() != before);
        self.event(kind, incident, at_ms)
    }

    /// Later than every one before, and never a full second: the bridge compares those by the second.
    fn next_instant(&mut self) -> i64 {
        self.last_ms = self.clock.now_ms().max(self.last_ms + 1);
        if self.last_ms % 1000 == 0 {
            self.last_ms += 1;
        }
        self.last_ms
    }

    fn event(&mut self, kind: &str, incident: Incident, at_ms: i64) -> Event {
        self.incidents.insert(incident.id.clone(), incident.clone());
        let id = self.clock.new_id();
        let service = incident.service();
        let priority = format!("P{}", incident.priority);
        let body = json!({ "event": {
            "id": id,
            "event_type": kind,
            "resource_type": "incident",
            "occurred_at": format_timestamp(from_millis(at_ms)),
            "data": {
                "id": incident.id, "type": "incident", "html_url": incident.url(), "status": incident.status(),
                "title": incident.title(), "created_at": incident.created(), "urgency": "high",
                "service": { "id": service, "type": "service_reference", "summary": service },
                "priority": { "id": "PRIO", "type": "priority_reference", "summary": priority },
            },
        }});
        let (account, name) = (incident.account, incident.id.clone());
        Event { id, account, incident: name, body: body.to_string(), at_ms, state: incident }
    }

    /// The bridge has answered an event with 2xx and is responsible for it from now on.
    pub fn acknowledge(&mut self, event: Event) {
        let newest = self.acknowledged.entry(event.incident.clone()).or_insert_with(|| event.clone());
        if newest.at_ms < event.at_ms {
            *newest = event.clone();
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

    /// Incidents as the last acknowledged event left them.
    pub fn acknowledged(&self) -> impl Iterator<Item = &Incident> {
        self.acknowledged.values().map(|event| &event.state)
    }

    /// Compares Jira with everything acknowledged, incident by incident.
    pub fn compare(&self, jira: &Simulator) -> Difference {
        let mut difference = Difference::default();
        for (id, event) in &self.acknowledged {
            let (jira_id, expected) = (format!("{}:{id}", event.account), event.state.shown());
            match jira.incident(&jira_id) {
                None => difference.lost.push(jira_id),
                Some(shown) if !contains(&shown, &expected) => difference.stale.push(jira_id),
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
            let is_of = |(account, name)| {
                self.acknowledged.get(name).is_some_and(|event: &Event| event.account == account)
            };
            if !id.split_once(':').is_some_and(is_of) {
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
