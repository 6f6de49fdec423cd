//! An incident as the Operations API takes it. Must never fail: every incident of a tool can be shown.

use super::associations::associations;
use super::shapes::{IncidentPayload, SCHEMA_VERSION, SeverityPayload};
use crate::destinations::{SourceProfile, text};
use crate::domain::{EntityId, FALLBACK_COMPONENT, Incident};

/// The payload of an incident. Without components it affects the source's fallback component; without a
/// title it is called by its id, without a description by its title.
#[must_use]
pub fn incident(incident: &Incident, ctx: &SourceProfile, version: i64) -> IncidentPayload {
    let id = EntityId::new(&ctx.source, &incident.provider_id);
    let summary = text::find_line(&incident.summary).unwrap_or_else(|| id.to_string());
    let description = text::find_text(&incident.description).unwrap_or_else(|| summary.clone());
    let (created_date, last_updated) = text::dates(incident.created_at, incident.updated_at);
    let mut affected_components = text::id_list(&ctx.source, &incident.components);
    if affected_components.is_empty() {
        affected_components.push(EntityId::new(&ctx.source, FALLBACK_COMPONENT));
    }
    IncidentPayload {
        schema_version: SCHEMA_VERSION,
        id,
        update_sequence_number: version,
        affected_components,
        summary,
        description,
        url: text::find_url(&incident.url).unwrap_or_else(|| text::uri(&ctx.home_url)),
        created_date,
        last_updated,
        severity: SeverityPayload { level: incident.severity.as_str() },
        status: incident.status.as_str(),
        associations: associations(&incident.associations),
    }
}
