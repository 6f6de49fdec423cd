//! Deliveries as operators see and change them.

use super::Deliveries;
use crate::clock::Timestamp;
use crate::domain::{DeliveryState, DestinationId, EntityId, EntityKind, Priority};
use crate::store::db::{Millis, OptionalMillis, args};
use crate::store::error::StoreError;

/// A delivery as operators see it.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct DeliveryRow {
    /// Host of a site, or the name of another destination.
    pub site: String,
    pub kind: EntityKind,
    #[serde(rename = "jira_id")]
    pub entity_id: EntityId,
    pub state: DeliveryState,
    /// The version that the destination should hold.
    pub wanted: i64,
    /// The version that it accepted; 0 if none.
    pub acknowledged: i64,
    /// The version that was read back; 0 if none.
    pub confirmed: i64,
    pub attempts: i64,
    pub reason: Option<String>,
    pub trace_id: Option<String>,
    #[sqlx(try_from = "Millis")]
    pub waiting_since: Timestamp,
    pub priority: Priority,
    /// When it is sent at the earliest, if that was asked for; the reason says why.
    #[sqlx(try_from = "OptionalMillis")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// A query over deliveries with the names of their destinations.
macro_rules! rows {
    ($end:literal) => {
        concat!(
            r#"
            SELECT
                s.site, d.kind, d.entity_id, d.state, d.wanted, d.acknowledged, d.confirmed,
                d.attempts, d.reason, d.trace_id, d.priority, d.waiting_since,
                NULLIF(d.not_before, 0) AS not_before
            FROM deliveries d
            JOIN destinations s ON s.id = d.destination"#,
            $end
        )
    };
}

impl Deliveries<'_> {
    /// Deliveries in a state, or those that have not arrived: waiting and refused ones. Oldest first.
    pub async fn list(
        self,
        state: Option<DeliveryState>,
        limit: usize,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let sql = rows!(
            r#"
            WHERE d.state IN ($1, $2)
            ORDER BY d.waiting_since
            LIMIT $3"#
        );
        let or = state.unwrap_or(DeliveryState::Refused);
        self.db.list(sql, &args![state.unwrap_or(DeliveryState::Waiting), or, limit]).await
    }

    /// All deliveries of one entity.
    pub async fn list_of(self, id: &EntityId) -> Result<Vec<DeliveryRow>, StoreError> {
        let sql = rows!(
            r#"
            WHERE d.kind IN ('component', 'incident', 'review') AND d.entity_id = $1
            ORDER BY s.site, d.kind"#
        );
        self.db.list(sql, &args![id]).await
    }

    /// Sends again what was refused, and of `ids` also what was discarded: whoever names it wants it after all. Returns
    /// how many.
    pub async fn retry(self, ids: Option<&[EntityId]>) -> Result<u64, StoreError> {
        let Some(ids) = ids else {
            let sql = r#"
                UPDATE deliveries
                SET state = 'waiting', queued_at = $1, not_before = 0, reason = NULL, trace_id = NULL
                WHERE state = 'refused'"#;
            return self.db.execute(sql, &args![self.clock.now()]).await;
        };
        let sql = r#"
            UPDATE deliveries
            SET state = 'waiting', queued_at = $1, not_before = 0, reason = NULL, trace_id = NULL
            WHERE state IN ('refused', 'discarded') AND entity_id = $2"#;
        self.db
            .transact(|mut tx| async move {
                let mut count = 0;
                for id in ids {
                    count += tx.execute(sql, &args![self.clock.now(), id]).await?;
                }
                Ok((tx, count))
            })
            .await
    }

    /// Sends again what a destination refused before `before`: its cause may be gone. Returns how many.
    pub async fn retry_refused_before(
        self,
        destination: &DestinationId,
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET state = 'waiting', queued_at = $1, resends = 0
            WHERE destination = $2 AND state = 'refused' AND updated_at < $3"#;
        self.db.execute(sql, &args![self.clock.now(), destination, before]).await
    }

    /// Gives up on the refused and waiting deliveries of entities until their next change. Returns how many.
    pub async fn discard(self, ids: &[EntityId]) -> Result<u64, StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET state = 'discarded', not_before = 0
            WHERE state IN ('refused', 'waiting') AND entity_id = $1"#;
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
}
