//! Erases entries of the history, and finds those that quote somebody.

use super::Timeline;
use crate::domain::{EntityId, EntityKind};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

/// An entry that may quote what a tool or a destination wrote.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Quotation {
    pub id: String,
    /// JSON.
    pub detail: String,
}

impl Timeline<'_> {
    /// Entries after `after` that may quote somebody, in their order.
    pub async fn list_quotations(self, after: &str, limit: usize) -> Result<Vec<Quotation>, StoreError> {
        let sql = r#"
            SELECT id, detail
            FROM timeline
            WHERE id > $1
              AND event NOT IN ('stored', 'deleted', 'unchanged', 'stale', 'accepted', 'confirmed')
            ORDER BY id
            LIMIT $2"#;
        self.db.list(sql, &args![after, limit]).await
    }

    /// Removes single entries. Returns how many there were.
    pub async fn remove(self, ids: &[String]) -> Result<u64, StoreError> {
        let sql = r#"
            DELETE FROM timeline
            WHERE id = $1"#;
        self.db
            .transact(|mut tx| async move {
                let mut count = 0;
                for id in ids {
                    count += tx.execute(sql, &args![id]).await?;
                }
                Ok((tx, count))
            })
            .await
    }

    /// Removes everything about one entity.
    pub(in crate::store) async fn erase_of(
        self,
        tx: &mut Tx,
        kind: EntityKind,
        id: &EntityId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM timeline
            WHERE entity_id = $1 AND kind = $2"#;
        tx.execute(sql, &args![id, kind]).await?;
        Ok(())
    }
}
