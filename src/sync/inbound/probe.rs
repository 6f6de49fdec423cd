//! What one page of a tool would become in Jira: for an operator who has just configured a source.
//!
//! Asks only the tool. Must not touch the store or Jira: it works before either exists.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::clock::{Timestamp, before};
use crate::destinations::DestinationType;
use crate::domain::{EntityId, EntityKind, State, UnmappedValue};
use crate::sources::{Memory, PollError, PollRequest, Poller};
use crate::sync::registry::SourceRuntime;

/// What the tool answered.
#[derive(Debug)]
pub struct Probe {
    pub services: usize,
    pub teams: usize,
    pub entities: Vec<ProbedEntity>,
    /// Incidents that the tool reports as deleted.
    pub deleted: usize,
    /// Why entries of the page cannot be mapped, one reason for each.
    pub unmappable: Vec<String>,
    pub unmapped_values: BTreeSet<UnmappedValue>,
    /// Whether a real poll would continue after this page.
    pub has_more: bool,
}

/// One entity of the page.
#[derive(Debug, Serialize)]
pub struct ProbedEntity {
    pub kind: EntityKind,
    pub jira_id: String,
    /// What Jira would receive, or why there is no payload.
    #[serde(flatten)]
    pub outcome: ProbedPayload,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbedPayload {
    Payload(Value),
    Unmappable(String),
}

/// Reads the catalogue and the first page since the beginning of the source's backfill. `memory` is what the source
/// keeps; nothing of it is written.
///
/// # Errors
/// What the tool refused, and what to do about it.
pub async fn probe(
    source: &SourceRuntime,
    poller: &dyn Poller,
    destination: &dyn DestinationType,
    mut memory: Memory,
    now: Timestamp,
) -> Result<Probe, PollError> {
    let catalogue = poller.catalogue(now).await?;
    let backfill_from = before(now, source.config.backfill);
    let request = PollRequest { cursor: None, backfill_from, now, memory: &mut memory };
    let page = poller.poll(request).await?;
    let mut entities = Vec::new();
    for observation in &page.findings.observations {
        let State::Present(entity) = &observation.state else { continue };
        let outcome = match destination.render(&source.profile, entity, observation.sequence) {
            Ok(payload) => ProbedPayload::Payload(payload),
            Err(why) => ProbedPayload::Unmappable(why),
        };
        let jira_id = EntityId::new(source.id(), entity.provider_id()).to_string();
        entities.push(ProbedEntity { kind: entity.kind(), jira_id, outcome });
    }
    Ok(Probe {
        services: catalogue.components.len(),
        teams: catalogue.workspaces.len(),
        deleted: page.findings.observations.len() - entities.len(),
        entities,
        unmappable: page.findings.unmappable.clone(),
        unmapped_values: page.findings.unmapped_values(&source.config),
        has_more: !page.done,
    })
}
