//! Holds what a destination would make in its first sync, if that is much, until a person approves it.

use super::Outbound;
use crate::destinations::Destination;
use crate::store::Approval;
use crate::sync::SyncError;
use crate::sync::directory::DestinationAccess;

impl Outbound {
    /// Why a destination must make nothing now; `None` if it may.
    pub(super) async fn find_hold(
        &self,
        access: &DestinationAccess,
        destination: &dyn Destination,
    ) -> Result<Option<String>, SyncError> {
        if !destination.wants_approval() {
            return Ok(None);
        }
        let (store, id) = (&self.core.store, &access.id);
        let known = store.sites().find_approval(id).await?;
        if known == Approval::Settled {
            return Ok(None);
        }
        let unsent = store.deliveries().count_unsent(id).await?;
        let Some(count) = destination.find_many(&unsent) else {
            if self.have_caught_up(access).await? {
                store.sites().record_approval(id, Approval::Settled).await?;
                store.deliveries().wake_all(id, &Approval::reason(id)).await?;
            }
            return Ok(None);
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if known != Approval::Asked(count) {
            store.sites().record_approval(id, Approval::Asked(count)).await?;
        }
        if known == Approval::Open {
            tracing::warn!(site = %access.name, count, reason = Approval::reason(id), "nothing is made until a person approves it");
        }
        Ok(Some(Approval::reason(id)))
    }

    /// Whether nothing more of the past comes in.
    async fn have_caught_up(&self, access: &DestinationAccess) -> Result<bool, SyncError> {
        let progress = self.core.store.polls().list_progress().await?;
        let is_read = |id: &str| progress.iter().any(|it| it.source == id && it.caught_up);
        let mut polled = access.sources.iter().filter(|source| source.adapter.poller().is_some());
        Ok(polled.all(|source| is_read(source.id().as_str())))
    }
}
