//! Turns due deliveries into requests, and answers into outcomes. Pure: no clock, no I/O.

use crate::destinations::operations::client::{Verdict, Verdicts};
use crate::destinations::operations::payload::{Batch, EntityPayload};
use crate::domain::{self, EntityId, EntityKind, EntityOutcome};
use crate::store::NextBatch;

use crate::sync::registry::SourceRuntime;

/// One entity on its way, with the version that its payload carries.
#[derive(Debug, Clone)]
pub(in crate::sync) struct Outgoing {
    pub id: EntityId,
    pub version: i64,
    pub payload: EntityPayload,
}

/// What to do with a batch of present entities.
#[derive(Debug, Default)]
pub(in crate::sync) struct Plan {
    pub send: Vec<Outgoing>,
    /// Entities that cannot be sent at all, with the reason.
    pub refused: Vec<EntityOutcome>,
}

/// Maps every delivery of a batch to its payload, which takes the place of the content.
pub(in crate::sync) fn plan(batch: &mut NextBatch, source: &SourceRuntime) -> Plan {
    let mut plan = Plan::default();
    for delivery in &mut batch.entities {
        match map(delivery, source) {
            Ok(outgoing) => plan.send.push(outgoing),
            Err(reason) => plan.refused.push(refusal(delivery, &reason)),
        }
    }
    plan
}

/// Refuses a whole batch for one reason.
pub(in crate::sync) fn refuse_all(batch: &NextBatch, reason: &str) -> Vec<EntityOutcome> {
    batch.entities.iter().map(|delivery| refusal(delivery, reason)).collect()
}

fn refusal(delivery: &domain::Outgoing, reason: &str) -> EntityOutcome {
    let verdict = domain::Verdict::Refused { reason: reason.to_owned(), trace_id: None };
    EntityOutcome { id: delivery.id.clone(), version: delivery.version, verdict }
}

fn map(delivery: &mut domain::Outgoing, source: &SourceRuntime) -> Result<Outgoing, String> {
    let entity = delivery.content.take().ok_or("it was deleted while being read")?;
    let payload = source.payload(&entity, delivery.version).map_err(|fault| fault.to_string())?;
    Ok(Outgoing { id: delivery.id.clone(), version: delivery.version, payload })
}

/// The array of one request.
pub(in crate::sync) fn batch_of(outgoing: &[Outgoing]) -> Option<Batch> {
    Batch::by_kind(outgoing.iter().map(|entity| entity.payload.clone()).collect()).into_iter().next()
}

/// Jira's verdict on every entity of a request.
pub(in crate::sync) fn outcomes(
    outgoing: &[Outgoing],
    kind: EntityKind,
    verdicts: &Verdicts,
) -> Vec<EntityOutcome> {
    let verdict = |entity: &Outgoing| match verdicts.of(&entity.id, kind) {
        Verdict::Accepted => domain::Verdict::Accepted,
        Verdict::Unmentioned => domain::Verdict::Unmentioned,
        Verdict::Refused(refusal) => {
            domain::Verdict::Refused { reason: refusal.message.clone(), trace_id: refusal.trace_id.clone() }
        }
    };
    let outcome = |entity: &Outgoing| EntityOutcome {
        id: entity.id.clone(),
        version: entity.version,
        verdict: verdict(entity),
    };
    outgoing.iter().map(outcome).collect()
}
