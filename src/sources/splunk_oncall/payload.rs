//! Splunk On-Call's incidents as domain values, from webhooks and from the API.
//!
//! Pure. A recovery has no severity, so the last one is kept in [`Memory`].

use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{Entity, Incident, IncidentStatus, Observation, Severity, Timestamp, ToolWords};
use crate::sources::kit::json::{Fields, parse_millis};
use crate::sources::kit::parts::{component, describe};
use crate::sources::{Findings, Memory};

pub(super) const HOME: &str = "https://portal.victorops.com";

/// Turns what Splunk On-Call reports into domain values, as one source's configuration says.
pub(super) struct Mapper {
    pub(super) config: SourceConfig,
    pub(super) org: Option<String>,
}

/// A value of the template; a variable without a value stays as it was written.
pub(super) fn find(body: &Value, name: &str) -> Option<String> {
    body.find_id(&format!("/{name}")).filter(|text| !text.starts_with("${{"))
}

/// The key of [`Memory`] with the last severity of an incident: its recovery has none.
pub(super) fn severity_key(incident: &str) -> String {
    format!("severity/{incident}")
}

impl Mapper {
    /// One incident as our template reports it.
    pub(super) fn read_webhook(
        &self,
        id: String,
        body: &Value,
        now: Timestamp,
        memory: &mut Memory,
    ) -> Findings {
        let date = |name: &str| find(body, name).and_then(|text| parse_millis(&text));
        let at = date("last_ts").unwrap_or(now);
        let text = |name: &str| find(body, name).unwrap_or_default();
        let names = ["entity_display_name", "entity_id", "state_message"];
        let title = names.into_iter().find_map(|name| find(body, name));
        let title = title.unwrap_or_else(|| format!("Incident {id}"));
        let incident = Incident {
            description: describe(
                &find(body, "state_message").unwrap_or_else(|| title.clone()),
                &[
                    ("Entity", find(body, "entity_id").as_deref()),
                    ("State", find(body, "state").as_deref()),
                    ("Service", find(body, "service").as_deref()),
                    ("Host", find(body, "host").as_deref()),
                    ("Monitor", find(body, "monitor").as_deref()),
                ],
            ),
            summary: title,
            url: self.url(&id, find(body, "org").as_deref()),
            status: self.status(&text("phase")),
            severity: self.severity(memory, &id, &text("state")),
            words: words(&text("phase"), &text("state")),
            created_at: date("incident_ts").unwrap_or(at),
            updated_at: at,
            components: find(body, "routing_key").into_iter().collect(),
            workspaces: Vec::new(),
            associations: Vec::new(),
            provider_id: id,
        };
        findings(incident, at)
    }

    /// One incident of the API.
    pub(super) fn read_incident(&self, data: &Value, now: Timestamp, memory: &mut Memory) -> Findings {
        let Some(id) = data.find_id("/incidentNumber") else { return Findings::default() };
        let changes = data.items("/transitions").iter().filter_map(|change| change.find_time("/at"));
        let created = data.find_time("/startTime");
        let at = changes.chain(data.find_time("/lastAlertTime")).chain(created).max().unwrap_or(now);
        let title = data.find_text("/entityDisplayName").or_else(|| data.find_text("/entityId"));
        let title = title.map_or_else(|| format!("Incident {id}"), str::to_owned);
        let teams = data.items("/pagedTeams").iter().filter_map(|team| team.find_id(""));
        let incident = Incident {
            description: describe(
                &title,
                &[
                    ("Entity", data.find_text("/entityId")),
                    ("State", data.find_text("/entityState")),
                    ("Service", data.find_text("/service")),
                    ("Host", data.find_text("/host")),
                ],
            ),
            summary: title,
            url: self.url(&id, None),
            status: self.status(data.text("/currentPhase")),
            severity: self.severity(memory, &id, data.text("/entityState")),
            words: words(data.text("/currentPhase"), data.text("/entityState")),
            created_at: created.unwrap_or(at),
            updated_at: at,
            components: data.find_id("/routingKey").into_iter().collect(),
            workspaces: teams.collect(),
            associations: Vec::new(),
            provider_id: id,
        };
        findings(incident, at)
    }

    fn url(&self, incident: &str, org: Option<&str>) -> String {
        match self.org.as_deref().or(org) {
            Some(org) => format!("{HOME}/ui/{org}/incident/{incident}/details"),
            None => HOME.to_owned(),
        }
    }

    fn status(&self, phase: &str) -> IncidentStatus {
        self.config.find_status(phase).unwrap_or(match phase.to_lowercase().as_str() {
            "triggered" | "acknowledged" | "unacked" | "acked" => IncidentStatus::Open,
            "resolved" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    /// The severity of a state; a recovery keeps the last one.
    fn severity(&self, memory: &mut Memory, incident: &str, state: &str) -> Severity {
        let key = severity_key(incident);
        let told = self.config.find_severity(state).or(match state.to_lowercase().as_str() {
            "critical" => Some(Severity::P1),
            "warning" => Some(Severity::P3),
            "info" => Some(Severity::P5),
            _ => None,
        });
        let known = memory.get(&key);
        let Some(told) = told else {
            return known.and_then(Severity::find_by_name).unwrap_or(Severity::Unknown);
        };
        if known != Some(told.as_str()) {
            memory.set(key, told.as_str());
        }
        told
    }
}

/// A recovery is a state without a severity.
fn words(phase: &str, state: &str) -> ToolWords {
    let recovers = ["ok", "recovery", "acknowledgement"].iter().any(|word| state.eq_ignore_ascii_case(word));
    ToolWords::told(phase, if recovers { "" } else { state })
}

pub(super) fn findings(incident: Incident, at: Timestamp) -> Findings {
    let mentioned = incident.components.iter().map(|key| component(key, key, HOME, at)).collect();
    let observations = vec![Observation::present(Entity::Incident(incident), at)];
    Findings { observations, mentioned, ..Findings::default() }
}
