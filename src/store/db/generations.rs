//! Numbers that change whenever the data that processes keep in memory does, and the row that orders
//! transactions.

use super::{Database, Tx, args};
use crate::store::error::StoreError;

/// The number of the directory: installations, workspaces and components.
pub(in crate::store) async fn get_directory(db: &Database) -> Result<i64, StoreError> {
    let sql = r#"
        SELECT number
        FROM generations
        WHERE name = 'directory'"#;
    let (number,) = db.get(sql, &args![]).await?;
    Ok(number)
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

/// Installing a site and changing an entity must see each other's effect, or a new site would miss the
/// change: both lock this row first.
pub(in crate::store) async fn lock_sites(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = r#"
        UPDATE generations
        SET number = number
        WHERE name = 'sites'"#;
    tx.execute(sql, &args![]).await?;
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
