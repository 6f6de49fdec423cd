//! What is sent next: the deliveries that share a request, and those that wait for company.

use chrono::TimeDelta;

use crate::clock::{Timestamp, from_millis};
use crate::domain::{ClientKey, Entity, EntityId, EntityKind};
use crate::store::db::{Arg, args};
use crate::store::entities::lookup::parse_kind;
use crate::store::{Store, StoreError, from_json};

/// How long what a first sync finds may wait for a full request.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);
/// A first sync that has shown no page for so long brings no company.
const STALLED: TimeDelta = TimeDelta::seconds(10);

/// How much of what waits may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    Everything,
    /// The site's limits are nearly used up: what is new or has changed its status or severity, and
    /// refreshes only if they have waited since before this instant.
    NewsFirst {
        refreshes_before: Timestamp,
    },
}

/// Deliveries that go into one request: one kind, one source, one workspace, either all present or all
/// deleted.
#[derive(Debug, Clone)]
pub struct DueBatch {
    pub kind: EntityKind,
    pub source: String,
    pub workspace: String,
    pub deleted: bool,
    pub deliveries: Vec<DueDelivery>,
}

#[derive(Debug, Clone)]
pub struct DueDelivery {
    pub jira_id: EntityId,
    pub version: i64,
    /// `None` once deleted.
    pub content: Option<Entity>,
    pub attempts: i64,
    pub waiting_since: Timestamp,
}

/// Whether deliveries that wait for company are looked at too.
#[derive(Clone, Copy)]
enum Company {
    NotAwaited,
    Any,
}

impl Pace {
    /// The lowest priority that may go, and the instant since when anything else has had to wait.
    fn bounds(self) -> (i64, i64) {
        match self {
            Self::Everything => (0, 0),
            Self::NewsFirst { refreshes_before } => (1, refreshes_before.timestamp_millis()),
        }
    }
}

#[derive(sqlx::FromRow)]
struct GroupRow {
    kind: String,
    source: String,
    workspace: String,
    deleted: i64,
}

#[derive(sqlx::FromRow)]
struct DueRow {
    jira_id: String,
    version: i64,
    content: Option<String>,
    attempts: i64,
    waiting_since: i64,
}

/// A query over the deliveries that go into one request with a group's first; its parameters are those of
/// [`Store::member_args`]. One text, so that what is counted is what is loaded.
macro_rules! members {
    ($columns:literal, $end:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM deliveries d JOIN entities e ON e.kind = d.kind AND e.jira_id = d.jira_id \
             WHERE d.client_key = $1 AND d.state = 'waiting' AND d.kind = $2 AND (d.priority >= $3 OR d.queued_at <= $8 OR d.queued_at > $9) \
               AND e.source = $4 AND e.workspace = $5 AND CASE WHEN e.content IS NULL THEN 1 ELSE 0 END = $6 ",
            $end
        )
    };
}

impl Store {
    /// The next request's worth of deliveries for a site: components first, then incidents, then reviews;
    /// of one kind what is live first. `pace` can hold refreshes back. What the first sync of a source finds
    /// waits until it fills a request, for half a minute at most and only while pages come in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_due_batch(
        &self,
        site: &ClientKey,
        limit: usize,
        pace: Pace,
    ) -> Result<Option<DueBatch>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let group = match self.find_group(site, pace, Company::NotAwaited).await? {
            Some(group) => group,
            None => match self.find_group(site, pace, Company::Any).await? {
                Some(group) if self.fills_request(site, &group, limit, pace).await? => group,
                _ => return Ok(None),
            },
        };
        self.load_batch(site, group, limit, pace).await.map(Some)
    }

    /// Whether something is to be sent that does not wait for company.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_due(&self, site: &ClientKey, pace: Pace) -> Result<bool, StoreError> {
        Ok(self.find_group(site, pace, Company::NotAwaited).await?.is_some())
    }

    /// The group of what is to be sent next.
    async fn find_group(
        &self,
        site: &ClientKey,
        pace: Pace,
        company: Company,
    ) -> Result<Option<GroupRow>, StoreError> {
        let (priority, queued_before) = pace.bounds();
        let now = self.clock.now();
        let patient_since = match company {
            Company::NotAwaited => (now - PATIENCE).timestamp_millis(),
            Company::Any => i64::MAX,
        };
        self.db
            .find(
                "SELECT d.kind, e.source, e.workspace, CASE WHEN e.content IS NULL THEN CAST(1 AS BIGINT) ELSE 0 END AS deleted \
                 FROM deliveries d JOIN entities e ON e.kind = d.kind AND e.jira_id = d.jira_id \
                 WHERE d.client_key = $1 AND d.state = 'waiting' AND (d.priority >= $2 OR d.queued_at <= $3 OR d.queued_at > $6) \
                   AND (d.kind = 'component' OR d.priority = 2 OR d.queued_at <= $4 OR d.queued_at > $6 OR e.source NOT IN \
                     (SELECT source FROM cursors WHERE caught_up = 0 AND failures = 0 AND paused = 0 AND polled_at > $5 AND polled_at <= $6)) \
                 ORDER BY d.kind, d.priority DESC, d.queued_at LIMIT 1",
                &args![
                    site.as_str(),
                    priority,
                    queued_before,
                    patient_since,
                    (now - STALLED).timestamp_millis(),
                    now.timestamp_millis(),
                ],
            )
            .await
    }

    fn member_args(&self, site: &ClientKey, group: &GroupRow, limit: i64, pace: Pace) -> [Arg; 9] {
        let (priority, queued_before) = pace.bounds();
        args![
            site.as_str(),
            &group.kind,
            priority,
            &group.source,
            &group.workspace,
            group.deleted,
            limit,
            queued_before,
            self.clock.now_ms(),
        ]
    }

    async fn fills_request(
        &self,
        site: &ClientKey,
        group: &GroupRow,
        limit: i64,
        pace: Pace,
    ) -> Result<bool, StoreError> {
        let (count,): (i64,) = self
            .db
            .get(
                concat!("SELECT COUNT(*) FROM (", members!("1 AS one", "LIMIT $7"), ") due"),
                &self.member_args(site, group, limit, pace),
            )
            .await?;
        Ok(count >= limit)
    }

    async fn load_batch(
        &self,
        site: &ClientKey,
        group: GroupRow,
        limit: i64,
        pace: Pace,
    ) -> Result<DueBatch, StoreError> {
        let rows: Vec<DueRow> = self
            .db
            .list(
                members!(
                    "d.jira_id, e.version, e.content, d.attempts, d.waiting_since",
                    "ORDER BY d.priority DESC, d.queued_at LIMIT $7"
                ),
                &self.member_args(site, &group, limit, pace),
            )
            .await?;
        let deliveries = rows
            .into_iter()
            .map(|row| {
                Ok(DueDelivery {
                    jira_id: EntityId::from_text(row.jira_id),
                    version: row.version,
                    content: row.content.map(|text| from_json("an entity", &text)).transpose()?,
                    attempts: row.attempts,
                    waiting_since: from_millis(row.waiting_since),
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(DueBatch {
            kind: parse_kind(&group.kind)?,
            source: group.source,
            workspace: group.workspace,
            deleted: group.deleted != 0,
            deliveries,
        })
    }
}
