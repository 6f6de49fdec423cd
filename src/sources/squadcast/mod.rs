//! Squadcast (SolarWinds Incident Response): version 2 webhooks, and the exports of API v3.
//!
//! Sources of the facts: Squadcast's developer pages and its published API description. There is no list
//! of incidents, only an export of those that began within a time, for one team; its answer is not described,
//! so it is read leniently. Must not decide anything about Jira.

mod poll;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use self::poll::SquadcastPoller;
use super::findings::{component, describe, get_id, workspace};
use super::shared_secret::SharedSecret;
use super::value::{Fields, find_web_url};
use super::{
    BuildContext, BuildError, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source, Unmappable,
    VerifiedWebhook, options,
};
use crate::config::SourceConfig;
use crate::domain::{
    Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity, Timestamp,
};

pub(super) const KIND: Kind = Kind {
    name: "squadcast",
    build,
    option_names: &["region", "auth_url", "severity_tag", "webhook_header", "accept_path_token"],
};

const HOME: &str = "https://app.squadcast.com";

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Region {
    #[default]
    Us,
    Eu,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    region: Region,
    /// Where access tokens are had; with `api_url` alone, they are asked for there.
    auth_url: Option<url::Url>,
    /// The tag whose value names the severity of an incident without a priority.
    #[serde(default = "default_tag")]
    severity_tag: String,
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    #[serde(default)]
    accept_path_token: bool,
}

fn default_tag() -> String {
    "severity".to_owned()
}

struct Squadcast {
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<SquadcastPoller>,
}

/// Turns Squadcast's JSON into domain values, as one source's configuration wants it.
struct Mapper {
    config: SourceConfig,
    severity_tag: String,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let mapper = Arc::new(Mapper { config: config.clone(), severity_tag: options.severity_tag });
    let poller = SquadcastPoller::find(&config, http, options.region, options.auth_url, &mapper)?;
    let secret =
        SharedSecret::new(&config).with_header(options.webhook_header).with_path(options.accept_path_token);
    Ok(Arc::new(Squadcast { secret, mapper, poller }))
}

impl Source for Squadcast {
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let mut verified = self.secret.admit(&self.mapper.config, webhook, None)?;
        verified.delivery_id = verified.json::<Value>().ok().and_then(|body| body.find_id("/event/id"));
        Ok(verified)
    }

    fn inspect(&self, webhook: &VerifiedWebhook) -> Result<(), Unmappable> {
        self.parse(webhook, &mut Memory::default()).map(|_| ())
    }

    fn parse(&self, webhook: &VerifiedWebhook, _memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body: Value = webhook.json()?;
        if !body["event"].is_object() {
            let why = "the body has no `event`: choose version v2 for the webhook";
            return Err(Unmappable::Malformed(why.to_owned()));
        }
        // Notes, tags, tasks and the like are resources of their own, some with half an incident in them.
        if body.text("/event/resource") != "incident" {
            return Ok(Findings::ignored("an event that does not change an incident"));
        }
        let at = body.find_time("/event/timestamp").unwrap_or(webhook.received_at);
        self.mapper.incident(&body["data"]["resource_data"], &body["data"]["team"], at)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

impl Mapper {
    /// One incident as it was told at `at`; `team` owns it where it does not say itself.
    fn incident(&self, data: &Value, team: &Value, at: Timestamp) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/id", "incident")?;
        let owner = if data["owner"]["id"].is_string() { &data["owner"] } else { team };
        let team = owner.find_id("/id");
        let service = data.find_id("/service/id").or_else(|| data.find_id("/service_id"));
        let own = find_web_url(data.text("/url")).map(str::to_owned);
        let summary = data.find_text("/message").or_else(|| data.find_text("/title")).unwrap_or_default();
        let incident = Incident {
            summary: summary.to_owned(),
            description: describe(
                data.find_text("/description").unwrap_or(summary),
                &[
                    ("Status", data.find_text("/status")),
                    ("Priority", data.find_text("/priority")),
                    ("Assigned to", data.find_text("/assigned_to/name")),
                    ("Alert source", data.find_text("/alert_source/type")),
                ],
            ),
            url: own.unwrap_or_else(|| format!("{HOME}/incident/{provider_id}")),
            status: self.status(data.text("/status")),
            severity: self.severity(data),
            created_at: data.find_time("/created_at").unwrap_or(at),
            updated_at: at,
            components: service.clone().into_iter().collect(),
            workspaces: team.clone().into_iter().collect(),
            associations: Vec::new(),
            provider_id,
        };
        let name = |data: &Value, id: &str| data.find_text("/name").unwrap_or(id).to_owned();
        Ok(Findings {
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            mentioned: service
                .map(|id| component(&id, &name(&data["service"], &id), HOME, at))
                .into_iter()
                .collect(),
            workspaces: team.map(|id| workspace(&id, &name(owner, &id), HOME)).into_iter().collect(),
            ..Findings::default()
        })
    }

    fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "triggered" | "acknowledged" => IncidentStatus::Open,
            "resolved" | "suppressed" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, data: &Value) -> Severity {
        let tag = data["tags"][&self.severity_tag].find_text("/value");
        let words = [data.find_text("/priority").filter(|word| *word != "UNSET"), tag];
        let find = |word| self.config.find_severity(word).or_else(|| Severity::find_by_name(word));
        words.into_iter().flatten().find_map(find).unwrap_or(Severity::Unknown)
    }
}

/// A postmortem, which belongs to the team that was asked for.
fn review(data: &Value, team: &str, now: Timestamp) -> Option<Observation> {
    let incident = data.find_id("/incident_id")?;
    let created_at = data.find_time("/created_at").unwrap_or(now);
    let updated_at = data.find_time("/updated_at").unwrap_or(created_at);
    let follow_ups = data["active_follow_ups_count"].as_u64().unwrap_or_default();
    let review = PostIncidentReview {
        provider_id: data.find_id("/id")?,
        summary: data.text("/title").to_owned(),
        description: data.find_text("/postmortem").unwrap_or(data.text("/title")).to_owned(),
        url: format!("{HOME}/incident/{incident}"),
        status: match data.text("/status") {
            "in_progress" | "under_review" => ReviewStatus::InProgress,
            "published" if follow_ups > 0 => ReviewStatus::OutstandingActions,
            "published" => ReviewStatus::Completed,
            _ => ReviewStatus::Unknown,
        },
        created_at,
        updated_at,
        workspaces: vec![team.to_owned()],
        associations: Vec::new(),
        incidents: vec![incident],
    };
    Some(Observation::present(Entity::Review(review), updated_at))
}
