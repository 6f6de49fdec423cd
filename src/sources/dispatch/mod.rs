//! Netflix Dispatch, self-hosted: its API, and incidents that are pushed in the form of the API.
//!
//! Source of the facts: Dispatch's own code, archived since September 2025. It has no outgoing webhooks and
//! no API keys, and its answers do not say when an incident changed: a change counts from when it was
//! received. Must not decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;

use self::payload::{HOME, Mapper, find_home};
use self::poll::DispatchPoller;
use crate::sources::kit::hidden::hidden_key;
use crate::sources::kit::json::Fields;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "dispatch",
    build,
    option_names: &["include_restricted"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/dispatch.md"),
};

#[derive(Deserialize)]
struct Options {
    /// Shows incidents whose visibility is `Restricted`.
    #[serde(default)]
    include_restricted: bool,
}

struct Dispatch {
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<DispatchPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let home = config.api_url.as_ref().map_or_else(|| HOME.to_owned(), find_home);
    let mapper =
        Arc::new(Mapper { include_restricted: options.include_restricted, home, config: config.clone() });
    if config.api_token.is_some() && config.api_url.is_none() {
        let why = "`api_token` needs `api_url`, such as https://dispatch.example.com/api/v1/<organization>";
        return Err(options::refuse(why));
    }
    let poller = DispatchPoller::find(&config, http, &mapper)?;
    Ok(Arc::new(Dispatch { secret: SharedSecret::new(&config), mapper, poller }))
}

impl Source for Dispatch {
    fn challenges(&self) -> Vec<String> {
        self.secret.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.mapper.config, webhook, None)
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let id = webhook.json().ok().and_then(|body| body.find_id("/id"));
        id.map(|id| hidden_key(&id)).into_iter().collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        self.mapper.incident(webhook.json()?, webhook.received_at, memory)
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
