//! Associations in the form of the Operations API.

use super::shapes::AssociationPayload;
use crate::destinations::text::MAX_LIST;
use crate::domain::Association;

/// The values of `associationType` in the Operations API.
const ASSOCIATION_TYPES: [&str; 3] = ["issueIdOrKeys", "serviceIdOrKeys", "ati:cloud:compass:event-source"];

/// At most 100 associations of the types that Jira knows, without empty ones.
pub fn associations(associations: &[Association]) -> Vec<AssociationPayload> {
    associations
        .iter()
        .filter(|association| ASSOCIATION_TYPES.contains(&association.association_type.as_str()))
        .map(|association| AssociationPayload {
            association_type: association.association_type.clone(),
            values: association.values.iter().filter(|value| !value.trim().is_empty()).cloned().collect(),
        })
        .filter(|association| !association.values.is_empty())
        .take(MAX_LIST)
        .collect()
}
