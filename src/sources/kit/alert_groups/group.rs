//! Alertmanager's groups of alerts, as a webhook (version 4) or API v2 shows them.
//!
//! Pure. Must not decide which episode a group belongs to, nor write incidents.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::Timestamp;
use crate::sources::Unmappable;
use crate::sources::kit::json::Fields;

pub(in crate::sources) type Labels = BTreeMap<String, String>;

/// One alert. `ends_at` is its resolution: the API's guess of a future end is left out.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sources) struct Alert {
    pub fingerprint: String,
    pub fires: bool,
    pub labels: Labels,
    pub annotations: Labels,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub generator_url: String,
}

/// One group of alerts as a message shows it: firing alerts first, then by start.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sources) struct Group {
    /// Only webhooks have it.
    pub key: Option<String>,
    pub receiver: String,
    pub labels: Labels,
    pub alerts: Vec<Alert>,
    pub is_truncated: bool,
    /// The group's own status, if it has one.
    pub status: Option<String>,
    pub common_summary: Option<String>,
    pub external_url: String,
}

impl Group {
    /// The group of a webhook's body, which must be a message of this version.
    pub(in crate::sources) fn of_webhook(body: &Value, version: &str) -> Result<Self, Unmappable> {
        if body.text("/version") != version {
            return Err(Unmappable::Malformed(
                "the body is not Alertmanager's webhook message version 4: remove `payload` from the \
                 receiver's webhook_config"
                    .to_owned(),
            ));
        }
        let key = body.find_id("/groupKey").ok_or_else(|| {
            Unmappable::Incomplete("the message has no `groupKey`, so its incident is not known".to_owned())
        })?;
        let truncated = body.get("truncatedAlerts").and_then(Value::as_f64);
        let common = body.find_text("/commonAnnotations/summary").map(str::to_owned);
        Ok(Self {
            key: Some(key),
            // The name is regex-escaped in webhooks, plain in the API.
            receiver: body.text("/receiver").replace('\\', ""),
            labels: labels(body.get("groupLabels")),
            alerts: alerts(body.items("/alerts"), |alert| alert.text("/status") == "firing"),
            is_truncated: truncated.is_some_and(|count| count > 0.0),
            status: body.find_text("/status").map(str::to_owned),
            common_summary: common,
            external_url: body.text("/externalURL").to_owned(),
        })
    }

    /// One entry of `GET /alerts/groups`, which lists firing alerts only; `home` is where its links lead.
    pub(in crate::sources) fn of_api(entry: &Value, home: &str) -> Self {
        let mut alerts = alerts(entry.items("/alerts"), |_| true);
        for alert in &mut alerts {
            alert.ends_at = None;
        }
        Self {
            key: None,
            receiver: entry.text("/receiver/name").to_owned(),
            labels: labels(entry.get("labels")),
            alerts,
            is_truncated: false,
            status: None,
            common_summary: None,
            external_url: home.to_owned(),
        }
    }

    /// A group fires as long as any of its alerts does.
    pub(in crate::sources) fn fires(&self) -> bool {
        self.status.as_deref() == Some("firing") || self.firing().next().is_some()
    }

    pub(in crate::sources) fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.fires)
    }

    /// The earliest start of an alert; with `after`, of a firing alert that started later than that.
    pub(in crate::sources) fn earliest_start(&self, after: Option<Timestamp>) -> Option<Timestamp> {
        let alerts = self.alerts.iter().filter(|alert| after.is_none() || alert.fires);
        alerts
            .filter_map(|alert| alert.starts_at)
            .filter(|start| after.is_none_or(|after| *start > after))
            .min()
    }

    pub(in crate::sources) fn newest_start(&self) -> Option<Timestamp> {
        self.firing().filter_map(|alert| alert.starts_at).max()
    }

    pub(in crate::sources) fn latest_end(&self) -> Option<Timestamp> {
        self.alerts.iter().filter_map(|alert| alert.ends_at).max()
    }

    /// Takes in another list of the same group, for example under a second receiver.
    pub(in crate::sources) fn merge(&mut self, other: &Self) {
        let known = self.alerts.iter().map(|alert| alert.fingerprint.clone()).collect::<BTreeSet<_>>();
        self.alerts.extend(other.alerts.iter().filter(|alert| !known.contains(&alert.fingerprint)).cloned());
        self.alerts.sort_by_key(sort_key);
    }
}

fn sort_key(alert: &Alert) -> (bool, Option<Timestamp>, String) {
    (!alert.fires, alert.starts_at, alert.fingerprint.clone())
}

fn alerts(entries: &[Value], fires: impl Fn(&Value) -> bool) -> Vec<Alert> {
    let mut alerts = entries
        .iter()
        .filter(|entry| entry.is_object())
        .map(|entry| {
            let labels = labels(entry.get("labels"));
            Alert {
                fingerprint: entry.find_id("/fingerprint").unwrap_or_else(|| join(&labels)),
                fires: fires(entry),
                annotations: self::labels(entry.get("annotations")),
                starts_at: entry.find_time("/startsAt"),
                ends_at: entry.find_time("/endsAt"),
                generator_url: entry.text("/generatorURL").to_owned(),
                labels,
            }
        })
        .collect::<Vec<_>>();
    alerts.sort_by_key(sort_key);
    alerts
}

fn labels(value: Option<&Value>) -> Labels {
    let fields = value.and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// The labels as one text.
pub(in crate::sources) fn join(labels: &Labels) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}
