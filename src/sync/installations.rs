//! A site comes, pauses, and goes.

use crate::domain::{ClientKey, SourceId};
use crate::store::{EntityAssociation, NewInstallation};
use crate::sync::engine::{Engine, SyncError};
use crate::sync::registry::SourceRuntime;

impl Engine {
    /// Stores a (re-)installation; everything the site may see is sent, again if need be, because Jira
    /// forgets what it was sent when the app is removed.
    ///
    /// # Errors
    /// When the database fails; Jira then shows the admin that the installation failed.
    pub async fn install(&self, new: &NewInstallation) -> Result<(), SyncError> {
        let visible: Vec<SourceId> =
            self.registry.visible_to(&new.site).map(|source| source.id().clone()).collect();
        self.store.install(new, &visible).await?;
        self.directory.refresh().await?;
        tracing::info!(site = %new.site, sources = visible.len(), "installed");
        self.signals.link.notify_one();
        self.signals.deliver.notify_one();
        Ok(())
    }

    /// Erases what is kept of a site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn uninstall(&self, client_key: &ClientKey) -> Result<(), SyncError> {
        self.store.uninstall(client_key).await?;
        self.directory.refresh().await?;
        tracing::info!(%client_key, "uninstalled; the site's secrets and deliveries are erased");
        Ok(())
    }

    /// Puts everything of a source up for delivery again, on every site that may see it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_everything_again(&self, source: &SourceRuntime) -> Result<(), SyncError> {
        let snapshot = self.directory.current();
        let sites = snapshot.sites().filter(|site| site.sees(source.id().as_str()));
        let sites: Vec<_> = sites.map(|site| site.destination.id.clone()).collect();
        self.store.enqueue_again(&sites, source.id()).await?;
        self.signals.deliver.notify_one();
        Ok(())
    }

    /// Pauses or resumes sending to a site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_enabled(&self, client_key: &ClientKey, enabled: bool) -> Result<(), SyncError> {
        self.store.sites().record_enabled(client_key, enabled).await?;
        self.directory.refresh().await?;
        tracing::info!(%client_key, enabled, "sending switched");
        self.signals.deliver.notify_one();
        Ok(())
    }

    /// Keeps an association that people made or removed in Jira, if the entity is one that the site may
    /// see. Returns whether it was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn associate(
        &self,
        client_key: &ClientKey,
        association: &EntityAssociation,
        present: bool,
    ) -> Result<bool, SyncError> {
        let source = association.entity.as_str().split(':').next().unwrap_or_default();
        let sees = self.directory.current().find_site(client_key).is_some_and(|site| site.sees(source));
        if sees {
            self.store
                .entities()
                .record_associations(&client_key.into(), std::slice::from_ref(association), present)
                .await?;
        }
        Ok(sees)
    }
}
