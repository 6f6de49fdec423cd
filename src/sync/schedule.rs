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

use super::deliver::seed;
use super::engine::Engine;
use super::registry::SourceRuntime;

#[derive(Debug, thiserror::Error)]
#[error("the schedule does not start: {0}")]
pub struct ScheduleError(#[from] JobSchedulerError);

/// Longest spread of the first polls after a start; the later ones have their own delay each.
const SPREAD_MS: u64 = 2_000;

/// When to look again at a source that did not reach its end: it may have to wait for its tool.
const AGAIN: Duration = Duration::from_secs(10);

/// Rings for polls and for the nightly comparison.
pub struct Scheduler {
    engine: Arc<Engine>,
    cron: JobScheduler,
    bells: BTreeMap<String, Arc<Notify>>,
}

impl Scheduler {
    /// Reads the cron expressions; nothing rings yet.
    ///
    /// # Errors
    /// When an expression is not valid.
    pub async fn new(engine: Arc<Engine>, reconcile: &str) -> Result<Self, ScheduleError> {
        let cron = JobScheduler::new().await?;
        let nightly = engine.clone();
        cron.add(Job::new(reconcile, move |_, _| nightly.signals.reconcile.notify_one())?).await?;
        let mut bells = BTreeMap::new();
        for source in engine.registry.iter().filter(|source| source.source.poller().is_some()) {
            let bell = Arc::new(Notify::new());
            bells.insert(source.id().to_string(), bell.clone());
            cron.add(Job::new(source.config.poll.as_str(), move |_, _| bell.notify_one())?).await?;
        }
        Ok(Self { engine, cron, bells })
    }

    /// Runs until `stop`; polls under way finish first.
    ///
    /// # Errors
    /// When the clockwork does not start.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ScheduleError> {
        self.cron.start().await?;
        let pollers = self.bells.iter().filter_map(|(id, bell)| {
            let source = self.engine.registry.find(id)?.clone();
            Some(poll_when_rung(self.engine.clone(), source, bell.clone(), stop.clone()))
        });
        futures::future::join_all(pollers).await;
        stop.cancelled().await;
        Ok(self.cron.shutdown().await?)
    }
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

async fn delayed(bell: &Notify, delay: Duration) {
    bell.notified().await;
    tokio::time::sleep(delay).await;
}
