//! One statement for many rows: a round trip to the database costs more than a row.
//!
//! The statement has `{rows}` where `VALUES` has its rows, and its placeholders are made here. Empty rows fill a
//! group up to a power of two, so that the statements that a connection keeps prepared stay few: a statement that
//! inserts must leave out the rows whose first column is NULL.
//!
//! SQLite searches the names of all placeholders for each value that is bound, so a statement with a thousand of them
//! takes milliseconds more; placeholders without a name cost nothing. PostgreSQL knows only numbers.

use sqlx::AssertSqlSafe;

use super::row::{Row, bound};
use super::{Arg, Database, Tx};
use crate::store::error::StoreError;

/// Most rows of one statement: far fewer values than either database takes.
pub(super) const MOST: usize = 64;

impl Database {
    /// What a statement that only reads returns for all rows.
    pub async fn list_all<T: Row, const N: usize>(
        &self,
        sql: &'static str,
        rows: &[[Arg; N]],
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        for group in groups(rows) {
            let args = group.args();
            let more: Vec<T> = match self {
                Self::Sqlite { read, .. } => {
                    let query = bound!(sqlx::query_as(group.plain(sql)), args);
                    query.fetch_all(read.take().await?.connection()?).await?
                }
                Self::Postgres(pool) => {
                    bound!(sqlx::query_as(group.numbered(sql)), args).fetch_all(pool).await?
                }
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
            let args = group.args();
            let more = match self {
                Self::Sqlite(turn) => {
                    let query = bound!(sqlx::query(group.plain(sql)), args);
                    query.execute(turn.connection()?).await?.rows_affected()
                }
                Self::Postgres(tx) => {
                    let query = bound!(sqlx::query(group.numbered(sql)), args);
                    query.execute(tx.connection()?).await?.rows_affected()
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
            let args = group.args();
            let more: Vec<T> = match self {
                Self::Sqlite(turn) => {
                    bound!(sqlx::query_as(group.plain(sql)), args).fetch_all(turn.connection()?).await?
                }
                Self::Postgres(tx) => {
                    bound!(sqlx::query_as(group.numbered(sql)), args).fetch_all(tx.connection()?).await?
                }
            };
            found.extend(more);
        }
        Ok(found)
    }
}

/// Rows of one statement, and the empty ones after them.
pub(super) struct Group<'a, const N: usize> {
    rows: &'a [[Arg; N]],
    padding: Vec<Arg>,
}

impl<'a, const N: usize> Group<'a, N> {
    pub fn new(rows: &'a [[Arg; N]]) -> Self {
        let missing = rows.len().next_power_of_two().saturating_sub(rows.len());
        let empty: Vec<Arg> = rows.first().into_iter().flatten().map(Arg::empty).collect();
        Self { rows, padding: std::iter::repeat_n(empty, missing).flatten().collect() }
    }

    /// The statement for SQLite, with a placeholder for each value.
    pub fn plain(&self, sql: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(expand(sql, N, self.rows.len().next_power_of_two(), |_| "?".to_owned()))
    }

    /// The same for PostgreSQL.
    pub fn numbered(&self, sql: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(expand(sql, N, self.rows.len().next_power_of_two(), number))
    }

    pub fn args(&self) -> impl Iterator<Item = &Arg> {
        self.rows.as_flattened().iter().chain(&self.padding)
    }
}

/// The rows in order.
fn groups<const N: usize>(rows: &[[Arg; N]]) -> impl Iterator<Item = Group<'_, N>> {
    rows.chunks(MOST).map(Group::new)
}

/// The placeholder of the value at this place, from 1 on.
pub(super) fn number(place: usize) -> String {
    format!("${place}")
}

/// `($1, $2), ($3, $4)` for `{rows}`.
pub(super) fn expand(
    sql: &str,
    columns: usize,
    rows: usize,
    placeholder: impl Fn(usize) -> String,
) -> String {
    let mut values = String::new();
    for place in 0..columns.saturating_mul(rows) {
        values += match place {
            0 => "(",
            _ if place.is_multiple_of(columns) => "), (",
            _ => ", ",
        };
        values += &placeholder(place.saturating_add(1));
    }
    values.push(')');
    sql.replacen("{rows}", &values, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::args;

    #[test]
    fn rows_are_in_order_and_each_statement_has_a_power_of_two_of_them() {
        let rows: Vec<_> = (0..150).map(|n: usize| args![n, "text"]).collect();
        let shape = |group: Group<'_, 2>| (group.rows.len(), group.args().count() / 2);
        assert_eq!(groups(&rows).map(shape).collect::<Vec<_>>(), [(64, 64), (64, 64), (22, 32)]);
        let last = groups(&rows).last().unwrap();
        assert!(last.args().take(44).all(|arg| !matches!(arg, Arg::Int(None) | Arg::Text(None))));
        assert!(last.args().skip(44).all(|arg| matches!(arg, Arg::Int(None) | Arg::Text(None))));
        assert_eq!(groups::<2>(&[]).count(), 0);
    }

    #[test]
    fn every_value_has_a_placeholder() {
        let expanded = expand("VALUES {rows} x", 2, 3, number);
        assert_eq!(expanded, "VALUES ($1, $2), ($3, $4), ($5, $6) x");
        assert_eq!(expand("{rows}", 1, 2, |_| "?".to_owned()), "(?), (?)");
    }
}
