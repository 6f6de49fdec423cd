//! From the store to the destinations: confirm, serve, read back, link, remove, compare.
//!
//! Knows the trait of destinations but no destination, and nothing of the way in.

mod ask;
mod confirm;
mod consent;
mod deliver;
mod drift;
mod later;
mod ledger;
mod link;
mod near_limit;
mod offer;
mod read_pauses;
mod readback;
mod record;
mod removal;
mod requests;
mod seat;
mod serve;
mod site_backoff;
mod tidy;
mod turns;
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use removal::PlannedRemoval;
pub use seat::Seat;

use self::ledger::StoredLedger;
use self::near_limit::NearLimit;
use self::read_pauses::ReadPauses;
use self::turns::Turns;
use super::core::Core;
use super::directory::DestinationAccess;
use crate::config::{Config, Delivery};
use crate::destinations::{Account, BuildError, Destination, DestinationTypes};
use crate::http::Observer;

/// The use cases of the way out.
pub struct Outbound {
    core: Arc<Core>,
    /// Counts every request to a destination.
    observer: Observer,
    types: DestinationTypes,
    delivery: Delivery,
    auto_link: AtomicBool,
    removal_grace: Duration,
    near_limit: NearLimit,
    read_pauses: ReadPauses,
    turns: Turns,
    /// A removal was held back by a limit, and goes on soon.
    unfinished_removal: AtomicBool,
}

impl Outbound {
    pub(in crate::sync) fn new(core: Arc<Core>, types: DestinationTypes, config: &Config) -> Self {
        Self {
            observer: requests::count_requests(&core),
            core,
            types,
            delivery: config.delivery.clone(),
            auto_link: AtomicBool::new(config.connect.auto_link()),
            removal_grace: config.sync.removal_grace,
            near_limit: NearLimit::default(),
            read_pauses: ReadPauses::default(),
            turns: Turns::default(),
            unfinished_removal: AtomicBool::default(),
        }
    }

    /// Whether every workspace that a site may see is linked with it from now on.
    pub(in crate::sync) fn link_by_itself(&self, all: bool) {
        self.auto_link.store(all, Ordering::SeqCst);
    }

    /// The most destinations that are served at once.
    #[must_use]
    pub fn parallel(&self) -> usize {
        self.delivery.parallel_sites
    }

    /// How long a change may wait for others before it is sent.
    #[must_use]
    pub fn linger(&self) -> Duration {
        self.delivery.linger
    }

    /// How soon a removal goes on that a limit has held back.
    pub const REMOVAL_GOES_ON: Duration = Duration::from_secs(3);

    /// Whether a removal was held back by a limit.
    #[must_use]
    pub fn has_unfinished_removal(&self) -> bool {
        self.unfinished_removal.load(Ordering::SeqCst)
    }

    /// The types of destinations that this process has.
    #[must_use]
    pub fn types(&self) -> &DestinationTypes {
        &self.types
    }

    /// What sentences call a destination.
    fn title(&self, access: &DestinationAccess) -> &'static str {
        self.types.find_kind(&access.type_name).map_or("the destination", |kind| kind.title)
    }

    /// Notified when a request waits for another to the same destination; for simulations, which must know
    /// that nothing goes on by itself.
    #[must_use]
    pub fn turn_awaited(&self) -> &tokio::sync::Notify {
        &self.turns.awaited
    }

    /// A destination, ready to be asked; its requests wait for those under way.
    ///
    /// # Errors
    /// When its stored or configured data is invalid.
    pub fn connect(&self, access: &DestinationAccess) -> Result<Arc<dyn Destination>, BuildError> {
        let found = self.types.find(&access.type_name);
        let found = found
            .ok_or_else(|| BuildError(format!("there is no destination type {:?}", access.type_name)))?;
        let destination = found.build(Account {
            id: access.id.clone(),
            name: access.name.clone(),
            base_url: access.base_url.clone(),
            secret: access.secret().cloned(),
            options: access.options.clone(),
            ledger: Arc::new(StoredLedger { store: self.core.store.clone(), destination: access.id.clone() }),
        })?;
        Ok(self.turns.take(&access.id, destination))
    }
}
