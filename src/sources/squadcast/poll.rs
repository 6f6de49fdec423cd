//! Reads Squadcast's exports, team by team, then its postmortems, then by their ids the incidents that were
//! open and began too long ago for an export.
//!
//! The refresh token buys access tokens that last about two days; one is kept until shortly before its end.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::{HOME, Mapper, Region, review};
use crate::config::SourceConfig;
use crate::domain::Timestamp;
use crate::sources::findings::{component, workspace};
use crate::sources::http::{Api, Query, base_url};
use crate::sources::open_incidents::{forget_open, list_open, note_open};
use crate::sources::rounds::{Round, horizon};
use crate::sources::value::Fields;
use crate::sources::{BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller};

const FIX: &str = "set `api_token` to a refresh token of a user who sees all teams, and `region` to theirs";
/// How far before the last round a later one reads: late changes of what began lately.
const WINDOW: TimeDelta = TimeDelta::days(7);
/// Incidents that one page asks for by id.
const BY_ID: usize = 20;
/// An access token is renewed this long before its end.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
const REVIEWS: &str = "100";

pub(super) struct SquadcastPoller {
    http: reqwest::Client,
    base: Url,
    auth: Api,
    /// The API with the access token in use, and the end of that.
    access: Mutex<Option<(Arc<Api>, Timestamp)>>,
    mapper: Arc<Mapper>,
}

impl SquadcastPoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        region: Region,
        auth_url: Option<Url>,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        let Some(token) = &config.api_token else { return Ok(None) };
        let (api, auth) = match region {
            Region::Us => ("https://api.squadcast.com", "https://auth.squadcast.com"),
            Region::Eu => ("https://api.eu.squadcast.com", "https://auth.eu.squadcast.com"),
        };
        let auth_url = auth_url.map_or_else(|| base_url(config, auth), Ok)?;
        let auth = Api::new(http.clone(), auth_url, "Squadcast", FIX)
            .with_field("x-refresh-token", token.expose_secret().trim())?;
        let base = base_url(config, api)?;
        Ok(Some(Self { http, base, auth, access: Mutex::new(None), mapper: Arc::clone(mapper) }))
    }

    /// The API, with an access token that is still good.
    async fn api(&self, now: Timestamp) -> Result<Arc<Api>, PollError> {
        let mut access = self.access.lock().await;
        if let Some((api, _)) = access.as_ref().filter(|(_, end)| now + MARGIN < *end) {
            return Ok(Arc::clone(api));
        }
        let answer = self.auth.get("oauth/access-token", &Query::new(), now).await?;
        let unreadable = || PollError::Unreadable {
            message: "Squadcast answered no usable access token at /oauth/access-token".to_owned(),
        };
        let token = answer.find_text("/data/access_token").ok_or_else(unreadable)?;
        let end = answer.pointer("/data/expires_at").and_then(Value::as_i64);
        let end = end.and_then(|end| Timestamp::from_timestamp(end, 0)).unwrap_or(now);
        let api = Api::new(self.http.clone(), self.base.clone(), "Squadcast", FIX);
        let api = Arc::new(api.with_credential("Bearer ", &token.into()).map_err(|_| unreadable())?);
        *access = Some((Arc::clone(&api), end));
        Ok(api)
    }

    async fn incidents(&self, round: &Round, team: &str, now: Timestamp) -> Result<Findings, PollError> {
        let since = round.since.checked_sub_signed(WINDOW).unwrap_or(round.since);
        let query = vec![
            ("type", "json".to_owned()),
            ("start_time", written(since)),
            ("end_time", written(round.started())),
            ("owner_id", team.to_owned()),
        ];
        let answer = self.api(now).await?.get("v3/incidents/export", &query, now).await?;
        let places = ["/data/incidents", "/data", "/incidents", ""];
        let entries = places.into_iter().find_map(|place| answer.pointer(place)?.as_array());
        let entries = entries.ok_or_else(|| PollError::Unreadable {
            message: "Squadcast answered without a list of incidents at /v3/incidents/export".to_owned(),
        })?;
        let owner = serde_json::json!({ "id": team });
        let mut found = Findings::default();
        for entry in entries {
            found.absorb(self.mapper.incident(entry, &owner, newest(entry, now)).unwrap_or_default());
        }
        // The export names no team but by its id; the catalogue knows its name.
        found.workspaces.clear();
        Ok(found)
    }

    async fn reviews(&self, round: &Round, team: &str, now: Timestamp) -> Result<Findings, PollError> {
        let since = horizon(&self.mapper.config, now);
        let query = vec![
            ("fromDate", written(since)),
            ("toDate", written(round.started())),
            ("owner_id", team.to_owned()),
            ("limit", REVIEWS.to_owned()),
        ];
        // A plan without postmortems has none to show.
        let api = self.api(now).await?;
        let answer = api.find("v3/incidents/postmortem", &query, &[402, 403, 404], now).await?;
        let answer = answer.unwrap_or_default();
        let reviews = answer.items("/data").iter().flat_map(|part| part.items("/result"));
        let observations = reviews.filter_map(|data| review(data, team, now)).collect();
        Ok(Findings { observations, ..Findings::default() })
    }

    /// What is open as far as is known and was not in this round's exports, from after `after`.
    async fn open(
        &self,
        after: &str,
        memory: &mut Memory,
        round: &Round,
        now: Timestamp,
    ) -> Result<(Findings, Option<String>), PollError> {
        let ids = list_open(memory, after, BY_ID);
        let seen = round.started().timestamp_millis().to_string();
        let mut found = Findings::default();
        for id in &ids {
            if memory.get(&format!("open/{id}")) == Some(seen.as_str()) {
                continue;
            }
            let told = self.fetch_incident(id, now).await?.unwrap_or_default();
            if told.incidents().next().is_none() {
                forget_open(memory, id);
            }
            found.absorb(told);
        }
        Ok((found, ids.last().filter(|_| ids.len() == BY_ID).cloned()))
    }
}

#[async_trait]
impl Poller for SquadcastPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let round = Round::resume(cursor, backfill_from, now)?;
        // The two listings: the teams' exports and reviews, then what was open before.
        let (found, next) = if round.listing == 0 {
            let teams = self.api(now).await?.get("v3/teams", &Query::new(), now).await?;
            let mut teams = teams.ids("/data");
            teams.sort();
            let team = teams.iter().find(|team| round.page.as_ref().is_none_or(|page| *team >= page));
            let mut found = Findings::default();
            if let Some(team) = team {
                found = self.incidents(&round, team, now).await?;
                found.absorb(self.reviews(&round, team, now).await?);
            }
            (found, team.and_then(|done| teams.iter().find(|team| *team > done)).cloned())
        } else {
            let after = round.page.clone().unwrap_or_default();
            self.open(&after, memory, &round, now).await?
        };
        note_open(memory, &found, round.started());
        Ok(round.turn(found, next, 2))
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let api = self.api(now).await?;
        let teams = api.get("v3/teams", &Query::new(), now).await?;
        let mut catalogue = Catalogue::default();
        for team in api.items_of(&teams, "/data", "v3/teams")? {
            let Some(id) = team.find_id("/id") else { continue };
            let query = vec![("owner_id", id.clone())];
            let services = api.get("v3/services", &query, now).await?;
            for service in services.items("/data") {
                let Some(service_id) = service.find_id("/id") else { continue };
                let name = service.find_text("/name").unwrap_or(&service_id);
                let mut entry = component(&service_id, name, HOME, now);
                service.text("/description").clone_into(&mut entry.description);
                entry.workspaces = vec![id.clone()];
                catalogue.components.push(entry);
            }
            let name = team.find_text("/name").unwrap_or(&id);
            catalogue.workspaces.push(workspace(&id, name, HOME));
        }
        Ok(catalogue)
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("v3/incidents/{provider_id}");
        let Some(answer) = self.api(now).await?.find(&path, &Query::new(), &[404], now).await? else {
            return Ok(Some(Findings::gone(provider_id, now)));
        };
        let data = if answer["data"].is_object() { &answer["data"] } else { &answer };
        Ok(self.mapper.incident(data, &Value::Null, newest(data, now)).ok())
    }
}

/// The newest date that an incident tells; Squadcast writes year 1 for none.
fn newest(data: &Value, now: Timestamp) -> Timestamp {
    let names = ["/created_at", "/acknowledged_at", "/resolved_at", "/updated_at"];
    let dates = names.into_iter().filter_map(|name| data.find_time(name));
    let timeline = data.items("/timeline").iter().filter_map(|entry| entry.find_time("/time"));
    dates.chain(timeline).filter(|at| at.timestamp() > 0).max().unwrap_or(now)
}

fn written(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
