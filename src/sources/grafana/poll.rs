//! Reads IRM's incidents by change, and alert groups, which have no filter by change.
//!
//! Incidents are listed latest change first, back to the last run; one that changes meanwhile moves to the
//! front and is read by the next run. Of alert groups a run reads the open ones by state, then the resolved
//! ones that started lately. A group that was open in the last run and is not listed in this one is fetched
//! by its id, so the end of an old alert group is not missed. This file does it, because only it has the
//! labels.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use url::Url;

use super::mapper::{Mapper, Options};
use super::oncall::{find_labels, prune_labels};
use crate::config::SourceConfig;
use crate::domain::{Shift, Timestamp, Workspace};
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::{Fields, parse_millis};
use crate::sources::kit::listing::{ListingCursor, horizon};
use crate::sources::kit::open_incidents::{forget_open, list_unseen, note_open};
use crate::sources::kit::options;
use crate::sources::kit::pages::Walk;
use crate::sources::kit::parts::component;
use crate::sources::{
    BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller, Unmappable,
};

const INCIDENTS: &str = "api/plugins/grafana-irm-app/resources/api/v1/IncidentsService.";
const GROUPS: &str = "api/v1/alert_groups/";
const TEAMS: &str = "api/v1/teams/";
/// How far before the start of the last run a run reads: clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// How long ago a resolved alert group may have started to be read again.
const LATELY: TimeDelta = TimeDelta::days(1);
/// The key of [`Memory`] with the start of the last run that read all alert groups.
const READ: &str = "groups-read";
/// Most alert groups that a run fetches one by one: 300 requests a minute are allowed.
const ONE_BY_ONE: usize = 50;

#[derive(Clone, Copy)]
enum Listing {
    Incidents,
    OpenGroups(&'static str),
    ResolvedGroups,
}

const OF_GROUPS: [Listing; 4] = [
    Listing::OpenGroups("new"),
    Listing::OpenGroups("acknowledged"),
    Listing::OpenGroups("silenced"),
    Listing::ResolvedGroups,
];

pub(super) struct GrafanaPoller {
    irm: Option<Api>,
    oncall: Option<Api>,
    mapper: Arc<Mapper>,
}

impl GrafanaPoller {
    /// The poller, if the configuration has a token and an address to use it with.
    pub(super) fn find(
        config: &SourceConfig,
        http: &reqwest::Client,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        let Some(token) = &config.api_token else { return Ok(None) };
        let fix = "set `api_token` to the token of a service account that may read IRM, and `api_url` to the \
                   stack's address; `incidents = false` if it has no IRM";
        let irm = config
            .api_url
            .clone()
            .filter(|_| mapper.options.incidents)
            .map(|url| Api::new(http.clone(), url, "Grafana IRM", fix).with_credential("Bearer ", token));
        let (irm, oncall) = (irm.transpose()?, find_oncall(config, http, token, &mapper.options)?);
        let is_any = irm.is_some() || oncall.is_some();
        Ok(is_any.then(|| Self { irm, oncall, mapper: Arc::clone(mapper) }))
    }

    fn listings(&self) -> Vec<Listing> {
        let incidents = self.irm.iter().map(|_| Listing::Incidents);
        incidents.chain(self.oncall.iter().flat_map(|_| OF_GROUPS)).collect()
    }

    async fn incidents(
        &self,
        api: &Api,
        cursor: ListingCursor,
        count: usize,
        now: Timestamp,
    ) -> Result<Page, PollError> {
        let query = json!({
            "limit": 50, "orderField": "modifiedTime", "orderDirection": "DESC", "queryString": ""
        });
        let request = match &cursor.page {
            Some(place) => json!({ "query": query, "cursor": {"nextValue": place, "hasMore": true} }),
            None => json!({ "query": query }),
        };
        let path = format!("{INCIDENTS}QueryIncidentPreviews");
        let answer = api.call(&path, &request, &[], now).await?.unwrap_or_default();
        let previews = match answer.get("incidentPreviews") {
            Some(Value::Null) => &[],
            _ => api.items_of(&answer, "/incidentPreviews", &path)?,
        };
        let since = cursor.since.earlier_by(OVERLAP);
        let is_old = |preview: &Value| preview.find_time("/modifiedTime").is_some_and(|at| at < since);
        let more = answer.pointer("/cursor/hasMore") == Some(&Value::Bool(true)) && !previews.is_empty();
        let next = answer.find_id("/cursor/nextValue").filter(|_| more && !previews.iter().any(is_old));
        let found = previews.iter().filter(|preview| !is_old(preview));
        let found =
            Findings::merge(found.map(|preview| Findings::of_entry(|| self.mapper.incident(preview, now))));
        Ok(cursor.into_page(found, next, count))
    }

    async fn groups(
        &self,
        api: &Api,
        cursor: ListingCursor,
        listing: (Query, bool),
        count: usize,
        request: (&mut Memory, Timestamp),
    ) -> Result<Page, PollError> {
        let ((query, is_open), (memory, now)) = (listing, request);
        let (groups, next) = page_of(api, GROUPS, query, cursor.page.as_deref(), now).await?;
        let mut found = Findings::merge(groups.iter().map(|group| {
            let labels = group.find_id("/id").map(|id| find_labels(memory, &id)).unwrap_or_default();
            Findings::of_entry(|| self.mapper.alert_group(group, &labels, now))
        }));
        let mut ended = Vec::new();
        if !is_open && cursor.page.is_none() {
            for id in list_unseen(memory, cursor.started(), "", ONE_BY_ONE) {
                let labels = find_labels(memory, &id);
                let told = match self.group(api, &id, &labels, now).await {
                    Err(PollError::Refused { message }) => {
                        let source = &self.mapper.config.id;
                        tracing::warn!(%source, reason = message, "an open alert group is left as it is");
                        continue;
                    }
                    told => told?,
                };
                found.absorb(told.unwrap_or_else(|| Findings::gone(&id, now)));
                ended.push(id);
            }
            prune_labels(memory, horizon(&self.mapper.config, now));
        }
        for id in &ended {
            forget_open(memory, id);
        }
        note_open(memory, &found, cursor.started());
        if !is_open && next.is_none() {
            memory.set(READ, cursor.started().timestamp_millis().to_string());
        }
        Ok(cursor.into_page(found, next, count))
    }

    /// One alert group by its id; `None` when there is no such group.
    async fn group(
        &self,
        api: &Api,
        id: &str,
        labels: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Option<Findings>, PollError> {
        let answer = api.find(&format!("{GROUPS}{id}/"), &Query::new(), &[404], now).await?;
        answer
            .map(|group| self.mapper.alert_group(&group, labels, now))
            .transpose()
            .map_err(|fault| unreadable(&fault))
    }
}

fn find_oncall(
    config: &SourceConfig,
    http: &reqwest::Client,
    token: &SecretString,
    options: &Options,
) -> Result<Option<Api>, BuildError> {
    let Some(url) = &options.oncall_url else { return Ok(None) };
    let url = Url::parse(url).ok().filter(|url| url.host().is_some()).ok_or_else(|| {
        options::refuse("`oncall_url` is no address such as \"https://oncall.example.com\"")
    })?;
    let fix = "set `api_token` to the token of a service account that may read alert groups, `api_url` to the \
               stack's address and `oncall_url` to the address that the settings page shows";
    let api = Api::new(http.clone(), url, "Grafana OnCall", fix).with_credential("", token)?;
    let stack = config.api_url.as_ref().map(|url| url.as_str().trim_end_matches('/'));
    match stack {
        Some(stack) => api.with_field("x-grafana-url", stack).map(Some),
        None => Ok(Some(api)),
    }
}

/// The entries of one page, and the number of the next.
async fn page_of(
    api: &Api,
    path: &str,
    mut query: Query,
    page: Option<&str>,
    now: Timestamp,
) -> Result<(Vec<Value>, Option<String>), PollError> {
    let page = page.unwrap_or("1").to_owned();
    let next = page.parse::<usize>().unwrap_or(1).saturating_add(1).to_string();
    query.push(("page", page));
    let answer = api.get(path, &query, now).await?;
    let entries = api.items_of(&answer, "/results", path)?.to_vec();
    let more = answer.find_text("/next").is_some() && !entries.is_empty();
    Ok((entries, more.then_some(next)))
}

#[async_trait]
impl Poller for GrafanaPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        let listings = self.listings();
        let count = listings.len();
        let place = cursor.clone();
        let page = match (listings.get(cursor.listing), &self.irm, &self.oncall) {
            (Some(Listing::Incidents), Some(api), _) => return self.incidents(api, cursor, count, now).await,
            (Some(Listing::OpenGroups(state)), _, Some(api)) => {
                let query = vec![("state", (*state).to_owned())];
                self.groups(api, cursor, (query, true), count, (memory, now)).await
            }
            (Some(Listing::ResolvedGroups), _, Some(api)) => {
                let read = memory.get(READ).and_then(parse_millis);
                let since = read.map_or(backfill_from, |read| read.min(cursor.since));
                let [from, to] = [since.earlier_by(LATELY), cursor.started()]
                    .map(|time| time.format("%Y-%m-%dT%H:%M:%S").to_string());
                let query = vec![("state", "resolved".to_owned()), ("started_at", format!("{from}_{to}"))];
                self.groups(api, cursor, (query, false), count, (memory, now)).await
            }
            // The configuration had more listings when the run began.
            _ => Ok(cursor.into_page(Findings::default(), None, 0)),
        };
        match page {
            // The next run reads all alert groups again, and incidents must not wait for that.
            Err(fault) if self.irm.is_some() => Ok(place.defer("alert groups", &fault, 0)),
            page => page,
        }
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let (mapper, mut workspaces) = (&self.mapper, Vec::new());
        let mut place = self.oncall.as_ref().map(|api| (api, None));
        let mut walk = Walk::default();
        while let Some((api, page)) = place.take() {
            let page: Option<String> = page;
            let (teams, next) = page_of(api, TEAMS, Query::new(), page.as_deref(), now).await?;
            let team = |team: &Value| {
                let provider_id = team.find_id("/id")?;
                let name = team.find_text("/name").unwrap_or(&provider_id).to_owned();
                Some(Workspace { name, url: mapper.home.clone(), provider_id })
            };
            workspaces.extend(walk.take((api, TEAMS), 0, &teams, team)?);
            place = next.map(|next| (api, Some(next)));
        }
        let components = mapper.options.components.iter();
        let components = components.map(|name| component(name, name, &mapper.home, now)).collect();
        Ok(Catalogue { components, workspaces })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        // Incidents have numbers; Alerting's groups, which this bridge numbers itself, cannot be asked for.
        let is_incident = provider_id.bytes().all(|byte| byte.is_ascii_digit());
        let found = match (&self.irm, &self.oncall) {
            (Some(api), _) if is_incident => {
                let (path, asked) = (format!("{INCIDENTS}GetIncident"), json!({ "incidentID": provider_id }));
                let answer = api.call(&path, &asked, &[404], now).await?;
                answer.map(|answer| self.mapper.incident(answer.at("/incident"), now))
            }
            (_, Some(api)) if !is_incident && !provider_id.starts_with("am-") => {
                return self.group(api, provider_id, &Map::new(), now).await;
            }
            _ => None,
        };
        found.transpose().map_err(|fault| unreadable(&fault))
    }
}

fn unreadable(fault: &Unmappable) -> PollError {
    PollError::Unreadable { message: format!("Grafana: {fault}") }
}
