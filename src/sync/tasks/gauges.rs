//! Copies the counts of the store into metrics.
//!
//! Everything is computed first and then replaced at once, so no series vanishes meanwhile; what cannot be read
//! keeps its last values.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::domain::DeliveryState;
use crate::store::{DeliveryCounts, InboxState, InstallationState, PollState, QueueCounts};
use crate::sync::SyncError;
use crate::sync::core::{Core, Faults};
use crate::sync::registry::SourceRuntime;
use crate::telemetry::{SiteLabel, SiteStateLabel, SourceLabel, SourceStateLabel, Sums, gauge_value};

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
        let mut faults = Faults::default();
        faults.keep("installations", self.update_sites().await);
        if let Some(counts) = faults.keep("deliveries", self.core.store.deliveries().count().await) {
            self.update_deliveries(&counts);
        }
        if let Some(counts) = faults.keep("inbox", self.core.store.inbox().count().await) {
            self.update_inbox(&counts);
        }
        faults.keep("polls", self.update_polls().await);
        faults.first().map(|()| Next::AtInterval)
    }
}

impl UpdateGauges {
    async fn update_sites(&self) -> Result<(), SyncError> {
        let metrics = &self.core.metrics;
        let (mut parked, mut success) = (Sums::default(), Vec::new());
        for installation in self.core.store.sites().list_installations().await? {
            if matches!(installation.state, InstallationState::Enabled | InstallationState::Disabled) {
                let label = metrics.site_label(&installation.site);
                let is_itself = label.site == installation.site;
                parked.add(label.site.clone(), f64::from(u8::from(installation.parked.is_some())));
                let at = installation.last_contact_at.filter(|_| is_itself);
                success.extend(at.map(|at| (label, gauge_value(at.timestamp()))));
            }
        }
        metrics.levels.parked.replace(parked.into_values().map(|(site, n)| (SiteLabel { site }, n)));
        metrics.levels.delivery_success.replace(success);
        Ok(())
    }

    fn update_deliveries(&self, counts: &[DeliveryCounts]) {
        let (metrics, now) = (&self.core.metrics, self.core.clock.now());
        let mut sums = Sums::default();
        // An unconfirmed one has no deliveries, and shares its name with the one that is in use.
        for access in self.core.directory.current().destinations().filter(|access| access.confirmed) {
            let site = metrics.site_label(&access.name).site;
            for state in DeliveryState::ALL {
                let count = counts.iter().find(|row| row.destination == access.id && row.state == state);
                let count = gauge_value(count.map_or(0, |row| row.count));
                sums.add((site.clone(), state.as_str()), count);
            }
        }
        let values = sums.into_values().map(|((site, state), n)| (SiteStateLabel { site, state }, n));
        metrics.levels.deliveries.replace(values);
        let waiting = counts.iter().filter(|row| row.state == DeliveryState::Waiting);
        let oldest = waiting.map(|row| row.oldest).min();
        let age = oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64().max(0.0));
        metrics.levels.oldest_waiting.set(age);
    }

    fn update_inbox(&self, counts: &[QueueCounts]) {
        let mut values = Vec::new();
        for source in self.core.registry.current().iter().map(|source| source.id().as_str()) {
            for state in [InboxState::New, InboxState::Quarantined] {
                let count = counts.iter().find(|row| row.source == source && row.state == state);
                let label = SourceStateLabel { source: source.to_owned(), state: state.as_str() };
                values.push((label, gauge_value(count.map_or(0, |row| row.count))));
            }
        }
        self.core.metrics.levels.inbox.replace(values);
    }

    async fn update_polls(&self) -> Result<(), SyncError> {
        let mut polled: Vec<(Arc<SourceRuntime>, PollState)> = Vec::new();
        for source in self.core.registry.current().iter() {
            let state = self.core.store.polls().find(source.id()).await?;
            polled.extend(state.map(|state| (source.clone(), state)));
        }
        let label = |source: &SourceRuntime| SourceLabel { source: source.id().to_string() };
        let levels = &self.core.metrics.levels;
        let read = polled.iter().map(|(source, state)| (label(source), gauge_value(state.read_count)));
        levels.backfill_read.replace(read);
        let expected = polled.iter().filter_map(|(source, state)| Some((label(source), state.total?)));
        levels.backfill_expected.replace(expected.map(|(label, total)| (label, gauge_value(total))));
        let complete =
            polled.iter().map(|(source, state)| (label(source), f64::from(u8::from(state.caught_up))));
        levels.backfill_complete.replace(complete);
        // The instant of the last page, unless the last answer was a failure: then the one before it stays.
        for (source, state) in
            polled.iter().filter(|(_, state)| state.failures == 0 && state.polled_at.timestamp() > 0)
        {
            levels.poll_success.get_or_create(&label(source)).set(state.polled_at.timestamp());
        }
        Ok(())
    }
}
