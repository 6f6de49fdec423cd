//! Netflix Dispatch, self-hosted: its API, and incidents that somebody pushes as the API shows them.
//!
//! Source of the facts: Dispatch's own code, archived since September 2025. It has no outgoing webhooks and no API
//! keys, and its answers do not tell when an incident changed: what is told counts from when it was told. Must not
//! decide anything about Jira.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::findings::{component, describe, get_id, hidden_key, hide, workspace};
use super::http::{Api, Query};
use super::rounds::Round;
use super::shared_secret::SharedSecret;
use super::value::{Fields, find_web_url};
use super::{
    BuildContext, BuildError, Catalogue, Findings, Gives, InboundWebhook, Kind, Memory, Page, PollError,
    PollRequest, Poller, Rejection, Source, Unmappable, VerifiedWebhook, options,
};
use crate::config::SourceConfig;
use crate::domain::{
    Entity, EntityKind, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity,
    Timestamp, Words, Workspace, format_timestamp,
};

pub(super) const KIND: Kind = Kind {
    name: "dispatch",
    build,
    option_names: &["include_restricted"],
    gives: &[Gives::Webhooks, Gives::Polling, Gives::Reviews],
    page: include_str!("../../docs/sources/dispatch.md"),
};

const HOME: &str = "https://netflix.github.io/dispatch/";
const LIMIT: usize = 100;
/// How far a run reads back behind the start of the last one: clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

#[derive(Deserialize)]
struct Options {
    /// Shows incidents whose visibility is `Restricted`.
    #[serde(default)]
    include_restricted: bool,
}

struct Dispatch {
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<DispatchPoller>,
}

struct DispatchPoller {
    api: Api,
    mapper: Arc<Mapper>,
}

struct Mapper {
    config: SourceConfig,
    include_restricted: bool,
    home: String,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let home = config.api_url.as_ref().map_or_else(|| HOME.to_owned(), find_home);
    let mapper =
        Arc::new(Mapper { include_restricted: options.include_restricted, home, config: config.clone() });
    if config.api_token.is_some() && config.api_url.is_none() {
        let why = "`api_token` needs `api_url`, such as https://dispatch.example.com/api/v1/<organization>";
        return Err(options::refuse(&config, why));
    }
    let fix = "set `api_token` to a token of a user that sees all projects; Dispatch's tokens expire";
    let api = Api::bearer(&config, http, HOME, "Dispatch", fix)?;
    let poller = api.map(|api| DispatchPoller { api, mapper: Arc::clone(&mapper) });
    Ok(Arc::new(Dispatch { secret: SharedSecret::new(&config), mapper, poller }))
}

/// The organization's pages: the API's address without `/api/v1`.
fn find_home(api: &Url) -> String {
    let organization = api.path().trim_matches('/').rsplit('/').next().unwrap_or_default();
    let mut home = api.clone();
    home.set_path(organization);
    home.as_str().trim_end_matches('/').to_owned()
}

impl Source for Dispatch {
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.mapper.config, webhook, None)
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let id = webhook.json::<Value>().ok().and_then(|body| body.find_id("/id"));
        id.map(|id| hidden_key(&id)).into_iter().collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        self.mapper.incident(&webhook.json()?, webhook.received_at, memory)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        self.mapper.home.clone()
    }
}

impl Mapper {
    /// One incident with its review, as it was told at `at`.
    fn incident(&self, data: &Value, at: Timestamp, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let provider_id = get_id(data, "/id", "incident")?;
        if data.text("/visibility") == "Restricted" && !self.include_restricted {
            let mut found = hide(memory, &provider_id, at);
            let review = data.find_id("/incident_review_document/id").filter(|_| found.ignored.is_none());
            let gone = review.map(|id| Observation::deleted(EntityKind::Review, review_id(&id), at));
            found.observations.extend(gone);
            return Ok(found);
        }
        memory.forget(&hidden_key(&provider_id));
        let dates = ["/created_at", "/reported_at", "/stable_at", "/closed_at"];
        let updated_at = dates.into_iter().filter_map(|date| data.find_time(date)).max().unwrap_or(at);
        let (status, priority) = (data.text("/status"), data.text("/incident_priority/name"));
        let tags =
            data.items("/tags").iter().filter_map(|tag| Some((tag.find_id("/id")?, tag.text("/name"))));
        let mentioned = tags.map(|(id, name)| component(&format!("tag:{id}"), name, &self.home, updated_at));
        let mentioned = mentioned.collect::<Vec<_>>();
        let incident = Incident {
            summary: data.text("/title").to_owned(),
            description: describe(
                data.text("/description"),
                &[
                    ("Incident", data.find_text("/name")),
                    ("Status", data.find_text("/status")),
                    ("Type", data.find_text("/incident_type/name")),
                    ("Commander", data.find_text("/commander/individual/name")),
                    ("Resolution", data.find_text("/resolution")),
                ],
            ),
            url: data
                .find_text("/name")
                .map_or_else(|| self.home.clone(), |name| format!("{}/incidents/{name}", self.home)),
            status: self.status(status),
            severity: self.severity(priority),
            words: Words::told(status, priority),
            created_at: data.find_time("/created_at").unwrap_or(updated_at),
            updated_at,
            components: mentioned.iter().map(|component| component.provider_id.clone()).collect(),
            workspaces: data.find_id("/project/id").into_iter().collect(),
            associations: Vec::new(),
            provider_id,
        };
        let review = review(&data["incident_review_document"], &incident);
        let incident = Observation::present(Entity::Incident(incident), at);
        let review = review.map(|review| Observation::present(Entity::Review(review), at));
        Ok(Findings {
            observations: [incident].into_iter().chain(review).collect(),
            mentioned,
            workspaces: self.project(&data["project"]).into_iter().collect(),
            ..Findings::default()
        })
    }

    fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "Active" | "Stable" => IncidentStatus::Open,
            "Closed" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, priority: &str) -> Severity {
        let usual = || match priority {
            "High" => Some(Severity::P2),
            "Medium" => Some(Severity::P3),
            "Low" => Some(Severity::P4),
            "Optional" => Some(Severity::P5),
            _ => Severity::find_by_name(priority),
        };
        self.config.find_severity(priority).or_else(usual).unwrap_or(Severity::Unknown)
    }

    fn project(&self, data: &Value) -> Option<Workspace> {
        let id = data.find_id("/id")?;
        let name = data.find_text("/display_name").or_else(|| data.find_text("/name"));
        Some(workspace(&id, name.unwrap_or(&id), &self.home))
    }
}

fn review_id(document: &str) -> String {
    format!("review:{document}")
}

/// The document that Dispatch makes for an incident's review; it is as far as the incident is.
fn review(document: &Value, incident: &Incident) -> Option<PostIncidentReview> {
    let is_over = incident.status == IncidentStatus::Resolved;
    Some(PostIncidentReview {
        provider_id: review_id(&document.find_id("/id")?),
        incidents: vec![incident.provider_id.clone()],
        summary: incident.summary.clone(),
        description: document.find_text("/name").unwrap_or(&incident.summary).to_owned(),
        url: find_web_url(document.text("/weblink")).unwrap_or(&incident.url).to_owned(),
        status: if is_over { ReviewStatus::Completed } else { ReviewStatus::InProgress },
        created_at: incident.created_at,
        updated_at: incident.updated_at,
        workspaces: incident.workspaces.clone(),
        associations: Vec::new(),
    })
}

#[async_trait]
impl Poller for DispatchPoller {
    /// Newest changes first: what changes while it is read moves to the front, and is read by the next run.
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let round = Round::resume(cursor, backfill_from, now)?;
        let number = round.page.as_deref().and_then(|page| page.parse::<usize>().ok()).unwrap_or(1);
        let since = format_timestamp(round.since - OVERLAP);
        let filter = json!([{ "model": "Incident", "field": "updated_at", "op": ">=", "value": since.trim_end_matches('Z') }]);
        let query: Query = vec![
            ("page", number.to_string()),
            ("itemsPerPage", LIMIT.to_string()),
            ("sortBy[]", "updated_at".to_owned()),
            ("descending[]", "true".to_owned()),
            ("filter", filter.to_string()),
        ];
        let answer = self.api.get_list("incidents", "/items", &query, now).await?;
        let entries = answer.items("/items");
        let found = entries.iter().map(|data| Findings::of_entry(self.mapper.incident(data, now, memory)));
        let findings = Findings::merge(found.collect::<Vec<_>>());
        let total = answer["total"].as_u64();
        let read = u64::try_from(number * LIMIT).unwrap_or(u64::MAX);
        let more = !entries.is_empty() && total.is_some_and(|total| read < total);
        let next = more.then(|| (number + 1).to_string());
        Ok(Page { total, ..round.turn(findings, next, 1) })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let query = vec![("itemsPerPage", "-1".to_owned())];
        let projects = self.api.get_list("projects", "/items", &query, now).await?;
        let workspaces = projects.items("/items").iter().filter_map(|data| self.mapper.project(data));
        Ok(Catalogue { workspaces: workspaces.collect(), components: Vec::new() })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("incidents/{provider_id}");
        let Some(answer) = self.api.find(&path, &Query::new(), &[404], now).await? else {
            return Ok(Some(Findings::gone(provider_id, now)));
        };
        Ok(self.mapper.incident(&answer, now, &mut Memory::default()).ok())
    }
}
