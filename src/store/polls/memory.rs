//! Facts that a source keeps from one webhook or page to the next, as text under its own keys.

use std::collections::BTreeMap;

use super::Polls;
use crate::domain::{SourceId, bounded_id};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

impl Polls<'_> {
    /// What the source keeps under `keys`; all of it when `keys` is `None`.
    pub async fn load_memory(
        self,
        source: &SourceId,
        keys: Option<&[String]>,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let Some(keys) = keys else {
            let sql = r#"
                SELECT key, value
                FROM source_memory
                WHERE source = $1"#;
            let all: Vec<(String, String)> = self.db.list(sql, &args![source]).await?;
            return Ok(all.into_iter().collect());
        };
        let sql = r#"
            SELECT value
            FROM source_memory
            WHERE source = $1 AND key = $2"#;
        let mut known = BTreeMap::new();
        for key in keys {
            let found: Option<String> = self.db.find_value(sql, &args![source, &*bounded_id(key)]).await?;
            if let Some(value) = found {
                known.insert(key.clone(), value);
            }
        }
        Ok(known)
    }

    /// Writes what has changed; `None` removes a key.
    pub(in crate::store) async fn write_memory(
        self,
        tx: &mut Tx,
        source: &SourceId,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<(), StoreError> {
        let write = r#"
            INSERT INTO source_memory (source, key, value)
            VALUES ($1, $2, $3)
            ON CONFLICT (source, key) DO UPDATE
            SET value = excluded.value"#;
        let remove = r#"
            DELETE FROM source_memory
            WHERE source = $1 AND key = $2"#;
        for (key, value) in changes {
            let key = &*bounded_id(key);
            match value {
                Some(value) => tx.execute(write, &args![source, key, value]).await?,
                None => tx.execute(remove, &args![source, key]).await?,
            };
        }
        Ok(())
    }
}
