//! IRM's incidents as domain values: the same for webhooks, previews and single incidents.
//!
//! Pure. Uses only what all three carry, so that a poll after a webhook changes nothing.

use serde_json::Value;

use super::mapper::Mapper;
use crate::domain::{Entity, Incident, IncidentStatus, Observation, Severity, Timestamp, ToolWords};
use crate::sources::kit::json::{Fields, find_web_url};
use crate::sources::kit::parts::{component, describe, get_id};
use crate::sources::{Findings, Unmappable};

impl Mapper {
    /// One incident, as reported at `told_at`; drills as configured.
    pub(super) fn incident(&self, data: &Value, told_at: Timestamp) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/incidentID", "incident")?;
        if data.at("/isDrill") == true && !self.options.drills {
            return Ok(Findings::ignored("drill"));
        }
        let updated_at = data.find_time("/modifiedTime").unwrap_or(told_at);
        let title = data.find_text("/title").unwrap_or(&provider_id);
        let severity = data.find_text("/severity").unwrap_or(data.text("/severityLabel"));
        let begun = data.find_time("/incidentStart").or_else(|| data.find_time("/createdTime"));
        let components = self.services(data);
        let mentioned = components.iter().map(|name| component(name, name, &self.home, updated_at)).collect();
        let incident = Incident {
            summary: title.to_owned(),
            description: describe(
                data.find_text("/summary").unwrap_or(title),
                &[("Incident", Some(provider_id.as_str())), ("Type", data.find_text("/incidentType"))],
            ),
            url: self.incident_url(data, &provider_id),
            status: self.incident_status(data.text("/status")),
            severity: self.incident_severity(severity),
            words: ToolWords::told(data.text("/status"), severity),
            created_at: begun.unwrap_or(updated_at),
            updated_at,
            components,
            workspaces: Vec::new(),
            associations: Vec::new(),
            provider_id,
        };
        let observations = vec![Observation::present(Entity::Incident(incident), updated_at)];
        Ok(Findings { observations, mentioned, ..Findings::default() })
    }

    fn incident_status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "active" => IncidentStatus::Open,
            "resolved" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    /// IRM's own three levels, which users can change.
    fn incident_severity(&self, word: &str) -> Severity {
        let usual = || match word.trim().to_lowercase().as_str() {
            "minor" => Some(Severity::P3),
            _ => Severity::find_by_name(word),
        };
        self.config.find_severity(word).or_else(usual).unwrap_or(Severity::Unknown)
    }

    fn services(&self, data: &Value) -> Vec<String> {
        let labels = data.items("/labels").iter();
        let services =
            labels.filter(|label| self.options.component_labels.iter().any(|k| k == label.text("/key")));
        services.filter_map(|label| label.find_text("/label")).map(str::to_owned).collect()
    }

    /// Webhooks contain the page's path, previews only the last part of it.
    fn incident_url(&self, data: &Value, id: &str) -> String {
        let path = match (data.find_text("/overviewURL"), data.find_text("/slug")) {
            (Some(path), _) => path.to_owned(),
            (None, Some(slug)) => format!("/a/grafana-irm-app/incidents/{id}/{slug}"),
            (None, None) => format!("/a/grafana-irm-app/incidents/{id}"),
        };
        find_web_url(&path).map_or_else(|| format!("{}{path}", self.home), str::to_owned)
    }
}
