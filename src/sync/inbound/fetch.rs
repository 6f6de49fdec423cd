//! Fetches the incidents that webhooks have named without their content.

use super::Inbound;
use super::poll::PollOutcome;
use crate::sources::{PollError, Poller};
use crate::store::Origin;
use crate::sync::SyncError;
use crate::sync::registry::SourceRuntime;

/// Incidents fetched by id in one round.
const AT_ONCE: usize = 100;

impl Inbound {
    /// One incident that the tool refuses does not keep the others from being fetched. Returns the tool's
    /// last failure.
    pub(super) async fn fetch_named(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        outcome: &mut PollOutcome,
    ) -> Result<Option<PollError>, SyncError> {
        let polls = self.core.store.polls();
        let (mut failed, now) = (None, self.core.clock.now());
        let named = polls.list_refetches(source.id(), AT_ONCE).await?;
        if named.len() == AT_ONCE {
            source.named.notify_one();
        }
        for refetch in named {
            match self.ask(source, poller.fetch_incident(&refetch.provider_id, now)).await {
                Ok(found) => {
                    if let Some(findings) = found {
                        let applied = self.apply(source, &findings, None, Origin::Fetch).await?;
                        outcome.count(findings.observations.len(), applied);
                    } else {
                        tracing::debug!(source = %source.id(), "an incident to fetch is gone");
                    }
                    polls.finish_refetches(source.id(), &[refetch]).await?;
                }
                Err(error) => {
                    polls.put_off_refetches(source.id(), &[refetch]).await?;
                    let concerns_all = matches!(error, PollError::Retry { .. });
                    failed = Some(error);
                    if concerns_all {
                        break;
                    }
                }
            }
        }
        Ok(failed)
    }
}
