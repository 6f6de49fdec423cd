//! The loops that turn the crank: woken by a signal or by the clock, one round at a time.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timestamp};
use crate::domain::ClientKey;
use crate::sync::engine::{Engine, Signals, SyncError};

/// How often a reconciler looks by itself: a lost signal costs at most this.
const TICK: Duration = Duration::from_secs(1);
/// Links change rarely, and each look reads every site.
const LINK_TICK: Duration = Duration::from_secs(10);
const GAUGE_TICK: Duration = Duration::from_secs(15);
/// A reconciler silent for this long is stuck.
const STUCK_AFTER: Duration = Duration::from_mins(2);

/// When each reconciler last finished a round.
#[derive(Debug, Clone, Default)]
pub struct Beats(Arc<Mutex<BTreeMap<&'static str, Beat>>>);

/// By the clock on the wall, for people, and by the time since the start, which nobody sets.
#[derive(Debug, Clone, Copy)]
struct Beat {
    at: Timestamp,
    elapsed: Duration,
}

/// The state of one reconciler.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Pulse {
    pub name: &'static str,
    pub last: Timestamp,
    pub alive: bool,
}

impl Beats {
    fn beat(&self, name: &'static str, clock: &Clock) {
        let beat = Beat { at: clock.now(), elapsed: clock.elapsed() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, beat);
    }

    #[must_use]
    pub fn pulses(&self, clock: &Clock) -> Vec<Pulse> {
        let (beats, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), clock.elapsed());
        let pulse = |(name, beat): (&&'static str, &Beat)| {
            let alive = now.saturating_sub(beat.elapsed) < STUCK_AFTER;
            Pulse { name, last: beat.at, alive }
        };
        beats.iter().map(pulse).collect()
    }
}

impl Engine {
    /// Keeps the directory as the store has it, which every role needs.
    pub async fn watch_directory(self: Arc<Self>, beats: Beats, stop: CancellationToken) {
        run_loop(self, Round::Directory, beats, stop).await;
    }

    /// Runs everything that changes something until `stop`; then lets the rounds under way finish.
    pub async fn run(self: Arc<Self>, beats: Beats, stop: CancellationToken) {
        let rounds = Round::WORK.map(|round| run_loop(self.clone(), round, beats.clone(), stop.clone()));
        tokio::join!(futures::future::join_all(rounds), self.dispatch(&beats, &stop));
    }

    async fn round(&self, round: Round) -> Result<(), SyncError> {
        match round {
            Round::Inbox => self.process_inbox().await.map(|_| ()),
            Round::Link => self.link_workspaces().await.map(|_| ()),
            Round::Directory => Ok(self.directory.refresh_if_changed().await.map(|_| ())?),
            Round::Gauges => self.update_gauges().await,
            Round::Reconcile => self.reconcile().await,
        }
    }

    /// Starts a task per site that has work; a slow site occupies nobody but itself. A site at which nothing
    /// could be done rests until the next tick or signal.
    async fn dispatch(self: &Arc<Self>, beats: &Beats, stop: &CancellationToken) {
        let mut busy: HashSet<ClientKey> = HashSet::new();
        let mut resting: HashSet<ClientKey> = HashSet::new();
        let mut tasks: JoinSet<(ClientKey, bool)> = JoinSet::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            match self.store.deliveries().list_destinations_with_work().await {
                Ok(sites) => {
                    for site in sites.into_iter().map(|site| ClientKey(site.0)) {
                        let is_free = !busy.contains(&site) && !resting.contains(&site);
                        if is_free && tasks.len() < self.delivery.parallel_sites {
                            busy.insert(site.clone());
                            tasks.spawn(self.clone().serve_in_background(site));
                        }
                    }
                    beats.beat("deliver", &self.clock);
                }
                Err(fault) => tracing::warn!(%fault, "cannot look for deliveries; trying again"),
            }
            tokio::select! {
                Some(done) = tasks.join_next() => match done {
                    Ok((site, worked)) => {
                        busy.remove(&site);
                        if !worked { resting.insert(site); }
                    }
                    // The panic's message was printed by the runtime. Which site it was is unknown: all may go on.
                    Err(fault) => { tracing::error!(%fault, "a delivery task broke down; please report this"); busy.clear(); }
                },
                () = self.signals.deliver.notified() => {
                    tokio::time::sleep(self.delivery.linger).await;
                    resting.clear();
                }
                _ = tick.tick() => resting.clear(),
                () = stop.cancelled() => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Returns whether anything was done. It was not when another process serves the site, when this one has
    /// not read of it yet, or when all that is left waits for company or for leave to read.
    async fn serve_in_background(self: Arc<Self>, site: ClientKey) -> (ClientKey, bool) {
        let served = self.serve_site(&site).await;
        let worked = match served {
            Ok(worked) => worked,
            Err(fault) => {
                tracing::warn!(%fault, "a site could not be served; trying again");
                tokio::time::sleep(TICK).await;
                false
            }
        };
        (site, worked)
    }
}

/// One kind of round that repeats.
#[derive(Debug, Clone, Copy)]
enum Round {
    Inbox,
    Link,
    Directory,
    Gauges,
    Reconcile,
}

impl Round {
    const WORK: [Self; 4] = [Self::Inbox, Self::Link, Self::Gauges, Self::Reconcile];

    fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Link => "link",
            Self::Directory => "directory",
            Self::Gauges => "gauges",
            Self::Reconcile => "reconcile",
        }
    }

    fn signal(self, signals: &Signals) -> Option<&Notify> {
        match self {
            Self::Inbox => Some(&signals.inbox),
            Self::Link => Some(&signals.link),
            Self::Reconcile => Some(&signals.reconcile),
            Self::Directory | Self::Gauges => None,
        }
    }

    /// How often it runs unasked. The comparison with Jira has a schedule of its own.
    fn every(self) -> Duration {
        match self {
            Self::Inbox | Self::Directory => TICK,
            Self::Link => LINK_TICK,
            Self::Gauges => GAUGE_TICK,
            Self::Reconcile => Duration::MAX,
        }
    }
}

async fn run_loop(engine: Arc<Engine>, round: Round, beats: Beats, stop: CancellationToken) {
    let mut first = true;
    while !stop.is_cancelled() {
        if !(first && matches!(round, Round::Reconcile)) {
            match engine.round(round).await {
                Ok(()) => beats.beat(round.name(), &engine.clock),
                Err(fault) => {
                    tracing::warn!(reconciler = round.name(), %fault, "a round failed; the next one repeats it");
                }
            }
        }
        first = false;
        tokio::select! {
            () = rung(round.signal(&engine.signals)) => {}
            () = tokio::time::sleep(round.every()) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn rung(signal: Option<&Notify>) {
    match signal {
        Some(signal) => signal.notified().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_reconciler_is_stuck_after_two_silent_minutes_whatever_the_clock_is_set_to() {
        let (clock, beats) = (Clock::manual(from_millis(0)), Beats::default());
        let is_alive = || beats.pulses(&clock)[0].alive;
        beats.beat("inbox", &clock);
        clock.set(chrono::TimeDelta::hours(1));
        assert!(is_alive());
        clock.advance(chrono::TimeDelta::seconds(119));
        assert!(is_alive());
        clock.set(chrono::TimeDelta::hours(-2));
        clock.advance(chrono::TimeDelta::seconds(1));
        assert!(!is_alive());
    }
}
