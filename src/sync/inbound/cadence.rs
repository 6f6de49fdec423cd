//! How often a source is polled: by its schedule, spread over the schedule's pause, and less often while
//! nothing is new.
//!
//! A tool that sends webhooks need not be polled every few minutes for what they missed. A source that is
//! only polled keeps its schedule: nothing else would report a new incident. Must not know how a poll is
//! done.

use std::time::Duration;

use chrono::TimeDelta;

use super::Inbound;
use super::poll::{PollOutcome, Reach};
use super::waits::LONGEST_SPREAD;
use crate::clock::Timestamp;
use crate::store::PollState;
use crate::sync::SyncError;
use crate::sync::backoff::seed;
use crate::sync::registry::SourceRuntime;

/// Instants looked at for the shortest pause of a schedule that has several, such as one for office hours.
const INSTANTS: usize = 24;

impl Inbound {
    /// Polls if the source's schedule may do so now: with nothing new, more and more of its instants are
    /// skipped, up to `poll_slowdown`. `None` when this one is skipped.
    ///
    /// # Errors
    /// When the database fails. The tool's failure is stored with the source.
    pub async fn poll_on_schedule(&self, source: &SourceRuntime) -> Result<Option<PollOutcome>, SyncError> {
        let now = self.core.clock.now();
        let state = self.core.store.polls().find_or_begin(source.id(), source.config.backfill).await?;
        if state.due_at > now || self.was_polled_by_another(source, &state, now) {
            return Ok(None);
        }
        let outcome = self.poll_now(source, Reach::Everything, &mut |_, _| {}).await?;
        if outcome.changed > 0 {
            self.core.store.polls().end_quiet(source.id()).await?;
        } else if outcome.done {
            let due_at = find_due(source, &state, now);
            self.core.store.polls().record_quiet(source.id(), &state, due_at).await?;
        }
        Ok(Some(outcome))
    }

    /// Every process has the schedule. What one of them has read at this instant, the others need not read again.
    fn was_polled_by_another(&self, source: &SourceRuntime, state: &PollState, now: Timestamp) -> bool {
        let ago = now - state.polled_at;
        self.core.store.leases().are_needed()
            && state.caught_up
            && state.failures == 0
            && ago >= TimeDelta::zero()
            && ago < find_pause(source, now) / 2
    }

    /// How far behind its schedule this bridge polls a source, always the same, so that neither its sources
    /// nor all bridges poll at the full minute.
    #[must_use]
    pub fn poll_delay(&self, source: &SourceRuntime) -> Duration {
        let pause = find_pause(source, self.core.clock.now());
        // Never up to the next instant, which would count as a separate poll.
        let spread = (pause * 9 / 10).min(LONGEST_SPREAD).num_milliseconds();
        let place = seed(&format!("{} {}", self.base_url, source.id()));
        let spread = u64::try_from(spread).unwrap_or_default().max(1);
        Duration::from_millis(place % spread)
    }
}

/// The shortest pause of the schedule.
fn find_pause(source: &SourceRuntime, now: Timestamp) -> TimeDelta {
    let polls = source.config.polls();
    let next = |at: &Timestamp| polls.nth_after(*at, 1);
    let instants: Vec<Timestamp> = std::iter::successors(next(&now), next).take(INSTANTS).collect();
    instants.iter().zip(instants.iter().skip(1)).map(|(a, b)| *b - *a).min().unwrap_or_default()
}

/// When a source with nothing new is to be polled next; `None` is the schedule's next instant.
fn find_due(source: &SourceRuntime, state: &PollState, now: Timestamp) -> Option<Timestamp> {
    let is_told = state.webhook_at.timestamp_millis() > 0;
    let quiet = usize::try_from(state.quiet + 1).unwrap_or(usize::MAX);
    let instants = quiet.min(source.config.poll_slowdown);
    (is_told && instants > 1).then(|| source.config.polls().nth_after(now, instants)).flatten()
}
