//! Incidents that a webhook has named without showing them: to be fetched from the tool.
//!
//! One is forgotten only after what was fetched is stored, and only if it was not named again meanwhile.

use crate::domain::SourceId;
use crate::store::db::{Tx, args};
use crate::store::{Store, StoreError};

/// An incident to be fetched.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Refetch {
    pub provider_id: String,
    /// How often it was named so far.
    times: i64,
}

impl Store {
    /// What is to be fetched from the tool; those that it refused come last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_refetches(&self, source: &SourceId, limit: i64) -> Result<Vec<Refetch>, StoreError> {
        self.db
            .list(
                "SELECT provider_id, times FROM refetches WHERE source = $1 ORDER BY tried_at, provider_id LIMIT $2",
                &args![source.as_str(), limit],
            )
            .await
    }

    /// It was fetched and stored as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_refetch(&self, source: &SourceId, fetched: &Refetch) -> Result<(), StoreError> {
        self.db
            .execute(
                "DELETE FROM refetches WHERE source = $1 AND provider_id = $2 AND times = $3",
                &args![source.as_str(), &fetched.provider_id, fetched.times],
            )
            .await?;
        Ok(())
    }

    /// It cannot be had now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_off_refetch(&self, source: &SourceId, refused: &Refetch) -> Result<(), StoreError> {
        self.db
            .execute(
                "UPDATE refetches SET tried_at = $3 WHERE source = $1 AND provider_id = $2",
                &args![source.as_str(), &refused.provider_id, self.clock.now_ms()],
            )
            .await?;
        Ok(())
    }
}

pub(in crate::store) async fn name(
    tx: &mut Tx,
    source: &SourceId,
    provider_id: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO refetches (source, provider_id) VALUES ($1, $2) \
         ON CONFLICT (source, provider_id) DO UPDATE SET times = refetches.times + 1",
        &args![source.as_str(), provider_id],
    )
    .await?;
    Ok(())
}
