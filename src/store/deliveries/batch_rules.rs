//! What may go into the next batch. Must not touch the database.

use chrono::TimeDelta;

use crate::clock::{Timestamp, from_millis};
use crate::domain::{BatchSizes, EntityKind, Priority};

/// Entities of a kind that the destination does not accept are loaded in groups of this many, to be
/// discarded.
const NOT_TAKEN: usize = 1000;

/// How much of what waits may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    Everything,
    /// The destination's limits are nearly used up: what is new or has changed its status or severity, and
    /// refreshes only if they have waited since before this instant.
    NewsFirst {
        refreshes_before: Timestamp,
    },
}

/// What may go into the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRules<'a> {
    pub sizes: BatchSizes,
    pub pace: Pace,
    /// How long what a first sync finds may wait until it fills a request.
    pub longest_fill: TimeDelta,
    /// After this long without a page, a first sync no longer holds entities back to fill a request.
    pub stalled_after: TimeDelta,
    /// Whose turn it is, when the components of one source wait and the incidents of another.
    pub turn: Turn,
    /// Sources about which something is on its way: nothing of theirs.
    pub beside: &'a [String],
}

/// Components and everything else take turns, so that neither waits for all of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Components,
    Others,
}

impl Turn {
    /// Whose turn it is after a request about this kind.
    #[must_use]
    pub fn after(kind: EntityKind) -> Self {
        if kind == EntityKind::Component { Self::Others } else { Self::Components }
    }
}

impl BatchRules<'_> {
    pub(super) fn size(&self, kind: EntityKind) -> usize {
        match self.sizes.of(kind) {
            0 => NOT_TAKEN,
            size => size,
        }
    }
}

impl Pace {
    /// The lowest priority that may go, and the instant since when anything else has had to wait.
    pub(super) fn bounds(self) -> (Priority, Timestamp) {
        match self {
            Self::Everything => (Priority::Refresh, from_millis(0)),
            Self::NewsFirst { refreshes_before } => (Priority::News, refreshes_before),
        }
    }
}
