//! Klaxon: one webhook for each change of an alarm.
//!
//! Source of the facts: Klaxon's page on webhooks. Must not decide anything about Jira.

use std::sync::Arc;

use serde::Deserialize;

use crate::config::SourceConfig;
use crate::domain::{Entity, Incident, IncidentStatus, Observation, Severity, ToolWords};
use crate::sources::kit::json::Fields;
use crate::sources::kit::options;
use crate::sources::kit::parts::get_id;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "klaxon",
    build,
    option_names: &["alarm_url"],
    capabilities: &[Capability::Webhooks],
    page: include_str!("page.md"),
};

const HOME: &str = "https://klaxon.example";

#[derive(Deserialize)]
struct Options {
    /// Address of an alarm's page, with `{id}`: no webhook contains it.
    alarm_url: Option<String>,
}

struct Klaxon {
    config: SourceConfig,
    secret: SharedSecret,
    alarm_url: String,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let config = context.config;
    let Options { alarm_url } = options::parse(&config)?;
    let alarm_url = alarm_url.unwrap_or_else(|| format!("{HOME}/alarms/{{id}}"));
    options::check_url_pattern("alarm_url", &alarm_url, "{id}")?;
    Ok(Arc::new(Klaxon { secret: SharedSecret::new(&config), alarm_url, config }))
}

impl Source for Klaxon {
    fn challenges(&self) -> Vec<String> {
        self.secret.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.config, webhook, None)
    }

    fn parse(&self, webhook: &VerifiedWebhook, _memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        let at = body.find_time("/at").unwrap_or(webhook.received_at);
        let (state, level) = (body.text("/state"), body.text("/level"));
        let id = get_id(body, "/id", "alarm")?;
        let incident = Incident {
            summary: body.text("/title").to_owned(),
            description: body.text("/title").to_owned(),
            url: self.alarm_url.replace("{id}", &id),
            status: self.config.find_status(state).unwrap_or(match state {
                "firing" => IncidentStatus::Open,
                "quiet" => IncidentStatus::Resolved,
                _ => IncidentStatus::Unknown,
            }),
            severity: (self.config.find_severity(level))
                .or_else(|| Severity::find_by_name(level))
                .unwrap_or(Severity::Unknown),
            words: ToolWords::told(state, level),
            created_at: at,
            updated_at: at,
            components: Vec::new(),
            workspaces: Vec::new(),
            associations: Vec::new(),
            provider_id: id,
        };
        let observations = vec![Observation::present(Entity::Incident(incident), at)];
        Ok(Findings { observations, ..Findings::default() })
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

#[cfg(test)]
mod tests;
