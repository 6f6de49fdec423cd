//! Requests to each destination wait for their turn, whoever makes them.
//!
//! Deliveries, links, the nightly comparison and removals are tasks of their own. Two of their requests could
//! overtake each other, and a destination's limits count per destination. So as many are on their way at once as the
//! destination takes, and what concerns more than entities of one source goes alone. The next in line gets its turn first,
//! so that none waits longer than for those before it. Must not know what a request is about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::destinations::{Batch, Destination, Held, Probe, Refusal, Sent, Tidied};
use crate::domain::{BatchSizes, DestinationId, EntityId, EntityKind, SourceId, Timestamp, Unsent, Verdict};

/// The turns of all destinations that are in use: a permit for each request that may be on its way.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: Mutex<HashMap<DestinationId, Arc<Semaphore>>>,
    /// Notified when a request begins to wait.
    pub awaited: Arc<Notify>,
}

impl Turns {
    /// The same destination, with requests that wait for their turn.
    pub fn take(&self, id: &DestinationId, inner: Arc<dyn Destination>) -> Arc<dyn Destination> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody uses at the moment.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        let at_once = inner.requests_at_once();
        let turns =
            turns.entry(id.clone()).or_insert_with(|| Arc::new(Semaphore::new(at_once.into()))).clone();
        Arc::new(InTurn { inner, turns, awaited: self.awaited.clone() })
    }
}

struct InTurn {
    inner: Arc<dyn Destination>,
    turns: Arc<Semaphore>,
    awaited: Arc<Notify>,
}

impl InTurn {
    /// For a request about entities of one source.
    async fn beside_others(&self) -> Option<SemaphorePermit<'_>> {
        self.wait(1).await
    }

    async fn alone(&self) -> Option<SemaphorePermit<'_>> {
        self.wait(self.inner.requests_at_once()).await
    }

    /// Never `None`, as the semaphore is never closed.
    async fn wait(&self, permits: u8) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.turns.try_acquire_many(permits.into()) {
            return Some(turn);
        }
        self.awaited.notify_one();
        self.turns.acquire_many(permits.into()).await.ok()
    }
}

#[async_trait]
impl Destination for InTurn {
    fn batch_sizes(&self) -> BatchSizes {
        self.inner.batch_sizes()
    }

    fn requests_at_once(&self) -> u8 {
        self.inner.requests_at_once()
    }

    async fn send(&self, batch: Batch<'_>) -> Result<Sent, Refusal> {
        let _turn = self.beside_others().await;
        self.inner.send(batch).await
    }

    async fn delete(&self, kind: EntityKind, id: &EntityId) -> Result<Verdict, Refusal> {
        let _turn = self.beside_others().await;
        self.inner.delete(kind, id).await
    }

    async fn read_back(&self, kind: EntityKind, id: &EntityId) -> Result<Option<Held>, Refusal> {
        let _turn = self.beside_others().await;
        self.inner.read_back(kind, id).await
    }

    async fn remove(&self, source: &SourceId, workspace: Option<&EntityId>) -> Result<(), Refusal> {
        let _turn = self.alone().await;
        self.inner.remove(source, workspace).await
    }

    async fn tidy(&self) -> Result<Tidied, Refusal> {
        let _turn = self.alone().await;
        self.inner.tidy().await
    }

    fn is_tidied(&self) -> bool {
        self.inner.is_tidied()
    }

    fn wants_approval(&self) -> bool {
        self.inner.wants_approval()
    }

    fn find_many(&self, unsent: &[Unsent]) -> Option<usize> {
        self.inner.find_many(unsent)
    }

    fn wants_component_names(&self) -> bool {
        self.inner.wants_component_names()
    }

    fn near_limit_until(&self) -> Option<Timestamp> {
        self.inner.near_limit_until()
    }

    fn links_per_request(&self) -> Option<usize> {
        self.inner.links_per_request()
    }

    async fn link(&self, workspaces: &[EntityId]) -> Result<(), Refusal> {
        let _turn = self.alone().await;
        self.inner.link(workspaces).await
    }

    async fn unlink(&self, workspaces: &[EntityId]) -> Result<(), Refusal> {
        let _turn = self.alone().await;
        self.inner.unlink(workspaces).await
    }

    async fn list_links(&self) -> Result<Option<Vec<EntityId>>, Refusal> {
        let _turn = self.alone().await;
        self.inner.list_links().await
    }

    async fn probe(&self) -> Result<Probe, Refusal> {
        let _turn = self.alone().await;
        self.inner.probe().await
    }
}
