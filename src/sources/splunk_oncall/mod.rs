//! Splunk On-Call (formerly VictorOps): outgoing webhooks with our template, escalation webhooks, and the
//! public API.
//!
//! Sources of the facts: Splunk's documentation of both kinds of webhooks and its API specification; the
//! template is ours (docs/sources/splunk_oncall.md). Must not decide anything about Jira.

mod poll;

use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use self::poll::SplunkPoller;
use super::findings::{component, describe};
use super::shared_secret::SharedSecret;
use super::signature::{Algorithm, Encoding, HmacScheme};
use super::value::{Fields, parse_millis};
use super::{
    BuildContext, BuildError, Findings, Gives, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook, options,
};
use crate::config::SourceConfig;
use crate::domain::{Entity, Incident, IncidentStatus, Observation, Severity, Timestamp, Words};

pub(super) const KIND: Kind = Kind {
    name: "splunk_oncall",
    build,
    option_names: &["org", "escalation_url", "history", "webhook_header", "accept_path_token"],
    gives: &[Gives::Webhooks, Gives::Polling],
    page: include_str!("../../../docs/sources/splunk_oncall.md"),
};

const HOME: &str = "https://portal.victorops.com";
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

/// Turns what Splunk On-Call tells into domain values, as one source's configuration wants it.
struct Mapper {
    config: SourceConfig,
    org: Option<String>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let Options { org, escalation_url, history, webhook_header, accept_path_token } =
        options::parse(&config)?;
    options::check_secrets(&config)?;
    if escalation_url.is_some() && config.webhook_secrets.is_empty() {
        return Err(options::refuse(&config, "`escalation_url` needs the auth code in `webhook_secrets`"));
    }
    let mapper = Arc::new(Mapper { config: config.clone(), org });
    let poller = SplunkPoller::find(&config, http, history, &mapper)?;
    let secret = SharedSecret::new(&config).with_header(webhook_header).with_path(accept_path_token);
    Ok(Arc::new(SplunkOnCall { secret, escalation_url, mapper, poller }))
}

impl Source for SplunkOnCall {
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

/// The body in the terms of our template, whichever of the two kinds of webhooks it came by.
fn read_body(webhook: &VerifiedWebhook) -> Result<Value, Unmappable> {
    if !webhook.headers.get("content-type").is_some_and(|kind| kind.starts_with(FORM)) {
        return webhook.json();
    }
    // All values but the first few arrive in double quotes.
    let fields = form_urlencoded::parse(&webhook.body)
        .map(|(name, value)| (name.into_owned(), Value::from(value.trim_matches('"'))))
        .collect::<Map<_, _>>();
    let Some(incident) = fields.get("incident") else { return Ok(Value::Object(fields)) };
    let (incident, state) = (incident.clone(), fields.get("entity_state").cloned());
    let (start, time) = (fields.get("state_start_time").cloned(), fields.get("timestamp").cloned());
    let (org, tool) = (fields.get("vo_organization_id").cloned(), fields.get("monitoring_tool").cloned());
    let mut body = Value::Object(fields);
    for (name, value) in [
        ("incident_id", Some(incident)),
        // A step of an escalation policy is taken only while nobody has acknowledged.
        ("phase", Some(json!("UNACKED"))),
        ("state", state),
        ("incident_ts", start),
        ("last_ts", time),
        ("org", org),
        ("monitor", tool),
    ] {
        body[name] = value.unwrap_or_default();
    }
    Ok(body)
}

/// A value of the template; a variable without a value stays as it was written.
fn find(body: &Value, name: &str) -> Option<String> {
    body.find_id(&format!("/{name}")).filter(|text| !text.starts_with("${{"))
}

/// The key of [`Memory`] with the last severity of an incident: its recovery tells none.
fn severity_key(incident: &str) -> String {
    format!("severity/{incident}")
}

impl Mapper {
    /// One incident as our template tells it.
    fn read_webhook(&self, id: String, body: &Value, now: Timestamp, memory: &mut Memory) -> Findings {
        let date = |name: &str| find(body, name).and_then(|text| parse_millis(&text));
        let at = date("last_ts").unwrap_or(now);
        let text = |name: &str| find(body, name).unwrap_or_default();
        let names = ["entity_display_name", "entity_id", "state_message"];
        let title = names.into_iter().find_map(|name| find(body, name));
        let title = title.unwrap_or_else(|| format!("Incident {id}"));
        let incident = Incident {
            description: describe(
                &find(body, "state_message").unwrap_or_else(|| title.clone()),
                &[
                    ("Entity", find(body, "entity_id").as_deref()),
                    ("State", find(body, "state").as_deref()),
                    ("Service", find(body, "service").as_deref()),
                    ("Host", find(body, "host").as_deref()),
                    ("Monitor", find(body, "monitor").as_deref()),
                ],
            ),
            summary: title,
            url: self.url(&id, find(body, "org").as_deref()),
            status: self.status(&text("phase")),
            severity: self.severity(memory, &id, &text("state")),
            words: words(&text("phase"), &text("state")),
            created_at: date("incident_ts").unwrap_or(at),
            updated_at: at,
            components: find(body, "routing_key").into_iter().collect(),
            workspaces: Vec::new(),
            associations: Vec::new(),
            provider_id: id,
        };
        findings(incident, at)
    }

    /// One incident of the API.
    fn read_incident(&self, data: &Value, now: Timestamp, memory: &mut Memory) -> Findings {
        let Some(id) = data.find_id("/incidentNumber") else { return Findings::default() };
        let changes = data.items("/transitions").iter().filter_map(|change| change.find_time("/at"));
        let created = data.find_time("/startTime");
        let at = changes.chain(data.find_time("/lastAlertTime")).chain(created).max().unwrap_or(now);
        let title = data.find_text("/entityDisplayName").or_else(|| data.find_text("/entityId"));
        let title = title.map_or_else(|| format!("Incident {id}"), str::to_owned);
        let teams = data.items("/pagedTeams").iter().filter_map(|team| team.find_id(""));
        let incident = Incident {
            description: describe(
                &title,
                &[
                    ("Entity", data.find_text("/entityId")),
                    ("State", data.find_text("/entityState")),
                    ("Service", data.find_text("/service")),
                    ("Host", data.find_text("/host")),
                ],
            ),
            summary: title,
            url: self.url(&id, None),
            status: self.status(data.text("/currentPhase")),
            severity: self.severity(memory, &id, data.text("/entityState")),
            words: words(data.text("/currentPhase"), data.text("/entityState")),
            created_at: created.unwrap_or(at),
            updated_at: at,
            components: data.find_id("/routingKey").into_iter().collect(),
            workspaces: teams.collect(),
            associations: Vec::new(),
            provider_id: id,
        };
        findings(incident, at)
    }

    fn url(&self, incident: &str, org: Option<&str>) -> String {
        match self.org.as_deref().or(org) {
            Some(org) => format!("{HOME}/ui/{org}/incident/{incident}/details"),
            None => HOME.to_owned(),
        }
    }

    fn status(&self, phase: &str) -> IncidentStatus {
        self.config.find_status(phase).unwrap_or(match phase.to_lowercase().as_str() {
            "triggered" | "acknowledged" | "unacked" | "acked" => IncidentStatus::Open,
            "resolved" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    /// The severity of a state; a recovery keeps the last one.
    fn severity(&self, memory: &mut Memory, incident: &str, state: &str) -> Severity {
        let key = severity_key(incident);
        let told = self.config.find_severity(state).or(match state.to_lowercase().as_str() {
            "critical" => Some(Severity::P1),
            "warning" => Some(Severity::P3),
            "info" => Some(Severity::P5),
            _ => None,
        });
        let known = memory.get(&key);
        let Some(told) = told else {
            return known.and_then(Severity::find_by_name).unwrap_or(Severity::Unknown);
        };
        if known != Some(told.as_str()) {
            memory.set(key, told.as_str());
        }
        told
    }
}

/// A recovery is a state without a severity.
fn words(phase: &str, state: &str) -> Words {
    let recovers = ["ok", "recovery", "acknowledgement"].iter().any(|word| state.eq_ignore_ascii_case(word));
    Words::told(phase, if recovers { "" } else { state })
}

fn findings(incident: Incident, at: Timestamp) -> Findings {
    let mentioned = incident.components.iter().map(|key| component(key, key, HOME, at)).collect();
    let observations = vec![Observation::present(Entity::Incident(incident), at)];
    Findings { observations, mentioned, ..Findings::default() }
}
