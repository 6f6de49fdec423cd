//! What a tool said about one entity at one moment: the only thing that sources hand to the rest of the program.

use serde::{Deserialize, Serialize};

use super::{Component, EntityKind, Incident, PostIncidentReview, Timestamp};

/// An entity of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entity {
    Component(Component),
    Incident(Incident),
    Review(PostIncidentReview),
}

impl Entity {
    #[must_use]
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::Component(_) => EntityKind::Component,
            Self::Incident(_) => EntityKind::Incident,
            Self::Review(_) => EntityKind::Review,
        }
    }

    #[must_use]
    pub fn provider_id(&self) -> &str {
        match self {
            Self::Component(c) => &c.provider_id,
            Self::Incident(i) => &i.provider_id,
            Self::Review(r) => &r.provider_id,
        }
    }

    /// Where people open it in the tool.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Component(c) => &c.url,
            Self::Incident(i) => &i.url,
            Self::Review(r) => &r.url,
        }
    }

    /// What people call it in the tool, if that is not its id and the tool has just said so.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::Incident(i) => i.words.number.as_deref(),
            Self::Component(_) | Self::Review(_) => None,
        }
    }

    /// The tool's ids of the workspaces the entity belongs to.
    #[must_use]
    pub fn workspaces(&self) -> &[String] {
        match self {
            Self::Component(c) => &c.workspaces,
            Self::Incident(i) => &i.workspaces,
            Self::Review(r) => &r.workspaces,
        }
    }
}

/// The state in which the tool showed an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Present(Box<Entity>),
    Deleted { kind: EntityKind, provider_id: String },
}

/// One statement of a tool. `event_time` orders statements about one entity: a statement older than the
/// newest one already applied is dropped. `sequence` is the lower bound of the entity's next
/// `updateSequenceNumber`, usually the tool's monotonic field in epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub event_time: Timestamp,
    pub sequence: i64,
    pub state: State,
}

impl Observation {
    /// A statement whose sequence basis is its own time.
    #[must_use]
    pub fn present(entity: Entity, event_time: Timestamp) -> Self {
        Self { event_time, sequence: event_time.timestamp_millis(), state: State::Present(Box::new(entity)) }
    }

    #[must_use]
    pub fn deleted(kind: EntityKind, provider_id: String, event_time: Timestamp) -> Self {
        Self {
            event_time,
            sequence: event_time.timestamp_millis(),
            state: State::Deleted { kind, provider_id },
        }
    }

    #[must_use]
    pub fn kind(&self) -> EntityKind {
        match &self.state {
            State::Present(entity) => entity.kind(),
            State::Deleted { kind, .. } => *kind,
        }
    }

    #[must_use]
    pub fn provider_id(&self) -> &str {
        match &self.state {
            State::Present(entity) => entity.provider_id(),
            State::Deleted { provider_id, .. } => provider_id,
        }
    }
}
