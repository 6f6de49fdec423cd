//! Zenduty: webhooks of a service's outgoing integration, and the incidents of its REST API.
//!
//! Sources of the facts: Zenduty's documentation and API description. Webhooks tell no time of change, and
//! the API filters only by the day of creation, so what is told counts from when it was told. How webhooks
//! are signed is not published: the scheme is the operator's to configure. Must not decide anything about
//! Jira.

mod poll;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use self::poll::ZendutyPoller;
use super::findings::{component, describe, get_id};
use super::open_incidents::priority_key;
use super::shared_secret::SharedSecret;
use super::signature::HmacScheme;
use super::value::Fields;
use super::{
    BuildContext, BuildError, Findings, Gives, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook, options,
};
use crate::config::SourceConfig;
use crate::domain::{
    Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity, Timestamp,
    Words,
};

pub(super) const KIND: Kind = Kind {
    name: "zenduty",
    build,
    option_names: &["signature", "incident_url", "webhook_header", "accept_path_token"],
    gives: &[Gives::Webhooks, Gives::Polling, Gives::Reviews],
    page: include_str!("../../../docs/sources/zenduty.md"),
};

const HOME: &str = "https://www.zenduty.com";

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

/// Turns Zenduty's JSON into domain values, as one source's configuration wants it.
struct Mapper {
    config: SourceConfig,
    incident_url: String,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let Options { signature, incident_url, webhook_header, accept_path_token } = options::parse(&config)?;
    options::check_secrets(&config)?;
    options::check_url_pattern(&config, "incident_url", &incident_url, "{number}")?;
    if let Some(fault) = signature.as_ref().and_then(HmacScheme::fault) {
        return Err(options::refuse(&config, &format!("`signature`: {fault}")));
    }
    let mapper = Arc::new(Mapper { config: config.clone(), incident_url });
    let poller = ZendutyPoller::find(&config, http, &mapper)?;
    let secret = SharedSecret::new(&config).with_header(webhook_header).with_path(accept_path_token);
    Ok(Arc::new(Zenduty { secret, signature, mapper, poller }))
}

impl Source for Zenduty {
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
        let id = webhook.json::<Value>().ok().and_then(|body| body.find_id("/payload/incident/unique_id"));
        id.map(|id| priority_key(&id)).into_iter().collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body: Value = webhook.json()?;
        if !body["payload"]["incident"].is_object() {
            let why = "the body has no `payload.incident`: use an Outgoing Webhook integration";
            return Err(Unmappable::Malformed(why.to_owned()));
        }
        let mut data = body["payload"]["incident"].clone();
        let known = data.find_id("/unique_id").and_then(|id| memory.get(&priority_key(&id)));
        if let Some(name) = known.filter(|_| data["team_priority_object"].is_null()) {
            data["team_priority_object"] = json!({ "name": name });
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

impl Mapper {
    /// One incident as it was told at `at`. Its own newest date is only the basis of a polled version: it goes
    /// back when the incident is reopened, and most changes have none.
    fn incident(&self, data: &Value, at: Timestamp) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/unique_id", "incident")?;
        let service = if data["service"].is_object() { &data["service"] } else { &data["service_object"] };
        let service_id = service.find_id("/unique_id");
        let team = service.find_id("/team").or_else(|| service.find_id("/team/unique_id"));
        let status = data.find_id("/status").unwrap_or_default();
        let priority = data.find_text("/team_priority_object/name");
        let number = data.find_id("/incident_number");
        let title = data.find_text("/title").unwrap_or_default();
        let updated_at = newest(data).unwrap_or(at);
        let incident = Incident {
            summary: title.to_owned(),
            description: describe(
                data.find_text("/summary").unwrap_or(title),
                &[
                    ("Number", number.as_deref()),
                    ("Priority", priority),
                    ("Assigned to", data.find_text("/assigned_to_name")),
                ],
            ),
            url: number
                .as_ref()
                .map_or_else(|| HOME.to_owned(), |n| self.incident_url.replace("{number}", n)),
            status: self.status(&status),
            severity: self.severity(priority, data["urgency"].as_i64()),
            words: Words::told(&status, priority.unwrap_or_default()),
            created_at: data.find_time("/creation_date").unwrap_or(updated_at),
            updated_at,
            components: service_id.iter().cloned().collect(),
            workspaces: team.iter().cloned().collect(),
            associations: Vec::new(),
            provider_id,
        };
        let mention = |id: String| {
            let mut component = component(&id, service.find_text("/name").unwrap_or(&id), HOME, updated_at);
            service.text("/description").clone_into(&mut component.description);
            component.workspaces = team.iter().cloned().collect();
            component
        };
        Ok(Findings {
            mentioned: service_id.map(mention).into_iter().collect(),
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            ..Findings::default()
        })
    }

    /// Zenduty's number counts more than the event's name: it is newer when deliveries overtake each other.
    fn status(&self, number: &str) -> IncidentStatus {
        let (word, usual) = match number {
            "1" => ("triggered", IncidentStatus::Open),
            "2" => ("acknowledged", IncidentStatus::Open),
            "3" => ("resolved", IncidentStatus::Resolved),
            _ => (number, IncidentStatus::Unknown),
        };
        self.config.find_status(word).unwrap_or(usual)
    }

    fn severity(&self, priority: Option<&str>, urgency: Option<i64>) -> Severity {
        let find = |word| self.config.find_severity(word).or_else(|| Severity::find_by_name(word));
        let usual = |urgency| match urgency {
            1 => self.config.find_severity("high").unwrap_or(Severity::P2),
            0 => self.config.find_severity("low").unwrap_or(Severity::P4),
            _ => Severity::Unknown,
        };
        priority.and_then(find).unwrap_or_else(|| urgency.map_or(Severity::Unknown, usual))
    }
}

/// The newest of the dates that an incident tells.
fn newest(data: &Value) -> Option<Timestamp> {
    let names = ["/creation_date", "/acknowledged_date", "/resolved_date"];
    names.into_iter().filter_map(|name| data.find_time(name)).max()
}

/// A postmortem of a team. Its status is free text.
fn review(data: &Value, team: &str, now: Timestamp) -> Option<Observation> {
    let at = data.find_time("/creation_date").unwrap_or(now);
    let title = data.text("/title");
    let incidents = data.items("/incidents").iter().filter_map(|entry| entry.find_id("/incident/unique_id"));
    let review = PostIncidentReview {
        provider_id: data.find_id("/unique_id")?,
        incidents: incidents.collect(),
        summary: title.to_owned(),
        description: describe(title, &[("Status", data.find_text("/status"))]),
        url: HOME.to_owned(),
        status: ReviewStatus::Unknown,
        created_at: at,
        updated_at: at,
        workspaces: vec![team.to_owned()],
        associations: Vec::new(),
    };
    Some(Observation::present(Entity::Review(review), at))
}
