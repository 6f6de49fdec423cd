//! Zenduty: webhooks of a service's outgoing integration, and the incidents of its REST API.
//!
//! Sources of the facts: Zenduty's documentation and API description. Webhooks have no time of change, and
//! the API filters only by the day of creation, so a change counts from when it was received. How webhooks
//! are signed is not published: the scheme is the operator's to configure. Must not decide anything about
//! Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use self::payload::{HOME, Mapper};
use self::poll::ZendutyPoller;
use crate::sources::kit::json::{Fields, set};
use crate::sources::kit::open_incidents::priority_key;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::kit::signature::HmacScheme;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "zenduty",
    build,
    option_names: &["signature", "incident_url", "webhook_header", "accept_path_token"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/zenduty.md"),
};

#[derive(Deserialize)]
struct Options {
    /// How the webhook is signed with `webhook_secrets`.
    signature: Option<HmacScheme>,
    /// Address of an incident's page, with `{number}`.
    #[serde(default = "default_incident_url")]
    incident_url: String,
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    #[serde(default)]
    accept_path_token: bool,
}

fn default_incident_url() -> String {
    format!("{HOME}/dashboard/incidents/{{number}}/")
}

struct Zenduty {
    secret: SharedSecret,
    signature: Option<HmacScheme>,
    mapper: Arc<Mapper>,
    poller: Option<ZendutyPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let Options { signature, incident_url, webhook_header, accept_path_token } = options::parse(&config)?;
    options::check_url_pattern("incident_url", &incident_url, "{number}")?;
    if let Some(fault) = signature.as_ref().and_then(HmacScheme::fault) {
        return Err(options::refuse(&format!("`signature`: {fault}")));
    }
    let mapper = Arc::new(Mapper { config: config.clone(), incident_url });
    let poller = ZendutyPoller::find(&config, http, &mapper)?;
    let secret = SharedSecret::new(&config).with_header(webhook_header).with_path(accept_path_token);
    Ok(Arc::new(Zenduty { secret, signature, mapper, poller }))
}

impl Source for Zenduty {
    fn challenges(&self) -> Vec<String> {
        let signature = self.signature.iter().flat_map(HmacScheme::challenges);
        signature.chain(self.secret.challenges()).collect()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let config = &self.mapper.config;
        match &self.signature {
            Some(scheme) if !config.webhook_secrets.is_empty() && self.secret.verify(&webhook).is_err() => {
                scheme.admit(config, webhook)
            }
            _ => self.secret.admit(config, webhook, None),
        }
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let id = webhook.json().ok().and_then(|body| body.find_id("/payload/incident/unique_id"));
        id.map(|id| priority_key(&id)).into_iter().collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        if !body.at("/payload/incident").is_object() {
            let why = "the body has no `payload.incident`: use an Outgoing Webhook integration";
            return Err(Unmappable::Malformed(why.to_owned()));
        }
        let mut data = body.at("/payload/incident").clone();
        let known = data.find_id("/unique_id").and_then(|id| memory.get(&priority_key(&id)));
        if let Some(name) = known.filter(|_| data.at("/team_priority_object").is_null()) {
            set(&mut data, "team_priority_object", json!({ "name": name }));
        }
        self.mapper.incident(&data, webhook.received_at)
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
