//! Webhooks: stored in groups before they are answered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use super::inbox::unless_it_panics;
use super::waits::LONGEST_ANSWER;
use crate::clock::Clock;
use crate::domain::Halves;
use crate::sources::{PARSER_PANICKED, Unmappable, VerifiedWebhook};
use crate::store::{Change, InboxEntry, Recorded, StoreError};
use crate::sync::core::Core;
use crate::sync::registry::SourceRuntime;
use crate::sync::tasks::{Heartbeats, Importance, describe_panic};
use crate::telemetry::{Counts, Metrics, SourceLabel};

/// What the log, metrics and readiness call the task that writes.
const NAME: &str = "ingest";

/// Most webhooks that share one transaction.
const GROUP: usize = 256;
/// Most bytes of bodies that share one transaction.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Why a webhook could not be stored. The sender must try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    #[error("too many webhooks are waiting for the disk")]
    Overloaded,
    #[error("the database does not take writes")]
    StoreDown,
    #[error("the database takes too long to write")]
    TooSlow,
    /// Sending it again does not help.
    #[error("the database refuses this webhook")]
    Refused,
}

/// What became of a webhook that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub duplicate: bool,
    /// Why it cannot be mapped; it is kept for the operator.
    pub unmappable: Option<Unmappable>,
}

/// What writes one transaction.
type Record =
    dyn for<'a> Fn(&'a [InboxEntry]) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>> + Send + Sync;

type Waiting = (InboxEntry, oneshot::Sender<Result<Recorded, IngestError>>);

/// The way into the inbox. Cheap to clone; the task ends with the last clone.
#[derive(Clone)]
pub struct Ingestor {
    queue: mpsc::Sender<Waiting>,
    core: Arc<Core>,
}

impl Ingestor {
    /// Starts the task that writes groups. Beyond `max_waiting` webhooks, senders are asked to come back.
    #[must_use]
    pub(in crate::sync) fn start(core: Arc<Core>, max_waiting: usize) -> Self {
        let (queue, waiting) = mpsc::channel(max_waiting);
        tokio::spawn(write(core.clone(), waiting));
        Self { queue, core }
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
        let entry = entry(source, webhook, unmappable.as_ref());
        let (sender, answer) = oneshot::channel();
        self.queue.try_send((entry, sender)).map_err(|_| IngestError::Overloaded)?;
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

async fn write(core: Arc<Core>, waiting: mpsc::Receiver<Waiting>) {
    let store = core.store.clone();
    let record: Box<Record> = Box::new(move |entries| {
        let store = store.clone();
        async move { store.inbox().record(entries).await }.boxed()
    });
    write_groups(&core.metrics, &core.heartbeats, &core.clock, waiting, &*record).await;
}

/// Writes until the last sender is gone. A panic costs its group only: its senders are told at once to try
/// again.
async fn write_groups(
    metrics: &Metrics,
    heartbeats: &Heartbeats,
    clock: &Clock,
    mut waiting: mpsc::Receiver<Waiting>,
    record: &Record,
) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let written = write_group(std::mem::take(&mut group), record);
        match AssertUnwindSafe(written).catch_unwind().await {
            Ok(()) => heartbeats.forget(NAME),
            Err(panic) => {
                let why = describe_panic(&*panic);
                metrics.note_panic(NAME, why);
                heartbeats.panicked(NAME, Importance::Shared, why, clock);
            }
        }
    }
}

/// In parts that each fit into one transaction.
async fn write_group(group: Vec<Waiting>, record: &Record) {
    let (entries, senders): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    let mut senders = senders.into_iter();
    let mut answer = |answers: Vec<Result<Recorded, IngestError>>| {
        // In this order: when the answers end, no sender has been taken for nothing.
        for (answer, sender) in answers.into_iter().zip(senders.by_ref()) {
            // A sender that hung up meanwhile will repeat its webhook, which is then a duplicate.
            let _hung_up = sender.send(answer);
        }
    };
    for part in entries.chunk_by(fits_beside()) {
        write_part(part, record, &mut answer).await;
    }
}

/// One webhook that the database refuses keeps no other from being stored.
async fn write_part(
    entries: &[InboxEntry],
    record: &Record,
    answer: &mut impl FnMut(Vec<Result<Recorded, IngestError>>),
) {
    let mut parts = Halves::of(entries, GROUP);
    while let Some(part) = parts.next() {
        match record(part).await {
            Ok(recorded) => answer(recorded.into_iter().map(Ok).collect()),
            Err(fault) if fault.blames_data() => {
                if let Some(one) = parts.split(part) {
                    tracing::error!(source = %one.source, %fault, "the database refuses a webhook, which is not kept");
                    answer(vec![Err(IngestError::Refused)]);
                }
            }
            Err(fault) => {
                let advice = fault.advice();
                tracing::error!(%fault, advice, "webhooks cannot be stored; senders will try again");
                answer(vec![Err(IngestError::StoreDown); part.len()]);
            }
        }
    }
}

/// Whether the next webhook shares the transaction of the ones before it.
fn fits_beside() -> impl FnMut(&InboxEntry, &InboxEntry) -> bool {
    let mut size = 0;
    move |before, next| {
        size += before.body.len();
        let fits = size + next.body.len() <= GROUP_BYTES;
        if !fits {
            size = 0;
        }
        fits
    }
}

/// Why the webhook cannot be mapped, if that is known already.
fn inspect(source: &SourceRuntime, webhook: &VerifiedWebhook) -> Option<Unmappable> {
    match unless_it_panics(|| source.adapter.inspect(webhook)) {
        Some(inspected) => inspected.err(),
        None => Some(Unmappable::Incomplete(PARSER_PANICKED.to_owned())),
    }
}

fn entry(source: &SourceRuntime, webhook: &VerifiedWebhook, unmappable: Option<&Unmappable>) -> InboxEntry {
    let headers = webhook.headers.without(|name| !is_kept(source, name));
    InboxEntry {
        source: source.id().clone(),
        delivery_key: delivery_key(webhook),
        delivery_id: webhook.delivery_id.clone(),
        received_at: webhook.received_at,
        verified_by: webhook.verified_by.clone(),
        headers: serde_json::to_string(&headers).unwrap_or_else(|_| "[]".to_owned()),
        body: webhook.body().to_vec(),
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

#[cfg(test)]
#[path = "ingest_tests.rs"]
mod tests;
