//! Turns the webhooks of the inbox into entities.
//!
//! A webhook that its parser refuses or panics on, or that the database refuses, is quarantined; no other waits
//! for it. Sources take turns, one transaction each, so that a flood delays no other source by more than that. That
//! transaction also reads what the source remembers, and the webhooks where several processes take part.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use super::Inbound;
use super::statements::{STATEMENTS, Statements, count_statements};
use crate::domain::UnmappedValue;
use crate::sources::{
    Findings, Headers, InboundWebhook, Memory, PARSER_PANICKED, Unmappable, VerifiedWebhook,
};
use crate::store::{Applied, Claim, InboxRow, Origin, SourceScope, StoreError};
use crate::sync::SyncError;
use crate::sync::core::{Faults, POLLED};
use crate::sync::registry::SourceRuntime;

/// Webhooks whose effects share one transaction, while nobody waits for its end. Sources that wait share it, so that
/// each has its next turn soon.
const BATCH: usize = 256;
/// The same while webhooks that arrive wait to be written.
const BATCH_BESIDE_ARRIVALS: usize = 64;
/// The least of a source's share.
const SHARE: usize = 16;
/// Webhooks that arrive go before the effects of those that have waited for less than this.
const LATE: TimeDelta = TimeDelta::seconds(1);

/// A webhook of the inbox, with the keys of what its source must remember to read it.
struct Opened {
    webhook: VerifiedWebhook,
    keys: Vec<String>,
}

/// Webhooks of the inbox, and what of them can be read without what the source remembers.
struct Batch {
    rows: Vec<InboxRow>,
    opened: Vec<Result<Opened, String>>,
}

/// A row of the inbox with what it says.
struct Read {
    row: InboxRow,
    findings: Findings,
    memory: BTreeMap<String, Option<String>>,
    unmapped: BTreeSet<UnmappedValue>,
}

/// What one transaction makes of the oldest new webhooks of a source.
#[derive(Default)]
struct Taken {
    read: Vec<Read>,
    /// Those that cannot be mapped, by their ids, with the reasons.
    refused: Vec<(String, String)>,
    applied: Applied,
    /// Whether there were as many as fit: more are likely to wait.
    is_full: bool,
    /// Whether the oldest has waited for long.
    is_late: bool,
    /// A webhook that says more than fits into one transaction, and the part that comes next.
    begun: Option<Begun>,
}

/// What a source's turn has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Nothing,
    /// Everything that waited.
    All,
    /// As much as fits into a turn.
    Part {
        is_late: bool,
    },
}

impl Turn {
    /// Whether the next batch follows at once. `others_wait`: webhooks that arrived wait to be stored.
    fn goes_on(self, others_wait: bool) -> bool {
        matches!(self, Self::Part { is_late } if is_late || !others_wait)
    }
}

/// A webhook of which some parts are applied.
struct Begun {
    id: String,
    next: usize,
}

impl Inbound {
    /// Processes every new webhook that no other process works on. Returns whether there was any.
    ///
    /// # Errors
    /// As for [`Inbound::process_round`].
    pub async fn process_inbox(&self) -> Result<bool, SyncError> {
        let mut worked = false;
        while self.process_round().await? {
            worked = true;
        }
        Ok(worked)
    }

    /// Processes the webhooks that are new now, or a part of them while others wait to be stored. Returns whether there
    /// was any. What arrives meanwhile is left for the next round, where it shares a transaction with others.
    ///
    /// # Errors
    /// The first failure of the database, once all other sources have had their turns; what was not finished is
    /// repeated.
    pub async fn process_round(&self) -> Result<bool, SyncError> {
        let (mut worked, mut faults) = (false, Faults::default());
        let (mut failed, mut limits) = (HashSet::new(), HashMap::new());
        let mut has_more = true;
        while std::mem::take(&mut has_more) {
            let waiting = self.core.store.inbox().list_waiting_sources().await?;
            let batch = if self.core.store.is_waited_for() { BATCH_BESIDE_ARRIVALS } else { BATCH };
            let batch = (batch / waiting.len().max(1)).max(SHARE);
            for name in waiting {
                let Some(source) = self.core.registry.current().find(&name) else { continue };
                if failed.contains(&name) {
                    continue;
                }
                let limit = limits.entry(name.clone()).or_insert(batch);
                *limit = batch.min(limit.saturating_mul(2));
                match faults.keep(&name, self.process_some(&source, limit).await) {
                    Some(turn) => {
                        worked |= turn != Turn::Nothing;
                        has_more |= turn.goes_on(self.core.store.is_waited_for());
                    }
                    None => {
                        failed.insert(name);
                    }
                }
            }
        }
        if worked {
            self.core.tell_deliveries();
        }
        faults.first().map(|()| worked)
    }

    /// One turn of a source: its oldest webhooks, at most `limit`, which becomes less where the database refuses one of
    /// them.
    async fn process_some(&self, source: &SourceRuntime, limit: &mut usize) -> Result<Turn, SyncError> {
        let mut begun = None;
        loop {
            let first = Mutex::new(None);
            match self.take(source, *limit, begun.as_ref(), &first).await {
                // Another process works on them.
                Ok(None) => return Ok(Turn::Nothing),
                Ok(Some(taken)) => {
                    self.note(source, &taken).await?;
                    if taken.begun.is_none() {
                        return Ok(taken.turn());
                    }
                    begun = taken.begun;
                }
                // The one at fault is found among fewer.
                Err(fault) if fault.blames_data() && *limit > 1 => *limit /= 2,
                Err(fault) => {
                    let first = lock(&first).take();
                    let Some(first) = first.filter(|_| fault.blames_data()) else { return Err(fault.into()) };
                    self.set_aside(source, &first, &fault).await?;
                    return Ok(Turn::Part { is_late: true });
                }
            }
        }
    }

    /// Reads and applies the oldest webhooks, in one transaction, as many as fit into it. One that says more than fits
    /// is applied part by part, and `begun` says which part is next. `first` becomes the id of the oldest one. Returns
    /// `None` while another process works on them.
    async fn take(
        &self,
        source: &SourceRuntime,
        limit: usize,
        begun: Option<&Begun>,
        first: &Mutex<Option<String>>,
    ) -> Result<Option<Taken>, StoreError> {
        let ahead = &Mutex::new(self.read_ahead(source, limit).await?);
        let claimed = self.core.store.claim_webhooks(source.id(), |mut claim| async move {
            let batch = lock(ahead).take();
            let batch = match batch {
                Some(batch) => batch,
                None => Batch::open(source, claim.list_new(limit).await?),
            };
            *lock(first) = batch.rows.first().map(|row| row.id.clone());
            let known = claim.load_memory(&list_keys(&batch.opened)).await?;
            let is_full = batch.rows.len() >= limit;
            let late_since = self.core.clock.now() - LATE;
            let is_late = batch.rows.first().is_some_and(|row| row.received_at < late_since);
            let mut taken = read_rows(source, batch, known);
            (taken.is_full, taken.is_late) = (taken.is_full || is_full, is_late);
            taken.write(&mut claim, &source.scope(), begun).await?;
            Ok((claim, taken))
        });
        claimed.await
    }

    /// The webhooks that the transaction is about to take, where no other process could take them meanwhile: opening
    /// them takes as long as the rest, and while a transaction is open on SQLite no webhook can be stored.
    async fn read_ahead(&self, source: &SourceRuntime, limit: usize) -> Result<Option<Batch>, StoreError> {
        if !self.core.store.has_one_process() {
            return Ok(None);
        }
        let rows = self.core.store.inbox().list_new(source.id(), limit).await?;
        Ok(Some(Batch::open(source, rows)))
    }

    /// The database refuses this one, or the program panics on it: it is kept with the reason.
    async fn set_aside(&self, source: &SourceRuntime, id: &str, fault: &StoreError) -> Result<(), SyncError> {
        tracing::error!(source = %source.id(), delivery = id, %fault, "what a webhook says cannot be stored; it is kept and can be replayed");
        let reason = match fault {
            StoreError::Panicked => fault.to_string(),
            _ => format!("the database refuses what it says: {}", fault.words()),
        };
        Ok(self.core.store.inbox().quarantine(&[(id, &reason)]).await?)
    }

    /// Counts what was applied, logs what was not, and wakes whoever has to do with it.
    async fn note(&self, source: &SourceRuntime, taken: &Taken) -> Result<(), SyncError> {
        for (delivery, reason) in &taken.refused {
            tracing::warn!(source = %source.id(), delivery, %reason, "a webhook cannot be mapped; it is kept and can be replayed");
        }
        self.count_applied(source, taken.applied);
        if taken.begun.is_some() {
            return Ok(());
        }
        for it in &taken.read {
            self.count_gaps(source, &it.findings, &it.unmapped);
        }
        if taken.read.iter().any(|it| !it.findings.refetch.is_empty()) {
            source.signals.named.notify_one();
        }
        if taken.read.iter().any(|it| it.findings.refresh_catalogue) {
            self.core.store.polls().forget_catalogue(source.id()).await?;
        }
        Ok(())
    }
}

impl Batch {
    fn open(source: &SourceRuntime, rows: Vec<InboxRow>) -> Self {
        let open = |row| unless_it_panics(|| open(source, row)).unwrap_or(Err(PARSER_PANICKED.to_owned()));
        let opened = rows.iter().map(open).collect();
        Self { rows, opened }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Taken {
    fn turn(&self) -> Turn {
        match self.is_full {
            true => Turn::Part { is_late: self.is_late },
            false if self.read.is_empty() && self.refused.is_empty() => Turn::Nothing,
            false => Turn::All,
        }
    }

    /// Applies what was read, or the part of it that is next, and keeps what cannot be mapped.
    async fn write(
        &mut self,
        claim: &mut Claim<'_>,
        scope: &SourceScope<'_>,
        begun: Option<&Begun>,
    ) -> Result<(), StoreError> {
        let refused: Vec<_> = self.refused.iter().map(|(id, why)| (id.as_str(), why.as_str())).collect();
        claim.quarantine(&refused).await?;
        let statements: Vec<_> = self.read.iter().map(Read::statements).collect();
        let reports = match (statements.as_slice(), self.read.as_slice()) {
            ([], _) => return Ok(()),
            ([one], [Read { row, .. }]) => {
                let part = begun.filter(|begun| begun.id == row.id).map_or(0, |begun| begun.next);
                let (run, is_last) = one.runs().take(part + 1).last().unwrap_or((0..0, true));
                self.begun = (!is_last).then(|| Begun { id: row.id.clone(), next: part + 1 });
                vec![one.report(&run, is_last)]
            }
            _ => statements.iter().map(Statements::whole).collect(),
        };
        self.applied = claim.apply(scope, &reports).await?;
        Ok(())
    }
}

/// What the source must remember to read these webhooks.
fn list_keys(opened: &[Result<Opened, String>]) -> Vec<String> {
    let keys: BTreeSet<&String> = opened.iter().flatten().flat_map(|it| &it.keys).collect();
    keys.into_iter().cloned().collect()
}

/// Parses the webhooks from the first on that fit into one transaction; one that does not fit stands alone.
fn read_rows(source: &SourceRuntime, batch: Batch, mut known: BTreeMap<String, String>) -> Taken {
    let (mut taken, mut size) = (Taken::default(), 0);
    for (row, opened) in batch.rows.into_iter().zip(batch.opened) {
        match opened.and_then(|opened| parse(source, &opened, &mut known)) {
            Ok((findings, memory)) => {
                size += count_statements(&findings);
                if size > STATEMENTS && !taken.read.is_empty() {
                    taken.is_full = true;
                    break;
                }
                let unmapped = findings.unmapped_values(&source.config);
                taken.read.push(Read { row, findings, memory, unmapped });
            }
            Err(reason) => taken.refused.push((row.id, reason)),
        }
    }
    taken
}

/// Reads what one row of the inbox says about itself.
fn open(source: &SourceRuntime, row: &InboxRow) -> Result<Opened, String> {
    if row.verified_by == POLLED {
        let id = source.id();
        return Err(format!("it was polled: `incident-bridge sync --source {id} --full` reads it again"));
    }
    let webhook = restore(row)?;
    // Kept with the webhook: whoever parses it later need not begin here.
    let _parsed = webhook.json();
    let keys = source.adapter.recall(&webhook);
    Ok(Opened { webhook, keys })
}

/// Parses one webhook. `known` carries what the source keeps from one webhook to the next.
fn parse(
    source: &SourceRuntime,
    opened: &Opened,
    known: &mut BTreeMap<String, String>,
) -> Result<(Findings, BTreeMap<String, Option<String>>), String> {
    let Opened { webhook, keys } = opened;
    let recalled = keys.iter().filter_map(|key| Some((key.clone(), known.get(key)?.clone())));
    let mut memory = Memory::new(recalled.collect());
    let findings = match unless_it_panics(|| source.adapter.parse(webhook, &mut memory)) {
        Some(Ok(findings)) => findings.bounded(webhook.received_at),
        Some(Err(reason)) => return Err(reason.to_string()),
        None => return Err(PARSER_PANICKED.to_owned()),
    };
    let changes = memory.changes().clone();
    for (key, value) in &changes {
        match value {
            Some(value) => known.insert(key.clone(), value.clone()),
            None => known.remove(key),
        };
    }
    Ok((findings, changes))
}

impl Read {
    fn statements(&self) -> Statements<'_> {
        let origin = Origin::Webhook {
            inbox_id: &self.row.id,
            verified_by: &self.row.verified_by,
            note: self.findings.cut.as_deref().or(self.findings.ignored.as_deref()),
        };
        Statements::new(&self.findings, Some(&self.memory), &self.unmapped, origin)
    }
}

/// What a source's code returns; `None` when it panics, after the panic hook has printed the message. Nothing
/// that the code was changing is used afterwards.
pub(super) fn unless_it_panics<T>(code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code)).ok()
}

fn restore(row: &InboxRow) -> Result<VerifiedWebhook, String> {
    let headers: Headers =
        serde_json::from_str(&row.headers).map_err(|fault| Unmappable::from_json(&fault).to_string())?;
    let body = row.body.open().map_err(|fault| fault.to_string())?;
    let inbound = InboundWebhook { headers, path_token: None, body, received_at: row.received_at };
    Ok(VerifiedWebhook::new(inbound, row.delivery_id.clone(), row.verified_by.clone()))
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
