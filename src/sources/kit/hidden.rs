//! Incidents that the operator keeps out of Jira, and what belongs to them.
//!
//! Pure: which incidents are hidden is kept in the source's [`Memory`]. Must not know any tool.

use crate::domain::{Entity, EntityKind, Observation, PostIncidentReview, Timestamp};
use crate::sources::{Findings, Memory};

/// The key of [`Memory`] for a hidden incident, so that what belongs to it, such as its review, stays out too.
pub(in crate::sources) fn hidden_key(incident: &str) -> String {
    format!("hidden/{incident}")
}

/// Decides whether an incident stays out of Jira: the findings to return if `is_hidden`, else `None`, and the
/// incident is no longer remembered as hidden.
pub(in crate::sources) fn hide_if(
    is_hidden: bool,
    memory: &mut Memory,
    incident: &str,
    at: Timestamp,
) -> Option<Findings> {
    if is_hidden {
        return Some(hide(memory, incident, at));
    }
    memory.forget(&hidden_key(incident));
    None
}

/// Takes an incident out of Jira when it is first seen as hidden: it may have been shown before.
pub(in crate::sources) fn hide(memory: &mut Memory, incident: &str, at: Timestamp) -> Findings {
    let key = hidden_key(incident);
    if memory.get(&key).is_some() {
        return Findings::ignored("the incident is kept out of Jira");
    }
    memory.set(key, "");
    Findings::gone(incident, at)
}

/// A review as of its own time. It leaves Jira with its incident, because that may have been hidden after both
/// were shown.
pub(in crate::sources) fn review(review: PostIncidentReview, memory: &Memory) -> Observation {
    let at = review.updated_at;
    if review.incidents.iter().any(|incident| memory.get(&hidden_key(incident)).is_some()) {
        return Observation::deleted(EntityKind::Review, review.provider_id, at);
    }
    Observation::present(Entity::Review(review), at)
}
