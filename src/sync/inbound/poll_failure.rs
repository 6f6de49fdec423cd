//! What a tool's failure means for its source: how long to wait, and whether reading starts over.

use chrono::TimeDelta;

use super::Inbound;
use super::waits::{LONGEST_ASKED_WAIT, REFUSED_WAIT};
use crate::sources::PollError;
use crate::store::{PollFailure, PollState};
use crate::sync::SyncError;
use crate::sync::backoff::{fresh_seed, next_attempt};
use crate::sync::registry::SourceRuntime;
use crate::telemetry::Metrics;

impl Inbound {
    pub(super) async fn record_if_failed(
        &self,
        source: &SourceRuntime,
        state: &PollState,
        failed: Option<&PollError>,
    ) -> Result<(), SyncError> {
        match failed {
            Some(error) => self.record_poll_failure(source, state, error).await,
            None => Ok(()),
        }
    }

    /// Stores until when the tool must not be polled. `state` says how often it failed before.
    pub(super) async fn record_poll_failure(
        &self,
        source: &SourceRuntime,
        state: &PollState,
        error: &PollError,
    ) -> Result<(), SyncError> {
        let now = self.core.clock.now();
        let backed_off = next_attempt(now, state.failures, fresh_seed(&self.core.clock));
        let (wait_until, result) = match error {
            PollError::Retry { after, .. } => {
                let asked = after.and_then(|after| TimeDelta::from_std(after.min(LONGEST_ASKED_WAIT)).ok());
                (asked.map_or(backed_off, |asked| now + asked), "retry")
            }
            PollError::Refused { .. } => (now + REFUSED_WAIT, "refused"),
            PollError::CursorExpired { .. } => (now, "cursor_expired"),
            PollError::Unreadable { .. } => (backed_off, "unreadable"),
        };
        let refused = matches!(error, PollError::Refused { .. });
        if refused {
            tracing::error!(source = %source.id(), "{error}");
        } else {
            tracing::warn!(source = %source.id(), until = %wait_until, "polling failed and will be repeated: {error}");
        }
        Metrics::count_source(&self.core.metrics.polls, source.id().as_str(), result, 1);
        let start_over = matches!(error, PollError::CursorExpired { .. });
        let failure = PollFailure { wait_until, message: error.to_string(), start_over, refused };
        Ok(self.core.store.polls().record_failure(source.id(), &failure).await?)
    }
}
