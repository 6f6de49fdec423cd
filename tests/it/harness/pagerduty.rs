//! Events as PagerDuty posts them: webhooks of version 3, signed.

use aws_lc_rs::hmac;
use incident_bridge::clock::Clock;
use incident_bridge::domain::{Timestamp, format_timestamp};
use serde_json::{Value, json};

const SECRET: &str = "pagerduty-signs-with-this";

/// The `X-PagerDuty-Signature` of a body.
pub fn sign(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("v1={}", hex::encode(hmac::sign(&key, body.as_bytes())))
}

/// An incident as PagerDuty shows it, in webhooks and in its REST API.
pub fn incident(id: &str, title: &str, status: &str, service: &str, created: Timestamp) -> Value {
    json!({
        "id": id,
        "type": "incident",
        "html_url": format!("https://acme.pagerduty.com/incidents/{id}"),
        "number": 7,
        "status": status,
        "title": title,
        "created_at": format_timestamp(created),
        "service": {
            "id": service,
            "type": "service_reference",
            "summary": format!("Service {service}"),
            "html_url": format!("https://acme.pagerduty.com/services/{service}"),
        },
        "urgency": "high",
        "priority": { "id": "PRIO2", "type": "priority_reference", "summary": "P2" },
        "teams": [],
        "assignees": [],
    })
}

/// What happened to one incident.
pub struct PagerDutyEvent {
    incident: String,
    title: String,
    service: String,
    kind: &'static str,
    status: &'static str,
    priority: String,
    merged_into: Option<String>,
    at: Option<Timestamp>,
    id: Option<String>,
}

/// `incident` was triggered, now.
pub fn triggered(incident: &str) -> PagerDutyEvent {
    PagerDutyEvent {
        incident: incident.to_owned(),
        title: format!("Incident {incident}"),
        service: "PCHECKOUT".to_owned(),
        kind: "incident.triggered",
        status: "triggered",
        priority: "P2".to_owned(),
        merged_into: None,
        at: None,
        id: None,
    }
}

impl PagerDutyEvent {
    pub fn resolved(self) -> Self {
        Self { kind: "incident.resolved", status: "resolved", ..self }
    }

    pub fn acknowledged(self) -> Self {
        Self { kind: "incident.acknowledged", status: "acknowledged", ..self }
    }

    /// In a state of the tool's own.
    pub fn status(self, status: &'static str) -> Self {
        Self { status, ..self }
    }

    pub fn of_priority(self, name: &str) -> Self {
        Self { priority: name.to_owned(), ..self }
    }

    pub fn merged_into(self, incident: &str) -> Self {
        Self { merged_into: Some(incident.to_owned()), ..self.resolved() }
    }

    pub fn titled(self, title: &str) -> Self {
        Self { title: title.to_owned(), ..self }
    }

    pub fn on(self, service: &str) -> Self {
        Self { service: service.to_owned(), ..self }
    }

    pub fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }

    /// The event's own id, the same for every attempt to deliver it.
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub fn body(&self, clock: &Clock) -> String {
        let at = self.at.unwrap_or_else(|| clock.now());
        let mut data = incident(&self.incident, &self.title, self.status, &self.service, super::start_time());
        data["priority"]["summary"] = self.priority.as_str().into();
        if let Some(other) = &self.merged_into {
            let incident = json!({ "id": other, "summary": format!("[#7] {other}") });
            data["resolve_reason"] = json!({ "type": "merge_resolve_reason", "incident": incident });
        }
        json!({ "event": {
            "id": self.id.clone().unwrap_or_else(|| clock.new_id()),
            "event_type": self.kind,
            "resource_type": "incident",
            "occurred_at": format_timestamp(at),
            "agent": null,
            "client": null,
            "data": data,
        }})
        .to_string()
    }
}
