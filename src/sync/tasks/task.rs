//! What a background task is.
//!
//! A task is woken by a signal or by the clock, takes no input, compares the current state with the desired
//! one, applies the difference, and sleeps again. A lost signal, a failed round and the start after a crash
//! need no code of their own: the next round is the retry.

use std::time::Duration;

use async_trait::async_trait;

use super::supervisor::Importance;
use crate::sync::SyncError;

/// When a task that has finished a round runs again, unless a signal comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// After its interval.
    AtInterval,
    After(Duration),
}

/// Something that the process does in the background, one round at a time.
#[async_trait]
pub trait Task: Send + Sync {
    /// Its name in logs, metrics and readiness.
    fn name(&self) -> &str;

    /// How often it runs without a signal; [`Duration::MAX`] for a task that only runs when it is signalled.
    fn interval(&self) -> Duration;

    /// The id of the source that it serves, if it serves a single one: it ends when that leaves the
    /// configuration.
    fn source(&self) -> Option<&str> {
        None
    }

    /// What depends on it.
    fn importance(&self) -> Importance {
        Importance::Shared
    }

    /// How long a round may take without a sign of life before readiness calls the task stuck.
    fn allowance(&self) -> Duration {
        Duration::from_mins(2)
    }

    /// How long after the start its first round is.
    fn first_after(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns when there is something to do before the interval is over.
    async fn signal(&self) {
        std::future::pending::<()>().await;
    }

    /// One round.
    ///
    /// # Errors
    /// When the database fails. The next round repeats what was not done.
    async fn run(&self) -> Result<Next, SyncError>;

    /// Whether a stop may drop a round half-way: what it has not stored is then read again after the restart.
    fn may_be_dropped(&self) -> bool {
        false
    }

    /// After the last round, waits for what the rounds have started.
    async fn finish(&self) {}
}
