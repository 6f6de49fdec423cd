//! What the delivery engine asks of a destination, and the table through which it finds one.
//!
//! A destination renders, sends, reads back and deletes. It never waits, never retries and never stores:
//! deliveries survive restarts and therefore belong to the engine. Must know nothing of sources and of the
//! store.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::ledger::Ledger;
use super::{Refusal, SourceProfile};
use crate::domain::{
    BatchSizes, DestinationId, Entity, EntityId, EntityKind, EntityOutcome, Outgoing, SourceId, Timestamp,
    Unsent, Verdict,
};

/// Entities that share one request: one kind, one source, one workspace, all of them present.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    pub kind: EntityKind,
    pub source: &'a SourceProfile,
    pub workspace: &'a EntityId,
    /// At most as many as [`Destination::batch_sizes`] says.
    pub entities: &'a [Outgoing],
    /// Names of the components of these incidents, by the tool's id; only for a destination that
    /// [asks for them](Destination::wants_component_names).
    pub component_names: &'a BTreeMap<String, String>,
    /// Why nothing may be made now; only for a destination that [wants approval](Destination::wants_approval).
    pub hold: Option<&'a str>,
}

/// The answer to one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    pub outcomes: Vec<EntityOutcome>,
    /// Whether the destination says that one of its limits is nearly used up.
    pub near_limit: bool,
    /// Why it stopped before the end of the batch: nothing was asked for the entities without an outcome.
    pub stopped: Option<Refusal>,
}

/// What a destination found when it looked after what it has made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tidied {
    /// What it wants to be given once more.
    pub send_again: Vec<(EntityKind, EntityId)>,
}

/// An entity as the destination holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The version that it shows, where it shows one.
    pub version: Option<i64>,
    /// In the shape of [`DestinationType::render`].
    pub body: Map<String, Value>,
}

/// What a destination answers when asked whether it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// A sentence for the operator.
    pub seen: String,
    /// The destination's clock minus ours.
    pub clock_skew: Option<TimeDelta>,
}

/// Somewhere that incidents are sent.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Which kinds it takes, and how many entities share a request.
    fn batch_sizes(&self) -> BatchSizes;

    /// Most requests that may be on their way at once, each about another source.
    fn requests_at_once(&self) -> u8 {
        1
    }

    /// Sends one request and gives the verdict on every entity of it.
    ///
    /// # Errors
    /// The refusal of the whole request: nothing is known about any of its entities.
    async fn send(&self, batch: Batch<'_>) -> Result<Sent, Refusal>;

    /// Deletes one entity; one that it does not hold counts as deleted.
    ///
    /// # Errors
    /// As for [`Destination::send`].
    async fn delete(&self, kind: EntityKind, id: &EntityId) -> Result<Verdict, Refusal>;

    /// What it holds of an entity; `None` for nothing, or nothing yet.
    ///
    /// # Errors
    /// As for [`Destination::send`].
    async fn read_back(&self, kind: EntityKind, id: &EntityId) -> Result<Option<Held>, Refusal>;

    /// Deletes everything of a source, or of one workspace of it.
    ///
    /// # Errors
    /// As for [`Destination::send`].
    async fn remove(&self, source: &SourceId, workspace: Option<&EntityId>) -> Result<(), Refusal>;

    /// Looks after what it has made, about once an hour.
    ///
    /// # Errors
    /// As for [`Destination::send`].
    async fn tidy(&self) -> Result<Tidied, Refusal> {
        Ok(Tidied::default())
    }

    /// Whether [`Destination::tidy`] does anything.
    fn is_tidied(&self) -> bool {
        false
    }

    /// Whether a person must approve a first sync that makes much.
    fn wants_approval(&self) -> bool {
        false
    }

    /// How many things it would make of these, if that is so much that a person must approve it.
    fn find_many(&self, _unsent: &[Unsent]) -> Option<usize> {
        None
    }

    /// Whether batches of incidents carry the names of their components.
    fn wants_component_names(&self) -> bool {
        false
    }

    /// Until when, by our own count, a limit is nearly used up: refreshes should wait, and nothing is read back.
    fn near_limit_until(&self) -> Option<Timestamp> {
        None
    }

    /// Most workspaces that share one request to link or unlink them; `None` when nothing must be linked.
    fn links_per_request(&self) -> Option<usize> {
        None
    }

    /// Links workspaces; entities of a workspace show only once it is linked.
    ///
    /// # Errors
    /// As for [`Destination::send`].
    async fn link(&self, _workspaces: &[EntityId]) -> Result<(), Refusal> {
        Ok(())
    }

    /// Undoes [`Destination::link`].
    ///
    /// # Errors
    /// As for [`Destination::send`].
    async fn unlink(&self, _workspaces: &[EntityId]) -> Result<(), Refusal> {
        Ok(())
    }

    /// The workspaces that are linked now; `None` when nothing must be linked.
    ///
    /// # Errors
    /// As for [`Destination::send`].
    async fn list_links(&self) -> Result<Option<Vec<EntityId>>, Refusal> {
        Ok(None)
    }

    /// Asks whether the destination answers and accepts our credentials.
    ///
    /// # Errors
    /// As for [`Destination::send`].
    async fn probe(&self) -> Result<Probe, Refusal>;
}

/// What is known about one destination: an installation of the app, or a table of the configuration.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: DestinationId,
    /// What people call it; for a site its host, with the port if that is unusual.
    pub name: String,
    /// Empty if it has none.
    pub base_url: String,
    pub secret: Option<SecretString>,
    /// The keys of its table in the configuration.
    pub options: Map<String, Value>,
    /// What it remembers across restarts.
    pub ledger: Arc<dyn Ledger>,
}

/// Why a destination cannot be built, and what to fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// One type of destination; holds what all its destinations share, such as an hourly quota.
pub trait DestinationType: Send + Sync {
    /// Makes a destination ready, without using the network.
    ///
    /// # Errors
    /// When something in the account is invalid.
    fn build(&self, account: Account) -> Result<Arc<dyn Destination>, BuildError>;

    /// The body that the destination would get for an entity.
    ///
    /// # Errors
    /// Why the destination cannot take it, as a sentence for an operator.
    fn render(&self, source: &SourceProfile, entity: &Entity, version: i64) -> Result<Value, String>;
}
