//! Alert groups of IRM and `OnCall` as domain values.
//!
//! Pure. Only webhooks show the alert itself. What its labels say of an alert group without labels is kept in
//! [`Memory`], so that a poll after a webhook changes nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::mapper::Mapper;
use crate::domain::{
    Entity, Incident, IncidentStatus, Observation, Severity, Timestamp, ToolWords, is_blank,
};
use crate::sources::kit::json::{Fields, find_web_url, shorten};
use crate::sources::kit::parts::{component, describe, get_id};
use crate::sources::{Findings, Memory, Unmappable};

/// Keys of [`Memory`] for the labels of alerts start so.
const LABELS: &str = "labels/";

#[derive(Serialize, Deserialize)]
struct Kept {
    at: Timestamp,
    labels: Map<String, Value>,
}

/// The key of [`Memory`] for the labels of a group's alerts.
pub(super) fn labels_key(id: &str) -> String {
    format!("{LABELS}{id}")
}

/// The labels that a webhook showed earlier.
pub(super) fn find_labels(memory: &Memory, id: &str) -> Map<String, Value> {
    let kept = memory.get(&labels_key(id)).and_then(|text| serde_json::from_str::<Kept>(text).ok());
    kept.map(|kept| kept.labels).unwrap_or_default()
}

/// Forgets the labels of alerts that were last reported before `oldest`.
pub(super) fn prune_labels(memory: &mut Memory, oldest: Timestamp) {
    let is_old = |text: &str| serde_json::from_str::<Kept>(text).map_or(true, |kept| kept.at < oldest);
    let old = memory.with_prefix(LABELS).filter(|(_, text)| is_old(text)).map(|(key, _)| key.to_owned());
    for key in old.collect::<Vec<_>>() {
        memory.forget(&key);
    }
}

impl Mapper {
    /// A webhook's event. Some actions have no time; then the time of receipt gives the order.
    pub(super) fn alert_group_event(
        &self,
        body: &Value,
        received_at: Timestamp,
        memory: &mut Memory,
    ) -> Result<Findings, Unmappable> {
        let group = body.at("/alert_group");
        let mut labels = ["/alert_payload/labels", "/alert_payload/commonLabels"].iter();
        let labels = labels.find_map(|pointer| body.pointer(pointer)?.as_object());
        let mut labels = labels.cloned().unwrap_or_default();
        labels.retain(|name, _| name == "severity" || self.options.component_labels.contains(name));
        labels.retain(|name, _| group.at("/labels").get(name).is_none());
        if let Some(id) = group.find_id("/id").filter(|_| labels.is_empty()) {
            labels = find_labels(memory, &id);
        }
        let at = body.find_time("/event/time").unwrap_or(received_at);
        let found = self.alert_group(group, &labels, at)?;
        if let Some(id) = group.find_id("/id").filter(|_| !labels.is_empty()) {
            let kept = serde_json::to_string(&Kept { at: received_at, labels }).unwrap_or_default();
            memory.set(labels_key(&id), kept);
        }
        match body.text("/event/type") {
            // These change nothing that Jira shows.
            kind @ ("escalation" | "personal notification") => {
                Ok(Findings::ignored(format!("event type {}", shorten(kind))))
            }
            _ => Ok(found),
        }
    }

    /// An alert group as it was at `at`, with labels of its alerts besides its own.
    pub(super) fn alert_group(
        &self,
        group: &Value,
        alert_labels: &Map<String, Value>,
        at: Timestamp,
    ) -> Result<Findings, Unmappable> {
        let provider_id = get_id(group, "/id", "alert group")?;
        let label = |name: &str| {
            let own = group.pointer("/labels").and_then(|labels| labels.get(name)).and_then(Value::as_str);
            own.or_else(|| alert_labels.get(name)?.as_str()).filter(|value| !is_blank(value))
        };
        let service = self.options.component_labels.iter().find_map(|name| label(name));
        let created_at = group.find_time("/created_at").unwrap_or(at);
        let times = ["/created_at", "/acknowledged_at", "/silenced_at", "/resolved_at"];
        let title = group.find_text("/title").unwrap_or(&provider_id);
        let team = group.find_id("/team_id");
        let incident = Incident {
            summary: title.to_owned(),
            description: describe(
                title,
                &[
                    ("Alerts", group.find_id("/alerts_count").as_deref()),
                    ("State", group.find_text("/state")),
                ],
            ),
            url: find_web_url(group.text("/permalinks/web")).unwrap_or(&self.home).to_owned(),
            status: self.group_status(group.text("/state")),
            severity: self.group_severity(label("severity").unwrap_or_default()),
            words: ToolWords::told(group.text("/state"), label("severity").unwrap_or_default()),
            created_at,
            updated_at: times.iter().filter_map(|time| group.find_time(time)).max().unwrap_or(at),
            components: service.iter().map(|&name| name.to_owned()).collect(),
            workspaces: team.into_iter().collect(),
            associations: Vec::new(),
            provider_id,
        };
        Ok(Findings {
            mentioned: service.iter().map(|name| component(name, name, &self.home, at)).collect(),
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            ..Findings::default()
        })
    }

    fn group_status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "firing" | "new" | "acknowledged" | "silenced" => IncidentStatus::Open,
            "resolved" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn group_severity(&self, word: &str) -> Severity {
        let found = self.config.find_severity(word).or_else(|| Severity::find_by_name(word));
        found.unwrap_or(Severity::Unknown)
    }
}
