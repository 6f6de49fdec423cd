//! Finds and changes facts of all sources, for an operator who erases something.

use super::Polls;
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

/// A fact that a source keeps.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Fact {
    pub source: String,
    pub key: String,
    pub value: String,
}

impl Polls<'_> {
    /// Facts of all sources after `after`, in the order of source and key.
    pub async fn list_facts(self, after: Option<&Fact>, limit: usize) -> Result<Vec<Fact>, StoreError> {
        let sql = r#"
            SELECT source, key, value
            FROM source_memory
            WHERE (source, key) > ($1, $2)
            ORDER BY source, key
            LIMIT $3"#;
        let (source, key) = after.map_or(("", ""), |fact| (fact.source.as_str(), fact.key.as_str()));
        self.db.list(sql, &args![source, key, limit]).await
    }

    /// Changes facts that still have the value that was read, each to its new value; `None` removes it.
    pub async fn change_facts(self, changes: &[(Fact, Option<String>)]) -> Result<(), StoreError> {
        let write = r#"
            UPDATE source_memory
            SET value = $1
            WHERE source = $2 AND key = $3 AND value = $4"#;
        let remove = r#"
            DELETE FROM source_memory
            WHERE source = $1 AND key = $2 AND value = $3"#;
        self.db
            .transact(|mut tx| async move {
                for (Fact { source, key, value: before }, value) in changes {
                    match value {
                        Some(value) => tx.execute(write, &args![value, source, key, before]).await?,
                        None => tx.execute(remove, &args![source, key, before]).await?,
                    };
                }
                Ok((tx, ()))
            })
            .await
    }

    /// An incident is no longer to be fetched from its tool.
    pub(in crate::store) async fn forget_refetch(
        self,
        tx: &mut Tx,
        source: &str,
        provider_id: &str,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM refetches
            WHERE source = $1 AND provider_id = $2"#;
        tx.execute(sql, &args![source, provider_id]).await?;
        Ok(())
    }
}
