//! What waits for a destination, and what a destination refused.

use serde::Serialize;

use super::Operator;
use crate::domain::{DeliveryState, EntityId};
use crate::store::{DeliveryCounts, DeliveryRow};
use crate::sync::core::SyncError;

/// Deliveries by state. Discarded ones are not counted: nobody waits for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryTotals {
    pub waiting: i64,
    pub refused: i64,
    pub accepted: i64,
    pub confirmed: i64,
}

impl DeliveryTotals {
    pub(super) fn sum<'a>(counts: impl Iterator<Item = &'a DeliveryCounts>) -> Self {
        let mut totals = Self::default();
        for row in counts {
            match row.state {
                DeliveryState::Waiting => totals.waiting += row.count,
                DeliveryState::Refused => totals.refused += row.count,
                DeliveryState::Accepted => totals.accepted += row.count,
                DeliveryState::Confirmed => totals.confirmed += row.count,
                DeliveryState::Discarded => {}
            }
        }
        totals
    }
}

/// What will be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retried {
    #[serde(rename = "count")]
    pub deliveries: u64,
    /// Parked sites, which are retried at once.
    pub sites: u64,
}

impl Operator {
    /// What waits or was refused, with `failed` only what was refused; oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_deliveries(&self, failed: bool, limit: usize) -> Result<Vec<DeliveryRow>, SyncError> {
        let state = failed.then_some(DeliveryState::Refused);
        Ok(self.store.deliveries().list(state, limit).await?)
    }

    /// The deliveries of all destinations.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_deliveries(&self) -> Result<DeliveryTotals, SyncError> {
        let counts = self.store.deliveries().count().await?;
        Ok(DeliveryTotals::sum(counts.iter()))
    }

    /// Ids under which nothing is or was to be sent anywhere.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_undelivered(&self, ids: &[EntityId]) -> Result<Vec<EntityId>, SyncError> {
        let mut unknown = Vec::new();
        for id in ids {
            if self.store.deliveries().list_of(id).await?.is_empty() {
                unknown.push(id.clone());
            }
        }
        Ok(unknown)
    }

    /// Queues for sending again: of `ids` what was refused or discarded, or else everything that was refused,
    /// and then parked sites are retried too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_deliveries(&self, ids: Option<&[EntityId]>) -> Result<Retried, SyncError> {
        let deliveries = self.store.deliveries().retry(ids).await?;
        let sites = if ids.is_none() { self.store.sites().retry_parked().await? } else { 0 };
        Ok(Retried { deliveries, sites })
    }

    /// Gives up on entities until their next change. Returns how many deliveries that stops.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn discard_deliveries(&self, ids: &[EntityId]) -> Result<u64, SyncError> {
        Ok(self.store.deliveries().discard(ids).await?)
    }
}
