//! Rootly's incidents, services, teams and retrospectives as domain values: the same for webhooks, whose
//! objects are flat, and for REST answers, which are JSON:API documents.
//!
//! Pure. The description uses only what both carry, so that a poll after a webhook changes nothing.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity,
    Timestamp, ToolWords, Workspace,
};
use crate::sources::kit::hidden::{hide_if, review};
use crate::sources::kit::json::{Fields, find_web_url};
use crate::sources::kit::parts::{component, describe, get_id};
use crate::sources::{Findings, Memory, Unmappable};

/// What stays out of Jira unless the operator wants it.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Include {
    Private,
    Scheduled,
    Test,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Options {
    include: Vec<Include>,
    /// Takes functionalities as components, besides services.
    functionalities: bool,
}

/// Turns Rootly's JSON into domain values, as one source's configuration says.
pub(super) struct Mapper {
    config: SourceConfig,
    options: Options,
}

/// A resource as the flat object that webhooks carry: from JSON:API's `{"data": {"id", "attributes"}}`, from
/// such an object itself, or from a bare name.
pub(super) fn flatten(resource: &Value) -> Value {
    let resource = resource.get("data").filter(|data| data.is_object()).unwrap_or(resource);
    match (resource.get("attributes").and_then(Value::as_object), resource.as_str()) {
        (Some(attributes), _) => {
            let mut flat = attributes.clone();
            flat.insert("id".to_owned(), resource["id"].clone());
            Value::Object(flat)
        }
        (None, Some(name)) => json!({ "id": name, "name": name }),
        (None, None) => resource.clone(),
    }
}

impl Mapper {
    pub(super) fn new(config: &SourceConfig, options: Options) -> Self {
        Self { config: config.clone(), options }
    }

    pub(super) fn home(&self) -> &str {
        self.config.workspace_url.as_ref().map_or("https://rootly.com/account", |url| url.as_str())
    }

    /// The listings that hold components.
    pub(super) fn component_listings(&self) -> &'static [&'static str] {
        if self.options.functionalities { &["services", "functionalities"] } else { &["services"] }
    }

    /// One flat incident with the services and teams it names; tests, private ones and maintenance as the
    /// operator wants them.
    pub(super) fn incident(
        &self,
        data: &Value,
        told_at: Timestamp,
        memory: &mut Memory,
    ) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/id", "incident")?;
        let updated_at = data.find_time("/updated_at").unwrap_or(told_at);
        let (kind, status) = (data.text("/kind"), data.text("/status"));
        let excludes = |what: Include| !self.options.include.contains(&what);
        let is_private = data["private"] == true && excludes(Include::Private);
        let is_test = kind.starts_with("test") && excludes(Include::Test);
        if let Some(hidden) = hide_if(is_private || is_test, memory, &provider_id, updated_at) {
            return Ok(hidden);
        }
        let is_maintenance =
            kind.starts_with("scheduled") || ["scheduled", "in_progress", "completed"].contains(&status);
        if is_maintenance && excludes(Include::Scheduled) {
            return Ok(Findings::ignored("scheduled maintenance"));
        }
        let mentioned = self.components(data, updated_at);
        let groups = data.items("/groups").iter();
        let workspaces = groups.filter_map(|group| self.team(group)).collect::<Vec<_>>();
        let number = data.find_id("/sequential_id").map(|number| format!("#{number}"));
        let title = data.find_text("/title").unwrap_or(&provider_id);
        let severity = flatten(&data["severity"]);
        let incident = Incident {
            summary: title.to_owned(),
            description: describe(
                data.find_text("/summary").unwrap_or(title),
                &[
                    ("Incident", number.as_deref()),
                    ("Status", Some(status)),
                    ("Severity", severity.find_text("/name")),
                    ("Mitigation", data.find_text("/mitigation_message")),
                    ("Resolution", data.find_text("/resolution_message")),
                ],
            ),
            url: find_web_url(data.text("/url")).unwrap_or(self.home()).to_owned(),
            status: self.status(status),
            severity: self.severity(&severity),
            words: ToolWords::told(status, severity.text("/name")).numbered(number.as_deref()),
            created_at: data.find_time("/created_at").unwrap_or(updated_at),
            updated_at,
            components: mentioned.iter().map(|component| component.provider_id.clone()).collect(),
            workspaces: workspaces.iter().map(|team| team.provider_id.clone()).collect(),
            associations: Vec::new(),
            provider_id,
        };
        let observations = vec![Observation::present(Entity::Incident(incident), updated_at)];
        Ok(Findings { observations, mentioned, workspaces, ..Findings::default() })
    }

    fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "in_triage" | "started" | "detected" | "acknowledged" | "mitigated" | "scheduled"
            | "in_progress" => IncidentStatus::Open,
            "resolved" | "closed" | "cancelled" | "completed" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    /// By the operator's table, else the severity's class (critical to low), else its name.
    fn severity(&self, severity: &Value) -> Severity {
        let [name, slug, class] = ["/name", "/slug", "/severity"].map(|pointer| severity.text(pointer));
        let chosen = [name, slug, class].into_iter().find_map(|word| self.config.find_severity(word));
        let numbered_from_zero = || {
            let name = name.trim().to_lowercase();
            ["sev0", "sev-0", "p0"].contains(&name.as_str()).then_some(Severity::P1)
        };
        chosen
            .or_else(|| Severity::find_by_name(class))
            .or_else(numbered_from_zero)
            .or_else(|| Severity::find_by_name(name))
            .unwrap_or(Severity::Unknown)
    }

    fn components(&self, data: &Value, at: Timestamp) -> Vec<Component> {
        let lists = self.component_listings().iter();
        let entries = lists.flat_map(|list| data.get(*list).and_then(Value::as_array).into_iter().flatten());
        entries.filter_map(|entry| self.component(entry, at)).collect()
    }

    /// A service or functionality as a component.
    pub(super) fn component(&self, resource: &Value, at: Timestamp) -> Option<Component> {
        let resource = flatten(resource);
        let id = resource.find_id("/id")?;
        let name = resource.find_text("/name").unwrap_or(&id);
        let at = resource.find_time("/updated_at").unwrap_or(at);
        Some(Component {
            description: resource.text("/description").to_owned(),
            ..component(&id, name, self.home(), at)
        })
    }

    /// A team, which incidents call a group.
    pub(super) fn team(&self, resource: &Value) -> Option<Workspace> {
        let resource = flatten(resource);
        let provider_id = resource.find_id("/id")?;
        let name = resource.find_text("/name").unwrap_or(&provider_id).to_owned();
        Some(Workspace { name, url: self.home().to_owned(), provider_id })
    }

    /// A flat retrospective; it is kept out of Jira with its incident.
    pub(super) fn review(
        &self,
        data: &Value,
        told_at: Timestamp,
        memory: &Memory,
    ) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/id", "retrospective")?;
        let incident = get_id(data, "/incident_id", "retrospective's incident")?;
        let updated_at = data.find_time("/updated_at").unwrap_or(told_at);
        let title = data.find_text("/title").unwrap_or(&provider_id);
        let retrospective = PostIncidentReview {
            incidents: vec![incident],
            summary: title.to_owned(),
            description: title.to_owned(),
            url: find_web_url(data.text("/url")).unwrap_or(self.home()).to_owned(),
            status: match data.text("/status") {
                "draft" => ReviewStatus::InProgress,
                "published" => ReviewStatus::Completed,
                _ => ReviewStatus::Unknown,
            },
            created_at: data.find_time("/created_at").unwrap_or(updated_at),
            updated_at,
            workspaces: Vec::new(),
            associations: Vec::new(),
            provider_id,
        };
        Ok(Findings { observations: vec![review(retrospective, memory)], ..Findings::default() })
    }
}
