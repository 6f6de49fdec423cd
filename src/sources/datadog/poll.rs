//! Reads Datadog's incidents: all that are open, and the recent ones that are over, newest first.
//!
//! The search has no filter and no order by change. The store compares `modified`, so what did not change
//! costs nothing more; an incident that is no longer listed as open is fetched by its id.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::payload::{Mapper, OPEN, RESOLVED, is_hidden, text};
use crate::config::SourceConfig;
use crate::domain::{Entity, IncidentStatus, Observation, State, Timestamp};
use crate::sources::kit::api::{Api, Query, base_url};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::ListingCursor;
use crate::sources::kit::open_incidents::{note_open, take_unseen};
use crate::sources::kit::options;
use crate::sources::kit::pages::Paging;
use crate::sources::kit::parts::{component, workspace};
use crate::sources::{BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller};

/// Entries of one page; more are not documented.
const LIMIT: usize = 100;
/// Place of the open incidents among the two listings of a run; the other has those that are over.
const OPEN_LISTING: usize = 0;
/// How far before the last run a later one reads what is over: late changes such as a new title.
const WINDOW: TimeDelta = TimeDelta::days(7);
const SEARCH: &str = "api/v2/incidents/search";

pub(super) struct DatadogPoller {
    api: Api,
    mapper: Arc<Mapper>,
}

impl DatadogPoller {
    /// The poller, if the configuration has the keys for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        site: &str,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        let Some(token) = &config.api_token else { return Ok(None) };
        let (key, application) = options::split_token(config, token, "`<API key>:<application key>`")?;
        let fix = "set `api_token` to an API key and an application key with the scopes incident_read, \
                   apm_service_catalog_read and teams_read, as `<API key>:<application key>`, and `site` to the account's site";
        let base = base_url(config, &format!("https://api.{site}"))?;
        let api = Api::new(http, base, "Datadog", fix)
            .with_field("dd-api-key", key.expose_secret())?
            .with_field("dd-application-key", application.expose_secret())?;
        Ok(Some(Self { api, mapper: Arc::clone(mapper) }))
    }

    /// The search of one listing: Datadog's own states, and those that `[sources.status]` names.
    fn query(&self, is_open: bool, offset: usize) -> Query {
        let usual = if is_open { OPEN } else { RESOLVED };
        let own = &self.mapper.config.status;
        let named = own.iter().filter(|(_, status)| (**status == IncidentStatus::Resolved) != is_open);
        let usual = usual.iter().copied().filter(|word| self.mapper.config.find_status(word).is_none());
        let states = usual.chain(named.map(|(word, _)| word.as_str())).map(quote).collect::<Vec<_>>();
        vec![
            ("query", format!("state:({})", states.join(" OR "))),
            ("sort", "-created".to_owned()),
            ("page[size]", LIMIT.to_string()),
            ("page[offset]", offset.to_string()),
        ]
    }
}

#[async_trait]
impl Poller for DatadogPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        let is_open = cursor.listing == OPEN_LISTING;
        let offset = cursor.page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(0);
        let answer = self.api.get(SEARCH, &self.query(is_open, offset), now).await?;
        let incidents = self.api.items_of(&answer, "/data/attributes/incidents", SEARCH)?;
        let mut found = Findings::default();
        for incident in incidents.iter().map(|incident| incident.at("/data")) {
            found.absorb(self.mapper.read_incident(incident, now));
            found.absorb(refetch_for_reviews(incident, memory));
        }
        note_open(memory, &found, cursor.started());
        let since = cursor.since.checked_sub_signed(WINDOW).unwrap_or(cursor.since);
        let is_too_old = |incident: &Value| {
            incident.find_time("/data/attributes/created").is_some_and(|created| created < since)
        };
        let goes_on = incidents.len() >= LIMIT && (is_open || !incidents.iter().any(is_too_old));
        let next = goes_on.then(|| offset.saturating_add(incidents.len()).to_string());
        if !is_open && next.is_none() {
            found.refetch.extend(take_unseen(memory, cursor.started()));
        }
        Ok(cursor.into_page(found, next, 2))
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let paging = Paging::Numbered { size: "page[size]", limit: LIMIT, number: "page[number]" };
        let service_component = |service: &Value| {
            let schema = service.at("/attributes/schema");
            let name = schema.find_text("/dd-service")?;
            let modified = service.find_time("/attributes/meta/last-modified-time");
            let mut component = component(name, name, &self.mapper.home, modified.unwrap_or(now));
            schema.text("/description").clone_into(&mut component.description);
            component.workspaces = text(schema, "/team").into_iter().collect();
            Some(component)
        };
        let team_workspace = |team: &Value| {
            let handle = team.find_text("/attributes/handle")?;
            let name = team.find_text("/attributes/name").unwrap_or(handle);
            Some(workspace(handle, name, &self.mapper.home))
        };
        let services = "api/v2/services/definitions";
        Ok(Catalogue {
            components: self.api.list(services, "/data", paging, now, service_component).await?,
            workspaces: self.api.list("api/v2/team", "/data", paging, now, team_workspace).await?,
        })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("api/v2/incidents/{provider_id}");
        let answer = self.api.find(&path, &Query::new(), &[404], now).await?.unwrap_or_default();
        if answer.at("/data").is_null() || is_hidden(answer.at("/data/attributes")) {
            return Ok(Some(Findings::gone(provider_id, now)));
        }
        let mut found = self.mapper.read_incident(answer.at("/data"), now);
        if has_attachments(answer.at("/data")) {
            let attachments =
                self.api.find(&format!("{path}/attachments"), &Query::new(), &[404], now).await?;
            let reviews = reviews(&found, answer.at("/data"), &attachments.unwrap_or_default());
            found.observations.extend(reviews);
        }
        Ok(Some(found))
    }
}

fn quote(word: &str) -> String {
    if word.chars().all(char::is_alphanumeric) {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('"', ""))
    }
}

fn has_attachments(data: &Value) -> bool {
    !data.items("/relationships/attachments/data").is_empty()
}

/// Names an incident with attachments to be fetched when its `modified` is new: the search shows no reviews.
fn refetch_for_reviews(data: &Value, memory: &mut Memory) -> Findings {
    let modified = data.text("/attributes/modified");
    match data.find_id("/id").filter(|_| has_attachments(data)) {
        Some(id) if memory.get(&format!("modified/{id}")) != Some(modified) => {
            memory.set(format!("modified/{id}"), modified);
            Findings { refetch: vec![id], ..Findings::default() }
        }
        _ => Findings::default(),
    }
}

/// The post-mortems among the attachments of the incident in `found`.
fn reviews(found: &Findings, data: &Value, attachments: &Value) -> Vec<Observation> {
    let Some(State::Present(entity)) = found.observations.first().map(|o| &o.state) else {
        return Vec::new();
    };
    let Entity::Incident(incident) = &**entity else { return Vec::new() };
    let is_complete = data.text("/attributes/state").eq_ignore_ascii_case("completed");
    let review = |attachment| Mapper::review(attachment, incident, is_complete);
    attachments.items("/data").iter().filter_map(review).collect()
}
