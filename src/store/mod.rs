//! Everything that must survive a power cut, and the only SQL of the program.
//!
//! One room per thing kept, each a small type that borrows the database and the clock: `store.inbox()`,
//! `store.deliveries()`. A room names only the rooms to the left of it:
//!
//! ```text
//! db, vault  <-  leases  inbox  polls  timeline  sites  <-  deliveries  entities  <-  transactions
//! ```
//!
//! `deliveries` and `entities` use `timeline`; `deliveries` uses `sites`. What must be written together and
//! belongs to several rooms is a transaction in `transactions`, a method of [`Store`] itself.
//!
//! Every method fails with [`StoreError`] when the database does, and has then written nothing; other reasons
//! to fail are named with the method. A lookup that may find nothing returns an `Option`; an invalid row is
//! [`StoreError::Inconsistent`], which is not the same as a database that is down. Writing methods take
//! groups: the rows of a group are written in one transaction. The store decides nothing that needs the
//! network.

mod db;
mod deliveries;
mod entities;
mod error;
mod inbox;
mod leases;
mod polls;
mod sites;
mod timeline;
mod transactions;
mod vault;

pub use db::copy::CopiedTable;
pub use db::files::ExposedFile;
pub use db::news::{Change, News};
pub use db::owner::Ownership;
pub use db::place::DatabasePlace;
pub use deliveries::Deliveries;
pub use deliveries::batch_rules::{BatchRules, Pace, Turn};
pub use deliveries::counts::{DeliveryCounts, DestinationWithWork};
pub use deliveries::erasure::Reason;
pub use deliveries::listing::DeliveryRow;
pub use deliveries::next_batch::NextBatch;
pub use deliveries::queue::WaitingEntity;
pub use deliveries::readback::{Readback, ReadbackResult};
pub use entities::Entities;
pub use entities::associations::EntityAssociation;
pub use entities::incidents::IncidentFilter;
pub use entities::lookup::{Container, StoredDigest, StoredEntity};
pub use entities::workspaces::StoredWorkspace;
pub use error::{DatabaseTrouble, StoreError};
pub use inbox::bodies::StoredBody;
pub use inbox::body::Body;
pub use inbox::quarantine::QuarantinedRow;
pub use inbox::record::Recorder;
pub use inbox::{Inbox, InboxEntry, InboxRow, InboxState, QueueCounts, ReceiptRow, Recorded};
pub use leases::points::Points;
pub use leases::{Lease, Leases};
pub use polls::Polls;
pub use polls::erasure::Fact;
pub use polls::refetches::Refetch;
pub use polls::state::{PollFailure, PollProgress, PollState};
pub use sites::approval::Approval;
pub use sites::backoff::Backoff;
pub use sites::declared::{DeclaredDestination, Place};
pub use sites::health::SiteHealth;
pub use sites::installations::{Installation, InstallationState, NewInstallation};
pub use sites::known::{DirectoryChanges, KnownSite};
pub use sites::ledger::{Ledger, LedgerFilter, LedgerRow};
pub use sites::lifecycle_calls::{CallStanding, LifecycleCall};
pub use sites::removals::Removal;
pub use sites::secrets::SealedSecret;
pub use sites::{DestinationRef, Sites};
pub use timeline::erasure::Quotation;
pub use timeline::event::{Cause, TimelineEvent};
pub use timeline::{Timeline, TimelineEntry};
pub use transactions::claim::Claim;
pub use transactions::report::{Applied, Origin, Report, SourceScope};
pub use vault::{Vault, VaultError};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::clock::Clock;
use db::news::Outbox;
use db::{Database, generations};
use leases::HeldLeases;
use transactions::audience::Audiences;

/// The open store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Database,
    vault: Arc<Vault>,
    clock: Clock,
    held: HeldLeases,
    outbox: Outbox,
    audiences: Arc<Audiences>,
}

impl Store {
    /// Opens the database at `url` without touching its schema.
    pub async fn open(url: &SecretString, vault: Vault, clock: Clock) -> Result<Self, StoreError> {
        let db = Database::open(url.expose_secret()).await?;
        let (vault, held, outbox) = (Arc::new(vault), HeldLeases::default(), Outbox::default());
        Ok(Self { db, vault, clock, held, outbox, audiences: Arc::default() })
    }

    /// The file of the SQLite database at `url`, if it does not exist: opening would create it.
    #[must_use]
    pub fn find_missing(url: &SecretString) -> Option<PathBuf> {
        db::find_missing(url.expose_secret())
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// Also when the database was written by a newer program.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.db.migrate().await
    }

    /// How many migrations are still to be applied.
    pub async fn pending_migrations(&self) -> Result<usize, StoreError> {
        self.db.pending_migrations().await
    }

    /// Writes one row, to prove that the database accepts writes.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        generations::check_writable(&self.db).await
    }

    /// Whether somebody waits until nobody else writes: whoever writes much should then write little at once.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.db.is_waited_for()
    }

    /// Whether only one process can sync from this database.
    #[must_use]
    pub fn has_one_process(&self) -> bool {
        self.db.has_one_process()
    }

    /// Makes this process one that syncs from the database: the only one on SQLite, where it waits for another's end
    /// for at most `patience`.
    ///
    /// # Errors
    /// [`StoreError::Owned`] when it may not, with a sentence that says what to do.
    pub async fn become_owner(&self, patience: Duration) -> Result<Ownership, StoreError> {
        Ownership::take(&self.db, patience).await
    }

    /// Files of the database that others than their owner may read or write.
    #[must_use]
    pub fn list_exposed_files(&self) -> Vec<ExposedFile> {
        self.db.list_exposed_files()
    }

    /// Makes sure that what was erased cannot be read in the database's files. Returns `false` when a reader was
    /// in the way: then call it again later.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        self.db.empty_log().await
    }

    /// Gives a little of the space that is no longer used back to the file system. Returns whether more is left.
    pub async fn vacuum_step(&self) -> Result<bool, StoreError> {
        self.db.vacuum_step().await
    }

    /// Waits for running statements and closes all connections.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// The vault, which seals the secrets.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Copies everything to another store, which must be empty, and compares what arrived, table by table. Returns the
    /// tables.
    ///
    /// # Errors
    /// Also when the other one is not empty, when a schema is not this program's, or when the copy differs: nothing is
    /// then kept.
    pub async fn copy_to(&self, target: &Self) -> Result<Vec<CopiedTable>, StoreError> {
        target.db.migrate().await?;
        self.db.copy_to(&target.db).await
    }

    /// Tells the other processes that something has changed, once somebody reads [`Store::listen`].
    pub fn tell(&self, change: Change) {
        if !self.db.has_one_process() {
            self.outbox.add(change);
        }
    }

    /// What other processes change from now on. `None` on SQLite, where there is nobody else.
    pub async fn listen(&self) -> Result<Option<News>, StoreError> {
        News::open(&self.db, self.outbox.clone(), &self.clock.new_id()).await
    }

    /// What all processes have spent of hourly limits.
    #[must_use]
    pub fn points(&self) -> Points<'_> {
        Points::new(&self.db)
    }

    /// Which process currently does a piece of work.
    #[must_use]
    pub fn leases(&self) -> Leases<'_> {
        Leases::new(&self.db, &self.clock, &self.held)
    }

    /// What destinations remember of what they have made.
    #[must_use]
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger::new(&self.db, &self.clock)
    }

    /// Webhooks as they arrived.
    #[must_use]
    pub fn inbox(&self) -> Inbox<'_> {
        Inbox::new(&self.db, &self.clock)
    }

    /// How far each source has been read.
    #[must_use]
    pub fn polls(&self) -> Polls<'_> {
        Polls::new(&self.db, &self.clock)
    }

    /// What happened to each entity.
    #[must_use]
    pub fn timeline(&self) -> Timeline<'_> {
        Timeline::new(&self.db, &self.clock)
    }

    /// Destinations, and what keeps each from being served.
    #[must_use]
    pub fn sites(&self) -> Sites<'_> {
        Sites::new(&self.db, &self.clock, &self.vault)
    }

    /// What each destination should hold and what it has acknowledged.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries<'_> {
        Deliveries::new(&self.db, &self.clock, self.sites(), self.timeline())
    }

    /// Incidents, reviews and components in their current version.
    #[must_use]
    pub fn entities(&self) -> Entities<'_> {
        Entities::new(&self.db, &self.clock, self.timeline())
    }
}
