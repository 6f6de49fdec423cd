//! Keeps the files of a SQLite database small, and free of remains of what was erased.
//!
//! PostgreSQL has autovacuum for this.

use std::time::Duration;

use sqlx::Row as _;

use super::Database;
use super::files::{ExposedFile, list_exposed};
use super::lane::Turn;
use crate::store::error::StoreError;

/// Pages that one step of the vacuum gives back: less than a mebibyte, so that it delays no webhook.
const VACUUM_STEP: i64 = 200;
/// How long emptying the write-ahead log waits for readers. Webhooks wait as long, so it is short; the next
/// attempt is a minute later.
const SCRUB_TIMEOUT: Duration = Duration::from_millis(250);

impl Database {
    /// The files of this database that others than its owner may read or write.
    pub fn list_exposed_files(&self) -> Vec<ExposedFile> {
        match self {
            Self::Sqlite { write, .. } => list_exposed(write.file()),
            Self::Postgres(_) => Vec::new(),
        }
    }

    /// Gives a few unused pages of the file back to the file system. Returns whether more are left.
    pub async fn vacuum_step(&self) -> Result<bool, StoreError> {
        let Self::Sqlite { write, .. } = self else { return Ok(false) };
        let mut turn = write.take().await?;
        let before = count_free_pages(&mut turn).await?;
        if before == 0 {
            return Ok(false);
        }
        let sql = format!("PRAGMA incremental_vacuum({VACUUM_STEP})");
        // One page is given back with each row, so all must be read.
        sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(turn.connection()?).await?;
        let after = count_free_pages(&mut turn).await?;
        Ok(after > 0 && after < before)
    }

    /// Moves everything from the write-ahead log into the database and empties the log, so that what was erased
    /// cannot be read there. Returns `false` when a reader was in the way.
    pub async fn empty_log(&self) -> Result<bool, StoreError> {
        let Self::Sqlite { write, .. } = self else { return Ok(true) };
        let mut turn = write.take().await?;
        turn.wait_at_most(SCRUB_TIMEOUT).await?;
        let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(turn.connection()?).await?;
        Ok(emptied.try_get::<i64, _>(0)? == 0)
    }
}

async fn count_free_pages(turn: &mut Turn) -> Result<i64, StoreError> {
    let (pages,): (i64,) = sqlx::query_as("PRAGMA freelist_count").fetch_one(turn.connection()?).await?;
    Ok(pages)
}
