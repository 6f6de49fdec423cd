//! Squadcast (SolarWinds Incident Response): version 2 webhooks, and the exports of API v3.
//!
//! Sources of the facts: Squadcast's developer pages and its published API description. There is no list
//! of incidents, only an export of those that began within a time, for one team; its answer is not described,
//! so it is read leniently. Must not decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;

use self::payload::{HOME, Mapper};
use self::poll::{Region, SquadcastPoller};
use crate::config::PageAddress;
use crate::sources::kit::json::{Fields, set};
use crate::sources::kit::open_incidents::priority_key;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "squadcast",
    build,
    option_names: &["region", "auth_url", "severity_tag", "webhook_header", "accept_path_token"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/squadcast.md"),
};

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    region: Region,
    /// Where access tokens are requested; if only `api_url` is set, there.
    auth_url: Option<url::Url>,
    /// The tag whose value names the severity of an incident without a priority.
    #[serde(default = "default_tag")]
    severity_tag: String,
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    #[serde(default)]
    accept_path_token: bool,
}

fn default_tag() -> String {
    "severity".to_owned()
}

struct Squadcast {
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<SquadcastPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let mapper = Arc::new(Mapper { config: config.clone(), severity_tag: options.severity_tag });
    let poller = SquadcastPoller::find(&config, http, options.region, options.auth_url, &mapper)?;
    let secret =
        SharedSecret::new(&config).with_header(options.webhook_header).with_path(options.accept_path_token);
    Ok(Arc::new(Squadcast { secret, mapper, poller }))
}

impl Source for Squadcast {
    fn challenges(&self) -> Vec<String> {
        self.secret.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let mut verified = self.secret.admit(&self.mapper.config, webhook, None)?;
        verified.delivery_id = verified.json().ok().and_then(|body| body.find_id("/event/id"));
        Ok(verified)
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let id = webhook.json().ok().and_then(|body| body.find_id("/data/resource_data/id"));
        id.map(|id| priority_key(&id)).into_iter().collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        if !body.at("/event").is_object() {
            let why = "the body has no `event`: choose version v2 for the webhook";
            return Err(Unmappable::Malformed(why.to_owned()));
        }
        // Notes, tags, tasks and the like are resources of their own; some contain parts of an incident.
        if body.text("/event/resource") != "incident" {
            return Ok(Findings::ignored("an event that does not change an incident"));
        }
        let at = body.find_time("/event/timestamp").unwrap_or(webhook.received_at);
        let mut data = body.at("/data/resource_data").clone();
        let known = data.find_id("/id").and_then(|id| memory.get(&priority_key(&id)));
        if let Some(priority) = known.filter(|_| data.at("/priority").is_null()) {
            set(&mut data, "priority", priority.into());
        }
        self.mapper.incident(&data, body.at("/data/team"), at, at)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn incident_page(&self) -> Option<PageAddress> {
        PageAddress::parse(&format!("{HOME}/incident/{{incident}}")).ok()
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

#[cfg(test)]
mod tests;
