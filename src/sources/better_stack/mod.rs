//! Better Stack Uptime: incident webhooks with the default body, and the incidents of API v3.
//!
//! Sources of the facts: Better Stack's API documentation and its Terraform provider. Incidents carry no
//! severity and no time of change, so a change counts from when it was received. Must not decide anything
//! about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;

use self::payload::{HOME, Mapper};
use self::poll::BetterStackPoller;
use crate::config::PageAddress;
use crate::sources::kit::json::Fields;
use crate::sources::kit::open_incidents::note_open;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "better_stack",
    build,
    option_names: &["webhook_header", "accept_path_token", "incident_url"],
    capabilities: &[Capability::Webhooks, Capability::Polling],
    page: include_str!("../../../docs/sources/better_stack.md"),
};

#[derive(Deserialize)]
struct Options {
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    #[serde(default)]
    accept_path_token: bool,
    /// Address of an incident's page, with `{id}`: it contains the team's number, which no answer has.
    incident_url: Option<String>,
}

struct BetterStack {
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<BetterStackPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    if let Some(pattern) = &options.incident_url {
        options::check_url_pattern("incident_url", pattern, "{id}")?;
    }
    let incident_url = options.incident_url.unwrap_or_else(|| HOME.to_owned());
    let mapper = Arc::new(Mapper { config: config.clone(), incident_url });
    let poller = BetterStackPoller::find(&config, http, &mapper)?;
    let secret =
        SharedSecret::new(&config).with_header(options.webhook_header).with_path(options.accept_path_token);
    Ok(Arc::new(BetterStack { secret, mapper, poller }))
}

impl Source for BetterStack {
    fn challenges(&self) -> Vec<String> {
        self.secret.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.mapper.config, webhook, None)
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        let data = &body["data"];
        if data.text("/type") != "incident" {
            return if body.get("event").or_else(|| body.get("event_type")).is_some() {
                Ok(Findings::ignored("an event that is not about an incident of Uptime"))
            } else {
                let why = "the body has neither `event` nor `data`: use Better Stack's default body";
                Err(Unmappable::Malformed(why.to_owned()))
            };
        }
        let incident = self.mapper.incident(data, webhook.received_at);
        let found = incident.ok_or_else(|| Unmappable::Incomplete("the incident has no id".to_owned()))?;
        // A late delivery may open what is over: if the next poll does not list it, it is fetched.
        if self.poller.is_some() {
            note_open(memory, &found, webhook.received_at);
        }
        Ok(found)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn incident_page(&self) -> Option<PageAddress> {
        let page = self.mapper.incident_url.replace("{id}", "{incident}");
        PageAddress::parse(&page).ok().filter(|_| page.contains("{incident}"))
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

#[cfg(test)]
mod tests;
