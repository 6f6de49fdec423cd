//! The loops that turn the crank: woken by a signal or by the clock, one round at a time.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::engine::{Engine, SyncError};
use crate::clock::{Clock, Timestamp};
use crate::domain::ClientKey;

/// How often a reconciler looks by itself: a lost signal costs at most this.
const TICK: Duration = Duration::from_secs(1);
/// Links change rarely, and each look reads every site.
const LINK_TICK: Duration = Duration::from_secs(10);
/// A reconciler silent for this long is stuck.
const STUCK_AFTER: chrono::TimeDelta = chrono::TimeDelta::minutes(2);

/// When each reconciler last finished a round.
#[derive(Debug, Clone, Default)]
pub struct Beats(Arc<Mutex<BTreeMap<&'static str, Timestamp>>>);

/// The state of one reconciler.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Pulse {
    pub name: &'static str,
    pub last: Timestamp,
    pub alive: bool,
}

impl Beats {
    fn beat(&self, name: &'static str, clock: &Clock) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, clock.now());
    }

    #[must_use]
    pub fn pulses(&self, now: Timestamp) -> Vec<Pulse> {
        let beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beats
            .iter()
            .map(|(name, last)| Pulse { name, last: *last, alive: now - *last < STUCK_AFTER })
            .collect()
    }
}

impl Engine {
    /// Runs every reconciler until `stop`; then lets the rounds under way finish.
    pub async fn run(self: Arc<Self>, beats: Beats, stop: CancellationToken) {
        let (e, b, s) = (&self, &beats, &stop);
        let inbox = run_loop("inbox", (e, b, s), &self.signals.inbox, TICK, async || {
            e.process_inbox().await.map(|_| ())
        });
        let link = run_loop("link", (e, b, s), &self.signals.link, LINK_TICK, async || {
            e.directory.refresh_if_changed().await?;
            e.link_workspaces().await.map(|_| ())
        });
        let directory = run_loop("directory", (e, b, s), &NEVER, TICK, async || {
            Ok(e.directory.refresh_if_changed().await.map(|_| ())?)
        });
        let reconcile = run_on_signal("reconcile", (e, b, s), &self.signals.reconcile);
        let gauges = run_loop("gauges", (e, b, s), &NEVER, GAUGE_TICK, async || e.update_gauges().await);
        tokio::join!(inbox, link, directory, reconcile, gauges, self.dispatch(b, s));
    }

    /// Starts a task per site that has work; a slow site occupies nobody but itself.
    async fn dispatch(self: &Arc<Self>, beats: &Beats, stop: &CancellationToken) {
        let mut busy: HashSet<ClientKey> = HashSet::new();
        let mut tasks: JoinSet<ClientKey> = JoinSet::new();
        while !stop.is_cancelled() {
            match self.store.list_sites_with_work().await {
                Ok(sites) => {
                    for site in sites.into_iter().filter(|site| !busy.contains(site)).collect::<Vec<_>>() {
                        if tasks.len() < self.delivery.parallel_sites {
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
                    Ok(site) => { busy.remove(&site); }
                    // The panic's message was printed by the runtime. Which site it was is unknown: all may go on.
                    Err(fault) => { tracing::error!(%fault, "a delivery task broke down; please report this"); busy.clear(); }
                },
                () = self.signals.deliver.notified() => tokio::time::sleep(self.delivery.linger).await,
                () = tokio::time::sleep(TICK) => {}
                () = stop.cancelled() => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn serve_in_background(self: Arc<Self>, site: ClientKey) -> ClientKey {
        if let Err(fault) = self.serve_site(&site).await {
            tracing::warn!(%fault, "a site could not be served; trying again");
            tokio::time::sleep(TICK).await;
        }
        site
    }
}

const GAUGE_TICK: Duration = Duration::from_secs(15);
static NEVER: Notify = Notify::const_new();

type Surroundings<'a> = (&'a Arc<Engine>, &'a Beats, &'a CancellationToken);

async fn run_loop(
    name: &'static str,
    (engine, beats, stop): Surroundings<'_>,
    signal: &Notify,
    every: Duration,
    work: impl AsyncFn() -> Result<(), SyncError>,
) {
    while !stop.is_cancelled() {
        match work().await {
            Ok(()) => beats.beat(name, &engine.clock),
            Err(fault) => {
                tracing::warn!(reconciler = name, %fault, "a round failed; the next one repeats it")
            }
        }
        tokio::select! {
            () = signal.notified() => {}
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// The nightly comparison has no tick of its own: only the schedule rings for it.
async fn run_on_signal(name: &'static str, (engine, beats, stop): Surroundings<'_>, signal: &Notify) {
    loop {
        tokio::select! {
            () = signal.notified() => {}
            () = stop.cancelled() => return,
        }
        match engine.reconcile().await {
            Ok(()) => beats.beat(name, &engine.clock),
            Err(fault) => {
                tracing::warn!(reconciler = name, %fault, "a round failed; the next one repeats it")
            }
        }
    }
}
