//! Squadcast's incidents and postmortems as domain values: the same for webhooks and the API.
//!
//! Pure.

use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{
    Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity, Timestamp,
    ToolWords,
};
use crate::sources::kit::json::{Fields, find_web_url};
use crate::sources::kit::parts::{component, describe, get_id, workspace};
use crate::sources::{Findings, Unmappable};

pub(super) const HOME: &str = "https://app.squadcast.com";

/// Turns Squadcast's JSON into domain values, as one source's configuration says.
pub(super) struct Mapper {
    pub(super) config: SourceConfig,
    pub(super) severity_tag: String,
}

impl Mapper {
    /// One incident of `updated_at`, reported at `at`; `team` owns it if it names no team.
    pub(super) fn incident(
        &self,
        data: &Value,
        team: &Value,
        updated_at: Timestamp,
        at: Timestamp,
    ) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/id", "incident")?;
        let owner = if data.at("/owner/id").is_string() { data.at("/owner") } else { team };
        let team = owner.find_id("/id");
        let service = data.find_id("/service/id").or_else(|| data.find_id("/service_id"));
        let own = find_web_url(data.text("/url")).map(str::to_owned);
        let summary = data.find_text("/message").or_else(|| data.find_text("/title")).unwrap_or_default();
        let incident = Incident {
            summary: summary.to_owned(),
            description: describe(
                data.find_text("/description").unwrap_or(summary),
                &[
                    ("Status", data.find_text("/status")),
                    ("Priority", data.find_text("/priority")),
                    ("Assigned to", data.find_text("/assigned_to/name")),
                    ("Alert source", data.find_text("/alert_source/type")),
                ],
            ),
            url: own.unwrap_or_else(|| format!("{HOME}/incident/{provider_id}")),
            status: self.status(data.text("/status")),
            severity: self.severity(data),
            words: ToolWords::told(
                data.text("/status"),
                self.severity_words(data).next().unwrap_or_default(),
            ),
            created_at: data.find_time("/created_at").unwrap_or(updated_at),
            updated_at,
            components: service.clone().into_iter().collect(),
            workspaces: team.clone().into_iter().collect(),
            associations: Vec::new(),
            provider_id,
        };
        let name = |data: &Value, id: &str| data.find_text("/name").unwrap_or(id).to_owned();
        Ok(Findings {
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            mentioned: service
                .map(|id| component(&id, &name(data.at("/service"), &id), HOME, at))
                .into_iter()
                .collect(),
            workspaces: team.map(|id| workspace(&id, &name(owner, &id), HOME)).into_iter().collect(),
            ..Findings::default()
        })
    }

    pub(super) fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "triggered" | "acknowledged" => IncidentStatus::Open,
            "resolved" | "suppressed" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, data: &Value) -> Severity {
        let find = |word| self.config.find_severity(word).or_else(|| Severity::find_by_name(word));
        self.severity_words(data).find_map(find).unwrap_or(Severity::Unknown)
    }

    fn severity_words<'a>(&self, data: &'a Value) -> impl Iterator<Item = &'a str> {
        let tag = data.at("/tags").get(&self.severity_tag).and_then(|tag| tag.find_text("/value"));
        [data.find_text("/priority").filter(|word| *word != "UNSET"), tag].into_iter().flatten()
    }
}

/// A postmortem, which belongs to the team that was asked for.
pub(super) fn review(data: &Value, team: &str, now: Timestamp) -> Option<Observation> {
    let incident = data.find_id("/incident_id")?;
    let created_at = data.find_time("/created_at").unwrap_or(now);
    let updated_at = data.find_time("/updated_at").unwrap_or(created_at);
    let follow_ups = data.at("/active_follow_ups_count").as_u64().unwrap_or_default();
    let review = PostIncidentReview {
        provider_id: data.find_id("/id")?,
        summary: data.text("/title").to_owned(),
        description: data.find_text("/postmortem").unwrap_or(data.text("/title")).to_owned(),
        url: format!("{HOME}/incident/{incident}"),
        status: match data.text("/status") {
            "in_progress" | "under_review" => ReviewStatus::InProgress,
            "published" if follow_ups > 0 => ReviewStatus::OutstandingActions,
            "published" => ReviewStatus::Completed,
            _ => ReviewStatus::Unknown,
        },
        created_at,
        updated_at,
        workspaces: vec![team.to_owned()],
        associations: Vec::new(),
        incidents: vec![incident],
    };
    Some(Observation::present(Entity::Review(review), updated_at))
}
