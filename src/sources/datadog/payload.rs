//! Datadog's incidents and post-mortems as domain values, from webhooks and from API answers. Pure.

use chrono::SubsecRound;
use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{
    Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity, Timestamp,
    ToolWords,
};
use crate::sources::kit::json::{Fields, find_web_url, parse_millis, unwrap_text};
use crate::sources::kit::parts::{component, describe, workspace};
use crate::sources::{Findings, Memory};

pub(super) const OPEN: &[&str] = &["active", "stable"];
pub(super) const RESOLVED: &[&str] = &["resolved", "completed"];

pub(super) struct Mapper {
    pub(super) config: SourceConfig,
    pub(super) home: String,
}

/// The key of [`Memory`] with the time of the first webhook of an incident: later ones do not contain it.
pub(super) fn created_key(id: &str) -> String {
    format!("created/{id}")
}

impl Mapper {
    pub(super) fn new(config: &SourceConfig, home: String) -> Self {
        Self { config: config.clone(), home }
    }

    /// One incident as our template reports it, without asking Datadog.
    pub(super) fn read_webhook(
        &self,
        id: String,
        body: &Value,
        at: Timestamp,
        memory: &mut Memory,
    ) -> Findings {
        let key = created_key(&id);
        let created_at = memory.get(&key).and_then(parse_millis).unwrap_or(at);
        if memory.get(&key).is_none() {
            memory.set(key, at.timestamp_millis().to_string());
        }
        let fields = unwrap_text(body.at("/fields"));
        let link = find_web_url(body.text("/url")).map(str::to_owned);
        self.findings(
            at,
            Incident {
                summary: body.text("/title").to_owned(),
                description: describe(body.text("/title"), &[("Message", text(body, "/message"))]),
                url: link.unwrap_or_else(|| self.link(body)),
                status: self.status(body.text("/status")),
                severity: self.severity(body.text("/severity")),
                words: ToolWords::told(body.text("/status"), body.text("/severity"))
                    .numbered(body.find_id("/public_id")),
                created_at,
                updated_at: at,
                components: names(&fields, "services"),
                workspaces: names(&fields, "teams"),
                associations: Vec::new(),
                provider_id: id,
            },
        )
    }

    /// One incident of a REST answer; nothing for drills and for what is archived.
    pub(super) fn read_incident(&self, data: &Value, now: Timestamp) -> Findings {
        let Some(provider_id) = data.find_id("/id") else { return Findings::default() };
        let attributes = data.at("/attributes");
        let created_at = attributes.find_time("/created").unwrap_or(now);
        let updated_at = attributes.find_time("/modified").unwrap_or(created_at);
        if is_hidden(attributes) {
            return Findings::default();
        }
        let field = |name: &str| text(attributes, &format!("/fields/{name}/value"));
        let word = |name: &str| text(attributes, &format!("/{name}")).or_else(|| field(name));
        let [state, severity] = ["state", "severity"].map(|name| word(name).unwrap_or_default());
        let title = text(attributes, "/title").or_else(|| field("slug"));
        self.findings(
            updated_at,
            Incident {
                description: describe(
                    &field("summary").or_else(|| title.clone()).unwrap_or_default(),
                    &[
                        ("Incident", field("slug")),
                        ("Customer impact", text(attributes, "/customer_impact_scope")),
                        ("Root cause", field("root_cause")),
                    ],
                ),
                summary: title.unwrap_or_default(),
                url: self.link(attributes),
                status: self.status(&state),
                severity: self.severity(&severity),
                words: ToolWords::told(&state, &severity).numbered(attributes.find_id("/public_id")),
                created_at,
                updated_at,
                components: names(attributes.at("/fields"), "services"),
                workspaces: names(attributes.at("/fields"), "teams"),
                associations: Vec::new(),
                provider_id,
            },
        )
    }

    /// The search has whole seconds where everything else is finer, so the dates are cut to seconds; only
    /// `at` keeps the full time.
    fn findings(&self, at: Timestamp, mut incident: Incident) -> Findings {
        incident.created_at = incident.created_at.trunc_subsecs(0);
        incident.updated_at = at.trunc_subsecs(0);
        let mention = |name: &String| component(name, name, &self.home, incident.updated_at);
        let team = |name: &String| workspace(name, name, &self.home);
        Findings {
            mentioned: incident.components.iter().map(mention).collect(),
            workspaces: incident.workspaces.iter().map(team).collect(),
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            ..Findings::default()
        }
    }

    fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word.to_lowercase().as_str() {
            word if OPEN.contains(&word) => IncidentStatus::Open,
            word if RESOLVED.contains(&word) => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, word: &str) -> Severity {
        let worst = || word.eq_ignore_ascii_case("SEV-0").then_some(Severity::P1);
        let told = self.config.find_severity(word).or_else(worst).or_else(|| Severity::find_by_name(word));
        told.unwrap_or(Severity::Unknown)
    }

    fn link(&self, incident: &Value) -> String {
        incident
            .find_id("/public_id")
            .map_or_else(|| self.home.clone(), |id| format!("{}/incidents/{id}", self.home))
    }

    /// A post-mortem that is attached to an incident.
    pub(super) fn review(attachment: &Value, incident: &Incident, is_complete: bool) -> Option<Observation> {
        let attributes = attachment.at("/attributes");
        if attributes.text("/attachment_type") != "postmortem" {
            return None;
        }
        let at = attributes.find_time("/modified").unwrap_or(incident.updated_at);
        let summary = attributes.find_text("/attachment/title").unwrap_or(&incident.summary);
        let review = PostIncidentReview {
            provider_id: attachment.find_id("/id")?,
            incidents: vec![incident.provider_id.clone()],
            summary: summary.to_owned(),
            description: summary.to_owned(),
            url: find_web_url(attributes.text("/attachment/documentUrl")).unwrap_or(&incident.url).to_owned(),
            status: if is_complete { ReviewStatus::Completed } else { ReviewStatus::InProgress },
            created_at: at,
            updated_at: at,
            workspaces: incident.workspaces.clone(),
            associations: Vec::new(),
        };
        // The incident's own time: it moves when the incident is completed, the attachment's does not.
        Some(Observation::present(Entity::Review(review), incident.updated_at.max(at)))
    }
}

/// Drills, and what is archived.
pub(super) fn is_hidden(attributes: &Value) -> bool {
    attributes.at("/is_test") == true
        || !matches!(attributes.at("/archived"), Value::Null | Value::Bool(false))
}

pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    value.find_text(pointer).map(str::to_owned)
}

/// The names in a field, as the API (`{"value": […]}`) or a webhook (`[…]`) writes it.
fn names(fields: &Value, field: &str) -> Vec<String> {
    let field = &fields[field];
    let list = if field.is_object() { field.at("/value") } else { field };
    match list {
        Value::Array(names) => names.iter().filter_map(|name| text(name, "")).collect(),
        name => text(name, "").into_iter().collect(),
    }
}
