//! Reads Better Stack's incidents: all that are open, then the recent ones that are over.
//!
//! The listing has no filter by change, so an incident that is no longer listed as open is fetched by its id.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::Value;

use super::payload::{HOME, KINDS, Mapper};
use crate::config::SourceConfig;
use crate::domain::Timestamp;
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::ListingCursor;
use crate::sources::kit::open_incidents::{note_open, take_unseen};
use crate::sources::kit::pages::Paging;
use crate::sources::kit::parts::workspace;
use crate::sources::{BuildError, Catalogue, Findings, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "Better Stack",
    url: HOME,
    scheme: "Bearer ",
    fix: "set `api_token` to an API token of the Uptime team (or a global one)",
};
/// Most incidents of one page.
const LIMIT: usize = 50;
const INCIDENTS: &str = "api/v3/incidents";
/// Place of the open incidents among the two listings of a run; the other has those that are over.
const OPEN: usize = 0;
/// How far before the last run a later one reads what is over: late changes such as a new title.
const WINDOW: TimeDelta = TimeDelta::days(7);
/// The listings of monitors and heartbeats give this many by default and at most 250.
const LISTING: Paging = Paging::Pages { size: "per_page", limit: 250 };

pub(super) struct BetterStackPoller {
    api: Api,
    mapper: Arc<Mapper>,
}

impl BetterStackPoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        Ok(ACCESS.open(config, http)?.map(|api| Self { api, mapper: Arc::clone(mapper) }))
    }
}

#[async_trait]
impl Poller for BetterStackPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        let number = cursor.page.clone().unwrap_or_else(|| "1".to_owned());
        let mut query: Query = vec![("per_page", LIMIT.to_string()), ("page", number.clone())];
        if cursor.listing == OPEN {
            query.push(("resolved", "false".to_owned()));
        } else {
            query.push(("resolved", "true".to_owned()));
            let since = cursor.since.checked_sub_signed(WINDOW).unwrap_or(cursor.since);
            query.push(("from", since.format("%Y-%m-%d").to_string()));
        }
        let answer = self.api.get(INCIDENTS, &query, now).await?;
        let incidents = self.api.items_of(&answer, "/data", INCIDENTS)?;
        let mut found = Findings::default();
        for incident in incidents.iter().filter_map(|data| self.mapper.incident(data, now)) {
            found.absorb(incident);
        }
        note_open(memory, &found, cursor.started());
        let goes_on = !incidents.is_empty() && answer.find_text("/pagination/next").is_some();
        let next = number
            .parse::<usize>()
            .ok()
            .filter(|_| goes_on)
            .map(|number| number.saturating_add(1).to_string());
        if cursor.listing != OPEN && next.is_none() {
            found.refetch = take_unseen(memory, cursor.started());
        }
        Ok(cursor.into_page(found, next, 2))
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let mut catalogue = Catalogue::default();
        for (kind, path) in KINDS {
            let component = |data: &Value| Mapper::component(kind, data, now);
            catalogue.components.extend(self.api.list(path, "/data", LISTING, now, component).await?);
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
        Ok(self.mapper.incident(answer.at("/data"), now))
    }
}
