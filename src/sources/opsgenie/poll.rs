//! Reads Opsgenie's Incident API. It has no "updated since" filter, so each run reads all open incidents, then
//! the newest resolved and closed ones; what was open before and is listed as open no more is fetched by id.
//!
//! The first run reads resolved and closed incidents back to the start of the backfill window. A post-mortem
//! can only be had by its id, which an extra property of the incident has to hold.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Mapper;
use crate::config::SourceConfig;
use crate::domain::{Entity, EntityKind, Observation, Timestamp};
use crate::sources::http::{Api, Paging, Query, base_url};
use crate::sources::open_incidents::{note_open, take_unseen};
use crate::sources::value::Fields;
use crate::sources::{BuildError, Catalogue, Cursor, Findings, Page, PollError, PollRequest, Poller};

/// The most that one page may hold (pagination page).
const LIMIT: usize = 100;
const PAGING: Paging = Paging::Offset { limit: LIMIT, more: "/paging/next" };

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Open,
    Resolved,
    Closed,
}

/// Where a run stands: the place in the list of one status, newest created first. `until` is set on the
/// first run: how far back to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Progress {
    Reading {
        started: Timestamp,
        until: Option<Timestamp>,
        status: Status,
        offset: usize,
    },
    /// Between two runs.
    Idle,
}

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
        let Some(token) = &config.api_token else { return Ok(None) };
        let fix = "set `api_token` to an API key with read and configuration access of an account whose plan \
                   has incidents, and `api_url` to https://api.eu.opsgenie.com if it is in the EU";
        let base = base_url(config, "https://api.opsgenie.com")?;
        let api = Api::new(http, base, "Opsgenie", fix).with_credential("GenieKey ", token)?;
        Ok(Some(Self { api, mapper: Arc::clone(mapper), postmortem_property }))
    }

    /// One incident and its post-mortem; nothing when the entry is no incident.
    async fn findings(&self, incident: &Value, now: Timestamp) -> Result<Findings, PollError> {
        let mut observations = self.mapper.incident(incident, now).into_iter().collect::<Vec<_>>();
        let property = incident["extraProperties"].get(&self.postmortem_property).and_then(Value::as_str);
        let id = property.and_then(|text| text.trim().trim_end_matches('/').rsplit('/').next());
        if let Some(id) = id.filter(|id| !id.is_empty() && !observations.is_empty()) {
            let path = format!("v2/postmortem/{id}");
            if let Some(answer) = self.api.find(&path, &Query::new(), &[404], now).await? {
                let review = self.mapper.review(&answer["data"], incident, now).map(Entity::Review);
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
        let (started, until, status, offset) = match cursor.map(Cursor::read).transpose()? {
            None => (now, Some(backfill_from), Status::Open, 0),
            Some(Progress::Idle) => (now, None, Status::Open, 0),
            Some(Progress::Reading { started, until, status, offset }) => (started, until, status, offset),
        };
        let (word, after) = match status {
            Status::Open => ("open", Some(Status::Resolved)),
            Status::Resolved => ("resolved", Some(Status::Closed)),
            Status::Closed => ("closed", None),
        };
        let query: Query = vec![
            ("query", format!("status: {word}")),
            ("sort", "createdAt".to_owned()),
            ("order", "desc".to_owned()),
            ("limit", LIMIT.to_string()),
            ("offset", offset.to_string()),
        ];
        let answer = self.api.get("v1/incidents", &query, now).await?;
        let Some(entries) = answer.get("data").and_then(Value::as_array) else {
            let message = "Opsgenie answered without `data` at /v1/incidents".to_owned();
            return Err(PollError::Unreadable { message });
        };
        let wanted = |entry: &Value| {
            status == Status::Open
                || until.is_none_or(|until| entry.find_time("/createdAt").is_none_or(|at| at >= until))
        };
        let mut findings = Findings::default();
        for incident in entries.iter().filter(|entry| wanted(entry)) {
            findings.absorb(self.findings(incident, now).await?);
        }
        note_open(memory, &findings, started);

        let walks_on = status == Status::Open || (until.is_some() && entries.iter().all(wanted));
        let more = walks_on && !entries.is_empty() && answer.find_id("/paging/next").is_some();
        if status == Status::Open && !more {
            findings.refetch = take_unseen(memory, started);
        }
        let reading = |status, offset| Progress::Reading { started, until, status, offset };
        let next = match after {
            _ if more => reading(status, offset + entries.len()),
            Some(status) => reading(status, 0),
            None => Progress::Idle,
        };
        Ok(Page { findings, next: Cursor::of(&next), done: next == Progress::Idle, total: None })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let services = self.api.list("v1/services", "/data", PAGING, now).await?;
        let teams = self.api.get("v2/teams", &Query::new(), now).await?;
        Ok(Catalogue {
            components: services.iter().filter_map(|service| self.mapper.component(service, now)).collect(),
            workspaces: teams.items("/data").iter().filter_map(|team| self.mapper.team(team)).collect(),
        })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("v1/incidents/{provider_id}");
        let query = vec![("identifierType", "id".to_owned())];
        let Some(answer) = self.api.find(&path, &query, &[404], now).await? else {
            // Only incidents that were listed once are asked for: this one was deleted.
            let gone = Observation::deleted(EntityKind::Incident, provider_id.to_owned(), now);
            return Ok(Some(Findings { observations: vec![gone], ..Findings::default() }));
        };
        self.findings(&answer["data"], now).await.map(Some)
    }
}
