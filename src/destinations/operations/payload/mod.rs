//! Domain values in Jira's terms: ids, payloads and Jira's limits.
//!
//! Pure and total: every value of a tool becomes a payload that Jira's published schema accepts, or is
//! refused here with a reason. Must not know how payloads are sent (`client`) or where values come from.

mod associations;
mod component;
mod incident;
mod review;
mod shapes;

#[cfg(test)]
mod schema_tests;

pub use component::component;
pub use incident::incident;
pub use review::{Unrenderable, review};
pub use shapes::{Batch, BulkRequest, EntityPayload, MAX_ENTITIES_PER_REQUEST};

use crate::destinations::SourceProfile;
use crate::domain::Entity;

/// The payload of an entity of any kind. `version` becomes its `updateSequenceNumber`.
pub fn payload(entity: &Entity, ctx: &SourceProfile, version: i64) -> Result<EntityPayload, Unrenderable> {
    Ok(match entity {
        Entity::Component(value) => EntityPayload::Component(component(value, ctx, version)),
        Entity::Incident(value) => EntityPayload::Incident(incident(value, ctx, version)),
        Entity::Review(value) => EntityPayload::Review(review(value, ctx, version)?),
    })
}
