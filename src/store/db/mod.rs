//! Two databases behind one small surface: every statement is written once, with `$1` placeholders.
//!
//! This file alone knows which database it is. The rest of the store speaks [`Tx`] and [`Database`] and
//! passes [`Arg`]s. SQLite has one connection that writes, because it can only ever have one writer, and
//! several that read; its transactions begin immediately so that they never fail half-way on a lock.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Connection as _, FromRow, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use crate::store::StoreError;

/// How long a statement waits for another process that holds SQLite's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A value for a placeholder.
#[derive(Debug, Clone)]
pub(in crate::store) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! arg_from {
    ($($from:ty => $variant:ident, $convert:expr;)*) => {$(
        impl From<$from> for Arg {
            fn from(value: $from) -> Self {
                Self::$variant(Some(($convert)(value)))
            }
        }
        impl From<Option<$from>> for Arg {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )*};
}
arg_from! {
    i64 => Int, |n| n;
    bool => Int, i64::from;
    String => Text, |text| text;
    &str => Text, str::to_owned;
    &String => Text, String::clone;
    Vec<u8> => Bytes, |bytes| bytes;
    &[u8] => Bytes, <[u8]>::to_vec;
}

/// `args![a, b]`: the values for `$1`, `$2`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { [$($crate::store::db::Arg::from($value)),*] };
}
pub(in crate::store) use args;

/// A row type that both databases can fill.
pub(in crate::store) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// An open database.
#[derive(Debug, Clone)]
pub(in crate::store) enum Database {
    Sqlite { read: SqlitePool, write: SqlitePool },
    Postgres(PgPool),
}

/// A transaction that may write. Dropped without `commit`, it leaves no trace.
pub(in crate::store) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Binds `$args` in order to a query made by `$make`.
macro_rules! bound {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::Int(value) => query.bind(*value),
                Arg::Text(value) => query.bind(value.clone()),
                Arg::Bytes(value) => query.bind(value.clone()),
            };
        }
        query
    }};
}

impl Database {
    /// Opens `sqlite://…` (the file is made if missing) or `postgres://…`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .auto_vacuum(SqliteAutoVacuum::Incremental)
                .busy_timeout(BUSY_TIMEOUT)
                .foreign_keys(true);
            let writing = options.clone().pragma("cache_size", "-4000");
            let write = SqlitePoolOptions::new().max_connections(1).after_release(|connection, _| {
                // SQLite itself rolls back what a full disk interrupts. The connection still counts the
                // transaction as open then, and would refuse every other.
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            });
            let write = write.connect_with(writing).await?;
            // Each connection has a thread, and with it memory, of its own; reads take milliseconds.
            let reading = options.pragma("query_only", "on").pragma("cache_size", "-1000");
            let read = SqlitePoolOptions::new().max_connections(2).min_connections(0);
            Ok(Self::Sqlite { read: read.connect_lazy_with(reading), write })
        } else {
            let pool =
                PgPoolOptions::new().max_connections(8).acquire_timeout(BUSY_TIMEOUT).connect(url).await?;
            Ok(Self::Postgres(pool))
        }
    }

    /// Whether only one process can serve from this database.
    pub fn has_one_process(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { write, .. } => sqlx::migrate!("migrations/sqlite").run(write).await?,
            Self::Postgres(pool) => sqlx::migrate!("migrations/postgres").run(pool).await?,
        }
        Ok(())
    }

    /// How many migrations this program has and the database lacks.
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
        let is_known = |version: i64| migrations.iter().any(|migration| migration.version == version);
        if let Some((newer,)) = applied.iter().find(|(version,)| !is_known(*version)) {
            return Err(StoreError::Inconsistent {
                what: "a schema".to_owned(),
                why: format!(
                    "migration {newer} is not known; the database belongs to a newer incident-bridge"
                ),
            });
        }
        Ok(known.saturating_sub(applied.len()))
    }

    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// One statement that writes, in a transaction of its own. Returns the number of rows it touched.
    pub async fn execute(&self, sql: &'static str, args: &[Arg]) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let touched = tx.execute(sql, args).await?;
        tx.commit().await?;
        Ok(touched)
    }

    pub async fn list<T: Row>(&self, sql: &'static str, args: &[Arg]) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => bound!(sqlx::query_as(sql), args).fetch_all(read).await?,
            Self::Postgres(pool) => bound!(sqlx::query_as(sql), args).fetch_all(pool).await?,
        })
    }

    pub async fn find<T: Row>(&self, sql: &'static str, args: &[Arg]) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => bound!(sqlx::query_as(sql), args).fetch_optional(read).await?,
            Self::Postgres(pool) => bound!(sqlx::query_as(sql), args).fetch_optional(pool).await?,
        })
    }

    pub async fn get<T: Row>(&self, sql: &'static str, args: &[Arg]) -> Result<T, StoreError> {
        self.find(sql, args).await?.ok_or_else(|| StoreError::Database(sqlx::Error::RowNotFound))
    }

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

impl Tx {
    pub async fn execute(&mut self, sql: &'static str, args: &[Arg]) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query(sql), args).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => bound!(sqlx::query(sql), args).execute(&mut **tx).await?.rows_affected(),
        })
    }

    pub async fn list<T: Row>(&mut self, sql: &'static str, args: &[Arg]) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query_as(sql), args).fetch_all(&mut **tx).await?,
            Self::Postgres(tx) => bound!(sqlx::query_as(sql), args).fetch_all(&mut **tx).await?,
        })
    }

    pub async fn find<T: Row>(&mut self, sql: &'static str, args: &[Arg]) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query_as(sql), args).fetch_optional(&mut **tx).await?,
            Self::Postgres(tx) => bound!(sqlx::query_as(sql), args).fetch_optional(&mut **tx).await?,
        })
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
