//! Accepted is not stored: what Jira accepted is read back until it shows, and only then confirmed.

use serde_json::json;

use crate::clock::Timestamp;
use crate::domain::{ClientKey, EntityId, EntityKind};
use crate::store::db::{Tx, args};
use crate::store::entities::lookup::parse_kind;
use crate::store::entities::timeline::About;
use crate::store::{Store, StoreError};

/// A delivery that Jira accepted and that is to be read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readback {
    pub kind: EntityKind,
    pub jira_id: EntityId,
    pub version: i64,
    pub deleted: bool,
    /// How often it was looked for in vain since Jira accepted it.
    pub attempts: i64,
    /// How often it was sent again because of that.
    pub resends: i64,
    /// Whether Jira has shown this very version before.
    pub was_confirmed: bool,
    pub batch: Option<String>,
}

/// What reading back showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadbackResult {
    Confirmed,
    /// Not visible yet: look again then.
    Later(Timestamp),
    /// Jira has lost it, or never stored it: send it again.
    SendAgain {
        reason: String,
    },
    /// Sending again has not helped: a person should look.
    GivenUp {
        reason: String,
    },
}

#[derive(sqlx::FromRow)]
struct ReadbackRow {
    kind: String,
    jira_id: String,
    acknowledged: i64,
    deleted: i64,
    attempts: i64,
    resends: i64,
    confirmed: i64,
    batch: Option<String>,
}

impl Store {
    /// Accepted deliveries of a site that are due to be read back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_readbacks(&self, site: &ClientKey, limit: i64) -> Result<Vec<Readback>, StoreError> {
        let rows: Vec<ReadbackRow> = self
            .db
            .list(
                "SELECT d.kind, d.jira_id, d.acknowledged, d.attempts, d.resends, d.confirmed, d.batch, \
                   CASE WHEN e.content IS NULL THEN CAST(1 AS BIGINT) ELSE 0 END AS deleted \
                 FROM deliveries d JOIN entities e ON e.kind = d.kind AND e.jira_id = d.jira_id \
                 WHERE d.client_key = $1 AND d.confirm_at IS NOT NULL AND (d.confirm_at <= $2 OR d.updated_at > $2) \
                 ORDER BY d.confirm_at LIMIT $3",
                &args![site.as_str(), self.clock.now_ms(), limit],
            )
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Readback {
                    kind: parse_kind(&row.kind)?,
                    jira_id: EntityId::from_text(row.jira_id),
                    version: row.acknowledged,
                    was_confirmed: row.confirmed == row.acknowledged,
                    deleted: row.deleted != 0,
                    attempts: row.attempts,
                    resends: row.resends,
                    batch: row.batch,
                })
            })
            .collect()
    }

    /// Writes down what reading back showed. When the last of a batch's sample is confirmed, the whole
    /// batch is. A delivery that changed meanwhile is left alone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_readback(
        &self,
        site: &ClientKey,
        readback: &Readback,
        result: &ReadbackResult,
    ) -> Result<(), StoreError> {
        let (kind, id) = (readback.kind, &readback.jira_id);
        let (sql, value, event, reason) = match result {
            ReadbackResult::Confirmed => (CONFIRMED, args![self.clock.now_ms(), ""], Some("confirmed"), None),
            ReadbackResult::Later(at) => {
                (LATER, args![at.timestamp_millis(), self.clock.now_ms()], None, None)
            }
            ReadbackResult::SendAgain { reason } => {
                (SEND_AGAIN, args![self.clock.now_ms(), reason], Some("sent_again"), Some(reason))
            }
            ReadbackResult::GivenUp { reason } => {
                (GIVEN_UP, args![self.clock.now_ms(), reason], Some("refused"), Some(reason))
            }
        };
        let mut values = args![site.as_str(), kind.as_str(), id.as_str(), readback.version].to_vec();
        values.extend(value);
        let mut tx = self.db.begin().await?;
        let touched = tx.execute(sql, &values).await?;
        if touched > 0 && readback.was_confirmed && matches!(result, ReadbackResult::SendAgain { .. }) {
            tx.execute(
                "UPDATE installations SET drift = drift + 1 WHERE client_key = $1",
                &args![site.as_str()],
            )
            .await?;
        }
        if let Some(event) = event.filter(|_| touched > 0) {
            let detail = json!({ "version": readback.version, "reason": reason });
            self.record_event(&mut tx, About { kind, id, site: Some(site) }, event, &detail).await?;
        }
        match result {
            ReadbackResult::Confirmed => confirm_rest_of_batch(&mut tx, readback.batch.as_deref()).await?,
            ReadbackResult::Later(_) => {}
            ReadbackResult::SendAgain { .. } | ReadbackResult::GivenUp { .. } => {
                self.read_back_rest_of_batch(&mut tx, readback.batch.as_deref()).await?;
            }
        }
        tx.commit().await
    }

    /// One of the sample is lost: it speaks for its batch no longer, and every entity of it is read back.
    async fn read_back_rest_of_batch(&self, tx: &mut Tx, batch: Option<&str>) -> Result<(), StoreError> {
        let Some(batch) = batch else { return Ok(()) };
        tx.execute(
            "UPDATE deliveries SET confirm_at = $2, batch = NULL WHERE batch = $1 AND state = 'accepted'",
            &args![batch, self.clock.now_ms()],
        )
        .await?;
        Ok(())
    }

    /// Marks up to `limit` confirmed deliveries of a site, those confirmed longest ago first, for being
    /// read back once more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recheck_confirmed(&self, site: &ClientKey, limit: i64) -> Result<u64, StoreError> {
        self.db
            .execute(
                "UPDATE deliveries SET state = 'accepted', batch = NULL, attempts = 0, confirm_at = $2 \
                 WHERE client_key = $1 AND state = 'confirmed' AND (kind, jira_id) IN \
                   (SELECT kind, jira_id FROM deliveries WHERE client_key = $1 AND state = 'confirmed' \
                    ORDER BY updated_at LIMIT $3)",
                &args![site.as_str(), self.clock.now_ms(), limit],
            )
            .await
    }
}

// The same placeholders in each: site, kind, id, version, an instant, a reason (of `LATER`, the time now: it
// shows whether the clock was set back since).
const CONFIRMED: &str = "\
    UPDATE deliveries SET confirmed = acknowledged, state = 'confirmed', confirm_at = NULL, attempts = 0, resends = 0, \
      updated_at = $5, reason = NULLIF($6, '') \
    WHERE client_key = $1 AND kind = $2 AND jira_id = $3 AND acknowledged = $4 AND state = 'accepted'";
const LATER: &str = "\
    UPDATE deliveries SET confirm_at = $5, attempts = attempts + 1, reason = NULL, updated_at = $6 \
    WHERE client_key = $1 AND kind = $2 AND jira_id = $3 AND acknowledged = $4 AND state = 'accepted'";
const SEND_AGAIN: &str = "\
    UPDATE deliveries SET state = 'waiting', acknowledged = 0, confirmed = 0, attempts = 0, resends = resends + 1, batch = NULL, \
      confirm_at = NULL, priority = 1, queued_at = $5, waiting_since = $5, updated_at = $5, reason = $6 \
    WHERE client_key = $1 AND kind = $2 AND jira_id = $3 AND acknowledged = $4 AND state = 'accepted'";
const GIVEN_UP: &str = "\
    UPDATE deliveries SET state = 'refused', batch = NULL, confirm_at = NULL, updated_at = $5, reason = $6 \
    WHERE client_key = $1 AND kind = $2 AND jira_id = $3 AND acknowledged = $4 AND state = 'accepted'";

async fn confirm_rest_of_batch(tx: &mut Tx, batch: Option<&str>) -> Result<(), StoreError> {
    let Some(batch) = batch else { return Ok(()) };
    tx.execute(
        "UPDATE deliveries SET confirmed = acknowledged, state = 'confirmed' WHERE batch = $1 AND state = 'accepted' \
         AND confirm_at IS NULL AND NOT EXISTS \
           (SELECT 1 FROM deliveries open WHERE open.batch = $1 AND open.confirm_at IS NOT NULL)",
        &args![batch],
    )
    .await?;
    Ok(())
}
