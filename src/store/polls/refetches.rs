//! Incidents that a webhook has named without their content: to be fetched from the tool.
//!
//! One is forgotten only after what was fetched is stored, and only if it was not named again meanwhile.

use super::Polls;
use crate::clock::Timestamp;
use crate::domain::SourceId;
use crate::store::db::{Tx, args, is_over};
use crate::store::error::StoreError;

/// An incident to be fetched.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Refetch {
    pub provider_id: String,
    /// How often it has been named.
    times: i64,
}

impl Polls<'_> {
    /// What is to be fetched from the tool now; those that failed before come last.
    pub async fn list_refetches(self, source: &SourceId, limit: usize) -> Result<Vec<Refetch>, StoreError> {
        let sql = concat!(
            "SELECT provider_id, times FROM refetches WHERE source = $1 AND ",
            is_over!("wait_until", "$2", "tried_at", "$2"),
            " ORDER BY tried_at, provider_id LIMIT $3"
        );
        self.db.list(sql, &args![source, self.clock.now(), limit]).await
    }

    /// Deletes those that were fetched and stored.
    pub async fn finish_refetches(self, source: &SourceId, fetched: &[Refetch]) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM refetches
            WHERE source = $1 AND provider_id = $2 AND times = $3"#;
        self.db
            .transact(|mut tx| async move {
                for refetch in fetched {
                    tx.execute(sql, &args![source, &refetch.provider_id, refetch.times]).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Puts one off that could not be fetched: behind the others, and until then.
    pub async fn put_off_refetch(
        self,
        source: &SourceId,
        failed: &Refetch,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE refetches
            SET tried_at = $1, wait_until = $2
            WHERE source = $3 AND provider_id = $4 AND times = $5"#;
        let args = args![self.clock.now(), until, source, &failed.provider_id, failed.times];
        self.db.execute(sql, &args).await?;
        Ok(())
    }

    /// Records incidents that webhooks have named without their content.
    pub(in crate::store) async fn name_refetches(
        self,
        tx: &mut Tx,
        source: &SourceId,
        provider_ids: &[String],
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO refetches (source, provider_id)
            VALUES ($1, $2)
            ON CONFLICT (source, provider_id) DO UPDATE
            SET times = refetches.times + 1, wait_until = 0"#;
        for provider_id in provider_ids {
            tx.execute(sql, &args![source, provider_id]).await?;
        }
        Ok(())
    }
}
