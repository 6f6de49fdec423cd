//! A PagerDuty-like tool: incidents with status, priority, service and team, and an event for every change.
//!
//! Source: PagerDuty's webhook documentation (overview) and its published samples. Does no I/O: events go
//! into a channel. Must not know what happens to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::outbox::Webhook;
use crate::clock::{Clock, Timestamp, from_millis};

/// A service with the team that owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Service {
    pub id: &'static str,
    pub name: &'static str,
    pub team_id: &'static str,
    pub team: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Triggered,
    Acknowledged,
    Resolved,
}

/// 1 to 5 for `P1` to `P5`; `None` for an incident without a priority.
pub type Priority = Option<u8>;

/// An incident as the tool holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incident {
    pub id: String,
    pub number: u64,
    pub title: &'static str,
    pub status: Status,
    pub priority: Priority,
    pub service: Service,
    pub created_at: Timestamp,
    pub reopened_at: Option<Timestamp>,
}

/// What users do to an incident. PagerDuty has no event of its own for a new title: the next event carries
/// it, here an escalation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Acknowledge,
    Prioritise(Priority),
    MoveTo(Service),
    Escalate { title: &'static str },
    Resolve,
    Reopen,
}

impl Change {
    fn event_type(self) -> &'static str {
        match self {
            Self::Acknowledge => "incident.acknowledged",
            Self::Prioritise(_) => "incident.priority_updated",
            Self::MoveTo(_) => "incident.service_updated",
            Self::Escalate { .. } => "incident.escalated",
            Self::Resolve => "incident.resolved",
            Self::Reopen => "incident.reopened",
        }
    }
}

/// A handle on the tool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pager(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    home: String,
    events: UnboundedSender<Webhook>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    incidents: BTreeMap<String, Incident>,
    latest: BTreeMap<String, Webhook>,
    last_event_ms: i64,
    changes: u64,
    sent: u64,
}

impl Pager {
    /// An empty tool whose pages are below `home` and whose events go to `events`.
    #[must_use]
    pub fn new(clock: Clock, home: String, events: UnboundedSender<Webhook>) -> Self {
        Self(Arc::new(Inner { clock, home, events, state: Mutex::default() }))
    }

    /// Opens an incident and returns its id.
    pub fn open(&self, title: &'static str, service: Service, priority: Priority) -> String {
        let mut state = self.lock();
        let number = state.incidents.len() as u64 + 1;
        let created_at = from_millis(self.0.clock.now_ms() / 1000 * 1000);
        let incident = Incident {
            id: format!("Q{:013X}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 12),
            number,
            title,
            status: Status::Triggered,
            priority,
            service,
            created_at,
            reopened_at: None,
        };
        let id = incident.id.clone();
        let webhook = self.event(&mut state, "incident.triggered", &incident);
        state.incidents.insert(id.clone(), incident);
        self.send(&mut state, &id, webhook);
        id
    }

    /// Changes an incident and reports it. Returns whether there is such an incident.
    pub fn change(&self, id: &str, change: Change) -> bool {
        let mut state = self.lock();
        let webhook = self.apply(&mut state, id, change);
        webhook.map(|webhook| self.send(&mut state, id, webhook)).is_some()
    }

    /// Makes two changes and reports the second before the first, as retries can. Returns whether there is
    /// such an incident.
    pub fn change_out_of_order(&self, id: &str, first: Change, second: Change) -> bool {
        let mut state = self.lock();
        let earlier = self.apply(&mut state, id, first);
        let later = self.apply(&mut state, id, second);
        let Some((earlier, later)) = earlier.zip(later) else { return false };
        self.send(&mut state, id, later);
        self.send(&mut state, id, earlier);
        true
    }

    /// Posts the latest webhook of an incident once more, under the same id.
    pub fn repeat_latest(&self, id: &str) -> bool {
        let mut state = self.lock();
        let latest = state.latest.get(id).cloned();
        latest.map(|webhook| self.send(&mut state, id, webhook)).is_some()
    }

    /// The latest webhook of an incident.
    #[must_use]
    pub fn find_latest(&self, id: &str) -> Option<Webhook> {
        self.lock().latest.get(id).cloned()
    }

    #[must_use]
    pub fn find(&self, id: &str) -> Option<Incident> {
        self.lock().incidents.get(id).cloned()
    }

    /// All incidents in the order of their numbers.
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident> {
        let mut incidents: Vec<Incident> = self.lock().incidents.values().cloned().collect();
        incidents.sort_by_key(|incident| incident.number);
        incidents
    }

    /// How often anything changed, the opening of an incident included.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Webhooks handed out to be posted, repeats included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// The web page of an incident.
    #[must_use]
    pub fn incident_url(&self, id: &str) -> String {
        format!("{}/incidents/{id}", self.0.home)
    }

    fn apply(&self, state: &mut State, id: &str, change: Change) -> Option<Webhook> {
        let mut incident = state.incidents.get(id)?.clone();
        match change {
            Change::Acknowledge => incident.status = Status::Acknowledged,
            Change::Prioritise(priority) => incident.priority = priority,
            Change::MoveTo(service) => incident.service = service,
            Change::Escalate { title } => incident.title = title,
            Change::Resolve => incident.status = Status::Resolved,
            Change::Reopen => {
                incident.status = Status::Triggered;
                incident.reopened_at = Some(self.0.clock.now());
            }
        }
        let webhook = self.event(state, change.event_type(), &incident);
        state.incidents.insert(id.to_owned(), incident);
        Some(webhook)
    }

    fn send(&self, state: &mut State, id: &str, webhook: Webhook) {
        state.sent += 1;
        state.latest.insert(id.to_owned(), webhook.clone());
        // The receiver is gone when the tools are being shut down.
        let _closing = self.0.events.send(webhook);
    }

    fn event(&self, state: &mut State, event_type: &str, incident: &Incident) -> Webhook {
        state.changes += 1;
        // Events of one account never share an instant. The full second is left out, because an instant on
        // it looks like one without milliseconds.
        let mut ms = self.0.clock.now_ms().max(state.last_event_ms + 1);
        ms += i64::from(ms % 1000 == 0);
        state.last_event_ms = ms;
        let body = json!({ "event": {
            "id": self.0.clock.new_id(),
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": from_millis(ms).to_rfc3339_opts(SecondsFormat::Millis, true),
            "agent": self.reference("user", "users", "PDEMO001", "Maya Lindqvist"),
            "client": null,
            "data": self.describe(incident),
        }});
        Webhook { id: self.0.clock.new_id(), body: body.to_string().into_bytes() }
    }

    /// The incident as webhooks and pages show it.
    pub(super) fn describe(&self, incident: &Incident) -> Value {
        let Incident { id, service, .. } = incident;
        let seconds = |at: Timestamp| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let priority = incident.priority.map(|level| {
            self.reference("priority", "priorities", &format!("PPRI000{level}"), &format!("P{level}"))
        });
        let mut data = json!({
            "id": id,
            "type": "incident",
            "self": format!("{}/api/incidents/{id}", self.0.home),
            "html_url": self.incident_url(id),
            "number": incident.number,
            "status": incident.status,
            "incident_key": format!("demo-{}", incident.number),
            "created_at": seconds(incident.created_at),
            "title": incident.title,
            "service": self.reference("service", "services", service.id, service.name),
            "assignees": [],
            "escalation_policy": self.reference("escalation_policy", "escalation_policies", "PEPDEMO1", "On-call"),
            "teams": [self.reference("team", "teams", service.team_id, service.team)],
            "priority": priority,
            "urgency": if incident.priority.is_some_and(|level| level <= 2) { "high" } else { "low" },
            "conference_bridge": null,
            "resolve_reason": null,
            "incident_type": { "name": "incident_default" },
        });
        if let Some(at) = incident.reopened_at {
            data["reopened_at"] = seconds(at).into();
        }
        data
    }

    fn reference(&self, kind: &str, collection: &str, id: &str, summary: &str) -> Value {
        let home = &self.0.home;
        json!({
            "id": id,
            "type": format!("{kind}_reference"),
            "summary": summary,
            "self": format!("{home}/api/{collection}/{id}"),
            "html_url": format!("{home}/{collection}/{id}"),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "pager_tests.rs"]
mod tests;
