//! Reads Splunk On-Call's current incidents, and from the reporting API what those do not show: the past on
//! the first run, and later what was open and is current no more.
//!
//! The reporting API allows one call a minute, so between two calls the run is put off. A key that may not
//! read and a rate limit are both told as 403 there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{HOME, Mapper};
use crate::config::SourceConfig;
use crate::domain::{Timestamp, format_timestamp};
use crate::sources::findings::component;
use crate::sources::gather::{base_url, note_open, take_unseen, workspace};
use crate::sources::http::{Api, Query};
use crate::sources::value::{Fields, parse_millis};
use crate::sources::{
    BuildError, Catalogue, Cursor, Findings, Memory, Page, PollError, PollRequest, Poller, options,
};

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

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Progress {
    /// Resolved incidents that began since then, from this place on.
    History { since: Timestamp, offset: usize },
    /// Incidents that were open and are current no more.
    Numbers { numbers: Vec<String> },
    /// Between two runs.
    Idle,
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
        let (id, key) = options::split_token(config, token, "`<API id>:<API key>`")?;
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
        let answer = self.api.get(CURRENT, &Query::new(), now).await?;
        self.api.items_of(&answer, "/incidents", CURRENT)?;
        Ok(self.findings(&answer, now, memory))
    }

    /// One report, not sooner than a minute after the last.
    async fn report(&self, query: &Query, memory: &mut Memory, now: Timestamp) -> Result<Value, PollError> {
        let last = memory.get(REPORTED).and_then(parse_millis);
        let waited = last.and_then(|last| (now - last).to_std().ok());
        if let Some(rest) = waited.and_then(|waited| PAUSE.checked_sub(waited)).filter(|rest| !rest.is_zero())
        {
            let message = "Splunk On-Call allows one report a minute".to_owned();
            return Err(PollError::Retry { message, after: Some(rest) });
        }
        let answer = self.ask(query, now).await?;
        memory.set(REPORTED, now.timestamp_millis().to_string());
        Ok(answer)
    }

    async fn ask(&self, query: &Query, now: Timestamp) -> Result<Value, PollError> {
        self.api.find(REPORT, query, &[403], now).await?.ok_or_else(|| PollError::Retry {
            message: format!(
                "Splunk On-Call answered 403 at /{REPORT}: its rate limit, or `api_token` may not read \
                 reports; then set `history = false`"
            ),
            after: Some(PAUSE),
        })
    }
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
        let progress = cursor.map(Cursor::read::<Progress>).transpose()?;
        let (findings, next) = match &progress {
            None | Some(Progress::Idle) => {
                let found = self.current(memory, now).await?;
                note_open(memory, &found, now);
                let numbers = take_unseen(memory, now);
                let next = match progress {
                    None if self.history => Progress::History { since: backfill_from, offset: 0 },
                    _ if !numbers.is_empty() && self.history => Progress::Numbers { numbers },
                    _ => Progress::Idle,
                };
                (found, next)
            }
            Some(Progress::History { since, offset }) => {
                let query = vec![
                    ("startedAfter", format_timestamp(*since)),
                    ("currentPhase", "resolved".to_owned()),
                    ("offset", offset.to_string()),
                    ("limit", LIMIT.to_string()),
                ];
                let answer = self.report(&query, memory, now).await?;
                let read = self.api.items_of(&answer, "/incidents", REPORT)?.len();
                let total = answer["total"].as_u64().and_then(|total| usize::try_from(total).ok());
                let more = read > 0 && total.map_or(read >= LIMIT, |total| offset + read < total);
                let next = Progress::History { since: *since, offset: offset + read };
                (self.findings(&answer, now, memory), if more { next } else { Progress::Idle })
            }
            Some(Progress::Numbers { numbers }) => {
                let (asked, rest) = numbers.split_at(numbers.len().min(LIMIT));
                let answer = self.report(&by_number(asked), memory, now).await?;
                let found = self.findings(&answer, now, memory);
                note_open(memory, &found, now);
                let next = Progress::Numbers { numbers: rest.to_vec() };
                (found, if rest.is_empty() { Progress::Idle } else { next })
            }
        };
        let done = next == Progress::Idle;
        Ok(Page { findings, next: Cursor::of(&next), done, total: None })
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
