//! Deliveries that a destination has asked to bring again at a time of their own. Meanwhile nothing looks at them.

use super::Deliveries;
use super::outcomes::Part;
use crate::domain::{DestinationId, EntityId, EntityKind, EntityOutcome, Priority, Verdict};
use crate::store::db::{Tx, args, is_over};
use crate::store::error::StoreError;

impl Deliveries<'_> {
    /// Lets go what was to wait until now. Returns how many.
    pub async fn wake(self, destination: &DestinationId) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let due = concat!(
            r#"
            SELECT entity_id
            FROM deliveries
            WHERE destination = $1
              AND not_before > 0
              AND "#,
            is_over!("not_before", "$2", "updated_at", "$2"),
            r#"
            LIMIT 1"#
        );
        let found: Option<String> = self.db.find_value(due, &args![destination, now]).await?;
        if found.is_none() {
            return Ok(0);
        }
        let sql = concat!(
            r#"
            UPDATE deliveries
            SET not_before = 0
            WHERE destination = $1
              AND not_before > 0
              AND "#,
            is_over!("not_before", "$2", "updated_at", "$2")
        );
        self.db.execute(sql, &args![destination, now]).await
    }

    /// Lets go of those that wait for a reason that no longer holds, whatever their time. Returns how many.
    pub async fn wake_all(self, destination: &DestinationId, reason: &str) -> Result<u64, StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET not_before = 0
            WHERE destination = $1 AND not_before > 0 AND reason = $2"#;
        self.db.execute(sql, &args![destination, reason]).await
    }

    /// How many deliveries wait for a time of their own, for this reason.
    pub async fn count_later(self, destination: &DestinationId, reason: &str) -> Result<i64, StoreError> {
        let sql = r#"
            SELECT COUNT(*)
            FROM deliveries
            WHERE destination = $1 AND not_before > 0 AND reason = $2"#;
        let (count,): (i64,) = self.db.get(sql, &args![destination, reason]).await?;
        Ok(count)
    }

    /// Sends again what the destination has acknowledged: it has found that it must look at these once more.
    pub async fn send_again(
        self,
        destination: &DestinationId,
        kind: EntityKind,
        ids: &[EntityId],
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET state = 'waiting', priority = $1, queued_at = $2, waiting_since = $2, updated_at = $2, attempts = 0,
                acknowledged = 0, confirmed = 0, batch = NULL, read_back_at = NULL
            WHERE destination = $3 AND kind = $4 AND entity_id = $5 AND state IN ('accepted', 'confirmed')"#;
        self.db
            .transact(|mut tx| async move {
                for id in ids {
                    let args = args![Priority::News, self.clock.now(), destination, kind, id];
                    tx.execute(sql, &args).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Writes those that are to be brought again later. One that has changed meanwhile is brought at once.
    pub(super) async fn write_later(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        part: &Part<'_>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET not_before = $1, reason = $2, updated_at = $3
            WHERE destination = $4 AND kind = $5 AND entity_id = $6 AND wanted <= $7 AND state = 'waiting'"#;
        let now = self.clock.now();
        for (EntityOutcome { id, version, verdict }, _) in part.outcomes {
            let Verdict::Later { until, reason } = verdict else { continue };
            tx.execute(sql, &args![*until, reason, now, destination, part.kind, id, *version]).await?;
        }
        Ok(())
    }
}
