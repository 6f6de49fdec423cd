//! Atlassian Statuspage: incidents of status pages, by subscriber webhook and by API, with their postmortems.
//!
//! Sources of the facts: Statuspage's pages on webhook notifications and its API description. Webhooks are
//! not signed: only a secret address or credential proves their origin. Scheduled maintenance is not an
//! incident. Must not decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;

use self::payload::{HOME, Mapper, find_postmortem, is_maintenance, published_key};
use self::poll::StatuspagePoller;
use crate::config::SourceConfig;
use crate::sources::kit::json::Fields;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "statuspage",
    build,
    option_names: &["page_ids", "confirm_webhooks"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/statuspage.md"),
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    /// The pages that count; empty means all that webhooks or the token show.
    page_ids: Vec<String>,
    /// Takes a webhook only as a hint to ask the API for the incident.
    confirm_webhooks: bool,
}

struct Statuspage {
    config: SourceConfig,
    secret: SharedSecret,
    options: Options,
    mapper: Arc<Mapper>,
    poller: Option<StatuspagePoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let mapper = Arc::new(Mapper { config: config.clone() });
    let poller = StatuspagePoller::find(&config, http, &mapper, &options.page_ids)?;
    if options.confirm_webhooks && poller.is_none() {
        return Err(options::refuse("confirm_webhooks needs api_token"));
    }
    let secret = SharedSecret::new(&config).with_path(true);
    Ok(Arc::new(Statuspage { config, secret, options, mapper, poller }))
}

impl Source for Statuspage {
    fn challenges(&self) -> Vec<String> {
        self.secret.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.config, webhook, None)
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let incident = webhook.json().ok().and_then(|body| body.find_id("/incident/id"));
        incident.iter().map(|id| published_key(id)).collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        let page = body.find_id("/page/id").unwrap_or_default();
        if !self.options.page_ids.is_empty() && !self.options.page_ids.contains(&page) {
            return Ok(Findings::ignored("a page that is not in page_ids"));
        }
        if body.at("/component_update").is_object() || body.at("/component").is_object() {
            return Ok(Findings { refresh_catalogue: true, ..Findings::default() });
        }
        let incident = body.at("/incident");
        if !incident.is_object() {
            return Ok(Findings::ignored("neither an incident nor a component"));
        }
        if is_maintenance(incident) {
            return Ok(Findings::ignored("scheduled maintenance"));
        }
        let mut found = self.mapper.incident(incident, &page, webhook.received_at)?;
        if self.options.confirm_webhooks {
            return Ok(Findings {
                refetch: incident.find_id("/id").into_iter().collect(),
                ..Findings::default()
            });
        }
        found.observations.extend(find_postmortem(incident, memory, false));
        Ok(found)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

#[cfg(test)]
mod tests;
