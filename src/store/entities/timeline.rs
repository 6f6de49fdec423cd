//! What happened to each incident, review and component, in order: the memory behind `explain`.

use serde::Serialize;
use serde_json::Value;

use crate::clock::{Timestamp, from_millis};
use crate::domain::{ClientKey, EntityId, EntityKind};
use crate::store::db::{Tx, args};
use crate::store::{Store, StoreError};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineEntry {
    pub at: Timestamp,
    pub kind: String,
    pub jira_id: String,
    /// The site it happened with, when it concerns one.
    pub client_key: Option<String>,
    /// `stored`, `unchanged`, `stale`, `deleted`, `accepted`, `refused`, `confirmed`, …
    pub event: String,
    pub detail: Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    at: i64,
    kind: String,
    jira_id: String,
    client_key: Option<String>,
    event: String,
    detail: String,
}

/// Who and what an entry is about.
pub(in crate::store) struct About<'a> {
    pub kind: EntityKind,
    pub id: &'a EntityId,
    pub site: Option<&'a ClientKey>,
}

impl Store {
    pub(in crate::store) async fn record_event(
        &self,
        tx: &mut Tx,
        about: About<'_>,
        event: &'static str,
        detail: &Value,
    ) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO timeline (id, kind, jira_id, client_key, at, event, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &args![
                self.clock.new_id(),
                about.kind.as_str(),
                about.id.as_str(),
                about.site.map(ClientKey::as_str),
                self.clock.now_ms(),
                event,
                detail.to_string(),
            ],
        )
        .await?;
        Ok(())
    }

    /// The story of every entity with this Jira id, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_timeline(&self, id: &EntityId) -> Result<Vec<TimelineEntry>, StoreError> {
        let rows: Vec<Row> = self
            .db
            .list(
                "SELECT at, kind, jira_id, client_key, event, detail FROM timeline WHERE jira_id = $1 ORDER BY id",
                &args![id.as_str()],
            )
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(TimelineEntry {
                    at: from_millis(row.at),
                    kind: row.kind,
                    jira_id: row.jira_id,
                    client_key: row.client_key,
                    event: row.event,
                    detail: crate::store::from_json("a timeline entry", &row.detail)?,
                })
            })
            .collect()
    }

    /// Removes up to `limit` entries from before `before`. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_old_timeline(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        self.db
            .execute(
                "DELETE FROM timeline WHERE id IN (SELECT id FROM timeline WHERE at < $1 ORDER BY at LIMIT $2)",
                &args![before.timestamp_millis(), limit],
            )
            .await
    }
}
