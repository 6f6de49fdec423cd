//! A destination comes, goes, loses a source, or is to be sent everything again.

use crate::domain::{ClientKey, DestinationId, EntityId, SourceId};
use crate::store::Store;
use crate::store::db::{Tx, generations};
use crate::store::error::StoreError;
use crate::store::sites::DestinationRef;
use crate::store::sites::installations::{InstallationState, NewInstallation};
use crate::store::sites::lifecycle_calls::{CallStanding, LifecycleCall};

impl Store {
    /// Stores an installation: a new site, or a new secret and addresses for a known one. The previous secret
    /// stays valid for five minutes. `sources` are those that the site may see; all their entities are to be
    /// sent (again), because Jira forgets what it was sent when the app is removed.
    ///
    /// A new client key for a site that works under another one waits, and receives nothing, until
    /// [`Store::confirm`]. Only the first of equal calls has an effect.
    ///
    /// # Errors
    /// Also when the secret cannot be sealed.
    pub async fn install(
        &self,
        call: &LifecycleCall,
        new: &NewInstallation,
        sources: &[SourceId],
    ) -> Result<CallStanding, StoreError> {
        let destination = &DestinationId::from(&new.client_key);
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                let standing = self.sites().receive_call(&mut tx, call).await?;
                if standing != CallStanding::First {
                    return Ok((tx, standing));
                }
                let state = self.sites().find_first_state(&mut tx, new).await?;
                if state == InstallationState::Unconfirmed {
                    // A client key that was used for another site before.
                    self.erase(&mut tx, &new.client_key, state).await?;
                }
                self.sites().write_installation(&mut tx, new, state).await?;
                self.sites().erase_links(&mut tx, destination).await?;
                if state == InstallationState::Enabled {
                    self.enqueue_sources(&mut tx, destination, sources).await?;
                }
                Ok((tx, standing))
            })
            .await
    }

    /// Puts an installation whose secret Jira has accepted into use, and erases those that its site was
    /// installed under until now. Returns `false`, with nothing written, when it was installed again or removed
    /// since.
    pub async fn confirm(
        &self,
        destination: &DestinationRef,
        sources: &[SourceId],
    ) -> Result<bool, StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                let Some(replaced) = self.sites().confirm(&mut tx, destination).await? else {
                    return Ok((tx, false));
                };
                for older in replaced {
                    self.erase(&mut tx, &older, InstallationState::Replaced).await?;
                }
                self.enqueue_sources(&mut tx, &destination.id, sources).await?;
                Ok((tx, true))
            })
            .await
    }

    async fn enqueue_sources(
        &self,
        tx: &mut Tx,
        destination: &DestinationId,
        sources: &[SourceId],
    ) -> Result<(), StoreError> {
        for source in sources {
            self.deliveries().enqueue_source(tx, destination, source).await?;
        }
        Ok(())
    }

    /// Erases the site's secrets, deliveries, links, associations and history; a row without secrets remains.
    pub async fn uninstall(&self, call: &LifecycleCall) -> Result<CallStanding, StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                let standing = self.sites().receive_call(&mut tx, call).await?;
                if standing == CallStanding::First {
                    self.erase(&mut tx, &call.client_key, InstallationState::Uninstalled).await?;
                }
                Ok((tx, standing))
            })
            .await
    }

    /// Resumes or pauses sending to a site that is installed.
    pub async fn set_enabled(&self, call: &LifecycleCall, enabled: bool) -> Result<CallStanding, StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                let standing = self.sites().receive_call(&mut tx, call).await?;
                if standing == CallStanding::First {
                    self.sites().record_enabled(&mut tx, &call.client_key, enabled).await?;
                }
                Ok((tx, standing))
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
                // Should the destination see it again, everything is to be offered.
                self.entities().forget_setup_with(&mut tx, source).await?;
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
