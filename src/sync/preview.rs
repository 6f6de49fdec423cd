//! What a sync run would send, without sending or storing anything.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::core::SyncError;
use super::directory::{DestinationAccess, Snapshot};
use super::engine::Engine;
use super::registry::SourceRuntime;
use crate::clock::before;
use crate::config::DestinationConfig;
use crate::domain::{DestinationId, Entity, EntityId, EntityKind, State, Timestamp, content_digest};
use crate::sources::{Cursor, Memory, PollRequest};
use crate::store::{DestinationRef, WaitingEntity};

/// The most entities read from the tool: a preview must be quick.
const PAGES: usize = 20;

/// One entity that would be sent to one site.
#[derive(Debug, Serialize)]
pub struct Preview {
    pub site: String,
    pub kind: EntityKind,
    pub jira_id: String,
    /// Exactly what Jira would receive.
    pub payload: Value,
    /// `new in Jira`, `changes: status, summary`, or why Jira could not be asked.
    pub difference: String,
    /// Whether the destination holds nothing of it yet.
    pub is_new: bool,
    /// What Jira holds and would hold, field by field; empty for what is new.
    pub changes: Vec<FieldChange>,
}

/// A field in which the payload differs from what the destination holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    pub field: String,
    /// `None` when the destination has no such field.
    pub old: Option<Value>,
    pub new: Value,
}

impl Engine {
    /// What waits in the store for each site, and what the tool would add to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview(
        &self,
        source: &SourceRuntime,
        since: Option<Timestamp>,
    ) -> Result<Vec<Preview>, SyncError> {
        let mut entities = self.core.store.deliveries().list_waiting(source.id()).await?;
        for entity in self.read_without_storing(source, since).await? {
            let digest = content_digest(&entity);
            let id = EntityId::new(source.id(), entity.provider_id());
            let known = self.core.store.entities().find_digest(entity.kind(), &id).await?;
            entities.retain(|WaitingEntity { content, .. }| {
                (content.kind(), content.provider_id()) != (entity.kind(), entity.provider_id())
            });
            if known.as_ref().is_none_or(|known| known.digest != digest) {
                let version = known.map_or(0, |known| known.version + 1).max(self.core.clock.now_ms());
                entities.push(WaitingEntity { version, content: entity });
            }
        }
        let mut previews = Vec::new();
        for WaitingEntity { version, content } in &entities {
            self.compare(source, content, *version, &mut previews).await?;
        }
        Ok(previews)
    }

    async fn read_without_storing(
        &self,
        source: &SourceRuntime,
        since: Option<Timestamp>,
    ) -> Result<Vec<Entity>, SyncError> {
        let Some(poller) = source.adapter.poller() else { return Ok(Vec::new()) };
        let state = self.core.store.polls().find(source.id()).await?;
        let from = since
            .or(state.as_ref().map(|state| state.backfill_from))
            .unwrap_or_else(|| before(self.core.clock.now(), source.config.backfill));
        let stored = state.and_then(|state| state.cursor).filter(|_| since.is_none());
        let mut cursor = stored.and_then(|text| serde_json::from_str(&text).ok()).map(Cursor);
        let mut memory = Memory::new(self.core.store.polls().load_memory(source.id(), None).await?);
        let mut entities = Vec::new();
        for _ in 0..PAGES {
            let request = PollRequest {
                cursor: cursor.as_ref(),
                backfill_from: from,
                now: self.core.clock.now(),
                memory: &mut memory,
            };
            let page = match poller.poll(request).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(source = %source.id(), %error, "the tool could not be read");
                    break;
                }
            };
            entities.extend(page.findings.observations.into_iter().filter_map(|observation| {
                match observation.state {
                    State::Present(entity) => Some(*entity),
                    State::Deleted { .. } => None,
                }
            }));
            cursor = Some(page.next);
            if page.done {
                break;
            }
        }
        Ok(entities)
    }

    /// Destinations of the configuration that no run has taken up: nothing was ever sent to them.
    fn list_unknown_destinations(&self, snapshot: &Snapshot) -> Vec<Arc<DestinationAccess>> {
        let declared = self.core.directory.declared.current();
        let unknown =
            declared.iter().filter(|config| snapshot.find(&DestinationId(config.id.clone())).is_none());
        let access = |config: &DestinationConfig| {
            let id = DestinationId(config.id.clone());
            let at = DestinationRef { id, since: self.core.clock.now() };
            Arc::new(DestinationAccess::declared(&at, config, &self.core.registry.current()))
        };
        unknown.map(access).collect()
    }

    async fn compare(
        &self,
        source: &SourceRuntime,
        entity: &Entity,
        version: i64,
        previews: &mut Vec<Preview>,
    ) -> Result<(), SyncError> {
        let id = EntityId::new(source.id(), entity.provider_id());
        let snapshot = self.core.directory.current().await?;
        let unknown = self.list_unknown_destinations(&snapshot);
        let all = snapshot.destinations().chain(&unknown);
        for access in all.filter(|access| access.sees(source.id().as_str())) {
            let types = self.outbound.types();
            let Some(kind) = types.find_kind(&access.type_name) else { continue };
            let Some(started) = types.find(&access.type_name) else { continue };
            let Ok(payload) = started.render(&source.profile, entity, version) else { continue };
            let held = match self.outbound.connect(access) {
                Ok(destination) => {
                    destination.read_back(entity.kind(), &id).await.map_err(|refusal| refusal.to_string())
                }
                Err(fault) => Err(fault.to_string()),
            };
            let is_new = matches!(held, Ok(None));
            let (difference, changes) = match held {
                Ok(Some(held)) => {
                    let changes = list_changes(&payload, &held.body);
                    (name_changes(kind.title, &changes), changes)
                }
                Ok(None) => (format!("new in {}", kind.title), Vec::new()),
                Err(why) => (format!("{} could not be asked: {why}", kind.title), Vec::new()),
            };
            previews.push(Preview {
                site: access.name.clone(),
                kind: entity.kind(),
                jira_id: id.to_string(),
                difference,
                is_new,
                changes,
                payload,
            });
        }
        Ok(())
    }
}

/// The fields in which the payload differs from what is held.
fn list_changes(payload: &Value, held: &serde_json::Map<String, Value>) -> Vec<FieldChange> {
    let fields = payload.as_object().into_iter().flatten();
    let differing =
        fields.filter(|(name, value)| *name != "updateSequenceNumber" && held.get(*name) != Some(*value));
    let change = |(name, new): (&String, &Value)| FieldChange {
        field: name.clone(),
        old: held.get(name).cloned(),
        new: new.clone(),
    };
    differing.map(change).collect()
}

fn name_changes(title: &str, changes: &[FieldChange]) -> String {
    if changes.is_empty() {
        return format!("{title} holds the same");
    }
    let names: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
    format!("changes: {}", names.join(", "))
}
