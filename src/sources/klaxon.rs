//! Klaxon: one webhook for each change of an alarm.
//!
//! Source of the facts: Klaxon's page on webhooks. Must not decide anything about Jira.

use std::sync::Arc;

use serde_json::Value;

use super::findings::get_id;
use super::shared_secret::SharedSecret;
use super::value::{Fields, find_web_url};
use super::{
    BuildContext, BuildError, Findings, Gives, InboundWebhook, Kind, Memory, Rejection, Source, Unmappable,
    VerifiedWebhook,
};
use crate::config::SourceConfig;
use crate::domain::{Entity, Incident, IncidentStatus, Observation, Severity, Words};

pub(super) const KIND: Kind = Kind {
    name: "klaxon",
    build,
    option_names: &[],
    gives: &[Gives::Webhooks],
    page: include_str!("../../docs/sources/klaxon.md"),
};

const HOME: &str = "https://klaxon.example";

struct Klaxon {
    config: SourceConfig,
    secret: SharedSecret,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let config = context.config;
    Ok(Arc::new(Klaxon { secret: SharedSecret::new(&config), config }))
}

impl Source for Klaxon {
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.config, webhook, None)
    }

    fn inspect(&self, webhook: &VerifiedWebhook) -> Result<(), Unmappable> {
        self.parse(webhook, &mut Memory::default()).map(|_| ())
    }

    fn parse(&self, webhook: &VerifiedWebhook, _memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body: Value = webhook.json()?;
        let at = body.find_time("/at").unwrap_or(webhook.received_at);
        let (state, level) = (body.text("/state"), body.text("/level"));
        let incident = Incident {
            provider_id: get_id(&body, "/id", "alarm")?,
            summary: body.text("/title").to_owned(),
            description: body.text("/title").to_owned(),
            url: find_web_url(body.text("/url")).unwrap_or(HOME).to_owned(),
            status: self.config.find_status(state).unwrap_or(match state {
                "firing" => IncidentStatus::Open,
                "quiet" => IncidentStatus::Resolved,
                _ => IncidentStatus::Unknown,
            }),
            severity: (self.config.find_severity(level))
                .or_else(|| Severity::find_by_name(level))
                .unwrap_or(Severity::Unknown),
            words: Words::told(state, level),
            created_at: at,
            updated_at: at,
            components: Vec::new(),
            workspaces: Vec::new(),
            associations: Vec::new(),
        };
        let observations = vec![Observation::present(Entity::Incident(incident), at)];
        Ok(Findings { observations, ..Findings::default() })
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}
