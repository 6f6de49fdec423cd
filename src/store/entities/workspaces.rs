//! Workspaces as Jira's actions ask for them.

use std::collections::BTreeSet;

use super::Entities;
use crate::domain::{EntityId, SourceId, Workspace};
use crate::store::db::generations::{self, Part};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

/// A workspace with its id in Jira.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredWorkspace {
    pub source: String,
    pub id: EntityId,
    pub name: String,
    pub url: String,
}

impl Entities<'_> {
    /// Stores workspaces that a source named.
    pub async fn record_workspaces(
        self,
        source: &SourceId,
        workspaces: &[Workspace],
    ) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                self.write_workspaces(&mut tx, source, workspaces).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// The same as part of a transaction.
    pub(in crate::store) async fn write_workspaces(
        self,
        tx: &mut Tx,
        source: &SourceId,
        workspaces: &[Workspace],
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO workspaces (source, provider_id, id, name, url, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (source, provider_id) DO UPDATE
            SET name = excluded.name,
                url = excluded.url,
                gone = 0,
                updated_at = excluded.updated_at
            WHERE workspaces.name <> excluded.name
               OR workspaces.url <> excluded.url
               OR workspaces.gone = 1"#;
        let mut changed = 0;
        for Workspace { provider_id, name, url } in workspaces {
            let id = EntityId::new(source, provider_id);
            changed += tx.execute(sql, &args![source, provider_id, &id, name, url, self.clock.now()]).await?;
        }
        if changed > 0 {
            generations::bump_directory(tx, Part::Workspaces, [source.as_str()]).await?;
        }
        Ok(())
    }

    /// Hides all workspaces of a source but these, by the tool's ids, from sites. Returns how many.
    pub async fn retire_workspaces(self, source: &SourceId, keep: &[String]) -> Result<u64, StoreError> {
        let known = r#"
            SELECT provider_id
            FROM workspaces
            WHERE source = $1 AND gone = 0"#;
        let retire = r#"
            UPDATE workspaces
            SET gone = 1, updated_at = $1
            WHERE source = $2 AND provider_id = $3"#;
        self.db
            .transact(|mut tx| async move {
                let known: Vec<String> = tx.list_values(known, &args![source]).await?;
                let mut retired = 0;
                for workspace in known.iter().filter(|workspace| !keep.contains(workspace)) {
                    retired += tx.execute(retire, &args![self.clock.now(), source, workspace]).await?;
                }
                if retired > 0 {
                    generations::bump_directory(&mut tx, Part::Workspaces, [source.as_str()]).await?;
                }
                Ok((tx, retired))
            })
            .await
    }

    /// All workspaces of one source.
    pub async fn list_workspaces_of(self, source: &SourceId) -> Result<Vec<StoredWorkspace>, StoreError> {
        let sql = r#"
            SELECT source, id, name, url
            FROM workspaces
            WHERE source = $1 AND gone = 0
            ORDER BY provider_id"#;
        self.db.list(sql, &args![source]).await
    }

    /// All workspaces of all sources.
    pub async fn list_workspaces(self) -> Result<Vec<StoredWorkspace>, StoreError> {
        let sql = r#"
            SELECT source, id, name, url
            FROM workspaces
            WHERE gone = 0
            ORDER BY source, provider_id"#;
        self.db.list(sql, &args![]).await
    }

    /// All workspaces that were ever known, for an operator who erases something.
    pub async fn list_workspaces_ever(self) -> Result<Vec<StoredWorkspace>, StoreError> {
        let sql = r#"
            SELECT source, id, name, url
            FROM workspaces
            ORDER BY source, provider_id"#;
        self.db.list(sql, &args![]).await
    }

    /// Gives workspaces other names and addresses, until the tool says them again.
    pub async fn rename_workspaces(self, workspaces: &[StoredWorkspace]) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE workspaces
            SET name = $1, url = $2, updated_at = $3
            WHERE source = $4 AND id = $5"#;
        self.db
            .transact(|mut tx| async move {
                for StoredWorkspace { source, id, name, url } in workspaces {
                    tx.execute(sql, &args![name, url, self.clock.now(), source, id]).await?;
                }
                if !workspaces.is_empty() {
                    let sources: BTreeSet<&str> = workspaces.iter().map(|it| it.source.as_str()).collect();
                    generations::bump_directory(&mut tx, Part::Workspaces, sources).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Whether any present entity belongs to this workspace.
    pub async fn is_workspace_in_use(self, workspace: &EntityId) -> Result<bool, StoreError> {
        let sql = r#"
            SELECT e.id
            FROM workspaces w
            JOIN entities e ON e.source = w.source AND e.workspace = w.provider_id
            WHERE w.id = $1 AND e.content IS NOT NULL
            LIMIT 1"#;
        let found: Option<String> = self.db.find_value(sql, &args![workspace]).await?;
        Ok(found.is_some())
    }
}
