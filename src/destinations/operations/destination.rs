//! One Jira site as a destination: payloads out, verdicts in.
//!
//! Must not decide what a verdict or a refusal means for a delivery.

use async_trait::async_trait;

use super::client::{Api, Disposition, JiraClient, MAX_WORKSPACES_PER_REQUEST, Verdicts};
use super::payload::{self, BulkRequest, EntityPayload, MAX_ENTITIES_PER_REQUEST};
use crate::destinations::jira::Answer;
use crate::destinations::{Batch, Destination, Held, Probe, Refusal, Sent};
use crate::domain::{BatchSizes, EntityId, EntityKind, EntityOutcome, SourceId, Timestamp, Verdict};

/// A flood of one source, what is read back, and others that change meanwhile each find room. A site that begins to refuse
/// gets as many before that is known, so few; and with answers after 50 ms they stay below Jira's 100 requests a second.
const REQUESTS_AT_ONCE: u8 = 4;

/// One site.
pub struct Operations {
    /// Host, for the log.
    site: String,
    client: JiraClient,
}

impl Operations {
    pub fn new(site: String, client: JiraClient) -> Self {
        Self { site, client }
    }

    fn judge(&self, batch: Batch<'_>, verdicts: &Verdicts, refused: &[EntityOutcome]) -> Vec<EntityOutcome> {
        if !verdicts.unknown_project_keys.is_empty() {
            let keys = verdicts.unknown_project_keys.join(", ");
            tracing::warn!(
                site = %self.site, keys,
                "Jira does not know these project keys; incidents associated with nothing else are not kept"
            );
        }
        let is_refused = |id: &EntityId| refused.iter().any(|outcome| outcome.id == *id);
        let sent = batch.entities.iter().filter(|entity| !is_refused(&entity.id));
        sent.map(|entity| entity.outcome(verdicts.of(&entity.id, batch.kind))).collect()
    }
}

#[async_trait]
impl Destination for Operations {
    fn batch_sizes(&self) -> BatchSizes {
        BatchSizes::all(MAX_ENTITIES_PER_REQUEST)
    }

    fn requests_at_once(&self) -> u8 {
        REQUESTS_AT_ONCE
    }

    async fn send(&self, batch: Batch<'_>) -> Result<Sent, Refusal> {
        let (payloads, mut outcomes) = render_all(batch);
        let Some(array) = payload::Batch::by_kind(payloads).into_iter().next() else {
            return Ok(Sent { outcomes, near_limit: false, stopped: None });
        };
        let request = BulkRequest::new(batch.source.source.clone(), batch.workspace.clone(), array);
        let Answer { value: verdicts, meta } = self.client.submit(&request).await?;
        let judged = self.judge(batch, &verdicts, &outcomes);
        outcomes.extend(judged);
        Ok(Sent { outcomes, near_limit: meta.near_limit, stopped: None })
    }

    async fn delete(&self, kind: EntityKind, id: &EntityId) -> Result<Verdict, Refusal> {
        match self.client.delete_entity(kind, id).await {
            Ok(_) => Ok(Verdict::Accepted),
            Err(error) if error.fault == Disposition::GiveUp => {
                Ok(Verdict::Refused { reason: error.message, trace_id: error.trace_id })
            }
            // The documented answer to an unknown id is 202; a 404 says the same.
            Err(error) if error.fault == Disposition::Gone => Ok(Verdict::Accepted),
            Err(error) => Err(error.into()),
        }
    }

    async fn read_back(&self, kind: EntityKind, id: &EntityId) -> Result<Option<Held>, Refusal> {
        let stored = self.client.find_entity(kind, id).await?.value;
        Ok(stored.map(|stored| Held { version: stored.update_sequence_number, body: stored.body }))
    }

    async fn remove(&self, source: &SourceId, workspace: Option<&EntityId>) -> Result<(), Refusal> {
        for api in [Api::Operations, Api::Components] {
            self.client.delete_by_properties(api, source, workspace).await?;
        }
        Ok(())
    }

    fn near_limit_until(&self) -> Option<Timestamp> {
        self.client.near_quota_until()
    }

    fn links_per_request(&self) -> Option<usize> {
        Some(MAX_WORKSPACES_PER_REQUEST)
    }

    async fn link(&self, workspaces: &[EntityId]) -> Result<(), Refusal> {
        let accepted = self.client.link_workspaces(workspaces).await?.value;
        // Jira skips ids that were linked before; they count as linked.
        tracing::debug!(site = %self.site, accepted = accepted.len(), asked = workspaces.len(), "workspaces linked");
        Ok(())
    }

    async fn unlink(&self, workspaces: &[EntityId]) -> Result<(), Refusal> {
        self.client.unlink_workspaces(workspaces).await?;
        Ok(())
    }

    async fn list_links(&self) -> Result<Option<Vec<EntityId>>, Refusal> {
        Ok(Some(self.client.list_workspaces(None).await?.value))
    }

    async fn probe(&self) -> Result<Probe, Refusal> {
        let answer = self.client.list_workspaces(None).await?;
        let seen = format!("Jira accepts our tokens; {} workspace(s) linked", answer.value.len());
        Ok(Probe { seen, clock_skew: answer.meta.date_skew })
    }
}

/// The payloads of a batch, and the verdicts on entities without a payload.
fn render_all(batch: Batch<'_>) -> (Vec<EntityPayload>, Vec<EntityOutcome>) {
    let (mut payloads, mut refused) = (Vec::with_capacity(batch.entities.len()), Vec::new());
    for outgoing in batch.entities {
        let rendered = match &outgoing.content {
            Some(entity) => payload::payload(&batch.source.complete(entity), batch.source, outgoing.version)
                .map_err(|fault| fault.to_string()),
            None => Err("it was deleted while being read".to_owned()),
        };
        match rendered {
            Ok(payload) => payloads.push(payload),
            Err(reason) => refused.push(outgoing.outcome(Verdict::refused(reason))),
        }
    }
    (payloads, refused)
}
