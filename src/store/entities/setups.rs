//! Which configuration of each source has had all its effects on the entities that are stored.

use std::collections::BTreeMap;

use super::Entities;
use crate::domain::SourceId;
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

impl Entities<'_> {
    /// The configurations that have had all their effects, by source, each as a digest.
    pub async fn list_setups(self) -> Result<BTreeMap<String, String>, StoreError> {
        let sql = r#"
            SELECT source, digest
            FROM source_setups"#;
        let rows: Vec<(String, String)> = self.db.list(sql, &args![]).await?;
        Ok(rows.into_iter().collect())
    }

    /// Another configuration of the source is about to have its effects: whatever comes next, they are not
    /// complete before [`Entities::record_setup`].
    pub async fn forget_setup(self, source: &SourceId) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                self.forget_setup_with(&mut tx, source.as_str()).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// The same as part of a transaction.
    pub(in crate::store) async fn forget_setup_with(
        self,
        tx: &mut Tx,
        source: &str,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM source_setups
            WHERE source = $1"#;
        tx.execute(sql, &args![source]).await?;
        Ok(())
    }

    /// Records that this configuration of the source has had all its effects.
    pub async fn record_setup(self, source: &SourceId, digest: &str) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO source_setups (source, digest)
            VALUES ($1, $2)
            ON CONFLICT (source) DO UPDATE
            SET digest = excluded.digest"#;
        self.db.execute(sql, &args![source, digest]).await?;
        Ok(())
    }
}
