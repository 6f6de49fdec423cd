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

/// The same as a transaction sees it.
pub(in crate::store) async fn get_directory_in(tx: &mut Tx) -> Result<i64, StoreError> {
    let number: Option<i64> = tx.find_value(GET_DIRECTORY, &args![]).await?;
    number.ok_or_else(|| StoreError::Database(sqlx::Error::RowNotFound))
}

/// Something in the directory has changed.
pub(in crate::store) async fn bump_directory(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = r#"
        UPDATE generations
        SET number = number + 1
        WHERE name = 'directory'"#;
    tx.execute(sql, &args![]).await?;
    Ok(())
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

/// A transaction of SQLite that writes is alone as it is.
async fn lock(tx: &mut Tx, sql: &'static str, args: &[Arg]) -> Result<(), StoreError> {
    if let Tx::Postgres(_) = tx {
        tx.execute(sql, args).await?;
    }
    Ok(())
}

/// Rewrites one row unchanged, to prove that the database accepts writes.
pub(in crate::store) async fn check_writable(db: &Database) -> Result<(), StoreError> {
    let sql = r#"
        UPDATE generations
        SET number = number
        WHERE name = 'directory'"#;
    db.execute(sql, &args![]).await?;
    Ok(())
}
