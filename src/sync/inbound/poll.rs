//! Asks each tool what is new, page by page, with a cursor that moves in the same transaction as the page.

use std::time::Duration;

use super::Inbound;
use super::waits::{PAGE_ATTEMPTS, READ_ELSEWHERE};
use crate::sources::{Cursor, Memory, Page, PollError, PollRequest, Poller};
use crate::store::{Applied, Origin, PollState, StoreError};
use crate::sync::SyncError;
use crate::sync::registry::SourceRuntime;
use crate::telemetry::Counts;

/// What one round of polling did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PollOutcome {
    pub pages: usize,
    pub observations: usize,
    pub changed: usize,
    /// Whether the tool has nothing more for now.
    pub done: bool,
    /// How long the source must wait before it may be read again, if it must.
    pub retry_in: Option<Duration>,
}

impl PollOutcome {
    pub(super) fn count(&mut self, observations: usize, applied: Applied) {
        self.observations += observations;
        self.changed += applied.changed;
    }
}

/// How much of a source is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    Everything,
    /// Only the incidents that webhooks have named without their content.
    Named,
}

impl Inbound {
    /// Reads a source on request, whatever its schedule says, until it has nothing more or fails; and lets
    /// the schedule run at its usual pace again. `on_page` is called for every page. A source that cannot be
    /// polled, must wait, or is being polled already gives `done: false` at once.
    ///
    /// # Errors
    /// When the database fails. The tool's failure is stored with the source.
    pub async fn poll(
        &self,
        source: &SourceRuntime,
        mut on_page: impl FnMut(&PollOutcome, &PollState),
    ) -> Result<PollOutcome, SyncError> {
        let outcome = self.poll_now(source, Reach::Everything, &mut on_page).await?;
        self.core.store.polls().end_quiet(source.id()).await?;
        Ok(outcome)
    }

    /// Fetches what webhooks have named without its content, and leaves the rest to the schedule. `done:
    /// false` when that is not possible now: the source is being read, is paused, or its tool has failed.
    ///
    /// # Errors
    /// As for [`Inbound::poll`].
    pub async fn fetch(&self, source: &SourceRuntime) -> Result<PollOutcome, SyncError> {
        self.poll_now(source, Reach::Named, &mut |_, _| {}).await
    }

    /// One round, unless one is in progress here or in another process.
    pub(super) async fn poll_now(
        &self,
        source: &SourceRuntime,
        reach: Reach,
        on_page: &mut impl FnMut(&PollOutcome, &PollState),
    ) -> Result<PollOutcome, SyncError> {
        let mut outcome = PollOutcome::default();
        let Some(poller) = source.adapter.poller() else { return Ok(outcome) };
        let Ok(_alone) = source.signals.polling.try_lock() else { return Ok(outcome) };
        let round = Box::pin(self.poll_round(source, poller, reach, &mut outcome, on_page));
        if let Some(round) = self.core.store.leases().hold(&format!("poll/{}", source.id()), round).await? {
            round?;
        } else {
            // Another process reads it. Should that one die, this one goes on.
            (outcome.done, outcome.retry_in) = (false, Some(READ_ELSEWHERE));
        }
        if outcome.changed > 0 {
            self.core.tell_deliveries();
        }
        Ok(outcome)
    }

    async fn poll_round(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        reach: Reach,
        outcome: &mut PollOutcome,
        on_page: &mut impl FnMut(&PollOutcome, &PollState),
    ) -> Result<(), SyncError> {
        let polls = self.core.store.polls();
        let mut state = polls.find_or_begin(source.id(), source.config.backfill).await?;
        if state.paused {
            return Ok(());
        }
        if state.wait_until > self.core.clock.now() {
            outcome.retry_in = Some(self.until(state.wait_until));
            return Ok(());
        }
        if matches!(reach, Reach::Named) {
            outcome.done = self.fetch_named(source, poller, &state, outcome).await?;
            return Ok(());
        }
        // The catalogue first: it names the components that incidents affect. But a tool that failed is asked for
        // the page on which it failed: one request shows whether it is back.
        let was_failing = state.failures > 0;
        if !was_failing && !self.refresh_catalogue(source, poller, &state, outcome).await? {
            return Ok(());
        }
        if !self.read_pages(source, poller, outcome, on_page).await? {
            return Ok(());
        }
        state.failures = 0;
        if was_failing && !self.refresh_catalogue(source, poller, &state, outcome).await? {
            return Ok(());
        }
        if !self.fetch_named(source, poller, &state, outcome).await? {
            // Fetching has its own task, and its own wait.
            outcome.retry_in = None;
            source.signals.named.notify_one();
        }
        Ok(())
    }

    /// Returns whether the tool's end was reached.
    async fn read_pages(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        outcome: &mut PollOutcome,
        on_page: &mut impl FnMut(&PollOutcome, &PollState),
    ) -> Result<bool, SyncError> {
        while !outcome.done {
            let state = self.core.store.polls().find_or_begin(source.id(), source.config.backfill).await?;
            let asked_at = self.core.clock.now();
            let page = match self.read_page(source, poller, &state, outcome).await? {
                Ok(page) => page,
                Err(error) => {
                    self.record_poll_failure(source, &state, &error, asked_at, outcome).await?;
                    return Ok(false);
                }
            };
            outcome.pages += 1;
            outcome.done = page.done;
            self.core.heartbeats.goes_on(&format!("poll {}", source.id()), &self.core.clock);
            on_page(outcome, &state);
        }
        Ok(true)
    }

    /// Reads and applies a page; once more when a webhook has changed meanwhile what the source remembers.
    async fn read_page(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        state: &PollState,
        outcome: &mut PollOutcome,
    ) -> Result<Result<Page, PollError>, SyncError> {
        let mut attempt = 1;
        loop {
            match self.read_page_once(source, poller, state, outcome).await {
                Err(SyncError::Store(StoreError::Overtaken(_))) if attempt < PAGE_ATTEMPTS => attempt += 1,
                ended => return ended,
            }
        }
    }

    async fn read_page_once(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        state: &PollState,
        outcome: &mut PollOutcome,
    ) -> Result<Result<Page, PollError>, SyncError> {
        let cursor = match read_cursor(state) {
            Ok(cursor) => cursor,
            Err(error) => return Ok(Err(error)),
        };
        let mut memory = Memory::new(self.core.store.polls().load_memory(source.id(), None).await?);
        let now = self.core.clock.now();
        let request = PollRequest {
            cursor: cursor.as_ref(),
            backfill_from: state.backfill_from,
            now,
            memory: &mut memory,
        };
        let mut page = match self.ask(source, poller.poll(request)).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        page.findings = page.findings.bounded(now);
        let next = page.next.0.to_string();
        let origin = Origin::Poll { cursor: Some(&next), caught_up: page.done, total: page.total };
        let applied = self.apply(source, &page.findings, Some(&memory), origin).await?;
        outcome.count(page.findings.observations.len(), applied);
        Counts::count_source(&self.core.metrics.counts.polls, source.id().as_str(), "page", 1);
        Ok(Ok(page))
    }
}

/// The stored cursor. One that is not JSON was damaged: reading starts over, with a log line.
fn read_cursor(state: &PollState) -> Result<Option<Cursor>, PollError> {
    let Some(text) = &state.cursor else { return Ok(None) };
    serde_json::from_str(text).map(|cursor| Some(Cursor(cursor))).map_err(|fault| PollError::CursorExpired {
        message: format!("the stored cursor is damaged ({fault}); reading starts over"),
    })
}
