//! The small parts that every source's findings are made of.
//!
//! Pure, and must not know any tool.

use serde_json::Value;

use super::value::Fields;
use super::{Findings, Memory, Unmappable};
use crate::domain::{Component, EntityKind, Observation, Timestamp};

/// The id there, without which `what` cannot be stored.
pub(super) fn get_id(data: &Value, pointer: &str, what: &str) -> Result<String, Unmappable> {
    data.find_id(pointer).ok_or_else(|| Unmappable::Incomplete(format!("the {what} has no id")))
}

/// A component of which only this much is known.
pub(super) fn component(id: &str, name: &str, url: &str, at: Timestamp) -> Component {
    Component {
        provider_id: id.to_owned(),
        name: name.to_owned(),
        description: String::new(),
        url: url.to_owned(),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: at,
        workspaces: Vec::new(),
    }
}

/// `lead`, and below it a list of those facts that are known.
pub(super) fn describe(lead: &str, facts: &[(&str, Option<&str>)]) -> String {
    let known = facts.iter().filter_map(|(label, value)| Some((label, value.filter(|v| !v.is_empty())?)));
    let lines = known.map(|(label, value)| format!("- {label}: {value}")).collect::<Vec<_>>();
    [lead.to_owned(), lines.join("\n")]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Everything that the parts say, each component and workspace once.
pub(super) fn merge(parts: impl IntoIterator<Item = Findings>) -> Findings {
    let mut all = Findings::default();
    for part in parts {
        all.observations.extend(part.observations);
        all.mentioned.extend(part.mentioned);
        all.workspaces.extend(part.workspaces);
        all.refetch.extend(part.refetch);
        all.refresh_catalogue |= part.refresh_catalogue;
    }
    all.mentioned.sort_by(|a, b| a.provider_id.cmp(&b.provider_id));
    all.mentioned.dedup_by(|a, b| a.provider_id == b.provider_id);
    all.workspaces.sort_by(|a, b| a.provider_id.cmp(&b.provider_id));
    all.workspaces.dedup_by(|a, b| a.provider_id == b.provider_id);
    all
}

/// The key of [`Memory`] for an incident that the operator keeps out of Jira, so that what belongs to it,
/// such as its review, stays out as well.
pub(super) fn hidden_key(incident: &str) -> String {
    format!("hidden/{incident}")
}

/// Takes an incident out of Jira at the first sight of it as hidden: it may have been shown before.
pub(super) fn hide(memory: &mut Memory, incident: &str, at: Timestamp) -> Findings {
    let key = hidden_key(incident);
    if memory.get(&key).is_some() {
        return Findings::ignored("the incident is kept out of Jira");
    }
    memory.set(key, "");
    let gone = Observation::deleted(EntityKind::Incident, incident.to_owned(), at);
    Findings { observations: vec![gone], ..Findings::default() }
}
