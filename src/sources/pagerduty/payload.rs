//! PagerDuty's incidents, services and teams as domain values: the same for webhooks and REST answers.
//!
//! Pure. The description uses only what both carry, so that a poll after a webhook changes nothing.

use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, Severity, Timestamp, ToolWords, Workspace,
};
use crate::sources::kit::json::{Fields, find_web_url};
use crate::sources::kit::parts;
use crate::sources::kit::severity_ranks::find_level;
use crate::sources::{Findings, Unmappable};

/// Turns PagerDuty's JSON into domain values, as one source's configuration says.
pub(super) struct Mapper {
    config: SourceConfig,
    urgency_severity: bool,
    pub(super) home: &'static str,
}

/// Prefix of the keys of [`crate::sources::kit::severity_ranks`] for priorities.
pub(super) const PRIORITY: &str = "priority/";

impl Mapper {
    pub(super) fn new(config: &SourceConfig, urgency_severity: bool, home: &'static str) -> Self {
        Self { config: config.clone(), urgency_severity, home }
    }

    /// One incident, as known at `at`; `rank` gives the rank of a priority by its id.
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
            words: ToolWords::told(data.text("/status"), priority_name(data))
                .numbered(number(data))
                .merged(data.find_id("/resolve_reason/incident/id")),
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

    /// The service that `reference` names, with the teams of `owner` until the catalogue is read.
    pub(super) fn mentioned(&self, reference: &Value, owner: &Value, at: Timestamp) -> Option<Component> {
        let provider_id = reference.find_id("/id")?;
        let name = reference.find_text("/name").or_else(|| reference.find_text("/summary"));
        let url = self.url(reference);
        let at = reference.find_time("/updated_at").unwrap_or(at);
        Some(Component {
            description: reference.text("/description").to_owned(),
            workspaces: owner.ids("/teams"),
            ..parts::component(&provider_id, name.unwrap_or(&provider_id), &url, at)
        })
    }

    pub(super) fn team(&self, reference: &Value) -> Option<Workspace> {
        let provider_id = reference.find_id("/id")?;
        let name = reference.find_text("/name").or_else(|| reference.find_text("/summary"));
        let name = name.unwrap_or(&provider_id).to_owned();
        Some(Workspace { name, url: self.url(reference), provider_id })
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

fn number(data: &Value) -> Option<String> {
    data.find_id("/number").or_else(|| data.find_id("/incident_number"))
}

fn describe(data: &Value) -> String {
    let number = number(data).map(|number| format!("#{number}"));
    let assignees = data.items("/assignees").iter().map(|user| user.text("/summary"));
    let assigned = data.items("/assignments").iter().map(|assignment| assignment.text("/assignee/summary"));
    let people = assignees.chain(assigned).filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ");
    let target = data.find_id("/resolve_reason/incident/id");
    parts::describe(
        data.find_text("/title").unwrap_or(data.text("/summary")),
        &[
            ("Incident", number.as_deref()),
            ("Service", data.find_text("/service/summary")),
            ("Urgency", data.find_text("/urgency")),
            ("Assigned to", Some(&people)),
            ("Merged into", data.find_text("/resolve_reason/incident/summary").or(target.as_deref())),
        ],
    )
}

impl Mapper {
    /// One incident with everything it names.
    pub(super) fn incident(
        &self,
        data: &Value,
        at: crate::domain::Timestamp,
        rank: &dyn Fn(&str) -> Option<usize>,
    ) -> Result<Findings, Unmappable> {
        let incident = self.map(data, at, rank)?;
        Ok(Findings {
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            mentioned: self.mentioned(data.at("/service"), data, at).into_iter().collect(),
            workspaces: data.items("/teams").iter().filter_map(|team| self.team(team)).collect(),
            ..Findings::default()
        })
    }
}
