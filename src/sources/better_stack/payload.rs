//! Better Stack's incidents, monitors and heartbeats as domain values.
//!
//! Pure. Incidents carry no time of change: a change counts from when it was received.

use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, Severity, Timestamp, ToolWords,
};
use crate::sources::Findings;
use crate::sources::kit::json::Fields;
use crate::sources::kit::parts::{component, describe, workspace};

pub(super) const HOME: &str = "https://uptime.betterstack.com";
/// What an incident can be about: the relation, and the listing of such things.
pub(super) const KINDS: &[(&str, &str)] =
    &[("monitor", "api/v2/monitors"), ("heartbeat", "api/v2/heartbeats")];

pub(super) struct Mapper {
    pub(super) config: SourceConfig,
    pub(super) incident_url: String,
}

impl Mapper {
    /// One incident as it was reported at `at`. Its own newest date is only the basis of its version: it goes
    /// back when the incident is reopened.
    pub(super) fn incident(&self, data: &Value, at: Timestamp) -> Option<Findings> {
        let provider_id = data.find_id("/id")?;
        let attributes = &data["attributes"];
        let field = |name: &str| attributes.find_text(&format!("/{name}")).map(str::to_owned);
        let moment = |name: &str| attributes.find_time(&format!("/{name}"));
        let created_at = moment("started_at").unwrap_or(at);
        let dates = [Some(created_at), moment("acknowledged_at"), moment("resolved_at")];
        let updated_at = dates.into_iter().flatten().max().unwrap_or(at);
        let components = KINDS
            .iter()
            .filter_map(|(kind, _)| {
                data.find_id(&format!("/relationships/{kind}/data/id")).map(|id| (kind, id))
            })
            .map(|(kind, id)| format!("{kind}:{id}"))
            .collect::<Vec<_>>();
        let title = [field("name"), field("cause")].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let name = field("name");
        let team = field("team_name");
        let mention = |id: &str| {
            let mut component = component(id, name.as_deref().unwrap_or(id), HOME, updated_at);
            component.workspaces = team.iter().cloned().collect();
            component
        };
        let incident = Incident {
            url: self.incident_url.replace("{id}", &provider_id),
            description: describe(
                &title,
                &[
                    ("Address", field("url")),
                    ("Acknowledged by", field("acknowledged_by")),
                    ("Resolved by", field("resolved_by")),
                ],
            ),
            summary: title,
            status: self.status(attributes),
            severity: self.severity(&components, attributes),
            words: ToolWords::told(attributes.text("/status"), ""),
            created_at,
            updated_at,
            workspaces: team.iter().cloned().collect(),
            associations: Vec::new(),
            components,
            provider_id,
        };
        let mentioned = incident.components.iter().map(|id| mention(id)).collect();
        let mut observation = Observation::present(Entity::Incident(incident), at);
        observation.sequence = updated_at.timestamp_millis();
        Some(Findings {
            observations: vec![observation],
            mentioned,
            workspaces: team.into_iter().map(|name| workspace(&name, &name, HOME)).collect(),
            ..Findings::default()
        })
    }

    /// Old bodies have no `status`: the dates then decide.
    fn status(&self, attributes: &Value) -> IncidentStatus {
        let word = attributes.text("/status");
        self.config.find_status(word).unwrap_or_else(|| match word.to_lowercase().as_str() {
            _ if attributes.find_time("/resolved_at").is_some() => IncidentStatus::Resolved,
            "resolved" => IncidentStatus::Resolved,
            "started" | "acknowledged" => IncidentStatus::Open,
            "" if attributes.find_time("/started_at").is_some() => IncidentStatus::Open,
            _ => IncidentStatus::Unknown,
        })
    }

    /// Better Stack has no severities: the operator's table names monitors, or an escalation policy.
    fn severity(&self, components: &[String], attributes: &Value) -> Severity {
        let policy = attributes.find_id("/escalation_policy_id").map(|id| format!("policy:{id}"));
        components
            .iter()
            .chain(&policy)
            .find_map(|word| self.config.find_severity(word))
            .unwrap_or(Severity::Unknown)
    }

    pub(super) fn component(kind: &str, data: &Value, now: Timestamp) -> Option<Component> {
        let attributes = &data["attributes"];
        let name = attributes.find_text("/pronounceable_name").or_else(|| attributes.find_text("/name"));
        let at = attributes.find_time("/updated_at").unwrap_or(now);
        let id = format!("{kind}:{}", data.find_id("/id")?);
        let mut component = component(&id, name.unwrap_or(&id), HOME, at);
        attributes.text("/url").clone_into(&mut component.description);
        component.workspaces = attributes.find_text("/team_name").map(str::to_owned).into_iter().collect();
        Some(component)
    }
}
