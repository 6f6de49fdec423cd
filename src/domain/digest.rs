//! Tells changed content from content that was merely reported again, so that only changes cost a write.
//!
//! Must be stable between releases: a digest that changes by itself resends everything once.

use chrono::DateTime;
use sha2::{Digest, Sha256};

use crate::domain::{Association, Entity};

/// Hex SHA-256 of an entity's content, the same for lists in any order.
///
/// `updated_at` is left out: tools move it for changes that Jira never shows, such as a note or an escalation
/// step, and each would cost a write. Jira's date is therefore the time at which the displayed content
/// changed.
#[must_use]
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "plain structs of strings, enums and instants always serialize"
)]
pub fn content_digest(entity: &Entity) -> String {
    let mut entity = entity.clone();
    match &mut entity {
        Entity::Component(component) => {
            component.updated_at = DateTime::UNIX_EPOCH;
            normalize(&mut component.workspaces);
        }
        Entity::Incident(incident) => {
            incident.updated_at = DateTime::UNIX_EPOCH;
            normalize(&mut incident.components);
            normalize(&mut incident.workspaces);
            normalize_associations(&mut incident.associations);
        }
        Entity::Review(review) => {
            review.updated_at = DateTime::UNIX_EPOCH;
            normalize(&mut review.incidents);
            normalize(&mut review.workspaces);
            normalize_associations(&mut review.associations);
        }
    }
    let json = serde_json::to_vec(&entity).expect("an entity serializes");
    hex::encode(Sha256::digest(json))
}

/// Hex SHA-256 of an address, the same with and without a slash at its end: an address can be too long for an index.
#[must_use]
pub fn address_digest(url: &str) -> String {
    hex::encode(Sha256::digest(url.trim().trim_end_matches('/').as_bytes()))
}

fn normalize(values: &mut Vec<String>) {
    values.sort_unstable();
    values.dedup();
}

fn normalize_associations(associations: &mut [Association]) {
    for association in &mut *associations {
        normalize(&mut association.values);
    }
    associations
        .sort_unstable_by(|a, b| (&a.association_type, &a.values).cmp(&(&b.association_type, &b.values)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Incident, IncidentStatus, Severity, ToolWords};

    fn incident() -> Incident {
        Incident {
            provider_id: "1".to_owned(),
            summary: "Down".to_owned(),
            description: String::new(),
            url: "https://tool.example/1".to_owned(),
            status: IncidentStatus::Open,
            severity: Severity::P1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            components: vec!["a".to_owned(), "b".to_owned()],
            workspaces: vec![],
            associations: vec![],
            words: ToolWords::default(),
        }
    }

    fn digest(incident: Incident) -> String {
        content_digest(&Entity::Incident(incident))
    }

    #[test]
    fn the_order_of_lists_and_the_update_time_change_nothing() {
        let mut same = incident();
        same.components.reverse();
        same.components.push("a".to_owned());
        same.updated_at = DateTime::from_timestamp(1_000, 0).unwrap();
        assert_eq!(digest(incident()), digest(same));
    }

    #[test]
    fn every_shown_field_changes_the_digest() {
        let changes: [fn(&mut Incident); 7] = [
            |i| i.summary.push('!'),
            |i| i.description.push('!'),
            |i| i.url.push('2'),
            |i| i.status = IncidentStatus::Resolved,
            |i| i.severity = Severity::P2,
            |i| i.components.truncate(1),
            |i| i.associations.push(Association { association_type: "issueIdOrKeys".into(), values: vec![] }),
        ];
        for change in changes {
            let mut other = incident();
            change(&mut other);
            assert_ne!(digest(incident()), digest(other));
        }
    }

    #[test]
    fn the_digest_of_the_same_content_is_the_same_in_every_release() {
        assert_eq!(digest(incident()), "bfcee12c6cf4a21a0e2963dff763a6b7e04bfe9071852ac1dc4888145383dfd3");
    }
}
