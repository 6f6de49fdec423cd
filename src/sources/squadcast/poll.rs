//! Reads Squadcast's exports, team by team, then its postmortems, then by their ids the incidents that were
//! open and began too long ago for an export.
//!
//! The refresh token buys access tokens that last about two days; one is kept until shortly before its end.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::payload::{HOME, Mapper, review};
use crate::config::SourceConfig;
use crate::domain::{Shift, Timestamp};
use crate::sources::kit::api::{Api, Query, base_url};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::{ListingCursor, horizon};
use crate::sources::kit::open_incidents::{forget_open, list_unseen, note_open, remember_priority};
use crate::sources::kit::parts::{component, workspace};
use crate::sources::{BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller};

const FIX: &str = "set `api_token` to a refresh token of a user who sees all teams, and `region` to theirs";
/// How far before the last run a later one reads: late changes of what began lately.
const WINDOW: TimeDelta = TimeDelta::days(7);
/// The longest time that one export is asked for: of all of a backfill it could be larger than is read.
const SPAN: TimeDelta = TimeDelta::days(14);
/// Incidents that one page asks for by id.
const BY_ID: usize = 20;
/// An access token is renewed this long before its end.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
const REVIEWS: &str = "100";

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Region {
    #[default]
    Us,
    Eu,
}

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
        if let Some((api, _)) = access.as_ref().filter(|(_, end)| now.later_by(MARGIN) < *end) {
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

    /// One incident as it is now. Its own newest date is only the basis of its version: a new
    /// priority or tag has none.
    fn told(&self, data: &Value, team: &Value, now: Timestamp) -> Findings {
        let mut found = Findings::of_entry(|| self.mapper.incident(data, team, newest(data, now), now));
        for observation in &mut found.observations {
            observation.sequence = newest(data, now).timestamp_millis();
        }
        found
    }

    /// What one team's incidents were that began from the first instant to the second.
    async fn incidents(
        &self,
        team: &str,
        (from, to): (Timestamp, Timestamp),
        memory: &mut Memory,
        now: Timestamp,
    ) -> Result<Findings, PollError> {
        let query = vec![
            ("type", "json".to_owned()),
            ("start_time", written(from)),
            ("end_time", written(to)),
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
            let told = self.told(entry, &owner, now);
            for incident in told.incidents() {
                remember_priority(
                    memory,
                    &incident.provider_id,
                    entry.find_text("/priority"),
                    incident.status,
                );
            }
            found.absorb(told);
        }
        // The export names no team but by its id; the catalogue knows its name.
        found.workspaces.clear();
        Ok(found)
    }

    /// The export of the round's place, which is a team and how many spans of it were read, and the place
    /// after it. With the last of a team come its postmortems.
    async fn exports(
        &self,
        cursor: &ListingCursor,
        teams: &[String],
        memory: &mut Memory,
        now: Timestamp,
    ) -> Result<(Findings, Option<String>), PollError> {
        let place = cursor.page.as_deref().and_then(|place| place.rsplit_once('/'));
        let (at, span) = place.map_or(("", 0), |(team, span)| (team, span.parse::<i32>().unwrap_or(0)));
        let Some(team) = teams.iter().find(|team| team.as_str() >= at) else { return Ok(Default::default()) };
        let span = if team == at { span } else { 0 };
        let since = cursor.since.checked_sub_signed(WINDOW).unwrap_or(cursor.since);
        let from = since.later_by(SPAN.checked_mul(span).unwrap_or(TimeDelta::MAX)).min(cursor.started());
        let to = from.later_by(SPAN).min(cursor.started());
        let mut found = self.incidents(team, (from, to), memory, now).await?;
        if to < cursor.started() {
            return Ok((found, Some(format!("{team}/{}", span.saturating_add(1)))));
        }
        match self.reviews(cursor, team, now).await {
            Ok(reviews) => found.absorb(reviews),
            Err(fault) => {
                tracing::warn!(what = "postmortems", %fault, "a listing is put off to the next run");
            }
        }
        Ok((found, teams.iter().find(|next| *next > team).map(|next| format!("{next}/0"))))
    }

    async fn reviews(
        &self,
        cursor: &ListingCursor,
        team: &str,
        now: Timestamp,
    ) -> Result<Findings, PollError> {
        let since = horizon(&self.mapper.config, now);
        let query = vec![
            ("fromDate", written(since)),
            ("toDate", written(cursor.started())),
            ("owner_id", team.to_owned()),
            ("limit", REVIEWS.to_owned()),
        ];
        let answer = self.api(now).await?.get("v3/incidents/postmortem", &query, now).await?;
        let reviews = answer.items("/data").iter().flat_map(|part| part.items("/result"));
        let observations = reviews.filter_map(|data| review(data, team, now)).collect();
        Ok(Findings { observations, ..Findings::default() })
    }

    /// What is open as far as is known and was not in this round's exports, from after `after`.
    async fn open(
        &self,
        after: &str,
        memory: &mut Memory,
        cursor: &ListingCursor,
        now: Timestamp,
    ) -> Result<(Findings, Option<String>), PollError> {
        let ids = list_unseen(memory, cursor.started(), after, BY_ID);
        let mut found = Findings::default();
        for id in &ids {
            let told = match self.fetch_incident(id, now).await {
                Ok(told) => told.unwrap_or_default(),
                // One that this user may not see must not keep all others from being read.
                Err(PollError::Refused { message }) => {
                    tracing::warn!(source = %self.mapper.config.id, reason = message, "an open incident is left as it is");
                    continue;
                }
                Err(fault) => return Err(fault),
            };
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
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        // The two listings: the teams' exports and reviews, then what was open before.
        let (found, next) = if cursor.listing == 0 {
            let teams = self.api(now).await?.get("v3/teams", &Query::new(), now).await?;
            let mut teams = teams.ids("/data");
            teams.sort();
            self.exports(&cursor, &teams, memory, now).await?
        } else {
            let after = cursor.page.clone().unwrap_or_default();
            self.open(&after, memory, &cursor, now).await?
        };
        note_open(memory, &found, cursor.started());
        Ok(cursor.into_page(found, next, 2))
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
        let data = if answer.at("/data").is_object() { answer.at("/data") } else { &answer };
        Ok(Some(self.told(data, &Value::Null, now)))
    }
}

/// The newest date of an incident; Squadcast writes year 1 for none.
fn newest(data: &Value, now: Timestamp) -> Timestamp {
    let names = ["/created_at", "/acknowledged_at", "/resolved_at", "/updated_at"];
    let dates = names.into_iter().filter_map(|name| data.find_time(name));
    let timeline = data.items("/timeline").iter().filter_map(|entry| entry.find_time("/time"));
    dates.chain(timeline).filter(|at| at.timestamp() > 0).max().unwrap_or(now)
}

fn written(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
