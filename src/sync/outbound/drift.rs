//! The nightly comparison: of Jira with the store, and of what sites hold with what they may see.

use crate::domain::EntityId;
use crate::sync::engine::{Engine, SyncError};

/// Confirmed entities read back per site and night, those not looked at for longest first.
const SHARE: i64 = 1_000;
/// What was refused this long ago is tried again: a project may have been made since.
const REFUSED_RETRY: chrono::TimeDelta = chrono::TimeDelta::hours(23);

impl Engine {
    /// Looks for what Jira has lost: links are compared, and a rolling share of the confirmed entities is
    /// read back; what is missing is sent again. Ends with retention.
    ///
    /// # Errors
    /// When the database fails. Trouble with Jira is stored with its site.
    pub async fn reconcile(&self) -> Result<(), SyncError> {
        for client_key in self.store.list_sites_ready().await? {
            let snapshot = self.directory.current();
            let Some(site) = snapshot.find_site(&client_key).filter(|site| site.enabled) else { continue };
            match self.jira(site)?.list_workspaces(None).await {
                Ok(answer) => self.compare_links(&site.client_key, &answer.value).await?,
                Err(error) => {
                    self.record_trouble(site, &error).await?;
                    continue;
                }
            }
            self.store.record_contact(&client_key).await?;
            self.store.retry_refused_before(&client_key, self.clock.now() - REFUSED_RETRY).await?;
            let marked = if self.delivery.confirm {
                self.store.recheck_confirmed(&client_key, SHARE).await?
            } else {
                0
            };
            self.store.record_compared(&client_key).await?;
            tracing::info!(site = %site.site, entities = marked, "comparing Jira with the store");
        }
        self.offer_missing().await?;
        self.remove_due(false).await?;
        self.signals.link.notify_one();
        self.signals.deliver.notify_one();
        self.apply_retention().await
    }

    /// A link that Jira does not show any more is forgotten, and made again if links are automatic.
    async fn compare_links(
        &self,
        site: &crate::domain::ClientKey,
        shown: &[EntityId],
    ) -> Result<(), SyncError> {
        for workspace in self.store.list_links(site).await? {
            if !shown.contains(&workspace) {
                self.store.forget_link(site, &workspace).await?;
            }
        }
        Ok(())
    }
}
