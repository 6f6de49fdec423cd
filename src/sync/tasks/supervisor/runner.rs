//! Runs one task until the stop: waits for its signal or its interval, runs a round, notes the heartbeat.
//!
//! A round that fails or panics does not stop the task: it is logged with the task's name, panics are
//! counted, and the next round repeats the work.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::heartbeats::{Heartbeats, STUCK_AFTER};
use super::task::{Next, Task};
use crate::clock::Clock;
use crate::telemetry::Metrics;

/// The shortest pause after a panic: a task that always panics must not fill the log.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// What the process needs to run any task. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    pub heartbeats: Heartbeats,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub stop: CancellationToken,
}

impl Runner {
    /// Runs rounds of `task` until the stop, then lets it finish.
    pub async fn run(self, task: Arc<dyn Task>) {
        let mut wait = task.first_after();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = task.signal() => {}
                () = tokio::time::sleep(wait) => {}
            }
            match self.round(&*task).await {
                Some(next) => wait = next,
                None => break,
            }
        }
        task.finish().await;
    }

    /// One round. Returns how long to wait for the next; `None` when the stop has dropped it.
    async fn round(&self, task: &dyn Task) -> Option<Duration> {
        let round = AssertUnwindSafe(task.run()).catch_unwind();
        let ended = if task.may_be_dropped() {
            tokio::select! {
                ended = round => ended,
                () = self.stop.cancelled() => return None,
            }
        } else {
            round.await
        };
        match ended {
            Ok(Ok(next)) => {
                if task.interval() < STUCK_AFTER {
                    self.heartbeats.record(task.name(), &self.clock);
                }
                Some(match next {
                    Next::AtInterval => task.interval(),
                    Next::After(wait) => wait,
                })
            }
            Ok(Err(fault)) => {
                tracing::warn!(task = task.name(), %fault, "a round failed; the next one repeats it");
                Some(retry_after(task))
            }
            Err(panic) => {
                note_panic(&self.metrics, task.name(), &*panic);
                Some(retry_after(task))
            }
        }
    }
}

/// A task that waits for signals only must not wait for one to repeat a round.
fn retry_after(task: &dyn Task) -> Duration {
    task.interval().clamp(AFTER_PANIC, Duration::from_secs(10))
}

/// Logs and counts a panic of the task, or of a part of it.
pub(super) fn note_panic(metrics: &Metrics, name: &str, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!(task = name, panic = text, "a task panicked and continues; please report this");
    metrics.count_panic(name);
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
