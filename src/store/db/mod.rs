//! Two databases behind one small surface: every statement is written once, with `$1` placeholders.
//!
//! This folder alone knows which database it is. The rest of the store speaks [`Tx`] and [`Database`] and
//! passes [`Arg`]s; rows come back as the domain's types. SQLite has one connection that writes, because it
//! can only ever have one writer, and several that read; its transactions begin immediately so that they never
//! fail half-way on a lock.

mod arg;
mod column;
pub(in crate::store) mod copy;
pub(in crate::store) mod fence;
pub(in crate::store) mod files;
pub(in crate::store) mod generations;
mod group;
mod lane;
pub(in crate::store) mod news;
pub(in crate::store) mod owner;
mod pg_tx;
pub(in crate::store) mod place;
mod row;
mod sessions;
mod set_back;
mod single;
mod transact;
mod tx;
mod upkeep;

pub(in crate::store) use arg::{Arg, args};
pub(in crate::store) use column::{Flag, Kept, Micros, Millis, OptionalMillis, to_json};
pub(in crate::store) use set_back::{is_over, unless_set_back};
pub(in crate::store) use single::Single;
pub(in crate::store) use tx::Tx;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::store::error::StoreError;
use lane::{BUSY_TIMEOUT, Lane, Readers};
use pg_tx::PgTx;
use row::{Row, bound, values};

/// How long a statement waits for one of PostgreSQL's connections.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The migration since which a database says which programs may work with it.
const SINCE: i64 = 8;
/// Rows that SQLite's thread reads ahead: each time it has to stop costs two changes of threads.
const ROW_BUFFER: usize = 1024;
/// Pages of the write-ahead log, 16 MB, after which they are moved into the database. A page that changes often is moved
/// once for all its changes, so SQLite's usual 1,000 would write much more; opening after a crash reads them all.
const CHECKPOINT: &str = "4000";

/// The file of a SQLite database that does not exist.
pub(in crate::store) fn find_missing(url: &str) -> Option<PathBuf> {
    let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok())??;
    files::is_missing(options.get_filename()).then(|| options.get_filename().to_owned())
}

/// An open database.
#[derive(Debug, Clone)]
pub(in crate::store) enum Database {
    Sqlite { read: Readers, write: Lane },
    Postgres(PgPool),
}

impl Database {
    /// Opens `sqlite://…` (the file is made if missing) or `postgres://…`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?;
            files::create_database(options.get_filename());
            let options = options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .auto_vacuum(SqliteAutoVacuum::Incremental)
                .busy_timeout(BUSY_TIMEOUT)
                .row_buffer_size(ROW_BUFFER)
                .foreign_keys(true);
            // `FAST` would leave the pages of long values, such as bodies of webhooks, as they are.
            let writing = options.clone().pragma("cache_size", "-4000").pragma("secure_delete", "on");
            let writing = writing.pragma("wal_autocheckpoint", CHECKPOINT);
            let write = Lane::new(writing);
            drop(write.take().await?);
            // Each connection has a thread, and with it memory, of its own; reads take milliseconds.
            let reading = options.pragma("query_only", "on").pragma("cache_size", "-1000");
            Ok(Self::Sqlite { read: Readers::new(reading), write })
        } else {
            let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(ACQUIRE_TIMEOUT);
            let pool = pool.after_connect(|connection, _| Box::pin(sessions::limit(connection)));
            match pool.connect(url).await {
                Ok(pool) => Ok(Self::Postgres(pool)),
                // The pool tries again and again, and forgets why: one more attempt says it.
                Err(sqlx::Error::PoolTimedOut) => match PgConnection::connect(url).await {
                    Ok(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
                    Err(why) => Err(why.into()),
                },
                Err(fault) => Err(fault.into()),
            }
        }
    }

    /// Whether only one process can serve from this database.
    pub fn has_one_process(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Brings the schema up to date. What a newer program has added to it stays.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.pending_migrations().await?;
        match self {
            Self::Sqlite { write, .. } => {
                let mut turn = write.take().await?;
                sqlx::migrate!("migrations/sqlite").set_ignore_missing(true).run(turn.connection()?).await?;
            }
            Self::Postgres(pool) => {
                // Without the limits of other sessions: a migration may rewrite a table.
                let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
                sqlx::migrate!("migrations/postgres").set_ignore_missing(true).run(&mut connection).await?;
                connection.close().await?;
            }
        }
        Ok(())
    }

    /// How many migrations this program has and the database lacks. Those of a newer program only add to the schema,
    /// unless the database says that it needs a program that knows them.
    pub async fn pending_migrations(&self) -> Result<usize, StoreError> {
        let migrations = sqlx::migrate!("migrations/sqlite");
        let known = migrations.iter().count();
        let exists = match self {
            Self::Sqlite { .. } => "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
            Self::Postgres(_) => "SELECT COUNT(*) FROM pg_tables WHERE tablename = '_sqlx_migrations'",
        };
        let (exists,): (i64,) = self.get(exists, &[]).await?;
        if exists == 0 {
            return Ok(known);
        }
        let applied: Vec<(i64,)> =
            self.list("SELECT version FROM _sqlx_migrations ORDER BY version", &[]).await?;
        let applied: BTreeSet<i64> = applied.into_iter().map(|(version,)| version).collect();
        if applied.contains(&SINCE) {
            let sql = "SELECT number FROM generations WHERE name = 'oldest_program'";
            let (needed,): (i64,) = self.get(sql, &[]).await?;
            if needed > migrations.iter().map(|migration| migration.version).max().unwrap_or(0) {
                return Err(StoreError::NewerSchema { migration: needed });
            }
        }
        Ok(migrations.iter().filter(|migration| !applied.contains(&migration.version)).count())
    }

    /// On SQLite it waits for the one connection that writes. Private, so that whoever writes more than one statement uses
    /// `transact`.
    async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { write, .. } => {
                let mut turn = write.take().await?;
                turn.begin();
                sqlx::query("BEGIN IMMEDIATE").execute(turn.connection()?).await?;
                Tx::Sqlite(turn)
            }
            Self::Postgres(pool) => Tx::Postgres(PgTx::new(pool.begin().await?)),
        })
    }

    /// All rows.
    pub async fn list<T: Row>(&self, sql: &'static str, args: &[Arg]) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => {
                bound!(sqlx::query_as(sql), args).fetch_all(read.take().await?.connection()?).await?
            }
            Self::Postgres(pool) => bound!(sqlx::query_as(sql), args).fetch_all(pool).await?,
        })
    }

    /// A row that may not be there.
    pub async fn find<T: Row>(&self, sql: &'static str, args: &[Arg]) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => {
                bound!(sqlx::query_as(sql), args).fetch_optional(read.take().await?.connection()?).await?
            }
            Self::Postgres(pool) => bound!(sqlx::query_as(sql), args).fetch_optional(pool).await?,
        })
    }

    /// The only column of every row.
    pub async fn list_values<T>(&self, sql: &'static str, args: &[Arg]) -> Result<Vec<T>, StoreError>
    where
        (T,): Row,
    {
        Ok(values(self.list(sql, args).await?))
    }

    /// The only column of a row that may not be there.
    pub async fn find_value<T>(&self, sql: &'static str, args: &[Arg]) -> Result<Option<T>, StoreError>
    where
        (T,): Row,
    {
        Ok(self.find(sql, args).await?.map(|(value,)| value))
    }

    /// A row that is always there.
    pub async fn get<T: Row>(&self, sql: &'static str, args: &[Arg]) -> Result<T, StoreError> {
        self.find(sql, args).await?.ok_or_else(|| StoreError::Database(sqlx::Error::RowNotFound))
    }

    /// Waits for running statements and closes all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

#[cfg(test)]
mod tests;
