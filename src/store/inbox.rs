//! The inbox: every verified webhook as it came, written down before it is answered.
//!
//! Webhooks that arrive together share one transaction. A row leaves the state `new` only in the
//! transaction that stores its effect, so a crash between the two repeats the work and loses nothing.

use crate::clock::{Timestamp, from_millis};
use crate::domain::SourceId;

use crate::store::db::{Tx, args};
use crate::store::{Store, StoreError};

/// A webhook to write down.
#[derive(Debug, Clone)]
pub struct InboxEntry {
    pub source: SourceId,
    /// Equal for every retry of one delivery.
    pub delivery_key: String,
    pub delivery_id: Option<String>,
    pub received_at: Timestamp,
    pub verified_by: String,
    /// JSON of the header fields, without credentials.
    pub headers: String,
    pub body: Vec<u8>,
    /// Why it cannot be mapped, if that is known already: it is then kept for the operator.
    pub quarantine: Option<String>,
}

/// A webhook that was written down.
#[derive(Debug, Clone)]
pub struct InboxRow {
    pub id: String,
    pub source: String,
    pub delivery_id: Option<String>,
    pub received_at: Timestamp,
    pub verified_by: String,
    pub headers: String,
    pub body: Vec<u8>,
    pub note: Option<String>,
}

/// A webhook that could not be mapped, as operators see it.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct QuarantinedRow {
    pub id: String,
    pub source: String,
    pub delivery_id: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub received_at: i64,
    pub verified_by: String,
    pub reason: Option<String>,
    #[serde(skip)]
    pub body: Vec<u8>,
}

/// A webhook that told something about an entity, without what it said.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct ReceiptRow {
    pub id: String,
    /// The tool's own id of the delivery.
    pub delivery_id: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub received_at: i64,
    pub verified_by: String,
    /// How often the same delivery came again.
    pub duplicates: i64,
}

/// Whether a delivery was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    New,
    Duplicate,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    source: String,
    delivery_id: Option<String>,
    received_at: i64,
    verified_by: String,
    headers: String,
    body: Vec<u8>,
    note: Option<String>,
}

impl From<Row> for InboxRow {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            source: row.source,
            delivery_id: row.delivery_id,
            received_at: from_millis(row.received_at),
            verified_by: row.verified_by,
            headers: row.headers,
            body: row.body,
            note: row.note,
        }
    }
}

impl Store {
    /// Writes all entries down in one transaction, in order. When it returns, they are on disk.
    ///
    /// # Errors
    /// When the database fails; then none is written.
    pub async fn record_inbox(&self, entries: &[InboxEntry]) -> Result<Vec<Recorded>, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut recorded = Vec::with_capacity(entries.len());
        for entry in entries {
            recorded.push(self.record_entry(&mut tx, entry).await?);
        }
        tx.commit().await?;
        Ok(recorded)
    }

    async fn record_entry(&self, tx: &mut Tx, entry: &InboxEntry) -> Result<Recorded, StoreError> {
        let state = if entry.quarantine.is_some() { "quarantined" } else { "new" };
        let inserted = tx
            .execute(
                "INSERT INTO inbox (id, source, delivery_key, received_at, verified_by, delivery_id, headers, body, state, note) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (source, delivery_key) DO NOTHING",
                &args![
                    self.clock.new_id(),
                    entry.source.as_str(),
                    &entry.delivery_key,
                    entry.received_at.timestamp_millis(),
                    &entry.verified_by,
                    entry.delivery_id.clone(),
                    &entry.headers,
                    entry.body.as_slice(),
                    state,
                    entry.quarantine.clone(),
                ],
            )
            .await?;
        if inserted > 0 {
            return Ok(Recorded::New);
        }
        tx.execute(
            "UPDATE inbox SET duplicates = duplicates + 1 WHERE source = $1 AND delivery_key = $2",
            &args![entry.source.as_str(), &entry.delivery_key],
        )
        .await?;
        Ok(Recorded::Duplicate)
    }

    /// The oldest webhooks of `source` that have had no effect yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_new_inbox(&self, source: &SourceId, limit: i64) -> Result<Vec<InboxRow>, StoreError> {
        self.list_inbox("new", source, limit).await
    }

    /// Webhooks of `source` that could not be mapped, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_quarantined(&self, source: &SourceId, limit: i64) -> Result<Vec<InboxRow>, StoreError> {
        self.list_inbox("quarantined", source, limit).await
    }

    async fn list_inbox(
        &self,
        state: &'static str,
        source: &SourceId,
        limit: i64,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let rows: Vec<Row> = self
            .db
            .list(
                "SELECT id, source, delivery_id, received_at, verified_by, headers, body, note FROM inbox \
                 WHERE state = $1 AND source = $2 ORDER BY id LIMIT $3",
                &args![state, source.as_str(), limit],
            )
            .await?;
        Ok(rows.into_iter().map(InboxRow::from).collect())
    }

    pub(in crate::store) async fn finish_inbox(
        &self,
        tx: &mut Tx,
        id: &str,
        note: Option<&str>,
    ) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE inbox SET state = 'done', note = $2, processed_at = $3 WHERE id = $1",
            &args![id, note, self.clock.now_ms()],
        )
        .await?;
        Ok(())
    }

    /// Keeps a webhook that cannot be mapped, with the reason.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quarantine(&self, id: &str, reason: &str) -> Result<(), StoreError> {
        self.db
            .execute(
                "UPDATE inbox SET state = 'quarantined', note = $2, processed_at = $3 WHERE id = $1",
                &args![id, reason, self.clock.now_ms()],
            )
            .await?;
        Ok(())
    }

    /// Puts quarantined webhooks back in line: one, or all. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replay_quarantined(&self, id: Option<&str>) -> Result<u64, StoreError> {
        self.db
            .execute(
                "UPDATE inbox SET state = 'new', note = NULL WHERE state = 'quarantined' AND ($1 = '' OR id = $1)",
                &args![id.unwrap_or("")],
            )
            .await
    }

    /// Gives up on a quarantined webhook; retention then removes it. Returns how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn discard_quarantined(&self, id: &str) -> Result<u64, StoreError> {
        self.db
            .execute(
                "UPDATE inbox SET state = 'done', processed_at = $2 WHERE state = 'quarantined' AND id = $1",
                &args![id, self.clock.now_ms()],
            )
            .await
    }

    /// Quarantined webhooks of all sources as operators see them, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_quarantine(&self, limit: i64) -> Result<Vec<QuarantinedRow>, StoreError> {
        self.db
            .list(
                "SELECT id, source, delivery_id, received_at, verified_by, note AS reason, body FROM inbox \
                 WHERE state = 'quarantined' ORDER BY id LIMIT $1",
                &args![limit],
            )
            .await
    }

    /// Quarantined webhooks that `is_meant` accepts, oldest first. Bodies can be large, so few are held at once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn search_quarantine(
        &self,
        is_meant: impl Fn(&QuarantinedRow) -> bool,
    ) -> Result<Vec<QuarantinedRow>, StoreError> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page: Vec<QuarantinedRow> = self
                .db
                .list(
                    "SELECT id, source, delivery_id, received_at, verified_by, note AS reason, body FROM inbox \
                     WHERE state = 'quarantined' AND id > $1 ORDER BY id LIMIT 100",
                    &args![&after],
                )
                .await?;
            let Some(last) = page.last() else { return Ok(found) };
            after.clone_from(&last.id);
            found.extend(page.into_iter().filter(|row| is_meant(row)));
        }
    }

    /// When and how a webhook came, unless retention has removed it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_receipt(&self, id: &str) -> Result<Option<ReceiptRow>, StoreError> {
        self.db
            .find(
                "SELECT id, delivery_id, received_at, verified_by, duplicates FROM inbox WHERE id = $1",
                &args![id],
            )
            .await
    }

    /// Removes up to `limit` webhooks from before `before` that have had their effect. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_old_inbox(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        self.db
            .execute(
                "DELETE FROM inbox WHERE id IN \
                 (SELECT id FROM inbox WHERE state = 'done' AND received_at < $1 ORDER BY id LIMIT $2)",
                &args![before.timestamp_millis(), limit],
            )
            .await
    }
}
