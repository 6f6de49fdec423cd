//! FireHydrant: signed webhooks, and incidents, services, teams and retrospectives from the API v1.
//!
//! Sources of the facts: FireHydrant's pages on webhooks and its published API description. A signature
//! covers no time, so a repeated webhook is recognized by its content and ordered by `updated_at`. REST
//! incidents have no `updated_at`: what a poll read is as new as the poll. Must not decide anything about
//! Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;

use self::payload::{HOME, Mapper, find_time, remember_retrospective};
use self::poll::FireHydrantPoller;
use crate::config::{PageAddress, SourceConfig};
use crate::sources::kit::json::Fields;
use crate::sources::kit::options;
use crate::sources::kit::signature::HmacScheme;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "firehydrant",
    build,
    option_names: &["functionalities"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/firehydrant.md"),
};

#[derive(Deserialize)]
struct Options {
    /// Treats functionalities as affected components, besides services.
    #[serde(default)]
    functionalities: bool,
}

struct FireHydrant {
    config: SourceConfig,
    signature: HmacScheme,
    mapper: Arc<Mapper>,
    poller: Option<FireHydrantPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let mapper = Arc::new(Mapper { config: config.clone(), functionalities: options.functionalities });
    let poller = FireHydrantPoller::find(&config, http, &mapper)?;
    Ok(Arc::new(FireHydrant {
        config,
        signature: HmacScheme::sha256_hex("fh-signature", ""),
        mapper,
        poller,
    }))
}

impl Source for FireHydrant {
    fn challenges(&self) -> Vec<String> {
        self.signature.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.signature.admit(&self.config, webhook)
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        let (kind, data) = (body.text("/event/resource_type"), body.at("/data/incident"));
        if kind != "incident" || !data.is_object() {
            let kind = kind.chars().take(80).collect::<String>();
            return Ok(Findings::ignored(format!("resource type {kind}")));
        }
        let at = find_time(data, "/updated_at").unwrap_or(webhook.received_at);
        let mut found = self.mapper.incident(data, at)?;
        remember_retrospective(memory, data);
        if self.poller.is_some() && self.mapper.affected(data).is_empty() {
            found.refetch.extend(data.find_id("/id"));
        }
        Ok(found)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn incident_page(&self) -> Option<PageAddress> {
        PageAddress::parse(&format!("{HOME}/incidents/{{incident}}")).ok()
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

#[cfg(test)]
mod tests;
