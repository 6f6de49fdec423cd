//! What Jira's calls need, in memory: who may call, which workspaces and containers they may see.
//!
//! A snapshot is immutable; a change in the store, by this process or another, replaces it.

mod access;
mod callers;
mod containers;
mod found;
mod renewal;
mod snapshot;
mod sorted;
mod unlinked;

use std::sync::{Arc, PoisonError, RwLock};

use self::callers::Callers;
use self::unlinked::Unlinked;
use super::registry::Registry;
use crate::config::{DestinationConfig, Live};
use crate::store::{Store, StoreError};

pub(in crate::sync) use access::INSTALLED;
pub use access::{DestinationAccess, Locked};
pub use found::{ContainerHit, SearchPosition};
pub use snapshot::{ContainerPage, Snapshot};
pub(in crate::sync) use unlinked::Candidates;

/// The current snapshot, and how to renew it.
#[derive(Debug)]
pub struct Directory {
    store: Store,
    registry: Arc<Live<Registry>>,
    /// The destinations of the configuration.
    pub(in crate::sync) declared: Live<Vec<DestinationConfig>>,
    /// `None` until somebody needs it: a start waits for nothing that grows with the store.
    current: RwLock<Option<Arc<Snapshot>>>,
    renewing: tokio::sync::Mutex<()>,
    pub(in crate::sync) callers: Callers,
    pub(in crate::sync) unlinked: Unlinked,
}

impl Directory {
    #[must_use]
    pub fn new(store: Store, registry: Arc<Live<Registry>>, declared: Vec<DestinationConfig>) -> Self {
        let (current, renewing) = (RwLock::default(), tokio::sync::Mutex::default());
        let declared = Live::new(declared);
        let (callers, unlinked) = (Callers::default(), Unlinked::default());
        Self { store, registry, declared, current, renewing, callers, unlinked }
    }

    /// The current snapshot, which the first to ask reads.
    ///
    /// # Errors
    /// When it was not read before, and the database fails.
    pub async fn current(&self) -> Result<Arc<Snapshot>, StoreError> {
        if let Some(snapshot) = self.peek() {
            return Ok(snapshot);
        }
        let _one_at_a_time = self.renewing.lock().await;
        match self.peek() {
            Some(snapshot) => Ok(snapshot),
            None => self.read().await,
        }
    }

    /// The current snapshot, if it was read before.
    #[must_use]
    pub fn peek(&self) -> Option<Arc<Snapshot>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads everything again.
    ///
    /// # Errors
    /// When the database fails; the old snapshot stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.renewing.lock().await;
        self.read().await.map(|_| ())
    }

    /// Reads what has changed.
    ///
    /// # Errors
    /// As for [`Directory::refresh`].
    pub async fn refresh_if_changed(&self) -> Result<bool, StoreError> {
        let Some(read) = self.peek() else { return self.current().await.map(|_| true) };
        if self.store.sites().directory_generation().await? == read.generation {
            return Ok(false);
        }
        let _one_at_a_time = self.renewing.lock().await;
        let before = self.peek().unwrap_or(read);
        // The number first: a change made while reading then causes another renewal instead of being missed.
        let generation = self.store.sites().directory_generation().await?;
        if generation != before.generation {
            match self.renew(&before, generation).await? {
                Some((renewed, unlinked)) => drop(self.publish(renewed, unlinked)),
                None => drop(self.read().await?),
            }
        }
        Ok(true)
    }

    /// Whoever takes what is noted as unlinked finds it in the snapshot.
    fn publish(&self, snapshot: Snapshot, unlinked: Candidates) -> Arc<Snapshot> {
        let snapshot = Arc::new(snapshot);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
        self.unlinked.note(unlinked);
        snapshot
    }
}
