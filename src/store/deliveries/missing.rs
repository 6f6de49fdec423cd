//! What a destination may see but was never sent, found in steps.

use super::Deliveries;
use crate::domain::{DeliveryState, DestinationId, EntityId, EntityKind, Priority, SourceId};
use crate::store::db::{Flag, args};
use crate::store::error::StoreError;

/// Kind and id of an entity.
type Key = (EntityKind, EntityId);

#[derive(sqlx::FromRow)]
struct Row {
    kind: EntityKind,
    id: EntityId,
    version: i64,
    #[sqlx(try_from = "Flag")]
    missing: bool,
}

impl Deliveries<'_> {
    /// Looks at the next `limit` present entities of a source, in the order of kind and id from `after` on, and
    /// queues for delivery what the destination was never sent: after the configuration has shown it a source
    /// that was read before. Returns the last entity looked at, unless there was none, and how many were
    /// missing.
    pub async fn enqueue_missing(
        self,
        destination: &DestinationId,
        source: &SourceId,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Option<(Key, usize)>, StoreError> {
        let sql = r#"
            SELECT e.kind, e.id, e.version, CASE WHEN d.wanted IS NULL THEN CAST(1 AS BIGINT) ELSE 0 END AS missing
            FROM (
                SELECT kind, id, version
                FROM entities
                WHERE source = $1 AND content IS NOT NULL AND (kind, id) > ($2, $3)
                ORDER BY kind, id
                LIMIT $4
            ) e
            LEFT JOIN deliveries d ON d.destination = $5 AND d.kind = e.kind AND d.entity_id = e.id
            ORDER BY e.kind, e.id"#;
        let (kind, id) = after.map_or(("", ""), |(kind, id)| (kind.as_str(), id.as_str()));
        let mut rows: Vec<Row> = self.db.list(sql, &args![source, kind, id, limit, destination]).await?;
        let Some(last) = rows.last().map(|row| (row.kind, row.id.clone())) else { return Ok(None) };
        rows.retain(|row| row.missing);
        if !rows.is_empty() {
            self.enqueue_new(destination, &rows).await?;
        }
        Ok(Some((last, rows.len())))
    }

    /// What was queued meanwhile is left as it is: it has the same version or a newer one.
    async fn enqueue_new(self, destination: &DestinationId, missing: &[Row]) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO deliveries (
                destination, kind, entity_id, wanted, state,
                priority, queued_at, waiting_since, updated_at
            )
            SELECT *
            FROM (VALUES {rows}) AS new
            WHERE column1 IS NOT NULL
            ON CONFLICT DO NOTHING"#;
        let now = self.clock.now();
        let row = |Row { kind, id, version, .. }: &Row| {
            let (state, news) = (DeliveryState::Waiting, Priority::News);
            args![destination, *kind, id, *version, state, news, now, now, now]
        };
        let rows: &Vec<_> = &missing.iter().map(row).collect();
        self.db
            .transact(|mut tx| async move {
                tx.execute_all(sql, rows).await?;
                Ok((tx, ()))
            })
            .await
    }
}
