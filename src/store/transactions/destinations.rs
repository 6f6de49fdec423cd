//! A destination comes, goes, loses a source, or is to be sent everything again.

use crate::domain::{ClientKey, DestinationId, EntityId, SourceId};
use crate::store::Store;
use crate::store::db::{Tx, generations};
use crate::store::error::StoreError;
use crate::store::sites::installations::{InstallationState, NewInstallation};

impl Store {
    /// Stores an installation: a new site, or a new secret and addresses for a known one. The previous secret
    /// stays valid for five minutes. `sources` are those that the site may see; all their entities are to be
    /// sent (again), because Jira forgets what it was sent when the app is removed.
    ///
    /// # Errors
    /// Also when the secret cannot be sealed.
    pub async fn install(&self, new: &NewInstallation, sources: &[SourceId]) -> Result<(), StoreError> {
        let destination = &DestinationId::from(&new.client_key);
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                self.sites().write_installation(&mut tx, new).await?;
                for older in self.sites().list_older_keys(&mut tx, new).await? {
                    self.erase(&mut tx, &older, InstallationState::Replaced).await?;
                }
                self.sites().erase_links(&mut tx, destination).await?;
                for source in sources {
                    self.deliveries().enqueue_source(&mut tx, destination, source).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Erases the site's secrets, deliveries, links, associations and history; a row without secrets remains.
    pub async fn uninstall(&self, client_key: &ClientKey) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                self.erase(&mut tx, client_key, InstallationState::Uninstalled).await?;
                Ok((tx, ()))
            })
            .await
    }

    async fn erase(
        &self,
        tx: &mut Tx,
        client_key: &ClientKey,
        state: InstallationState,
    ) -> Result<(), StoreError> {
        let destination = DestinationId::from(client_key);
        self.deliveries().erase(tx, &destination).await?;
        self.entities().erase_associations(tx, &destination).await?;
        self.timeline().erase(tx, &destination).await?;
        self.sites().erase(tx, client_key, state).await
    }

    /// Forgets what the destination held of the source, with the links to these workspaces. The entities
    /// stay, so that their versions keep growing should the source come back.
    pub async fn record_removed(
        &self,
        destination: &DestinationId,
        source: &str,
        workspaces: &[EntityId],
    ) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                self.deliveries().erase_source(&mut tx, destination, source).await?;
                self.sites().remove_links(&mut tx, destination, workspaces).await?;
                self.sites().finish_removals(&mut tx, destination, source).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// Queues every present entity of `source` for delivery to `destinations` in a new version, so that they
    /// accept it although the tool reported nothing new: the mapping may have changed.
    pub async fn enqueue_again(
        &self,
        destinations: &[DestinationId],
        source: &SourceId,
    ) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                self.entities().raise_versions(&mut tx, source).await?;
                for destination in destinations {
                    self.deliveries().enqueue_source(&mut tx, destination, source).await?;
                }
                Ok((tx, ()))
            })
            .await
    }
}
