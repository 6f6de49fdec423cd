//! Asks Jira about installations that it has not confirmed: one request, which changes nothing there, signed
//! with the new secret.
//!
//! Must send nothing else: until Jira accepts the secret, nobody knows whose site it is.

use super::{Outbound, site_backoff};
use crate::destinations::{Refusal, Remedy};
use crate::domain::{SourceId, Timestamp};
use crate::sync::SyncError;
use crate::sync::backoff::{fresh_seed, next_attempt_beside};
use crate::sync::directory::DestinationAccess;

impl Outbound {
    /// Puts those into use whose secret Jira accepts, in place of what their sites were installed under. Returns
    /// whether there was any.
    ///
    /// # Errors
    /// When the database fails. What Jira refuses is stored with the installation, which is asked about again.
    pub async fn confirm_installations(&self) -> Result<bool, SyncError> {
        let mut worked = false;
        for candidate in self.core.store.sites().list_unconfirmed().await? {
            let snapshot = self.core.directory.current().await?;
            let Some(access) = snapshot.find(&candidate.id).filter(|access| !access.confirmed) else {
                continue;
            };
            worked |=
                self.alone(&candidate.id, Box::pin(self.confirm_one(access))).await?.unwrap_or_default();
        }
        Ok(worked)
    }

    async fn confirm_one(&self, access: &DestinationAccess) -> Result<bool, SyncError> {
        let failures = self.find_failures(access).await?;
        let refusal = match self.connect(access) {
            Ok(destination) => {
                self.ask(failures, Remedy::Retry { not_before: None }, destination.probe()).await.err()
            }
            Err(fault) => Some(unusable(fault.to_string())),
        };
        match refusal {
            None => self.confirm(access).await,
            Some(refusal) => self.put_off(access, &refusal).await.map(|()| false),
        }
    }

    async fn confirm(&self, access: &DestinationAccess) -> Result<bool, SyncError> {
        let core = &self.core;
        let visible: Vec<SourceId> =
            core.registry.current().visible_to(&access.name).map(|source| source.id().clone()).collect();
        let confirmed = core.store.confirm(&access.at(), &visible).await?;
        core.directory.refresh_if_changed().await?;
        if confirmed {
            tracing::info!(site = %access.name, "Jira accepts the new installation, which replaces the one before it");
            core.signals.link.notify_one();
            core.tell_deliveries();
        }
        Ok(confirmed)
    }

    async fn put_off(&self, access: &DestinationAccess, refusal: &Refusal) -> Result<(), SyncError> {
        let sites = self.core.store.sites();
        let failures = sites.find_failures(&access.id).await?;
        let until = self.ask_again_at(refusal, failures);
        let why = format!("Jira has not accepted this installation's secret: {refusal}");
        tracing::warn!(site = %access.name, client_key = %access.id, error = %refusal, %until, "a new installation is not confirmed; the one before it stays in use");
        Ok(sites.put_off_confirmation(&access.at(), until, &why).await?)
    }

    /// Jira may refuse the secret until it has read our answer to `installed`, so a refusal is no reason to
    /// wait for a person.
    fn ask_again_at(&self, refusal: &Refusal, failures: i64) -> Timestamp {
        let (now, seed) = (self.core.clock.now(), fresh_seed(&self.core.clock));
        match refusal.remedy {
            Remedy::Park { .. } => next_attempt_beside(now, failures, seed),
            _ => site_backoff::after(refusal, now, now, failures, seed).wait_until,
        }
    }
}

fn unusable(message: String) -> Refusal {
    let remedy = Remedy::Park { advice: message.clone(), may_pass: false };
    Refusal { was_sent: false, ..Refusal::new(remedy, message) }
}
