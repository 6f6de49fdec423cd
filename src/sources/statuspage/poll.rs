//! Reads Statuspage's API v1, page by page of the account: what is unresolved, then what was created since
//! the last run, and at least the newest incidents.
//!
//! There is no "updated since" filter. An incident that is no longer unresolved is fetched by its id. One
//! request a second is allowed, so drafts of postmortems are asked for only where one is likely: after the
//! latest resolved incidents.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payload::{Mapper, find_component, find_page, find_postmortem, is_maintenance, review};
use crate::config::SourceConfig;
use crate::domain::{Observation, ReviewStatus, Shift, Timestamp};
use crate::sources::kit::access::Access;
use crate::sources::kit::api::{Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::open_incidents::{note_open, take_unseen};
use crate::sources::kit::pages::Paging;
use crate::sources::{BuildError, Catalogue, Cursor, Findings, Memory, Page, PollError, PollRequest, Poller};

const ACCESS: Access = Access {
    tool: "Statuspage",
    url: "https://api.statuspage.io/v1",
    scheme: "OAuth ",
    fix: "set `api_token` to an API key of a user who may see the pages",
};
/// The most that one page may hold.
const LIMIT: usize = 100;
const PAGING: Paging = Paging::Pages { size: "per_page", limit: LIMIT };
/// How far before the start of the last run a run reads: clocks differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// The incident has no postmortem, or the page's plan or the key's user has no access to it.
const NO_POSTMORTEM: &[u16] = &[402, 403, 404];
/// Drafts are asked for after incidents resolved this recently, and for so many of them.
const DRAFT_AGE: TimeDelta = TimeDelta::days(14);
const DRAFTS: usize = 10;

/// How far a run has come: the lists of the first of `pages`, then those of the others. `since` is when the
/// last run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Progress {
    Reading {
        started: Timestamp,
        since: Timestamp,
        pages: Vec<String>,
        unresolved: bool,
        number: usize,
    },
    /// Between two runs.
    Idle {
        since: Timestamp,
    },
}

pub(super) struct StatuspagePoller {
    api: Api,
    mapper: Arc<Mapper>,
    /// The pages that count; all that the token can see when empty.
    page_ids: Vec<String>,
}

impl StatuspagePoller {
    /// The poller, if the configuration has a token for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
        page_ids: &[String],
    ) -> Result<Option<Self>, BuildError> {
        let api = ACCESS.open(config, http)?;
        Ok(api.map(|api| Self { api, mapper: Arc::clone(mapper), page_ids: page_ids.to_vec() }))
    }

    fn is_wanted(&self, page: &str) -> bool {
        self.page_ids.is_empty() || self.page_ids.iter().any(|id| id == page)
    }

    /// The pages to read. A key that no longer sees any page must not make their incidents look deleted.
    async fn page_ids(&self, now: Timestamp) -> Result<Vec<String>, PollError> {
        if !self.page_ids.is_empty() {
            return Ok(self.page_ids.clone());
        }
        let ids = self.api.list("pages", "", PAGING, now, |page| page.find_id("/id")).await?;
        if ids.is_empty() {
            let message =
                "Statuspage shows no page to this `api_token`: use a key of a user who may see them";
            return Err(PollError::Refused { message: message.to_owned() });
        }
        Ok(ids)
    }

    fn findings(&self, entries: &[Value], page: &str, memory: &mut Memory, now: Timestamp) -> Findings {
        let incidents = entries.iter().filter(|entry| !is_maintenance(entry));
        Findings::merge(incidents.map(|entry| {
            let mut found = Findings::of_entry(|| self.mapper.incident(entry, page, now));
            found.observations.extend(find_postmortem(entry, memory, true));
            found
        }))
    }

    /// The unpublished postmortem of an incident, if there is a draft.
    async fn draft(
        &self,
        incident: &Value,
        page: &str,
        now: Timestamp,
    ) -> Result<Option<Observation>, PollError> {
        let Some(id) = incident.find_id("/id") else { return Ok(None) };
        let path = format!("pages/{page}/incidents/{id}/postmortem");
        let Some(postmortem) = self.api.find(&path, &Query::new(), NO_POSTMORTEM, now).await? else {
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
        // One that was published before is a draft again since the incident changed.
        let updated_at = incident.find_time("/updated_at").map_or(updated_at, |at| at.max(updated_at));
        let created_at = postmortem.find_time("/created_at").unwrap_or(updated_at);
        Ok(review(incident, body, status, created_at, updated_at))
    }
}

/// Whether a draft may wait here: resolved lately, and no postmortem published or declined.
fn may_have_draft(incident: &Value, now: Timestamp) -> bool {
    incident.find_time("/resolved_at").is_some_and(|at| now.signed_duration_since(at) < DRAFT_AGE)
        && incident.find_time("/postmortem_published_at").is_none()
        && incident.at("/postmortem_ignored") != true
        && !is_maintenance(incident)
}

#[async_trait]
impl Poller for StatuspagePoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let (started, since, mut pages, unresolved, number) = match cursor.map(Cursor::read).transpose()? {
            None => (now, backfill_from, self.page_ids(now).await?, true, 1),
            // A clock that was ahead of its time when the last run began has been set back.
            Some(Progress::Idle { since }) => (now, since.min(now), self.page_ids(now).await?, true, 1),
            Some(Progress::Reading { started, since, pages, unresolved, number }) => {
                (started, since, pages, unresolved, number)
            }
        };
        let Some(page) = pages.first().cloned() else {
            // Every page was read: what was unresolved before and was not seen is resolved, or gone.
            let findings = Findings { refetch: take_unseen(memory, started), ..Findings::default() };
            let next = Cursor::of(&Progress::Idle { since: started });
            return Ok(Page { findings, next, done: true, total: None });
        };
        let (list, size) = if unresolved { ("/unresolved", "per_page") } else { ("", "limit") };
        let path = format!("pages/{page}/incidents{list}");
        let query = vec![(size, LIMIT.to_string()), ("page", number.to_string())];
        let answer = self.api.get(&path, &query, now).await?;
        let Some(entries) = answer.as_array() else {
            let message = format!("Statuspage answered something other than a list at /{path}");
            return Err(PollError::Unreadable { message });
        };
        let is_before =
            |entry: &Value, limit| entry.find_time("/created_at").is_some_and(|created| created < limit);
        let taken = entries.iter().filter(|entry| unresolved || !is_before(entry, backfill_from));
        let taken = taken.cloned().collect::<Vec<_>>();
        let mut findings = self.findings(&taken, &page, memory, now);
        if !unresolved && number == 1 {
            for incident in taken.iter().filter(|entry| may_have_draft(entry, now)).take(DRAFTS) {
                findings.observations.extend(self.draft(incident, &page, now).await?);
            }
        }
        note_open(memory, &findings, started);

        let walks_on = unresolved || !entries.iter().any(|entry| is_before(entry, since.earlier_by(OVERLAP)));
        let (unresolved, number) = if walks_on && entries.len() >= LIMIT {
            (unresolved, number.saturating_add(1))
        } else if unresolved {
            (false, 1)
        } else {
            pages.remove(0);
            (true, 1)
        };
        let next = Progress::Reading { started, since, pages, unresolved, number };
        Ok(Page { findings, next: Cursor::of(&next), done: false, total: None })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let wanted = |data: &Value| find_page(data).filter(|page| self.is_wanted(&page.provider_id));
        let mut catalogue = Catalogue::default();
        for page in self.api.list("pages", "", PAGING, now, wanted).await? {
            let path = format!("pages/{}/components", page.provider_id);
            let components =
                self.api.list(&path, "", PAGING, now, |entry| find_component(entry, now)).await?;
            catalogue.components.extend(components);
            catalogue.workspaces.push(page);
        }
        Ok(catalogue)
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        for page in self.page_ids(now).await? {
            let path = format!("pages/{page}/incidents/{provider_id}");
            let Some(incident) = self.api.find(&path, &Query::new(), &[404], now).await? else { continue };
            let incidents = std::slice::from_ref(&incident);
            let mut findings = self.findings(incidents, &page, &mut Memory::default(), now);
            if may_have_draft(&incident, now) {
                findings.observations.extend(self.draft(&incident, &page, now).await?);
            }
            return Ok(Some(findings));
        }
        // An incident that was once listed and is on no page now was deleted.
        Ok(Some(Findings::gone(provider_id, now)))
    }
}
