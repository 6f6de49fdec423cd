//! Points of hourly limits: what all processes have spent together.
//!
//! Each takes a few at once, so that not every request is a write. Must not know what a point is worth.

use crate::clock::Timestamp;
use crate::store::db::{Database, args};
use crate::store::error::StoreError;

/// The room of the points.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    db: &'a Database,
}

impl<'a> Points<'a> {
    pub(in crate::store) fn new(db: &'a Database) -> Self {
        Self { db }
    }

    /// Takes points of a pool in the hour that began at `hour`, unless more than `quota` would then be spent. Returns
    /// whether they were taken, and how many are spent.
    pub async fn take(
        self,
        pool: &str,
        hour: Timestamp,
        points: i64,
        quota: i64,
    ) -> Result<(bool, i64), StoreError> {
        let begin = r#"
            INSERT INTO points (pool, hour, spent)
            VALUES ($1, $2, 0)
            ON CONFLICT DO NOTHING"#;
        let forget = r#"
            DELETE FROM points
            WHERE pool = $1 AND hour < $2"#;
        let take = r#"
            UPDATE points
            SET spent = spent + $3
            WHERE pool = $1 AND hour = $2 AND spent <= $4 - $3
            RETURNING spent"#;
        let find = r#"
            SELECT spent
            FROM points
            WHERE pool = $1 AND hour = $2"#;
        self.db
            .transact(|mut tx| async move {
                if tx.execute(begin, &args![pool, hour]).await? > 0 {
                    tx.execute(forget, &args![pool, hour]).await?;
                }
                let taken: Option<i64> = tx.find_value(take, &args![pool, hour, points, quota]).await?;
                let spent = match taken {
                    Some(spent) => spent,
                    None => tx.find_value(find, &args![pool, hour]).await?.unwrap_or(quota),
                };
                Ok((tx, (taken.is_some(), spent)))
            })
            .await
    }
}
