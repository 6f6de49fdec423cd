//! Statuspage's incidents, postmortems, components and pages as domain values: the same for webhooks and the API.
//!
//! Pure.

use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, EntityKind, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus,
    Severity, Timestamp, ToolWords, Workspace,
};
use crate::sources::kit::json::{Fields, find_web_url, parse_millis};
use crate::sources::kit::parts::describe;
use crate::sources::{Findings, Memory, Unmappable};

pub(super) const HOME: &str = "https://manage.statuspage.io";

pub(super) fn is_maintenance(incident: &Value) -> bool {
    matches!(incident.text("/status"), "scheduled" | "in_progress" | "verifying" | "completed")
        || incident.text("/impact") == "maintenance"
}

/// Turns Statuspage's JSON into domain values, as one source's configuration says.
pub(super) struct Mapper {
    pub(super) config: SourceConfig,
}

impl Mapper {
    /// One incident; `page` is used where it names no page itself.
    pub(super) fn incident(&self, data: &Value, page: &str, now: Timestamp) -> Result<Findings, Unmappable> {
        let id =
            data.find_id("/id").ok_or_else(|| Unmappable::Incomplete("the incident has no id".into()))?;
        let at = data.find_time("/updated_at").unwrap_or(now);
        let page = data.find_id("/page_id").unwrap_or_else(|| page.to_owned());
        let workspaces = Some(page).filter(|page| !page.is_empty()).into_iter().collect::<Vec<_>>();
        // Newest first, and the text of a postmortem belongs to the review.
        let updates = data.items("/incident_updates").iter().filter(|u| u.text("/status") != "postmortem");
        let update = updates.map(|update| update.text("/body")).find(|body| !body.is_empty());
        let details = [
            ("Status", data.find_text("/status").map(str::to_owned)),
            ("Impact", find_impact(data).map(str::to_owned)),
        ];
        let incident = Incident {
            summary: data.text("/name").to_owned(),
            description: describe(update.unwrap_or(data.text("/name")), &details),
            url: url(data).to_owned(),
            status: self.status(data.text("/status")),
            severity: self.severity(find_impact(data)),
            words: ToolWords::told(data.text("/status"), find_impact(data).unwrap_or_default()),
            created_at: data.find_time("/created_at").unwrap_or(at),
            updated_at: at,
            components: data.ids("/components"),
            workspaces,
            associations: Vec::new(),
            provider_id: id,
        };
        let observations = vec![Observation::present(Entity::Incident(incident), at)];
        let mentioned =
            data.items("/components").iter().filter_map(|component| find_component(component, at));
        Ok(Findings { observations, mentioned: mentioned.collect(), ..Findings::default() })
    }

    fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "investigating" | "identified" | "monitoring" => IncidentStatus::Open,
            "resolved" | "postmortem" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, impact: Option<&str>) -> Severity {
        let Some(impact) = impact else { return Severity::Unknown };
        self.config.find_severity(impact).unwrap_or(match impact {
            "critical" => Severity::P1,
            "major" => Severity::P2,
            "minor" => Severity::P3,
            "none" => Severity::P5,
            _ => Severity::Unknown,
        })
    }
}

/// The keys of [`Memory`] for published postmortems; the value is the time of the review.
pub(super) fn published_key(incident: &str) -> String {
    format!("published/{incident}")
}

/// The published postmortem of an incident; its deletion if it was published and is no longer. `is_current` tells
/// what the tool shows now from a webhook, which may be late.
pub(super) fn find_postmortem(
    incident: &Value,
    memory: &mut Memory,
    is_current: bool,
) -> Option<Observation> {
    let key = published_key(&incident.find_id("/id")?);
    let published = incident.find_time("/postmortem_published_at").and_then(|published| {
        let written = incident.find_time("/postmortem_body_last_updated_at").unwrap_or(published);
        let body = incident.text("/postmortem_body");
        review(incident, body, ReviewStatus::Completed, published, published.max(written))
    });
    if let Some(review) = published {
        memory.set(key, review.event_time.timestamp_millis().to_string());
        return Some(review);
    }
    // A payload without the field says nothing of it.
    let is_told =
        incident.get("postmortem_published_at").is_some() || incident.at("/postmortem_ignored") == true;
    let seen = memory.get(&key).and_then(parse_millis).filter(|_| is_told)?;
    let at = incident.find_time("/updated_at").filter(|at| is_current || *at >= seen)?;
    memory.forget(&key);
    let id = review_id(&incident.find_id("/id")?);
    Some(Observation::deleted(EntityKind::Review, id, at.max(seen)))
}

fn review_id(incident: &str) -> String {
    format!("{incident}-postmortem")
}

/// The postmortem of `incident`, unless the page's owner decided against one.
pub(super) fn review(
    incident: &Value,
    body: &str,
    status: ReviewStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
) -> Option<Observation> {
    let id = incident.find_id("/id").filter(|_| incident.at("/postmortem_ignored") != true)?;
    let review = PostIncidentReview {
        provider_id: review_id(&id),
        summary: incident.text("/name").to_owned(),
        description: if body.trim().is_empty() { incident.text("/name") } else { body }.to_owned(),
        url: url(incident).to_owned(),
        status,
        created_at,
        updated_at,
        workspaces: incident.find_id("/page_id").into_iter().collect(),
        associations: Vec::new(),
        incidents: vec![id],
    };
    Some(Observation::present(Entity::Review(review), updated_at))
}

fn find_impact(incident: &Value) -> Option<&str> {
    incident.find_text("/impact_override").or_else(|| incident.find_text("/impact"))
}

fn url(incident: &Value) -> &str {
    find_web_url(incident.text("/shortlink")).unwrap_or(HOME)
}

/// A component; groups of components are left out.
pub(super) fn find_component(data: &Value, now: Timestamp) -> Option<Component> {
    let provider_id = data.find_id("/id").filter(|_| data.at("/group") != true)?;
    Some(Component {
        name: data.find_text("/name").unwrap_or(&provider_id).to_owned(),
        description: data.text("/description").to_owned(),
        url: HOME.to_owned(),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: data.find_time("/updated_at").unwrap_or(now),
        workspaces: data.find_id("/page_id").into_iter().collect(),
        provider_id,
    })
}

pub(super) fn find_page(data: &Value) -> Option<Workspace> {
    let provider_id = data.find_id("/id")?;
    let host = data
        .find_text("/domain")
        .map(str::to_owned)
        .or_else(|| data.find_text("/subdomain").map(|subdomain| format!("{subdomain}.statuspage.io")));
    let address = host.map(|host| format!("https://{host}")).filter(|url| find_web_url(url).is_some());
    let name = data.find_text("/name").unwrap_or(&provider_id).to_owned();
    Some(Workspace { name, url: address.unwrap_or_else(|| HOME.to_owned()), provider_id })
}
