//! Reads Statuspage's API v1, page by page of the account: what is unresolved, then the newest incidents.
//!
//! There is no "updated since" filter. What was unresolved before and is so no more is fetched by id. One
//! request a second is allowed, so drafts of postmortems are asked for only where one is likely: after the
//! latest resolved incidents.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Mapper, Options, find_component, find_page, is_maintenance, review};
use crate::config::SourceConfig;
use crate::domain::{EntityKind, Observation, ReviewStatus, Timestamp};
use crate::sources::http::{Api, Paging, Query, base_url};
use crate::sources::open_incidents::{note_open, take_unseen};
use crate::sources::value::Fields;
use crate::sources::{BuildError, Catalogue, Cursor, Findings, Page, PollError, PollRequest, Poller};

/// The most that one page may hold.
const LIMIT: usize = 100;
const PAGING: Paging = Paging::Pages { size: "per_page", limit: LIMIT };
/// Drafts are asked for after incidents resolved this recently, and for so many of them.
const DRAFT_AGE: TimeDelta = TimeDelta::days(14);
const DRAFTS: usize = 10;

/// Where a run stands: the lists of the first of `pages`, then those of the others. `until` is set on the
/// first run: how far back to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Progress {
    Reading {
        started: Timestamp,
        until: Option<Timestamp>,
        pages: Vec<String>,
        unresolved: bool,
        number: usize,
    },
    /// Between two runs.
    Idle,
}

pub(super) struct StatuspagePoller {
    api: Api,
    mapper: Arc<Mapper>,
    options: Arc<Options>,
}

impl StatuspagePoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
        options: &Arc<Options>,
    ) -> Result<Option<Self>, BuildError> {
        let Some(token) = &config.api_token else { return Ok(None) };
        let fix = "set `api_token` to an API key of a user who may see the pages";
        let base = base_url(config, "https://api.statuspage.io/v1")?;
        let api = Api::new(http, base, "Statuspage", fix).with_credential("OAuth ", token)?;
        Ok(Some(Self { api, mapper: Arc::clone(mapper), options: Arc::clone(options) }))
    }

    fn is_wanted(&self, page: &str) -> bool {
        self.options.page_ids.is_empty() || self.options.page_ids.iter().any(|id| id == page)
    }

    /// The pages to read. A key that sees none any more must not make their incidents look deleted.
    async fn page_ids(&self, now: Timestamp) -> Result<Vec<String>, PollError> {
        if !self.options.page_ids.is_empty() {
            return Ok(self.options.page_ids.clone());
        }
        let pages = self.api.list("pages", "", PAGING, now).await?;
        let ids = pages.iter().filter_map(|page| page.find_id("/id")).collect::<Vec<_>>();
        if ids.is_empty() {
            let message =
                "Statuspage shows no page to this `api_token`: use a key of a user who may see them";
            return Err(PollError::Refused { message: message.to_owned() });
        }
        Ok(ids)
    }

    fn findings(&self, entries: &[Value], page: &str, now: Timestamp) -> Findings {
        let mut all = Findings::default();
        let incidents = entries.iter().filter(|entry| !is_maintenance(entry));
        for found in incidents.filter_map(|entry| self.mapper.incident(entry, page, now).ok()) {
            all.absorb(found);
        }
        all
    }

    /// The unpublished postmortem of an incident, if somebody has begun one.
    async fn draft(
        &self,
        incident: &Value,
        page: &str,
        now: Timestamp,
    ) -> Result<Option<Observation>, PollError> {
        let Some(id) = incident.find_id("/id") else { return Ok(None) };
        let path = format!("pages/{page}/incidents/{id}/postmortem");
        let Some(postmortem) = self.api.find(&path, &Query::new(), &[404], now).await? else {
            return Ok(None);
        };
        let (status, body) = match postmortem.find_time("/published_at") {
            Some(_) => (ReviewStatus::Completed, postmortem.text("/body")),
            None if postmortem.find_text("/body_draft").is_some() => {
                (ReviewStatus::InProgress, postmortem.text("/body_draft"))
            }
            None => return Ok(None),
        };
        let updated_at = postmortem.find_time("/updated_at").unwrap_or(now);
        let created_at = postmortem.find_time("/created_at").unwrap_or(updated_at);
        Ok(review(incident, body, status, created_at, updated_at))
    }
}

/// Whether a draft may wait here: resolved lately, and no postmortem published or declined.
fn may_have_draft(incident: &Value, now: Timestamp) -> bool {
    incident.find_time("/resolved_at").is_some_and(|at| now - at < DRAFT_AGE)
        && incident.find_time("/postmortem_published_at").is_none()
        && incident["postmortem_ignored"] != true
        && !is_maintenance(incident)
}

#[async_trait]
impl Poller for StatuspagePoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let (started, until, mut pages, unresolved, number) = match cursor.map(Cursor::read).transpose()? {
            None => (now, Some(backfill_from), self.page_ids(now).await?, true, 1),
            Some(Progress::Idle) => (now, None, self.page_ids(now).await?, true, 1),
            Some(Progress::Reading { started, until, pages, unresolved, number }) => {
                (started, until, pages, unresolved, number)
            }
        };
        let Some(page) = pages.first().cloned() else {
            // Every page was read: what was unresolved before and was not seen is resolved, or gone.
            let findings = Findings { refetch: take_unseen(memory, started), ..Findings::default() };
            return Ok(Page { findings, next: Cursor::of(&Progress::Idle), done: true, total: None });
        };
        let (list, size) = if unresolved { ("/unresolved", "per_page") } else { ("", "limit") };
        let path = format!("pages/{page}/incidents{list}");
        let query = vec![(size, LIMIT.to_string()), ("page", number.to_string())];
        let answer = self.api.get(&path, &query, now).await?;
        let Some(entries) = answer.as_array() else {
            let message = format!("Statuspage answered something other than a list at /{path}");
            return Err(PollError::Unreadable { message });
        };
        let is_old = |entry: &Value| {
            until.is_some_and(|until| entry.find_time("/created_at").is_some_and(|at| at < until))
        };
        let taken = entries.iter().filter(|entry| unresolved || !is_old(entry)).cloned().collect::<Vec<_>>();
        let mut findings = self.findings(&taken, &page, now);
        if !unresolved && number == 1 {
            for incident in taken.iter().filter(|entry| may_have_draft(entry, now)).take(DRAFTS) {
                findings.observations.extend(self.draft(incident, &page, now).await?);
            }
        }
        note_open(memory, &findings, started);

        let walks_on = unresolved || (until.is_some() && taken.len() == entries.len());
        let (unresolved, number) = if walks_on && entries.len() >= LIMIT {
            (unresolved, number + 1)
        } else if unresolved {
            (false, 1)
        } else {
            pages.remove(0);
            (true, 1)
        };
        let next = Progress::Reading { started, until, pages, unresolved, number };
        Ok(Page { findings, next: Cursor::of(&next), done: false, total: None })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let pages = self.api.list("pages", "", PAGING, now).await?;
        let mut catalogue = Catalogue::default();
        for page in pages.iter().filter_map(find_page).filter(|page| self.is_wanted(&page.provider_id)) {
            let path = format!("pages/{}/components", page.provider_id);
            let components = self.api.list(&path, "", PAGING, now).await?;
            catalogue.components.extend(components.iter().filter_map(|entry| find_component(entry, now)));
            catalogue.workspaces.push(page);
        }
        Ok(catalogue)
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        for page in self.page_ids(now).await? {
            let path = format!("pages/{page}/incidents/{provider_id}");
            let Some(incident) = self.api.find(&path, &Query::new(), &[404], now).await? else { continue };
            let mut findings = self.findings(std::slice::from_ref(&incident), &page, now);
            if may_have_draft(&incident, now) {
                findings.observations.extend(self.draft(&incident, &page, now).await?);
            }
            return Ok(Some(findings));
        }
        // Incidents that were listed once and that no page knows any more were deleted.
        let gone = Observation::deleted(EntityKind::Incident, provider_id.to_owned(), now);
        Ok(Some(Findings { observations: vec![gone], ..Findings::default() }))
    }
}
