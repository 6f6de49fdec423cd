//! A first sync: what it finds waits for a full request, but never long and never without pages coming in.

use std::ops::Range;
use std::time::Duration;

use chrono::TimeDelta;
use incident_bridge::domain::{DestinationId, Observation};
use incident_bridge::store::{Origin, Pace, PollFailure, Report, SourceScope};

use super::{World, component, incident, rules, source};
use crate::harness::start_time;

/// A page of a poll, the last one or not.
pub async fn poll(world: &World, observations: &[Observation], caught_up: bool) {
    let (source, sites) = (source(), [super::SITE.to_owned()]);
    let scope = SourceScope { source: &source, teams: false, sites: &sites };
    let origin = Origin::Poll { cursor: None, caught_up, total: None };
    let report = Report { observations, ..Report::new(origin) };
    world.store.apply(&scope, &[report]).await.expect("it applies");
}

/// A first sync with the site that it fills, request by request of at most three entities.
struct FirstSync {
    world: World,
    site: DestinationId,
}

impl FirstSync {
    async fn start(world: World) -> Self {
        let site = world.install("key", "a secret of enough bytes").await;
        world.store.polls().find_or_begin(&source(), Duration::from_hours(1)).await.expect("a cursor");
        Self { world, site }
    }

    /// A page with the incidents of these numbers, not the last one.
    async fn read(&self, numbers: Range<usize>) {
        let page: Vec<_> = numbers.map(|n| incident(&format!("Q{n}"), "Backfilled", 0)).collect();
        poll(&self.world, &page, false).await;
    }

    /// How many entities the next request has, and whether it is due.
    async fn due(&self) -> (usize, bool) {
        let (deliveries, rules) = (self.world.store.deliveries(), rules(3, Pace::Everything));
        let batch = deliveries.find_next_batch(&self.site, &rules).await.expect("it finds");
        let is_due = deliveries.is_due(&self.site, &rules).await.expect("it finds");
        (batch.map_or(0, |batch| batch.entities.len()), is_due)
    }

    /// Reaches the end, sends everything, and starts the next first sync.
    async fn deliver(&self) {
        poll(&self.world, &[], true).await;
        self.world.deliver(&self.site, false).await;
        self.world.store.polls().restart(&source(), start_time()).await.expect("it starts over");
    }
}

pub async fn what_it_finds_waits_until_it_fills_a_request(world: World) {
    let sync = FirstSync::start(world).await;
    sync.read(0..2).await;
    assert_eq!(sync.due().await, (0, false));
    sync.read(2..4).await;
    assert_eq!(sync.due().await, (3, false), "enough for a request");
    sync.deliver().await;
    // Incidents wait for the components they affect, and people wait for live changes.
    poll(&sync.world, &[component("S1", 0)], false).await;
    assert_eq!(sync.due().await, (1, true));
    sync.deliver().await;
    sync.read(4..5).await;
    assert_eq!(sync.due().await, (0, false));
    sync.world.apply(&[incident("LIVE", "Just now", 1)]).await;
    assert_eq!(sync.due().await, (2, true), "the others come along");
    sync.deliver().await;
    // Nothing waits for long.
    sync.read(5..6).await;
    for _ in 0..3 {
        sync.world.clock.advance(TimeDelta::seconds(9));
        sync.read(0..0).await;
        assert_eq!(sync.due().await, (0, false));
    }
    sync.world.clock.advance(TimeDelta::seconds(3));
    assert_eq!(sync.due().await, (1, true));
}

pub async fn what_it_finds_waits_for_no_page_that_does_not_come(world: World) {
    let sync = FirstSync::start(world).await;
    sync.read(6..7).await;
    sync.world.clock.advance(TimeDelta::seconds(10));
    assert_eq!(sync.due().await, (1, true));
    let failure = PollFailure {
        wait_until: sync.world.clock.now(),
        message: "too many requests".to_owned(),
        start_over: false,
        refused: false,
    };
    sync.read(0..0).await;
    assert_eq!(sync.due().await, (0, false));
    sync.world.store.polls().record_failure(&source(), &failure).await.expect("it records");
    assert_eq!(sync.due().await, (1, true));
    sync.read(0..0).await;
    assert_eq!(sync.due().await, (0, false));
    sync.world.clock.advance(TimeDelta::hours(-1));
    assert_eq!(sync.due().await, (1, true), "the clock was set back");
    sync.deliver().await;
    sync.read(7..8).await;
    assert_eq!(sync.due().await, (0, false));
    poll(&sync.world, &[], true).await;
    assert_eq!(sync.due().await, (1, true), "the end is reached");
}
