//! A component as the DevOps Components API takes it.
//!
//! Must fill every field that Jira requires, because most tools know neither tiers nor icons.

use super::shapes::{ComponentPayload, SCHEMA_VERSION};
use crate::destinations::{SourceProfile, text};
use crate::domain::{Component, EntityId};

/// The payload of a component. Its name falls back to its id, its description to its name: whether Jira
/// accepts an empty description is not documented.
#[must_use]
pub fn component(component: &Component, ctx: &SourceProfile, version: i64) -> ComponentPayload {
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
