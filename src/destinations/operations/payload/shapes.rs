//! The bodies that Jira's Operations API (`POST /rest/operations/1.0/bulk`) and DevOps Components API
//! (`POST /rest/devopscomponents/1.0/bulk`) take, field by field as their published schema names them.
//!
//! Shapes only. Both schemas refuse unknown properties, so nothing may be added.

use serde::Serialize;

use crate::domain::{ComponentType, EntityId, EntityKind, SourceId, Tier};

/// The only version of the entity schemas.
pub const SCHEMA_VERSION: &str = "1.0";

/// Most entities that one bulk request may carry.
pub const MAX_ENTITIES_PER_REQUEST: usize = 1000;

const PRODUCT: &str = concat!("Incident Bridge ", env!("CARGO_PKG_VERSION"));

/// `Incident` of the Operations API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentPayload {
    pub schema_version: &'static str,
    pub id: EntityId,
    pub update_sequence_number: i64,
    /// 1 to 100.
    pub affected_components: Vec<EntityId>,
    pub summary: String,
    pub description: String,
    pub url: String,
    pub created_date: String,
    pub last_updated: String,
    pub severity: SeverityPayload,
    /// `open`, `resolved` or `unknown`.
    pub status: &'static str,
    /// At most 100; Jira refuses an empty array, so an empty list is left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<AssociationPayload>,
}

/// `IncidentSeverity`: `P1` to `P5`, or `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeverityPayload {
    pub level: &'static str,
}

/// `Association` of an incident or review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociationPayload {
    pub association_type: String,
    pub values: Vec<String>,
}

/// `PostIncidentReview` of the Operations API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewPayload {
    pub schema_version: &'static str,
    pub id: EntityId,
    pub update_sequence_number: i64,
    /// Ids of 1 to 100 incidents.
    pub reviews: Vec<EntityId>,
    pub summary: String,
    pub description: String,
    pub url: String,
    pub created_date: String,
    pub last_updated: String,
    /// `in progress`, `outstanding actions`, `completed` or `unknown`.
    pub status: &'static str,
    /// As for incidents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<AssociationPayload>,
}

/// `DevopsComponent` of the DevOps Components API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentPayload {
    pub schema_version: &'static str,
    pub id: EntityId,
    pub update_sequence_number: i64,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_name: Option<String>,
    pub description: String,
    pub url: String,
    pub avatar_url: String,
    pub tier: Tier,
    pub component_type: ComponentType,
    pub last_updated: String,
}

/// The payload of an entity of any kind; written as the payload itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EntityPayload {
    Component(ComponentPayload),
    Incident(IncidentPayload),
    Review(ReviewPayload),
}

/// Payloads of one kind under the name of their array. Incidents and reviews never share a request,
/// because the answer has no fields of its own for reviews.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Batch {
    DevopsComponents(Vec<ComponentPayload>),
    Incidents(Vec<IncidentPayload>),
    Reviews(Vec<ReviewPayload>),
}

impl Batch {
    /// Sorts payloads into one batch per kind, in the order in which Jira should receive them; kinds
    /// without payloads are left out. Does not split: that is the caller's decision.
    #[must_use]
    pub fn by_kind(payloads: Vec<EntityPayload>) -> Vec<Self> {
        let (mut components, mut incidents, mut reviews) = (Vec::new(), Vec::new(), Vec::new());
        for payload in payloads {
            match payload {
                EntityPayload::Component(payload) => components.push(payload),
                EntityPayload::Incident(payload) => incidents.push(payload),
                EntityPayload::Review(payload) => reviews.push(payload),
            }
        }
        let batches =
            [Self::DevopsComponents(components), Self::Incidents(incidents), Self::Reviews(reviews)];
        batches.into_iter().filter(|batch| !batch.is_empty()).collect()
    }

    #[must_use]
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::DevopsComponents(_) => EntityKind::Component,
            Self::Incidents(_) => EntityKind::Incident,
            Self::Reviews(_) => EntityKind::Review,
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::DevopsComponents(payloads) => payloads.len(),
            Self::Incidents(payloads) => payloads.len(),
            Self::Reviews(payloads) => payloads.len(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Labels stored with every entity of a submission, the only way to delete in bulk. Values are at
/// most 255 characters, which both ids are by construction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubmissionProperties {
    pub source: SourceId,
    pub workspace: EntityId,
}

/// The sender; Jira does not treat it as private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderMetadata {
    pub product: &'static str,
}

/// The body of either bulk request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkRequest {
    pub properties: SubmissionProperties,
    pub provider_metadata: ProviderMetadata,
    #[serde(flatten)]
    pub batch: Batch,
}

impl BulkRequest {
    #[must_use]
    pub fn new(source: SourceId, workspace: EntityId, batch: Batch) -> Self {
        Self {
            properties: SubmissionProperties { source, workspace },
            provider_metadata: ProviderMetadata { product: PRODUCT },
            batch,
        }
    }
}
