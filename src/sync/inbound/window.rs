//! Reads again what began in a window of time, without moving the cursor of polling.
//!
//! For a past that the backfill left out. Only what the tool reported is kept: an interrupted run is simply
//! repeated.

use super::Inbound;
use super::poll::PollOutcome;
use crate::domain::{Entity, Observation, State, Timestamp};
use crate::sources::{Cursor, Memory, PollError, PollRequest};
use crate::store::Origin;
use crate::sync::SyncError;
use crate::sync::registry::SourceRuntime;

/// From the first instant to the one before the second.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Window {
    /// Whether a statement belongs to the window: components and deletions have no beginning.
    fn holds(&self, observation: &Observation) -> bool {
        let began = match &observation.state {
            State::Deleted { .. } => return true,
            State::Present(entity) => match &**entity {
                Entity::Component(_) => return true,
                Entity::Incident(incident) => incident.created_at,
                Entity::Review(review) => review.created_at,
            },
        };
        (self.since..self.until).contains(&began)
    }
}

impl Inbound {
    /// Reads a tool's incidents and reviews that began in the window. `on_page` is called for every
    /// page. The tool's failure is the inner error; what was read before it stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_window(
        &self,
        source: &SourceRuntime,
        window: Window,
        mut on_page: impl FnMut(&PollOutcome),
    ) -> Result<Result<PollOutcome, PollError>, SyncError> {
        let mut outcome = PollOutcome::default();
        let Some(poller) = source.adapter.poller() else { return Ok(Ok(outcome)) };
        let mut memory = Memory::new(self.core.store.polls().load_memory(source.id(), None).await?);
        let mut cursor: Option<Cursor> = None;
        while !outcome.done {
            let now = self.core.clock.now();
            let request = PollRequest {
                cursor: cursor.as_ref(),
                backfill_from: window.since,
                now,
                memory: &mut memory,
            };
            let mut page = match poller.poll(request).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            page.findings = page.findings.bounded(now);
            page.findings.observations.retain(|observation| window.holds(observation));
            // Polling itself handles what is open now.
            page.findings.refetch.clear();
            let applied = self.apply(source, &page.findings, None, Origin::Window).await?;
            outcome.count(page.findings.observations.len(), applied);
            outcome.pages += 1;
            outcome.done = page.done;
            cursor = Some(page.next);
            on_page(&outcome);
        }
        self.core.tell_deliveries();
        Ok(Ok(outcome))
    }
}
