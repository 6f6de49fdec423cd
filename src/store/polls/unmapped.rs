//! The tools' words that have no meaning here, kept for the operator: a few per source.

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::domain::{SourceId, UnmappedValue, ValueKind};
use crate::store::db::{Tx, args};
use crate::store::{Store, StoreError};

/// Words kept per source: enough to mend a table, and no way to fill the database.
const MOST: i64 = 50;
/// How precisely it is kept when a word was last seen, in milliseconds: not every webhook costs a write.
const PRECISION: i64 = 3_600_000;

impl Store {
    /// The words of a source that had no meaning when they were told, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_unknown_words(&self, source: &SourceId) -> Result<Vec<UnmappedValue>, StoreError> {
        let rows: Vec<(String, String)> = self
            .db
            .list(
                "SELECT kind, word FROM unknown_words WHERE source = $1 ORDER BY kind, word",
                &args![source.as_str()],
            )
            .await?;
        rows.into_iter()
            .map(|(kind, word)| match ValueKind::find(&kind) {
                Some(kind) => Ok(UnmappedValue { kind, value: word }),
                None => Err(StoreError::Inconsistent {
                    what: "an unknown word".to_owned(),
                    why: format!("its kind is {kind:?}"),
                }),
            })
            .collect()
    }

    /// Forgets words that were last seen before then. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_old_words(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.db
            .execute("DELETE FROM unknown_words WHERE seen_at < $1", &args![before.timestamp_millis()])
            .await
    }

    pub(in crate::store) async fn note_words(
        &self,
        tx: &mut Tx,
        source: &SourceId,
        words: &BTreeSet<UnmappedValue>,
    ) -> Result<(), StoreError> {
        for word in words {
            tx.execute(
                "INSERT INTO unknown_words (source, kind, word, seen_at) SELECT $1, $2, $3, $4 \
                 WHERE (SELECT COUNT(*) FROM unknown_words WHERE source = $1 AND (kind != $2 OR word != $3)) < $5 \
                 ON CONFLICT (source, kind, word) DO UPDATE SET seen_at = excluded.seen_at \
                 WHERE unknown_words.seen_at < excluded.seen_at - $6",
                &args![
                    source.as_str(),
                    word.kind.as_str(),
                    &word.value,
                    self.clock.now_ms(),
                    MOST,
                    PRECISION,
                ],
            )
            .await?;
        }
        Ok(())
    }
}
