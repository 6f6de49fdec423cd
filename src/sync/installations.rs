//! A site installs, pauses, and uninstalls.

use super::core::SyncError;
use super::engine::Engine;
use super::registry::SourceRuntime;
use crate::domain::{ClientKey, DestinationId, SourceId};
use crate::store::{EntityAssociation, NewInstallation};

impl Engine {
    /// Stores an installation or reinstallation; everything the site may see is sent (again), because Jira
    /// forgets what it was sent when the app is removed.
    ///
    /// # Errors
    /// When the database fails; Jira then shows the admin that the installation failed.
    pub async fn install(&self, new: &NewInstallation) -> Result<(), SyncError> {
        let visible: Vec<SourceId> =
            self.core.registry.visible_to(&new.site).map(|source| source.id().clone()).collect();
        self.core.store.install(new, &visible).await?;
        self.core.directory.refresh().await?;
        tracing::info!(site = %new.site, sources = visible.len(), "installed");
        self.core.signals.link.notify_one();
        self.core.signals.deliver.notify_one();
        Ok(())
    }

    /// Erases what is kept of a site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn uninstall(&self, client_key: &ClientKey) -> Result<(), SyncError> {
        self.core.store.uninstall(client_key).await?;
        self.core.directory.refresh().await?;
        tracing::info!(%client_key, "uninstalled; the site's secrets and deliveries are erased");
        Ok(())
    }

    /// Queues everything of a source for delivery again, on every site that may see it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_everything_again(&self, source: &SourceRuntime) -> Result<(), SyncError> {
        let snapshot = self.core.directory.current();
        let seeing = snapshot.destinations().filter(|access| access.sees(source.id().as_str()));
        let ids: Vec<_> = seeing.map(|access| access.id.clone()).collect();
        self.core.store.enqueue_again(&ids, source.id()).await?;
        self.core.signals.deliver.notify_one();
        Ok(())
    }

    /// Pauses or resumes sending to a site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_enabled(&self, client_key: &ClientKey, enabled: bool) -> Result<(), SyncError> {
        self.core.store.sites().record_enabled(client_key, enabled).await?;
        if enabled {
            self.outbound.retry_parked(&DestinationId::from(client_key)).await?;
        }
        self.core.directory.refresh().await?;
        tracing::info!(%client_key, enabled, "sending switched");
        self.core.signals.deliver.notify_one();
        Ok(())
    }

    /// A site has made a request that it signed: if it is parked, it is tried again soon.
    pub fn note_call(&self, id: &DestinationId) {
        self.core.directory.callers.note(id, self.core.clock.elapsed());
    }

    /// Keeps an association that people made or removed in Jira, if the site may see the entity.
    /// Returns whether it was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn associate(
        &self,
        id: &DestinationId,
        association: &EntityAssociation,
        present: bool,
    ) -> Result<bool, SyncError> {
        let source = association.entity.source();
        let sees = self.core.directory.current().find(id).is_some_and(|access| access.sees(source));
        if sees {
            self.core
                .store
                .entities()
                .record_associations(id, std::slice::from_ref(association), present)
                .await?;
        }
        Ok(sees)
    }
}
