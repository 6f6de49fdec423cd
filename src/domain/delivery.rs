//! What the engine says of a delivery, and what a destination answers: the words that both share.
//!
//! Plain values. Must not know how a destination sends, nor how the store keeps.

use serde::{Deserialize, Serialize};

use super::{Entity, EntityId, EntityKind, Timestamp};

/// Where the delivery of one entity to one destination stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// To be sent.
    Waiting,
    /// The destination took it; to be read back.
    Accepted,
    /// Read back.
    Confirmed,
    /// The destination refused it, or never showed it: a person must look.
    Refused,
    /// Not sent until its next change.
    Discarded,
}

impl DeliveryState {
    pub const ALL: [Self; 5] =
        [Self::Waiting, Self::Accepted, Self::Confirmed, Self::Refused, Self::Discarded];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Discarded => "discarded",
        }
    }

    /// The state of that name, as [`DeliveryState::as_str`] writes it.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What goes first among deliveries of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// The same status and severity as before.
    Refresh = 0,
    /// New, gone, or with another status or severity.
    News = 1,
    /// News that a webhook told.
    Live = 2,
}

/// A destination's word on one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// It answered without naming the entity: only reading it back can tell.
    Unmentioned,
    Refused {
        reason: String,
        /// What to quote to the destination's support.
        trace_id: Option<String>,
    },
    /// The destination has no place for entities of this kind.
    NotTaken,
}

impl Verdict {
    /// A refusal that has nothing to quote.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into(), trace_id: None }
    }
}

/// The verdict on one version of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityOutcome {
    pub id: EntityId,
    pub version: i64,
    pub verdict: Verdict,
}

/// An entity that a destination does not hold in its current version.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    pub id: EntityId,
    pub version: i64,
    /// `None` once deleted.
    pub content: Option<Entity>,
    /// Since when it waits.
    pub waiting_since: Timestamp,
}

impl Outgoing {
    #[must_use]
    pub fn outcome(&self, verdict: Verdict) -> EntityOutcome {
        EntityOutcome { id: self.id.clone(), version: self.version, verdict }
    }
}

/// Most entities of each kind that share one request; 0 where the destination does not take the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSizes {
    pub components: usize,
    pub incidents: usize,
    pub reviews: usize,
}

impl BatchSizes {
    /// The same for every kind.
    #[must_use]
    pub fn all(size: usize) -> Self {
        Self { components: size, incidents: size, reviews: size }
    }

    #[must_use]
    pub fn of(self, kind: EntityKind) -> usize {
        match kind {
            EntityKind::Component => self.components,
            EntityKind::Incident => self.incidents,
            EntityKind::Review => self.reviews,
        }
    }

    /// No more than `most` of any kind.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self {
            components: self.components.min(most),
            incidents: self.incidents.min(most),
            reviews: self.reviews.min(most),
        }
    }
}
