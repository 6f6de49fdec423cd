//! Unmapped statuses and severities of tools, kept for the operator: a few per source.

use std::collections::BTreeSet;

use super::Polls;
use crate::clock::Timestamp;
use crate::domain::{SourceId, UnmappedValue, ValueKind};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

/// Values kept per source: enough to fix a table, too few to fill the database.
const MOST: i64 = 50;
/// How precisely it is kept when a value was last seen: not every webhook costs a write.
const PRECISION: chrono::TimeDelta = chrono::TimeDelta::hours(1);

impl Polls<'_> {
    /// The unmapped values of a source, in order.
    pub async fn list_unmapped(self, source: &SourceId) -> Result<Vec<UnmappedValue>, StoreError> {
        let sql = r#"
            SELECT kind, value
            FROM unmapped_values
            WHERE source = $1
            ORDER BY kind, value"#;
        let rows: Vec<(String, String)> = self.db.list(sql, &args![source]).await?;
        rows.into_iter()
            .map(|(kind, word)| match ValueKind::find(&kind) {
                Some(kind) => Ok(UnmappedValue { kind, value: word }),
                None => Err(StoreError::Inconsistent {
                    what: "an unmapped value".to_owned(),
                    why: format!("its kind is {kind:?}"),
                }),
            })
            .collect()
    }

    /// Forgets values that were last seen before then. Returns how many.
    pub async fn remove_old_unmapped(self, before: Timestamp) -> Result<u64, StoreError> {
        let sql = r#"
            DELETE FROM unmapped_values
            WHERE seen_at < $1"#;
        self.db.execute(sql, &args![before]).await
    }

    /// Stores values that have just occurred.
    pub(in crate::store) async fn note_unmapped(
        self,
        tx: &mut Tx,
        source: &SourceId,
        values: &BTreeSet<UnmappedValue>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO unmapped_values (source, kind, value, seen_at)
            SELECT $1, $2, $3, $4
            WHERE (
                SELECT COUNT(*)
                FROM unmapped_values
                WHERE source = $1 AND (kind <> $2 OR value <> $3)
            ) < $5
            ON CONFLICT (source, kind, value) DO UPDATE
            SET seen_at = excluded.seen_at
            WHERE unmapped_values.seen_at < $6"#;
        let now = self.clock.now();
        for value in values {
            let args = args![source, value.kind.as_str(), &value.value, now, MOST, now - PRECISION];
            tx.execute(sql, &args).await?;
        }
        Ok(())
    }
}
