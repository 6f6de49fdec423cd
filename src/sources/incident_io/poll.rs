//! Reads incident.io's REST API: incidents by change, then post-mortems, which only polls show.
//!
//! The filter by change is documented with dates only, so a run reads back a whole day. Incidents are listed
//! in the order of their creation, which no change can move. Post-mortems have no such filter: each run
//! reads those that were created within the source's `backfill`.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::Value;

use super::payload::{Mapper, SEVERITY};
use crate::config::SourceConfig;
use crate::domain::{Shift, Timestamp, Workspace};
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::{ListingCursor, horizon};
use crate::sources::kit::pages::Paging;
use crate::sources::kit::severity_ranks;
use crate::sources::{BuildError, Catalogue, Findings, Memory, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "incident.io",
    url: "https://api.incident.io",
    scheme: "Bearer ",
    fix: "set `api_token` to an API key that may view incident data and the catalog",
};
/// Incidents and post-mortems.
const LISTINGS: usize = 2;
const NEXT: &str = "/pagination_meta/after";
const PAGING: Paging = Paging::Cursor { parameter: "after", next: NEXT };
/// The organisation's plan or the key's permissions lack the feature.
const NO_FEATURE: &[u16] = &[402, 403, 404];

pub(super) struct IncidentIoPoller {
    api: Api,
    mapper: Arc<Mapper>,
    config: SourceConfig,
}

impl IncidentIoPoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        Ok(ACCESS.open(config, http)?.map(|api| Self {
            api,
            mapper: Arc::clone(mapper),
            config: config.clone(),
        }))
    }

    /// Keeps the ranks of the severities; incident.io gives the most severe the highest. Without them
    /// incidents are still worth reading.
    async fn rank_severities(&self, memory: &mut Memory, now: Timestamp) -> Result<(), PollError> {
        let Some(answer) = self.api.find("v1/severities", &Query::new(), NO_FEATURE, now).await? else {
            tracing::warn!(source = %self.config.id, "the API key may not read severities: their ranks are unknown");
            return Ok(());
        };
        let mut severities = answer.items("/severities").iter().collect::<Vec<_>>();
        severities.sort_by_key(|severity| Reverse(severity.at("/rank").as_i64()));
        let ids = severities.into_iter().filter_map(|severity| severity.find_id("/id")).collect::<Vec<_>>();
        severity_ranks::remember(memory, SEVERITY, &ids);
        Ok(())
    }

    async fn incidents(
        &self,
        cursor: ListingCursor,
        memory: &mut Memory,
        now: Timestamp,
    ) -> Result<Page, PollError> {
        let since = cursor.since.earlier_by(TimeDelta::days(1));
        let mut query = vec![
            ("page_size", "250".to_owned()),
            ("sort_by", "created_at_oldest_first".to_owned()),
            ("updated_at[gte]", since.format("%Y-%m-%d").to_string()),
        ];
        query.extend(cursor.page.clone().map(|after| ("after", after)));
        let answer = self.api.get("v2/incidents", &query, now).await?;
        let incidents = self.api.items_of(&answer, "/incidents", "v2/incidents")?;
        let found =
            incidents.iter().map(|data| Findings::of_entry(|| self.mapper.incident(data, now, memory)));
        let next = answer.find_id(NEXT).filter(|_| !incidents.is_empty());
        let total = answer.pointer("/pagination_meta/total_record_count").and_then(Value::as_u64);
        Ok(Page { total, ..cursor.into_page(Findings::merge(found), next, LISTINGS) })
    }

    async fn reviews(
        &self,
        cursor: ListingCursor,
        memory: &Memory,
        now: Timestamp,
    ) -> Result<Page, PollError> {
        let mut query =
            vec![("page_size", "100".to_owned()), ("sort_by", "created_at_newest_first".to_owned())];
        query.extend(cursor.page.clone().map(|after| ("after", after)));
        let path = "v1/postmortem_documents";
        let answer = match self.api.get_list(path, "/postmortem_documents", &query, now).await {
            Ok(answer) => answer,
            Err(fault) => return Ok(cursor.defer("post-mortems", &fault, LISTINGS)),
        };
        let documents = answer.items("/postmortem_documents");
        let oldest = horizon(&self.config, now);
        let is_old = |document: &Value| document.find_time("/created_at").is_some_and(|at| at < oldest);
        let observations = documents.iter().filter_map(|d| self.mapper.review(d, now, memory)).collect();
        let next = answer.find_id(NEXT).filter(|_| !documents.is_empty() && !documents.iter().any(is_old));
        Ok(cursor.into_page(Findings { observations, ..Findings::default() }, next, LISTINGS))
    }

    /// The id of the catalog type that holds services; `None` when no type has the usual name.
    async fn find_catalog_type(&self, now: Timestamp) -> Result<Option<String>, PollError> {
        let (wanted, is_chosen) = self.mapper.catalog_type();
        let path = "v3/catalog_types";
        let answer = self.api.get(path, &Query::new(), now).await?;
        let types = self.api.items_of(&answer, "/catalog_types", path)?.iter();
        let mut matching = types
            .filter(|kind| kind.text("/name").eq_ignore_ascii_case(wanted) || kind.text("/id") == wanted)
            .filter_map(|kind| kind.find_id("/id"));
        match matching.next() {
            None if is_chosen => Err(PollError::Refused {
                message: "incident.io has no such catalog type: set `catalog_type` to a name or id that its \
                          catalog shows"
                    .to_owned(),
            }),
            found => Ok(found),
        }
    }
}

#[async_trait]
impl Poller for IncidentIoPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        if cursor.is_start() {
            self.rank_severities(memory, now).await?;
        }
        match cursor.listing {
            0 => self.incidents(cursor, memory, now).await,
            _ => self.reviews(cursor, memory, now).await,
        }
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let mut catalogue = Catalogue::default();
        if let Some(kind) = self.find_catalog_type(now).await? {
            let filters = vec![("catalog_type_id", kind), ("page_size", "250".to_owned())];
            let path = "v3/catalog_entries";
            let active = |entry: &Value| {
                let is_active = entry.find_text("/archived_at").is_none();
                is_active.then(|| self.mapper.component(entry, now)).flatten()
            };
            let listed = self.api.list_with(path, "/catalog_entries", &filters, PAGING, now, active);
            catalogue.components = listed.await?;
        }
        let path = "v3/teams";
        if self.api.find(path, &Query::new(), NO_FEATURE, now).await?.is_some() {
            let workspace = |team: &Value| {
                let provider_id = team.find_id("/id")?;
                let name = team.find_text("/name").unwrap_or(&provider_id).to_owned();
                Some(Workspace { name, url: self.mapper.home(), provider_id })
            };
            catalogue.workspaces = self.api.list(path, "/teams", PAGING, now, workspace).await?;
        }
        Ok(catalogue)
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("v2/incidents/{provider_id}");
        let Some(answer) = self.api.find(&path, &Query::new(), &[404], now).await? else { return Ok(None) };
        let mut memory = Memory::default();
        self.rank_severities(&mut memory, now).await?;
        let found = self.mapper.incident(answer.at("/incident"), now, &mut memory);
        found.map(Some).map_err(|fault| PollError::Unreadable {
            message: format!("incident.io at /v2/incidents: {fault}"),
        })
    }
}
