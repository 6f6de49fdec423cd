//! Polls one source by its schedule, and fetches what its webhooks have named.
//!
//! Each round takes the source as it is configured at that moment.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::supervisor::Importance;
use super::task::{Next, Task};
use crate::sync::SyncError;
use crate::sync::backoff::fresh_seed;
use crate::sync::core::Core;
use crate::sync::inbound::{Inbound, PollOutcome};
use crate::sync::registry::{SourceRuntime, SourceSignals};

/// Longest spread of the first polls after a start; later ones each have their own delay.
const SPREAD_MS: u64 = 2_000;

/// When to look again at a source that did not reach its end: it may have to wait for its tool.
const AGAIN: Duration = Duration::from_secs(10);

/// A wait that is over in less is waited out.
const SOONEST: Duration = Duration::from_millis(50);
/// How long a tool may take for its list of services, for a page, or for the incidents that were named.
const ALLOWANCE: Duration = Duration::from_mins(30);

/// How long an incident that was named waits for others before they are fetched: webhooks of one incident
/// come in bursts.
const BURST: Duration = Duration::from_millis(500);

/// Polls one source.
pub(super) struct Poll {
    name: String,
    core: Arc<Core>,
    inbound: Arc<Inbound>,
    id: String,
    signals: Arc<SourceSignals>,
    first_after: Duration,
}

impl Poll {
    pub fn new(core: Arc<Core>, inbound: Arc<Inbound>, source: &SourceRuntime) -> Self {
        Self {
            name: format!("poll {}", source.id()),
            first_after: Duration::from_millis(fresh_seed(&core.clock) % SPREAD_MS),
            id: source.id().to_string(),
            signals: source.signals.clone(),
            core,
            inbound,
        }
    }
}

#[async_trait]
impl Task for Poll {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn importance(&self) -> Importance {
        Importance::Single
    }

    /// A tool may be slow. A first sync takes hours, and each of its pages is a sign of life.
    fn allowance(&self) -> Duration {
        ALLOWANCE
    }

    fn interval(&self) -> Duration {
        Duration::MAX
    }

    fn first_after(&self) -> Duration {
        self.first_after
    }

    /// Comes behind the schedule, by the delay of this source.
    async fn signal(&self) {
        self.signals.due.notified().await;
        if let Some(source) = self.core.registry.current().find(&self.id) {
            tokio::time::sleep(self.inbound.poll_delay(&source)).await;
        }
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let Some(source) = self.core.registry.current().find(&self.id) else { return Ok(Next::AtInterval) };
        let outcome = self.inbound.poll_on_schedule(&source).await?;
        if let Some(PollOutcome { pages, changed, done, .. }) = outcome {
            tracing::debug!(source = %source.id(), pages, changed, done, "polled");
        }
        Ok(outcome.map_or(Next::AtInterval, |outcome| next(&outcome)))
    }

    fn may_be_dropped(&self) -> bool {
        true
    }
}

/// Fetches what webhooks of one source have named: it must not wait for the schedule.
pub(super) struct Fetch {
    name: String,
    core: Arc<Core>,
    inbound: Arc<Inbound>,
    id: String,
    signals: Arc<SourceSignals>,
}

impl Fetch {
    pub fn new(core: Arc<Core>, inbound: Arc<Inbound>, source: &SourceRuntime) -> Self {
        let (id, signals) = (source.id().to_string(), source.signals.clone());
        Self { name: format!("fetch {id}"), core, inbound, id, signals }
    }
}

#[async_trait]
impl Task for Fetch {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn importance(&self) -> Importance {
        Importance::Single
    }

    /// A tool may be slow. A first sync takes hours, and each of its pages is a sign of life.
    fn allowance(&self) -> Duration {
        ALLOWANCE
    }

    fn interval(&self) -> Duration {
        Duration::MAX
    }

    fn first_after(&self) -> Duration {
        Duration::MAX
    }

    async fn signal(&self) {
        self.signals.named.notified().await;
        tokio::time::sleep(BURST).await;
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let Some(source) = self.core.registry.current().find(&self.id) else { return Ok(Next::AtInterval) };
        Ok(next(&self.inbound.fetch(&source).await?))
    }

    fn may_be_dropped(&self) -> bool {
        true
    }
}

fn next(outcome: &PollOutcome) -> Next {
    match outcome.retry_in {
        // Not much later than it may be asked, but soon enough for a person who ends the wait.
        Some(wait) => Next::After(wait.clamp(SOONEST, AGAIN)),
        None if outcome.done => Next::AtInterval,
        None => Next::After(AGAIN),
    }
}
