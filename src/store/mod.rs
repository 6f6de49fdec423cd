//! Everything that must survive a power cut, and the only SQL of the program.
//!
//! One file per thing kept. A lookup that may find nothing returns an `Option`; a row that makes no sense
//! is [`StoreError::Inconsistent`], which is not the same as a database that is down. Whatever belongs
//! together is written in one transaction. The store decides nothing that needs the network.

mod apply;
mod db;
mod deliveries;
mod entities;
mod inbox;
mod leases;
mod polls;
mod report;
mod sites;
mod vault;

pub use deliveries::counts::{DeliveryCounts, QueueCounts};
pub use deliveries::next_batch::{DueBatch, DueDelivery, Pace};
pub use deliveries::outcomes::{DeliveryRow, Outcome};
pub use deliveries::readback::{Readback, ReadbackResult};
pub use entities::associations::EntityAssociation;
pub use entities::lookup::StoredEntity;
pub use entities::timeline::TimelineEntry;
pub use entities::workspaces::{Container, StoredWorkspace};
pub use inbox::{InboxEntry, InboxRow, QuarantinedRow, ReceiptRow, Recorded};
pub use leases::Lease;
pub use polls::refetches::Refetch;
pub use polls::state::{PollState, PollTrouble};
pub use report::{Applied, Origin, SourceScope, Told};
pub use sites::backoff::SiteTrouble;
pub use sites::installations::{Installation, InstallationState, NewInstallation};
pub use sites::removals::Removal;
pub use vault::{Vault, VaultError};

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::clock::Clock;
use db::Database;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached: try again.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("a migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row that this program cannot have written.
    #[error("the store holds {what} that makes no sense: {why}")]
    Inconsistent { what: String, why: String },
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// The open store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Database,
    vault: Arc<Vault>,
    clock: Clock,
}

impl Store {
    /// Opens the database at `url` without touching its schema.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open(url: &SecretString, vault: Vault, clock: Clock) -> Result<Self, StoreError> {
        Ok(Self { db: Database::open(url.expose_secret()).await?, vault: Arc::new(vault), clock })
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// When a migration fails or the database was written by a newer program.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.db.migrate().await
    }

    /// How many migrations are still to be applied.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_migrations(&self) -> Result<usize, StoreError> {
        self.db.pending_migrations().await
    }

    /// Writes and reads one row, to prove that the database takes writes.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        self.db
            .execute("UPDATE generations SET number = number WHERE name = $1", &db::args!["directory"])
            .await?;
        Ok(())
    }

    /// Waits for running statements and closes all connections.
    pub async fn close(&self) {
        self.db.close().await;
    }

    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }
}

/// JSON of a column that this program wrote.
fn from_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|fault| StoreError::Inconsistent { what: what.to_owned(), why: fault.to_string() })
}

fn to_json<T: serde::Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|fault| StoreError::Inconsistent { what: what.to_owned(), why: fault.to_string() })
}
