//! Reads Rootly's JSON:API: incidents by change, then retrospectives.
//!
//! Incidents changed since the last run are listed in the order of their creation, which no change can move;
//! in the order of change, an incident that changes meanwhile would push another over the edge of a page.
//! Retrospectives can be filtered by creation only: each run reads those of the source's `backfill`.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use reqwest::header::ACCEPT;
use serde_json::Value;

use super::payload::{Mapper, flatten};
use crate::config::SourceConfig;
use crate::domain::{Shift, Timestamp, format_timestamp};
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::{ListingCursor, horizon};
use crate::sources::kit::pages::Paging;
use crate::sources::{BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "Rootly",
    url: "https://api.rootly.com/v1",
    scheme: "Bearer ",
    fix: "set `api_token` to a Global API key",
};
/// Incidents and retrospectives.
const LISTINGS: usize = 2;
const NEXT: &str = "/meta/next_page";
const PAGING: Paging = Paging::Cursor { parameter: "page[number]", next: NEXT };
/// The largest page is not documented.
const PAGE_SIZE: &str = "100";
/// How far before the start of the last run a run reads: clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
const INCLUDE: (&str, &str) = ("include", "services,groups,functionalities");

pub(super) struct RootlyPoller {
    api: Api,
    mapper: Arc<Mapper>,
    config: SourceConfig,
}

impl RootlyPoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        let api = ACCESS.open(config, http)?.map(|api| api.with_header(ACCEPT, "application/vnd.api+json"));
        Ok(api.map(|api| Self { api, mapper: Arc::clone(mapper), config: config.clone() }))
    }

    /// One page of `path`, each resource made flat, and the number of the page after it.
    async fn page(
        &self,
        path: &str,
        cursor: &ListingCursor,
        mut query: Query,
        now: Timestamp,
    ) -> Result<(Vec<Value>, Option<String>, Option<u64>), PollError> {
        query.extend([
            ("sort", "created_at".to_owned()),
            ("page[size]", PAGE_SIZE.to_owned()),
            ("page[number]", cursor.page.clone().unwrap_or_else(|| "1".to_owned())),
        ]);
        let answer = self.api.get(path, &query, now).await?;
        let resources = self.api.items_of(&answer, "/data", path)?;
        let next = answer.find_id(NEXT).filter(|_| !resources.is_empty());
        let total = answer.pointer("/meta/total_count").and_then(Value::as_u64);
        Ok((resources.iter().map(flatten).collect(), next, total))
    }

    async fn incidents(
        &self,
        cursor: ListingCursor,
        memory: &mut Memory,
        now: Timestamp,
    ) -> Result<Page, PollError> {
        let since = format_timestamp(cursor.since.earlier_by(OVERLAP));
        let filters = vec![("filter[updated_at][gte]", since), (INCLUDE.0, INCLUDE.1.to_owned())];
        let (incidents, next, total) = self.page("incidents", &cursor, filters, now).await?;
        let found =
            incidents.iter().map(|data| Findings::of_entry(|| self.mapper.incident(data, now, memory)));
        Ok(Page { total, ..cursor.into_page(Findings::merge(found), next, LISTINGS) })
    }

    async fn reviews(
        &self,
        cursor: ListingCursor,
        memory: &Memory,
        now: Timestamp,
    ) -> Result<Page, PollError> {
        let since = format_timestamp(horizon(&self.config, cursor.started()));
        let filters = vec![("filter[created_at][gte]", since)];
        let (reviews, next, _) = match self.page("post_mortems", &cursor, filters, now).await {
            Ok(page) => page,
            Err(fault) => return Ok(cursor.defer("retrospectives", &fault, LISTINGS)),
        };
        let found = reviews.iter().map(|data| Findings::of_entry(|| self.mapper.review(data, now, memory)));
        Ok(cursor.into_page(Findings::merge(found), next, LISTINGS))
    }
}

#[async_trait]
impl Poller for RootlyPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        match cursor.listing {
            0 => self.incidents(cursor, memory, now).await,
            _ => self.reviews(cursor, memory, now).await,
        }
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let size = vec![("page[size]", PAGE_SIZE.to_owned())];
        let mut components = Vec::new();
        for path in self.mapper.component_listings() {
            let component = |data: &Value| self.mapper.component(data, now);
            components.extend(self.api.list_with(path, "/data", &size, PAGING, now, component).await?);
        }
        let team = |data: &Value| self.mapper.team(data);
        let workspaces = self.api.list_with("teams", "/data", &size, PAGING, now, team).await?;
        Ok(Catalogue { components, workspaces })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("incidents/{provider_id}");
        let query = vec![(INCLUDE.0, INCLUDE.1.to_owned())];
        let Some(answer) = self.api.find(&path, &query, &[404], now).await? else { return Ok(None) };
        let found = self.mapper.incident(&flatten(&answer), now, &mut Memory::default());
        found
            .map(Some)
            .map_err(|fault| PollError::Unreadable { message: format!("Rootly at /incidents: {fault}") })
    }
}
