//! Collects what the store knows about one incident, review or component. Asks neither the tool nor Jira.

use serde_json::{Value, json};

use super::Operator;
use super::story::{Explanation, Obstacle, Story, StoryDelivery, UnknownId};
use crate::clock::Timestamp;
use crate::config::DestinationConfig;
use crate::destinations::{TYPES, Told};
use crate::domain::{DeliveryState, EntityId, address_digest};
use crate::store::{
    DeliveryRow, InboxState, Installation, InstallationState, Place, ReceiptRow, StoredEntity,
};
use crate::sync::core::SyncError;
use crate::sync::directory::INSTALLED;

impl Operator {
    /// Everything known under `id`: the id in Jira, the tool's own id, or else the tool's number or address of it.
    /// `configured` are the destinations of the configuration.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn explain(
        &self,
        id: &str,
        configured: &[DestinationConfig],
    ) -> Result<Explanation, SyncError> {
        let sites = self.store.sites().list_installations().await?;
        let places = self.store.sites().list_places().await?;
        let mut stories = Vec::new();
        let mut found = self.store.entities().find(id).await?;
        if found.is_empty() {
            found = self.store.entities().find_named(id).await?;
        }
        if found.is_empty() {
            found = self.find_by_address(id).await?;
        }
        for entity in found {
            let mut story = self.collect_story(&sites, &places, entity).await?;
            for standing in &mut story.deliveries {
                standing.made = self.find_made(&places, &standing.delivery, configured).await?;
            }
            stories.push(story);
        }
        let unknown = if stories.is_empty() { Some(self.describe_unknown(id).await?) } else { None };
        Ok(Explanation { stories, unknown, places })
    }

    /// Entities whose id is part of their address, for those that were stored before addresses were.
    async fn find_by_address(&self, address: &str) -> Result<Vec<StoredEntity>, SyncError> {
        let mut found = Vec::new();
        if address.starts_with("https://") || address.starts_with("http://") {
            let wanted = address_digest(address);
            for part in address.split(['/', '?', '=', '&', '#']).filter(|part| part.len() > 1) {
                found.extend(self.store.entities().find(part).await?);
            }
            found.retain(|it| it.content.as_ref().is_some_and(|it| address_digest(it.url()) == wanted));
        }
        Ok(found)
    }

    async fn collect_story(
        &self,
        sites: &[Installation],
        places: &[Place],
        entity: StoredEntity,
    ) -> Result<Story, SyncError> {
        let now = self.clock.now();
        let kind = entity.kind;
        // Before the timeline: the timeline then contains the reason for every state shown, even while the
        // service runs.
        let deliveries = self.store.deliveries().list_of(&entity.id).await?;
        let mut timeline = self.store.timeline().list_of(&entity.id).await?;
        timeline.retain(|entry| entry.kind == kind);
        let mut webhooks: Vec<ReceiptRow> = Vec::new();
        for id in timeline.iter().filter_map(|entry| entry.event.webhook()) {
            if !webhooks.iter().any(|webhook| webhook.id == id) {
                webhooks.extend(self.store.inbox().find_receipt(id).await?);
            }
        }
        let deliveries = deliveries.into_iter().filter(|delivery| delivery.kind == kind).map(|delivery| {
            let obstacle = find_obstacle(sites, &delivery, now)
                .or_else(|| find_obstacle_elsewhere(places, &delivery, now))
                .or_else(|| find_delay(&delivery));
            StoryDelivery { delivery, obstacle, made: None }
        });
        let facts = self.collect_facts(&entity).await?;
        Ok(Story {
            facts,
            deliveries: deliveries.collect(),
            webhooks,
            timeline,
            kind,
            deleted: entity.content.is_none(),
            jira_id: entity.id,
            provider_id: entity.provider_id,
            source: entity.source,
            version: entity.version,
        })
    }

    /// What a destination remembers of what it made for an entity.
    async fn find_made(
        &self,
        places: &[Place],
        delivery: &DeliveryRow,
        configured: &[DestinationConfig],
    ) -> Result<Option<Told>, SyncError> {
        let Some(place) = places.iter().find(|place| place.name == delivery.site) else { return Ok(None) };
        let kind = TYPES.iter().find(|kind| kind.name == place.type_name);
        let Some(remembers) = kind.and_then(|kind| kind.remembers) else { return Ok(None) };
        let Some(name) = (remembers.name)(delivery.kind, &delivery.entity_id) else { return Ok(None) };
        let row = self.store.ledger().find(&place.id, &name).await?;
        let value = row.map_or_else(|| Some(json!({})), |row| serde_json::from_str(&row.record).ok());
        let config = configured.iter().find(|config| config.id == place.id.as_str());
        let options = config.map(|config| config.options.clone()).unwrap_or_default();
        Ok(value.and_then(|value: Value| (remembers.tell)(&options, &value)))
    }

    async fn describe_unknown(&self, id: &str) -> Result<UnknownId, SyncError> {
        let counts = self.store.inbox().count().await?;
        let links = self.store.entities().list_associations_of(&EntityId::from_text(id.to_owned())).await?;
        Ok(UnknownId {
            quarantined: self.search_quarantine(id).await?,
            unread: counts.iter().filter(|row| row.state == InboxState::New).map(|row| row.count).sum(),
            has_links: !links.is_empty(),
        })
    }
}

fn find_obstacle(sites: &[Installation], delivery: &DeliveryRow, now: Timestamp) -> Option<Obstacle> {
    let is_its = |site: &&Installation| {
        site.site == delivery.site
            && matches!(site.state, InstallationState::Enabled | InstallationState::Disabled)
    };
    let site = sites.iter().find(is_its).filter(|_| delivery.state == DeliveryState::Waiting)?;
    let at = site.wait_until;
    match &site.parked {
        _ if site.state == InstallationState::Disabled => Some(Obstacle::Disabled),
        Some(reason) => Some(Obstacle::Parked { reason: reason.clone(), tried_again_at: at }),
        None if at > now => Some(Obstacle::WaitsUntil { at, failures_in_a_row: site.failures }),
        None => None,
    }
}

/// Until when the destination has put this one off.
fn find_delay(delivery: &DeliveryRow) -> Option<Obstacle> {
    let at = delivery.not_before.filter(|_| delivery.state == DeliveryState::Waiting)?;
    Some(Obstacle::Later { at, reason: delivery.reason.clone().unwrap_or_default() })
}

/// The same for destinations of the configuration.
fn find_obstacle_elsewhere(places: &[Place], delivery: &DeliveryRow, now: Timestamp) -> Option<Obstacle> {
    let is_its = |place: &&Place| place.name == delivery.site && place.type_name != INSTALLED;
    let place = places.iter().find(is_its).filter(|_| delivery.state == DeliveryState::Waiting)?;
    let at = place.wait_until(now);
    match &place.parked {
        Some(reason) => Some(Obstacle::Parked { reason: reason.clone(), tried_again_at: at }),
        None if at > now => Some(Obstacle::WaitsUntil { at, failures_in_a_row: place.failures }),
        None => None,
    }
}
