//! Applies what a source said: new versions of entities, and what each means for the destinations.
//!
//! All statements of a webhook, a page or a batch are one transaction with the end of what they came from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::connect::sites::host_matches;
use crate::domain::{DestinationId, SourceId};
use crate::store::Store;
use crate::store::db::{Tx, generations};
use crate::store::error::StoreError;
use crate::store::polls::state::PageEnd;
use crate::store::transactions::changes::{Changes, compare, subjects};
use crate::store::transactions::report::{Applied, Origin, Report, SourceScope};

impl Store {
    /// Applies what a source said, in order and all in one transaction with the end of the webhooks or the
    /// move of the cursor it came from: entities get new versions, and every destination that may see them a
    /// delivery.
    pub async fn apply(
        &self,
        scope: &SourceScope<'_>,
        reports: &[Report<'_>],
    ) -> Result<Applied, StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::keep_sites(&mut tx).await?;
                generations::lock_source(&mut tx, scope.source).await?;
                let applied = self.apply_in(&mut tx, scope, reports).await?;
                Ok((tx, applied))
            })
            .await
    }

    /// The same in a transaction that holds the source.
    pub(super) async fn apply_in(
        &self,
        tx: &mut Tx,
        scope: &SourceScope<'_>,
        reports: &[Report<'_>],
    ) -> Result<Applied, StoreError> {
        self.check_facts(tx, scope.source, reports).await?;
        let destinations = self.audience(tx, scope).await?;
        let known = self.entities().find_known(tx, &subjects(scope, reports)).await?;
        let mut changes = compare(scope, reports, known, self.clock.now());
        self.write_changes(tx, scope.source, &mut changes).await?;
        self.write_rest(tx, scope, reports).await?;
        self.finish_origins(tx, scope.source, reports).await?;
        self.deliveries().enqueue(tx, &destinations, &changes.wanted).await?;
        if reports.iter().any(|report| report.origin.is_webhook()) {
            self.polls().note_webhook(tx, scope.source).await?;
        }
        Ok(changes.applied)
    }

    /// What a page changes of the facts follows from those that were there when it was read: they must still be.
    async fn check_facts(
        &self,
        tx: &mut Tx,
        source: &SourceId,
        reports: &[Report<'_>],
    ) -> Result<(), StoreError> {
        for report in reports.iter().filter(|report| report.memory.is_some_and(|it| !it.is_empty())) {
            if let Some(facts) = report.facts
                && *facts != self.polls().load_memory_in(tx, source, None).await?
            {
                return Err(StoreError::Overtaken("what the source remembers"));
            }
        }
        Ok(())
    }

    /// The destinations that may see a source. The transaction holds installations up, so the generation that it
    /// reads stays.
    pub(super) async fn audience(
        &self,
        tx: &mut Tx,
        scope: &SourceScope<'_>,
    ) -> Result<Arc<[DestinationId]>, StoreError> {
        let generation = generations::get_directory_in(tx).await?;
        if let Some(audience) = self.audiences.find(scope, generation) {
            return Ok(audience);
        }
        let mut found = self.sites().list_audience(tx).await?;
        found.retain(|it| scope.sites.iter().any(|pattern| host_matches(pattern, &it.site)));
        let audience: Arc<[DestinationId]> = found.into_iter().map(|it| it.id).collect();
        self.audiences.keep(scope, generation, audience.clone());
        Ok(audience)
    }

    /// Writes new versions and adds them, with how each differs from the one before, to the timeline.
    pub(super) async fn write_changes(
        &self,
        tx: &mut Tx,
        source: &SourceId,
        changes: &mut Changes<'_>,
    ) -> Result<(), StoreError> {
        self.note_differences(tx, changes).await?;
        self.entities().write(tx, source, &changes.versions).await?;
        self.entities().touch(tx, &changes.touched).await?;
        self.timeline().record(tx, &changes.events).await
    }

    /// Writes what a report says besides entities.
    async fn write_rest(
        &self,
        tx: &mut Tx,
        scope: &SourceScope<'_>,
        reports: &[Report<'_>],
    ) -> Result<(), StoreError> {
        let (source, polls) = (scope.source, self.polls());
        let mut memory = BTreeMap::new();
        for report in reports {
            if scope.teams {
                self.entities().write_workspaces(tx, source, report.workspaces).await?;
            }
            polls.name_refetches(tx, source, report.refetch).await?;
            if let Some(values) = report.unmapped {
                polls.note_unmapped(tx, source, values).await?;
            }
            memory.extend(report.memory.into_iter().flatten());
        }
        polls.write_memory(tx, source, &memory).await
    }

    async fn finish_origins(
        &self,
        tx: &mut Tx,
        source: &SourceId,
        reports: &[Report<'_>],
    ) -> Result<(), StoreError> {
        let done = reports.iter().filter(|report| report.is_last).filter_map(|report| match report.origin {
            Origin::Webhook { inbox_id, note, .. } => Some((inbox_id, note)),
            _ => None,
        });
        self.inbox().finish(tx, &done.collect::<Vec<_>>()).await?;
        for report in reports {
            self.finish_poll(tx, source, report).await?;
        }
        Ok(())
    }

    async fn finish_poll(
        &self,
        tx: &mut Tx,
        source: &SourceId,
        report: &Report<'_>,
    ) -> Result<(), StoreError> {
        match report.origin {
            Origin::Poll { .. } if !report.is_last => {
                self.polls().count_read(tx, source, report.observations.len()).await
            }
            _ if !report.is_last => Ok(()),
            Origin::Poll { cursor, caught_up, total } => {
                let count = report.observations.len();
                self.polls().move_cursor(tx, source, &PageEnd { cursor, caught_up, count, total }).await
            }
            Origin::Catalogue => self.polls().finish_catalogue(tx, source).await,
            Origin::Webhook { .. } | Origin::Fetch | Origin::Window | Origin::Configuration => Ok(()),
        }
    }
}
