//! The rows of the table of destination types, and what each is started with.

use std::sync::Arc;

use async_trait::async_trait;

use super::DestinationType;
use super::ledger::Remembers;
use crate::clock::{Clock, Timestamp};
use crate::http::HttpClient;

/// Points that a destination's limits grant an hour; `None` is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quotas {
    /// One pool over all destinations of the type.
    pub app: Option<u64>,
    /// For each destination.
    pub site: Option<u64>,
}

/// Points of an hourly limit that all processes of the bridge share.
#[async_trait]
pub trait SharedPoints: std::fmt::Debug + Send + Sync {
    /// Takes points of a pool in the hour that began at `hour`, unless more than `quota` would then be spent. Returns
    /// whether they were taken, and how many are spent; `None` when that cannot be found out.
    async fn take(&self, pool: &str, hour: Timestamp, points: u64, quota: u64) -> Option<(bool, u64)>;
}

/// What every type may use.
#[derive(Debug, Clone)]
pub struct Facilities {
    pub http: HttpClient,
    pub clock: Clock,
    /// Key of the Connect app.
    pub app_key: String,
    pub quotas: Quotas,
    /// `None` when no other process spends any.
    pub points: Option<Arc<dyn SharedPoints>>,
}

/// One row of the table of destination types.
#[derive(Debug, Clone, Copy)]
pub struct DestinationKind {
    /// The value of `type` in the configuration, and in the store.
    pub name: &'static str,
    /// What sentences call it, such as `Jira`.
    pub title: &'static str,
    /// What a person should check when it accepted an entity several times and never showed it.
    pub never_shown: &'static str,
    /// The page for operators, in Markdown.
    pub page: &'static str,
    /// How to tell what it remembers of an entity; `None` if it remembers nothing.
    pub remembers: Option<Remembers>,
    /// Makes the type ready, once per process.
    pub start: fn(&Facilities) -> Arc<dyn DestinationType>,
}

/// The types of this process.
#[derive(Clone)]
pub struct DestinationTypes(Vec<(DestinationKind, Arc<dyn DestinationType>)>);

impl DestinationTypes {
    #[must_use]
    pub fn start(kinds: &[DestinationKind], facilities: &Facilities) -> Self {
        Self(kinds.iter().map(|kind| (*kind, (kind.start)(facilities))).collect())
    }

    /// The type of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<dyn DestinationType>> {
        self.iter().find(|(kind, _)| kind.name == name).map(|(_, started)| started)
    }

    /// The row of the table with this name.
    #[must_use]
    pub fn find_kind(&self, name: &str) -> Option<&DestinationKind> {
        self.iter().find(|(kind, _)| kind.name == name).map(|(kind, _)| kind)
    }

    /// All, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &(DestinationKind, Arc<dyn DestinationType>)> {
        self.0.iter()
    }
}
