//! Turns the webhooks of the inbox into entities.
//!
//! A webhook that its parser refuses or panics on, or that the database refuses, is quarantined; no other waits
//! for it. Sources take turns, one transaction each, so that a flood delays no other source by more than that.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Inbound;
use super::statements::{STATEMENTS, Statements, count_statements};
use crate::domain::{Halves, UnmappedValue};
use crate::sources::{
    Findings, Headers, InboundWebhook, Memory, PARSER_PANICKED, Unmappable, VerifiedWebhook,
};
use crate::store::{Applied, InboxRow, Origin, StoreError};
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
struct Read<'a> {
    row: &'a InboxRow,
    findings: Findings,
    memory: BTreeMap<String, Option<String>>,
    unmapped: BTreeSet<UnmappedValue>,
}

impl Inbound {
    /// Processes every new webhook. Returns whether there was any.
    ///
    /// # Errors
    /// The first failure of the database, once all other sources have had their turns; what was not finished is
    /// repeated.
    pub async fn process_inbox(&self) -> Result<bool, SyncError> {
        let (mut worked, mut faults) = (false, Faults::default());
        let mut failed: HashSet<String> = HashSet::new();
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
                match faults.keep(&name, self.process_some(&source, batch).await) {
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
            self.core.signals.deliver.notify_one();
        }
        faults.first().map(|()| worked)
    }

    /// One turn of a source. Returns whether there was anything to do.
    async fn process_some(&self, source: &SourceRuntime, batch: usize) -> Result<bool, SyncError> {
        let rows = self.core.store.inbox().list_new(source.id(), batch).await?;
        let mut parts = Halves::of(&rows, batch);
        while let Some(part) = parts.next() {
            match self.process_rows(source, part).await {
                // The rest has its turn later: nothing overtakes it.
                Ok(done) if done < part.len() => break,
                Ok(_) => {}
                Err(SyncError::Store(fault)) if fault.blames_data() => {
                    if let Some(row) = parts.split(part) {
                        self.set_aside(source, row, &fault).await?;
                    }
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(!rows.is_empty())
    }

    /// The database refuses this one: it is kept with the database's words.
    async fn set_aside(
        &self,
        source: &SourceRuntime,
        row: &InboxRow,
        fault: &StoreError,
    ) -> Result<(), SyncError> {
        tracing::error!(source = %source.id(), delivery = %row.id, %fault, "the database refuses what a webhook says; it is kept and can be replayed");
        let reason = format!("the database refuses what it says: {}", fault.words());
        Ok(self.core.store.inbox().quarantine(&[(&row.id, &reason)]).await?)
    }

    /// Applies the webhooks from the first on that fit into one transaction; one that says more than fits is
    /// applied alone, in several. Returns how many it was.
    async fn process_rows(&self, source: &SourceRuntime, rows: &[InboxRow]) -> Result<usize, SyncError> {
        let store = &self.core.store;
        let opened: Vec<_> = rows.iter().map(|row| open(source, row)).collect();
        let mut known = self.recall(source, &opened).await?;
        let (mut read, mut refused, mut size) = (Vec::with_capacity(rows.len()), Vec::new(), 0);
        for (row, opened) in rows.iter().zip(opened) {
            match opened.and_then(|opened| parse(source, &opened, &mut known)) {
                Ok((findings, memory)) => {
                    size += count_statements(&findings);
                    if size > STATEMENTS && !read.is_empty() {
                        break;
                    }
                    read.push(Read {
                        row,
                        unmapped: findings.unmapped_values(&source.config),
                        findings,
                        memory,
                    });
                }
                Err(reason) => {
                    tracing::warn!(source = %source.id(), delivery = %row.id, %reason, "a webhook cannot be mapped; it is kept and can be replayed");
                    refused.push((row.id.as_str(), reason));
                }
            }
        }
        let kept: Vec<_> = refused.iter().map(|(id, why)| (*id, why.as_str())).collect();
        store.inbox().quarantine(&kept).await?;
        self.apply_read(source, &read).await?;
        if read.iter().any(|it| !it.findings.refetch.is_empty()) {
            source.signals.named.notify_one();
        }
        if read.iter().any(|it| it.findings.refresh_catalogue) {
            store.polls().forget_catalogue(source.id()).await?;
        }
        Ok(read.len() + refused.len())
    }

    async fn apply_read(&self, source: &SourceRuntime, read: &[Read<'_>]) -> Result<(), SyncError> {
        let statements: Vec<_> = read.iter().map(Read::statements).collect();
        let mut applied = Applied::default();
        if let [one] = statements.as_slice() {
            for (run, is_last) in one.runs() {
                applied += self.core.store.apply(&source.scope(), &[one.report(&run, is_last)]).await?;
            }
        } else {
            let reports: Vec<_> = statements.iter().map(Statements::whole).collect();
            applied = self.core.store.apply(&source.scope(), &reports).await?;
        }
        for it in read {
            self.count_gaps(source, &it.findings, &it.unmapped);
        }
        self.count_applied(source, applied);
        Ok(())
    }

    /// What the source keeps of what these webhooks concern.
    async fn recall(
        &self,
        source: &SourceRuntime,
        opened: &[Result<Opened, String>],
    ) -> Result<BTreeMap<String, String>, SyncError> {
        let keys: BTreeSet<&String> = opened.iter().flatten().flat_map(|it| &it.keys).collect();
        let keys: Vec<String> = keys.into_iter().cloned().collect();
        Ok(self.core.store.polls().load_memory(source.id(), Some(&keys)).await?)
    }
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

impl Read<'_> {
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
