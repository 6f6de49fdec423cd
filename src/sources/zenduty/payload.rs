//! Zenduty's incidents and postmortems as domain values: the same for webhooks and the API.
//!
//! Pure.

use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{
    Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity, Timestamp,
    ToolWords,
};
use crate::sources::kit::json::Fields;
use crate::sources::kit::parts::{component, describe, get_id};
use crate::sources::{Findings, Unmappable};

pub(super) const HOME: &str = "https://www.zenduty.com";

/// Turns Zenduty's JSON into domain values, as one source's configuration says.
pub(super) struct Mapper {
    pub(super) config: SourceConfig,
    pub(super) incident_url: String,
}

impl Mapper {
    /// One incident as it was reported at `at`. Its own newest date is only the basis of a polled version: it
    /// goes back when the incident is reopened, and most changes have none.
    pub(super) fn incident(&self, data: &Value, at: Timestamp) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/unique_id", "incident")?;
        let service = if data["service"].is_object() { &data["service"] } else { &data["service_object"] };
        let service_id = service.find_id("/unique_id");
        let team = service.find_id("/team").or_else(|| service.find_id("/team/unique_id"));
        let status = data.find_id("/status").unwrap_or_default();
        let priority = data.find_text("/team_priority_object/name");
        let number = data.find_id("/incident_number");
        let title = data.find_text("/title").unwrap_or_default();
        let updated_at = newest(data).unwrap_or(at);
        let incident = Incident {
            summary: title.to_owned(),
            description: describe(
                data.find_text("/summary").unwrap_or(title),
                &[
                    ("Number", number.as_deref()),
                    ("Priority", priority),
                    ("Assigned to", data.find_text("/assigned_to_name")),
                ],
            ),
            url: number
                .as_ref()
                .map_or_else(|| HOME.to_owned(), |n| self.incident_url.replace("{number}", n)),
            status: self.status(&status),
            severity: self.severity(priority, data["urgency"].as_i64()),
            words: ToolWords::told(&status, priority.unwrap_or_default()).numbered(number.as_deref()),
            created_at: data.find_time("/creation_date").unwrap_or(updated_at),
            updated_at,
            components: service_id.iter().cloned().collect(),
            workspaces: team.iter().cloned().collect(),
            associations: Vec::new(),
            provider_id,
        };
        let mention = |id: String| {
            let mut component = component(&id, service.find_text("/name").unwrap_or(&id), HOME, updated_at);
            service.text("/description").clone_into(&mut component.description);
            component.workspaces = team.iter().cloned().collect();
            component
        };
        Ok(Findings {
            mentioned: service_id.map(mention).into_iter().collect(),
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            ..Findings::default()
        })
    }

    /// Zenduty's number counts more than the event's name: it is newer when deliveries overtake each other.
    pub(super) fn status(&self, number: &str) -> IncidentStatus {
        let (word, usual) = match number {
            "1" => ("triggered", IncidentStatus::Open),
            "2" => ("acknowledged", IncidentStatus::Open),
            "3" => ("resolved", IncidentStatus::Resolved),
            _ => (number, IncidentStatus::Unknown),
        };
        self.config.find_status(word).unwrap_or(usual)
    }

    fn severity(&self, priority: Option<&str>, urgency: Option<i64>) -> Severity {
        let find = |word| self.config.find_severity(word).or_else(|| Severity::find_by_name(word));
        let usual = |urgency| match urgency {
            1 => self.config.find_severity("high").unwrap_or(Severity::P2),
            0 => self.config.find_severity("low").unwrap_or(Severity::P4),
            _ => Severity::Unknown,
        };
        priority.and_then(find).unwrap_or_else(|| urgency.map_or(Severity::Unknown, usual))
    }
}

/// The newest of an incident's dates.
pub(super) fn newest(data: &Value) -> Option<Timestamp> {
    let names = ["/creation_date", "/acknowledged_date", "/resolved_date"];
    names.into_iter().filter_map(|name| data.find_time(name)).max()
}

/// A postmortem of a team. Its status is free text.
pub(super) fn review(data: &Value, team: &str, now: Timestamp) -> Option<Observation> {
    let at = data.find_time("/creation_date").unwrap_or(now);
    let title = data.text("/title");
    let incidents = data.items("/incidents").iter().filter_map(|entry| entry.find_id("/incident/unique_id"));
    let review = PostIncidentReview {
        provider_id: data.find_id("/unique_id")?,
        incidents: incidents.collect(),
        summary: title.to_owned(),
        description: describe(title, &[("Status", data.find_text("/status"))]),
        url: HOME.to_owned(),
        status: ReviewStatus::Unknown,
        created_at: at,
        updated_at: at,
        workspaces: vec![team.to_owned()],
        associations: Vec::new(),
    };
    Some(Observation::present(Entity::Review(review), at))
}
