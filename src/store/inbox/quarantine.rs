//! Verified webhooks that could not be mapped: kept for the operator, up to a limit.

use super::body::Body;
use super::{Inbox, InboxRow, InboxState};
use crate::clock::Timestamp;
use crate::domain::SourceId;
use crate::store::db::{Millis, Tx, args};
use crate::store::error::StoreError;

/// Webhooks that are kept of one source: enough for a day on which nothing can be mapped.
const MOST_ROWS: i64 = 10_000;
/// Bytes of bodies that are kept of one source, besides its newest webhook.
const MOST_BYTES: i64 = 64 << 20;
/// Rows that are removed in one transaction.
const STEP: i64 = 500;
/// Webhooks that a search returns; whoever finds that many has seen enough.
const MOST_FOUND: usize = 100;

/// A webhook that could not be mapped, as operators see it.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct QuarantinedRow {
    pub id: String,
    pub source: String,
    pub delivery_id: Option<String>,
    #[sqlx(try_from = "Millis")]
    pub received_at: Timestamp,
    pub verified_by: String,
    pub reason: Option<String>,
}

impl Inbox<'_> {
    /// Webhooks of `source` that could not be mapped, oldest first.
    pub async fn list_quarantined(
        self,
        source: &SourceId,
        limit: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let sql = r#"
            SELECT id, source, delivery_id, received_at, verified_by, headers, body, body_size, note
            FROM inbox
            WHERE state = 'quarantined' AND source = $1
            ORDER BY id
            LIMIT $2"#;
        self.db.list(sql, &args![source, limit]).await
    }

    /// Keeps webhooks that cannot be mapped, each by its id and with the reason.
    pub async fn quarantine(self, unmappable: &[(&str, &str)]) -> Result<(), StoreError> {
        // An empty transaction would wait for its turn behind the writes of arriving webhooks.
        if unmappable.is_empty() {
            return Ok(());
        }
        self.db
            .transact(|mut tx| async move {
                self.quarantine_in(&mut tx, unmappable).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// The same in a transaction that has taken them.
    pub(in crate::store) async fn quarantine_in(
        self,
        tx: &mut Tx,
        unmappable: &[(&str, &str)],
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE inbox
            SET state = 'quarantined', note = $1, processed_at = $2
            WHERE id = $3 AND state = 'new'"#;
        for (id, reason) in unmappable {
            tx.execute(sql, &args![*reason, self.clock.now(), *id]).await?;
        }
        Ok(())
    }

    /// Puts quarantined webhooks back in line: those of `ids`, or all. Returns how many.
    pub async fn replay(self, ids: Option<&[String]>) -> Result<u64, StoreError> {
        let Some(ids) = ids else {
            let sql = r#"
                UPDATE inbox
                SET state = 'new', note = NULL
                WHERE state = 'quarantined'"#;
            return self.db.execute(sql, &args![]).await;
        };
        let sql = r#"
            UPDATE inbox
            SET state = 'new', note = NULL
            WHERE state = 'quarantined' AND id = $1"#;
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

    /// Gives up on quarantined webhooks; retention then removes them. Returns how many there were.
    pub async fn discard(self, ids: &[String]) -> Result<u64, StoreError> {
        let sql = r#"
            UPDATE inbox
            SET state = 'done', processed_at = $1
            WHERE state = 'quarantined' AND id = $2"#;
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

    /// Removes up to `limit` webhooks that arrived before `before`. Returns how many.
    pub async fn remove_old_quarantined(self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let sql = r#"
            DELETE FROM inbox
            WHERE id IN (
                SELECT id
                FROM inbox
                WHERE state = 'quarantined' AND received_at < $1
                ORDER BY id
                LIMIT $2
            )"#;
        self.db.execute(sql, &args![before, limit]).await
    }

    /// Removes some of the oldest webhooks of sources that have more than may be kept. Returns how many.
    pub async fn trim_quarantine(self) -> Result<u64, StoreError> {
        let sql = r#"
            SELECT id
            FROM (
                SELECT
                    id,
                    ROW_NUMBER() OVER newest_first AS nth,
                    SUM(LENGTH(body)) OVER newest_first - LENGTH(body) AS bytes_of_newer
                FROM inbox
                WHERE state = 'quarantined'
                WINDOW newest_first AS (PARTITION BY source ORDER BY id DESC)
            ) AS kept
            WHERE nth > $1 OR bytes_of_newer > $2
            LIMIT $3"#;
        let surplus: Vec<String> = self.db.list_values(sql, &args![MOST_ROWS, MOST_BYTES, STEP]).await?;
        if surplus.is_empty() {
            return Ok(0);
        }
        let sql = r#"
            DELETE FROM inbox
            WHERE state = 'quarantined' AND id = $1"#;
        let surplus = &surplus;
        self.db
            .transact(|mut tx| async move {
                let mut count = 0;
                for id in surplus {
                    count += tx.execute(sql, &args![id]).await?;
                }
                Ok((tx, count))
            })
            .await
    }

    /// Quarantined webhooks of all sources as operators see them, oldest first.
    pub async fn list_quarantine(self, limit: usize) -> Result<Vec<QuarantinedRow>, StoreError> {
        let sql = r#"
            SELECT id, source, delivery_id, received_at, verified_by, note AS reason
            FROM inbox
            WHERE state = 'quarantined'
            ORDER BY id
            LIMIT $1"#;
        self.db.list(sql, &args![limit]).await
    }

    /// The body of a quarantined webhook.
    pub async fn find_quarantined_body(self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = r#"
            SELECT body, body_size
            FROM inbox
            WHERE state = 'quarantined' AND id = $1"#;
        let found: Option<Body> = self.db.find(sql, &args![id]).await?;
        found.map(|body| body.open()).transpose()
    }

    /// The oldest quarantined webhooks that `is_meant`, which is given each with its body, accepts: not more
    /// than a hundred.
    pub async fn search_quarantine(
        self,
        is_meant: impl Fn(&QuarantinedRow, &[u8]) -> bool,
    ) -> Result<Vec<QuarantinedRow>, StoreError> {
        let sql = r#"
            SELECT id, source, delivery_id, received_at, verified_by, note AS reason
            FROM inbox
            WHERE id = $1"#;
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.list_bodies_after(InboxState::Quarantined, &after).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after.clone_from(&last.id);
            for stored in page {
                let row: Option<QuarantinedRow> = self.db.find(sql, &args![&stored.id]).await?;
                found.extend(row.filter(|row| is_meant(row, &stored.body)));
                if found.len() >= MOST_FOUND {
                    return Ok(found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::clock::{Clock, from_millis};
    use crate::store::db::Database;

    #[tokio::test]
    async fn nothing_to_quarantine_waits_for_no_other_writer() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("bridge.db").display());
        let (db, clock) = (Database::open(&url).await.unwrap(), Clock::manual(from_millis(0)));
        db.migrate().await.unwrap();
        let begun = tokio::sync::Notify::new();
        let other = db.transact(|tx| async {
            begun.notify_one();
            std::future::pending::<()>().await;
            Ok((tx, ()))
        });
        let inbox = Inbox::new(&db, &clock);
        let checks = async {
            begun.notified().await;
            assert!(inbox.quarantine(&[("1", "why")]).now_or_never().is_none(), "one that writes waits");
            assert!(inbox.quarantine(&[]).now_or_never().expect("it does not wait").is_ok());
        };
        tokio::select! {
            _ = other => unreachable!("it never ends"),
            () = checks => {}
        }
    }
}
