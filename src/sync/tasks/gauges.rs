//! Copies the counts of the store into metrics.
//!
//! Everything is computed first and then replaced at once, so no series vanishes meanwhile; what cannot be read
//! keeps its last values.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::task::{Next, Task};
use crate::domain::{DeliveryState, DestinationId};
use crate::store::{InboxState, QueueCounts, SiteHealth};
use crate::sync::SyncError;
use crate::sync::core::{Core, Faults};
use crate::telemetry::{
    MOST_SITES, OTHER, SiteLabel, SiteStateLabel, SourceLabel, SourceStateLabel, gauge_value,
};

/// Counting deliveries takes this part of the time at most: the more there are, the less often they are counted.
const COUNTING_SHARE: u32 = 400;

pub(super) struct UpdateGauges {
    core: Arc<Core>,
    /// Deliveries are not counted before, by the clock's elapsed time.
    count_at: Mutex<Duration>,
}

/// The sites with series of their own.
struct Named {
    sites: Vec<SiteHealth>,
    /// Whether there are others, which share one.
    has_others: bool,
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
        if let Some(named) = faults.keep("sites", self.find_named().await) {
            faults.keep("parked sites", self.update_sites(&named).await);
            faults.keep("deliveries", self.update_deliveries(&named).await);
            faults.keep("held creations", self.update_held(&named).await);
        }
        faults.keep("the oldest delivery", self.update_oldest().await);
        if let Some(counts) = faults.keep("inbox", self.core.store.inbox().count().await) {
            self.update_inbox(&counts);
        }
        faults.keep("polls", self.update_polls().await);
        faults.first().map(|()| Next::AtInterval)
    }
}

impl UpdateGauges {
    pub fn new(core: Arc<Core>) -> Self {
        Self { core, count_at: Mutex::default() }
    }

    /// The same few sites each time, however many there are.
    async fn find_named(&self) -> Result<Named, SyncError> {
        let sites = self.core.store.sites();
        let first = sites.list_names(MOST_SITES.saturating_add(1)).await?;
        let names = self.core.metrics.label_sites(&first);
        let has_others = first.iter().any(|name| !names.contains(name));
        Ok(Named { sites: sites.list_health(&names).await?, has_others })
    }

    async fn update_sites(&self, named: &Named) -> Result<(), SyncError> {
        let levels = &self.core.metrics.levels;
        let directory = self.core.directory.current().await?;
        let is_locked = |site: &str| directory.locked().any(|locked| locked.site == site);
        let mut parked: HashMap<String, i64> = HashMap::new();
        for site in &named.sites {
            let is_parked = site.parked || is_locked(&site.site);
            *parked.entry(site.site.clone()).or_default() += i64::from(is_parked);
        }
        if named.has_others {
            let of_named = named.sites.iter().filter(|site| site.parked).count();
            let all = self.core.store.sites().count_parked().await?;
            parked.insert(OTHER.to_owned(), all.saturating_sub(i64::try_from(of_named).unwrap_or(i64::MAX)));
        }
        levels.parked.replace(parked.into_iter().map(|(site, n)| (SiteLabel { site }, gauge_value(n))));
        let success = named.sites.iter().filter_map(|it| Some((&it.site, it.last_contact_at?.timestamp())));
        let label = |site: &String| SiteLabel { site: site.clone() };
        levels.delivery_success.replace(success.map(|(site, at)| (label(site), gauge_value(at))));
        Ok(())
    }

    async fn update_deliveries(&self, named: &Named) -> Result<(), SyncError> {
        let before = self.core.clock.elapsed();
        if before < *self.count_at.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(());
        }
        let counts = self.core.store.deliveries().count().await?;
        let sites: HashMap<&DestinationId, &String> =
            named.sites.iter().map(|it| (&it.id, &it.site)).collect();
        let other = named.has_others.then(|| OTHER.to_owned());
        let labels = named.sites.iter().map(|it| &it.site).chain(&other);
        let mut sums: HashMap<(&String, DeliveryState), i64> =
            labels.flat_map(|site| DeliveryState::ALL.map(|state| ((site, state), 0))).collect();
        for row in &counts {
            if let Some(site) = sites.get(&row.destination).copied().or(other.as_ref()) {
                *sums.entry((site, row.state)).or_default() += row.count;
            }
        }
        let label = |site: &String, state: DeliveryState| SiteStateLabel {
            site: site.clone(),
            state: state.as_str(),
        };
        let values = sums.into_iter().map(|((site, state), n)| (label(site, state), gauge_value(n)));
        self.core.metrics.levels.deliveries.replace(values);
        let now = self.core.clock.elapsed();
        let pause = now.saturating_sub(before).saturating_mul(COUNTING_SHARE);
        *self.count_at.lock().unwrap_or_else(PoisonError::into_inner) = now.saturating_add(pause);
        Ok(())
    }

    async fn update_held(&self, named: &Named) -> Result<(), SyncError> {
        let mut held: HashMap<String, i64> = HashMap::new();
        for (id, count) in self.core.store.sites().list_asked().await? {
            let site = named.sites.iter().find(|it| it.id == id).map_or(OTHER, |it| it.site.as_str());
            *held.entry(site.to_owned()).or_default() += count;
        }
        let values = held.into_iter().map(|(site, n)| (SiteLabel { site }, gauge_value(n)));
        self.core.metrics.levels.held_creations.replace(values);
        Ok(())
    }

    async fn update_oldest(&self) -> Result<(), SyncError> {
        let oldest = self.core.store.deliveries().find_oldest_waiting().await?;
        let age = oldest.map_or(0.0, |oldest| (self.core.clock.now() - oldest).as_seconds_f64().max(0.0));
        self.core.metrics.levels.oldest_waiting.set(age);
        Ok(())
    }

    fn update_inbox(&self, counts: &[QueueCounts]) {
        let counts: HashMap<(&str, &str), i64> =
            counts.iter().map(|row| ((row.source.as_str(), row.state.as_str()), row.count)).collect();
        let mut values = Vec::new();
        for source in self.core.registry.current().iter().map(|source| source.id().as_str()) {
            for state in [InboxState::New, InboxState::Quarantined].map(InboxState::as_str) {
                let label = SourceStateLabel { source: source.to_owned(), state };
                values.push((label, gauge_value(counts.get(&(source, state)).copied().unwrap_or_default())));
            }
        }
        self.core.metrics.levels.inbox.replace(values);
    }

    async fn update_polls(&self) -> Result<(), SyncError> {
        let mut polled = self.core.store.polls().list_progress().await?;
        let registry = self.core.registry.current();
        polled.retain(|row| registry.find(&row.source).is_some());
        let label = |source: &String| SourceLabel { source: source.clone() };
        let levels = &self.core.metrics.levels;
        let read = polled.iter().map(|row| (label(&row.source), gauge_value(row.read_count)));
        levels.backfill_read.replace(read);
        let expected = polled.iter().filter_map(|row| Some((label(&row.source), gauge_value(row.total?))));
        levels.backfill_expected.replace(expected);
        let complete = polled.iter().map(|row| (label(&row.source), f64::from(u8::from(row.caught_up))));
        levels.backfill_complete.replace(complete);
        // The instant of the last page, unless the last answer was a failure: then the one before it stays.
        for row in polled.iter().filter(|row| row.failures == 0 && row.polled_at.timestamp() > 0) {
            levels.poll_success.get_or_create(&label(&row.source)).set(row.polled_at.timestamp());
        }
        Ok(())
    }
}
