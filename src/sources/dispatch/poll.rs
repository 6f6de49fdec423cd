//! Reads Dispatch's incidents by change, the newest change first.
//!
//! An incident that changes while pages are read moves to the front, and the next run reads it.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;

use super::payload::{HOME, Mapper};
use crate::config::SourceConfig;
use crate::domain::{Shift, Timestamp, format_timestamp};
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::ListingCursor;
use crate::sources::{BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "Dispatch",
    url: HOME,
    scheme: "Bearer ",
    fix: "set `api_token` to a token of a user that sees all projects; Dispatch's tokens expire",
};
const LIMIT: usize = 100;
/// How far before the start of the last run a run reads: clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

pub(super) struct DispatchPoller {
    api: Api,
    mapper: Arc<Mapper>,
}

impl DispatchPoller {
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
impl Poller for DispatchPoller {
    /// Newest changes first: what changes while it is read moves to the front, and is read by the next run.
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        let number = cursor.page.as_deref().and_then(|page| page.parse::<usize>().ok()).unwrap_or(1);
        let since = format_timestamp(cursor.since.earlier_by(OVERLAP));
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
        let found = entries.iter().map(|data| Findings::of_entry(|| self.mapper.incident(data, now, memory)));
        let findings = Findings::merge(found.collect::<Vec<_>>());
        let total = answer.at("/total").as_u64();
        let read = u64::try_from(number.saturating_mul(LIMIT)).unwrap_or(u64::MAX);
        let more = !entries.is_empty() && total.is_some_and(|total| read < total);
        let next = more.then(|| number.saturating_add(1).to_string());
        Ok(Page { total, ..cursor.into_page(findings, next, 1) })
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
