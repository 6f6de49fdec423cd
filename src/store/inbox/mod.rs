//! The inbox: every verified webhook as it arrived, stored before it is answered.
//!
//! Webhooks that arrive together share one transaction. A row leaves the state `new` only in the
//! transaction that stores its effect, so a crash between the two repeats the work and loses nothing.

pub(in crate::store) mod bodies;
pub(in crate::store) mod body;
pub(in crate::store) mod quarantine;
pub(in crate::store) mod record;

use crate::clock::{Clock, Timestamp, from_millis};
use crate::domain::SourceId;
use crate::store::db::{Database, Millis, Tx, args};
use crate::store::error::StoreError;
use body::Body;

/// Bytes of the bodies that are read at once: several of the largest, and a small part of the memory.
const BODIES_AT_ONCE: i64 = 2 * 1024 * 1024;

/// As many as fit into that many bytes, and the first whatever its size.
const OLDEST_NEW: &str = r#"
    WITH sizes AS (
        SELECT id, CASE WHEN body_size > 0 THEN body_size ELSE LENGTH(body) END AS size
        FROM inbox
        WHERE state = 'new' AND source = $1
        ORDER BY id
        LIMIT $2
    ),
    totals AS (
        SELECT id, size, SUM(size) OVER (ORDER BY id) AS total
        FROM sizes
    )
    SELECT
        i.id, i.source, i.delivery_id, i.received_at, i.verified_by, i.headers, i.body, i.body_size, i.note
    FROM totals
    JOIN inbox i ON i.id = totals.id
    WHERE totals.total <= $3 OR totals.total = totals.size
    ORDER BY i.id"#;

/// A webhook to store.
#[derive(Debug, Clone)]
pub struct InboxEntry {
    pub source: SourceId,
    /// Equal for every retry of one delivery.
    pub delivery_key: String,
    /// The tool's own id of the delivery.
    pub delivery_id: Option<String>,
    pub received_at: Timestamp,
    /// Which secret proved its sender.
    pub verified_by: String,
    /// JSON of the header fields, without credentials.
    pub headers: String,
    pub body: Body,
    /// Why it cannot be mapped, if that is known already: it is then kept for the operator.
    pub quarantine: Option<String>,
}

/// A stored webhook.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InboxRow {
    pub id: String,
    pub source: String,
    pub delivery_id: Option<String>,
    #[sqlx(try_from = "Millis")]
    pub received_at: Timestamp,
    pub verified_by: String,
    /// JSON of the header fields, without credentials.
    pub headers: String,
    #[sqlx(flatten)]
    pub body: Body,
    /// Why it is kept aside, or why it had no effect.
    pub note: Option<String>,
}

/// A webhook that said something about an entity, without its content.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct ReceiptRow {
    pub id: String,
    /// The tool's own id of the delivery.
    pub delivery_id: Option<String>,
    #[sqlx(try_from = "Millis")]
    pub received_at: Timestamp,
    pub verified_by: String,
    /// How often the same delivery was repeated.
    pub duplicates: i64,
}

/// How many webhooks of a source are in which state; those that are done are not counted.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow, PartialEq, Eq)]
pub struct QueueCounts {
    pub source: String,
    #[sqlx(try_from = "String")]
    pub state: InboxState,
    pub count: i64,
}

/// How far a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InboxState {
    /// It has had no effect yet.
    New,
    /// It has had its effect, or was given up.
    Done,
    /// It could not be mapped.
    Quarantined,
}

impl InboxState {
    /// The name in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Done => "done",
            Self::Quarantined => "quarantined",
        }
    }
}

impl TryFrom<String> for InboxState {
    type Error = StoreError;
    fn try_from(name: String) -> Result<Self, StoreError> {
        [Self::New, Self::Done, Self::Quarantined]
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| StoreError::Inconsistent {
                what: "a webhook".to_owned(),
                why: format!("unknown state {name:?}"),
            })
    }
}

/// Whether a delivery is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    New,
    /// It was there before, and is counted only.
    Duplicate,
}

/// The room of the webhooks.
#[derive(Debug, Clone, Copy)]
pub struct Inbox<'a> {
    db: &'a Database,
    clock: &'a Clock,
}

impl<'a> Inbox<'a> {
    pub(in crate::store) fn new(db: &'a Database, clock: &'a Clock) -> Self {
        Self { db, clock }
    }

    /// Sources with webhooks that have had no effect yet. However many there are, each source costs one look
    /// into the index.
    pub async fn list_waiting_sources(self) -> Result<Vec<String>, StoreError> {
        let sql = r#"
            WITH RECURSIVE waiting (source) AS (
                SELECT MIN(source)
                FROM inbox
                WHERE state = 'new'
                UNION ALL
                SELECT (
                    SELECT MIN(i.source)
                    FROM inbox i
                    WHERE i.state = 'new' AND i.source > waiting.source
                )
                FROM waiting
                WHERE waiting.source IS NOT NULL
            )
            SELECT source
            FROM waiting
            WHERE source IS NOT NULL"#;
        self.db.list_values(sql, &args![]).await
    }

    /// The oldest webhooks of `source` that have had no effect yet: at most `limit`, and fewer if they are large.
    pub async fn list_new(self, source: &SourceId, limit: usize) -> Result<Vec<InboxRow>, StoreError> {
        self.db.list(OLDEST_NEW, &args![source, limit, BODIES_AT_ONCE]).await
    }

    /// The same as a transaction sees it.
    pub(in crate::store) async fn list_new_in(
        self,
        tx: &mut Tx,
        source: &SourceId,
        limit: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        tx.list(OLDEST_NEW, &args![source, limit, BODIES_AT_ONCE]).await
    }

    /// Marks webhooks as processed, each with a note if it had no effect. All of them must still be new.
    pub(in crate::store) async fn finish(
        self,
        tx: &mut Tx,
        done: &[(&str, Option<&str>)],
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE inbox
            SET state = 'done', note = done.column2, processed_at = done.column3
            FROM (VALUES {rows}) AS done
            WHERE inbox.id = done.column1 AND inbox.state = 'new'"#;
        let rows: Vec<_> = done.iter().map(|(id, note)| args![*id, *note, self.clock.now()]).collect();
        let touched = tx.execute_all(sql, &rows).await?;
        if usize::try_from(touched).is_ok_and(|touched| touched == done.len()) {
            Ok(())
        } else {
            Err(StoreError::Overtaken("these webhooks"))
        }
    }

    /// When and how a webhook arrived, unless retention has removed it.
    pub async fn find_receipt(self, id: &str) -> Result<Option<ReceiptRow>, StoreError> {
        let sql = r#"
            SELECT id, delivery_id, received_at, verified_by, duplicates
            FROM inbox
            WHERE id = $1"#;
        self.db.find(sql, &args![id]).await
    }

    /// When the newest webhook of `source` arrived that is still kept. What was `verified_by` this is none.
    pub async fn find_last(
        self,
        source: &SourceId,
        verified_by: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = r#"
            SELECT COALESCE(MAX(received_at), 0)
            FROM inbox
            WHERE source = $1 AND verified_by <> $2"#;
        let (last,): (i64,) = self.db.get(sql, &args![source, verified_by]).await?;
        Ok((last > 0).then(|| from_millis(last)))
    }

    /// Counts what is not done, by source and state.
    pub async fn count(self) -> Result<Vec<QueueCounts>, StoreError> {
        let sql = r#"
            SELECT source, 'new' AS state, COUNT(*) AS count
            FROM inbox
            WHERE state = 'new'
            GROUP BY source
            UNION ALL
            SELECT source, 'quarantined' AS state, COUNT(*) AS count
            FROM inbox
            WHERE state = 'quarantined'
            GROUP BY source
            ORDER BY source, state"#;
        self.db.list(sql, &args![]).await
    }

    /// Removes up to `limit` webhooks from before `before` that have had their effect: ids are in the order of
    /// arrival, so only the oldest are looked at. Returns how many.
    pub async fn remove_old(self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let sql = r#"
            DELETE FROM inbox
            WHERE id IN (
                SELECT id
                FROM (
                    SELECT id, received_at
                    FROM inbox
                    WHERE state = 'done'
                    ORDER BY id
                    LIMIT $2
                ) AS oldest
                WHERE received_at < $1
            )"#;
        self.db.execute(sql, &args![before, limit]).await
    }
}
