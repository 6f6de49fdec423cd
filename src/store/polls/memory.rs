//! Facts that a source keeps from one webhook or page to the next, as text under its own keys.

use std::collections::BTreeMap;

use super::Polls;
use crate::domain::{SourceId, bounded_id};
use crate::store::db::{Arg, Tx, args};
use crate::store::error::StoreError;

const EVERYTHING: &str = r#"
    SELECT key, value
    FROM source_memory
    WHERE source = $1"#;
const SOME: &str = r#"
    SELECT key, value
    FROM source_memory
    WHERE (source, key) IN (VALUES {rows})"#;

fn rows(source: &SourceId, keys: &[String]) -> Vec<[Arg; 2]> {
    keys.iter().map(|key| args![source, &*bounded_id(key)]).collect()
}

/// Under the keys by which they were asked for: long ones are bounded in the database.
fn pick(keys: &[String], found: Vec<(String, String)>) -> BTreeMap<String, String> {
    let found: BTreeMap<String, String> = found.into_iter().collect();
    let value_of = |key: &String| Some((key.clone(), found.get(&*bounded_id(key))?.clone()));
    keys.iter().filter_map(value_of).collect()
}

impl Polls<'_> {
    /// What the source keeps under `keys`; all of it when `keys` is `None`.
    pub async fn load_memory(
        self,
        source: &SourceId,
        keys: Option<&[String]>,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let Some(keys) = keys else {
            let all: Vec<(String, String)> = self.db.list(EVERYTHING, &args![source]).await?;
            return Ok(all.into_iter().collect());
        };
        Ok(pick(keys, self.db.list_all(SOME, &rows(source, keys)).await?))
    }

    /// The same as the transaction sees it.
    pub(in crate::store) async fn load_memory_in(
        self,
        tx: &mut Tx,
        source: &SourceId,
        keys: Option<&[String]>,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let Some(keys) = keys else {
            let all: Vec<(String, String)> = tx.list(EVERYTHING, &args![source]).await?;
            return Ok(all.into_iter().collect());
        };
        Ok(pick(keys, tx.list_all(SOME, &rows(source, keys)).await?))
    }

    /// Writes what has changed; `None` removes a key.
    pub(in crate::store) async fn write_memory(
        self,
        tx: &mut Tx,
        source: &SourceId,
        changes: &BTreeMap<&String, &Option<String>>,
    ) -> Result<(), StoreError> {
        let write = r#"
            INSERT INTO source_memory (source, key, value)
            SELECT *
            FROM (VALUES {rows}) AS new
            WHERE column1 IS NOT NULL
            ON CONFLICT (source, key) DO UPDATE
            SET value = excluded.value"#;
        let remove = r#"
            DELETE FROM source_memory
            WHERE (source, key) IN (VALUES {rows})"#;
        // Long keys are bounded, and two of them must not become one row of a statement twice.
        let changes = changes.iter().map(|(key, value)| (bounded_id(key), value.as_deref()));
        let changes: BTreeMap<_, _> = changes.collect();
        let (mut written, mut removed) = (Vec::new(), Vec::new());
        for (key, value) in &changes {
            match value {
                Some(value) => written.push(args![source, &**key, *value]),
                None => removed.push(args![source, &**key]),
            }
        }
        tx.execute_all(write, &written).await?;
        tx.execute_all(remove, &removed).await?;
        Ok(())
    }
}
