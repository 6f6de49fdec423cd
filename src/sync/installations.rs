//! A site installs, pauses, and uninstalls, and what it says and asks of single incidents.

use super::core::SyncError;
use super::engine::Engine;
use super::registry::SourceRuntime;
use crate::domain::{DestinationId, Entity, EntityId, SourceId};
use crate::store::{CallStanding, EntityAssociation, LifecycleCall, NewInstallation};

impl Engine {
    /// Stores an installation or reinstallation; everything the site may see is sent (again), because Jira
    /// forgets what it was sent when the app is removed. Only the first of equal calls has an effect.
    ///
    /// # Errors
    /// When the database fails; Jira then shows the admin that the installation failed.
    pub async fn install(
        &self,
        call: &LifecycleCall,
        new: &NewInstallation,
    ) -> Result<CallStanding, SyncError> {
        let core = &self.core;
        let visible: Vec<SourceId> =
            core.registry.current().visible_to(&new.site).map(|source| source.id().clone()).collect();
        let standing = core.store.install(call, new, &visible).await?;
        if standing != CallStanding::First {
            return Ok(standing);
        }
        core.directory.refresh_if_changed().await?;
        let snapshot = core.directory.current().await?;
        if snapshot.find(&DestinationId::from(&new.client_key)).is_some_and(|it| it.confirmed) {
            tracing::info!(site = %new.site, sources = visible.len(), "installed");
        } else {
            tracing::warn!(site = %new.site, client_key = %new.client_key, "installed under another client key; the earlier one stays in use until Jira accepts the new secret");
        }
        core.signals.link.notify_one();
        core.tell_deliveries();
        Ok(standing)
    }

    /// Erases what is kept of a site, also from the database's files.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn uninstall(&self, call: &LifecycleCall) -> Result<CallStanding, SyncError> {
        let standing = self.core.store.uninstall(call).await?;
        if standing == CallStanding::First {
            self.core.directory.refresh_if_changed().await?;
            self.core.scrub().await;
            let client_key = &call.client_key;
            tracing::info!(%client_key, "uninstalled; the site's secrets and deliveries are erased");
        }
        Ok(standing)
    }

    /// Queues everything of a source for delivery again, on every site that may see it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_everything_again(&self, source: &SourceRuntime) -> Result<(), SyncError> {
        let snapshot = self.core.directory.current().await?;
        let seeing = snapshot.destinations().filter(|access| access.sees(source.id().as_str()));
        let ids: Vec<_> = seeing.map(|access| access.id.clone()).collect();
        self.core.store.enqueue_again(&ids, source.id()).await?;
        self.core.tell_deliveries();
        Ok(())
    }

    /// Pauses or resumes sending to a site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_enabled(&self, call: &LifecycleCall, enabled: bool) -> Result<CallStanding, SyncError> {
        let standing = self.core.store.set_enabled(call, enabled).await?;
        if standing == CallStanding::First {
            if enabled {
                self.outbound.retry_parked(&DestinationId::from(&call.client_key)).await?;
            }
            self.core.directory.refresh_if_changed().await?;
            tracing::info!(client_key = %call.client_key, enabled, "sending switched");
            self.core.tell_deliveries();
        }
        Ok(standing)
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
        let sees = self.core.directory.current().await?.find(id).is_some_and(|access| access.sees(source));
        if sees {
            self.core
                .store
                .entities()
                .record_associations(id, std::slice::from_ref(association), present)
                .await?;
        }
        Ok(sees)
    }

    /// Where an incident is opened in its tool, if the site may see it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_incident_page(
        &self,
        site: &DestinationId,
        incident: &EntityId,
    ) -> Result<Option<String>, SyncError> {
        if !self
            .core
            .directory
            .current()
            .await?
            .find(site)
            .is_some_and(|access| access.sees(incident.source()))
        {
            return Ok(None);
        }
        let found = self.core.store.entities().find(incident.as_str()).await?;
        let found = found.into_iter().filter(|entity| entity.id == *incident);
        Ok(found.filter_map(|entity| entity.content).find_map(|content| match content {
            Entity::Incident(incident) => Some(incident.url),
            Entity::Component(_) | Entity::Review(_) => None,
        }))
    }
}
