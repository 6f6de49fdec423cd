//! What happened to each incident, review and component, in order: what `explain` prints.

pub(in crate::store) mod erasure;
pub(in crate::store) mod event;

use serde::Serialize;

use crate::clock::{Clock, Timestamp};
use crate::domain::{DestinationId, EntityId, EntityKind};
use crate::store::db::{Database, Millis, Tx, args};
use crate::store::error::StoreError;
use event::TimelineEvent;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineEntry {
    pub at: Timestamp,
    pub kind: EntityKind,
    #[serde(rename = "jira_id")]
    pub entity_id: EntityId,
    /// The destination concerned, if any.
    #[serde(rename = "client_key")]
    pub destination: Option<DestinationId>,
    /// In JSON the keys `event` and `detail`.
    #[serde(flatten)]
    pub event: TimelineEvent,
}

/// Something that has just happened.
#[derive(Debug)]
pub(in crate::store) struct NewEvent<'a> {
    pub kind: EntityKind,
    pub entity_id: EntityId,
    pub destination: Option<&'a DestinationId>,
    pub event: TimelineEvent,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "Millis")]
    at: Timestamp,
    kind: EntityKind,
    entity_id: EntityId,
    destination: Option<DestinationId>,
    event: String,
    detail: String,
}

/// The room of the history.
#[derive(Debug, Clone, Copy)]
pub struct Timeline<'a> {
    db: &'a Database,
    clock: &'a Clock,
}

impl<'a> Timeline<'a> {
    pub(in crate::store) fn new(db: &'a Database, clock: &'a Clock) -> Self {
        Self { db, clock }
    }

    /// Adds what has happened, in order.
    pub(in crate::store) async fn record(
        self,
        tx: &mut Tx,
        events: &[NewEvent<'_>],
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO timeline (id, kind, entity_id, destination, at, event, detail)
            SELECT *
            FROM (VALUES {rows}) AS new
            WHERE column1 IS NOT NULL"#;
        let now = self.clock.now();
        let row = |new: &NewEvent<'_>| {
            let (event, detail) = new.event.to_row();
            args![self.clock.new_id(), new.kind, &new.entity_id, new.destination, now, event, detail]
        };
        let rows: Vec<_> = events.iter().map(row).collect();
        tx.execute_all(sql, &rows).await?;
        Ok(())
    }

    /// The story of every entity with this id, oldest first.
    pub async fn list_of(self, id: &EntityId) -> Result<Vec<TimelineEntry>, StoreError> {
        let sql = r#"
            SELECT at, kind, entity_id, destination, event, detail
            FROM timeline
            WHERE entity_id = $1
            ORDER BY id"#;
        let rows: Vec<Row> = self.db.list(sql, &args![id]).await?;
        let entry = |row: Row| TimelineEntry {
            at: row.at,
            kind: row.kind,
            entity_id: row.entity_id,
            destination: row.destination,
            event: TimelineEvent::from_row(row.event, &row.detail),
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Removes up to `limit` entries from before `before`: ids are in the order of time, so only the oldest are looked
    /// at. Returns how many.
    pub async fn remove_old(self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let sql = r#"
            DELETE FROM timeline
            WHERE id IN (
                SELECT id
                FROM (
                    SELECT id, at
                    FROM timeline
                    ORDER BY id
                    LIMIT $2
                ) AS oldest
                WHERE at < $1
            )"#;
        self.db.execute(sql, &args![before, limit]).await
    }

    /// Deletes the entries about a destination.
    pub(in crate::store) async fn erase(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM timeline
            WHERE destination = $1"#;
        tx.execute(sql, &args![destination]).await?;
        Ok(())
    }
}
