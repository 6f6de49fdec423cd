//! Reads Splunk On-Call's current incidents in every run, and then from the reporting API what those do not
//! show: the past, once, and later what was open and is no longer current.
//!
//! The reporting API allows one call a minute and answers 403 both to a key that may not read and at its rate
//! limit. So a report that cannot be read is put off to a later run, and current incidents never wait for it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payload::{HOME, Mapper};
use crate::config::SourceConfig;
use crate::domain::{Timestamp, format_timestamp};
use crate::sources::kit::api::{Api, Query, base_url};
use crate::sources::kit::json::{Fields, parse_millis};
use crate::sources::kit::open_incidents::{note_open, take_unseen};
use crate::sources::kit::options;
use crate::sources::kit::parts::{component, workspace};
use crate::sources::{BuildError, Catalogue, Cursor, Findings, Memory, Page, PollError, PollRequest, Poller};

const CURRENT: &str = "api-public/v1/incidents";
const REPORT: &str = "api-reporting/v2/incidents";
const ROUTING_KEYS: &str = "api-public/v1/org/routing-keys";
const TEAMS: &str = "api-public/v1/team";
/// The most that one report may hold.
const LIMIT: usize = 100;
/// Between two reports: a minute, and a second for the clocks.
const PAUSE: Duration = Duration::from_secs(61);
/// The key of [`Memory`] with the time of the last report.
const REPORTED: &str = "reported";

/// What the reporting API is still to be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Whether the run under way has read what is current.
    #[serde(default)]
    current: bool,
    /// Resolved incidents that began since then, from this place on.
    history: Option<(Timestamp, usize)>,
    /// Incidents that were open and are no longer current.
    #[serde(default)]
    unseen: Vec<String>,
}

impl Progress {
    fn is_complete(&self) -> bool {
        self.history.is_none() && self.unseen.is_empty()
    }

    fn query(&self) -> Query {
        match self.history {
            Some((since, offset)) => vec![
                ("startedAfter", format_timestamp(since)),
                ("currentPhase", "resolved".to_owned()),
                ("offset", offset.to_string()),
                ("limit", LIMIT.to_string()),
            ],
            None => by_number(self.unseen.get(..LIMIT).unwrap_or(&self.unseen)),
        }
    }

    /// What is left when this much was read; `total` as the report gives it.
    fn advance(&mut self, read: usize, total: Option<usize>) {
        match &mut self.history {
            Some((_, offset)) => {
                *offset = offset.saturating_add(read);
                let more = read > 0 && total.map_or(read >= LIMIT, |total| *offset < total);
                self.history = self.history.filter(|_| more);
            }
            None => drop(self.unseen.drain(..self.unseen.len().min(LIMIT))),
        }
    }
}

pub(super) struct SplunkPoller {
    api: Api,
    history: bool,
    mapper: Arc<Mapper>,
}

impl SplunkPoller {
    /// The poller, if the configuration has the id and the key for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        history: bool,
        mapper: &Arc<Mapper>,
    ) -> Result<Option<Self>, BuildError> {
        let Some(token) = &config.api_token else { return Ok(None) };
        let (id, key) = options::split_token(token, "`<API id>:<API key>`")?;
        let fix = "set `api_token` to the API id and a key, as `<API id>:<API key>`; the same answer is given \
                   beyond the rate limit";
        let api = Api::new(http, base_url(config, "https://api.victorops.com")?, "Splunk On-Call", fix)
            .with_field("x-vo-api-id", id.expose_secret())?
            .with_field("x-vo-api-key", key.expose_secret())?;
        Ok(Some(Self { api, history, mapper: Arc::clone(mapper) }))
    }

    fn findings(&self, answer: &Value, now: Timestamp, memory: &mut Memory) -> Findings {
        let mut found = Findings::default();
        for data in answer.items("/incidents") {
            found.absorb(self.mapper.read_incident(data, now, memory));
        }
        found
    }

    async fn current(&self, memory: &mut Memory, now: Timestamp) -> Result<Findings, PollError> {
        let answer = self.api.get_list(CURRENT, "/incidents", &Query::new(), now).await?;
        Ok(self.findings(&answer, now, memory))
    }

    /// One report, or `None` when it has to wait: not sooner than a minute after the last, and when Splunk
    /// On-Call gives none, for whatever reason, later.
    async fn report(&self, query: &Query, memory: &mut Memory, now: Timestamp) -> Option<Value> {
        let last = memory.get(REPORTED).and_then(parse_millis);
        if last
            .and_then(|last| now.signed_duration_since(last).to_std().ok())
            .is_some_and(|waited| waited < PAUSE)
        {
            return None;
        }
        memory.set(REPORTED, now.timestamp_millis().to_string());
        let put_off = |fault: &_| tracing::warn!(%fault, "a report is put off, current incidents are not");
        self.ask(query, now).await.inspect_err(put_off).ok()
    }

    async fn ask(&self, query: &Query, now: Timestamp) -> Result<Value, PollError> {
        let answer = self.api.find(REPORT, query, &[403], now).await?.ok_or_else(|| PollError::Retry {
            message: format!(
                "Splunk On-Call answered 403 at /{REPORT}: its rate limit, or `api_token` may not read \
                 reports; then set `history = false`"
            ),
            after: Some(PAUSE),
        })?;
        self.api.items_of(&answer, "/incidents", REPORT)?;
        Ok(answer)
    }
}

/// The run is over when what is current was read and no report is to be asked for, or none may be now.
fn page(findings: Findings, progress: &Progress) -> Page {
    Page { findings, next: Cursor::of(progress), done: !progress.current, total: None }
}

fn by_number(numbers: &[String]) -> Query {
    vec![
        ("incidentNumber", numbers.join(",")),
        ("currentPhase", "triggered,acknowledged,resolved".to_owned()),
        ("offset", "0".to_owned()),
        ("limit", LIMIT.to_string()),
    ]
}

#[async_trait]
impl Poller for SplunkPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let first = || Progress {
            current: false,
            history: self.history.then_some((backfill_from, 0)),
            unseen: Vec::new(),
        };
        let mut progress = cursor.map(Cursor::read::<Progress>).transpose()?.unwrap_or_else(first);
        if !progress.current {
            let findings = self.current(memory, now).await?;
            note_open(memory, &findings, now);
            if self.history {
                progress.unseen.extend(take_unseen(memory, now));
            }
            progress.current = !progress.is_complete();
            return Ok(page(findings, &progress));
        }
        let answer = self.report(&progress.query(), memory, now).await;
        progress.current = false;
        let mut findings = Findings::default();
        if let Some(answer) = answer {
            let read = answer.items("/incidents").len();
            let total = answer.at("/total").as_u64().and_then(|total| usize::try_from(total).ok());
            findings = self.findings(&answer, now, memory);
            // Reports of the past may lag behind what is current, so they do not say what is open.
            if progress.history.is_none() {
                note_open(memory, &findings, now);
            }
            progress.advance(read, total);
        }
        Ok(page(findings, &progress))
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let keys = self.api.get(ROUTING_KEYS, &Query::new(), now).await?;
        let teams = self.api.get(TEAMS, &Query::new(), now).await?;
        let routing_key = |data: &Value| {
            let key = data.find_id("/routingKey")?;
            let mut entry = component(&key, &key, HOME, now);
            let teams = data.items("/targets").iter().filter_map(|target| target.find_text("/_teamUrl"));
            entry.workspaces = teams.filter_map(|url| url.rsplit('/').next()).map(str::to_owned).collect();
            entry.workspaces.sort();
            entry.workspaces.dedup();
            Some(entry)
        };
        let team = |data: &Value| {
            let slug = data.find_id("/slug")?;
            Some(workspace(&slug, data.find_text("/name").unwrap_or(&slug), HOME))
        };
        Ok(Catalogue {
            components: keys.items("/routingKeys").iter().filter_map(routing_key).collect(),
            workspaces: self.api.items_of(&teams, "", TEAMS)?.iter().filter_map(team).collect(),
        })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let mut memory = Memory::default();
        let answer = self.api.get(CURRENT, &Query::new(), now).await?;
        let is_asked = |data: &&Value| data.find_id("/incidentNumber").as_deref() == Some(provider_id);
        if let Some(data) = answer.items("/incidents").iter().find(is_asked) {
            return Ok(Some(self.mapper.read_incident(data, now, &mut memory)));
        }
        let answer = self.ask(&by_number(&[provider_id.to_owned()]), now).await?;
        let data = answer.items("/incidents").iter().find(is_asked);
        Ok(data.map(|data| self.mapper.read_incident(data, now, &mut memory)))
    }
}
