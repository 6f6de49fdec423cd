//! Bounds on what tools say, so that every database can hold it: characters and lengths of ids.
//!
//! Applied where statements enter the engine, so that ids agree wherever they are compared. Must not judge what
//! a text means.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::{Association, Component, Entity, Incident, Observation, PostIncidentReview, State, Workspace};

/// Longest id of a tool that is kept as it is, in bytes. PostgreSQL's index rows hold 2704 bytes, and some
/// consist of several columns.
const LONGEST_ID: usize = 1000;

/// How much of a longer id stays readable, in bytes.
const READABLE: usize = 200;

/// The text without U+0000, which PostgreSQL cannot hold: U+FFFD stands in its place.
#[must_use]
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// The id in a form that every database can hold and index. One of more than 1000 bytes becomes its start,
/// `~` and 64 hex digits of its SHA-256.
#[must_use]
pub fn bounded_id(id: &str) -> Cow<'_, str> {
    let id = storable(id);
    if id.len() <= LONGEST_ID {
        return id;
    }
    let start = id.char_indices().take_while(|(at, _)| *at < READABLE).map(|(_, c)| c).collect::<String>();
    Cow::Owned(format!("{start}~{}", hex::encode(Sha256::digest(id.as_bytes()))))
}

impl Observation {
    /// Brings the statement within these bounds.
    pub fn bound(&mut self) {
        match &mut self.state {
            State::Deleted { provider_id, .. } => bind(provider_id),
            State::Present(entity) => match &mut **entity {
                Entity::Component(component) => component.bound(),
                Entity::Incident(incident) => incident.bound(),
                Entity::Review(review) => review.bound(),
            },
        }
    }
}

impl Incident {
    fn bound(&mut self) {
        bind(&mut self.provider_id);
        clean([&mut self.summary, &mut self.description, &mut self.url]);
        bind_all(&mut self.components);
        bind_all(&mut self.workspaces);
        clean_associations(&mut self.associations);
    }
}

impl PostIncidentReview {
    fn bound(&mut self) {
        bind(&mut self.provider_id);
        clean([&mut self.summary, &mut self.description, &mut self.url]);
        bind_all(&mut self.incidents);
        bind_all(&mut self.workspaces);
        clean_associations(&mut self.associations);
    }
}

impl Component {
    /// The component within these bounds.
    pub fn bound(&mut self) {
        bind(&mut self.provider_id);
        clean([&mut self.name, &mut self.description, &mut self.url]);
        clean(self.avatar_url.as_mut());
        bind_all(&mut self.workspaces);
    }
}

impl Workspace {
    /// The workspace within these bounds.
    pub fn bound(&mut self) {
        bind(&mut self.provider_id);
        clean([&mut self.name, &mut self.url]);
    }
}

/// The ids within these bounds.
pub fn bind_all(ids: &mut [String]) {
    ids.iter_mut().for_each(bind);
}

fn bind(id: &mut String) {
    if let Cow::Owned(bounded) = bounded_id(id) {
        *id = bounded;
    }
}

fn clean<'a>(texts: impl IntoIterator<Item = &'a mut String>) {
    for text in texts {
        if let Cow::Owned(clean) = storable(text) {
            *text = clean;
        }
    }
}

fn clean_associations(associations: &mut [Association]) {
    for association in associations {
        clean([&mut association.association_type]);
        clean(&mut association.values);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bounded_id_can_be_indexed_and_stays_as_it_is(id in "\\PC{0,600}|[\\x00-\\x7f]{0,3000}") {
            let bounded = bounded_id(&id).into_owned();
            prop_assert!(bounded.len() <= LONGEST_ID);
            prop_assert!(!bounded.contains('\0'));
            prop_assert_eq!(bounded_id(&bounded), bounded.as_str());
            if storable(&id).len() <= LONGEST_ID {
                prop_assert_eq!(bounded, storable(&id));
            }
        }
    }

    #[test]
    fn long_ids_with_one_start_differ() {
        let id = |end: &str| bounded_id(&("x".repeat(8_000) + end)).into_owned();
        assert_ne!(id("a"), id("b"));
        assert!(id("a").starts_with("xxxx"));
    }
}
