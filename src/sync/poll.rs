//! Asks each tool what is new, page by page, with a cursor that moves in the same transaction as the page.

use std::time::Duration;

use chrono::TimeDelta;

use super::deliver::seed;
use super::engine::{Engine, SyncError};
use super::ingest::told;
use super::registry::SourceRuntime;
use super::trouble;
use crate::domain::{Entity, EntityKind, Observation, Workspace};
use crate::sources::{Cursor, Findings, Memory, PollError, PollRequest, Poller};
use crate::store::{Origin, PollState, PollTrouble};
use crate::telemetry::Metrics;

const LEASE: Duration = Duration::from_mins(5);
/// How old the list of services and teams may get.
const CATALOGUE_AGE: TimeDelta = TimeDelta::hours(1);
/// Incidents fetched by id in one round.
const REFETCHES: i64 = 100;
/// After a refusal that only a person can mend.
const REFUSED_WAIT: TimeDelta = TimeDelta::minutes(15);

/// What one round of polling did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PollOutcome {
    pub pages: usize,
    pub observations: usize,
    pub changed: usize,
    /// Whether the tool has nothing more to say for now.
    pub done: bool,
}

impl Engine {
    /// Reads a source until it has nothing more to say, or is in trouble. `on_page` hears of every page.
    /// A source that cannot be polled, must wait, or is being polled elsewhere gives `done: false` at once.
    ///
    /// # Errors
    /// When the database fails. The tool's trouble is stored with the source.
    pub async fn poll(
        &self,
        source: &SourceRuntime,
        mut on_page: impl FnMut(&PollOutcome, &PollState),
    ) -> Result<PollOutcome, SyncError> {
        let mut outcome = PollOutcome::default();
        let Some(poller) = source.source.poller() else { return Ok(outcome) };
        let lease = self.store.claim_lease(&format!("poll/{}", source.id()), &self.owner, LEASE).await?;
        let Some(lease) = lease else { return Ok(outcome) };
        let round = self.poll_round(source, poller, &mut outcome, &mut on_page).await;
        self.store.release_lease(lease).await?;
        round?;
        if outcome.changed > 0 {
            self.signals.deliver.notify_one();
        }
        Ok(outcome)
    }

    async fn poll_round(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        outcome: &mut PollOutcome,
        on_page: &mut impl FnMut(&PollOutcome, &PollState),
    ) -> Result<(), SyncError> {
        let state = self.store.get_poll_state(source.id(), source.config.backfill).await?;
        if state.paused || state.wait_until > self.clock.now() {
            return Ok(());
        }
        // The catalogue first: it ranks severities and names the components that incidents affect.
        if self.clock.now() - state.catalogue_at > CATALOGUE_AGE
            && !self.read_catalogue(source, poller, outcome).await?
        {
            return Ok(());
        }
        while !outcome.done {
            let state = self.store.get_poll_state(source.id(), source.config.backfill).await?;
            if !self.read_page(source, poller, &state, outcome).await? {
                return Ok(());
            }
            on_page(outcome, &state);
        }
        self.fetch_named(source, poller, outcome).await
    }

    async fn read_page(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        state: &PollState,
        outcome: &mut PollOutcome,
    ) -> Result<bool, SyncError> {
        let cursor = state.cursor.as_deref().and_then(|text| serde_json::from_str(text).ok()).map(Cursor);
        let mut memory = Memory::new(self.store.load_memory(source.id(), None).await?);
        let request = PollRequest {
            cursor: cursor.as_ref(),
            backfill_from: state.backfill_from,
            now: self.clock.now(),
            memory: &mut memory,
        };
        let page = match poller.poll(request).await {
            Ok(page) => page,
            Err(error) => return self.record_poll_error(source, state.failures, &error).await,
        };
        let next = page.next.0.to_string();
        let origin = Origin::Poll { cursor: Some(&next), caught_up: page.done, total: page.total };
        self.apply(source, &page.findings, Some(&memory), origin, outcome).await?;
        Metrics::count_source(&self.metrics.polls, source.id().as_str(), "page", 1);
        outcome.pages += 1;
        outcome.done = page.done;
        Ok(true)
    }

    async fn read_catalogue(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        outcome: &mut PollOutcome,
    ) -> Result<bool, SyncError> {
        let now = self.clock.now();
        let catalogue = match poller.catalogue(now).await {
            Ok(catalogue) => catalogue,
            Err(error) => return self.record_poll_error(source, 0, &error).await,
        };
        let mut observations = self.vanished(source, &catalogue.components).await?;
        let present = |component| Observation::present(Entity::Component(component), now);
        observations.extend(catalogue.components.into_iter().map(present));
        let findings = Findings { observations, workspaces: catalogue.workspaces, ..Findings::default() };
        self.apply(source, &findings, None, Origin::Catalogue, outcome).await?;
        // A tool that lists no teams at all names them in passing: those stay.
        if source.has_teams() && !findings.workspaces.is_empty() {
            let teams = findings.workspaces.iter().map(|team| team.provider_id.clone());
            let keep = teams.chain([Workspace::ACCOUNT.to_owned()]).collect::<Vec<_>>();
            self.store.retire_workspaces(source.id(), &keep).await?;
        }
        self.directory.refresh_if_changed().await?;
        self.signals.link.notify_one();
        Ok(true)
    }

    /// Components that the tool listed before and does not list any more are deleted. Those known only
    /// from incidents, and the fallback, were never listed and stay.
    async fn vanished(
        &self,
        source: &SourceRuntime,
        listed: &[crate::domain::Component],
    ) -> Result<Vec<Observation>, SyncError> {
        let now = self.clock.now();
        let known = self.store.list_listed_components(source.id()).await?;
        let gone =
            known.into_iter().filter(|id| !listed.iter().any(|component| component.provider_id == *id));
        Ok(gone.map(|id| Observation::deleted(EntityKind::Component, id, now)).collect())
    }

    /// Fetches the incidents that webhooks named without showing them.
    async fn fetch_named(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        outcome: &mut PollOutcome,
    ) -> Result<(), SyncError> {
        for id in self.store.list_refetches(source.id(), REFETCHES).await? {
            // Taken before asking: a change told meanwhile puts it back, and it is fetched again.
            self.store.take_refetch(source.id(), &id).await?;
            match poller.fetch_incident(&id, self.clock.now()).await {
                Ok(Some(findings)) => self.apply(source, &findings, None, Origin::Fetch, outcome).await?,
                Ok(None) => tracing::debug!(source = %source.id(), "an incident to fetch is gone"),
                Err(error) => {
                    self.store.add_refetch(source.id(), &id).await?;
                    self.record_poll_error(source, 0, &error).await?;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn apply(
        &self,
        source: &SourceRuntime,
        findings: &Findings,
        memory: Option<&Memory>,
        origin: Origin<'_>,
        outcome: &mut PollOutcome,
    ) -> Result<(), SyncError> {
        let told = [(told(findings, memory.map(Memory::changes)), origin)];
        let applied = self.store.apply(&source.scope(), &told).await?;
        self.count_applied(source, applied);
        outcome.observations += findings.observations.len();
        outcome.changed += applied.changed;
        Ok(())
    }

    async fn record_poll_error(
        &self,
        source: &SourceRuntime,
        failures: i64,
        error: &PollError,
    ) -> Result<bool, SyncError> {
        let now = self.clock.now();
        let backed_off = trouble::back_off(now, failures, seed(&self.clock.new_id()));
        let (wait_until, start_over, result) = match error {
            PollError::Retry { after, .. } => {
                let asked = after.and_then(|after| TimeDelta::from_std(after).ok()).map(|after| now + after);
                (asked.unwrap_or(backed_off), false, "retry")
            }
            PollError::Refused { .. } => (now + REFUSED_WAIT, false, "refused"),
            PollError::CursorExpired { .. } => (now, true, "cursor_expired"),
            PollError::Unreadable { .. } => (backed_off, false, "unreadable"),
        };
        if matches!(error, PollError::Refused { .. }) {
            tracing::error!(source = %source.id(), "{error}");
        } else {
            tracing::warn!(source = %source.id(), until = %wait_until, "polling failed and will be repeated: {error}");
        }
        Metrics::count_source(&self.metrics.polls, source.id().as_str(), result, 1);
        let trouble = PollTrouble { wait_until, message: error.to_string(), start_over };
        self.store.record_poll_trouble(source.id(), &trouble).await?;
        Ok(false)
    }
}
