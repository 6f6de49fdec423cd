//! An operator erases an incident or a review, or takes a text out of an entity.
//!
//! The row of an erased entity remains without its content: it carries the deletion to the destinations, and
//! `changes` drops whatever a tool says about it later.

use crate::domain::{DestinationId, Entity, EntityId, EntityKind, Needle, Priority};
use crate::store::Store;
use crate::store::db::{Tx, generations};
use crate::store::deliveries::queue::Wanted;
use crate::store::entities::erasure::ERASED;
use crate::store::error::StoreError;
use crate::store::timeline::NewEvent;
use crate::store::timeline::event::TimelineEvent;

impl Store {
    /// Erases the content, history and links of an entity, and queues its deletion at every destination that
    /// may hold it.
    pub async fn erase_entity(&self, kind: EntityKind, id: &EntityId) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                let erased = self.entities().write_erased(&mut tx, kind, id).await?;
                if let Some(erased) = erased {
                    self.entities().erase_associations_of(&mut tx, id).await?;
                    self.timeline().erase_of(&mut tx, kind, id).await?;
                    self.polls().forget_refetch(&mut tx, &erased.source, &erased.provider_id).await?;
                    self.enqueue_version(&mut tx, kind, id, erased.version, ERASED).await?;
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Takes a text out of an entity and queues what is left for every destination that may hold it. Returns
    /// whether an id or an address still contains the text; `None`, with nothing written, when the entity does
    /// not contain it.
    pub async fn redact_entity(
        &self,
        kind: EntityKind,
        id: &EntityId,
        needle: &Needle,
    ) -> Result<Option<bool>, StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::lock_sites(&mut tx).await?;
                let content: Option<Option<Entity>> = self.entities().find_content(&mut tx, kind, id).await?;
                let Some(content) = content.flatten() else { return Ok((tx, None)) };
                let Some(redacted) = needle.redact(&content) else { return Ok((tx, None)) };
                if redacted.entity != content {
                    let version = self.entities().write_redacted(&mut tx, id, &redacted.entity).await?;
                    self.enqueue_version(&mut tx, kind, id, version, "redacted").await?;
                }
                Ok((tx, Some(redacted.remains)))
            })
            .await
    }

    async fn enqueue_version(
        &self,
        tx: &mut Tx,
        kind: EntityKind,
        id: &EntityId,
        version: i64,
        event: &str,
    ) -> Result<(), StoreError> {
        let destinations: Vec<DestinationId> = self.deliveries().list_destinations_of(tx, kind, id).await?;
        let wanted = Wanted { kind, id: id.clone(), version, priority: Priority::Live };
        self.deliveries().enqueue(tx, &destinations, &[wanted]).await?;
        let event = TimelineEvent::Other {
            event: event.to_owned(),
            detail: serde_json::json!({ "by": "operator", "version": version }),
        };
        self.timeline()
            .record(tx, &[NewEvent { kind, entity_id: id.clone(), destination: None, event }])
            .await
    }
}
