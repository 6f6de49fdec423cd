//! One statement that writes. It is atomic by itself, so SQLite's thread is asked once, and not three times.

use sqlx::PgPool;

use super::Database;
use super::arg::Arg;
use super::group::Group;
use super::lane::Turn;
use super::row::{Row, bound};
use super::transact::repeat;
use crate::store::error::StoreError;

/// The right to write one statement after another.
#[derive(Debug)]
pub(in crate::store) enum Single {
    Sqlite(Turn),
    Postgres(PgPool),
}

impl Database {
    /// On SQLite it waits until nobody else writes.
    pub async fn single(&self) -> Result<Single, StoreError> {
        Ok(match self {
            Self::Sqlite { write, .. } => Single::Sqlite(write.take().await?),
            Self::Postgres(pool) => Single::Postgres(pool.clone()),
        })
    }

    /// Whether somebody waits until nobody else writes.
    pub fn is_waited_for(&self) -> bool {
        matches!(self, Self::Sqlite { write, .. } if write.is_waited_for())
    }

    /// One statement. Returns the number of rows that it touched. Under a lease, on PostgreSQL, a transaction makes sure
    /// that the lease is still held.
    pub async fn execute(&self, sql: &'static str, args: &[Arg]) -> Result<u64, StoreError> {
        let Self::Sqlite { write, .. } = self else {
            return self
                .transact(|mut tx| async move {
                    let touched = tx.execute(sql, args).await?;
                    Ok((tx, touched))
                })
                .await;
        };
        let mut turn = write.take().await?;
        turn.begin();
        let done = bound!(sqlx::query(sql), args).execute(turn.connection()?).await?;
        turn.end();
        Ok(done.rows_affected())
    }
}

impl Single {
    /// What one statement returns for all rows, however many: not more than a few hundred.
    pub async fn list_all<T: Row, const N: usize>(
        &mut self,
        sql: &'static str,
        rows: &[[Arg; N]],
    ) -> Result<Vec<T>, StoreError> {
        let group = Group::new(rows);
        match self {
            Self::Sqlite(turn) => {
                turn.begin();
                let query = bound!(sqlx::query_as(group.plain(sql)), group.args());
                let found = query.fetch_all(turn.connection()?).await?;
                turn.end();
                Ok(found)
            }
            Self::Postgres(pool) => {
                let once = || async {
                    let query = bound!(sqlx::query_as(group.numbered(sql)), group.args());
                    Ok(query.fetch_all(&*pool).await?)
                };
                repeat(once).await
            }
        }
    }
}
