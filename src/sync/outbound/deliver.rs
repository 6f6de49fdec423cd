//! Sends each site what it should hold and does not, one request at a time per site.

use std::time::Duration;

use crate::destinations::operations::client::{Answer, Disposition, JiraClient, JiraError, Scope};
use crate::destinations::operations::payload::BulkRequest;
use crate::domain::{ClientKey, EntityId, EntityKind, EntityOutcome, SourceId, Verdict};
use crate::store::NextBatch;
use crate::sync::directory::SiteAccess;
use crate::sync::engine::{Engine, SyncError};
use crate::sync::outbound::backoff;
use crate::sync::outbound::plan::{self, Outgoing};
use crate::telemetry::Metrics;

/// How long a process may be silent before another one takes over its site.
const LEASE: Duration = Duration::from_mins(2);
/// The first look at what Jira accepted; it shows soon, longer under load.
const FIRST_READBACK: chrono::TimeDelta = chrono::TimeDelta::seconds(1);

type Outcomes = Vec<EntityOutcome>;

impl Engine {
    /// Serves one site until nothing is due or something is in the way. Returns whether anything was done.
    ///
    /// # Errors
    /// When the database fails. Trouble with Jira is no error: it is stored with the site.
    pub async fn serve_site(&self, client_key: &ClientKey) -> Result<bool, SyncError> {
        let snapshot = self.directory.current();
        let Some(site) = snapshot.find_site(client_key).filter(|site| site.enabled).cloned() else {
            return Ok(false);
        };
        let lease = self.store.leases().claim(&format!("site/{client_key}"), &self.owner, LEASE).await?;
        let Some(lease) = lease else { return Ok(false) };
        let served = self.serve(&site).await;
        self.store.leases().release(lease).await?;
        served
    }

    async fn serve(&self, site: &SiteAccess) -> Result<bool, SyncError> {
        let jira = self.jira(site)?;
        let mut worked = false;
        let key = &site.client_key;
        loop {
            if !self.store.sites().is_ready(&site.destination.id).await? {
                return Ok(worked);
            }
            let pace = self.near_limit.pace(key, self.clock.now());
            let batch = self
                .store
                .deliveries()
                .find_next_batch(&site.destination.id, self.delivery.max_batch, pace)
                .await?;
            let Some(batch) = batch else { break };
            worked = true;
            if let Err(error) = self.deliver(site, &jira, batch).await? {
                self.record_trouble(site, &error).await?;
                return Ok(true);
            }
        }
        if self.delivery.confirm {
            worked |= self.read_back(site, &jira).await?;
        }
        Ok(worked)
    }

    /// Sends one batch. Jira's refusal of the whole request for a passing reason is the inner error.
    async fn deliver(
        &self,
        site: &SiteAccess,
        jira: &JiraClient,
        mut batch: NextBatch,
    ) -> Result<Result<(), JiraError>, SyncError> {
        let Some(source) = self.registry.find(&batch.source) else {
            let why = format!("the source {:?} is not in the configuration any more", batch.source);
            self.record(site, &batch, plan::refuse_all(&batch, &why)).await?;
            return Ok(Ok(()));
        };
        if batch.deleted {
            return self.delete(site, jira, &batch).await;
        }
        let plan = plan::plan(&mut batch, source);
        if !plan.refused.is_empty() {
            self.record(site, &batch, plan.refused).await?;
        }
        let workspace = EntityId::new(source.id(), &batch.workspace);
        let mut parts = vec![plan.send];
        while let Some(part) = parts.pop() {
            match self.submit(site, jira, (source.id(), &workspace, batch.kind), &part).await {
                Ok(outcomes) => self.record(site, &batch, outcomes).await?,
                Err(error) => match &error.disposition {
                    Disposition::Split if part.len() > 1 => {
                        let (left, right) = part.split_at(part.len() / 2);
                        parts.extend([right.to_vec(), left.to_vec()]);
                    }
                    Disposition::Split | Disposition::GiveUp if part.len() == 1 => {
                        self.record(site, &batch, refused(&part, &error)).await?;
                    }
                    _ => return Ok(Err(error)),
                },
            }
        }
        Ok(Ok(()))
    }

    async fn submit(
        &self,
        site: &SiteAccess,
        jira: &JiraClient,
        (source, workspace, kind): (&SourceId, &EntityId, EntityKind),
        part: &[Outgoing],
    ) -> Result<Outcomes, JiraError> {
        let Some(batch) = plan::batch_of(part) else { return Ok(Vec::new()) };
        let request = BulkRequest::new(source.clone(), workspace.clone(), batch);
        let started = self.clock.now();
        let answer = jira.submit(&request).await;
        self.metrics.jira_seconds.observe((self.clock.now() - started).as_seconds_f64().max(0.0));
        let result = answer.as_ref().map_or_else(|error| result_name(&error.disposition), |_| "accepted");
        Metrics::count_site(&self.metrics.jira_requests, &site.site, result, 1);
        let Answer { value: verdicts, meta } = answer?;
        let near = meta.near_limit || jira.is_near_quota();
        self.near_limit.note(&site.client_key, near, self.clock.now());
        if !verdicts.unknown_project_keys.is_empty() {
            tracing::warn!(site = %site.site, keys = ?verdicts.unknown_project_keys, "Jira does not know these project keys; incidents associated with nothing else are not kept");
        }
        Ok(plan::outcomes(part, kind, &verdicts))
    }

    async fn delete(
        &self,
        site: &SiteAccess,
        jira: &JiraClient,
        batch: &NextBatch,
    ) -> Result<Result<(), JiraError>, SyncError> {
        for delivery in &batch.entities {
            let verdict = match jira.delete_entity(batch.kind, &delivery.id).await {
                Ok(_) => Verdict::Accepted,
                Err(error) if error.disposition == Disposition::GiveUp => {
                    Verdict::Refused { reason: error.message, trace_id: error.trace_id }
                }
                // The documented answer to an unknown id is 202; a 404 says the same.
                Err(error) if error.disposition == Disposition::Gone => Verdict::Accepted,
                Err(error) => return Ok(Err(error)),
            };
            let outcome = EntityOutcome { id: delivery.id.clone(), version: delivery.version, verdict };
            self.record(site, batch, vec![outcome]).await?;
        }
        Ok(Ok(()))
    }

    async fn record(
        &self,
        site: &SiteAccess,
        batch: &NextBatch,
        outcomes: Outcomes,
    ) -> Result<(), SyncError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let read_back_at = self.delivery.confirm.then(|| now + FIRST_READBACK);
        if !self
            .store
            .deliveries()
            .record_outcomes(&site.destination, batch.kind, &outcomes, read_back_at)
            .await?
        {
            self.directory.refresh().await?;
            return Ok(());
        }
        for EntityOutcome { id, verdict, .. } in &outcomes {
            let result = match verdict {
                Verdict::Accepted => "accepted",
                Verdict::Unmentioned => "unmentioned",
                Verdict::Refused { reason, trace_id } => {
                    tracing::warn!(site = %site.site, %id, %reason, ?trace_id, "not accepted by Jira; kept with its reason");
                    "refused"
                }
            };
            Metrics::count_site(&self.metrics.verdicts, &site.site, result, 1);
        }
        for delivery in &batch.entities {
            self.metrics.delivery_seconds.observe((now - delivery.waiting_since).as_seconds_f64().max(0.0));
        }
        Ok(())
    }

    /// Stores how long the site must be left alone, and says so once. An answer to the secret before a
    /// reinstall says nothing of the site.
    pub(in crate::sync) async fn record_trouble(
        &self,
        site: &SiteAccess,
        error: &JiraError,
    ) -> Result<(), SyncError> {
        let failures = self.store.sites().find_failures(&site.destination.id).await?;
        let trouble = backoff::of(error, self.clock.now(), failures, seed(&self.clock.new_id()));
        if matches!(error.disposition, Disposition::WaitUntil { scope: Scope::AllSites, .. }) {
            // The app's own quota is used up: no site may be asked before it is renewed.
            self.store.sites().hold_all("operations", trouble.wait_until).await?;
        } else if !self.store.sites().record_site_backoff(&site.destination, &trouble).await? {
            self.directory.refresh().await?;
            return Ok(());
        }
        match &trouble.parked {
            Some(why) => tracing::error!(site = %site.site, %error, trace_id = ?error.trace_id, "{why}"),
            None if error.status.is_none() && matches!(error.disposition, Disposition::WaitUntil { .. }) => {
                tracing::debug!(site = %site.site, %error, "held back");
            }
            None => {
                tracing::warn!(site = %site.site, %error, trace_id = ?error.trace_id, until = %trouble.wait_until, "Jira must wait; nothing is lost");
            }
        }
        Ok(())
    }
}

fn refused(part: &[Outgoing], error: &JiraError) -> Outcomes {
    let verdict = Verdict::Refused { reason: error.message.clone(), trace_id: error.trace_id.clone() };
    let outcome = |entity: &Outgoing| EntityOutcome {
        id: entity.id.clone(),
        version: entity.version,
        verdict: verdict.clone(),
    };
    part.iter().map(outcome).collect()
}

fn result_name(disposition: &Disposition) -> &'static str {
    match disposition {
        Disposition::Retry { .. } => "retry",
        Disposition::WaitUntil { .. } | Disposition::SlowDown => "wait",
        Disposition::Split => "split",
        Disposition::GiveUp => "refused",
        Disposition::Unauthorized => "unauthorized",
        Disposition::Forbidden => "forbidden",
        Disposition::Gone => "gone",
        Disposition::Redirected { .. } => "redirected",
    }
}

/// A number to jitter with, from a fresh id.
pub(in crate::sync) fn seed(id: &str) -> u64 {
    id.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
