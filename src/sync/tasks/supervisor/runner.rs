//! Runs one task until the stop: waits for its signal or its interval, runs a round, notes how it went.
//!
//! A round that fails is repeated. One that panics, or a wait that does, is logged with the task's name and
//! counted; the task rests, longer each time, and starts again. Only a vital task that panics again and again
//! is given up, and with it the process: what started the process can start another.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::heartbeats::{Heartbeats, Importance};
use super::panic::describe_panic;
use super::patience::Patience;
use crate::clock::Clock;
use crate::sync::tasks::task::{Next, Task};
use crate::telemetry::Metrics;

/// The shortest and the longest pause before a round that failed is repeated.
const AFTER_FAILURE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// A vital task does nothing but panic.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the task `{task}` has panicked {panics} times in a row, for {} s: {why}", .lasting.as_secs())]
pub struct GivenUp {
    task: String,
    panics: u32,
    lasting: Duration,
    why: String,
}

/// What the process needs to run any task. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    pub heartbeats: Heartbeats,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub stop: CancellationToken,
    pub patience: Patience,
}

/// When to run the next round.
enum Wait {
    /// At a signal, or after this long.
    Signal(Duration),
    /// After this long, whatever is signalled.
    Rest(Duration),
}

impl Runner {
    /// Runs rounds of `task` until the stop, then lets it finish.
    ///
    /// # Errors
    /// When it is vital and cannot be kept alive.
    pub async fn run(self, task: Arc<dyn Task>) -> Result<(), GivenUp> {
        let mut wait = Wait::Signal(task.first_after());
        loop {
            let turn = AssertUnwindSafe(self.turn(&*task, &wait)).catch_unwind().await;
            wait = match turn {
                Ok(Some(next)) => Wait::Signal(next),
                Ok(None) => break,
                Err(panic) => Wait::Rest(self.note_panic(&*task, describe_panic(&*panic))?),
            };
        }
        if let Err(panic) = AssertUnwindSafe(task.finish()).catch_unwind().await {
            self.metrics.note_panic(task.name(), describe_panic(&*panic));
        }
        Ok(())
    }

    /// Waits, and runs one round. Returns how long to wait for the next; `None` at the stop.
    async fn turn(&self, task: &dyn Task, wait: &Wait) -> Option<Duration> {
        let (Wait::Signal(longest) | Wait::Rest(longest)) = *wait;
        self.heartbeats.waits(task.name(), task.importance(), longest, &self.clock);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return None,
            () = task.signal(), if matches!(wait, Wait::Signal(_)) => {}
            () = tokio::time::sleep(longest) => {}
        }
        self.heartbeats.runs(task.name(), task.allowance(), &self.clock);
        let ended = if task.may_be_dropped() {
            tokio::select! {
                ended = task.run() => ended,
                () = self.stop.cancelled() => return None,
            }
        } else {
            task.run().await
        };
        match ended {
            Ok(next) => {
                self.heartbeats.succeeded(task.name(), &self.clock);
                Some(match next {
                    Next::AtInterval => task.interval(),
                    Next::After(wait) => wait,
                })
            }
            Err(fault) => {
                tracing::warn!(task = task.name(), %fault, "a round failed; the next one repeats it");
                self.heartbeats.failed(task.name(), fault.to_string(), &self.clock);
                // A task that waits for signals only must not wait for one to repeat a round.
                Some(task.interval().clamp(AFTER_FAILURE.0, AFTER_FAILURE.1))
            }
        }
    }

    /// Returns how long the task must rest.
    fn note_panic(&self, task: &dyn Task, why: &str) -> Result<Duration, GivenUp> {
        self.metrics.note_panic(task.name(), why);
        let (panics, lasting) = self.heartbeats.panicked(task.name(), task.importance(), why, &self.clock);
        if task.importance() == Importance::Vital && self.patience.is_over(panics, lasting) {
            return Err(GivenUp { task: task.name().to_owned(), panics, lasting, why: why.to_owned() });
        }
        Ok(self.patience.rest(panics))
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
