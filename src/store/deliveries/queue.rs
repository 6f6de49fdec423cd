//! What is queued for delivery, and what is removed from the queue.

use std::collections::BTreeMap;

use super::Deliveries;
use crate::domain::{DeliveryState, DestinationId, Entity, EntityId, EntityKind, Priority, SourceId};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

/// A version that destinations should hold.
#[derive(Debug)]
pub(in crate::store) struct Wanted {
    pub kind: EntityKind,
    pub id: EntityId,
    pub version: i64,
    pub priority: Priority,
}

/// A present entity that some destination has not acknowledged yet.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WaitingEntity {
    pub version: i64,
    pub content: Entity,
}

impl Deliveries<'_> {
    /// Queues new versions for delivery to each of `destinations`; of several of one entity the last one. What waits already keeps its place
    /// and the higher of the two priorities. Rows are written in the order of destination, kind and id, as
    /// everywhere in this room: transactions that lock rows in different orders would end each other.
    pub(in crate::store) async fn enqueue(
        self,
        tx: &mut Tx,
        destinations: &[DestinationId],
        wanted: &[Wanted],
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO deliveries (
                destination, kind, entity_id, wanted, state,
                priority, queued_at, waiting_since, updated_at
            )
            SELECT *
            FROM (VALUES {rows}) AS new
            WHERE column1 IS NOT NULL
            ON CONFLICT (destination, kind, entity_id) DO UPDATE
            SET wanted = excluded.wanted,
                state = 'waiting',
                priority = CASE
                    WHEN deliveries.state = 'waiting' AND deliveries.priority > excluded.priority
                    THEN deliveries.priority
                    ELSE excluded.priority
                END,
                queued_at = excluded.queued_at,
                attempts = 0,
                resends = 0,
                reason = NULL,
                trace_id = NULL,
                batch = NULL,
                read_back_at = NULL,
                not_before = 0,
                waiting_since = CASE
                    WHEN deliveries.state = 'waiting' THEN deliveries.waiting_since
                    ELSE excluded.waiting_since
                END,
                updated_at = excluded.updated_at"#;
        let now = self.clock.now();
        let mut destinations: Vec<_> = destinations.iter().collect();
        destinations.sort_unstable();
        let mut last: BTreeMap<(EntityKind, &EntityId), (i64, Priority)> = BTreeMap::new();
        for Wanted { kind, id, version, priority } in wanted {
            let it = last.entry((*kind, id)).or_insert((*version, *priority));
            *it = (*version, it.1.max(*priority));
        }
        let row = |destination, (key, what): (&(EntityKind, &EntityId), &(i64, Priority))| {
            let ((kind, id), (version, priority)) = (*key, *what);
            args![destination, kind, id, version, DeliveryState::Waiting, priority, now, now, now]
        };
        let rows: Vec<_> =
            destinations.into_iter().flat_map(|it| last.iter().map(move |what| row(it, what))).collect();
        tx.execute_all(sql, &rows).await?;
        Ok(())
    }

    /// Queues every present entity of a source for delivery, as if nothing had ever been sent.
    pub(in crate::store) async fn enqueue_source(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        source: &SourceId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO deliveries (
                destination, kind, entity_id, wanted, state,
                priority, queued_at, waiting_since, updated_at
            )
            SELECT $1, kind, id, version, 'waiting', $2, $3, $3, $3
            FROM entities
            WHERE source = $4 AND content IS NOT NULL
            ON CONFLICT (destination, kind, entity_id) DO UPDATE
            SET wanted = excluded.wanted,
                acknowledged = 0,
                confirmed = 0,
                state = 'waiting',
                priority = excluded.priority,
                queued_at = excluded.queued_at,
                waiting_since = excluded.waiting_since,
                reason = NULL,
                trace_id = NULL,
                attempts = 0,
                resends = 0,
                batch = NULL,
                read_back_at = NULL,
                not_before = 0,
                updated_at = excluded.updated_at"#;
        tx.execute(sql, &args![destination, Priority::News, self.clock.now(), source]).await?;
        Ok(())
    }

    /// Present entities of a source that wait for some destination, with their versions.
    pub async fn list_waiting(self, source: &SourceId) -> Result<Vec<WaitingEntity>, StoreError> {
        let sql = r#"
            SELECT e.version, e.content
            FROM entities e
            WHERE e.source = $1
              AND e.content IS NOT NULL
              AND EXISTS (
                SELECT 1
                FROM deliveries d
                WHERE d.kind = e.kind AND d.entity_id = e.id AND d.state = 'waiting'
              )
            ORDER BY e.kind, e.id"#;
        self.db.list(sql, &args![source]).await
    }

    /// Forgets all deliveries to a destination.
    pub(in crate::store) async fn erase(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM deliveries
            WHERE destination = $1"#;
        tx.execute(sql, &args![destination]).await?;
        Ok(())
    }

    /// Forgets the deliveries of a source to a destination.
    pub(in crate::store) async fn erase_source(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        source: &str,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM deliveries
            WHERE destination = $1
              AND EXISTS (
                SELECT 1
                FROM entities e
                WHERE e.kind = deliveries.kind AND e.id = deliveries.entity_id AND e.source = $2
              )"#;
        tx.execute(sql, &args![destination, source]).await?;
        Ok(())
    }
}
