//! Links the workspaces that a destination may see with it, so that its admins need not.

use std::sync::atomic::Ordering;

use super::Outbound;
use super::ask::Failures;
use crate::destinations::{Destination, Remedy};
use crate::domain::EntityId;
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::DestinationAccess;

impl Outbound {
    /// Links what is not linked yet, at every destination that can be asked now. Returns whether anything was
    /// done.
    ///
    /// # Errors
    /// The first failure of the database, after all destinations were tried. What a destination refuses is stored
    /// with it.
    pub async fn link_workspaces(&self) -> Result<bool, SyncError> {
        if !self.auto_link.load(Ordering::SeqCst) {
            return Ok(false);
        }
        let (mut worked, mut faults) = (false, Faults::default());
        for id in self.core.store.sites().list_ready().await? {
            if faults.keep(id.as_str(), self.core.store.sites().is_ready(&id).await) != Some(true) {
                continue;
            }
            let snapshot = self.core.directory.current();
            if let Some(access) = snapshot.find(&id).filter(|access| access.enabled) {
                let wanted: Vec<EntityId> = snapshot.workspaces(access).map(|w| w.id.clone()).collect();
                let linked = self.alone(&id, Box::pin(self.link(access, wanted))).await;
                worked |= faults.keep(&access.name, linked).flatten().unwrap_or_default();
            }
        }
        faults.first().map(|()| worked)
    }

    async fn link(&self, access: &DestinationAccess, mut wanted: Vec<EntityId>) -> Result<bool, SyncError> {
        let sites = self.core.store.sites();
        let linked = sites.list_links(&access.id).await?;
        wanted.retain(|workspace| !linked.contains(workspace));
        if wanted.is_empty() {
            return Ok(false);
        }
        let destination = match self.connect(access) {
            Ok(destination) => destination,
            Err(fault) => {
                self.park(access, &fault.to_string()).await?;
                return Ok(false);
            }
        };
        let Some(at_once) = destination.links_per_request() else { return Ok(false) };
        let failures = self.find_failures(access).await?;
        if failures.is_failing() && self.has_work(access, &*destination, failures).await? {
            // A destination that may be down gets one request at a time, and deliveries are first.
            return Ok(false);
        }
        for chunk in wanted.chunks(at_once.max(1)) {
            let began = self.core.clock.now();
            match self.ask(failures, Remedy::Retry { not_before: None }, destination.link(chunk)).await {
                Ok(()) => {
                    sites.record_links(&access.id, chunk).await?;
                    sites.record_contact(&access.id).await?;
                }
                Err(refusal) => {
                    self.record_backoff(access, &refusal, began).await?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether anything can be sent to the destination now.
    async fn has_work(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        failures: Failures,
    ) -> Result<bool, SyncError> {
        let rules = self.rules(access, destination, failures);
        Ok(self.core.store.deliveries().is_due(&access.id, &rules).await?)
    }
}
