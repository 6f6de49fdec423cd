//! What a site may not see any more: noticed, kept for a while, then removed from Jira and forgotten.

use crate::clock::{Timestamp, from_millis};
use crate::domain::{ClientKey, EntityId, SourceId};
use crate::store::db::args;
use crate::store::{Store, StoreError};

/// Something that a site holds and may not see: all of a source, or one workspace of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    pub site: ClientKey,
    pub source: String,
    /// Id in Jira; `None` for everything of the source.
    pub workspace: Option<EntityId>,
    pub noticed_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    client_key: String,
    source: String,
    workspace: String,
    noticed_at: i64,
}

impl Store {
    /// Sources of which a site has deliveries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sources_at(&self, site: &ClientKey) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = self
            .db
            .list(
                "SELECT DISTINCT e.source FROM deliveries d JOIN entities e ON e.kind = d.kind AND e.jira_id = d.jira_id \
                 WHERE d.client_key = $1 ORDER BY e.source",
                &args![site.as_str()],
            )
            .await?;
        Ok(rows.into_iter().map(|(source,)| source).collect())
    }

    /// Remembers since when a source, or one workspace of it, is not to be seen at a site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notice_removal(
        &self,
        site: &ClientKey,
        source: &str,
        workspace: Option<&EntityId>,
    ) -> Result<(), StoreError> {
        let workspace = workspace.map_or("", EntityId::as_str);
        self.db
            .execute(
                "INSERT INTO removals (client_key, source, workspace, noticed_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                &args![site.as_str(), source, workspace, self.clock.now_ms()],
            )
            .await?;
        Ok(())
    }

    /// It may be seen again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_removal(&self, removal: &Removal) -> Result<(), StoreError> {
        let workspace = removal.workspace.as_ref().map_or("", EntityId::as_str);
        self.db
            .execute(
                "DELETE FROM removals WHERE client_key = $1 AND source = $2 AND workspace = $3",
                &args![removal.site.as_str(), &removal.source, workspace],
            )
            .await?;
        Ok(())
    }

    /// All that is noticed, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_removals(&self) -> Result<Vec<Removal>, StoreError> {
        let rows: Vec<Row> = self
            .db
            .list(
                "SELECT client_key, source, workspace, noticed_at FROM removals ORDER BY noticed_at, client_key, source, workspace",
                &args![],
            )
            .await?;
        let removal = |row: Row| Removal {
            site: ClientKey(row.client_key),
            source: row.source,
            workspace: Some(row.workspace).filter(|id| !id.is_empty()).map(EntityId::from_text),
            noticed_at: from_millis(row.noticed_at),
        };
        Ok(rows.into_iter().map(removal).collect())
    }

    /// Forgets what the site held of the source. The entities stay, so that their versions keep growing
    /// should the source come back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_removed(
        &self,
        site: &ClientKey,
        source: &str,
        workspaces: &[EntityId],
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(
            "DELETE FROM deliveries WHERE client_key = $1 AND EXISTS (SELECT 1 FROM entities e \
             WHERE e.kind = deliveries.kind AND e.jira_id = deliveries.jira_id AND e.source = $2)",
            &args![site.as_str(), source],
        )
        .await?;
        for workspace in workspaces {
            tx.execute(
                "DELETE FROM links WHERE client_key = $1 AND workspace = $2",
                &args![site.as_str(), workspace.as_str()],
            )
            .await?;
        }
        tx.execute(
            "DELETE FROM removals WHERE client_key = $1 AND source = $2",
            &args![site.as_str(), source],
        )
        .await?;
        tx.commit().await
    }

    /// Forgets one workspace that the site has unlinked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_unlinked(&self, site: &ClientKey, workspace: &EntityId) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let args = args![site.as_str(), workspace.as_str()];
        tx.execute("DELETE FROM links WHERE client_key = $1 AND workspace = $2", &args).await?;
        tx.execute("DELETE FROM removals WHERE client_key = $1 AND workspace = $2", &args).await?;
        tx.commit().await
    }

    /// Puts up for delivery what the site may see and was never offered: after the configuration has shown
    /// it a source that was read before. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn want_missing(&self, site: &ClientKey, source: &SourceId) -> Result<u64, StoreError> {
        self.db
            .execute(
                "INSERT INTO deliveries (client_key, kind, jira_id, wanted, state, priority, queued_at, waiting_since, updated_at) \
                 SELECT $1, kind, jira_id, version, 'waiting', 1, $3, $3, $3 FROM entities e \
                 WHERE e.source = $2 AND e.content IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deliveries d \
                   WHERE d.client_key = $1 AND d.kind = e.kind AND d.jira_id = e.jira_id) \
                 ON CONFLICT DO NOTHING",
                &args![site.as_str(), source.as_str(), self.clock.now_ms()],
            )
            .await
    }
}
