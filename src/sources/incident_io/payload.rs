//! incident.io's incidents, catalog entries and post-mortems as domain values: the same for webhooks and
//! REST answers.
//!
//! Pure. The description uses only what both carry, so that a poll after a webhook changes nothing.

use serde::Deserialize;
use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity,
    Timestamp, ToolWords,
};
use crate::sources::kit::hidden::{hide_if, review};
use crate::sources::kit::json::{Fields, find_web_url};
use crate::sources::kit::parts::{component, describe, get_id};
use crate::sources::kit::severity_ranks;
use crate::sources::{Findings, Memory, Unmappable};

/// Prefix of the keys of [`severity_ranks`] for severities.
pub(super) const SEVERITY: &str = "severity/";

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Options {
    /// Name or id of the catalog type whose entries are services; "Service" when not set.
    catalog_type: Option<String>,
    /// Names or ids of the custom fields that hold affected services; those whose name contains the
    /// catalog type's when empty.
    component_fields: Vec<String>,
    /// Shows private incidents as well; needs a token that may see them.
    pub(super) private: bool,
    /// Leaves incidents out until they are accepted.
    skip_triage: bool,
}

/// Turns incident.io's JSON into domain values, as one source's configuration says.
pub(super) struct Mapper {
    config: SourceConfig,
    options: Options,
}

impl Mapper {
    pub(super) fn new(config: &SourceConfig, options: Options) -> Self {
        Self { config: config.clone(), options }
    }

    /// The dashboard, where `workspace_url` does not name the organisation's own.
    pub(super) fn home(&self) -> String {
        let home = self.config.workspace_url.as_ref().map_or("https://app.incident.io", |url| url.as_str());
        home.trim_end_matches('/').to_owned()
    }

    /// The catalog type of services, and whether the operator chose it.
    pub(super) fn catalog_type(&self) -> (&str, bool) {
        let chosen = self.options.catalog_type.as_deref();
        (chosen.unwrap_or("Service"), chosen.is_some())
    }

    /// One incident with the services it names; private ones and tests as the operator wants them.
    pub(super) fn incident(
        &self,
        data: &Value,
        received_at: Timestamp,
        memory: &mut Memory,
    ) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/id", "incident")?;
        let updated_at = data.find_time("/updated_at").unwrap_or(received_at);
        let category = data.text("/incident_status/category");
        let is_private = data.text("/visibility") == "private" && !self.options.private;
        let is_declined = category == "declined" && self.options.skip_triage;
        let is_test = matches!(data.text("/mode"), "test" | "tutorial");
        if let Some(hidden) = hide_if(is_private || is_declined || is_test, memory, &provider_id, updated_at)
        {
            return Ok(hidden);
        }
        if category == "triage" && self.options.skip_triage {
            return Ok(Findings::ignored("the incident is not accepted"));
        }
        let mentioned = self.components(data, updated_at);
        let name = data.find_text("/name").or_else(|| data.find_text("/reference")).unwrap_or(&provider_id);
        let incident = Incident {
            summary: name.to_owned(),
            description: describe(
                data.find_text("/summary").unwrap_or(name),
                &[
                    ("Incident", data.find_text("/reference")),
                    ("Status", data.find_text("/incident_status/name")),
                    ("Type", data.find_text("/incident_type/name")),
                ],
            ),
            url: self.url(data),
            status: self.status(data.text("/incident_status/name"), category),
            severity: self.severity(data, memory),
            words: ToolWords::told(category, data.text("/severity/name"))
                .numbered(data.find_text("/reference")),
            created_at: data.find_time("/created_at").unwrap_or(updated_at),
            updated_at,
            components: mentioned.iter().map(|component| component.provider_id.clone()).collect(),
            workspaces: Vec::new(),
            associations: Vec::new(),
            provider_id,
        };
        let observations = vec![Observation::present(Entity::Incident(incident), updated_at)];
        Ok(Findings { observations, mentioned, ..Findings::default() })
    }

    fn status(&self, name: &str, category: &str) -> IncidentStatus {
        let chosen = self.config.find_status(name).or_else(|| self.config.find_status(category));
        chosen.unwrap_or(match category {
            "triage" | "live" | "active" | "paused" => IncidentStatus::Open,
            "learning" | "post-incident" | "closed" | "declined" | "canceled" | "merged" => {
                IncidentStatus::Resolved
            }
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, data: &Value, memory: &Memory) -> Severity {
        let (name, id) = (data.text("/severity/name"), data.text("/severity/id"));
        let by_rank = || severity_ranks::find(memory, SEVERITY, id).map(Severity::from_rank);
        let chosen = self.config.find_severity(name).or_else(|| self.config.find_severity(id));
        let stated = chosen.or_else(|| severity_ranks::find_level(name)).or_else(by_rank);
        stated.or_else(|| Severity::find_by_name(name)).unwrap_or(Severity::Unknown)
    }

    fn url(&self, data: &Value) -> String {
        let number = data.text("/reference").rsplit('-').next().filter(|number| !number.is_empty());
        let page = || match (&self.config.workspace_url, number) {
            (Some(_), Some(number)) => format!("{}/incidents/{number}", self.home()),
            _ => self.home(),
        };
        find_web_url(data.text("/permalink")).map_or_else(page, str::to_owned)
    }

    /// The catalog entries in the custom fields for services.
    fn components(&self, data: &Value, at: Timestamp) -> Vec<Component> {
        let fields = data.items("/custom_field_entries").iter();
        let values = fields.filter(|entry| self.is_for_services(entry.at("/custom_field")));
        let entries = values.flat_map(|entry| entry.items("/values")).map(|v| v.at("/value_catalog_entry"));
        entries.filter_map(|entry| self.component(entry, at)).collect()
    }

    fn is_for_services(&self, field: &Value) -> bool {
        let (name, id) = (field.text("/name"), field.text("/id"));
        if self.options.component_fields.is_empty() {
            return name.to_lowercase().contains(&self.catalog_type().0.to_lowercase());
        }
        self.options.component_fields.iter().any(|wanted| wanted.eq_ignore_ascii_case(name) || wanted == id)
    }

    /// A catalog entry as a component.
    pub(super) fn component(&self, entry: &Value, at: Timestamp) -> Option<Component> {
        let id = entry.find_id("/id")?;
        let name = entry.find_text("/name").unwrap_or(&id);
        Some(component(&id, name, &self.home(), entry.find_time("/updated_at").unwrap_or(at)))
    }

    /// A post-mortem document as a review; it is kept out of Jira with its incident.
    pub(super) fn review(&self, data: &Value, now: Timestamp, memory: &Memory) -> Option<Observation> {
        let (provider_id, incident) = (data.find_id("/id")?, data.find_id("/incident_id")?);
        let updated_at = data.find_time("/updated_at").unwrap_or(now);
        let title = data.find_text("/title").unwrap_or(&provider_id);
        let exports = data.items("/exported_urls").iter().filter_map(Value::as_str).collect::<Vec<_>>();
        let links = [data.text("/document_url")].into_iter().chain(exports.iter().copied());
        let document = PostIncidentReview {
            incidents: vec![incident],
            summary: title.to_owned(),
            description: describe(title, &[("Exported to", Some(&exports.join(", ")))]),
            url: links.into_iter().find_map(find_web_url).map_or_else(|| self.home(), str::to_owned),
            status: match data.text("/status") {
                "in_progress" | "in_review" => ReviewStatus::InProgress,
                "completed" => ReviewStatus::Completed,
                _ => ReviewStatus::Unknown,
            },
            created_at: data.find_time("/created_at").unwrap_or(updated_at),
            updated_at,
            workspaces: Vec::new(),
            associations: Vec::new(),
            provider_id,
        };
        Some(review(document, memory))
    }
}
