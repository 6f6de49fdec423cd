//! What a person approves before a destination makes much.

use serde::Serialize;

use super::Operator;
use crate::store::Approval;
use crate::sync::core::SyncError;

/// A destination whose first sync waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldDestination {
    /// What operators call it.
    pub destination: String,
    /// How many things it would make, as far as is known.
    pub count: i64,
}

impl Operator {
    /// The destinations whose first sync waits for a person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_held(&self) -> Result<Vec<HeldDestination>, SyncError> {
        let mut held = Vec::new();
        for place in self.store.sites().list_places().await? {
            if let Approval::Asked(count) = self.store.sites().find_approval(&place.id).await? {
                held.push(HeldDestination { destination: place.name, count });
            }
        }
        Ok(held)
    }

    /// Lets a destination make whatever its first sync finds, now and from then on. Returns how many deliveries had waited
    /// for that; `None` when there is no such destination.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn approve(&self, destination: &str) -> Result<Option<u64>, SyncError> {
        let places = self.store.sites().list_places().await?;
        let Some(place) = places.into_iter().find(|place| place.name == destination) else { return Ok(None) };
        self.store.sites().record_approval(&place.id, Approval::Settled).await?;
        let deliveries = self.store.deliveries();
        Ok(Some(deliveries.wake_all(&place.id, &Approval::reason(&place.id)).await?))
    }
}
