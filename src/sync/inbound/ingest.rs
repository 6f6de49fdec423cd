//! Webhooks: written down in groups before they are answered, then turned into entities.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::domain::UnknownWord;
use crate::sources::{Findings, Headers, InboundWebhook, Memory, Unmappable, VerifiedWebhook};
use crate::store::{InboxEntry, InboxRow, Origin, Recorded, Report};
use crate::sync::engine::{Engine, SyncError};
use crate::sync::registry::SourceRuntime;
use crate::telemetry::{Metrics, WordLabel};

/// Longest that a sender is kept waiting: shorter than senders wait before they hang up. What is written after
/// all is known when it comes again.
const PATIENCE: Duration = Duration::from_secs(4);
/// Most webhooks that share one transaction.
const GROUP: usize = 256;
/// Webhooks whose effects share one transaction: small enough not to hold up the inbox.
const BATCH: usize = 16;

/// Why a webhook could not be written down. The sender must try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    #[error("too many webhooks are waiting for the disk")]
    Overloaded,
    #[error("the database does not take writes")]
    StoreDown,
    #[error("the database takes too long to write")]
    TooSlow,
}

/// What became of a webhook that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub duplicate: bool,
    /// Why it has no meaning here; it is kept for the operator.
    pub unmappable: Option<Unmappable>,
}

type Waiting = (InboxEntry, oneshot::Sender<Result<Recorded, IngestError>>);

/// The way into the inbox. Cheap to clone; the task ends with the last clone.
#[derive(Clone)]
pub struct Ingestor {
    queue: mpsc::Sender<Waiting>,
    engine: Arc<Engine>,
}

impl Ingestor {
    /// Starts the task that writes groups. Beyond `max_waiting` webhooks, senders are asked to come back.
    #[must_use]
    pub fn start(engine: Arc<Engine>, max_waiting: usize) -> Self {
        let (queue, waiting) = mpsc::channel(max_waiting);
        tokio::spawn(write_groups(engine.clone(), waiting));
        Self { queue, engine }
    }

    /// Writes a webhook down. When it returns a receipt, the webhook is on disk.
    ///
    /// # Errors
    /// When it could not be written: nothing is kept, and the sender must be told to try again.
    pub async fn receive(
        &self,
        source: &SourceRuntime,
        webhook: &VerifiedWebhook,
    ) -> Result<Receipt, IngestError> {
        let unmappable = source.source.inspect(webhook).err();
        let entry = entry(source, webhook, unmappable.as_ref());
        let (sender, answer) = oneshot::channel();
        self.queue.try_send((entry, sender)).map_err(|_| IngestError::Overloaded)?;
        let answer = tokio::time::timeout(PATIENCE, answer).await.map_err(|_| IngestError::TooSlow)?;
        let recorded = answer.map_err(|_| IngestError::StoreDown)??;
        self.count(source, webhook, &recorded, unmappable.is_some());
        self.engine.signals.inbox.notify_one();
        Ok(Receipt { duplicate: recorded == Recorded::Duplicate, unmappable })
    }

    fn count(
        &self,
        source: &SourceRuntime,
        webhook: &VerifiedWebhook,
        recorded: &Recorded,
        kept_aside: bool,
    ) {
        let result = match (recorded, kept_aside) {
            (Recorded::Duplicate, _) => "duplicate",
            (Recorded::New, true) => "quarantined",
            (Recorded::New, false) => "new",
        };
        let metrics = &self.engine.metrics;
        Metrics::count_source(&metrics.webhooks, source.id().as_str(), result, 1);
        let took = self.engine.clock.now() - webhook.received_at;
        metrics.ingest_seconds.observe(took.as_seconds_f64().max(0.0));
    }
}

async fn write_groups(engine: Arc<Engine>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (entries, senders): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        let recorded = engine.store.inbox().record(&entries).await;
        let answers = recorded.map_err(|fault| {
            tracing::error!(%fault, "webhooks cannot be written down: free disk space or mend the database; senders will try again");
            IngestError::StoreDown
        });
        for (n, sender) in senders.into_iter().enumerate() {
            let answer = answers.as_ref().map_err(|fault| *fault).map(|all| all[n].clone());
            // A sender that hung up meanwhile will repeat its webhook, which is then a duplicate.
            let _hung_up = sender.send(answer);
        }
    }
}

fn entry(source: &SourceRuntime, webhook: &VerifiedWebhook, unmappable: Option<&Unmappable>) -> InboxEntry {
    let headers = webhook.headers.without(carries_credentials);
    InboxEntry {
        source: source.id().clone(),
        delivery_key: delivery_key(webhook),
        delivery_id: webhook.delivery_id.clone(),
        received_at: webhook.received_at,
        verified_by: webhook.verified_by.clone(),
        headers: serde_json::to_string(&headers).unwrap_or_else(|_| "[]".to_owned()),
        body: webhook.body.clone(),
        quarantine: unmappable.map(ToString::to_string),
    }
}

/// The tool's id of the delivery, or else the content and the second of its arrival: two replicas of a
/// sender say the same at the same moment, but the same words a minute later are news again.
fn delivery_key(webhook: &VerifiedWebhook) -> String {
    let id = webhook.delivery_id.clone().unwrap_or_else(|| {
        format!("{}\n{}", webhook.received_at.timestamp(), hex::encode(Sha256::digest(&webhook.body)))
    });
    if id.len() <= 200 { id } else { format!("sha256:{}", hex::encode(Sha256::digest(id))) }
}

fn carries_credentials(header: &str) -> bool {
    ["authorization", "cookie", "signature", "token", "secret", "password", "api-key", "apikey"]
        .iter()
        .any(|part| header.contains(part))
}

/// A row of the inbox with what it says.
struct Read {
    row: InboxRow,
    findings: Findings,
    memory: BTreeMap<String, Option<String>>,
    words: BTreeSet<UnknownWord>,
}

impl Engine {
    /// Gives every new webhook its effect. Returns whether there was any.
    ///
    /// # Errors
    /// When the database fails; what was not finished is repeated.
    pub async fn process_inbox(&self) -> Result<bool, SyncError> {
        let mut worked = false;
        for source in self.registry.iter() {
            loop {
                let rows = self.store.inbox().list_new(source.id(), BATCH).await?;
                if rows.is_empty() {
                    break;
                }
                worked = true;
                self.process_rows(source, rows).await?;
            }
        }
        if worked {
            self.signals.deliver.notify_one();
        }
        Ok(worked)
    }

    async fn process_rows(&self, source: &SourceRuntime, rows: Vec<InboxRow>) -> Result<(), SyncError> {
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut read = Vec::with_capacity(rows.len());
        let mut unmappable = Vec::new();
        let mut refresh_catalogue = false;
        for row in rows {
            match self.read_row(source, &row, &mut known).await? {
                Ok((findings, memory)) => {
                    refresh_catalogue |= findings.refresh_catalogue;
                    let words = self.note_gaps(source, &findings);
                    read.push(Read { row, findings, memory, words });
                }
                Err(reason) => {
                    tracing::warn!(source = %source.id(), delivery = %row.id, %reason, "a webhook cannot be mapped; it is kept and can be replayed");
                    unmappable.push((row.id, reason.to_string()));
                }
            }
        }
        let unmappable: Vec<_> =
            unmappable.iter().map(|(id, reason)| (id.as_str(), reason.as_str())).collect();
        self.store.inbox().quarantine(&unmappable).await?;
        let reports: Vec<_> =
            read.iter().map(|it| report(&it.findings, &it.words, Some(&it.memory), origin(it))).collect();
        let applied = self.store.apply(&source.scope(), &reports).await?;
        if read.iter().any(|it| !it.findings.refetch.is_empty()) {
            source.named.notify_one();
        }
        if refresh_catalogue {
            self.store.polls().forget_catalogue(source.id()).await?;
        }
        self.count_applied(source, applied);
        Ok(())
    }

    /// Counts what has no meaning here: whole entries of a listing, and words, which are returned.
    pub(in crate::sync) fn note_gaps(
        &self,
        source: &SourceRuntime,
        findings: &Findings,
    ) -> BTreeSet<UnknownWord> {
        if let Some(reason) = findings.unmappable.first() {
            let count = findings.unmappable.len();
            tracing::warn!(source = %source.id(), count, %reason, "entries of a listing cannot be mapped and are passed over");
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            Metrics::count_source(&self.metrics.statements, source.id().as_str(), "unmappable", count);
        }
        let words = findings.unknown_words(&source.config);
        for word in &words {
            let kind = word.kind.as_str().to_owned();
            let label = WordLabel { source: source.id().to_string(), kind };
            self.metrics.unknown_words.get_or_create(&label).inc();
        }
        words
    }

    pub(in crate::sync) fn count_applied(&self, source: &SourceRuntime, applied: crate::store::Applied) {
        let id = source.id().as_str();
        let count = |result, n: usize| {
            Metrics::count_source(&self.metrics.statements, id, result, u64::try_from(n).unwrap_or(u64::MAX));
        };
        count("changed", applied.changed);
        count("unchanged", applied.unchanged);
        count("stale", applied.stale);
    }

    /// Parses one row. `known` carries what earlier rows of the same batch remembered.
    async fn read_row(
        &self,
        source: &SourceRuntime,
        row: &InboxRow,
        known: &mut BTreeMap<String, String>,
    ) -> Result<Result<(Findings, BTreeMap<String, Option<String>>), Unmappable>, SyncError> {
        let webhook = match restore(row) {
            Ok(webhook) => webhook,
            Err(reason) => return Ok(Err(reason)),
        };
        let keys = source.source.recall(&webhook);
        let mut recalled = self.store.polls().load_memory(source.id(), Some(&keys)).await?;
        recalled.extend(known.iter().map(|(key, value)| (key.clone(), value.clone())));
        let mut memory = Memory::new(recalled);
        let findings = match source.source.parse(&webhook, &mut memory) {
            Ok(findings) => findings,
            Err(reason) => return Ok(Err(reason)),
        };
        let changes = memory.changes().clone();
        for (key, value) in &changes {
            match value {
                Some(value) => known.insert(key.clone(), value.clone()),
                None => known.remove(key),
            };
        }
        Ok(Ok((findings, changes)))
    }
}

fn restore(row: &InboxRow) -> Result<VerifiedWebhook, Unmappable> {
    let headers: Headers =
        serde_json::from_str(&row.headers).map_err(|fault| Unmappable::from_json(&fault))?;
    let inbound =
        InboundWebhook { headers, path_token: None, body: row.body.clone(), received_at: row.received_at };
    Ok(VerifiedWebhook::new(inbound, row.delivery_id.clone(), row.verified_by.clone()))
}

pub(in crate::sync) fn report<'a>(
    findings: &'a Findings,
    unknown_words: &'a BTreeSet<UnknownWord>,
    memory: Option<&'a BTreeMap<String, Option<String>>>,
    origin: Origin<'a>,
) -> Report<'a> {
    Report {
        origin,
        observations: &findings.observations,
        mentioned: &findings.mentioned,
        workspaces: &findings.workspaces,
        refetch: &findings.refetch,
        memory,
        unmapped: Some(unknown_words),
    }
}

fn origin(read: &Read) -> Origin<'_> {
    Origin::Webhook {
        inbox_id: &read.row.id,
        verified_by: &read.row.verified_by,
        note: read.findings.ignored.as_deref(),
    }
}
