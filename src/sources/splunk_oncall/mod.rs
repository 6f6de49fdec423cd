//! Splunk On-Call (formerly VictorOps): outgoing webhooks with our template, escalation webhooks, and the
//! public API.
//!
//! Sources of the facts: Splunk's documentation of both kinds of webhooks and its API specification; the
//! template is ours (docs/sources/splunk_oncall.md). Must not decide anything about Jira.

mod payload;
mod poll;

use std::borrow::Cow;
use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use self::payload::{HOME, Mapper, find, severity_key};
use self::poll::SplunkPoller;
use crate::config::PageAddress;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::SharedSecret;
use crate::sources::kit::signature::{Algorithm, Encoding, HmacScheme};
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "splunk_oncall",
    build,
    option_names: &["org", "escalation_url", "history", "webhook_header", "accept_path_token"],
    capabilities: &[Capability::Webhooks, Capability::Polling],
    page: include_str!("../../../docs/sources/splunk_oncall.md"),
};

const SIGNATURE: &str = "x-victorops-signature";
const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Deserialize)]
struct Options {
    /// The organization's name in addresses of the portal.
    org: Option<String>,
    /// The address of the escalation webhook exactly as it is configured: it is part of what is signed.
    escalation_url: Option<String>,
    /// Whether the first run reads resolved incidents of the reporting API.
    #[serde(default = "yes")]
    history: bool,
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    #[serde(default)]
    accept_path_token: bool,
}

fn yes() -> bool {
    true
}

struct SplunkOnCall {
    secret: SharedSecret,
    escalation_url: Option<String>,
    mapper: Arc<Mapper>,
    poller: Option<SplunkPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let Options { org, escalation_url, history, webhook_header, accept_path_token } =
        options::parse(&config)?;
    if escalation_url.is_some() && config.webhook_secrets.is_empty() {
        return Err(options::refuse("`escalation_url` needs the auth code in `webhook_secrets`"));
    }
    let mapper = Arc::new(Mapper { config: config.clone(), org });
    let poller = SplunkPoller::find(&config, http, history, &mapper)?;
    let secret = SharedSecret::new(&config).with_header(webhook_header).with_path(accept_path_token);
    Ok(Arc::new(SplunkOnCall { secret, escalation_url, mapper, poller }))
}

impl Source for SplunkOnCall {
    fn challenges(&self) -> Vec<String> {
        let signature = self.escalation_url.iter().map(|_| SIGNATURE.to_owned());
        signature.chain(self.secret.challenges()).collect()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let config = &self.mapper.config;
        match &self.escalation_url {
            Some(url) if webhook.headers.get(SIGNATURE).is_some() || !self.secret.is_configured() => {
                let verified_by = verify_form(url, &config.webhook_secrets, &webhook)?;
                Ok(VerifiedWebhook::new(webhook, None, verified_by))
            }
            _ => self.secret.admit(config, webhook, None),
        }
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let id = read_body(webhook).ok().and_then(|body| find(&body, "incident_id"));
        id.map(|id| severity_key(&id)).into_iter().collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = read_body(webhook)?;
        if !body.is_object() || body.get("incident_id").is_none() {
            let why = "the body has no `incident_id`: use the template of docs/sources/splunk_oncall.md";
            return Err(Unmappable::Malformed(why.to_owned()));
        }
        let Some(id) = find(&body, "incident_id") else {
            return Ok(Findings::ignored("a notification that is not about an incident"));
        };
        Ok(self.mapper.read_webhook(id, &body, webhook.received_at, memory))
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn incident_page(&self) -> Option<PageAddress> {
        let org = self.mapper.org.as_deref()?;
        PageAddress::parse(&format!("{HOME}/ui/{org}/incident/{{incident}}/details")).ok()
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

/// An escalation webhook signs its address and then each field's name and value, in order of the names.
fn verify_form(url: &str, secrets: &[SecretString], webhook: &InboundWebhook) -> Result<String, Rejection> {
    let scheme = HmacScheme {
        algorithm: Algorithm::Sha1,
        encoding: Encoding::Base64,
        ..HmacScheme::sha256_hex(SIGNATURE, "")
    };
    let mut fields = form_urlencoded::parse(&webhook.body).collect::<Vec<_>>();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    let signed = fields.iter().fold(url.to_owned(), |text, (name, value)| text + name + value);
    scheme.verify(secrets, &InboundWebhook { body: signed.into_bytes(), ..webhook.clone() })
}

/// The body in the form of our template, for both kinds of webhooks.
fn read_body(webhook: &VerifiedWebhook) -> Result<Cow<'_, Value>, Unmappable> {
    if !webhook.headers.get("content-type").is_some_and(|kind| kind.starts_with(FORM)) {
        return webhook.json().map(Cow::Borrowed);
    }
    // All values but the first few arrive in double quotes.
    let mut fields = form_urlencoded::parse(webhook.body())
        .map(|(name, value)| (name.into_owned(), Value::from(value.trim_matches('"'))))
        .collect::<Map<_, _>>();
    let Some(incident) = fields.get("incident") else { return Ok(Cow::Owned(Value::Object(fields))) };
    let (incident, state) = (incident.clone(), fields.get("entity_state").cloned());
    let (start, time) = (fields.get("state_start_time").cloned(), fields.get("timestamp").cloned());
    let (org, tool) = (fields.get("vo_organization_id").cloned(), fields.get("monitoring_tool").cloned());
    for (name, value) in [
        ("incident_id", Some(incident)),
        // An escalation policy takes a step only while nobody has acknowledged.
        ("phase", Some(json!("UNACKED"))),
        ("state", state),
        ("incident_ts", start),
        ("last_ts", time),
        ("org", org),
        ("monitor", tool),
    ] {
        fields.insert(name.to_owned(), value.unwrap_or_default());
    }
    Ok(Cow::Owned(Value::Object(fields)))
}

#[cfg(test)]
mod tests;
