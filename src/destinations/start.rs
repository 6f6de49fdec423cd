//! What a type of destination is started with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::DestinationType;
use crate::clock::Clock;
use crate::http::HttpClient;

/// Points that a destination's limits grant an hour; `None` is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quotas {
    /// One pool over all destinations of the type.
    pub app: Option<u64>,
    /// For each destination.
    pub site: Option<u64>,
}

/// What every type may use.
#[derive(Debug, Clone)]
pub struct Facilities {
    pub http: HttpClient,
    pub clock: Clock,
    /// Key of the Connect app.
    pub app_key: String,
    pub quotas: Quotas,
}

/// Makes a type of destination ready, once per process.
pub type StartType = fn(&Facilities) -> Arc<dyn DestinationType>;

/// The types of this process by name.
#[derive(Clone)]
pub struct DestinationTypes(BTreeMap<&'static str, Arc<dyn DestinationType>>);

impl DestinationTypes {
    #[must_use]
    pub fn start(types: &[StartType], facilities: &Facilities) -> Self {
        let started = types.iter().map(|start| start(facilities));
        Self(started.map(|started| (started.name(), started)).collect())
    }

    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<dyn DestinationType>> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn DestinationType>> {
        self.0.values()
    }
}
