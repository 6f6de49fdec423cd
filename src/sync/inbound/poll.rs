//! Asks each tool what is new, page by page, with a cursor that moves in the same transaction as the page.

use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::{Entity, EntityKind, Observation, Workspace};
use crate::sources::{Cursor, Findings, Memory, PollError, PollRequest, Poller};
use crate::store::{Lease, Origin, PollFailure, PollState};
use crate::sync::engine::{Engine, SyncError};
use crate::sync::inbound::ingest::report;
use crate::sync::outbound::backoff;
use crate::sync::outbound::deliver::seed;
use crate::sync::registry::SourceRuntime;
use crate::telemetry::Metrics;

const LEASE: Duration = Duration::from_mins(5);
/// How old the list of services and teams may get.
const CATALOGUE_AGE: TimeDelta = TimeDelta::hours(1);
/// Incidents fetched by id in one round.
const REFETCHES: usize = 100;
/// A wrong header of a tool must not stop its polls for good.
const LONGEST_WAIT: Duration = Duration::from_hours(2);
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

/// How much of a source is read.
#[derive(Debug, Clone, Copy)]
pub(in crate::sync) enum Reach {
    Everything,
    /// Only the incidents that webhooks have named without showing them.
    Named,
}

impl Engine {
    /// Reads a source because somebody asked for it, whatever its schedule says, until it has nothing more to
    /// say or is in trouble; and lets the schedule run at its usual pace again. `on_page` hears of every page.
    /// A source that cannot be polled, must wait, or is being polled already gives `done: false` at once.
    ///
    /// # Errors
    /// When the database fails. The tool's trouble is stored with the source.
    pub async fn poll(
        &self,
        source: &SourceRuntime,
        mut on_page: impl FnMut(&PollOutcome, &PollState),
    ) -> Result<PollOutcome, SyncError> {
        let outcome = self.poll_now(source, Reach::Everything, &mut on_page).await?;
        self.store.polls().end_quiet(source.id()).await?;
        Ok(outcome)
    }

    /// Fetches what webhooks have named without showing it, and leaves the rest to the schedule. `done: false`
    /// when that cannot be now: the source is being read, is paused, or its tool is in trouble.
    ///
    /// # Errors
    /// As for [`Engine::poll`].
    pub async fn fetch(&self, source: &SourceRuntime) -> Result<PollOutcome, SyncError> {
        self.poll_now(source, Reach::Named, &mut |_, _| {}).await
    }

    /// One round, unless one is under way here or in another process.
    pub(in crate::sync) async fn poll_now(
        &self,
        source: &SourceRuntime,
        reach: Reach,
        on_page: &mut impl FnMut(&PollOutcome, &PollState),
    ) -> Result<PollOutcome, SyncError> {
        let mut outcome = PollOutcome::default();
        let Some(poller) = source.source.poller() else { return Ok(outcome) };
        let Ok(_alone) = source.polling.try_lock() else { return Ok(outcome) };
        let Some(lease) = self.claim_poll(source).await? else { return Ok(outcome) };
        let round = self.poll_round((source, poller), reach, &mut outcome, on_page).await;
        self.store.leases().release(lease).await?;
        round?;
        if outcome.changed > 0 {
            self.signals.deliver.notify_one();
        }
        Ok(outcome)
    }

    /// Takes the source for this process, or keeps it for another while.
    async fn claim_poll(&self, source: &SourceRuntime) -> Result<Option<Lease>, SyncError> {
        Ok(self.store.leases().claim(&format!("poll/{}", source.id()), &self.owner, LEASE).await?)
    }

    async fn poll_round(
        &self,
        (source, poller): (&SourceRuntime, &dyn Poller),
        reach: Reach,
        outcome: &mut PollOutcome,
        on_page: &mut impl FnMut(&PollOutcome, &PollState),
    ) -> Result<(), SyncError> {
        let state = self.store.polls().find_or_begin(source.id(), source.config.backfill).await?;
        if state.paused || state.wait_until > self.clock.now() {
            return Ok(());
        }
        if matches!(reach, Reach::Named) {
            let trouble = self.fetch_named(source, poller, outcome).await?;
            outcome.done = trouble.is_none();
            return self.record_trouble_of(source, trouble.as_ref()).await;
        }
        // The catalogue first: it names the components that incidents affect. They are read without it, too,
        // unless the tool asks to wait: a key that may not list teams must not hide incidents.
        let mut trouble = None;
        if self.clock.now() - state.catalogue_at > CATALOGUE_AGE {
            trouble = self.read_catalogue(source, poller, outcome).await?;
        }
        if let Some(limit @ PollError::Retry { after: Some(_), .. }) = &trouble {
            self.record_poll_error(source, 0, limit).await?;
            return Ok(());
        }
        while !outcome.done {
            let state = self.store.polls().find_or_begin(source.id(), source.config.backfill).await?;
            if !self.read_page(source, poller, &state, outcome).await? {
                return Ok(());
            }
            // A first sync takes longer than a lease: without renewal another process would join in.
            if self.claim_poll(source).await?.is_none() {
                outcome.done = false;
                return Ok(());
            }
            on_page(outcome, &state);
        }
        let trouble = self.fetch_named(source, poller, outcome).await?.or(trouble);
        self.record_trouble_of(source, trouble.as_ref()).await
    }

    async fn record_trouble_of(
        &self,
        source: &SourceRuntime,
        trouble: Option<&PollError>,
    ) -> Result<(), SyncError> {
        if let Some(error) = trouble {
            self.record_poll_error(source, 0, error).await?;
        }
        Ok(())
    }

    async fn read_page(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        state: &PollState,
        outcome: &mut PollOutcome,
    ) -> Result<bool, SyncError> {
        let cursor = state.cursor.as_deref().and_then(|text| serde_json::from_str(text).ok()).map(Cursor);
        let mut memory = Memory::new(self.store.polls().load_memory(source.id(), None).await?);
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

    /// Takes in the tool's services and teams, or gives the tool's trouble.
    async fn read_catalogue(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        outcome: &mut PollOutcome,
    ) -> Result<Option<PollError>, SyncError> {
        let now = self.clock.now();
        let catalogue = match poller.catalogue(now).await {
            Ok(catalogue) => catalogue,
            Err(error) => return Ok(Some(error)),
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
            self.store.entities().retire_workspaces(source.id(), &keep).await?;
        }
        self.directory.refresh_if_changed().await?;
        self.signals.link.notify_one();
        Ok(None)
    }

    /// Components that the tool listed before and does not list any more are deleted. Those known only
    /// from incidents, and the fallback, were never listed and stay.
    async fn vanished(
        &self,
        source: &SourceRuntime,
        listed: &[crate::domain::Component],
    ) -> Result<Vec<Observation>, SyncError> {
        let now = self.clock.now();
        let known = self.store.entities().list_listed_components(source.id()).await?;
        let gone =
            known.into_iter().filter(|id| !listed.iter().any(|component| component.provider_id == *id));
        Ok(gone.map(|id| Observation::deleted(EntityKind::Component, id, now)).collect())
    }

    /// Fetches the incidents that webhooks named without showing them. One that the tool refuses must not keep
    /// the others from being had. Gives the tool's last trouble.
    async fn fetch_named(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        outcome: &mut PollOutcome,
    ) -> Result<Option<PollError>, SyncError> {
        let mut trouble = None;
        let named = self.store.polls().list_refetches(source.id(), REFETCHES).await?;
        if named.len() == REFETCHES {
            source.named.notify_one();
        }
        for refetch in named {
            match poller.fetch_incident(&refetch.provider_id, self.clock.now()).await {
                Ok(found) => {
                    if let Some(findings) = found {
                        self.apply(source, &findings, None, Origin::Fetch, outcome).await?;
                    } else {
                        tracing::debug!(source = %source.id(), "an incident to fetch is gone");
                    }
                    self.store.polls().finish_refetches(source.id(), &[refetch]).await?;
                }
                Err(error) => {
                    self.store.polls().put_off_refetches(source.id(), &[refetch]).await?;
                    let concerns_all = matches!(error, PollError::Retry { .. });
                    trouble = Some(error);
                    if concerns_all {
                        break;
                    }
                }
            }
        }
        Ok(trouble)
    }

    async fn apply(
        &self,
        source: &SourceRuntime,
        findings: &Findings,
        memory: Option<&Memory>,
        origin: Origin<'_>,
        outcome: &mut PollOutcome,
    ) -> Result<(), SyncError> {
        let words = self.note_gaps(source, findings);
        let report = report(findings, &words, memory.map(Memory::changes), origin);
        let applied = self.store.apply(&source.scope(), &[report]).await?;
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
        let backed_off = backoff::back_off(now, failures, seed(&self.clock.new_id()));
        let (wait_until, start_over, result) = match error {
            PollError::Retry { after, .. } => {
                let asked = after
                    .and_then(|after| TimeDelta::from_std(after.min(LONGEST_WAIT)).ok())
                    .map(|after| now + after);
                (asked.unwrap_or(backed_off), false, "retry")
            }
            PollError::Refused { .. } => (now + REFUSED_WAIT, false, "refused"),
            PollError::CursorExpired { .. } => (now, true, "cursor_expired"),
            PollError::Unreadable { .. } => (backed_off, false, "unreadable"),
        };
        let refused = matches!(error, PollError::Refused { .. });
        if refused {
            tracing::error!(source = %source.id(), "{error}");
        } else {
            tracing::warn!(source = %source.id(), until = %wait_until, "polling failed and will be repeated: {error}");
        }
        Metrics::count_source(&self.metrics.polls, source.id().as_str(), result, 1);
        let failure = PollFailure { wait_until, message: error.to_string(), start_over, refused };
        self.store.polls().record_failure(source.id(), &failure).await?;
        Ok(false)
    }
}
