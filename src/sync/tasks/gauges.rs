//! Copies the counts of the store into metrics.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::domain::DeliveryState;
use crate::store::{DeliveryCounts, InboxState, InstallationState};
use crate::sync::SyncError;
use crate::sync::core::{Core, Faults};
use crate::telemetry::{SiteLabel, SourceLabel};

pub(in crate::sync) struct UpdateGauges {
    pub core: Arc<Core>,
}

#[async_trait]
impl Task for UpdateGauges {
    fn name(&self) -> &'static str {
        "gauges"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(15)
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let metrics = &self.core.metrics;
        // A series that is not set below no longer exists, and must not keep its last value.
        metrics.deliveries.clear();
        metrics.parked.clear();
        metrics.inbox.clear();
        let mut faults = Faults::default();
        faults.keep("parked", self.update_parked().await);
        if let Some(counts) = faults.keep("deliveries", self.core.store.deliveries().count().await) {
            self.update_deliveries(&counts);
        }
        faults.keep("sources", self.update_sources().await);
        faults.first().map(|()| Next::AtInterval)
    }
}

impl UpdateGauges {
    async fn update_parked(&self) -> Result<(), SyncError> {
        for installation in self.core.store.sites().list_installations().await? {
            if matches!(installation.state, InstallationState::Enabled | InstallationState::Disabled) {
                let label = SiteLabel { site: installation.site, result: "parked".to_owned() };
                let parked = i64::from(installation.parked.is_some());
                self.core.metrics.parked.get_or_create(&label).set(parked);
            }
        }
        Ok(())
    }

    fn update_deliveries(&self, counts: &[DeliveryCounts]) {
        let (metrics, now) = (&self.core.metrics, self.core.clock.now());
        // An unconfirmed one has no deliveries, and shares its name with the one that is in use.
        for access in self.core.directory.current().destinations().filter(|access| access.confirmed) {
            for state in DeliveryState::ALL {
                let count = counts.iter().find(|row| row.destination == access.id && row.state == state);
                let label = SiteLabel { site: access.name.clone(), result: state.as_str().to_owned() };
                metrics.deliveries.get_or_create(&label).set(count.map_or(0, |row| row.count));
            }
        }
        let waiting = counts.iter().filter(|row| row.state == DeliveryState::Waiting);
        let oldest = waiting.map(|row| row.oldest).min();
        let age = oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64().max(0.0));
        metrics.oldest_waiting_seconds.set(age);
    }

    async fn update_sources(&self) -> Result<(), SyncError> {
        let (store, metrics) = (&self.core.store, &self.core.metrics);
        let inbox = store.inbox().count().await?;
        let mut faults = Faults::default();
        for source in self.core.registry.current().iter() {
            let label =
                |result: &str| SourceLabel { source: source.id().to_string(), result: result.to_owned() };
            let state = faults.keep(source.id().as_str(), store.polls().find(source.id()).await);
            if let Some(state) = state.flatten() {
                let set = |result: &str, value: i64| {
                    metrics.backfill.get_or_create(&label(result)).set(value);
                };
                set("read", state.read_count);
                set("total", state.total.unwrap_or(0));
                set("done", i64::from(state.caught_up));
            }
            for state in [InboxState::New, InboxState::Quarantined] {
                let count = inbox.iter().find(|row| row.source == source.id().as_str() && row.state == state);
                metrics.inbox.get_or_create(&label(state.as_str())).set(count.map_or(0, |row| row.count));
            }
        }
        faults.first()
    }
}
