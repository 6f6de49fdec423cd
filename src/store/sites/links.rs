//! Which workspaces each site has linked.

use std::collections::{BTreeSet, HashMap};

use super::Sites;
use crate::domain::{DestinationId, EntityId};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

impl Sites<'_> {
    /// Stores the links that the site accepted.
    pub async fn record_links(
        self,
        destination: &DestinationId,
        workspaces: &[EntityId],
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO links (destination, workspace, linked_at)
            VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING"#;
        self.db
            .transact(|mut tx| async move {
                for workspace in workspaces {
                    tx.execute(sql, &args![destination, workspace, self.clock.now()]).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Ids of the workspaces linked to the site.
    pub async fn list_links(self, destination: &DestinationId) -> Result<Vec<EntityId>, StoreError> {
        let sql = r#"
            SELECT workspace
            FROM links
            WHERE destination = $1
            ORDER BY workspace"#;
        self.db.list_values(sql, &args![destination]).await
    }

    /// The linked workspaces of all destinations.
    pub async fn list_all_links(self) -> Result<HashMap<DestinationId, Vec<EntityId>>, StoreError> {
        let sql = r#"
            SELECT destination, workspace
            FROM links"#;
        Ok(by_destination(self.db.list(sql, &args![]).await?))
    }

    /// The linked workspaces of these destinations.
    pub async fn list_links_of(
        self,
        destinations: &BTreeSet<DestinationId>,
    ) -> Result<HashMap<DestinationId, Vec<EntityId>>, StoreError> {
        let sql = r#"
            SELECT destination, workspace
            FROM links
            WHERE destination IN (VALUES {rows})"#;
        let ids: Vec<_> = destinations.iter().map(|id| args![id]).collect();
        Ok(by_destination(self.db.list_all(sql, &ids).await?))
    }

    /// Deletes links that the site no longer shows.
    pub async fn forget_links(
        self,
        destination: &DestinationId,
        workspaces: &[EntityId],
    ) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                self.remove_links(&mut tx, destination, workspaces).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// The same as part of a transaction.
    pub(in crate::store) async fn remove_links(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        workspaces: &[EntityId],
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM links
            WHERE destination = $1 AND workspace = $2"#;
        for workspace in workspaces {
            tx.execute(sql, &args![destination, workspace]).await?;
        }
        Ok(())
    }

    /// Forgets all links of a site.
    pub(in crate::store) async fn erase_links(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM links
            WHERE destination = $1"#;
        tx.execute(sql, &args![destination]).await?;
        Ok(())
    }
}

fn by_destination(links: Vec<(DestinationId, EntityId)>) -> HashMap<DestinationId, Vec<EntityId>> {
    let mut found: HashMap<DestinationId, Vec<EntityId>> = HashMap::new();
    for (destination, workspace) in links {
        found.entry(destination).or_default().push(workspace);
    }
    found
}
