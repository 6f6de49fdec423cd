//! Cron expressions notify tasks, and do nothing more.
//!
//! The scheduler would run a slow job twice at once and abandon running jobs when it stops. So its jobs only
//! notify; the work runs serially in tasks, which know how to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, Notify};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::task::{Next, Task};
use crate::clock::Timestamp;
use crate::sync::SyncError;
use crate::sync::core::Core;

/// Whom to notify for each polled source, by its id.
pub(super) type Due = BTreeMap<String, Arc<Notify>>;

/// Notifies polls and the drift check, and starts again when the clock is set back: the scheduler has stored
/// when each job is due next, and would delay it for as long.
pub(super) struct Schedule {
    core: Arc<Core>,
    drift: String,
    due: Due,
    running: Mutex<Option<Running>>,
}

struct Running {
    cron: JobScheduler,
    /// When the clock was last looked at.
    last_seen: Timestamp,
}

impl Schedule {
    pub fn new(core: Arc<Core>, drift: &str, due: Due) -> Self {
        Self { core, drift: drift.to_owned(), due, running: Mutex::default() }
    }

    async fn start(&self, now: Timestamp) -> Result<Running, SyncError> {
        let cron = build_schedule(&self.core, &self.drift, &self.due).await?;
        cron.start().await.map_err(failed)?;
        Ok(Running { cron, last_seen: now })
    }
}

#[async_trait]
impl Task for Schedule {
    fn name(&self) -> &'static str {
        "schedule"
    }

    /// How often to look whether the clock was set back.
    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let (now, mut running) = (self.core.clock.now(), self.running.lock().await);
        let new = match running.take() {
            Some(same) if now >= same.last_seen => Running { last_seen: now, ..same },
            Some(mut old) => {
                tracing::warn!(by = %(old.last_seen - now), "the clock was set back; the schedule starts again");
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

async fn build_schedule(core: &Arc<Core>, drift: &str, due: &Due) -> Result<JobScheduler, SyncError> {
    let cron = JobScheduler::new().await.map_err(failed)?;
    let nightly = core.clone();
    let job = Job::new(drift, move |_, _| nightly.signals.drift.notify_one()).map_err(failed)?;
    cron.add(job).await.map_err(failed)?;
    for source in core.registry.iter() {
        if let Some(due) = due.get(source.id().as_str()).cloned() {
            let job = Job::new(source.config.poll.as_str(), move |_, _| due.notify_one()).map_err(failed)?;
            cron.add(job).await.map_err(failed)?;
        }
    }
    Ok(cron)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(fault: JobSchedulerError) -> SyncError {
    SyncError::Schedule(fault.to_string())
}
