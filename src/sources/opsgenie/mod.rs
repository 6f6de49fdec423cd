//! Opsgenie: incidents, services, teams and post-mortems from its API, alerts from its webhooks.
//!
//! Sources of the facts: Opsgenie's API pages and captured webhooks. Its webhooks report alerts only and are
//! not signed; incidents are polled. Alerts become incidents only if the operator wants that, for plans
//! without incidents. Opsgenie ends in April 2027, so this stays thin. Must not decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;

use self::payload::{Mapper, alert_id, find_unix};
use self::poll::OpsgeniePoller;
use crate::config::SourceConfig;
use crate::domain::IncidentStatus;
use crate::sources::kit::json::Fields;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "opsgenie",
    build,
    option_names: &["webhook_header", "alerts_as_incidents", "postmortem_property"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/opsgenie.md"),
};

#[derive(Deserialize)]
#[serde(default)]
struct Options {
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    /// Takes every alert of a webhook as an incident.
    alerts_as_incidents: bool,
    /// Extra property of an incident that holds the id or the address of its post-mortem.
    postmortem_property: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            webhook_header: None,
            alerts_as_incidents: false,
            postmortem_property: "postmortem".to_owned(),
        }
    }
}

struct Opsgenie {
    config: SourceConfig,
    secret: SharedSecret,
    alerts_as_incidents: bool,
    mapper: Arc<Mapper>,
    poller: Option<OpsgeniePoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let home = match &config.api_url {
        Some(url) if url.host_str().is_some_and(|host| host.contains(".eu.")) => {
            "https://app.eu.opsgenie.com"
        }
        _ => "https://app.opsgenie.com",
    };
    let mapper = Arc::new(Mapper { config: config.clone(), home });
    let poller = OpsgeniePoller::find(&config, http, &mapper, options.postmortem_property)?;
    let secret = SharedSecret::new(&config).with_path(true).with_header(options.webhook_header);
    Ok(Arc::new(Opsgenie {
        config,
        secret,
        alerts_as_incidents: options.alerts_as_incidents,
        mapper,
        poller,
    }))
}

impl Source for Opsgenie {
    fn challenges(&self) -> Vec<String> {
        self.secret.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.config, webhook, None)
    }

    fn parse(&self, webhook: &VerifiedWebhook, _memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        let action = body.text("/action");
        if !self.alerts_as_incidents {
            return Ok(Findings::ignored("webhooks tell of alerts only, and alerts_as_incidents is not set"));
        }
        let status = match action.to_ascii_lowercase().as_str() {
            "create" | "acknowledge" | "unacknowledge" | "assignownership" | "takeownership"
            | "updatepriority" | "updatemessage" => IncidentStatus::Open,
            "close" => IncidentStatus::Resolved,
            "delete" => {
                let alert = body.at("/alert");
                let at = find_unix(alert, "/updatedAt").unwrap_or(webhook.received_at);
                return Ok(Findings::gone(&alert_id(alert)?, at));
            }
            // Notes, tags and the like arrive for closed alerts too, and give no state.
            _ => {
                let action = action.chars().take(80).collect::<String>();
                return Ok(Findings::ignored(format!("action {action} changes no state")));
            }
        };
        self.mapper.alert(body.at("/alert"), action, status, webhook.received_at)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        self.mapper.home.to_owned()
    }
}

#[cfg(test)]
mod tests;
