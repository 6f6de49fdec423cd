//! Turns the webhooks of the inbox into entities.
//!
//! A webhook that its parser refuses, or panics on, is quarantined; no other waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Inbound;
use super::apply::report;
use crate::domain::UnmappedValue;
use crate::sources::{
    Findings, Headers, InboundWebhook, Memory, PARSER_PANICKED, Unmappable, VerifiedWebhook,
};
use crate::store::{InboxRow, Origin, Report};
use crate::sync::SyncError;
use crate::sync::registry::SourceRuntime;

/// Webhooks whose effects share one transaction: small enough not to hold up the inbox.
const BATCH: usize = 16;

/// A row of the inbox with what it says.
struct Read {
    row: InboxRow,
    findings: Findings,
    memory: BTreeMap<String, Option<String>>,
    unmapped: BTreeSet<UnmappedValue>,
}

impl Inbound {
    /// Processes every new webhook. Returns whether there was any.
    ///
    /// # Errors
    /// When the database fails; what was not finished is repeated.
    pub async fn process_inbox(&self) -> Result<bool, SyncError> {
        let mut worked = false;
        for source in self.core.registry.iter() {
            loop {
                let rows = self.core.store.inbox().list_new(source.id(), BATCH).await?;
                if rows.is_empty() {
                    break;
                }
                worked = true;
                self.process_rows(source, rows).await?;
            }
        }
        if worked {
            self.core.signals.deliver.notify_one();
        }
        Ok(worked)
    }

    async fn process_rows(&self, source: &SourceRuntime, rows: Vec<InboxRow>) -> Result<(), SyncError> {
        let store = &self.core.store;
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let (mut read, mut refused) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match self.read_row(source, &row, &mut known).await? {
                Ok((findings, memory)) => {
                    let unmapped = self.note_gaps(source, &findings);
                    read.push(Read { row, findings, memory, unmapped });
                }
                Err(reason) => {
                    tracing::warn!(source = %source.id(), delivery = %row.id, %reason, "a webhook cannot be mapped; it is kept and can be replayed");
                    refused.push((row.id, reason));
                }
            }
        }
        let refused: Vec<_> =
            refused.iter().map(|(id, why): &(String, String)| (id.as_str(), why.as_str())).collect();
        store.inbox().quarantine(&refused).await?;
        let reports: Vec<_> = read.iter().map(Read::report).collect();
        let applied = store.apply(&source.scope(), &reports).await?;
        if read.iter().any(|it| !it.findings.refetch.is_empty()) {
            source.named.notify_one();
        }
        if read.iter().any(|it| it.findings.refresh_catalogue) {
            store.polls().forget_catalogue(source.id()).await?;
        }
        self.count_applied(source, applied);
        Ok(())
    }

    /// Parses one row. `known` carries what earlier rows of the same batch remembered.
    async fn read_row(
        &self,
        source: &SourceRuntime,
        row: &InboxRow,
        known: &mut BTreeMap<String, String>,
    ) -> Result<Result<(Findings, BTreeMap<String, Option<String>>), String>, SyncError> {
        let webhook = match restore(row) {
            Ok(webhook) => webhook,
            Err(reason) => return Ok(Err(reason.to_string())),
        };
        let Some(keys) = unless_it_panics(|| source.adapter.recall(&webhook)) else {
            return Ok(Err(PARSER_PANICKED.to_owned()));
        };
        let mut recalled = self.core.store.polls().load_memory(source.id(), Some(&keys)).await?;
        recalled.extend(known.iter().map(|(key, value)| (key.clone(), value.clone())));
        let mut memory = Memory::new(recalled);
        let findings = match unless_it_panics(|| source.adapter.parse(&webhook, &mut memory)) {
            Some(Ok(findings)) => findings,
            Some(Err(reason)) => return Ok(Err(reason.to_string())),
            None => return Ok(Err(PARSER_PANICKED.to_owned())),
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

impl Read {
    fn report(&self) -> Report<'_> {
        let origin = Origin::Webhook {
            inbox_id: &self.row.id,
            verified_by: &self.row.verified_by,
            note: self.findings.ignored.as_deref(),
        };
        let mut report = report(&self.findings, &self.unmapped, origin);
        report.memory = Some(&self.memory);
        report
    }
}

/// What a source's code returns; `None` when it panics, after the panic hook has printed the message. Nothing
/// that the code was changing is used afterwards.
pub(super) fn unless_it_panics<T>(code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code)).ok()
}

fn restore(row: &InboxRow) -> Result<VerifiedWebhook, Unmappable> {
    let headers: Headers =
        serde_json::from_str(&row.headers).map_err(|fault| Unmappable::from_json(&fault))?;
    let inbound =
        InboundWebhook { headers, path_token: None, body: row.body.clone(), received_at: row.received_at };
    Ok(VerifiedWebhook::new(inbound, row.delivery_id.clone(), row.verified_by.clone()))
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
