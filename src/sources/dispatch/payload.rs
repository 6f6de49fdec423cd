//! Dispatch's incidents, reviews and projects as domain values.
//!
//! Pure. Answers do not say when an incident changed: a change counts from when it was received.

use serde_json::Value;
use url::Url;

use crate::config::SourceConfig;
use crate::domain::{
    Entity, EntityKind, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity,
    Timestamp, ToolWords, Workspace,
};
use crate::sources::kit::hidden::hide_if;
use crate::sources::kit::json::{Fields, find_web_url};
use crate::sources::kit::parts::{component, describe, get_id, workspace};
use crate::sources::{Findings, Memory, Unmappable};

pub(super) const HOME: &str = "https://netflix.github.io/dispatch/";

pub(super) struct Mapper {
    pub(super) config: SourceConfig,
    pub(super) include_restricted: bool,
    pub(super) home: String,
}

impl Mapper {
    /// One incident with its review, as it was reported at `at`.
    pub(super) fn incident(
        &self,
        data: &Value,
        at: Timestamp,
        memory: &mut Memory,
    ) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/id", "incident")?;
        let is_restricted = data.text("/visibility") == "Restricted" && !self.include_restricted;
        if let Some(mut found) = hide_if(is_restricted, memory, &provider_id, at) {
            let review = data.find_id("/incident_review_document/id").filter(|_| found.ignored.is_none());
            let gone = review.map(|id| Observation::deleted(EntityKind::Review, review_id(&id), at));
            found.observations.extend(gone);
            return Ok(found);
        }
        let dates = ["/created_at", "/reported_at", "/stable_at", "/closed_at"];
        let updated_at = dates.into_iter().filter_map(|date| data.find_time(date)).max().unwrap_or(at);
        let (status, priority) = (data.text("/status"), data.text("/incident_priority/name"));
        let tags =
            data.items("/tags").iter().filter_map(|tag| Some((tag.find_id("/id")?, tag.text("/name"))));
        let mentioned = tags.map(|(id, name)| component(&format!("tag:{id}"), name, &self.home, updated_at));
        let mentioned = mentioned.collect::<Vec<_>>();
        let incident = Incident {
            summary: data.text("/title").to_owned(),
            description: describe(
                data.text("/description"),
                &[
                    ("Incident", data.find_text("/name")),
                    ("Status", data.find_text("/status")),
                    ("Type", data.find_text("/incident_type/name")),
                    ("Commander", data.find_text("/commander/individual/name")),
                    ("Resolution", data.find_text("/resolution")),
                ],
            ),
            url: data
                .find_text("/name")
                .map_or_else(|| self.home.clone(), |name| format!("{}/incidents/{name}", self.home)),
            status: self.status(status),
            severity: self.severity(priority),
            words: ToolWords::told(status, priority),
            created_at: data.find_time("/created_at").unwrap_or(updated_at),
            updated_at,
            components: mentioned.iter().map(|component| component.provider_id.clone()).collect(),
            workspaces: data.find_id("/project/id").into_iter().collect(),
            associations: Vec::new(),
            provider_id,
        };
        let review = review(data.at("/incident_review_document"), &incident);
        let incident = Observation::present(Entity::Incident(incident), at);
        let review = review.map(|review| Observation::present(Entity::Review(review), at));
        Ok(Findings {
            observations: [incident].into_iter().chain(review).collect(),
            mentioned,
            workspaces: self.project(data.at("/project")).into_iter().collect(),
            ..Findings::default()
        })
    }

    fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "Active" | "Stable" => IncidentStatus::Open,
            "Closed" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, priority: &str) -> Severity {
        let usual = || match priority {
            "High" => Some(Severity::P2),
            "Medium" => Some(Severity::P3),
            "Low" => Some(Severity::P4),
            "Optional" => Some(Severity::P5),
            _ => Severity::find_by_name(priority),
        };
        self.config.find_severity(priority).or_else(usual).unwrap_or(Severity::Unknown)
    }

    pub(super) fn project(&self, data: &Value) -> Option<Workspace> {
        let id = data.find_id("/id")?;
        let name = data.find_text("/display_name").or_else(|| data.find_text("/name"));
        Some(workspace(&id, name.unwrap_or(&id), &self.home))
    }
}

fn review_id(document: &str) -> String {
    format!("review:{document}")
}

/// The document that Dispatch makes for an incident's review; its status follows the incident's.
fn review(document: &Value, incident: &Incident) -> Option<PostIncidentReview> {
    let is_over = incident.status == IncidentStatus::Resolved;
    Some(PostIncidentReview {
        provider_id: review_id(&document.find_id("/id")?),
        incidents: vec![incident.provider_id.clone()],
        summary: incident.summary.clone(),
        description: document.find_text("/name").unwrap_or(&incident.summary).to_owned(),
        url: find_web_url(document.text("/weblink")).unwrap_or(&incident.url).to_owned(),
        status: if is_over { ReviewStatus::Completed } else { ReviewStatus::InProgress },
        created_at: incident.created_at,
        updated_at: incident.updated_at,
        workspaces: incident.workspaces.clone(),
        associations: Vec::new(),
    })
}

/// The organization's pages: the API's address without `/api/v1`.
pub(super) fn find_home(api: &Url) -> String {
    let organization = api.path().trim_matches('/').rsplit('/').next().unwrap_or_default();
    let mut home = api.clone();
    home.set_path(organization);
    home.as_str().trim_end_matches('/').to_owned()
}
