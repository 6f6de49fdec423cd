//! Lists incidents with where each stands at each destination.

use std::collections::HashMap;

use serde::Serialize;

use super::Operator;
use crate::clock::Timestamp;
use crate::domain::{DeliveryState, Entity, EntityId, EntityKind};
use crate::store::{IncidentFilter, StoredEntity};
use crate::sync::core::SyncError;

/// Some incidents, the last changed first.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentList {
    pub incidents: Vec<ListedIncident>,
    /// Whether there are more than were asked for.
    pub has_more: bool,
}

/// One incident.
#[derive(Debug, Clone, Serialize)]
pub struct ListedIncident {
    pub jira_id: EntityId,
    pub source: String,
    pub provider_id: String,
    /// What people call it in the tool, if that is not its id.
    pub number: Option<String>,
    pub title: String,
    pub status: &'static str,
    pub severity: &'static str,
    /// Names of the services that it affects.
    pub services: Vec<String>,
    pub url: String,
    pub created_at: Timestamp,
    /// When the tool last said something new of it.
    pub changed_at: Timestamp,
    pub destinations: Vec<Standing>,
}

/// Where it stands at one destination.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    pub site: String,
    pub state: DeliveryState,
    /// Why it was refused, if it was.
    pub reason: Option<String>,
}

impl Operator {
    /// The incidents that `filter` picks, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_incidents(
        &self,
        filter: &IncidentFilter,
        limit: usize,
    ) -> Result<IncidentList, SyncError> {
        let mut found = self.store.entities().list_incidents(filter, limit.saturating_add(1)).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let (mut incidents, mut names) = (Vec::with_capacity(found.len()), HashMap::new());
        for entity in found {
            incidents.extend(self.describe_incident(entity, &mut names).await?);
        }
        Ok(IncidentList { incidents, has_more })
    }

    async fn describe_incident(
        &self,
        entity: StoredEntity,
        names: &mut HashMap<(String, String), String>,
    ) -> Result<Option<ListedIncident>, SyncError> {
        let Some(Entity::Incident(incident)) = entity.content else { return Ok(None) };
        let mut services = Vec::with_capacity(incident.components.len());
        for component in incident.components {
            let key = (entity.source.clone(), component);
            if !names.contains_key(&key) {
                let name = self.name_services(&key.0, std::slice::from_ref(&key.1)).await?.concat();
                names.insert(key.clone(), name);
            }
            services.extend(names.get(&key).cloned());
        }
        let deliveries = self.store.deliveries().list_of(&entity.id).await?;
        let deliveries = deliveries.into_iter().filter(|row| row.kind == EntityKind::Incident);
        let destinations =
            deliveries.map(|row| Standing { site: row.site, state: row.state, reason: row.reason }).collect();
        Ok(Some(ListedIncident {
            jira_id: entity.id,
            source: entity.source,
            provider_id: entity.provider_id,
            number: entity.number,
            title: incident.summary,
            status: incident.status.as_str(),
            severity: incident.severity.as_str(),
            services,
            url: incident.url,
            created_at: incident.created_at,
            changed_at: entity.updated_at,
            destinations,
        }))
    }

    /// Hosts of the sites, and names of the other destinations, that have or had deliveries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_site_names(&self) -> Result<Vec<String>, SyncError> {
        let places = self.store.sites().list_places().await?;
        let mut names: Vec<String> = places.into_iter().map(|place| place.name).collect();
        names.dedup();
        Ok(names)
    }
}
