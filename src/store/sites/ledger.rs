//! What destinations remember of the things that they have made: records that only they read, under names that only they
//! know. Written under the lease of whoever serves the destination, like everything that follows from its answers.

use crate::clock::Clock;
use crate::domain::DestinationId;
use crate::store::db::{Database, args};
use crate::store::error::StoreError;

/// Under this destination stands what concerns the whole program.
const PROGRAM: &str = "";
const INSTALLATION: &str = "installation";

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LedgerRow {
    pub name: String,
    /// The destination's own word.
    pub state: String,
    /// By which the other side knows what was made.
    pub number: Option<i64>,
    /// JSON.
    pub record: String,
}

/// Which records are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct LedgerFilter<'a> {
    /// Start of the name.
    pub prefix: &'a str,
    /// `None` for any.
    pub state: Option<&'a str>,
    /// Those after this name.
    pub after: &'a str,
}

/// The room of what destinations remember.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    db: &'a Database,
    clock: &'a Clock,
}

impl<'a> Ledger<'a> {
    pub(in crate::store) fn new(db: &'a Database, clock: &'a Clock) -> Self {
        Self { db, clock }
    }

    /// An id that this database has and no other one; made when it is first asked for.
    pub async fn installation(self) -> Result<String, StoreError> {
        let find = r#"
            SELECT record
            FROM ledger
            WHERE destination = $1 AND name = $2"#;
        if let Some(known) = self.db.find_value(find, &args![PROGRAM, INSTALLATION]).await? {
            return Ok(known);
        }
        let make = r#"
            INSERT INTO ledger (destination, name, state, record, updated_at)
            VALUES ($1, $2, '', $3, $4)
            ON CONFLICT DO NOTHING"#;
        let args = args![PROGRAM, INSTALLATION, self.clock.new_id(), self.clock.now()];
        self.db.execute(make, &args).await?;
        // Another process may have been first.
        let (known,): (String,) = self.db.get(find, &args![PROGRAM, INSTALLATION]).await?;
        Ok(known)
    }

    /// The record of that name.
    pub async fn find(
        self,
        destination: &DestinationId,
        name: &str,
    ) -> Result<Option<LedgerRow>, StoreError> {
        let sql = r#"
            SELECT name, state, number, record
            FROM ledger
            WHERE destination = $1 AND name = $2"#;
        self.db.find(sql, &args![destination, name]).await
    }

    /// Writes records in place of those with their names, all or none.
    pub async fn write(self, destination: &DestinationId, rows: &[LedgerRow]) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO ledger (destination, name, state, number, record, updated_at)
            SELECT *
            FROM (VALUES {rows}) AS new
            WHERE column1 IS NOT NULL
            ON CONFLICT (destination, name) DO UPDATE
            SET state = excluded.state,
                number = excluded.number,
                record = excluded.record,
                updated_at = excluded.updated_at"#;
        let now = self.clock.now();
        let row = |row: &LedgerRow| args![destination, &row.name, &row.state, row.number, &row.record, now];
        let rows: &Vec<_> = &rows.iter().map(row).collect();
        self.db
            .transact(|mut tx| async move {
                tx.execute_all(sql, rows).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// Records in the order of their names, at most `limit`.
    pub async fn list(
        self,
        destination: &DestinationId,
        filter: LedgerFilter<'_>,
        limit: usize,
    ) -> Result<Vec<LedgerRow>, StoreError> {
        let LedgerFilter { prefix, state, after } = filter;
        let length = prefix.chars().count();
        let Some(state) = state else {
            let sql = r#"
                SELECT name, state, number, record
                FROM ledger
                WHERE destination = $1 AND name > $2 AND SUBSTR(name, 1, CAST($3 AS INTEGER)) = $4
                ORDER BY name
                LIMIT $5"#;
            return self.db.list(sql, &args![destination, after, length, prefix, limit]).await;
        };
        let sql = r#"
            SELECT name, state, number, record
            FROM ledger
            WHERE destination = $1 AND name > $2 AND SUBSTR(name, 1, CAST($3 AS INTEGER)) = $4 AND state = $5
            ORDER BY name
            LIMIT $6"#;
        self.db.list(sql, &args![destination, after, length, prefix, state, limit]).await
    }

    /// The record with the highest number.
    pub async fn find_last(self, destination: &DestinationId) -> Result<Option<LedgerRow>, StoreError> {
        let sql = r#"
            SELECT name, state, number, record
            FROM ledger
            WHERE destination = $1 AND number IS NOT NULL
            ORDER BY number DESC
            LIMIT 1"#;
        self.db.find(sql, &args![destination]).await
    }
}
