//! Carries the configuration of sources, where it has changed, to the entities that are stored: moves them to
//! other workspaces, and offers them to destinations that may see them now.
//!
//! In steps, each short: the inbox must not wait, however much is stored.

use std::sync::Arc;

use super::Outbound;
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::DestinationAccess;
use crate::sync::registry::SourceRuntime;

/// Entities that are looked at in one step.
const STEP: usize = 1_000;

impl Outbound {
    /// Does this for every source whose configuration has not had all its effects; again from the first entity
    /// where it was interrupted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_sources(&self) -> Result<(), SyncError> {
        for source in self.list_unsettled().await? {
            let moved = self.core.store.move_workspaces(&source.scope()).await?;
            if moved > 0 {
                tracing::info!(source = %source.id(), entities = moved, "moved to other workspaces");
            }
            self.core.directory.refresh_if_changed().await?;
            self.offer(&source).await?;
            self.core.store.entities().record_setup(source.id(), &source.setup()).await?;
            self.core.signals.deliver.notify_one();
        }
        Ok(())
    }

    /// The sources whose configuration has not had all its effects.
    pub(in crate::sync) async fn list_unsettled(&self) -> Result<Vec<Arc<SourceRuntime>>, SyncError> {
        let settled = self.core.store.entities().list_setups().await?;
        let registry = self.core.registry.current();
        let unsettled = registry.iter().filter(|it| settled.get(it.id().as_str()) != Some(&it.setup()));
        Ok(unsettled.cloned().collect())
    }

    /// Queues what is missing of all sources at every destination.
    ///
    /// # Errors
    /// The first failure of the database, after everything else was tried.
    pub async fn offer_missing(&self) -> Result<(), SyncError> {
        let mut faults = Faults::default();
        for source in self.core.registry.current().iter() {
            faults.keep(source.id().as_str(), self.offer(source).await);
        }
        faults.first()
    }

    /// Queues what is missing of one source at every destination that may see it.
    ///
    /// # Errors
    /// As for [`Outbound::offer_missing`].
    pub async fn offer(&self, source: &SourceRuntime) -> Result<(), SyncError> {
        let snapshot = self.core.directory.current().await?;
        let mut faults = Faults::default();
        let seeing = snapshot.destinations().filter(|access| access.sees(source.id().as_str()));
        let mut seeing: Vec<_> = seeing.collect();
        seeing.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        for access in seeing {
            faults.keep(&access.name, self.offer_to(access, source).await);
        }
        faults.first()
    }

    async fn offer_to(&self, access: &DestinationAccess, source: &SourceRuntime) -> Result<(), SyncError> {
        let (deliveries, mut after, mut offered) = (self.core.store.deliveries(), None, 0);
        while let Some((last, missing)) =
            deliveries.enqueue_missing(&access.id, source.id(), after.as_ref(), STEP).await?
        {
            (after, offered) = (Some(last), offered + missing);
        }
        if offered > 0 {
            tracing::info!(site = %access.name, source = %source.id(), entities = offered, "the site may see these now");
        }
        Ok(())
    }
}
