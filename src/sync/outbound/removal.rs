//! Removes what a destination may no longer see: a source that left the configuration, a site that left a
//! source's list, or a workspace that no longer exists.
//!
//! Nothing is removed before the grace period is over, because a configuration that lost a source by mistake
//! must not empty a team's Incidents page.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;

use super::Outbound;
use super::ask::Failures;
use super::serve::Served;
use crate::clock::after;
use crate::destinations::{Destination, Remedy};
use crate::domain::{DestinationId, EntityId, Shift as _, SourceId, Timestamp};
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::{DestinationAccess, Snapshot};

/// A limit that holds a removal back for less than this is waited for.
const SOON: TimeDelta = TimeDelta::minutes(1);

/// Something to be removed from a destination.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlannedRemoval {
    pub site: String,
    pub source: String,
    /// Id of the one workspace to be removed; `None` for everything of the source.
    pub workspace: Option<EntityId>,
    pub noticed_at: Timestamp,
    /// When it may be removed.
    pub due_at: Timestamp,
    #[serde(skip)]
    destination: DestinationId,
}

impl Outbound {
    /// Compares what destinations hold with what they may see, and says what is to be removed, and when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan_removals(&self) -> Result<Vec<PlannedRemoval>, SyncError> {
        let snapshot = self.core.directory.current().await?;
        let mut faults = Faults::default();
        for access in snapshot.destinations() {
            faults.keep(&access.name, self.notice_removals(&snapshot, access).await);
        }
        faults.first()?;
        let (mut planned, mut over) = (Vec::new(), Vec::new());
        for removal in self.core.store.sites().list_removals().await? {
            let workspace = removal.workspace.as_ref();
            match snapshot.find(&removal.destination) {
                Some(access) if !is_visible(&snapshot, access, &removal.source, workspace) => {
                    planned.push(PlannedRemoval {
                        site: access.name.clone(),
                        noticed_at: removal.noticed_at,
                        due_at: after(removal.noticed_at, self.removal_grace),
                        source: removal.source,
                        workspace: removal.workspace,
                        destination: removal.destination,
                    });
                }
                // It is back, or the destination is gone and has deleted everything itself.
                _ => over.push(removal),
            }
        }
        self.core.store.sites().forget_removals(&over).await?;
        Ok(planned)
    }

    async fn notice_removals(
        &self,
        snapshot: &Snapshot,
        access: &DestinationAccess,
    ) -> Result<(), SyncError> {
        let store = &self.core.store;
        let held = store.deliveries().list_sources_at(&access.id).await?;
        let hidden = held.into_iter().filter(|source| !access.sees(source));
        let mut noticed: Vec<(String, Option<EntityId>)> = hidden.map(|source| (source, None)).collect();
        for link in store.sites().list_links(&access.id).await? {
            // Workspaces of a source that may not be seen are removed with it.
            let source = link.source();
            if access.sees(source) && !is_visible(snapshot, access, source, Some(&link)) {
                noticed.push((source.to_owned(), Some(link)));
            }
        }
        Ok(store.sites().notice_removals(&access.id, &noticed).await?)
    }

    /// Removes what is due, or everything planned when `at_once`. Returns what was removed.
    ///
    /// # Errors
    /// When the database fails. What a destination refuses is stored with it; the next round continues.
    pub async fn remove_due(&self, at_once: bool) -> Result<Vec<PlannedRemoval>, SyncError> {
        let (mut removed, mut refused, mut faults) = (Vec::new(), BTreeSet::new(), Faults::default());
        self.unfinished_removal.store(false, Ordering::SeqCst);
        for removal in self.plan_removals().await? {
            let snapshot = self.core.directory.current().await?;
            let Some(access) = snapshot.find(&removal.destination).filter(|access| access.enabled) else {
                continue;
            };
            if !at_once && removal.due_at > self.core.clock.now() || refused.contains(&removal.destination) {
                continue;
            }
            let done = self.alone(&access.id, Box::pin(self.remove_one(access, &removal))).await;
            match faults.keep(&access.name, done) {
                Some(Some(true)) => removed.push(removal),
                Some(_) => {
                    refused.insert(removal.destination);
                }
                None => {}
            }
        }
        faults.first().map(|()| removed)
    }

    /// Returns whether it was removed.
    async fn remove_one(
        &self,
        access: &DestinationAccess,
        removal: &PlannedRemoval,
    ) -> Result<bool, SyncError> {
        let began = self.core.clock.now();
        match self.connect(access) {
            Ok(destination) => match self.remove(access, &*destination, removal).await? {
                Served::Done => return Ok(true),
                Served::Refused(refusal) | Served::Stopped(refusal) => {
                    let soon = self.core.clock.now().later_by(SOON);
                    if matches!(refusal.remedy, Remedy::WaitUntil { until, .. } if until < soon) {
                        self.unfinished_removal.store(true, Ordering::SeqCst);
                    }
                    self.record_backoff(access, &refusal, began).await?;
                }
            },
            Err(fault) => self.park(access, &fault.to_string()).await?,
        }
        Ok(false)
    }

    async fn remove(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
        removal: &PlannedRemoval,
    ) -> Result<Served, SyncError> {
        let Ok(source) = SourceId::parse(&removal.source) else { return Ok(Served::Done) };
        let (store, workspace) = (&self.core.store, removal.workspace.as_ref());
        // A team that the tool has dissolved may still have incidents: they stay, only the link is removed.
        let is_used = match workspace {
            Some(workspace) => store.entities().is_workspace_in_use(workspace).await?,
            None => false,
        };
        let retry = || Remedy::Retry { not_before: None };
        if !is_used {
            let removal = destination.remove(&source, workspace);
            if let Err(refusal) = self.ask(Failures::NONE, retry(), removal).await {
                return Ok(Served::Refused(refusal));
            }
        }
        let mut links = store.sites().list_links(&access.id).await?;
        links.retain(|link| workspace.map_or_else(|| link.source() == removal.source, |id| id == link));
        let at_once = destination.links_per_request().unwrap_or(links.len()).max(1);
        for chunk in links.chunks(at_once) {
            if let Err(refusal) = self.ask(Failures::NONE, retry(), destination.unlink(chunk)).await {
                return Ok(Served::Refused(refusal));
            }
        }
        match workspace {
            Some(workspace) => {
                store.sites().record_unlinked(&access.id, std::slice::from_ref(workspace)).await?;
            }
            None => store.record_removed(&access.id, &removal.source, &links).await?,
        }
        tracing::info!(
            site = %access.name, source = removal.source, workspace = workspace.map(EntityId::as_str),
            "removed what the destination may no longer see"
        );
        Ok(Served::Done)
    }
}

fn is_visible(
    snapshot: &Snapshot,
    access: &DestinationAccess,
    source: &str,
    workspace: Option<&EntityId>,
) -> bool {
    let is_listed = |id: &EntityId| snapshot.workspaces(access).any(|visible| visible.id == *id);
    access.sees(source) && workspace.is_none_or(is_listed)
}
