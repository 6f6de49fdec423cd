//! The clockwork: cron expressions ring bells, and nothing more.
//!
//! The scheduler would run a slow job beside itself and forget running jobs when it stops. So its jobs only
//! ring; the work runs serially in reconcilers, which know how to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::sync::engine::Engine;
use crate::sync::outbound::deliver::seed;
use crate::sync::registry::SourceRuntime;

#[derive(Debug, thiserror::Error)]
#[error("the schedule does not start: {0}")]
pub struct ScheduleError(#[from] JobSchedulerError);

/// Longest spread of the first polls after a start; the later ones have their own delay each.
const SPREAD_MS: u64 = 2_000;

/// When to look again at a source that did not reach its end: it may have to wait for its tool.
const AGAIN: Duration = Duration::from_secs(10);

/// How long an incident that was named waits for others before they are fetched.
const BURST: Duration = Duration::from_millis(500);

/// How often to look whether the clock was set back.
const WATCH: Duration = Duration::from_secs(1);

type Bells = BTreeMap<String, Arc<Notify>>;

/// Rings for polls and for the nightly comparison.
pub struct Scheduler {
    engine: Arc<Engine>,
    reconcile: String,
    cron: JobScheduler,
    bells: Bells,
}

impl Scheduler {
    /// Reads the cron expressions; nothing rings yet.
    ///
    /// # Errors
    /// When an expression is not valid.
    pub async fn new(engine: Arc<Engine>, reconcile: &str) -> Result<Self, ScheduleError> {
        let polled = engine.registry.iter().filter(|source| source.source.poller().is_some());
        let bells = polled.map(|source| (source.id().to_string(), Arc::default())).collect();
        let cron = wind(&engine, reconcile, &bells).await?;
        Ok(Self { engine, reconcile: reconcile.to_owned(), cron, bells })
    }

    /// Runs until `stop`; polls under way finish first.
    ///
    /// # Errors
    /// When the clockwork does not start.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ScheduleError> {
        self.cron.start().await?;
        let pollers: Vec<_> = self
            .bells
            .iter()
            .filter_map(|(id, bell)| {
                let source = self.engine.registry.find(id)?.clone();
                let fetch = fetch_when_named(self.engine.clone(), source.clone(), stop.clone());
                let poll = poll_when_rung(self.engine.clone(), source, bell.clone(), stop.clone());
                Some(futures::future::join(poll, fetch))
            })
            .collect();
        let (_, kept) = tokio::join!(futures::future::join_all(pollers), self.keep_time(&stop));
        kept?;
        Ok(self.cron.shutdown().await?)
    }

    /// The clockwork has noted when each bell rings next. A clock that is set back would put that off for as
    /// long, so the clockwork is wound anew.
    async fn keep_time(&mut self, stop: &CancellationToken) -> Result<(), ScheduleError> {
        let mut last = self.engine.clock.now();
        while !stop.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(WATCH) => {}
                () = stop.cancelled() => {}
            }
            let now = self.engine.clock.now();
            if now < last {
                tracing::warn!(by = %(last - now), "the clock was set back; the schedule starts anew");
                self.cron.shutdown().await?;
                self.cron = wind(&self.engine, &self.reconcile, &self.bells).await?;
                self.cron.start().await?;
            }
            last = now;
        }
        Ok(())
    }
}

/// A clockwork with every bell in it, not started yet.
async fn wind(engine: &Arc<Engine>, reconcile: &str, bells: &Bells) -> Result<JobScheduler, ScheduleError> {
    let cron = JobScheduler::new().await?;
    let nightly = engine.clone();
    cron.add(Job::new(reconcile, move |_, _| nightly.signals.reconcile.notify_one())?).await?;
    for source in engine.registry.iter() {
        if let Some(bell) = bells.get(source.id().as_str()).cloned() {
            cron.add(Job::new(source.config.poll.as_str(), move |_, _| bell.notify_one())?).await?;
        }
    }
    Ok(cron)
}

async fn poll_when_rung(
    engine: Arc<Engine>,
    source: Arc<SourceRuntime>,
    bell: Arc<Notify>,
    stop: CancellationToken,
) {
    let spread = Duration::from_millis(seed(&engine.clock.new_id()) % SPREAD_MS);
    let delay = engine.poll_delay(&source);
    let mut wait = spread;
    loop {
        tokio::select! {
            () = delayed(&bell, delay) => {}
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
        let polled = tokio::select! {
            polled = engine.poll_on_schedule(&source) => polled,
            // A page that was not applied is read again after the restart.
            () = stop.cancelled() => return,
        };
        match polled {
            Ok(outcome) => {
                tracing::debug!(source = %source.id(), ?outcome, "polled");
                wait = if outcome.is_none_or(|outcome| outcome.done) { Duration::MAX } else { AGAIN };
            }
            Err(fault) => {
                tracing::warn!(source = %source.id(), %fault, "a poll failed; the next one repeats it");
            }
        }
    }
}

/// A webhook that shows nothing of its incident must not wait for the schedule.
async fn fetch_when_named(engine: Arc<Engine>, source: Arc<SourceRuntime>, stop: CancellationToken) {
    let mut wait = Duration::MAX;
    loop {
        tokio::select! {
            // Webhooks of one incident come in bursts.
            () = source.named.notified() => tokio::time::sleep(BURST).await,
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
        let fetched = tokio::select! {
            fetched = engine.fetch(&source) => fetched,
            // What was not applied stays named, and is fetched after the restart.
            () = stop.cancelled() => return,
        };
        match fetched {
            Ok(outcome) => wait = if outcome.done { Duration::MAX } else { AGAIN },
            Err(fault) => {
                tracing::warn!(source = %source.id(), %fault, "fetching failed; the next round repeats it");
                wait = AGAIN;
            }
        }
    }
}

async fn delayed(bell: &Notify, delay: Duration) {
    bell.notified().await;
    tokio::time::sleep(delay).await;
}
