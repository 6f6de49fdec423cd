//! Removes what need not be kept any longer, in steps small enough not to hold up anything else.

use chrono::TimeDelta;

use crate::sync::engine::{Engine, SyncError};

const STEP: usize = 500;

impl Engine {
    /// Removes old webhooks and old history.
    ///
    /// # Errors
    /// When the database fails; the next round goes on.
    pub async fn apply_retention(&self) -> Result<(), SyncError> {
        let before = |age| self.clock.now() - TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
        let (mut webhooks, mut entries) = (0, 0);
        loop {
            let removed = self.store.inbox().remove_old(before(self.retention.inbox), STEP).await?;
            webhooks += removed;
            if removed == 0 {
                break;
            }
        }
        loop {
            let removed = self.store.timeline().remove_old(before(self.retention.timeline), STEP).await?;
            entries += removed;
            if removed == 0 {
                break;
            }
        }
        self.store.polls().remove_old_unmapped(before(self.retention.timeline)).await?;
        tracing::debug!(webhooks, entries, "retention applied");
        Ok(())
    }
}
