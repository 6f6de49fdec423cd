//! What the inbound and outbound sides share: the store, the sources, the directory, and the signals between
//! them.
//!
//! Must not know how anything is received or sent.

use std::sync::Arc;

use tokio::sync::Notify;

use super::directory::Directory;
use super::registry::Registry;
use super::tasks::Heartbeats;
use crate::clock::Clock;
use crate::config::{DestinationConfig, Live};
use crate::store::{Change, DatabaseTrouble, Store, StoreError};
use crate::telemetry::Metrics;

/// Who verified what polling has set aside, in place of a secret's name.
pub(in crate::sync) const POLLED: &str = "polling";

/// Why a use case could not finish. The next round is the retry.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the schedule does not start: {0}")]
    Schedule(String),
}

impl SyncError {
    /// What is wrong with the database, if that is why.
    #[must_use]
    pub fn trouble(&self) -> Option<DatabaseTrouble> {
        match self {
            Self::Store(fault) => Some(fault.trouble()),
            Self::Schedule(_) => None,
        }
    }
}

/// Each wakes one task, however often it is notified.
#[derive(Debug, Default)]
pub struct Signals {
    pub inbox: Notify,
    pub deliver: Notify,
    pub link: Notify,
    pub drift: Notify,
    /// The configuration of sources may have changed.
    pub settle: Notify,
    /// Other sources are in force.
    pub sources: Notify,
}

/// The shared parts.
pub(in crate::sync) struct Core {
    pub store: Store,
    pub clock: Clock,
    /// The sources in force.
    pub registry: Arc<Live<Registry>>,
    pub directory: Directory,
    pub metrics: Arc<Metrics>,
    pub signals: Signals,
    /// What the tasks of this process do.
    pub heartbeats: Heartbeats,
}

impl Core {
    /// Removes what was erased from the database's files, now or within a minute.
    pub async fn scrub(&self) {
        match self.store.scrub().await {
            Ok(true) => {}
            Ok(false) => tracing::debug!("the write-ahead log is being read; it is emptied later"),
            Err(fault) => tracing::warn!(%fault, "the write-ahead log could not be emptied; trying again"),
        }
    }

    /// Something new is to be sent, by this process or another.
    pub fn tell_deliveries(&self) {
        self.signals.deliver.notify_one();
        self.store.tell(Change::Deliveries);
    }

    pub fn new(store: Store, clock: Clock, registry: Registry, declared: Vec<DestinationConfig>) -> Self {
        let registry = Arc::new(Live::new(registry));
        let metrics = Arc::<Metrics>::default();
        metrics.levels.started.set(clock.now().timestamp());
        Self {
            directory: Directory::new(store.clone(), registry.clone(), declared),
            metrics,
            signals: Signals::default(),
            heartbeats: Heartbeats::default(),
            store,
            clock,
            registry,
        }
    }
}

/// The failures of things that are done one after another: none of them keeps the next from its turn.
#[derive(Debug, Default)]
pub(in crate::sync) struct Faults(Option<SyncError>);

impl Faults {
    /// The result; a failure is logged with what it concerns, and kept.
    pub fn keep<T>(&mut self, what: &str, result: Result<T, impl Into<SyncError>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                let fault = fault.into();
                tracing::warn!(what, %fault, "this failed and is repeated; the others go on");
                self.0.get_or_insert(fault);
                None
            }
        }
    }

    /// The first failure, if there was one.
    pub fn first(self) -> Result<(), SyncError> {
        self.0.map_or(Ok(()), Err)
    }
}
