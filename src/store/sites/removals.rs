//! What a destination may no longer see: noticed, kept for a while, then removed there and forgotten.

use super::Sites;
use crate::clock::Timestamp;
use crate::domain::{DestinationId, EntityId};
use crate::store::db::{Millis, Tx, args};
use crate::store::error::StoreError;

/// Something that a destination holds but may not see: all of a source, or one workspace of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Removal {
    pub destination: DestinationId,
    pub source: String,
    /// `None` for everything of the source.
    pub workspace: Option<EntityId>,
    #[sqlx(try_from = "Millis")]
    pub noticed_at: Timestamp,
}

impl Sites<'_> {
    /// Records that a destination may not see sources, each as a whole or one workspace of it. What was
    /// noticed before keeps its time.
    pub async fn notice_removals(
        self,
        destination: &DestinationId,
        noticed: &[(String, Option<EntityId>)],
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO removals (destination, source, workspace, noticed_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING"#;
        self.db
            .transact(|mut tx| async move {
                for (source, workspace) in noticed {
                    let workspace = workspace.as_ref().map_or("", EntityId::as_str);
                    tx.execute(sql, &args![destination, source, workspace, self.clock.now()]).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Forgets removals: these may be seen again.
    pub async fn forget_removals(self, removals: &[Removal]) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM removals
            WHERE destination = $1 AND source = $2 AND workspace = $3"#;
        self.db
            .transact(|mut tx| async move {
                for removal in removals {
                    let workspace = removal.workspace.as_ref().map_or("", EntityId::as_str);
                    tx.execute(sql, &args![&removal.destination, &removal.source, workspace]).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Everything noticed, oldest first.
    pub async fn list_removals(self) -> Result<Vec<Removal>, StoreError> {
        let sql = r#"
            SELECT destination, source, NULLIF(workspace, '') AS workspace, noticed_at
            FROM removals
            ORDER BY noticed_at, destination, source, workspace"#;
        self.db.list(sql, &args![]).await
    }

    /// Forgets workspaces that the site has unlinked.
    pub async fn record_unlinked(
        self,
        destination: &DestinationId,
        workspaces: &[EntityId],
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM removals
            WHERE destination = $1 AND workspace = $2"#;
        self.db
            .transact(|mut tx| async move {
                self.remove_links(&mut tx, destination, workspaces).await?;
                for workspace in workspaces {
                    tx.execute(sql, &args![destination, workspace]).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Records that everything of the source was removed from the destination.
    pub(in crate::store) async fn finish_removals(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        source: &str,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM removals
            WHERE destination = $1 AND source = $2"#;
        tx.execute(sql, &args![destination, source]).await?;
        Ok(())
    }
}
