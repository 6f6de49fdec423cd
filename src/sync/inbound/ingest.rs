//! Webhooks: stored in groups before they are answered.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::groups::{Groups, IngestError};
use super::inbox::unless_it_panics;
use super::waits::LONGEST_ANSWER;
use crate::sources::{PARSER_PANICKED, Unmappable, VerifiedWebhook};
use crate::store::{Body, Change, InboxEntry, Recorded};
use crate::sync::core::Core;
use crate::sync::registry::SourceRuntime;
use crate::telemetry::{Counts, SourceLabel};

/// What became of a webhook that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub duplicate: bool,
    /// Why it cannot be mapped; it is kept for the operator.
    pub unmappable: Option<Unmappable>,
}

/// The way into the inbox. Cheap to clone.
#[derive(Clone)]
pub struct Ingestor {
    groups: Arc<Groups>,
    core: Arc<Core>,
}

impl Ingestor {
    /// Beyond `max_waiting` webhooks, senders are asked to come back.
    #[must_use]
    pub(in crate::sync) fn new(core: Arc<Core>, max_waiting: usize) -> Self {
        let groups = Groups::new(&core, core.store.clone(), max_waiting);
        Self { groups: Arc::new(groups), core }
    }

    /// Stores a webhook. When it returns a receipt, the webhook is on disk.
    ///
    /// # Errors
    /// When it could not be written: nothing is kept, and the sender must be told to try again.
    pub async fn receive(
        &self,
        source: &SourceRuntime,
        webhook: &VerifiedWebhook,
    ) -> Result<Receipt, IngestError> {
        let began = self.core.clock.elapsed();
        let unmappable = inspect(source, webhook);
        let body = self.core.store.inbox().pack(webhook.body());
        let answer = self.groups.add(entry(source, webhook, body, unmappable.as_ref()))?;
        let answer = tokio::time::timeout(LONGEST_ANSWER, answer).await.map_err(|_| IngestError::TooSlow)?;
        let recorded = answer.map_err(|_| IngestError::StoreDown)??;
        self.count(source, &recorded, unmappable.is_some());
        let took = self.core.clock.elapsed().saturating_sub(began);
        self.core.metrics.ingest_duration.observe(took.as_secs_f64());
        self.core.signals.inbox.notify_one();
        self.core.store.tell(Change::Inbox);
        Ok(Receipt { duplicate: recorded == Recorded::Duplicate, unmappable })
    }

    fn count(&self, source: &SourceRuntime, recorded: &Recorded, kept_aside: bool) {
        let result = match (recorded, kept_aside) {
            (Recorded::Duplicate, _) => "duplicate",
            (Recorded::New, true) => "quarantined",
            (Recorded::New, false) => "new",
        };
        let metrics = &self.core.metrics;
        Counts::count_source(&metrics.counts.webhooks, source.id().as_str(), result, 1);
        let label = SourceLabel { source: source.id().to_string() };
        metrics.levels.webhook_received.get_or_create(&label).set(self.core.clock.now().timestamp());
    }
}

/// Why the webhook cannot be mapped, if that is known already.
fn inspect(source: &SourceRuntime, webhook: &VerifiedWebhook) -> Option<Unmappable> {
    match unless_it_panics(|| source.adapter.inspect(webhook)) {
        Some(inspected) => inspected.err(),
        None => Some(Unmappable::Incomplete(PARSER_PANICKED.to_owned())),
    }
}

fn entry(
    source: &SourceRuntime,
    webhook: &VerifiedWebhook,
    body: Body,
    unmappable: Option<&Unmappable>,
) -> InboxEntry {
    let headers = webhook.headers.without(|name| !is_kept(source, name));
    InboxEntry {
        source: source.id().clone(),
        delivery_key: delivery_key(webhook),
        delivery_id: webhook.delivery_id.clone(),
        received_at: webhook.received_at,
        verified_by: webhook.verified_by.clone(),
        headers: serde_json::to_string(&headers).unwrap_or_else(|_| "[]".to_owned()),
        body,
        quarantine: unmappable.map(ToString::to_string),
    }
}

/// The tool's id of the delivery, or else the content and the second of its arrival: two replicas of a
/// sender say the same at the same moment, but the same content a minute later is a new webhook.
fn delivery_key(webhook: &VerifiedWebhook) -> String {
    let id = webhook.delivery_id.clone().unwrap_or_else(|| {
        format!("{}\n{}", webhook.received_at.timestamp(), hex::encode(Sha256::digest(webhook.body())))
    });
    delivery_key_of(id)
}

/// A key that can be indexed.
pub(super) fn delivery_key_of(id: String) -> String {
    if id.len() <= 200 { id } else { format!("sha256:{}", hex::encode(Sha256::digest(id))) }
}

/// Header fields that are stored: what every tool's sender is described by, the request's id in the log, and what its
/// source reads. Nothing
/// that may carry a credential, whatever a mapping names; proxies add fields of any name with the address, and
/// an address may contain a token.
fn is_kept(source: &SourceRuntime, header: &str) -> bool {
    let is_wanted = ["content-type", "user-agent", "x-request-id"].contains(&header)
        || source.adapter.keeps_header(header);
    is_wanted && !carries_credentials(header)
}

fn carries_credentials(header: &str) -> bool {
    ["authorization", "cookie", "signature", "token", "secret", "password", "api-key", "apikey"]
        .iter()
        .any(|part| header.contains(part))
}
