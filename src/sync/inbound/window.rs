//! Reads once more what began in a window of time, without moving the place where polling stands.
//!
//! For a past that the backfill left out. Nothing of it is kept but what the tool told: an interrupted run is
//! simply repeated.

use crate::domain::{Entity, Observation, State, Timestamp};
use crate::sources::{Cursor, Memory, PollError, PollRequest};
use crate::store::Origin;
use crate::sync::engine::{Engine, SyncError};
use crate::sync::inbound::ingest::report;
use crate::sync::inbound::poll::PollOutcome;
use crate::sync::registry::SourceRuntime;

/// From the first instant to the one before the second.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Window {
    /// Components belong to no time; what is gone is gone.
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

impl Engine {
    /// Reads what a source's tool tells of incidents and reviews that began in the window. `on_page` hears
    /// of every page. The tool's trouble is the inner error; what was read before it stays.
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
        let Some(poller) = source.source.poller() else { return Ok(Ok(outcome)) };
        let mut memory = Memory::new(self.store.polls().load_memory(source.id(), None).await?);
        let mut cursor: Option<Cursor> = None;
        while !outcome.done {
            let request = PollRequest {
                cursor: cursor.as_ref(),
                backfill_from: window.since,
                now: self.clock.now(),
                memory: &mut memory,
            };
            let mut page = match poller.poll(request).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            page.findings.observations.retain(|observation| window.holds(observation));
            // Polling itself sees to what is open now.
            page.findings.refetch.clear();
            let words = self.note_gaps(source, &page.findings);
            let report = report(&page.findings, &words, None, Origin::Window);
            let applied = self.store.apply(&source.scope(), &[report]).await?;
            self.count_applied(source, applied);
            outcome.pages += 1;
            outcome.observations += page.findings.observations.len();
            outcome.changed += applied.changed;
            outcome.done = page.done;
            cursor = Some(page.next);
            on_page(&outcome);
        }
        self.signals.deliver.notify_one();
        Ok(Ok(outcome))
    }
}
