//! What a webhook or a page of a poll reported, and how several of them are merged.
//!
//! Pure, and must not know any tool.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::webhook::Unmappable;
use crate::domain::{Component, Entity, EntityKind, Incident, Observation, State, Timestamp, Workspace};

/// What the operator reads of something on which a parser panicked.
pub const PARSER_PANICKED: &str =
    "the parser panicked on it, which is a bug of this program: please report it with the tool's message";

/// What a webhook or a page reported.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Findings {
    pub observations: Vec<Observation>,
    /// Components named in passing: stored only while nothing better is known of them.
    pub mentioned: Vec<Component>,
    /// Workspaces (teams) named in passing.
    pub workspaces: Vec<Workspace>,
    /// Ids of incidents that changed in a way the payload does not show: to be fetched.
    pub refetch: Vec<String>,
    /// Whether the list of services or teams has changed: to be read again.
    pub refresh_catalogue: bool,
    /// Why entries of a listing could not be mapped, one reason for each.
    pub unmappable: Vec<String>,
    /// What a bound has left out, for the operator.
    pub cut: Option<String>,
    /// Why there is nothing in here, for the operator; for example `event type pagey.ping`.
    pub ignored: Option<String>,
}

impl Findings {
    /// Nothing, and why.
    #[must_use]
    pub fn ignored(why: impl Into<String>) -> Self {
        Self { ignored: Some(why.into()), ..Self::default() }
    }

    /// Says that the tool no longer has this incident.
    pub(super) fn gone(incident: &str, at: Timestamp) -> Self {
        let gone = Observation::deleted(EntityKind::Incident, incident.to_owned(), at);
        Self { observations: vec![gone], ..Self::default() }
    }

    /// The incidents that exist, in order.
    pub(super) fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.observations.iter().filter_map(|observation| match &observation.state {
            State::Present(entity) => match &**entity {
                Entity::Incident(incident) => Some(incident),
                _ => None,
            },
            State::Deleted { .. } => None,
        })
    }

    /// Adds what another payload reported; each component and workspace is kept once.
    pub(super) fn absorb(&mut self, more: Self) {
        self.observations.extend(more.observations);
        self.refetch.extend(more.refetch);
        self.unmappable.extend(more.unmappable);
        self.refresh_catalogue |= more.refresh_catalogue;
        self.cut = self.cut.take().or(more.cut);
        add_new(&mut self.mentioned, more.mentioned, |component| &component.provider_id);
        add_new(&mut self.workspaces, more.workspaces, |workspace| &workspace.provider_id);
    }

    /// What one entry of a listing says, or why it cannot be mapped: it must not stop the other entries, even
    /// if `map` panics on it.
    pub(super) fn of_entry(map: impl FnOnce() -> Result<Self, Unmappable>) -> Self {
        let mapped = catch_unwind(AssertUnwindSafe(map));
        let mapped = mapped.unwrap_or_else(|_| Err(Unmappable::Incomplete(PARSER_PANICKED.to_owned())));
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

/// Adds those whose id is not among `known` yet.
fn add_new<T>(known: &mut Vec<T>, more: Vec<T>, id: impl Fn(&T) -> &String) {
    if more.is_empty() {
        return;
    }
    let mut ids: HashSet<String> = known.iter().map(|it| id(it).clone()).collect();
    known.extend(more.into_iter().filter(|it| ids.insert(id(it).clone())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_on_which_its_mapping_panics_is_left_out_with_a_reason() {
        let of = |entry: &str| {
            assert_ne!(entry, "panic", "the mapping breaks down");
            Ok(Findings::ignored(entry))
        };
        let read = Findings::merge(["one", "panic", "two"].map(|entry| Findings::of_entry(|| of(entry))));
        assert_eq!(read.unmappable.len(), 1);
        assert!(read.unmappable[0].contains(PARSER_PANICKED), "{read:?}");
    }
}
