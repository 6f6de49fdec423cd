//! The one process that syncs from a SQLite database holds a lock file, which is free as soon as the process is gone.
//!
//! On PostgreSQL any number of processes share the work; only earlier versions of this program do not. Must not decide
//! what the owner does.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::files::open_private;
use super::sessions::lock_key;
use super::{Database, args};
use crate::store::error::StoreError;

/// How often the lock is tried while another holds it.
const TRY: Duration = Duration::from_millis(200);

/// Proof that this process may sync from its database. Ends when it is dropped.
#[derive(Debug)]
pub struct Ownership {
    _file: Option<File>,
}

impl Ownership {
    /// Makes this process one that syncs. Waits for another's end for at most `patience`.
    ///
    /// # Errors
    /// [`StoreError::Owned`] when another process is the owner of the SQLite database, or when an earlier version of
    /// this program, which shares no work, syncs from the PostgreSQL one.
    pub(in crate::store) async fn take(db: &Database, patience: Duration) -> Result<Self, StoreError> {
        let end = Instant::now() + patience;
        loop {
            let taken = match db {
                Database::Sqlite { write, .. } => lock_file(write.file()).map(Some),
                Database::Postgres(_) => check_alone(db).await.map(|()| None),
            };
            match taken {
                Ok(file) => return Ok(Self { _file: file }),
                Err(StoreError::Owned(_)) if Instant::now() < end => sleep(TRY).await,
                Err(fault) => return Err(fault),
            }
        }
    }
}

fn lock_file(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let unusable =
        |fault: std::io::Error| StoreError::Owned(format!("cannot lock {}: {fault}", path.display()));
    let file = open_private(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Owned(format!(
            "another incident-bridge already serves from this SQLite database (it holds {}): stop it first",
            path.display()
        ))),
        Err(TryLockError::Error(fault)) => Err(unusable(fault)),
    }
}

/// An earlier version that syncs holds this lock alone for as long as it runs.
async fn check_alone(db: &Database) -> Result<(), StoreError> {
    let sql = concat!("SELECT pg_try_advisory_xact_lock_shared(", lock_key!("sync"), ")");
    let (free,): (bool,) = db.get(sql, &args![]).await?;
    if free {
        return Ok(());
    }
    Err(StoreError::Owned(
        "an earlier version of incident-bridge, which shares no work, syncs from this PostgreSQL database: stop it first, \
         or start this one with --role web"
            .to_owned(),
    ))
}
