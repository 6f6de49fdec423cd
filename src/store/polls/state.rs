//! Where each source's polling stands, and the small facts it keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::{Timestamp, from_millis};
use crate::domain::SourceId;
use crate::store::db::{Tx, args};
use crate::store::{Store, StoreError};

/// Where polling of one source stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PollState {
    /// JSON that only the source can read; `None` before the first page.
    pub cursor: Option<String>,
    pub backfill_from: Timestamp,
    /// Whether the first sync has reached its end.
    pub caught_up: bool,
    /// By the operator: nothing is polled until resumed. Webhooks go on.
    pub paused: bool,
    pub catalogue_at: Timestamp,
    pub wait_until: Timestamp,
    pub failures: i64,
    pub failure: Option<String>,
    pub polled_at: Timestamp,
    /// Statements read by the first sync so far.
    pub read_count: i64,
    pub total: Option<i64>,
    /// Polls in a row that brought nothing.
    pub quiet: i64,
    /// No poll of the schedule before then.
    pub due_at: Timestamp,
    /// When a webhook last ended the quiet; the epoch if none was ever received.
    pub webhook_at: Timestamp,
}

/// Why polling stopped, and when it may go on.
#[derive(Debug, Clone)]
pub struct PollTrouble {
    pub wait_until: Timestamp,
    pub message: String,
    /// Forget the cursor and start over.
    pub start_over: bool,
    /// A person must mend something first.
    pub refused: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    cursor: Option<String>,
    backfill_from: i64,
    caught_up: i64,
    paused: i64,
    catalogue_at: i64,
    wait_since: i64,
    wait_until: i64,
    failures: i64,
    failure: Option<String>,
    polled_at: i64,
    read_count: i64,
    total: Option<i64>,
    quiet: i64,
    due_at: i64,
    webhook_at: i64,
}

impl Store {
    /// The poll state of `source`; a source seen for the first time starts `backfill` before now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get_poll_state(
        &self,
        source: &SourceId,
        backfill: Duration,
    ) -> Result<PollState, StoreError> {
        let from =
            self.clock.now_ms().saturating_sub(i64::try_from(backfill.as_millis()).unwrap_or(i64::MAX));
        if let Some(state) = self.find_poll_state(source).await? {
            return Ok(state);
        }
        self.db
            .execute(
                "INSERT INTO cursors (source, backfill_from) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                &args![source.as_str(), from],
            )
            .await?;
        self.find_poll_state(source).await?.ok_or_else(|| StoreError::Inconsistent {
            what: "a cursor".to_owned(),
            why: "it vanished while being made".to_owned(),
        })
    }

    /// The poll state of `source`, if it was ever polled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_poll_state(&self, source: &SourceId) -> Result<Option<PollState>, StoreError> {
        let row: Option<Row> = self
            .db
            .find(
                "SELECT cursor, backfill_from, caught_up, paused, catalogue_at, wait_since, wait_until, failures, failure, polled_at, \
                 read_count, total, quiet, due_at, webhook_at FROM cursors WHERE source = $1",
                &args![source.as_str()],
            )
            .await?;
        let now = self.clock.now_ms();
        Ok(row.map(|row| PollState {
            cursor: row.cursor,
            backfill_from: from_millis(row.backfill_from),
            caught_up: row.caught_up != 0,
            paused: row.paused != 0,
            // A clock that was set back since makes age and wait void.
            catalogue_at: from_millis(if row.catalogue_at > now { 0 } else { row.catalogue_at }),
            wait_until: from_millis(if row.wait_since > now { 0 } else { row.wait_until }),
            failures: row.failures,
            failure: row.failure,
            polled_at: from_millis(row.polled_at),
            read_count: row.read_count,
            total: row.total,
            quiet: row.quiet,
            due_at: from_millis(if row.polled_at > now { 0 } else { row.due_at }),
            webhook_at: from_millis(row.webhook_at),
        }))
    }

    pub(in crate::store) async fn move_cursor(
        &self,
        tx: &mut Tx,
        source: &SourceId,
        cursor: Option<&str>,
        caught_up: bool,
        count: usize,
        total: Option<u64>,
    ) -> Result<(), StoreError> {
        let total = total.and_then(|total| i64::try_from(total).ok());
        tx.execute(
            "UPDATE cursors SET cursor = $2, caught_up = CASE WHEN $3 = 1 THEN 1 ELSE caught_up END, polled_at = $4, \
             read_count = CASE WHEN caught_up = 1 THEN read_count ELSE read_count + $5 END, total = COALESCE($6, total), wait_until = 0, failures = 0, failure = NULL, refused = 0 \
             WHERE source = $1",
            &args![
                source.as_str(),
                cursor,
                caught_up,
                self.clock.now_ms(),
                i64::try_from(count).unwrap_or(i64::MAX),
                total,
            ],
        )
        .await?;
        Ok(())
    }

    pub(in crate::store) async fn finish_catalogue(
        &self,
        tx: &mut Tx,
        source: &SourceId,
    ) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE cursors SET catalogue_at = $2 WHERE source = $1",
            &args![source.as_str(), self.clock.now_ms()],
        )
        .await?;
        Ok(())
    }

    /// Asks for the list of services and teams to be read again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_catalogue(&self, source: &SourceId) -> Result<(), StoreError> {
        self.db
            .execute("UPDATE cursors SET catalogue_at = 0 WHERE source = $1", &args![source.as_str()])
            .await?;
        Ok(())
    }

    /// Starts the next poll from `from`, as on the first day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn restart_poll(&self, source: &SourceId, from: Timestamp) -> Result<(), StoreError> {
        self.db
            .execute(
                "INSERT INTO cursors (source, backfill_from) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET \
                 cursor = NULL, backfill_from = excluded.backfill_from, caught_up = 0, wait_until = 0, read_count = 0, total = NULL, \
                 quiet = 0, due_at = 0",
                &args![source.as_str(), from.timestamp_millis()],
            )
            .await?;
        Ok(())
    }

    /// Pauses or resumes polling of a source that was polled before. Returns whether there is such a one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause_poll(&self, source: &SourceId, paused: bool) -> Result<bool, StoreError> {
        let touched = self
            .db
            .execute("UPDATE cursors SET paused = $2 WHERE source = $1", &args![source.as_str(), paused])
            .await?;
        Ok(touched > 0)
    }

    /// Remembers a failed poll, and when the next may start; a restart honours it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_poll_trouble(
        &self,
        source: &SourceId,
        trouble: &PollTrouble,
    ) -> Result<(), StoreError> {
        self.db
            .execute(
                "UPDATE cursors SET wait_until = $2, wait_since = $4, failures = failures + 1, failure = $3, polled_at = $4, refused = $6, \
                 cursor = CASE WHEN $5 = 1 THEN NULL ELSE cursor END WHERE source = $1",
                &args![
                    source.as_str(),
                    trouble.wait_until.timestamp_millis(),
                    &trouble.message,
                    self.clock.now_ms(),
                    trouble.start_over,
                    trouble.refused,
                ],
            )
            .await?;
        Ok(())
    }

    /// Tools that refused us are asked again now: a person may have mended why.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_refusals(&self) -> Result<(), StoreError> {
        self.db.execute("UPDATE cursors SET wait_until = 0 WHERE refused = 1", &args![]).await?;
        Ok(())
    }

    /// What the source keeps under `keys`; all of it when `keys` is `None`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load_memory(
        &self,
        source: &SourceId,
        keys: Option<&[String]>,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let Some(keys) = keys else {
            let all: Vec<(String, String)> = self
                .db
                .list("SELECT key, value FROM source_memory WHERE source = $1", &args![source.as_str()])
                .await?;
            return Ok(all.into_iter().collect());
        };
        let mut known = BTreeMap::new();
        for key in keys {
            let found: Option<(String,)> = self
                .db
                .find(
                    "SELECT value FROM source_memory WHERE source = $1 AND key = $2",
                    &args![source.as_str(), key],
                )
                .await?;
            if let Some((value,)) = found {
                known.insert(key.clone(), value);
            }
        }
        Ok(known)
    }
}

pub(in crate::store) async fn write_memory(
    tx: &mut Tx,
    source: &SourceId,
    changes: &BTreeMap<String, Option<String>>,
) -> Result<(), StoreError> {
    for (key, value) in changes {
        match value {
            Some(value) => {
                tx.execute(
                    "INSERT INTO source_memory (source, key, value) VALUES ($1, $2, $3) \
                     ON CONFLICT (source, key) DO UPDATE SET value = excluded.value",
                    &args![source.as_str(), key, value],
                )
                .await?
            }
            None => {
                tx.execute(
                    "DELETE FROM source_memory WHERE source = $1 AND key = $2",
                    &args![source.as_str(), key],
                )
                .await?
            }
        };
    }
    Ok(())
}
