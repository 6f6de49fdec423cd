//! What a tool's failure means for its source: how long to wait, and whether reading starts over.

use std::time::Duration;

use chrono::TimeDelta;

use super::Inbound;
use super::poll::PollOutcome;
use super::waits::{LONGEST_ASKED_WAIT, REFUSED_WAIT, SHORTEST_WAIT};
use crate::domain::Timestamp;
use crate::sources::PollError;
use crate::store::{PollFailure, PollState};
use crate::sync::SyncError;
use crate::sync::backoff::{fresh_seed, next_attempt, next_attempt_beside};
use crate::sync::registry::SourceRuntime;
use crate::telemetry::Counts;

impl Inbound {
    /// A page could not be read: nothing of the source is read until the wait is over. `state` says how often it
    /// failed before, `asked_at` when the request began.
    pub(super) async fn record_poll_failure(
        &self,
        source: &SourceRuntime,
        state: &PollState,
        error: &PollError,
        asked_at: Timestamp,
        outcome: &mut PollOutcome,
    ) -> Result<(), SyncError> {
        let failure = self.judge(source, error, state.failures, asked_at);
        outcome.retry_in = Some(self.until(failure.wait_until));
        Ok(self.core.store.polls().record_failure(source.id(), &failure).await?)
    }

    /// The services and teams could not be read. Pages are read all the same, so nobody waits for them: what fails
    /// again and again is tried less and less often.
    pub(super) async fn record_catalogue_failure(
        &self,
        source: &SourceRuntime,
        state: &PollState,
        error: &PollError,
    ) -> Result<(), SyncError> {
        let now = self.core.clock.now();
        let mut failure = self.judge(source, error, state.catalogue_failures, now);
        if matches!(error, PollError::Retry { after: None, .. }) {
            let seed = fresh_seed(&self.core.clock);
            failure.wait_until = next_attempt_beside(now, state.catalogue_failures, seed);
        }
        Ok(self.core.store.polls().record_catalogue_failure(source.id(), &failure).await?)
    }

    /// A named incident could not be fetched, and neither could another. Returns when the next may be.
    pub(super) async fn record_fetch_failure(
        &self,
        source: &SourceRuntime,
        state: &PollState,
        error: &PollError,
        asked_at: Timestamp,
    ) -> Result<Timestamp, SyncError> {
        let failure = self.judge(source, error, state.fetch_failures, asked_at);
        self.core.store.polls().record_fetch_failure(source.id(), &failure).await?;
        Ok(failure.wait_until)
    }

    /// Logs and counts a failure, and says how long to wait after `failures` others in a row.
    pub(super) fn judge(
        &self,
        source: &SourceRuntime,
        error: &PollError,
        failures: i64,
        asked_at: Timestamp,
    ) -> PollFailure {
        let (now, seed) = (self.core.clock.now(), fresh_seed(&self.core.clock));
        let (wait_until, result) = match error {
            PollError::Retry { after: Some(after), .. } => {
                let asked = TimeDelta::from_std((*after).min(LONGEST_ASKED_WAIT)).unwrap_or_default();
                (now + asked, "retry")
            }
            PollError::Retry { after: None, .. } => {
                (next_attempt(asked_at, failures, seed).max(now + SHORTEST_WAIT), "retry")
            }
            PollError::Refused { .. } => (now + REFUSED_WAIT, "refused"),
            PollError::CursorExpired { .. } => (now, "cursor_expired"),
            PollError::Unreadable { .. } => (next_attempt_beside(now, failures, seed), "unreadable"),
        };
        let refused = matches!(error, PollError::Refused { .. });
        if refused {
            tracing::error!(source = %source.id(), %error, "the tool refuses to be read; a person must act");
        } else {
            tracing::warn!(source = %source.id(), %error, until = %wait_until, "polling failed and will be repeated");
        }
        Counts::count_source(&self.core.metrics.counts.polls, source.id().as_str(), result, 1);
        let start_over = matches!(error, PollError::CursorExpired { .. });
        PollFailure { wait_until, message: error.to_string(), start_over, refused }
    }

    /// How long it is until then.
    pub(super) fn until(&self, at: Timestamp) -> Duration {
        (at - self.core.clock.now()).to_std().unwrap_or_default()
    }
}
