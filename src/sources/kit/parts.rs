//! The small parts that every source's findings are made of.
//!
//! Pure, and must not know any tool.

use serde_json::Value;

use super::value::Fields;
use super::{Findings, Memory, Unmappable};
use crate::domain::{
    Component, Entity, EntityKind, Incident, Observation, PostIncidentReview, State, Timestamp, Workspace,
};

impl Findings {
    /// That the tool has this incident no more.
    pub(super) fn gone(incident: &str, at: Timestamp) -> Self {
        let gone = Observation::deleted(EntityKind::Incident, incident.to_owned(), at);
        Self { observations: vec![gone], ..Self::default() }
    }

    pub(super) fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.observations.iter().filter_map(|observation| match &observation.state {
            State::Present(entity) => match &**entity {
                Entity::Incident(incident) => Some(incident),
                _ => None,
            },
            State::Deleted { .. } => None,
        })
    }

    /// Adds what another payload told; components and workspaces are kept once each.
    pub(super) fn absorb(&mut self, more: Self) {
        self.observations.extend(more.observations);
        self.refetch.extend(more.refetch);
        self.unmappable.extend(more.unmappable);
        self.refresh_catalogue |= more.refresh_catalogue;
        for component in more.mentioned {
            if self.mentioned.iter().all(|known| known.provider_id != component.provider_id) {
                self.mentioned.push(component);
            }
        }
        for workspace in more.workspaces {
            if self.workspaces.iter().all(|known| known.provider_id != workspace.provider_id) {
                self.workspaces.push(workspace);
            }
        }
    }

    /// What one entry of a listing says, or why it says nothing: it does not hold up the others.
    pub(super) fn of_entry(mapped: Result<Self, Unmappable>) -> Self {
        mapped.unwrap_or_else(|fault| Self { unmappable: vec![fault.to_string()], ..Self::default() })
    }

    /// Everything that the parts say.
    pub(super) fn merge(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::default(), |mut all, part| {
            all.absorb(part);
            all
        })
    }
}

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

/// A team or account.
pub(super) fn workspace(provider_id: &str, name: &str, url: &str) -> Workspace {
    Workspace { name: name.to_owned(), url: url.to_owned(), provider_id: provider_id.to_owned() }
}

/// The text, and below it a list of what is known besides; absent and empty values are left out.
pub(super) fn describe<T: AsRef<str>>(text: &str, facts: &[(&str, Option<T>)]) -> String {
    let known = facts.iter().filter_map(|(label, value)| {
        let value = value.as_ref()?.as_ref().trim();
        (!value.is_empty()).then(|| format!("- {label}: {value}"))
    });
    let parts = [text.trim().to_owned(), known.collect::<Vec<_>>().join("\n")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
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
    Findings::gone(incident, at)
}

/// A review as of its own time. One whose incident is kept out of Jira has to leave with it, because the
/// incident may have been hidden after both were shown.
pub(super) fn review(review: PostIncidentReview, memory: &Memory) -> Observation {
    let at = review.updated_at;
    if review.incidents.iter().any(|incident| memory.get(&hidden_key(incident)).is_some()) {
        return Observation::deleted(EntityKind::Review, review.provider_id, at);
    }
    Observation::present(Entity::Review(review), at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_only_what_is_known() {
        let facts = [("Number", Some("7")), ("Team", None), ("Source", Some(" "))];
        assert_eq!(describe(" text ", &facts), "text\n\n- Number: 7");
        assert_eq!(describe("", &facts), "- Number: 7");
        assert_eq!(describe::<&str>("text", &[]), "text");
    }
}
