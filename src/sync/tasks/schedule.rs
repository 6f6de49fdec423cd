//! Cron expressions notify tasks, and do nothing more.
//!
//! The scheduler would run a slow job twice at once and abandon running jobs when it stops. So its jobs only
//! notify; the work runs serially in tasks, which know how to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::supervisor::Importance;
use super::task::{Next, Task};
use crate::clock::Timestamp;
use crate::config::Recurrence;
use crate::sync::SyncError;
use crate::sync::core::Core;
use crate::sync::registry::{Registry, SourceRuntime};

/// Rounds without a tick after which the scheduler is taken for dead.
const SILENT: u32 = 10;

/// Notifies polls and the drift check. Starts again when there are other sources, and when the clock is set
/// back: the scheduler has stored when each job is due next, and would delay it for as long.
pub(super) struct Schedule {
    core: Arc<Core>,
    drift: String,
    running: Mutex<Option<Running>>,
}

struct Running {
    cron: JobScheduler,
    /// The sources that it notifies.
    sources: Arc<Registry>,
    /// When the clock was last looked at.
    last_seen: Timestamp,
    /// Set by a job of its own, every second.
    ticked: Arc<AtomicBool>,
    /// Rounds since its last tick.
    silent: u32,
}

impl Running {
    /// Whether the scheduler no longer runs: its own work is out of reach of what keeps tasks alive.
    fn is_dead(&mut self) -> bool {
        self.silent =
            if self.ticked.swap(false, Ordering::SeqCst) { 0 } else { self.silent.saturating_add(1) };
        self.silent >= SILENT
    }
}

impl Schedule {
    pub fn new(core: Arc<Core>, drift: &str) -> Self {
        Self { core, drift: drift.to_owned(), running: Mutex::default() }
    }

    fn is_for(&self, sources: &Arc<Registry>) -> bool {
        Arc::ptr_eq(sources, &self.core.registry.current())
    }

    async fn start(&self, now: Timestamp) -> Result<Running, SyncError> {
        let ticked = Arc::new(AtomicBool::default());
        let sources = self.core.registry.current();
        let cron = build_schedule(&self.core, &self.drift, &sources, ticked.clone()).await?;
        cron.start().await.map_err(failed)?;
        Ok(Running { cron, sources, last_seen: now, ticked, silent: 0 })
    }
}

#[async_trait]
impl Task for Schedule {
    fn name(&self) -> &'static str {
        "schedule"
    }

    fn importance(&self) -> Importance {
        Importance::Vital
    }

    fn allowance(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// How often to look whether the clock was set back.
    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let (now, mut running) = (self.core.clock.now(), self.running.lock().await);
        let is_dead = running.as_mut().is_some_and(Running::is_dead);
        let new = match running.take() {
            Some(mut dead) if is_dead => {
                self.core.metrics.note_panic(self.name(), "the scheduler has stopped; it starts again");
                // It may be in any state, and its jobs only notify.
                drop(dead.cron.shutdown().await);
                self.start(now).await?
            }
            Some(same) if now >= same.last_seen && self.is_for(&same.sources) => {
                Running { last_seen: now, ..same }
            }
            Some(mut old) => {
                if now < old.last_seen {
                    tracing::warn!(by = %(old.last_seen - now), "the clock was set back; the schedule starts again");
                }
                old.cron.shutdown().await.map_err(failed)?;
                self.start(now).await?
            }
            None => self.start(now).await?,
        };
        *running = Some(new);
        Ok(Next::AtInterval)
    }

    async fn finish(&self) {
        let running = self.running.lock().await.take();
        if let Some(mut running) = running
            && let Err(fault) = running.cron.shutdown().await
        {
            tracing::warn!(%fault, "the schedule does not stop");
        }
    }
}

async fn build_schedule(
    core: &Arc<Core>,
    drift: &str,
    sources: &Registry,
    ticked: Arc<AtomicBool>,
) -> Result<JobScheduler, SyncError> {
    let cron = JobScheduler::new().await.map_err(failed)?;
    let job = Job::new("* * * * * *", move |_, _| ticked.store(true, Ordering::SeqCst)).map_err(failed)?;
    cron.add(job).await.map_err(failed)?;
    let nightly = core.clone();
    let job = Job::new(drift, move |_, _| nightly.signals.drift.notify_one()).map_err(failed)?;
    cron.add(job).await.map_err(failed)?;
    for source in sources.iter().filter(|source| source.adapter.poller().is_some()) {
        cron.add(poll_job(source).map_err(failed)?).await.map_err(failed)?;
    }
    Ok(cron)
}

fn poll_job(source: &SourceRuntime) -> Result<Job, JobSchedulerError> {
    let signals = source.signals.clone();
    match source.config.polls() {
        Recurrence::Cron(cron) => Job::new(cron, move |_, _| signals.due.notify_one()),
        Recurrence::Every(interval) => Job::new_repeated(interval, move |_, _| signals.due.notify_one()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(fault: JobSchedulerError) -> SyncError {
    SyncError::Schedule(fault.to_string())
}
