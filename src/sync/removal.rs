//! Takes back what a site may not see any more: a source that left the configuration, or a site that left a
//! source's list.
//!
//! Nothing is removed before the grace period is over, because a configuration that lost a source by mistake
//! must not empty a team's Incidents page.

use chrono::TimeDelta;

use super::directory::SiteAccess;
use super::engine::{Engine, SyncError};
use crate::domain::{ClientKey, JiraId, SourceId, Timestamp};
use crate::jira::{Api, JiraError, MAX_WORKSPACES_PER_REQUEST};

/// Something to be removed from a site.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlannedRemoval {
    pub site: String,
    pub source: String,
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
            for source in self.store.list_sources_at(&site.client_key).await? {
                if !site.sees(&source) {
                    self.store.notice_removal(&site.client_key, &source).await?;
                }
            }
        }
        let grace = TimeDelta::from_std(self.removal_grace).unwrap_or(TimeDelta::MAX);
        let mut planned = Vec::new();
        for removal in self.store.list_removals().await? {
            match snapshot.find_site(&removal.site) {
                Some(site) if !site.sees(&removal.source) => planned.push(PlannedRemoval {
                    site: site.site.clone(),
                    source: removal.source,
                    noticed_at: removal.noticed_at,
                    due_at: removal.noticed_at + grace,
                    client_key: removal.site,
                }),
                // The source is back, or the site is gone and Jira has deleted everything itself.
                _ => self.store.forget_removal(&removal.site, &removal.source).await?,
            }
        }
        Ok(planned)
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
                match self.remove(site, &removal.source).await? {
                    Ok(()) => removed.push(removal),
                    Err(error) => self.record_trouble(site, &error).await?,
                }
            }
        }
        Ok(removed)
    }

    async fn remove(&self, site: &SiteAccess, source: &str) -> Result<Result<(), JiraError>, SyncError> {
        let Ok(id) = SourceId::parse(source) else { return Ok(Ok(())) };
        let jira = self.jira(site)?;
        for api in [Api::Operations, Api::Components] {
            if let Err(error) = jira.delete_by_properties(api, &id, None).await {
                return Ok(Err(error));
            }
        }
        let prefix = format!("{source}:");
        let mut links: Vec<JiraId> = self.store.list_links(&site.client_key).await?;
        links.retain(|link| link.as_str().starts_with(&prefix));
        for chunk in links.chunks(MAX_WORKSPACES_PER_REQUEST) {
            if let Err(error) = jira.unlink_workspaces(chunk).await {
                return Ok(Err(error));
            }
        }
        self.store.record_removed(&site.client_key, source, &links).await?;
        tracing::info!(site = %site.site, source, "removed from Jira what the site may not see any more");
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
                let offered = self.store.want_missing(&site.client_key, source.id()).await?;
                if offered > 0 {
                    tracing::info!(site = %site.site, source = %source.id(), entities = offered, "the site may see these now");
                }
            }
        }
        Ok(())
    }
}
