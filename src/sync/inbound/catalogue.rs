//! Reads the tool's list of services and teams.

use std::collections::HashSet;

use super::Inbound;
use super::poll::PollOutcome;
use super::waits::CATALOGUE_AGE;
use crate::domain::{Component, Entity, EntityKind, Observation, Workspace, bounded_id};
use crate::sources::{Findings, PollError, Poller};
use crate::store::{Origin, PollState};
use crate::sync::SyncError;
use crate::sync::registry::SourceRuntime;

impl Inbound {
    /// Reads the list if it is too old and applies it. Returns whether the source may be read on: it is read even if
    /// the list fails, unless the tool asks to wait, because a key that may not list teams must not hide incidents.
    pub(super) async fn refresh_catalogue(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        state: &PollState,
        outcome: &mut PollOutcome,
    ) -> Result<bool, SyncError> {
        let now = self.core.clock.now();
        if now <= state.catalogue_at + CATALOGUE_AGE || now < state.catalogue_wait_until {
            return Ok(true);
        }
        let Some(failed) = self.read_catalogue(source, poller, outcome).await? else { return Ok(true) };
        self.record_catalogue_failure(source, state, &failed).await?;
        let must_wait = matches!(failed, PollError::Retry { after: Some(_), .. });
        if must_wait {
            self.record_poll_failure(source, state, &failed, now, outcome).await?;
            outcome.done = false;
        }
        Ok(!must_wait)
    }

    /// Reads the list and applies it, or returns the tool's failure.
    async fn read_catalogue(
        &self,
        source: &SourceRuntime,
        poller: &dyn Poller,
        outcome: &mut PollOutcome,
    ) -> Result<Option<PollError>, SyncError> {
        let now = self.core.clock.now();
        let catalogue = match self.ask(source, poller.catalogue(now)).await {
            Ok(catalogue) => catalogue,
            Err(error) => return Ok(Some(error)),
        };
        let mut observations = self.find_vanished(source, &catalogue.components).await?;
        let present = |component| Observation::present(Entity::Component(component), now);
        observations.extend(catalogue.components.into_iter().map(present));
        let findings = Findings { observations, workspaces: catalogue.workspaces, ..Findings::default() };
        let findings = findings.bounded(now);
        let applied = self.apply(source, &findings, None, Origin::Catalogue).await?;
        outcome.count(findings.observations.len(), applied);
        // A tool that lists no teams at all only mentions them elsewhere: those stay.
        if source.has_teams() && !findings.workspaces.is_empty() {
            let teams = findings.workspaces.iter().map(|team| team.provider_id.clone());
            let keep = teams.chain([Workspace::ACCOUNT.to_owned()]).collect::<Vec<_>>();
            self.core.store.entities().retire_workspaces(source.id(), &keep).await?;
        }
        self.core.directory.refresh_if_changed().await?;
        self.core.signals.link.notify_one();
        Ok(None)
    }

    /// Components that the tool listed before and no longer lists are deleted. Those known only from
    /// incidents, and the fallback, were never listed and stay.
    async fn find_vanished(
        &self,
        source: &SourceRuntime,
        listed: &[Component],
    ) -> Result<Vec<Observation>, SyncError> {
        let now = self.core.clock.now();
        let listed: HashSet<_> = listed.iter().map(|component| bounded_id(&component.provider_id)).collect();
        let known = self.core.store.entities().list_listed_components(source.id()).await?;
        let gone = known.into_iter().filter(|id| !listed.contains(id.as_str()));
        Ok(gone.map(|id| Observation::deleted(EntityKind::Component, id, now)).collect())
    }
}
