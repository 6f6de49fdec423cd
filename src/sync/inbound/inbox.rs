//! Turns the webhooks of the inbox into entities.
//!
//! A webhook that its parser refuses or panics on, or that the database refuses, is quarantined; no other waits
//! for it. Sources take turns, one transaction each, so that a flood delays no other source by more than that. That
//! transaction also reads the webhooks and what the source remembers, so that any number of processes can take part.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

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

/// Webhooks whose effects share one transaction, while nobody waits for its end.
const BATCH: usize = 256;
/// The same while webhooks that arrive wait to be written.
const BATCH_BESIDE_ARRIVALS: usize = 64;
/// The same while other sources wait for their turn.
const BATCH_BESIDE_OTHERS: usize = 16;

/// A webhook of the inbox, with the keys of what its source must remember to read it.
struct Opened {
    webhook: VerifiedWebhook,
    keys: Vec<String>,
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
    /// A webhook that says more than fits into one transaction, and the part that comes next.
    begun: Option<Begun>,
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
    /// The first failure of the database, once all other sources have had their turns; what was not finished is
    /// repeated.
    pub async fn process_inbox(&self) -> Result<bool, SyncError> {
        let (mut worked, mut faults) = (false, Faults::default());
        let (mut failed, mut limits) = (HashSet::new(), HashMap::new());
        loop {
            let mut found = false;
            let waiting = self.core.store.inbox().list_waiting_sources().await?;
            let batch = match waiting.len() {
                0 | 1 if self.core.store.is_waited_for() => BATCH_BESIDE_ARRIVALS,
                0 | 1 => BATCH,
                _ => BATCH_BESIDE_OTHERS,
            };
            for name in waiting {
                let Some(source) = self.core.registry.current().find(&name) else { continue };
                if failed.contains(&name) {
                    continue;
                }
                let limit = limits.entry(name.clone()).or_insert(batch);
                *limit = batch.min(limit.saturating_mul(2));
                match faults.keep(&name, self.process_some(&source, limit).await) {
                    Some(some) => found |= some,
                    None => {
                        failed.insert(name);
                    }
                }
            }
            if !found {
                break;
            }
            worked = true;
        }
        if worked {
            self.core.tell_deliveries();
        }
        faults.first().map(|()| worked)
    }

    /// One turn of a source: its oldest webhooks, at most `limit`, which becomes less where the database refuses one of
    /// them. Returns whether there was anything to do.
    async fn process_some(&self, source: &SourceRuntime, limit: &mut usize) -> Result<bool, SyncError> {
        let mut begun = None;
        loop {
            let first = Mutex::new(None);
            match self.take(source, *limit, begun.as_ref(), &first).await {
                // Another process works on them.
                Ok(None) => return Ok(false),
                Ok(Some(taken)) => {
                    self.note(source, &taken).await?;
                    if taken.begun.is_none() {
                        return Ok(!taken.read.is_empty() || !taken.refused.is_empty());
                    }
                    begun = taken.begun;
                }
                // The one at fault is found among fewer.
                Err(fault) if fault.blames_data() && *limit > 1 => *limit /= 2,
                Err(fault) => {
                    let first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
                    let Some(first) = first.filter(|_| fault.blames_data()) else { return Err(fault.into()) };
                    self.set_aside(source, &first, &fault).await?;
                    return Ok(true);
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
        let claimed = self.core.store.claim_webhooks(source.id(), |mut claim| async move {
            let rows = claim.list_new(limit).await?;
            let oldest = rows.first().map(|row| row.id.clone());
            *first.lock().unwrap_or_else(PoisonError::into_inner) = oldest;
            let opened: Vec<_> = rows.iter().map(|row| open(source, row)).collect();
            let known = claim.load_memory(&list_keys(&opened)).await?;
            let mut taken = read_rows(source, rows, opened, known);
            taken.write(&mut claim, &source.scope(), begun).await?;
            Ok((claim, taken))
        });
        claimed.await
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

impl Taken {
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
fn read_rows(
    source: &SourceRuntime,
    rows: Vec<InboxRow>,
    opened: Vec<Result<Opened, String>>,
    mut known: BTreeMap<String, String>,
) -> Taken {
    let (mut taken, mut size) = (Taken::default(), 0);
    for (row, opened) in rows.into_iter().zip(opened) {
        match opened.and_then(|opened| parse(source, &opened, &mut known)) {
            Ok((findings, memory)) => {
                size += count_statements(&findings);
                if size > STATEMENTS && !taken.read.is_empty() {
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
    let keys = unless_it_panics(|| source.adapter.recall(&webhook)).ok_or(PARSER_PANICKED)?;
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
