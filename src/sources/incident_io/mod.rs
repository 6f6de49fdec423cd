//! incident.io: its Standard Webhooks and its REST API.
//!
//! Sources of the facts: incident.io's API reference and its published API description. Webhooks come in any
//! order, so an incident's own `updated_at` orders them. There is no webhook for post-mortems and none for
//! deletions; no address for writing a post-mortem is documented. Must not decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde_json::Value;

use self::payload::{Mapper, Options, SEVERITY};
use self::poll::IncidentIoPoller;
use crate::config::SourceConfig;
use crate::domain::Timestamp;
use crate::sources::kit::json::{Fields, shorten};
use crate::sources::kit::standard_webhooks::StandardWebhooks;
use crate::sources::kit::{hidden, options, parts, shared_secret, standard_webhooks};
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "incident_io",
    build,
    option_names: &["catalog_type", "component_fields", "private", "skip_triage"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/incident_io.md"),
};

struct IncidentIo {
    config: SourceConfig,
    keys: StandardWebhooks,
    shows_private: bool,
    mapper: Arc<Mapper>,
    poller: Option<IncidentIoPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let keys = StandardWebhooks::parse(&config.webhook_secrets).map_err(|fault| options::refuse(&fault))?;
    let shows_private = options.private;
    let mapper = Arc::new(Mapper::new(&config, options));
    let poller = IncidentIoPoller::find(&config, http, &mapper)?;
    Ok(Arc::new(IncidentIo { config, keys, shows_private, mapper, poller }))
}

/// The event's type and the value under the key of that name. Some relays wrap the event in `data`.
fn event(body: &Value) -> Result<(&str, &Value), Unmappable> {
    let event = if body.get("event_type").is_some() { body } else { body.at("/data") };
    let kind = event.find_text("/event_type").ok_or_else(|| {
        Unmappable::Malformed("the body has no `event_type`: it is no webhook of incident.io".to_owned())
    })?;
    let payload = &event[kind];
    Ok((kind, if kind.contains("incident_status_updated") { payload.at("/incident") } else { payload }))
}

impl Source for IncidentIo {
    fn challenges(&self) -> Vec<String> {
        self.keys.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        if self.config.webhook_secrets.is_empty() {
            return Err(shared_secret::unconfigured(&self.config, "`webhook_secrets`"));
        }
        let verified_by = self.keys.verify(&webhook)?;
        let delivery_id = standard_webhooks::find_id(&webhook.headers).map(str::to_owned);
        Ok(VerifiedWebhook::new(webhook, delivery_id, verified_by))
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let Ok(body) = webhook.json() else { return Vec::new() };
        let Ok((_, incident)) = event(body) else { return Vec::new() };
        let severity = incident.find_id("/severity/id").map(|id| format!("{SEVERITY}{id}"));
        severity.into_iter().chain(incident.find_id("/id").map(|id| hidden::hidden_key(&id))).collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        let (kind, payload) = event(body)?;
        match kind {
            "public_incident.incident_created_v2"
            | "public_incident.incident_updated_v2"
            | "public_incident.incident_status_updated_v2" => {
                self.mapper.incident(payload, webhook.received_at, memory)
            }
            "private_incident.incident_created_v2" | "private_incident.incident_updated_v2" => {
                let id = parts::get_id(payload, "/id", "incident")?;
                Ok(self.private(id, kind.contains("updated"), memory, webhook.received_at))
            }
            _ => Ok(Findings::ignored(format!("event type {}", shorten(kind)))),
        }
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        self.mapper.home()
    }
}

impl IncidentIo {
    /// Such an event carries only the id: the incident is fetched if it may be shown. One that was updated
    /// may have been public before.
    fn private(&self, id: String, is_update: bool, memory: &mut Memory, at: Timestamp) -> Findings {
        match (self.shows_private, &self.poller) {
            (true, Some(_)) => Findings { refetch: vec![id], ..Findings::default() },
            (true, None) => Findings::ignored("private incident: no api_token is set to ask for it"),
            (false, _) if is_update => hidden::hide(memory, &id, at),
            (false, _) => Findings::ignored("private incident"),
        }
    }
}

#[cfg(test)]
mod tests;
