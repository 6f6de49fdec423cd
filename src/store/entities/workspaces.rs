//! Workspaces and containers as Jira's actions ask for them, and which workspaces each site has linked.

use crate::clock::{Timestamp, from_millis};
use crate::domain::{ClientKey, Component, Entity, EntityId, SourceId, Workspace};
use crate::store::db::{Tx, args};
use crate::store::sites::installations::bump_directory;
use crate::store::{Store, StoreError, from_json};

/// A workspace with its id in Jira.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWorkspace {
    pub source: String,
    pub jira_id: EntityId,
    pub name: String,
    pub url: String,
}

/// A component as something to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub source: String,
    pub jira_id: EntityId,
    /// The tool's id of the workspace.
    pub workspace: String,
    pub component: Component,
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct WorkspaceRow {
    source: String,
    jira_id: String,
    name: String,
    url: String,
}

#[derive(sqlx::FromRow)]
struct ContainerRow {
    source: String,
    jira_id: String,
    workspace: String,
    content: String,
    updated_at: i64,
}

impl Store {
    /// Stores workspaces that a source named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_workspaces(
        &self,
        source: &SourceId,
        workspaces: &[Workspace],
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        self.upsert_workspaces(&mut tx, source, workspaces).await?;
        tx.commit().await
    }

    pub(in crate::store) async fn upsert_workspaces(
        &self,
        tx: &mut Tx,
        source: &SourceId,
        workspaces: &[Workspace],
    ) -> Result<(), StoreError> {
        let mut changed = 0;
        for workspace in workspaces {
            changed += tx
                .execute(
                    "INSERT INTO workspaces (source, provider_id, jira_id, name, url, updated_at) \
                     VALUES ($1, $2, $3, $4, $5, $6) \
                     ON CONFLICT (source, provider_id) DO UPDATE SET name = excluded.name, url = excluded.url, gone = 0, \
                       updated_at = excluded.updated_at \
                     WHERE workspaces.name <> excluded.name OR workspaces.url <> excluded.url OR workspaces.gone = 1",
                    &args![
                        source.as_str(),
                        &workspace.provider_id,
                        crate::domain::EntityId::new(source, &workspace.provider_id).as_str(),
                        &workspace.name,
                        &workspace.url,
                        self.clock.now_ms(),
                    ],
                )
                .await?;
        }
        if changed > 0 {
            bump_directory(tx).await?;
        }
        Ok(())
    }

    /// All workspaces of all sources.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_workspaces(&self) -> Result<Vec<StoredWorkspace>, StoreError> {
        let rows: Vec<WorkspaceRow> = self
            .db
            .list(
                "SELECT source, jira_id, name, url FROM workspaces WHERE gone = 0 ORDER BY source, provider_id",
                &args![],
            )
            .await?;
        let workspace = |row: WorkspaceRow| StoredWorkspace {
            source: row.source,
            jira_id: EntityId::from_text(row.jira_id),
            name: row.name,
            url: row.url,
        };
        Ok(rows.into_iter().map(workspace).collect())
    }

    /// All components of all sources.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_containers(&self) -> Result<Vec<Container>, StoreError> {
        let rows: Vec<ContainerRow> = self
            .db
            .list(
                "SELECT source, jira_id, workspace, content, updated_at FROM entities \
                 WHERE kind = 'component' AND content IS NOT NULL ORDER BY jira_id",
                &args![],
            )
            .await?;
        let mut containers = Vec::with_capacity(rows.len());
        for row in rows {
            if let Entity::Component(component) = from_json("a component", &row.content)? {
                containers.push(Container {
                    source: row.source,
                    jira_id: EntityId::from_text(row.jira_id),
                    workspace: row.workspace,
                    component,
                    updated_at: from_millis(row.updated_at),
                });
            }
        }
        Ok(containers)
    }

    /// Remembers that Jira accepted the links.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_links(&self, site: &ClientKey, workspaces: &[EntityId]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for workspace in workspaces {
            tx.execute(
                "INSERT INTO links (client_key, workspace, linked_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &args![site.as_str(), workspace.as_str(), self.clock.now_ms()],
            )
            .await?;
        }
        tx.commit().await
    }

    /// Ids in Jira of the workspaces linked to the site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_links(&self, site: &ClientKey) -> Result<Vec<EntityId>, StoreError> {
        let rows: Vec<(String,)> = self
            .db
            .list(
                "SELECT workspace FROM links WHERE client_key = $1 ORDER BY workspace",
                &args![site.as_str()],
            )
            .await?;
        Ok(rows.into_iter().map(|(id,)| EntityId::from_text(id)).collect())
    }

    /// Forgets a link that Jira does not show any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_link(&self, site: &ClientKey, workspace: &EntityId) -> Result<(), StoreError> {
        self.db
            .execute(
                "DELETE FROM links WHERE client_key = $1 AND workspace = $2",
                &args![site.as_str(), workspace.as_str()],
            )
            .await?;
        Ok(())
    }

    /// The tool's ids of the components of a source that the tool itself has listed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_listed_components(&self, source: &SourceId) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = self
            .db
            .list(
                "SELECT provider_id FROM entities WHERE source = $1 AND kind = 'component' AND content IS NOT NULL \
                 AND mentioned = 0 ORDER BY provider_id",
                &args![source.as_str()],
            )
            .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}
