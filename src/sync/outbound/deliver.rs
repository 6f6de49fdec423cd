//! Sends each destination what it should hold but does not, one request at a time per destination.

use super::Outbound;
use super::waits::{FILL_STALLED, LONGEST_FILL, SERVING_LEASE};
use crate::destinations::{Batch, Destination, Refusal, Remedy};
use crate::domain::{DestinationId, EntityId, EntityOutcome, Halves, Outgoing, Verdict};
use crate::store::{BatchRules, NextBatch};
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::DestinationAccess;
use crate::sync::registry::SourceRuntime;
use crate::telemetry::Metrics;

/// How serving a destination, or one batch of it, ended.
#[derive(Debug)]
pub(super) enum Served {
    Done,
    /// A request was refused for a reason that concerns the destination.
    Refused(Refusal),
}

impl Outbound {
    /// Serves one destination until nothing is due or it must wait. Returns whether anything was done.
    ///
    /// # Errors
    /// When the database fails. What a destination refuses is no error: it is stored with the destination.
    pub async fn serve(&self, id: &DestinationId) -> Result<bool, SyncError> {
        let snapshot = self.core.directory.current();
        let Some(access) = snapshot.find(id).filter(|access| access.enabled).cloned() else {
            return Ok(false);
        };
        let store = &self.core.store;
        let lease = store.leases().claim(&format!("site/{id}"), &self.core.owner, SERVING_LEASE).await?;
        let Some(lease) = lease else { return Ok(false) };
        let worked = self.serve_alone(&access).await;
        store.leases().release(lease).await?;
        worked
    }

    async fn serve_alone(&self, access: &DestinationAccess) -> Result<bool, SyncError> {
        let destination = match self.connect(access) {
            Ok(destination) => destination,
            Err(fault) => {
                self.park(access, &fault.to_string()).await?;
                return Ok(false);
            }
        };
        let mut worked = false;
        loop {
            if !self.core.store.sites().is_ready(&access.id).await? {
                return Ok(worked);
            }
            let rules = self.rules(access, &*destination);
            let batch = self.core.store.deliveries().find_next_batch(&access.id, &rules).await?;
            let Some(batch) = batch else { break };
            worked = true;
            if let Served::Refused(refusal) = self.deliver(access, &*destination, batch).await? {
                self.record_backoff(access, &refusal).await?;
                return Ok(true);
            }
        }
        if self.delivery.confirm {
            worked |= self.read_back(access, &*destination).await?;
        }
        Ok(worked)
    }

    /// What may be sent to the destination now.
    pub(super) fn rules(&self, access: &DestinationAccess, destination: &dyn Destination) -> BatchRules {
        BatchRules {
            sizes: destination.batch_sizes().at_most(self.delivery.max_batch),
            pace: self.near_limit.pace(&access.id, self.core.clock.now()),
            longest_fill: LONGEST_FILL,
            stalled_after: FILL_STALLED,
        }
    }

    async fn deliver(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        mut batch: NextBatch,
    ) -> Result<Served, SyncError> {
        let unreadable = std::mem::take(&mut batch.unreadable);
        self.record(access, &batch, unreadable).await?;
        if batch.entities.is_empty() {
            return Ok(Served::Done);
        }
        let Some(source) = self.core.registry.find(&batch.source) else {
            let why = format!("the source {:?} is no longer in the configuration", batch.source);
            return self.give_all(access, &batch, &Verdict::refused(why)).await;
        };
        if destination.batch_sizes().of(batch.kind) == 0 {
            return self.give_all(access, &batch, &Verdict::NotTaken).await;
        }
        if batch.deleted {
            return self.delete(access, destination, &batch).await;
        }
        self.send_in_parts(access, destination, source, &batch).await
    }

    /// The same verdict on every entity of a batch, without asking the destination.
    async fn give_all(
        &self,
        access: &DestinationAccess,
        batch: &NextBatch,
        verdict: &Verdict,
    ) -> Result<Served, SyncError> {
        let outcomes = batch.entities.iter().map(|entity| entity.outcome(verdict.clone())).collect();
        self.record(access, batch, outcomes).await?;
        Ok(Served::Done)
    }

    /// Sends a batch; one that is refused as a whole because of its size or one of its entities is sent again
    /// in halves, down to the one entity.
    async fn send_in_parts(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        source: &SourceRuntime,
        batch: &NextBatch,
    ) -> Result<Served, SyncError> {
        let workspace = EntityId::new(source.id(), &batch.workspace);
        let mut faults = Faults::default();
        let mut parts = Halves::of(&batch.entities, batch.entities.len());
        while let Some(entities) = parts.next() {
            let part = Batch { kind: batch.kind, source: &source.profile, workspace: &workspace, entities };
            match self.send(access, destination, part).await {
                Ok(outcomes) => {
                    faults.keep(&access.name, self.record(access, batch, outcomes).await);
                }
                Err(refusal) => match refusal.remedy {
                    Remedy::Split if entities.len() > 1 => {
                        parts.split(entities);
                    }
                    Remedy::Split | Remedy::GiveUp if entities.len() == 1 => {
                        let recorded = self.record(access, batch, refused(entities, &refusal)).await;
                        faults.keep(&access.name, recorded);
                    }
                    _ => return Ok(Served::Refused(refusal)),
                },
            }
        }
        faults.first().map(|()| Served::Done)
    }

    async fn send(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        batch: Batch<'_>,
    ) -> Result<Vec<EntityOutcome>, Refusal> {
        let (clock, metrics) = (&self.core.clock, &self.core.metrics);
        let started = clock.now();
        let sent = destination.send(batch).await;
        metrics.jira_seconds.observe((clock.now() - started).as_seconds_f64().max(0.0));
        let result = sent.as_ref().map_or_else(|refusal| refusal.label, |_| "accepted");
        Metrics::count_site(&metrics.jira_requests, &access.name, result, 1);
        let sent = sent?;
        let near = sent.near_limit || destination.is_near_limit();
        self.near_limit.note(&access.id, near, clock.now());
        Ok(sent.outcomes)
    }

    async fn delete(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        batch: &NextBatch,
    ) -> Result<Served, SyncError> {
        let mut faults = Faults::default();
        for entity in &batch.entities {
            match destination.delete(batch.kind, &entity.id).await {
                Ok(verdict) => {
                    let recorded = self.record(access, batch, vec![entity.outcome(verdict)]).await;
                    faults.keep(&access.name, recorded);
                }
                Err(refusal) => return Ok(Served::Refused(refusal)),
            }
        }
        faults.first().map(|()| Served::Done)
    }
}

fn refused(entities: &[Outgoing], refusal: &Refusal) -> Vec<EntityOutcome> {
    let verdict = Verdict::Refused { reason: refusal.message.clone(), trace_id: refusal.trace_id.clone() };
    entities.iter().map(|entity| entity.outcome(verdict.clone())).collect()
}
