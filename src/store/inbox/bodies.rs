//! Reads the bodies of many webhooks, few bytes at a time, and erases single ones.

use super::body::Body;
use super::{Inbox, InboxState};
use crate::store::db::args;
use crate::store::error::StoreError;

/// Bodies that are held at once.
const AT_ONCE: usize = 100;
/// Bytes of bodies that are held at once, but for a single body that is longer.
const BYTES_AT_ONCE: i64 = 4 << 20;
/// What is left of an erased webhook besides its id and the times.
const ERASED: &str = "erased by an operator";

/// A webhook and its body.
#[derive(Debug, Clone)]
pub struct StoredBody {
    pub id: String,
    pub source: String,
    pub body: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    source: String,
    #[sqlx(flatten)]
    body: Body,
}

impl Inbox<'_> {
    /// The next webhooks in a state after `after`, in the order of their arrival: as many as may be held at once,
    /// and at least one while there are any.
    pub async fn list_bodies_after(
        self,
        state: InboxState,
        after: &str,
    ) -> Result<Vec<StoredBody>, StoreError> {
        let sql = r#"
            SELECT id, CAST(CASE WHEN body_size > 0 THEN body_size ELSE LENGTH(body) END AS BIGINT)
            FROM inbox
            WHERE state = $1 AND id > $2
            ORDER BY id
            LIMIT $3"#;
        let state = state.as_str();
        let sizes: Vec<(String, i64)> = self.db.list(sql, &args![state, after, AT_ONCE]).await?;
        let mut bytes: i64 = 0;
        let last = sizes.iter().enumerate().take_while(|(nth, (_, size))| {
            bytes = bytes.saturating_add(*size);
            *nth == 0 || bytes <= BYTES_AT_ONCE
        });
        let Some((_, (last, _))) = last.last() else { return Ok(Vec::new()) };
        let sql = r#"
            SELECT id, source, body, body_size
            FROM inbox
            WHERE state = $1 AND id > $2 AND id <= $3
            ORDER BY id"#;
        let rows: Vec<Row> = self.db.list(sql, &args![state, after, last]).await?;
        let open = |row: Row| Ok(StoredBody { body: row.body.open()?, id: row.id, source: row.source });
        rows.into_iter().map(open).collect()
    }

    /// Erases what webhooks said. The rows stay, so that a repetition of a webhook is recognised. One that has
    /// had no effect yet is left alone. Returns how many were erased.
    pub async fn erase_bodies(self, ids: &[String]) -> Result<u64, StoreError> {
        let sql = r#"
            UPDATE inbox
            SET state = 'done',
                headers = '[]',
                body = $1,
                body_size = 0,
                note = $2,
                processed_at = COALESCE(processed_at, $3)
            WHERE id = $4 AND state <> 'new'"#;
        let mut count = 0;
        for part in ids.chunks(AT_ONCE) {
            count += self
                .db
                .transact(|mut tx| async move {
                    let mut erased = 0;
                    for id in part {
                        let args = args![Vec::<u8>::new(), ERASED, self.clock.now(), id];
                        erased += tx.execute(sql, &args).await?;
                    }
                    Ok((tx, erased))
                })
                .await?;
        }
        Ok(count)
    }
}
