//! Opsgenie's incidents, alerts, services, teams and post-mortems as domain values.
//!
//! Pure. Of alerts only what every action's webhook carries is used.

use serde_json::Value;

use crate::clock::from_millis;
use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity,
    Timestamp, ToolWords, Workspace,
};
use crate::sources::kit::json::{Fields, find_web_url, scalar_text};
use crate::sources::kit::parts::describe;
use crate::sources::{Findings, Unmappable};

pub(super) fn alert_id(alert: &Value) -> Result<String, Unmappable> {
    alert.find_id("/alertId").ok_or_else(|| Unmappable::Incomplete("the alert has no alertId".to_owned()))
}

/// Alert webhooks write Unix time in milliseconds or nanoseconds, some as text: the size shows the unit.
pub(super) fn find_unix(value: &Value, pointer: &str) -> Option<Timestamp> {
    let number = value.find_id(pointer)?.parse::<i64>().ok()?;
    let millis = match number {
        100_000_000_000_000_000.. => number / 1_000_000,
        100_000_000_000_000.. => number / 1_000,
        100_000_000_000.. => number,
        0.. => number.saturating_mul(1_000),
        _ => return None,
    };
    Some(from_millis(millis))
}

/// Turns Opsgenie's JSON into domain values, as one source's configuration says.
pub(super) struct Mapper {
    pub(super) config: SourceConfig,
    pub(super) home: &'static str,
}

impl Mapper {
    /// An incident of the Incident API.
    pub(super) fn incident(&self, data: &Value, now: Timestamp) -> Option<Observation> {
        let at = data.find_time("/updatedAt").unwrap_or(now);
        let details = [
            ("Incident", data.find_id("/tinyId").map(|number| format!("#{number}"))),
            ("Priority", data.find_id("/priority")),
            ("Tags", Some(texts(data.items("/tags")))),
            ("Impact since", data.find_text("/impactStartDate").map(str::to_owned)),
            ("Impact until", data.find_text("/impactEndDate").map(str::to_owned)),
        ];
        let incident = Incident {
            provider_id: data.find_id("/id")?,
            summary: data.text("/message").to_owned(),
            description: describe(data.find_text("/description").unwrap_or(data.text("/message")), &details),
            url: self.url(data),
            status: self.config.find_status(data.text("/status")).unwrap_or(match data.text("/status") {
                "open" => IncidentStatus::Open,
                "resolved" | "closed" => IncidentStatus::Resolved,
                _ => IncidentStatus::Unknown,
            }),
            severity: self.severity(data),
            words: ToolWords::told(data.text("/status"), &data.find_id("/priority").unwrap_or_default())
                .numbered(data.find_id("/tinyId")),
            created_at: data.find_time("/createdAt").unwrap_or(at),
            updated_at: at,
            components: data.items("/impactedServices").iter().filter_map(scalar_text).collect(),
            workspaces: data.find_id("/ownerTeam").into_iter().collect(),
            associations: Vec::new(),
        };
        Some(Observation::present(Entity::Incident(incident), at))
    }

    /// An alert as an incident. Only what every action's webhook carries is shown, so that an acknowledgement
    /// does not remove what the creation reported.
    pub(super) fn alert(
        &self,
        alert: &Value,
        action: &str,
        status: IncidentStatus,
        received_at: Timestamp,
    ) -> Result<Findings, Unmappable> {
        let id = alert_id(alert)?;
        let at = find_unix(alert, "/updatedAt").unwrap_or(received_at);
        let team_id = alert.items("/teams").iter().find_map(scalar_text);
        let team = team_id.or_else(|| alert.find_id("/team")).map(|provider_id| Workspace {
            name: alert.find_text("/team").unwrap_or(&provider_id).to_owned(),
            url: self.home.to_owned(),
            provider_id,
        });
        let text = |name: &str| alert.find_text(name).map(str::to_owned);
        let details = [
            ("Alert", alert.find_id("/tinyId").map(|number| format!("#{number}"))),
            ("Alias", text("/alias")),
            ("Entity", text("/entity")),
            ("Source", text("/source")),
            ("Team", text("/team")),
        ];
        let incident = Incident {
            summary: alert.text("/message").to_owned(),
            description: describe(alert.text("/message"), &details),
            url: format!("{}/alert/detail/{id}/details", self.home),
            status: self.config.find_status(action).unwrap_or(status),
            severity: self.severity(alert),
            words: ToolWords::told(action, &alert.find_id("/priority").unwrap_or_default())
                .numbered(alert.find_id("/tinyId")),
            created_at: find_unix(alert, "/createdAt").unwrap_or(at),
            updated_at: at,
            components: team.iter().map(|team| team.provider_id.clone()).collect(),
            workspaces: team.iter().map(|team| team.provider_id.clone()).collect(),
            associations: Vec::new(),
            provider_id: id,
        };
        Ok(Findings {
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            mentioned: team
                .iter()
                .map(|team| Component {
                    provider_id: team.provider_id.clone(),
                    name: team.name.clone(),
                    description: String::new(),
                    url: team.url.clone(),
                    avatar_url: None,
                    tier: None,
                    component_type: None,
                    updated_at: at,
                    workspaces: vec![team.provider_id.clone()],
                })
                .collect(),
            workspaces: team.into_iter().collect(),
            ..Findings::default()
        })
    }

    /// `P1` to `P5`; older payloads write a number, or the number as text.
    fn severity(&self, data: &Value) -> Severity {
        let Some(priority) = data.find_id("/priority") else { return Severity::Unknown };
        self.config
            .find_severity(&priority)
            .or_else(|| Severity::find_by_name(&priority))
            .unwrap_or(Severity::Unknown)
    }

    pub(super) fn component(&self, data: &Value, now: Timestamp) -> Option<Component> {
        let provider_id = data.find_id("/id")?;
        Some(Component {
            name: data.find_text("/name").unwrap_or(&provider_id).to_owned(),
            description: data.text("/description").to_owned(),
            url: self.url(data),
            avatar_url: None,
            tier: None,
            component_type: None,
            updated_at: now,
            workspaces: data.find_id("/teamId").into_iter().collect(),
            provider_id,
        })
    }

    pub(super) fn team(&self, data: &Value) -> Option<Workspace> {
        let provider_id = data.find_id("/id")?;
        let name = data.find_text("/name").unwrap_or(&provider_id).to_owned();
        Some(Workspace { name, url: self.url(data), provider_id })
    }

    /// A post-mortem; `incident` is the address of the incident that led to it.
    pub(super) fn review(
        &self,
        data: &Value,
        incident: &Value,
        now: Timestamp,
    ) -> Option<PostIncidentReview> {
        let mut incidents = data.find_id("/rootIncident/id").into_iter().collect::<Vec<_>>();
        incidents.extend(data.ids("/relatedIncidents"));
        if incidents.is_empty() {
            incidents.extend(incident.find_id("/id"));
        }
        let mut summary = String::new();
        read_document(data.at("/executiveSummary"), &mut summary);
        Some(PostIncidentReview {
            provider_id: data.find_id("/postmortemId")?,
            summary: data.text("/title").to_owned(),
            description: if summary.trim().is_empty() { data.text("/title") } else { summary.trim() }
                .to_owned(),
            url: self.url(incident),
            status: match data.text("/status") {
                "draft" => ReviewStatus::InProgress,
                "published" => ReviewStatus::Completed,
                _ => ReviewStatus::Unknown,
            },
            created_at: data.find_time("/createdAtTime").unwrap_or(now),
            updated_at: now,
            workspaces: incident.find_id("/ownerTeam").into_iter().collect(),
            associations: Vec::new(),
            incidents,
        })
    }

    fn url(&self, data: &Value) -> String {
        find_web_url(data.text("/links/web")).unwrap_or(self.home).to_owned()
    }
}

fn texts(values: &[Value]) -> String {
    values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// The plain text of an Atlassian Document Format node, a line for each paragraph, heading or item.
fn read_document(node: &Value, text: &mut String) {
    text.push_str(node.text("/text"));
    for child in node.items("/content") {
        read_document(child, text);
    }
    if matches!(node.text("/type"), "paragraph" | "heading" | "codeBlock") {
        text.push('\n');
    }
}
