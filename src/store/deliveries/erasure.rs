//! Which destinations may hold an entity, and what they wrote about it, for an operator who erases it.

use super::Deliveries;
use crate::domain::{DestinationId, EntityId, EntityKind};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

/// Why a destination did not take an entity, in its own words.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Reason {
    destination: DestinationId,
    kind: EntityKind,
    entity_id: EntityId,
    pub reason: String,
}

impl Deliveries<'_> {
    /// Every destination that an entity was ever to be sent to.
    pub(in crate::store) async fn list_destinations_of(
        self,
        tx: &mut Tx,
        kind: EntityKind,
        id: &EntityId,
    ) -> Result<Vec<DestinationId>, StoreError> {
        let sql = r#"
            SELECT destination
            FROM deliveries
            WHERE kind = $1 AND entity_id = $2
            ORDER BY destination"#;
        tx.list_values(sql, &args![kind, id]).await
    }

    /// What destinations wrote about entities.
    pub async fn list_reasons(self) -> Result<Vec<Reason>, StoreError> {
        let sql = r#"
            SELECT destination, kind, entity_id, reason
            FROM deliveries
            WHERE reason IS NOT NULL AND state IN ('refused', 'discarded')
            ORDER BY destination, kind, entity_id"#;
        self.db.list(sql, &args![]).await
    }

    /// Replaces what destinations wrote.
    pub async fn replace_reasons(self, changes: &[(Reason, String)]) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET reason = $1
            WHERE destination = $2 AND kind = $3 AND entity_id = $4 AND reason = $5"#;
        self.db
            .transact(|mut tx| async move {
                for (Reason { destination, kind, entity_id, reason: before }, reason) in changes {
                    tx.execute(sql, &args![reason, destination, *kind, entity_id, before]).await?;
                }
                Ok((tx, ()))
            })
            .await
    }
}
