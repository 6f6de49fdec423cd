//! The nightly comparison: of Jira with the store, and of what sites hold with what they may see.

use crate::domain::{ClientKey, DestinationId, EntityId};
use crate::sync::engine::{Engine, SyncError};

/// Confirmed entities read back per site and night, those not looked at for longest first.
const SHARE: usize = 1_000;
/// What was refused this long ago is tried again: a project may have been made since.
const REFUSED_RETRY: chrono::TimeDelta = chrono::TimeDelta::hours(23);

impl Engine {
    /// Looks for what Jira has lost: links are compared, and a rolling share of the confirmed entities is
    /// read back; what is missing is sent again. Ends with retention.
    ///
    /// # Errors
    /// When the database fails. Trouble with Jira is stored with its site.
    pub async fn reconcile(&self) -> Result<(), SyncError> {
        for destination in self.store.sites().list_ready().await? {
            let snapshot = self.directory.current();
            let Some(site) =
                snapshot.find_site(&ClientKey(destination.0.clone())).filter(|site| site.enabled)
            else {
                continue;
            };
            match self.jira(site)?.list_workspaces(None).await {
                Ok(answer) => self.compare_links(&destination, &answer.value).await?,
                Err(error) => {
                    self.record_trouble(site, &error).await?;
                    continue;
                }
            }
            self.store.sites().record_contact(&destination).await?;
            self.store
                .deliveries()
                .retry_refused_before(&destination, self.clock.now() - REFUSED_RETRY)
                .await?;
            let marked = if self.delivery.confirm {
                self.store.deliveries().recheck_confirmed(&destination, SHARE).await?
            } else {
                0
            };
            self.store.sites().record_compared(&destination).await?;
            tracing::info!(site = %site.site, entities = marked, "comparing Jira with the store");
        }
        self.offer_missing().await?;
        self.remove_due(false).await?;
        self.signals.link.notify_one();
        self.signals.deliver.notify_one();
        self.apply_retention().await
    }

    /// A link that Jira does not show any more is forgotten, and made again if links are automatic.
    async fn compare_links(&self, site: &DestinationId, shown: &[EntityId]) -> Result<(), SyncError> {
        let mut lost = self.store.sites().list_links(site).await?;
        lost.retain(|workspace| !shown.contains(workspace));
        Ok(self.store.sites().forget_links(site, &lost).await?)
    }
}
