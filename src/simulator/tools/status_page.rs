//! A Statuspage-like tool: incidents as customers see them, and postmortems that are published once they are over.
//!
//! Source: Statuspage's webhook notifications and their published samples. Does no I/O: webhooks go into a channel.
//! Must not know what happens to them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::SecondsFormat;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::outbox::Webhook;
use crate::clock::{Clock, Timestamp, from_millis};

const PAGE: &str = "kctbh9vrtdwd";

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    pub title: &'static str,
    /// `critical`, `major`, `minor` or `none`.
    pub impact: &'static str,
    /// Id and name of the affected component.
    pub component: (&'static str, &'static str),
    /// The text of its postmortem.
    pub postmortem: &'static str,
}

/// An incident as the tool holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub id: String,
    pub notice: Notice,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    pub published_at: Option<Timestamp>,
}

impl Report {
    /// In Statuspage's words.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (self.resolved_at, self.published_at) {
            (_, Some(_)) => "postmortem",
            (Some(_), None) => "resolved",
            (None, None) => "investigating",
        }
    }
}

/// A handle on the tool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StatusPage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    home: String,
    webhooks: UnboundedSender<Webhook>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reports: Vec<Report>,
    last_ms: i64,
    changes: u64,
}

impl StatusPage {
    /// An empty tool whose pages are below `home` and whose webhooks go to `webhooks`.
    #[must_use]
    pub fn new(clock: Clock, home: String, webhooks: UnboundedSender<Webhook>) -> Self {
        Self(Arc::new(Inner { clock, home, webhooks, state: Mutex::default() }))
    }

    /// Opens an incident and returns its id.
    pub fn open(&self, notice: Notice) -> String {
        let mut state = self.lock();
        let at = next_instant(&self.0.clock, &mut state.last_ms);
        state.changes += 1;
        let number = state.reports.len() as u64 + 1;
        let id = format!("{:012x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16);
        let report = Report {
            id: id.clone(),
            notice,
            created_at: at,
            updated_at: at,
            resolved_at: None,
            published_at: None,
        };
        self.tell(&report);
        state.reports.push(report);
        id
    }

    /// Returns whether there is such an incident, and it was open.
    pub fn resolve(&self, id: &str) -> bool {
        self.happened(id, |report| &mut report.resolved_at)
    }

    /// Publishes its postmortem. Returns whether there is such an incident, and it had none yet.
    pub fn publish(&self, id: &str) -> bool {
        self.happened(id, |report| &mut report.published_at)
    }

    /// All incidents, oldest first.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        self.lock().reports.clone()
    }

    #[must_use]
    pub fn find(&self, id: &str) -> Option<Report> {
        self.lock().reports.iter().find(|report| report.id == id).cloned()
    }

    /// How often anything changed, the opening of an incident included. Each change is one webhook.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// The public page of an incident.
    #[must_use]
    pub fn report_url(&self, id: &str) -> String {
        format!("{}/incidents/{id}", self.0.home)
    }

    /// Notes when something happened to an incident that had not happened to it yet.
    fn happened(&self, id: &str, field: fn(&mut Report) -> &mut Option<Timestamp>) -> bool {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(report) = state.reports.iter_mut().find(|report| report.id == id) else { return false };
        if field(report).is_some() {
            return false;
        }
        let at = next_instant(&self.0.clock, &mut state.last_ms);
        state.changes += 1;
        *field(report) = Some(at);
        report.updated_at = at;
        self.tell(report);
        true
    }

    fn tell(&self, report: &Report) {
        let body = json!({
            "meta": { "unsubscribe": format!("{}/unsubscribe", self.0.home) },
            "page": { "id": PAGE, "status_description": "All Systems Operational" },
            "incident": self.describe(report),
        });
        let webhook = Webhook { id: self.0.clock.new_id(), body: body.to_string().into_bytes() };
        // The receiver is gone when the tools are being shut down.
        let _closing = self.0.webhooks.send(webhook);
    }

    fn describe(&self, report: &Report) -> Value {
        let instant = |at: Timestamp| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let Report { id, notice, created_at, updated_at, resolved_at, published_at } = report;
        let (component, name) = notice.component;
        let published = published_at.map(instant);
        json!({
            "id": id,
            "page_id": PAGE,
            "name": notice.title,
            "status": report.status(),
            "impact": notice.impact,
            "impact_override": null,
            "created_at": instant(*created_at),
            "updated_at": instant(*updated_at),
            "resolved_at": resolved_at.map(instant),
            "shortlink": self.report_url(id),
            "postmortem_ignored": false,
            "postmortem_body": published.as_ref().map(|_| notice.postmortem),
            "postmortem_body_last_updated_at": published,
            "postmortem_published_at": published,
            "backfilled": false,
            "incident_updates": [],
            "components": [{
                "id": component,
                "page_id": PAGE,
                "name": name,
                "group_id": null,
                "updated_at": instant(*created_at),
            }],
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes never share an instant.
fn next_instant(clock: &Clock, last_ms: &mut i64) -> Timestamp {
    *last_ms = clock.now_ms().max(*last_ms + 1);
    from_millis(*last_ms)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    const NOTICE: Notice = Notice {
        title: "Payments delayed",
        impact: "minor",
        component: ("zpayments", "Payments"),
        postmortem: "A queue was full.",
    };

    #[test]
    fn an_incident_is_told_with_each_change_and_its_postmortem_last() {
        let (sender, mut webhooks) = unbounded_channel();
        let clock = Clock::manual(from_millis(1_775_207_700_000));
        let page = StatusPage::new(clock, "http://status.test".to_owned(), sender);
        let id = page.open(NOTICE);
        assert!(page.resolve(&id) && !page.resolve(&id) && page.publish(&id) && !page.publish("nobody"));
        let told: Vec<Value> = std::iter::from_fn(|| webhooks.try_recv().ok())
            .map(|webhook| serde_json::from_slice::<Value>(&webhook.body).unwrap()["incident"].take())
            .collect();
        let of = |field: &str| told.iter().map(|incident| incident[field].clone()).collect::<Vec<_>>();
        assert_eq!(of("status"), ["investigating", "resolved", "postmortem"]);
        assert_eq!(of("postmortem_body"), [Value::Null, Value::Null, "A queue was full.".into()]);
        assert!(of("updated_at").is_sorted_by(|a, b| a.as_str() < b.as_str()));
        assert_eq!(page.changes(), 3);
    }

    #[test]
    fn the_webhook_has_the_fields_of_the_published_sample() {
        let sample: Value = serde_json::from_str(include_str!(
            "../../../tests/fixtures/providers/statuspage/webhook-incident-postmortem.json"
        ))
        .unwrap();
        let (sender, mut webhooks) = unbounded_channel();
        let clock = Clock::manual(from_millis(1_775_207_700_000));
        let page = StatusPage::new(clock, "http://status.test".to_owned(), sender);
        page.open(NOTICE);
        let told: Value = serde_json::from_slice(&webhooks.try_recv().unwrap().body).unwrap();
        for field in told["incident"].as_object().unwrap().keys() {
            assert!(sample["incident"].get(field).is_some(), "{field} is not in the sample");
        }
    }
}
