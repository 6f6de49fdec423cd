//! Reads FireHydrant's API v1: incidents changed since the last run, archived ones too, and all
//! retrospectives of the backfill window.
//!
//! Retrospectives are read whole on every run, a page or two: their status is a milestone of their incident,
//! which may move while the report does not.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Mapper, component, remember_retrospective, review};
use crate::config::SourceConfig;
use crate::domain::{Entity, Observation, Timestamp, Workspace, format_timestamp};
use crate::sources::http::{Api, Paging, Query, base_url};
use crate::sources::value::Fields;
use crate::sources::{BuildError, Catalogue, Cursor, Findings, Memory, Page, PollError, PollRequest, Poller};

/// The most that one page may hold (API overview).
const LIMIT: &str = "200";
/// How far a run reads back behind the start of the last one: clocks differ, and lists lag.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
const PAGING: Paging = Paging::Cursor { parameter: "page", next: "/pagination/next" };

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum List {
    Incidents,
    Archived,
    Reports,
}

/// Where a run stands: the page of a list, of what changed since `since`. `started` is when it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Progress {
    Reading {
        started: Timestamp,
        since: Timestamp,
        list: List,
        page: String,
    },
    /// Between two runs.
    Idle {
        since: Timestamp,
    },
}

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
        let Some(token) = &config.api_token else { return Ok(None) };
        let fix = "set `api_token` to the token of a bot user (fhb-…) of this organisation, \
                   and `api_url` to https://api.eu.firehydrant.io/v1 if it is in the EU";
        let base = base_url(config, "https://api.firehydrant.io/v1")?;
        let api = Api::new(http, base, "FireHydrant", fix).with_credential("Bearer ", token)?;
        Ok(Some(Self { api, mapper: Arc::clone(mapper) }))
    }

    /// What a page tells; an incident that cannot be mapped is left out, as nothing could be done.
    fn findings(&self, list: List, entries: &[Value], memory: &mut Memory, now: Timestamp) -> Findings {
        let mut all = Findings::default();
        for entry in entries {
            if list == List::Reports {
                let review = review(entry, memory, now).map(Entity::Review);
                all.observations.extend(review.map(|review| Observation::present(review, now)));
            } else if let Ok(found) = self.mapper.incident(entry, now) {
                remember_retrospective(memory, entry);
                all.absorb(found);
            }
        }
        all
    }

    async fn list(&self, path: &str, now: Timestamp) -> Result<Vec<Value>, PollError> {
        let query = vec![("lite", "true".to_owned()), ("per_page", LIMIT.to_owned())];
        self.api.list_with(path, "/data", &query, PAGING, now).await
    }
}

#[async_trait]
impl Poller for FireHydrantPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let start = |since| (now, since, List::Incidents, "1".to_owned());
        let (started, since, list, page) = match cursor.map(Cursor::read).transpose()? {
            None => start(backfill_from),
            Some(Progress::Idle { since }) => start(since - OVERLAP),
            Some(Progress::Reading { started, since, list, page }) => (started, since, list, page),
        };
        let (path, filter, next_list) = match list {
            List::Incidents => ("incidents", ("updated_after", since), Some(List::Archived)),
            List::Archived => ("incidents", ("updated_after", since), Some(List::Reports)),
            List::Reports => ("post_mortems/reports", ("updated_since", backfill_from), None),
        };
        let mut query: Query =
            vec![(filter.0, format_timestamp(filter.1)), ("per_page", LIMIT.to_owned()), ("page", page)];
        query.extend((list == List::Archived).then(|| ("archived", "true".to_owned())));
        let answer = self.api.get(path, &query, now).await?;
        let Some(entries) = answer.get("data").and_then(Value::as_array) else {
            let message = format!("FireHydrant answered without `data` at /{path}");
            return Err(PollError::Unreadable { message });
        };
        let following = answer.find_id("/pagination/next").filter(|_| !entries.is_empty());
        let reading = |list, page| Progress::Reading { started, since, list, page };
        let next = match (following, next_list) {
            (Some(page), _) => reading(list, page),
            (None, Some(list)) => reading(list, "1".to_owned()),
            (None, None) => Progress::Idle { since: started },
        };
        Ok(Page {
            findings: self.findings(list, entries, memory, now),
            done: matches!(next, Progress::Idle { .. }),
            next: Cursor::of(&next),
            total: (list == List::Incidents).then(|| answer["pagination"]["count"].as_u64()).flatten(),
        })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let mut services = self.list("services", now).await?;
        if self.mapper.functionalities {
            services.extend(self.list("functionalities", now).await?);
        }
        let teams = self.list("teams", now).await?;
        let team = |data: &Value| {
            let provider_id = data.find_id("/id")?;
            let name = data.find_text("/name").unwrap_or(&provider_id).to_owned();
            Some(Workspace { name, url: super::HOME.to_owned(), provider_id })
        };
        Ok(Catalogue {
            components: services.iter().filter_map(|service| component(service, now)).collect(),
            workspaces: teams.iter().filter_map(team).collect(),
        })
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
