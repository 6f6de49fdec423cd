//! The state of polling each source: its cursor, its failures, and how long it must wait.

use std::time::Duration;

use super::Polls;
use crate::clock::Timestamp;
use crate::domain::SourceId;
use crate::store::db::{Flag, Millis, Tx, args, unless_set_back};
use crate::store::error::StoreError;

/// How far the first sync of a source is, and when it was last read.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PollProgress {
    pub source: String,
    /// Statements read by the first sync so far.
    pub read_count: i64,
    /// Number of statements, according to the tool.
    pub total: Option<i64>,
    /// Whether the first sync has reached its end.
    #[sqlx(try_from = "Flag")]
    pub caught_up: bool,
    /// Of pages, in a row.
    pub failures: i64,
    /// The last page or failure; the epoch before the first.
    #[sqlx(try_from = "Millis")]
    pub polled_at: Timestamp,
}

/// The state of polling one source.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PollState {
    /// JSON that only the source can read; `None` before the first page.
    pub cursor: Option<String>,
    /// Where the first sync begins.
    #[sqlx(try_from = "Millis")]
    pub backfill_from: Timestamp,
    /// Whether the first sync has reached its end.
    #[sqlx(try_from = "Flag")]
    pub caught_up: bool,
    /// Paused by the operator: nothing is polled until it is resumed. Webhooks continue.
    #[sqlx(try_from = "Flag")]
    pub paused: bool,
    /// When the services and teams were read; the epoch if they are to be read again.
    #[sqlx(try_from = "Millis")]
    pub catalogue_at: Timestamp,
    #[sqlx(try_from = "Millis")]
    wait_since: Timestamp,
    /// Nothing is polled before.
    #[sqlx(try_from = "Millis")]
    pub wait_until: Timestamp,
    /// Of pages, in a row.
    pub failures: i64,
    /// The last failure of a page, or of what is read besides, as a sentence.
    pub failure: Option<String>,
    /// Failures of the list of services and teams, in a row.
    pub catalogue_failures: i64,
    #[sqlx(try_from = "Millis")]
    catalogue_wait_since: Timestamp,
    /// The services and teams are not read before.
    #[sqlx(try_from = "Millis")]
    pub catalogue_wait_until: Timestamp,
    /// Failures to fetch a named incident, in a row.
    pub fetch_failures: i64,
    #[sqlx(try_from = "Millis")]
    fetch_wait_since: Timestamp,
    /// No named incident is fetched before.
    #[sqlx(try_from = "Millis")]
    pub fetch_wait_until: Timestamp,
    /// The last page or failure; the epoch before the first.
    #[sqlx(try_from = "Millis")]
    pub polled_at: Timestamp,
    /// Statements read by the first sync so far.
    pub read_count: i64,
    /// Number of statements, according to the tool.
    pub total: Option<i64>,
    /// Polls in a row that brought nothing new.
    pub quiet: i64,
    /// The schedule does not poll before then.
    #[sqlx(try_from = "Millis")]
    pub due_at: Timestamp,
    /// When a webhook last ended a quiet time; the epoch if no webhook was ever received.
    #[sqlx(try_from = "Millis")]
    pub webhook_at: Timestamp,
}

/// Why polling stopped, and when it may go on.
#[derive(Debug, Clone)]
pub struct PollFailure {
    pub wait_until: Timestamp,
    /// What went wrong, for the operator.
    pub message: String,
    /// Forget the cursor and start over.
    pub start_over: bool,
    /// A person must fix something first.
    pub refused: bool,
}

impl Polls<'_> {
    /// The poll state of `source`. One that was never polled begins now, with what happened `backfill` ago.
    pub async fn find_or_begin(self, source: &SourceId, backfill: Duration) -> Result<PollState, StoreError> {
        if let Some(state) = self.find(source).await? {
            return Ok(state);
        }
        let backfill = i64::try_from(backfill.as_millis()).unwrap_or(i64::MAX);
        let from = self.clock.now_ms().saturating_sub(backfill);
        let sql = r#"
            INSERT INTO polls (source, backfill_from)
            VALUES ($1, $2)
            ON CONFLICT DO NOTHING"#;
        self.db.execute(sql, &args![source, from]).await?;
        self.find(source).await?.ok_or_else(|| StoreError::Inconsistent {
            what: "a poll state".to_owned(),
            why: "it vanished while being made".to_owned(),
        })
    }

    /// How far the first sync of each polled source is.
    pub async fn list_progress(self) -> Result<Vec<PollProgress>, StoreError> {
        let sql = r#"
            SELECT source, read_count, total, caught_up, failures, polled_at
            FROM polls"#;
        self.db.list(sql, &args![]).await
    }

    /// The poll state of `source`, if it was ever polled.
    pub async fn find(self, source: &SourceId) -> Result<Option<PollState>, StoreError> {
        let sql = r#"
            SELECT
                cursor, backfill_from, caught_up, paused, catalogue_at, wait_since, wait_until, failures,
                COALESCE(failure, catalogue_failure, fetch_failure) AS failure,
                catalogue_failures, catalogue_wait_since, catalogue_wait_until,
                fetch_failures, fetch_wait_since, fetch_wait_until,
                polled_at, read_count, total, quiet, due_at, webhook_at
            FROM polls
            WHERE source = $1"#;
        let found: Option<PollState> = self.db.find(sql, &args![source]).await?;
        let now = self.clock.now();
        Ok(found.map(|state| PollState {
            catalogue_at: unless_set_back(state.catalogue_at, state.catalogue_at, now),
            wait_until: unless_set_back(state.wait_until, state.wait_since, now),
            catalogue_wait_until: unless_set_back(
                state.catalogue_wait_until,
                state.catalogue_wait_since,
                now,
            ),
            fetch_wait_until: unless_set_back(state.fetch_wait_until, state.fetch_wait_since, now),
            due_at: unless_set_back(state.due_at, state.polled_at, now),
            ..state
        }))
    }

    /// Records a page with `count` statements: polling continues after it, and earlier failures are cleared.
    pub(in crate::store) async fn move_cursor(
        self,
        tx: &mut Tx,
        source: &SourceId,
        page: &PageEnd<'_>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET cursor = $1,
                caught_up = CASE WHEN $2 = 1 THEN 1 ELSE caught_up END,
                polled_at = $3,
                read_count = CASE WHEN caught_up = 1 THEN read_count ELSE read_count + $4 END,
                total = COALESCE($5, total),
                wait_until = 0,
                failures = 0,
                failure = NULL,
                refused = 0
            WHERE source = $6"#;
        let total = page.total.and_then(|total| i64::try_from(total).ok());
        let args = args![page.cursor, page.caught_up, self.clock.now(), page.count, total, source];
        tx.execute(sql, &args).await?;
        Ok(())
    }

    /// Counts statements of a page before its last ones.
    pub(in crate::store) async fn count_read(
        self,
        tx: &mut Tx,
        source: &SourceId,
        count: usize,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET read_count = read_count + $1
            WHERE source = $2 AND caught_up = 0"#;
        tx.execute(sql, &args![count, source]).await?;
        Ok(())
    }

    /// Records that the services and teams were read.
    pub(in crate::store) async fn finish_catalogue(
        self,
        tx: &mut Tx,
        source: &SourceId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET catalogue_at = $1, catalogue_failures = 0, catalogue_wait_until = 0, catalogue_failure = NULL
            WHERE source = $2"#;
        tx.execute(sql, &args![self.clock.now(), source]).await?;
        Ok(())
    }

    /// Asks for the services and teams to be read again.
    pub async fn forget_catalogue(self, source: &SourceId) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET catalogue_at = 0
            WHERE source = $1"#;
        self.db.execute(sql, &args![source]).await?;
        Ok(())
    }

    /// Starts the next poll from `from`, as on the first day.
    pub async fn restart(self, source: &SourceId, from: Timestamp) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO polls (source, backfill_from)
            VALUES ($1, $2)
            ON CONFLICT (source) DO UPDATE
            SET cursor = NULL,
                backfill_from = excluded.backfill_from,
                caught_up = 0,
                wait_until = 0,
                read_count = 0,
                total = NULL,
                quiet = 0,
                due_at = 0"#;
        self.db.execute(sql, &args![source, from]).await?;
        Ok(())
    }

    /// Pauses or resumes polling of a source that was polled before. Returns whether it was.
    pub async fn pause(self, source: &SourceId, paused: bool) -> Result<bool, StoreError> {
        let sql = r#"
            UPDATE polls
            SET paused = $1
            WHERE source = $2"#;
        Ok(self.db.execute(sql, &args![paused, source]).await? > 0)
    }

    /// Stores a failed poll, and when the next may start, also after a restart.
    pub async fn record_failure(self, source: &SourceId, failure: &PollFailure) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET wait_until = $1,
                wait_since = $2,
                failures = failures + 1,
                failure = $3,
                polled_at = $2,
                refused = $4,
                cursor = CASE WHEN $5 = 1 THEN NULL ELSE cursor END
            WHERE source = $6"#;
        let args = args![
            failure.wait_until,
            self.clock.now(),
            &failure.message,
            failure.refused,
            failure.start_over,
            source,
        ];
        self.db.execute(sql, &args).await?;
        Ok(())
    }

    /// Lets tools that refused us be polled again now: a person may have fixed the cause.
    pub async fn forget_refusals(self) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE polls
            SET wait_until = CASE WHEN refused = 1 THEN 0 ELSE wait_until END,
                catalogue_wait_until = 0
            WHERE refused = 1 OR catalogue_wait_until > 0"#;
        self.db.execute(sql, &args![]).await?;
        Ok(())
    }
}

/// Where a page of a poll ended.
pub(in crate::store) struct PageEnd<'a> {
    /// JSON of where the next page begins.
    pub cursor: Option<&'a str>,
    pub caught_up: bool,
    /// Statements on the page.
    pub count: usize,
    /// Number of statements, according to the tool.
    pub total: Option<u64>,
}
