//! One statement for many rows: a round trip to the database costs more than a row.
//!
//! The statement has `{rows}` where `VALUES` has its rows, and its placeholders are made here. Groups have a
//! power of two of rows, so that the statements that a connection keeps prepared stay few.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::row::{Row, bound};
use super::{Arg, Database, Tx};
use crate::store::error::StoreError;

/// Most rows of one statement: far fewer values than either database takes.
const MOST: usize = 64;

impl Database {
    /// What a statement that only reads returns for all rows.
    pub async fn list_all<T: Row, const N: usize>(
        &self,
        sql: &'static str,
        rows: &[[Arg; N]],
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        for group in groups(rows) {
            let (sql, args) = (AssertSqlSafe(expand(sql, N, group.len())), group.as_flattened());
            let more: Vec<T> = match self {
                Self::Sqlite { read, .. } => bound!(sqlx::query_as(sql), args).fetch_all(read).await?,
                Self::Postgres(pool) => bound!(sqlx::query_as(sql), args).fetch_all(pool).await?,
            };
            found.extend(more);
        }
        Ok(found)
    }
}

impl Tx {
    /// Runs a statement for all rows. Returns the number of rows that it touched.
    pub async fn execute_all<const N: usize>(
        &mut self,
        sql: &'static str,
        rows: &[[Arg; N]],
    ) -> Result<u64, StoreError> {
        let mut touched = 0_u64;
        for group in groups(rows) {
            let (sql, args) = (AssertSqlSafe(expand(sql, N, group.len())), group.as_flattened());
            let more = match self {
                Self::Sqlite(tx) => bound!(sqlx::query(sql), args).execute(&mut **tx).await?.rows_affected(),
                Self::Postgres(tx) => {
                    bound!(sqlx::query(sql), args).execute(&mut **tx).await?.rows_affected()
                }
            };
            touched = touched.saturating_add(more);
        }
        Ok(touched)
    }

    /// What a statement returns for all rows.
    pub async fn list_all<T: Row, const N: usize>(
        &mut self,
        sql: &'static str,
        rows: &[[Arg; N]],
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        for group in groups(rows) {
            let (sql, args) = (AssertSqlSafe(expand(sql, N, group.len())), group.as_flattened());
            let more: Vec<T> = match self {
                Self::Sqlite(tx) => bound!(sqlx::query_as(sql), args).fetch_all(&mut **tx).await?,
                Self::Postgres(tx) => bound!(sqlx::query_as(sql), args).fetch_all(&mut **tx).await?,
            };
            found.extend(more);
        }
        Ok(found)
    }
}

/// The rows in order, each group as large as a power of two can be.
fn groups<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = MOST.min(1_usize.checked_shl(rows.len().checked_ilog2()?)?);
        let (group, rest) = rows.split_at_checked(size)?;
        rows = rest;
        Some(group)
    })
}

/// `($1, $2), ($3, $4)` for `{rows}`.
pub(super) fn expand(sql: &str, columns: usize, rows: usize) -> String {
    let mut values = String::new();
    for place in 0..columns.saturating_mul(rows) {
        let before = match place {
            0 => "(",
            _ if place.is_multiple_of(columns) => "), (",
            _ => ", ",
        };
        let _never_fails = write!(values, "{before}${}", place.saturating_add(1));
    }
    values.push(')');
    sql.replacen("{rows}", &values, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_powers_of_two_in_order() {
        let rows: Vec<usize> = (0..150).collect();
        let sizes: Vec<usize> = groups(&rows).map(<[usize]>::len).collect();
        assert_eq!(sizes, [64, 64, 16, 4, 2]);
        assert_eq!(groups(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(groups::<usize>(&[]).count(), 0);
    }

    #[test]
    fn every_value_has_a_placeholder() {
        assert_eq!(expand("VALUES {rows} x", 2, 3), "VALUES ($1, $2), ($3, $4), ($5, $6) x");
        assert_eq!(expand("{rows}", 1, 2), "($1), ($2)");
    }
}
