//! PagerDuty's own webhooks with valid signatures, as many as a load needs.

use aws_lc_rs::hmac;
use incident_bridge::clock::Timestamp;

use crate::config::{SOURCE, WEBHOOK_SECRET};

const FIXTURE: &str =
    include_str!("../../tests/fixtures/providers/pagerduty/webhook-incident-triggered.json");

/// What differs from webhook to webhook.
pub struct Event<'a> {
    /// Unique among all that are posted.
    pub number: usize,
    pub at: Timestamp,
    pub incident: &'a str,
    pub title: &'a str,
}

/// A webhook with placeholders for what differs.
pub struct Template {
    webhook: serde_json::Value,
    key: hmac::Key,
    host: String,
    source: String,
}

impl Template {
    /// `host` is the address that the requests go to.
    pub fn new(host: &str) -> Self {
        Self::named(host, SOURCE)
    }

    /// The same to the source of another id.
    pub fn named(host: &str, source: &str) -> Self {
        Self {
            webhook: serde_json::from_str(FIXTURE).expect("JSON"),
            key: hmac::Key::new(hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes()),
            host: host.to_owned(),
            source: source.to_owned(),
        }
    }

    /// A whole request, head and body.
    pub fn request(&self, told: &Event<'_>) -> Vec<u8> {
        self.request_with(told, |_| ())
    }

    /// The same about an incident that differs.
    pub fn request_with(&self, told: &Event<'_>, differ: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
        let mut webhook = self.webhook.clone();
        let event = &mut webhook["event"];
        event["id"] = format!("01BENCH{:019}", told.number).into();
        event["occurred_at"] = told.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into();
        event["data"]["id"] = told.incident.into();
        event["data"]["title"] = told.title.into();
        differ(&mut event["data"]);
        let body = serde_json::to_vec(&webhook).expect("JSON");
        let signature = hex::encode(hmac::sign(&self.key, &body));
        let mut request = format!(
            "POST /webhooks/{} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             X-PagerDuty-Signature: v1={signature}\r\nContent-Length: {}\r\n\r\n",
            self.source,
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        request
    }
}
