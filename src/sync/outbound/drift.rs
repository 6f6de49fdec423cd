//! The nightly comparison of what destinations hold with the store, and with what they may see.

use super::Outbound;
use super::ask::Failures;
use super::waits::REFUSED_RETRY;
use crate::destinations::{Destination, Refusal, Remedy};
use crate::domain::{DestinationId, EntityId};
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::{Candidates, DestinationAccess};

/// Confirmed entities read back per destination and night, those checked longest ago first.
const SHARE: usize = 1_000;

impl Outbound {
    /// Looks for what destinations have lost: links are compared, and a rolling share of the confirmed
    /// entities is marked to be read back; what is missing is sent again.
    ///
    /// # Errors
    /// The first failure of the database, after everything else was tried. What a destination refuses is stored
    /// with it.
    pub async fn check_drift(&self) -> Result<(), SyncError> {
        let mut faults = Faults::default();
        for id in self.core.store.sites().list_ready().await? {
            let snapshot = self.core.directory.current().await?;
            if let Some(access) = snapshot.find(&id).filter(|access| access.enabled) {
                faults.keep(&access.name, self.alone(&id, Box::pin(self.check_one(access))).await);
            }
        }
        faults.keep("what was never sent", self.offer_missing().await);
        faults.keep("what is to be removed", self.remove_due(false).await);
        self.core.signals.link.notify_one();
        self.core.tell_deliveries();
        faults.first()
    }

    async fn check_one(&self, access: &DestinationAccess) -> Result<(), SyncError> {
        let destination = match self.connect(access) {
            Ok(destination) => destination,
            Err(fault) => return self.park(access, &fault.to_string()).await,
        };
        let began = self.core.clock.now();
        if let Err(refusal) = self.compare_links(&access.id, &*destination).await? {
            return self.record_backoff(access, &refusal, began).await;
        }
        let (store, now) = (&self.core.store, self.core.clock.now());
        store.sites().record_contact(&access.id).await?;
        store.deliveries().retry_refused_before(&access.id, now - REFUSED_RETRY).await?;
        let marked = if self.delivery.confirm {
            store.deliveries().recheck_confirmed(&access.id, SHARE).await?
        } else {
            0
        };
        store.sites().record_compared(&access.id).await?;
        tracing::info!(site = %access.name, entities = marked, "comparing the destination with the store");
        Ok(())
    }

    /// A link that the destination no longer shows is forgotten, and made again if links are automatic.
    async fn compare_links(
        &self,
        id: &DestinationId,
        destination: &dyn Destination,
    ) -> Result<Result<(), Refusal>, SyncError> {
        let retry = Remedy::Retry { not_before: None };
        let shown = match self.ask(Failures::NONE, retry, destination.list_links()).await {
            Ok(shown) => shown,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(shown) = shown else { return Ok(Ok(())) };
        let sites = self.core.store.sites();
        let links = sites.list_links(id).await?;
        let lost: Vec<EntityId> = links.into_iter().filter(|link| !shown.contains(link)).collect();
        if !lost.is_empty() {
            sites.forget_links(id, &lost).await?;
            self.core.directory.unlinked.note(Candidates::These([id.clone()].into()));
        }
        Ok(Ok(()))
    }
}
