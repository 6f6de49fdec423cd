//! Numbers that change whenever the data that processes keep in memory does, and the lock that orders
//! installations and changes.

use super::sessions::lock_key;
use super::{Arg, Database, Tx, args};
use crate::domain::SourceId;
use crate::store::error::StoreError;

const GET_DIRECTORY: &str = r#"
    SELECT number
    FROM generations
    WHERE name = 'directory'"#;

/// The number of the directory: installations, workspaces and components.
pub(in crate::store) async fn get_directory(db: &Database) -> Result<i64, StoreError> {
    let (number,) = db.get(GET_DIRECTORY, &args![]).await?;
    Ok(number)
}

/// A part of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Part {
    /// An installation, by its client key.
    Destination,
    /// By its id.
    Component,
    /// All workspaces of a source, by the source.
    Workspaces,
}

impl Part {
    const ALL: [Self; 3] = [Self::Destination, Self::Component, Self::Workspaces];

    fn as_str(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Component => "component",
            Self::Workspaces => "workspaces",
        }
    }
}

/// The same as a transaction sees it.
pub(in crate::store) async fn get_directory_in(tx: &mut Tx) -> Result<i64, StoreError> {
    let number: Option<i64> = tx.find_value(GET_DIRECTORY, &args![]).await?;
    number.ok_or_else(|| StoreError::Database(sqlx::Error::RowNotFound))
}

/// Something in the directory has changed.
#[derive(Debug)]
pub(in crate::store) struct DirectoryChange {
    /// The number that the change gave the directory.
    pub number: i64,
    pub part: Part,
    pub id: String,
}

/// These have changed in the directory, which gets its next number.
pub(in crate::store) async fn bump_directory<'i>(
    tx: &mut Tx,
    part: Part,
    ids: impl IntoIterator<Item = &'i str>,
) -> Result<(), StoreError> {
    let sql = r#"
        UPDATE generations
        SET number = number + 1
        WHERE name = 'directory'
        RETURNING number"#;
    let number: Option<i64> = tx.find_value(sql, &args![]).await?;
    let sql = r#"
        INSERT INTO directory_changes (number, part, id)
        SELECT *
        FROM (VALUES {rows}) AS new
        WHERE column1 IS NOT NULL
        ON CONFLICT DO NOTHING"#;
    let rows: Vec<_> = ids.into_iter().map(|id| args![number, part.as_str(), id]).collect();
    tx.execute_all(sql, &rows).await?;
    Ok(())
}

/// What changed with the numbers after `after`, up to `until`.
pub(in crate::store) async fn list_changes(
    db: &Database,
    after: i64,
    until: i64,
) -> Result<Vec<DirectoryChange>, StoreError> {
    let sql = r#"
        SELECT number, part, id
        FROM directory_changes
        WHERE number > $1 AND number <= $2
        ORDER BY number, part, id"#;
    let rows: Vec<(i64, String, String)> = db.list(sql, &args![after, until]).await?;
    let change = |(number, part, id): (i64, String, String)| {
        let part = Part::ALL.into_iter().find(|it| it.as_str() == part)?;
        Some(DirectoryChange { number, part, id })
    };
    // A part that only a later release knows does not count, as if nothing were known of its number.
    Ok(rows.into_iter().filter_map(change).collect())
}

/// Removes what is older than the last `keep` numbers.
pub(in crate::store) async fn forget_changes(db: &Database, keep: i64) -> Result<u64, StoreError> {
    let sql = r#"
        DELETE FROM directory_changes
        WHERE number <= $1"#;
    db.execute(sql, &args![get_directory(db).await?.saturating_sub(keep)]).await
}

/// Whoever changes entities holds this against whoever installs: each must see the other's effect, or a new
/// site would miss a change. Any number may hold it at once; it ends with the transaction.
pub(in crate::store) async fn keep_sites(tx: &mut Tx) -> Result<(), StoreError> {
    lock(tx, concat!("SELECT pg_advisory_xact_lock_shared(", lock_key!("sites"), ")"), &args![]).await
}

/// The other side: waits until no entity is being changed, and holds changes up until the transaction ends.
pub(in crate::store) async fn lock_sites(tx: &mut Tx) -> Result<(), StoreError> {
    lock(tx, concat!("SELECT pg_advisory_xact_lock(", lock_key!("sites"), ")"), &args![]).await
}

/// The statements about one source are applied one transaction after another: each starts from the versions
/// that the one before has left.
pub(in crate::store) async fn lock_source(tx: &mut Tx, source: &SourceId) -> Result<(), StoreError> {
    let sql = concat!("SELECT pg_advisory_xact_lock(", lock_key!("source"), " # hashtextextended($1, 0))");
    lock(tx, sql, &args![source]).await
}

/// The same, but returns `false` at once while another transaction holds the source.
pub(in crate::store) async fn try_lock_source(tx: &mut Tx, source: &SourceId) -> Result<bool, StoreError> {
    let Tx::Postgres(_) = tx else { return Ok(true) };
    let sql =
        concat!("SELECT pg_try_advisory_xact_lock(", lock_key!("source"), " # hashtextextended($1, 0))");
    Ok(tx.find_value(sql, &args![source]).await? == Some(true))
}

/// A transaction of SQLite that writes is alone as it is.
async fn lock(tx: &mut Tx, sql: &'static str, args: &[Arg]) -> Result<(), StoreError> {
    if let Tx::Postgres(_) = tx {
        tx.execute(sql, args).await?;
    }
    Ok(())
}

/// Changes a row that nobody reads, to prove that the database accepts writes. SQLite does not write a row that stays as
/// it is.
pub(in crate::store) async fn check_writable(db: &Database) -> Result<(), StoreError> {
    let sql = r#"
        INSERT INTO generations (name, number)
        VALUES ('probe', 1)
        ON CONFLICT (name) DO UPDATE
        SET number = generations.number % 1000000 + 1"#;
    db.execute(sql, &args![]).await?;
    Ok(())
}
