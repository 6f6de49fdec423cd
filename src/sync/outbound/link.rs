//! Links the workspaces that a site may see with the site, so that its admins need not.

use crate::destinations::operations::client::MAX_WORKSPACES_PER_REQUEST;
use crate::domain::{ClientKey, EntityId};
use crate::sync::directory::SiteAccess;
use crate::sync::engine::{Engine, SyncError};

impl Engine {
    /// Links what is not linked yet, on every site that can be asked now. Returns whether anything was done.
    ///
    /// # Errors
    /// When the database fails. Trouble with Jira is stored with its site.
    pub async fn link_workspaces(&self) -> Result<bool, SyncError> {
        if !self.auto_link {
            return Ok(false);
        }
        let mut worked = false;
        for site in self.store.sites().list_ready().await? {
            if !self.store.sites().is_ready(&site).await? {
                continue;
            }
            let snapshot = self.directory.current();
            if let Some(site) = snapshot.find_site(&ClientKey(site.0)).filter(|site| site.enabled) {
                let wanted: Vec<EntityId> = snapshot.workspaces(site).map(|w| w.id.clone()).collect();
                worked |= self.link_site(site, wanted).await?;
            }
        }
        Ok(worked)
    }

    async fn link_site(&self, site: &SiteAccess, mut wanted: Vec<EntityId>) -> Result<bool, SyncError> {
        let linked = self.store.sites().list_links(&site.destination.id).await?;
        wanted.retain(|workspace| !linked.contains(workspace));
        if wanted.is_empty() {
            return Ok(false);
        }
        let jira = self.jira(site)?;
        for chunk in wanted.chunks(MAX_WORKSPACES_PER_REQUEST) {
            match jira.link_workspaces(chunk).await {
                Ok(answer) => {
                    if answer.value.len() < chunk.len() {
                        // Ids that were linked before are skipped by Jira, and count as linked all the same.
                        tracing::debug!(site = %site.site, accepted = answer.value.len(), asked = chunk.len(), "workspaces linked");
                    }
                    self.store.sites().record_links(&site.destination.id, chunk).await?;
                    self.store.sites().record_contact(&site.destination.id).await?;
                }
                Err(error) => {
                    self.record_trouble(site, &error).await?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
