//! What a destination should hold and what it answered: values that the store, destinations and `sync` share.
//!
//! Must not say how anything is sent or stored.

use serde::{Deserialize, Serialize};

use super::{Entity, EntityId, EntityKind, IncidentStatus, Severity, Timestamp};

/// How far a delivery is. The transitions are drawn in `store::deliveries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// The destination lacks the wanted version.
    Waiting,
    /// The destination took the wanted version; nobody has seen it there yet.
    Accepted,
    /// The wanted version was read back.
    Confirmed,
    /// Stopped with a reason, until an operator or the nightly retry sends it again.
    Refused,
    /// Not sent until the entity's next change: an operator gave it up, or the destination has no place for
    /// it.
    Discarded,
}

impl DeliveryState {
    pub const ALL: [Self; 5] =
        [Self::Waiting, Self::Accepted, Self::Confirmed, Self::Refused, Self::Discarded];

    /// The name in the database and in JSON.
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

impl std::fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which of several waiting deliveries goes first. A number in the database and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "i64")]
pub enum Priority {
    /// Not new, and with the same status and severity.
    Refresh = 0,
    /// New, deleted, or with a changed status or severity.
    News = 1,
    /// The same, reported by the tool the moment it happened.
    Live = 2,
}

impl Priority {
    pub const ALL: [Self; 3] = [Self::Refresh, Self::News, Self::Live];

    /// 0, 1 or 2; the higher goes first.
    #[must_use]
    pub fn as_number(self) -> i64 {
        match self {
            Self::Refresh => 0,
            Self::News => 1,
            Self::Live => 2,
        }
    }

    /// The priority of that number, as [`Priority::as_number`] gives it.
    #[must_use]
    pub fn find(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_number() == number)
    }
}

impl From<Priority> for i64 {
    fn from(priority: Priority) -> Self {
        priority.as_number()
    }
}

/// What a destination answered about one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// The destination answered without naming the entity: only reading it back can tell.
    Unmentioned,
    Refused {
        reason: String,
        /// The id by which the destination's support finds the request, if it gave one.
        trace_id: Option<String>,
    },
    /// It is to be brought again at that time; nothing is wrong with it.
    Later {
        until: Timestamp,
        reason: String,
    },
    /// The destination has no place for entities of this kind.
    NotTaken,
}

impl Verdict {
    /// A refusal without a trace id.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into(), trace_id: None }
    }
}

/// What became of one version of one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityOutcome {
    pub id: EntityId,
    /// The version that was sent.
    pub version: i64,
    pub verdict: Verdict,
}

/// One entity on its way to a destination.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    pub id: EntityId,
    pub version: i64,
    /// `None` once the tool has deleted it.
    pub content: Option<Entity>,
    pub waiting_since: Timestamp,
}

impl Outgoing {
    /// The verdict on this version.
    #[must_use]
    pub fn outcome(&self, verdict: Verdict) -> EntityOutcome {
        EntityOutcome { id: self.id.clone(), version: self.version, verdict }
    }
}

/// Incidents that a destination was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsent {
    pub status: IncidentStatus,
    pub severity: Severity,
    pub count: usize,
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
