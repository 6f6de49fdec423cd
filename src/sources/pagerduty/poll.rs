//! Reads PagerDuty's REST API v2: backfill, then every later change.
//!
//! PagerDuty has no "updated since" filter. The first run therefore reads incidents by creation time, oldest
//! first, in windows of at most six months; where a window holds more than offsets can reach (10,000), the
//! next window starts at the last incident read. Then, and on every later run, two lists show all that is
//! open or was resolved lately: the open incidents, and the resolved ones from the latest resolution back to
//! the last run, with an overlap. Last, the log shows which incidents changed that neither list has,
//! because they were resolved long before: these are fetched one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use reqwest::header::ACCEPT;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::payload::{self, Mapper, PRIORITY};
use crate::config::SourceConfig;
use crate::domain::{Shift, Timestamp, format_timestamp};
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::pages::Paging;
use crate::sources::kit::severity_ranks;
use crate::sources::{BuildError, Catalogue, Cursor, Findings, Memory, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "PagerDuty",
    url: "https://api.pagerduty.com",
    scheme: "Token token=",
    fix: "set `api_token` to a REST API key with read access of this account, and `api_url` to \
          https://api.eu.pagerduty.com if the account is in the EU",
};
const INCIDENTS: &str = "incidents";
const LOG_ENTRIES: &str = "log_entries";
const LIMIT: usize = 100;
/// `offset + limit` may not pass this (PagerDuty's pagination page).
const MAX_OFFSET: usize = 10_000;
/// Safely below the six months that one request may span.
const WINDOW: TimeDelta = TimeDelta::days(180);
/// How far before the start of the last run a run reads: clocks differ, and lists lag.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// How far back the log is read at most, however long ago the last run was.
const LOG_REACH: TimeDelta = TimeDelta::days(7);
const PAGING: Paging = Paging::Offset { limit: LIMIT, more: "/more" };
/// 402 and 404: the account's plan does not have the feature.
const NO_FEATURE: &[u16] = &[402, 404];

/// How far a run has come. `started` is when it began: the next run reads resolutions since then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Progress {
    /// Incidents created in a window from `from`, oldest first.
    Backfill { started: Timestamp, first: Timestamp, from: Timestamp, offset: usize },
    /// Everything that is open.
    Open { started: Timestamp, since: Timestamp, offset: usize },
    /// What was resolved since `since`, latest first.
    Resolved { started: Timestamp, since: Timestamp, offset: usize },
    /// The log since `since`, latest first: for changes of what was resolved before.
    Log { started: Timestamp, since: Timestamp, offset: usize },
    /// Between two runs.
    Idle { since: Timestamp },
}

pub(super) struct PagerDutyPoller {
    api: Api,
    mapper: Arc<Mapper>,
}

impl PagerDutyPoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        let api = ACCESS.open(config, http)?;
        let api = api.map(|api| api.with_header(ACCEPT, "application/vnd.pagerduty+json;version=2"));
        Ok(api.map(|api| Self { api, mapper: Arc::clone(mapper) }))
    }

    /// The ids of the account's priorities, most severe first; empty when the account has none.
    async fn priorities(&self, now: Timestamp) -> Result<Vec<String>, PollError> {
        let answer = self.api.find("priorities", &Query::new(), NO_FEATURE, now).await?;
        Ok(answer.map(|answer| answer.ids("/priorities")).unwrap_or_default())
    }

    /// One page of incidents, or of the log; for an account whose plan has no log, an empty page.
    async fn page(&self, progress: Progress, now: Timestamp) -> Result<Value, PollError> {
        let query = progress.query();
        if !matches!(progress, Progress::Log { .. }) {
            return self.api.get(INCIDENTS, &query, now).await;
        }
        let answer = self.api.find(LOG_ENTRIES, &query, NO_FEATURE, now).await?;
        Ok(answer.unwrap_or_else(|| json!({ LOG_ENTRIES: [] })))
    }

    /// The incidents of one page.
    fn findings(&self, answer: &Value, memory: &Memory, now: Timestamp) -> Findings {
        Findings::merge(answer.items("/incidents").iter().map(|incident| {
            let rank = |id: &str| severity_ranks::find(memory, PRIORITY, id);
            let updated_at = incident.find_time("/updated_at").unwrap_or(now);
            Findings::of_entry(|| self.mapper.incident(incident, updated_at, &rank))
        }))
    }
}

#[async_trait]
impl Poller for PagerDutyPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let progress = match cursor.map(Cursor::read).transpose()? {
            None => Progress::Backfill { started: now, first: backfill_from, from: backfill_from, offset: 0 },
            // A clock that was ahead of its time when the last run began has been set back.
            Some(Progress::Idle { since }) => {
                Progress::Open { started: now, since: since.min(now), offset: 0 }
            }
            Some(progress) => progress,
        };
        if progress.is_start() {
            severity_ranks::remember(memory, PRIORITY, &self.priorities(now).await?);
        }
        let answer = self.page(progress, now).await?;
        let items = self.api.items_of(&answer, &format!("/{}", progress.items()), progress.items())?;
        let next = progress.next(items, answer.at("/more").as_bool().unwrap_or(false));
        let findings = match progress {
            Progress::Log { since, .. } => {
                Findings { refetch: changed_late(items, since), ..Findings::default() }
            }
            _ => self.findings(&answer, memory, now),
        };
        Ok(Page {
            findings,
            next: Cursor::of(&next),
            done: matches!(next, Progress::Idle { .. }),
            total: progress.covers_backfill().then(|| answer.at("/total").as_u64()).flatten(),
        })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let service = |data: &Value| self.mapper.mentioned(data, data, now);
        let components = self.api.list("services", "/services", PAGING, now, service).await?;
        // Teams need an ability that smaller plans lack: then the account has none.
        let has_teams = self.api.find("teams", &PAGING.first(), NO_FEATURE, now).await?.is_some();
        if !has_teams {
            return Ok(Catalogue { components, workspaces: Vec::new() });
        }
        let team = |data: &Value| self.mapper.team(data);
        Ok(Catalogue { components, workspaces: self.api.list("teams", "/teams", PAGING, now, team).await? })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("incidents/{provider_id}");
        let Some(answer) = self.api.find(&path, &Query::new(), &[404], now).await? else { return Ok(None) };
        let incident = answer.at("/incident");
        let ranks = if payload::needs_rank(incident) { self.priorities(now).await? } else { Vec::new() };
        let rank = |id: &str| ranks.iter().position(|known| known == id);
        let updated_at = incident.find_time("/updated_at").unwrap_or(now);
        self.mapper
            .incident(incident, updated_at, &rank)
            .map(Some)
            .map_err(|fault| PollError::Unreadable { message: format!("PagerDuty at /incidents: {fault}") })
    }
}

/// The incidents of these log entries that were resolved before `since`, with the overlap that the list of
/// the resolved has: everything else was in a list.
fn changed_late(entries: &[Value], since: Timestamp) -> Vec<String> {
    let late = |incident: &&Value| {
        let resolved =
            incident.find_time("/resolved_at").or_else(|| incident.find_time("/last_status_change_at"));
        incident.text("/status") == "resolved" && resolved.is_none_or(|at| at < since.earlier_by(OVERLAP))
    };
    let ids =
        entries.iter().map(|entry| entry.at("/incident")).filter(late).filter_map(|it| it.find_id("/id"));
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

impl Progress {
    /// The name of the list in an answer.
    fn items(self) -> &'static str {
        if matches!(self, Self::Log { .. }) { LOG_ENTRIES } else { INCIDENTS }
    }

    fn is_start(self) -> bool {
        match self {
            Self::Backfill { first, from, offset, .. } => first == from && offset == 0,
            Self::Open { offset, .. } => offset == 0,
            Self::Resolved { .. } | Self::Log { .. } | Self::Idle { .. } => false,
        }
    }

    /// Whether the page's total is that of the whole backfill.
    fn covers_backfill(self) -> bool {
        matches!(self, Self::Backfill { started, first, from, .. } if first == from && started.signed_duration_since(from) <= WINDOW)
    }

    fn query(self) -> Query {
        let (offset, mut query) = match self {
            Self::Backfill { started, from, offset, .. } => (
                offset,
                vec![
                    ("since", format_timestamp(from)),
                    ("until", format_timestamp((from.later_by(WINDOW)).min(started))),
                    ("sort_by", "created_at:asc".to_owned()),
                    ("total", "true".to_owned()),
                ],
            ),
            Self::Open { offset, .. } => {
                (offset, vec![("date_range", "all".to_owned()), ("sort_by", "created_at:asc".to_owned())])
            }
            Self::Idle { .. } => return Query::new(),
            Self::Log { started, since, offset } => (
                offset,
                vec![
                    (
                        "since",
                        format_timestamp((since.earlier_by(OVERLAP)).max(started.earlier_by(LOG_REACH))),
                    ),
                    ("until", format_timestamp(started)),
                    ("is_overview", "true".to_owned()),
                    ("include[]", "incidents".to_owned()),
                ],
            ),
            Self::Resolved { offset, .. } => {
                (offset, vec![("date_range", "all".to_owned()), ("sort_by", "resolved_at:desc".to_owned())])
            }
        };
        let statuses: &[&str] = match self {
            Self::Backfill { .. } | Self::Log { .. } => &[],
            Self::Open { .. } => &["triggered", "acknowledged"],
            Self::Resolved { .. } | Self::Idle { .. } => &["resolved"],
        };
        query.extend(statuses.iter().map(|status| ("statuses[]", (*status).to_owned())));
        query.extend([("limit", LIMIT.to_string()), ("offset", offset.to_string())]);
        query
    }

    /// What comes after this page.
    fn next(self, items: &[Value], more: bool) -> Self {
        let more = more && !items.is_empty();
        let reachable =
            |offset: usize| offset.saturating_add(items.len()).saturating_add(LIMIT) <= MAX_OFFSET;
        match self {
            Self::Backfill { started, first, from, offset } if more && reachable(offset) => {
                Self::Backfill { started, first, from, offset: offset.saturating_add(items.len()) }
            }
            Self::Backfill { started, first, from, .. } => {
                let last = items.last().and_then(|incident| incident.find_time("/created_at"));
                // At least a second ahead, so that many incidents in one second cannot stop the walk.
                let narrowed = last.unwrap_or(from).max(from.later_by(TimeDelta::seconds(1)));
                let from = if more { narrowed } else { from.later_by(WINDOW) };
                if from < started {
                    Self::Backfill { started, first, from, offset: 0 }
                } else {
                    Self::Open { started, since: first, offset: 0 }
                }
            }
            Self::Open { started, since, offset } if more && reachable(offset) => {
                Self::Open { started, since, offset: offset.saturating_add(items.len()) }
            }
            Self::Open { started, since, .. } => Self::Resolved { started, since, offset: 0 },
            Self::Resolved { started, since, offset } => {
                let resolved = |incident: &Value| incident.find_time("/resolved_at");
                let older = items.iter().filter_map(resolved).any(|at| at < since.earlier_by(OVERLAP));
                if more && !older && reachable(offset) {
                    Self::Resolved { started, since, offset: offset.saturating_add(items.len()) }
                } else {
                    Self::Log { started, since, offset: 0 }
                }
            }
            Self::Log { started, since, offset } if more && reachable(offset) => {
                Self::Log { started, since, offset: offset.saturating_add(items.len()) }
            }
            Self::Log { started, .. } => Self::Idle { since: started },
            Self::Idle { since } => Self::Idle { since },
        }
    }
}
