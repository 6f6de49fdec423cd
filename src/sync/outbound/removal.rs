//! Takes back what a site may not see any more: a source that left the configuration, a site that left a source's
//! list, or a workspace that is none any more.
//!
//! Nothing is removed before the grace period is over, because a configuration that lost a source by mistake
//! must not empty a team's Incidents page.

use chrono::TimeDelta;

use crate::destinations::operations::client::{Api, JiraError, MAX_WORKSPACES_PER_REQUEST};
use crate::domain::{ClientKey, EntityId, SourceId, Timestamp};
use crate::sync::directory::{SiteAccess, Snapshot};
use crate::sync::engine::{Engine, SyncError};

/// Something to be removed from a site.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlannedRemoval {
    pub site: String,
    pub source: String,
    /// Id in Jira of the one workspace to be removed; `None` for everything of the source.
    pub workspace: Option<EntityId>,
    pub noticed_at: Timestamp,
    /// From when on it may be removed.
    pub due_at: Timestamp,
    #[serde(skip)]
    client_key: ClientKey,
}

impl Engine {
    /// Compares what sites hold with what they may see, and says what is to be removed, and when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan_removals(&self) -> Result<Vec<PlannedRemoval>, SyncError> {
        let snapshot = self.directory.current();
        for site in snapshot.sites() {
            self.notice_removals(&snapshot, site).await?;
        }
        let grace = TimeDelta::from_std(self.removal_grace).unwrap_or(TimeDelta::MAX);
        let mut planned = Vec::new();
        let mut over = Vec::new();
        for removal in self.store.sites().list_removals().await? {
            let workspace = removal.workspace.as_ref();
            match snapshot.find_site(&ClientKey(removal.destination.0.clone())) {
                Some(site) if !is_visible(&snapshot, site, &removal.source, workspace) => {
                    planned.push(PlannedRemoval {
                        site: site.site.clone(),
                        noticed_at: removal.noticed_at,
                        due_at: removal.noticed_at + grace,
                        source: removal.source,
                        workspace: removal.workspace,
                        client_key: site.client_key.clone(),
                    });
                }
                // It is back, or the site is gone and Jira has deleted everything itself.
                _ => over.push(removal),
            }
        }
        self.store.sites().forget_removals(&over).await?;
        Ok(planned)
    }

    async fn notice_removals(&self, snapshot: &Snapshot, site: &SiteAccess) -> Result<(), SyncError> {
        let destination = &site.destination.id;
        let sources = self.store.deliveries().list_sources_at(destination).await?;
        let unseen = sources.into_iter().filter(|source| !site.sees(source));
        let mut noticed: Vec<_> = unseen.map(|source| (source, None)).collect();
        for link in self.store.sites().list_links(destination).await? {
            // What belongs to a source that is not to be seen goes with it.
            let source = source_of(&link);
            if site.sees(source) && !is_visible(snapshot, site, source, Some(&link)) {
                noticed.push((source.to_owned(), Some(link)));
            }
        }
        Ok(self.store.sites().notice_removals(destination, &noticed).await?)
    }

    /// Removes from Jira what is due, or everything planned when `at_once`. Returns what was removed.
    ///
    /// # Errors
    /// When the database fails. Trouble with Jira is stored with its site; the next round goes on.
    pub async fn remove_due(&self, at_once: bool) -> Result<Vec<PlannedRemoval>, SyncError> {
        let mut removed = Vec::new();
        for removal in self.plan_removals().await? {
            let snapshot = self.directory.current();
            let Some(site) = snapshot.find_site(&removal.client_key).filter(|site| site.enabled) else {
                continue;
            };
            if at_once || removal.due_at <= self.clock.now() {
                match self.remove(site, &removal).await? {
                    Ok(()) => removed.push(removal),
                    Err(error) => self.record_trouble(site, &error).await?,
                }
            }
        }
        Ok(removed)
    }

    async fn remove(
        &self,
        site: &SiteAccess,
        removal: &PlannedRemoval,
    ) -> Result<Result<(), JiraError>, SyncError> {
        let Ok(source) = SourceId::parse(&removal.source) else { return Ok(Ok(())) };
        let workspace = removal.workspace.as_ref();
        let jira = self.jira(site)?;
        // A team that the tool has dissolved may still have incidents: these stay, only the link goes.
        let inhabited = match workspace {
            Some(workspace) => self.store.entities().is_workspace_in_use(workspace).await?,
            None => false,
        };
        for api in [Api::Operations, Api::Components].into_iter().filter(|_| !inhabited) {
            if let Err(error) = jira.delete_by_properties(api, &source, workspace).await {
                return Ok(Err(error));
            }
        }
        let mut links: Vec<EntityId> = self.store.sites().list_links(&site.destination.id).await?;
        links.retain(|link| workspace.map_or_else(|| source_of(link) == removal.source, |id| id == link));
        for chunk in links.chunks(MAX_WORKSPACES_PER_REQUEST) {
            if let Err(error) = jira.unlink_workspaces(chunk).await {
                return Ok(Err(error));
            }
        }
        match workspace {
            Some(workspace) => {
                self.store
                    .sites()
                    .record_unlinked(&site.destination.id, std::slice::from_ref(workspace))
                    .await?
            }
            None => self.store.record_removed(&site.destination.id, &removal.source, &links).await?,
        }
        tracing::info!(
            site = %site.site, source = removal.source, workspace = workspace.map(EntityId::as_str),
            "removed from Jira what the site may not see any more"
        );
        Ok(Ok(()))
    }

    /// Offers every site what the configuration shows it and it was never sent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn offer_missing(&self) -> Result<(), SyncError> {
        let snapshot = self.directory.current();
        for site in snapshot.sites() {
            for source in &site.sources {
                let offered =
                    self.store.deliveries().enqueue_missing(&site.destination.id, source.id()).await?;
                if offered > 0 {
                    tracing::info!(site = %site.site, source = %source.id(), entities = offered, "the site may see these now");
                }
            }
        }
        Ok(())
    }
}

/// The part of an id in Jira that names the source.
fn source_of(id: &EntityId) -> &str {
    id.as_str().split(':').next().unwrap_or_default()
}

fn is_visible(snapshot: &Snapshot, site: &SiteAccess, source: &str, workspace: Option<&EntityId>) -> bool {
    let listed = |id: &EntityId| snapshot.workspaces(site).any(|visible| visible.id == *id);
    site.sees(source) && workspace.is_none_or(listed)
}
