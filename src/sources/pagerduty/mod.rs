//! PagerDuty: V3 webhooks and the REST API v2.
//!
//! Sources of the facts: PagerDuty's developer documentation (webhooks overview, behaviour, signatures) and
//! its published API schema. PagerDuty publishes no address for writing a new post-mortem and no interface
//! for reading one, so this source has no reviews. Must not decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use self::payload::Mapper;
use self::poll::PagerDutyPoller;
use crate::config::{PageAddress, SourceConfig};
use crate::sources::kit::json::{Fields, shorten};
use crate::sources::kit::signature::HmacScheme;
use crate::sources::kit::{options, severity_ranks};
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "pagerduty",
    build,
    option_names: &["urgency_severity"],
    capabilities: &[Capability::Webhooks, Capability::Polling],
    page: include_str!("../../../docs/sources/pagerduty.md"),
};

#[derive(Deserialize)]
struct Options {
    /// Takes the urgency as severity (`high` = P2, `low` = P4) when an incident has no priority.
    #[serde(default)]
    urgency_severity: bool,
}

struct PagerDuty {
    config: SourceConfig,
    signature: HmacScheme,
    mapper: Arc<Mapper>,
    poller: Option<PagerDutyPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let home = match &config.api_url {
        Some(url) if url.host_str().is_some_and(|host| host.contains(".eu.")) => {
            "https://app.eu.pagerduty.com"
        }
        _ => "https://app.pagerduty.com",
    };
    let mapper = Arc::new(Mapper::new(&config, options.urgency_severity, home));
    let poller = PagerDutyPoller::find(&config, http, &mapper)?;
    let signature = HmacScheme::sha256_hex("X-PagerDuty-Signature", "v1=");
    Ok(Arc::new(PagerDuty { config, signature, mapper, poller }))
}

impl Source for PagerDuty {
    fn challenges(&self) -> Vec<String> {
        self.signature.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let mut verified = self.signature.admit(&self.config, webhook)?;
        // The event's id is signed with the body; the header that repeats it for a delivery is not.
        let signed = verified.json().ok().and_then(|body| body.find_id("/event/id"));
        verified.delivery_id = signed.or_else(|| verified.headers.get("x-webhook-id").map(str::to_owned));
        Ok(verified)
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let priority = webhook.json().ok().and_then(|body| body.find_id("/event/data/priority/id"));
        priority.map(|id| format!("{}{id}", payload::PRIORITY)).into_iter().collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        let Some(event) = body.get("event").filter(|event| event.is_object()) else {
            return Err(Unmappable::Malformed(if body.get("messages").is_some() {
                "this is a webhook of PagerDuty's retired second version: create a V3 webhook subscription"
                    .into()
            } else {
                "the body has no `event`: only PagerDuty's V3 webhooks are understood".into()
            }));
        };
        let occurred_at = event.find_time("/occurred_at").unwrap_or(webhook.received_at);
        let kind = event.text("/event_type");
        if event.text("/data/type") == "incident" {
            let rank = |id: &str| severity_ranks::find(memory, payload::PRIORITY, id);
            return self.mapper.incident(event.at("/data"), occurred_at, &rank);
        }
        Ok(match kind {
            "incident.annotated"
            | "incident.status_update_published"
            | "incident.custom_field_values.updated" => self.refetch(event, kind),
            _ if kind.starts_with("service.") => Findings {
                refresh_catalogue: true,
                mentioned: self
                    .mapper
                    .mentioned(event.at("/data"), event.at("/data"), occurred_at)
                    .into_iter()
                    .collect(),
                ..Findings::default()
            },
            "" => Findings::ignored("event without a type"),
            _ => Findings::ignored(format!("event type {}", shorten(kind))),
        })
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn incident_page(&self) -> Option<PageAddress> {
        let home = self.config.workspace_url.as_ref()?.as_str().trim_end_matches('/');
        PageAddress::parse(&format!("{home}/incidents/{{incident}}")).ok()
    }

    fn home_url(&self) -> String {
        self.mapper.home.to_owned()
    }
}

impl PagerDuty {
    /// Such an event carries only a reference to the incident, so its state must be asked for.
    fn refetch(&self, event: &Value, kind: &str) -> Findings {
        match event.find_id("/data/incident/id") {
            Some(id) if self.poller.is_some() => Findings { refetch: vec![id], ..Findings::default() },
            _ => Findings::ignored(format!(
                "event type {kind} carries no state, and no api_token is set to ask"
            )),
        }
    }
}

#[cfg(test)]
mod tests;
