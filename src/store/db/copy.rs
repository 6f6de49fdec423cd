//! Copies all tables of one database to another, of either kind, and compares what arrived, table by table.
//!
//! Values are copied as they are: secrets stay sealed. Must not know what a table is for, except for those that
//! belong to running processes.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, ColumnIndex, Decode, Type};

use super::group::{expand, number};
use super::pg_tx::PgTx;
use super::row::bound;
use super::{Arg, Database, Tx, args};
use crate::store::error::StoreError;

/// Rows, and bytes in them, that one statement writes.
const ROWS: usize = 64;
const BYTES: usize = 4 << 20;
/// What belongs to running processes, or to the schema itself.
const LEFT_OUT: [&str; 2] = ["leases", "_sqlx_migrations"];
/// What a new database contains.
const INITIAL: &str = "generations";

/// What was copied of one table, and compared.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CopiedTable {
    pub table: String,
    pub rows: u64,
    /// SHA-256 over the rows, in any order.
    pub digest: String,
}

/// Columns by name, with what they contain.
type Columns = BTreeMap<String, Kind>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Bytes,
}

impl Database {
    /// Copies everything to an empty database with the same schema, in one transaction that is committed only if
    /// everything has arrived. What is written here meanwhile is left out.
    pub async fn copy_to(&self, target: &Self) -> Result<Vec<CopiedTable>, StoreError> {
        let tables = self.describe().await?;
        if tables != target.describe().await? {
            return Err(StoreError::Inconsistent {
                what: "the source".to_owned(),
                why: "its schema differs from this program's: let this program migrate it first".to_owned(),
            });
        }
        let tables = &tables;
        target
            .transact(|mut tx| async move {
                let mut source = self.snapshot().await?;
                tx.without_limits().await?;
                for table in tables.keys().filter(|table| *table != INITIAL) {
                    if tx.count(table).await? > 0 {
                        return Err(StoreError::NotEmpty(table.clone()));
                    }
                }
                let mut copied = Vec::new();
                for (table, columns) in tables {
                    if table == INITIAL {
                        tx.execute("DELETE FROM generations", &args![]).await?;
                    }
                    let sent = source.copy(table, columns, &mut tx).await?;
                    if sent != tx.sum_up(table, columns).await? {
                        return Err(StoreError::Inconsistent {
                            what: format!("the copy of {table}"),
                            why: "it differs from the original; nothing was kept".to_owned(),
                        });
                    }
                    copied.push(sent);
                }
                Ok((tx, copied))
            })
            .await
    }

    /// The tables with their columns.
    async fn describe(&self) -> Result<BTreeMap<String, Columns>, StoreError> {
        let sql = match self {
            Self::Sqlite { .. } => {
                "SELECT t.name, c.name, LOWER(c.type)
                FROM sqlite_master t JOIN pragma_table_info(t.name) c
                WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            }
            Self::Postgres(_) => {
                "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT), CAST(c.data_type AS TEXT)
                FROM information_schema.columns c
                JOIN information_schema.tables t USING (table_schema, table_name)
                WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
            }
        };
        let mut tables: BTreeMap<String, Columns> = BTreeMap::new();
        for (table, column, kind) in self.list::<(String, String, String)>(sql, &args![]).await? {
            if LEFT_OUT.contains(&table.as_str()) {
                continue;
            }
            let kind = match kind.as_str() {
                "bigint" | "integer" => Kind::Int,
                "text" => Kind::Text,
                "bytea" | "blob" => Kind::Bytes,
                other => {
                    let (what, why) = (format!("the column {column}"), format!("its type is {other}"));
                    return Err(StoreError::Inconsistent { what, why });
                }
            };
            tables.entry(table).or_default().insert(column, kind);
        }
        Ok(tables)
    }

    /// Everything as it is now, whatever is written meanwhile.
    async fn snapshot(&self) -> Result<Tx, StoreError> {
        let mut tx = match self {
            Self::Sqlite { read, .. } => {
                let mut turn = read.take().await?;
                turn.begin();
                sqlx::query("BEGIN").execute(turn.connection()?).await?;
                Tx::Sqlite(turn)
            }
            Self::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Tx::Postgres(PgTx::new(pool.begin_with(begin).await?))
            }
        };
        tx.without_limits().await?;
        Ok(tx)
    }
}

impl Tx {
    /// A large table takes as long as it takes.
    async fn without_limits(&mut self) -> Result<(), StoreError> {
        if let Self::Postgres(_) = self {
            self.execute("SET LOCAL statement_timeout = 0", &args![]).await?;
            self.execute("SET LOCAL idle_in_transaction_session_timeout = 0", &args![]).await?;
        }
        Ok(())
    }

    async fn count(&mut self, table: &str) -> Result<i64, StoreError> {
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        Ok(match self {
            Self::Sqlite(turn) => sqlx::query_scalar(sql).fetch_one(turn.connection()?).await?,
            Self::Postgres(tx) => sqlx::query_scalar(sql).fetch_one(tx.connection()?).await?,
        })
    }

    /// Copies a table. Returns what was read.
    async fn copy(
        &mut self,
        table: &str,
        columns: &Columns,
        to: &mut Self,
    ) -> Result<CopiedTable, StoreError> {
        let mut batch = Batch { sum: Sum::default(), values: Vec::new(), rows: 0, bytes: 0 };
        let sql = select(table, columns);
        match self {
            Self::Sqlite(turn) => {
                let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(turn.connection()?);
                while let Some(row) = rows.try_next().await? {
                    batch.add(read(&row, columns)?);
                    batch.write_if_full(table, columns, to).await?;
                }
            }
            Self::Postgres(tx) => {
                let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(tx.connection()?);
                while let Some(row) = rows.try_next().await? {
                    batch.add(read(&row, columns)?);
                    batch.write_if_full(table, columns, to).await?;
                }
            }
        }
        batch.write(table, columns, to).await?;
        Ok(batch.sum.of(table))
    }

    /// What a table holds.
    async fn sum_up(&mut self, table: &str, columns: &Columns) -> Result<CopiedTable, StoreError> {
        let (mut sum, sql) = (Sum::default(), select(table, columns));
        match self {
            Self::Sqlite(turn) => {
                let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(turn.connection()?);
                while let Some(row) = rows.try_next().await? {
                    sum.add(&read(&row, columns)?);
                }
            }
            Self::Postgres(tx) => {
                let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(tx.connection()?);
                while let Some(row) = rows.try_next().await? {
                    sum.add(&read(&row, columns)?);
                }
            }
        }
        Ok(sum.of(table))
    }
}

fn select(table: &str, columns: &Columns) -> String {
    format!("SELECT {} FROM {table}", list(columns))
}

fn list(columns: &Columns) -> String {
    columns.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The values of a row, as they are.
fn read<R>(row: &R, columns: &Columns) -> Result<Vec<Arg>, StoreError>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    for<'r> Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Option<Vec<u8>>: Decode<'r, R::Database> + Type<R::Database>,
{
    let values = columns.values().enumerate().map(|(nth, kind)| {
        Ok(match kind {
            Kind::Int => Arg::Int(row.try_get(nth)?),
            Kind::Text => Arg::Text(row.try_get(nth)?),
            Kind::Bytes => Arg::Bytes(row.try_get(nth)?),
        })
    });
    values.collect()
}

/// Rows on their way.
struct Batch {
    sum: Sum,
    values: Vec<Arg>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, row: Vec<Arg>) {
        self.sum.add(&row);
        self.rows += 1;
        self.bytes += row.iter().map(|value| bytes_of(value).map_or(0, |bytes| bytes.len())).sum::<usize>();
        self.values.extend(row);
    }

    async fn write_if_full(&mut self, table: &str, columns: &Columns, to: &mut Tx) -> Result<(), StoreError> {
        if self.rows < ROWS && self.bytes < BYTES {
            return Ok(());
        }
        self.write(table, columns, to).await
    }

    async fn write(&mut self, table: &str, columns: &Columns, to: &mut Tx) -> Result<(), StoreError> {
        if self.rows == 0 {
            return Ok(());
        }
        let sql = format!("INSERT INTO {table} ({}) VALUES {{rows}}", list(columns));
        let sql = AssertSqlSafe(expand(&sql, columns.len(), self.rows, number));
        let values = std::mem::take(&mut self.values);
        match to {
            Tx::Sqlite(turn) => {
                bound!(sqlx::query(sql), &values).execute(turn.connection()?).await?;
            }
            Tx::Postgres(tx) => {
                bound!(sqlx::query(sql), &values).execute(tx.connection()?).await?;
            }
        }
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

/// The rows of a table, whatever their order: the exclusive or of their digests.
#[derive(Default)]
struct Sum {
    rows: u64,
    digest: [u8; 32],
}

impl Sum {
    fn add(&mut self, row: &[Arg]) {
        let mut hash = Sha256::new();
        for value in row {
            match bytes_of(value) {
                None => hash.update([0]),
                Some(bytes) => {
                    hash.update([1]);
                    hash.update(bytes.len().to_be_bytes());
                    hash.update(bytes);
                }
            }
        }
        self.rows += 1;
        for (sum, byte) in self.digest.iter_mut().zip(hash.finalize()) {
            *sum ^= byte;
        }
    }

    fn of(self, table: &str) -> CopiedTable {
        CopiedTable { table: table.to_owned(), rows: self.rows, digest: hex::encode(self.digest) }
    }
}

/// A value alike for both databases; `None` for NULL.
fn bytes_of(value: &Arg) -> Option<std::borrow::Cow<'_, [u8]>> {
    match value {
        Arg::Int(number) => number.map(|number| number.to_be_bytes().to_vec().into()),
        Arg::Text(text) => text.as_deref().map(|text| text.as_bytes().into()),
        Arg::Bytes(bytes) => bytes.as_deref().map(Into::into),
    }
}
