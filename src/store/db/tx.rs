//! A transaction that may write: what happens in one is visible at once, or never.

use super::arg::Arg;
use super::lane::Turn;
use super::pg_tx::{PgTx, Undone};
use super::row::{Row, bound, values};
use crate::store::error::StoreError;

/// A transaction that may write. Dropped without `commit`, it leaves no trace.
pub(in crate::store) enum Tx {
    Sqlite(Turn),
    Postgres(PgTx),
}

impl Tx {
    /// Returns the number of rows it touched.
    pub async fn execute(&mut self, sql: &'static str, args: &[Arg]) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(turn) => {
                bound!(sqlx::query(sql), args).execute(turn.connection()?).await?.rows_affected()
            }
            Self::Postgres(tx) => {
                bound!(sqlx::query(sql), args).execute(tx.connection()?).await?.rows_affected()
            }
        })
    }

    /// All rows.
    pub async fn list<T: Row>(&mut self, sql: &'static str, args: &[Arg]) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Sqlite(turn) => bound!(sqlx::query_as(sql), args).fetch_all(turn.connection()?).await?,
            Self::Postgres(tx) => bound!(sqlx::query_as(sql), args).fetch_all(tx.connection()?).await?,
        })
    }

    /// A row that may not be there.
    pub async fn find<T: Row>(&mut self, sql: &'static str, args: &[Arg]) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Self::Sqlite(turn) => {
                bound!(sqlx::query_as(sql), args).fetch_optional(turn.connection()?).await?
            }
            Self::Postgres(tx) => bound!(sqlx::query_as(sql), args).fetch_optional(tx.connection()?).await?,
        })
    }

    /// The only column of every row.
    pub async fn list_values<T>(&mut self, sql: &'static str, args: &[Arg]) -> Result<Vec<T>, StoreError>
    where
        (T,): Row,
    {
        Ok(values(self.list(sql, args).await?))
    }

    /// The only column of a row that may not be there.
    pub async fn find_value<T>(&mut self, sql: &'static str, args: &[Arg]) -> Result<Option<T>, StoreError>
    where
        (T,): Row,
    {
        Ok(self.find(sql, args).await?.map(|(value,)| value))
    }

    /// What ends when everything written so far is undone.
    pub(super) fn undone(&mut self) -> Undone {
        match self {
            Self::Sqlite(_) => Undone::already(),
            Self::Postgres(tx) => tx.undone(),
        }
    }

    /// Makes everything written so far last.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(mut turn) => {
                sqlx::query("COMMIT").execute(turn.connection()?).await?;
                turn.end();
            }
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}
