//! Any tool that can post JSON: Standard Webhooks, CloudEvents or plain JSON, with the operator's mapping.
//!
//! This file joins the parts: `auth` decides who may post, `envelope` finds the events in a request, and
//! `mapping` picks an incident out of each. Must not know any tool.

mod auth;
mod envelope;
mod expression;
mod mapping;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::auth::Auth;
use self::envelope::Event;
use self::expression::Documents;
use self::mapping::Mapping;
use crate::config::SourceConfig;
use crate::domain::{Component, Entity, Observation, Timestamp};
use crate::sources::kit::options;
use crate::sources::kit::signature::HmacScheme;
use crate::sources::kit::standard_webhooks;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, Headers, InboundWebhook, Kind, Memory, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "generic",
    build,
    option_names: &[
        "signature",
        "webhook_header",
        "accept_path_token",
        "mapping",
        "mapping_sample",
        "event_types",
        "allowed_origins",
    ],
    capabilities: &[Capability::Webhooks],
    page: include_str!("../../../docs/sources/generic.md"),
};

#[derive(Deserialize)]
struct Options {
    /// How the sender signs; without it `webhook_secrets` are Standard Webhooks keys.
    signature: Option<HmacScheme>,
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    /// Accepts `webhook_token` as the last part of the address, where it may end up in access logs.
    #[serde(default)]
    accept_path_token: bool,
    #[serde(default)]
    mapping: Map<String, Value>,
    /// An example body, as a table or as JSON text: the mapping is tried on it at the start.
    mapping_sample: Option<Value>,
    /// Event types to take, exact or with a final `*`; empty takes all.
    #[serde(default)]
    event_types: Vec<String>,
    /// Origins whose `OPTIONS` handshake is answered (CloudEvents web hook).
    #[serde(default)]
    allowed_origins: Vec<String>,
}

struct Generic {
    auth: Auth,
    mapping: Mapping,
    event_types: Vec<String>,
    allowed_origins: Vec<String>,
    home: String,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let config = context.config;
    let options: Options = options::parse(&config)?;
    let source = Generic {
        mapping: Mapping::build(&config, &options.mapping)?,
        auth: Auth::build(&config, options.signature, options.webhook_header, options.accept_path_token)?,
        event_types: options.event_types,
        allowed_origins: options.allowed_origins,
        home: home_url(&config),
    };
    if let Some(sample) = options.mapping_sample {
        source.try_sample(sample).map_err(|why| options::refuse(&format!("`mapping_sample`: {why}")))?;
    }
    Ok(Arc::new(source))
}

fn home_url(config: &SourceConfig) -> String {
    config.workspace_url.as_ref().map_or("https://www.standardwebhooks.com/", |url| url.as_str()).to_owned()
}

impl Source for Generic {
    fn challenges(&self) -> Vec<String> {
        self.auth.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let verified_by = self.auth.verify(&webhook)?;
        envelope::check_format(&webhook.headers)?;
        let mut verified = VerifiedWebhook::new(webhook, None, verified_by);
        let cloud_event = envelope::read(&verified).ok();
        verified.delivery_id = cloud_event
            .and_then(|events| {
                Some(events.iter().map(Event::delivery_id).collect::<Option<Vec<_>>>()?.join("\n"))
            })
            .filter(|id| !id.is_empty())
            .or_else(|| standard_webhooks::find_id(&verified.headers).map(str::to_owned));
        verified.headers = self.auth.without_token(&verified.headers);
        Ok(verified)
    }

    fn keeps_header(&self, name: &str) -> bool {
        envelope::is_attribute(name)
            || standard_webhooks::ID_HEADERS.contains(&name)
            || self.mapping.reads(name)
    }

    fn parse(&self, webhook: &VerifiedWebhook, _memory: &mut Memory) -> Result<Findings, Unmappable> {
        let headers = self.auth.without_credentials(&webhook.headers);
        let events = envelope::read(webhook)?;
        let mut all = Findings::default();
        let wanted = events.iter().filter(|event| self.wants(event)).collect::<Vec<_>>();
        for event in &wanted {
            self.take_in(event, &headers, webhook.received_at, &mut all)?;
        }
        if wanted.is_empty() {
            let kind = events.first().and_then(Event::kind).unwrap_or("none");
            all.ignored = Some(format!("event type {}", kind.chars().take(80).collect::<String>()));
        }
        Ok(all)
    }

    fn handshake(&self, request: &Headers) -> Option<Vec<(&'static str, String)>> {
        let origin = request.get("webhook-request-origin")?;
        let known = self.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
        known.then(|| {
            let rate = request.get("webhook-request-rate").filter(|rate| rate.parse::<u32>().is_ok());
            vec![
                ("WebHook-Allowed-Origin", origin.to_owned()),
                ("WebHook-Allowed-Rate", rate.unwrap_or("*").to_owned()),
                ("Allow", "POST".to_owned()),
            ]
        })
    }

    fn home_url(&self) -> String {
        self.home.clone()
    }
}

impl Generic {
    fn wants(&self, event: &Event) -> bool {
        let kind = event.kind().unwrap_or_default();
        self.event_types.is_empty()
            || self.event_types.iter().any(|wanted| match wanted.strip_suffix('*') {
                Some(start) => kind.starts_with(start),
                None => kind == wanted,
            })
    }

    fn take_in(
        &self,
        event: &Event,
        headers: &Value,
        now: Timestamp,
        all: &mut Findings,
    ) -> Result<(), Unmappable> {
        let documents = Documents { body: &event.data, headers, ce: &event.attributes };
        let mapped = self.mapping.apply(&documents, event.time(), now)?;
        let component = |(provider_id, name): (&String, &String)| Component {
            provider_id: provider_id.clone(),
            name: name.clone(),
            description: String::new(),
            url: self.home.clone(),
            avatar_url: None,
            tier: None,
            component_type: None,
            updated_at: mapped.incident.updated_at,
            workspaces: mapped.incident.workspaces.clone(),
        };
        all.mentioned.extend(mapped.component_names.iter().map(component));
        let mut observation =
            Observation::present(Entity::Incident(mapped.incident.clone()), mapped.incident.updated_at);
        observation.sequence = mapped.sequence.unwrap_or(observation.sequence);
        all.observations.push(observation);
        Ok(())
    }

    fn try_sample(&self, sample: Value) -> Result<(), String> {
        let body = match sample {
            Value::String(text) => serde_json::from_str(&text).map_err(|_| "is not JSON".to_owned())?,
            table => table,
        };
        let (headers, ce) = (Value::Object(Map::new()), Value::Object(Map::new()));
        let documents = Documents { body: &body, headers: &headers, ce: &ce };
        // The sample's own time is unknown, and does not matter for whether the mapping works.
        self.mapping
            .apply(&documents, None, Timestamp::default())
            .map(|_| ())
            .map_err(|fault| fault.to_string())
    }
}

#[cfg(test)]
mod tests;
