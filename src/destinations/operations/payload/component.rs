//! A component as the DevOps Components API takes it, and the one that stands in where none is named.
//!
//! Must fill every field that Jira demands, because most tools know neither tiers nor icons.

use super::shapes::{ComponentPayload, SCHEMA_VERSION};
use crate::destinations::{MappingContext, text};
use crate::domain::{Component, EntityId, Timestamp};

/// `provider_id` of the component that incidents without components affect; Jira demands at least one.
pub const FALLBACK_COMPONENT: &str = "unassigned";

/// The payload of a component. Its name falls back to its id, its description to its name: whether Jira
/// takes an empty description is not documented.
#[must_use]
pub fn component(component: &Component, ctx: &MappingContext, version: i64) -> ComponentPayload {
    let id = EntityId::new(&ctx.source, &component.provider_id);
    let name = text::find_line(&component.name).unwrap_or_else(|| id.to_string());
    let description = text::find_text(&component.description).unwrap_or_else(|| name.clone());
    let avatar_url = component.avatar_url.as_deref().and_then(text::find_url);
    ComponentPayload {
        schema_version: SCHEMA_VERSION,
        id,
        update_sequence_number: version,
        name,
        provider_name: ctx.provider_name.as_deref().and_then(text::find_line),
        description,
        url: text::find_url(&component.url).unwrap_or_else(|| text::uri(&ctx.home_url)),
        avatar_url: avatar_url.unwrap_or_else(|| ctx.avatar_url.clone()),
        tier: component.tier.unwrap_or(ctx.tier),
        component_type: component.component_type.unwrap_or(ctx.component_type),
        last_updated: text::timestamp(component.updated_at),
    }
}

/// The source's fallback component, which has to be sent like any other before an incident names it.
#[must_use]
pub fn fallback_component(name: &str, home_url: &str, now: Timestamp) -> Component {
    Component {
        provider_id: FALLBACK_COMPONENT.to_owned(),
        name: name.to_owned(),
        description: "Incidents for which the tool names no service.".to_owned(),
        url: home_url.to_owned(),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: now,
        workspaces: Vec::new(),
    }
}
