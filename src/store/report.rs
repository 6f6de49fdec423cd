//! What a source said, as [`Store::apply`](crate::store::Store::apply) takes it, and what came of it. Must not touch the database.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Component, Observation, SourceId, UnmappedValue, Workspace};

/// What the store must know of a source to apply its findings.
pub struct SourceScope<'a> {
    pub source: &'a SourceId,
    /// Whether entities keep their teams as workspaces, or all belong to the account.
    pub teams: bool,
    /// Hosts of the sites that may see the source, exact or globs.
    pub sites: &'a [String],
}

/// Where findings came from, for the timeline and for finishing in the same transaction.
pub enum Origin<'a> {
    /// A row of the inbox, which is thereby done.
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
    pub(in crate::store) fn label(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Poll { .. } | Self::Window => "poll",
            Self::Catalogue => "catalogue",
            Self::Fetch => "fetch",
            Self::Configuration => "configuration",
        }
    }
}

/// Everything one webhook or one page said.
#[derive(Default)]
pub struct Told<'a> {
    pub observations: &'a [Observation],
    pub mentioned: &'a [Component],
    pub workspaces: &'a [Workspace],
    pub refetch: &'a [String],
    pub memory: Option<&'a BTreeMap<String, Option<String>>>,
    /// The tool's words that have no meaning here.
    pub unknown_words: Option<&'a BTreeSet<UnmappedValue>>,
}

/// How many statements had which effect.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    pub changed: usize,
    pub unchanged: usize,
    pub stale: usize,
}
