//! Stores what destinations answered: verdicts entity by entity, backoff for the destination.

use super::serve::Served;
use super::waits::{FIRST_READ_BACK, PARKED_PROBE};
use super::{Outbound, site_backoff};
use crate::destinations::{Refusal, Remedy, Scope};
use crate::domain::{DestinationId, EntityId, EntityOutcome, Timestamp, Verdict};
use crate::store::{Backoff, NextBatch};
use crate::sync::SyncError;
use crate::sync::backoff::fresh_seed;
use crate::sync::directory::DestinationAccess;

/// The log line of a destination that waits for a person; why, and what to do, is in the field `reason`.
const PARKED: &str = "nothing can be sent until a person acts";

impl Outbound {
    /// Writes nothing for a destination that was reinstalled meanwhile: it has forgotten what it accepted
    /// before.
    pub(super) async fn record(
        &self,
        access: &DestinationAccess,
        batch: &NextBatch,
        outcomes: Vec<EntityOutcome>,
    ) -> Result<(), SyncError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let (store, metrics, now) = (&self.core.store, &self.core.metrics, self.core.clock.now());
        let read_back_at = self.delivery.confirm.then(|| now + FIRST_READ_BACK);
        let kept =
            store.deliveries().record_outcomes(&access.at(), batch.kind, &outcomes, read_back_at).await?;
        if !kept {
            self.core.directory.refresh_if_changed().await?;
            return Ok(());
        }
        for EntityOutcome { id, verdict, .. } in &outcomes {
            let result = match verdict {
                Verdict::Accepted => "accepted",
                Verdict::Unmentioned => "unmentioned",
                Verdict::NotTaken => "not_taken",
                Verdict::Later { .. } => "later",
                Verdict::Refused { reason, trace_id } => {
                    tracing::warn!(site = %access.name, %id, %reason, trace_id = trace_id.as_deref(), "not accepted; kept with its reason");
                    "refused"
                }
            };
            metrics.count_verdict(&access.name, result);
        }
        let is_put_off = |id: &EntityId| {
            outcomes.iter().any(|it| it.id == *id && matches!(it.verdict, Verdict::Later { .. }))
        };
        for entity in batch.entities.iter().filter(|entity| !is_put_off(&entity.id)) {
            metrics.delivery_duration.observe((now - entity.waiting_since).as_seconds_f64().max(0.0));
        }
        Ok(())
    }

    /// Of refusals of requests that were on their way at once one is stored, as they are no failures in a row: what the
    /// destination said counts more than our own pace, and a longer wait more than a shorter one.
    pub(super) async fn record_gravest(
        &self,
        access: &DestinationAccess,
        refusals: Vec<(Served, Timestamp)>,
    ) -> Result<(), SyncError> {
        let now = self.core.clock.now();
        let gravity = |(served, began): &(Served, Timestamp)| match served {
            Served::Done => None,
            Served::Refused(refusal) | Served::Stopped(refusal) => {
                let backoff = site_backoff::after(refusal, *began, now, 0, 0);
                Some((backoff.parked.is_some(), refusal.was_sent, backoff.wait_until))
            }
        };
        match refusals.into_iter().max_by_key(gravity) {
            Some((Served::Refused(refusal), began)) => self.record_backoff(access, &refusal, began).await,
            Some((Served::Stopped(refusal), began)) => self.record_stop(access, &refusal, began).await,
            Some((Served::Done, _)) | None => Ok(()),
        }
    }

    /// Stores how long the destination must not be served after a refusal of what began at `began`, and logs it. An answer to the secret before a
    /// reinstallation says nothing about the site.
    pub(super) async fn record_backoff(
        &self,
        access: &DestinationAccess,
        refusal: &Refusal,
        began: Timestamp,
    ) -> Result<(), SyncError> {
        let (store, clock) = (&self.core.store, &self.core.clock);
        let failures = store.sites().find_failures(&access.id).await?;
        let backoff = site_backoff::after(refusal, began, clock.now(), failures, fresh_seed(clock));
        if matches!(refusal.remedy, Remedy::WaitUntil { scope: Scope::AllOfType, .. }) {
            store.sites().hold_all(&access.type_name, backoff.wait_until).await?;
        } else if !store.sites().record_site_backoff(&access.at(), &backoff).await? {
            self.core.directory.refresh_if_changed().await?;
            return Ok(());
        }
        let trace_id = refusal.trace_id.as_deref();
        match &backoff.parked {
            Some(why) => {
                tracing::error!(site = %access.name, reason = why, error = %refusal, trace_id, PARKED);
            }
            None if !refusal.was_sent => tracing::debug!(site = %access.name, error = %refusal, "held back"),
            None => {
                tracing::warn!(site = %access.name, error = %refusal, trace_id, until = %backoff.wait_until, "nothing can be sent for now; nothing is lost");
            }
        }
        Ok(())
    }

    /// Nothing can be sent before a person has acted.
    pub(super) async fn park(&self, access: &DestinationAccess, why: &str) -> Result<(), SyncError> {
        let wait_until = self.core.clock.now() + PARKED_PROBE;
        let backoff = Backoff { wait_until, parked: Some(why.to_owned()) };
        if self.core.store.sites().record_site_backoff(&access.at(), &backoff).await? {
            tracing::error!(site = %access.name, reason = why, PARKED);
        }
        Ok(())
    }

    /// Lets a destination that is parked be tried again at once: it has shown that it is there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_parked(&self, id: &DestinationId) -> Result<(), SyncError> {
        if self.core.store.sites().retry_parked_one(id, PARKED_PROBE).await? {
            self.core.tell_deliveries();
        }
        Ok(())
    }
}
