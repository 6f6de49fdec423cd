//! Links the workspaces that a destination may see with it, so that its admins need not.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use super::Outbound;
use super::ask::Failures;
use crate::destinations::{Destination, Remedy};
use crate::domain::{DestinationId, EntityId};
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::{Candidates, DestinationAccess, Snapshot};

/// How far the links of a destination are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Linked {
    /// Links were made, and none is missing.
    Done,
    /// None was missing, or the destination has no links.
    Complete,
    /// It cannot be asked now.
    Later,
}

impl Outbound {
    /// Links what is not linked yet, at every destination that can be asked now. Returns whether anything was
    /// done. Only destinations are looked at of which something has changed.
    ///
    /// # Errors
    /// The first failure of the database, after all destinations were tried. What a destination refuses is stored
    /// with it.
    pub async fn link_workspaces(&self) -> Result<bool, SyncError> {
        if !self.auto_link.load(Ordering::SeqCst) {
            return Ok(false);
        }
        let directory = &self.core.directory;
        // Read if it was not; and taken first, so that the snapshot has all that was noted.
        directory.current().await?;
        let candidates = directory.unlinked.take();
        let snapshot = directory.current().await?;
        let links = match self.list_links(&candidates).await {
            Ok(links) => links,
            Err(fault) => {
                directory.unlinked.note(candidates);
                return Err(fault);
            }
        };
        let (mut worked, mut faults, mut later) = (false, Faults::default(), BTreeSet::new());
        for access in candidates.find_in(&snapshot).into_iter().filter(|access| access.enabled) {
            let linked = links.get(&access.id).map_or(&[][..], Vec::as_slice);
            let linked = self.alone(&access.id, Box::pin(self.link(&snapshot, access, linked))).await;
            match faults.keep(&access.name, linked).flatten() {
                Some(Linked::Done) => worked = true,
                Some(Linked::Complete) => {}
                // Another process works on it, or it failed.
                Some(Linked::Later) | None => drop(later.insert(access.id.clone())),
            }
        }
        directory.unlinked.note(Candidates::These(later));
        faults.first().map(|()| worked)
    }

    async fn list_links(
        &self,
        candidates: &Candidates,
    ) -> Result<HashMap<DestinationId, Vec<EntityId>>, SyncError> {
        let sites = self.core.store.sites();
        Ok(match candidates {
            Candidates::All => sites.list_all_links().await?,
            Candidates::These(these) => sites.list_links_of(these).await?,
        })
    }

    async fn link(
        &self,
        snapshot: &Snapshot,
        access: &DestinationAccess,
        linked: &[EntityId],
    ) -> Result<Linked, SyncError> {
        let sites = self.core.store.sites();
        let mut wanted: Vec<EntityId> = snapshot.workspaces(access).map(|w| w.id.clone()).collect();
        wanted.retain(|workspace| !linked.contains(workspace));
        if wanted.is_empty() {
            return Ok(Linked::Complete);
        }
        if !sites.is_ready(&access.id).await? {
            return Ok(Linked::Later);
        }
        let destination = match self.connect(access) {
            Ok(destination) => destination,
            Err(fault) => {
                self.park(access, &fault.to_string()).await?;
                return Ok(Linked::Later);
            }
        };
        let Some(at_once) = destination.links_per_request() else { return Ok(Linked::Complete) };
        let failures = self.find_failures(access).await?;
        if failures.is_failing() && self.has_work(access, &*destination, failures).await? {
            // A destination that may be down gets one request at a time, and deliveries are first.
            return Ok(Linked::Later);
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
                    return Ok(Linked::Later);
                }
            }
        }
        Ok(Linked::Done)
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
