//! Domain values in Jira's words: ids, payloads and Jira's limits.
//!
//! Pure and total: every value of a tool becomes a payload that Jira's published schema accepts, or is
//! refused here with a reason. Must not know how payloads travel (`jira`) or where values come from.

mod component;
mod context;
mod digest;
mod ids;
mod incident;
mod issue_keys;
mod payload;
mod review;
mod text;

#[cfg(test)]
mod schema_tests;

pub use component::{FALLBACK_COMPONENT, component, fallback_component};
pub use context::MappingContext;
pub use digest::content_digest;
pub use ids::jira_id;
pub use incident::incident;
pub use issue_keys::{associate_issue_keys, find_issue_keys};
pub use payload::{
    AssociationPayload, Batch, BulkRequest, ComponentPayload, EntityPayload, IncidentPayload,
    MAX_ENTITIES_PER_REQUEST, ProviderMetadata, ReviewPayload, SCHEMA_VERSION, SeverityPayload,
    SubmissionProperties,
};
pub use review::review;

use crate::domain::Entity;

/// Why an entity has no payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmappable {
    #[error("the review names no incident, and Jira shows a review only with the incidents it covers")]
    ReviewWithoutIncidents,
}

/// The payload of an entity of any kind. `version` becomes its `updateSequenceNumber`.
pub fn payload(entity: &Entity, ctx: &MappingContext, version: i64) -> Result<EntityPayload, Unmappable> {
    Ok(match entity {
        Entity::Component(value) => EntityPayload::Component(component(value, ctx, version)),
        Entity::Incident(value) => EntityPayload::Incident(incident(value, ctx, version)),
        Entity::Review(value) => EntityPayload::Review(review(value, ctx, version)?),
    })
}
