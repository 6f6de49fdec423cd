//! One request at a time to each destination, whoever makes it.
//!
//! Deliveries, links, the nightly comparison and removals are tasks of their own. Two of their requests could
//! overtake each other, and a destination's limits count per destination. So each request waits for its turn;
//! the next in line gets it, so that none waits longer than for those before it. Must not know what a request
//! is about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{MutexGuard, Notify};

use crate::destinations::{Batch, Destination, Held, Probe, Refusal, Sent, Tidied};
use crate::domain::{BatchSizes, DestinationId, EntityId, EntityKind, SourceId, Unsent, Verdict};

type Turn = Arc<tokio::sync::Mutex<()>>;

/// The turns of all destinations that are in use.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: Mutex<HashMap<DestinationId, Turn>>,
    /// Notified when a request begins to wait.
    pub awaited: Arc<Notify>,
}

impl Turns {
    /// The same destination, with requests that wait for their turn.
    pub fn take(&self, id: &DestinationId, inner: Arc<dyn Destination>) -> Arc<dyn Destination> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody uses at the moment.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        let turn = turns.entry(id.clone()).or_default().clone();
        Arc::new(InTurn { inner, turn, awaited: self.awaited.clone() })
    }
}

struct InTurn {
    inner: Arc<dyn Destination>,
    turn: Turn,
    awaited: Arc<Notify>,
}

impl InTurn {
    async fn wait(&self) -> MutexGuard<'_, ()> {
        if let Ok(turn) = self.turn.try_lock() {
            return turn;
        }
        self.awaited.notify_one();
        self.turn.lock().await
    }
}

#[async_trait]
impl Destination for InTurn {
    fn batch_sizes(&self) -> BatchSizes {
        self.inner.batch_sizes()
    }

    async fn send(&self, batch: Batch<'_>) -> Result<Sent, Refusal> {
        let _turn = self.wait().await;
        self.inner.send(batch).await
    }

    async fn delete(&self, kind: EntityKind, id: &EntityId) -> Result<Verdict, Refusal> {
        let _turn = self.wait().await;
        self.inner.delete(kind, id).await
    }

    async fn read_back(&self, kind: EntityKind, id: &EntityId) -> Result<Option<Held>, Refusal> {
        let _turn = self.wait().await;
        self.inner.read_back(kind, id).await
    }

    async fn remove(&self, source: &SourceId, workspace: Option<&EntityId>) -> Result<(), Refusal> {
        let _turn = self.wait().await;
        self.inner.remove(source, workspace).await
    }

    async fn tidy(&self) -> Result<Tidied, Refusal> {
        let _turn = self.wait().await;
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

    fn is_near_limit(&self) -> bool {
        self.inner.is_near_limit()
    }

    fn links_per_request(&self) -> Option<usize> {
        self.inner.links_per_request()
    }

    async fn link(&self, workspaces: &[EntityId]) -> Result<(), Refusal> {
        let _turn = self.wait().await;
        self.inner.link(workspaces).await
    }

    async fn unlink(&self, workspaces: &[EntityId]) -> Result<(), Refusal> {
        let _turn = self.wait().await;
        self.inner.unlink(workspaces).await
    }

    async fn list_links(&self) -> Result<Option<Vec<EntityId>>, Refusal> {
        let _turn = self.wait().await;
        self.inner.list_links().await
    }

    async fn probe(&self) -> Result<Probe, Refusal> {
        let _turn = self.wait().await;
        self.inner.probe().await
    }
}
