//! Accepted is not stored: what a destination accepted is read back until it shows, and only then confirmed.

use super::Deliveries;
use crate::clock::Timestamp;
use crate::domain::{DestinationId, EntityId, EntityKind, Halves, Priority};
use crate::store::db::{Flag, Tx, args, is_over};
use crate::store::error::StoreError;
use crate::store::timeline::NewEvent;
use crate::store::timeline::event::TimelineEvent;

/// A delivery that the destination accepted and that is to be read back.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Readback {
    pub kind: EntityKind,
    pub entity_id: EntityId,
    /// The version that was accepted.
    #[sqlx(rename = "acknowledged")]
    pub version: i64,
    #[sqlx(try_from = "Flag")]
    pub deleted: bool,
    /// How many read-backs did not find it since it was accepted.
    pub attempts: i64,
    /// How often it was sent again because of that.
    pub resends: i64,
    /// Whether the destination has shown this very version before.
    #[sqlx(try_from = "Flag")]
    pub was_confirmed: bool,
    /// Id of the request that it was sent with, if it represents that request as part of a sample.
    pub batch: Option<String>,
}

/// What reading back showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadbackResult {
    Confirmed,
    /// Not visible yet: look again then.
    Later(Timestamp),
    /// The destination has lost it, or never stored it: send it again.
    SendAgain {
        reason: String,
    },
    /// Sending again has not helped: a person should look.
    GivenUp {
        reason: String,
    },
}

impl Deliveries<'_> {
    /// Accepted deliveries of a destination that are due to be read back, of the next `limit`: however many wait
    /// behind them, they are not looked at.
    pub async fn list_readbacks(
        self,
        destination: &DestinationId,
        limit: usize,
    ) -> Result<Vec<Readback>, StoreError> {
        let sql = concat!(
            r#"
            SELECT
                d.kind, d.entity_id, d.acknowledged, d.attempts, d.resends, d.batch,
                CASE WHEN e.content IS NULL THEN CAST(1 AS BIGINT) ELSE 0 END AS deleted,
                CASE WHEN d.confirmed = d.acknowledged THEN CAST(1 AS BIGINT) ELSE 0 END AS was_confirmed
            FROM (
                SELECT kind, entity_id, acknowledged, attempts, resends, batch, confirmed, read_back_at, updated_at
                FROM deliveries
                WHERE destination = $1 AND read_back_at IS NOT NULL
                ORDER BY read_back_at
                LIMIT $3
            ) d
            CROSS JOIN entities e
            WHERE e.kind = d.kind
              AND e.id = d.entity_id
              AND "#,
            is_over!("d.read_back_at", "$2", "d.updated_at", "$2"),
            r#"
            ORDER BY d.read_back_at"#
        );
        self.db.list(sql, &args![destination, self.clock.now(), limit]).await
    }

    /// Stores what reading back showed. When the last of a batch's sample is confirmed, the whole
    /// batch is. A delivery that changed meanwhile is left alone. A result that the database refuses makes its
    /// delivery refused, with the database's words, and keeps no other from being stored.
    pub async fn record_readbacks(
        self,
        destination: &DestinationId,
        results: &[(Readback, ReadbackResult)],
    ) -> Result<(), StoreError> {
        let mut parts = Halves::of(results, results.len());
        while let Some(part) = parts.next() {
            match self.write_readbacks(destination, part).await {
                Err(fault) if fault.blames_data() => {
                    if let Some((Readback { kind, entity_id, version, .. }, _)) = parts.split(part) {
                        self.keep_refused(destination, *kind, (entity_id, *version), &fault).await?;
                    }
                }
                written => written?,
            }
        }
        Ok(())
    }

    async fn write_readbacks(
        self,
        destination: &DestinationId,
        results: &[(Readback, ReadbackResult)],
    ) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                let mut lost = 0;
                let mut events = Vec::with_capacity(results.len());
                for (readback, result) in results {
                    let changed = self.write_result(&mut tx, destination, readback, result).await?;
                    let event = event(readback, result).filter(|_| changed);
                    events.extend(event.map(|event| NewEvent {
                        kind: readback.kind,
                        entity_id: readback.entity_id.clone(),
                        destination: Some(destination),
                        event,
                    }));
                    let is_lost = matches!(result, ReadbackResult::SendAgain { .. });
                    lost += usize::from(changed && is_lost && readback.was_confirmed);
                    match (result, readback.batch.as_deref()) {
                        (ReadbackResult::Later(_), _) | (_, None) => {}
                        (ReadbackResult::Confirmed, Some(batch)) => confirm_rest(&mut tx, batch).await?,
                        (_, Some(batch)) => self.read_back_rest(&mut tx, batch).await?,
                    }
                }
                if lost > 0 {
                    self.sites.count_drift(&mut tx, destination, lost).await?;
                }
                self.timeline.record(&mut tx, &events).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// Returns whether the delivery was still as it was read.
    async fn write_result(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        Readback { kind, entity_id, version, .. }: &Readback,
        result: &ReadbackResult,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let touched = match result {
            ReadbackResult::Confirmed => {
                tx.execute(CONFIRM, &args![now, destination, *kind, entity_id, *version]).await
            }
            ReadbackResult::Later(at) => {
                tx.execute(LOOK_LATER, &args![*at, now, destination, *kind, entity_id, *version]).await
            }
            ReadbackResult::SendAgain { reason } => {
                let news = Priority::News;
                tx.execute(SEND_AGAIN, &args![news, now, reason, destination, *kind, entity_id, *version])
                    .await
            }
            ReadbackResult::GivenUp { reason } => {
                tx.execute(GIVE_UP, &args![now, reason, destination, *kind, entity_id, *version]).await
            }
        };
        Ok(touched? > 0)
    }

    /// One entity of the sample is lost: it no longer represents its batch, and every entity of the batch is
    /// read back.
    async fn read_back_rest(self, tx: &mut Tx, batch: &str) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET read_back_at = $1, batch = NULL
            WHERE batch = $2 AND state = 'accepted'"#;
        tx.execute(sql, &args![self.clock.now(), batch]).await?;
        Ok(())
    }

    /// Marks up to `limit` confirmed deliveries of a destination, those confirmed longest ago first, to be
    /// read back again. Returns how many.
    pub async fn recheck_confirmed(
        self,
        destination: &DestinationId,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET state = 'accepted', batch = NULL, attempts = 0, read_back_at = $1
            WHERE destination = $2
              AND state = 'confirmed'
              AND (kind, entity_id) IN (
                SELECT kind, entity_id
                FROM deliveries
                WHERE destination = $2 AND state = 'confirmed'
                ORDER BY updated_at
                LIMIT $3
              )"#;
        self.db.execute(sql, &args![self.clock.now(), destination, limit]).await
    }
}

fn event(readback: &Readback, result: &ReadbackResult) -> Option<TimelineEvent> {
    let version = readback.version;
    match result {
        ReadbackResult::Confirmed => Some(TimelineEvent::Confirmed { version }),
        ReadbackResult::Later(_) => None,
        ReadbackResult::SendAgain { reason } => {
            Some(TimelineEvent::SentAgain { reason: reason.clone(), version })
        }
        ReadbackResult::GivenUp { reason } => {
            Some(TimelineEvent::Refused { reason: reason.clone(), trace_id: None, version })
        }
    }
}

async fn confirm_rest(tx: &mut Tx, batch: &str) -> Result<(), StoreError> {
    let sql = r#"
        UPDATE deliveries
        SET confirmed = acknowledged, state = 'confirmed'
        WHERE batch = $1
          AND state = 'accepted'
          AND read_back_at IS NULL
          AND NOT EXISTS (
            SELECT 1
            FROM deliveries open
            WHERE open.batch = $1 AND open.read_back_at IS NOT NULL
          )"#;
    tx.execute(sql, &args![batch]).await?;
    Ok(())
}

const CONFIRM: &str = r#"
    UPDATE deliveries
    SET confirmed = acknowledged,
        state = 'confirmed',
        read_back_at = NULL,
        attempts = 0,
        resends = 0,
        updated_at = $1,
        reason = NULL
    WHERE destination = $2 AND kind = $3 AND entity_id = $4 AND acknowledged = $5 AND state = 'accepted'"#;

const LOOK_LATER: &str = r#"
    UPDATE deliveries
    SET read_back_at = $1,
        attempts = attempts + 1,
        reason = NULL,
        updated_at = $2
    WHERE destination = $3 AND kind = $4 AND entity_id = $5 AND acknowledged = $6 AND state = 'accepted'"#;

const SEND_AGAIN: &str = r#"
    UPDATE deliveries
    SET state = 'waiting',
        acknowledged = 0,
        confirmed = 0,
        attempts = 0,
        resends = resends + 1,
        batch = NULL,
        read_back_at = NULL,
        priority = $1,
        queued_at = $2,
        waiting_since = $2,
        updated_at = $2,
        reason = $3
    WHERE destination = $4 AND kind = $5 AND entity_id = $6 AND acknowledged = $7 AND state = 'accepted'"#;

const GIVE_UP: &str = r#"
    UPDATE deliveries
    SET state = 'refused',
        batch = NULL,
        read_back_at = NULL,
        updated_at = $1,
        reason = $2
    WHERE destination = $3 AND kind = $4 AND entity_id = $5 AND acknowledged = $6 AND state = 'accepted'"#;
