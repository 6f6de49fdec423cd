//! Copies the counts of the store into metrics.

use crate::domain::DeliveryState;
use crate::store::{InboxState, InstallationState};
use crate::sync::engine::{Engine, SyncError};
use crate::telemetry::{SiteLabel, SourceLabel};

impl Engine {
    /// # Errors
    /// When the database fails.
    pub async fn update_gauges(&self) -> Result<(), SyncError> {
        let counts = self.store.deliveries().count().await?;
        let snapshot = self.directory.current();
        // What is not set below has gone, and must not stay at its last value.
        self.metrics.deliveries.clear();
        self.metrics.parked.clear();
        self.metrics.inbox.clear();
        for installation in self.store.sites().list_installations().await? {
            if matches!(installation.state, InstallationState::Enabled | InstallationState::Disabled) {
                let label = SiteLabel { site: installation.site, result: "parked".to_owned() };
                self.metrics.parked.get_or_create(&label).set(i64::from(installation.parked.is_some()));
            }
        }
        for site in snapshot.sites() {
            for state in DeliveryState::ALL {
                let count =
                    counts.iter().find(|row| row.destination == site.destination.id && row.state == state);
                let label = SiteLabel { site: site.site.clone(), result: state.as_str().to_owned() };
                self.metrics.deliveries.get_or_create(&label).set(count.map_or(0, |row| row.count));
            }
        }
        let oldest =
            counts.iter().filter(|row| row.state == DeliveryState::Waiting).map(|row| row.oldest).min();
        let age = oldest.map_or(0.0, |oldest| (self.clock.now() - oldest).as_seconds_f64().max(0.0));
        self.metrics.oldest_waiting_seconds.set(age);
        let inbox = self.store.inbox().count().await?;
        for source in self.registry.iter() {
            if let Some(state) = self.store.polls().find(source.id()).await? {
                let set = |result: &str, value: i64| {
                    let label = SourceLabel { source: source.id().to_string(), result: result.to_owned() };
                    self.metrics.backfill.get_or_create(&label).set(value);
                };
                set("read", state.read_count);
                set("total", state.total.unwrap_or(0));
                set("done", i64::from(state.caught_up));
            }
            for state in [InboxState::New, InboxState::Quarantined] {
                let count = inbox.iter().find(|row| row.source == source.id().as_str() && row.state == state);
                let label =
                    SourceLabel { source: source.id().to_string(), result: state.as_str().to_owned() };
                self.metrics.inbox.get_or_create(&label).set(count.map_or(0, |row| row.count));
            }
        }
        Ok(())
    }
}
