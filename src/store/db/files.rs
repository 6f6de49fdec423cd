//! The files of a SQLite database: for their owner alone, and without remains of what was erased.
//!
//! PostgreSQL looks after its own files.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sqlx::{Row as _, SqlitePool};

use super::{BUSY_TIMEOUT, Database};
use crate::store::error::StoreError;

/// Read and written by its owner alone.
const PRIVATE: u32 = 0o600;
/// What everybody else may do.
const OTHERS: u32 = 0o077;
/// What SQLite and this program add to the name of the database.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", ".lock"];
/// Pages that one step of the vacuum gives back: less than a mebibyte, so that it delays no webhook.
const VACUUM_STEP: i64 = 200;
/// How long emptying the write-ahead log waits for readers. Webhooks wait as long, so it is short; the next
/// attempt is a minute later.
const SCRUB_TIMEOUT_MS: u32 = 250;

/// A file that others than its owner may read or write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposedFile {
    pub path: PathBuf,
    /// The nine permission bits.
    pub mode: u32,
}

/// Opens a file for writing, and creates it for its owner alone if it does not exist.
///
/// # Errors
/// When it cannot be opened.
pub fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(path)
}

/// Creates the file of a database that does not exist. SQLite gives the other files the permissions of this
/// one. If it cannot be created, SQLite says why.
pub(super) fn create_database(path: &Path) {
    if !is_in_memory(path) && !path.exists() {
        drop(open_private(path));
    }
}

fn is_in_memory(path: &Path) -> bool {
    path.to_str().is_none_or(|name| name.is_empty() || name == ":memory:" || name.starts_with("file:"))
}

impl Database {
    /// The files of this database that others than its owner may read or write.
    pub fn list_exposed_files(&self) -> Vec<ExposedFile> {
        let Self::Sqlite { write, .. } = self else { return Vec::new() };
        let options = write.connect_options();
        let database = options.get_filename();
        if is_in_memory(database) {
            return Vec::new();
        }
        let exposed = SUFFIXES.iter().filter_map(|suffix| {
            let mut path = OsString::from(database.as_os_str());
            path.push(suffix);
            let path = PathBuf::from(path);
            let mode = std::fs::metadata(&path).ok()?.permissions().mode() & 0o777;
            (mode & OTHERS != 0).then_some(ExposedFile { path, mode })
        });
        exposed.collect()
    }

    /// Gives a few unused pages of the file back to the file system. Returns whether more are left.
    pub async fn vacuum_step(&self) -> Result<bool, StoreError> {
        let Self::Sqlite { write, .. } = self else { return Ok(false) };
        let before = count_free_pages(write).await?;
        if before == 0 {
            return Ok(false);
        }
        let sql = format!("PRAGMA incremental_vacuum({VACUUM_STEP})");
        // One page is given back with each row, so all must be read.
        sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(write).await?;
        let after = count_free_pages(write).await?;
        Ok(after > 0 && after < before)
    }

    /// Moves everything from the write-ahead log into the database and empties the log, so that what was erased
    /// cannot be read there. Returns `false` when a reader was in the way.
    pub async fn empty_log(&self) -> Result<bool, StoreError> {
        let Self::Sqlite { write, .. } = self else { return Ok(true) };
        let mut connection = write.acquire().await?;
        let wait = |ms: u128| sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {ms}")));
        wait(SCRUB_TIMEOUT_MS.into()).execute(&mut *connection).await?;
        let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
        wait(BUSY_TIMEOUT.as_millis()).execute(&mut *connection).await?;
        Ok(emptied?.try_get::<i64, _>(0)? == 0)
    }
}

async fn count_free_pages(write: &SqlitePool) -> Result<i64, StoreError> {
    let (pages,): (i64,) = sqlx::query_as("PRAGMA freelist_count").fetch_one(write).await?;
    Ok(pages)
}
