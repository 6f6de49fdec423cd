//! What a destination may ask for beyond one verdict for each entity: names for what it writes, and an end before that of
//! the batch.

use std::collections::{BTreeMap, BTreeSet};

use super::Outbound;
use crate::destinations::{Destination, Refusal, Remedy};
use crate::domain::{Entity, EntityId, Outgoing, SourceId, Timestamp};
use crate::sync::SyncError;
use crate::sync::directory::DestinationAccess;

impl Outbound {
    /// Names of the components that these incidents name, by the tool's id. Those of which only the id is known are left
    /// out.
    pub(super) async fn name_components(
        &self,
        destination: &dyn Destination,
        source: &SourceId,
        entities: &[Outgoing],
    ) -> Result<BTreeMap<String, String>, SyncError> {
        if !destination.wants_component_names() {
            return Ok(BTreeMap::new());
        }
        let named = entities.iter().filter_map(|entity| match &entity.content {
            Some(Entity::Incident(incident)) => Some(&incident.components),
            _ => None,
        });
        let ids: BTreeSet<EntityId> = named.flatten().map(|id| EntityId::new(source, id)).collect();
        let known = self.core.store.entities().list_containers_among(&ids).await?;
        Ok(known.into_iter().map(|it| (it.component.provider_id, it.component.name)).collect())
    }

    /// A destination stopped by itself: a pause that keeps its own pace is no failure, and not worth a warning.
    pub(super) async fn record_stop(
        &self,
        access: &DestinationAccess,
        refusal: &Refusal,
        began: Timestamp,
    ) -> Result<(), SyncError> {
        let Remedy::WaitUntil { until, .. } = refusal.remedy else {
            return self.record_backoff(access, refusal, began).await;
        };
        if refusal.was_sent {
            return self.record_backoff(access, refusal, began).await;
        }
        Ok(self.core.store.sites().pause(&access.at(), until).await?)
    }
}
