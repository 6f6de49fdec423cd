//! A post-incident review as the Operations API takes it.
//!
//! Must refuse a review without incidents, never invent one.

use super::associations::associations;
use super::shapes::{ReviewPayload, SCHEMA_VERSION};
use crate::destinations::{SourceProfile, text};
use crate::domain::{EntityId, PostIncidentReview};

/// Why an entity has no payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrenderable {
    #[error("the review names no incident, and Jira shows a review only with the incidents it covers")]
    ReviewWithoutIncidents,
}

/// The payload of a review; texts fall back as for incidents.
///
/// # Errors
/// [`Unrenderable::ReviewWithoutIncidents`], since Jira requires at least one.
pub fn review(
    review: &PostIncidentReview,
    ctx: &SourceProfile,
    version: i64,
) -> Result<ReviewPayload, Unrenderable> {
    let reviews = text::id_list(&ctx.source, &review.incidents);
    if reviews.is_empty() {
        return Err(Unrenderable::ReviewWithoutIncidents);
    }
    let id = EntityId::new(&ctx.source, &review.provider_id);
    let summary = text::find_line(&review.summary).unwrap_or_else(|| id.to_string());
    let description = text::find_text(&review.description).unwrap_or_else(|| summary.clone());
    let (created_date, last_updated) = text::dates(review.created_at, review.updated_at);
    Ok(ReviewPayload {
        schema_version: SCHEMA_VERSION,
        id,
        update_sequence_number: version,
        reviews,
        summary,
        description,
        url: text::find_url(&review.url).unwrap_or_else(|| text::uri(&ctx.home_url)),
        created_date,
        last_updated,
        status: review.status.as_str(),
        associations: associations(&review.associations),
    })
}
