//! Alertmanager's groups and alerts, from a webhook (version 4) or from API v2, and the incident they make.
//!
//! Pure. Must not decide which episode a group belongs to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::episode::{Episode, PREFIX};
use crate::config::SourceConfig;
use crate::domain::{Incident, IncidentStatus, Severity, Timestamp, Words};
use crate::sources::Unmappable;
use crate::sources::value::{Fields, find_web_url};

pub(super) type Labels = BTreeMap<String, String>;

/// One alert. `ends_at` is its resolution: the API's guess of a future end is left out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alert {
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
pub(super) struct Group {
    /// Only webhooks tell it.
    pub key: Option<String>,
    pub receiver: String,
    pub labels: Labels,
    pub alerts: Vec<Alert>,
    pub is_truncated: bool,
    /// The group's own word, when it has one.
    pub status: Option<String>,
    pub common_summary: Option<String>,
    pub external_url: String,
}

impl Group {
    /// A group fires as long as any of its alerts does.
    pub(super) fn fires(&self) -> bool {
        self.status.as_deref() == Some("firing") || self.firing().next().is_some()
    }

    pub(super) fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.fires)
    }

    /// The earliest start of an alert; with `after`, of a firing alert that started later than that.
    pub(super) fn earliest_start(&self, after: Option<Timestamp>) -> Option<Timestamp> {
        let alerts = self.alerts.iter().filter(|alert| after.is_none() || alert.fires);
        alerts
            .filter_map(|alert| alert.starts_at)
            .filter(|start| after.is_none_or(|after| *start > after))
            .min()
    }

    pub(super) fn newest_start(&self) -> Option<Timestamp> {
        self.firing().filter_map(|alert| alert.starts_at).max()
    }

    pub(super) fn latest_end(&self) -> Option<Timestamp> {
        self.alerts.iter().filter_map(|alert| alert.ends_at).max()
    }

    /// Takes in another list of the same group, for example under a second receiver.
    pub(super) fn merge(&mut self, other: &Self) {
        let known = self.alerts.iter().map(|alert| alert.fingerprint.clone()).collect::<BTreeSet<_>>();
        self.alerts.extend(other.alerts.iter().filter(|alert| !known.contains(&alert.fingerprint)).cloned());
        self.alerts.sort_by_key(sort_key);
    }
}

fn sort_key(alert: &Alert) -> (bool, Option<Timestamp>, String) {
    (!alert.fires, alert.starts_at, alert.fingerprint.clone())
}

/// Reads groups and writes incidents, as one source's configuration wants it.
pub(in crate::sources) struct Mapper {
    config: SourceConfig,
    component_labels: Vec<String>,
    pub(super) home: String,
}

impl Mapper {
    pub(in crate::sources) fn new(config: &SourceConfig, component_labels: Vec<String>) -> Self {
        let home = config.workspace_url.as_ref().or(config.api_url.as_ref());
        let home =
            home.map_or("https://prometheus.io/docs/alerting/latest/alertmanager/", |url| url.as_str());
        Self { config: config.clone(), component_labels, home: home.to_owned() }
    }

    /// The group of a webhook's body, which must be a message of this version.
    pub(super) fn webhook(body: &Value, version: &str) -> Result<Group, Unmappable> {
        if body.text("/version") != version {
            return Err(Unmappable::Malformed(
                "the body is not Alertmanager's webhook message version 4: remove `payload` from the \
                 receiver's webhook_config"
                    .to_owned(),
            ));
        }
        let key = body.find_id("/groupKey").ok_or_else(|| {
            Unmappable::Incomplete("the message has no `groupKey`, so its incident cannot be told".to_owned())
        })?;
        let truncated = body.get("truncatedAlerts").and_then(Value::as_f64);
        let common = body.find_text("/commonAnnotations/summary").map(str::to_owned);
        Ok(Group {
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

    /// One entry of `GET /alerts/groups`, which lists firing alerts only.
    pub(super) fn polled(&self, entry: &Value) -> Group {
        let mut alerts = alerts(entry.items("/alerts"), |_| true);
        for alert in &mut alerts {
            alert.ends_at = None;
        }
        Group {
            key: None,
            receiver: entry.text("/receiver/name").to_owned(),
            labels: labels(entry.get("labels")),
            alerts,
            is_truncated: false,
            status: None,
            common_summary: None,
            external_url: self.home.clone(),
        }
    }

    /// The keys under which a group's episode may be kept: by its group key, and by what a poll can see.
    pub(super) fn keys(&self, group: &Group) -> [String; 2] {
        let seen = serde_json::json!(["polled", group.receiver, group.labels]).to_string();
        let hash = |identity: &str| {
            let digest = Sha256::digest(format!("{}\n{identity}", self.config.id));
            format!("{PREFIX}{}", &hex::encode(digest)[..40])
        };
        [hash(group.key.as_deref().unwrap_or(&seen)), hash(&seen)]
    }

    /// The episode's incident as the group shows it now.
    pub(super) fn incident(&self, episode: &Episode, group: &Group, id: String, now: Timestamp) -> Incident {
        let word = if episode.is_open() { "firing" } else { "resolved" };
        let usual = if episode.is_open() { IncidentStatus::Open } else { IncidentStatus::Resolved };
        let times = group.alerts.iter().flat_map(|alert| [alert.starts_at, alert.ends_at]).flatten();
        let links = group.alerts.iter().map(|alert| alert.generator_url.as_str());
        Incident {
            provider_id: id,
            summary: summarise(group),
            description: describe(group),
            url: links
                .chain([group.external_url.as_str()])
                .find_map(find_web_url)
                .unwrap_or(&self.home)
                .to_owned(),
            status: self.config.find_status(word).unwrap_or(usual),
            severity: self.severity(group),
            words: Words::told(word, severity_words(group).next().map_or("", String::as_str)),
            created_at: episode.opened,
            updated_at: times.filter(|time| *time <= now).max().unwrap_or(now),
            components: self.components(group),
            workspaces: Vec::new(),
            associations: Vec::new(),
        }
    }

    fn severity(&self, group: &Group) -> Severity {
        let level = |word: &String| self.config.find_severity(word).or_else(|| Severity::find_by_name(word));
        severity_words(group).filter_map(level).min().unwrap_or(Severity::Unknown)
    }

    fn components(&self, group: &Group) -> Vec<String> {
        let component = |alert: &Alert| {
            let values = self.component_labels.iter().filter_map(|label| alert.labels.get(label));
            values.map(|value| value.trim()).find(|value| !value.is_empty()).map(str::to_owned)
        };
        group.alerts.iter().filter_map(component).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The severities of those alerts that fire; of all, when none does.
fn severity_words(group: &Group) -> impl Iterator<Item = &String> {
    let any_fires = group.firing().next().is_some();
    let alerts = group.alerts.iter().filter(move |alert| alert.fires || !any_fires);
    alerts.filter_map(|alert| alert.labels.get("severity"))
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

fn summarise(group: &Group) -> String {
    let mut summaries = group.alerts.iter().map(|alert| alert.annotations.get("summary"));
    let first = summaries.next().flatten();
    let common = first.filter(|_| summaries.all(|summary| summary == first));
    if let Some(summary) = group.common_summary.as_ref().or(common) {
        return summary.clone();
    }
    let mut rest = group.labels.clone();
    let name = rest.remove("alertname").unwrap_or_default();
    [name, join(&rest)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn describe(group: &Group) -> String {
    let annotation = |name: &str| {
        let mut values = group.alerts.iter().filter_map(|alert| alert.annotations.get(name));
        values.find(|value| !value.is_empty()).cloned()
    };
    let firing = group.firing().count();
    let resolved = group.alerts.len() - firing;
    let more = if group.is_truncated { " (the list is cut)" } else { "" };
    let parts = [
        annotation("description").or_else(|| annotation("summary")),
        Some(format!("{firing} firing, {resolved} resolved{more}")),
        Some(join(&group.labels))
            .filter(|labels| !labels.is_empty())
            .map(|labels| format!("Labels: {labels}")),
        annotation("runbook_url").map(|url| format!("Runbook: {url}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn join(labels: &Labels) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}
