//! Better Stack Uptime: incident webhooks with the default body, and the incidents of API v3.
//!
//! Sources of the facts: Better Stack's API documentation and its Terraform provider. Incidents carry no
//! severity and no time of change, so what is told counts from when it was told. Must not decide anything
//! about Jira.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::Value;

use super::findings::{component, describe, workspace};
use super::http::{Api, Paging, Query};
use super::open_incidents::{note_open, take_unseen};
use super::rounds::Round;
use super::shared_secret::SharedSecret;
use super::value::Fields;
use super::{
    BuildContext, BuildError, Catalogue, Findings, Gives, InboundWebhook, Kind, Memory, Page, PollError,
    PollRequest, Poller, Rejection, Source, Unmappable, VerifiedWebhook, options,
};
use crate::config::SourceConfig;
use crate::domain::{Component, Entity, Incident, IncidentStatus, Observation, Severity, Timestamp, Words};

pub(super) const KIND: Kind = Kind {
    name: "better_stack",
    build,
    option_names: &["webhook_header", "accept_path_token", "incident_url"],
    gives: &[Gives::Webhooks, Gives::Polling],
    page: include_str!("../../docs/sources/better_stack.md"),
};

const HOME: &str = "https://uptime.betterstack.com";
/// Most incidents of one page.
const LIMIT: usize = 50;
const INCIDENTS: &str = "api/v3/incidents";
/// Place of the open incidents among the two listings of a round; the other has those that are over.
const OPEN: usize = 0;
/// How far before the last round a later one reads what is over: late changes such as a new title.
const WINDOW: TimeDelta = TimeDelta::days(7);
/// What an incident can be about: the relation, and the listing of such things.
const KINDS: &[(&str, &str)] = &[("monitor", "api/v2/monitors"), ("heartbeat", "api/v2/heartbeats")];
/// The listings of monitors and heartbeats give this many by default and at most 250.
const LISTING: Paging = Paging::Pages { size: "per_page", limit: 250 };

#[derive(Deserialize)]
struct Options {
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    #[serde(default)]
    accept_path_token: bool,
    /// Address of an incident's page, with `{id}`: it has the team's number in it, which no answer tells.
    incident_url: Option<String>,
}

struct BetterStack {
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<BetterStackPoller>,
}

struct BetterStackPoller {
    api: Api,
    mapper: Arc<Mapper>,
}

struct Mapper {
    config: SourceConfig,
    incident_url: String,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    if let Some(pattern) = &options.incident_url {
        options::check_url_pattern(&config, "incident_url", pattern, "{id}")?;
    }
    let incident_url = options.incident_url.unwrap_or_else(|| HOME.to_owned());
    let mapper = Arc::new(Mapper { config: config.clone(), incident_url });
    let fix = "set `api_token` to an API token of the Uptime team (or a global one)";
    let api = Api::bearer(&config, http, HOME, "Better Stack", fix)?;
    let poller = api.map(|api| BetterStackPoller { api, mapper: Arc::clone(&mapper) });
    let secret =
        SharedSecret::new(&config).with_header(options.webhook_header).with_path(options.accept_path_token);
    Ok(Arc::new(BetterStack { secret, mapper, poller }))
}

impl Source for BetterStack {
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.secret.admit(&self.mapper.config, webhook, None)
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body: Value = webhook.json()?;
        let data = &body["data"];
        if data.text("/type") != "incident" {
            return if body.get("event").or_else(|| body.get("event_type")).is_some() {
                Ok(Findings::ignored("an event that is not about an incident of Uptime"))
            } else {
                let why = "the body has neither `event` nor `data`: use Better Stack's default body";
                Err(Unmappable::Malformed(why.to_owned()))
            };
        }
        let incident = self.mapper.incident(data, webhook.received_at);
        let found = incident.ok_or_else(|| Unmappable::Incomplete("the incident has no id".to_owned()))?;
        // A late delivery may open what is over: if the next poll does not list it, it is fetched.
        if self.poller.is_some() {
            note_open(memory, &found, webhook.received_at);
        }
        Ok(found)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

impl Mapper {
    /// One incident as it was told at `at`. Its own newest date is only the basis of its version: it goes
    /// back when the incident is reopened.
    fn incident(&self, data: &Value, at: Timestamp) -> Option<Findings> {
        let provider_id = data.find_id("/id")?;
        let attributes = &data["attributes"];
        let field = |name: &str| attributes.find_text(&format!("/{name}")).map(str::to_owned);
        let moment = |name: &str| attributes.find_time(&format!("/{name}"));
        let created_at = moment("started_at").unwrap_or(at);
        let dates = [Some(created_at), moment("acknowledged_at"), moment("resolved_at")];
        let updated_at = dates.into_iter().flatten().max().unwrap_or(at);
        let components = KINDS
            .iter()
            .filter_map(|(kind, _)| {
                data.find_id(&format!("/relationships/{kind}/data/id")).map(|id| (kind, id))
            })
            .map(|(kind, id)| format!("{kind}:{id}"))
            .collect::<Vec<_>>();
        let title = [field("name"), field("cause")].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let name = field("name");
        let team = field("team_name");
        let mention = |id: &str| {
            let mut component = component(id, name.as_deref().unwrap_or(id), HOME, updated_at);
            component.workspaces = team.iter().cloned().collect();
            component
        };
        let incident = Incident {
            url: self.incident_url.replace("{id}", &provider_id),
            description: describe(
                &title,
                &[
                    ("Address", field("url")),
                    ("Acknowledged by", field("acknowledged_by")),
                    ("Resolved by", field("resolved_by")),
                ],
            ),
            summary: title,
            status: self.status(attributes),
            severity: self.severity(&components, attributes),
            words: Words::told(attributes.text("/status"), ""),
            created_at,
            updated_at,
            workspaces: team.iter().cloned().collect(),
            associations: Vec::new(),
            components,
            provider_id,
        };
        let mentioned = incident.components.iter().map(|id| mention(id)).collect();
        let mut observation = Observation::present(Entity::Incident(incident), at);
        observation.sequence = updated_at.timestamp_millis();
        Some(Findings {
            observations: vec![observation],
            mentioned,
            workspaces: team.into_iter().map(|name| workspace(&name, &name, HOME)).collect(),
            ..Findings::default()
        })
    }

    /// Old bodies have no `status`: then the dates tell.
    fn status(&self, attributes: &Value) -> IncidentStatus {
        let word = attributes.text("/status");
        self.config.find_status(word).unwrap_or_else(|| match word.to_lowercase().as_str() {
            _ if attributes.find_time("/resolved_at").is_some() => IncidentStatus::Resolved,
            "resolved" => IncidentStatus::Resolved,
            "started" | "acknowledged" => IncidentStatus::Open,
            "" if attributes.find_time("/started_at").is_some() => IncidentStatus::Open,
            _ => IncidentStatus::Unknown,
        })
    }

    /// Better Stack has no severities: the operator's table names monitors, or an escalation policy.
    fn severity(&self, components: &[String], attributes: &Value) -> Severity {
        let policy = attributes.find_id("/escalation_policy_id").map(|id| format!("policy:{id}"));
        components
            .iter()
            .chain(&policy)
            .find_map(|word| self.config.find_severity(word))
            .unwrap_or(Severity::Unknown)
    }

    fn component(kind: &str, data: &Value, now: Timestamp) -> Option<Component> {
        let attributes = &data["attributes"];
        let name = attributes.find_text("/pronounceable_name").or_else(|| attributes.find_text("/name"));
        let at = attributes.find_time("/updated_at").unwrap_or(now);
        let id = format!("{kind}:{}", data.find_id("/id")?);
        let mut component = component(&id, name.unwrap_or(&id), HOME, at);
        attributes.text("/url").clone_into(&mut component.description);
        component.workspaces = attributes.find_text("/team_name").map(str::to_owned).into_iter().collect();
        Some(component)
    }
}

#[async_trait]
impl Poller for BetterStackPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let round = Round::resume(cursor, backfill_from, now)?;
        let number = round.page.clone().unwrap_or_else(|| "1".to_owned());
        let mut query: Query = vec![("per_page", LIMIT.to_string()), ("page", number.clone())];
        if round.listing == OPEN {
            query.push(("resolved", "false".to_owned()));
        } else {
            query.push(("resolved", "true".to_owned()));
            let since = round.since.checked_sub_signed(WINDOW).unwrap_or(round.since);
            query.push(("from", since.format("%Y-%m-%d").to_string()));
        }
        let answer = self.api.get(INCIDENTS, &query, now).await?;
        let incidents = self.api.items_of(&answer, "/data", INCIDENTS)?;
        let mut found = Findings::default();
        for incident in incidents.iter().filter_map(|data| self.mapper.incident(data, now)) {
            found.absorb(incident);
        }
        note_open(memory, &found, round.started());
        let goes_on = !incidents.is_empty() && answer.find_text("/pagination/next").is_some();
        let next = number.parse::<usize>().ok().filter(|_| goes_on).map(|number| (number + 1).to_string());
        if round.listing != OPEN && next.is_none() {
            found.refetch = take_unseen(memory, round.started());
        }
        Ok(round.turn(found, next, 2))
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let mut catalogue = Catalogue::default();
        for (kind, path) in KINDS {
            let listed = self.api.list(path, "/data", LISTING, now).await?;
            catalogue.components.extend(listed.iter().filter_map(|data| Mapper::component(kind, data, now)));
        }
        let teams = catalogue.components.iter().flat_map(|component| &component.workspaces);
        let teams = teams.collect::<std::collections::BTreeSet<_>>();
        catalogue.workspaces = teams.into_iter().map(|name| workspace(name, name, HOME)).collect();
        Ok(catalogue)
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("{INCIDENTS}/{provider_id}");
        let Some(answer) = self.api.find(&path, &Query::new(), &[404], now).await? else {
            return Ok(Some(Findings::gone(provider_id, now)));
        };
        Ok(self.mapper.incident(&answer["data"], now))
    }
}
