//! Sends a destination one batch of what it should hold but does not.

use super::Outbound;
use super::ask::Failures;
use super::serve::Served;
use crate::destinations::{Batch, Destination, Refusal, Remedy, Sent};
use crate::domain::{EntityId, EntityOutcome, Halves, Outgoing, Verdict};
use crate::store::NextBatch;
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::DestinationAccess;

impl Outbound {
    pub(super) async fn deliver(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        mut batch: NextBatch,
        failures: Failures,
    ) -> Result<Served, SyncError> {
        let unreadable = std::mem::take(&mut batch.unreadable);
        self.record(access, &batch, unreadable).await?;
        if batch.entities.is_empty() {
            return Ok(Served::Done);
        }
        let Some(source) = self.core.registry.current().find(&batch.source) else {
            let why = format!("the source {:?} is no longer in the configuration", batch.source);
            return self.give_all(access, &batch, &Verdict::refused(why)).await;
        };
        if destination.batch_sizes().of(batch.kind) == 0 {
            return self.give_all(access, &batch, &Verdict::NotTaken).await;
        }
        if batch.deleted {
            return self.delete(access, destination, &batch, failures).await;
        }
        let workspace = EntityId::new(source.id(), &batch.workspace);
        let hold = self.find_hold(access, destination).await?;
        let component_names = self.name_components(destination, source.id(), &batch.entities).await?;
        let whole = Batch {
            component_names: &component_names,
            hold: hold.as_deref(),
            kind: batch.kind,
            source: &source.profile,
            workspace: &workspace,
            entities: &batch.entities,
        };
        self.send_in_parts(access, destination, &batch, whole, failures).await
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

    /// Sends a batch; one that is refused as a whole because of its size or one of its entities, or on which
    /// the program panics, is sent again in halves, down to the one entity.
    async fn send_in_parts(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        batch: &NextBatch,
        whole: Batch<'_>,
        failures: Failures,
    ) -> Result<Served, SyncError> {
        let mut faults = Faults::default();
        let mut parts = Halves::of(whole.entities, whole.entities.len());
        while let Some(entities) = parts.next() {
            let sent = self.send(access, destination, Batch { entities, ..whole }, failures).await;
            let Sent { outcomes, stopped, .. } = match sent {
                Ok(sent) => sent,
                Err(refusal) if !concerns_entities(&refusal) => return Ok(Served::Refused(refusal)),
                Err(refusal) if entities.len() <= 1 => {
                    Sent { outcomes: refused(entities, &refusal), ..Sent::default() }
                }
                Err(_) => {
                    parts.split(entities);
                    continue;
                }
            };
            faults.keep(&access.name, self.record(access, batch, outcomes).await);
            if let Some(refusal) = stopped {
                return faults.first().map(|()| Served::Stopped(refusal));
            }
        }
        faults.first().map(|()| Served::Done)
    }

    async fn send(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        batch: Batch<'_>,
        failures: Failures,
    ) -> Result<Sent, Refusal> {
        let sent = self.ask(failures, Remedy::GiveUp, destination.send(batch)).await?;
        let near = sent.near_limit || destination.near_limit_until().is_some();
        self.near_limit.note(&access.id, near, self.core.clock.now());
        Ok(sent)
    }

    async fn delete(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        batch: &NextBatch,
        mut failures: Failures,
    ) -> Result<Served, SyncError> {
        let mut faults = Faults::default();
        for entity in &batch.entities {
            let deletion = destination.delete(batch.kind, &entity.id);
            let outcomes = match self.ask(failures, Remedy::GiveUp, deletion).await {
                Ok(verdict) => vec![entity.outcome(verdict)],
                Err(refusal) if concerns_entities(&refusal) => {
                    refused(std::slice::from_ref(entity), &refusal)
                }
                Err(refusal) => return Ok(Served::Refused(refusal)),
            };
            faults.keep(&access.name, self.record(access, batch, outcomes).await);
            failures = Failures::NONE;
        }
        faults.first().map(|()| Served::Done)
    }
}

/// Whether the entities are at fault, and not the destination.
fn concerns_entities(refusal: &Refusal) -> bool {
    matches!(refusal.remedy, Remedy::Split | Remedy::GiveUp)
}

fn refused(entities: &[Outgoing], refusal: &Refusal) -> Vec<EntityOutcome> {
    let verdict = Verdict::Refused { reason: refusal.message.clone(), trace_id: refusal.trace_id.clone() };
    entities.iter().map(|entity| entity.outcome(verdict.clone())).collect()
}
