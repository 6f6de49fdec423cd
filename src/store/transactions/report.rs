//! What a source said, as [`Store::apply`](crate::store::Store::apply) takes it, and the result. Must not
//! touch the database.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Component, Observation, SourceId, UnmappedValue, Workspace};
use crate::store::timeline::event::Cause;

/// What the store must know about a source to apply what it says.
pub struct SourceScope<'a> {
    pub source: &'a SourceId,
    /// Whether entities keep their teams as workspaces, or all belong to the account.
    pub teams: bool,
    /// Hosts of the sites that may see the source, exact or globs, and names of other destinations.
    pub sites: &'a [String],
}

/// Where a report came from, for the timeline and for finishing in the same transaction.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// A row of the inbox, which is then done.
    Webhook { inbox_id: &'a str, verified_by: &'a str, note: Option<&'a str> },
    /// A page of a poll; the cursor moves with it.
    Poll { cursor: Option<&'a str>, caught_up: bool, total: Option<u64> },
    /// The list of services and teams; what is missing in it is gone.
    Catalogue,
    /// One incident that was fetched by its id.
    Fetch,
    /// A page that was read once more, without moving the cursor.
    Window,
    /// The configuration itself, such as the fallback component.
    Configuration,
}

impl Origin<'_> {
    pub(in crate::store) fn is_webhook(&self) -> bool {
        matches!(self, Self::Webhook { .. })
    }

    /// The same for the timeline.
    pub(in crate::store) fn cause(&self) -> Cause {
        let by = match self {
            Self::Webhook { .. } => "webhook",
            Self::Poll { .. } | Self::Window => "poll",
            Self::Catalogue => "catalogue",
            Self::Fetch => "fetch",
            Self::Configuration => "configuration",
        };
        let (delivery, verified_by) = match self {
            Self::Webhook { inbox_id, verified_by, .. } => (Some(*inbox_id), Some(*verified_by)),
            _ => (None, None),
        };
        Cause {
            by: by.to_owned(),
            delivery: delivery.map(str::to_owned),
            verified_by: verified_by.map(str::to_owned),
        }
    }
}

/// Everything one webhook or one page said.
pub struct Report<'a> {
    pub origin: Origin<'a>,
    pub observations: &'a [Observation],
    /// Components that incidents name.
    pub mentioned: &'a [Component],
    pub workspaces: &'a [Workspace],
    /// The tool's ids of incidents that were named without their content.
    pub refetch: &'a [String],
    /// What the source wants to keep; `None` removes a key.
    pub memory: Option<&'a BTreeMap<String, Option<String>>>,
    /// Everything that the source kept when the page was read: unless it still does, nothing is written. `None` for
    /// what is read in the transaction itself.
    pub facts: Option<&'a BTreeMap<String, String>>,
    /// The tool's unmapped values for status and severity.
    pub unmapped: Option<&'a BTreeSet<UnmappedValue>>,
    /// Whether the webhook or page ends here; it is `false` for its parts before the last one.
    pub is_last: bool,
}

impl<'a> Report<'a> {
    /// A report that says nothing yet: `Report { observations, ..Report::new(origin) }`.
    #[must_use]
    pub fn new(origin: Origin<'a>) -> Self {
        Self {
            origin,
            observations: &[],
            mentioned: &[],
            workspaces: &[],
            refetch: &[],
            memory: None,
            facts: None,
            unmapped: None,
            is_last: true,
        }
    }
}

/// How many statements had which effect.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// They made a new version.
    pub changed: usize,
    /// They said what was known.
    pub unchanged: usize,
    /// They were older than what was known.
    pub stale: usize,
}

impl std::ops::AddAssign for Applied {
    fn add_assign(&mut self, more: Self) {
        self.changed += more.changed;
        self.unchanged += more.unchanged;
        self.stale += more.stale;
    }
}
