//! Datadog Incident Management: the incidents search of API v2, and a webhook whose body the operator writes.
//!
//! Sources of the facts: Datadog's API reference and its official clients; the template of the webhook is
//! ours (docs/sources/datadog.md). With an API key a webhook only says which incident to ask for. Must not
//! decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;

use self::payload::{Mapper, created_key};
use self::poll::DatadogPoller;
use crate::config::SourceConfig;
use crate::sources::kit::json::{Fields, parse_millis};
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "datadog",
    build,
    option_names: &["site", "webhook_header", "accept_path_token"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/datadog.md"),
};

#[derive(Deserialize)]
struct Options {
    /// The Datadog site, for example `datadoghq.eu`.
    #[serde(default = "default_site")]
    site: String,
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    #[serde(default)]
    accept_path_token: bool,
}

fn default_site() -> String {
    "datadoghq.com".to_owned()
}

struct Datadog {
    config: SourceConfig,
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<DatadogPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let site = &options.site;
    // Sites such as us3.datadoghq.com are their own host; the others have one named app.
    let home = if site.starts_with("us2.ddog") || site.matches('.').count() == 1 {
        format!("https://app.{site}")
    } else {
        format!("https://{site}")
    };
    let mapper = Arc::new(Mapper::new(&config, home));
    let poller = DatadogPoller::find(&config, http, site, &mapper)?;
    let secret =
        SharedSecret::new(&config).with_header(options.webhook_header).with_path(options.accept_path_token);
    Ok(Arc::new(Datadog { config, secret, mapper, poller }))
}

impl Source for Datadog {
    fn challenges(&self) -> Vec<String> {
        self.secret.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.config, webhook, None)
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let id = webhook.json().ok().and_then(|body| body.find_id("/incident_uuid"));
        id.map(|id| created_key(&id)).into_iter().collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        // A variable that Datadog does not know stays as it was written.
        let id = body.find_id("/incident_uuid").filter(|id| !id.starts_with('$'));
        let Some(id) = id else {
            return if body.is_object() && body.get("incident_uuid").is_none() {
                Err(Unmappable::Malformed(
                    "the body has no `incident_uuid`: use the template of docs/sources/datadog.md".into(),
                ))
            } else {
                Ok(Findings::ignored("a notification that is not about an incident"))
            };
        };
        if self.poller.is_some() {
            return Ok(Findings { refetch: vec![id], ..Findings::default() });
        }
        let at = body.find_id("/last_updated").and_then(|text| parse_millis(&text));
        Ok(self.mapper.read_webhook(id, body, at.unwrap_or(webhook.received_at), memory))
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        self.mapper.home.clone()
    }
}

#[cfg(test)]
mod tests;
