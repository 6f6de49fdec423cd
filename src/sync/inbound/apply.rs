//! Applies what a page or a fetched incident says, and counts what could not be mapped.
//!
//! A statement that the database refuses is set aside for the operator; the rest of the page goes on.

use std::collections::BTreeSet;

use super::Inbound;
use super::ingest::delivery_key_of;
use super::statements::Statements;
use crate::domain::UnmappedValue;
use crate::sources::{Findings, Memory};
use crate::store::{Applied, InboxEntry, Origin, StoreError};
use crate::sync::SyncError;
use crate::sync::core::POLLED;
use crate::sync::registry::SourceRuntime;
use crate::telemetry::{Counts, WordLabel};

impl Inbound {
    /// Applies one page or one fetched incident: in one transaction, unless it says much or the database refuses
    /// some of it.
    pub(super) async fn apply(
        &self,
        source: &SourceRuntime,
        findings: &Findings,
        memory: Option<&Memory>,
        origin: Origin<'_>,
    ) -> Result<Applied, SyncError> {
        let unmapped = findings.unmapped_values(&source.config);
        let page = Statements::new(findings, memory.map(Memory::changes), &unmapped, origin);
        let page = page.following(memory.map(Memory::loaded));
        let mut applied = Applied::default();
        let mut runs: Vec<_> = page.runs().rev().collect();
        while let Some((run, is_last)) = runs.pop() {
            match self.core.store.apply(&source.scope(), &[page.report(&run, is_last)]).await {
                Ok(some) => applied += some,
                Err(fault) if fault.blames_data() => match run.len() {
                    0 => applied += self.end_without_facts(source, &page, &fault).await?,
                    1 if is_last => runs.extend([(run.end..run.end, true), (run, false)]),
                    1 => self.skip(source, &page, run.start, &fault).await?,
                    count => {
                        let middle = run.start + count / 2;
                        runs.extend([(middle..run.end, is_last), (run.start..middle, false)]);
                    }
                },
                Err(fault) => return Err(fault.into()),
            }
        }
        self.count_gaps(source, findings, &unmapped);
        self.count_applied(source, applied);
        Ok(applied)
    }

    /// Stores the component of incidents that name none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn store_fallback(&self, source: &SourceRuntime) -> Result<(), SyncError> {
        let fallback = source.fallback_component(self.core.clock.now());
        let findings = Findings { mentioned: vec![fallback], ..Findings::default() };
        self.apply(source, &findings, None, Origin::Configuration).await.map(|_| ())
    }

    /// Sets one statement of a page aside.
    async fn skip(
        &self,
        source: &SourceRuntime,
        page: &Statements<'_>,
        number: usize,
        fault: &StoreError,
    ) -> Result<(), SyncError> {
        let Some((name, content)) = page.describe(number) else { return Ok(()) };
        tracing::error!(source = %source.id(), entry = %name, %fault, "the database refuses an entry of a listing; it is skipped and kept aside");
        Counts::count_source(&self.core.metrics.counts.statements, source.id().as_str(), "unmappable", 1);
        let entry = InboxEntry {
            source: source.id().clone(),
            delivery_key: delivery_key_of(format!("polled {name}")),
            delivery_id: None,
            received_at: self.core.clock.now(),
            verified_by: POLLED.to_owned(),
            headers: "[]".to_owned(),
            body: content.to_string().into_bytes().into(),
            quarantine: Some(format!("polled {name}: the database refuses it: {}", fault.words())),
        };
        match self.core.store.inbox().record(&[entry]).await {
            // Then the log line is all that there is.
            Err(fault) if fault.blames_data() => Ok(()),
            recorded => Ok(recorded.map(|_| ())?),
        }
    }

    /// Ends a page of which the database refuses what the source wants to remember.
    async fn end_without_facts(
        &self,
        source: &SourceRuntime,
        page: &Statements<'_>,
        fault: &StoreError,
    ) -> Result<Applied, SyncError> {
        tracing::error!(source = %source.id(), %fault, "the database refuses what a source wants to remember; it is left out");
        Ok(self.core.store.apply(&source.scope(), &[page.without_facts(true)]).await?)
    }

    /// Counts what cannot be mapped: whole entries of a listing, and values.
    pub(super) fn count_gaps(
        &self,
        source: &SourceRuntime,
        findings: &Findings,
        unmapped: &BTreeSet<UnmappedValue>,
    ) {
        let metrics = &self.core.metrics.counts;
        if let Some(reason) = findings.unmappable.first() {
            let count = findings.unmappable.len();
            tracing::warn!(source = %source.id(), count, %reason, "entries of a listing cannot be mapped and are skipped");
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            Counts::count_source(&metrics.statements, source.id().as_str(), "unmappable", count);
        }
        if let Some(what) = &findings.cut {
            tracing::warn!(source = %source.id(), what, "an incident was cut to what can be kept");
        }
        for value in unmapped {
            let kind = value.kind.as_str().to_owned();
            let label = WordLabel { source: source.id().to_string(), kind };
            metrics.unknown_words.get_or_create(&label).inc();
        }
    }

    pub(super) fn count_applied(&self, source: &SourceRuntime, applied: Applied) {
        let count = |result, n: usize| {
            let by = u64::try_from(n).unwrap_or(u64::MAX);
            Counts::count_source(&self.core.metrics.counts.statements, source.id().as_str(), result, by);
        };
        count("changed", applied.changed);
        count("unchanged", applied.unchanged);
        count("stale", applied.stale);
    }
}
