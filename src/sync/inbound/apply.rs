//! Applies what a source found, and counts what it could not map.

use std::collections::BTreeSet;

use super::Inbound;
use crate::domain::UnmappedValue;
use crate::sources::{Findings, Memory};
use crate::store::{Applied, Origin, Report};
use crate::sync::SyncError;
use crate::sync::registry::SourceRuntime;
use crate::telemetry::{Metrics, WordLabel};

impl Inbound {
    /// Applies one page or one fetched incident in one transaction.
    pub(super) async fn apply(
        &self,
        source: &SourceRuntime,
        findings: &Findings,
        memory: Option<&Memory>,
        origin: Origin<'_>,
    ) -> Result<Applied, SyncError> {
        let unmapped = self.note_gaps(source, findings);
        let mut report = report(findings, &unmapped, origin);
        report.memory = memory.map(Memory::changes);
        let applied = self.core.store.apply(&source.scope(), &[report]).await?;
        self.count_applied(source, applied);
        Ok(applied)
    }

    /// Counts what cannot be mapped: whole entries of a listing, and values, which are returned.
    pub(super) fn note_gaps(&self, source: &SourceRuntime, findings: &Findings) -> BTreeSet<UnmappedValue> {
        let metrics = &self.core.metrics;
        if let Some(reason) = findings.unmappable.first() {
            let count = findings.unmappable.len();
            tracing::warn!(source = %source.id(), count, %reason, "entries of a listing cannot be mapped and are skipped");
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            Metrics::count_source(&metrics.statements, source.id().as_str(), "unmappable", count);
        }
        if let Some(what) = &findings.cut {
            tracing::warn!(source = %source.id(), "an incident {what}");
        }
        let unmapped = findings.unmapped_values(&source.config);
        for value in &unmapped {
            let kind = value.kind.as_str().to_owned();
            let label = WordLabel { source: source.id().to_string(), kind };
            metrics.unknown_words.get_or_create(&label).inc();
        }
        unmapped
    }

    pub(super) fn count_applied(&self, source: &SourceRuntime, applied: Applied) {
        let count = |result, n: usize| {
            let by = u64::try_from(n).unwrap_or(u64::MAX);
            Metrics::count_source(&self.core.metrics.statements, source.id().as_str(), result, by);
        };
        count("changed", applied.changed);
        count("unchanged", applied.unchanged);
        count("stale", applied.stale);
    }
}

/// What the store is to apply of the findings.
pub(super) fn report<'a>(
    findings: &'a Findings,
    unmapped: &'a BTreeSet<UnmappedValue>,
    origin: Origin<'a>,
) -> Report<'a> {
    Report {
        observations: &findings.observations,
        mentioned: &findings.mentioned,
        workspaces: &findings.workspaces,
        refetch: &findings.refetch,
        unmapped: Some(unmapped),
        ..Report::new(origin)
    }
}
