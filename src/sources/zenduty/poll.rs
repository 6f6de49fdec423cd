//! Reads Zenduty's incidents: all that are open, those created lately, then each team's postmortems.
//!
//! The filter has only days of creation. An incident that is no longer listed as open is fetched by its
//! number, the only key that Zenduty finds an incident by: [`Memory`] keeps it.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::payload::{HOME, Mapper, newest, review};
use crate::config::SourceConfig;
use crate::domain::{IncidentStatus, Timestamp};
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::ListingCursor;
use crate::sources::kit::open_incidents::{forget_open, list_unseen, note_open, remember_priority};
use crate::sources::kit::parts::{component, workspace};
use crate::sources::{BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "Zenduty",
    url: HOME,
    scheme: "Token ",
    fix: "set `api_token` to an API key of an account that sees all teams",
};
const LIMIT: usize = 50;
const FILTER: &str = "api/incidents/filter/";
const TEAMS: &str = "api/account/teams/";
/// How far before the last run a later one reads: late changes of what was created lately.
const WINDOW: TimeDelta = TimeDelta::days(7);

/// Incidents that one page asks for by their numbers: 30 a minute are allowed.
const BY_NUMBER: usize = 10;

/// The listings of a run, in order.
const OPEN: usize = 0;
const RECENT: usize = 1;
const LISTINGS: usize = 3;

pub(super) struct ZendutyPoller {
    api: Api,
    mapper: Arc<Mapper>,
}

impl ZendutyPoller {
    /// The poller, if the configuration has a key for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        let api = ACCESS.open(config, http)?;
        Ok(api.map(|api| Self { api, mapper: Arc::clone(mapper) }))
    }

    /// One incident as it is now.
    fn told(&self, data: &Value, now: Timestamp) -> Findings {
        let mut found = Findings::of_entry(|| self.mapper.incident(data, now));
        for observation in &mut found.observations {
            observation.sequence = newest(data).unwrap_or(now).timestamp_millis();
        }
        found
    }

    /// Incidents of one page, and the number of the page after it.
    async fn incidents(
        &self,
        cursor: &ListingCursor,
        memory: &mut Memory,
        now: Timestamp,
    ) -> Result<(Findings, Option<String>), PollError> {
        let number = cursor.page.as_deref().and_then(|page| page.parse::<usize>().ok()).unwrap_or(1);
        let query = vec![("page", number.to_string()), ("page_size", LIMIT.to_string())];
        let filter = if cursor.listing == OPEN {
            json!({"status": -1, "all_teams": 1})
        } else {
            let since = cursor.since.checked_sub_signed(WINDOW).unwrap_or(cursor.since);
            // The day after now: days may end by another clock.
            let until = now.checked_add_signed(TimeDelta::days(1)).unwrap_or(now);
            json!({"status": 0, "all_teams": 1, "from_date": day(since), "to_date": day(until)})
        };
        let answer = self.api.search(FILTER, &query, &filter, &[], now).await?.unwrap_or_default();
        let entries = self.api.items_of(&answer, "/results", FILTER)?;
        let mut found = Findings::default();
        for data in entries {
            let told = self.told(data, now);
            for incident in told.incidents() {
                let priority = data.find_text("/team_priority_object/name");
                remember_priority(memory, &incident.provider_id, priority, incident.status);
                let (key, number) = (number_key(&incident.provider_id), data.find_id("/incident_number"));
                if incident.status == IncidentStatus::Resolved {
                    memory.forget(&key);
                } else if let Some(number) = number.filter(|number| memory.get(&key) != Some(number)) {
                    memory.set(key, number);
                }
            }
            found.absorb(told);
        }
        note_open(memory, &found, cursor.started());
        let goes_on = !entries.is_empty() && answer.find_text("/next").is_some();
        Ok((found, goes_on.then(|| number.saturating_add(1).to_string())))
    }

    /// Some of what was open in the round before and was not seen in this one, from after `after`, and where
    /// it goes on.
    async fn unseen(
        &self,
        memory: &mut Memory,
        (started, after): (Timestamp, &str),
        now: Timestamp,
    ) -> Result<(Findings, Option<String>), PollError> {
        let mut found = Findings::default();
        let unseen = list_unseen(memory, started, after, BY_NUMBER);
        for id in &unseen {
            let key = number_key(id);
            if let Some(number) = memory.get(&key) {
                match self.fetch(number, now).await {
                    Err(PollError::Refused { message }) => {
                        let source = &self.mapper.config.id;
                        tracing::warn!(%source, reason = message, "an open incident is left as it is");
                        continue;
                    }
                    told => found.absorb(told?.unwrap_or_else(|| Findings::gone(id, now))),
                }
            }
            memory.forget(&key);
            forget_open(memory, id);
        }
        Ok((found, unseen.last().filter(|_| unseen.len() == BY_NUMBER).cloned()))
    }

    async fn fetch(&self, number: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("api/incidents/{number}/");
        let answer = self.api.find(&path, &Query::new(), &[404], now).await?;
        Ok(answer.map(|data| self.told(&data, now)))
    }

    async fn reviews(&self, now: Timestamp) -> Result<Findings, PollError> {
        let mut found = Findings::default();
        for team in self.teams(now).await? {
            let path = format!("{TEAMS}{}/postmortem/", team.0);
            let answer = self.api.find(&path, &Query::new(), &[403, 404], now).await?.unwrap_or_default();
            found.observations.extend(answer.items("").iter().filter_map(|data| review(data, &team.0, now)));
        }
        Ok(found)
    }

    /// Id and name of each team.
    async fn teams(&self, now: Timestamp) -> Result<Vec<(String, String)>, PollError> {
        let answer = self.api.get(TEAMS, &Query::new(), now).await?;
        let teams = self.api.items_of(&answer, "", TEAMS)?.iter().filter_map(|team| {
            let id = team.find_id("/unique_id")?;
            Some((id.clone(), team.find_text("/name").unwrap_or(&id).to_owned()))
        });
        Ok(teams.collect())
    }
}

#[async_trait]
impl Poller for ZendutyPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        let (found, next) = match cursor.listing {
            OPEN | RECENT => self.incidents(&cursor, memory, now).await?,
            _ => {
                let place = (cursor.started(), cursor.page.as_deref().unwrap_or_default());
                let (mut found, next) = self.unseen(memory, place, now).await?;
                if next.is_none() {
                    match self.reviews(now).await {
                        Ok(reviews) => found.absorb(reviews),
                        Err(fault) => {
                            tracing::warn!(what = "postmortems", %fault, "a listing is put off to the next run");
                        }
                    }
                }
                (found, next)
            }
        };
        Ok(cursor.into_page(found, next, LISTINGS))
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let mut catalogue = Catalogue::default();
        for (team, name) in self.teams(now).await? {
            let path = format!("{TEAMS}{team}/services/");
            let services = self.api.get(&path, &Query::new(), now).await?;
            for service in self.api.items_of(&services, "", &path)? {
                let Some(id) = service.find_id("/unique_id") else { continue };
                let mut entry = component(&id, service.find_text("/name").unwrap_or(&id), HOME, now);
                service.text("/description").clone_into(&mut entry.description);
                entry.workspaces = vec![team.clone()];
                catalogue.components.push(entry);
            }
            catalogue.workspaces.push(workspace(&team, &name, HOME));
        }
        Ok(catalogue)
    }

    /// Zenduty finds incidents by number only; it finds none by the id that is requested here.
    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let told = self.fetch(provider_id, now).await?;
        Ok(told.filter(|told| told.incidents().any(|incident| incident.provider_id == provider_id)))
    }
}

fn number_key(incident: &str) -> String {
    format!("number/{incident}")
}

fn day(at: Timestamp) -> String {
    at.format("%Y-%m-%d").to_string()
}
