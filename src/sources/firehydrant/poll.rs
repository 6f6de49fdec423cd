//! Reads FireHydrant's API v1: incidents changed since the last run, archived ones too, and all
//! retrospectives of the backfill window.
//!
//! Retrospectives are read whole on every run, a page or two: their status is a milestone of their incident,
//! which may move while the report does not.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::Value;

use super::payload::{HOME, Mapper, component, remember_retrospective, review};
use crate::config::SourceConfig;
use crate::domain::{Entity, Observation, Shift, Timestamp, Workspace, format_timestamp};
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::ListingCursor;
use crate::sources::kit::pages::{Kept, Paging};
use crate::sources::{BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "FireHydrant",
    url: "https://api.firehydrant.io/v1",
    scheme: "Bearer ",
    fix: "set `api_token` to the token of a bot user (fhb-…) of this organisation, and `api_url` to \
          https://api.eu.firehydrant.io/v1 if it is in the EU",
};
/// The most that one page may hold (API overview).
const LIMIT: &str = "200";
/// How far before the start of the last run a run reads: clocks differ, and lists lag.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
const PAGING: Paging = Paging::Cursor { parameter: "page", next: "/pagination/next" };

/// The listings of a run, in order: incidents, archived ones, and retrospectives.
const ARCHIVED: usize = 1;
const REPORTS: usize = 2;
const LISTINGS: usize = 3;

pub(super) struct FireHydrantPoller {
    api: Api,
    mapper: Arc<Mapper>,
}

impl FireHydrantPoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        Ok(ACCESS.open(config, http)?.map(|api| Self { api, mapper: Arc::clone(mapper) }))
    }

    /// What a page reports.
    fn findings(&self, listing: usize, entries: &[Value], memory: &mut Memory, now: Timestamp) -> Findings {
        let mut all = Findings::default();
        for entry in entries {
            if listing == REPORTS {
                let review = review(entry, memory, now).map(Entity::Review);
                all.observations.extend(review.map(|review| Observation::present(review, now)));
            } else {
                remember_retrospective(memory, entry);
                all.absorb(Findings::of_entry(|| self.mapper.incident(entry, now)));
            }
        }
        all
    }

    async fn list<T: Kept>(
        &self,
        path: &str,
        now: Timestamp,
        map: impl FnMut(&Value) -> Option<T> + Send,
    ) -> Result<Vec<T>, PollError> {
        let query = vec![("lite", "true".to_owned()), ("per_page", LIMIT.to_owned())];
        self.api.list_with(path, "/data", &query, PAGING, now, map).await
    }
}

#[async_trait]
impl Poller for FireHydrantPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        let (path, filter) = match cursor.listing {
            REPORTS => ("post_mortems/reports", ("updated_since", backfill_from)),
            _ => ("incidents", ("updated_after", cursor.since.earlier_by(OVERLAP))),
        };
        let page = cursor.page.clone().unwrap_or_else(|| "1".to_owned());
        let mut query: Query =
            vec![(filter.0, format_timestamp(filter.1)), ("per_page", LIMIT.to_owned()), ("page", page)];
        query.extend((cursor.listing == ARCHIVED).then(|| ("archived", "true".to_owned())));
        let answer = match self.api.get_list(path, "/data", &query, now).await {
            Err(fault) if cursor.listing == REPORTS => {
                return Ok(cursor.defer("retrospectives", &fault, LISTINGS));
            }
            answer => answer?,
        };
        let entries = answer.items("/data");
        let next = answer.find_id("/pagination/next").filter(|_| !entries.is_empty());
        let total = (cursor.listing == 0).then(|| answer.at("/pagination/count").as_u64()).flatten();
        let findings = self.findings(cursor.listing, entries, memory, now);
        Ok(Page { total, ..cursor.into_page(findings, next, LISTINGS) })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let mut components = self.list("services", now, |data| component(data, now)).await?;
        if self.mapper.functionalities {
            components.extend(self.list("functionalities", now, |data| component(data, now)).await?);
        }
        let team = |data: &Value| {
            let provider_id = data.find_id("/id")?;
            let name = data.find_text("/name").unwrap_or(&provider_id).to_owned();
            Some(Workspace { name, url: HOME.to_owned(), provider_id })
        };
        Ok(Catalogue { components, workspaces: self.list("teams", now, team).await? })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("incidents/{provider_id}");
        let Some(incident) = self.api.find(&path, &Query::new(), &[404], now).await? else { return Ok(None) };
        self.mapper
            .incident(&incident, now)
            .map(Some)
            .map_err(|fault| PollError::Unreadable { message: format!("FireHydrant at /incidents: {fault}") })
    }
}
