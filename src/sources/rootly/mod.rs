//! Rootly: its webhooks and its JSON:API.
//!
//! Sources of the facts: Rootly's documentation of webhooks and event payloads, and its published API
//! description. How often and how long Rootly repeats a webhook is not documented. No address for writing a
//! retrospective is documented either. Must not decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use self::payload::{Mapper, Options};
use self::poll::RootlyPoller;
use crate::config::SourceConfig;
use crate::domain::{EntityKind, Observation};
use crate::sources::kit::json::{Fields, shorten};
use crate::sources::kit::signature::HmacScheme;
use crate::sources::kit::{hidden, options, parts};
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "rootly",
    build,
    option_names: &["include", "functionalities"],
    capabilities: &[Capability::Webhooks, Capability::Polling, Capability::Reviews],
    page: include_str!("../../../docs/sources/rootly.md"),
};

struct Rootly {
    config: SourceConfig,
    signature: HmacScheme,
    mapper: Arc<Mapper>,
    poller: Option<RootlyPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let mapper = Arc::new(Mapper::new(&config, options));
    let poller = RootlyPoller::find(&config, http, &mapper)?;
    let signature = HmacScheme {
        // Nothing separates the two, unlike in other tools' signatures of this form.
        signed: "{timestamp}{body}".to_owned(),
        timestamp_entry: Some("t=".to_owned()),
        ..HmacScheme::sha256_hex("X-Rootly-Signature", "v1=")
    };
    Ok(Arc::new(Rootly { config, signature, mapper, poller }))
}

impl Source for Rootly {
    fn challenges(&self) -> Vec<String> {
        self.signature.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let mut verified = self.signature.admit(&self.config, webhook)?;
        verified.delivery_id = verified.json().ok().and_then(|body| body.find_id("/event/id"));
        Ok(verified)
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let Ok(body) = webhook.json() else { return Vec::new() };
        let ids = ["/data/id", "/data/incident_id"].iter().filter_map(|pointer| body.find_id(pointer));
        ids.map(|id| hidden::hidden_key(&id)).collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        let Some(kind) = body.find_text("/event/type") else {
            return Err(Unmappable::Malformed(
                "the body has no `event.type`: it is no webhook of Rootly".into(),
            ));
        };
        let data = &body["data"];
        let issued_at = body.find_time("/event/issued_at").unwrap_or(webhook.received_at);
        let updated_at = data.find_time("/updated_at").unwrap_or(issued_at);
        let deleted = |kind: EntityKind, what: &str| {
            let id = parts::get_id(data, "/id", what)?;
            let gone = Observation::deleted(kind, id, issued_at.max(updated_at));
            Ok(Findings { observations: vec![gone], ..Findings::default() })
        };
        let mut found = match kind.split_once('.') {
            Some(("incident_post_mortem", "deleted")) => deleted(EntityKind::Review, "retrospective"),
            Some(("incident_post_mortem", _)) => self.mapper.review(data, issued_at, memory),
            Some(("incident", "deleted" | "scheduled.deleted")) => deleted(EntityKind::Incident, "incident"),
            Some(("incident", _)) => self.mapper.incident(data, issued_at, memory),
            _ => Ok(Findings::ignored(format!("event type {}", shorten(kind)))),
        }?;
        // Two events can have the same `updated_at`; the number sent to Jira must still grow with each.
        for observation in &mut found.observations {
            observation.sequence = observation.sequence.max(issued_at.timestamp_millis());
        }
        Ok(found)
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
