//! Fetches the incidents that webhooks have named without their content.

use super::Inbound;
use super::poll::PollOutcome;
use super::waits::REFUSED_INCIDENT_WAIT;
use crate::domain::Timestamp;
use crate::sources::{Findings, PollError, Poller};
use crate::store::{Origin, PollFailure, PollState};
use crate::sync::SyncError;
use crate::sync::registry::SourceRuntime;

/// Incidents fetched by id in one round.
const AT_ONCE: usize = 100;

impl Inbound {
    /// Fetches what is named, if it may be. A tool that fails is asked for nothing more; an incident that the tool
    /// refuses is put off and keeps no other from being fetched. Returns whether nothing is left that waits for the tool.
    pub(super) async fn fetch_named(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        state: &PollState,
        outcome: &mut PollOutcome,
    ) -> Result<bool, SyncError> {
        let polls = self.core.store.polls();
        let named = polls.list_refetches(source.id(), AT_ONCE).await?;
        if state.fetch_wait_until > self.core.clock.now() && !named.is_empty() {
            outcome.retry_in = Some(self.until(state.fetch_wait_until));
            return Ok(false);
        }
        if named.len() == AT_ONCE {
            source.signals.named.notify_one();
        }
        let mut all_fetched = true;
        for refetch in named {
            let asked_at = self.core.clock.now();
            let error = match self.ask(source, poller.fetch_incident(&refetch.provider_id, asked_at)).await {
                Ok(found) => {
                    self.take_in(source, found, asked_at, outcome).await?;
                    polls.finish_refetches(source.id(), &[refetch]).await?;
                    continue;
                }
                Err(error) => error,
            };
            if let PollError::Retry { .. } = error {
                polls.put_off_refetch(source.id(), &refetch, asked_at).await?;
                let until = self.record_fetch_failure(source, state, &error, asked_at).await?;
                if state.failures > 0 {
                    // The tool does not answer at all, so its pages need not be asked for either.
                    self.record_poll_failure(source, state, &error, asked_at, outcome).await?;
                }
                outcome.retry_in = Some(self.until(until));
                return Ok(false);
            }
            all_fetched = false;
            let failure = self.judge(source, &error, 0, asked_at);
            polls.put_off_refetch(source.id(), &refetch, asked_at + REFUSED_INCIDENT_WAIT).await?;
            polls.record_fetch_failure(source.id(), &PollFailure { wait_until: asked_at, ..failure }).await?;
        }
        if all_fetched && state.fetch_failures > 0 {
            polls.end_fetch_failures(source.id()).await?;
        }
        Ok(true)
    }

    async fn take_in(
        &self,
        source: &SourceRuntime,
        found: Option<Findings>,
        asked_at: Timestamp,
        outcome: &mut PollOutcome,
    ) -> Result<(), SyncError> {
        let Some(findings) = found else {
            tracing::debug!(source = %source.id(), "an incident to fetch is gone");
            return Ok(());
        };
        let findings = findings.bounded(asked_at);
        let applied = self.apply(source, &findings, None, Origin::Fetch).await?;
        outcome.count(findings.observations.len(), applied);
        Ok(())
    }
}
