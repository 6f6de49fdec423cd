//! Reads ServiceNow's Table API by `sys_updated_on`, oldest first.
//!
//! A record that changes while it is paged moves to the end, so offsets alone would skip others: after each
//! page the next one starts at the newest time read, and an offset counts only within one second, or over
//! pages that access rules left empty. Incidents that were open and then left the operator's filter, say by
//! a lower priority, are asked for by id; otherwise they would stay open in Jira forever.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payload::{Mapper, find_display, find_field, find_time};
use crate::config::{SourceConfig, WorkspaceMode};
use crate::domain::{Shift, Timestamp, parse_timestamp};
use crate::sources::kit::access::ApiAuth;
use crate::sources::kit::api::{Answer, Api, Query};
use crate::sources::kit::json::Fields;
use crate::sources::kit::open_incidents::{list_open, note_open};
use crate::sources::kit::options;
use crate::sources::kit::pages::{Kept, Walk};
use crate::sources::{BuildError, Catalogue, Cursor, Findings, Page, PollError, PollRequest, Poller};

const LIMIT: usize = 200;
/// Ids of 32 characters that one address is filled with.
const IDS: usize = 50;
/// How far before the newest record of the last run a run reads: transactions end out of order.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);
const FIELDS: &str = "sys_id,number,short_description,description,state,incident_state,priority,opened_at,\
                      sys_created_on,sys_updated_on,sys_mod_count,business_service,cmdb_ci,assignment_group,\
                      close_code";
const SERVICE_FIELDS: &str = "sys_id,name,short_description,busines_criticality,support_group,sys_updated_on";

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Options {
    /// Encoded query of the incidents to poll.
    filter: String,
    /// What `api_token` is: `user:password`, or an OAuth access token.
    api_auth: ApiAuth,
    /// Table of the services that Jira offers.
    service_table: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            filter: "priority=1^ORpriority=2".to_owned(),
            api_auth: ApiAuth::Basic,
            service_table: "cmdb_ci_service".to_owned(),
        }
    }
}

/// How far a run has come. `newest` is the newest change read so far, where the next run starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Progress {
    /// Records that the filter shows, changed since `from`.
    Changed { started: Timestamp, newest: Timestamp, since: Timestamp, from: Timestamp, offset: usize },
    /// Open incidents, whatever the filter says, by id after `after`.
    Open { newest: Timestamp, since: Timestamp, after: String },
    /// Between two runs.
    Idle { newest: Timestamp },
}

impl Progress {
    fn start(started: Timestamp, newest: Timestamp, since: Timestamp) -> Self {
        Self::Changed { started, newest, since, from: since, offset: 0 }
    }
}

pub(super) struct ServiceNowPoller {
    api: Api,
    mapper: Arc<Mapper>,
    options: Options,
    groups: bool,
}

impl ServiceNowPoller {
    /// The poller, if the configuration has a credential for it.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
        options: Options,
    ) -> Result<Option<Self>, BuildError> {
        let Some(token) = &config.api_token else { return Ok(None) };
        let Some(base) = config.api_url.clone() else {
            let what = "api_token needs api_url, such as https://acme.service-now.com";
            return Err(options::refuse(what));
        };
        let fix = "set `api_token` to user:password of an integration user who may read the table, \
                   or to an OAuth token with `api_auth` = \"bearer\"";
        let api = Api::new(http, base, "ServiceNow", fix);
        let api = options.api_auth.authorize(api, token)?;
        let groups = config.workspaces == WorkspaceMode::Teams;
        Ok(Some(Self { api, mapper: Arc::clone(mapper), options, groups }))
    }

    /// A page of a table. A hibernating instance answers with a web
    /// page, which is a passing failure.
    async fn read(&self, table: &str, query: &Query, now: Timestamp) -> Result<Answer, PollError> {
        let path = path_of(table);
        match self.api.find_answer(&path, query, &[], now).await {
            Ok(Some(answer)) if answer.value.at("/result").is_array() => Ok(answer),
            Ok(_) => Err(PollError::Unreadable {
                message: format!("ServiceNow answered without `result` at /{path}"),
            }),
            Err(PollError::Unreadable { message }) => Err(PollError::Retry {
                message: format!("{message}; is the instance hibernating?"),
                after: None,
                unreachable: None,
            }),
            Err(other) => Err(other),
        }
    }

    async fn list<T: Kept>(
        &self,
        table: &str,
        (fields, filter): (&str, &str),
        now: Timestamp,
        mut map: impl FnMut(&Value) -> Option<T> + Send,
    ) -> Result<Vec<T>, PollError> {
        let (mut kept, mut walk, mut offset) = (Vec::new(), Walk::default(), 0);
        loop {
            let query = query(format!("{filter}ORDERBYsys_id"), fields, "false", offset);
            let answer = self.read(table, &query, now).await?;
            let records = answer.value.items("/result");
            kept.extend(walk.take((&self.api, &path_of(table)), answer.size, records, &mut map)?);
            if !answer.has_next {
                return Ok(kept);
            }
            offset = offset.saturating_add(LIMIT);
        }
    }

    fn findings(&self, records: &[Value], now: Timestamp) -> Findings {
        Findings::merge(
            records.iter().map(|record| Findings::of_entry(|| self.mapper.incident(record, "", now))),
        )
    }
}

fn path_of(table: &str) -> String {
    format!("api/now/table/{table}")
}

fn query(filter: String, fields: &str, display: &str, offset: usize) -> Query {
    vec![
        ("sysparm_query", filter),
        ("sysparm_fields", fields.to_owned()),
        ("sysparm_display_value", display.to_owned()),
        ("sysparm_limit", LIMIT.to_string()),
        ("sysparm_offset", offset.to_string()),
    ]
}

fn written(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// ServiceNow ignores what it does not understand of a query, and reads times in the caller's time zone: then
/// it returns records that were not asked for.
///
/// West of UTC it would leave out the newest records, which the time shown to the user reveals.
fn check_order(records: &[Value], from: Timestamp) -> Result<(), PollError> {
    let is_older =
        |record: &Value| find_time(record, "sys_updated_on").is_some_and(|at| written(at) < written(from));
    let is_west = |record: &Value| {
        let shown = find_display(record, "sys_updated_on").and_then(|text| parse_timestamp(&text));
        shown.zip(find_time(record, "sys_updated_on")).is_some_and(|(shown, at)| shown < at)
    };
    if records.iter().any(is_west) {
        let message = "ServiceNow reads times in the time zone of the integration user, and changes would be \
                       missed: set it to UTC";
        return Err(PollError::Refused { message: message.to_owned() });
    }
    if records.iter().any(is_older) {
        let message = "ServiceNow answered with records older than asked for: check `filter`, and set the time \
                       zone of the integration user to UTC";
        return Err(PollError::Refused { message: message.to_owned() });
    }
    Ok(())
}

#[async_trait]
impl Poller for ServiceNowPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { cursor, backfill_from, now, memory } = request;
        let progress = match cursor.map(Cursor::read).transpose()? {
            None => Progress::start(now, backfill_from, backfill_from),
            Some(Progress::Idle { newest }) => Progress::start(now, newest, newest.earlier_by(OVERLAP)),
            Some(progress) => progress,
        };
        let (filter, from, offset) = match &progress {
            Progress::Changed { from, offset, .. } => (format!("{}^", self.options.filter), *from, *offset),
            Progress::Open { since, after, newest } => {
                let ids = list_open(memory, after, IDS);
                if ids.is_empty() {
                    let next = Cursor::of(&Progress::Idle { newest: *newest });
                    return Ok(Page { findings: Findings::default(), next, done: true, total: None });
                }
                (format!("sys_idIN{}^", ids.join(",")), *since, 0)
            }
            Progress::Idle { newest } => (String::new(), *newest, 0),
        };
        let filter = format!(
            "{}sys_updated_on>={}^ORDERBYsys_updated_on^ORDERBYsys_id",
            filter.trim_start_matches('^'),
            written(from)
        );
        let answer = self.read("incident", &query(filter, FIELDS, "all", offset), now).await?;
        let records = answer.value.items("/result");
        check_order(records, from)?;
        let read =
            records.iter().filter_map(|record| find_time(record, "sys_updated_on")).max().unwrap_or(from);
        let next = match progress {
            Progress::Changed { started, newest, since, from, offset } => {
                // A record from the future must not make the next run wait for it.
                let newest = newest.max(read).min(started);
                if !answer.has_next {
                    Progress::Open { newest, since, after: String::new() }
                } else if read > from {
                    Progress::Changed { started, newest, since, from: read, offset: 0 }
                } else {
                    Progress::Changed { started, newest, since, from, offset: offset.saturating_add(LIMIT) }
                }
            }
            Progress::Open { newest, since, after } => {
                let last = list_open(memory, &after, IDS).pop().unwrap_or(after);
                Progress::Open { newest, since, after: last }
            }
            Progress::Idle { newest } => Progress::Idle { newest },
        };
        let findings = self.findings(records, now);
        note_open(memory, &findings, now);
        Ok(Page { findings, next: Cursor::of(&next), done: false, total: None })
    }

    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let service = |record: &Value| self.mapper.component(record, now);
        let table = &self.options.service_table;
        let components = self.list(table, (SERVICE_FIELDS, ""), now, service).await?;
        if !self.groups {
            return Ok(Catalogue { components, workspaces: Vec::new() });
        }
        let group = |group: &Value| {
            Some(self.mapper.workspace(find_field(group, "sys_id")?, find_field(group, "name")?, ""))
        };
        let groups = ("sys_id,name", "active=true^");
        Ok(Catalogue { components, workspaces: self.list("sys_user_group", groups, now, group).await? })
    }

    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError> {
        let path = format!("api/now/table/incident/{provider_id}");
        let query = vec![("sysparm_fields", FIELDS.to_owned()), ("sysparm_display_value", "all".to_owned())];
        let Some(answer) = self.api.find(&path, &query, &[404], now).await? else { return Ok(None) };
        self.mapper
            .incident(answer.at("/result"), "", now)
            .map(Some)
            .map_err(|fault| PollError::Unreadable { message: format!("ServiceNow at /incident: {fault}") })
    }
}
