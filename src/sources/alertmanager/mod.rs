//! Prometheus Alertmanager: webhook version 4 and API v2.
//!
//! Alertmanager has alerts and groups, not incidents; `kit::alert_groups` makes incidents of them, and this file
//! joins that to the trait. Source of the protocol: Alertmanager's documentation and API description (0.34).
//! Must not decide anything about Jira.

mod poll;
mod settings;

use std::sync::Arc;

use self::poll::AlertmanagerPoller;
use self::settings::Options;
use crate::config::SourceConfig;
use crate::sources::kit::alert_groups::{mapper::Mapper, receipt_id};
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "alertmanager",
    build,
    option_names: &[
        "webhook_header",
        "component_labels",
        "components",
        "receiver",
        "drop_silenced",
        "api_auth",
    ],
    capabilities: &[Capability::Webhooks, Capability::Polling],
    page: include_str!("../../../docs/sources/alertmanager.md"),
};

const HOME: &str = "https://prometheus.io/docs/alerting/latest/alertmanager/";
/// Of the webhook's message.
const VERSION: &str = "4";

struct Alertmanager {
    config: SourceConfig,
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<AlertmanagerPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let secret = SharedSecret::new(&config).with_header(options.webhook_header.clone()).with_path(true);
    let home = config.workspace_url.as_ref().or(config.api_url.as_ref()).map_or(HOME, |url| url.as_str());
    let mapper = Arc::new(Mapper::new(&config, home.to_owned(), options.component_labels.clone()));
    let poller = AlertmanagerPoller::find(&config, http, &mapper, options)?;
    Ok(Arc::new(Alertmanager { config, secret, mapper, poller }))
}

impl Source for Alertmanager {
    fn challenges(&self) -> Vec<String> {
        self.secret.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let delivery_id = receipt_id(&webhook);
        self.secret.admit(&self.config, webhook, Some(delivery_id))
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        webhook.json().map(|body| self.mapper.recall(body, VERSION)).unwrap_or_default()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        self.mapper.parse(webhook.json()?, VERSION, webhook.received_at, memory)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        self.mapper.home().to_owned()
    }
}

#[cfg(test)]
mod tests;
