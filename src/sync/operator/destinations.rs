//! The destinations of the configuration: what waits for each, and what holds it up.

use serde::Serialize;

use super::{DeliveryTotals, Operator};
use crate::clock::Timestamp;
use crate::config::DestinationConfig;
use crate::domain::SourceId;
use crate::store::Place;
use crate::sync::core::SyncError;

/// One destination of the configuration.
#[derive(Debug, Clone, Serialize)]
pub struct DestinationStatus {
    pub id: String,
    #[serde(rename = "type")]
    pub type_name: String,
    /// `None` for all.
    pub sources: Option<Vec<SourceId>>,
    /// Whether a running bridge has taken it up.
    pub known: bool,
    pub deliveries: DeliveryTotals,
    /// Nothing is sent before then.
    pub waits_until: Option<Timestamp>,
    /// Why a person must act, if so.
    pub parked: Option<String>,
}

impl Operator {
    /// Each destination of the configuration, in its order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_destinations(
        &self,
        configured: &[DestinationConfig],
    ) -> Result<Vec<DestinationStatus>, SyncError> {
        let places = self.store.sites().list_places().await?;
        let counts = self.store.deliveries().count().await?;
        let now = self.clock.now();
        let describe = |config: &DestinationConfig| {
            let place = places.iter().find(|place| place.id.as_str() == config.id);
            let own = counts.iter().filter(|row| row.destination.as_str() == config.id);
            DestinationStatus {
                deliveries: DeliveryTotals::sum(own),
                waits_until: place.map(|place| place.wait_until(now)).filter(|until| *until > now),
                parked: place.and_then(|place: &Place| place.parked.clone()),
                known: place.is_some(),
                ..DestinationStatus::unseen(config)
            }
        };
        Ok(configured.iter().map(describe).collect())
    }
}

impl DestinationStatus {
    /// As the configuration has it, before any bridge has taken it up.
    #[must_use]
    pub fn unseen(config: &DestinationConfig) -> Self {
        Self {
            id: config.id.clone(),
            type_name: config.type_name.clone(),
            sources: config.sources.clone(),
            known: false,
            deliveries: DeliveryTotals::default(),
            waits_until: None,
            parked: None,
        }
    }
}
