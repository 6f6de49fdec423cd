//! What operators read and change, through the command line and the readiness check.
//!
//! Needs only the store and the clock, so a command that prints a list builds no source and no client. Must
//! not send anything, poll a tool, or format text for a reader: it returns data.

mod activity;
mod approval;
mod deliveries;
mod destinations;
mod erase;
mod explain;
mod facts;
mod incidents;
mod installations;
mod keys;
mod polls;
mod quarantine;
mod sources;
mod story;

pub use activity::WebhookActivity;
pub use approval::HeldDestination;
pub use deliveries::{DeliveryTotals, Retried};
pub use destinations::DestinationStatus;
pub use erase::{ErasedEntity, ErasureCounts, ErasurePlan, Subject};
pub use incidents::{IncidentList, ListedIncident, Standing};
pub use installations::{InstallationStatus, SecretState};
pub use keys::generate_vault_key;
pub use polls::SourceProgress;
pub use sources::{SourceStatus, SourcesAt};
pub use story::{Explanation, Facts, Obstacle, Review, Story, StoryDelivery, UnknownId};

use super::core::SyncError;
use crate::clock::Clock;
use crate::store::{ExposedFile, Store};

/// The use cases of operators. Every method fails when the database does; other reasons are named with it.
#[derive(Debug, Clone)]
pub struct Operator {
    store: Store,
    clock: Clock,
}

impl Operator {
    /// Does no I/O.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Proves that the database accepts writes.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check_writable(&self) -> Result<(), SyncError> {
        Ok(self.store.check_writable().await?)
    }

    /// Files of the database that others than their owner may read or write.
    #[must_use]
    pub fn list_exposed_files(&self) -> Vec<ExposedFile> {
        self.store.list_exposed_files()
    }

    /// How many migrations are still to be applied.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_pending_migrations(&self) -> Result<usize, SyncError> {
        Ok(self.store.pending_migrations().await?)
    }

    /// Brings the schema up to date. Returns how many migrations were missing.
    ///
    /// # Errors
    /// Also when the database was written by a newer program.
    pub async fn migrate(&self) -> Result<usize, SyncError> {
        let pending = self.store.pending_migrations().await?;
        self.store.migrate().await?;
        Ok(pending)
    }
}
