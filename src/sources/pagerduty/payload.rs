//! PagerDuty's incidents, services and teams as domain values: the same for webhooks and REST answers.
//!
//! Pure. The description uses only what both carry, so that a poll after a webhook changes nothing.

use std::fmt::Write;

use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{Component, Incident, IncidentStatus, Severity, Timestamp, Workspace};
use crate::sources::value::{Fields, find_web_url};
use crate::sources::{Memory, Unmappable};

/// Turns PagerDuty's JSON into domain values, as one source's configuration wants it.
pub(super) struct Mapper {
    config: SourceConfig,
    urgency_severity: bool,
    pub(super) home: &'static str,
}

/// The key of [`Memory`] that holds the rank of a priority; 0 is the most severe.
pub(super) fn priority_key(id: &str) -> String {
    format!("priority/{id}")
}

/// The rank that the last poll saw.
pub(super) fn find_rank(memory: &Memory, id: &str) -> Option<usize> {
    memory.get(&priority_key(id))?.parse().ok()
}

/// A name from the payload, short enough for a message.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Mapper {
    pub(super) fn new(config: &SourceConfig, urgency_severity: bool, home: &'static str) -> Self {
        Self { config: config.clone(), urgency_severity, home }
    }

    /// One incident, as known at `at`; `rank` tells the rank of a priority by its id.
    pub(super) fn map(
        &self,
        data: &Value,
        at: Timestamp,
        rank: &dyn Fn(&str) -> Option<usize>,
    ) -> Result<Incident, Unmappable> {
        let provider_id =
            data.find_id("/id").ok_or_else(|| Unmappable::Incomplete("the incident has no id".to_owned()))?;
        Ok(Incident {
            provider_id,
            summary: data.find_text("/title").unwrap_or(data.text("/summary")).to_owned(),
            description: describe(data),
            url: self.url(data),
            status: self.status(data.text("/status")),
            severity: self.severity(data, rank),
            created_at: data.find_time("/created_at").unwrap_or(at),
            updated_at: at,
            components: data.find_id("/service/id").into_iter().collect(),
            workspaces: data.ids("/teams"),
            associations: Vec::new(),
        })
    }

    fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "triggered" | "acknowledged" => IncidentStatus::Open,
            "resolved" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, data: &Value, rank: &dyn Fn(&str) -> Option<usize>) -> Severity {
        if data.pointer("/priority").is_none_or(Value::is_null) {
            return self.urgency(data.text("/urgency"));
        }
        let name = priority_name(data);
        let by_rank = || data.find_id("/priority/id").and_then(|id| rank(&id)).map(Severity::from_rank);
        self.config
            .find_severity(name)
            .or_else(|| find_level(name))
            .or_else(by_rank)
            .unwrap_or(Severity::Unknown)
    }

    fn urgency(&self, urgency: &str) -> Severity {
        let usual = match urgency {
            "high" if self.urgency_severity => Some(Severity::P2),
            "low" if self.urgency_severity => Some(Severity::P4),
            _ => None,
        };
        self.config.find_severity(urgency).or(usual).unwrap_or(Severity::Unknown)
    }

    /// The service that `reference` names, with the teams of `owner` until the catalogue knows better.
    pub(super) fn mentioned(&self, reference: &Value, owner: &Value, at: Timestamp) -> Option<Component> {
        let provider_id = reference.find_id("/id")?;
        let name = reference.find_text("/name").or_else(|| reference.find_text("/summary"));
        Some(Component {
            name: name.unwrap_or(&provider_id).to_owned(),
            description: reference.text("/description").to_owned(),
            url: self.url(reference),
            avatar_url: None,
            tier: None,
            component_type: None,
            updated_at: reference.find_time("/updated_at").unwrap_or(at),
            workspaces: owner.ids("/teams"),
            provider_id,
        })
    }

    pub(super) fn teams(&self, references: &[Value]) -> Vec<Workspace> {
        let team = |reference: &Value| {
            let provider_id = reference.find_id("/id")?;
            let name = reference.find_text("/name").or_else(|| reference.find_text("/summary"));
            let name = name.unwrap_or(&provider_id).to_owned();
            Some(Workspace { name, url: self.url(reference), provider_id })
        };
        references.iter().filter_map(team).collect()
    }

    fn url(&self, reference: &Value) -> String {
        find_web_url(reference.text("/html_url")).unwrap_or(self.home).to_owned()
    }
}

/// Whether the priority's own name leaves its level open, so that its rank is needed.
pub(super) fn needs_rank(data: &Value) -> bool {
    data.find_id("/priority/id").is_some() && find_level(priority_name(data)).is_none()
}

fn priority_name(data: &Value) -> &str {
    data.find_text("/priority/summary").unwrap_or(data.text("/priority/name"))
}

/// Only a number in the name counts: words such as "major" are free text here, and the rank knows better.
fn find_level(name: &str) -> Option<Severity> {
    name.chars().any(|c| c.is_ascii_digit()).then(|| Severity::find_by_name(name)).flatten()
}

fn describe(data: &Value) -> String {
    let mut text = data.find_text("/title").unwrap_or(data.text("/summary")).to_owned();
    let number = data.find_id("/number").or_else(|| data.find_id("/incident_number"));
    let assignees = data.items("/assignees").iter().map(|user| user.text("/summary"));
    let assigned = data.items("/assignments").iter().map(|assignment| assignment.text("/assignee/summary"));
    let people = assignees.chain(assigned).filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ");
    let merged_into = data.find_text("/resolve_reason/incident/summary");
    let lines = [
        ("Incident", number.map(|number| format!("#{number}"))),
        ("Service", data.find_text("/service/summary").map(str::to_owned)),
        ("Urgency", data.find_text("/urgency").map(str::to_owned)),
        ("Assigned to", Some(people).filter(|people| !people.is_empty())),
        (
            "Merged into",
            merged_into.map(str::to_owned).or_else(|| data.find_id("/resolve_reason/incident/id")),
        ),
    ];
    let mut separator = "\n\n";
    for (label, value) in lines {
        if let Some(value) = value {
            let _infallible = write!(text, "{separator}- {label}: {value}");
            separator = "\n";
        }
    }
    text
}
