//! Reads Opsgenie's Incident API. It has no "updated since" filter, so each run reads all open incidents,
//! then the resolved and closed ones that were created since the last run, and at least the newest page of
//! them; an incident that is no longer listed as open is fetched by its id.
//!
//! A post-mortem can only be read by its id, which an extra property of the incident has to hold.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::Value;

use super::payload::Mapper;
use crate::config::SourceConfig;
use crate::domain::{Entity, Observation, Shift, Timestamp};
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::listing::ListingCursor;
use crate::sources::kit::open_incidents::{note_open, take_unseen};
use crate::sources::kit::pages::Paging;
use crate::sources::{BuildError, Catalogue, Findings, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "Opsgenie",
    url: "https://api.opsgenie.com",
    scheme: "GenieKey ",
    fix: "set `api_token` to an API key with read and configuration access of an account whose plan has \
          incidents, and `api_url` to https://api.eu.opsgenie.com if it is in the EU",
};
/// The most that one page may hold (pagination page).
const LIMIT: usize = 100;
const INCIDENTS: &str = "v1/incidents";
const PAGING: Paging = Paging::Offset { limit: LIMIT, more: "/paging/next" };

/// The listings of a run: incidents of each status, newest created first.
const STATUSES: [&str; 3] = ["open", "resolved", "closed"];
const OPEN: usize = 0;
/// How far before the start of the last run a run reads: clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// The answers when the property holds something other than the id of a post-mortem, or one that the key may
/// not read.
const NO_POSTMORTEM: &[u16] = &[400, 402, 403, 404, 422];

pub(super) struct OpsgeniePoller {
    api: Api,
    mapper: Arc<Mapper>,
    postmortem_property: String,
}

impl OpsgeniePoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
        postmortem_property: String,
    ) -> Result<Option<Self>, BuildError> {
        let api = ACCESS.open(config, http)?;
        Ok(api.map(|api| Self { api, mapper: Arc::clone(mapper), postmortem_property }))
    }

    /// One incident and its post-mortem; nothing when the entry is no incident.
    async fn findings(&self, incident: &Value, now: Timestamp) -> Result<Findings, PollError> {
        let mut observations = self.mapper.incident(incident, now).into_iter().collect::<Vec<_>>();
        let property = incident.at("/extraProperties").get(&self.postmortem_property).and_then(Value::as_str);
        let id = property.and_then(|text| text.trim().trim_end_matches('/').rsplit('/').next());
        if let Some(id) = id.filter(|id| !id.is_empty() && !observations.is_empty()) {
            let path = format!("v2/postmortem/{id}");
            if let Some(answer) = self.api.find(&path, &Query::new(), NO_POSTMORTEM, now).await? {
                let review = self.mapper.review(answer.at("/data"), incident, now).map(Entity::Review);
                observations.extend(review.map(|review| Observation::present(review, now)));
            }
        }
        Ok(Findings { observations, ..Findings::default() })
    }
}

#[async_trait]
impl Poller for OpsgeniePoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let cursor = ListingCursor::resume(cursor, backfill_from, now)?;
        let (is_open, status) = (cursor.listing == OPEN, STATUSES.get(cursor.listing).unwrap_or(&"closed"));
        let offset = cursor.page.as_deref().and_then(|page| page.parse::<usize>().ok()).unwrap_or(0);
        let query: Query = vec![
            ("query", format!("status: {status}")),
            ("sort", "createdAt".to_owned()),
            ("order", "desc".to_owned()),
            ("limit", LIMIT.to_string()),
            ("offset", offset.to_string()),
        ];
        let answer = self.api.get(INCIDENTS, &query, now).await?;
        let entries = self.api.items_of(&answer, "/data", INCIDENTS)?;
        let is_before =
            |entry: &Value, limit| entry.find_time("/createdAt").is_some_and(|created| created < limit);
        let mut findings = Findings::default();
        for incident in entries.iter().filter(|entry| is_open || !is_before(entry, backfill_from)) {
            findings.absorb(self.findings(incident, now).await?);
        }
        note_open(memory, &findings, cursor.started());

        let since = cursor.since.earlier_by(OVERLAP);
        let goes_on = is_open || !entries.iter().any(|entry| is_before(entry, since));
        let goes_on = goes_on && !entries.is_empty() && answer.find_id("/paging/next").is_some();
        let next = goes_on.then(|| offset.saturating_add(entries.len()).to_string());
        if is_open && next.is_none() {
            findings.refetch = take_unseen(memory, cursor.started());
        }
        Ok(cursor.into_page(findings, next, STATUSES.len()))
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let service = |data: &Value| self.mapper.component(data, now);
        let components = self.api.list("v1/services", "/data", PAGING, now, service).await?;
        let teams = self.api.get("v2/teams", &Query::new(), now).await?;
        Ok(Catalogue {
            components,
            workspaces: teams.items("/data").iter().filter_map(|team| self.mapper.team(team)).collect(),
        })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("{INCIDENTS}/{provider_id}");
        let query = vec![("identifierType", "id".to_owned())];
        let Some(answer) = self.api.find(&path, &query, &[404], now).await? else {
            // Only incidents that were listed once are asked for: this one was deleted.
            return Ok(Some(Findings::gone(provider_id, now)));
        };
        self.findings(answer.at("/data"), now).await.map(Some)
    }
}
